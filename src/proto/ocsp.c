#include "lifecycle/ocsp.h"

#include <stdio.h>

#include "base/text.h"
#include "http/date.h"
#include "pki/key.h"
#include "proto/named.h"
#include "proto/routes.h"
#include "proto/validator.h"

/*
 * OCSP over HTTP (RFC 6960 A.1; the lightweight profile's caching, RFC 5019 6): POST, and GET with the request in
 * the path, raw. Refusals are OCSP's own, with status 200.
 *
 * A kept answer, and every refusal for which the store need not be asked, are given on the loop's thread.
 */

#define CONTENT_TYPE "application/ocsp-response"

/* What is kept with an answer: its headers, made once. */
struct note {
	struct ocsp_dates dates;
	char modified[HTTP_DATE_MAX];
	char tag[2 * 16 + 3];
	size_t lines_len;
	char lines[256]; /* whole ones, for the reply's head */
};
_Static_assert(sizeof(struct note) <= OCSP_NOTE_MAX, "it is kept with the answer");

static void
note_make(struct note *n, const struct ocsp_dates *dates, span answer)
{
	char expires[HTTP_DATE_MAX], hex[2 * 16 + 1];
	uint8_t digest[32];

	*n = (struct note){ .dates = *dates };
	sha256(answer, digest);
	snprintf(n->tag, sizeof(n->tag), "\"%s\"", hex_encode(hex, span_of(digest, 16)));
	http_date_text(n->modified, dates->this_update_s);
	n->lines_len = (size_t)snprintf(n->lines, sizeof(n->lines),
		"Last-Modified: %s\r\nExpires: %s\r\nETag: %s\r\n", n->modified,
		http_date_text(expires, dates->next_update_s), n->tag);
}

/*
 * Caches keep it until we make it anew, and hold it for true until nextUpdate only where they cannot ask again: a
 * revocation is to be seen sooner than that.
 */
static void
put_caching(struct exchange *x, const struct note *n)
{
	int64_t now_s = clock_now_s(service_of(x)->life->clock);
	int64_t until_s = now_s < n->dates.renewed_s ? n->dates.renewed_s : n->dates.next_update_s;

	buffer_put(&x->reply.headers, span_of((const uint8_t *)n->lines, n->lines_len));
	buffer_printf(&x->reply.headers,
		"Cache-Control: max-age=%lld, public, no-transform, must-revalidate\r\n",
		(long long)(until_s > now_s ? until_s - now_s : 0));
}

/* The answer is in the reply's body. */
static void
finish(struct exchange *x, const struct note *n)
{
	if (validator_fits(x, n->tag, n->modified)) {
		reply_empty(x, 304);
	}
	put_caching(x, n);
}

/* Neither a refusal nor an answer to a nonce is anybody else's (RFC 5019 6.2). */
static void
finish_uncached(struct exchange *x)
{
	reply_header(x, "Cache-Control", "no-store");
}

static void
refuse_malformed(struct exchange *x)
{
	reply_bytes(x, 200, CONTENT_TYPE, ocsp_error_response(OCSP_MALFORMED));
	finish_uncached(x);
}

/* --- without waiting -------------------------------------------------------------- */

static bool
answer_at_once(struct exchange *x, span der)
{
	const struct life *life = service_of(x)->life;
	struct ocsp_given given = { .answer = reply_open(x, 200, CONTENT_TYPE) };
	struct ocsp_request request;
	struct note note;

	if (ocsp_request_read(der, &request, NULL) != OK) {
		refuse_malformed(x);
		return true;
	}
	switch (ocsp_answer_at_once(life->ocsp, clock_now_s(life->clock), &request, &given)) {
	case OCSP_KEPT:
		memcpy(&note, given.note, sizeof(note));
		finish(x, &note);
		return true;
	case OCSP_REFUSED:
		finish_uncached(x);
		return true;
	case OCSP_ASK:
		break;
	}
	return false;
}

/* Whether the path names an authority: 1, 0 (then the reply says so), -1 for who may ask the store. */
static int
is_named(struct exchange *x)
{
	int known = ocsp_knows_authority(service_of(x)->life->ocsp, x->parameters[0]);

	if (known == 0) {
		reply_problem_as(x, 404, "there is no such authority");
	}
	return known;
}

static bool
is_request(struct exchange *x)
{
	if (http_content_is(x->request, "application/ocsp-request")) {
		return true;
	}
	reply_problem_as(x, 415, "a request is application/ocsp-request (RFC 6960 A.1)");
	return false;
}

/* Empty where the path holds none: that is answered as malformed. */
static span
request_in_path(struct exchange *x)
{
	span der;

	return ocsp_path_decode(x->arena, x->rest, &der, NULL) == OK ? der : span_of(NULL, 0);
}

static bool
post_at_once(struct exchange *x)
{
	int named = is_named(x);

	if (named <= 0) {
		return named == 0;
	}
	return !is_request(x) || answer_at_once(x, x->request->body);
}

static bool
get_at_once(struct exchange *x)
{
	int named = is_named(x);

	if (named <= 0) {
		return named == 0;
	}
	return answer_at_once(x, request_in_path(x));
}

/* --- with store and signer --------------------------------------------------------------- */

/* Those that came at the same time: many answers are signed by one message. */
struct together {
	struct exchange **x;
	struct ocsp_request *requests;
	struct ocsp_made *made;
	struct ocsp_ask *asks;
	size_t count;
};
_Static_assert(HTTP_TOGETHER_MAX <= OCSP_BATCH_MAX, "they fit into one message");

static bool
is_authority(struct exchange *x, struct session *s)
{
	struct authority a;
	int named = is_named(x);

	return named == 1 || (named < 0 && named_authority(x, s, x->parameters[0], &a));
}

/* Whether there is something to be answered; else the reply is there. */
static bool
read_request(struct exchange *x, struct session *s, struct ocsp_request *out)
{
	bool is_post = x->request->method == HTTP_POST;
	span der;

	if (!is_authority(x, s) || (is_post && !is_request(x))) {
		return false;
	}
	der = is_post ? x->request->body : request_in_path(x);
	if (ocsp_request_read(der, out, NULL) != OK) {
		refuse_malformed(x);
		return false;
	}
	return true;
}

/* False: no memory. */
static bool
together_begin(struct arena *a, size_t count, struct together *t)
{
	*t = (struct together){ .x = arena_array(a, count, sizeof(struct exchange *)),
		.requests = arena_array(a, count, sizeof(t->requests[0])),
		.made = arena_array(a, count, sizeof(t->made[0])),
		.asks = arena_array(a, count, sizeof(t->asks[0])) };
	return t->x != NULL && t->requests != NULL && t->made != NULL && t->asks != NULL;
}

static void
add(struct together *t, struct exchange *x, struct session *s)
{
	size_t at = t->count;

	if (read_request(x, s, &t->requests[at])) {
		t->x[at] = x;
		t->asks[at] = (struct ocsp_ask){ .request = &t->requests[at],
			.out = reply_open(x, 200, CONTENT_TYPE),
			.made = &t->made[at] };
		t->count++;
	}
}

static void
finish_made(struct exchange *x, const struct ocsp_made *made)
{
	span answer = buffer_span(&x->reply.body);
	struct note note;

	if (made->dates.next_update_s == 0) {
		finish_uncached(x);
		return;
	}
	note_make(&note, &made->dates, answer);
	ocsp_keep(service_of(x)->life->ocsp, made, answer,
		span_of((const uint8_t *)&note, sizeof(note)));
	finish(x, &note);
}

static void
ocsp_together(struct exchange *const *x, size_t count)
{
	struct together t;
	bool has_memory = together_begin(x[0]->arena, count, &t);
	struct diag d = { 0 };
	struct session s;
	status st;

	for (size_t k = 0; k < count; k++) {
		if (!has_memory || !service_session(x[k], &s)) {
			reply_problem_as(x[k], 503, "no memory for an answer; try again");
			continue;
		}
		add(&t, x[k], &s);
	}
	if (t.count == 0 || !service_session(t.x[0], &s)) {
		return;
	}
	st = ocsp_answer_many(&s, t.asks, t.count, &d);
	for (size_t k = 0; k < t.count; k++) {
		if (st != OK) {
			reply_problem(t.x[k], &d);
		} else {
			finish_made(t.x[k], &t.made[k]);
		}
	}
}

static void
ocsp_one(struct exchange *x)
{
	ocsp_together(&x, 1);
}

const struct route ocsp_routes[] = {
	{ HTTP_POST, "/ocsp/{ca}", ocsp_one, OCSP_REQUEST_MAX, post_at_once, ocsp_together },
	{ HTTP_POST, "/ocsp/{ca}/", ocsp_one, OCSP_REQUEST_MAX, post_at_once, ocsp_together },
	{ HTTP_GET, "/ocsp/{ca}/*", ocsp_one, 0, get_at_once, ocsp_together },
	{ 0 },
};
