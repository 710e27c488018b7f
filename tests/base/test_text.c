#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "base/id.h"
#include "base/text.h"

static void
hex_both_ways(void **state)
{
	char text[16];
	uint8_t bytes[3];

	(void)state;
	assert_string_equal(hex_encode(text, span_of("\x00\xab\xff", 3)), "00abff");
	assert_int_equal(hex_decode(span_text("00ABff"), bytes, 3), OK);
	assert_memory_equal(bytes, "\x00\xab\xff", 3);
	assert_int_equal(hex_decode(span_text("00ABf"), bytes, 3), BAD_INPUT);
	assert_int_equal(hex_decode(span_text("00ABfg"), bytes, 3), BAD_INPUT);
	assert_int_equal(hex_decode(span_text("00AB"), bytes, 3), BAD_INPUT);
}

static void
base64_vectors(void **state)
{
	/* RFC 4648 section 10 */
	static const struct {
		const char *plain, *encoded;
	} rows[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	struct arena *a = arena_new(1 << 16);
	span out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(base64_encode(a, span_text(rows[i].plain)), rows[i].encoded);
		assert_int_equal(base64_decode(a, span_text(rows[i].encoded), &out), OK);
		assert_true(span_is(out, rows[i].plain));
	}
	assert_int_equal(base64_decode(a, span_text("Zm9v\r\n YmE\t=\n"), &out), OK);
	assert_true(span_is(out, "fooba"));
	assert_int_equal(base64_decode(a, span_text("Zm9vYmE"), &out), OK);
	arena_free(a);
}

static void
base64_refuses(void **state)
{
	static const char *const bad[] = { "Zg=", "Zg===", "Z", "Zh==", "Zm9v!", "Zg==Zg==", "=",
		"Zm9-" };
	static const char *const bad_url[] = { "Zg==", "Zm9+", "Z", "Zh", "Zg ", "Zm9v\n" };
	struct arena *a = arena_new(1 << 16);
	uint8_t out[16];
	size_t len;
	span s;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(base64_decode(a, span_text(bad[i]), &s), BAD_INPUT);
	}
	for (size_t i = 0; i < COUNT_OF(bad_url); i++) {
		assert_int_equal(
			base64url_decode(span_text(bad_url[i]), out, sizeof(out), &len), BAD_INPUT);
	}
	assert_int_equal(base64url_decode(span_text("_-8"), out, sizeof(out), &len), OK);
	assert_int_equal(len, 2);
	assert_memory_equal(out, "\xff\xef", 2);
	assert_int_equal(base64url_decode(span_text("AAAA"), out, 2, &len), LIMIT);
	arena_free(a);
}

static void
base32_is_forgiving_where_it_may(void **state)
{
	uint8_t out[5];
	char text[16];

	(void)state;
	assert_string_equal(base32_encode(text, span_of("\x01\x23\x45\x67\x89", 5)), "04HMASW9");
	assert_int_equal(base32_decode(span_text("o4hm-asw9"), out, 5), OK);
	assert_memory_equal(out, "\x01\x23\x45\x67\x89", 5);
	assert_int_equal(base32_decode(span_text("04HMASWU"), out, 5), BAD_INPUT);
	assert_int_equal(base32_decode(span_text("04HMASW"), out, 5), BAD_INPUT);
	assert_int_equal(base32_decode(span_text("04HMASW90"), out, 5), BAD_INPUT);
}

static void
ids_sort_by_time_and_read_back(void **state)
{
	struct clock_manual m;
	char first[ID_TEXT_LEN + 1], second[ID_TEXT_LEN + 1];
	id a, b, back;

	(void)state;
	clock_manual_init(&m, TEST_TIME_S * 1000);
	assert_int_equal(id_new(&m.clock, &a), OK);
	clock_manual_add(&m, 1);
	assert_int_equal(id_new(&m.clock, &b), OK);
	assert_true(strcmp(id_text(first, &a), id_text(second, &b)) < 0);
	assert_int_equal(strlen(first), ID_TEXT_LEN);
	assert_int_equal(id_parse(span_text(first), &back), OK);
	assert_true(id_equal(&a, &back));
	first[25] = '!';
	assert_int_equal(id_parse(span_text(first), &back), BAD_INPUT);
	assert_int_equal(id_parse(span_text("short"), &back), BAD_INPUT);
	/* Those that only count are never the same twice, and sort by time as well. */
	assert_int_equal(id_next(&m.clock, &a), OK);
	for (int k = 0; k < 1000; k++) {
		assert_int_equal(id_next(&m.clock, &b), OK);
		assert_true(strcmp(id_text(first, &a), id_text(second, &b)) < 0);
		a = b;
	}
	clock_manual_add(&m, 1);
	assert_int_equal(id_next(&m.clock, &b), OK);
	assert_true(memcmp(a.bytes, b.bytes, 6) < 0);
}

static void
utf8_rules(void **state)
{
	static const char *const good[] = { "", "abc", "\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x94\x92", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xc3", "\xe2\x82", "a\xff" };
	static const char *const unfit[] = { "a\nb", "\x7f", "\xe2\x80\xaexyz", "\xe2\x80\x8b",
		"\xef\xbb\xbf", "\xc2\x85" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(utf8_is_valid(span_text(good[i])));
		assert_true(utf8_is_printable(span_text(good[i])));
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(utf8_is_valid(span_text(bad[i])));
		assert_false(utf8_is_printable(span_text(bad[i])));
	}
	for (size_t i = 0; i < COUNT_OF(unfit); i++) {
		assert_true(utf8_is_valid(span_text(unfit[i])));
		assert_false(utf8_is_printable(span_text(unfit[i])));
	}
	assert_false(utf8_is_printable(span_of("a\0b", 3)));
}

static void
dates_both_ways(void **state)
{
	static const struct {
		int64_t time;
		const char *text;
	} rows[] = { { 0, "1970-01-01T00:00:00Z" }, { -1, "1969-12-31T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" }, { 2147483647, "2038-01-19T03:14:07Z" },
		{ 2147483648, "2038-01-19T03:14:08Z" }, { 2524608000, "2050-01-01T00:00:00Z" },
		{ 4107542400, "2100-03-01T00:00:00Z" }, { 253402300799, "9999-12-31T23:59:59Z" },
		{ TEST_TIME_S, "2026-11-23T12:00:00Z" } };
	char text[TIME_TEXT_MAX];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(time_text(text, rows[i].time), rows[i].text);
		assert_int_equal(time_parse(span_text(rows[i].text), &back), OK);
		assert_int_equal(back, rows[i].time);
	}
	for (int64_t t = -100000000000; t < 250000000000; t += 8641234567) {
		assert_int_equal(civil_to_time(civil_from_time(t)), t);
	}
}

static void
dates_refused(void **state)
{
	static const char *const bad[] = { "", "2026-11-23", "2026-11-23T12:00:00",
		"2026-11-23T12:00:00+00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z",
		"2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1aZ", "+026-01-01T00:00:00Z",
		"2100-02-29T00:00:00Z" };
	int64_t t;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(time_parse(span_text(bad[i]), &t), BAD_INPUT);
	}
	assert_int_equal(time_parse(span_text("2019-01-24T16:35:23.473Z"), &t), OK);
	assert_int_equal(t, 1548347723);
}

static void
numbers_and_durations(void **state)
{
	int64_t n;

	(void)state;
	assert_int_equal(number_parse(span_text("999999999999999999"), &n), OK);
	assert_int_equal(number_parse(span_text("1000000000000000000"), &n), BAD_INPUT);
	assert_int_equal(number_parse(span_text("-1"), &n), BAD_INPUT);
	assert_int_equal(number_parse(span_text(""), &n), BAD_INPUT);
	assert_int_equal(duration_parse(span_text("90d"), &n), OK);
	assert_int_equal(n, 90 * 86400);
	assert_int_equal(duration_parse(span_text("45"), &n), OK);
	assert_int_equal(n, 45);
	assert_int_equal(duration_parse(span_text("d"), &n), BAD_INPUT);
	assert_int_equal(duration_parse(span_text("1x"), &n), BAD_INPUT);
	assert_int_equal(duration_parse(span_text("999999999999999999y"), &n), BAD_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(base64_vectors),
		cmocka_unit_test(base64_refuses),
		cmocka_unit_test(base32_is_forgiving_where_it_may),
		cmocka_unit_test(ids_sort_by_time_and_read_back),
		cmocka_unit_test(utf8_rules),
		cmocka_unit_test(dates_both_ways),
		cmocka_unit_test(dates_refused),
		cmocka_unit_test(numbers_and_durations),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
