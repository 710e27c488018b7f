#pragma once
/* Denying: operational keys, birth keys, whole devices for a while; and marks. */
#include "lifecycle/decide.h"

/*
 * Reasons (RFC 5280 5.3.1), from the mildest to the worst: superseded, cessationOfOperation, affiliationChanged,
 * privilegeWithdrawn, keyCompromise. Others are BAD_INPUT: unspecified says nothing (RFC 5280 wants it left out),
 * certificateHold is what suspend_device does, cACompromise is the word about an authority, not
 * about a device.
 */

/* The operational identity ends; the device must prove a new key. */
MUST_USE status revoke_operational(struct session *s, int64_t device, enum revocation_reason reason,
	struct outcome *o, struct diag *d);
/* The birth key is no longer believed: SUSPENDED until the element is replaced, or retired. CONFLICT for a device that
 * has none; again with a worse reason: as revoke_certificate. */
MUST_USE status revoke_birth(struct session *s, int64_t device, enum revocation_reason reason,
	struct outcome *o, struct diag *d);
/*
 * One certificate of ours by row. A device's current or pending one: as revoke_operational; its birth one: as revoke_birth;
 * a superseded or withdrawn one, an operator's, a server's: marked revoked and denied. Worse reasons replace
 * milder ones in every outlet; the same again is OK, without a second ledger entry; CONFLICT for a milder one.
 * What needs no device's decision is the maker's alone. While a device waits to prove its key, its
 * pending certificate is taken back and nothing else ends.
 */
MUST_USE status revoke_certificate(struct session *s, int64_t certificate,
	enum revocation_reason reason, struct outcome *o, struct diag *d);

/* Denied everywhere until resumed. Why is nobody's but the operator's: no words are taken that would have to be kept. */
MUST_USE status suspend_device(
	struct session *s, int64_t device, struct outcome *o, struct diag *d);
MUST_USE status resume_device(struct session *s, int64_t device, struct outcome *o, struct diag *d);
MUST_USE status mark_device(struct session *s, int64_t device, enum mark mark, bool is_set,
	struct outcome *o, struct diag *d);
