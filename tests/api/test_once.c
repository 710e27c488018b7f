/* Idempotency-Key: asked twice, done once. */
#include <pthread.h>
#include <stdio.h>

#include "stage.h"

static struct stage stage;
static unsigned number = 500;

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

static int
forget(void **state)
{
	(void)state;
	stage_forget(&stage);
	return 0;
}

static struct answer_seen
ask(enum asker who, const char *target, const char *body, const char *key)
{
	const struct question q = {
		.who = who, .method = "POST", .target = target, .body = body, .key = key
	};

	return stage_ask(&stage, &q);
}

static bool
is_replay(const struct answer_seen *a)
{
	return strstr(a->headers, "Idempotent-Replay: true\r\n") != NULL;
}

static const char *
target_of(const struct device *d, const char *verb)
{
	char text[ID_TEXT_LEN + 1];

	return stage_text(&stage, "/api/v1/devices/%s%s", id_text(text, &d->id), verb);
}

/* The second answer is the first one, code or token aside, and nothing was done for it. */
static void
ask_twice(enum asker who, const char *target, const char *body, int wanted)
{
	const char *key = stage_text(&stage, "key-%u", ++number);
	struct answer_seen first = ask(who, target, body, key);
	int64_t size = home_ledger_size(&stage.home);
	struct answer_seen second = ask(who, target, body, key);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(second.json, "code");

	assert_int_equal(wanted, first.status);
	assert_int_equal(wanted, second.status);
	assert_false(is_replay(&first));
	assert_true(is_replay(&second));
	assert_int_equal(size, home_ledger_size(&stage.home));
	if (code != NULL) {
		assert_true(cJSON_IsNull(code));
		cJSON_DeleteItemFromObjectCaseSensitive(first.json, "code");
		cJSON_DeleteItemFromObjectCaseSensitive(second.json, "code");
	}
	assert_true(cJSON_Compare(first.json, second.json, true));
}

static void
test_answers_are_repeated(void **state)
{
	struct device shelf = stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);
	struct device used = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);
	struct device sold = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);

	(void)state;
	ask_twice(ASK_MAKER, "/api/v1/owners",
		"{\"name\":\"once\",\"title\":\"O\",\"kind\":\"customer\"}", 201);
	ask_twice(ASK_MAKER, "/api/v1/fleets",
		"{\"name\":\"once\",\"phase\":\"production\",\"authority\":\"issuing-production\","
		"\"maker\":\"acme\"}",
		201);
	ask_twice(ASK_MAKER, target_of(&shelf, "/code"), "{}", 200);
	ask_twice(ASK_OWNER, target_of(&used, "/suspend"), "{}", 200);
	ask_twice(ASK_OWNER, target_of(&used, "/resume"), NULL, 200);
	ask_twice(ASK_OWNER, target_of(&sold, "/offer"), "{}", 201);
	ask_twice(ASK_OWNER, target_of(&used, "/release"), "{}", 200);
	ask_twice(ASK_MAKER, target_of(&shelf, "/retire"), "{}", 200);
}

static void
test_patch_is_repeated(void **state)
{
	struct answer_seen fleet = stage_get(&stage, ASK_MAKER, "/api/v1/fleets/lamps", 200);
	const struct question q = { .who = ASK_MAKER,
		.method = "PATCH",
		.target = "/api/v1/fleets/lamps",
		.body = stage_text(&stage, "{\"version\":%d,\"crl_lists_superseded\":true}",
			(int)answer_number(&fleet, "version")),
		.key = "patch" };
	struct answer_seen first = stage_ask(&stage, &q), second = stage_ask(&stage, &q);

	(void)state;
	assert_int_equal(200, first.status);
	assert_true(is_replay(&second));
	assert_true(span_equal(first.body, second.body));
}

static void
test_another_request_with_the_key(void **state)
{
	static const char body[] = "{\"name\":\"two\",\"title\":\"T\",\"kind\":\"customer\"}";

	(void)state;
	assert_int_equal(201, ask(ASK_MAKER, "/api/v1/owners", body, "two").status);
	struct answer_seen a = ask(ASK_MAKER, "/api/v1/owners",
		"{\"name\":\"three\",\"title\":\"T\",\"kind\":\"customer\"}", "two");
	assert_int_equal(409, a.status);
	assert_string_equal("/problems/conflict", answer_text(&a, "type"));
	stage_get(&stage, ASK_MAKER, "/api/v1/owners/three", 404);
	/* Another path is another request, another operator has keys of his own. */
	assert_int_equal(409, ask(ASK_MAKER, "/api/v1/fleets",
				      "{\"name\":\"f\",\"phase\":\"production\",\"authority\":"
				      "\"issuing-production\",\"maker\":\"acme\"}",
				      "two")
				      .status);
	a = ask(ASK_ADMIN, "/api/v1/owners",
		"{\"name\":\"three\",\"title\":\"T\",\"kind\":\"customer\"}", "two");
	assert_int_equal(201, a.status);
	assert_false(is_replay(&a));
}

static void
test_refusals_are_not_kept(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	stage_code(&stage, &d, code);
	assert_int_equal(403, ask(ASK_OWNER, target_of(&d, "/claim"),
				      "{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}", "claim")
				      .status);
	/* A wrong code left nothing behind: the right one can be sent under the same key. */
	struct answer_seen a = ask(ASK_OWNER, target_of(&d, "/claim"),
		stage_text(&stage, "{\"code\":\"%s\"}", code), "claim");
	assert_int_equal(200, a.status);
	assert_false(is_replay(&a));
	a = ask(ASK_OWNER, target_of(&d, "/claim"), stage_text(&stage, "{\"code\":\"%s\"}", code),
		"claim");
	assert_int_equal(200, a.status);
	assert_true(is_replay(&a));
}

static void
test_bad_keys(void **state)
{
	static const char body[] = "{\"name\":\"four\",\"title\":\"T\",\"kind\":\"customer\"}";
	static const char *const bad[] = { "", "with space", "slash/", "a,b",
		"0123456789012345678901234567890123456789012345678901234567890123", "\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct answer_seen a = ask(ASK_MAKER, "/api/v1/owners", body, bad[i]);

		if (a.status != 400) {
			fail_msg("key %zu answers %d", i, a.status);
		}
	}
	stage_get(&stage, ASK_MAKER, "/api/v1/owners/four", 404);
	assert_int_equal(201, ask(ASK_MAKER, "/api/v1/owners", body, "Az09-._").status);
	assert_int_equal(
		201, ask(ASK_MAKER, "/api/v1/owners",
			     "{\"name\":\"five\",\"title\":\"T\",\"kind\":\"customer\"}",
			     "012345678901234567890123456789012345678901234567890123456789012")
			     .status);
}

/* What cannot be kept says so, instead of doing it twice. */
static void
test_keys_are_refused_where_no_answer_is_kept(void **state)
{
	static const struct {
		const char *method, *target, *body, *type;
	} rows[] = {
		{ "POST", "/api/v1/operators", "{\"name\":\"z\",\"role\":\"maker\"}", NULL },
		{ "POST", "/api/v1/operators/mary/token", "{}", NULL },
		{ "DELETE", "/api/v1/operators/mary", NULL, NULL },
		{ "POST", "/api/v1/authorities/issuing-production/publish", "{}", NULL },
		{ "POST", "/api/v1/authorities",
			"{\"name\":\"z\",\"kind\":\"issuing\",\"phase\":\"production\",\"parent\":"
			"\"root-production\",\"organization\":\"A\",\"common_name\":\"B\"}",
			NULL },
		{ "POST", "/api/v1/manifest-signers", "{\"name\":\"z\",\"phase\":\"production\"}",
			NULL },
		{ "POST", "/api/v1/fleets/lamps/manifest", "[]", NULL },
		{ "POST", "/api/v1/fleets/lamps/factory?signer=a&manifest_signer=b", "{}",
			"application/x-ndjson" },
	};
	int64_t size = home_ledger_size(&stage.home);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct question q = { .who = ASK_ADMIN,
			.method = rows[i].method,
			.target = rows[i].target,
			.body = rows[i].body,
			.type = rows[i].type,
			.key = "no" };
		struct answer_seen a = stage_ask(&stage, &q);

		if (a.status != 400 || strstr(answer_text(&a, "detail"), "Key") == NULL) {
			fail_msg("%s answers %d", rows[i].target, a.status);
		}
	}
	assert_int_equal(size, home_ledger_size(&stage.home));
}

static void
test_answers_are_kept_for_a_day(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);

	(void)state;
	assert_int_equal(200, ask(ASK_MAKER, target_of(&d, "/code"), "{}", "day").status);
	home_add_s(&stage.home, IDEMPOTENCY_KEPT_S);
	struct answer_seen a = ask(ASK_MAKER, target_of(&d, "/code"), "{}", "day");
	assert_true(is_replay(&a));
}

/* --- the same request twice at the same time --- */

struct twin {
	struct stage *stage;
	struct question question;
	pthread_barrier_t *start;
	int status;
	bool is_replay;
};

static void *
ask_as_twin(void *argument)
{
	struct twin *t = argument;

	pthread_barrier_wait(t->start);
	struct answer_seen a = stage_ask(t->stage, &t->question);
	t->status = a.status;
	t->is_replay = is_replay(&a);
	return NULL;
}

static void
test_twins_are_answered_alike(void **state)
{
	pthread_barrier_t start;
	unsigned rounds = 40;
	int64_t size = home_ledger_size(&stage.home);

	(void)state;
	pthread_barrier_init(&start, NULL, 2);
	for (unsigned i = 0; i < rounds; i++) {
		struct twin twins[2];
		pthread_t thread;

		for (unsigned k = 0; k < 2; k++) {
			twins[k] = (struct twin){ .stage = stage_fork(&stage, k),
				.question = { .who = ASK_MAKER,
					.method = "POST",
					.target = "/api/v1/owners",
					.body = stage_text(&stage,
						"{\"name\":\"twin-%u\",\"title\":\"T\",\"kind\":"
						"\"customer\"}",
						i),
					.key = stage_text(&stage, "twin-%u", i) },
				.start = &start };
		}
		assert_int_equal(0, pthread_create(&thread, NULL, ask_as_twin, &twins[1]));
		ask_as_twin(&twins[0]);
		pthread_join(thread, NULL);
		assert_int_equal(201, twins[0].status);
		assert_int_equal(201, twins[1].status);
		assert_true(twins[0].is_replay != twins[1].is_replay);
		stage_join(twins[0].stage);
		stage_join(twins[1].stage);
	}
	pthread_barrier_destroy(&start);
	assert_int_equal(size + rounds, home_ledger_size(&stage.home));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_answers_are_repeated, forget),
		cmocka_unit_test_teardown(test_patch_is_repeated, forget),
		cmocka_unit_test_teardown(test_another_request_with_the_key, forget),
		cmocka_unit_test_teardown(test_refusals_are_not_kept, forget),
		cmocka_unit_test_teardown(test_bad_keys, forget),
		cmocka_unit_test_teardown(test_keys_are_refused_where_no_answer_is_kept, forget),
		cmocka_unit_test_teardown(test_twins_are_answered_alike, forget),
		cmocka_unit_test_teardown(test_answers_are_kept_for_a_day, forget),
	};

	return cmocka_run_group_tests_name("once", tests, open_stage, close_stage);
}
