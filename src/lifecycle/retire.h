#pragma once
/* Back at the shop, on the bench, and the end. */
#include "lifecycle/decide.h"

/* Support desk. Consent: of the owner (the operator says so, or is the owner's), or the device's own proof: that it was
 * seen in the last RETURN_PROOF_S seconds. `reason` a short word, in the form of a name: defect, swap, unwanted, damaged,
 * wrong-item, recall, lease-end and trade-in stand so in the ledger, any other as "other"; `note` free words or NULL. */
MUST_USE status return_device(struct session *s, int64_t device, enum return_consent consent,
	const char *reason, const char *note, struct outcome *o, struct diag *d);
/* Back to HELD under the maker, case closed, o->code new. */
MUST_USE status refurbish_device(
	struct session *s, int64_t device, struct outcome *o, struct diag *d);
/*
 * Board swap: the element of this serial takes the record. It must be a spare part: known from a manifest, of the same
 * phase, with a good birth certificate, in a record that is MANUFACTURED or HELD, unsold, unmarked and never
 * enrolled. That record ends (RETIRED, an entry of its own in the ledger), and the old board's birth identity is
 * denied. NOT_FOUND, CONFLICT.
 */
MUST_USE status replace_element(struct session *s, int64_t device, const char *element_serial,
	struct outcome *o, struct diag *d);
/* The end: everything of it is denied, the birth identity too. */
MUST_USE status retire_device(struct session *s, int64_t device, struct outcome *o, struct diag *d);
