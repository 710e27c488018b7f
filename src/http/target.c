#include "http/target.h"

#include "http/syntax.h"

bool
authority_is_valid(span authority)
{
	return authority.len > 0 && authority.len <= 255 + 6 &&
	       letters_are(authority, LETTER_HOST) && authority.data[0] != ':';
}

static bool
starts_with_nocase(span s, const char *prefix)
{
	return span_equal_nocase(span_slice(s, 0, strlen(prefix)), span_text(prefix));
}

static status
check_escapes(span part, enum http_letter kind, struct diag *d)
{
	for (size_t i = 0; i < part.len; i++) {
		if (part.data[i] != '%') {
			if (!letter_is(part.data[i], kind)) {
				return diag_set_at(d, BAD_INPUT, "RFC 3986 2", i,
					"the target has a letter (0x%02x) that must be "
					"percent-encoded",
					part.data[i]);
			}
			continue;
		}
		if (part.len - i < 3 || hex_value(part.data[i + 1]) < 0 ||
			hex_value(part.data[i + 2]) < 0) {
			return diag_set_at(d, BAD_INPUT, "RFC 3986 2.1", i,
				"'%%' in the target is not followed by two hex digits");
		}
		if (part.data[i + 1] == '0' && part.data[i + 2] == '0') {
			return diag_set_at(
				d, BAD_INPUT, "RFC 3986 7.3", i, "the target has an encoded NUL");
		}
		i += 2;
	}
	return OK;
}

/* "." and "..", with any of the dots encoded. */
static bool
is_dots(span segment)
{
	size_t dots = 0;

	while (segment.len > 0 && dots < 3) {
		size_t len = segment.data[0] == '.' ? 1 : 3;

		if (len == 3 && !span_equal_nocase(span_slice(segment, 0, 3), span_text("%2e"))) {
			return false;
		}
		segment = span_slice(segment, len, segment.len);
		dots++;
	}
	return segment.len == 0 && (dots == 1 || dots == 2);
}

static status
check_path(span path, struct diag *d)
{
	span rest = path, segment;
	status s = check_escapes(path, LETTER_PATH, d);

	if (s != OK) {
		return s;
	}
	while (span_split(&rest, '/', &segment)) {
		if (is_dots(segment)) {
			return diag_set(d, BAD_INPUT, "RFC 3986 6.2.2.3",
				"the path has a dot segment; send it without");
		}
	}
	return OK;
}

/* "http://host/path" -> "/path". */
static status
drop_authority(span *target, struct diag *d)
{
	size_t from = starts_with_nocase(*target, "https://") ? 8 : 7;
	size_t len = 0;
	span authority;

	while (from + len < target->len && target->data[from + len] != '/' &&
		target->data[from + len] != '?') {
		len++;
	}
	authority = span_slice(*target, from, len);
	if (!authority_is_valid(authority)) {
		return diag_set(d, BAD_INPUT, "RFC 9112 3.2.2", "the target names no valid host");
	}
	*target = span_slice(*target, from + len, target->len);
	return OK;
}

status
target_read(span target, struct http_request *out, struct diag *d)
{
	span rest = target, path;
	status s;

	out->target = target;
	if (starts_with_nocase(target, "http://") || starts_with_nocase(target, "https://")) {
		s = drop_authority(&rest, d);
		if (s != OK) {
			return s;
		}
		if (rest.len == 0) {
			rest = span_text("/");
		}
	}
	if (rest.len == 0 || rest.data[0] != '/') {
		return diag_set(d, BAD_INPUT, "RFC 9112 3.2.1", "the target is not a path");
	}
	span_split(&rest, '?', &path);
	out->path = path;
	out->query = rest;
	s = check_path(path, d);
	return s != OK ? s : check_escapes(rest, LETTER_QUERY, d);
}
