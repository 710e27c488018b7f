#pragma once
/* Back at the shop, on the bench, and the end. */
#include "lifecycle/decide.h"

/* Support desk. Consent: of the owner (the operator says so, or is the owner's), or the device's own recent proof.
 * `reason` a short word ("defect", "swap"), `note` free words or NULL. */
MUST_USE status return_device(struct session *s, int64_t device, enum return_consent consent,
	const char *reason, const char *note, struct outcome *o, struct diag *d);
/* Back to HELD under the maker, case closed, o->code new. */
MUST_USE status refurbish_device(
	struct session *s, int64_t device, struct outcome *o, struct diag *d);
/* Board swap: the element of this serial (known from a manifest, in no device, same phase) takes the record. */
MUST_USE status replace_element(struct session *s, int64_t device, const char *element_serial,
	struct outcome *o, struct diag *d);
/* The end: everything of it is denied, the birth identity too. */
MUST_USE status retire_device(struct session *s, int64_t device, struct outcome *o, struct diag *d);
