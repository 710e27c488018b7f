#include "support.h"

#include "base/check.h"
#include "fleet/claim.h"

#define CODE "7K3MF-0QZ9T-A1B2C-D3E4F"

static void
new_codes(void **state)
{
	char code[CLAIM_CODE_TEXT_MAX], again[CLAIM_CODE_TEXT_MAX], normal[CLAIM_CODE_TEXT_MAX];
	unsigned first = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(OK, claim_code_new(code));
		assert_int_equal(CLAIM_CODE_TEXT_MAX - 1, strlen(code));
		assert_true(code[5] == '-' && code[11] == '-' && code[17] == '-');
		assert_null(strpbrk(code, "ILOU"));
		/* In its normal form already. */
		assert_int_equal(OK, claim_code_normalize(span_text(code), normal));
		assert_string_equal(code, normal);
		assert_int_equal(OK, claim_code_new(again));
		assert_string_not_equal(code, again);
		/* All letters take part, the last one too. */
		first |= code[22] >= 'A' ? 1u : 2u;
	}
	assert_int_equal(3, first);
}

static void
as_a_person_types_it(void **state)
{
	static const struct {
		const char *typed;
		bool is_code;
	} rows[] = {
		{ CODE, true },
		{ "7k3mf0qz9ta1b2cd3e4f", true },
		{ "7K3MF OQZ9T AIB2C D3E4F", true },
		{ "7k3mf-oqz9t-alb2c-d3e4f", true },
		{ "--7K3 MF0 QZ9 TA1 B2C D3E 4F--", true },
		{ "", false },
		{ "7K3MF-0QZ9T-A1B2C-D3E4", false },
		{ "7K3MF-0QZ9T-A1B2C-D3E4F0", false },
		{ "7K3MF-0QZ9T-A1B2C-D3E4U", false },
		{ "7K3MF_0QZ9T_A1B2C_D3E4F", false },
		{ "7K3MF-0QZ9T-A1B2C-D3E4F\n", false },
		{ "7K3MF-0QZ9T-A1B2C-D3E4\xc3\x84", false },
	};
	char normal[CLAIM_CODE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		status s = claim_code_normalize(span_text(rows[i].typed), normal);

		if (s != (rows[i].is_code ? OK : BAD_INPUT)) {
			fail_msg("%s: %s", rows[i].typed, status_name(s));
		}
		if (s == OK) {
			assert_string_equal(CODE, normal);
		}
	}
	assert_int_equal(
		BAD_INPUT, claim_code_normalize(span_of("7K3MF-0QZ9T\0A1B2C-D3E4F", 23), normal));
}

/* openssl kdf -keylen 32 -kdfopt pass:7K3MF-0QZ9T-A1B2C-D3E4F -kdfopt hexsalt:000102030405060708090a0b0c0d0e0f
 * -kdfopt n:1024 -kdfopt r:8 -kdfopt p:1 SCRYPT */
static void
the_hash_is_scrypt(void **state)
{
	static const uint8_t salt[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct arena *a = arena_new(1000);
	span want = bytes_of_hex(a, "e7a0355f34fd7f17afd1c81efd2d5383"
				    "5dbb62218e4af15721540ee2f02f9869");
	uint8_t got[32];

	(void)state;
	assert_int_equal(OK, claim_code_hash(CODE, salt, got));
	assert_memory_equal(want.data, got, sizeof(got));
	arena_free(a);
}

static void
sealed_and_checked(void **state)
{
	struct claim_code one, two;
	uint8_t zero[32] = { 0 };

	(void)state;
	assert_int_equal(OK, claim_code_seal(CODE, 7, TEST_TIME_S, &one));
	assert_int_equal(OK, claim_code_seal(CODE, 7, TEST_TIME_S, &two));
	assert_int_equal(7, one.device);
	assert_int_equal(TEST_TIME_S, one.created_s);
	assert_int_equal(0, one.burnt_s + one.failures + one.locked_until_s);
	assert_memory_not_equal(one.salt, two.salt, sizeof(one.salt));
	assert_memory_not_equal(one.hash, two.hash, sizeof(one.hash));
	assert_int_equal(OK, claim_code_check(CODE, one.salt, one.hash));
	assert_int_equal(DENIED, claim_code_check(CODE, two.salt, one.hash));
	assert_int_equal(DENIED, claim_code_check("7K3MF-0QZ9T-A1B2C-D3E4G", one.salt, one.hash));
	assert_int_equal(DENIED, claim_code_check("", one.salt, one.hash));
	assert_int_equal(DENIED, claim_code_check(CODE, zero, zero));
	one.hash[31] ^= 1;
	assert_int_equal(DENIED, claim_code_check(CODE, one.salt, one.hash));
}

static void
locks_double_up_to_a_day(void **state)
{
	static const int64_t want[] = { 0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360,
		30720, 61440, 86400, 86400 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		assert_int_equal(want[i], claim_lock_s((int64_t)i));
	}
	assert_int_equal(0, claim_lock_s(-1));
	assert_int_equal(86400, claim_lock_s(INT64_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_codes),
		cmocka_unit_test(as_a_person_types_it),
		cmocka_unit_test(the_hash_is_scrypt),
		cmocka_unit_test(sealed_and_checked),
		cmocka_unit_test(locks_double_up_to_a_day),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
