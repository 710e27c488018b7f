#include "fleet/claim.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/text.h"

#define GROUP 5	      /* letters between two dashes */
#define CODE_BYTES 13 /* 104 bits, of which the first 100 are written */
#define SCRYPT_MEMORY_MAX (4 << 20)

#define FREE_TRIES 3
#define FIRST_LOCK_S 60
#define LONGEST_LOCK_S 86400

/* Sets the letters in groups. */
static void
write_groups(const char letters[CLAIM_CODE_LETTERS], char out[CLAIM_CODE_TEXT_MAX])
{
	char *p = out;

	for (size_t i = 0; i < CLAIM_CODE_LETTERS; i++) {
		if (i > 0 && i % GROUP == 0) {
			*p++ = '-';
		}
		*p++ = letters[i];
	}
	*p = '\0';
}

status
claim_code_new(char out[CLAIM_CODE_TEXT_MAX])
{
	uint8_t random[CODE_BYTES];
	char letters[CODE_BYTES * 8 / 5 + 2];

	if (RAND_priv_bytes(random, sizeof(random)) != 1) {
		return BUG;
	}
	base32_encode(letters, SPAN_ARRAY(random));
	write_groups(letters, out);
	OPENSSL_cleanse(random, sizeof(random));
	OPENSSL_cleanse(letters, sizeof(letters));
	return OK;
}

/* The letter that is meant, 0 for one that no code has. */
static char
letter_of(uint8_t c)
{
	if (c >= 'a' && c <= 'z') {
		c = (uint8_t)(c - 'a' + 'A');
	}
	if (c == 'O') {
		return '0';
	}
	if (c == 'I' || c == 'L') {
		return '1';
	}
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z' && c != 'U') ? (char)c : '\0';
}

status
claim_code_normalize(span typed, char out[CLAIM_CODE_TEXT_MAX])
{
	char letters[CLAIM_CODE_LETTERS];
	size_t count = 0;

	for (size_t i = 0; i < typed.len; i++) {
		char c = letter_of(typed.data[i]);

		if (typed.data[i] == '-' || typed.data[i] == ' ') {
			continue;
		}
		if (c == '\0' || count == CLAIM_CODE_LETTERS) {
			return BAD_INPUT;
		}
		letters[count++] = c;
	}
	if (count != CLAIM_CODE_LETTERS) {
		return BAD_INPUT;
	}
	write_groups(letters, out);
	OPENSSL_cleanse(letters, sizeof(letters));
	return OK;
}

status
claim_code_hash(const char *code, const uint8_t salt[16], uint8_t out[32])
{
	return EVP_PBE_scrypt(code, strlen(code), salt, 16, CLAIM_SCRYPT_N, CLAIM_SCRYPT_R, 1,
		       SCRYPT_MEMORY_MAX, out, 32) == 1
		       ? OK
		       : CRYPTO;
}

status
claim_code_seal(const char *code, int64_t device, int64_t now_s, struct claim_code *out)
{
	*out = (struct claim_code){ .device = device, .created_s = now_s };
	if (RAND_bytes(out->salt, sizeof(out->salt)) != 1) {
		return BUG;
	}
	return claim_code_hash(code, out->salt, out->hash);
}

status
claim_code_check(const char *code, const uint8_t salt[16], const uint8_t hash[32])
{
	uint8_t got[32];
	status s = claim_code_hash(code, salt, got);

	if (s != OK) {
		return s;
	}
	s = span_equal_secret(SPAN_ARRAY(got), span_of(hash, 32)) ? OK : DENIED;
	OPENSSL_cleanse(got, sizeof(got));
	return s;
}

int64_t
claim_lock_s(int64_t failures)
{
	int64_t lock = FIRST_LOCK_S;

	if (failures <= FREE_TRIES) {
		return 0;
	}
	for (int64_t i = FREE_TRIES + 1; i < failures && lock < LONGEST_LOCK_S; i++) {
		lock *= 2;
	}
	return lock < LONGEST_LOCK_S ? lock : LONGEST_LOCK_S;
}
