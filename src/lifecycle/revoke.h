#pragma once
/* Denying: operational keys, birth keys, whole devices for a while; and marks. */
#include "lifecycle/decide.h"

/* The operational identity ends; the device must prove a new key. */
MUST_USE status revoke_operational(struct session *s, int64_t device, enum revocation_reason reason,
	struct outcome *o, struct diag *d);
/* The birth key is no longer believed: SUSPENDED until the element is replaced, or retired. */
MUST_USE status revoke_birth(struct session *s, int64_t device, enum revocation_reason reason,
	struct outcome *o, struct diag *d);
/*
 * One certificate of ours by row. A device's current or pending one: as revoke_operational; its birth one: as revoke_birth;
 * a superseded or withdrawn one, an operator's, a server's: marked revoked and denied. Worse reasons replace
 * milder ones in every outlet; the same again is OK; CONFLICT for a milder one.
 */
MUST_USE status revoke_certificate(struct session *s, int64_t certificate,
	enum revocation_reason reason, struct outcome *o, struct diag *d);

MUST_USE status suspend_device(
	struct session *s, int64_t device, const char *note, struct outcome *o, struct diag *d);
MUST_USE status resume_device(struct session *s, int64_t device, struct outcome *o, struct diag *d);
MUST_USE status mark_device(struct session *s, int64_t device, enum mark mark, bool is_set,
	struct outcome *o, struct diag *d);
