#include <math.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

/*
 * cJSON takes what it is given: depth, size and duplicates are judged here, the first two before
 * it sees a byte; and so are numbers and white space, where it takes more than JSON has.
 */
static size_t
count_digits(span text, size_t from)
{
	size_t i = from;

	while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9') {
		i++;
	}
	return i - from;
}

/* The length of the number at the front, 0 where it is none: -? (0 | [1-9][0-9]*) fraction? exponent? */
static size_t
number_len(span text)
{
	size_t i = text.len > 0 && text.data[0] == '-', digits = count_digits(text, i);

	if (digits == 0 || (digits > 1 && text.data[i] == '0')) {
		return 0;
	}
	i += digits;
	if (i < text.len && text.data[i] == '.') {
		digits = count_digits(text, i + 1);
		if (digits == 0) {
			return 0;
		}
		i += 1 + digits;
	}
	if (i < text.len && (text.data[i] == 'e' || text.data[i] == 'E')) {
		i++;
		i += i < text.len && (text.data[i] == '+' || text.data[i] == '-');
		digits = count_digits(text, i);
		return digits == 0 ? 0 : i + digits;
	}
	return i;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static status
judge_depth(span text, struct diag *d)
{
	unsigned depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (in_text) {
			if (c < 0x20) {
				return diag_set_at(d, BAD_INPUT, "RFC 8259 7", i,
					"control character inside a JSON string");
			}
			i += c == '\\';
			in_text = c != '"';
		} else if (c == '"') {
			in_text = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX) {
				return diag_set_at(d, BAD_INPUT, "RFC 8259 9", i,
					"JSON nested deeper than %d", JSON_DEPTH_MAX);
			}
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			size_t len = number_len(span_slice(text, i, SIZE_MAX));

			if (len == 0) {
				return diag_set_at(
					d, BAD_INPUT, "RFC 8259 6", i, "not a JSON number");
			}
			i += len - 1;
		} else if (c < 0x20 && !is_space(c)) {
			return diag_set_at(
				d, BAD_INPUT, "RFC 8259 2", i, "control character in JSON");
		}
	}
	return OK;
}

/* "\u0000" would end the text early for everyone who reads C strings; cJSON takes wrong digits for zeros. */
static status
judge_escapes(span text, struct diag *d)
{
	uint8_t code[2];

	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.data[i] != '\\') {
			continue;
		}
		if (text.data[i + 1] == 'u') {
			if (hex_decode(span_slice(text, i + 2, 4), code, sizeof(code)) != OK) {
				return diag_set_at(d, BAD_INPUT, "RFC 8259 7", i,
					"not four digits behind \\u");
			}
			if (code[0] == 0 && code[1] == 0) {
				return diag_set_at(
					d, BAD_INPUT, "RFC 8259 7", i, "escaped NUL in JSON");
			}
		}
		i++;
	}
	return OK;
}

static status
judge_members(const cJSON *o, struct diag *d)
{
	size_t count = 0;
	status s;

	for (const cJSON *m = o->child; cJSON_IsObject(o) && m != NULL; m = m->next) {
		if (++count > JSON_MEMBERS_MAX) {
			return diag_set(d, LIMIT, NULL, "a JSON object of over %d members",
				JSON_MEMBERS_MAX);
		}
	}
	for (const cJSON *m = o->child; m != NULL; m = m->next) {
		for (const cJSON *k = m->next; cJSON_IsObject(o) && k != NULL; k = k->next) {
			if (strcmp(m->string, k->string) == 0) {
				return diag_set(d, BAD_INPUT, "RFC 8259 4",
					"JSON member \"%.60s\" stands twice", m->string);
			}
		}
		s = judge_members(m, d);
		if (s != OK) {
			return s;
		}
	}
	return OK;
}

static bool
only_space(span rest)
{
	for (size_t i = 0; i < rest.len; i++) {
		if (!is_space(rest.data[i])) {
			return false;
		}
	}
	return true;
}

status
json_parse(span text, size_t size_max, cJSON **out, struct diag *d)
{
	const char *end = NULL;
	cJSON *o;
	status s;

	if (text.len > size_max) {
		return diag_set(d, LIMIT, NULL, "JSON of %zu bytes, at most %zu are read", text.len,
			size_max);
	}
	if (!utf8_is_valid(text)) {
		return diag_set(d, BAD_INPUT, "RFC 8259 8.1", "JSON is not valid UTF-8");
	}
	s = judge_depth(text, d);
	if (s == OK) {
		s = judge_escapes(text, d);
	}
	if (s != OK) {
		return s;
	}
	o = cJSON_ParseWithLengthOpts((const char *)text.data, text.len, &end, 0);
	if (o == NULL) {
		return diag_set_at(d, BAD_INPUT, "RFC 8259 2",
			end != NULL ? (size_t)(end - (const char *)text.data) : 0, "not JSON");
	}
	if (!only_space(span_slice(text, (size_t)(end - (const char *)text.data), SIZE_MAX))) {
		s = diag_set(d, BAD_INPUT, "RFC 8259 2", "bytes behind the JSON document");
	} else {
		s = judge_members(o, d);
	}
	if (s != OK) {
		cJSON_Delete(o);
		return s;
	}
	*out = o;
	return OK;
}

static status
get(const cJSON *o, const char *name, const cJSON **out, struct diag *d)
{
	*out = cJSON_GetObjectItemCaseSensitive(o, name);
	if (*out == NULL) {
		return diag_set(d, NOT_FOUND, NULL, "member \"%s\" is missing", name);
	}
	return OK;
}

static status
other_type(struct diag *d, const char *name, const char *wanted)
{
	return diag_set(d, BAD_INPUT, NULL, "member \"%s\" is not %s", name, wanted);
}

status
json_get_text(const cJSON *o, const char *name, span *out, struct diag *d)
{
	const cJSON *m;
	status s = get(o, name, &m, d);

	if (s != OK) {
		return s;
	}
	if (!cJSON_IsString(m)) {
		return other_type(d, name, "a text");
	}
	*out = span_text(m->valuestring);
	return OK;
}

status
json_get_number(const cJSON *o, const char *name, int64_t *out, struct diag *d)
{
	const cJSON *m;
	status s = get(o, name, &m, d);

	if (s != OK) {
		return s;
	}
	/* Above 2^53 a double no longer tells neighbours apart. */
	if (!cJSON_IsNumber(m) || m->valuedouble != floor(m->valuedouble) ||
		fabs(m->valuedouble) > 9007199254740992.0) {
		return other_type(d, name, "a whole number");
	}
	*out = (int64_t)m->valuedouble;
	return OK;
}

status
json_get_bool(const cJSON *o, const char *name, bool *out, struct diag *d)
{
	const cJSON *m;
	status s = get(o, name, &m, d);

	if (s != OK) {
		return s;
	}
	if (!cJSON_IsBool(m)) {
		return other_type(d, name, "true or false");
	}
	*out = cJSON_IsTrue(m);
	return OK;
}

status
json_copy_text(const cJSON *o, const char *name, char *out, size_t room, struct diag *d)
{
	span text;
	status s = json_get_text(o, name, &text, d);

	if (s != OK) {
		return s;
	}
	if (text.len >= room) {
		return diag_set(
			d, LIMIT, NULL, "member \"%s\" is longer than %zu bytes", name, room - 1);
	}
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
	return OK;
}
