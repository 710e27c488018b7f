/* Who may call what: every operation of the document by every role, and by nobody. */
#include <stdio.h>

#include "stage.h"

static struct stage stage;

static int
open_stage(void **state)
{
	(void)state;
	stage_open(&stage);
	return 0;
}

static int
close_stage(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

/* The path with something that is not there in its place. */
static void
fill_path(char out[256], const char *path)
{
	size_t len = 0;

	for (const char *c = path; *c != '\0' && len < 200; c++) {
		if (*c != '{') {
			out[len++] = *c;
			continue;
		}
		len += (size_t)snprintf(out + len, 56, "%s",
			strncmp(c, "{index}", 7) == 0	? "999999"
			: strncmp(c, "{fleet}", 7) == 0 ? "lamps"
			: strncmp(c, "{path}", 6) == 0	? "0/999"
							: "nothing");
		c = strchr(c, '}');
	}
	out[len] = '\0';
}

static bool
names_role(const cJSON *roles, const char *name)
{
	const cJSON *role;

	cJSON_ArrayForEach(role, roles)
	{
		if (strcmp(role->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

static bool
may_call(const cJSON *operation, enum asker who)
{
	const cJSON *roles = cJSON_GetObjectItemCaseSensitive(operation, "x-roles");
	enum operator_role role = who == ASK_OTHER_OWNER ? OPERATOR_OWNER : (enum operator_role)who;

	return who == ASK_ADMIN || names_role(roles, operator_role_name(role));
}

/* Whether the answer is one that this asker may get. */
static bool
is_right(const cJSON *operation, enum asker who, int http_status)
{
	const cJSON *security = cJSON_GetObjectItemCaseSensitive(operation, "security");
	bool is_through = http_status != 401 && http_status != 403;

	if (cJSON_GetArraySize(security) > 0) {
		return http_status == 401; /* for devices: nobody here is one */
	}
	if (security != NULL) {
		return is_through;
	}
	if (who == ASK_NOBODY || who == ASK_STRANGER) {
		return http_status == 401;
	}
	if (!may_call(operation, who)) {
		return http_status == 403;
	}
	return http_status == 200 || http_status == 400 || http_status == 404 || http_status == 415;
}

static void
ask_by(const char *path, const cJSON *operation, enum asker who)
{
	char method[8], target[256];
	struct question q = { .who = who, .method = method, .target = target };

	for (size_t i = 0; i <= strlen(operation->string); i++) {
		char l = operation->string[i];

		method[i] = (char)(l >= 'a' && l <= 'z' ? l - 32 : l);
	}
	fill_path(target, path);
	struct answer_seen a = stage_ask(&stage, &q);
	if (!is_right(operation, who, a.status)) {
		fail_msg("%s %s by %d: %d %.*s", method, target, who, a.status, (int)a.body.len,
			(const char *)a.body.data);
	}
	if (a.status == 401 && cJSON_GetObjectItemCaseSensitive(operation, "x-roles") != NULL) {
		assert_non_null(strstr(a.headers, "WWW-Authenticate: Bearer"));
	}
}

static void
test_every_operation_by_every_role(void **state)
{
	const cJSON *path, *operation;
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(path, cJSON_GetObjectItemCaseSensitive(stage.document, "paths"))
	{
		cJSON_ArrayForEach(operation, path)
		{
			for (int who = 0; who < ASKER_COUNT; who++) {
				ask_by(path->string, operation, (enum asker)who);
				count++;
			}
			stage_forget(&stage);
		}
	}
	assert_true(count > 400);
}

static void
test_disabled_operator_is_nobody(void **state)
{
	struct operator_account gone;
	char token[TOKEN_TEXT_MAX];
	struct diag d = { 0 };
	struct question q = { .who = ASK_STRANGER, .method = "GET", .target = "/api/v1/status" };

	(void)state;
	assert_ok(
		operator_add(&stage.home.session, "gone", OPERATOR_ADMIN, 0, token, &gone, &d), d);
	memcpy(stage.tokens[ASK_STRANGER], token, sizeof(token));
	assert_int_equal(200, stage_ask(&stage, &q).status);
	const struct question remove = {
		.who = ASK_ADMIN, .method = "DELETE", .target = "/api/v1/operators/gone"
	};
	assert_int_equal(204, stage_ask(&stage, &remove).status);
	assert_int_equal(401, stage_ask(&stage, &q).status);
	assert_int_equal(404, stage_ask(&stage, &remove).status);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_operation_by_every_role),
		cmocka_unit_test(test_disabled_operator_is_nobody),
	};

	return cmocka_run_group_tests_name("roles", tests, open_stage, close_stage);
}
