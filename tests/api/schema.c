#include "schema.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

struct check {
	const cJSON *document;
	char *fault;
	size_t room;
	char path[256];
};

static bool
fail_at(struct check *c, const char *what, const char *detail)
{
	snprintf(
		c->fault, c->room, "%s: %s %s", c->path[0] != '\0' ? c->path : "top", what, detail);
	return false;
}

const cJSON *
schema_resolve(const cJSON *document, const char *reference)
{
	const cJSON *at = document;
	char part[128];

	if (strncmp(reference, "#/", 2) != 0) {
		return NULL;
	}
	for (const char *from = reference + 2; at != NULL && *from != '\0';) {
		size_t len = strcspn(from, "/");

		if (len >= sizeof(part)) {
			return NULL;
		}
		memcpy(part, from, len);
		part[len] = '\0';
		at = cJSON_GetObjectItemCaseSensitive(at, part);
		from += len + (from[len] == '/');
	}
	return at;
}

const cJSON *
schema_of(const cJSON *document, const cJSON *object)
{
	const cJSON *reference = cJSON_GetObjectItemCaseSensitive(object, "$ref");

	return cJSON_IsString(reference) ? schema_resolve(document, reference->valuestring)
					 : object;
}

static bool check(struct check *c, const cJSON *schema, const cJSON *value);

static bool
is_of_type(const char *type, const cJSON *value)
{
	if (strcmp(type, "integer") == 0) {
		return cJSON_IsNumber(value) && floor(value->valuedouble) == value->valuedouble;
	}
	return (strcmp(type, "string") == 0 && cJSON_IsString(value)) ||
	       (strcmp(type, "boolean") == 0 && cJSON_IsBool(value)) ||
	       (strcmp(type, "object") == 0 && cJSON_IsObject(value)) ||
	       (strcmp(type, "array") == 0 && cJSON_IsArray(value)) ||
	       (strcmp(type, "null") == 0 && cJSON_IsNull(value));
}

static bool
check_type(struct check *c, const cJSON *rule, const cJSON *value)
{
	const cJSON *one;

	if (cJSON_IsString(rule)) {
		return is_of_type(rule->valuestring, value) ||
		       fail_at(c, "is not of type", rule->valuestring);
	}
	cJSON_ArrayForEach(one, rule)
	{
		if (is_of_type(one->valuestring, value)) {
			return true;
		}
	}
	return fail_at(c, "is of none of its types", "");
}

static bool
check_enum(struct check *c, const cJSON *rule, const cJSON *value)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, rule)
	{
		if (cJSON_Compare(one, value, true)) {
			return true;
		}
	}
	return fail_at(c, "is none of its words:", cJSON_IsString(value) ? value->valuestring : "");
}

static bool
check_pattern(struct check *c, const cJSON *rule, const cJSON *value)
{
	regex_t pattern;
	int found;

	if (!cJSON_IsString(value)) {
		return true;
	}
	if (regcomp(&pattern, rule->valuestring, REG_EXTENDED | REG_NOSUB) != 0) {
		return fail_at(c, "has a pattern that is none:", rule->valuestring);
	}
	found = regexec(&pattern, value->valuestring, 0, NULL, 0);
	regfree(&pattern);
	return found == 0 || fail_at(c, "does not fit its pattern:", value->valuestring);
}

static bool
check_required(struct check *c, const cJSON *rule, const cJSON *value)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, rule)
	{
		if (cJSON_IsObject(value) &&
			cJSON_GetObjectItemCaseSensitive(value, one->valuestring) == NULL) {
			return fail_at(c, "has no member", one->valuestring);
		}
	}
	return true;
}

/* One step down, and back. */
static bool
check_below(struct check *c, const cJSON *schema, const cJSON *value, const char *step)
{
	size_t len = strlen(c->path);
	bool holds;

	snprintf(c->path + len, sizeof(c->path) - len, "/%s", step);
	holds = check(c, schema, value);
	if (holds) {
		c->path[len] = '\0';
	}
	return holds;
}

static bool
check_properties(struct check *c, const cJSON *schema, const cJSON *value)
{
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *others = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");
	const cJSON *member;

	if (!cJSON_IsObject(value)) {
		return true;
	}
	cJSON_ArrayForEach(member, value)
	{
		const cJSON *rule = cJSON_GetObjectItemCaseSensitive(rules, member->string);

		if (rule == NULL && cJSON_IsFalse(others)) {
			return fail_at(c, "has a member of nobody's:", member->string);
		}
		if (rule != NULL && !check_below(c, rule, member, member->string)) {
			return false;
		}
	}
	return true;
}

static bool
check_items(struct check *c, const cJSON *rule, const cJSON *value)
{
	const cJSON *item;

	if (!cJSON_IsArray(value)) {
		return true;
	}
	cJSON_ArrayForEach(item, value)
	{
		if (!check_below(c, rule, item, "[]")) {
			return false;
		}
	}
	return true;
}

static bool
check_one_of(struct check *c, const cJSON *rule, const cJSON *value)
{
	const cJSON *one;
	int count = 0;

	cJSON_ArrayForEach(one, rule)
	{
		struct check inner = *c;

		count += check(&inner, one, value);
	}
	return count == 1 ||
	       fail_at(c, "fits not exactly one of its schemas", count > 1 ? "but more" : "");
}

/* The measure that a bound is for; -1: it is for another type. */
static double
measure(const char *keyword, const cJSON *value)
{
	if (strstr(keyword, "Length") != NULL) {
		return cJSON_IsString(value) ? (double)strlen(value->valuestring) : -1;
	}
	if (strstr(keyword, "Items") != NULL) {
		return cJSON_IsArray(value) ? cJSON_GetArraySize(value) : -1;
	}
	return cJSON_IsNumber(value) ? value->valuedouble : -1;
}

static bool
check_bound(struct check *c, const cJSON *rule, const cJSON *value)
{
	double n = measure(rule->string, value);
	bool is_low = strncmp(rule->string, "min", 3) == 0;

	if (cJSON_IsNull(value) || (n == -1 && !cJSON_IsNumber(value))) {
		return true;
	}
	return (is_low ? n >= rule->valuedouble : n <= rule->valuedouble) ||
	       fail_at(c, "is out of its bound", rule->string);
}

static bool
is_in(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0) {
			return true;
		}
	}
	return false;
}

static bool
check_keyword(struct check *c, const cJSON *rule, const cJSON *value)
{
	static const char *const silent[] = { "description", "format", "default", "properties",
		"additionalProperties" };
	static const char *const bounds[] = { "minimum", "maximum", "minLength", "maxLength",
		"minItems", "maxItems" };

	if (is_in(rule->string, silent, 5)) {
		return true;
	}
	if (is_in(rule->string, bounds, 6)) {
		return check_bound(c, rule, value);
	}
	if (strcmp(rule->string, "type") == 0) {
		return check_type(c, rule, value);
	}
	if (strcmp(rule->string, "enum") == 0) {
		return check_enum(c, rule, value);
	}
	if (strcmp(rule->string, "pattern") == 0) {
		return check_pattern(c, rule, value);
	}
	if (strcmp(rule->string, "required") == 0) {
		return check_required(c, rule, value);
	}
	if (strcmp(rule->string, "items") == 0) {
		return check_items(c, rule, value);
	}
	if (strcmp(rule->string, "oneOf") == 0) {
		return check_one_of(c, rule, value);
	}
	return fail_at(c, "has a rule that nobody here knows:", rule->string);
}

static bool
check(struct check *c, const cJSON *schema, const cJSON *value)
{
	const cJSON *real = schema_of(c->document, schema);
	const cJSON *rule;

	if (real == NULL) {
		return fail_at(c, "has a $ref that leads nowhere", "");
	}
	cJSON_ArrayForEach(rule, real)
	{
		if (!check_keyword(c, rule, value)) {
			return false;
		}
	}
	return check_properties(c, real, value);
}

bool
schema_holds(
	const cJSON *document, const cJSON *schema, const cJSON *value, char *fault, size_t room)
{
	struct check c = { .document = document, .fault = fault, .room = room };

	return check(&c, schema, value);
}
