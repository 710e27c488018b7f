/* JSON: what is read, printed and read again says the same; the writer's own texts are read back as they were. */
#define FUZZ_MAX_LEN 4096
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "fuzz.h"

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
