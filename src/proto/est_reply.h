#pragma once
/* EST's answers in base64, in the lines that their reader needs. Inside proto/ only. */
#include "fleet/policy.h"
#include "http/exchange.h"

#define EST_LINE_WIDTH 64

/* RFC 7030 4.2.3: smime-type says what enrolment gives; cacerts has none. */
#define EST_CERTIFICATES "application/pkcs7-mime"
#define EST_CERTIFICATES_ENROLLED "application/pkcs7-mime; smime-type=certs-only"

void est_reply_base64(
	struct exchange *x, const struct fleet *f, const char *content_type, span der);
void est_reply_certificates(struct exchange *x, const struct fleet *f, const char *content_type,
	const span *list, size_t count);
