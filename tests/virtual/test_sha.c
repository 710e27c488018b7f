/* SHA: the published vectors in pieces, HMAC, contexts that go out and come back, and when it refuses. */
#include <openssl/sha.h>

#include "host.h"

#define OPCODE 0x47
#define TARGET_BUFFER 0x40
#define TARGET_NONE 0xC0

static void
check_message(struct part *p, const uint8_t *bytes, size_t len, unsigned target)
{
	uint8_t expected[32];
	size_t at = 0;
	struct reply r;

	assert_non_null(SHA256(bytes, len, expected));
	talk_expect(p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	for (; len - at >= 64; at += 64) {
		talk_expect(p, PART_OK, CALL(OPCODE, 1, 64, bytes + at, 64));
	}
	r = talk_expect(p, PART_OK, CALL(OPCODE, 2 | target, len - at, bytes + at, len - at));
	assert_int_equal(r.len, 32);
	assert_memory_equal(r.data, expected, 32);
	talk_expect(p, PART_EXECUTION, CALL(OPCODE, 2, 0, NULL, 0));
}

/* FIPS 180-4's examples and a million times "a". */
static void
test_vectors(void **state)
{
	static const char *const texts[] = { "abc", "",
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" };
	static const uint8_t abc[4] = { 0xba, 0x78, 0x16, 0xbf };
	static const uint8_t million[4] = { 0xcd, 0xc7, 0x6e, 0x5c };
	uint8_t block[64];
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	r = talk_expect(&p, PART_OK, CALL(OPCODE, 2, 3, "abc", 3));
	assert_memory_equal(r.data, abc, 4);
	for (size_t i = 0; i < 3; i++) {
		check_message(&p, (const uint8_t *)texts[i], strlen(texts[i]), 0);
	}
	memset(block, 'a', sizeof(block));
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	for (unsigned i = 0; i < 1000000 / 64; i++) {
		assert_int_equal(talk(&p, OPCODE, 1, 64, block, 64).status, PART_OK);
	}
	r = talk_expect(&p, PART_OK, CALL(OPCODE, 2, 0, NULL, 0));
	assert_memory_equal(r.data, million, 4);
}

static void
test_every_length(void **state)
{
	uint8_t bytes[300];
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(bytes, sizeof(bytes), 5);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		check_message(&p, bytes, len, len % 2 != 0 ? TARGET_NONE : 0);
	}
}

static void
test_targets(void **state)
{
	struct part p, before;
	uint8_t expected[32];

	talk_make("trustflex-tls", &p);
	SHA256((const uint8_t *)"tenure", 6, expected);
	before = p;
	check_message(&p, (const uint8_t *)"tenure", 6, TARGET_NONE);
	assert_memory_equal(&p, &before, sizeof(p));
	check_message(&p, (const uint8_t *)"tenure", 6, TARGET_BUFFER);
	assert_true(p.live.digest_buffer_is_valid && !p.live.temp.is_valid);
	assert_memory_equal(p.live.digest_buffer, expected, 32);
	check_message(&p, (const uint8_t *)"tenure", 6, 0);
	assert_true(p.live.temp.is_valid && p.live.temp.source_is_input);
	assert_memory_equal(p.live.temp.value, expected, 32);
	talk_expect(&p, PART_PARSE, CALL(OPCODE, 0x82, 0, NULL, 0));
}

static void
test_hmac(void **state)
{
	uint8_t bytes[200], secret[32], expected[32];
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(bytes, sizeof(bytes), 5);
	host_secret(&p, 9, 9, secret);
	for (size_t len = 0; len <= sizeof(bytes); len += 1 + len / 9) {
		unsigned key = len % 3 == 0 ? 0xFFFF : 9;
		size_t at = 0;

		if (key == 0xFFFF) {
			host_load(&p, secret);
		}
		talk_expect(&p, PART_OK, CALL(OPCODE, 4, key, NULL, 0));
		host_load(&p, bytes); /* the key is in already */
		for (; len - at >= 64; at += 64) {
			talk_expect(&p, PART_OK, CALL(OPCODE, 1, 64, bytes + at, 64));
		}
		r = talk_expect(&p, PART_OK,
			CALL(OPCODE, len % 2 != 0 ? 2 : 5, len - at, bytes + at, len - at));
		host_hmac(secret, 32, bytes, len, expected);
		assert_memory_equal(r.data, expected, 32);
		assert_memory_equal(p.live.temp.value, expected, 32);
	}
}

/* RFC 4231's keys are not of 32 bytes; its second case's is, with zeros behind it: an HMAC takes both for the same. */
static void
test_hmac_vector(void **state)
{
	static const uint8_t expected[32] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a,
		0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39,
		0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43 };
	uint8_t key[32] = { 'J', 'e', 'f', 'e' };
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_load(&p, key);
	talk_expect(&p, PART_OK, CALL(OPCODE, 4, 0xFFFF, NULL, 0));
	r = talk_expect(&p, PART_OK, CALL(OPCODE, 5, 28, "what do ya want for nothing?", 28));
	assert_memory_equal(r.data, expected, 32);
}

static void
test_public_key(void **state)
{
	uint8_t slot[72] = { 0 }, expected[32];
	struct message m = { .len = 0 };
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(slot + 4, 32, 1);
	host_fill(slot + 40, 32, 2);
	part_slot_put(&p, 15, 0, slot, sizeof(slot));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 3, 15, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 3, 15, NULL, 0));
	r = talk_expect(&p, PART_OK, CALL(OPCODE, 2, 4, "more", 4));
	message_put(&m, slot + 4, 32);
	message_put(&m, slot + 40, 32);
	message_put(&m, "more", 4);
	message_digest(&m, expected);
	assert_memory_equal(r.data, expected, 32);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	for (unsigned i = 0; i < 16; i++) {
		if (i != 11 && i != 13 && i != 14 && i != 15) {
			talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 3, i, NULL, 0));
		}
	}
}

/* Two messages at a time, by taking each one's context out and putting it back, even in another part. */
static void
test_contexts(void **state)
{
	uint8_t a[192], b[192], expected[32];
	struct reply saved, r;
	struct part p, other;

	talk_make("trustflex-tls", &p);
	talk_make("blank", &other);
	host_fill(a, sizeof(a), 1);
	host_fill(b, sizeof(b), 2);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 1, 64, a, 64));
	saved = talk_expect(&p, PART_OK, CALL(OPCODE, 6, 0, NULL, 0));
	assert_int_equal(saved.len, 36);
	check_message(&p, b, sizeof(b), 0);
	talk_expect(&other, PART_OK, CALL(OPCODE, 7, 36, saved.data, 36));
	talk_expect(&p, PART_OK, CALL(OPCODE, 7, 36, saved.data, 36));
	for (unsigned i = 0; i < 2; i++) {
		struct part *which = i == 0 ? &p : &other;

		talk_expect(which, PART_OK, CALL(OPCODE, 1, 64, a + 64, 64));
		r = talk_expect(which, PART_OK, CALL(OPCODE, 2, 63, a + 128, 63));
		SHA256(a, 191, expected);
		assert_memory_equal(r.data, expected, 32);
	}
}

/* A context that holds some bytes of a block: every number of them comes back as it went in. */
static void
test_partial_contexts(void **state)
{
	uint8_t bytes[256], context[99], expected[32];
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	host_fill(bytes, sizeof(bytes), 8);
	talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	talk_expect(&p, PART_OK, CALL(OPCODE, 1, 64, bytes, 64));
	r = talk_expect(&p, PART_OK, CALL(OPCODE, 6, 0, NULL, 0));
	memcpy(context, r.data, 36);
	for (unsigned some = 0; some < 64; some++) {
		context[0] = (uint8_t)(64 + some);
		memcpy(context + 36, bytes + 64, some);
		talk_expect(&p, PART_OK, CALL(OPCODE, 7, 36 + some, context, 36 + some));
		r = talk_expect(&p, PART_OK, CALL(OPCODE, 6, 0, NULL, 0));
		assert_int_equal(r.len, 36 + some);
		assert_memory_equal(r.data, context, r.len);
		talk_expect(&p, PART_OK, CALL(OPCODE, 1, 64, bytes + 64 + some, 64));
		r = talk_expect(&p, PART_OK, CALL(OPCODE, 2, 9, bytes + 128 + some, 9));
		SHA256(bytes, (size_t)137 + some, expected);
		assert_memory_equal(r.data, expected, 32);
	}
}

static bool
is_mode(unsigned mode)
{
	unsigned operation = mode & 7;

	return (mode & 0x38) == 0 &&
	       ((mode & 0xC0) == 0 || ((operation == 2 || operation == 5) && mode >> 6 != 2));
}

static void
test_refusals(void **state)
{
	static const int none[] = { 0, -1 }, block[] = { 64, -1 };
	uint8_t data[128] = { 0 };
	struct part p;

	talk_make("trustflex-tls", &p);
	refuse_modes(&p, OPCODE, is_mode, 64);
	for (unsigned running = 0; running < 2; running++) {
		refuse_lengths(&p, OPCODE, 0, 0, none);
		refuse_lengths(&p, OPCODE, 1, 64, block);
		refuse_lengths(&p, OPCODE, 3, 15, none);
		refuse_lengths(&p, OPCODE, 4, 9, none);
		refuse_lengths(&p, OPCODE, 6, 0, none);
		for (unsigned len = 0; len < 128; len++) {
			/* param2 says another length, or there are too many bytes */
			talk_expect(&p, PART_PARSE, CALL(OPCODE, 2, len + 1, data, len));
			if (len >= 64) {
				talk_expect(&p, PART_PARSE, CALL(OPCODE, 2, len, data, len));
			}
			if (len < 36 || len > 99) {
				talk_expect(&p, PART_PARSE, CALL(OPCODE, 7, len, data, len));
			}
		}
		talk_expect(&p, PART_OK, CALL(OPCODE, 0, 0, NULL, 0));
	}
	for (unsigned some = 1; some < 64; some++) { /* length 0 has no bytes of a block */
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 7, 36 + some, data, 36 + some));
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 5, 0, NULL, 0)); /* no HMAC is running */
	for (unsigned slot = 16; slot < 0xFFFF; slot += 1 + slot / 9) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, 4, slot, NULL, 0));
		talk_expect(&p, PART_PARSE, CALL(OPCODE, 3, slot, NULL, 0));
	}
}

/* No order of calls but the right one, and nothing of a key comes out by a context. */
static void
test_order(void **state)
{
	uint8_t data[64] = { 0 };
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 1, 64, data, 64));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 2, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 5, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 6, 0, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 4, 0xFFFF, NULL, 0));
	for (unsigned slot = 0; slot < 5; slot++) {
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 4, slot, NULL, 0));
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 4, 7, NULL, 0)); /* NoMac */
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 4, 6, NULL, 0)); /* ReqRandom */
	talk_expect(&p, PART_OK, CALL(OPCODE, 4, 9, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 6, 0, NULL, 0));
	part_idle(&p);
	part_wake(&p, 0);
	talk_expect(&p, PART_OK, CALL(OPCODE, 1, 64, data, 64));
	part_sleep(&p);
	part_wake(&p, 0);
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 1, 64, data, 64));
}

/* 4 GiB are the end, not a length that begins anew. */
static void
test_length_ends(void **state)
{
	uint8_t context[36] = { 0xC0, 0xFF, 0xFF, 0xFF }, data[64] = { 0 };
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_OK, CALL(OPCODE, 7, 36, context, 36));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 1, 64, data, 64));
	talk_expect(&p, PART_OK, CALL(OPCODE, 2, 63, data, 63));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hmac_vector),
		cmocka_unit_test(test_public_key),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_partial_contexts),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_length_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
