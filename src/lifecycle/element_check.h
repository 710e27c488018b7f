#pragma once
/*
 * A check of the element that a device carries, without a certificate: it makes a key over a challenge of purpose `element`
 * and proves that, as it does for a certificate. So the bench knows that this is the element of the record, that it works, and which
 * slots are locked. The ledger has the check, and its timeline; the device stays as it is, and nothing is judged by it.
 */
#include "lifecycle/admit.h"

struct element_check {
	span evidence;		     /* element/evidence.h, DER */
	uint8_t point[64];	     /* X || Y of the key that was made for it */
	const struct admission *who; /* the device itself, as it came in; NULL: an operator */
};

/*
 * One ledger entry "element-check" with the level, the slot and the evidence's hash, and the challenge burnt with it. For the maker
 * and the support desk, in any state, and for the device itself while it may enrol or work. OK: o->element. What does not hold is refused as it is with a certificate's
 * request (lifecycle/prove.h), and leaves no entry. DENIED, NOT_FOUND also for who may not.
 */
MUST_USE status element_check(struct session *s, int64_t device, const struct element_check *check,
	struct outcome *o, struct diag *d);
