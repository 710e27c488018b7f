#include <stdio.h>
#include <string.h>

#include "support.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "fake_pki.h"

#define YEAR_S (365L * 86400)

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
add_extensions(X509 *x, X509 *issuer, const struct fake_subject *s)
{
	add_extension(x, issuer, NID_basic_constraints,
		s->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(x, issuer, NID_key_usage, s->usage);
	add_extension(x, issuer, NID_subject_key_identifier, "hash");
	if (issuer != x) {
		add_extension(x, issuer, NID_authority_key_identifier, "keyid");
	}
	if (s->extended_usage != NULL) {
		add_extension(x, issuer, NID_ext_key_usage, s->extended_usage);
	}
	if (s->alt_names != NULL) {
		add_extension(x, issuer, NID_subject_alt_name, s->alt_names);
	}
}

static void
add_name(X509 *x, const char *type, const char *value)
{
	if (value != NULL) {
		assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), type,
					 MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0),
			1);
	}
}

X509 *
fake_certificate(const struct fake_subject *s, const struct fake_authority *by)
{
	X509 *x = X509_new(), *issuer = by != NULL ? by->certificate : x;
	unsigned char serial[16];

	assert_non_null(x);
	assert_int_equal(RAND_bytes(serial, sizeof(serial)), 1);
	serial[0] = 0x41;
	BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)));
	BN_free(number);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), s->from_s));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), s->to_s));
	add_name(x, "CN", s->common_name);
	add_name(x, "serialNumber", s->serial);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(issuer)), 1);
	assert_int_equal(X509_set_pubkey(x, s->key), 1);
	add_extensions(x, issuer, s);
	assert_true(X509_sign(x, by != NULL ? by->key : s->key, EVP_sha256()) > 0);
	return x;
}

X509 *
fake_operational(const struct fake_authority *by, EVP_PKEY *key, const char *serial)
{
	const struct fake_subject s = { .common_name = serial,
		.serial = serial,
		.key = key,
		.from_s = -60,
		.to_s = 30 * 86400,
		.usage = "critical,digitalSignature",
		.extended_usage = "clientAuth" };

	return fake_certificate(&s, by);
}

static void
make_authority(struct fake_authority *out, const char *name, const struct fake_authority *by)
{
	struct fake_subject s = { .common_name = name,
		.from_s = -3600,
		.to_s = 10 * YEAR_S,
		.is_ca = true,
		.usage = "critical,keyCertSign,cRLSign" };

	out->key = EVP_EC_gen("P-256");
	assert_non_null(out->key);
	s.key = out->key;
	out->certificate = fake_certificate(&s, by);
}

void
fake_pki_make(struct fake_pki *p)
{
	struct fake_subject s = { .common_name = "server",
		.from_s = -3600,
		.to_s = YEAR_S,
		.usage = "critical,digitalSignature",
		.extended_usage = "serverAuth",
		.alt_names = "IP:127.0.0.1" };

	make_authority(&p->root, "Test Root", NULL);
	make_authority(&p->issuing, "Test Issuing", &p->root);
	make_authority(&p->factory, "Test Factory", &p->root);
	make_authority(&p->stranger, "Stranger Root", NULL);
	p->server.key = EVP_EC_gen("P-256");
	s.key = p->server.key;
	p->server.certificate = fake_certificate(&s, &p->root);
}

static void
free_authority(struct fake_authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->certificate);
}

void
fake_pki_free(struct fake_pki *p)
{
	free_authority(&p->root);
	free_authority(&p->issuing);
	free_authority(&p->factory);
	free_authority(&p->stranger);
	free_authority(&p->server);
}

span
fake_der(struct arena *a, X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);
	span copy;

	assert_true(len > 0);
	copy = arena_copy(a, span_of(der, (size_t)len));
	assert_non_null(copy.data);
	OPENSSL_free(der);
	return copy;
}

void
fake_write_pem(const char *path, X509 *const *list)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (; *list != NULL; list++) {
		assert_int_equal(PEM_write_X509(f, *list), 1);
	}
	assert_int_equal(fclose(f), 0);
}
