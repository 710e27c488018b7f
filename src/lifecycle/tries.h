#pragma once
/*
 * Wrong codes, counted durably before they are answered. Inside lifecycle/ only, but for the kind of its fault.
 *
 * Three counters, each with the lock of claim_lock_s: a device's claim code (in its own record), an offer, and an
 * asker who tries on devices that he may not see. What such an asker is told depends on his own
 * counter alone, so that a serial that exists answers as one that does not.
 */
#include "lifecycle/session.h"

/* "offer:17" */
void tries_subject(char out[NAME_MAX_LEN + 1], const char *kind, int64_t row);

/* LIMIT, with the seconds to wait in words, while it is locked. Its diag.kind tells it from a limit of size. */
#define TRIES_TOO_MANY "too-many-codes"
MUST_USE status tries_check(const struct session *s, int64_t locked_until_s, struct diag *d);

/* What a wrong code is counted on; NULL: not on that. */
struct tries {
	struct claim_code *code;
	struct attempt *attempt;
};
/* One more failure on each, durable at the return; both hold the new counts then. CONFLICT: somebody else tried at the
 * same time: look again, count again. */
MUST_USE status tries_count(struct session *s, const struct tries *t, struct diag *d);
/* A right code: the attempt begins anew. Part of the decision that it brings about. */
void tries_forget(struct change *c, struct attempt *a);
