/* The driver over a bus that fails: at every call of every operation, in every way. */
#include <string.h>

#include "support.h"

#include "base/check.h"
#include "device/element/atecc608.h"
#include "fake_part.h"
#include "faulty_bus.h"

struct bench {
	struct fake_part part;
	struct faulty_bus bus;
	struct atecc608 driver;
};

static void
bench_init(struct bench *b)
{
	fake_part_init(&b->part, 0x01);
	b->part.busy_us = 3000;
	faulty_bus_init(&b->bus, &b->part.bus, fake_part_sleep);
	faulty_bus_plan(&b->bus, FAULT_NONE, 0);
	atecc608_init(&b->driver, &b->bus.bus, 0x6C);
}

static uint8_t
times_done(const struct bench *b, uint8_t opcode)
{
	return (uint8_t)b->part.done[opcode];
}

/* --- the operations, and what must be true after each --- */

static enum atecc608_status
do_counter(struct bench *b)
{
	uint32_t value = 0;
	enum atecc608_status s = atecc608_counter(&b->driver, 1, true, &value);

	if (s == ATECC608_OK) {
		assert_int_equal(value, 1);
		assert_int_equal(b->part.counter, 1);
	}
	assert_true(b->part.counter <= 1);
	return s;
}

static enum atecc608_status
do_lock(struct bench *b)
{
	enum atecc608_status s = atecc608_lock_slot(&b->driver, 3);

	if (s == ATECC608_OK) {
		assert_int_equal(b->part.config[88], 0xF7);
	}
	return s;
}

static enum atecc608_status
do_user_extra(struct bench *b)
{
	enum atecc608_status s = atecc608_update_extra(&b->driver, 0, 0x5A);

	if (s == ATECC608_OK) {
		assert_int_equal(b->part.config[84], 0x5A);
	}
	return s;
}

static enum atecc608_status
do_address(struct bench *b)
{
	enum atecc608_status s = atecc608_update_extra(&b->driver, 1, 0x70);

	if (s == ATECC608_OK) {
		assert_int_equal(b->part.config[85], 0x70);
		assert_int_equal(b->driver.address, 0x70);
	}
	return s;
}

static enum atecc608_status
do_gen_key(struct bench *b)
{
	uint8_t point[64] = { 0 };
	enum atecc608_status s = atecc608_gen_key(&b->driver, 2, point);

	if (s == ATECC608_OK) {
		assert_memory_equal(point, b->part.key, 64);
	}
	return s;
}

static enum atecc608_status
do_sign(struct bench *b)
{
	uint8_t digest[32], signature[64] = { 0 };
	enum atecc608_status s;

	memset(digest, 0xD1, sizeof(digest));
	s = atecc608_sign(&b->driver, 0, digest, signature);
	if (s == ATECC608_OK) {
		assert_memory_equal(signature, digest, 32);
		assert_memory_equal(signature + 32, digest, 32);
	}
	return s;
}

/* Nonce, key and signature of one and the same sequence, however many were begun. */
static enum atecc608_status
do_attest(struct bench *b)
{
	static const uint8_t num_in[20] = { 7 };
	struct atecc608_attestation a = { 0 };
	enum atecc608_status s = atecc608_attest(&b->driver, 2, num_in, &a);

	if (s == ATECC608_OK) {
		assert_memory_equal(a.point, b->part.key, 64);
		assert_memory_equal(a.signature, a.random, 16);
		assert_memory_equal(a.signature + 16, a.point, 16);
		assert_int_equal(a.random[0], times_done(b, 0x16));
	}
	return s;
}

static enum atecc608_status
do_config(struct bench *b)
{
	uint8_t config[ATECC608_CONFIG_LEN] = { 0 };
	enum atecc608_status s = atecc608_config(&b->driver, config);

	if (s == ATECC608_OK) {
		assert_memory_equal(config, b->part.config, sizeof(config));
	}
	return s;
}

typedef enum atecc608_status operation(struct bench *b);
static const struct {
	const char *name;
	operation *run;
} operations[] = { { "counter", do_counter }, { "lock", do_lock }, { "user extra", do_user_extra },
	{ "address", do_address }, { "gen key", do_gen_key }, { "sign", do_sign },
	{ "attest", do_attest }, { "config", do_config } };

static enum atecc608_status
session(struct bench *b, operation *run)
{
	enum atecc608_status s = atecc608_begin(&b->driver);

	if (s == ATECC608_OK) {
		s = run(b);
		atecc608_end(&b->driver);
	}
	assert_false(b->driver.is_begun);
	assert_false(b->part.is_begun);
	return s;
}

static unsigned
count_calls(operation *run)
{
	struct bench b;

	bench_init(&b);
	assert_int_equal(session(&b, run), ATECC608_OK);
	return b.bus.calls;
}

static bool
is_expected(enum bus_fault fault, enum atecc608_status s)
{
	switch (fault) {
	case FAULT_GONE: /* at the very end it is not noticed any more */
		return s == ATECC608_OK || s == ATECC608_NO_PART || s == ATECC608_VANISHED;
	case FAULT_BROKEN:
		return s == ATECC608_OK || s == ATECC608_BUS;
	case FAULT_ALWAYS_CRC:
		return s == ATECC608_OK || s == ATECC608_GARBLED;
	default:
		return s == ATECC608_OK; /* what passes is got over */
	}
}

static void
test_every_fault_at_every_call(void **state)
{
	(void)state;
	for (size_t o = 0; o < COUNT_OF(operations); o++) {
		unsigned calls = count_calls(operations[o].run);

		assert_true(calls > 10);
		for (unsigned i = 0; i < calls * FAULT_COUNT; i++) {
			enum bus_fault fault = (enum bus_fault)(i % FAULT_COUNT);
			enum atecc608_status s;
			struct bench b;

			bench_init(&b);
			faulty_bus_plan(&b.bus, fault, i / FAULT_COUNT);
			s = session(&b, operations[o].run);
			if (!is_expected(fault, s)) {
				fail_msg("%s, fault %d at call %u: %s", operations[o].name, fault,
					i / FAULT_COUNT, atecc608_status_text(s));
			}
			assert_true(b.bus.now_us < 20000000);
		}
	}
}

static void
test_persistent_faults_are_named(void **state)
{
	static const struct {
		enum bus_fault fault;
		unsigned at;
		enum atecc608_status status;
	} cases[] = { { FAULT_GONE, 0, ATECC608_NO_PART }, { FAULT_GONE, 8, ATECC608_VANISHED },
		{ FAULT_GONE, 9, ATECC608_VANISHED }, { FAULT_BROKEN, 0, ATECC608_BUS },
		{ FAULT_BROKEN, 8, ATECC608_BUS }, { FAULT_ALWAYS_CRC, 0, ATECC608_GARBLED },
		{ FAULT_ALWAYS_CRC, 9, ATECC608_GARBLED } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct bench b;

		bench_init(&b);
		faulty_bus_plan(&b.bus, cases[i].fault, cases[i].at);
		assert_int_equal(session(&b, do_sign), cases[i].status);
	}
}

static enum atecc608_status
do_nothing(struct bench *b)
{
	(void)b;
	return ATECC608_OK;
}

static void
test_another_part_is_noticed(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	assert_int_equal(session(&b, do_nothing), ATECC608_OK);
	b.part.config[11] ^= 1;
	assert_int_equal(session(&b, do_sign), ATECC608_OTHER_PART);
	assert_int_equal(times_done(&b, 0x41), 0);
	b.part.config[11] ^= 1;
	assert_int_equal(session(&b, do_sign), ATECC608_OK);
}

/* Words that say "not done": the command goes out again, its TempKey is kept. */
static void
test_words_of_the_part(void **state)
{
	static const struct {
		uint8_t word;
		unsigned times;
		enum atecc608_status status;
	} cases[] = { { 0xEE, 1, ATECC608_OK }, { 0xEE, 2, ATECC608_OK },
		{ 0xEE, 3, ATECC608_WATCHDOG }, { 0xFF, 2, ATECC608_OK },
		{ 0xFF, 3, ATECC608_GARBLED }, { 0x01, 1, ATECC608_MISCOMPARE },
		{ 0x03, 1, ATECC608_PARSE }, { 0x05, 1, ATECC608_ECC_FAULT },
		{ 0x07, 1, ATECC608_SELF_TEST }, { 0x08, 1, ATECC608_HEALTH_TEST },
		{ 0x0F, 1, ATECC608_REFUSED }, { 0x42, 1, ATECC608_OTHER_WORD } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct bench b;
		uint32_t value;

		bench_init(&b);
		assert_int_equal(atecc608_begin(&b.driver), ATECC608_OK);
		b.part.word = cases[i].word;
		b.part.refused_words = cases[i].times;
		assert_int_equal(atecc608_counter(&b.driver, 0, false, &value), cases[i].status);
		assert_int_equal(b.driver.word, cases[i].status == ATECC608_OK ? 0 : cases[i].word);
		atecc608_end(&b.driver);
	}
}

/* SelfTest's byte is a bit for each test that failed; with other bits it is a status, as of any command. */
static void
test_words_of_a_self_test(void **state)
{
	static const struct {
		uint8_t word, mode;
		enum atecc608_status status;
	} cases[] = { { 0x01, 0x3B, ATECC608_OK }, { 0x03, 0x3B, ATECC608_OK },
		{ 0x08, 0x3B, ATECC608_OK }, { 0x11, 0x3B, ATECC608_OK },
		{ 0x3B, 0x3B, ATECC608_OK }, { 0x05, 0x3B, ATECC608_ECC_FAULT },
		{ 0x07, 0x3B, ATECC608_SELF_TEST }, { 0x0F, 0x3B, ATECC608_REFUSED },
		{ 0x42, 0x3B, ATECC608_OTHER_WORD }, { 0x10, 0x10, ATECC608_OK },
		{ 0x03, 0x10, ATECC608_PARSE }, { 0x08, 0x20, ATECC608_HEALTH_TEST },
		{ 0x11, 0x10, ATECC608_OTHER_WORD } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t failures = 0xA5;
		struct bench b;

		bench_init(&b);
		assert_int_equal(atecc608_begin(&b.driver), ATECC608_OK);
		b.part.word = cases[i].word;
		b.part.refused_words = 1;
		assert_int_equal(
			atecc608_self_test(&b.driver, cases[i].mode, &failures), cases[i].status);
		assert_int_equal(failures, cases[i].status == ATECC608_OK ? cases[i].word : 0xA5);
		atecc608_end(&b.driver);
	}
}

/* A part that is slower than its maker says, and one that is as slow as that. */
static void
test_slow_parts(void **state)
{
	struct bench b;
	uint32_t value;

	(void)state;
	bench_init(&b);
	assert_int_equal(atecc608_begin(&b.driver), ATECC608_OK);
	b.part.busy_us = 25000;
	assert_int_equal(atecc608_counter(&b.driver, 0, true, &value), ATECC608_OK);
	assert_int_equal(value, 1);
	b.part.busy_us = 60000;
	assert_int_equal(atecc608_counter(&b.driver, 0, false, &value), ATECC608_LATE);
	b.part.busy_us = 3000;
	b.bus.bus.pause_us(b.bus.bus.context, 100000);
	assert_int_equal(atecc608_counter(&b.driver, 0, false, &value), ATECC608_OK);
	assert_int_equal(value, 1);
	atecc608_end(&b.driver);
}

static void
test_bad_calls(void **state)
{
	static const struct atecc608_place outside[] = { { ATECC608_CONFIG, 0, 128 },
		{ ATECC608_CONFIG, 0, 2 }, { ATECC608_OTP, 0, 64 }, { ATECC608_DATA, 16, 0 },
		{ ATECC608_DATA, 0, 36 }, { ATECC608_DATA, 8, 416 },
		{ ATECC608_DATA, 9, 0xFFFFFFFC } };
	static const uint8_t key[32];
	const struct atecc608_access_key access = { .slot = 6, .key = key, .randomness = key };
	struct atecc608_request r = { .packet = { .opcode = 0x24 }, .out_len = 200 };
	uint8_t out[64];
	uint32_t value;
	struct bench b;

	(void)state;
	bench_init(&b);
	assert_int_equal(atecc608_random(&b.driver, out), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_begin(&b.driver), ATECC608_OK);
	assert_int_equal(atecc608_begin(&b.driver), ATECC608_BAD_CALL);
	for (size_t i = 0; i < COUNT_OF(outside); i++) {
		assert_int_equal(atecc608_read(&b.driver, outside[i], out, 4), ATECC608_BAD_CALL);
		assert_int_equal(atecc608_write(&b.driver, outside[i], out, 4), ATECC608_BAD_CALL);
	}
	assert_int_equal(atecc608_command(&b.driver, &r), ATECC608_BAD_CALL);
	r.out_len = 0;
	r.packet.data[0] = r.packet.data[1] = (struct atecc608_piece){ out, 80 };
	assert_int_equal(atecc608_command(&b.driver, &r), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_counter(&b.driver, 2, true, &value), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_update_extra(&b.driver, 2, 1), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_update_extra(&b.driver, 0, 0), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_lock_slot(&b.driver, 16), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_sign(&b.driver, 16, key, out), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_gen_key(&b.driver, 16, out), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_nonce_load(&b.driver, 0, out, 33), ATECC608_BAD_CALL);
	assert_int_equal(atecc608_read_encrypted(&b.driver, 5, 0, &access, out), ATECC608_BAD_CALL);
	assert_int_equal(times_done(&b, 0x02), 1); /* the serial number's: nothing was sent */
	atecc608_end(&b.driver);
	atecc608_end(&b.driver);
}

/* Frames of the datasheet, and what is none. */
static void
test_frames(void **state)
{
	static const struct {
		uint8_t frame[4];
		enum atecc608_answer kind;
	} cases[] = { { { 0x04, 0x00, 0x03, 0x40 }, ATECC608_ANSWER_WORD },
		{ { 0x04, 0x11, 0x33, 0x43 }, ATECC608_ANSWER_WORD },
		{ { 0x04, 0x0F, 0x23, 0x42 }, ATECC608_ANSWER_WORD },
		{ { 0x04, 0xEE, 0x31, 0x41 }, ATECC608_ANSWER_WORD },
		{ { 0x04, 0xFF, 0x01, 0x42 }, ATECC608_ANSWER_WORD },
		{ { 0x04, 0x11, 0x33, 0x44 }, ATECC608_ANSWER_GARBLED },
		{ { 0x04, 0x11, 0x43, 0x33 }, ATECC608_ANSWER_GARBLED },
		{ { 0x03, 0x11, 0x33, 0x43 }, ATECC608_ANSWER_GARBLED },
		{ { 0x05, 0x11, 0x33, 0x43 }, ATECC608_ANSWER_GARBLED },
		{ { 0x00, 0x00, 0x00, 0x00 }, ATECC608_ANSWER_GARBLED },
		{ { 0xFF, 0xFF, 0xFF, 0xFF }, ATECC608_ANSWER_GARBLED } };
	const uint8_t *data;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(
			atecc608_answer_read(cases[i].frame, 4, &data, &len), cases[i].kind);
	}
	assert_int_equal(
		atecc608_answer_read(cases[0].frame, 0, &data, &len), ATECC608_ANSWER_GARBLED);
	assert_int_equal(
		atecc608_answer_read(cases[0].frame, 3, &data, &len), ATECC608_ANSWER_GARBLED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_every_fault_at_every_call),
		cmocka_unit_test(test_persistent_faults_are_named),
		cmocka_unit_test(test_another_part_is_noticed),
		cmocka_unit_test(test_words_of_the_part),
		cmocka_unit_test(test_words_of_a_self_test),
		cmocka_unit_test(test_slow_parts),
		cmocka_unit_test(test_bad_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
