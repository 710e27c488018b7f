/* Info, Random, Nonce, Counter, UpdateExtra, Lock: every mode, and everything that is none. */
#include "pki/key.h"
#include "talk.h"

static uint8_t bytes[128] = { 1, 2, 3, 4, 5 };

struct row {
	uint8_t opcode, param1;
	uint16_t param2;
	size_t len;
	enum part_status expected;
};

static void
expect_rows(struct part *p, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		talk_expect(p, rows[i].expected,
			CALL(rows[i].opcode, rows[i].param1, rows[i].param2, bytes, rows[i].len));
	}
}
#define EXPECT_ROWS(p, rows) expect_rows(p, rows, sizeof(rows) / sizeof((rows)[0]))

/* Every length of data with each command's usual mode: only the right ones are not parse errors. */
static void
test_lengths(void **state)
{
	static const struct {
		uint8_t opcode, param1;
		uint16_t param2;
		size_t right;
	} rows[] = { { 0x30, 0, 0, 0 }, { 0x1B, 0, 0, 0 }, { 0x16, 0, 0, 20 }, { 0x16, 3, 0, 32 },
		{ 0x16, 0x63, 0, 64 }, { 0x24, 0, 0, 0 }, { 0x20, 0, 0, 0 }, { 0x17, 0x0A, 0, 0 },
		{ 0x40, 0, 0, 0 }, { 0x40, 4, 2, 0 }, { 0x40, 0x10, 13, 3 }, { 0x41, 0x80, 0, 0 },
		{ 0x41, 0x40, 1, 0 }, { 0x45, 2, 4, 128 }, { 0x45, 0, 15, 64 }, { 0x45, 3, 14, 83 },
		{ 0x45, 7, 14, 83 }, { 0x43, 0x0C, 0, 64 }, { 0x02, 0, 0, 0 },
		{ 0x02, 0x82, 64, 0 }, { 0x12, 0x02, 64, 4 }, { 0x12, 0x82, 64, 32 },
		{ 0x12, 0xC2, 40, 64 } };
	struct part p;

	talk_make("trustflex-tls", &p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t len = 0; len <= 128; len++) {
			struct part before = p;
			struct reply r = talk(
				&p, rows[i].opcode, rows[i].param1, rows[i].param2, bytes, len);

			if ((r.status == PART_PARSE) != (len != rows[i].right)) {
				fail_msg("row %zu: %zu bytes are answered %02x", i, len, r.status);
			}
			if (len != rows[i].right) {
				assert_memory_equal(&before, &p, sizeof(p));
			}
			p = before;
		}
	}
}

static void
test_info(void **state)
{
	static const struct row rows[] = { { 0x30, 0, 0, 0, PART_OK },
		{ 0x30, 5, 0, 0, PART_PARSE }, { 0x30, 0xFF, 0, 0, PART_PARSE },
		{ 0x30, 1, 16, 0, PART_PARSE }, { 0x30, 1, 8, 0, PART_EXECUTION },
		{ 0x30, 1, 5, 0, PART_EXECUTION }, { 0x30, 1, 2, 0, PART_OK },
		{ 0x30, 3, 0, 0, PART_OK }, { 0x30, 4, 4, 0, PART_PARSE },
		{ 0x30, 4, 0, 0, PART_OK }, { 0x30, 4, 3, 0, PART_EXECUTION },
		{ 0x30, 4, 2, 0, PART_EXECUTION } };
	struct part p;
	struct reply r;

	talk_make("trustflex-tls", &p);
	EXPECT_ROWS(&p, rows);
	r = talk(&p, 0x30, 0, 0, NULL, 0);
	assert_int_equal(r.len, 4);
	assert_memory_equal(r.data, "\0\0\x60\x03", 4);
	assert_int_equal(talk(&p, 0x30, 1, 2, NULL, 0).data[0], 1);
	assert_int_equal(talk(&p, 0x30, 1, 13, NULL, 0).data[0], 0);
	r = talk(&p, 0x30, 2, 0, NULL, 0);
	assert_memory_equal(r.data, "\0\0\0\0", 4);
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, bytes, 32));
	r = talk(&p, 0x30, 2, 0, NULL, 0);
	assert_memory_equal(r.data, "\x10\x80\0\0", 4);
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0, bytes, 20));
	talk_expect(&p, PART_OK, CALL(0x40, 0x0C, 3, NULL, 0));
	r = talk(&p, 0x30, 2, 0, NULL, 0);
	assert_memory_equal(r.data, "\x43\x80\0\0", 4);
}

static void
with_latch(struct part_profile *p)
{
	p->config[69] = 0x80 | 15; /* VolatileKeyPermission: slot 15 */
	p->config[97] |= 0x10;	   /* slot 0: PersistentDisable */
}

static void
test_latch(void **state)
{
	struct part p;

	talk_make_with("trustflex-tls", with_latch, &p);
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, bytes, 32));
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0x80, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(0x30, 4, 3, NULL, 0));
	part_authorize(&p, 14);
	talk_expect(&p, PART_EXECUTION, CALL(0x30, 4, 3, NULL, 0));
	part_authorize(&p, 15);
	assert_int_equal(talk_expect(&p, PART_OK, CALL(0x30, 4, 3, NULL, 0)).data[0], 1);
	talk_expect(&p, PART_OK, CALL(0x41, 0x80, 0, NULL, 0));
	part_sleep(&p);
	part_wake(&p, 0);
	assert_int_equal(talk_expect(&p, PART_OK, CALL(0x30, 4, 0, NULL, 0)).data[0], 1);
	assert_int_equal(talk_expect(&p, PART_OK, CALL(0x30, 4, 2, NULL, 0)).data[0], 0);
}

static void
test_random(void **state)
{
	static const struct row rows[] = { { 0x1B, 0, 0, 0, PART_OK }, { 0x1B, 1, 0, 0, PART_OK },
		{ 0x1B, 2, 0, 0, PART_PARSE }, { 0x1B, 0, 1, 0, PART_PARSE } };
	struct part p;
	struct reply first, second;

	talk_make("trustflex-tls", &p);
	EXPECT_ROWS(&p, rows);
	first = talk(&p, 0x1B, 0, 0, NULL, 0);
	second = talk(&p, 0x1B, 0, 0, NULL, 0);
	assert_int_equal(first.len, 32);
	assert_memory_not_equal(first.data, second.data, 32);
	talk_make("blank", &p);
	first = talk(&p, 0x1B, 0, 0, NULL, 0);
	for (size_t i = 0; i < 32; i++) {
		assert_int_equal(first.data[i], i % 4 < 2 ? 0xFF : 0);
	}
}

static void
test_nonce(void **state)
{
	static const struct row wrong[] = { { 0x16, 2, 0, 20, PART_PARSE },
		{ 0x16, 4, 0, 20, PART_PARSE }, { 0x16, 0x20, 0, 20, PART_PARSE },
		{ 0x16, 0x40, 0, 20, PART_PARSE }, { 0x16, 0, 1, 20, PART_PARSE },
		{ 0x16, 0, 0x8001, 20, PART_PARSE }, { 0x16, 0, 0x8000, 20, PART_EXECUTION },
		{ 0x16, 3, 1, 32, PART_PARSE }, { 0x16, 0xC3, 0, 32, PART_PARSE },
		{ 0x16, 0xA3, 0, 64, PART_PARSE }, { 0x16, 0x83, 0, 64, PART_PARSE } };
	static const struct row right[] = { { 0x16, 0, 0, 20, PART_OK },
		{ 0x16, 1, 0, 20, PART_OK }, { 0x16, 1, 0x8000, 20, PART_OK },
		{ 0x16, 3, 0, 32, PART_OK }, { 0x16, 0x23, 0, 64, PART_OK },
		{ 0x16, 0x43, 0, 32, PART_OK }, { 0x16, 0x63, 0, 64, PART_OK },
		{ 0x16, 0x83, 0, 32, PART_OK } };
	uint8_t message[55], expected[32];
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	EXPECT_ROWS(&p, wrong);
	EXPECT_ROWS(&p, right);
	assert_true(p.live.temp.is_64 && p.live.digest_buffer_is_valid &&
		    p.live.alternate_key_is_valid);
	for (uint8_t mode = 0; mode < 2; mode++) {
		r = talk_expect(&p, PART_OK, CALL(0x16, mode, 0, bytes, 20));
		assert_int_equal(r.len, 32);
		memcpy(message, r.data, 32);
		memcpy(message + 32, bytes, 20);
		message[52] = 0x16;
		message[53] = mode;
		message[54] = 0;
		sha256(SPAN_ARRAY(message), expected);
		assert_memory_equal(p.live.temp.value, expected, 32);
		assert_false(p.live.temp.source_is_input);
	}
}

static void
test_counter(void **state)
{
	static const struct row wrong[] = { { 0x24, 2, 0, 0, PART_PARSE },
		{ 0x24, 0, 2, 0, PART_PARSE }, { 0x24, 1, 0xFFFF, 0, PART_PARSE } };
	static const uint32_t values[] = { 0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 1000,
		65535, 65536, 1048575, PART_COUNTER_MAX - 1, PART_COUNTER_MAX };
	struct part p;
	struct reply r;

	talk_make("trustflex-tls", &p);
	EXPECT_ROWS(&p, wrong);
	for (uint32_t n = 0; n < 200; n++) {
		r = talk_expect(&p, PART_OK, CALL(0x24, 0, 1, NULL, 0));
		assert_int_equal(r.data[0] | r.data[1] << 8, n);
		r = talk_expect(&p, PART_OK, CALL(0x24, 1, 1, NULL, 0));
		assert_int_equal(r.data[0] | r.data[1] << 8, n + 1);
	}
	assert_int_equal(part_counter_get(&p, 0), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		part_counter_put(&p, 0, values[i]);
		assert_int_equal(part_counter_get(&p, 0), values[i]);
		assert_int_equal(part_counter_get(&p, 1), 200);
	}
	talk_expect(&p, PART_EXECUTION, CALL(0x24, 1, 0, NULL, 0));
	/* 1234567 = 38580 * 32 + 7: as it is stored */
	part_counter_put(&p, 0, 1234567);
	assert_memory_equal(p.memory.config + 52, "\x01\xFF\xFF\xFF\x96\xB4\x96\xB3", 8);
	/* 90 = 2 * 32 + 26 */
	part_counter_put(&p, 0, 90);
	assert_memory_equal(p.memory.config + 52, "\x00\x00\x00\x3F\x00\x02\x00\x02", 8);
}

static void
test_update_extra(void **state)
{
	static const struct row rows[] = { { 0x20, 2, 1, 0, PART_PARSE },
		{ 0x20, 0, 0x100, 0, PART_PARSE }, { 0x20, 0, 0, 0, PART_OK },
		{ 0x20, 0, 7, 0, PART_OK }, { 0x20, 0, 8, 0, PART_EXECUTION },
		{ 0x20, 0, 0, 0, PART_EXECUTION }, { 0x20, 1, 0x40, 0, PART_OK },
		{ 0x20, 1, 0x42, 0, PART_EXECUTION } };
	struct part p;

	talk_make("trustflex-tls", &p);
	EXPECT_ROWS(&p, rows);
	assert_int_equal(p.memory.config[84], 7);
	assert_int_equal(part_address(&p), 0x40);
}

static void
test_lock_slots(void **state)
{
	static const struct row wrong[] = { { 0x17, 3, 0, 0, PART_PARSE },
		{ 0x17, 0x42, 0, 0, PART_PARSE }, { 0x17, 2 | 2 << 2, 1, 0, PART_PARSE },
		{ 0x17, 0x04, 0, 0, PART_PARSE }, { 0x17, 0x81, 1, 0, PART_PARSE },
		{ 0x17, 0x80, 0, 0, PART_EXECUTION }, { 0x17, 0x81, 0, 0, PART_EXECUTION },
		{ 0x17, 0, 0, 0, PART_EXECUTION } };
	struct part p;

	talk_make("trustflex-tls", &p);
	EXPECT_ROWS(&p, wrong);
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		bool is_lockable = (part_key_config(p.memory.config, slot) & 0x20) != 0;
		enum part_status expected = is_lockable ? PART_OK : PART_EXECUTION;

		talk_expect(&p, expected, CALL(0x17, 2 | slot << 2, 0, NULL, 0));
		assert_int_equal(part_slot_is_locked(p.memory.config, slot), is_lockable);
		talk_expect(&p, PART_EXECUTION, CALL(0x17, 2 | slot << 2, 0, NULL, 0));
	}
	talk_expect(&p, PART_EXECUTION, CALL(0x40, 4, 2, NULL, 0)); /* no new key */
	talk_expect(&p, PART_EXECUTION, CALL(0x12, 0x82, 8 << 3, bytes, 32));
	talk_expect(&p, PART_OK, CALL(0x40, 0, 2, NULL, 0)); /* but the old one is there */
}

/* A blank part's way to a locked one, with the sums that the host gives. */
static void
test_lock_zones(void **state)
{
	uint8_t content[PART_DATA_LEN + PART_OTP_LEN];
	struct part p;
	uint16_t crc;

	talk_make("blank", &p);
	talk_expect(&p, PART_EXECUTION, CALL(0x17, 0x81, 0, NULL, 0)); /* configuration first */
	talk_expect(&p, PART_EXECUTION, CALL(0x17, 2, 0, NULL, 0));
	crc = part_crc(p.memory.config, PART_CONFIG_LEN);
	talk_expect(&p, PART_EXECUTION, CALL(0x17, 0, crc ^ 1, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x17, 0, crc, NULL, 0));
	assert_true(part_config_is_locked(&p) && !part_data_is_locked(&p));
	talk_expect(&p, PART_EXECUTION, CALL(0x17, 0x80, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x40, 4, 0, NULL, 0)); /* before the lock any private slot */
	memcpy(content, p.memory.data, PART_DATA_LEN);
	memcpy(content + PART_DATA_LEN, p.memory.otp, PART_OTP_LEN);
	crc = part_crc(content, sizeof(content));
	talk_expect(&p, PART_EXECUTION, CALL(0x17, 1, crc ^ 1, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x17, 1, crc, NULL, 0));
	assert_true(part_data_is_locked(&p));
	talk_expect(&p, PART_EXECUTION, CALL(0x17, 0x81, 0, NULL, 0));
}

static void
with_limited_use(struct part_profile *p)
{
	p->config[18] = 0x01 | 8 << 4; /* CountMatch: slot 8 */
	p->config[20] |= 0x20;	       /* slot 0 */
}

static void
test_limited_use(void **state)
{
	static const uint8_t three[32] = { 3, 0, 0, 0, 3 }, unlike[32] = { 3, 0, 0, 0, 4 };
	struct part p;

	talk_make_with("trustflex-tls", with_limited_use, &p);
	talk_expect(&p, PART_OK, CALL(0x16, 0x43, 0, bytes, 32));
	talk_expect(&p, PART_OK, CALL(0x12, 0x82, 8 << 3, unlike, 32));
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0xA0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x12, 0x82, 8 << 3, three, 32));
	for (unsigned use = 1; use <= 3; use++) {
		talk_expect(&p, PART_OK, CALL(0x41, 0xA0, 0, NULL, 0));
		assert_int_equal(part_counter_get(&p, 0), use);
	}
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0xA0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x41, 0xA0, 2, NULL, 0)); /* others are not limited */
	assert_int_equal(part_counter_get(&p, 0), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_latch),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_update_extra),
		cmocka_unit_test(test_lock_slots),
		cmocka_unit_test(test_lock_zones),
		cmocka_unit_test(test_limited_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
