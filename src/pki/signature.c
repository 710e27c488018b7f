#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "pki/key.h"
#include "pki/oid.h"

static const struct {
	enum oid_known oid;
	enum key_kind key;
	const char *digest;
	bool has_null; /* RSA's parameters are NULL, ECDSA's and Ed25519's absent (RFC 4055, 5758, 8410) */
} kinds[] = {
	[SIGNATURE_ECDSA_SHA256] = { OID_ECDSA_SHA256, KEY_P256, "SHA256", false },
	[SIGNATURE_ECDSA_SHA384] = { OID_ECDSA_SHA384, KEY_P384, "SHA384", false },
	[SIGNATURE_RSA_SHA256] = { OID_RSA_SHA256, KEY_RSA, "SHA256", true },
	[SIGNATURE_RSA_SHA384] = { OID_RSA_SHA384, KEY_RSA, "SHA384", true },
	[SIGNATURE_RSA_SHA512] = { OID_RSA_SHA512, KEY_RSA, "SHA512", true },
	[SIGNATURE_ED25519] = { OID_ED25519, KEY_ED25519, NULL, false },
};

/*
 * A P-256 key without a point, made once: copying its parameters and setting a
 * point costs a twentieth of having libcrypto decode a subjectPublicKeyInfo.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_PKEY *template_p256;
static EVP_MD *md_sha256;

/* A key and a context to verify with it, each thread's own: the next point goes into the same key. */
struct verifier {
	EVP_PKEY *key;
	EVP_PKEY_CTX *context;
};
static pthread_key_t verifiers;

static void
free_verifier(void *verifier)
{
	verifier_free(verifier);
}

static void
make_template(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

	if (c == NULL || EVP_PKEY_paramgen_init(c) != 1 ||
		EVP_PKEY_CTX_set_group_name(c, "P-256") != 1 ||
		EVP_PKEY_paramgen(c, &template_p256) != 1) {
		abort(); /* a libcrypto without P-256 can do nothing for us */
	}
	EVP_PKEY_CTX_free(c);
	md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (pthread_key_create(&verifiers, free_verifier) != 0) {
		abort();
	}
}

static EVP_PKEY *
key_of_point(const uint8_t *point)
{
	uint8_t octets[65] = { 0x04 };
	EVP_PKEY *k;

	pthread_once(&once, make_template);
	memcpy(octets + 1, point, POINT_P256_LEN);
	k = EVP_PKEY_new();
	if (k == NULL || EVP_PKEY_copy_parameters(k, template_p256) != 1 ||
		EVP_PKEY_set1_encoded_public_key(k, octets, sizeof(octets)) != 1) {
		EVP_PKEY_free(k);
		ERR_clear_error();
		return NULL;
	}
	return k;
}

static EVP_PKEY *
key_of(const struct public_key *k)
{
	const uint8_t *p = k->spki.data;

	if (k->kind == KEY_P256) {
		return key_of_point(k->point);
	}
	return k->spki.len > 0 ? d2i_PUBKEY(NULL, &p, (long)k->spki.len) : NULL;
}

status
signature_kind_read(struct der_cursor *c, enum signature_kind *out)
{
	struct der_cursor inside;
	span type;
	status s = der_enter(c, DER_SEQUENCE, "signatureAlgorithm", &inside);

	if (s == OK) {
		s = der_read_oid(&inside, "algorithm", &type);
	}
	if (s != OK) {
		return s;
	}
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!oid_is(type, kinds[i].oid)) {
			continue;
		}
		*out = (enum signature_kind)i;
		s = kinds[i].has_null ? der_read_null(&inside, "parameters") : OK;
		return s == OK ? der_end(&inside, "signatureAlgorithm") : s;
	}
	return der_refuse(&inside, "signatureAlgorithm: one that is not taken");
}

void
signature_kind_write(struct der_writer *w, enum signature_kind k)
{
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(kinds[k].oid));
	if (kinds[k].has_null) {
		der_put_null(w);
	}
	der_close(w);
}

/* Behind what is signed. */
static status
read_signature(struct der_cursor *c, span algorithm_inside, struct signed_frame *out)
{
	const uint8_t *begin = c->at;
	status s = signature_kind_read(c, &out->signature_kind);

	if (s == OK && !span_equal(algorithm_inside, span_of(begin, (size_t)(c->at - begin)))) {
		s = der_refuse(c, "signatureAlgorithm: not the one inside");
	}
	return s == OK ? der_read_bit_octets(c, "signatureValue", &out->signature) : s;
}

status
signed_read(span der, const struct signed_kind *kind, struct signed_frame *frame, void *out,
	struct diag *d)
{
	struct der_cursor c = der_cursor_of(der, kind->clause, d), outer, inside;
	const uint8_t *begin;
	span algorithm = { NULL, 0 };
	status s = der_enter(&c, DER_SEQUENCE, kind->what, &outer);

	*frame = (struct signed_frame){ .signature = { NULL, 0 } };
	if (s != OK) {
		return s;
	}
	begin = outer.at;
	s = der_enter(&outer, DER_SEQUENCE, kind->signed_what, &inside);
	frame->tbs = span_of(begin, (size_t)(outer.at - begin));
	if (s == OK) {
		s = kind->read(&inside, &algorithm, out);
	}
	if (s == OK) {
		outer.clause = kind->algorithm_clause;
		s = read_signature(&outer, algorithm, frame);
	}
	if (s == OK) {
		s = der_end(&outer, kind->what);
	}
	return s == OK ? der_end(&c, kind->what) : s;
}

bool
signature_fits(enum signature_kind s, enum key_kind k)
{
	return kinds[s].key == k || (kinds[s].key == KEY_P256 && k == KEY_P384) ||
	       (kinds[s].key == KEY_P384 && k == KEY_P256);
}

static status
verify_with(EVP_PKEY *key, const char *digest, span message, span signature)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	status s = CRYPTO;

	/* Only 1 is yes: 0 and every negative value are no. */
	if (c != NULL && key != NULL &&
		EVP_DigestVerifyInit_ex(c, NULL, digest, NULL, NULL, key, NULL) == 1 &&
		EVP_DigestVerify(c, signature.data, signature.len, message.data, message.len) ==
			1) {
		s = OK;
	}
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return s;
}

status
verifier_new(const uint8_t point[POINT_P256_LEN], struct verifier **out)
{
	struct verifier *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (v == NULL) {
		return NO_MEMORY;
	}
	v->key = key_of_point(point);
	v->context = v->key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, v->key, NULL) : NULL;
	if (v->context == NULL || EVP_PKEY_verify_init(v->context) != 1) {
		verifier_free(v);
		return CRYPTO;
	}
	*out = v;
	return OK;
}

void
verifier_free(struct verifier *v)
{
	if (v != NULL) {
		EVP_PKEY_CTX_free(v->context);
		EVP_PKEY_free(v->key);
		free(v);
	}
}

static status
check_digest(struct verifier *v, const uint8_t digest[32], span signature)
{
	if (EVP_PKEY_verify(v->context, signature.data, signature.len, digest, 32) == 1) {
		return OK;
	}
	ERR_clear_error();
	return CRYPTO;
}

status
verifier_check(struct verifier *v, span message, span signature)
{
	uint8_t digest[32];

	sha256(message, digest);
	return check_digest(v, digest, signature);
}

status
verifier_check_digest(
	struct verifier *v, const uint8_t digest[32], const uint8_t raw[SIGNATURE_RAW_LEN])
{
	uint8_t der[72];
	size_t len;

	signature_raw_to_der(raw, der, &len);
	return check_digest(v, digest, span_of(der, len));
}

status
verifier_check_raw(struct verifier *v, span message, const uint8_t raw[SIGNATURE_RAW_LEN])
{
	uint8_t digest[32];

	sha256(message, digest);
	return verifier_check_digest(v, digest, raw);
}

/* The thread's own, with this point in it; NULL if it is none, or without memory. */
static struct verifier *
verifier_of_thread(const uint8_t point[POINT_P256_LEN])
{
	uint8_t octets[65] = { 0x04 };
	struct verifier *v;

	pthread_once(&once, make_template);
	v = pthread_getspecific(verifiers);
	if (v == NULL) {
		if (verifier_new(point, &v) != OK) {
			return NULL;
		}
		if (pthread_setspecific(verifiers, v) != 0) {
			verifier_free(v);
			return NULL;
		}
		return v;
	}
	memcpy(octets + 1, point, POINT_P256_LEN);
	/* The context verifies with the same key object: it sees the new point. */
	return EVP_PKEY_set1_encoded_public_key(v->key, octets, sizeof(octets)) == 1 ? v : NULL;
}

static status
verify_p256(const uint8_t *point, span message, span signature)
{
	struct verifier *v = verifier_of_thread(point);
	status s = v != NULL ? verifier_check(v, message, signature) : CRYPTO;

	ERR_clear_error();
	return s;
}

status
signature_verify(const struct public_key *k, enum signature_kind kind, span message, span signature,
	struct diag *d)
{
	EVP_PKEY *key;
	status s;

	if (!signature_fits(kind, k->kind)) {
		return diag_set(d, CRYPTO, NULL, "a signature of another kind than its key (%s)",
			key_kind_name(k->kind));
	}
	if (k->kind == KEY_P256 && kind == SIGNATURE_ECDSA_SHA256) {
		s = verify_p256(k->point, message, signature);
	} else {
		key = key_of(k);
		s = verify_with(key, kinds[kind].digest, message, signature);
		EVP_PKEY_free(key);
	}
	return s == OK ? OK : diag_set(d, s, NULL, "the signature does not check");
}

void
signature_raw_to_der(const uint8_t raw[SIGNATURE_RAW_LEN], uint8_t der[72], size_t *len)
{
	struct der_writer w;

	der_writer_init(&w, der, 72);
	der_open(&w, DER_SEQUENCE);
	der_put_unsigned(&w, span_of(raw, 32));
	der_put_unsigned(&w, span_of(raw + 32, 32));
	der_close(&w);
	*len = w.len;
}

status
signature_der_to_raw(span der, uint8_t raw[SIGNATURE_RAW_LEN])
{
	struct der_cursor c = der_cursor_of(der, "RFC 3279 2.2.3", NULL), inside;
	span r, s;
	status result = der_enter(&c, DER_SEQUENCE, "ECDSA-Sig-Value", &inside);

	if (result != OK || der_read_unsigned(&inside, "r", &r) != OK ||
		der_read_unsigned(&inside, "s", &s) != OK || !der_at_end(&inside) ||
		!der_at_end(&c) || r.len > 32 || s.len > 32) {
		return BAD_INPUT;
	}
	memset(raw, 0, SIGNATURE_RAW_LEN);
	memcpy(raw + 32 - r.len, r.data, r.len);
	memcpy(raw + 64 - s.len, s.data, s.len);
	return OK;
}

status
signature_verify_raw(
	const uint8_t point[POINT_P256_LEN], span message, const uint8_t raw[SIGNATURE_RAW_LEN])
{
	uint8_t der[72];
	size_t len;

	signature_raw_to_der(raw, der, &len);
	return verify_p256(point, message, span_of(der, len));
}
