/*
 * The cursor against libcrypto: what it accepts, libcrypto accepts with the same value, and the writer gives the
 * same bytes back.
 */
#define FUZZ_MAX_LEN 4096
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/text.h"
#include "fuzz.h"
#include "pki/der.h"
#include "pki/oid.h"

static struct der_cursor
at(span element)
{
	return der_cursor_of(element, "X.690", NULL);
}

static void
writes_the_same(const struct der_writer *w, span element)
{
	span out;

	HOLDS(der_writer_finish(w, &out, NULL) == OK);
	HOLDS(span_equal(out, element));
}

static uint8_t room[FUZZ_MAX_LEN + 64];

static struct der_writer
writer(void)
{
	struct der_writer w;

	der_writer_init(&w, room, sizeof(room));
	return w;
}

static void
check_integer(span element)
{
	struct der_cursor c = at(element), again = c;
	const uint8_t *p = element.data;
	ASN1_INTEGER *theirs;
	uint64_t number;
	uint32_t ours;
	span content;
	uint8_t *der = NULL;

	if (der_read_integer(&c, "", &content) != OK) {
		return;
	}
	theirs = d2i_ASN1_INTEGER(NULL, &p, (long)element.len);
	HOLDS(theirs != NULL);
	HOLDS((size_t)i2d_ASN1_INTEGER(theirs, &der) == element.len);
	HOLDS(memcmp(der, element.data, element.len) == 0);
	if (der_read_number(&again, DER_INTEGER, "", UINT32_MAX, &ours) == OK) {
		struct der_writer w = writer();

		HOLDS(ASN1_INTEGER_get_uint64(&number, theirs) == 1 && number == ours);
		der_put_number(&w, ours);
		writes_the_same(&w, element);
	}
	again = at(element);
	if (der_read_unsigned(&again, "", &content) == OK) {
		struct der_writer w = writer();

		der_put_unsigned(&w, content);
		writes_the_same(&w, element);
	}
	OPENSSL_free(der);
	ASN1_INTEGER_free(theirs);
}

static void
check_boolean(span element)
{
	struct der_cursor c = at(element);
	const uint8_t *p = element.data;
	struct der_writer w = writer();
	ASN1_TYPE *theirs;
	bool ours;

	if (der_read_boolean(&c, "", &ours) != OK) {
		return;
	}
	theirs = d2i_ASN1_TYPE(NULL, &p, (long)element.len);
	HOLDS(theirs != NULL && ASN1_TYPE_get(theirs) == V_ASN1_BOOLEAN);
	HOLDS((theirs->value.boolean != 0) == ours);
	der_put_boolean(&w, ours);
	writes_the_same(&w, element);
	ASN1_TYPE_free(theirs);
}

static void
check_oid(span element)
{
	char theirs_text[OID_TEXT_MAX], ours_text[OID_TEXT_MAX];
	struct der_cursor c = at(element);
	const uint8_t *p = element.data;
	struct der_writer w = writer();
	uint8_t back[DER_OID_MAX_LEN];
	ASN1_OBJECT *theirs;
	size_t len;
	span ours;
	int text_len;

	if (der_read_oid(&c, "", &ours) != OK) {
		return;
	}
	theirs = d2i_ASN1_OBJECT(NULL, &p, (long)element.len);
	HOLDS(theirs != NULL);
	text_len = OBJ_obj2txt(theirs_text, sizeof(theirs_text), theirs, 1);
	oid_text(ours_text, ours);
	if (text_len > 0 && text_len < OID_TEXT_MAX && strstr(ours_text, "..") == NULL) {
		HOLDS(strcmp(theirs_text, ours_text) == 0);
		if (oid_parse(span_text(ours_text), back, sizeof(back), &len) ==
			OK) { /* or an arc over its limit */
			HOLDS(span_equal(span_of(back, len), ours));
		}
	}
	der_put_oid(&w, ours);
	writes_the_same(&w, element);
	ASN1_OBJECT_free(theirs);
}

static void
check_bits(span element)
{
	struct der_cursor c = at(element), again = c;
	const uint8_t *p = element.data;
	ASN1_BIT_STRING *theirs;
	unsigned unused;
	uint32_t named;
	span bytes;

	if (der_read_bit_string(&c, "", &bytes, &unused) != OK) {
		return;
	}
	theirs = d2i_ASN1_BIT_STRING(NULL, &p, (long)element.len);
	HOLDS(theirs != NULL);
	HOLDS(span_equal(
		span_of(ASN1_STRING_get0_data(theirs), (size_t)ASN1_STRING_length(theirs)), bytes));
	if (unused == 0) {
		struct der_writer w = writer();

		der_put_bits(&w, bytes);
		writes_the_same(&w, element);
	}
	if (der_read_named_bits(&again, DER_BIT_STRING, "", &named) == OK) {
		struct der_writer w = writer();

		for (int i = 0; i < 32; i++) {
			HOLDS(ASN1_BIT_STRING_get_bit(theirs, i) == (int)(named >> i & 1));
		}
		der_put_named_bits(&w, named);
		writes_the_same(&w, element);
	}
	ASN1_BIT_STRING_free(theirs);
}

static void
check_time(span element)
{
	struct der_cursor c = at(element);
	const uint8_t *p = element.data;
	struct der_writer w = writer();
	ASN1_TIME *theirs;
	struct civil civil;
	struct tm tm;
	int64_t ours;

	if (der_read_time(&c, "", &ours) != OK) {
		return;
	}
	theirs = d2i_ASN1_TIME(NULL, &p, (long)element.len);
	HOLDS(theirs != NULL && ASN1_TIME_to_tm(theirs, &tm) == 1);
	civil = civil_from_time(ours);
	HOLDS(civil.year == tm.tm_year + 1900 && civil.month == tm.tm_mon + 1 &&
		civil.day == tm.tm_mday && civil.hour == tm.tm_hour && civil.minute == tm.tm_min &&
		civil.second == tm.tm_sec);
	HOLDS(civil_to_time(civil) == ours);
	if (civil.year >= 1950) {
		der_put_time(&w, ours);
		writes_the_same(&w, element);
	}
	ASN1_TIME_free(theirs);
}

static void
check_string(span element)
{
	struct der_cursor c = at(element);
	const uint8_t *p = element.data;
	struct der_writer w = writer();
	ASN1_TYPE *theirs;
	uint8_t tag;
	span ours;

	if (der_read_string(&c, "", &tag, &ours) != OK) {
		return;
	}
	theirs = d2i_ASN1_TYPE(NULL, &p, (long)element.len);
	HOLDS(theirs != NULL && ASN1_TYPE_get(theirs) == tag);
	HOLDS(span_equal(span_of(ASN1_STRING_get0_data(theirs->value.asn1_string),
				 (size_t)ASN1_STRING_length(theirs->value.asn1_string)),
		ours));
	der_put_string(&w, tag, ours);
	writes_the_same(&w, element);
	ASN1_TYPE_free(theirs);
}

static void
check_header(span element, span content)
{
	const uint8_t *p = element.data;
	long len;
	int tag, class, result;

	result = ASN1_get_object(&p, &len, &tag, &class, (long)element.len);
	HOLDS((result & 0x80) == 0);
	HOLDS(span_equal(span_of(p, (size_t)len), content));
	HOLDS(((unsigned)class | ((unsigned)result & 0x20u) | (unsigned)tag) == element.data[0]);
}

/* Every element, of its kind; the same tree goes through the writer. */
static void
walk(struct der_cursor *c, struct der_writer *w)
{
	while (!der_at_end(c)) {
		struct der_cursor before = *c, inside;
		span element, content;
		uint8_t tag = *c->at;

		HOLDS(der_read_any(c, "", &element) == OK);
		HOLDS(der_read(&before, tag, "", &content) == OK && before.at == c->at);
		check_header(element, content);
		check_integer(element);
		check_boolean(element);
		check_oid(element);
		check_bits(element);
		check_time(element);
		check_string(element);
		if ((tag & 0x20) == 0) {
			der_put(w, tag, content);
			continue;
		}
		before = at(element);
		HOLDS(der_enter(&before, tag, "", &inside) == OK);
		der_open(w, tag);
		walk(&inside, w);
		der_close(w);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t again[FUZZ_MAX_LEN];
	span input = span_of(data, len), element;
	struct der_cursor c = at(input);
	struct der_writer w;

	if (len > FUZZ_MAX_LEN) {
		return 0;
	}
	der_writer_init(&w, again, sizeof(again));
	if (der_read_any(&c, "", &element) == OK) {
		c = at(element);
		walk(&c, &w);
		writes_the_same(&w, element);
	} else {
		HOLDS(c.at == data || len == 0); /* failed calls leave the cursor where it was */
	}
	ERR_clear_error();
	return 0;
}
