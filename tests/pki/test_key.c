#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "base/text.h"
#include "pki/key.h"

static void
every_kind_signs_and_checks(void **state)
{
	static const enum key_kind kinds[] = { KEY_P256, KEY_P384, KEY_RSA, KEY_ED25519 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		uint8_t spki[600], signature[SIGNATURE_MAX_LEN];
		struct diag d = { 0 };
		struct private_key k;
		struct public_key p;
		enum signature_kind how;
		size_t len;

		assert_ok(private_key_generate(kinds[i], &k, &d), d);
		assert_ok(private_key_public(&k, spki, sizeof(spki), &p, &d), d);
		assert_int_equal(p.kind, kinds[i]);
		how = private_key_signature(&k);
		assert_ok(private_key_sign(&k, span_text("message"), signature, &len, &d), d);
		assert_ok(signature_verify(
				  &p, how, span_text("message"), span_of(signature, len), &d),
			d);
		assert_int_equal(signature_verify(&p, how, span_text("massage"),
					 span_of(signature, len), NULL),
			CRYPTO);
		signature[len / 2] ^= 1;
		assert_int_equal(signature_verify(&p, how, span_text("message"),
					 span_of(signature, len), NULL),
			CRYPTO);
		assert_int_equal(
			signature_verify(&p, how, span_text("message"), span_of("", 0), NULL),
			CRYPTO);
		private_key_wipe(&k);
	}
}

static void
a_key_survives_its_encryption(void **state)
{
	struct diag d = { 0 };
	struct private_key k, back;
	struct secret right, wrong;
	struct buffer pem;

	(void)state;
	buffer_init(&pem, 16384);
	assert_int_equal(secret_init(&right, 5), OK);
	assert_int_equal(secret_init(&wrong, 5), OK);
	memcpy(right.data, "right", 5);
	memcpy(wrong.data, "wrong", 5);
	assert_ok(private_key_generate(KEY_P256, &k, &d), d);
	assert_ok(private_key_write(&k, &right, &pem, &d), d);
	assert_non_null(memmem(pem.data, pem.len, "ENCRYPTED PRIVATE KEY", 21));
	assert_int_equal(private_key_read(buffer_span(&pem), &wrong, &back, NULL), DENIED);
	assert_ok(private_key_read(buffer_span(&pem), &right, &back, &d), d);
	assert_int_equal(EVP_PKEY_eq(k.key, back.key), 1);
	private_key_wipe(&k);
	private_key_wipe(&back);
	assert_int_equal(private_key_read_plain(buffer_span(&pem), &back, NULL), BAD_INPUT);
	secret_wipe(&right);
	secret_wipe(&wrong);
	buffer_wipe(&pem);
}

static void
points_off_the_curve(void **state)
{
	uint8_t point[POINT_P256_LEN], spki[SPKI_P256_LEN];
	struct diag d = { 0 };
	struct private_key k;
	struct public_key p, again;
	struct der_cursor c;

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &k, &d), d);
	assert_ok(private_key_public(&k, spki, sizeof(spki), &p, &d), d);
	memcpy(point, p.point, sizeof(point));
	assert_ok(public_key_of_point(point, &again, &d), d);
	point[63] ^= 1;
	assert_int_equal(public_key_of_point(point, &again, NULL), BAD_INPUT);
	spki[SPKI_P256_LEN - 1] ^= 1;
	c = der_cursor_of(SPAN_ARRAY(spki), "t", NULL);
	assert_int_equal(public_key_read(&c, &again), BAD_INPUT);
	memset(point, 0, sizeof(point));
	assert_int_equal(public_key_of_point(point, &again, NULL), BAD_INPUT);
	memset(point, 0xff, sizeof(point));
	assert_int_equal(public_key_of_point(point, &again, NULL), BAD_INPUT);
	private_key_wipe(&k);
}

static void
explicit_curves_never_reach_libcrypto(void **state)
{
	/* ecPublicKey with a SEQUENCE of parameters: the opening of CVE-2022-0778 */
	struct arena *a = arena_new(1 << 16);
	span der = bytes_of_hex(a, "3018 3010 06072a8648ce3d0201 3005 0201 01 0500 0304 00040102");
	struct diag d = { 0 };
	struct der_cursor c = der_cursor_of(der, "t", &d);
	struct public_key p;

	(void)state;
	assert_int_equal(public_key_read(&c, &p), BAD_INPUT);
	arena_free(a);
}

static void
raw_signatures(void **state)
{
	uint8_t spki[SPKI_P256_LEN], der[72], raw[SIGNATURE_RAW_LEN], back[SIGNATURE_RAW_LEN];
	struct diag d = { 0 };
	struct private_key k;
	struct public_key p;
	size_t len;

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &k, &d), d);
	assert_ok(private_key_public(&k, spki, sizeof(spki), &p, &d), d);
	for (int i = 0; i < 50; i++) {
		assert_ok(private_key_sign_raw(&k, span_text("m"), raw, &d), d);
		assert_int_equal(signature_verify_raw(p.point, span_text("m"), raw), OK);
		signature_raw_to_der(raw, der, &len);
		assert_int_equal(signature_der_to_raw(span_of(der, len), back), OK);
		assert_memory_equal(raw, back, sizeof(raw));
	}
	memset(raw, 0, sizeof(raw));
	assert_int_equal(signature_verify_raw(p.point, span_text("m"), raw), CRYPTO);
	private_key_wipe(&k);
}

/* One made ready for many answers as the plain way does, and goes on after refusing one. */
static void
verifiers_answer_alike(void **state)
{
	uint8_t spki[SPKI_P256_LEN], der[72], raw[SIGNATURE_RAW_LEN], off[POINT_P256_LEN];
	struct verifier *v = NULL;
	struct diag d = { 0 };
	struct private_key k;
	struct public_key p;
	size_t len;

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &k, &d), d);
	assert_ok(private_key_public(&k, spki, sizeof(spki), &p, &d), d);
	assert_int_equal(verifier_new(p.point, &v), OK);
	for (int i = 0; i < 20; i++) {
		assert_ok(private_key_sign_raw(&k, span_text("m"), raw, &d), d);
		signature_raw_to_der(raw, der, &len);
		assert_int_equal(verifier_check_raw(v, span_text("m"), raw), OK);
		assert_int_equal(verifier_check(v, span_text("m"), span_of(der, len)), OK);
		assert_int_equal(verifier_check(v, span_text("m"), span_of(der, len - 1)), CRYPTO);
		assert_int_equal(verifier_check(v, span_text("n"), span_of(der, len)), CRYPTO);
		raw[i] ^= 1;
		assert_int_equal(verifier_check_raw(v, span_text("m"), raw), CRYPTO);
	}
	verifier_free(v);
	verifier_free(NULL);
	memset(off, 7, sizeof(off));
	assert_int_equal(verifier_new(off, &v), CRYPTO);
	assert_null(v);
	private_key_wipe(&k);
}

/* A thread verifies with one key object for all: no point may stay behind in it. */
static void
one_key_after_the_other(void **state)
{
	uint8_t spki[2][600], signature[2][SIGNATURE_MAX_LEN], off[POINT_P256_LEN];
	struct public_key p[2], none = { .kind = KEY_P256, .point_len = POINT_P256_LEN };
	struct private_key k[2];
	size_t len[2];
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_ok(private_key_generate(KEY_P256, &k[i], &d), d);
		assert_ok(private_key_public(&k[i], spki[i], sizeof(spki[i]), &p[i], &d), d);
		assert_ok(private_key_sign(&k[i], span_text("m"), signature[i], &len[i], &d), d);
	}
	memcpy(none.point, p[0].point, POINT_P256_LEN);
	none.point[POINT_P256_LEN - 1] ^= 1;
	memcpy(off, none.point, sizeof(off));
	for (size_t i = 0; i < 16; i++) {
		const struct public_key *key = i % 5 == 4 ? &none : &p[i % 2];
		size_t by = i / 2 % 2;
		status wanted = key == &p[by] ? OK : CRYPTO;
		uint8_t again[POINT_P256_LEN];

		assert_int_equal(signature_verify(key, SIGNATURE_ECDSA_SHA256, span_text("m"),
					 span_of(signature[by], len[by]), NULL),
			wanted);
		memcpy(again, p[i % 2].point, sizeof(again));
		assert_int_equal(public_key_of_point(again, &p[i % 2], NULL), OK);
		assert_int_equal(public_key_of_point(off, &none, NULL), BAD_INPUT);
	}
	private_key_wipe(&k[0]);
	private_key_wipe(&k[1]);
}

/* RFC 4231 4: keys shorter than, as long as and longer than a block; one key after the other on one thread. */
static void
codes_of_messages(void **state)
{
	static const struct {
		uint8_t key, key_len;
		const char *data;
		const char *expected;
	} rows[] = {
		{ 0x0b, 20, "Hi There",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		/* No key: openssl mac -digest SHA256 -macopt hexkey: HMAC */
		{ 0, 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
		{ 0x0b, 20, "Hi There",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		uint8_t key[131], out[32];
		char text[65];

		memset(key, rows[k].key, sizeof(key));
		hmac_sha256(span_of(rows[k].key_len > 0 ? key : NULL, rows[k].key_len),
			span_text(rows[k].data), out);
		assert_string_equal(rows[k].expected, hex_encode(text, SPAN_ARRAY(out)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_signs_and_checks),
		cmocka_unit_test(a_key_survives_its_encryption),
		cmocka_unit_test(points_off_the_curve),
		cmocka_unit_test(explicit_curves_never_reach_libcrypto),
		cmocka_unit_test(raw_signatures),
		cmocka_unit_test(verifiers_answer_alike),
		cmocka_unit_test(one_key_after_the_other),
		cmocka_unit_test(codes_of_messages),
	};

	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
