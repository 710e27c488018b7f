#pragma once
/* From maker to customer, from seller to buyer: claim, offer, accept, and back to the shelf. */
#include "lifecycle/decide.h"

/*
 * By the code from the box. `owner`: row of the owner to be; 0: the operator's own. DENIED: wrong code (counted; after
 * three, LIMIT with the seconds to wait in words), CONFLICT: not held, or claimed already.
 *
 * To an owner's operator who may not see the device, one that does not exist (`device` 0 too), that is not held, that has
 * no code or whose code is locked answers as one whose code is wrong: DENIED, at the same cost. His own wrong tries,
 * on whatever device, lock him (LIMIT); the maker's operators are told what is the matter.
 */
MUST_USE status claim_device(struct session *s, int64_t device, span typed_code, int64_t owner,
	struct outcome *o, struct diag *d);
/* A new code for a held device; the old one is void. o->code. Maker. */
MUST_USE status claim_code_renew(
	struct session *s, int64_t device, struct outcome *o, struct diag *d);

/* To a named owner, or with `to_owner` 0 to whoever brings o->code. lifetime_s 0: the fleet's. */
MUST_USE status offer_device(struct session *s, int64_t device, int64_t to_owner,
	int64_t lifetime_s, struct outcome *o, struct diag *d);
/* `typed_code` empty for a named offer. Wrong codes are counted and lock the offer: DENIED, LIMIT. CONFLICT: the offer is
 * over, also by its time alone. `owner` as in claim_device. From the instant this answers OK the former
 * owner is out (promise 2). */
MUST_USE status offer_accept(struct session *s, const id *offer, span typed_code, int64_t owner,
	struct outcome *o, struct diag *d);
MUST_USE status offer_cancel(struct session *s, const id *offer, struct outcome *o, struct diag *d);
MUST_USE status offer_decline(
	struct session *s, const id *offer, span typed_code, struct outcome *o, struct diag *d);
/* The schedule's: ends up to `max` offers whose time is over; `*count` of them. */
MUST_USE status offers_time_out(struct session *s, size_t max, size_t *count, struct diag *d);

/* The owner gives it up; o->code for the next one. */
MUST_USE status release_device(
	struct session *s, int64_t device, struct outcome *o, struct diag *d);
/* The maker takes an unsold device back to the shelf; o->code. */
MUST_USE status hold_device(struct session *s, int64_t device, struct outcome *o, struct diag *d);
