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

/* Each test that is broken shows as its bit, whatever others are asked. */
static void
test_faults(void **state)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} rows[] = { { "random", 0x01 }, { "ecdsa", 0x02 }, { "ecdh", 0x08 }, { "aes", 0x10 },
		{ "sha", 0x20 } };
	struct part p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bit = part_self_test_bit(span_text(rows[i].name));

		talk_make("trustflex-tls", &p);
		assert_int_equal(bit, rows[i].bit);
		p.faults = bit;
		assert_int_equal(p.live.self_test, 0); /* it does not know yet */
		for (unsigned mode = 1; mode < 256; mode++) {
			struct reply r;

			if (!is_mode(mode)) {
				continue;
			}
			r = talk(&p, OPCODE, (uint8_t)mode, 0, NULL, 0);
			/* One byte, which a status frame has too. */
			assert_int_equal(r.status, mode & bit);
		}
		assert_int_equal(p.live.self_test, bit);
	}
	assert_int_equal(part_self_test_bit(span_text("rsa")), 0);
	assert_int_equal(part_self_test_bit(span_text("")), 0);
}

/* While it knows itself faulty it does nothing else; the test passed, or slept over, it does. */
static void
test_failed(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(0x30, 0, 0, NULL, 0));
	p.faults = 0x10;
	(void)talk(&p, OPCODE, 0x3B, 0, NULL, 0);
	talk_expect(&p, PART_SELF_TEST, CALL(0x30, 0, 0, NULL, 0));
	talk_expect(&p, PART_SELF_TEST, CALL(0x1B, 0, 0, NULL, 0));
	talk_expect(&p, PART_PARSE, CALL(0xFE, 0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x2B, 0, NULL, 0)); /* not the one that fails */
	talk_expect(&p, PART_SELF_TEST, CALL(0x30, 0, 0, NULL, 0));
	part_idle(&p);
	part_wake(&p, 0);
	talk_expect(&p, PART_SELF_TEST, CALL(0x30, 0, 0, NULL, 0));
	part_sleep(&p);
	part_wake(&p, 0);
	talk_expect(&p, PART_OK, CALL(0x30, 0, 0, NULL, 0));
	(void)talk(&p, OPCODE, 0x10, 0, NULL, 0);
	p.faults = 0;
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x10, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x30, 0, 0, NULL, 0));
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
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_loses_temp_key),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
