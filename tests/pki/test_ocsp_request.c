#include <stdio.h>

#include <openssl/ocsp.h>

#include "support.h"

#include "base/check.h"
#include "base/text.h"
#include "pki/ocsp_request.h"

static struct arena *a;

static int
set_up(void **state)
{
	(void)state;
	a = arena_new(1 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* As libcrypto's own client makes it. */
static span
request_of_libcrypto(const EVP_MD *md, int nonce_len)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_BIT_STRING *key = ASN1_BIT_STRING_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	uint8_t *der = NULL;
	span out;
	int len;

	ASN1_INTEGER_set_int64(serial, 0x4142434445464748);
	ASN1_BIT_STRING_set(key, (uint8_t *)(uintptr_t) "key", 3);
	OCSP_request_add0_id(r, OCSP_cert_id_new(md, name, key, serial));
	if (nonce_len > 0) {
		OCSP_request_add1_nonce(r, NULL, nonce_len);
	}
	len = i2d_OCSP_REQUEST(r, &der);
	out = arena_copy(a, span_of(der, (size_t)len));
	OPENSSL_free(der);
	ASN1_INTEGER_free(serial);
	ASN1_BIT_STRING_free(key);
	X509_NAME_free(name);
	OCSP_REQUEST_free(r);
	return out;
}

static void
what_libcrypto_asks_is_read(void **state)
{
	struct diag d = { 0 };
	struct ocsp_request r;

	(void)state;
	assert_ok(ocsp_request_read(request_of_libcrypto(EVP_sha1(), 0), &r, &d), d);
	assert_int_equal(r.count, 1);
	assert_false(r.ids[0].is_sha256);
	assert_int_equal(r.ids[0].serial.len, 8);
	assert_int_equal(r.nonce.len, 0);
	assert_ok(ocsp_request_read(request_of_libcrypto(EVP_sha256(), 16), &r, &d), d);
	assert_true(r.ids[0].is_sha256);
	assert_int_equal(r.nonce.len, 18);
	assert_ok(ocsp_request_read(request_of_libcrypto(EVP_sha256(), 128), &r, &d), d);
	assert_int_equal(
		ocsp_request_read(request_of_libcrypto(EVP_sha256(), 129), &r, &d), BAD_INPUT);
	assert_string_equal(d.clause, "RFC 9654 2.1");
	assert_int_equal(
		ocsp_request_read(request_of_libcrypto(EVP_sha384(), 0), &r, NULL), BAD_INPUT);
}

/* The signer takes one element: what stood behind it would end its channel. */
static void
nonce_is_one_element(void **state)
{
	span der = request_of_libcrypto(EVP_sha1(), 16);
	uint8_t *inner = memmem(der.data, der.len, "\x04\x12\x04\x10", 4);
	struct diag d = { 0 };
	struct ocsp_request r;

	(void)state;
	assert_non_null(inner);
	inner[3] = 15;
	assert_int_equal(ocsp_request_read(der, &r, &d), BAD_INPUT);
	assert_string_equal(d.clause, "RFC 9654 2.1");
}

static void
cut_at_each_byte(void **state)
{
	span der = request_of_libcrypto(EVP_sha1(), 16);
	struct ocsp_request r;

	(void)state;
	for (size_t n = 0; n < der.len; n++) {
		assert_int_not_equal(ocsp_request_read(span_slice(der, 0, n), &r, NULL), OK);
	}
}

static void
paths_as_clients_write_them(void **state)
{
	static const struct {
		const char *path, *hex; /* NULL: refused */
	} rows[] = {
		{ "/+/8=", "fbff" },
		{ "+/8=", "fbff" },
		{ "//+/8", "fbff" },
		{ "%2B%2F8%3D", "fbff" },
		{ "%2b/8%3d", "fbff" },
		{ "-_8", "fbff" },
		{ "+//7", "fbfffb" },
		{ "%", NULL },
		{ "%2", NULL },
		{ "%zz", NULL },
		{ "", NULL },
		{ "/", NULL },
		{ "a b", NULL },
		{ "****", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char hex[64];
		span der;
		status s = ocsp_path_decode(a, span_text(rows[i].path), &der, NULL);

		if (rows[i].hex == NULL) {
			assert_true(s == BAD_INPUT);
		} else {
			assert_int_equal(s, OK);
			assert_string_equal(hex_encode(hex, der), rows[i].hex);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_libcrypto_asks_is_read),
		cmocka_unit_test(nonce_is_one_element),
		cmocka_unit_test(cut_at_each_byte),
		cmocka_unit_test(paths_as_clients_write_them),
	};

	return cmocka_run_group_tests_name("ocsp request", tests, set_up, tear_down);
}
