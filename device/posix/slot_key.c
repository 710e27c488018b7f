/*
 * An EC_KEY with a method of our own. libcrypto calls that deprecated and wants a provider, which would be
 * four times the code for the one operation that we have; the method is what OpenSSL 3's own engines and libp11
 * stand on, and works the same in Debian 12 and 13.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "device/posix/slot_key.h"

#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/err.h>

#include "base/check.h"
#include "base/log.h"
#include "pki/key.h"

#define DIGEST_LEN 32

static EC_KEY_METHOD *method;
static int context_index = -1;

/* FIPS 186-5 6.4.1: the leftmost bits of a longer digest, zeros before a shorter one. */
static void
fit_digest(const unsigned char *digest, int len, uint8_t out[DIGEST_LEN])
{
	size_t n = len < DIGEST_LEN ? (size_t)len : DIGEST_LEN;

	memset(out, 0, DIGEST_LEN);
	memcpy(out + DIGEST_LEN - n, digest, n);
}

static status
sign_digest(const struct slot_signer *by, const unsigned char *digest, int len, uint8_t raw[64])
{
	uint8_t fitted[DIGEST_LEN];
	struct diag d = { 0 };
	status s;

	fit_digest(digest, len, fitted);
	s = by->element->operations->sign(by->element, by->slot, fitted, raw, &d);
	if (s != OK) {
		log_diag(LOG_ERROR, "element_does_not_sign", &d);
		ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s",
			d.text); /* whoever asked libssl is told */
	}
	return s;
}

static int
sign_by_element(int type, const unsigned char *digest, int len, unsigned char *out,
	unsigned int *out_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	const struct slot_signer *by = EC_KEY_get_ex_data(key, context_index);
	uint8_t raw[SIGNATURE_RAW_LEN], der[72];
	size_t der_len;

	(void)type, (void)kinv, (void)r;
	if (by == NULL || len <= 0 || sign_digest(by, digest, len, raw) != OK) {
		return 0;
	}
	signature_raw_to_der(raw, der, &der_len);
	memcpy(out, der, der_len); /* libcrypto gives ECDSA_size() bytes: 72 */
	*out_len = (unsigned int)der_len;
	return 1;
}

static ECDSA_SIG *
sign_by_element_raw(
	const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	const struct slot_signer *by = EC_KEY_get_ex_data(key, context_index);
	uint8_t raw[SIGNATURE_RAW_LEN];
	ECDSA_SIG *signature;
	BIGNUM *first, *second;

	(void)kinv, (void)r;
	if (by == NULL || len <= 0 || sign_digest(by, digest, len, raw) != OK) {
		return NULL;
	}
	signature = ECDSA_SIG_new();
	first = BN_bin2bn(raw, 32, NULL);
	second = BN_bin2bn(raw + 32, 32, NULL);
	if (signature == NULL || first == NULL || second == NULL ||
		ECDSA_SIG_set0(signature, first, second) != 1) {
		ECDSA_SIG_free(signature);
		BN_free(first);
		BN_free(second);
		return NULL;
	}
	return signature;
}

static void
free_signer(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argl, void *argp)
{
	(void)parent, (void)all, (void)index, (void)argl, (void)argp;
	free(data);
}

static bool
prepare(void)
{
	if (method == NULL) {
		context_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, free_signer);
		method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
		if (method != NULL) {
			EC_KEY_METHOD_set_sign(method, sign_by_element, NULL, sign_by_element_raw);
		}
	}
	return method != NULL && context_index >= 0;
}

/* The public half, and the signer hung on it. */
static EC_KEY *
ec_key_of(const uint8_t point[64], const struct slot_signer *by)
{
	EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	struct slot_signer *own = malloc(sizeof(*own));
	uint8_t octets[65] = { 0x04 };

	memcpy(octets + 1, point, 64);
	if (key == NULL || own == NULL || EC_KEY_oct2key(key, octets, sizeof(octets), NULL) != 1 ||
		EC_KEY_set_method(key, method) != 1 ||
		EC_KEY_set_ex_data(key, context_index, own) != 1) {
		EC_KEY_free(key);
		free(own);
		return NULL;
	}
	*own = *by;
	return key;
}

status
slot_key_new(struct element *e, unsigned slot, EVP_PKEY **out, struct diag *d)
{
	const struct slot_signer by = { .element = e, .slot = slot };
	EVP_PKEY *key = EVP_PKEY_new();
	EC_KEY *inner = NULL;
	uint8_t point[64];
	status s = e->operations->point(e, slot, point, d);

	if (s == OK && prepare()) {
		inner = ec_key_of(point, &by);
	}
	if (s == OK && (key == NULL || inner == NULL || EVP_PKEY_assign_EC_KEY(key, inner) != 1)) {
		EC_KEY_free(inner);
		s = diag_set(d, CRYPTO, NULL, "slot %u: its key cannot be used", slot);
	}
	ERR_clear_error();
	if (s != OK) {
		EVP_PKEY_free(key);
		return s;
	}
	*out = key;
	return OK;
}

status
slot_sign(void *context, span message, uint8_t *out, size_t *len, struct diag *d)
{
	const struct slot_signer *by = context;
	uint8_t digest[DIGEST_LEN], raw[SIGNATURE_RAW_LEN];
	status s;

	sha256(message, digest);
	s = by->element->operations->sign(by->element, by->slot, digest, raw, d);
	if (s == OK) {
		signature_raw_to_der(raw, out, len);
	}
	return s;
}
