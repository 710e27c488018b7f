/* What happens to a device, by whom, and what is answered. */
#include <stdio.h>

#include "stage.h"

static struct stage stage;
static unsigned number; /* of the last device */

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

static const char *
target_of(const struct device *d, const char *verb)
{
	char text[ID_TEXT_LEN + 1];

	return stage_text(&stage, "/api/v1/devices/%s%s", id_text(text, &d->id), verb);
}

/* --- the table --- */

#define MAKERS 0
#define ANNAS 1

/* One row: a device in this state, of this owner; the verb by this asker; what comes. */
static const struct {
	const char *verb, *body;
	enum device_state state;
	int owner;
	enum asker who;
	int status;
	const char *then; /* the state afterwards; NULL where it is refused */
	bool has_code;
} rows[] = {
	{ "code", NULL, DEVICE_HELD, MAKERS, ASK_MAKER, 200, "HELD", true },
	{ "code", "{}", DEVICE_ACTIVE, ANNAS, ASK_MAKER, 409 },
	{ "release", "{}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 200, "HELD", true },
	{ "release", "{}", DEVICE_ACTIVE, ANNAS, ASK_OTHER_OWNER, 404 },
	{ "release", "{}", DEVICE_ACTIVE, ANNAS, ASK_MAKER, 403 },
	{ "hold", "{}", DEVICE_ACTIVE, MAKERS, ASK_MAKER, 200, "HELD", true },
	{ "hold", "{}", DEVICE_HELD, MAKERS, ASK_MAKER, 409 },
	{ "suspend", "{\"note\":\"lost at the airport\"}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 400 },
	{ "suspend", "{}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 200, "SUSPENDED" },
	{ "suspend", NULL, DEVICE_ACTIVE, ANNAS, ASK_WATCH, 200, "SUSPENDED" },
	{ "suspend", NULL, DEVICE_HELD, MAKERS, ASK_ADMIN, 200, "SUSPENDED" },
	{ "suspend", "{}", DEVICE_RETIRED, MAKERS, ASK_MAKER, 409 },
	{ "suspend", "{}", DEVICE_ACTIVE, ANNAS, ASK_OTHER_OWNER, 404 },
	{ "resume", "{}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 409 },
	{ "retire", "{}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 200, "RETIRED" },
	{ "retire", "{}", DEVICE_HELD, MAKERS, ASK_MAKER, 200, "RETIRED" },
	{ "retire", "{}", DEVICE_RETIRED, MAKERS, ASK_MAKER, 409 },
	{ "refurbish", "{}", DEVICE_HELD, MAKERS, ASK_SUPPORT, 409 },
	{ "mark", "{\"mark\":\"stolen\"}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 200, "ACTIVE" },
	{ "mark", "{\"mark\":\"legal-hold\"}", DEVICE_HELD, MAKERS, ASK_SUPPORT, 200, "HELD" },
	{ "unmark", "{\"mark\":\"stolen\"}", DEVICE_ACTIVE, ANNAS, ASK_MAKER, 200, "ACTIVE" },
	{ "return", "{\"consent\":\"owner\",\"reason\":\"defect\",\"note\":\"hums\"}",
		DEVICE_ACTIVE, ANNAS, ASK_SUPPORT, 200, "RETURNED" },
	{ "return", "{\"consent\":\"owner\",\"reason\":\"defect\"}", DEVICE_RETIRED, ANNAS,
		ASK_SUPPORT, 409 },
	{ "revoke", "{\"key\":\"operational\",\"reason\":\"keyCompromise\"}", DEVICE_ACTIVE, ANNAS,
		ASK_OWNER, 200, "AWAITING_DEVICE" },
	{ "revoke", "{\"key\":\"operational\",\"reason\":\"superseded\"}", DEVICE_ACTIVE, ANNAS,
		ASK_WATCH, 200, "AWAITING_DEVICE" },
	{ "revoke", "{\"key\":\"birth\",\"reason\":\"keyCompromise\"}", DEVICE_ACTIVE, ANNAS,
		ASK_MAKER, 409 }, /* it has none */
	{ "replace", "{\"element\":\"0123ffffffffffff01\"}", DEVICE_ACTIVE, ANNAS, ASK_SUPPORT,
		404 },
	{ "element", "{\"change\":\"lock-slots\",\"slots\":[3]}", DEVICE_ACTIVE, ANNAS, ASK_SUPPORT,
		200, "ACTIVE" },
	{ "element", "{\"change\":\"retire-keys\",\"slots\":[2,3,4,8]}", DEVICE_RETIRED, ANNAS,
		ASK_MAKER, 200, "RETIRED" },
	{ "element", "{\"change\":\"counter\",\"counter\":1,\"before\":6,\"after\":7}", DEVICE_HELD,
		MAKERS, ASK_ADMIN, 200, "HELD" },
	{ "element", "{\"change\":\"lock-slots\",\"slots\":[3,3]}", DEVICE_ACTIVE, ANNAS, ASK_MAKER,
		400 },
	{ "element", "{\"change\":\"lock-slots\",\"slots\":[3],\"after\":1}", DEVICE_ACTIVE, ANNAS,
		ASK_MAKER, 400 },
	{ "element", "{\"change\":\"lock-slots\",\"slots\":[3]}", DEVICE_ACTIVE, ANNAS, ASK_OWNER,
		403 },
	{ "element", "{\"change\":\"lock-slots\",\"slots\":[3]}", DEVICE_ACTIVE, ANNAS, ASK_WATCH,
		403 },
	{ "rotate", "{}", DEVICE_HELD, MAKERS, ASK_MAKER, 409 },
	{ "offer", "{\"to\":\"nobody\"}", DEVICE_ACTIVE, ANNAS, ASK_OWNER, 404 },
};

static void
run_row(size_t i)
{
	const struct owner *owner = rows[i].owner == ANNAS ? &stage.anna : &stage.maker;
	struct device d = stage_device(&stage, ++number, rows[i].state, owner);
	const struct question q = { .who = rows[i].who,
		.method = "POST",
		.target = target_of(&d, stage_text(&stage, "/%s", rows[i].verb)),
		.body = rows[i].body };
	struct answer_seen a = stage_ask(&stage, &q);

	if (a.status != rows[i].status) {
		fail_msg("row %zu: %s answers %d, not %d: %.*s", i, rows[i].verb, a.status,
			rows[i].status, (int)a.body.len, (const char *)a.body.data);
	}
	if (rows[i].then == NULL) {
		return;
	}
	assert_string_equal(rows[i].then, answer_text(&a, "state"));
	assert_int_equal(d.version + 1, answer_number(&a, "version"));
	if (rows[i].has_code) {
		assert_int_equal(CLAIM_CODE_TEXT_MAX - 1, strlen(answer_text(&a, "code")));
		assert_non_null(strstr(a.headers, "Cache-Control: no-store\r\n"));
	}
	/* What is answered is what is then to be seen, but for the code. */
	struct answer_seen then = stage_get(&stage, ASK_ADMIN, target_of(&d, ""), 200);
	cJSON_DeleteItemFromObjectCaseSensitive(a.json, "code");
	assert_true(cJSON_Compare(a.json, then.json, true));
}

static void
test_verbs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_row(i);
		stage_forget(&stage);
	}
}

static void
test_unknown_devices(void **state)
{
	static const char *const names[] = { "06f30000000000000000000000", "0123456789abcdef01",
		"x", "..%2f..", "%41%42",
		"0123456789012345678901234567890123456789012345678901234567890123456789" };
	static const char *const verbs[] = { "code", "hold", "retire", "suspend" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
			const char *target =
				stage_text(&stage, "/api/v1/devices/%s/%s", names[i], verbs[v]);
			if (strstr(names[i], "%2f") == NULL) { /* the router refuses it */
				stage_post(&stage, ASK_MAKER, target, "{}", 404);
			}
		}
	}
}

/* --- longer stories --- */

static void
test_claim_by_the_code_in_the_box(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);
	const char *target = target_of(&d, "/claim");
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	stage_code(&stage, &d, code);
	/* Nobody's business before it is his: neither the device nor its absence. */
	stage_get(&stage, ASK_OWNER, target_of(&d, ""), 404);
	stage_post(&stage, ASK_OWNER, target, "{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}", 403);
	stage_post(&stage, ASK_OWNER, "/api/v1/devices/0123ffffffffffff01/claim",
		"{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}", 403);
	stage_post(&stage, ASK_OWNER, target,
		stage_text(&stage, "{\"code\":\"%s\",\"owner\":\"bert\"}", code), 403);
	struct answer_seen a = stage_post(
		&stage, ASK_OWNER, target, stage_text(&stage, "{\"code\":\"%s\"}", code), 200);
	assert_string_equal("anna", answer_text(&a, "owner"));
	assert_string_equal("AWAITING_DEVICE", answer_text(&a, "state"));
	stage_get(&stage, ASK_OWNER, target_of(&d, ""), 200);
	stage_get(&stage, ASK_OTHER_OWNER, target_of(&d, ""), 404);
}

static void
test_claim_by_the_maker_for_an_owner(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);
	const char *target = stage_text(&stage, "/api/v1/devices/%s/claim", d.serial);
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	stage_code(&stage, &d, code);
	stage_post(&stage, ASK_MAKER, target, stage_text(&stage, "{\"code\":\"%s\"}", code), 400);
	stage_post(&stage, ASK_MAKER, target,
		stage_text(&stage, "{\"code\":\"%s\",\"owner\":\"nobody\"}", code), 404);
	struct answer_seen a = stage_post(&stage, ASK_MAKER, target,
		stage_text(&stage, "{\"code\":\"%s\",\"owner\":\"bert\"}", code), 200);
	assert_string_equal("bert", answer_text(&a, "owner"));
}

static void
test_wrong_codes_end_in_waiting(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);
	const struct question q = { .who = ASK_OTHER_OWNER,
		.method = "POST",
		.target = target_of(&d, "/claim"),
		.body = "{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}" };
	char code[CLAIM_CODE_TEXT_MAX];
	int tries = 0;
	struct answer_seen a;

	(void)state;
	stage_code(&stage, &d, code);
	do {
		a = stage_ask(&stage, &q);
	} while (a.status == 403 && ++tries < 10);
	assert_int_equal(429, a.status);
	assert_in_range(tries, 2, 5);
	assert_non_null(strstr(answer_text(&a, "detail"), "wait"));
	assert_non_null(strstr(a.headers, "Retry-After: 60\r\n"));
	assert_null(strstr(a.headers, "Retry-After: 1\r\n"));
}

static void
test_transfer_to_a_named_owner(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);
	struct answer_seen offer = stage_post(&stage, ASK_OWNER, target_of(&d, "/offer"),
		"{\"to\":\"bert\",\"lifetime\":3600}", 201);
	const char *transfer =
		stage_text(&stage, "/api/v1/transfers/%s", answer_text(&offer, "id"));

	(void)state;
	assert_string_equal("anna", answer_text(&offer, "from"));
	assert_string_equal("bert", answer_text(&offer, "to"));
	assert_true(answer_is_null(&offer, "code"));
	assert_string_equal("2026-11-23T13:00:00Z", answer_text(&offer, "expires"));
	struct answer_seen seen = stage_get(&stage, ASK_OWNER, target_of(&d, ""), 200);
	assert_string_equal(answer_text(&offer, "id"), answer_text(&seen, "offer"));
	assert_string_equal("IN_TRANSFER", answer_text(&seen, "state"));
	/* He to whom it is offered sees the transfer, not the device. */
	stage_get(&stage, ASK_OTHER_OWNER, transfer, 200);
	stage_get(&stage, ASK_OTHER_OWNER, target_of(&d, ""), 404);
	stage_post(&stage, ASK_OTHER_OWNER, stage_text(&stage, "%s/cancel", transfer), "{}", 403);
	struct answer_seen a = stage_post(
		&stage, ASK_OTHER_OWNER, stage_text(&stage, "%s/accept", transfer), NULL, 200);
	assert_string_equal("bert", answer_text(&a, "owner"));
	assert_string_equal("AWAITING_DEVICE", answer_text(&a, "state"));
	/* From this instant the former owner is out. */
	stage_get(&stage, ASK_OWNER, target_of(&d, ""), 404);
	seen = stage_get(&stage, ASK_OWNER, transfer, 200); /* it was his */
	assert_string_equal("accepted", answer_text(&seen, "status"));
}

static void
test_transfer_by_code(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);
	struct answer_seen offer =
		stage_post(&stage, ASK_OWNER, target_of(&d, "/offer"), "{}", 201);
	const char *transfer =
		stage_text(&stage, "/api/v1/transfers/%s", answer_text(&offer, "id"));
	const char *accept = stage_text(&stage, "%s/accept", transfer);

	(void)state;
	assert_true(answer_is_null(&offer, "to"));
	/* Without the code the transfer is not to be seen by others. */
	stage_get(&stage, ASK_OTHER_OWNER, transfer, 404);
	stage_post(&stage, ASK_OTHER_OWNER, accept, "{}", 404);
	stage_post(&stage, ASK_OTHER_OWNER, accept, "{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}", 403);
	struct answer_seen a = stage_post(&stage, ASK_OTHER_OWNER, accept,
		stage_text(&stage, "{\"code\":\"%s\"}", answer_text(&offer, "code")), 200);
	assert_string_equal("bert", answer_text(&a, "owner"));
	stage_post(&stage, ASK_OTHER_OWNER, accept,
		stage_text(&stage, "{\"code\":\"%s\"}", answer_text(&offer, "code")), 409);
}

static void
test_transfer_declined_and_cancelled(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);
	struct answer_seen offer =
		stage_post(&stage, ASK_OWNER, target_of(&d, "/offer"), "{\"to\":\"bert\"}", 201);
	struct answer_seen a = stage_post(&stage, ASK_OTHER_OWNER,
		stage_text(&stage, "/api/v1/transfers/%s/decline", answer_text(&offer, "id")), "{}",
		200);

	(void)state;
	assert_string_equal(answer_text(&offer, "id"), answer_text(&a, "id"));
	assert_string_equal("declined", answer_text(&a, "status"));
	offer = stage_post(&stage, ASK_OWNER, target_of(&d, "/offer"), "{\"to\":\"bert\"}", 201);
	const char *cancel =
		stage_text(&stage, "/api/v1/transfers/%s/cancel", answer_text(&offer, "id"));
	a = stage_post(&stage, ASK_OWNER, cancel, "{}", 200);
	assert_string_equal("ACTIVE", answer_text(&a, "state"));
	assert_true(answer_is_null(&a, "offer"));
	stage_post(&stage, ASK_OWNER, cancel, "{}", 409);
	stage_post(&stage, ASK_OWNER, "/api/v1/transfers/06f30000000000000000000000/cancel", "{}",
		404);
	stage_post(&stage, ASK_OWNER, "/api/v1/transfers/x/accept", "{}", 404);
}

static size_t
count_items(const struct answer_seen *a)
{
	return (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(a->json, "items"));
}

static void
test_transfers_are_listed_for_both_sides(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);
	const char *of_device = stage_text(&stage, "/api/v1/transfers?device=%s", d.serial);
	struct answer_seen a;

	(void)state;
	stage_post(&stage, ASK_OWNER, target_of(&d, "/offer"), "{\"to\":\"bert\"}", 201);
	a = stage_get(&stage, ASK_OWNER, of_device, 200);
	assert_int_equal(1, count_items(&a));
	a = stage_get(&stage, ASK_OTHER_OWNER, of_device, 200);
	assert_int_equal(1, count_items(&a));
	a = stage_get(&stage, ASK_MAKER, of_device, 200);
	assert_int_equal(1, count_items(&a));
	a = stage_get(&stage, ASK_MAKER, "/api/v1/transfers?owner=anna", 200);
	assert_int_equal(1, count_items(&a));
	a = stage_get(&stage, ASK_MAKER, "/api/v1/transfers?owner=acme", 200);
	assert_int_equal(0, count_items(&a));
	stage_get(&stage, ASK_OTHER_OWNER, "/api/v1/transfers?owner=anna", 404);
	stage_get(&stage, ASK_OTHER_OWNER, "/api/v1/transfers?owner=acme", 404);
	a = stage_get(&stage, ASK_OTHER_OWNER, "/api/v1/transfers?device=nothing", 200);
	assert_int_equal(0, count_items(&a));
	stage_get(&stage, ASK_MAKER, "/api/v1/transfers?device=nothing", 404);
}

static void
test_suspension_says_from_where_and_by_whom(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_AWAITING_DEVICE, &stage.anna);
	struct answer_seen a = stage_post(&stage, ASK_WATCH, target_of(&d, "/suspend"), "{}", 200);

	(void)state;
	assert_string_equal("AWAITING_DEVICE", answer_text(&a, "suspended_from"));
	assert_string_equal("watch", answer_text(&a, "suspended_by"));
	stage_post(&stage, ASK_OWNER, target_of(&d, "/resume"), "{}", 403); /* a lower rank */
	a = stage_post(&stage, ASK_MAKER, target_of(&d, "/resume"), "{}", 200);
	assert_string_equal("AWAITING_DEVICE", answer_text(&a, "state"));
	assert_true(answer_is_null(&a, "suspended_from"));
	assert_true(answer_is_null(&a, "suspended_by"));
}

static void
test_marks(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);

	(void)state;
	stage_post(&stage, ASK_OWNER, target_of(&d, "/mark"), "{\"mark\":\"stolen\"}", 200);
	struct answer_seen a = stage_post(
		&stage, ASK_SUPPORT, target_of(&d, "/mark"), "{\"mark\":\"disputed\"}", 200);
	const cJSON *marks = cJSON_GetObjectItemCaseSensitive(a.json, "marks");
	assert_int_equal(2, cJSON_GetArraySize(marks));
	stage_post(&stage, ASK_OWNER, target_of(&d, "/offer"), "{}", 403);
	a = stage_post(&stage, ASK_MAKER, target_of(&d, "/unmark"), "{\"mark\":\"stolen\"}", 200);
	marks = cJSON_GetObjectItemCaseSensitive(a.json, "marks");
	assert_int_equal(1, cJSON_GetArraySize(marks));
	assert_string_equal("disputed", cJSON_GetArrayItem(marks, 0)->valuestring);
}

static void
test_shop_and_bench(void **state)
{
	struct device d = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);

	(void)state;
	stage_post(&stage, ASK_SUPPORT, target_of(&d, "/return"),
		"{\"consent\":\"owner\",\"reason\":\"swap\"}", 200);
	struct answer_seen a =
		stage_post(&stage, ASK_SUPPORT, target_of(&d, "/refurbish"), NULL, 200);
	assert_string_equal("HELD", answer_text(&a, "state"));
	assert_string_equal("acme", answer_text(&a, "owner"));
	assert_false(answer_is_null(&a, "code"));
	stage_get(&stage, ASK_OWNER, target_of(&d, ""), 404);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_verbs, forget),
		cmocka_unit_test_teardown(test_unknown_devices, forget),
		cmocka_unit_test_teardown(test_claim_by_the_code_in_the_box, forget),
		cmocka_unit_test_teardown(test_claim_by_the_maker_for_an_owner, forget),
		cmocka_unit_test_teardown(test_wrong_codes_end_in_waiting, forget),
		cmocka_unit_test_teardown(test_transfer_to_a_named_owner, forget),
		cmocka_unit_test_teardown(test_transfer_by_code, forget),
		cmocka_unit_test_teardown(test_transfer_declined_and_cancelled, forget),
		cmocka_unit_test_teardown(test_transfers_are_listed_for_both_sides, forget),
		cmocka_unit_test_teardown(test_suspension_says_from_where_and_by_whom, forget),
		cmocka_unit_test_teardown(test_marks, forget),
		cmocka_unit_test_teardown(test_shop_and_bench, forget),
	};

	return cmocka_run_group_tests_name("verbs", tests, open_stage, close_stage);
}
