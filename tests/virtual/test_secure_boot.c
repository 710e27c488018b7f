/* SecureBoot: each mode in each setting, the encrypted digest and the MAC, the latch, and when it refuses. */
#include "device/virtual/p256.h"
#include "host.h"

#define OPCODE 0x80
#define FULL 5
#define STORE 6
#define COPY 7
#define MAC 0x80
#define STORED_SLOT 7
#define KEY_SLOT 15
#define IO_SLOT 6

struct image {
	uint8_t data[96]; /* digest | signature */
	uint8_t number[32];
};

static void
make(struct part *p, struct image *i, unsigned policy)
{
	uint8_t point[64], slot[72] = { 0 };

	talk_make("trustflex-tls", p);
	p->memory.config[70] = (uint8_t)policy;
	p->memory.config[71] = (uint8_t)(policy >> 8);
	assert_true(p256_generate(i->number, point));
	memcpy(slot + 4, point, 32);
	memcpy(slot + 40, point + 32, 32);
	part_slot_put(p, KEY_SLOT, 0, slot, sizeof(slot));
	host_fill(i->data, 32, 5);
	assert_true(p256_sign(i->number, i->data, i->data + 32));
}

static void
test_digest_setting(void **state)
{
	struct image i;
	struct part p;

	make(&p, &i, 0xF703);
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, STORE, 0, i.data, 32));
	talk_expect(&p, PART_OK, CALL(OPCODE, FULL, 0, i.data, 96));
	talk_expect(
		&p, PART_MISCOMPARE, CALL(OPCODE, STORE, 0, i.data, 32)); /* FULL stores nothing */
	i.data[40] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, COPY, 0, i.data, 96));
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, FULL, 0, i.data, 96));
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, STORE, 0, i.data, 32));
	i.data[40] ^= 1;
	talk_expect(&p, PART_OK, CALL(OPCODE, COPY, 0, i.data, 96));
	assert_memory_equal(part_slot(&p, STORED_SLOT), i.data, 32);
	talk_expect(&p, PART_OK, CALL(OPCODE, STORE, 0, i.data, 32));
	for (unsigned bit = 0; bit < 256; bit++) {
		i.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, STORE, 0, i.data, 32));
		i.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(p.live.latch_is_set);
}

static void
test_signature_setting(void **state)
{
	struct image i;
	struct part p;

	make(&p, &i, 0xFD02); /* the signature is stored in slot 13 */
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, STORE, 0, i.data, 32));
	talk_expect(&p, PART_OK, CALL(OPCODE, COPY, 0, i.data, 96));
	assert_memory_equal(part_slot(&p, 13), i.data + 32, 64);
	talk_expect(&p, PART_OK, CALL(OPCODE, STORE, 0, i.data, 32));
	i.data[0] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, STORE, 0, i.data, 32));
	p.memory.config[71] = 0xF7; /* too small for a signature */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, STORE, 0, i.data, 32));
}

static void
test_full_only_and_off(void **state)
{
	struct image i;
	struct part p;

	make(&p, &i, 0xF701);
	talk_expect(&p, PART_OK, CALL(OPCODE, FULL, 0, i.data, 96));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, STORE, 0, i.data, 32));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, COPY, 0, i.data, 96));
	make(&p, &i, 0xF700);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, STORE, 0, i.data, 32));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, COPY, 0, i.data, 96));
}

static void
test_latch(void **state)
{
	struct image i;
	struct part p;

	make(&p, &i, 0xF70B);
	i.data[33] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, FULL, 0, i.data, 96));
	assert_false(p.live.latch_is_set);
	i.data[33] ^= 1;
	talk_expect(&p, PART_OK, CALL(OPCODE, FULL, 0, i.data, 96));
	assert_true(p.live.latch_is_set);
	part_sleep(&p);
	assert_true(p.live.latch_is_set);
	part_power_cycle(&p);
	assert_false(p.live.latch_is_set);
}

/* pad = SHA-256(iokey | TempKey); the digest goes XOR pad, the answer is SHA-256(pad | digest | signature | head). */
static void
check_mac(unsigned policy, unsigned mode, bool has_signature)
{
	uint8_t io_key[32], temp[32], pad[32], expected[32], plain[32];
	struct message m = { .len = 0 };
	struct reply r;
	struct image i;
	struct part p;

	make(&p, &i, policy);
	if (mode == STORE) {
		talk_expect(&p, PART_OK, CALL(OPCODE, COPY, 0, i.data, 96));
	}
	host_secret(&p, IO_SLOT, 6, io_key);
	host_random(&p, temp);
	message_put(&m, io_key, 32);
	message_put(&m, temp, 32);
	message_digest(&m, pad);
	memcpy(plain, i.data, 32);
	message_put(&m, pad, 32);
	message_put(&m, plain, 32);
	if (has_signature) {
		message_put(&m, i.data + 32, 64);
	}
	message_head(&m, OPCODE, mode | MAC, 0);
	message_digest(&m, expected);
	for (size_t k = 0; k < 32; k++) {
		i.data[k] ^= pad[k];
	}
	r = talk_expect(&p, PART_OK, CALL(OPCODE, mode | MAC, 0, i.data, mode == STORE ? 32 : 96));
	assert_int_equal(r.len, 32);
	assert_memory_equal(r.data, expected, 32);
	assert_false(p.live.temp.is_valid);
	if (mode == COPY && !(policy == 0xFD02)) {
		assert_memory_equal(part_slot(&p, STORED_SLOT), plain, 32);
	}
	talk_expect(
		&p, PART_EXECUTION, CALL(OPCODE, mode | MAC, 0, i.data, mode == STORE ? 32 : 96));
	host_random(&p, temp); /* another pad, so another digest: no MAC, and TempKey is used up */
	talk_expect(
		&p, PART_MISCOMPARE, CALL(OPCODE, mode | MAC, 0, i.data, mode == STORE ? 32 : 96));
	assert_false(p.live.temp.is_valid);
}

static void
test_mac(void **state)
{
	check_mac(0xF703, FULL, true);
	check_mac(0xF703, COPY, true);
	check_mac(0xF703, STORE, false);
	check_mac(0xFD02, FULL, true);
	check_mac(0xFD02, COPY, true);
	check_mac(0xFD02, STORE, true);
	check_mac(0xF701, FULL, true);
}

static void
test_mac_refused(void **state)
{
	struct image i;
	struct part p;

	make(&p, &i, 0xF713); /* a random nonce is wanted */
	host_load(&p, i.number);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL | MAC, 0, i.data, 96));
	p.memory.config[70] = 0x03;
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, FULL | MAC, 0, i.data, 96));
	host_load(&p, i.number);
	p.live.temp.is_private = true;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL | MAC, 0, i.data, 96));
	p.live.temp.is_private = false;
	p.memory.config[90] &= (uint8_t)~2;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL | MAC, 0, i.data, 96));
}

static void
test_public_key(void **state)
{
	uint8_t x, first;
	struct image i;
	struct part p;

	make(&p, &i, 0xF703);
	x = p.memory.data[1208 - 72 + 4];
	part_slot_put(&p, KEY_SLOT, 4, (uint8_t[]){ (uint8_t)(x ^ 1) }, 1);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96)); /* not on the curve */
	part_slot_put(&p, KEY_SLOT, 4, &x, 1);
	host_policy(&p, KEY_SLOT, 0x0F0F, 0x0012); /* must have been validated */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96));
	first = 0xA0;
	part_slot_put(&p, KEY_SLOT, 0, &first, 1);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96));
	first = 0x50;
	part_slot_put(&p, KEY_SLOT, 0, &first, 1);
	talk_expect(&p, PART_OK, CALL(OPCODE, FULL, 0, i.data, 96));
	host_policy(&p, KEY_SLOT, 0x0F0F, 0x003C); /* no key of P-256 */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96));
	host_policy(&p, KEY_SLOT, 0x0F0F, 0x0010);
	p.memory.config[71] = 0x57; /* a slot with room for no public key */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96));
	p.memory.config[71] = 0xF0; /* the digest would go into a private key's slot */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, COPY, 0, i.data, 96));
	p.memory.config[71] = 0xF7;
	p.memory.config[86] = 0x55;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, FULL, 0, i.data, 96));
}

static bool
is_mode(unsigned mode)
{
	return (mode & 0x7F) >= FULL && (mode & 0x7F) <= COPY;
}

static void
test_refusals(void **state)
{
	static const int digest[] = { 32, -1 }, both[] = { 96, -1 };
	struct image i;
	struct part p;

	make(&p, &i, 0xF703);
	refuse_modes(&p, OPCODE, is_mode, 96);
	refuse_modes(&p, OPCODE, is_mode, 32);
	for (unsigned mac = 0; mac <= MAC; mac += MAC) {
		refuse_lengths(&p, OPCODE, FULL | mac, 0, both);
		refuse_lengths(&p, OPCODE, STORE | mac, 0, digest);
		refuse_lengths(&p, OPCODE, COPY | mac, 0, both);
	}
	for (unsigned param2 = 1; param2 < 0x10000; param2 += 1 + param2 / 4) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, FULL, param2, i.data, 96));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest_setting),
		cmocka_unit_test(test_signature_setting),
		cmocka_unit_test(test_full_only_and_off),
		cmocka_unit_test(test_latch),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_mac_refused),
		cmocka_unit_test(test_public_key),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
