#include "device/posix/est.h"

#include <stdio.h>

#include "base/text.h"
#include "device/posix/reply.h"
#include "pki/pem.h"

#define PATIENCE_S 60 /* the signer may be behind a slow token */

static status
ask(struct est *e, const char *operation, span body, struct client_answer *out, struct diag *d)
{
	char target[160];
	const struct client_request r = { .method = body.len > 0 ? "POST" : "GET",
		.target = target,
		.content_type = body.len > 0 ? "application/pkcs10" : NULL,
		.body = body,
		.patience_s = PATIENCE_S };
	status s;

	snprintf(target, sizeof(target), "/.well-known/est/%s/%s", e->fleet, operation);
	s = client_ask(e->client, e->arena, &r, out, d);
	e->retry_after_s = s == OK ? out->http.retry_after_s : 0;
	e->wants_another_proof = s == OK && reply_wants_another_proof(out);
	return s == OK ? reply_judge(out, d) : s;
}

/* RFC 7030 4.1.3, 4.2.3: base64 of a certs-only CMS. */
static status
take_certificates(struct est *e, const struct client_answer *answer, span out[CMS_CERTIFICATES_MAX],
	size_t *count, struct diag *d)
{
	span der;

	if (!http_is_type(answer->http.content_type, "application/pkcs7-mime")) {
		return diag_set(d, BAD_INPUT, "RFC 7030 4.2.3",
			"the server's answer is not application/pkcs7-mime");
	}
	if (base64_decode(e->arena, answer->body, &der) != OK) {
		return diag_set(d, BAD_INPUT, "RFC 8951 3.2", "the server's answer is not base64");
	}
	return cms_certificates_read(der, out, count, d);
}

static status
fetch(struct est *e, const char *operation, span body, span out[CMS_CERTIFICATES_MAX],
	size_t *count, struct diag *d)
{
	struct client_answer answer;
	status s = ask(e, operation, body, &answer, d);

	return s == OK ? take_certificates(e, &answer, out, count, d) : s;
}

status
est_enrol(struct est *e, span csr, bool is_renewal, const struct issued_expected *x,
	struct issued *out, struct diag *d)
{
	span answer[CMS_CERTIFICATES_MAX], authorities[CMS_CERTIFICATES_MAX];
	size_t answer_count = 0, authority_count = 0;
	struct buffer body;
	status s;

	buffer_init(&body, 2 * CSR_SIZE_MAX);
	base64_write(&body, csr, 64);
	if (buffer_failed(&body)) {
		buffer_wipe(&body);
		return diag_set(d, LIMIT, NULL, "the request is too large");
	}
	/* First what the answer is judged by: without it nothing need be issued. */
	s = fetch(e, "cacerts", span_of(NULL, 0), authorities, &authority_count, d);
	if (s == OK) {
		s = fetch(e, is_renewal ? "simplereenroll" : "simpleenroll", buffer_span(&body),
			answer, &answer_count, d);
	} else if (s == CONFLICT) {
		s = BAD_INPUT; /* not the request's fault */
	}
	buffer_wipe(&body);
	if (s == OK) {
		s = issued_judge(x, answer, answer_count, authorities, authority_count, out, d);
	}
	return s;
}
