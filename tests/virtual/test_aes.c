/* AES: published vectors by TempKey and by slots, every block of a key, GCM's multiplication, and when it refuses. */
#include "host.h"

#define OPCODE 0x51
#define MULTIPLY 3

struct vector {
	const char *key, *plain, *cipher;
};

/* FIPS 197 appendices B and C.1, NIST SP 800-38A F.1.1. */
static const struct vector vectors[] = {
	{ "2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
		"3925841d02dc09fbdc118597196a0b32" },
	{ "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
		"69c4e0d86a7b0430d8cdb78070b4c55a" },
	{ "2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a",
		"3ad77bb40d7a3660a89ecaf32466ef97" },
	{ "2b7e151628aed2a6abf7158809cf4f3c", "ae2d8a571e03ac9c9eb76fac45af8e51",
		"f5d3d58503b9699de785895a96fdbaaf" },
	{ "2b7e151628aed2a6abf7158809cf4f3c", "30c81c46a35ce411e5fbc1191a0a52ef",
		"43b1cd7f598ece23881b00e3ed030688" },
	{ "2b7e151628aed2a6abf7158809cf4f3c", "f69f2445df4f9b17ad2b417be66c3710",
		"7b0c785e27e8ad3f8223207104725dd4" },
};

static void
both_ways(struct part *p, unsigned block, unsigned slot, span plain, span cipher)
{
	struct reply r =
		talk_expect(p, PART_OK, CALL(OPCODE, block << 6, slot, plain.data, plain.len));

	assert_int_equal(r.len, 16);
	assert_memory_equal(r.data, cipher.data, 16);
	r = talk_expect(p, PART_OK, CALL(OPCODE, block << 6 | 1, slot, cipher.data, cipher.len));
	assert_int_equal(r.len, 16);
	assert_memory_equal(r.data, plain.data, 16);
}

static void
test_vectors(void **state)
{
	struct arena *a = arena_new(1 << 16);
	uint8_t key[64];
	struct part p;

	talk_make("trustflex-tls", &p);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		span secret = bytes_of_hex(a, vectors[i].key);
		span plain = bytes_of_hex(a, vectors[i].plain);
		span cipher = bytes_of_hex(a, vectors[i].cipher);

		for (unsigned block = 0; block < 4; block++) {
			memset(key, 0xEE, sizeof(key));
			memcpy(key + (size_t)16 * block, secret.data, 16);
			talk_expect(&p, PART_OK, CALL(0x16, 0x23, 0, key, 64));
			both_ways(&p, block, 0xFFFF, plain, cipher);
			part_slot_put(&p, 9, 0, key, 64); /* 72 bytes */
			both_ways(&p, block, 9, plain, cipher);
		}
		for (unsigned block = 0; block < 2; block++) {
			memset(key, 0xEE, sizeof(key));
			memcpy(key + (size_t)16 * block, secret.data, 16);
			host_load(&p, key);
			both_ways(&p, block, 0xFFFF, plain, cipher);
			part_slot_put(&p, 5, 0, key, 32); /* 36 bytes */
			both_ways(&p, block, 5, plain, cipher);
		}
	}
	arena_free(a);
}

static void
test_blocks_end_within(void **state)
{
	uint8_t data[16] = { 0 };
	struct part p;

	talk_make("trustflex-tls", &p);
	host_load(&p, (uint8_t[32]){ 1 });
	for (unsigned block = 2; block < 4; block++) {
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, block << 6, 5, data, 16));
		talk_expect(&p, PART_EXECUTION, CALL(OPCODE, block << 6, 0xFFFF, data, 16));
	}
}

/* NIST SP 800-38D: GHASH of test cases 2 and 4's first steps, by H. */
static void
test_multiply(void **state)
{
	static const struct vector products[] = {
		/* H, X, X * H */
		{ "66e94bd4ef8a2c3b884cfa59ca342b2e", "0388dace60b6a392f328c2b971b2fe78",
			"5e2ec746917062882c85b0685353deb7" },
		{ "66e94bd4ef8a2c3b884cfa59ca342b2e", "5e2ec746917062882c85b0685353de37",
			"f38cbb1ad69223dcc3457ae5b6b0f885" },
		{ "b83b533708bf535d0aa6e52980d53b78", "42831ec2217774244b7221b784d0d49c",
			"59ed3f2bb1a0aaa07c9f56c6a504647b" },
		/* 1 is the top bit of the first byte */
		{ "b83b533708bf535d0aa6e52980d53b78", "80000000000000000000000000000000",
			"b83b533708bf535d0aa6e52980d53b78" },
		{ "b83b533708bf535d0aa6e52980d53b78", "00000000000000000000000000000000",
			"00000000000000000000000000000000" },
	};
	struct arena *a = arena_new(1 << 16);
	struct part p;

	talk_make("trustflex-tls", &p);
	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
		uint8_t data[32];
		struct reply r;

		memcpy(data, bytes_of_hex(a, products[i].key).data, 16);
		memcpy(data + 16, bytes_of_hex(a, products[i].plain).data, 16);
		r = talk_expect(&p, PART_OK, CALL(OPCODE, MULTIPLY, 0, data, 32));
		assert_int_equal(r.len, 16);
		assert_memory_equal(r.data, bytes_of_hex(a, products[i].cipher).data, 16);
		memcpy(data + 16, bytes_of_hex(a, products[i].key).data, 16);
		memcpy(data, bytes_of_hex(a, products[i].plain).data, 16);
		r = talk_expect(&p, PART_OK, CALL(OPCODE, MULTIPLY, 0, data, 32));
		assert_memory_equal(r.data, bytes_of_hex(a, products[i].cipher).data, 16);
	}
	arena_free(a);
}

static bool
is_mode(unsigned mode)
{
	return mode == MULTIPLY || ((mode & 7) < 2 && (mode & 0x38) == 0);
}

static void
test_refusals(void **state)
{
	static const int block[] = { 16, -1 }, two[] = { 32, -1 };
	uint8_t data[32] = { 0 };
	struct part p;

	talk_make("trustflex-tls", &p);
	refuse_modes(&p, OPCODE, is_mode, 16);
	refuse_modes(&p, OPCODE, is_mode, 32);
	refuse_lengths(&p, OPCODE, 0, 5, block);
	refuse_lengths(&p, OPCODE, 1, 5, block);
	refuse_lengths(&p, OPCODE, MULTIPLY, 0, two);
	for (unsigned slot = 16; slot < 0xFFFF; slot += 1 + slot / 9) {
		talk_expect(&p, PART_PARSE, CALL(OPCODE, 0, slot, data, 16));
		talk_expect(&p, PART_PARSE, CALL(OPCODE, MULTIPLY, slot, data, 32));
	}
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0xFFFF, data, 16)); /* no TempKey */
	for (unsigned slot = 0; slot < 16; slot++) {
		bool is_aes = slot == 5 || slot == 9;

		talk_expect(&p, is_aes ? PART_OK : PART_EXECUTION, CALL(OPCODE, 0, slot, data, 16));
	}
	p.live.temp.is_valid = p.live.temp.is_private = true;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 0xFFFF, data, 16));
	p.memory.config[13] = 0;
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, 0, 5, data, 16));
	talk_expect(&p, PART_EXECUTION, CALL(OPCODE, MULTIPLY, 0, data, 32));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_blocks_end_within),
		cmocka_unit_test(test_multiply),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
