#include <stdio.h>

#include "base/text.h"
#include "http/date.h"
#include "lifecycle/authority.h"
#include "pki/key.h"
#include "proto/named.h"
#include "proto/routes.h"

/*
 * OCSP over HTTP (RFC 6960 A.1; the lightweight profile's caching, RFC 5019 6): POST, and GET with the request in
 * the path, raw. Refusals are OCSP's own, with status 200.
 */

#define ANSWER_MAX (64 << 10)
#define CONTENT_TYPE "application/ocsp-response"

/* The headers by which caches keep an answer (RFC 5019 6.2); none of them with a nonce, or for a refusal. */
static void
set_caching(struct exchange *x, span answer, int64_t this_update_s, int64_t fresh_until_s)
{
	char text[HTTP_DATE_MAX], tag[2 * 32 + 3], caching[96];
	int64_t now_s = clock_now_s(service_of(x)->life->clock);
	uint8_t digest[32];

	if (fresh_until_s <= now_s) {
		reply_header(x, "Cache-Control", "no-store");
		return;
	}
	reply_header(x, "Last-Modified", http_date_text(text, this_update_s));
	reply_header(x, "Expires", http_date_text(text, fresh_until_s));
	sha256(answer, digest);
	tag[0] = '"';
	hex_encode(tag + 1, SPAN_ARRAY(digest));
	snprintf(tag + 65, 2, "\"");
	reply_header(x, "ETag", tag);
	snprintf(caching, sizeof(caching), "max-age=%lld, public, no-transform, must-revalidate",
		(long long)(fresh_until_s - now_s));
	reply_header(x, "Cache-Control", caching);
}

static void
answer(struct exchange *x, struct session *s, span der)
{
	struct ocsp_request request;
	int64_t this_update_s = 0, fresh_until_s = 0;
	struct diag d = { 0 };
	struct buffer out;
	status st = OK;

	buffer_init(&out, ANSWER_MAX);
	if (ocsp_request_read(der, &request, NULL) != OK) {
		buffer_put(&out, ocsp_error_response(OCSP_MALFORMED));
	} else {
		st = ocsp_answer(s, &request, &out, &this_update_s, &fresh_until_s, &d);
	}
	if (st != OK) {
		reply_problem(x, &d);
	} else {
		reply_bytes(x, 200, CONTENT_TYPE, buffer_span(&out));
		set_caching(x, buffer_span(&out), this_update_s, fresh_until_s);
	}
	buffer_wipe(&out);
}

static void
ocsp_post(struct exchange *x)
{
	struct authority a;
	struct session s;

	if (!service_session(x, &s) || !named_authority(x, &s, x->parameters[0], &a)) {
		return;
	}
	if (!http_content_is(x->request, "application/ocsp-request")) {
		reply_problem_as(x, 415, "a request is application/ocsp-request (RFC 6960 A.1)");
		return;
	}
	answer(x, &s, x->request->body);
}

static void
ocsp_get(struct exchange *x)
{
	struct authority a;
	struct session s;
	span der;

	if (!service_session(x, &s) || !named_authority(x, &s, x->parameters[0], &a)) {
		return;
	}
	if (ocsp_path_decode(x->arena, x->rest, &der, NULL) != OK) {
		der = span_of(NULL, 0); /* answered as malformed */
	}
	answer(x, &s, der);
}

const struct route ocsp_routes[] = {
	{ HTTP_POST, "/ocsp/{ca}", ocsp_post, OCSP_REQUEST_MAX },
	{ HTTP_POST, "/ocsp/{ca}/", ocsp_post, OCSP_REQUEST_MAX },
	{ HTTP_GET, "/ocsp/{ca}/*", ocsp_get, 0 },
	{ 0 },
};
