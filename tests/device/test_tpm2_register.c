/* Registration: swtpm's manufactured endorsement certificate, and credentials that its TPM alone activates. */
#include "swtpm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/element/tpm2.h"
#include "device/element/tpm2_session.h"
#include "element/tpm2_credential.h"
#include "element/tpm2_structure.h"
#include "pki/pem.h"

static const uint8_t secret[TPM2_SECRET_LEN] = "a secret of thirty-two bytes..";

struct bench {
	struct swtpm tpm;
	struct element *e;
	struct buffer ak;
	struct diag d;
};

static void
bench_open(struct bench *b)
{
	char element[200];

	if (b->tpm.folder == NULL) {
		*b = (struct bench){ 0 };
		swtpm_start(&b->tpm);
	}
	snprintf(element, sizeof(element), "%.150s/element", b->tpm.folder);
	assert_ok(element_tpm2_open(b->tpm.tcti, element, &b->e, &b->d), b->d);
	buffer_init(&b->ak, 1024);
	assert_ok(element_tpm2_attestation_key(b->e, &b->ak, &b->d), b->d);
}

static void
bench_close(struct bench *b)
{
	buffer_wipe(&b->ak);
	element_close(b->e);
	swtpm_end(&b->tpm);
}

static status
activate(struct bench *b, bool is_by_ecc, const struct tpm2_credential *made, struct buffer *out)
{
	const struct element_credential c = { is_by_ecc,
		span_of(made->id_object, made->id_object_len),
		span_of(made->encrypted_secret, made->encrypted_secret_len) };

	buffer_clear(out);
	return element_tpm2_activate(b->e, &c, out, NULL);
}

/* What the endorsement key says, right and wrong: this credential is for this TPM and this attestation key. */
static void
assert_only_this_tpm(struct bench *b, struct bench *other, const struct public_key *endorsement)
{
	bool is_by_ecc = endorsement->kind == KEY_P256;
	struct tpm2_credential made;
	struct buffer out;

	buffer_init(&out, 64);
	assert_ok(
		tpm2_credential_make(endorsement, buffer_span(&b->ak), secret, &made, &b->d), b->d);
	assert_int_equal(activate(b, is_by_ecc, &made, &out), OK);
	assert_true(span_equal(buffer_span(&out), SPAN_ARRAY(secret)));
	assert_int_not_equal(activate(other, is_by_ecc, &made, &out), OK);

	for (size_t at = 0; at < made.id_object_len; at += 9) {
		made.id_object[at] ^= 1;
		assert_int_not_equal(activate(b, is_by_ecc, &made, &out), OK);
		made.id_object[at] ^= 1;
	}
	made.encrypted_secret[40] ^= 1;
	assert_int_not_equal(activate(b, is_by_ecc, &made, &out), OK);

	/* For this endorsement key, but an attestation key of somewhere else. */
	assert_ok(tpm2_credential_make(endorsement, buffer_span(&other->ak), secret, &made, &b->d),
		b->d);
	assert_int_not_equal(activate(b, is_by_ecc, &made, &out), OK);
	made.id_object_len = 0;
	assert_int_equal(activate(b, is_by_ecc, &made, &out), LIMIT);
	buffer_wipe(&out);
}

static void
a_key_of_p256(void **state)
{
	struct bench b = { 0 }, other = { 0 };
	struct tpm2_session t;
	struct public_key endorsement;
	struct buffer none;
	TPM2B_PUBLIC public;
	uint8_t point[64];
	ESYS_TR key;
	char serial[ELEMENT_SERIAL_MAX + 1], own[TPM2_SERIAL_LEN + 1];

	if (!swtpm_is_there()) {
		SKIP_TEST("swtpm is not installed");
	}
	bench_open(&b);
	bench_open(&other);
	assert_ok(tpm2_session_open(b.tpm.tcti, &t, &b.d), b.d);
	assert_ok(tpm2_endorsement_key(&t, TPM2_ALG_ECC, &key, &public, &b.d), b.d);
	tpm2_session_close(&t);
	assert_ok(tpm2_blob_point(&public, point, &b.d), b.d);
	assert_ok(public_key_of_point(point, &endorsement, &b.d), b.d);
	assert_only_this_tpm(&b, &other, &endorsement);

	assert_ok(b.e->operations->serial(b.e, serial, &b.d), b.d);
	tpm2_serial_of_key(&endorsement, own);
	assert_string_equal(serial, own);
	buffer_init(&none, 4096);
	assert_int_equal(element_tpm2_endorsement(b.e, &none, NULL), NOT_FOUND);
	buffer_wipe(&none);
	bench_close(&other);
	bench_close(&b);
	(void)state;
}

/* --- swtpm's factory --- */

static span
certificate_of(struct arena *a, const char *folder, const char *name)
{
	struct diag d = { 0 };
	char path[200];
	span der;

	snprintf(path, sizeof(path), "%.100s/%s", folder, name);
	assert_ok(pem_read(a, bytes_of_file(a, path), "CERTIFICATE", &der, &d), d);
	return der;
}

static void
assert_chains(struct bench *b, struct arena *a, const char *folder, struct certificate_view *out)
{
	const span root = certificate_of(a, folder, "swtpm-localca-rootca-cert.pem");
	const span issuer = certificate_of(a, folder, "issuercert.pem");
	struct buffer certificate;
	struct tpm2_endorsement e = { .issuers = &issuer, .issuer_count = 1 };
	struct trust_set *roots, *others;
	int64_t now = (int64_t)time(NULL);

	buffer_init(&certificate, CERTIFICATE_SIZE_MAX);
	assert_ok(element_tpm2_endorsement(b->e, &certificate, &b->d), b->d);
	e.certificate = arena_copy(a, buffer_span(&certificate));
	buffer_wipe(&certificate);
	assert_ok(trust_set_new(&root, 1, false, &roots, &b->d), b->d);
	assert_ok(tpm2_endorsement_check(roots, &e, now, out, &b->d), b->d);
	assert_int_equal(out->key.kind, KEY_RSA);
	assert_int_equal(tpm2_endorsement_check(roots, &e, INT64_C(1000000000), out, NULL), CRYPTO);
	e.issuer_count = 0;
	assert_int_equal(tpm2_endorsement_check(roots, &e, now, out, NULL), CRYPTO);
	e.issuer_count = 1;

	/* An issuer is no endorsement key, and no root by itself. */
	struct tpm2_endorsement authority = { .certificate = issuer };
	assert_int_equal(tpm2_endorsement_check(roots, &authority, now, out, NULL), BAD_INPUT);
	assert_ok(trust_set_new(&e.certificate, 1, false, &others, &b->d), b->d);
	assert_int_equal(tpm2_endorsement_check(others, &e, now, out, NULL), CRYPTO);
	trust_set_free(others);
	assert_ok(tpm2_endorsement_check(roots, &e, now, out, &b->d), b->d);
	trust_set_free(roots);
}

static void
a_manufactured_tpm_of_rsa(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char serial[ELEMENT_SERIAL_MAX + 1], own[TPM2_SERIAL_LEN + 1];
	struct certificate_view view;
	struct bench b = { 0 }, other = { 0 };

	assert_non_null(a);
	if (!swtpm_is_there() || !swtpm_start_manufactured(&b.tpm)) {
		arena_free(a);
		SKIP_TEST("swtpm or swtpm-tools is not installed");
	}
	bench_open(&b);
	bench_open(&other);
	assert_chains(&b, a, b.tpm.folder, &view);
	assert_only_this_tpm(&b, &other, &view.key);
	assert_ok(b.e->operations->serial(b.e, serial, &b.d), b.d);
	tpm2_serial_of_key(&view.key, own);
	assert_string_equal(serial, own);
	bench_close(&other);
	bench_close(&b);
	arena_free(a);
	(void)state;
}

/* --- keys that are no attestation keys --- */

static void
only_restricted_keys_get_one(void **state)
{
	struct public_key endorsement;
	struct tpm2_credential made;
	struct buffer out;
	uint8_t point[64], public[1024];
	struct bench b = { 0 };
	struct diag d = { 0 };

	if (!swtpm_is_there()) {
		SKIP_TEST("swtpm is not installed");
	}
	bench_open(&b);
	assert_ok(b.e->operations->point(b.e, 1, point, &b.d), b.d);
	assert_ok(public_key_of_point(point, &endorsement, &b.d), b.d);
	memcpy(public, b.ak.data, b.ak.len);
	public[5] &= (uint8_t) ~(TPM2_RESTRICTED >> 16);
	assert_int_equal(
		tpm2_credential_make(&endorsement, span_of(public, b.ak.len), secret, &made, &d),
		BAD_INPUT);
	assert_non_null(strstr(d.text, "restricted"));
	for (size_t len = 0; len < b.ak.len; len++) {
		assert_int_equal(tpm2_credential_make(&endorsement, span_of(b.ak.data, len), secret,
					 &made, NULL),
			BAD_INPUT);
	}
	endorsement.kind = KEY_P384;
	assert_int_equal(
		tpm2_credential_make(&endorsement, buffer_span(&b.ak), secret, &made, NULL),
		BAD_INPUT);
	endorsement.kind = KEY_P256;
	assert_ok(tpm2_credential_make(&endorsement, buffer_span(&b.ak), secret, &made, &b.d), b.d);
	buffer_init(&out, 1024);
	tpm2_credential_write(&made, &out);
	assert_int_equal(out.len, 8 + 2 + made.id_object_len + 2 + made.encrypted_secret_len);
	buffer_wipe(&out);
	bench_close(&b);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_key_of_p256, swtpm_end_all),
		cmocka_unit_test_teardown(a_manufactured_tpm_of_rsa, swtpm_end_all),
		cmocka_unit_test_teardown(only_restricted_keys_get_one, swtpm_end_all),
	};

	return cmocka_run_group_tests_name("tpm2 register", tests, NULL, NULL);
}
