/* Read and Write: zones, places, policies, encryption, and what stays closed. */
#include "pki/key.h"
#include "talk.h"

#define READ 0x02
#define WRITE 0x12
#define DATA_AT(slot, block, word) \
	((unsigned)(block) << 8 | (unsigned)(slot) << 3 | (unsigned)(word))

static uint8_t ones[64], noise[64];

/* Places of the data zone that there are, and those that there are not. */
static void
test_places(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	for (unsigned block = 0; block < 16; block++) {
		for (unsigned word = 0; word < 8; word++) {
			/* slot 8: 416 bytes, 13 blocks; slot 13: 72 bytes, 2 blocks and 2 words */
			talk_expect(&p, block < 13 ? PART_OK : PART_PARSE,
				CALL(READ, 2, DATA_AT(8, block, word), NULL, 0));
			talk_expect(&p, 32 * block + 4 * word < 72 ? PART_OK : PART_PARSE,
				CALL(READ, 2, DATA_AT(13, block, word), NULL, 0));
		}
		talk_expect(&p, block < 13 ? PART_OK : PART_PARSE,
			CALL(READ, 0x82, DATA_AT(8, block, 0), NULL, 0));
		talk_expect(&p, block < 3 ? PART_OK : PART_PARSE,
			CALL(READ, 0x82, DATA_AT(13, block, 0), NULL, 0));
	}
	for (unsigned address = 0; address < 0x100; address++) {
		talk_expect(
			&p, address < 0x20 ? PART_OK : PART_PARSE, CALL(READ, 0, address, NULL, 0));
		talk_expect(
			&p, address < 0x10 ? PART_OK : PART_PARSE, CALL(READ, 1, address, NULL, 0));
	}
	talk_expect(&p, PART_PARSE, CALL(READ, 2, DATA_AT(8, 0, 0) | 0x80, NULL, 0));
	talk_expect(&p, PART_PARSE, CALL(READ, 2, DATA_AT(8, 0, 0) | 0x1000, NULL, 0));
	for (unsigned zone = 0; zone < 256; zone++) {
		bool is_good = (zone & 0x7C) == 0 && (zone & 3) != 3;

		talk_expect(&p, is_good ? PART_OK : PART_PARSE,
			CALL(READ, zone, (zone & 3) == 2 ? 8u << 3 : 0, NULL, 0));
	}
}

/* Which slots of TrustFLEX can be read and written in clear. */
static void
test_policies(void **state)
{
	static const char readable[PART_SLOTS + 1] = "........x.xxxxxx";
	static const char writable[PART_SLOTS + 1] = "......x.xxxxxxxx";
	struct part p;

	talk_make("trustflex-tls", &p);
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		enum part_status may_read = readable[slot] == 'x' ? PART_OK : PART_EXECUTION;
		enum part_status may_write = writable[slot] == 'x' ? PART_OK : PART_EXECUTION;

		for (unsigned block = 0; block < 2; block++) {
			talk_expect(
				&p, may_read, CALL(READ, 0x82, DATA_AT(slot, block, 0), NULL, 0));
			talk_expect(&p, may_read, CALL(READ, 2, DATA_AT(slot, block, 0), NULL, 0));
			talk_expect(&p, may_write,
				CALL(WRITE, 0x82, DATA_AT(slot, block, 0), ones, 32));
			talk_expect(
				&p, may_write, CALL(WRITE, 2, DATA_AT(slot, block, 0), ones, 4));
		}
	}
	talk_make("trustflex-tls-locked", &p);
	for (unsigned slot = 10; slot <= 12; slot++) {
		talk_expect(&p, PART_OK, CALL(READ, 0x82, DATA_AT(slot, 0, 0), NULL, 0));
		talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, DATA_AT(slot, 0, 0), ones, 32));
	}
}

static void
test_written_is_read(void **state)
{
	struct part p;
	struct reply r;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(8, 3, 0), noise, 32));
	talk_expect(&p, PART_OK, CALL(WRITE, 2, DATA_AT(8, 3, 5), ones, 4));
	r = talk_expect(&p, PART_OK, CALL(READ, 0x82, DATA_AT(8, 3, 0), NULL, 0));
	assert_int_equal(r.len, 32);
	assert_memory_equal(r.data, noise, 20);
	assert_memory_equal(r.data + 20, ones, 4);
	assert_memory_equal(r.data + 24, noise + 24, 8);
	r = talk_expect(&p, PART_OK, CALL(READ, 2, DATA_AT(8, 3, 1), NULL, 0));
	assert_int_equal(r.len, 4);
	assert_memory_equal(r.data, noise + 4, 4);
}

/* 32 bytes over a slot's end: cut when written, filled with 0 when read; the slot behind stays as it is. */
static void
test_overhang(void **state)
{
	struct part p, before;
	struct reply r;

	talk_make("trustflex-tls", &p);
	before = p;
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(13, 2, 0), noise, 32));
	r = talk_expect(&p, PART_OK, CALL(READ, 0x82, DATA_AT(13, 2, 0), NULL, 0));
	assert_memory_equal(r.data, noise, 8);
	for (size_t i = 8; i < 32; i++) {
		assert_int_equal(r.data[i], 0);
	}
	assert_memory_equal(part_slot(&p, 14), part_slot(&before, 14), 72);
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(15, 2, 0), noise, 32)); /* the last */
	assert_memory_equal(p.memory.otp, before.memory.otp, PART_OTP_LEN);
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(6, 1, 0), noise, 32));
	assert_memory_equal(part_slot(&p, 7), part_slot(&before, 7), 36);
}

/* Before the data zone's lock: no reads, whole blocks only; private slots are always closed. */
static void
test_unlocked(void **state)
{
	struct part p;

	talk_make("blank", &p);
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, DATA_AT(8, 0, 0), noise, 32));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x81, 0, noise, 32));
	talk_expect(&p, PART_OK, CALL(0x17, 0x80, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(8, 0, 0), noise, 32));
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(5, 0, 0), noise, 32)); /* never, later */
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 2, DATA_AT(8, 0, 0), noise, 4));
	talk_expect(&p, PART_EXECUTION, CALL(READ, 0x82, DATA_AT(8, 0, 0), NULL, 0));
	talk_expect(&p, PART_OK, CALL(WRITE, 0x81, 8, noise, 32));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 1, 0, noise, 4));
	talk_expect(&p, PART_EXECUTION, CALL(READ, 0x81, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, DATA_AT(0, 0, 0), noise, 32));
	talk_expect(&p, PART_OK, CALL(0x17, 0x81, 0, NULL, 0));
	assert_memory_equal(talk_expect(&p, PART_OK, CALL(READ, 0x81, 8, NULL, 0)).data, noise, 32);
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x81, 8, noise, 32));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, DATA_AT(5, 0, 0), noise, 32));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, DATA_AT(0, 0, 0), noise, 32));
}

static void
test_configuration(void **state)
{
	struct part p, before;

	talk_make("blank", &p);
	before = p;
	for (unsigned word = 0; word < 32; word++) {
		bool is_closed = word < 4 || word == 21; /* bytes 0-15, 84-87 */

		talk_expect(
			&p, is_closed ? PART_EXECUTION : PART_OK, CALL(WRITE, 0, word, noise, 4));
	}
	for (unsigned block = 0; block < 4; block++) {
		talk_expect(&p, PART_OK, CALL(WRITE, 0x80, block << 3, noise, 32));
	}
	assert_memory_equal(p.memory.config, before.memory.config, 16);
	assert_memory_equal(p.memory.config + 16, noise + 16, 16);
	assert_memory_equal(p.memory.config + 84, before.memory.config + 84, 4);
	assert_memory_equal(p.memory.config + 88, noise + 24, 8);
	talk_expect(&p, PART_PARSE, CALL(WRITE, 0xC0, 0, noise, 64));
	talk_expect(&p, PART_PARSE, CALL(WRITE, 0x80, 0x20, noise, 32));
	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0, 16, noise, 4));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x80, 16, noise, 32));
}

/* TempKey as GenDig would leave it. */
static void
as_gen_dig(struct part *p, unsigned slot)
{
	part_temp_set(p, noise, PART_TEMP_RANDOM);
	p->live.temp.is_gen_dig = p->live.temp.is_of_slot = true;
	p->live.temp.key_id = (uint8_t)slot;
}

static void
encrypt(const uint8_t plain[32], uint8_t zone, uint16_t address, uint8_t out[64])
{
	uint8_t message[96] = { 0 };

	memcpy(message, noise, 32);
	message[32] = 0x12;
	message[33] = zone;
	message[34] = (uint8_t)address;
	message[35] = (uint8_t)(address >> 8);
	memcpy(message + 36, "\x01\x01\x23", 3);
	memcpy(message + 64, plain, 32);
	for (size_t i = 0; i < 32; i++) {
		out[i] = plain[i] ^ noise[i];
	}
	sha256(SPAN_ARRAY(message), out + 32);
}

static void
test_encrypted_write(void **state)
{
	const uint16_t address = DATA_AT(5, 0, 0);
	uint8_t data[64], wrong[64];
	struct part p;

	talk_make("trustflex-tls", &p);
	encrypt(ones, 0xC2, address, data);
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0xC2, address, data, 64)); /* no TempKey */
	talk_expect(&p, PART_PARSE, CALL(WRITE, 0x42, address, data, 36));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, address, data, 32)); /* in clear */
	as_gen_dig(&p, 9);
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0xC2, address, data, 64)); /* another key */
	as_gen_dig(&p, 6);
	for (size_t bit = 0; bit < 512; bit += 7) {
		memcpy(wrong, data, 64);
		wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
		talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0xC2, address, wrong, 64));
	}
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0xC2, DATA_AT(8, 0, 0), data, 64));
	p.live.temp.is_of_slot = false; /* GenDig over something else */
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0xC2, address, data, 64));
	p.live.temp.is_of_slot = true;
	talk_expect(&p, PART_OK, CALL(WRITE, 0xC2, address, data, 64));
	assert_memory_equal(part_slot(&p, 5), ones, 32);
	assert_false(p.live.temp.is_valid);
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0xC2, address, data, 64)); /* once */
}

static void
with_encrypted_read(struct part_profile *p)
{
	p->config[20 + 2 * 8] = 0xC6; /* slot 8: secret, EncRead, under slot 6 */
}

static void
test_encrypted_read(void **state)
{
	const uint16_t address = DATA_AT(8, 0, 0);
	struct part p;
	struct reply r;

	talk_make_with("trustflex-tls", with_encrypted_read, &p);
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, address, ones, 32));
	talk_expect(&p, PART_EXECUTION, CALL(READ, 0x82, address, NULL, 0));
	as_gen_dig(&p, 9);
	talk_expect(&p, PART_EXECUTION, CALL(READ, 0x82, address, NULL, 0));
	as_gen_dig(&p, 6);
	talk_expect(&p, PART_EXECUTION, CALL(READ, 2, address, NULL, 0)); /* whole blocks only */
	r = talk_expect(&p, PART_OK, CALL(READ, 0x82, address, NULL, 0));
	for (size_t i = 0; i < 32; i++) {
		assert_int_equal(r.data[i] ^ noise[i], ones[i]);
	}
	assert_false(p.live.temp.is_valid);
}

static void
test_written_key_is_invalid(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(WRITE, 0x82, DATA_AT(14, 0, 0), noise, 32));
	assert_int_equal(part_slot(&p, 14)[0], 0xA0 | (noise[0] & 15));
	p.memory.data[288 + 416 + 5 * 72] = 0x50;
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 0x82, DATA_AT(14, 0, 0), noise, 32));
	talk_expect(&p, PART_EXECUTION, CALL(WRITE, 2, DATA_AT(14, 1, 0), noise, 4));
}

static int
fill(void **state)
{
	memset(ones, 1, sizeof(ones));
	for (size_t i = 0; i < sizeof(noise); i++) {
		noise[i] = (uint8_t)(i * 37 + 11);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_overhang),
		cmocka_unit_test(test_unlocked),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_encrypted_write),
		cmocka_unit_test(test_encrypted_read),
		cmocka_unit_test(test_written_key_is_invalid),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
