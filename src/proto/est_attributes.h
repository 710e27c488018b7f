#pragma once
/* What a request of this fleet should have (RFC 7030 4.5, RFC 9908). Inside proto/ only. */
#include "fleet/policy.h"
#include "pki/der.h"

#define EST_ATTRIBUTES_MAX 256

/* CsrAttrs as DER in `room` of EST_ATTRIBUTES_MAX. */
MUST_USE status est_attributes_write(
	const struct fleet *f, uint8_t *room, span *out, struct diag *d);
