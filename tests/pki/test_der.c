#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "base/text.h"
#include "pki/cms.h"
#include "pki/der.h"
#include "pki/oid.h"

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

/* Every element inside must be well-formed for der_read_any to answer OK. */
static status
whole(const char *hex, struct diag *d)
{
	struct der_cursor c = der_cursor_of(bytes_of_hex(a, hex), "test", d);
	span out;
	status s = der_read_any(&c, "element", &out);

	return s == OK ? der_end(&c, "input") : s;
}

static void
encodings_refused(void **state)
{
	static const struct {
		const char *hex, *clause;
	} rows[] = {
		{ "", "test" }, { "30", "test" },
		{ "3001", "X.690 10.1" },	  /* longer than the input */
		{ "3080 0000", "X.690 10.1" },	  /* indefinite */
		{ "3081 00", "X.690 10.1" },	  /* length not minimal */
		{ "3081 7f", "X.690 10.1" },	  /* the same, cut */
		{ "3082 0001 00", "X.690 10.1" }, /* leading zero of a length */
		{ "3085 0000000001 00", "X.690 10.1" }, { "3084 ffffffff", "X.690 10.1" },
		{ "1f81 01 00", "X.690 8.1.2" }, /* tag of several bytes */
		{ "0000", "X.690 8.1.5" },	 /* end-of-contents */
		{ "0001 00", "X.690 8.1.5" }, { "2000", "X.690 8.1.5" },
		{ "2403 0401 00", "X.690 10.2" }, /* constructed OCTET STRING */
		{ "3003 0402 00", "X.690 10.1" }, /* inner element over its holder */
		{ "3000 00", "test" },		  /* trailing byte */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct diag d = { 0 };

		assert_int_equal(whole(rows[i].hex, &d), BAD_INPUT);
		assert_string_equal(d.clause, rows[i].clause);
	}
}

static void
depth_is_bounded(void **state)
{
	char hex[4 * 64 + 1] = "";
	struct diag d = { 0 };

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(hex + strlen(hex), 5, "30%02x", 2 * (39 - i));
	}
	assert_int_equal(whole(hex, &d), LIMIT);
}

static void
integers(void **state)
{
	static const char *const bad[] = { "0200", "02020001", "0202007f", "0202ffff",
		"020101 00" };
	uint32_t n;
	span s;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct der_cursor c = der_cursor_of(bytes_of_hex(a, bad[i]), "test", NULL);
		status got = der_read_integer(&c, "n", &s);

		assert_true(got == BAD_INPUT || der_end(&c, "n") == BAD_INPUT);
	}
	struct der_cursor c =
		der_cursor_of(bytes_of_hex(a, "020200ff 0201ff 02050100000000"), "t", NULL);

	assert_int_equal(der_read_number(&c, DER_INTEGER, "n", 1000, &n), OK);
	assert_int_equal(n, 255);
	assert_int_equal(
		der_read_unsigned(&c, "n", &s), BAD_INPUT); /* negative; the cursor stays */
	assert_int_equal(der_read_integer(&c, "n", &s), OK);
	assert_int_equal(der_read_number(&c, DER_INTEGER, "n", UINT32_MAX, &n), LIMIT);
}

static void
small_types(void **state)
{
	struct der_cursor c;
	bool b;
	uint32_t bits;
	span s;

	(void)state;
	c = der_cursor_of(bytes_of_hex(a, "010101"), "t", NULL);
	assert_int_equal(der_read_boolean(&c, "b", &b), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "0101ff"), "t", NULL);
	assert_int_equal(der_read_boolean(&c, "b", &b), OK);
	assert_true(b);
	c = der_cursor_of(bytes_of_hex(a, "050100"), "t", NULL);
	assert_int_equal(der_read_null(&c, "n"), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "0603808001"), "t", NULL); /* 80: not minimal */
	assert_int_equal(der_read_oid(&c, "o", &s), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "06025581"), "t", NULL); /* ends inside a part */
	assert_int_equal(der_read_oid(&c, "o", &s), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "0600"), "t", NULL);
	assert_int_equal(der_read_oid(&c, "o", &s), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "03020780"), "t", NULL);
	assert_int_equal(der_read_named_bits(&c, DER_BIT_STRING, "k", &bits), OK);
	assert_int_equal(bits, 1);
	c = der_cursor_of(bytes_of_hex(a, "03020680"), "t", NULL); /* trailing zero */
	assert_int_equal(der_read_named_bits(&c, DER_BIT_STRING, "k", &bits), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "03020781"), "t", NULL); /* unused bit set */
	assert_int_equal(der_read_named_bits(&c, DER_BIT_STRING, "k", &bits), BAD_INPUT);
	c = der_cursor_of(bytes_of_hex(a, "0300"), "t", NULL);
	assert_int_equal(der_read_bit_octets(&c, "k", &s), BAD_INPUT);
}

static void
long_oids_are_refused_at_once(void **state)
{
	uint8_t big[10004] = { 0x06, 0x82, 0x27, 0x10 };
	struct der_cursor c = der_cursor_of(SPAN_ARRAY(big), "t", NULL);
	span s;

	(void)state;
	memset(big + 4, 0x81, sizeof(big) - 4);
	assert_int_equal(der_read_oid(&c, "o", &s), LIMIT);
}

static void
times(void **state)
{
	static const struct {
		const char *text;
		uint8_t tag;
		int64_t want; /* -1: refused */
	} rows[] = {
		{ "261123120000Z", DER_UTC_TIME, TEST_TIME_S },
		{ "491231235959Z", DER_UTC_TIME, 2524607999 },
		{ "500101000000Z", DER_UTC_TIME, -631152000 },
		{ "20500101000000Z", DER_GENERALIZED_TIME, 2524608000 },
		{ "99991231235959Z", DER_GENERALIZED_TIME, 253402300799 },
		{ "20491231235959Z", DER_GENERALIZED_TIME, -1 },
		{ "2611231200Z", DER_UTC_TIME, -1 },
		{ "261123120000+0000", DER_UTC_TIME, -1 },
		{ "260230120000Z", DER_UTC_TIME, -1 },
		{ "20500101000000.5Z", DER_GENERALIZED_TIME, -1 },
		{ "2611231200 0Z", DER_UTC_TIME, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t room[64];
		struct der_writer w;
		struct der_cursor c;
		int64_t got = -1;
		status s;

		der_writer_init(&w, room, sizeof(room));
		der_put(&w, rows[i].tag, span_text(rows[i].text));
		c = der_cursor_of(span_of(room, w.len), "t", NULL);
		/* Without the 2050 rule the rest still counts. */
		s = der_read_any_time(&c, "t", &got);
		assert_int_equal(
			s, rows[i].want == -1 && strcmp(rows[i].text, "20491231235959Z") != 0
				   ? BAD_INPUT
				   : OK);
		c = der_cursor_of(span_of(room, w.len), "t", NULL);
		got = -1;
		s = der_read_time(&c, "t", &got);
		if (rows[i].want == -1) {
			assert_int_equal(s, BAD_INPUT);
			continue;
		}
		assert_int_equal(s, OK);
		assert_int_equal(got, rows[i].want);
		der_writer_init(&w, room, sizeof(room));
		der_put_time(&w, got);
		assert_true(span_equal(span_of(room + 2, w.len - 2), span_text(rows[i].text)));
	}
}

static void
strings_by_their_kind(void **state)
{
	(void)state;
	assert_true(der_string_is_valid(DER_PRINTABLE_STRING, span_text("Ab 9'()+,-./:=?")));
	assert_false(der_string_is_valid(DER_PRINTABLE_STRING, span_text("a@b")));
	assert_false(der_string_is_valid(DER_UTF8_STRING, span_of("a\0b", 3)));
	assert_false(der_string_is_valid(DER_UTF8_STRING, span_text("\xc0\x80")));
	assert_false(der_string_is_valid(DER_IA5_STRING, span_text("\xc3\xa9")));
	assert_false(der_string_is_valid(DER_BMP_STRING, span_of("\0a\0", 3)));
	assert_false(der_string_is_valid(DER_BMP_STRING, span_of("\xd8\x00", 2)));
	assert_true(der_string_is_valid(DER_BMP_STRING, span_of("\0a\0b", 4)));
	assert_false(der_string_is_valid(DER_OCTET_STRING, span_text("a")));
}

static void
written_lengths_are_right_at_the_edges(void **state)
{
	static const size_t sizes[] = { 0, 1, 126, 127, 128, 129, 255, 256, 257, 65535, 65536,
		70000 };
	static uint8_t content[70000], room[80000];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct diag d = { 0 };
		struct der_writer w;
		struct der_cursor c, in;
		span out, octets;

		der_writer_init(&w, room, sizeof(room));
		der_open(&w, DER_SEQUENCE);
		der_put_octets(&w, span_of(content, sizes[i]));
		der_close(&w);
		assert_ok(der_writer_finish(&w, &out, &d), d);
		c = der_cursor_of(out, "t", &d);
		assert_ok(der_enter(&c, DER_SEQUENCE, "s", &in), d);
		assert_ok(der_read(&in, DER_OCTET_STRING, "o", &octets), d);
		assert_int_equal(octets.len, sizes[i]);
		assert_true(der_at_end(&in) && der_at_end(&c));
		der_writer_init(&w, room, out.len - 1);
		der_open(&w, DER_SEQUENCE);
		der_put_octets(&w, span_of(content, sizes[i]));
		der_close(&w);
		assert_int_equal(der_writer_finish(&w, &out, &d), LIMIT);
	}
}

static void
sets_are_sorted(void **state)
{
	uint8_t room[64];
	struct der_writer w;
	char hex[129];

	(void)state;
	der_writer_init(&w, room, sizeof(room));
	der_open(&w, DER_SET);
	der_put_number(&w, 300);
	der_put_number(&w, 2);
	der_put_number(&w, 1);
	der_put_boolean(&w, true);
	der_close_set_of(&w);
	assert_string_equal(
		hex_encode(hex, span_of(room, w.len)), "310d0101ff0201010201020202012c");
}

static void
oids_by_text(void **state)
{
	static const char *const bad[] = { "", "1", "1.", ".1", "3.1", "1.40", "1..2", "1.2.03",
		"a.b" };
	uint8_t out[64];
	size_t len;

	(void)state;
	for (unsigned i = 0; i < OID_KNOWN_COUNT; i++) {
		char text[OID_TEXT_MAX];

		assert_int_equal(oid_find(oid((enum oid_known)i)), i);
		oid_text(text, oid((enum oid_known)i));
		assert_int_equal(oid_parse(span_text(text), out, sizeof(out), &len), OK);
		assert_true(span_equal(span_of(out, len), oid((enum oid_known)i)));
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(oid_parse(span_text(bad[i]), out, sizeof(out), &len), BAD_INPUT);
	}
	assert_int_equal(oid_parse(span_text("1.2.840.113549.1.9.16.2.59"), out, 3, &len), LIMIT);
}

static void
certificates_through_cms(void **state)
{
	span in[3] = { bytes_of_hex(a, "3003020109"), bytes_of_hex(a, "3003020101"),
		bytes_of_hex(a, "30050203010101") },
	     out[CMS_CERTIFICATES_MAX];
	struct diag d = { 0 };
	struct buffer b;
	size_t count;

	(void)state;
	buffer_init(&b, 4096);
	assert_ok(cms_certificates_write(in, 3, &b, &d), d);
	assert_ok(cms_certificates_read(buffer_span(&b), out, &count, &d), d);
	assert_int_equal(count, 3);
	assert_true(span_equal(out[0], in[1])); /* in DER order */
	for (size_t cut = 0; cut < b.len; cut++) {
		assert_int_not_equal(
			cms_certificates_read(span_of(b.data, cut), out, &count, NULL), OK);
	}
	buffer_wipe(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(integers),
		cmocka_unit_test(small_types),
		cmocka_unit_test(long_oids_are_refused_at_once),
		cmocka_unit_test(times),
		cmocka_unit_test(strings_by_their_kind),
		cmocka_unit_test(written_lengths_are_right_at_the_edges),
		cmocka_unit_test(sets_are_sorted),
		cmocka_unit_test(oids_by_text),
		cmocka_unit_test(certificates_through_cms),
	};

	return cmocka_run_group_tests_name("der", tests, set_up, tear_down);
}
