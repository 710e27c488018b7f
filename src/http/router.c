#include "http/router.h"

#include <stdio.h>

#include "http/syntax.h"

#define SEGMENTS_MAX 31 /* of a pattern: two bits of the score each */

/* How well a pattern fits, segment by segment from the left: 3 literal, 2 {..}, 1 "*". */
struct fit {
	uint64_t score;
	span parameters[ROUTE_PARAMETERS_MAX];
	size_t count;
	span rest;
};

static span
segment_at(span path, size_t at)
{
	span rest = span_slice(path, at, path.len);

	return span_slice(rest, 0, span_find(rest, span_text("/")));
}

static bool
segment_fits(span wanted, span given, struct fit *f, uint64_t *kind)
{
	if (wanted.len > 0 && wanted.data[0] == '{') {
		if (given.len == 0 || f->count == ROUTE_PARAMETERS_MAX) {
			return false;
		}
		f->parameters[f->count++] = given;
		*kind = 2;
		return true;
	}
	*kind = 3;
	return span_equal(wanted, given);
}

static bool
pattern_fits(span pattern, span path, struct fit *f)
{
	size_t in_pattern = 1, in_path = 1; /* both begin with '/' */

	*f = (struct fit){ 0 };
	if (pattern.data == NULL || path.data == NULL) {
		return false;
	}
	for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
		span wanted = segment_at(pattern, in_pattern);
		span given = segment_at(path, in_path);
		unsigned shift = 62 - 2 * i;
		uint64_t kind;

		if (span_is(wanted, "*")) {
			f->rest = span_slice(path, in_path, path.len);
			f->score |= UINT64_C(1) << shift;
			return true;
		}
		if (!segment_fits(wanted, given, f, &kind)) {
			return false;
		}
		f->score |= kind << shift;
		in_pattern += wanted.len;
		in_path += given.len;
		if (in_pattern == pattern.len || in_path == path.len) {
			return in_pattern == pattern.len && in_path == path.len;
		}
		in_pattern++;
		in_path++;
	}
	return false;
}

static bool
method_fits(enum http_method route, enum http_method asked, bool *is_exact)
{
	*is_exact = route == asked;
	return *is_exact || (asked == HTTP_HEAD && route == HTTP_GET);
}

struct search {
	const struct route *found;
	bool is_exact;
	struct fit fit;
	unsigned methods; /* bits of those that the path has */
};

static void
consider(struct search *s, const struct route *route, const struct http_request *request)
{
	struct fit f;
	bool is_exact;

	if (!pattern_fits(span_text(route->pattern), request->path, &f)) {
		return;
	}
	s->methods |= 1u << route->method;
	if (!method_fits(route->method, request->method, &is_exact)) {
		return;
	}
	if (s->found == NULL || f.score > s->fit.score ||
		(f.score == s->fit.score && is_exact && !s->is_exact)) {
		s->found = route;
		s->fit = f;
		s->is_exact = is_exact;
	}
}

static void
list_methods(unsigned methods, char *allow, size_t room)
{
	size_t len = 0;

	if (methods & 1u << HTTP_GET) {
		methods |= 1u << HTTP_HEAD;
	}
	allow[0] = '\0';
	for (unsigned m = 0; m < HTTP_METHOD_COUNT && len < room; m++) {
		if (methods & 1u << m) {
			len += (size_t)snprintf(allow + len, room - len, "%s%s",
				len > 0 ? ", " : "", http_method_name((enum http_method)m));
		}
	}
}

const struct route *
router_find(const struct router *r, const struct http_request *request, struct exchange *x,
	int *http_status, char *allow, size_t allow_room)
{
	struct search s = { 0 };

	for (size_t t = 0; t < r->table_count; t++) {
		for (const struct route *route = r->tables[t]; route->pattern != NULL; route++) {
			consider(&s, route, request);
		}
	}
	*http_status = s.methods != 0 ? 405 : 404;
	list_methods(s.methods, allow, allow_room);
	if (s.found == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < s.fit.count; i++) {
		span raw = s.fit.parameters[i];

		x->parameters[i] = raw;
		/* What does not decode names nothing; most need no decoding and are borrowed. */
		if (span_find(raw, span_text("%")) != SIZE_MAX &&
			http_segment_decode(x->arena, raw, &x->parameters[i], NULL) != OK) {
			*http_status = 404;
			return NULL;
		}
	}
	x->rest = s.fit.rest;
	return s.found;
}
