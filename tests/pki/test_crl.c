/* The extensions of a revocation list that somebody else made. */
#include "support.h"

#include "base/check.h"
#include "pki/crl.h"
#include "pki/oid.h"

#define LIST_MAX 1024

/* A list of no entries with one extension, whose value is these bytes. Nobody signed it: crl_read does not ask. */
static span
list_with(uint8_t room[LIST_MAX], enum oid_known type, span value)
{
	static const struct simple_name issuer = { .common_name = "Test issuer" };
	struct der_writer w;
	struct diag d = { 0 };
	span der;

	der_writer_init(&w, room, LIST_MAX);
	der_open(&w, DER_SEQUENCE);
	der_open(&w, DER_SEQUENCE);
	der_put_number(&w, 1);
	signature_kind_write(&w, SIGNATURE_ECDSA_SHA256);
	simple_name_write(&w, &issuer);
	der_put_time(&w, TEST_TIME_S);
	der_put_time(&w, TEST_TIME_S + 86400);
	der_open(&w, DER_CONTEXT_IN(0));
	der_open(&w, DER_SEQUENCE);
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, oid(type));
	der_put_octets(&w, value);
	der_close(&w);
	der_close(&w);
	der_close(&w);
	der_close(&w);
	signature_kind_write(&w, SIGNATURE_ECDSA_SHA256);
	der_put_bits(&w, span_text("a signature"));
	der_close(&w);
	assert_ok(der_writer_finish(&w, &der, &d), d);
	return der;
}

static void
test_authority_key_id(void **state)
{
	static const struct {
		const char *what;
		uint8_t value[24];
		size_t len;
		status expected;
		size_t id_len;
	} rows[] = {
		{ "nothing in it", { 0x30, 0 }, 2, OK, 0 },
		{ "an id", { 0x30, 4, 0x80, 2, 7, 8 }, 6, OK, 2 },
		{ "an id, issuer and serial number",
			{ 0x30, 13, 0x80, 2, 7, 8, 0xA1, 4, 0x82, 2, 'a', 'b', 0x82, 1, 5 }, 15, OK,
			2 },
		{ "issuer and serial number", { 0x30, 9, 0xA1, 4, 0x82, 2, 'a', 'b', 0x82, 1, 5 },
			11, OK, 0 },
		{ "no sequence", { 0x04, 2, 7, 8 }, 4, BAD_INPUT, 0 },
		{ "nothing", { 0 }, 0, BAD_INPUT, 0 },
		{ "two ids", { 0x30, 6, 0x80, 1, 7, 0x80, 1, 8 }, 8, BAD_INPUT, 0 },
		{ "the serial number first", { 0x30, 6, 0x82, 1, 5, 0x80, 1, 7 }, 8, BAD_INPUT, 0 },
		{ "a field that is none", { 0x30, 6, 0x80, 1, 7, 0x83, 1, 5 }, 8, BAD_INPUT, 0 },
		{ "something behind it", { 0x30, 3, 0x80, 1, 7, 0x05, 0 }, 7, BAD_INPUT, 0 },
		{ "an id that is cut", { 0x30, 3, 0x80, 2, 7 }, 5, BAD_INPUT, 0 },
	};
	uint8_t room[LIST_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		span der = list_with(
			room, OID_AUTHORITY_KEY_IDENTIFIER, span_of(rows[i].value, rows[i].len));
		struct crl_view view;
		struct diag d = { 0 };
		status s = crl_read(der, &view, &d);

		if (s != rows[i].expected ||
			(s == OK && view.authority_key_id.len != rows[i].id_len)) {
			fail_msg("%s: %s %s", rows[i].what, status_name(s), d.text);
		}
		if (s != OK && d.clause[0] == '\0') {
			fail_msg("%s: %s, by nothing", rows[i].what, d.text);
		}
	}
}

/* What is known is read to its end; what is not may be anything. */
static void
test_other_values(void **state)
{
	static const struct {
		enum oid_known type;
		uint8_t value[8];
		size_t len;
		status expected;
	} rows[] = { { OID_CRL_NUMBER, { 0x02, 1, 5 }, 3, OK },
		{ OID_CRL_NUMBER, { 0x02, 1, 5, 0 }, 4, BAD_INPUT },
		{ OID_CRL_NUMBER, { 0x02, 1, 5, 0x02, 1, 6 }, 6, BAD_INPUT },
		{ OID_ISSUING_DISTRIBUTION_POINT, { 0x30, 3, 0x82, 1, 0xFF }, 5, OK },
		{ OID_ISSUING_DISTRIBUTION_POINT, { 0x30, 3, 0x82, 1, 0xFF, 0x05, 0 }, 7,
			BAD_INPUT },
		{ OID_KEY_USAGE, { 'a', 'n', 'y' }, 3, OK } };
	uint8_t room[LIST_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		span der = list_with(room, rows[i].type, span_of(rows[i].value, rows[i].len));
		struct crl_view view;

		assert_int_equal(crl_read(der, &view, NULL), rows[i].expected);
	}
}

/* Everything of the frame counts: cut anywhere, or with a byte behind it, it is none. */
static void
test_frame(void **state)
{
	static const uint8_t number[] = { 0x02, 1, 5 };
	uint8_t room[LIST_MAX];
	span der = list_with(room, OID_CRL_NUMBER, SPAN_ARRAY(number));
	struct crl_view view;
	struct diag d = { 0 };

	(void)state;
	assert_ok(crl_read(der, &view, &d), d);
	assert_true(span_is(view.signature, "a signature"));
	assert_int_equal(view.signature_kind, SIGNATURE_ECDSA_SHA256);
	assert_ptr_equal(view.tbs.data, der.data + 2);
	for (size_t len = 0; len < der.len; len++) {
		assert_int_equal(crl_read(span_slice(der, 0, len), &view, NULL), BAD_INPUT);
	}
	room[der.len] = 0;
	assert_int_equal(crl_read(span_of(room, der.len + 1), &view, NULL), BAD_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authority_key_id),
		cmocka_unit_test(test_other_values),
		cmocka_unit_test(test_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
