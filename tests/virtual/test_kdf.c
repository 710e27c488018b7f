/* KDF: published vectors, every source to every target by every algorithm, and when it refuses. */
#include <openssl/sha.h>

#include "host.h"

#define OPCODE 0x56
#define PRF 0x00
#define AES 0x20
#define HKDF 0x40
#define KEY_SLOT 9
#define TARGET_SLOT 13 /* made fit for it below */
#define HERE 2u	       /* HKDF's message */

enum { FROM_TEMP, FROM_UPPER, FROM_SLOT, FROM_ALTERNATE };
enum {
	TO_TEMP = 0x00,
	TO_UPPER = 0x04,
	TO_SLOT = 0x08,
	TO_ALTERNATE = 0x0C,
	TO_OUT = 0x10,
	TO_OUT_ENCRYPTED = 0x14
};

struct call {
	uint8_t data[4 + 128];
	size_t len;
};

static struct call
call_of(uint32_t details, const void *message, size_t len)
{
	struct call c = { .len = 4 + len };

	for (size_t i = 0; i < 3; i++) {
		c.data[i] = (uint8_t)(details >> (8 * i));
	}
	c.data[3] = (uint8_t)len;
	assert_true(len <= 128);
	if (len > 0) {
		memcpy(c.data + 4, message, len);
	}
	return c;
}

static void
make(struct part *p)
{
	talk_make("trustflex-tls", p);
	host_policy(p, TARGET_SLOT, 0x0F8F, 0x003E); /* a secret that KDF may write */
}

/* --- what must come out --- */

static void
prf(const uint8_t *key, size_t key_len, const uint8_t *seed, size_t len, uint8_t out[64])
{
	uint8_t a[32], input[32 + 128];

	host_hmac(key, key_len, seed, len, a);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(input, a, 32);
		memcpy(input + 32, seed, len);
		host_hmac(key, key_len, input, 32 + len, out + (size_t)32 * i);
		host_hmac(key, key_len, a, 32, a);
	}
}

static void
unmask(const struct part *p, uint8_t *bytes, size_t len, const uint8_t nonce[32])
{
	struct message m = { .len = 0 };
	uint8_t pad[32];

	for (size_t at = 0; at < len; at += 32) {
		message_put(&m, p->memory.data + 36 * 6, 32);
		message_put(&m, nonce + at / 2, 16);
		message_digest(&m, pad);
		for (size_t i = 0; i < 32; i++) {
			bytes[at + i] ^= pad[i];
		}
	}
}

/* --- every source and target --- */

static void
place_key(struct part *p, unsigned source, const uint8_t key[64])
{
	uint8_t both[64] = { 0 };

	memset(p->live.alternate_key, 0, 32);
	switch (source) {
	case FROM_TEMP:
		talk_expect(p, PART_OK, CALL(0x16, 0x23, 0, key, 64));
		break;
	case FROM_UPPER:
		memcpy(both + 32, key, 32);
		talk_expect(p, PART_OK, CALL(0x16, 0x23, 0, both, 64));
		break;
	case FROM_SLOT:
		part_slot_put(p, KEY_SLOT, 0, key, 64);
		host_load(p, both);
		break;
	default:
		talk_expect(p, PART_OK, CALL(0x16, 0x83, 0, key, 32));
		host_load(p, both);
	}
}

static void
check_target(
	struct part *p, unsigned target, const uint8_t *expected, size_t len, const struct reply *r)
{
	uint8_t bytes[64];

	if (target < TO_OUT) {
		assert_int_equal(r->len, 0);
	}
	switch (target) {
	case TO_TEMP:
		assert_true(p->live.temp.is_valid && p->live.temp.is_64 == (len == 64));
		assert_false(p->live.temp.is_gen_dig || p->live.temp.is_of_slot);
		assert_memory_equal(p->live.temp.value, expected, len);
		break;
	case TO_UPPER:
		assert_true(p->live.temp.is_valid && p->live.temp.is_64);
		assert_memory_equal(p->live.temp.value + 32, expected, 32);
		break;
	case TO_SLOT:
		assert_memory_equal(part_slot(p, TARGET_SLOT), expected, len);
		break;
	case TO_ALTERNATE:
		assert_true(p->live.alternate_key_is_valid);
		assert_memory_equal(p->live.alternate_key, expected, 32);
		break;
	case TO_OUT:
		assert_int_equal(r->len, len);
		assert_memory_equal(r->data, expected, len);
		break;
	default:
		assert_int_equal(r->len, len + 32);
		memcpy(bytes, r->data, len);
		unmask(p, bytes, len, r->data + len);
		assert_memory_equal(bytes, expected, len);
	}
}

static void
check(unsigned algorithm, unsigned source, unsigned target, uint32_t details, size_t message_len)
{
	uint8_t key[64], message[128], expected[64] = { 0 };
	size_t len = algorithm == PRF && (details & 0x100) != 0 ? 64 : 32;
	struct call c;
	struct reply r;
	struct part p;

	make(&p);
	host_fill(key, sizeof(key), 1 + source);
	host_fill(message, sizeof(message), 2 + target);
	host_fill(p.memory.data + 36 * 6, 32, 3);
	place_key(&p, source, key);
	if (algorithm == PRF) {
		prf(key, 16 * ((details & 3) + 1), message, message_len, expected);
	} else if (algorithm == AES) {
		host_aes(key + 16 * (details & 3), message, expected);
	} else {
		host_hmac(key, 32, message, message_len, expected);
		details |= HERE;
	}
	c = call_of(details, message, message_len);
	r = talk_expect(&p, PART_OK,
		CALL(OPCODE, algorithm | target | source, TARGET_SLOT << 8 | KEY_SLOT, c.data,
			c.len));
	check_target(&p, target, expected, len, &r);
}

static void
test_sources_and_targets(void **state)
{
	for (unsigned source = 0; source < 4; source++) {
		for (unsigned target = 0; target <= TO_OUT_ENCRYPTED; target += 4) {
			check(PRF, source, target, 0, 7);
			check(PRF, source, target, 1, 128);
			check(AES, source, target, 0, 16);
			check(AES, source, target, 1, 16);
			check(HKDF, source, target, 0, 0);
			check(HKDF, source, target, 0, 128);
			if (target != TO_UPPER && target != TO_ALTERNATE) {
				check(PRF, source, target, 0x101, 31);
			}
			if (source == FROM_TEMP || source == FROM_SLOT) {
				check(PRF, source, target, 2, 33);
				check(PRF, source, target, 3, 1);
				check(AES, source, target, 2, 16);
				check(AES, source, target, 3, 16);
			}
		}
	}
}

/* --- published vectors --- */

/* The TLS 1.2 PRF with SHA-256 (ietf-tls list, 2009): the seed that the chip takes has the label before it. */
static void
test_tls_vector(void **state)
{
	struct arena *a = arena_new(1 << 16);
	span key = bytes_of_hex(a, "9bbe436ba940f017b17652849a71db35");
	span seed = bytes_of_hex(a, "74657374206c6162656c a0ba9f936cda311827a6f796ffd5198c");
	span out =
		bytes_of_hex(a, "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
				"6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab");
	struct call c = call_of(0x100, seed.data, seed.len);
	uint8_t temp[32] = { 0 };
	struct reply r;
	struct part p;

	make(&p);
	memcpy(temp, key.data, 16);
	host_load(&p, temp);
	r = talk_expect(&p, PART_OK, CALL(OPCODE, PRF | TO_OUT, 0, c.data, c.len));
	assert_int_equal(r.len, 64);
	assert_memory_equal(r.data, out.data, 64);
	arena_free(a);
}

/* RFC 5869 A.1: Extract, and Expand's first block of what stays in the chip. */
static void
test_hkdf_vector(void **state)
{
	struct arena *a = arena_new(1 << 16);
	span salt = bytes_of_hex(a, "000102030405060708090a0b0c");
	span input = bytes_of_hex(a, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
	span info = bytes_of_hex(a, "f0f1f2f3f4f5f6f7f8f9 01");
	span prk =
		bytes_of_hex(a, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	span okm =
		bytes_of_hex(a, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
	struct call extract = call_of(HERE, input.data, input.len);
	struct call expand = call_of(HERE, info.data, info.len);
	uint8_t temp[32] = { 0 };
	struct reply r;
	struct part p;

	make(&p);
	memcpy(temp, salt.data, salt.len);
	host_load(&p, temp);
	talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_TEMP, 0, extract.data, extract.len));
	assert_memory_equal(p.live.temp.value, prk.data, 32);
	r = talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT, 0, expand.data, expand.len));
	assert_memory_equal(r.data, okm.data, 32);
	arena_free(a);
}

/* --- HKDF's other messages --- */

static void
test_hkdf_messages(void **state)
{
	uint8_t key[32], other[64], expected[32];
	static const uint8_t zeros[32];
	struct call c;
	struct reply r;
	struct part p;

	make(&p);
	host_secret(&p, KEY_SLOT, 1, key);
	host_fill(other, 64, 2);
	part_slot_put(&p, 12, 0, other, 64);
	host_policy(&p, 12, 0x0F8F, 0x003C);
	for (unsigned len = 0; len <= 64; len += 16) {
		c = call_of(12u << 8, NULL, 0);
		c.data[3] = (uint8_t)len;
		r = talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT | 2, KEY_SLOT, c.data, 4));
		host_hmac(key, 32, other, len == 0 ? 32 : len, expected);
		assert_memory_equal(r.data, expected, 32);
	}
	c.data[3] = 73;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT | 2, KEY_SLOT, c.data, 4));
	c = call_of(1, NULL, 0); /* TempKey */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT | 2, KEY_SLOT, c.data, 4));
	host_load(&p, other);
	r = talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT | 2, KEY_SLOT, c.data, 4));
	host_hmac(key, 32, other, 32, expected);
	assert_memory_equal(r.data, expected, 32);
	c.data[3] = 64;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT | 2, KEY_SLOT, c.data, 4));
	c = call_of(4 | HERE, "zero key", 8);
	r = talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	host_hmac(zeros, 32, "zero key", 8, expected);
	assert_memory_equal(r.data, expected, 32);
}

/* The message must hold KdfIvStr ("iv") at KdfIvLoc (0). */
static void
test_iv(void **state)
{
	uint8_t key[32] = { 1 }, expected[32];
	struct call c = call_of(3, "iv and more", 11);
	struct reply r;
	struct part p;

	make(&p);
	host_load(&p, key);
	r = talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	host_hmac(key, 32, "iv and more", 11, expected);
	assert_memory_equal(r.data, expected, 32);
	p.memory.config[72] = 9;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	c = call_of(3, "it is an iv", 11);
	talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	p.memory.config[72] = 10;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	p.memory.config[72] = 255;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
}

/* --- refusals --- */

static bool
is_mode(unsigned mode)
{
	return (mode & 0x80) == 0 && (mode & 0x60) != 0x60 && (mode >> 2 & 7) < 6;
}

static void
test_forms(void **state)
{
	static const uint32_t known[3] = { 0x0103, 0x0003, 0x0F07 };
	uint8_t data[148] = { 0 };
	struct part p;

	make(&p);
	refuse_modes(&p, OPCODE, is_mode, 20);
	for (unsigned algorithm = 0; algorithm < 3; algorithm++) {
		unsigned mode = algorithm << 5 | TO_OUT;

		for (size_t len = 0; len < 4; len++) {
			talk_expect(&p, PART_PARSE, CALL(OPCODE, mode, 0, data, len));
		}
		for (unsigned bit = 0; bit < 24; bit++) {
			struct call c = call_of(HERE | 1u << bit, data, 16);

			if ((known[algorithm] >> bit & 1) == 0) {
				talk_expect(&p, PART_PARSE, CALL(OPCODE, mode, 0, c.data, c.len));
			}
		}
		for (unsigned said = 0; said < 256; said++) {
			data[0] = HERE;
			data[3] = (uint8_t)said;
			/* one byte too few, one too many, or more than there may be */
			if (said > 0 && said < 145) {
				talk_expect(
					&p, PART_PARSE, CALL(OPCODE, mode, 0, data, 4 + said - 1));
			}
			if (said < 144 && !(algorithm == 1 && said == 15)) {
				talk_expect(
					&p, PART_PARSE, CALL(OPCODE, mode, 0, data, 4 + said + 1));
			}
			if (said > 128 && said <= 144) {
				talk_expect(&p, PART_PARSE, CALL(OPCODE, mode, 0, data, 4 + said));
			}
		}
	}
}

static void
test_slots_by_number(void **state)
{
	struct call c = call_of(HERE, "m", 1);
	struct part p;

	make(&p);
	host_load(&p, (uint8_t[32]){ 1 });
	for (unsigned slot = 16; slot < 256; slot++) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, HKDF | TO_OUT | 2, slot, c.data, c.len));
		talk_expect(&p, PART_PARSE, CALL(OPCODE, HKDF | TO_SLOT, slot << 8, c.data, c.len));
	}
	/* As shipped, slot 9 alone may be a target: PubInfo, and no key of P-256. */
	for (unsigned slot = 0; slot < 16; slot++) {
		bool is_target = slot == 9 || slot == TARGET_SLOT;
		bool is_source = slot == 5 || (slot >= 8 && slot != 11 && slot != 14 && slot != 15);

		talk_expect(&p, is_target ? PART_OK : PART_EXECUTION,
			CALL(OPCODE, HKDF | TO_SLOT, slot << 8, c.data, c.len));
		talk_expect(&p, is_source ? PART_OK : PART_EXECUTION,
			CALL(OPCODE, HKDF | TO_OUT | 2, slot, c.data, c.len));
		c.data[0] = 4;
		c.data[1] = (uint8_t)slot;
		c.data[3] = 0;
		talk_expect(&p, is_source ? PART_OK : PART_EXECUTION,
			CALL(OPCODE, HKDF | TO_OUT, 0, c.data, 4));
		c = call_of(HERE, "m", 1);
	}
}

static void
test_sources_that_are_not_there(void **state)
{
	struct call c = call_of(HERE, "m", 1), a = call_of(0, "0123456789abcdef", 16);
	struct part p;

	make(&p);
	for (unsigned source = 0; source < 4; source++) {
		if (source != FROM_SLOT) {
			talk_expect(&p, PART_EXECUTION,
				CALL(OPCODE, HKDF | TO_OUT | source, 0, c.data, c.len));
		}
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_UPPER | 2, 9, c.data, c.len));
	host_load(&p, (uint8_t[32]){ 1 });
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT | 1, 0, c.data, c.len));
	for (unsigned keys = 2; keys < 4; keys++) { /* 48 bytes and more are not there */
		struct call k = call_of(keys, "m", 1);

		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, PRF | TO_OUT, 0, k.data, k.len));
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, PRF | TO_OUT | 2, 5, k.data, k.len));
		k = call_of(keys, "0123456789abcdef", 16);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, AES | TO_OUT, 0, k.data, k.len));
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, AES | TO_OUT | 2, 5, k.data, k.len));
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, AES | TO_OUT | 2, 8, a.data, a.len));
	p.live.temp.is_private = true;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_UPPER | 2, 9, c.data, c.len));
	p.live.temp.is_private = false;
	p.live.temp.no_mac = true;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
}

static void
test_options(void **state)
{
	struct call c = call_of(HERE, "m", 1), a = call_of(0, "0123456789abcdef", 16);
	struct call l = call_of(0x100, "m", 1);
	struct part p;

	make(&p);
	host_load(&p, (uint8_t[32]){ 1 });
	talk_expect(&p, PART_PARSE, CALL(OPCODE, PRF | TO_UPPER, 0, l.data, l.len));
	talk_expect(&p, PART_PARSE, CALL(OPCODE, PRF | TO_ALTERNATE, 0, l.data, l.len));
	host_policy(&p, 5, 0x0F8F, 0x003E);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, PRF | TO_SLOT, 5 << 8, l.data, l.len));
	p.memory.config[89] &= (uint8_t)~0x20; /* slot 13 is locked */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_SLOT, 13 << 8, c.data, c.len));
	p.memory.config[90] &= (uint8_t)~4; /* no AES by KDF */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, AES | TO_OUT, 0, a.data, a.len));
	p.memory.config[91] = 0x64; /* no clear answer */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
	talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_OUT_ENCRYPTED, 0, c.data, c.len));
	p.memory.config[90] &= (uint8_t)~2; /* no IO protection key */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT_ENCRYPTED, 0, c.data, c.len));
	p.memory.config[90] |= 2;
	for (unsigned level = 2; level < 4; level++) { /* no answer at all */
		p.memory.config[91] = (uint8_t)(0x60 | level << 2);
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_OUT, 0, c.data, c.len));
		talk_expect(&p, PART_EXECUTION,
			CALL(OPCODE, HKDF | TO_OUT_ENCRYPTED, 0, c.data, c.len));
	}
	talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_TEMP, 0, c.data, c.len));
	talk_make("blank", &p);
	host_load(&p, (uint8_t[32]){ 1 });
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_TEMP, 0, c.data, c.len));
	p.memory.config[87] = 0;
	talk_expect(&p, PART_OK, CALL(OPCODE, HKDF | TO_TEMP, 0, c.data, c.len));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, HKDF | TO_TEMP | 2, 8, c.data, c.len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources_and_targets),
		cmocka_unit_test(test_tls_vector),
		cmocka_unit_test(test_hkdf_vector),
		cmocka_unit_test(test_hkdf_messages),
		cmocka_unit_test(test_iv),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_slots_by_number),
		cmocka_unit_test(test_sources_that_are_not_there),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
