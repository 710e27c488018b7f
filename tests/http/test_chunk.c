#include <stdlib.h>

#include "support.h"

#include "base/limits.h"
#include "http/chunk.h"

#define BODY_MAX 32

/* Reads the text in pieces of `step` bytes. */
static status
read_in_steps(const char *text, size_t step, struct buffer *body, size_t *used, struct diag *d)
{
	struct chunk_reader c = { 0 };
	size_t len = strlen(text), at = 0;
	status s = UNAVAILABLE;

	buffer_clear(body);
	diag_clear(d);
	while (s == UNAVAILABLE && at < len) {
		size_t n = 0;

		s = chunk_read(&c, span_slice(span_text(text), at, step), &n, body, d);
		at += n;
	}
	*used = at;
	return s;
}

static void
good_bodies_are_read(void **state)
{
	static const struct {
		const char *text, *body, *rest;
	} table[] = {
		{ "0\r\n\r\n", "", "" },
		{ "5\r\nhello\r\n0\r\n\r\n", "hello", "" },
		{ "5\r\nhello\r\n0\r\n\r\nGET", "hello", "GET" },
		{ "1\r\na\r\n2\r\nbc\r\n000\r\n\r\n", "abc", "" },
		{ "A;x=y\r\n0123456789\r\n00;\"a\"\r\n\r\n", "0123456789", "" },
		{ "a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n", "" },
		{ "1\r\na\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\n", "a", "" },
		{ "20\r\n01234567890123456789012345678901\r\n0\r\n\r\n",
			"01234567890123456789012345678901", "" },
	};
	struct buffer body;
	struct diag d;
	size_t used;

	(void)state;
	buffer_init(&body, BODY_MAX);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t step = 1; step < 64; step++) {
			assert_ok(read_in_steps(table[i].text, step, &body, &used, &d), d);
			assert_true(span_is(buffer_span(&body), table[i].body));
			assert_string_equal(table[i].text + used, table[i].rest);
		}
	}
	buffer_wipe(&body);
}

static void
bad_bodies_are_refused(void **state)
{
	static const struct {
		const char *text;
		status wanted;
	} table[] = {
		{ "\r\n", BAD_INPUT },
		{ "g\r\n", BAD_INPUT },
		{ "-1\r\n", BAD_INPUT },
		{ "+1\r\na\r\n0\r\n\r\n", BAD_INPUT },
		{ "0x1\r\na\r\n0\r\n\r\n", BAD_INPUT },
		{ " 1\r\na\r\n0\r\n\r\n", BAD_INPUT },
		{ "1 \r\na\r\n0\r\n\r\n", BAD_INPUT },
		{ "1\na\n0\n\n", BAD_INPUT },
		{ "1\r\na\n0\r\n\r\n", BAD_INPUT },
		{ "1\ra\r\n0\r\n\r\n", BAD_INPUT },
		{ "1\r\nab\r\n0\r\n\r\n", BAD_INPUT },
		{ "2\r\na\r\n0\r\n\r\n", BAD_INPUT },
		{ "1\r\na0\r\n\r\n", BAD_INPUT },
		{ "1;a\nb\r\na\r\n0\r\n\r\n", BAD_INPUT },
		{ ";\r\n", BAD_INPUT },
		{ "0\r\n A: b\r\n\r\n", BAD_INPUT },
		{ "0\r\nA\r\n\r\n", BAD_INPUT },
		{ "0\r\nA : b\r\n\r\n", BAD_INPUT },
		{ "0\r\n: b\r\n\r\n", BAD_INPUT },
		{ "0\r\nA: b\n\r\n", BAD_INPUT },
		{ "0\r\n\n", BAD_INPUT },
		{ "0\r\n\rx", BAD_INPUT },
		{ "0000000000000001\r\n", BAD_INPUT },
		{ "ffffffffffffffff\r\n", BAD_INPUT },
		{ "fffffffffffffff\r\n", LIMIT },
		{ "21\r\n", LIMIT },
		{ "20\r\n01234567890123456789012345678901\r\n1\r\n", LIMIT },
		{ "1\r\na\r\n", UNAVAILABLE },
		{ "0\r\n", UNAVAILABLE },
		{ "0\r\n\r", UNAVAILABLE },
	};
	struct buffer body;
	struct diag d;
	size_t used;

	(void)state;
	buffer_init(&body, BODY_MAX);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t step = 1; step < 40; step += 13) {
			status s = read_in_steps(table[i].text, step, &body, &used, &d);

			if (s != table[i].wanted || (s != UNAVAILABLE && d.clause[0] == '\0')) {
				fail_msg("%s: %s", table[i].text, status_name(s));
			}
		}
	}
	buffer_wipe(&body);
}

static void
what_is_dropped_is_bounded(void **state)
{
	char *text = calloc(1, HTTP_HEADER_MAX + 64);
	struct buffer body;
	struct diag d;
	size_t used;

	(void)state;
	buffer_init(&body, BODY_MAX);
	memset(text, 'a', HTTP_HEADER_MAX + 32);
	memcpy(text, "0;", 2);
	assert_int_equal(read_in_steps(text, 1000, &body, &used, &d), LIMIT);
	assert_true(used <= 1000);
	memcpy(text, "0\r\nA:", 5);
	assert_int_equal(read_in_steps(text, 1000, &body, &used, &d), LIMIT);
	free(text);
	buffer_wipe(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_bodies_are_read),
		cmocka_unit_test(bad_bodies_are_refused),
		cmocka_unit_test(what_is_dropped_is_bounded),
	};

	return cmocka_run_group_tests_name("http chunk", tests, NULL, NULL);
}
