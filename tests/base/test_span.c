#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "base/span.h"

static void
found_where_it_is(void **state)
{
	static const struct {
		span in, what;
		size_t at;
	} rows[] = {
		{ { (const uint8_t *)"abcabc", 6 }, { (const uint8_t *)"abc", 3 }, 0 },
		{ { (const uint8_t *)"abcabc", 6 }, { (const uint8_t *)"bca", 3 }, 1 },
		{ { (const uint8_t *)"abcabc", 6 }, { (const uint8_t *)"c", 1 }, 2 },
		{ { (const uint8_t *)"a\0b", 3 }, { (const uint8_t *)"\0b", 2 }, 1 },
		{ { (const uint8_t *)"abc", 3 }, { (const uint8_t *)"abc", 3 }, 0 },
		{ { (const uint8_t *)"abc", 3 }, { NULL, 0 }, 0 },
		{ { NULL, 0 }, { NULL, 0 }, 0 },
		/* Not there; and never beyond the length, whatever stands behind it. */
		{ { NULL, 0 }, { (const uint8_t *)"a", 1 }, SIZE_MAX },
		{ { (const uint8_t *)"abc", 0 }, { (const uint8_t *)"a", 1 }, SIZE_MAX },
		{ { (const uint8_t *)"abc", 2 }, { (const uint8_t *)"c", 1 }, SIZE_MAX },
		{ { (const uint8_t *)"abc", 2 }, { (const uint8_t *)"abc", 3 }, SIZE_MAX },
		{ { (const uint8_t *)"abc", 3 }, { (const uint8_t *)"abcd", 4 }, SIZE_MAX },
		{ { (const uint8_t *)"aab", 3 }, { (const uint8_t *)"ba", 2 }, SIZE_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (span_find(rows[i].in, rows[i].what) != rows[i].at) {
			fail_msg("row %zu: %zu, not %zu", i, span_find(rows[i].in, rows[i].what),
				rows[i].at);
		}
	}
}

static void
lines_one_by_one(void **state)
{
	span rest = span_text("one\n\nthree\nfour"), line;

	(void)state;
	assert_true(span_take_line(&rest, &line));
	assert_true(span_is(line, "one"));
	assert_true(span_take_line(&rest, &line));
	assert_int_equal(0, line.len);
	assert_true(span_take_line(&rest, &line));
	assert_true(span_is(line, "three"));
	assert_false(span_take_line(&rest, &line));
	assert_true(span_is(rest, "four"));
	rest = span_of(NULL, 0);
	assert_false(span_take_line(&rest, &line));
}

static void
slices_stay_inside(void **state)
{
	span s = span_text("abc");

	(void)state;
	assert_true(span_is(span_slice(s, 1, 1), "b"));
	assert_true(span_is(span_slice(s, 1, SIZE_MAX), "bc"));
	assert_int_equal(0, span_slice(s, 4, 1).len);
	assert_int_equal(0, span_slice(s, SIZE_MAX, SIZE_MAX).len);
	assert_int_equal(0, span_slice(span_of(NULL, 0), 0, 7).len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_where_it_is),
		cmocka_unit_test(lines_one_by_one),
		cmocka_unit_test(slices_stay_inside),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
