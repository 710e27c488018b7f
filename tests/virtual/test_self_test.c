/* SelfTest: each part of it passes, and every call that names no test is refused. */
#include "host.h"

#define OPCODE 0x77

static bool
is_mode(unsigned mode)
{
	return mode != 0 && (mode & ~0x3Bu) == 0;
}

static void
test_passes(void **state)
{
	static const char *const profiles[] = { "trustflex-tls", "trustngo-tls", "blank" };
	struct part p;

	for (size_t i = 0; i < 3; i++) {
		talk_make(profiles[i], &p);
		for (unsigned mode = 0; mode < 256; mode++) {
			if (is_mode(mode)) {
				talk_expect(&p, PART_OK, CALL(OPCODE, mode, 0, NULL, 0));
			}
		}
	}
}

/* What had failed is clear once it passes, and no more than that. */
static void
test_clears(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	p.live.self_test = 0x30;
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x10, 0, NULL, 0));
	assert_int_equal(p.live.self_test, 0x20);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x3B, 0, NULL, 0));
	assert_int_equal(p.live.self_test, 0);
}

static void
test_loses_temp_key(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	host_load(&p, (uint8_t[32]){ 1 });
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x20, 0, NULL, 0));
	assert_false(p.live.temp.is_valid);
}

static void
test_refusals(void **state)
{
	static const int none[] = { 0, -1 };
	struct part p;

	talk_make("trustflex-tls", &p);
	refuse_modes(&p, OPCODE, is_mode, 1);
	refuse_lengths(&p, OPCODE, 0x3B, 0, none);
	for (unsigned param2 = 1; param2 < 0x10000; param2 += 1 + param2 / 4) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, 0x3B, param2, NULL, 0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_clears),
		cmocka_unit_test(test_loses_temp_key),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
