/*
 * JSON: what is read follows the grammar of RFC 8259, which stands here once more; printed and read again it says the
 * same; the writer's own texts are read back as they were.
 */
#define FUZZ_MAX_LEN 4096
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "fuzz.h"

/* --- the grammar: each function gives where its production ends, NULL where there is none --- */

static const uint8_t *
skip_space(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
		p++;
	}
	return p;
}

static const uint8_t *
read_word(const uint8_t *p, const uint8_t *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

static const uint8_t *
read_digits(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *begin = p;

	while (p < end && *p >= '0' && *p <= '9') {
		p++;
	}
	return p > begin ? p : NULL;
}

static const uint8_t *
read_number(const uint8_t *p, const uint8_t *end)
{
	p += p < end && *p == '-';
	p = p < end && *p == '0' ? p + 1 : read_digits(p, end);
	if (p != NULL && p < end && *p == '.') {
		p = read_digits(p + 1, end);
	}
	if (p != NULL && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		p = read_digits(p, end);
	}
	return p;
}

static const uint8_t *
read_text(const uint8_t *p, const uint8_t *end)
{
	if (p == end || *p++ != '"') {
		return NULL;
	}
	for (; p < end && *p != '"'; p++) {
		if (*p < 0x20) {
			return NULL;
		}
		if (*p != '\\') {
			continue;
		}
		if (++p == end || strchr("\"\\/bfnrtu", *p) == NULL) {
			return NULL;
		}
		for (int i = 0; *p == 'u' && i < 4; i++) {
			if (end - p < 6 || strchr("0123456789abcdefABCDEF", p[1 + i]) == NULL) {
				return NULL;
			}
		}
	}
	return p < end ? p + 1 : NULL;
}

static const uint8_t *read_value(const uint8_t *p, const uint8_t *end);

static const uint8_t *
read_members(const uint8_t *p, const uint8_t *end, bool is_object)
{
	uint8_t closing = is_object ? '}' : ']';

	p = skip_space(p, end);
	if (p < end && *p == closing) {
		return p + 1;
	}
	while (p != NULL && p < end) {
		if (is_object) {
			p = read_text(skip_space(p, end), end);
			p = p != NULL ? skip_space(p, end) : NULL;
			p = p != NULL && p < end && *p == ':' ? p + 1 : NULL;
		}
		p = p != NULL ? read_value(p, end) : NULL;
		if (p != NULL && p < end && *p == closing) {
			return p + 1;
		}
		p = p != NULL && p < end && *p == ',' ? p + 1 : NULL;
	}
	return NULL;
}

/* With the white space around it. */
static const uint8_t *
read_value(const uint8_t *p, const uint8_t *end)
{
	p = skip_space(p, end);
	if (p == end) {
		return NULL;
	}
	switch (*p) {
	case '{':
	case '[':
		p = read_members(p + 1, end, *p == '{');
		break;
	case '"':
		p = read_text(p, end);
		break;
	case 't':
		p = read_word(p, end, "true");
		break;
	case 'f':
		p = read_word(p, end, "false");
		break;
	case 'n':
		p = read_word(p, end, "null");
		break;
	default:
		p = read_number(p, end);
	}
	return p != NULL ? skip_space(p, end) : NULL;
}

static bool
is_json(span text)
{
	const uint8_t *p = text.data, *end = p + text.len;
	const uint8_t *mark =
		read_word(p, end, "\xef\xbb\xbf"); /* a reader may pass over it: 8.1 */

	return read_value(mark != NULL ? mark : p, end) == end;
}

/* --- there and back --- */

static void
write_value(struct json_writer *w, const char *name, const cJSON *v)
{
	if (cJSON_IsObject(v) || cJSON_IsArray(v)) {
		if (cJSON_IsObject(v)) {
			json_object_open(w, name);
		} else {
			json_array_open(w, name);
		}
		for (const cJSON *m = v->child; m != NULL; m = m->next) {
			write_value(w, cJSON_IsObject(v) ? m->string : NULL, m);
		}
		if (cJSON_IsObject(v)) {
			json_object_close(w);
		} else {
			json_array_close(w);
		}
	} else if (cJSON_IsString(v)) {
		json_text(w, name, v->valuestring);
	} else if (cJSON_IsBool(v)) {
		json_bool(w, name, cJSON_IsTrue(v));
	} else {
		json_null(w, name); /* numbers are compared by themselves */
	}
}

static bool
same(const cJSON *a, const cJSON *b)
{
	const cJSON *x = a->child, *y = b->child;

	if (cJSON_IsNumber(a)) {
		return cJSON_IsNull(b) || cJSON_IsNumber(b);
	}
	if ((a->type & 0xff) != (b->type & 0xff) ||
		(cJSON_IsString(a) && strcmp(a->valuestring, b->valuestring) != 0)) {
		return false;
	}
	for (; x != NULL && y != NULL; x = x->next, y = y->next) {
		if ((cJSON_IsObject(a) && strcmp(x->string, y->string) != 0) || !same(x, y)) {
			return false;
		}
	}
	return x == NULL && y == NULL;
}

static void
check_numbers(const cJSON *v)
{
	for (const cJSON *m = v->child; m != NULL; m = m->next) {
		int64_t n;

		if (cJSON_IsObject(v) && json_get_number(v, m->string, &n, NULL) == OK) {
			HOLDS(n >= -(INT64_C(1) << 53) && n <= INT64_C(1) << 53);
			HOLDS((double)n == m->valuedouble);
		}
		check_numbers(m);
	}
}

static void
check_document(span input)
{
	struct json_writer w;
	struct buffer once, twice;
	cJSON *first, *second;

	if (json_parse(input, FUZZ_MAX_LEN, &first, NULL) != OK) {
		return;
	}
	HOLDS(is_json(input));
	buffer_init(&once, 16 * FUZZ_MAX_LEN);
	buffer_init(&twice, 16 * FUZZ_MAX_LEN);
	json_begin(&w, &once);
	write_value(&w, NULL, first);
	HOLDS(!buffer_failed(&once) && utf8_is_valid(buffer_span(&once)));
	HOLDS(json_parse(buffer_span(&once), SIZE_MAX, &second, NULL) == OK);
	HOLDS(same(first, second));
	json_begin(&w, &twice);
	write_value(&w, NULL, second);
	HOLDS(span_equal(buffer_span(&once), buffer_span(&twice)));
	check_numbers(first);
	cJSON_Delete(first);
	cJSON_Delete(second);
	buffer_wipe(&once);
	buffer_wipe(&twice);
}

/* Any bytes as a text: valid ones come back as they were, others as valid ones. */
static void
check_text(span input)
{
	struct json_writer w;
	struct buffer b;
	cJSON *back;
	span text;

	if (input.len > 0 && memchr(input.data, 0, input.len) != NULL) {
		return; /* an escaped NUL is refused on the way in */
	}
	buffer_init(&b, 16 * FUZZ_MAX_LEN);
	json_begin(&w, &b);
	json_object_open(&w, NULL);
	json_span(&w, "text", input);
	json_object_close(&w);
	HOLDS(!buffer_failed(&b));
	HOLDS(json_parse(buffer_span(&b), SIZE_MAX, &back, NULL) == OK);
	HOLDS(json_get_text(back, "text", &text, NULL) == OK);
	HOLDS(utf8_is_valid(text));
	HOLDS(!utf8_is_valid(input) || span_equal(text, input));
	cJSON_Delete(back);
	buffer_wipe(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len <= FUZZ_MAX_LEN) {
		check_document(span_of(data, len));
		check_text(span_of(data, len));
	}
	return 0;
}
