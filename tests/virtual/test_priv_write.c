/* PrivWrite: in the clear before the data zone's lock, encrypted after it, and when it refuses. */
#include "device/virtual/p256.h"
#include "host.h"

#define OPCODE 0x46
#define SLOT 2
#define KEY_SLOT 6
#define SLOT_CONFIG 0x4685 /* private, PrivWrite under slot 6's key */
#define KEY_CONFIG 0x0073

/* P-256's order, big-endian. */
static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2,
	0xfc, 0x63, 0x25, 0x51 };

static void
make_open(struct part *p)
{
	talk_make("blank", p);
	p->memory.config[87] = 0;
}

static void
encrypt(unsigned zone, unsigned slot, const uint8_t plain[36], const uint8_t temp[32],
	uint8_t out[68])
{
	struct message m = { .len = 0 };
	uint8_t more[32];

	message_put(&m, temp, 32);
	message_digest(&m, more);
	for (size_t i = 0; i < 36; i++) {
		out[i] = plain[i] ^ (i < 32 ? temp[i] : more[i - 32]);
	}
	message_put(&m, temp, 32);
	message_head(&m, OPCODE, zone, slot);
	message_serial(&m);
	message_zeros(&m, 21);
	message_put(&m, plain, 36);
	assert_int_equal(m.len, 96);
	message_digest(&m, out + 36);
}

static void
make_locked(struct part *p, uint8_t temp[32])
{
	uint8_t secret[32];

	talk_make("trustflex-tls", p);
	host_policy(p, SLOT, SLOT_CONFIG, KEY_CONFIG);
	host_secret(p, KEY_SLOT, 6, secret);
	host_random(p, temp);
	host_gen_dig(p, KEY_SLOT, secret, temp);
}

static void
make_plain(uint8_t plain[36])
{
	uint8_t point[64];

	memset(plain, 0, 4);
	assert_true(p256_generate(plain + 4, point));
}

static void
test_clear(void **state)
{
	uint8_t plain[36];
	struct part p;

	make_open(&p);
	make_plain(plain);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, plain, 36));
	assert_memory_equal(part_slot(&p, 0), plain, 36);
	make_plain(plain);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, plain, 36));
	assert_memory_equal(part_slot(&p, 0), plain, 36);
	p.memory.config[88] = 0xFE; /* slot 0 is locked */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0, plain, 36));
	p.memory.config[88] = 0xFF;
	p.memory.config[86] = 0; /* and now the data zone */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0, plain, 36));
}

static void
test_encrypted(void **state)
{
	uint8_t plain[36], temp[32], data[68];
	struct part p;

	make_locked(&p, temp);
	make_plain(plain);
	encrypt(0x40, SLOT, plain, temp, data);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x40, SLOT, data, 68));
	assert_memory_equal(part_slot(&p, SLOT), plain, 36);
	assert_false(p.live.temp.is_valid);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
}

/* Any bit changed on the way: the key stays as it was. */
static void
test_every_bit(void **state)
{
	uint8_t plain[36], temp[32], data[68];
	struct part p;

	make_locked(&p, temp);
	make_plain(plain);
	encrypt(0x40, SLOT, plain, temp, data);
	for (unsigned bit = 0; bit < 8 * 68; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT + 1, data, 68));
	talk_expect(&p, PART_OK, CALL(OPCODE, 0x40, SLOT, data, 68));
}

static void
test_no_numbers(void **state)
{
	uint8_t plain[36] = { 0 }, temp[32], data[68];
	struct part p;

	make_open(&p);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0, plain, 36)); /* 0 */
	memcpy(plain + 4, order, 32);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0, plain, 36));
	plain[35]--;
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, plain, 36));
	for (unsigned i = 0; i < 4; i++) {
		plain[i] = 1;
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0, plain, 36));
		plain[i] = 0;
	}
	plain[35]++;
	make_locked(&p, temp);
	encrypt(0x40, SLOT, plain, temp, data);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
}

/* TempKey must be of GenDig over the slot's own WriteKey, last of all. */
static void
test_temp_key(void **state)
{
	uint8_t plain[36], temp[32], other[32], data[68];
	struct part p;

	make_locked(&p, temp);
	make_plain(plain);
	host_load(&p, temp); /* the right value, but not the chip's own */
	encrypt(0x40, SLOT, plain, temp, data);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
	make_locked(&p, temp);
	host_secret(&p, 9, 5, other);
	host_gen_dig(&p, 9, other, temp);
	encrypt(0x40, SLOT, plain, temp, data);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
	make_locked(&p, temp);
	talk_expect(&p, PART_OK, CALL(0x15, 0, 0, NULL, 0));
	encrypt(0x40, SLOT, plain, p.live.temp.value, data);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
}

static void
test_policies(void **state)
{
	static const struct {
		unsigned slot_config, key_config;
	} refused[] = {
		{ 0x0685, KEY_CONFIG }, /* no PrivWrite */
		{ 0x2685, KEY_CONFIG }, /* GenKey instead */
		{ 0x4785, KEY_CONFIG }, /* another WriteKey */
		{ 0x4685, 0x0072 },	/* not a private key */
		{ 0x4685, 0x007F },	/* of another type */
		{ 0x8685, KEY_CONFIG },
	};
	uint8_t plain[36], temp[32], data[68];
	struct part p;

	make_locked(&p, temp);
	make_plain(plain);
	encrypt(0x40, SLOT, plain, temp, data);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		host_policy(&p, SLOT, refused[i].slot_config, refused[i].key_config);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
	}
	host_policy(&p, SLOT, SLOT_CONFIG, KEY_CONFIG);
	p.memory.config[88] = 0xFB;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, SLOT, data, 68));
}

static bool
is_mode(unsigned mode)
{
	return mode == 0 || mode == 0x40;
}

static void
test_refusals(void **state)
{
	static const int clear[] = { 36, -1 }, encrypted[] = { 68, -1 };
	static const char *const profiles[] = { "trustflex-tls", "trustflex-tls-locked",
		"trustngo-tls", "blank" };
	uint8_t data[68] = { [35] = 1 }, temp[32];
	struct part p;

	for (size_t i = 0; i < 4; i++) {
		talk_make(profiles[i], &p);
		refuse_modes(&p, OPCODE, is_mode, 36);
		refuse_modes(&p, OPCODE, is_mode, 68);
		refuse_lengths(&p, OPCODE, 0, 2, clear);
		refuse_lengths(&p, OPCODE, 0x40, 2, encrypted);
		for (unsigned slot = 16; slot < 0x10000; slot += 1 + slot / 5) {
			talk_expect(&p, PART_PARSE, CALL(OPCODE, 0, slot, data, 36));
		}
		/* In no profile as shipped can a private key be written. */
		for (unsigned slot = 0; slot < 16; slot++) {
			host_load(&p, (memset(temp, 1, 32), temp));
			talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, slot, data, 36));
			talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0x40, slot, data, 68));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_temp_key),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
