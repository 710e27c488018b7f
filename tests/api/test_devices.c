/* Devices as they are listed and shown, their timelines and certificates; who sees which. */
#include <stdio.h>

#include "stage.h"

#include "base/text.h"

static struct stage stage;

#define ANNAS 5
#define BERTS 4
#define MAKERS 6

static struct device annas, berts;
static struct certificate current;

static int
open_stage(void **state)
{
	unsigned number = 0;

	(void)state;
	stage_open(&stage);
	for (unsigned i = 0; i < ANNAS; i++) {
		annas = stage_device(&stage, ++number, DEVICE_ACTIVE, &stage.anna);
	}
	for (unsigned i = 0; i < BERTS; i++) {
		berts = stage_device(&stage, ++number, DEVICE_AWAITING_DEVICE, &stage.bert);
	}
	for (unsigned i = 0; i < MAKERS; i++) {
		stage_device(&stage, ++number, DEVICE_HELD, &stage.maker);
	}
	current = home_certificate_add(&stage.home, &stage.issuing, &annas, CERTIFICATE_CURRENT);
	home_certificate_add(&stage.home, &stage.issuing, &annas, CERTIFICATE_PENDING);
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

static int
count_items(const struct answer_seen *a)
{
	return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(a->json, "items"));
}

static void
test_lists_by_what_is_asked(void **state)
{
	static const struct {
		enum asker who;
		const char *query;
		int count; /* -1: 404, -2: 400 */
	} rows[] = {
		{ ASK_MAKER, "", ANNAS + BERTS + MAKERS },
		{ ASK_AUDITOR, "?limit=1000", ANNAS + BERTS + MAKERS },
		{ ASK_WATCH, "?state=HELD", MAKERS },
		{ ASK_SUPPORT, "?owner=anna", ANNAS },
		{ ASK_MAKER, "?owner=anna&state=HELD", 0 },
		{ ASK_MAKER, "?owner=bert&state=AWAITING_DEVICE&fleet=lamps", BERTS },
		{ ASK_MAKER, "?fleet=lamps", ANNAS + BERTS + MAKERS },
		{ ASK_MAKER, "?fleet=lamps&state=ACTIVE", ANNAS },
		{ ASK_MAKER, "?fleet=nothing", -1 },
		{ ASK_MAKER, "?owner=nobody", -1 },
		{ ASK_MAKER, "?state=held", -2 },
		{ ASK_MAKER, "?state=", -2 },
		{ ASK_MAKER, "?fleet=", -1 },
		{ ASK_OWNER, "", ANNAS },
		{ ASK_OWNER, "?owner=anna", ANNAS },
		{ ASK_OWNER, "?state=ACTIVE", ANNAS },
		{ ASK_OWNER, "?state=HELD", 0 },
		{ ASK_OWNER, "?fleet=lamps", ANNAS },
		{ ASK_OWNER, "?owner=bert", -1 },
		{ ASK_OWNER, "?owner=acme", -1 }, /* he knows the maker, not the maker's stock */
		{ ASK_OTHER_OWNER, "", BERTS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct question q = { .who = rows[i].who,
			.method = "GET",
			.target = stage_text(&stage, "/api/v1/devices%s", rows[i].query) };
		struct answer_seen a = stage_ask(&stage, &q);
		int count = a.status == 404 ? -1 : a.status == 400 ? -2 : count_items(&a);

		if (count != rows[i].count) {
			fail_msg("%s by %d: %d", q.target, q.who, count);
		}
	}
}

static void
test_pages_of_one_owner(void **state)
{
	const char *after = "0";
	int items = 0, pages = 0;

	(void)state;
	while (after != NULL) {
		struct answer_seen a = stage_get(&stage, ASK_OWNER,
			stage_text(&stage, "/api/v1/devices?limit=2&after=%s", after), 200);
		const cJSON *item;

		cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(a.json, "items"))
		{
			assert_string_equal("anna",
				cJSON_GetObjectItemCaseSensitive(item, "owner")->valuestring);
			items++;
		}
		pages++;
		after = answer_is_null(&a, "next") ? NULL : answer_text(&a, "next");
	}
	assert_int_equal(ANNAS, items);
	assert_int_equal(3, pages);
}

static void
test_device_by_either_name(void **state)
{
	char text[ID_TEXT_LEN + 1], print[65];
	struct answer_seen by_id = stage_get(&stage, ASK_MAKER,
		stage_text(&stage, "/api/v1/devices/%s", id_text(text, &annas.id)), 200);
	struct answer_seen by_serial = stage_get(
		&stage, ASK_OWNER, stage_text(&stage, "/api/v1/devices/%s", annas.serial), 200);

	(void)state;
	assert_true(cJSON_Compare(by_id.json, by_serial.json, true));
	assert_string_equal(text, answer_text(&by_id, "id"));
	assert_string_equal("lamps", answer_text(&by_id, "fleet"));
	assert_string_equal(hex_encode(print, SPAN_ARRAY(current.fingerprint)),
		answer_text(&by_id, "certificate"));
	assert_false(answer_is_null(&by_id, "pending"));
	assert_true(answer_is_null(&by_id, "seen"));
	store_seen(stage.home.store, annas.row, TEST_TIME_S + 5);
	by_id = stage_get(&stage, ASK_MAKER,
		stage_text(&stage, "/api/v1/devices/%s", id_text(text, &annas.id)), 200);
	assert_string_equal("2026-11-23T12:00:05Z", answer_text(&by_id, "seen"));
}

static void
test_others_devices_are_not_there(void **state)
{
	static const char *const parts[] = { "", "/timeline", "/certificates" };
	char text[ID_TEXT_LEN + 1];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *by_id = stage_text(
			&stage, "/api/v1/devices/%s%s", id_text(text, &berts.id), parts[i]);
		const char *by_serial =
			stage_text(&stage, "/api/v1/devices/%s%s", berts.serial, parts[i]);

		stage_get(&stage, ASK_OWNER, by_id, 404);
		stage_get(&stage, ASK_OWNER, by_serial, 404);
		stage_get(&stage, ASK_OTHER_OWNER, by_id, 200);
		stage_get(&stage, ASK_AUDITOR, by_serial, 200);
		/* In the same words as what is not there at all, but for the name. */
		struct answer_seen hidden = stage_get(&stage, ASK_OWNER, by_serial, 404);
		struct answer_seen absent = stage_get(&stage, ASK_OWNER,
			stage_text(&stage, "/api/v1/devices/0123ffffffffffff01%s", parts[i]), 404);
		assert_int_equal(strcspn(answer_text(&hidden, "detail"), "\""),
			strcspn(answer_text(&absent, "detail"), "\""));
	}
}

static void
test_timeline_in_pages(void **state)
{
	const char *target = stage_text(&stage, "/api/v1/devices/%s", annas.serial);
	static const char *const marks[] = { "stolen", "disputed", "legal-hold" };
	int64_t last = -1;
	int pages = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		stage_post(&stage, ASK_MAKER, stage_text(&stage, "%s/mark", target),
			stage_text(&stage, "{\"mark\":\"%s\"}", marks[i]), 200);
	}
	for (const char *after = "";; pages++) {
		struct answer_seen a = stage_get(&stage, ASK_OWNER,
			stage_text(&stage, "%s/timeline?limit=1%s", target, after), 200);
		const cJSON *items = cJSON_GetObjectItemCaseSensitive(a.json, "items");

		if (cJSON_GetArraySize(items) == 0) {
			break;
		}
		const cJSON *item = cJSON_GetArrayItem(items, 0);
		const cJSON *index = cJSON_GetObjectItemCaseSensitive(item, "index");
		const cJSON *entry = cJSON_GetObjectItemCaseSensitive(item, "entry");
		assert_true(index->valuedouble > (double)last);
		last = (int64_t)index->valuedouble;
		assert_string_equal(
			"mark", cJSON_GetObjectItemCaseSensitive(entry, "event")->valuestring);
		assert_string_equal(marks[pages],
			cJSON_GetObjectItemCaseSensitive(entry, "reason")->valuestring);
		after = stage_text(&stage, "&after=%s", answer_text(&a, "next"));
	}
	assert_int_equal(3, pages);
}

static void
test_certificates(void **state)
{
	char print[65];
	struct answer_seen list = stage_get(&stage, ASK_OWNER,
		stage_text(&stage, "/api/v1/devices/%s/certificates", annas.serial), 200);
	const char *target = stage_text(&stage, "/api/v1/certificates/%s",
		hex_encode(print, SPAN_ARRAY(current.fingerprint)));
	struct answer_seen one = stage_get(&stage, ASK_OWNER, target, 200);

	(void)state;
	assert_int_equal(2, count_items(&list));
	assert_true(cJSON_Compare(
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(list.json, "items"), 0),
		one.json, true));
	assert_string_equal("current", answer_text(&one, "status"));
	assert_string_equal("operational", answer_text(&one, "kind"));
	assert_string_equal("issuing-production", answer_text(&one, "authority"));
	assert_true(answer_is_null(&one, "revoked") && answer_is_null(&one, "reason"));
	stage_get(&stage, ASK_OTHER_OWNER, target, 404);
	stage_get(&stage, ASK_MAKER, "/api/v1/certificates/00", 404);
	stage_get(&stage, ASK_MAKER,
		"/api/v1/certificates/"
		"0000000000000000000000000000000000000000000000000000000000000000",
		404);
}

/* What a certificate was issued on: for whoever may see the certificate. */
static void
test_evidence(void **state)
{
	struct change *c = change_new(stage.home.arena);
	struct kept_evidence e = { .element = annas.element, .slot_is_locked = true };
	const int64_t row = current.row;
	struct diag d = { 0 };
	char print[65], hex[65];
	uint8_t digest[32];
	const char *target = stage_text(&stage, "/api/v1/certificates/%s/evidence",
		hex_encode(print, SPAN_ARRAY(current.fingerprint)));
	const cJSON *element;

	(void)state;
	stage_get(&stage, ASK_AUDITOR, target, 404);
	e.der = span_text("the evidence");
	change_evidence(c, &e, &row);
	assert_ok(store_commit(stage.home.store, c, NULL, &d), d);
	struct answer_seen a = stage_get(&stage, ASK_AUDITOR, target, 200);
	assert_string_equal(print, answer_text(&a, "certificate"));
	assert_string_equal("dGhlIGV2aWRlbmNl", answer_text(&a, "evidence"));
	sha256(e.der, digest);
	assert_string_equal(hex_encode(hex, SPAN_ARRAY(digest)), answer_text(&a, "sha256"));
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(a.json, "slot_locked")));
	element = cJSON_GetObjectItemCaseSensitive(a.json, "element");
	assert_string_equal(
		annas.serial, cJSON_GetObjectItemCaseSensitive(element, "serial")->valuestring);
	stage_get(&stage, ASK_OWNER, target, 200);
	stage_get(&stage, ASK_OTHER_OWNER, target, 404);
	stage_get(&stage, ASK_NOBODY, target, 401);
}

static void
test_certificate_is_revoked(void **state)
{
	struct device d = stage_device(&stage, 77, DEVICE_ACTIVE, &stage.anna);
	struct certificate k =
		home_certificate_add(&stage.home, &stage.issuing, &d, CERTIFICATE_CURRENT);
	char print[65];
	const char *target = stage_text(
		&stage, "/api/v1/certificates/%s", hex_encode(print, SPAN_ARRAY(k.fingerprint)));
	const char *revoke = stage_text(&stage, "%s/revoke", target);

	(void)state;
	stage_post(&stage, ASK_MAKER, revoke, "{\"reason\":\"certificateHold\"}", 400);
	stage_post(&stage, ASK_OWNER, revoke, "{\"reason\":\"superseded\"}", 403);
	home_add_s(&stage.home, 10);
	struct answer_seen a =
		stage_post(&stage, ASK_MAKER, revoke, "{\"reason\":\"superseded\"}", 200);
	struct answer_seen seen = stage_get(&stage, ASK_MAKER, target, 200);
	assert_string_equal("revoked", answer_text(&a, "status"));
	assert_true(cJSON_Compare(a.json, seen.json, true));
	/* The same again changes nothing, and says what stands. */
	home_add_s(&stage.home, 10);
	a = stage_post(&stage, ASK_MAKER, revoke, "{\"reason\":\"superseded\"}", 200);
	assert_true(cJSON_Compare(a.json, seen.json, true));
	a = stage_post(&stage, ASK_MAKER, revoke, "{\"reason\":\"keyCompromise\"}", 200);
	seen = stage_get(&stage, ASK_MAKER, target, 200);
	assert_string_equal("keyCompromise", answer_text(&seen, "reason"));
	assert_true(cJSON_Compare(a.json, seen.json, true));
	stage_post(&stage, ASK_MAKER, revoke, "{\"reason\":\"superseded\"}", 409);
	seen = stage_get(
		&stage, ASK_MAKER, stage_text(&stage, "/api/v1/devices/%s", d.serial), 200);
	assert_string_equal("AWAITING_DEVICE", answer_text(&seen, "state"));
}

/* A factory's, a server's: no owner's business. */
static void
test_certificates_of_no_device(void **state)
{
	struct certificate k =
		home_certificate_add(&stage.home, &stage.issuing, NULL, CERTIFICATE_CURRENT);
	char print[65];
	const char *target = stage_text(
		&stage, "/api/v1/certificates/%s", hex_encode(print, SPAN_ARRAY(k.fingerprint)));

	(void)state;
	stage_get(&stage, ASK_MAKER, target, 200);
	stage_get(&stage, ASK_OWNER, target, 404);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lists_by_what_is_asked, forget),
		cmocka_unit_test_teardown(test_pages_of_one_owner, forget),
		cmocka_unit_test_teardown(test_device_by_either_name, forget),
		cmocka_unit_test_teardown(test_others_devices_are_not_there, forget),
		cmocka_unit_test_teardown(test_timeline_in_pages, forget),
		cmocka_unit_test_teardown(test_certificates, forget),
		cmocka_unit_test_teardown(test_evidence, forget),
		cmocka_unit_test_teardown(test_certificate_is_revoked, forget),
		cmocka_unit_test_teardown(test_certificates_of_no_device, forget),
	};

	return cmocka_run_group_tests_name("devices", tests, open_stage, close_stage);
}
