/*
 * SelfTest: the parts that the mode names are tried with known answers; the answer is one byte, a bit for each that failed.
 *
 *	mode  b0 random numbers   b1 ECDSA   b3 ECDH   b4 AES   b5 SHA
 *
 * Inferred: a mode without any test, or with a bit that names none, is a parse error; TempKey is lost. While a test has failed
 * and not passed since, every other command answers 07, and so does a wake; sleep ends it.
 */
#include "base/check.h"
#include "device/virtual/aes_block.h"
#include "device/virtual/commands.h"
#include "device/virtual/p256.h"
#include "pki/key.h"

#define TEST_RANDOM 0x01
#define TEST_ECDSA 0x02
#define TEST_ECDH 0x08
#define TEST_AES 0x10
#define TEST_SHA 0x20
#define TEST_ALL 0x3B

/* Two values alike, or one that is a single byte repeated, are no randomness; the pattern before the lock is what it is. */
static bool
random_works(const struct part *p)
{
	uint8_t first[32], second[32];
	bool varies = false;

	part_random(p, first);
	part_random(p, second);
	for (size_t i = 1; i < sizeof(first); i++) {
		varies = varies || first[i] != first[0];
	}
	return varies && (!part_config_is_locked(p) || memcmp(first, second, sizeof(first)) != 0);
}

static bool
ecdsa_works(const struct part *p)
{
	uint8_t number[32], point[64], signature[64], digest[32] = { 0x5A };
	bool ok;

	(void)p;
	ok = p256_generate(number, point) && p256_sign(number, digest, signature) &&
	     p256_verify(point, digest, signature);
	digest[31] ^= 1;
	return ok && !p256_verify(point, digest, signature);
}

/* Two numbers, each with the other's point. */
static bool
ecdh_works(const struct part *p)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, of_a[64], of_b[64], x[32], y[32];

	(void)p;
	a[31] = 2;
	b[0] = 0x7F;
	b[31] = 3;
	return p256_point(a, of_a) && p256_point(b, of_b) && p256_ecdh(a, of_b, x) &&
	       p256_ecdh(b, of_a, y) && memcmp(x, y, sizeof(x)) == 0;
}

/* FIPS 197, appendix B. */
static bool
aes_works(const struct part *p)
{
	static const uint8_t key[16] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7,
		0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };
	static const uint8_t plain[16] = { 0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31,
		0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34 };
	static const uint8_t cipher[16] = { 0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc,
		0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32 };
	uint8_t out[16];

	(void)p;
	return aes_block(key, plain, true, out) && memcmp(out, cipher, 16) == 0 &&
	       aes_block(key, cipher, false, out) && memcmp(out, plain, 16) == 0;
}

/* FIPS 180-4's example "abc". */
static bool
sha_works(const struct part *p)
{
	static const uint8_t digest[32] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41,
		0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a,
		0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	uint8_t out[32];

	(void)p;
	sha256(span_text("abc"), out);
	return memcmp(out, digest, sizeof(out)) == 0;
}

static const struct {
	uint8_t bit;
	const char *name;
	bool (*works)(const struct part *p);
} tests[] = { { TEST_RANDOM, "random", random_works }, { TEST_ECDSA, "ecdsa", ecdsa_works },
	{ TEST_ECDH, "ecdh", ecdh_works }, { TEST_AES, "aes", aes_works },
	{ TEST_SHA, "sha", sha_works } };

uint8_t
part_self_test_bit(span name)
{
	for (size_t i = 0; i < COUNT_OF(tests); i++) {
		if (span_is(name, tests[i].name)) {
			return tests[i].bit;
		}
	}
	return 0;
}

enum part_status
part_self_test(struct part *p, const struct part_call *c, struct part_answer *out)
{
	uint8_t failed = 0;

	if (c->data_len != 0 || c->param2 != 0 || c->param1 == 0 || (c->param1 & ~TEST_ALL) != 0) {
		return PART_PARSE;
	}
	for (size_t i = 0; i < COUNT_OF(tests); i++) {
		uint8_t bit = c->param1 & tests[i].bit;

		if (bit != 0 && ((p->faults & bit) != 0 || !tests[i].works(p))) {
			failed |= bit;
		}
	}
	p->live.self_test = (uint8_t)((p->live.self_test & ~c->param1) | failed);
	part_temp_forget(p);
	out->data[0] = failed;
	out->len = 1;
	return PART_OK;
}
