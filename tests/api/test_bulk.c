/* The factory line and manifests, line by line. */
#include <stdio.h>

#include "../lifecycle/line.h"
#include "stage.h"

#include "base/text.h"

#define FACTORY                 \
	"/api/v1/fleets/lamps/" \
	"factory?signer=factory-production&manifest_signer=manifest-production"
#define MANIFEST "/api/v1/fleets/lamps/manifest"
#define NDJSON "application/x-ndjson"

static struct stage stage;
static unsigned number;

static int
open_stage(void **state)
{
	(void)state;
	stage_open(&stage);
	stage.home.life.threads = 2;
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
post(enum asker who, const char *target, const char *type, span body)
{
	const struct question q = {
		.who = who, .method = "POST", .target = target, .type = type, .bytes = body
	};

	return stage_ask(&stage, &q);
}

/* Line `at` of an answer; NULL where there is none. To be deleted. */
static cJSON *
line_at(const struct answer_seen *a, size_t at)
{
	span rest = a->body;

	for (size_t i = 0; rest.len > 0; i++) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t len = (size_t)(end - rest.data);

		if (i == at) {
			return cJSON_ParseWithLength((const char *)rest.data, len);
		}
		rest = span_slice(rest, len + 1, rest.len);
	}
	return NULL;
}

static size_t
count_lines(const struct answer_seen *a)
{
	size_t count = 0;

	for (size_t i = 0; i < a->body.len; i++) {
		count += a->body.data[i] == '\n';
	}
	return count;
}

/* A member of a line, printed. */
static const char *
member_at(const struct answer_seen *a, size_t at, const char *name)
{
	cJSON *line = line_at(a, at);
	const char *text;
	char *printed;

	assert_non_null(line);
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(line, name);
	if (m == NULL) {
		fail_msg("line %zu has no %s", at, name);
	}
	printed = cJSON_PrintUnformatted(m);
	text = cJSON_IsString(m) ? arena_string(stage.arena, span_text(m->valuestring))
				 : arena_string(stage.arena, span_text(printed));
	cJSON_free(printed);
	cJSON_Delete(line);
	return text;
}

static const char *
unit_text(const struct factory_unit *u)
{
	struct buffer b;
	const char *text;
	char point[129];

	buffer_init(&b, 1 << 16);
	buffer_printf(&b, "{\"serial\":\"%s\",\"points\":[", u->unique_id);
	for (size_t i = 0; i < u->point_count; i++) {
		buffer_printf(&b, "%s\"%s\"", i > 0 ? "," : "",
			hex_encode(point, SPAN_ARRAY(u->points[i])));
	}
	buffer_put_text(&b, "]}");
	text = arena_string(stage.arena, buffer_span(&b));
	buffer_wipe(&b);
	return text;
}

/* `count` units made; their manifest entries, one a line. */
static const char *
make_entries(size_t count)
{
	struct buffer units, entries;
	const char *text;

	buffer_init(&units, 8 << 20);
	buffer_init(&entries, 8 << 20);
	for (size_t i = 0; i < count; i++) {
		struct factory_unit u = line_unit(++number);

		buffer_printf(&units, "%s\n", unit_text(&u));
	}
	struct answer_seen a = post(ASK_MAKER, FACTORY, NDJSON, buffer_span(&units));
	assert_int_equal(200, a.status);
	assert_int_equal(count, count_lines(&a));
	for (size_t i = 0; i < count; i++) {
		buffer_printf(&entries, "%s\n", member_at(&a, i, "entry"));
	}
	text = arena_string(stage.arena, buffer_span(&entries));
	buffer_wipe(&units);
	buffer_wipe(&entries);
	return text;
}

/* --- the factory --- */

static void
test_factory_makes_units(void **state)
{
	struct factory_unit u = line_unit(++number);
	span body = span_text(unit_text(&u));
	struct answer_seen first = post(ASK_MAKER, FACTORY, NDJSON, body);
	struct answer_seen second = post(ASK_MAKER, FACTORY, NDJSON, body);

	(void)state;
	assert_int_equal(200, first.status);
	assert_string_equal(u.unique_id, member_at(&first, 0, "serial"));
	/* The same unit again gives what was made. */
	assert_string_equal(
		member_at(&first, 0, "certificate"), member_at(&second, 0, "certificate"));
	struct answer_seen device = stage_get(
		&stage, ASK_MAKER, stage_text(&stage, "/api/v1/devices/%s", u.unique_id), 200);
	assert_string_equal("MANUFACTURED", answer_text(&device, "state"));
	/* Another key under the same serial is a clone. */
	struct factory_unit other = line_unit(number);
	struct answer_seen clone = post(ASK_MAKER, FACTORY, NDJSON, span_text(unit_text(&other)));
	assert_true(strlen(member_at(&clone, 0, "problem")) > 5);
}

#define KEY                                                                \
	"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f" \
	"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define MODEL_UNIT(members) "{\"serial\":\"0123000000000aaa01\",\"points\":[\"00\"]," members "}"

/* A TPM, by its attestation key; an element of a model that the chip maker's table knows. */
static void
test_factory_makes_other_units(void **state)
{
	struct factory_unit u = line_unit(++number), other = line_unit(++number);
	const char *text = unit_text(&u), *end = strrchr(text, '}');
	struct element e;
	char key[129];

	(void)state;
	struct answer_seen a = post(ASK_MAKER, FACTORY, NDJSON,
		span_text(stage_text(&stage,
			"%.*s,\"model\":\"TPM 2.0\",\"part_number\":\"SLB9672\","
			"\"attestation\":{\"kind\":\"tpm2\",\"key\":\"%s\"}}",
			(int)(end - text), text, hex_encode(key, SPAN_ARRAY(u.points[2])))));
	assert_true(strlen(member_at(&a, 0, "certificate")) > 100);
	assert_int_equal(OK, read_element_by_serial(stage.home.reader, u.unique_id, &e));
	assert_string_equal("TPM 2.0", e.model);
	assert_int_equal(ATTESTATION_TPM2, e.attestation);
	assert_memory_equal(u.points[2], e.attestation_key, 64);
	text = unit_text(&other);
	end = strrchr(text, '}');
	a = post(ASK_MAKER, FACTORY, NDJSON,
		span_text(stage_text(&stage,
			"%.*s,\"model\":\"ATECC608C\",\"part_number\":\"ATECC608C-TNGTLSU\","
			"\"attestation\":null}",
			(int)(end - text), text)));
	assert_true(strlen(member_at(&a, 0, "certificate")) > 100);
	assert_int_equal(OK, read_element_by_serial(stage.home.reader, other.unique_id, &e));
	assert_string_equal("trustngo-tls", e.profile);
}

static void
test_factory_refuses_line_by_line(void **state)
{
	static const char *const bad[] = { "{", "[]", "7", "{\"serial\":\"0123000000000aaa01\"}",
		"{\"points\":[]}", "{\"serial\":\"0123000000000aaa01\",\"points\":[]}",
		"{\"serial\":\"0123000000000aaa01\",\"points\":\"x\"}",
		"{\"serial\":\"0123000000000aaa01\",\"points\":[\"00\"]}",
		"{\"serial\":\"0123000000000aaa01\",\"points\":[7]}",
		("{\"serial\":\"0123000000000aaa01\",\"points\":[\"a\",\"a\",\"a\",\"a\",\"a\","
		 "\"a\"]}"),
		"{\"serial\":7,\"points\":[\"00\"]}", "{\"serial\":\"\",\"points\":[\"00\"]}",
		"{\"serial\":\"0123000000000aaa01\",\"points\":[\"00\"],\"more\":1}",
		MODEL_UNIT("\"model\":7"), MODEL_UNIT("\"model\":\"\""),
		MODEL_UNIT("\"part_number\":[]"), MODEL_UNIT("\"attestation\":\"tpm2\""),
		MODEL_UNIT("\"attestation\":{}"), MODEL_UNIT("\"attestation\":{\"kind\":\"tpm2\"}"),
		MODEL_UNIT("\"attestation\":{\"kind\":\"tpm2\",\"key\":\"00\"}"),
		MODEL_UNIT("\"attestation\":{\"kind\":\"atecc608\",\"key\":\"" KEY "\"}"),
		MODEL_UNIT("\"attestation\":{\"kind\":\"tpm2\",\"key\":\"" KEY "\",\"more\":1}") };
	struct factory_unit good = line_unit(++number);
	struct buffer b;

	(void)state;
	buffer_init(&b, 1 << 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buffer_printf(&b, "%s\r\n\n", bad[i]);
	}
	buffer_put_text(&b, unit_text(&good));
	struct answer_seen a = post(ASK_MAKER, FACTORY, NDJSON, buffer_span(&b));
	assert_int_equal(200, a.status);
	assert_int_equal(sizeof(bad) / sizeof(bad[0]) + 1, count_lines(&a));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* With the number of the line in the file, empty ones counted too. */
		const char *place = stage_text(&stage, "line %zu:", 2 * i + 1);

		assert_non_null(strstr(member_at(&a, i, "problem"), place));
	}
	assert_string_equal(good.unique_id, member_at(&a, sizeof(bad) / sizeof(bad[0]), "serial"));
	assert_true(strlen(member_at(&a, sizeof(bad) / sizeof(bad[0]), "certificate")) > 100);
	buffer_wipe(&b);
}

static void
test_factory_as_a_whole(void **state)
{
	static const struct {
		const char *target, *type;
		int status;
	} rows[] = {
		{ "/api/v1/fleets/lamps/factory", NDJSON, 400 },
		{ "/api/v1/fleets/lamps/factory?signer=factory-production", NDJSON, 400 },
		{ "/api/v1/fleets/lamps/"
		  "factory?signer=nothing&manifest_signer=manifest-production",
			NDJSON, 404 },
		{ "/api/v1/fleets/lamps/"
		  "factory?signer=issuing-production&manifest_signer=manifest-production",
			NDJSON, 404 },
		{ "/api/v1/fleets/nothing/factory?signer=a&manifest_signer=b", NDJSON, 404 },
		{ FACTORY "&more=1", NDJSON, 400 },
		{ FACTORY, "application/json", 415 },
	};
	struct factory_unit u = line_unit(++number);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_seen a =
			post(ASK_MAKER, rows[i].target, rows[i].type, span_text(unit_text(&u)));

		if (a.status != rows[i].status) {
			fail_msg("%s answers %d: %.*s", rows[i].target, a.status, (int)a.body.len,
				(const char *)a.body.data);
		}
	}
	struct answer_seen a = post(ASK_MAKER, FACTORY, NDJSON, span_text("\n\n"));
	assert_int_equal(200, a.status);
	assert_int_equal(0, a.body.len);
}

/* --- manifests --- */

static void
test_manifest_is_imported(void **state)
{
	const char *entries = make_entries(3);
	struct answer_seen dry =
		post(ASK_MAKER, MANIFEST "?dry_run=true", NDJSON, span_text(entries));
	struct answer_seen first =
		post(ASK_MAKER, MANIFEST "?codes=new", NDJSON, span_text(entries));
	struct answer_seen again = post(ASK_MAKER, MANIFEST, NDJSON, span_text(entries));

	(void)state;
	assert_int_equal(4, count_lines(&dry));
	assert_string_equal("3", member_at(&dry, 3, "accepted"));
	assert_int_equal(4, count_lines(&first));
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal("accepted", member_at(&first, i, "verdict"));
		assert_int_equal(CLAIM_CODE_TEXT_MAX - 1, strlen(member_at(&first, i, "code")));
		struct answer_seen device = stage_get(&stage, ASK_MAKER,
			stage_text(&stage, "/api/v1/devices/%s", member_at(&first, i, "device")),
			200);
		assert_string_equal("HELD", answer_text(&device, "state"));
		assert_string_equal(answer_text(&device, "serial"), member_at(&first, i, "serial"));
		assert_string_equal("known", member_at(&again, i, "verdict"));
	}
	assert_string_equal("3", member_at(&first, 3, "accepted"));
	assert_string_equal("0", member_at(&first, 3, "refused"));
	assert_string_equal("null", member_at(&first, 3, "problem"));
	assert_string_equal("3", member_at(&again, 3, "known"));
}

static void
test_manifest_as_an_array_without_codes(void **state)
{
	const char *entries = make_entries(2);
	const char *middle = strchr(entries, '\n');
	const char *array =
		stage_text(&stage, "[%.*s,\n%s]", (int)(middle - entries), entries, middle + 1);
	struct answer_seen a =
		post(ASK_MAKER, MANIFEST "?codes=none", "application/json", span_text(array));

	(void)state;
	assert_int_equal(3, count_lines(&a));
	assert_string_equal("2", member_at(&a, 2, "accepted"));
	assert_string_equal("null", member_at(&a, 0, "code"));
}

/* The entry's text with one letter of its signature changed. */
static const char *
spoiled(const char *entry)
{
	char *copy = arena_string(stage.arena, span_text(entry));
	char *at = strstr(copy, "\"signature\":\"") + strlen("\"signature\":\"");

	*at = *at == 'A' ? 'B' : 'A';
	return copy;
}

static void
test_manifest_refuses_line_by_line(void **state)
{
	const char *entries = make_entries(1);
	struct answer_seen a = post(ASK_MAKER, MANIFEST, NDJSON,
		span_text(stage_text(
			&stage, "%s{\"payload\":\"x\"}\n%s", spoiled(entries), entries)));

	(void)state;
	assert_int_equal(200, a.status);
	assert_int_equal(4, count_lines(&a));
	assert_string_equal("refused", member_at(&a, 0, "verdict"));
	assert_true(strlen(member_at(&a, 0, "problem")) > 5);
	assert_string_equal("refused", member_at(&a, 1, "verdict"));
	assert_string_equal("accepted", member_at(&a, 2, "verdict"));
	assert_string_equal("2", member_at(&a, 3, "refused"));
}

/* What stood before the break is kept, and the break is told. */
static void
test_manifest_that_breaks_off(void **state)
{
	const char *entries = make_entries(2);
	const char *middle = strchr(entries, '\n');
	struct answer_seen a = post(ASK_MAKER, MANIFEST, "application/json",
		span_text(stage_text(
			&stage, "[%.*s,{\"payload\":\"", (int)(middle - entries), entries)));

	(void)state;
	assert_int_equal(200, a.status);
	assert_string_equal("accepted", member_at(&a, 0, "verdict"));
	assert_true(strlen(member_at(&a, count_lines(&a) - 1, "problem")) > 5);
}

static void
test_manifest_as_a_whole(void **state)
{
	static const struct {
		const char *target, *type, *body;
		int status;
	} rows[] = {
		{ MANIFEST, NDJSON, "no manifest", 400 },
		{ MANIFEST, "text/plain", "[]", 415 },
		{ MANIFEST "?codes=old", NDJSON, "[]", 400 },
		{ MANIFEST "?dry_run=yes", NDJSON, "[]", 400 },
		{ MANIFEST "?dryrun=true", NDJSON, "[]", 400 },
		{ "/api/v1/fleets/nothing/manifest", NDJSON, "[]", 404 },
		{ MANIFEST, "application/json; charset=utf-8", "[]", 200 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_seen a =
			post(ASK_MAKER, rows[i].target, rows[i].type, span_text(rows[i].body));

		if (a.status != rows[i].status) {
			fail_msg("%s with %s answers %d: %.*s", rows[i].target, rows[i].body,
				a.status, (int)a.body.len, (const char *)a.body.data);
		}
	}
}

/* --- with the codes that lie in the boxes --- */

static const char *
boxed_entry(const char *entry, const char *code)
{
	return stage_text(
		&stage, "{\"code\":\"%s\",\"entry\":%.*s}", code, (int)strcspn(entry, "\n"), entry);
}

static void
test_codes_from_the_boxes(void **state)
{
	const char *entries = make_entries(2);
	const char *second = strchr(entries, '\n') + 1;
	struct answer_seen a = post(ASK_MAKER, MANIFEST, NDJSON,
		span_text(stage_text(&stage, "%s\n\n%s\n",
			boxed_entry(second, "7k3mf0qz9ta1b2cd3e4f"),
			boxed_entry(entries, "00000-11111-22222-33333"))));

	(void)state;
	assert_int_equal(3, count_lines(&a));
	assert_string_equal("2", member_at(&a, 2, "accepted"));
	/* The code in the box claims it. */
	const char *claim =
		stage_text(&stage, "/api/v1/devices/%s/claim", member_at(&a, 1, "device"));
	stage_post(&stage, ASK_OWNER, claim, "{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}", 403);
	stage_post(&stage, ASK_OWNER, claim, "{\"code\":\"00000-11111-22222-33333\"}", 200);
}

static void
test_bad_boxes_refuse_the_whole(void **state)
{
	const char *entries = make_entries(1);
	const char *good = boxed_entry(entries, "7K3MF-0QZ9T-A1B2C-D3E4F");
	static const char *const bad[] = { "{\"entry\":{}}", "{\"entry\":{},\"code\":7}",
		"{\"entry\":{},\"code\":\"short\"}",
		"{\"entry\":[],\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}", "{\"payload\":\"x\"}", "{",
		"[]", "{\"entry\":{},\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\",\"more\":1}" };
	int64_t size = home_ledger_size(&stage.home);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct answer_seen a = post(ASK_MAKER, MANIFEST, NDJSON,
			span_text(stage_text(&stage, "%s\n%s\n", good, bad[i])));

		if (a.status != 400 || strstr(answer_text(&a, "detail"), "line 2") == NULL) {
			fail_msg("%s answers %d: %.*s", bad[i], a.status, (int)a.body.len,
				(const char *)a.body.data);
		}
		/* A code is a secret: it is not said again. */
		assert_null(strstr(answer_text(&a, "detail"), "short"));
	}
	assert_int_equal(size, home_ledger_size(&stage.home));
}

/* --- an answer too long for memory goes through a file --- */

static void
test_a_long_answer(void **state)
{
	const char *line = "{\"payload\":\"x\",\"protected\":\"y\"}\n";
	size_t count = 9000;
	char *body = arena_alloc(stage.arena, count * strlen(line) + 1);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		memcpy(body + i * strlen(line), line, strlen(line));
	}
	struct answer_seen a =
		post(ASK_MAKER, MANIFEST, NDJSON, span_of(body, count * strlen(line)));
	assert_int_equal(200, a.status);
	assert_true(a.body.len > (1 << 20));
	assert_int_equal(count + 1, count_lines(&a));
	cJSON *last = line_at(&a, count);
	assert_int_equal(count, cJSON_GetObjectItemCaseSensitive(last, "refused")->valueint);
	cJSON_Delete(last);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_factory_makes_units, forget),
		cmocka_unit_test_teardown(test_factory_makes_other_units, forget),
		cmocka_unit_test_teardown(test_factory_refuses_line_by_line, forget),
		cmocka_unit_test_teardown(test_factory_as_a_whole, forget),
		cmocka_unit_test_teardown(test_manifest_is_imported, forget),
		cmocka_unit_test_teardown(test_manifest_as_an_array_without_codes, forget),
		cmocka_unit_test_teardown(test_manifest_refuses_line_by_line, forget),
		cmocka_unit_test_teardown(test_manifest_that_breaks_off, forget),
		cmocka_unit_test_teardown(test_manifest_as_a_whole, forget),
		cmocka_unit_test_teardown(test_codes_from_the_boxes, forget),
		cmocka_unit_test_teardown(test_bad_boxes_refuse_the_whole, forget),
		cmocka_unit_test_teardown(test_a_long_answer, forget),
	};

	return cmocka_run_group_tests_name("bulk", tests, open_stage, close_stage);
}
