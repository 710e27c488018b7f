/* MAC: the answer in every mode, and when it refuses. */
#include "host.h"

#define OPCODE 0x08
#define SECRET_SLOT 6

static void
compose(const struct part *p, unsigned mode, unsigned param2, const uint8_t *first,
	const uint8_t *second, uint8_t out[32])
{
	struct message m = { .len = 0 };
	uint8_t otp[11] = { 0 };

	message_put(&m, first, 32);
	message_put(&m, second, 32);
	message_head(&m, OPCODE, mode, param2);
	if ((mode & 0x10) != 0) {
		memcpy(otp, p->memory.otp, 11);
	} else if ((mode & 0x20) != 0) {
		memcpy(otp, p->memory.otp, 8);
	}
	message_put(&m, otp, 11);
	message_byte(&m, talk_serial[8]);
	if ((mode & 0x40) != 0) {
		message_put(&m, talk_serial + 4, 4);
	} else {
		message_zeros(&m, 4);
	}
	message_put(&m, talk_serial, 2);
	if ((mode & 0x40) != 0) {
		message_put(&m, talk_serial + 2, 2);
	} else {
		message_zeros(&m, 2);
	}
	assert_int_equal(m.len, 88);
	message_digest(&m, out);
}

static void
check_mode(struct part *p, unsigned mode, const uint8_t secret[32])
{
	uint8_t temp[32], challenge[32], expected[32];
	bool uses_temp = (mode & 3) != 0;
	struct reply r;

	host_fill(challenge, 32, mode + 1);
	host_fill(temp, 32, mode + 2);
	if ((mode & 4) != 0) {
		host_load(p, temp);
	} else {
		host_random(p, temp);
	}
	compose(p, mode, SECRET_SLOT, (mode & 2) != 0 ? temp : secret,
		(mode & 1) != 0 ? temp : challenge, expected);
	r = talk_expect(
		p, PART_OK, CALL(OPCODE, mode, SECRET_SLOT, challenge, (mode & 1) != 0 ? 0 : 32));
	assert_int_equal(r.len, 32);
	assert_memory_equal(r.data, expected, 32);
	assert_int_equal(p->live.temp.is_valid, !uses_temp);
}

static void
test_every_mode(void **state)
{
	uint8_t secret[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(p.memory.otp, 64, 99);
	host_policy(&p, 6, 0x0F8F, 0x003C); /* without ReqRandom */
	host_secret(&p, SECRET_SLOT, 6, secret);
	for (unsigned mode = 0; mode < 256; mode++) {
		if ((mode & 0x88) == 0) {
			check_mode(&p, mode, secret);
		}
	}
}

/* Without a slot's key, all of param2 is hashed and none of it looked at. */
static void
test_param2_is_hashed(void **state)
{
	uint8_t temp[32], challenge[32] = { 7 }, expected[32];
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_random(&p, temp);
	compose(&p, 2, 0xBEEF, temp, challenge, expected);
	r = talk_expect(&p, PART_OK, CALL(OPCODE, 2, 0xBEEF, challenge, 32));
	assert_memory_equal(r.data, expected, 32);
}

static void
test_source_must_be_as_said(void **state)
{
	uint8_t temp[32] = { 1 }, challenge[32] = { 7 };
	struct part p;

	talk_make("trustflex-tls", &p);
	for (unsigned mode = 1; mode < 4; mode++) {
		size_t len = (mode & 1) != 0 ? 0 : 32;

		host_load(&p, temp);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, 6, challenge, len));
		host_random(&p, temp);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode | 4, 6, challenge, len));
		part_temp_forget(&p);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, 6, challenge, len));
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode | 4, 6, challenge, len));
		p.live.temp.is_valid = p.live.temp.is_private = true;
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, 6, challenge, len));
		part_temp_forget(&p);
	}
}

static bool
is_mode(unsigned mode)
{
	return (mode & 0x88) == 0;
}

static void
test_refusals(void **state)
{
	static const int none[] = { 0, -1 }, block[] = { 32, -1 };
	uint8_t challenge[32] = { 7 };
	struct part p;

	talk_make("trustflex-tls", &p);
	refuse_modes(&p, OPCODE, is_mode, 32);
	for (unsigned mode = 0; mode < 8; mode++) {
		refuse_lengths(&p, OPCODE, mode, 6, (mode & 1) != 0 ? none : block);
	}
	for (unsigned slot = 16; slot < 0x10000; slot += 1 + slot / 5) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, 0, slot, challenge, 32));
	}
	for (unsigned slot = 0; slot < 5; slot++) {
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, slot, challenge, 32));
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 7, challenge, 32)); /* NoMac */
	host_policy(&p, 6, 0x0F8F, 0x007C);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 6, challenge, 32)); /* ReqRandom */
	host_policy(&p, 6, 0x0FAF, 0x003C);
	part_counter_put(&p, 0, PART_COUNTER_MAX - 1);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 6, challenge, 32));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 6, challenge, 32)); /* used up */
	talk_make("blank", &p);
	p.memory.config[87] = 0;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 8, challenge, 32));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mode),
		cmocka_unit_test(test_param2_is_hashed),
		cmocka_unit_test(test_source_must_be_as_said),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
