/*
 *   seed (32)         random, wrapped for the endorsement key: RSA-OAEP with label "IDENTITY\0", or
 *                     KDFe(Z, "IDENTITY", ephemeral.x, endorsement.x) with the ephemeral point in clear
 *   encIdentity       AES-128-CFB, IV 0, key KDFa(seed, "STORAGE", name, ""), of TPM2B_DIGEST(secret)
 *   integrityHMAC     HMAC-SHA-256, key KDFa(seed, "INTEGRITY", "", ""), of encIdentity || name
 *   id_object         TPM2B_DIGEST(integrityHMAC) || encIdentity
 *
 * TPM 2.0 Part 1, 24.4 and C.6.4, all with SHA-256, the name hash of the default endorsement keys.
 */
#include "element/tpm2_credential.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "element/tpm2_structure.h"

#define CLAUSE "TCG EK Credential Profile 3.2"
#define LABEL "IDENTITY" /* its NUL belongs to it */
#define SEED_LEN 32
#define AES_KEY_LEN 16

void
tpm2_serial_of_key(const struct public_key *endorsement, char out[TPM2_SERIAL_LEN + 1])
{
	uint8_t spki[SPKI_P256_LEN], hash[32];

	if (endorsement->spki.len > 0) {
		sha256(endorsement->spki, hash);
	} else {
		spki_of_point(endorsement->point, spki);
		sha256(SPAN_ARRAY(spki), hash);
	}
	hex_encode(out, span_of(hash, TPM2_SERIAL_LEN / 2));
}

static bool
is_known_kind(const struct public_key *k)
{
	return k->kind == KEY_P256 || (k->kind == KEY_RSA && k->bits == 2048);
}

status
tpm2_endorsement_check(const struct trust_set *roots, const struct tpm2_endorsement *e,
	int64_t at_s, struct certificate_view *out, struct diag *d)
{
	uint32_t usage;
	status s = certificate_read(e->certificate, out, d);

	if (s != OK) {
		diag_prefix(d, "endorsement key's certificate: ");
		return s;
	}
	if (!is_known_kind(&out->key)) {
		return diag_set(d, BAD_INPUT, CLAUSE,
			"the endorsement key is %s of %u bits: RSA-2048 and P-256 are taken",
			key_kind_name(out->key.kind), out->key.bits);
	}
	usage = out->key.kind == KEY_RSA ? KEY_USAGE_KEY_ENCIPHERMENT : KEY_USAGE_KEY_AGREEMENT;
	if (out->is_ca || (out->has_key_usage && (out->key_usage & usage) == 0)) {
		return diag_set(d, BAD_INPUT, CLAUSE,
			"the certificate is of no key that decrypts: no endorsement key's");
	}
	return chain_judge(roots, e->certificate, e->issuers, e->issuer_count, CHAIN_ANY, at_s, d);
}

/* --- key derivation --- */

static void
put_u32(uint8_t out[4], uint32_t n)
{
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(n >> (24 - 8 * i));
	}
}

/* KDFa, of one round: at most 256 bits, and one context (Part 1, 11.4.10.2). */
static void
derive(const uint8_t seed[SEED_LEN], const char *label, span context, uint32_t bits,
	uint8_t out[32])
{
	uint8_t message[128];
	size_t len = 4, label_len = strlen(label) + 1;

	put_u32(message, 1);
	memcpy(message + len, label, label_len);
	len += label_len;
	if (context.len > 0) {
		memcpy(message + len, context.data, context.len);
		len += context.len;
	}
	put_u32(message + len, bits);
	hmac_sha256(span_of(seed, SEED_LEN), span_of(message, len + 4), out);
}

/* KDFe, of one round (Part 1, 11.4.10.3). */
static void
derive_agreed(const uint8_t z[32], const uint8_t ephemeral_x[32], const uint8_t static_x[32],
	uint8_t out[SEED_LEN])
{
	uint8_t message[4 + 32 + sizeof(LABEL) + 64];

	put_u32(message, 1);
	memcpy(message + 4, z, 32);
	memcpy(message + 36, LABEL, sizeof(LABEL));
	memcpy(message + 36 + sizeof(LABEL), ephemeral_x, 32);
	memcpy(message + 68 + sizeof(LABEL), static_x, 32);
	sha256(SPAN_ARRAY(message), out);
	OPENSSL_cleanse(message, sizeof(message));
}

/* --- the seed for the endorsement key --- */

static EVP_PKEY *
import(span spki)
{
	const uint8_t *at = spki.data;

	return d2i_PUBKEY(NULL, &at, (long)spki.len);
}

static bool
wrap_by_rsa(EVP_PKEY *key, const uint8_t seed[SEED_LEN], struct tpm2_credential *out)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	void *label = OPENSSL_memdup(LABEL, sizeof(LABEL));
	bool is_done = false;

	out->encrypted_secret_len = sizeof(out->encrypted_secret);
	if (c != NULL && label != NULL && EVP_PKEY_encrypt_init(c) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set0_rsa_oaep_label(c, label, sizeof(LABEL)) == 1) {
		label = NULL; /* the context's now */
		is_done = EVP_PKEY_encrypt(c, out->encrypted_secret, &out->encrypted_secret_len,
				  seed, SEED_LEN) == 1;
	}
	OPENSSL_free(label);
	EVP_PKEY_CTX_free(c);
	return is_done;
}

static bool
agree(EVP_PKEY *ephemeral, EVP_PKEY *key, uint8_t z[32])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, ephemeral, NULL);
	size_t len = 32;
	bool is_done = c != NULL && EVP_PKEY_derive_init(c) == 1 &&
		       EVP_PKEY_derive_set_peer(c, key) == 1 && EVP_PKEY_derive(c, z, &len) == 1 &&
		       len == 32;

	EVP_PKEY_CTX_free(c);
	return is_done;
}

/* The seed is what is agreed on, the encrypted secret a TPMS_ECC_POINT. */
static bool
wrap_by_curve(EVP_PKEY *key, const uint8_t static_x[32], uint8_t seed[SEED_LEN],
	struct tpm2_credential *out)
{
	EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
	uint8_t point[65], z[32];
	size_t len = 0;
	bool is_done = ephemeral != NULL &&
		       EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_PUB_KEY, point,
			       sizeof(point), &len) == 1 &&
		       len == sizeof(point) && agree(ephemeral, key, z);

	if (is_done) {
		derive_agreed(z, point + 1, static_x, seed);
		out->encrypted_secret_len = 2 + 32 + 2 + 32;
		memset(out->encrypted_secret, 0, out->encrypted_secret_len);
		out->encrypted_secret[1] = 32;
		memcpy(out->encrypted_secret + 2, point + 1, 32);
		out->encrypted_secret[35] = 32;
		memcpy(out->encrypted_secret + 36, point + 33, 32);
	}
	OPENSSL_cleanse(z, sizeof(z));
	EVP_PKEY_free(ephemeral);
	return is_done;
}

static bool
wrap_seed(const struct public_key *endorsement, uint8_t seed[SEED_LEN], struct tpm2_credential *out)
{
	uint8_t spki[SPKI_P256_LEN];
	EVP_PKEY *key = NULL;
	bool is_done = false;

	if (endorsement->kind == KEY_RSA) {
		key = import(endorsement->spki);
		is_done = key != NULL && RAND_bytes(seed, SEED_LEN) == 1 &&
			  wrap_by_rsa(key, seed, out);
	} else {
		spki_of_point(endorsement->point, spki);
		key = import(SPAN_ARRAY(spki));
		is_done = key != NULL && wrap_by_curve(key, endorsement->point, seed, out);
	}
	EVP_PKEY_free(key);
	return is_done;
}

/* --- the credential --- */

static bool
encrypt(const uint8_t key[AES_KEY_LEN], span plain, uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0;
	bool is_done = c != NULL &&
		       EVP_EncryptInit_ex2(c, EVP_aes_128_cfb128(), key, iv, NULL) == 1 &&
		       EVP_EncryptUpdate(c, out, &len, plain.data, (int)plain.len) == 1 &&
		       (size_t)len == plain.len;

	EVP_CIPHER_CTX_free(c);
	return is_done;
}

static bool
put_identity(const uint8_t seed[SEED_LEN], span name, const uint8_t secret[TPM2_SECRET_LEN],
	struct tpm2_credential *out)
{
	uint8_t plain[2 + TPM2_SECRET_LEN] = { 0, TPM2_SECRET_LEN }, key[32];
	uint8_t signed_part[sizeof(plain) + TPM2_NAME_LEN];
	bool is_done;

	memcpy(plain + 2, secret, TPM2_SECRET_LEN);
	derive(seed, "STORAGE", name, AES_KEY_LEN * 8, key);
	is_done = encrypt(key, SPAN_ARRAY(plain), signed_part);
	memcpy(signed_part + sizeof(plain), name.data, TPM2_NAME_LEN);
	derive(seed, "INTEGRITY", (span){ NULL, 0 }, 256, key);
	out->id_object[0] = 0;
	out->id_object[1] = 32;
	hmac_sha256(SPAN_ARRAY(key), SPAN_ARRAY(signed_part), out->id_object + 2);
	memcpy(out->id_object + 34, signed_part, sizeof(plain));
	out->id_object_len = 34 + sizeof(plain);
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(key, sizeof(key));
	return is_done;
}

status
tpm2_credential_make(const struct public_key *endorsement, span ak_public,
	const uint8_t secret[TPM2_SECRET_LEN], struct tpm2_credential *out, struct diag *d)
{
	uint8_t seed[SEED_LEN] = { 0 };
	struct tpm2_public ak;
	status s = tpm2_public_read(ak_public, &ak, d);

	*out = (struct tpm2_credential){ 0 };
	if (s == OK) {
		s = tpm2_public_is_attestation_key(&ak, d);
	}
	if (s == OK && !is_known_kind(endorsement)) {
		s = diag_set(d, BAD_INPUT, CLAUSE, "no endorsement key of RSA-2048 or P-256");
	}
	if (s == OK && (!wrap_seed(endorsement, seed, out) ||
			       !put_identity(seed, SPAN_ARRAY(ak.name), secret, out))) {
		s = diag_set(d, CRYPTO, NULL, "a credential cannot be made for this key");
		ERR_clear_error();
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	return s;
}

static void
put_sized(struct buffer *out, span s)
{
	buffer_put_byte(out, (uint8_t)(s.len >> 8));
	buffer_put_byte(out, (uint8_t)s.len);
	buffer_put(out, s);
}

void
tpm2_credential_write(const struct tpm2_credential *c, struct buffer *out)
{
	static const uint8_t head[] = { 0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1 };

	buffer_put(out, SPAN_ARRAY(head));
	put_sized(out, span_of(c->id_object, c->id_object_len));
	put_sized(out, span_of(c->encrypted_secret, c->encrypted_secret_len));
}
