/* An element at the bench: its challenge, and what it proved. */
#include <stdio.h>

#include "stage.h"

#include "../element/chip_model.h"

static struct stage stage;
static struct chip chip;
static struct device device;

static int
open_stage(void **state)
{
	struct element like = { .model = "ATECC608B",
		.part_number = "ATECC608B-TFLXTLS",
		.profile = "trustflex-tls",
		.attestation = ATTESTATION_ATECC608 };

	(void)state;
	stage_open(&stage);
	chip_open(&chip, "012300000000000101"); /* as device number 1 has it */
	chip_make_key(&chip, 4);
	memcpy(like.attestation_key, chip.points[1], 64);
	stage.home.like = &like;
	device = stage_device(&stage, 1, DEVICE_HELD, &stage.maker);
	stage.home.like = NULL;
	assert_string_equal(chip.serial_text, device.serial);
	return 0;
}

static int
close_stage(void **state)
{
	(void)state;
	chip_close(&chip);
	stage_close(&stage);
	return 0;
}

static const char *
target(const char *what)
{
	return stage_text(&stage, "/api/v1/devices/%s/%s", device.serial, what);
}

static span
new_challenge(void)
{
	struct answer_seen a = stage_get(&stage, ASK_SUPPORT, target("challenge"), 200);
	uint8_t *out = arena_alloc(stage.arena, 64);
	size_t len = 0;

	assert_string_equal("element", answer_text(&a, "purpose"));
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(a.json, "counts")));
	assert_int_equal(
		OK, base64url_decode(span_text(answer_text(&a, "challenge")), out, 64, &len));
	return span_of(out, len);
}

static const char *
proof(void)
{
	struct chip_attest how = chip_honest(&chip, 4, new_challenge());
	char point[129];

	return stage_text(&stage, "{\"evidence\":\"%s\",\"point\":\"%s\"}",
		base64_encode(stage.arena, chip_attest(stage.arena, &chip, &how)),
		hex_encode(point, SPAN_ARRAY(chip.points[4])));
}

static void
test_checked(void **state)
{
	const char *body = proof();
	struct answer_seen a = stage_post(&stage, ASK_SUPPORT, target("element-check"), body, 200);
	char name[ID_TEXT_LEN + 1];
	const cJSON *items, *entry;

	(void)state;
	assert_string_equal("attested", answer_text(&a, "attestation"));
	assert_string_equal(device.serial, answer_text(&a, "serial"));
	assert_string_equal(id_text(name, &device.id), answer_text(&a, "device"));
	assert_int_equal(4, answer_number(&a, "slot"));
	assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(a.json, "slot_locked")));
	assert_int_equal(64, strlen(answer_text(&a, "sha256")));
	a = stage_get(&stage, ASK_AUDITOR, target("timeline"), 200);
	items = cJSON_GetObjectItemCaseSensitive(a.json, "items");
	entry = cJSON_GetArrayItem(items, cJSON_GetArraySize(items) - 1);
	entry = cJSON_GetObjectItemCaseSensitive(entry, "entry");
	assert_string_equal(
		"element-check", cJSON_GetObjectItemCaseSensitive(entry, "event")->valuestring);
	assert_string_equal(
		"attested", cJSON_GetObjectItemCaseSensitive(entry, "level")->valuestring);
	a = stage_post(&stage, ASK_SUPPORT, target("element-check"), body, 409);
	assert_string_equal("/problems/attestation-replayed", answer_text(&a, "type"));
}

static void
test_refused(void **state)
{
	static const struct {
		enum asker who;
		int status;
	} askers[] = { { ASK_OWNER, 403 }, { ASK_WATCH, 403 }, { ASK_AUDITOR, 403 },
		{ ASK_NOBODY, 401 } };
	static const char *const bad[] = { "{}", "{\"evidence\":\"AA==\"}",
		"{\"evidence\":\"AA==\",\"point\":\"00\"}", "{\"evidence\":\"?\",\"point\":\"\"}" };
	const char *body = proof();

	(void)state;
	for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
		stage_get(&stage, askers[i].who, target("challenge"), askers[i].status);
		stage_post(&stage, askers[i].who, target("element-check"), body, askers[i].status);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		stage_post(&stage, ASK_MAKER, target("element-check"), bad[i], 400);
	}
	stage_get(&stage, ASK_MAKER, "/api/v1/devices/ffff/challenge", 404);
	/* Nothing was used up by what was refused. */
	stage_post(&stage, ASK_MAKER, target("element-check"), body, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("element_check", tests, open_stage, close_stage);
}
