#include "support.h"

#include "base/check.h"
#include "base/json.h"
#include "base/limits.h"

static status
parse(const char *text)
{
	struct diag d = { 0 };
	cJSON *o = NULL;
	status s = json_parse(span_text(text), 4096, &o, &d);

	cJSON_Delete(o);
	assert_true(s == OK || d.text[0] != '\0');
	return s;
}

static void
what_is_not_json_is_refused(void **state)
{
	static const char *const bad[] = { "", "{", "{}{}", "{} x", "[1,]", "{\"a\":1,\"a\":2}",
		"{\"b\":{\"a\":1,\"c\":2,\"a\":2}}", "[\"\xff\"]", "[\"a\nb\"]", "[\"\\u0000\"]",
		"nul", "{a:1}", "[\"\\x\"]" };
	char deep[64] = "";

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (parse(bad[i]) != BAD_INPUT) {
			fail_msg("accepted: %s", bad[i]);
		}
	}
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_int_equal(parse(deep), BAD_INPUT);
	memset(deep, 0, sizeof(deep));
	memset(deep, '[', JSON_DEPTH_MAX);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(parse(deep), OK);
	assert_int_equal(parse(" {\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{\"} \n"), OK);
	assert_int_equal(parse("[\"\\\\u0000\"]"), OK); /* an escaped backslash, then letters */
}

static void
too_long_is_a_limit(void **state)
{
	struct diag d = { 0 };
	cJSON *o = NULL;

	(void)state;
	assert_int_equal(json_parse(span_text("[1,2]"), 4, &o, &d), LIMIT);
	assert_null(o);
}

static void
members_by_type(void **state)
{
	struct diag d = { 0 };
	cJSON *o = NULL;
	int64_t n;
	bool b;
	char small[4];
	span s;

	(void)state;
	assert_ok(json_parse(span_text("{\"t\":\"text\",\"n\":7,\"f\":7.5,\"b\":true,"
				       "\"big\":1e300}"),
			  4096, &o, &d),
		d);
	assert_int_equal(json_get_text(o, "t", &s, &d), OK);
	assert_true(span_is(s, "text"));
	assert_int_equal(json_get_text(o, "T", &s, NULL), NOT_FOUND);
	assert_int_equal(json_get_text(o, "n", &s, NULL), BAD_INPUT);
	assert_int_equal(json_get_number(o, "n", &n, &d), OK);
	assert_int_equal(n, 7);
	assert_int_equal(json_get_number(o, "f", &n, NULL), BAD_INPUT);
	assert_int_equal(json_get_number(o, "big", &n, NULL), BAD_INPUT);
	assert_int_equal(json_get_bool(o, "b", &b, &d), OK);
	assert_true(b);
	assert_int_equal(json_get_bool(o, "n", &b, NULL), BAD_INPUT);
	assert_int_equal(json_copy_text(o, "t", small, sizeof(small), NULL), LIMIT);
	cJSON_Delete(o);
}

static void
written_as_rfc_8785_says(void **state)
{
	struct json_writer w;
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	json_begin(&w, &out);
	json_object_open(&w, NULL);
	json_text(&w, "a", "q\"b\\n\n\t\x01/\xc3\xa9");
	json_span(&w, "bad", span_of("x\xffy", 3));
	json_array_open(&w, "l");
	json_number(&w, NULL, -5);
	json_bool(&w, NULL, false);
	json_object_open(&w, NULL);
	json_object_close(&w);
	json_array_close(&w);
	json_time(&w, "t", TEST_TIME_S);
	json_time(&w, "z", 0);
	json_hex(&w, "h", span_of("\x0a\xff", 2));
	json_double(&w, "d", 1.25, 2);
	json_raw(&w, "r", span_text("[1]"));
	json_object_close(&w);
	buffer_put_byte(&out, 0);
	assert_string_equal((char *)out.data,
		"{\"a\":\"q\\\"b\\\\n\\n\\t\\u0001/\xc3\xa9\",\"bad\":\"x\xef\xbf\xbdy\","
		"\"l\":[-5,false,{}],\"t\":\"2026-11-23T12:00:00Z\",\"z\":null,\"h\":\"0aff\","
		"\"d\":1.25,\"r\":[1]}");
	buffer_wipe(&out);
}

static void
too_many_members_are_a_limit(void **state)
{
	struct buffer b;
	cJSON *o = NULL;

	(void)state;
	buffer_init(&b, 1 << 20);
	buffer_put_text(&b, "{\"m\":0");
	for (int i = 1; i < JSON_MEMBERS_MAX; i++) {
		buffer_printf(&b, ",\"m%d\":0", i);
	}
	buffer_put_byte(&b, '}');
	assert_int_equal(json_parse(buffer_span(&b), 1 << 20, &o, NULL), OK);
	cJSON_Delete(o);
	b.len--;
	buffer_put_text(&b, ",\"more\":0}");
	assert_int_equal(json_parse(buffer_span(&b), 1 << 20, &o, NULL), LIMIT);
	buffer_wipe(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(too_long_is_a_limit),
		cmocka_unit_test(too_many_members_are_a_limit),
		cmocka_unit_test(members_by_type),
		cmocka_unit_test(written_as_rfc_8785_says),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
