/* Bodies that are refused: each kind of fault, at each member of each operation of the document. */
#include <stdio.h>

#include "stage.h"

#include "schema.h"

static struct stage stage;
static struct device device;

static int
open_stage(void **state)
{
	(void)state;
	stage_open(&stage);
	device = stage_device(&stage, 1, DEVICE_ACTIVE, &stage.maker);
	return 0;
}

static int
close_stage(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

static const cJSON *
member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* The path with things that are there in its places. */
static const char *
fill_path(const char *path)
{
	char out[256];
	size_t len = 0;
	char text[ID_TEXT_LEN + 1];

	for (const char *c = path; *c != '\0'; c++) {
		if (*c != '{') {
			out[len++] = *c;
			continue;
		}
		const char *value = strncmp(c, "{device}", 8) == 0 ? id_text(text, &device.id)
				    : strstr(path, "/authorities") != NULL ? "issuing-production"
				    : strstr(path, "/operators") != NULL   ? "mary"
									   : "lamps";
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s", value);
		c = strchr(c, '}');
	}
	out[len] = '\0';
	return stage_text(&stage, "%s", out);
}

static void
refuse(const char *method, const char *target, const char *body, const char *why)
{
	const struct question q = {
		.who = ASK_ADMIN, .method = method, .target = target, .body = body
	};
	struct answer_seen a = stage_ask(&stage, &q);

	if (a.status != 400 && a.status != 413) {
		fail_msg("%s %s with %s (%s) answers %d: %.*s", method, target, body, why, a.status,
			(int)a.body.len, (const char *)a.body.data);
	}
	assert_true(strlen(answer_text(&a, "detail")) > 5);
}

/* A value that fits the schema, as far as shapes go. */
static cJSON *
good_value(const cJSON *schema)
{
	const cJSON *words = member(schema, "enum");
	const cJSON *type = member(schema, "type");
	const char *name =
		cJSON_IsArray(type) ? cJSON_GetArrayItem(type, 0)->valuestring : type->valuestring;

	if (words != NULL) {
		return cJSON_CreateString(cJSON_GetArrayItem(words, 0)->valuestring);
	}
	if (strcmp(name, "integer") == 0) {
		const cJSON *least = member(schema, "minimum");

		return cJSON_CreateNumber(least != NULL ? least->valuedouble : 1);
	}
	if (strcmp(name, "array") == 0) {
		cJSON *array = cJSON_CreateArray();

		cJSON_AddItemToArray(array, good_value(member(schema, "items")));
		return array;
	}
	if (strcmp(name, "boolean") == 0) {
		return cJSON_CreateBool(true);
	}
	return cJSON_CreateString("abc");
}

static cJSON *
good_body(const cJSON *schema)
{
	cJSON *o = cJSON_CreateObject();
	const cJSON *p;

	cJSON_ArrayForEach(p, member(schema, "properties"))
	{
		cJSON_AddItemToObject(o, p->string, good_value(p));
	}
	return o;
}

static void
refuse_object(const char *method, const char *target, const cJSON *body, const char *why)
{
	char *text = cJSON_PrintUnformatted(body);

	refuse(method, target, text, why);
	cJSON_free(text);
}

/* One member spoiled in each way that its schema forbids. */
static size_t
spoil_member(const char *method, const char *target, const cJSON *schema, const cJSON *rule)
{
	static const char *const values[] = { "1", "\"x\"", "true", "[]", "{}", "null", "1.5", "-1",
		"1e300", "\"\"", "[1,1.5]", "[16]", "[-1]", "[\"1\"]", "\"a\\nb\"", "\"a\\u0007b\"",
		"\"\\u202ex\"", "\"A B\"" };
	char fault[256];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cJSON *value = cJSON_Parse(values[i]);

		if (schema_holds(stage.document, rule, value, fault, sizeof(fault))) {
			cJSON_Delete(value);
			continue;
		}
		cJSON *body = good_body(schema);
		cJSON_ReplaceItemInObjectCaseSensitive(body, rule->string, value);
		refuse_object(method, target, body, rule->string);
		cJSON_Delete(body);
		count++;
	}
	return count;
}

static void
refuse_too_long(const char *method, const char *target, const cJSON *schema, const cJSON *rule)
{
	const cJSON *most = member(rule, "maxLength");
	static char text[1 << 16];

	if (most == NULL) {
		return;
	}
	assert_in_range(most->valuedouble, 0, sizeof(text) - 2);
	memset(text, 'a', sizeof(text));
	text[(size_t)most->valuedouble + 1] = '\0';
	cJSON *body = good_body(schema);
	cJSON_ReplaceItemInObjectCaseSensitive(body, rule->string, cJSON_CreateString(text));
	refuse_object(method, target, body, "too long");
	cJSON_Delete(body);
}

static bool
is_required(const cJSON *schema, const char *name)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, member(schema, "required"))
	{
		if (strcmp(one->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

static size_t
spoil(const char *method, const char *target, const cJSON *schema)
{
	const cJSON *rule;
	size_t count = 0;

	cJSON_ArrayForEach(rule, member(schema, "properties"))
	{
		count += spoil_member(method, target, schema, rule);
		refuse_too_long(method, target, schema, rule);
		if (is_required(schema, rule->string)) {
			cJSON *body = good_body(schema);

			cJSON_DeleteItemFromObjectCaseSensitive(body, rule->string);
			refuse_object(method, target, body, "missing");
			cJSON_Delete(body);
		}
	}
	cJSON *body = good_body(schema);
	cJSON_AddItemToObject(body, "unheard_of", cJSON_CreateNull());
	refuse_object(method, target, body, "unknown member");
	cJSON_Delete(body);
	return count;
}

static size_t
spoil_operation(const char *path, const cJSON *operation)
{
	static const char *const broken[] = { "{", "[]", "1", "null", "\"x\"", "{}{}", "{\"a\":}",
		"{\"name\":\"a\",\"name\":\"b\"}", "{\"\xff\":1}", "{\"name\":\"\xc3\x28\"}",
		"{\"name\":\"\\u0000\"}", "{\"name\":\"\\ud800\"}", "{\"unheard_of\":1}",
		"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]" };
	const cJSON *body = member(operation, "requestBody");
	const cJSON *content = member(member(body, "content"), "application/json");
	const cJSON *schema = schema_of(stage.document, member(content, "schema"));
	const cJSON *one_of = member(schema, "oneOf");
	const char *target = fill_path(path);
	char method[8];
	const cJSON *one;
	size_t count = 0;

	for (size_t i = 0; i <= strlen(operation->string); i++) {
		char l = operation->string[i];

		method[i] = (char)(l >= 'a' && l <= 'z' ? l - 32 : l);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		refuse(method, target, broken[i], "broken");
	}
	cJSON_ArrayForEach(one, one_of)
	{
		count += spoil(method, target, schema_of(stage.document, one));
	}
	if (one_of == NULL) {
		count += spoil(method, target, schema);
	}
	const struct question q = { .who = ASK_ADMIN,
		.method = method,
		.target = target,
		.body = "{\"a\":1}",
		.type = "application/x-www-form-urlencoded" };
	assert_int_equal(415, stage_ask(&stage, &q).status);
	return count;
}

/* A transfer's verbs look at the body before the transfer: its name need not lead anywhere. */
static bool
takes_json(const cJSON *operation)
{
	const cJSON *content = member(member(operation, "requestBody"), "content");

	return member(content, "application/json") != NULL &&
	       member(content, "application/x-ndjson") == NULL;
}

static void
test_every_body_spoiled(void **state)
{
	int64_t size = home_ledger_size(&stage.home);
	const cJSON *path, *operation;
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(path, member(stage.document, "paths"))
	{
		cJSON_ArrayForEach(operation, path)
		{
			/* A device's own is tried with its certificate: tests/proto/test_attestation.c. */
			if (takes_json(operation) && strncmp(path->string, "/device/", 8) != 0) {
				count += spoil_operation(path->string, operation);
				stage_forget(&stage);
			}
		}
	}
	assert_true(count > 250);
	/* And nothing has happened. */
	assert_int_equal(size, home_ledger_size(&stage.home));
}

/* What is refused is named. */
static void
test_faults_are_named(void **state)
{
	static const struct {
		const char *body, *word;
	} rows[] = {
		{ "{\"name\":\"x\",\"title\":\"T\",\"kind\":\"customer\",\"colour\":1}", "colour" },
		{ "{\"name\":\"x\",\"kind\":\"customer\"}", "title" },
		{ "{\"name\":\"X Y\",\"title\":\"T\",\"kind\":\"customer\"}", "name" },
		{ "{\"name\":\"x\",\"title\":\"T\",\"kind\":\"giant\"}", "giant" },
		{ "{\"name\":\"x\",\"title\":7,\"kind\":\"customer\"}", "title" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_seen a =
			stage_post(&stage, ASK_MAKER, "/api/v1/owners", rows[i].body, 400);

		assert_string_equal("/problems/bad-input", answer_text(&a, "type"));
		assert_non_null(strstr(answer_text(&a, "detail"), rows[i].word));
		assert_string_equal("06f30000000000000000000000", answer_text(&a, "request"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_body_spoiled),
		cmocka_unit_test(test_faults_are_named),
	};

	return cmocka_run_group_tests_name("bodies", tests, open_stage, close_stage);
}
