#include "support.h"

#include <stdio.h>

#include "base/json.h"
#include "element/scan.h"

static struct arena *a;

static int
set_up(void **state)
{
	(void)state;
	a = arena_new(8 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static const char *const good[] = { "{}", "[]", " {} ", "\"\"", "0", "-0", "1.5", "-1.5e10", "1E+2",
	"true", "false", "null", "[1,2,[3],{}]", "{\"a\":1,\"b\":{\"a\":2}}",
	"[{\"a\":1},{\"a\":1}]", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\ud83d\\ude00\"",
	"\"\xc3\xa9\xf0\x9f\x98\x80\"", "{\"\":0}", "\t\r\n[\t1\r,\n2 ] ",
	"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
	"\"0123456789abcdef0123456789abcdef0123456789abcdef\"" };

static const char *const bad[] = { "", " ", "{", "}", "[", "]", "\"", "{]", "[}", "[1", "[1,]",
	"[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}",
	"{a:1}", "{1:1}", "{'a':1}", "{\"a\" 1}", "01", "-", "+1", ".5", "1.", "1e", "1e+", "1.e5",
	"--1", "0x10", "1a", "tru", "True", "nul", "nullx", "truefalse", "{} {}", "{}x", "[]]",
	"\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
	"\"\\ud800\\ud800\"", "\"\\u0000\"", "\"\\", "\"\t\"", "\"\n\"", "\"\x01\"", "\"\xff\"",
	"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\xef\xbb\xbf{}", "{\"a\":1,\"a\":2}",
	"{\"a\":{\"b\":1,\"b\":1}}", "[{\"x\":[{\"y\":1,\"y\":2}]}]", "{\"\\u0061\":1}",
	"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "\x0b{}", "[1,\x0c 2]", "NaN", "Infinity", "/**/{}",
	"1234567890123456789012345678901234567890123456789012345678901" };

static void
what_is_json(void **state)
{
	struct diag d = { 0 };
	cJSON *o;
	struct scan v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (scan_document(span_text(good[i]), &v, &d) != OK) {
			fail_msg("%s: %s", good[i], d.text);
		}
		/* The other reader takes it too. */
		assert_ok(json_parse(span_text(good[i]), 1 << 20, &o, &d), d);
		cJSON_Delete(o);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		diag_clear(&d);
		if (scan_document(span_text(bad[i]), &v, &d) == OK) {
			fail_msg("taken: %s", bad[i]);
		}
		assert_true(d.text[0] != '\0');
	}
	assert_int_equal(BAD_INPUT, scan_document(span_of("{\"a\0\":1}", 8), &v, NULL));
	assert_int_equal(BAD_INPUT, scan_document(span_of("{}\0", 3), &v, NULL));
}

static void
offsets_are_told(void **state)
{
	struct diag d = { 0 };
	struct scan v;

	(void)state;
	assert_int_equal(BAD_INPUT, scan_document(span_text("{\"a\": x}"), &v, &d));
	assert_int_equal(6, d.offset);
	assert_string_equal("RFC 8259 3", d.clause);
}

static void
members_are_found(void **state)
{
	struct scan_member m[] = { { "b", SCAN_NUMBER, true }, { "longer", SCAN_TEXT, true },
		{ "none", SCAN_ANY, false }, { "o", SCAN_OBJECT, false },
		{ "l", SCAN_ARRAY, false }, { "t", SCAN_ANY, false }, { "e", SCAN_TEXT, false } };
	struct diag d = { 0 };
	struct scan v;
	span text;

	(void)state;
	assert_ok(scan_document(span_text(" { \"x\\\\\" : \"}\\\"{\", "
					  "\"longer\":\"va\\\"l,\\u00e9\" , \"b\" : -12 ,"
					  "\"o\":{\"b\":7,\"t\":[\"]\"]},\"l\":[ 1 , {\"b\":2} "
					  ",\"]\" ],\"t\":true , "
					  "\"e\":\"\"} "),
			  &v, &d) == BAD_INPUT
			  ? OK
			  : BUG,
		d); /* an escaped name */
	diag_clear(&d);
	assert_ok(scan_document(span_text(" { \"x\" : \"}\\\"{\", \"longer\":\"va\\\"l,\\u00e9\" , "
					  "\"b\" : -12 ,"
					  "\"o\":{\"b\":7,\"t\":[\"]\"]},\"l\":[ 1 , {\"b\":2} "
					  ",\"]\" ],\"t\":true , "
					  "\"e\":\"\"} "),
			  &v, &d),
		d);
	assert_ok(scan_members(&v, v.value, "it", m, 7), d);
	assert_true(span_is(m[0].value, "-12"));
	assert_ok(scan_text(a, m[1].value, &text), d);
	assert_true(span_is(text, "va\"l,\xc3\xa9"));
	assert_int_equal(0, m[2].value.len);
	assert_true(span_is(m[3].value, "{\"b\":7,\"t\":[\"]\"]}"));
	assert_true(span_is(m[5].value, "true"));
	assert_ok(scan_text(a, m[6].value, &text), d);
	assert_int_equal(0, text.len);
	struct scan_list list = scan_list_of(&v, m[4].value);
	static const char *const elements[] = { "1", "{\"b\":2}", "\"]\"" };
	for (size_t i = 0; i < 3; i++) {
		assert_true(scan_list_next(&list, &text));
		assert_true(span_is(text, elements[i]));
	}
	assert_false(scan_list_next(&list, &text));
	assert_int_equal(BAD_INPUT, scan_members_only(&v, v.value, "it", m, 7));
	assert_non_null(strstr(d.text, "\"x\""));
}

static void
members_are_held_to_their_types(void **state)
{
	struct scan_member missing[] = { { "b", SCAN_ANY, true } };
	struct scan_member text[] = { { "a", SCAN_TEXT, true } };
	struct scan_member prefix[] = { { "ab", SCAN_ANY, false }, { "", SCAN_ANY, false } };
	static const char *const others[] = { "{\"a\":1}", "{\"a\":null}", "{\"a\":[\"x\"]}",
		"{\"a\":{}}", "{\"a\":true}", "{\"a\":-1}" };
	struct diag d = { 0 };
	struct scan v;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_ok(scan_document(span_text(others[i]), &v, &d), d);
		assert_int_equal(BAD_INPUT, scan_members(&v, v.value, "it", text, 1));
		assert_int_equal(BAD_INPUT, scan_members(&v, v.value, "it", missing, 1));
		assert_ok(scan_members(&v, v.value, "it", prefix, 2), d);
		assert_int_equal(0, prefix[0].value.len);
	}
	/* The name of no letters is a name. */
	assert_ok(scan_document(span_text("{\"\":\"\\\\\",\"ab\":1}"), &v, &d), d);
	assert_ok(scan_members_only(&v, v.value, "it", prefix, 2), d);
	assert_true(span_is(prefix[1].value, "\"\\\\\""));
	diag_clear(&d);
	assert_ok(scan_document(span_text("[]"), &v, &d), d);
	assert_int_equal(BAD_INPUT, scan_members(&v, v.value, "it", text, 1));
	assert_non_null(strstr(d.text, "it is not a JSON object"));
}

static void
texts_are_the_other_readers(void **state)
{
	static const char *const texts[] = { "\"\"", "\"a\"", "\"\\\\\"", "\"a\\/b\\\\\\\"c\"",
		"\"\\ud83d\\ude00\\u0800\\uffff\\u07ff\\u0080\\u007f\"",
		"\"0123456789abcdef\\n0123456789abcdef0123456789abcdef0123456789abcdef\\t\"" };
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cJSON *o;
		struct scan v;
		span text;

		assert_ok(scan_document(span_text(texts[i]), &v, &d), d);
		assert_ok(scan_text(a, v.value, &text), d);
		assert_ok(json_parse(span_text(texts[i]), 1 << 20, &o, &d), d);
		assert_true(span_is(text, o->valuestring));
		cJSON_Delete(o);
	}
}

/* Each letter at each place of a block: the fast way sees what the slow one sees. */
static void
plain_runs_end_where_they_must(void **state)
{
	uint8_t bytes[70];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		bool is_special = c == '"' || c == '\\' || c < 0x20;

		for (size_t at = 0; at < sizeof(bytes); at++) {
			memset(bytes, 'x', sizeof(bytes));
			bytes[at] = (uint8_t)c;
			assert_int_equal(is_special ? at : sizeof(bytes),
				scan_plain_run(bytes, bytes + sizeof(bytes)));
		}
	}
}

/* More objects than are kept: the rest is walked over the slow way, and read the same. */
static void
many_objects_are_walked_over(void **state)
{
	struct buffer b;
	struct diag d = { 0 };
	struct scan_list list;
	struct scan v;
	span element;
	int count = 0;

	(void)state;
	buffer_init(&b, 1 << 16);
	buffer_put_byte(&b, '[');
	for (int i = 0; i < 3 * SCAN_KEPT_MAX; i++) {
		buffer_printf(&b, "%s{\"n\":%d,\"]}\":[\"}\\\"]\",{}]}", i > 0 ? " , " : "", i);
	}
	buffer_put_byte(&b, ']');
	assert_ok(scan_document(buffer_span(&b), &v, &d), d);
	list = scan_list_of(&v, v.value);
	while (scan_list_next(&list, &element)) {
		struct scan_member m[] = { { "n", SCAN_NUMBER, true }, { "]}", SCAN_ARRAY, true } };
		char expected[16];

		snprintf(expected, sizeof(expected), "%d", count++);
		assert_ok(scan_members_only(&v, element, "element", m, 2), d);
		assert_true(span_is(m[0].value, expected));
		assert_true(span_is(m[1].value, "[\"}\\\"]\",{}]"));
	}
	assert_int_equal(3 * SCAN_KEPT_MAX, count);
	buffer_wipe(&b);
}

static void
many_members_are_too_many(void **state)
{
	struct buffer b;
	struct diag d = { 0 };
	struct scan v;

	(void)state;
	for (int count = SCAN_MEMBERS_MAX; count <= SCAN_MEMBERS_MAX + 1; count++) {
		buffer_init(&b, 1 << 16);
		buffer_put_byte(&b, '{');
		for (int i = 0; i < count; i++) {
			buffer_printf(&b, "%s\"%d\":0", i > 0 ? "," : "", i);
		}
		buffer_put_byte(&b, '}');
		assert_int_equal(count == SCAN_MEMBERS_MAX ? OK : LIMIT,
			scan_document(buffer_span(&b), &v, &d));
		buffer_wipe(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_json),
		cmocka_unit_test(offsets_are_told),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(members_are_held_to_their_types),
		cmocka_unit_test(texts_are_the_other_readers),
		cmocka_unit_test(plain_runs_end_where_they_must),
		cmocka_unit_test(many_objects_are_walked_over),
		cmocka_unit_test(many_members_are_too_many),
	};

	return cmocka_run_group_tests_name("scan", tests, set_up, tear_down);
}
