/* GenDig: TempKey after it, in every zone, and when it refuses. */
#include "host.h"

#define OPCODE 0x15

static const uint8_t zeros[32];

/* value | head | serial | fill25 | TempKey */
static void
expect(struct part *p, const uint8_t value[32], const struct message *head_and_fill,
	uint8_t temp[32])
{
	struct message m = { .len = 0 };

	message_put(&m, value, 32);
	message_put(&m, head_and_fill->bytes, 4);
	message_serial(&m);
	message_put(&m, head_and_fill->bytes + 4, 25);
	assert_int_equal(head_and_fill->len, 29);
	message_put(&m, temp, 32);
	assert_int_equal(m.len, 96);
	message_digest(&m, temp);
	assert_memory_equal(p->live.temp.value, temp, 32);
	assert_true(p->live.temp.is_valid && p->live.temp.is_gen_dig && !p->live.temp.is_gen_key);
}

static struct message
plain_head(unsigned zone, unsigned param2)
{
	struct message m = { .len = 0 };

	message_head(&m, OPCODE, zone, param2);
	message_zeros(&m, 25);
	return m;
}

static void
test_public_zones(void **state)
{
	struct message head;
	uint8_t temp[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_random(&p, temp);
	for (unsigned block = 0; block < 4; block++) {
		talk_expect(&p, PART_OK, CALL(OPCODE, 0, block, NULL, 0));
		head = plain_head(0, block);
		expect(&p, p.memory.config + (size_t)32 * block, &head, temp);
	}
	for (unsigned block = 0; block < 2; block++) {
		talk_expect(&p, PART_OK, CALL(OPCODE, 1, block, NULL, 0));
		head = plain_head(1, block);
		expect(&p, p.memory.otp + (size_t)32 * block, &head, temp);
	}
	assert_false(p.live.temp.source_is_input || p.live.temp.is_of_slot);
	assert_int_equal(p.live.temp.key_id, 0);
}

static void
test_data_slots(void **state)
{
	static const unsigned slots[] = { 5, 8, 9, 10, 11, 12, 13, 15 };
	uint8_t temp[32], secret[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		host_secret(&p, slots[i], 77 + slots[i], secret);
		host_fill(temp, 32, slots[i]);
		host_load(&p, temp);
		host_gen_dig(&p, slots[i], secret, temp);
		assert_true(p.live.temp.is_of_slot && p.live.temp.is_gen_dig);
		assert_true(p.live.temp.source_is_input && !p.live.temp.no_mac);
		assert_int_equal(p.live.temp.key_id, slots[i]);
	}
}

/* A NoMac key: the caller's four bytes for the head, and what comes of it is for no MAC ever after. */
static void
test_no_mac(void **state)
{
	static const uint8_t own[4] = { 0x08, 0x06, 0x07, 0x00 };
	struct message head = { .len = 0 };
	uint8_t temp[32], secret[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_secret(&p, 7, 1, secret);
	host_random(&p, temp);
	talk_expect(&p, PART_PARSE, CALL(OPCODE, 2, 7, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 2, 7, own, 4));
	message_put(&head, own, 4);
	message_zeros(&head, 25);
	expect(&p, secret, &head, temp);
	assert_true(p.live.temp.no_mac);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 1, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 3, 0, secret, 32));
	talk_expect(&p, PART_OK, CALL(OPCODE, 2, 6, NULL, 0));
	assert_true(p.live.temp.no_mac);
	talk_expect(&p, PART_EXECUTION, CALL(0x08, 0x01, 6, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(0x47, 4, 0xFFFF, NULL, 0));
}

static void
test_shared_nonce(void **state)
{
	uint8_t temp[32], other[32];
	struct message m = { .len = 0 }, head;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(other, 32, 3);
	host_random(&p, temp);
	talk_expect(&p, PART_OK, CALL(OPCODE, 3, 0x1234, other, 32));
	head = plain_head(3, 0x0034);
	expect(&p, other, &head, temp);
	talk_expect(&p, PART_OK, CALL(OPCODE, 3, 0x9255, other, 32));
	message_put(&m, temp, 32);
	message_head(&m, OPCODE, 3, 0x0055);
	message_serial(&m);
	message_zeros(&m, 25);
	message_put(&m, other, 32);
	message_digest(&m, temp);
	assert_memory_equal(p.live.temp.value, temp, 32);
	assert_false(p.live.temp.is_of_slot);
}

static void
test_counter(void **state)
{
	struct message head = { .len = 0 };
	uint8_t temp[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	part_counter_put(&p, 1, 0x012345);
	host_random(&p, temp);
	talk_expect(&p, PART_OK, CALL(OPCODE, 4, 1, NULL, 0));
	message_head(&head, OPCODE, 4, 1);
	message_put(&head, "\x00\x45\x23\x01\x00", 5);
	message_zeros(&head, 20);
	expect(&p, zeros, &head, temp);
	talk_expect(&p, PART_OK, CALL(OPCODE, 4, 0, NULL, 0));
	head = plain_head(4, 0);
	expect(&p, zeros, &head, temp);
}

static void
test_policy(void **state)
{
	uint8_t temp[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_random(&p, temp);
	for (unsigned slot = 0; slot < 16; slot++) {
		struct message head = { .len = 0 };

		p.memory.config[88] = 0xF7; /* slot 3 is locked */
		talk_expect(&p, PART_OK, CALL(OPCODE, 5, slot, NULL, 0));
		message_head(&head, OPCODE, 5, slot);
		message_byte(&head, 0);
		message_put(&head, p.memory.config + 20 + 2 * (size_t)slot, 2);
		message_put(&head, p.memory.config + 96 + 2 * (size_t)slot, 2);
		message_byte(&head, slot != 3);
		message_zeros(&head, 19);
		expect(&p, zeros, &head, temp);
	}
}

/* A digest over what everybody can read encrypts nothing, though its KeyID is 0. */
static void
test_public_values_open_nothing(void **state)
{
	struct part p;
	uint8_t temp[32], plain[32 + 36] = { 0 };

	talk_make("trustflex-tls", &p);
	host_policy(&p, 2, 0x4085, 0x0073); /* PrivWrite under slot 0's key */
	host_random(&p, temp);
	for (unsigned zone = 0; zone < 6; zone++) {
		uint8_t data[32] = { 0 };

		if (zone != 2) {
			talk_expect(&p, PART_OK, CALL(OPCODE, zone, 0, data, zone == 3 ? 32 : 0));
			talk_expect(&p, PART_EXECUTION, CALL(0x46, 0x40, 2, plain, 68));
		}
	}
}

static void
test_reqrandom_and_limits(void **state)
{
	uint8_t temp[32], secret[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_secret(&p, 6, 9, secret);
	host_policy(&p, 6, 0x0F8F, 0x007C); /* ReqRandom */
	host_fill(temp, 32, 1);
	host_load(&p, temp);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, 6, NULL, 0));
	host_random(&p, temp);
	host_gen_dig(&p, 6, secret, temp);
	host_policy(&p, 6, 0x0FAF, 0x003C); /* limited use */
	host_gen_dig(&p, 6, secret, temp);
	assert_int_equal(part_counter_get(&p, 0), 1);
	part_counter_put(&p, 0, PART_COUNTER_MAX);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, 6, NULL, 0));
	host_policy(&p, 6, 0x0F8F, 0x103C); /* only with the latch */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, 6, NULL, 0));
	p.live.latch_is_set = true;
	host_gen_dig(&p, 6, secret, temp);
	host_policy(&p, 6, 0x0F8F, 0x05BC); /* after slot 5 */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, 6, NULL, 0));
	part_authorize(&p, 5);
	host_gen_dig(&p, 6, secret, temp);
}

static bool
is_mode(unsigned mode)
{
	return mode <= 5;
}

static void
test_refusals(void **state)
{
	static const int none[] = { 0, -1 }, four[] = { 4, -1 }, block[] = { 32, -1 };
	static const unsigned counts[6] = { 4, 2, 16, 0x10000, 2, 16 };
	uint8_t temp[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	/* no nonce */
	for (unsigned zone = 0; zone < 6; zone++) {
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, zone, 1, temp, zone == 3 ? 32 : 0));
	}
	host_random(&p, temp);
	refuse_modes(&p, OPCODE, is_mode, 32);
	for (unsigned zone = 0; zone < 6; zone++) {
		refuse_lengths(&p, OPCODE, zone, zone == 4 ? 0 : 1, zone == 3 ? block : none);
		for (unsigned k = counts[zone]; k < 0x10000; k += 1 + k / 7) {
			talk_expect(&p, PART_PARSE, CALL(OPCODE, zone, k, NULL, 0));
		}
	}
	refuse_lengths(&p, OPCODE, 2, 7, four);
	/* private keys */
	for (unsigned slot = 0; slot < 5; slot++) {
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, slot, NULL, 0));
	}
}

static void
test_locks(void **state)
{
	uint8_t temp[32] = { 0 };
	struct part p;

	talk_make("blank", &p);
	host_load(&p, temp);
	for (unsigned zone = 0; zone < 6; zone++) {
		talk_expect(&p, PART_EXECUTION,
			CALL(OPCODE, zone, zone == 2 ? 8 : 0, temp, zone == 3 ? 32 : 0));
	}
	p.memory.config[87] = 0;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, 8, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 1, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	p.memory.config[86] = 0;
	talk_expect(&p, PART_OK, CALL(OPCODE, 2, 8, NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public_zones),
		cmocka_unit_test(test_data_slots),
		cmocka_unit_test(test_no_mac),
		cmocka_unit_test(test_shared_nonce),
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_public_values_open_nothing),
		cmocka_unit_test(test_reqrandom_and_limits),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
