/* GenKey, Sign, Verify, ECDH: by every mode and slot, and in every wrong order. */
#include "device/virtual/p256.h"
#include "pki/key.h"
#include "talk.h"

#define NONCE 0x16
#define GEN_KEY 0x40
#define SIGN 0x41
#define ECDH 0x43
#define VERIFY 0x45

static uint8_t digest[64] = { 0xd1, 0x9e, 0x57 };

static void
put_public(struct part *p, unsigned slot, const uint8_t point[64])
{
	uint8_t layout[96] = { 0 };

	memcpy(layout + 4, point, 32);
	memcpy(layout + 40, point + 32, 32);
	for (unsigned block = 0; block < 3; block++) {
		talk_expect(p, PART_OK,
			CALL(0x12, 0x82, block << 8 | slot << 3, layout + 32 * (size_t)block, 32));
	}
}

/* All 256 modes on a slot where creation is allowed, with what a nonce gives. */
static void
test_gen_key_modes(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	for (unsigned mode = 0; mode < 256; mode++) {
		bool is_mode = mode == 0 || mode == 4 || mode == 8 || mode == 12;
		struct part copy;

		talk_expect(&p, PART_OK, CALL(NONCE, 0, 0, digest, 20));
		copy = p;
		if (mode != 0x10) {
			talk_expect(&copy, is_mode ? PART_OK : PART_PARSE,
				CALL(GEN_KEY, mode, 2, NULL, 0));
		}
		talk_expect(&copy, mode == 0x10 ? PART_EXECUTION : PART_PARSE,
			CALL(GEN_KEY, mode, 2, digest, 3));
	}
	talk_expect(&p, PART_PARSE, CALL(GEN_KEY, 0, 16, NULL, 0));
	talk_expect(&p, PART_PARSE, CALL(GEN_KEY, 0, 0xFFFF, NULL, 0));
	talk_expect(&p, PART_PARSE, CALL(GEN_KEY, 0x0C, 0xFFFF, NULL, 0));
}

static void
test_gen_key_slots(void **state)
{
	struct part p;

	talk_make("trustflex-tls", &p);
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		bool is_private = slot < 5, may_make = slot >= 2 && slot <= 4;
		struct reply old, made, now;
		uint8_t point[64];

		old = talk_expect(
			&p, is_private ? PART_OK : PART_EXECUTION, CALL(GEN_KEY, 0, slot, NULL, 0));
		made = talk_expect(
			&p, may_make ? PART_OK : PART_EXECUTION, CALL(GEN_KEY, 4, slot, NULL, 0));
		if (!may_make) {
			continue;
		}
		now = talk_expect(&p, PART_OK, CALL(GEN_KEY, 0, slot, NULL, 0));
		assert_int_equal(made.len, 64);
		assert_memory_equal(made.data, now.data, 64);
		assert_memory_not_equal(made.data, old.data, 64);
		assert_true(p256_point(part_private_key(&p, slot), point));
		assert_memory_equal(point, made.data, 64);
	}
	talk_make("blank", &p);
	talk_expect(
		&p, PART_EXECUTION, CALL(GEN_KEY, 4, 0, NULL, 0)); /* configuration not locked */
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 4, 0xFFFF, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x17, 0x80, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 0, 0, NULL, 0)); /* none made yet */
	talk_expect(&p, PART_OK, CALL(GEN_KEY, 4, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(GEN_KEY, 0, 0, NULL, 0));
}

static void
without_pub_info(struct part_profile *p)
{
	p->config[96 + 2 * 2] = 0x71; /* slot 2 */
}

static void
test_public_half_closed(void **state)
{
	struct part p;

	talk_make_with("trustflex-tls", without_pub_info, &p);
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 0, 2, NULL, 0));
	talk_expect(&p, PART_OK, CALL(GEN_KEY, 4, 2, NULL, 0)); /* said once */
}

/* Mode 04 then 08 gives what an old key gives: 08 stands in the digest. */
static void
test_gen_key_digest(void **state)
{
	uint8_t message[128] = { 0 }, expected[32];
	struct part p;
	struct reply r;

	talk_make("trustflex-tls", &p);
	for (unsigned i = 0; i < 3; i++) {
		static const uint8_t modes[] = { 0x0C, 0x08, 0x10 };
		unsigned slot = modes[i] == 0x10 ? 13 : 3;

		if (modes[i] == 0x10) {
			put_public(&p, 13, r.data);
		}
		talk_expect(&p, PART_OK, CALL(NONCE, 0, 0, digest, 20));
		memcpy(message, p.live.temp.value, 32);
		memcpy(message + 32, modes[i] == 0x10 ? "\x40\xAA\xBB\xCC" : "\x40\x00\x03\x00", 4);
		if (modes[i] == 0x10) {
			talk_expect(&p, PART_OK, CALL(GEN_KEY, 0x10, 13, "\xAA\xBB\xCC", 3));
		} else {
			message[33] = modes[i];
			r = talk_expect(&p, PART_OK, CALL(GEN_KEY, modes[i], slot, NULL, 0));
		}
		memcpy(message + 36, "\x01\x01\x23", 3);
		memcpy(message + 64, r.data, 64);
		sha256(SPAN_ARRAY(message), expected);
		assert_memory_equal(p.live.temp.value, expected, 32);
		assert_int_equal(part_temp_flags(&p), 0x40 | slot);
	}
}

static void
test_stored_digest_of_no_key(void **state)
{
	uint8_t point[64] = { 4 };
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(NONCE, 0, 0, digest, 20));
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 0x10, 13, digest, 3)); /* empty */
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 0x10, 8, digest, 3));
	put_public(&p, 13, point);
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 0x10, 13, digest, 3)); /* not on the curve */
}

/* Which slots sign a digest, by which modes. */
static void
test_sign_modes(void **state)
{
	struct part p, copy;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(NONCE, 0x43, 0, digest, 32));
	talk_expect(&p, PART_OK, CALL(NONCE, 3, 0, digest, 32));
	for (unsigned mode = 0; mode < 256; mode++) {
		bool is_external = mode == 0x80 || mode == 0xA0;
		bool is_internal = mode == 0 || mode == 1 || mode == 0x40 || mode == 0x41;

		copy = p;
		talk_expect(&copy,
			is_external   ? PART_OK
			: is_internal ? PART_EXECUTION
				      : PART_PARSE,
			CALL(SIGN, mode, 0, NULL, 0));
	}
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		bool may_sign = slot == 0 || (slot >= 2 && slot <= 4);

		talk_expect(
			&p, may_sign ? PART_OK : PART_EXECUTION, CALL(SIGN, 0xA0, slot, NULL, 0));
	}
	talk_expect(&p, PART_PARSE, CALL(SIGN, 0x80, 16, NULL, 0));
	talk_expect(&p, PART_PARSE, CALL(SIGN, 0x80, 0xFFFF, NULL, 0));
}

static void
test_sign_external(void **state)
{
	struct part p;
	struct reply key, r;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_EXECUTION, CALL(SIGN, 0x80, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(SIGN, 0xA0, 0, NULL, 0));
	key = talk_expect(&p, PART_OK, CALL(GEN_KEY, 0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(NONCE, 3, 0, digest, 32));
	talk_expect(&p, PART_OK, CALL(NONCE, 0x43, 0, digest, 32));
	r = talk_expect(&p, PART_OK, CALL(SIGN, 0xA0, 0, NULL, 0));
	assert_true(p256_verify(key.data, digest, r.data));
	assert_true(p.live.temp.is_valid); /* the buffer's signature leaves it */
	r = talk_expect(&p, PART_OK, CALL(SIGN, 0x80, 0, NULL, 0));
	assert_true(p256_verify(key.data, digest, r.data));
	assert_false(p.live.temp.is_valid);
	talk_expect(&p, PART_EXECUTION, CALL(SIGN, 0x80, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(GEN_KEY, 4, 0xFFFF, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(SIGN, 0x80, 0, NULL, 0)); /* no ephemeral key */
}

/* Without the serial number's middle only its ends are in the message. */
static void
test_sign_internal_short(void **state)
{
	uint8_t message[55] = { 0 }, expected[32];
	struct part p;
	struct reply key, r;

	talk_make("trustflex-tls", &p);
	key = talk_expect(&p, PART_OK, CALL(GEN_KEY, 0, 1, NULL, 0));
	talk_expect(&p, PART_OK, CALL(NONCE, 0, 0, digest, 20));
	talk_expect(&p, PART_OK, CALL(GEN_KEY, 0x0C, 2, NULL, 0));
	memcpy(message, p.live.temp.value, 32);
	memcpy(message + 32,
		"\x41\x00\x01\x00\x85\x20\x73\x00\x42\x00\x00\x01\0\0\0\0\x01\x23\0\0\x01", 21);
	sha256(SPAN_ARRAY(message), expected);
	r = talk_expect(&p, PART_OK, CALL(SIGN, 0, 1, NULL, 0));
	assert_true(p256_verify(key.data, expected, r.data));
}

static void
test_verify_external(void **state)
{
	uint8_t number[32], data[128];
	struct part p;

	talk_make("trustflex-tls", &p);
	assert_true(p256_generate(number, data + 64) && p256_sign(number, digest, data));
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 2, 4, data, 128)); /* no message */
	talk_expect(&p, PART_OK, CALL(NONCE, 0x43, 0, digest, 32));
	talk_expect(&p, PART_OK, CALL(VERIFY, 0x22, 4, data, 128));
	for (unsigned type = 0; type < 8; type++) {
		talk_expect(
			&p, type == 4 ? PART_OK : PART_PARSE, CALL(VERIFY, 0x22, type, data, 128));
	}
	talk_expect(&p, PART_OK, CALL(NONCE, 3, 0, digest, 32));
	talk_expect(&p, PART_OK, CALL(VERIFY, 2, 4, data, 128));
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 2, 4, data, 128)); /* used up */
	for (size_t i = 0; i < 64; i += 5) {
		data[i] ^= 1;
		talk_expect(&p, PART_MISCOMPARE, CALL(VERIFY, 0x22, 4, data, 128));
		data[i] ^= 1;
	}
	data[70] ^= 1; /* not on the curve */
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 0x22, 4, data, 128));
	for (unsigned mode = 0; mode < 256; mode++) {
		unsigned kind = mode & 7;
		bool is_mode =
			(mode & 0x58) == 0 && (kind == 0 || kind == 2 || kind == 3 || kind == 7);

		if (!is_mode) {
			talk_expect(&p, PART_PARSE, CALL(VERIFY, mode, 4, data, 128));
		}
	}
}

/* SHA-256(IO key | message | nonce | signature | 45 | mode | param2). */
static void
test_verify_mac(void **state)
{
	uint8_t number[32], data[128], message[164] = { 0 }, expected[32], io[32] = { 7 };
	struct part p;
	struct reply r;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(0x12, 0x82, 6 << 3, io, 32));
	assert_true(p256_generate(number, data + 64) && p256_sign(number, digest, data));
	memset(digest + 32, 0x5A, 32);
	talk_expect(&p, PART_OK, CALL(NONCE, 0x63, 0, digest, 64));
	r = talk_expect(&p, PART_OK, CALL(VERIFY, 0xA2, 4, data, 128));
	memcpy(message, io, 32);
	memcpy(message + 32, digest, 64);
	memcpy(message + 96, data, 64);
	memcpy(message + 160, "\x45\xA2\x04\x00", 4);
	sha256(SPAN_ARRAY(message), expected);
	assert_int_equal(r.len, 32);
	assert_memory_equal(r.data, expected, 32);
	data[0] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(VERIFY, 0xA2, 4, data, 128));
	talk_expect(&p, PART_OK, CALL(NONCE, 3, 0, digest, 32));
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 0x82, 4, data, 128)); /* no nonce */
}

static void
test_verify_stored(void **state)
{
	uint8_t number[32], point[64], signature[64];
	struct part p;

	talk_make("trustflex-tls", &p);
	assert_true(p256_generate(number, point) && p256_sign(number, digest, signature));
	talk_expect(&p, PART_OK, CALL(NONCE, 0x43, 0, digest, 32));
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 0x20, 15, signature, 64)); /* no key */
	put_public(&p, 15, point);
	put_public(&p, 14, point);
	assert_false(p.live.is_authorized);
	talk_expect(&p, PART_OK, CALL(VERIFY, 0x20, 15, signature, 64));
	assert_true(p.live.is_authorized && p.live.authorized_by == 15);
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 0x20, 14, signature, 64)); /* not validated */
	for (unsigned slot = 0; slot < 14; slot++) {
		talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 0x20, slot, signature, 64));
	}
	talk_expect(&p, PART_PARSE, CALL(VERIFY, 0x20, 16, signature, 64));
	signature[3] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(VERIFY, 0x20, 15, signature, 64));
}

/* What the parent signs: Sign's internal message of another part that has the same key in the same slot. */
static void
sign_validation(struct part *p, const uint8_t parent[32], uint8_t mode, uint8_t data[83])
{
	uint8_t message[55] = { 0 }, hash[32];

	talk_expect(p, PART_OK, CALL(NONCE, 0, 0, digest, 20));
	talk_expect(p, PART_OK, CALL(GEN_KEY, 0x10, 14, "\0\0\0", 3));
	memcpy(message, p->live.temp.value, 32);
	message[32] = 0x41;
	memcpy(data + 64,
		"\x00\x0D\x00\x0D\x1F\x12\x00\x4E\x00\x00"
		"\0\0\0\0"
		"\0\0\1\0\0",
		19);
	data[64] = mode;
	memcpy(message + 33, data + 64, 10);
	message[43] = 0x01;
	memcpy(message + 44, data + 74, 4);
	memcpy(message + 48, "\x01\x23", 2);
	memcpy(message + 50, data + 78, 5);
	sha256(SPAN_ARRAY(message), hash);
	assert_true(p256_sign(parent, hash, data));
}

static void
test_validation(void **state)
{
	uint8_t parent[32], key[32], parent_point[64], point[64], data[83], signature[64];
	struct part p;

	talk_make("trustflex-tls", &p);
	assert_true(p256_generate(parent, parent_point) && p256_generate(key, point));
	put_public(&p, 13, parent_point);
	put_public(&p, 14, point);
	sign_validation(&p, parent, 0, data);
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 7, 14, data, 83)); /* says "valid" */
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 3, 13, data, 83));
	talk_expect(&p, PART_PARSE, CALL(VERIFY, 0x23, 14, data, 83));
	data[5] ^= 1;
	talk_expect(&p, PART_MISCOMPARE, CALL(VERIFY, 3, 14, data, 83));
	assert_int_equal(part_slot(&p, 14)[0], 0xA0);
	data[5] ^= 1;
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 3, 14, data, 83)); /* TempKey was used up */
	sign_validation(&p, parent, 0, data);
	talk_expect(&p, PART_OK, CALL(VERIFY, 3, 14, data, 83));
	assert_int_equal(part_slot(&p, 14)[0], 0x50);
	assert_true(p256_sign(key, digest, signature));
	talk_expect(&p, PART_OK, CALL(NONCE, 0x43, 0, digest, 32));
	talk_expect(&p, PART_OK, CALL(VERIFY, 0x20, 14, signature, 64));
	sign_validation(&p, parent, 1, data);
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 3, 14, data, 83)); /* says "invalid" */
	talk_expect(&p, PART_OK, CALL(VERIFY, 7, 14, data, 83));
	assert_int_equal(part_slot(&p, 14)[0], 0xA0);
	talk_expect(&p, PART_EXECUTION, CALL(VERIFY, 0x20, 14, signature, 64));
}

static void
beside(struct part_profile *p)
{
	p->config[20 + 2 * 4] |= 0x08; /* slot 4: the secret goes to slot 5 */
}

static void
test_ecdh(void **state)
{
	uint8_t number[32], point[64], expected[32], pad[32], io[32] = { 9 };
	struct part p;
	struct reply r;

	talk_make_with("trustflex-tls", beside, &p);
	assert_true(p256_generate(number, point));
	talk_expect(&p, PART_OK, CALL(0x12, 0x82, 6 << 3, io, 32));
	for (unsigned slot = 0; slot < PART_SLOTS; slot++) {
		bool gives = slot == 0 || slot == 2 || slot == 3;

		r = talk_expect(
			&p, gives ? PART_OK : PART_EXECUTION, CALL(ECDH, 0x0C, slot, point, 64));
		if (gives) {
			assert_true(p256_ecdh(part_private_key(&p, slot), point, expected));
			assert_int_equal(r.len, 32);
			assert_memory_equal(r.data, expected, 32);
		}
	}
	r = talk_expect(&p, PART_OK, CALL(ECDH, 0x0E, 3, point, 64));
	assert_int_equal(r.len, 64);
	sha256_two(SPAN_ARRAY(io), span_of(r.data + 32, 16), pad);
	for (size_t i = 0; i < 32; i++) {
		assert_int_equal(r.data[i] ^ pad[i], expected[i]);
	}
	talk_expect(&p, PART_OK, CALL(ECDH, 0x08, 3, point, 64));
	assert_memory_equal(p.live.temp.value, expected, 32);
	assert_true(p256_ecdh(part_private_key(&p, 4), point, expected));
	talk_expect(&p, PART_OK, CALL(ECDH, 0x04, 4, point, 64));
	assert_memory_equal(part_slot(&p, 5), expected, 32);
}

static void
test_ecdh_refused(void **state)
{
	uint8_t number[32], point[64];
	struct part p;

	talk_make("trustflex-tls", &p);
	assert_true(p256_generate(number, point));
	for (unsigned mode = 0; mode < 256; mode++) {
		bool is_mode = mode < 16 && ((mode & 2) == 0 || (mode & 0x0C) == 0x0C);
		bool is_good = is_mode && (mode & 1) == 0 && (mode & 0x0C) != 4;

		talk_expect(&p,
			is_good	  ? PART_OK
			: is_mode ? PART_EXECUTION
				  : PART_PARSE,
			CALL(ECDH, mode, 2, point, 64));
	}
	talk_expect(&p, PART_PARSE, CALL(ECDH, 0x0C, 16, point, 64));
	point[9] ^= 1;
	talk_expect(&p, PART_EXECUTION, CALL(ECDH, 0x0C, 2, point, 64));
	memset(point, 0, sizeof(point));
	talk_expect(&p, PART_EXECUTION, CALL(ECDH, 0x0C, 2, point, 64));
}

static void
test_ephemeral(void **state)
{
	uint8_t number[32], point[64], expected[32];
	struct part p;
	struct reply key, r;

	talk_make("trustflex-tls", &p);
	assert_true(p256_generate(number, point));
	key = talk_expect(&p, PART_OK, CALL(GEN_KEY, 4, 0xFFFF, NULL, 0));
	assert_true(p256_ecdh(number, key.data, expected));
	talk_expect(&p, PART_EXECUTION, CALL(GEN_KEY, 8, 2, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(NONCE, 0, 0x8000, digest, 20));
	talk_expect(&p, PART_EXECUTION, CALL(ECDH, 0x05, 2, point, 64));
	r = talk_expect(&p, PART_OK, CALL(ECDH, 0x0D, 0, point, 64));
	assert_memory_equal(r.data, expected, 32);
	talk_expect(&p, PART_EXECUTION, CALL(ECDH, 0x0D, 0, point, 64)); /* once */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gen_key_modes),
		cmocka_unit_test(test_gen_key_slots),
		cmocka_unit_test(test_public_half_closed),
		cmocka_unit_test(test_gen_key_digest),
		cmocka_unit_test(test_stored_digest_of_no_key),
		cmocka_unit_test(test_sign_modes),
		cmocka_unit_test(test_sign_external),
		cmocka_unit_test(test_sign_internal_short),
		cmocka_unit_test(test_verify_external),
		cmocka_unit_test(test_verify_mac),
		cmocka_unit_test(test_verify_stored),
		cmocka_unit_test(test_validation),
		cmocka_unit_test(test_ecdh),
		cmocka_unit_test(test_ecdh_refused),
		cmocka_unit_test(test_ephemeral),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
