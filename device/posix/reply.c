#include "device/posix/reply.h"

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

#define WORDS_MAX 240

static status
kind_of(unsigned code)
{
	switch (code) {
	case 200:
		return OK;
	case 401:
	case 403:
		return DENIED;
	case 404:
		return NOT_FOUND;
	case 400:
	case 409:
	case 413:
	case 415:
	case 422:
		return CONFLICT;
	case 202:
	case 429:
		return UNAVAILABLE;
	default:
		return code >= 500 ? UNAVAILABLE : BAD_INPUT;
	}
}

static void
take_words(span text, char out[WORDS_MAX])
{
	const uint8_t *end = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
	span line = span_slice(text, 0, WORDS_MAX - 1);

	if (end != NULL && (size_t)(end - text.data) < line.len) {
		line.len = (size_t)(end - text.data);
	}
	while (line.len > 0 && !utf8_is_printable(line)) {
		line.len--; /* up to the first byte that is none, or half a character at the cut */
	}
	snprintf(out, WORDS_MAX, "%.*s", (int)line.len,
		line.data != NULL ? (const char *)line.data : "");
}

static void
read_problem(const struct client_answer *r, char out[WORDS_MAX])
{
	cJSON *problem = NULL;
	span detail;

	if (json_parse(r->body, r->body.len, &problem, NULL) == OK &&
		(json_get_text(problem, "detail", &detail, NULL) == OK ||
			json_get_text(problem, "title", &detail, NULL) == OK)) {
		take_words(detail, out);
	}
	cJSON_Delete(problem);
}

bool
reply_wants_another_proof(const struct client_answer *r)
{
	static const char stale[] = "/problems/attestation-challenge-";
	cJSON *problem = NULL;
	span type = { NULL, 0 };
	bool is_it = r->http.code >= 400 &&
		     http_is_type(r->http.content_type, "application/problem+json") &&
		     json_parse(r->body, r->body.len, &problem, NULL) == OK &&
		     json_get_text(problem, "type", &type, NULL) == OK &&
		     (span_is(span_slice(type, 0, sizeof(stale) - 1), stale) ||
			     span_is(type, "/problems/attestation-required"));

	cJSON_Delete(problem);
	return is_it;
}

status
reply_judge(const struct client_answer *r, struct diag *d)
{
	char words[WORDS_MAX] = "";
	status s = kind_of(r->http.code);

	if (s == OK) {
		return OK;
	}
	if (http_is_type(r->http.content_type, "application/problem+json") ||
		http_is_type(r->http.content_type, "application/json")) {
		read_problem(r, words);
	} else if (http_is_type(r->http.content_type, "text/plain")) {
		take_words(r->body, words);
	}
	return diag_set(d, s, NULL, "the server answers %u%s%s", r->http.code,
		words[0] != '\0' ? ": " : "", words);
}
