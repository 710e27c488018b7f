#include "http/request.h"

#include "base/text.h"
#include "http/syntax.h"

const char *
http_method_name(enum http_method m)
{
	static const char *const names[HTTP_METHOD_COUNT] = { "GET", "HEAD", "POST", "PUT", "PATCH",
		"DELETE" };

	return names[m];
}

span
http_header_get(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (span_equal_nocase(r->headers[i].name, span_text(name))) {
			return r->headers[i].value;
		}
	}
	return (span){ NULL, 0 };
}

bool
http_header_has(const struct http_request *r, const char *name, const char *token)
{
	for (size_t i = 0; i < r->header_count; i++) {
		span list = r->headers[i].value, part;

		if (!span_equal_nocase(r->headers[i].name, span_text(name))) {
			continue;
		}
		while (span_split(&list, ',', &part)) {
			if (span_equal_nocase(span_trim(part), span_text(token))) {
				return true;
			}
		}
	}
	return false;
}

bool
http_content_is(const struct http_request *r, const char *type)
{
	span value = http_header_get(r, "content-type"), media = { NULL, 0 };

	return span_split(&value, ';', &media) &&
	       span_equal_nocase(span_trim(media), span_text(type));
}

/* BAD_INPUT without words of its own: the callers know what was decoded. */
static status
decode(struct arena *a, span text, bool plus_is_space, span *out)
{
	uint8_t *bytes = arena_alloc(a, text.len);
	size_t len = 0;

	if (bytes == NULL) {
		return NO_MEMORY;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '%') {
			int high = text.len - i > 2 ? hex_value(text.data[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;

			if (low < 0) {
				return BAD_INPUT;
			}
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0') {
			return BAD_INPUT;
		}
		bytes[len++] = c;
	}
	*out = span_of(bytes, len);
	return utf8_is_valid(*out) ? OK : BAD_INPUT;
}

status
http_segment_decode(struct arena *a, span segment, span *out, struct diag *d)
{
	status s = decode(a, segment, false, out);

	if (s == NO_MEMORY) {
		return diag_set(d, s, NULL, "no memory for a part of the path");
	}
	if (s != OK || span_find(*out, span_text("/")) != SIZE_MAX) {
		return diag_set(d, BAD_INPUT, "RFC 3986 3.3",
			"a part of the path does not decode to UTF-8 text without NUL and '/'");
	}
	return OK;
}

status
http_query_get(
	const struct http_request *r, struct arena *a, const char *name, span *out, struct diag *d)
{
	span rest = r->query, pair, value = { NULL, 0 };
	bool found = false;
	status s;

	while (span_split(&rest, '&', &pair)) {
		span key, decoded;

		if (!span_split(&pair, '=', &key)) {
			continue;
		}
		s = decode(a, key, true, &decoded);
		if (s != OK) {
			return diag_set(d, s, s == BAD_INPUT ? "RFC 3986 2.1" : NULL,
				"a name in the query cannot be decoded");
		}
		if (!span_is(decoded, name)) {
			continue;
		}
		if (found) {
			return diag_set(d, BAD_INPUT, "RFC 3986 3.4",
				"\"%s\" stands in the query twice", name);
		}
		found = true;
		value = pair;
	}
	if (!found) {
		return diag_set(d, NOT_FOUND, NULL, "the query has no \"%s\"", name);
	}
	s = decode(a, value, true, out);
	if (s != OK) {
		return diag_set(d, s, s == BAD_INPUT ? "RFC 3986 2.1" : NULL,
			"\"%s\" of the query cannot be decoded", name);
	}
	return OK;
}
