/* The small parts under the handlers, without store and signer: lines, boxes, fields. */
#include <stdio.h>

#include "support.h"

#include "api/body.h"
#include "api/boxed.h"
#include "api/lines.h"

/* --- lines --- */

static void
test_lines(void **state)
{
	static const struct {
		const char *text;
		const char *lines; /* each ended by '|' */
		size_t number;	   /* of the last */
	} rows[] = {
		{ "", "", 0 },
		{ "\n\n\n", "", 3 },
		{ "a", "a|", 1 },
		{ "a\n", "a|", 1 },
		{ "a\nb", "a|b|", 2 },
		{ "a\r\nb\r\n", "a|b|", 2 },
		{ "\n\na \t\n  \nb", "a|b|", 5 },
		{ " a", " a|", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		span rest = span_text(rows[i].text), line;
		char seen[64] = "";
		size_t number = 0;

		while (lines_next(&rest, &line, &number)) {
			snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s|",
				(int)line.len, (const char *)line.data);
		}
		assert_string_equal(rows[i].lines, seen);
		assert_int_equal(rows[i].number, number);
	}
}

/* --- boxes --- */

#define ENTRY(id) "{\"header\":{\"uniqueId\":\"" id "\"},\"payload\":\"x\"}"
#define BOX(id, code) "{\"entry\":" ENTRY(id) ",\"code\":\"" code "\"}"

static void
test_box_gives_each_its_code(void **state)
{
	static const char body[] = BOX("0123000000000003ee", "33333-33333-33333-33333") "\n" BOX(
		"0123000000000001ee", "1111111111 1111111111") "\n\n" BOX("0123000000000002ee",
		"oO0-IlL-22222222222222");
	struct boxed *b = NULL;
	struct diag d = { 0 };
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	assert_true(boxed_is(span_text(body)));
	assert_ok(boxed_read(span_text(body), &b, &d), d);
	assert_true(boxed_code(b, "0123000000000001ee", code));
	assert_string_equal("11111-11111-11111-11111", code);
	assert_true(boxed_code(b, "0123000000000002ee", code));
	assert_string_equal("00011-12222-22222-22222", code);
	assert_true(boxed_code(b, "0123000000000003ee", code));
	assert_string_equal("33333-33333-33333-33333", code);
	assert_false(boxed_code(b, "0123000000000004ee", code));
	assert_false(boxed_code(b, "", code));
	/* The manifest is what the chip maker would write. */
	static const char manifest[] = ENTRY("0123000000000003ee") "\n" ENTRY(
		"0123000000000001ee") "\n" ENTRY("0123000000000002ee") "\n";
	assert_true(span_is(boxed_manifest(b), manifest));
	boxed_free(b);
}

static void
test_what_is_no_box(void **state)
{
	static const char *const others[] = { "", "\n", "[", "[{\"entry\":{}}]", ENTRY("01"),
		"{\"code\":\"x\"}", "{", "{\"entry\":{}" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_false(boxed_is(span_text(others[i])));
	}
	boxed_free(NULL);
}

static void
test_bad_boxes(void **state)
{
	static const char *const bad[] = { "{\"entry\":{}}", "{\"entry\":{},\"code\":null}",
		"{\"entry\":{},\"code\":\"\"}", "{\"entry\":{},\"code\":\"1111-1111\"}",
		"{\"entry\":{},\"code\":\"1111111111111111111U\"}",
		"{\"entry\":7,\"code\":\"11111111111111111111\"}",
		"{\"Entry\":{},\"code\":\"11111111111111111111\"}",
		"{\"entry\":{},\"code\":\"11111111111111111111\",\"more\":1}", "[]", "x" };
	struct boxed *b = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct diag d = { 0 };

		assert_int_equal(BAD_INPUT, boxed_read(span_text(bad[i]), &b, &d));
		assert_memory_equal("line 1: ", d.text, 8);
		assert_null(b);
	}
}

/* --- fields --- */

struct record {
	char name[NAME_MAX_LEN + 1];
	span words, pem;
	int64_t number;
	int phase;
	bool is_set;
};

static const struct field fields[] = {
	{ "name", FIELD_NAME, true, FIELD(record, name) },
	{ "words", FIELD_TEXT, false, FIELD(record, words), 1, 5 },
	{ "pem", FIELD_LINES, false, FIELD(record, pem), 0, 20 },
	{ "number", FIELD_NUMBER, false, FIELD(record, number), -2, 3 },
	{ "set", FIELD_BOOL, false, FIELD(record, is_set) },
	{ "phase", FIELD_WORD, false, FIELD(record, phase), .word = word_phase },
};

static void
test_fields(void **state)
{
	static const struct {
		const char *text;
		status status;
		unsigned given;
	} rows[] = {
		{ "{\"name\":\"a\"}", OK, 1 },
		{ "{\"name\":\"a\",\"words\":null,\"number\":null}", OK, 1 },
		{ "{\"name\":\"a\",\"words\":\"b c\",\"number\":-2,\"set\":false}", OK, 27 },
		{ "{\"name\":\"a\",\"pem\":\"b\\r\\n\\tc\\n\",\"phase\":\"pilot\"}", OK, 37 },
		{ "{\"name\":\"a\",\"words\":\"\xc3\xa4\xc3\xa4\"}", OK, 3 },
		{ "{}", BAD_INPUT, 0 },
		{ "{\"name\":null}", BAD_INPUT, 0 },
		{ "{\"NAME\":\"a\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"Words\":\"b\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"-a\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"A\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a/b\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"words\":\"\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"words\":\"123456\"}", LIMIT, 0 },
		{ "{\"name\":\"a\",\"words\":\"a\\nb\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"pem\":\"a\\u0001b\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"number\":4}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"number\":-3}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"number\":1.5}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"number\":\"1\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"set\":1}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"phase\":\"Pilot\"}", BAD_INPUT, 0 },
		{ "{\"name\":\"a\",\"phase\":\"\"}", BAD_INPUT, 0 },
		{ "[]", BAD_INPUT, 0 },
		{ "\"name\"", BAD_INPUT, 0 },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct record r = { .number = 42 };
		struct diag d = { 0 };
		unsigned given = 0;
		cJSON *o = cJSON_Parse(rows[i].text);
		status s = fields_read(a, o, fields, COUNT_OF(fields), &r, &given, &d);

		if (s != rows[i].status || given != rows[i].given) {
			fail_msg("%s: %s, %u", rows[i].text, status_name(s), given);
		}
		if ((given & 8) == 0 && s == OK) {
			assert_int_equal(42, r.number); /* what is absent stays */
		}
		cJSON_Delete(o);
	}
	arena_free(a);
}

static void
test_names(void **state)
{
	char longest[NAME_MAX_LEN + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(name_is_valid(span_of(longest, NAME_MAX_LEN)));
	assert_false(name_is_valid(span_of(longest, NAME_MAX_LEN + 1)));
	assert_true(name_is_valid(span_text("0.a_b-c")));
	assert_false(name_is_valid(span_text(".a")));
	assert_false(name_is_valid(span_of("a\0b", 3)));
}

/* --- words --- */

static void
test_reasons(void **state)
{
	static const char *const good[] = { "keyCompromise", "affiliationChanged", "superseded",
		"cessationOfOperation", "privilegeWithdrawn" };
	static const char *const bad[] = { "unspecified", "cACompromise", "certificateHold",
		"keycompromise", "", "removeFromCRL" };
	int reason = -1;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(OK, word_reason(span_text(good[i]), &reason));
		assert_string_equal(
			good[i], revocation_reason_name((enum revocation_reason)reason));
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(BAD_INPUT, word_reason(span_text(bad[i]), &reason));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_box_gives_each_its_code),
		cmocka_unit_test(test_what_is_no_box),
		cmocka_unit_test(test_bad_boxes),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
