#pragma once
/*
 * Keys. Public ones are read by our own cursor: named curves, uncompressed
 * points, RSA of 2048 to 4096 bits; explicit curve parameters never reach libcrypto
 * (CVE-2022-0778). Private ones are libcrypto's, encrypted PKCS#8 at rest.
 */
#include <openssl/evp.h>

#include "base/buffer.h"
#include "base/secret.h"
#include "pki/der.h"

enum key_kind { KEY_P256 = 0, KEY_P384 = 1, KEY_RSA = 2, KEY_ED25519 = 3 };

#define POINT_P256_LEN 64
#define SPKI_P256_LEN 91 /* the DER of a P-256 subjectPublicKeyInfo is always this long */
#define SIGNATURE_MAX_LEN 512
#define SIGNATURE_RAW_LEN 64 /* R || S of P-256 */

struct public_key {
	enum key_kind kind;
	unsigned bits;	   /* 256, 384, of the RSA modulus */
	uint8_t point[96]; /* X || Y, or the 32 bytes of Ed25519 */
	size_t point_len;
	span spki; /* the DER it was read from; borrowed. Empty when made from a point */
};

const char *key_kind_name(enum key_kind k);

/* A subjectPublicKeyInfo (RFC 5280 4.1.2.7, RFC 5480). EC points are checked to be on the curve. */
MUST_USE status public_key_read(struct der_cursor *c, struct public_key *out);
/* From X || Y, big-endian. BAD_INPUT if it is not on P-256. */
MUST_USE status public_key_of_point(
	const uint8_t point[POINT_P256_LEN], struct public_key *out, struct diag *d);
/* Any kind that was read, or P-256 and P-384 made from a point. */
void public_key_write(struct der_writer *w, const struct public_key *k);
/* The SPKI of a P-256 point. */
void spki_of_point(const uint8_t point[POINT_P256_LEN], uint8_t out[SPKI_P256_LEN]);
/* SHA-256 of the whole SPKI DER: the store's key_hash. */
void public_key_hash(const struct public_key *k, uint8_t out[32]);
/* SHA-1 of the subjectPublicKey bits: RFC 5280 4.2.1.2 method 1. */
void public_key_id(const struct public_key *k, uint8_t out[20]);

void sha256(span data, uint8_t out[32]);
void sha256_two(span first, span second, uint8_t out[32]);
void sha1(span data, uint8_t out[20]);
void hmac_sha256(span key, span data, uint8_t out[32]);

/* --- signatures --- */

enum signature_kind {
	SIGNATURE_ECDSA_SHA256,
	SIGNATURE_ECDSA_SHA384,
	SIGNATURE_RSA_SHA256,
	SIGNATURE_RSA_SHA384,
	SIGNATURE_RSA_SHA512,
	SIGNATURE_ED25519
};

/* An AlgorithmIdentifier of a signature; its parameters as the standards want them. */
MUST_USE status signature_kind_read(struct der_cursor *c, enum signature_kind *out);
void signature_kind_write(struct der_writer *w, enum signature_kind k);
/* The frame of certificates and CRLs (RFC 5280 4.1, 5.1): a SEQUENCE of what is signed, the signature's algorithm, and the
 * signature. */
struct signed_kind {
	const char *what, *signed_what; /* the two SEQUENCEs */
	const char *clause, *algorithm_clause;
	/* Reads what is signed to its end, and notes the algorithm in it, which must stand outside the same to the byte. */
	status (*read)(struct der_cursor *inside, span *algorithm, void *out);
};
struct signed_frame {
	span tbs; /* what is signed, with its header */
	enum signature_kind signature_kind;
	span signature;
};
/* The whole of `der`, `out` by way of `read`. Statuses are der.h's; what was not come to is empty in the frame. */
MUST_USE status signed_read(span der, const struct signed_kind *kind, struct signed_frame *frame,
	void *out, struct diag *d);

/* Whether a key of this kind makes such signatures. */
bool signature_fits(enum signature_kind s, enum key_kind k);

/* CRYPTO when it does not check, with what it is of in the diag. Any thread. */
MUST_USE status signature_verify(const struct public_key *k, enum signature_kind s, span message,
	span signature, struct diag *d);
/* ECDSA P-256 with SHA-256 over `message`, R || S, key as a point. OK or CRYPTO. */
MUST_USE status signature_verify_raw(
	const uint8_t point[POINT_P256_LEN], span message, const uint8_t raw[SIGNATURE_RAW_LEN]);
/*
 * A P-256 key made ready once for many signatures with SHA-256, one thread's: saves the setting up
 * (a tenth of a verification) where one signer has signed a hundred thousand things. CRYPTO if the point is none.
 */
struct verifier;
MUST_USE status verifier_new(const uint8_t point[POINT_P256_LEN], struct verifier **out);
void verifier_free(struct verifier *v);
/* ECDSA-Sig-Value, DER; or R || S. OK or CRYPTO. */
MUST_USE status verifier_check(struct verifier *v, span message, span signature);
MUST_USE status verifier_check_raw(
	struct verifier *v, span message, const uint8_t raw[SIGNATURE_RAW_LEN]);
/* The same of a message whose SHA-256 is at hand. */
MUST_USE status verifier_check_digest(
	struct verifier *v, const uint8_t digest[32], const uint8_t raw[SIGNATURE_RAW_LEN]);
/* R || S <-> ECDSA-Sig-Value. The DER has at most 72 bytes. */
void signature_raw_to_der(const uint8_t raw[SIGNATURE_RAW_LEN], uint8_t der[72], size_t *len);
MUST_USE status signature_der_to_raw(span der, uint8_t raw[SIGNATURE_RAW_LEN]);

/* --- private keys --- */

struct spare_context;
struct private_key {
	EVP_PKEY *key; /* owned; wipe with private_key_wipe */
	enum key_kind kind;
	struct spare_context *spare; /* of private_key_prepare; owned */
};

MUST_USE status private_key_generate(enum key_kind kind, struct private_key *out, struct diag *d);
void private_key_wipe(struct private_key *k);
/* For a key that signs often: what a signature needs besides is kept from one to the next, which saves a quarter of it (P-256
 * only; any number of threads). Where memory is out the key stays as it is. */
void private_key_prepare(struct private_key *k);
/* PEM of encrypted PKCS#8 (scrypt N = 16384, r = 8; AES-256-CBC). */
MUST_USE status private_key_write(const struct private_key *k, const struct secret *passphrase,
	struct buffer *pem, struct diag *d);
/* DENIED when the passphrase is wrong. */
MUST_USE status private_key_read(
	span pem, const struct secret *passphrase, struct private_key *out, struct diag *d);
/* Unencrypted PEM: the agent's software keys and test elements, never a CA's. */
MUST_USE status private_key_write_plain(
	const struct private_key *k, struct buffer *pem, struct diag *d);
/* The PrivateKeyInfo (RFC 5958) alone, unencrypted: a key that leaves us (RFC 7030 4.4). Appends. */
MUST_USE status private_key_write_info(
	const struct private_key *k, struct buffer *der, struct diag *d);
MUST_USE status private_key_read_plain(span pem, struct private_key *out, struct diag *d);
/* The public half; `spki` in `room` of at least 600 bytes. */
MUST_USE status private_key_public(const struct private_key *k, uint8_t *spki, size_t room,
	struct public_key *out, struct diag *d);
/* The signature kind that the key makes: ECDSA with the curve's hash, RSA with SHA-256, Ed25519. */
enum signature_kind private_key_signature(const struct private_key *k);
/* `out` of SIGNATURE_MAX_LEN. */
MUST_USE status private_key_sign(
	const struct private_key *k, span message, uint8_t *out, size_t *len, struct diag *d);
MUST_USE status private_key_sign_raw(
	const struct private_key *k, span message, uint8_t raw[SIGNATURE_RAW_LEN], struct diag *d);
