#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#include "base/check.h"
#include "pki/csr.h"
#include "pki/pem.h"

static struct arena *a;
static struct private_key key;
static struct public_key public;
static uint8_t spki[600];

static int
set_up(void **state)
{
	struct diag d = { 0 };

	(void)state;
	a = arena_new(8 << 20);
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	private_key_wipe(&key);
	arena_free(a);
	return 0;
}

static span
request(span evidence, struct private_key *signer)
{
	const struct simple_name subject = { .common_name = "sn0123ABCDEF",
		.organization = "Acme, Inc" };
	const struct csr_signer by = { csr_sign_by_key, signer };
	struct diag d = { 0 };
	struct buffer b;
	span copy;

	buffer_init(&b, CSR_SIZE_MAX);
	assert_ok(csr_write(&subject, &public, OID_EVIDENCE, evidence, &by, &b, &d), d);
	copy = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return copy;
}

static void
read_back(void **state)
{
	span der = request(bytes_of_hex(a, "3003020105"), &key);
	struct diag d = { 0 };
	struct csr r;
	char text[NAME_TEXT_MAX];

	(void)state;
	assert_ok(csr_read(der, &r, &d), d);
	assert_true(span_is(name_get(&r.subject, OID_COMMON_NAME), "sn0123ABCDEF"));
	assert_string_equal(
		name_text(text, sizeof(text), &r.subject), "CN=sn0123ABCDEF,O=Acme\\, Inc");
	assert_memory_equal(r.key.point, public.point, 64);
	assert_true(span_equal(csr_attribute(&r, OID_EVIDENCE), bytes_of_hex(a, "3003020105")));
	assert_int_equal(csr_attribute(&r, OID_CHALLENGE_PASSWORD).len, 0);
}

static void
every_wrap(void **state)
{
	span der = request((span){ NULL, 0 }, &key), out;
	struct diag d = { 0 };
	struct buffer b;

	(void)state;
	buffer_init(&b, 1 << 16);
	assert_ok(csr_unwrap(a, der, &out, &d), d);
	assert_true(span_equal(out, der));
	base64_write(&b, der, 0);
	assert_ok(csr_unwrap(a, buffer_span(&b), &out, &d), d);
	assert_true(span_equal(out, der));
	buffer_clear(&b);
	base64_write(&b, der, 64);
	assert_ok(csr_unwrap(a, buffer_span(&b), &out, &d), d);
	assert_true(span_equal(out, der));
	buffer_clear(&b);
	pem_write(&b, "CERTIFICATE REQUEST", der);
	assert_ok(csr_unwrap(a, buffer_span(&b), &out, &d), d);
	assert_true(span_equal(out, der));
	assert_int_equal(csr_unwrap(a, span_text("rubbish!"), &out, NULL), BAD_INPUT);
	assert_int_equal(csr_unwrap(a, span_text(""), &out, NULL), BAD_INPUT);
	buffer_wipe(&b);
}

static void
cut_at_each_byte(void **state)
{
	span der = request(bytes_of_hex(a, "3003020105"), &key);
	struct csr r;

	(void)state;
	for (size_t n = 0; n < der.len; n++) {
		struct diag d = { 0 };
		uint8_t *exact = malloc(n + 1); /* so that a sanitizer sees one byte too many */

		memcpy(exact, der.data, n);
		assert_int_equal(csr_read(span_of(exact, n), &r, &d), BAD_INPUT);
		assert_true(d.clause[0] != '\0');
		free(exact);
	}
}

static void
each_byte_changed(void **state)
{
	span der = request(bytes_of_hex(a, "3003020105"), &key);
	uint8_t *copy = malloc(der.len);
	struct csr r;

	(void)state;
	for (size_t n = 0; n < der.len; n++) {
		for (unsigned bit = 0; bit < 8; bit += 3) {
			memcpy(copy, der.data, der.len);
			copy[n] ^= (uint8_t)(1u << bit);
			assert_int_not_equal(csr_read(span_of(copy, der.len), &r, NULL), OK);
		}
	}
	free(copy);
}

static void
signed_by_another_key(void **state)
{
	struct diag d = { 0 };
	struct private_key other;
	struct csr r;

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &other, &d), d);
	assert_int_equal(csr_read(request((span){ NULL, 0 }, &other), &r, &d), CRYPTO);
	assert_string_equal(d.clause, "RFC 2986 4.2");
	private_key_wipe(&other);
}

static void
too_large(void **state)
{
	static uint8_t big[CSR_SIZE_MAX + 1] = { 0x30, 0x82, 0x1f, 0xfd };
	struct csr r;

	(void)state;
	assert_int_equal(csr_read(SPAN_ARRAY(big), &r, NULL), LIMIT);
}

static bool
names_equal(const char *x, const char *y)
{
	struct diag d = { 0 };
	struct der_cursor cx = der_cursor_of(bytes_of_hex(a, x), "t", &d);
	struct der_cursor cy = der_cursor_of(bytes_of_hex(a, y), "t", &d);
	struct name nx, ny;

	assert_ok(name_read(&cx, "x", &nx), d);
	assert_ok(name_read(&cy, "y", &ny), d);
	return name_equal(&nx, &ny);
}

static void
names_compared_as_rfc_5280_wants(void **state)
{
	/* CN = "Ab  c" as PrintableString */
	static const char *const one = "3010 310e 300c 0603550403 1305 4162202063";

	(void)state;
	/* "aB C" as UTF8String, " ab c " with spaces around */
	assert_true(names_equal(one, "300f 310d 300b 0603550403 0c04 61422043"));
	assert_true(names_equal(one, "3011 310f 300d 0603550403 0c06 206162206320"));
	assert_false(names_equal(one, "300e 310c 300a 0603550403 0c03 616263"));
	assert_false(names_equal(one, "3010 310e 300c 060355040a 1305 4162202063")); /* O, not CN */
	assert_false(names_equal(one, "3000"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_back),
		cmocka_unit_test(every_wrap),
		cmocka_unit_test(cut_at_each_byte),
		cmocka_unit_test(each_byte_changed),
		cmocka_unit_test(signed_by_another_key),
		cmocka_unit_test(too_large),
		cmocka_unit_test(names_compared_as_rfc_5280_wants),
	};

	return cmocka_run_group_tests_name("csr", tests, set_up, tear_down);
}
