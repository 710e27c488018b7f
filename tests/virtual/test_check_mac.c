/* CheckMac: right and wrong answers in every mode, what they authorise, and when it refuses. */
#include "host.h"

#define OPCODE 0x28
#define SECRET_SLOT 6

struct query {
	uint8_t data[77]; /* challenge32 | response32 | other13 */
};

static void
compose(const struct part *p, unsigned mode, const uint8_t *first, const uint8_t *second,
	struct query *q)
{
	const uint8_t *other = q->data + 64;
	struct message m = { .len = 0 };

	message_put(&m, first, 32);
	message_put(&m, second, 32);
	message_put(&m, other, 4);
	if ((mode & 0x20) != 0) {
		message_put(&m, p->memory.otp, 8);
	} else {
		message_zeros(&m, 8);
	}
	message_put(&m, other + 4, 3);
	message_byte(&m, talk_serial[8]);
	message_put(&m, other + 7, 4);
	message_put(&m, talk_serial, 2);
	message_put(&m, other + 11, 2);
	assert_int_equal(m.len, 88);
	message_digest(&m, q->data + 32);
}

static bool
is_mode(unsigned mode)
{
	return (mode & ~0x27u) == 0;
}

static void
prepare(struct part *p, unsigned mode, const uint8_t secret[32], struct query *q)
{
	uint8_t temp[32];

	host_fill(q->data, sizeof(q->data), mode + 1);
	host_fill(temp, 32, mode + 2);
	if ((mode & 4) != 0) {
		host_load(p, temp);
	} else {
		host_random(p, temp);
	}
	compose(p, mode, (mode & 2) != 0 ? temp : secret, (mode & 1) != 0 ? temp : q->data, q);
}

static void
test_every_mode(void **state)
{
	uint8_t secret[32];
	struct query q;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(p.memory.otp, 64, 99);
	host_policy(&p, 6, 0x0F8F, 0x003C); /* without ReqRandom */
	host_secret(&p, SECRET_SLOT, 6, secret);
	for (unsigned mode = 0; mode < 256; mode++) {
		if (!is_mode(mode)) {
			continue;
		}
		p.live.is_authorized = false;
		prepare(&p, mode, secret, &q);
		talk_expect(&p, PART_OK, CALL(OPCODE, mode, SECRET_SLOT, q.data, 77));
		assert_int_equal(p.live.temp.is_valid, (mode & 3) == 0);
		assert_int_equal(p.live.is_authorized, (mode & 2) == 0);
		prepare(&p, mode, secret, &q);
		q.data[32 + mode % 32] ^= 0x10;
		p.live.is_authorized = false;
		talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, mode, SECRET_SLOT, q.data, 77));
		assert_int_equal(p.live.temp.is_valid, (mode & 3) == 0);
		assert_false(p.live.is_authorized);
	}
}

/* Every bit of what went in counts: the challenge where it is used, the response, and the other chip's data. */
static void
test_every_bit(void **state)
{
	uint8_t secret[32];
	struct query q;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_policy(&p, 6, 0x0F8F, 0x003C); /* without ReqRandom */
	host_secret(&p, SECRET_SLOT, 6, secret);
	prepare(&p, 0, secret, &q);
	for (unsigned bit = 0; bit < 8 * 77; bit++) {
		q.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, 0, SECRET_SLOT, q.data, 77));
		q.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, SECRET_SLOT, q.data, 77));
	p.memory.data[36 * SECRET_SLOT] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, 0, SECRET_SLOT, q.data, 77));
}

/* What MAC of the same part answers, CheckMac takes: `other` is MAC's own head. */
static void
test_answers_its_own_mac(void **state)
{
	static const uint8_t other[13] = { 0x08, 0x00, 0x06 };
	uint8_t secret[32];
	struct query q;
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_policy(&p, 6, 0x0F8F, 0x003C); /* without ReqRandom */
	host_secret(&p, SECRET_SLOT, 6, secret);
	host_fill(q.data, 32, 3);
	r = talk_expect(&p, PART_OK, CALL(0x08, 0, SECRET_SLOT, q.data, 32));
	memcpy(q.data + 32, r.data, 32);
	memcpy(q.data + 64, other, 13);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, SECRET_SLOT, q.data, 77));
}

/* VolatileKeyPermission's slot: its CheckMac lets Info set the latch, another slot's does not. */
static void
test_latch(void **state)
{
	uint8_t secret[32];
	struct query q;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_policy(&p, 6, 0x0F8F, 0x003C);
	host_secret(&p, 6, 6, secret);
	host_secret(&p, 9, 6, secret);
	p.memory.config[69] = 0x80 | 9;
	talk_expect(&p, PART_EXECUTION, CALL(0x30, 4, 3, NULL, 0));
	prepare(&p, 0, secret, &q);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 6, q.data, 77));
	talk_expect(&p, PART_EXECUTION, CALL(0x30, 4, 3, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 9, q.data, 77));
	talk_expect(&p, PART_OK, CALL(0x30, 4, 3, NULL, 0));
	assert_true(p.live.latch_is_set);
}

static void
test_refusals(void **state)
{
	static const int only[] = { 77, -1 };
	uint8_t temp[32] = { 0 };
	struct query q = { { 0 } };
	struct part p;

	talk_make("trustflex-tls", &p);
	refuse_modes(&p, OPCODE, is_mode, 77);
	for (unsigned mode = 0; mode < 8; mode++) {
		refuse_lengths(&p, OPCODE, mode, 6, only);
		for (unsigned slot = 16; slot < 0x10000; slot += 1 + slot / 3) {
			talk_expect(&p, PART_PARSE, CALL(OPCODE, mode, slot, q.data, 77));
		}
	}
	for (unsigned slot = 0; slot < 5; slot++) {
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, slot, q.data, 77));
	}
	for (unsigned mode = 1; mode < 4; mode++) {
		part_temp_forget(&p);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, 6, q.data, 77));
		host_load(&p, temp);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode, 6, q.data, 77));
		host_random(&p, temp);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, mode | 4, 6, q.data, 77));
	}
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, 0, 7, q.data, 77)); /* NoMac may check */
	talk_make("blank", &p);
	p.memory.config[87] = 0;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 8, q.data, 77));
}

/* A wrong guess at a limited-use secret has been a use. */
static void
test_limited_guesses(void **state)
{
	struct query q = { { 0 } };
	uint8_t secret[32];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_secret(&p, 6, 6, secret);
	host_policy(&p, 6, 0x0FAF, 0x003C);
	part_counter_put(&p, 0, PART_COUNTER_MAX - 2);
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, 0, 6, q.data, 77));
	talk_expect(&p, PART_MISCOMPARE, CALL(OPCODE, 0, 6, q.data, 77));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 6, q.data, 77));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mode),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_answers_its_own_mac),
		cmocka_unit_test(test_latch),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limited_guesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
