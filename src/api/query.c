#include "api/query.h"

#include <string.h>

#include "api/body.h"
#include "base/text.h"

#define LIMIT_DEFAULT 100

static bool
is_known(span name, const char *const *known, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (span_is(name, known[i])) {
			return true;
		}
	}
	return false;
}

bool
query_allow(struct call *c, const char *const *known, size_t count)
{
	span rest = c->x->request->query;

	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.data, '&', rest.len);
		size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;
		const uint8_t *equals = memchr(rest.data, '=', len);
		span name = span_of(rest.data, equals != NULL ? (size_t)(equals - rest.data) : len);

		if (len > 0 && !is_known(name, known, count)) {
			int shown = name.len < NAME_MAX_LEN ? (int)name.len : NAME_MAX_LEN;

			diag_set(&c->diag, BAD_INPUT, NULL, "no parameter \"%.*s\" is known here",
				shown, (const char *)name.data);
			return call_refuse(c, BAD_INPUT);
		}
		rest = span_slice(rest, len + 1, rest.len);
	}
	return true;
}

status
query_get(struct call *c, const char *parameter, span *out)
{
	status s = http_query_get(c->x->request, c->session.arena, parameter, out, &c->diag);

	if (s == NOT_FOUND) {
		diag_clear(&c->diag);
	}
	return s;
}

bool
query_name(struct call *c, const char *parameter, const char *what, char out[NAME_MAX_LEN + 1])
{
	span value;
	status s = query_get(c, parameter, &value);

	out[0] = '\0';
	if (s == NOT_FOUND) {
		return true;
	}
	if (s != OK) {
		return call_refuse(c, s);
	}
	if (!name_is_valid(value)) {
		return call_missing(c, what, value);
	}
	memcpy(out, value.data, value.len);
	out[value.len] = '\0';
	return true;
}

/* A number in decimal, `fallback` where it is absent. */
static bool
query_number(struct call *c, const char *parameter, int64_t fallback, int64_t *out)
{
	span value;
	status s = query_get(c, parameter, &value);

	*out = fallback;
	if (s == NOT_FOUND) {
		return true;
	}
	if (s == OK && number_parse(value, out) != OK) {
		s = diag_set(&c->diag, BAD_INPUT, NULL, "parameter \"%s\" is a decimal number",
			parameter);
	}
	return s == OK ? true : call_refuse(c, s);
}

bool
page_read(struct call *c, int64_t first, struct page *out)
{
	int64_t limit;

	if (!query_number(c, "limit", LIMIT_DEFAULT, &limit) ||
		!query_number(c, "after", first, &out->after)) {
		return false;
	}
	if (limit < 1 || limit > LIST_PAGE_MAX) {
		diag_set(&c->diag, BAD_INPUT, NULL, "parameter \"limit\" is from 1 to %d",
			LIST_PAGE_MAX);
		return call_refuse(c, BAD_INPUT);
	}
	out->limit = (size_t)limit;
	return true;
}

void
page_open(struct json_writer *w)
{
	json_object_open(w, NULL);
	json_array_open(w, "items");
}

void
page_close(struct json_writer *w, const struct page *p, size_t count, int64_t last)
{
	char next[24];

	json_array_close(w);
	snprintf(next, sizeof(next), "%lld", (long long)last);
	json_text(w, "next", count == p->limit ? next : NULL);
	json_object_close(w);
}
