/* DeriveKey: rolled and created keys, with and without their parent's word, and when it refuses. */
#include "host.h"

#define OPCODE 0x1C
#define TARGET 9
#define PARENT 6
#define ROLL 0x2F8F	     /* SlotConfig: of itself */
#define CREATE 0x3680	     /* of slot 6 */
#define ROLL_WITH_MAC 0xAF8F /* and b15 */
#define CREATE_WITH_MAC 0xB680
#define SECRET_KEY 0x001A

static void
derive(unsigned mode, unsigned slot, const uint8_t parent[32], const uint8_t temp[32],
	uint8_t out[32])
{
	struct message m = { .len = 0 };

	message_put(&m, parent, 32);
	message_head(&m, OPCODE, mode, slot);
	message_serial(&m);
	message_zeros(&m, 25);
	message_put(&m, temp, 32);
	message_digest(&m, out);
}

static void
authorise(unsigned mode, unsigned slot, const uint8_t parent[32], uint8_t out[32])
{
	struct message m = { .len = 0 };

	message_put(&m, parent, 32);
	message_head(&m, OPCODE, mode, slot);
	message_serial(&m);
	assert_int_equal(m.len, 39);
	message_digest(&m, out);
}

static void
check_kind(unsigned slot_config, unsigned mode, bool has_mac)
{
	uint8_t target[32], parent[32], temp[32], expected[32], mac[32];
	const uint8_t *from = (slot_config & 0x1000) != 0 ? parent : target;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_policy(&p, PARENT, 0x0F8F, 0x003C); /* without ReqRandom */
	host_policy(&p, TARGET, slot_config, SECRET_KEY);
	host_secret(&p, TARGET, 1, target);
	host_secret(&p, PARENT, 2, parent);
	if ((mode & 4) != 0) {
		host_fill(temp, 32, 3);
		host_load(&p, temp);
	} else {
		host_random(&p, temp);
	}
	derive(mode, TARGET, from, temp, expected);
	authorise(mode, TARGET, from, mac);
	mac[9] ^= 1;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, TARGET, mac, 32));
	mac[9] ^= 1;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode ^ 4, TARGET, mac, has_mac ? 32 : 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, mode, TARGET, mac, has_mac ? 32 : 0));
	assert_memory_equal(part_slot(&p, TARGET), expected, 32);
	assert_memory_equal(part_slot(&p, PARENT), parent, 32);
	assert_false(p.live.temp.is_valid);
	assert_true(p.is_changed);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, TARGET, mac, has_mac ? 32 : 0));
}

static void
test_kinds(void **state)
{
	for (unsigned mode = 0; mode <= 4; mode += 4) {
		check_kind(ROLL, mode, false);
		check_kind(ROLL, mode, true);
		check_kind(CREATE, mode, false);
		check_kind(CREATE, mode, true);
		check_kind(ROLL_WITH_MAC, mode, true);
		check_kind(CREATE_WITH_MAC, mode, true);
	}
}

static void
test_needs_mac(void **state)
{
	uint8_t temp[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_random(&p, temp);
	host_policy(&p, TARGET, ROLL_WITH_MAC, SECRET_KEY);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0));
	host_policy(&p, TARGET, CREATE_WITH_MAC, SECRET_KEY);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0));
}

/* In every shipped profile no slot may be derived: each refuses, whatever the call. */
static void
test_profiles_refuse(void **state)
{
	static const char *const profiles[] = { "trustflex-tls", "trustflex-tls-locked",
		"trustngo-tls" };

	for (size_t i = 0; i < 3; i++) {
		struct part p;
		uint8_t temp[32], mac[32] = { 0 };

		talk_make(profiles[i], &p);
		for (unsigned slot = 0; slot < 16; slot++) {
			bool is_open =
				slot > 4 && (part_slot_config(p.memory.config, slot) & 0x2000) != 0;

			host_random(&p, temp);
			assert_false(is_open);
			talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, slot, NULL, 0));
			talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, slot, mac, 32));
		}
	}
}

static bool
is_mode(unsigned mode)
{
	return (mode & ~4u) == 0;
}

static void
test_refusals(void **state)
{
	static const int both[] = { 0, 32, -1 };
	uint8_t temp[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_policy(&p, TARGET, ROLL, SECRET_KEY);
	refuse_modes(&p, OPCODE, is_mode, 32);
	refuse_lengths(&p, OPCODE, 0, TARGET, both);
	refuse_lengths(&p, OPCODE, 4, TARGET, both);
	for (unsigned slot = 16; slot < 0x10000; slot += 1 + slot / 5) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, 0, slot, NULL, 0));
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0)); /* no nonce */
	host_random(&p, temp);
	p.memory.config[89] &= (uint8_t)~0x02;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0)); /* slot 9 is locked */
	p.memory.config[89] = 0xFF;
	host_policy(&p, TARGET, 0x3280, SECRET_KEY); /* its parent is a private key */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0));
	host_policy(&p, TARGET, ROLL | 0x20, SECRET_KEY);
	part_counter_put(&p, 0, PART_COUNTER_MAX);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0)); /* used up */
	host_policy(&p, TARGET, ROLL, SECRET_KEY);
	p.memory.config[86] = 0x55;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, TARGET, NULL, 0)); /* data unlocked */
	p.memory.config[86] = 0;
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, TARGET, NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_needs_mac),
		cmocka_unit_test(test_profiles_refuse),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
