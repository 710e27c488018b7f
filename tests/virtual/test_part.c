/* The frame around every command, power and the watchdog, and what a part is made of. */
#include "device/virtual/p256.h"
#include "talk.h"

static void
test_status_frames(void **state)
{
	/* As the chip sends them. */
	static const uint8_t frames[][4] = { { 4, 0x00, 0x03, 0x40 }, { 4, 0x01, 0x00, 0xC3 },
		{ 4, 0x03, 0x83, 0x42 }, { 4, 0x05, 0xC3, 0x43 }, { 4, 0x07, 0x40, 0xC2 },
		{ 4, 0x08, 0x60, 0xC0 }, { 4, 0x0F, 0x23, 0x42 }, { 4, 0x11, 0x33, 0x43 },
		{ 4, 0xEE, 0x31, 0x41 }, { 4, 0xFF, 0x01, 0x42 } };

	for (size_t i = 0; i < sizeof(frames) / 4; i++) {
		uint16_t crc = part_crc(frames[i], 2);

		assert_int_equal(frames[i][2], crc & 0xFF);
		assert_int_equal(frames[i][3], crc >> 8);
	}
}

/* Every packet that is not whole is answered FF. */
static void
test_broken_packets(void **state)
{
	static const uint8_t crc_frame[4] = { 4, 0xFF, 0x01, 0x42 };
	static const uint8_t too_much[200];
	uint8_t packet[256] = { 0 }, answer[PART_ANSWER_MAX];
	struct part p, before;
	size_t len;

	talk_make("trustflex-tls", &p);
	len = talk_packet(CALL(0x30, 0, 0, NULL, 0), packet);
	assert_int_equal(part_execute(&p, packet, len, 0, answer), 7);
	before = p;
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(part_execute(&p, packet, cut, 0, answer), 4);
		assert_memory_equal(answer, crc_frame, 4);
	}
	assert_int_equal(part_execute(&p, packet, len + 1, 0, answer), 4);
	assert_memory_equal(answer, crc_frame, 4);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(part_execute(&p, packet, len, 0, answer), 4);
		assert_memory_equal(answer, crc_frame, 4);
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	len = talk_packet(CALL(0x16, 3, 0, too_much, sizeof(too_much)), packet);
	assert_int_equal(part_execute(&p, packet, len, 0, answer), 4);
	assert_memory_equal(answer, crc_frame, 4);
	assert_memory_equal(&before, &p, sizeof(p));
}

static void
test_unknown_opcodes(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		if (part_command_find((uint8_t)opcode) == NULL) {
			talk_expect(&p, PART_PARSE, CALL(opcode, 0, 0, NULL, 0));
		}
	}
}

static void
test_command_table(void **state)
{
	const struct part_command *c;

	for (size_t i = 0; (c = part_command_at(i)) != NULL; i++) {
		assert_ptr_equal(part_command_find(c->opcode), c);
		assert_non_null(c->handler);
		assert_true(c->wait_ms > 0 && c->wait_ms < PART_WATCHDOG_MS);
	}
}

static size_t
info_at(struct part *p, int64_t now_ms, uint8_t answer[PART_ANSWER_MAX])
{
	uint8_t packet[255];

	return part_execute(
		p, packet, talk_packet(CALL(0x30, 2, 0, NULL, 0), packet), now_ms, answer);
}

static void
test_watchdog(void **state)
{
	uint8_t answer[PART_ANSWER_MAX], nonce[32] = { 7 };
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, nonce, 32));
	part_wake(&p, 1000); /* awake already: the watchdog goes on */
	assert_int_equal(info_at(&p, PART_WATCHDOG_MS - 5, answer), 7);
	assert_int_equal(answer[2], 0x80);
	assert_int_equal(info_at(&p, PART_WATCHDOG_MS - 4, answer), 4);
	assert_int_equal(answer[1], PART_WATCHDOG);
	assert_int_equal(info_at(&p, PART_WATCHDOG_MS, answer), 0);
	part_wake(&p, PART_WATCHDOG_MS + 10);
	assert_int_equal(info_at(&p, PART_WATCHDOG_MS + 10, answer), 7);
	assert_int_equal(answer[2], 0);
}

static void
test_power(void **state)
{
	uint8_t answer[PART_ANSWER_MAX], nonce[32] = { 7 };
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, nonce, 32));
	p.live.latch_is_set = true;
	part_idle(&p);
	assert_int_equal(info_at(&p, 1, answer), 0);
	assert_false(part_is_awake(&p, 1));
	part_wake(&p, 5000); /* idle has no watchdog */
	assert_int_equal(info_at(&p, 5001, answer), 7);
	assert_int_equal(answer[2], 0x80);
	part_sleep(&p);
	assert_int_equal(info_at(&p, 5001, answer), 0);
	part_idle(&p); /* asleep stays asleep */
	assert_int_equal(p.live.power, PART_ASLEEP);
	part_wake(&p, 5002);
	assert_int_equal(info_at(&p, 5002, answer), 7);
	assert_int_equal(answer[2], 0);
	assert_true(p.live.latch_is_set);
	part_power_cycle(&p);
	assert_false(p.live.latch_is_set);
}

static void
test_made(void **state)
{
	struct part p, again;
	struct diag d = { 0 };
	uint8_t serial[9];

	talk_make("trustflex-tls", &p);
	part_serial(&p, serial);
	assert_memory_equal(serial, talk_serial, 9);
	assert_int_equal(part_address(&p), 0x6c);
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		assert_int_equal(part_private_key(&p, slot) != NULL, slot < 5);
	}
	assert_ok(part_restore(&p.memory, &again, &d), d);
	assert_int_equal(again.live.power, PART_ASLEEP);
	assert_memory_equal(&again.memory, &p.memory, sizeof(p.memory));
	talk_make("blank", &p);
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		assert_null(part_private_key(&p, slot));
	}
}

/* Memories that no part could have are refused. */
static void
test_not_restored(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = { { 0, 0x02 }, { 1, 0x24 }, { 12, 0x02 }, { 86, 0x01 }, { 87, 0x56 },
		{ 87, 0x55 } };
	struct part p, out;

	talk_make("trustflex-tls", &p);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct part_memory m = p.memory;
		struct diag d = { 0 };

		m.config[wrong[i].at] = wrong[i].value;
		assert_int_equal(part_restore(&m, &out, &d), BAD_INPUT);
		assert_true(d.text[0] != '\0');
	}
	for (unsigned slot = 0; slot < 5; slot++) {
		struct part_memory m = p.memory;

		m.data[36 * slot] = 1;
		assert_int_equal(part_restore(&m, &out, NULL), BAD_INPUT);
		m = p.memory;
		memset(m.data + 36 * slot + 4, 0xFF, 32);
		assert_int_equal(part_restore(&m, &out, NULL), BAD_INPUT);
	}
}

static void
test_p256(void **state)
{
	/* n of P-256; n - 1 is the last number. */
	static const uint8_t order[32] = { 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF,
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3,
		0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51 };
	uint8_t a[32], b[32], ka[64], kb[64], x[32], y[32], digest[32] = { 1 }, signature[64];

	assert_true(p256_generate(a, ka) && p256_generate(b, kb));
	assert_true(p256_point_is_valid(ka));
	assert_true(p256_ecdh(a, kb, x) && p256_ecdh(b, ka, y));
	assert_memory_equal(x, y, 32);
	assert_true(p256_sign(a, digest, signature));
	assert_true(p256_verify(ka, digest, signature));
	assert_false(p256_verify(kb, digest, signature));
	for (size_t i = 0; i < 64; i++) {
		signature[i] ^= 1;
		assert_false(p256_verify(ka, digest, signature));
		signature[i] ^= 1;
		ka[i] ^= 1;
		assert_false(p256_point_is_valid(ka));
		assert_false(p256_verify(ka, digest, signature));
		assert_false(p256_ecdh(b, ka, x));
		ka[i] ^= 1;
	}
	memset(signature, 0, 64);
	assert_false(p256_verify(ka, digest, signature));
	memset(a, 0, 32);
	assert_false(p256_point(a, ka));
	assert_false(p256_sign(a, digest, signature));
	assert_false(p256_point(order, ka));
	memcpy(a, order, 32);
	a[31]--;
	assert_true(p256_point(a, ka) && p256_sign(a, digest, signature));
	assert_true(p256_verify(ka, digest, signature));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_frames),
		cmocka_unit_test(test_broken_packets),
		cmocka_unit_test(test_unknown_opcodes),
		cmocka_unit_test(test_command_table),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_not_restored),
		cmocka_unit_test(test_p256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
