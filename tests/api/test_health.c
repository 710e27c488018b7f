/* Status, health, metrics, and the ledger for its readers. */
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <unistd.h>

#include "stage.h"

#include "base/file.h"
#include "ledger/verify.h"

static struct stage stage;

static int
open_stage(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_device(&stage, 1, DEVICE_HELD, &stage.maker);
	stage_device(&stage, 2, DEVICE_ACTIVE, &stage.anna);
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
	stage.ready = OK;
	stage_forget(&stage);
	return 0;
}

static const char *
text_of(const struct answer_seen *a)
{
	return arena_string(stage.arena, a->body);
}

/* --- status and health --- */

static void
test_status(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_AUDITOR, "/api/v1/status", 200);
	const cJSON *devices = cJSON_GetObjectItemCaseSensitive(a.json, "devices");
	const cJSON *ledger = cJSON_GetObjectItemCaseSensitive(a.json, "ledger");

	(void)state;
	assert_string_equal("1.2.3", answer_text(&a, "version"));
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(a.json, "ready")));
	assert_true(answer_is_null(&a, "problem"));
	assert_int_equal(1, cJSON_GetObjectItemCaseSensitive(devices, "HELD")->valueint);
	assert_int_equal(1, cJSON_GetObjectItemCaseSensitive(devices, "ACTIVE")->valueint);
	assert_int_equal(0, cJSON_GetObjectItemCaseSensitive(devices, "RETIRED")->valueint);
	assert_int_equal(1, answer_number(&a, "fleets"));
	assert_int_equal(home_ledger_size(&stage.home),
		cJSON_GetObjectItemCaseSensitive(ledger, "size")->valueint);
	assert_string_equal("2026-11-23T12:00:00Z", answer_text(&a, "time"));
	stage.ready = UNAVAILABLE;
	a = stage_get(&stage, ASK_MAKER, "/api/v1/status", 200);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(a.json, "ready")));
	assert_string_equal("the CRLs are stale", answer_text(&a, "problem"));
}

static void
test_status_for_an_owner_has_no_numbers(void **state)
{
	static const char *const hidden[] = { "devices", "certificates", "fleets", "owners" };
	struct answer_seen a = stage_get(&stage, ASK_OWNER, "/api/v1/status", 200);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(answer_is_null(&a, hidden[i]));
	}
}

static void
test_health_and_readiness(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_NOBODY, "/healthz", 200);

	(void)state;
	assert_string_equal("ok\n", text_of(&a));
	a = stage_get(&stage, ASK_NOBODY, "/readyz", 200);
	assert_string_equal("ok\n", text_of(&a));
	stage.ready = UNAVAILABLE;
	stage_get(&stage, ASK_NOBODY, "/healthz", 200);
	a = stage_get(&stage, ASK_NOBODY, "/readyz", 503);
	assert_string_equal("the CRLs are stale\n", text_of(&a));
	stage.service.ready = NULL;
	stage_get(&stage, ASK_NOBODY, "/readyz", 200);
}

/* --- metrics --- */

static double
metric(const char *text, const char *name)
{
	const char *at = text;
	size_t len = strlen(name);

	while ((at = strstr(at, name)) != NULL) {
		if ((at == text || at[-1] == '\n') && at[len] == ' ') {
			return strtod(at + len, NULL);
		}
		at += len;
	}
	fail_msg("no metric %s", name);
	return 0;
}

/* Each line is a comment or `name{labels} number`; each name has been announced. */
static void
hold_exposition(const char *text)
{
	char name[128], wanted[160];

	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t len = strcspn(line, "{ ");
		const char *number;
		char *end;

		if (line[0] == '#') {
			continue;
		}
		assert_memory_equal("tenure_", line, 7);
		snprintf(name, sizeof(name), "%.*s", (int)len, line);
		for (const char *part = "_bucket\0_count\0_sum\0"; *part != '\0';
			part += strlen(part) + 1) {
			size_t at = strlen(name) > strlen(part) ? strlen(name) - strlen(part) : 0;
			if (strcmp(name + at, part) == 0) {
				name[at] = '\0';
			}
		}
		snprintf(wanted, sizeof(wanted), "# TYPE %s ", name);
		if (strstr(text, wanted) == NULL) {
			fail_msg("%s is not announced", name);
		}
		number = strchr(line + len, '\n');
		while (number[-1] != ' ') {
			number--;
		}
		strtod(number, &end);
		assert_true(*end == '\n');
	}
}

static void
test_metrics(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_WATCH, "/metrics", 200);
	const char *before = text_of(&a);

	(void)state;
	hold_exposition(before);
	assert_true(metric(before, "tenure_devices{state=\"HELD\"}") == 1);
	assert_true(metric(before, "tenure_up{part=\"signer\"}") == 1);
	assert_true(metric(before, "tenure_up{part=\"store\"}") == 1);
	assert_true(metric(before, "tenure_ready") == 1);
	assert_true(
		metric(before, "tenure_ledger_entries") == (double)home_ledger_size(&stage.home));
	stage_post(&stage, ASK_MAKER, "/api/v1/owners",
		"{\"name\":\"m\",\"title\":\"M\",\"kind\":\"customer\"}", 201);
	stage_post(&stage, ASK_MAKER, "/api/v1/owners",
		"{\"name\":\"m\",\"title\":\"M\",\"kind\":\"customer\"}", 409);
	a = stage_get(&stage, ASK_WATCH, "/metrics", 200);
	const char *after = text_of(&a);
	static const struct {
		const char *name;
		double more;
	} rows[] = {
		{ "tenure_use_cases_total{use_case=\"owner-add\",result=\"ok\"}", 1 },
		{ "tenure_http_requests_total{area=\"api\",class=\"2xx\"}", 1 },
		{ "tenure_http_requests_total{area=\"api\",class=\"4xx\"}", 1 },
		{ "tenure_http_requests_total{area=\"other\",class=\"2xx\"}", 1 },
		{ "tenure_http_request_seconds_count{area=\"api\"}", 2 },
		{ "tenure_http_request_seconds_bucket{area=\"api\",le=\"0.001\"}", 0 },
		{ "tenure_http_request_seconds_bucket{area=\"api\",le=\"0.005\"}", 2 },
		{ "tenure_http_request_seconds_bucket{area=\"api\",le=\"+Inf\"}", 2 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (metric(after, rows[i].name) - metric(before, rows[i].name) != rows[i].more) {
			fail_msg("%s", rows[i].name);
		}
	}
	assert_true(
		metric(after, "tenure_use_cases_total{use_case=\"owner-add\",result=\"exists\"}") >=
		1);
}

static void
test_metrics_of_crls(void **state)
{
	stage_post(&stage, ASK_MAKER, "/api/v1/authorities/issuing-production/publish", "{}", 200);
	struct answer_seen a = stage_get(&stage, ASK_ADMIN, "/metrics", 200);

	(void)state;
	/* By the file's time, which is the system's: only that it is there can be held. */
	metric(text_of(&a), "tenure_crl_age_seconds{authority=\"issuing-production\"}");
}

/* --- the ledger --- */

static void
test_ledger_is_listed(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger?limit=3", 200);
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(a.json, "items");

	(void)state;
	assert_int_equal(3, cJSON_GetArraySize(items));
	assert_int_equal(0,
		cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(items, 0), "index")->valueint);
	assert_string_equal("2", answer_text(&a, "next"));
	a = stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger?limit=1&after=2", 200);
	items = cJSON_GetObjectItemCaseSensitive(a.json, "items");
	assert_int_equal(3,
		cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(items, 0), "index")->valueint);
	a = stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger?after=999999", 200);
	assert_true(answer_is_null(&a, "next"));
}

static void
test_no_personal_data_in_the_ledger(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger?limit=1000", 200);

	(void)state;
	assert_null(strstr(text_of(&a), "nders")); /* of a title */
	assert_null(strstr(text_of(&a), "anna"));
	assert_null(strstr(text_of(&a), "mary"));
}

static void
test_proof_proves(void **state)
{
	struct diag d = { 0 };
	struct log_proof proof;
	struct checkpoint checkpoint;
	struct ledger_row *rows;
	struct answer_seen a;
	size_t count;
	int64_t last = home_ledger_size(&stage.home) - 1;

	(void)state;
	assert_ok(sequencer_wait(stage.sequencer, last, 10000, &d), d);
	a = stage_get(
		&stage, ASK_AUDITOR, stage_text(&stage, "/api/v1/ledger/%d/proof", (int)last), 200);
	assert_ok(proof_parse(stage.arena, a.body, &proof, &d), d);
	assert_int_equal(last, proof.index);
	assert_ok(checkpoint_parse(stage.arena, proof.checkpoint, &checkpoint, &d), d);
	assert_int_equal(OK, list_ledger(stage.home.reader, stage.arena, last, 1, &rows, &count));
	const hash leaf = tree_leaf(rows[0].entry);
	assert_int_equal(OK, tree_inclusion_verify(&leaf, proof.index, checkpoint.size,
				     proof.hashes, proof.count, &checkpoint.root));
	stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger/999999/proof", 404);
	stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger/-1/proof", 404);
	stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger/x/proof", 404);
	stage_get(&stage, ASK_AUDITOR, "/api/v1/ledger/99999999999999999999/proof", 404);
}

static void
test_ledger_files(void **state)
{
	struct diag d = { 0 };
	struct checkpoint checkpoint;
	struct answer_seen a;

	(void)state;
	assert_ok(sequencer_wait(stage.sequencer, home_ledger_size(&stage.home) - 1, 10000, &d), d);
	a = stage_get(&stage, ASK_AUDITOR, "/ledger/checkpoint", 200);
	assert_ok(checkpoint_parse(stage.arena, a.body, &checkpoint, &d), d);
	a = stage_get(&stage, ASK_AUDITOR,
		stage_text(&stage, "/ledger/tile/0/000.p/%d", (int)checkpoint.size), 200);
	assert_int_equal(checkpoint.size * HASH_LEN, a.body.len);
}

static void
test_document_is_served_to_anyone(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_NOBODY, "/api/openapi.json", 200);

	(void)state;
	assert_true(cJSON_Compare(a.json, stage.document, true));
}

/* Last: the signer is gone for good. */
static void
test_health_without_signer(void **state)
{
	(void)state;
	unlink(stage.home.passphrase);
	struct signer *signer = stage.home.signer;
	int pid = signer_pid(signer);
	assert_true(pid > 1);
	kill(pid, SIGKILL);
	struct answer_seen a = { 0 };
	/* Its end is noticed by the next call at the latest. */
	for (int i = 0; i < 1000 && a.status != 503; i++) {
		const struct question q = {
			.who = ASK_NOBODY, .method = "GET", .target = "/healthz"
		};
		a = stage_ask(&stage, &q);
	}
	assert_int_equal(503, a.status);
	assert_true(a.body.len > 10);
	a = stage_get(&stage, ASK_ADMIN, "/metrics", 200);
	assert_true(metric(text_of(&a), "tenure_up{part=\"signer\"}") == 0);
	stage_post(&stage, ASK_MAKER, "/api/v1/authorities/issuing-production/publish", "{}", 503);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_status, forget),
		cmocka_unit_test_teardown(test_status_for_an_owner_has_no_numbers, forget),
		cmocka_unit_test_teardown(test_metrics, forget),
		cmocka_unit_test_teardown(test_metrics_of_crls, forget),
		cmocka_unit_test_teardown(test_ledger_is_listed, forget),
		cmocka_unit_test_teardown(test_no_personal_data_in_the_ledger, forget),
		cmocka_unit_test_teardown(test_proof_proves, forget),
		cmocka_unit_test_teardown(test_ledger_files, forget),
		cmocka_unit_test_teardown(test_document_is_served_to_anyone, forget),
		cmocka_unit_test_teardown(test_health_and_readiness, forget),
		cmocka_unit_test_teardown(test_health_without_signer, forget),
	};

	return cmocka_run_group_tests_name("health", tests, open_stage, close_stage);
}
