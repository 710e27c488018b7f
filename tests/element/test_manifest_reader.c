#include "support.h"

#include <stdlib.h>

#include "element/manifest.h"

/* The file's bytes, `step` at a time; IO once `fails_at` bytes were given (0: never). */
struct source {
	span bytes;
	size_t step, given, fails_at;
};

static status
give(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	struct source *s = context;
	size_t n = s->bytes.len < s->step ? s->bytes.len : s->step;

	n = n < room ? n : room;
	if (s->fails_at != 0 && s->given >= s->fails_at) {
		return diag_set(d, IO, NULL, "the disk is gone");
	}
	if (n > 0) {
		memcpy(out, s->bytes.data, n);
	}
	s->bytes = span_slice(s->bytes, n, SIZE_MAX);
	s->given += n;
	*len = n;
	return OK;
}

/* What came of a file, as one text: "{..}|{..}|L|" and how it ended. */
static char *
split(struct arena *a, span file, size_t step)
{
	struct source s = { .bytes = file, .step = step };
	struct manifest_reader *r;
	struct diag d = { 0 };
	struct buffer out;
	uint64_t expected = 0;
	char *text;

	buffer_init(&out, 64 << 20);
	assert_ok(manifest_reader_new(give, &s, &r, &d), d);
	for (;;) {
		uint64_t number = 99;
		span entry;
		status st;

		diag_clear(&d);
		st = manifest_reader_next(r, &entry, &number, &d);
		if (st == NOT_FOUND || st == BAD_INPUT) {
			/* And so it stays. */
			assert_int_equal(st, manifest_reader_next(r, &entry, &number, NULL));
			assert_true(st == NOT_FOUND || d.text[0] != '\0');
			buffer_put_text(&out, st == NOT_FOUND ? "end" : "broken");
			break;
		}
		assert_int_equal(expected++, number);
		if (st == LIMIT) {
			assert_int_equal(0, entry.len);
			buffer_put_text(&out, "L|");
			continue;
		}
		assert_int_equal(OK, st);
		assert_true(entry.len <= MANIFEST_ENTRY_MAX);
		buffer_put(&out, entry);
		buffer_put_text(&out, "|");
	}
	manifest_reader_free(r);
	text = arena_string(a, buffer_span(&out));
	buffer_wipe(&out);
	return text;
}

static const struct {
	const char *file, *expected;
} rows[] = {
	/* arrays */
	{ "[]", "end" },
	{ " [ ] \r\n", "end" },
	{ "\xef\xbb\xbf[]", "end" },
	{ "[{}]", "{}|end" },
	{ "[{},{}]", "{}|{}|end" },
	{ " [ {\"a\": 1} ,\n\t{\"b\":[{},{\"c\":\"}\"}]} ] ",
		"{\"a\": 1}|{\"b\":[{},{\"c\":\"}\"}]}|end" },
	{ "[{\"a\":\"\\\"}\"}]", "{\"a\":\"\\\"}\"}|end" },
	{ "[{\"a\":\"\\\\\"},{}]", "{\"a\":\"\\\\\"}|{}|end" },
	{ "[{\"a\":\"[{\"},{}]", "{\"a\":\"[{\"}|{}|end" },
	/* broken inside: the verifier's to say */
	{ "[{nonsense},{\"a\":]}}]", "{nonsense}|{\"a\":]|broken" },
	{ "[{nonsense},{}]", "{nonsense}|{}|end" },
	/* broken */
	{ "", "broken" },
	{ " \n", "broken" },
	{ "\xef\xbb\xbf", "broken" },
	{ "\xef\xbb", "broken" },
	{ "hello", "broken" },
	{ "\"[{}]\"", "broken" },
	{ "[", "broken" },
	{ "[{}", "{}|broken" },
	{ "[{},", "{}|broken" },
	{ "[{},]", "{}|broken" },
	{ "[,{}]", "broken" },
	{ "[{}{}]", "{}|broken" },
	{ "[{}] x", "{}|broken" },
	{ "[{}]]", "{}|broken" },
	{ "[{}][{}]", "{}|broken" },
	{ "[1]", "broken" },
	{ "[[{}]]", "broken" },
	{ "[{\"a\":", "broken" },
	{ "[{\"a\":\"", "broken" },
	{ "[{},null]", "{}|broken" },
	/* lines */
	{ "{}", "{}|end" },
	{ "{}\n", "{}|end" },
	{ "{}\r\n{\"a\":1} \r\n\n  \n{}", "{}|{\"a\":1}|{}|end" },
	{ "\xef\xbb\xbf{}\n{}\n", "{}|{}|end" },
	{ "{ cut\n{}\n", "{ cut|{}|end" },
	{ "{} {}\n{}", "{} {}|{}|end" },
	{ "{\n\"a\":1}\n", "{|broken" },
	{ "{}\nnonsense\n{}", "{}|broken" },
	{ "{}\n[{}]", "{}|broken" },
};

static void
whatever_the_chunks(void **state)
{
	struct arena *a = arena_new(1 << 22);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		span file = span_text(rows[i].file);

		for (size_t step = 1; step <= file.len + 1; step++) {
			const char *got = split(a, file, step);

			if (strcmp(got, rows[i].expected) != 0) {
				fail_msg("%s by %zu: %s, expected %s", rows[i].file, step, got,
					rows[i].expected);
			}
		}
	}
	arena_free(a);
}

static void
a_nul_byte_is_no_end(void **state)
{
	static const char in_array[] = "[{}\0,{}]", in_lines[] = "{}\n\0{}";
	struct arena *a = arena_new(1 << 20);

	(void)state;
	assert_string_equal("{}|broken", split(a, span_of(in_array, sizeof(in_array) - 1), 3));
	assert_string_equal("{}|broken", split(a, span_of(in_lines, sizeof(in_lines) - 1), 3));
	arena_free(a);
}

/* {"x":"aaaa..."} of exactly this length. */
static void
put_entry(struct buffer *out, size_t len)
{
	uint8_t *p;

	buffer_put_text(out, "{\"x\":\"");
	p = buffer_grow(out, len - 8);
	assert_non_null(p);
	memset(p, 'a', len - 8);
	buffer_put_text(out, "\"}");
}

/* The limit is met to the byte, by every chunking, and what stands behind it is read. */
static void
entries_over_the_limit_are_passed_over(void **state)
{
	static const size_t lengths[] = { MANIFEST_ENTRY_MAX - 1, MANIFEST_ENTRY_MAX,
		MANIFEST_ENTRY_MAX + 1, 2 * MANIFEST_ENTRY_MAX - 1, 2 * MANIFEST_ENTRY_MAX,
		5 * MANIFEST_ENTRY_MAX + 17 };
	static const size_t steps[] = { 1000, 4096, 65535, 65536, 65537, 1 << 20 };
	struct arena *a = arena_new(64 << 20);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i / 2];
		struct buffer file;

		buffer_init(&file, 8 << 20);
		buffer_put_text(&file, i % 2 == 0 ? "[{}," : "{}\n");
		put_entry(&file, len);
		buffer_put_text(&file, i % 2 == 0 ? ",{\"y\":1}]" : "\n{\"y\":1}\n");
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			char *got = split(a, buffer_span(&file), steps[k]);

			if (len > MANIFEST_ENTRY_MAX) {
				assert_string_equal("{}|L|{\"y\":1}|end", got);
			} else {
				assert_int_equal(3 + len + 1 + 8 + 3, strlen(got));
			}
			arena_reset(a);
		}
		buffer_wipe(&file);
	}
	arena_free(a);
}

static void
faults_of_the_source_are_told(void **state)
{
	struct source s = { .bytes = span_text("[{},{},{}]"), .step = 4, .fails_at = 8 };
	struct manifest_reader *r;
	struct diag d = { 0 };
	uint64_t number;
	span entry;

	(void)state;
	assert_ok(manifest_reader_new(give, &s, &r, &d), d);
	assert_ok(manifest_reader_next(r, &entry, &number, &d), d);
	assert_ok(manifest_reader_next(r, &entry, &number, &d), d);
	assert_int_equal(IO, manifest_reader_next(r, &entry, &number, &d));
	assert_string_equal("the disk is gone", d.text);
	diag_clear(&d);
	assert_int_equal(IO, manifest_reader_next(r, &entry, &number, &d));
	assert_string_equal("the disk is gone", d.text);
	manifest_reader_free(r);
}

static void
where_it_broke_is_told(void **state)
{
	struct source s = { .bytes = span_text("[{},{},7]"), .step = 2 };
	struct manifest_reader *r;
	struct diag d = { 0 };
	uint64_t number;
	span entry;

	(void)state;
	assert_ok(manifest_reader_new(give, &s, &r, &d), d);
	assert_ok(manifest_reader_next(r, &entry, &number, &d), d);
	assert_ok(manifest_reader_next(r, &entry, &number, &d), d);
	assert_int_equal(BAD_INPUT, manifest_reader_next(r, &entry, &number, &d));
	assert_non_null(strstr(d.text, "entry 2"));
	assert_int_equal(7, d.offset);
	assert_string_equal("RFC 7515 7.2.2", d.clause);
	manifest_reader_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_chunks),
		cmocka_unit_test(a_nul_byte_is_no_end),
		cmocka_unit_test(entries_over_the_limit_are_passed_over),
		cmocka_unit_test(faults_of_the_source_are_told),
		cmocka_unit_test(where_it_broke_is_told),
	};

	return cmocka_run_group_tests_name("manifest reader", tests, NULL, NULL);
}
