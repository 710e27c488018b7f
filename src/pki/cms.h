#pragma once
/* Certs-only CMS SignedData (RFC 5652 5, as RFC 7030 4.1.3 uses it): how EST carries certificates. */
#include "base/buffer.h"
#include "pki/der.h"

#define CMS_CERTIFICATES_MAX 16

/* Appends the DER; the SET is in DER order, as strict readers want it. */
MUST_USE status cms_certificates_write(
	const span *certificates, size_t count, struct buffer *out, struct diag *d);
/* The certificates' DER, borrowed, at most CMS_CERTIFICATES_MAX. */
MUST_USE status cms_certificates_read(
	span der, span out[CMS_CERTIFICATES_MAX], size_t *count, struct diag *d);
