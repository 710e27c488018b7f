#include "cli/problem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define PROBLEM_MAX (64 << 10)
#define TYPE_PREFIX "/problems/"

static status
by_http(int http_status)
{
	switch (http_status) {
	case 400:
	case 405:
	case 415:
	case 422:
		return BAD_INPUT;
	case 401:
	case 403:
		return DENIED;
	case 404:
		return NOT_FOUND;
	case 409:
		return CONFLICT;
	case 413:
	case 414:
	case 431:
		return LIMIT;
	case 429:
	case 502:
	case 503:
	case 504:
		return UNAVAILABLE;
	default:
		return BUG;
	}
}

/* "/problems/not-found" -> NOT_FOUND; `fallback` for a kind of problem that we do not know. */
static status
by_type(span type, status fallback)
{
	size_t prefix = strlen(TYPE_PREFIX);

	if (type.len <= prefix || memcmp(type.data, TYPE_PREFIX, prefix) != 0) {
		return fallback;
	}
	type = span_slice(type, prefix, SIZE_MAX);
	for (int s = OK + 1; s < STATUS_COUNT; s++) {
		char name[32];

		snprintf(name, sizeof(name), "%s", status_name((status)s));
		for (char *c = name; *c != '\0'; c++) {
			*c = *c == ' ' || *c == '/' ? '-' : *c;
		}
		if (span_is(type, name)) {
			return (status)s;
		}
	}
	return fallback;
}

static const char *
advice(int http_status)
{
	return http_status == 401 ? " (is the token the right one, and still good?)" : "";
}

status
problem_read(int http_status, span body, int64_t retry_after_s, struct diag *d)
{
	status s = by_http(http_status);
	span detail = { 0 }, type = { 0 }, clause = { 0 };
	char clause_text[64] = "";
	cJSON *o = NULL;

	if (json_parse(body, PROBLEM_MAX, &o, NULL) == OK && cJSON_IsObject(o)) {
		if (json_get_text(o, "type", &type, NULL) == OK && s != UNAVAILABLE) {
			s = by_type(type, s);
		}
		if (json_get_text(o, "detail", &detail, NULL) != OK) {
			(void)!json_get_text(o, "title", &detail, NULL);
		}
		if (json_get_text(o, "clause", &clause, NULL) == OK &&
			clause.len < sizeof(clause_text)) {
			memcpy(clause_text, clause.data, clause.len);
		}
	}
	if (detail.len > 0 && detail.len < 4096) {
		s = diag_set(d, s, clause_text, "%.*s%s", (int)detail.len,
			(const char *)detail.data, advice(http_status));
	} else {
		s = diag_set(d, s, NULL, "the server answered %d without a reason%s", http_status,
			advice(http_status));
	}
	cJSON_Delete(o);
	return s;
}
