/* What was changed on an element stands in the ledger, and changes nothing else. */
#include "world.h"

#include "lifecycle/element_change.h"

static struct world w;

static int
fresh(void **state)
{
	(void)state;
	world_open(&w);
	return 0;
}

static int
clear(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

static const struct {
	struct element_change change;
	const char *entry[3];
} good[] = {
	{ { CHANGE_LOCK_SLOTS, 1u << 3, -1, -1, -1 },
		{ "\"part\":\"slot 3\"", "\"before\":\"open\"", "\"after\":\"locked\"" } },
	{ { CHANGE_LOCK_SLOTS, 0xFFFF, -1, -1, -1 },
		{ "\"part\":\"slots 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\"",
			"\"reason\":\"lock-slots\"", "\"event\":\"element-change\"" } },
	{ { CHANGE_USER_EXTRA, 0, -1, 0, 0x5A },
		{ "\"before\":\"00\"", "\"after\":\"5a\"", "\"reason\":\"user-extra\"" } },
	{ { CHANGE_ADDRESS, 0, -1, 0, 0x70 },
		{ "\"after\":\"70\"", "\"reason\":\"address\"", "\"actor\":\"maker\"" } },
	{ { CHANGE_COUNTER, 0, 1, 6, 7 },
		{ "\"part\":\"counter 1\"", "\"before\":\"6\"", "\"after\":\"7\"" } },
	{ { CHANGE_COUNTER, 0, 0, 0, UINT32_MAX },
		{ "\"part\":\"counter 0\"", "\"before\":\"0\"", "\"after\":\"4294967295\"" } },
	{ { CHANGE_RETIRE_KEYS, 7u << 2, -1, -1, -1 },
		{ "\"part\":\"slots 2 3 4\"", "\"reason\":\"retire-keys\"",
			"\"from\":\"ACTIVE\"" } },
};

static void
test_recorded(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	struct device before, after;
	struct outcome o = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int64_t size = world_ledger_size(&w);

		before = world_now(&w, device);
		assert_status(
			OK, &w, element_changed(as(&w, MAKER), device, &good[i].change, &o, &w.d));
		assert_int_equal(size + 1, world_ledger_size(&w));
		for (size_t k = 0; k < 3; k++) {
			assert_true(world_entry_has(&w, good[i].entry[k]));
		}
		after = world_now(&w, device);
		assert_true(world_entry_has(&w, after.serial));
		assert_int_equal(before.version + 1, after.version);
		assert_int_equal(before.state, after.state);
		assert_int_equal(before.current_certificate, after.current_certificate);
		assert_int_equal(o.device.version, after.version);
		world_check(&w, device, false);
	}
}

/* What an element cannot have done, or what does not belong together. */
static const struct element_change bad[] = {
	{ CHANGE_LOCK_SLOTS, 0, -1, -1, -1 },
	{ CHANGE_LOCK_SLOTS, 1u << 16, -1, -1, -1 },
	{ CHANGE_LOCK_SLOTS, 1, 0, -1, -1 },
	{ CHANGE_LOCK_SLOTS, 1, -1, 0, 1 },
	{ CHANGE_LOCK_SLOTS, 1, -1, -1, 1 },
	{ CHANGE_USER_EXTRA, 0, -1, -1, 0x5A },
	{ CHANGE_USER_EXTRA, 0, -1, 0, 0 },
	{ CHANGE_USER_EXTRA, 0, -1, 0, 256 },
	{ CHANGE_USER_EXTRA, 0, -1, 1, 2 },
	{ CHANGE_USER_EXTRA, 1, -1, 0, 2 },
	{ CHANGE_USER_EXTRA, 0, 0, 0, 2 },
	{ CHANGE_ADDRESS, 0, -1, 0, 0x71 },
	{ CHANGE_ADDRESS, 0, -1, 0, 0x0E },
	{ CHANGE_ADDRESS, 0, -1, 0, 0xF0 },
	{ CHANGE_ADDRESS, 0, -1, 0x6C, 0x70 },
	{ CHANGE_ADDRESS, 0, -1, 0, -1 },
	{ CHANGE_COUNTER, 0, -1, 6, 7 },
	{ CHANGE_COUNTER, 0, 2, 6, 7 },
	{ CHANGE_COUNTER, 0, 1, 7, 7 },
	{ CHANGE_COUNTER, 0, 1, 7, 6 },
	{ CHANGE_COUNTER, 0, 1, -1, 7 },
	{ CHANGE_COUNTER, 0, 1, 0, (int64_t)UINT32_MAX + 1 },
	{ CHANGE_COUNTER, 4, 1, 6, 7 },
	{ CHANGE_RETIRE_KEYS, 0, -1, -1, -1 },
	{ CHANGE_RETIRE_KEYS, 4, -1, 0, 1 },
};

static void
test_refused(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), size = world_ledger_size(&w);
	const struct element_change unknown = { ELEMENT_CHANGE_COUNT, 1, -1, -1, -1 };
	const enum who nobodies[] = { ANNA, WATCH, AUDITOR };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		status s = element_changed(as(&w, MAKER), device, &bad[i], NULL, &w.d);

		if (s != BAD_INPUT) {
			fail_msg("row %zu: %s", i, status_name(s));
		}
	}
	assert_status(BUG, &w, element_changed(as(&w, MAKER), device, &unknown, NULL, &w.d));
	for (size_t i = 0; i < sizeof(nobodies) / sizeof(nobodies[0]); i++) {
		assert_status(DENIED, &w,
			element_changed(as(&w, nobodies[i]), device, &good[0].change, NULL, &w.d));
	}
	assert_status(
		NOT_FOUND, &w, element_changed(as(&w, BERT), device, &good[0].change, NULL, &w.d));
	assert_status(
		NOT_FOUND, &w, element_changed(as(&w, MAKER), 99, &good[0].change, NULL, &w.d));
	assert_status(DENIED, &w,
		element_changed(as_device(&w, device), device, &good[0].change, NULL, &w.d));
	assert_int_equal(size, world_ledger_size(&w));
}

/* An element outlives its device's life: also of one that is retired. */
static void
test_of_a_retired_one(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);

	(void)state;
	assert_status(OK, &w, retire_device(as(&w, MAKER), device, NULL, &w.d));
	assert_status(
		OK, &w, element_changed(as(&w, SUPPORT), device, &good[6].change, NULL, &w.d));
	assert_true(world_entry_has(&w, "\"from\":\"RETIRED\""));
	assert_true(world_entry_has(&w, "\"actor\":\"support\""));
	world_check(&w, device, false);
}

static void
test_names(void **state)
{
	enum element_change_kind kind;

	(void)state;
	for (int i = 0; i < ELEMENT_CHANGE_COUNT; i++) {
		const char *name = element_change_name((enum element_change_kind)i);

		assert_int_equal(OK, element_change_parse(span_text(name), &kind));
		assert_int_equal(i, kind);
	}
	assert_int_equal(BAD_INPUT, element_change_parse(span_text("lock"), &kind));
	assert_int_equal(BAD_INPUT, element_change_parse(span_text(""), &kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_recorded, fresh, clear),
		cmocka_unit_test_setup_teardown(test_refused, fresh, clear),
		cmocka_unit_test_setup_teardown(test_of_a_retired_one, fresh, clear),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
