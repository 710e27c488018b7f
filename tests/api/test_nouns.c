/* Owners, fleets, authorities, manifest signers, operators: made, shown, listed, and who sees what of them. */
#include <stdio.h>

#include "stage.h"

#include "pki/pem.h"

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

static int
forget(void **state)
{
	(void)state;
	stage_forget(&stage);
	return 0;
}

static size_t
count_items(const struct answer_seen *a)
{
	return (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(a->json, "items"));
}

static const cJSON *
find_item(const struct answer_seen *a, const char *member, const char *value)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(a->json, "items"))
	{
		const cJSON *m = cJSON_GetObjectItemCaseSensitive(item, member);

		if (cJSON_IsString(m) && strcmp(m->valuestring, value) == 0) {
			return item;
		}
	}
	return NULL;
}

/* --- owners --- */

static void
test_owner_is_made_and_shown(void **state)
{
	struct answer_seen a = stage_post(&stage, ASK_MAKER, "/api/v1/owners",
		"{\"name\":\"shop\",\"title\":\"Shop \xe2\x82\xac & Co\",\"kind\":\"reseller\"}",
		201);

	(void)state;
	assert_string_equal("shop", answer_text(&a, "name"));
	assert_string_equal("Shop \xe2\x82\xac & Co", answer_text(&a, "title"));
	assert_string_equal("reseller", answer_text(&a, "kind"));
	assert_string_equal("2026-11-23T12:00:00Z", answer_text(&a, "created"));
	a = stage_get(&stage, ASK_SUPPORT, "/api/v1/owners/shop", 200);
	assert_string_equal("shop", answer_text(&a, "name"));
	a = stage_post(&stage, ASK_MAKER, "/api/v1/owners",
		"{\"name\":\"shop\",\"title\":\"Another\",\"kind\":\"reseller\"}", 409);
	assert_string_equal("/problems/exists", answer_text(&a, "type"));
	stage_get(&stage, ASK_ADMIN, "/api/v1/owners/nobody", 404);
	stage_get(&stage, ASK_ADMIN, "/api/v1/owners/UPPER", 404);
}

static void
test_owner_sees_himself_and_the_makers(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_OWNER, "/api/v1/owners", 200);

	(void)state;
	assert_int_equal(2, count_items(&a));
	assert_non_null(find_item(&a, "name", "anna"));
	assert_non_null(find_item(&a, "name", "acme"));
	stage_get(&stage, ASK_OWNER, "/api/v1/owners/bert", 404);
	a = stage_get(&stage, ASK_OWNER, "/api/v1/owners/anna", 200);
	assert_string_equal("Anna \xc3\x84nders", answer_text(&a, "title"));
	/* Who only watches needs no names of people. */
	a = stage_get(&stage, ASK_WATCH, "/api/v1/owners/anna", 200);
	assert_true(answer_is_null(&a, "title"));
}

/* --- fleets --- */

static void
test_fleet_is_made_with_its_defaults(void **state)
{
	struct answer_seen a = stage_post(&stage, ASK_MAKER, "/api/v1/fleets",
		"{\"name\":\"locks\",\"phase\":\"production\",\"authority\":\"issuing-production\","
		"\"maker\":\"acme\"}",
		201);

	(void)state;
	assert_string_equal("operational", answer_text(&a, "profile"));
	assert_int_equal(90 * 86400, answer_number(&a, "lifetime"));
	assert_int_equal(66, answer_number(&a, "renew_after_percent"));
	assert_int_equal(7 * 86400, answer_number(&a, "offer_lifetime"));
	assert_string_equal("none", answer_text(&a, "required_attestation"));
	assert_int_equal(1, answer_number(&a, "version"));
	a = stage_get(&stage, ASK_OWNER, "/api/v1/fleets/locks", 200);
	assert_string_equal("issuing-production", answer_text(&a, "authority"));
	assert_string_equal("acme", answer_text(&a, "maker"));
}

static void
test_fleet_wants_what_is_there(void **state)
{
	static const struct {
		const char *body;
		int status;
	} rows[] = {
		{ "{\"name\":\"x\",\"phase\":\"production\",\"authority\":\"none\",\"maker\":"
		  "\"acme\"}",
			404 },
		{ "{\"name\":\"x\",\"phase\":\"production\",\"authority\":\"issuing-production\","
		  "\"maker\":\"nobody\"}",
			404 },
		{ "{\"name\":\"x\",\"phase\":\"pilot\",\"authority\":\"issuing-production\","
		  "\"maker\":\"acme\"}",
			400 },
		{ "{\"name\":\"x\",\"phase\":\"production\",\"authority\":\"root-production\","
		  "\"maker\":\"acme\"}",
			400 },
		{ "{\"name\":\"x\",\"phase\":\"production\",\"authority\":\"issuing-production\","
		  "\"maker\":\"anna\"}",
			400 },
		{ "{\"name\":\"lamps\",\"phase\":\"production\",\"authority\":"
		  "\"issuing-production\",\"maker\":\"acme\"}",
			409 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage_post(&stage, ASK_MAKER, "/api/v1/fleets", rows[i].body, rows[i].status);
	}
}

static struct answer_seen
patch(const char *target, const char *body, int wanted)
{
	const struct question q = {
		.who = ASK_MAKER, .method = "PATCH", .target = target, .body = body
	};
	struct answer_seen a = stage_ask(&stage, &q);

	assert_int_equal(wanted, a.status);
	return a;
}

static void
test_fleet_is_changed_at_its_version(void **state)
{
	const char *target = "/api/v1/fleets/lamps";
	struct answer_seen before = stage_get(&stage, ASK_MAKER, target, 200);
	int64_t version = answer_number(&before, "version");
	struct answer_seen a = patch(target,
		stage_text(&stage, "{\"version\":%d,\"lifetime\":86400}", (int)version), 200);

	(void)state;
	assert_int_equal(86400, answer_number(&a, "lifetime"));
	assert_int_equal(version + 1, answer_number(&a, "version"));
	struct answer_seen after = stage_get(&stage, ASK_MAKER, target, 200);
	assert_true(cJSON_Compare(a.json, after.json, true));
	/* What was not named stays. */
	assert_int_equal(
		answer_number(&before, "offer_lifetime"), answer_number(&after, "offer_lifetime"));
	patch(target, stage_text(&stage, "{\"version\":%d,\"lifetime\":7200}", (int)version), 409);
	patch(target, "{\"lifetime\":7200}", 400);
	patch("/api/v1/fleets/nothing", "{\"version\":1}", 404);
}

/* A registration authority: by its certificate, and without a token. */
static void
add_gate(void)
{
	struct buffer body;
	struct answer_seen a;
	span text, line;

	assert_int_equal(
		0, home_run(&stage.home, NULL,
			   (const char *[]){ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
				   "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
				   "/CN=gate", "-keyout", home_path(&stage.home, "gate.key"),
				   "-addext", "extendedKeyUsage=1.3.6.1.5.5.7.3.28", "-out",
				   home_path(&stage.home, "gate.pem"), NULL }));
	text = bytes_of_file(stage.home.arena, home_path(&stage.home, "gate.pem"));
	buffer_init(&body, 1 << 16);
	buffer_put_text(&body, "{\"name\":\"gate\",\"role\":\"ra\",\"certificate\":\"");
	while (span_take_line(&text, &line)) {
		buffer_put(&body, line);
		buffer_put_text(&body, "\\n");
	}
	buffer_put_text(&body, "\"}");
	buffer_put_byte(&body, '\0');
	stage_post(
		&stage, ASK_ADMIN, "/api/v1/operators", "{\"name\":\"gate\",\"role\":\"ra\"}", 400);
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators",
		"{\"name\":\"gate\",\"role\":\"ra\",\"certificate\":\"x\"}", 400);
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators",
		"{\"name\":\"gate\",\"role\":\"support\",\"certificate\":\"x\"}", 400);
	stage_post(&stage, ASK_MAKER, "/api/v1/operators", (const char *)body.data, 403);
	a = stage_post(&stage, ASK_ADMIN, "/api/v1/operators", (const char *)body.data, 201);
	assert_string_equal("ra", answer_text(&a, "role"));
	assert_true(answer_is_null(&a, "token"));
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators/gate/token", "{}", 409);
	buffer_wipe(&body);
}

static void
test_fleet_says_how_est_treats_it(void **state)
{
	static const struct {
		const char *member;
		int status;
	} rows[] = {
		{ "\"est_pending\":\"wait\"", 200 },
		{ "\"est_pending\":\"later\"", 400 },
		{ "\"est_pending\":true", 400 },
		{ "\"est_retry_after\":30", 200 },
		{ "\"est_retry_after\":0", 400 },
		{ "\"est_retry_after\":86401", 400 },
		{ "\"est_link\":\"required\"", 200 },
		{ "\"est_link\":\"\"", 400 },
		{ "\"est_lines\":\"wrapped\"", 200 },
		{ "\"est_lines\":\"two\"", 400 },
		{ "\"est_server_keys\":true", 200 },
		{ "\"est_server_keys\":\"yes\"", 400 },
		{ "\"est_ra\":\"nobody-of-this-name\"", 404 },
		{ "\"est_ra\":\"Gate\"", 400 },
		{ "\"est_ra\":\"gate\"", 200 },
	};
	const char *target = "/api/v1/fleets/lamps";
	struct answer_seen a;

	(void)state;
	add_gate();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = stage_get(&stage, ASK_MAKER, target, 200);
		patch(target,
			stage_text(&stage, "{\"version\":%d,%s}", (int)answer_number(&a, "version"),
				rows[i].member),
			rows[i].status);
	}
	a = stage_get(&stage, ASK_MAKER, target, 200);
	assert_string_equal("wait", answer_text(&a, "est_pending"));
	assert_int_equal(30, answer_number(&a, "est_retry_after"));
	assert_string_equal("required", answer_text(&a, "est_link"));
	assert_string_equal("wrapped", answer_text(&a, "est_lines"));
	assert_string_equal("gate", answer_text(&a, "est_ra"));
	a = stage_get(&stage, ASK_OWNER, target, 200);
	assert_true(answer_is_null(&a, "est_ra"));
	a = stage_get(&stage, ASK_MAKER, target, 200);
	a = patch(target,
		stage_text(&stage,
			"{\"version\":%d,\"est_ra\":\"none\",\"est_server_keys\":false,"
			"\"est_pending\":null}",
			(int)answer_number(&a, "version")),
		200);
	assert_true(answer_is_null(&a, "est_ra"));
	assert_string_equal("wait", answer_text(&a, "est_pending"));
}

/* --- authorities --- */

static void
test_authorities_are_listed_with_their_parents(void **state)
{
	struct answer_seen a = stage_get(&stage, ASK_AUDITOR, "/api/v1/authorities", 200);
	const cJSON *issuing = find_item(&a, "name", "issuing-production");

	(void)state;
	assert_int_equal(3, count_items(&a));
	assert_non_null(issuing);
	assert_string_equal("root-production",
		cJSON_GetObjectItemCaseSensitive(issuing, "parent")->valuestring);
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(
		find_item(&a, "name", "root-production"), "parent")));
}

static void
test_authority_is_created_and_publishes(void **state)
{
	struct answer_seen a = stage_post(&stage, ASK_ADMIN, "/api/v1/authorities",
		"{\"name\":\"issuing-2\",\"kind\":\"issuing\",\"phase\":\"production\",\"parent\":"
		"\"root-production\",\"organization\":\"Acme\",\"common_name\":\"Second CA\"}",
		201);
	int64_t number = answer_number(&a, "crl_number");

	(void)state;
	assert_string_equal("issuing", answer_text(&a, "kind"));
	a = stage_post(&stage, ASK_MAKER, "/api/v1/authorities/issuing-2/publish", NULL, 200);
	assert_true(answer_number(&a, "crl_number") > number);
	a = stage_post(&stage, ASK_MAKER, "/api/v1/authorities/issuing-2/publish", "{}", 200);
	assert_true(answer_number(&a, "crl_number") > number + 1);
	stage_post(&stage, ASK_MAKER, "/api/v1/authorities/nothing/publish", "{}", 404);
	/* Its subject's words are given or found. */
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities",
		"{\"name\":\"issuing-3\",\"kind\":\"issuing\",\"phase\":\"production\",\"parent\":"
		"\"root-production\"}",
		201);
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities",
		"{\"name\":\"issuing-4\",\"kind\":\"issuing\",\"phase\":\"production\",\"parent\":"
		"\"root-production\",\"organization\":null,\"common_name\":null}",
		201);
}

static void
test_authority_of_two_shapes(void **state)
{
	static const char *const bad[] = {
		"{\"name\":\"x\",\"phase\":\"pilot\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"kind\":\"root\",\"organization\":\"A\","
		"\"common_name\":\"B\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"kind\":\"root\",\"organization\":\"A\","
		"\"common_name\":\"B\",\"hierarchy\":\"h\",\"parent\":\"root-production\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"kind\":\"issuing\",\"organization\":\"A\","
		"\"common_name\":\"B\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"kind\":\"foreign\",\"organization\":\"A\","
		"\"common_name\":\"B\",\"parent\":\"root-production\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"hierarchy\":\"h\",\"pem\":\"no pem\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"pem\":\"no pem\"}",
		"{\"name\":\"x\",\"phase\":\"pilot\",\"hierarchy\":\"h\",\"pem\":\"x\",\"kind\":"
		"\"root\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		stage_post(&stage, ASK_ADMIN, "/api/v1/authorities", bad[i], 400);
	}
}

/* JSON text of a PEM block, its line ends escaped. */
static const char *
block_text(const char *label, span der)
{
	struct buffer pem, out;
	const char *text;

	buffer_init(&pem, 1 << 16);
	buffer_init(&out, 1 << 16);
	pem_write(&pem, label, der);
	for (size_t i = 0; i < pem.len; i++) {
		if (pem.data[i] == '\n') {
			buffer_put_text(&out, "\\n");
		} else {
			buffer_put_byte(&out, pem.data[i]);
		}
	}
	text = arena_string(stage.arena, buffer_span(&out));
	buffer_wipe(&pem);
	buffer_wipe(&out);
	return text;
}

static const char *
pem_text(span der)
{
	return block_text("CERTIFICATE", der);
}

/* Another company's root: made by a signer's other hierarchy, which is as foreign as any. */
static struct authority
other_root(const char *name)
{
	struct home other;
	struct authority root;

	home_open(&other);
	root = home_authority(&other, name, AUTHORITY_ROOT, NULL);
	root.der = arena_copy(stage.arena, root.der);
	home_close(&other);
	return root;
}

static void
test_foreign_authority_is_imported(void **state)
{
	struct authority root = other_root("theirs");
	const char *body = stage_text(&stage,
		"{\"name\":\"chipmaker\",\"hierarchy\":\"chips\",\"phase\":\"production\",\"pem\":"
		"\"%s\"}",
		pem_text(root.der));
	struct answer_seen a = stage_post(&stage, ASK_ADMIN, "/api/v1/authorities", body, 201);

	(void)state;
	assert_string_equal("foreign", answer_text(&a, "kind"));
	assert_true(answer_is_null(&a, "parent"));
	assert_non_null(strstr(answer_text(&a, "pem"), "-----BEGIN CERTIFICATE-----\n"));
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities", body, 409);
}

/* The list of one whose key is elsewhere; at half of its life the status warns. */
static void
test_list_of_a_foreign_authority(void **state)
{
	struct home other;
	struct authority root;
	struct answer_seen a;
	struct diag d = { 0 };
	const char *list;

	(void)state;
	home_open(&other);
	root = home_authority(&other, "offline", AUTHORITY_ROOT, NULL);
	assert_ok(crl_publish(&other.session, root.row, &d), d);
	list = block_text(
		"X509 CRL", bytes_of_file(other.arena, home_path(&other, "crl/offline/full.crl")));
	list = stage_text(&stage, "{\"pem\":\"%s\"}", list);
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities",
		stage_text(&stage,
			"{\"name\":\"safe\",\"hierarchy\":\"other\",\"phase\":\"production\","
			"\"pem\":\"%s\"}",
			pem_text(root.der)),
		201);
	home_close(&other);
	a = stage_post(&stage, ASK_ADMIN, "/api/v1/authorities/safe/crl", list, 200);
	assert_int_equal(1, answer_number(&a, "crl_number"));
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities/safe/crl", list, 200);
	stage_post(&stage, ASK_MAKER, "/api/v1/authorities/safe/crl", list, 403);
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities/root-production/crl", list, 409);
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities/nothing/crl", list, 404);
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities/safe/crl", "{}", 400);
	stage_post(&stage, ASK_ADMIN, "/api/v1/authorities/safe/crl", "{\"pem\":\"x\"}", 400);
	a = stage_get(&stage, ASK_AUDITOR, "/api/v1/status", 200);
	assert_true(answer_is_null(&a, "warning"));
	home_add_s(&stage.home, 4 * 86400);
	a = stage_get(&stage, ASK_AUDITOR, "/api/v1/status", 200);
	assert_non_null(strstr(answer_text(&a, "warning"), "the CRL of safe is over half"));
	a = stage_get(&stage, ASK_AUDITOR, "/metrics", 200);
	assert_true(
		span_find(a.body, span_text("tenure_crl_due{authority=\"safe\"} 1\n")) != SIZE_MAX);
	home_add_s(&stage.home, -4 * 86400);
}

/* --- manifest signers --- */

static void
test_manifest_signer_of_our_own(void **state)
{
	struct answer_seen a = stage_post(&stage, ASK_ADMIN, "/api/v1/manifest-signers",
		"{\"name\":\"line-2\",\"phase\":\"production\"}", 201);

	(void)state;
	assert_string_equal("line-2", answer_text(&a, "name"));
	assert_string_equal("self", answer_text(&a, "trust"));
	assert_true(answer_is_null(&a, "fleet"));
	a = stage_get(&stage, ASK_WATCH, "/api/v1/manifest-signers", 200);
	assert_non_null(find_item(&a, "name", "line-2"));
	assert_non_null(find_item(&a, "name", "manifest-production"));
}

static void
test_manifest_signer_shapes(void **state)
{
	static const char *const bad[] = { "{}", "{\"name\":\"x\"}", "{\"phase\":\"pilot\"}",
		"{\"pem\":\"x\"}", "{\"pem\":\"x\",\"name\":\"x\"}",
		"{\"pem\":\"x\",\"fleet\":\"lamps\",\"phase\":\"production\"}",
		"{\"pem\":\"no pem\",\"phase\":\"production\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		stage_post(&stage, ASK_ADMIN, "/api/v1/manifest-signers", bad[i], 400);
	}
	stage_post(&stage, ASK_ADMIN, "/api/v1/manifest-signers",
		"{\"pem\":\"x\",\"fleet\":\"nothing\"}", 404);
}

/* --- operators --- */

static void
test_operator_gets_a_token_that_works(void **state)
{
	struct answer_seen a = stage_post(&stage, ASK_ADMIN, "/api/v1/operators",
		"{\"name\":\"nina\",\"role\":\"owner\",\"owner\":\"bert\"}", 201);
	const struct question q = {
		.who = ASK_STRANGER, .method = "GET", .target = "/api/v1/owners/bert"
	};

	(void)state;
	assert_string_equal("bert", answer_text(&a, "owner"));
	assert_int_equal(401, stage_ask(&stage, &q).status);
	snprintf(stage.tokens[ASK_STRANGER], TOKEN_TEXT_MAX, "%s", answer_text(&a, "token"));
	assert_int_equal(200, stage_ask(&stage, &q).status);
	a = stage_post(&stage, ASK_ADMIN, "/api/v1/operators/nina/token", NULL, 200);
	assert_int_equal(401, stage_ask(&stage, &q).status); /* the old one */
	snprintf(stage.tokens[ASK_STRANGER], TOKEN_TEXT_MAX, "%s", answer_text(&a, "token"));
	assert_int_equal(200, stage_ask(&stage, &q).status);
	a = stage_get(&stage, ASK_ADMIN, "/api/v1/operators", 200);
	assert_non_null(find_item(&a, "name", "nina"));
	assert_null(strstr((const char *)arena_string(stage.arena, a.body), "tnr_"));
}

static void
test_operator_and_owner_belong_together(void **state)
{
	(void)state;
	stage_post(
		&stage, ASK_ADMIN, "/api/v1/operators", "{\"name\":\"x\",\"role\":\"owner\"}", 400);
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators",
		"{\"name\":\"x\",\"role\":\"maker\",\"owner\":\"anna\"}", 400);
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators",
		"{\"name\":\"x\",\"role\":\"owner\",\"owner\":\"nobody\"}", 404);
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators", "{\"name\":\"mary\",\"role\":\"maker\"}",
		409);
	stage_post(&stage, ASK_ADMIN, "/api/v1/operators/nobody/token", "{}", 404);
	const struct question last = {
		.who = ASK_ADMIN, .method = "DELETE", .target = "/api/v1/operators/root"
	};
	assert_int_equal(409, stage_ask(&stage, &last).status);
}

/* --- pages --- */

/* Follows `next` to the end; how many items there were, on how many pages. */
static size_t
follow(const char *target, int limit, size_t *pages)
{
	const char *next = NULL;
	size_t items = 0;

	for (*pages = 0; *pages == 0 || next != NULL; (*pages)++) {
		struct answer_seen a = stage_get(&stage, ASK_MAKER,
			next != NULL
				? stage_text(&stage, "%s?limit=%d&after=%s", target, limit, next)
				: stage_text(&stage, "%s?limit=%d", target, limit),
			200);
		const cJSON *n = cJSON_GetObjectItemCaseSensitive(a.json, "next");

		assert_true(count_items(&a) <= (size_t)limit);
		items += count_items(&a);
		next = cJSON_IsString(n) ? n->valuestring : NULL;
	}
	return items;
}

static void
test_pages_hold_everything_once(void **state)
{
	static const char *const lists[] = { "/api/v1/owners", "/api/v1/fleets",
		"/api/v1/authorities", "/api/v1/devices", "/api/v1/ledger" };
	size_t pages, all;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		stage_device(&stage, 100 + i, DEVICE_HELD, &stage.maker);
		stage_post(&stage, ASK_MAKER, "/api/v1/owners",
			stage_text(&stage,
				"{\"name\":\"page-%u\",\"title\":\"P\",\"kind\":\"customer\"}", i),
			201);
		stage_post(&stage, ASK_MAKER, "/api/v1/fleets",
			stage_text(&stage,
				"{\"name\":\"page-%u\",\"phase\":\"production\",\"authority\":"
				"\"issuing-production\",\"maker\":\"acme\"}",
				i),
			201);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		all = follow(lists[i], 1000, &pages);
		assert_int_equal(1, pages);
		assert_int_equal(all, follow(lists[i], 2, &pages));
		assert_true(all > 4 && pages > 2);
		assert_int_equal(all, follow(lists[i], 1, &pages));
		stage_forget(&stage);
	}
}

static void
test_bad_pages_are_refused(void **state)
{
	static const char *const bad[] = { "limit=0", "limit=1001", "limit=-1", "limit=x",
		"limit=", "after=-1", "after=x", "limit=1&limit=2", "after=1234567890123456789",
		"limits=5", "x", "limit=5&page=2", "after=%20", "limit=%31%30%30%31" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct question q = { .who = ASK_MAKER,
			.method = "GET",
			.target = stage_text(&stage, "/api/v1/owners?%s", bad[i]) };

		struct answer_seen a = stage_ask(&stage, &q);
		if (a.status != 400) {
			fail_msg("?%s answers %d", bad[i], a.status);
		}
	}
	/* A parameter that is misspelt must not widen what is asked. */
	stage_get(&stage, ASK_MAKER, "/api/v1/devices?ovner=anna", 400);
	stage_get(&stage, ASK_MAKER, "/api/v1/devices/x?limit=1", 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_owner_is_made_and_shown, forget),
		cmocka_unit_test_teardown(test_owner_sees_himself_and_the_makers, forget),
		cmocka_unit_test_teardown(test_fleet_is_made_with_its_defaults, forget),
		cmocka_unit_test_teardown(test_fleet_wants_what_is_there, forget),
		cmocka_unit_test_teardown(test_fleet_is_changed_at_its_version, forget),
		cmocka_unit_test_teardown(test_fleet_says_how_est_treats_it, forget),
		cmocka_unit_test_teardown(test_authorities_are_listed_with_their_parents, forget),
		cmocka_unit_test_teardown(test_authority_is_created_and_publishes, forget),
		cmocka_unit_test_teardown(test_authority_of_two_shapes, forget),
		cmocka_unit_test_teardown(test_foreign_authority_is_imported, forget),
		cmocka_unit_test_teardown(test_list_of_a_foreign_authority, forget),
		cmocka_unit_test_teardown(test_manifest_signer_of_our_own, forget),
		cmocka_unit_test_teardown(test_manifest_signer_shapes, forget),
		cmocka_unit_test_teardown(test_operator_gets_a_token_that_works, forget),
		cmocka_unit_test_teardown(test_operator_and_owner_belong_together, forget),
		cmocka_unit_test_teardown(test_pages_hold_everything_once, forget),
		cmocka_unit_test_teardown(test_bad_pages_are_refused, forget),
	};

	return cmocka_run_group_tests_name("nouns", tests, open_stage, close_stage);
}
