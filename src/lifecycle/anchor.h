#pragma once
/* What evidence of a device's element is checked against: what its record says. Inside lifecycle/ only. */
#include "element/attestation.h"
#include "lifecycle/session.h"

struct anchor {
	struct element element;
	struct attestation_anchor known; /* its texts are the element's */
};

/* In the session's snapshot. DENIED (ATTESTATION_IMPOSSIBLE): the device has no element on record. */
MUST_USE status anchor_read(
	struct session *s, const struct device *device, struct anchor *out, struct diag *d);
