#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "pki/key.h"

#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 1
#define PEM_SIZE_MAX 16384

/* A signature's context that nobody uses at the moment; who finds none makes one. */
struct spare_context {
	EVP_PKEY_CTX *_Atomic context;
};

void
private_key_prepare(struct private_key *k)
{
	if (k->kind == KEY_P256 && k->spare == NULL) {
		k->spare = calloc(1, sizeof(*k->spare));
	}
}

void
private_key_wipe(struct private_key *k)
{
	if (k->spare != NULL) {
		EVP_PKEY_CTX_free(atomic_load(&k->spare->context));
		free(k->spare);
	}
	EVP_PKEY_free(k->key); /* libcrypto overwrites the number */
	*k = (struct private_key){ 0 };
}

static status
crypto_fault(struct diag *d, const char *what)
{
	char text[160] = "no reason given";
	unsigned long code = ERR_peek_last_error();

	if (code != 0) {
		ERR_error_string_n(code, text, sizeof(text));
	}
	ERR_clear_error();
	return diag_set(d, CRYPTO, NULL, "%s: %s", what, text);
}

status
private_key_generate(enum key_kind kind, struct private_key *out, struct diag *d)
{
	*out = (struct private_key){ .kind = kind };
	switch (kind) {
	case KEY_P256:
		out->key = EVP_EC_gen("P-256");
		break;
	case KEY_P384:
		out->key = EVP_EC_gen("P-384");
		break;
	case KEY_ED25519:
		out->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case KEY_RSA:
		out->key = EVP_RSA_gen((size_t)3072);
		break;
	}
	return out->key != NULL ? OK : crypto_fault(d, "cannot make a key");
}

static bool
kind_of(EVP_PKEY *key, enum key_kind *out)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(key, "RSA")) {
		*out = KEY_RSA;
		return true;
	}
	if (EVP_PKEY_is_a(key, "ED25519")) {
		*out = KEY_ED25519;
		return true;
	}
	if (!EVP_PKEY_is_a(key, "EC") ||
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1) {
		return false;
	}
	*out = strcmp(group, "prime256v1") == 0 ? KEY_P256 : KEY_P384;
	return *out == KEY_P256 || strcmp(group, "secp384r1") == 0;
}

static status
take_bio(BIO *bio, struct buffer *pem, struct diag *d)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	buffer_put(pem, span_of(text, (size_t)len));
	return buffer_failed(pem) ? diag_set(d, NO_MEMORY, NULL, "no memory for a key") : OK;
}

status
private_key_write(const struct private_key *k, const struct secret *passphrase, struct buffer *pem,
	struct diag *d)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(k->key);
	X509_ALGOR *how = PKCS5_pbe2_set_scrypt(
		EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	BIO *bio = BIO_new(BIO_s_secmem());
	X509_SIG *sealed = NULL;
	status s = CRYPTO;

	if (plain != NULL && how != NULL && bio != NULL) {
		sealed = PKCS8_set0_pbe(
			(const char *)passphrase->data, (int)passphrase->len, plain, how);
	}
	if (sealed != NULL) {
		how = NULL; /* owned by `sealed` now */
	}
	if (sealed == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1) {
		s = crypto_fault(d, "cannot encrypt a private key");
	} else {
		s = take_bio(bio, pem, d);
	}
	X509_SIG_free(sealed);
	X509_ALGOR_free(how);
	PKCS8_PRIV_KEY_INFO_free(plain);
	BIO_free(bio);
	return s;
}

static int
hand_over(char *room, int size, int for_writing, void *user)
{
	const struct secret *passphrase = user;

	(void)for_writing;
	if (passphrase == NULL || passphrase->len > (size_t)size) {
		return -1;
	}
	memcpy(room, passphrase->data, passphrase->len);
	return (int)passphrase->len;
}

static status
read_key(span pem, const struct secret *passphrase, struct private_key *out, struct diag *d)
{
	BIO *bio;
	EVP_PKEY *key;

	*out = (struct private_key){ 0 };
	if (pem.len > PEM_SIZE_MAX) {
		return diag_set(d, LIMIT, NULL, "a private key of %zu bytes", pem.len);
	}
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	key = bio != NULL
		      ? PEM_read_bio_PrivateKey(bio, NULL, hand_over, (void *)(uintptr_t)passphrase)
		      : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL) {
		return passphrase != NULL
			       ? diag_set(d, DENIED, NULL, "the passphrase does not open the key")
			       : diag_set(d, BAD_INPUT, "RFC 7468 10", "not a private key in PEM");
	}
	if (!kind_of(key, &out->kind)) {
		EVP_PKEY_free(key);
		return diag_set(d, BAD_INPUT, NULL, "a private key of a kind that is not taken");
	}
	out->key = key;
	return OK;
}

status
private_key_read(span pem, const struct secret *passphrase, struct private_key *out, struct diag *d)
{
	return read_key(pem, passphrase, out, d);
}

status
private_key_read_plain(span pem, struct private_key *out, struct diag *d)
{
	return read_key(pem, NULL, out, d);
}

status
private_key_write_plain(const struct private_key *k, struct buffer *pem, struct diag *d)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	status s;

	if (bio == NULL ||
		PEM_write_bio_PKCS8PrivateKey(bio, k->key, NULL, NULL, 0, NULL, NULL) != 1) {
		s = crypto_fault(d, "cannot write a private key");
	} else {
		s = take_bio(bio, pem, d);
	}
	BIO_free(bio);
	return s;
}

status
private_key_write_info(const struct private_key *k, struct buffer *der, struct diag *d)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->key);
	status s;

	if (bio == NULL || info == NULL || i2d_PKCS8_PRIV_KEY_INFO_bio(bio, info) != 1) {
		s = crypto_fault(d, "cannot write a private key");
	} else {
		s = take_bio(bio, der, d);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
	return s;
}

status
private_key_public(const struct private_key *k, uint8_t *spki, size_t room, struct public_key *out,
	struct diag *d)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(k->key, &der);
	struct der_cursor c;

	if (len <= 0 || (size_t)len > room) {
		OPENSSL_free(der);
		return crypto_fault(d, "cannot write a public key");
	}
	memcpy(spki, der, (size_t)len);
	OPENSSL_free(der);
	c = der_cursor_of(span_of(spki, (size_t)len), "RFC 5280 4.1.2.7", d);
	return public_key_read(&c, out);
}

enum signature_kind
private_key_signature(const struct private_key *k)
{
	static const enum signature_kind kinds[] = { [KEY_P256] = SIGNATURE_ECDSA_SHA256,
		[KEY_P384] = SIGNATURE_ECDSA_SHA384,
		[KEY_RSA] = SIGNATURE_RSA_SHA256,
		[KEY_ED25519] = SIGNATURE_ED25519 };

	return kinds[k->kind];
}

/* ECDSA over a SHA-256 that was made before; the context comes back as it was. */
static bool
sign_p256(const struct private_key *k, span message, uint8_t *out, size_t *len)
{
	EVP_PKEY_CTX *c = atomic_exchange(&k->spare->context, NULL);
	uint8_t digest[32];

	if (c == NULL) {
		c = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
		if (c == NULL || EVP_PKEY_sign_init(c) != 1) {
			EVP_PKEY_CTX_free(c);
			return false;
		}
	}
	sha256(message, digest);
	if (EVP_PKEY_sign(c, out, len, digest, sizeof(digest)) != 1) {
		EVP_PKEY_CTX_free(c);
		return false;
	}
	EVP_PKEY_CTX_free(atomic_exchange(&k->spare->context, c));
	return true;
}

status
private_key_sign(
	const struct private_key *k, span message, uint8_t *out, size_t *len, struct diag *d)
{
	static const char *const digests[] = { [KEY_P256] = "SHA256",
		[KEY_P384] = "SHA384",
		[KEY_RSA] = "SHA256",
		[KEY_ED25519] = NULL };
	EVP_MD_CTX *c;
	status s = OK;

	*len = SIGNATURE_MAX_LEN;
	if (k->spare != NULL) {
		return sign_p256(k, message, out, len) ? OK : crypto_fault(d, "cannot sign");
	}
	c = EVP_MD_CTX_new();
	if (c == NULL ||
		EVP_DigestSignInit_ex(c, NULL, digests[k->kind], NULL, NULL, k->key, NULL) != 1 ||
		EVP_DigestSign(c, out, len, message.data, message.len) != 1) {
		s = crypto_fault(d, "cannot sign");
	}
	EVP_MD_CTX_free(c);
	return s;
}

status
private_key_sign_raw(
	const struct private_key *k, span message, uint8_t raw[SIGNATURE_RAW_LEN], struct diag *d)
{
	uint8_t der[SIGNATURE_MAX_LEN];
	size_t len;
	status s = private_key_sign(k, message, der, &len, d);

	if (s == OK &&
		(k->kind != KEY_P256 || signature_der_to_raw(span_of(der, len), raw) != OK)) {
		s = diag_set(d, BUG, NULL, "a raw signature is one of P-256");
	}
	return s;
}
