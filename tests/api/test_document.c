/* docs/openapi.json and the table of routes say the same, and the document is sound in itself. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#include "api/openapi.h"
#include "api/routes.h"
#include "proto/routes.h"
#include "schema.h"

static cJSON *document;
static const struct route *const tables[] = { api_routes, ledger_routes, est_routes, device_routes,
	ocsp_routes, crl_routes, ca_routes };
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static int
open_document(void **state)
{
	span served = openapi_document();

	(void)state;
	document = cJSON_ParseWithLength((const char *)served.data, served.len);
	return document != NULL ? 0 : -1;
}

static int
close_document(void **state)
{
	(void)state;
	cJSON_Delete(document);
	return 0;
}

static void
test_served_is_the_file(void **state)
{
	struct arena *a = arena_new(16 << 20);
	span file =
		bytes_of_file(a, arena_printf(a, "%s/docs/openapi.json", getenv("TENURE_SOURCE")));

	(void)state;
	assert_true(span_equal(file, openapi_document()));
	arena_free(a);
}

/* The document's words for a route: "{path}" for the raw rest, the method in lower case. */
static void
words_of(const struct route *r, char path[256], char method[8])
{
	size_t len = strlen(r->pattern);
	const char *name = http_method_name(r->method);

	snprintf(path, 256, "%s", r->pattern);
	if (path[len - 1] == '*') {
		snprintf(path + len - 1, 256 - len, "{path}");
	} else if (path[len - 1] == '/') {
		path[len - 1] = '\0'; /* the same, as some clients write it */
	}
	for (size_t i = 0; i <= strlen(name); i++) {
		method[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	}
}

static const cJSON *
member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static void
test_every_route_is_described(void **state)
{
	const cJSON *paths = member(document, "paths");
	char path[256], method[8];

	(void)state;
	for (const struct route *r = api_routes; r->pattern != NULL; r++) {
		words_of(r, path, method);
		const cJSON *operation = member(member(paths, path), method);
		if (operation == NULL) {
			fail_msg("%s %s is not in the document", method, path);
		}
		bool takes_body = member(operation, "requestBody") != NULL;
		if (takes_body != (r->body_max > 0)) {
			fail_msg("%s %s: a body is taken by one of route and document only", method,
				path);
		}
	}
}

static bool
is_routed(const char *path, const char *method)
{
	char routed_path[256], routed_method[8];

	for (size_t t = 0; t < TABLE_COUNT; t++) {
		for (const struct route *r = tables[t]; r->pattern != NULL; r++) {
			words_of(r, routed_path, routed_method);
			if (strcmp(path, routed_path) == 0 && strcmp(method, routed_method) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* Parameters of the path: each {..} is described, and none else. */
static void
hold_path_parameters(const char *path, const cJSON *operation)
{
	const cJSON *item;
	size_t described = 0, needed = 0;
	char braced[64];

	for (const char *c = path; *c != '\0'; c++) {
		needed += *c == '{';
	}
	cJSON_ArrayForEach(item, member(operation, "parameters"))
	{
		const cJSON *p = schema_of(document, item);

		assert_non_null(p);
		assert_true(cJSON_IsObject(member(p, "schema")));
		if (strcmp(member(p, "in")->valuestring, "path") != 0) {
			continue;
		}
		snprintf(braced, sizeof(braced), "{%s}", member(p, "name")->valuestring);
		if (strstr(path, braced) == NULL) {
			fail_msg("%s has no %s", path, braced);
		}
		assert_true(cJSON_IsTrue(member(p, "required")));
		described++;
	}
	if (described != needed) {
		fail_msg("%s: not every parameter of the path is described", path);
	}
}

static void
hold_operation(const char *path, const cJSON *operation)
{
	static const char *const roles[] = { "admin", "maker", "support", "owner", "auditor",
		"watch" };
	const cJSON *by = member(operation, "x-roles");
	const cJSON *role, *response;

	assert_true(cJSON_IsString(member(operation, "operationId")));
	assert_true(cJSON_IsString(member(operation, "summary")));
	/* For operators of these roles; or for anyone, or for devices, and then it says so. */
	if ((by != NULL) == cJSON_IsArray(member(operation, "security"))) {
		fail_msg("%s: not clear who may call it", path);
	}
	cJSON_ArrayForEach(role, by)
	{
		bool is_known = false;

		for (size_t i = 0; i < 6; i++) {
			is_known |= strcmp(role->valuestring, roles[i]) == 0;
		}
		assert_true(is_known);
	}
	cJSON_ArrayForEach(response, member(operation, "responses"))
	{
		assert_non_null(schema_of(document, response));
	}
	hold_path_parameters(path, operation);
}

static void
test_every_operation_is_served(void **state)
{
	const cJSON *path, *operation, *other;
	const char *ids[128];
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(path, member(document, "paths"))
	{
		cJSON_ArrayForEach(operation, path)
		{
			if (!is_routed(path->string, operation->string)) {
				fail_msg("%s %s is described and not served", operation->string,
					path->string);
			}
			hold_operation(path->string, operation);
			other = member(operation, "operationId");
			for (size_t i = 0; i < count; i++) {
				assert_string_not_equal(ids[i], other->valuestring);
			}
			assert_true(count < 128);
			ids[count++] = other->valuestring;
		}
	}
	assert_true(count > 50);
}

/* --- references and shapes ---------------------------------------------------------- */

static void
hold_references(const cJSON *at)
{
	const cJSON *child;

	if (at->string != NULL && strcmp(at->string, "$ref") == 0) {
		if (schema_resolve(document, at->valuestring) == NULL) {
			fail_msg("%s leads nowhere", at->valuestring);
		}
	}
	cJSON_ArrayForEach(child, at)
	{
		hold_references(child);
	}
}

static void
test_references_lead_somewhere(void **state)
{
	(void)state;
	hold_references(document);
}

/* Every object of ours is closed; what it requires exists. The ledger's entries are described elsewhere. */
static void
test_schemas_are_closed(void **state)
{
	const cJSON *schema, *name;

	(void)state;
	cJSON_ArrayForEach(schema, member(member(document, "components"), "schemas"))
	{
		if (!cJSON_IsFalse(member(schema, "additionalProperties"))) {
			fail_msg("schema %s is open", schema->string);
		}
		cJSON_ArrayForEach(name, member(schema, "required"))
		{
			if (member(member(schema, "properties"), name->valuestring) == NULL) {
				fail_msg("schema %s requires %s and does not have it",
					schema->string, name->valuestring);
			}
		}
	}
}

/* --- the validator itself must be able to refuse -------------------------------------- */

static void
test_validator_refuses(void **state)
{
	static const struct {
		const char *schema, *value;
		bool holds;
	} rows[] = {
		{ "{\"type\":\"string\"}", "\"a\"", true },
		{ "{\"type\":\"string\"}", "1", false },
		{ "{\"type\":[\"string\",\"null\"]}", "null", true },
		{ "{\"type\":[\"string\",\"null\"]}", "true", false },
		{ "{\"type\":\"integer\"}", "1.5", false },
		{ "{\"type\":\"integer\",\"minimum\":1}", "0", false },
		{ "{\"type\":\"integer\",\"maximum\":3}", "4", false },
		{ "{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}", "\"a1\"", false },
		{ "{\"type\":\"string\",\"maxLength\":2}", "\"abc\"", false },
		{ "{\"enum\":[\"a\",null]}", "null", true },
		{ "{\"enum\":[\"a\"]}", "\"b\"", false },
		{ "{\"type\":\"object\",\"required\":[\"a\"]}", "{}", false },
		{ "{\"type\":\"object\",\"required\":[\"a\"]}", "{\"A\":1}", false },
		{ "{\"additionalProperties\":false,\"properties\":{\"a\":{}}}", "{\"a\":1}", true },
		{ "{\"additionalProperties\":false,\"properties\":{\"a\":{}}}", "{\"b\":1}",
			false },
		{ "{\"properties\":{\"a\":{\"type\":\"null\"}}}", "{\"a\":1}", false },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "[\"a\",1]", false },
		{ "{\"type\":\"array\",\"minItems\":1}", "[]", false },
		{ "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "null", true },
		{ "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1", false },
		{ "{\"oneOf\":[{},{\"type\":\"null\"}]}", "null", false },
		{ "{\"$ref\":\"#/nowhere\"}", "1", false },
		{ "{\"unheardOf\":1}", "1", false },
	};
	char fault[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *schema = cJSON_Parse(rows[i].schema);
		cJSON *value = cJSON_Parse(rows[i].value);

		if (schema_holds(schema, schema, value, fault, sizeof(fault)) != rows[i].holds) {
			fail_msg("%s and %s", rows[i].schema, rows[i].value);
		}
		cJSON_Delete(schema);
		cJSON_Delete(value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_served_is_the_file),
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_every_operation_is_served),
		cmocka_unit_test(test_references_lead_somewhere),
		cmocka_unit_test(test_schemas_are_closed),
		cmocka_unit_test(test_validator_refuses),
	};

	return cmocka_run_group_tests_name("the document", tests, open_document, close_document);
}
