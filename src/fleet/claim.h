#pragma once
/*
 * Claim codes: the secret in the box. 100 random bits as 20 letters of Crockford base32 in four
 * groups, "7K3MF-0QZ9T-A1B2C-D3E4F"; the store keeps only a salted scrypt hash.
 * Offers' one-time codes have the same form and are kept the same way.
 */
#include "base/secret.h"
#include "fleet/ownership.h"

#define CLAIM_CODE_LETTERS 20
#define CLAIM_CODE_TEXT_MAX 24 /* with three dashes and the NUL */

/* scrypt's cost: N = 1024, r = 8, p = 1: 1 MiB and about 3 ms a try. 2^100 codes need no more; it is the
 * second line behind the random bits (a leaked database), the first behind the lock on wrong tries. */
#define CLAIM_SCRYPT_N 1024
#define CLAIM_SCRYPT_R 8

/* A new code, from the system's randomness. BUG when there is none. */
MUST_USE status claim_code_new(char out[CLAIM_CODE_TEXT_MAX]);
/* As a person types it: any case, dashes and spaces anywhere, O for 0, I and L for 1. BAD_INPUT. */
MUST_USE status claim_code_normalize(span typed, char out[CLAIM_CODE_TEXT_MAX]);
/* `code` in its normal form. CRYPTO or NO_MEMORY from libcrypto. */
MUST_USE status claim_code_hash(const char *code, const uint8_t salt[16], uint8_t out[32]);
/* Fills salt and hash of a fresh record for this device. */
MUST_USE status claim_code_seal(
	const char *code, int64_t device, int64_t now_s, struct claim_code *out);
/* Whether it is the code, in constant time. DENIED if not. */
MUST_USE status claim_code_check(const char *code, const uint8_t salt[16], const uint8_t hash[32]);

/* Wrong tries lock: none for the first three, then 1 min, doubled with each up to a day. */
int64_t claim_lock_s(int64_t failures);
