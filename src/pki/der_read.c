#include "pki/der.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

/*
 * Invariant: start <= at <= end, all in one input; an element is handed out
 * only when its header is minimal and its content lies inside `end`.
 */
#define X690_LENGTH "X.690 10.1"

struct header {
	uint8_t tag;
	size_t header_len, content_len;
};

struct der_cursor
der_cursor_of(span input, const char *clause, struct diag *d)
{
	static const uint8_t nothing[1];
	const uint8_t *at = input.data != NULL ? input.data : nothing;

	return (struct der_cursor){
		.at = at, .end = at + input.len, .start = at, .clause = clause, .diag = d
	};
}

static size_t
offset_of(const struct der_cursor *c)
{
	return (size_t)(c->at - c->start);
}

static status
refuse_encoding(const struct der_cursor *c, const char *clause, const char *what, const char *fault)
{
	diag_set_at(c->diag, BAD_INPUT, clause, offset_of(c), "%s: %s", what, fault);
	return BAD_INPUT; /* the compiler sees here that it is never OK */
}

/* Lengths of up to four bytes: more than any input here may have. */
static status
read_header(const struct der_cursor *c, const char *what, struct header *h)
{
	size_t left = (size_t)(c->end - c->at), count, len = 0;

	if (left < 2) {
		return refuse_encoding(c, c->clause, what, left == 0 ? "missing" : "cut off");
	}
	h->tag = c->at[0];
	if ((h->tag & 0x1f) == 0x1f) {
		return refuse_encoding(c, "X.690 8.1.2", what, "a tag of several bytes");
	}
	if ((h->tag & 0xdf) == 0) {
		return refuse_encoding(c, "X.690 8.1.5", what,
			"end-of-contents, which belongs to an indefinite length");
	}
	if (c->at[1] < 0x80) {
		len = c->at[1];
		h->header_len = 2;
	} else {
		count = c->at[1] & 0x7f;
		if (count == 0) {
			return refuse_encoding(c, X690_LENGTH, what, "indefinite length");
		}
		if (count > 4) {
			return refuse_encoding(c, X690_LENGTH, what, "a length of over four bytes");
		}
		if (left - 2 < count) {
			return refuse_encoding(c, X690_LENGTH, what, "cut off in its length");
		}
		for (size_t i = 0; i < count; i++) {
			len = len << 8 | c->at[2 + i];
		}
		if (len < 0x80 || c->at[2] == 0) {
			return refuse_encoding(
				c, X690_LENGTH, what, "a length that is not minimal");
		}
		h->header_len = 2 + count;
	}
	if (len > left - h->header_len) {
		return refuse_encoding(c, X690_LENGTH, what, "longer than what holds it");
	}
	h->content_len = len;
	return OK;
}

static status
expect(const struct der_cursor *c, uint8_t tag, const char *what, struct header *h)
{
	status s = read_header(c, what, h);

	if (s != OK) {
		return s;
	}
	if (h->tag != tag) {
		return der_refuse(c, "%s: tag %02x where %02x belongs", what, h->tag, tag);
	}
	return OK;
}

static void
step_over(struct der_cursor *c, const struct header *h)
{
	c->at += h->header_len + h->content_len;
}

status
der_read(struct der_cursor *c, uint8_t tag, const char *what, span *content)
{
	struct header h;
	status s = expect(c, tag, what, &h);

	if (s != OK) {
		return s;
	}
	*content = span_of(c->at + h.header_len, h.content_len);
	step_over(c, &h);
	return OK;
}

static struct der_cursor
inside_of(const struct der_cursor *c, const struct header *h)
{
	struct der_cursor inside = *c;

	inside.at = c->at + h->header_len;
	inside.end = inside.at + h->content_len;
	inside.depth = c->depth + 1;
	return inside;
}

static status
judge_depth(const struct der_cursor *c, const char *what)
{
	if (c->depth >= DER_DEPTH_MAX) {
		return diag_set_at(c->diag, LIMIT, NULL, offset_of(c), "%s: nested deeper than %d",
			what, DER_DEPTH_MAX);
	}
	return OK;
}

/* Every element inside, down to the primitive ones; bounded by DER_DEPTH_MAX. */
static status
check_nested(const struct der_cursor *c, const struct header *h, const char *what)
{
	struct der_cursor inside;
	struct header inner;
	status s;

	/* Constructed universal types other than SEQUENCE and SET are BER's cut-up strings. */
	if ((h->tag & 0xe0) == 0x20 && h->tag != DER_SEQUENCE && h->tag != DER_SET) {
		return refuse_encoding(c, "X.690 10.2", what, "a constructed string");
	}
	if ((h->tag & 0x20) == 0) {
		return OK;
	}
	s = judge_depth(c, what);
	inside = inside_of(c, h);
	while (s == OK && !der_at_end(&inside)) {
		s = read_header(&inside, what, &inner);
		if (s == OK) {
			s = check_nested(&inside, &inner, what);
		}
		if (s == OK) {
			step_over(&inside, &inner);
		}
	}
	return s;
}

status
der_read_any(struct der_cursor *c, const char *what, span *element)
{
	struct header h;
	status s = read_header(c, what, &h);

	if (s == OK) {
		s = check_nested(c, &h, what);
	}
	if (s != OK) {
		return s;
	}
	*element = span_of(c->at, h.header_len + h.content_len);
	step_over(c, &h);
	return OK;
}

status
der_read_whole(struct der_cursor *c, uint8_t tag, const char *what, span *element)
{
	struct header h;
	status s = expect(c, tag, what, &h);

	return s != OK ? s : der_read_any(c, what, element);
}

status
der_enter(struct der_cursor *c, uint8_t tag, const char *what, struct der_cursor *inside)
{
	struct header h;
	status s = expect(c, tag, what, &h);

	if (s == OK) {
		s = judge_depth(c, what);
	}
	if (s != OK) {
		return s;
	}
	*inside = inside_of(c, &h);
	step_over(c, &h);
	return OK;
}

status
der_enter_string(struct der_cursor *c, uint8_t tag, const char *what, struct der_cursor *inside)
{
	struct der_cursor before = *c;
	status s = der_enter(c, tag, what, inside);

	if (s != OK || tag != DER_BIT_STRING) {
		return s;
	}
	if (der_at_end(inside) || *inside->at != 0) {
		*c = before;
		return refuse_encoding(c, "X.690 8.6.2.2", what, "not of whole octets");
	}
	inside->at++;
	return OK;
}

status
der_end(const struct der_cursor *c, const char *what)
{
	return der_at_end(c) ? OK : der_refuse(c, "%s: more than belongs in it", what);
}

static status
check_integer(const struct der_cursor *c, const char *what, span content)
{
	if (content.len == 0) {
		return refuse_encoding(c, "X.690 8.3.1", what, "an integer without content");
	}
	if (content.len > 1 && ((content.data[0] == 0x00 && content.data[1] < 0x80) ||
				       (content.data[0] == 0xff && content.data[1] >= 0x80))) {
		return refuse_encoding(c, "X.690 8.3.2", what, "an integer that is not minimal");
	}
	return OK;
}

static status
read_integer_as(struct der_cursor *c, uint8_t tag, const char *what, span *out)
{
	struct header h;
	span content;
	status s = expect(c, tag, what, &h);

	if (s != OK) {
		return s;
	}
	content = span_of(c->at + h.header_len, h.content_len);
	s = check_integer(c, what, content);
	if (s != OK) {
		return s;
	}
	*out = content;
	step_over(c, &h);
	return OK;
}

status
der_read_integer(struct der_cursor *c, const char *what, span *out)
{
	return read_integer_as(c, DER_INTEGER, what, out);
}

static status
read_unsigned_as(struct der_cursor *c, uint8_t tag, const char *what, span *out)
{
	struct der_cursor before = *c;
	status s = read_integer_as(c, tag, what, out);

	if (s != OK) {
		return s;
	}
	if (out->data[0] >= 0x80) {
		*c = before;
		return der_refuse(c, "%s: negative", what);
	}
	if (out->len > 1 && out->data[0] == 0) {
		*out = span_slice(*out, 1, SIZE_MAX);
	}
	return OK;
}

status
der_read_unsigned(struct der_cursor *c, const char *what, span *out)
{
	return read_unsigned_as(c, DER_INTEGER, what, out);
}

status
der_read_number(struct der_cursor *c, uint8_t tag, const char *what, uint32_t max, uint32_t *out)
{
	struct der_cursor before = *c;
	uint64_t n = 0;
	span bytes;
	status s = read_unsigned_as(c, tag, what, &bytes);

	if (s != OK) {
		return s;
	}
	for (size_t i = 0; i < bytes.len && n <= UINT32_MAX; i++) {
		n = n << 8 | bytes.data[i];
	}
	if (bytes.len > 5 || n > max) {
		*c = before;
		return diag_set_at(
			c->diag, LIMIT, c->clause, offset_of(c), "%s: over %u", what, max);
	}
	*out = (uint32_t)n;
	return OK;
}

status
der_read_boolean(struct der_cursor *c, const char *what, bool *out)
{
	struct header h;
	uint8_t value;
	status s = expect(c, DER_BOOLEAN, what, &h);

	if (s != OK) {
		return s;
	}
	value = h.content_len == 1 ? c->at[h.header_len] : 1;
	if (value != 0x00 && value != 0xff) {
		return refuse_encoding(c, "X.690 11.1", what, "neither 00 nor FF");
	}
	*out = value == 0xff;
	step_over(c, &h);
	return OK;
}

status
der_read_null(struct der_cursor *c, const char *what)
{
	struct header h;
	status s = expect(c, DER_NULL, what, &h);

	if (s != OK) {
		return s;
	}
	if (h.content_len != 0) {
		return refuse_encoding(c, "X.690 8.8.2", what, "a NULL with content");
	}
	step_over(c, &h);
	return OK;
}

status
der_read_oid(struct der_cursor *c, const char *what, span *out)
{
	struct header h;
	bool begins = true;
	status s = expect(c, DER_OID, what, &h);
	const uint8_t *p;

	if (s != OK) {
		return s;
	}
	if (h.content_len > DER_OID_MAX_LEN) {
		return diag_set_at(c->diag, LIMIT, NULL, offset_of(c), "%s: an OID of %zu bytes",
			what, h.content_len);
	}
	p = c->at + h.header_len;
	for (size_t i = 0; i < h.content_len; i++) {
		if (begins && p[i] == 0x80) {
			return refuse_encoding(
				c, "X.690 8.19.2", what, "an OID that is not minimal");
		}
		begins = p[i] < 0x80;
	}
	if (h.content_len == 0 || !begins) {
		return refuse_encoding(c, "X.690 8.19.2", what, "an OID that ends too early");
	}
	*out = span_of(p, h.content_len);
	step_over(c, &h);
	return OK;
}

static status
read_bits_as(struct der_cursor *c, uint8_t tag, const char *what, span *bytes, unsigned *unused)
{
	struct header h;
	const uint8_t *p;
	status s = expect(c, tag, what, &h);

	if (s != OK) {
		return s;
	}
	p = c->at + h.header_len;
	if (h.content_len == 0 || p[0] > 7 || (h.content_len == 1 && p[0] != 0)) {
		return refuse_encoding(c, "X.690 8.6.2.2", what, "a bit string of no right form");
	}
	if (h.content_len > 1 && (p[h.content_len - 1] & ((1u << p[0]) - 1)) != 0) {
		return refuse_encoding(c, "X.690 11.2.1", what, "unused bits that are not zero");
	}
	*unused = p[0];
	*bytes = span_of(p + 1, h.content_len - 1);
	step_over(c, &h);
	return OK;
}

status
der_read_bit_string(struct der_cursor *c, const char *what, span *bytes, unsigned *unused)
{
	return read_bits_as(c, DER_BIT_STRING, what, bytes, unused);
}

status
der_read_bit_octets(struct der_cursor *c, const char *what, span *bytes)
{
	struct der_cursor before = *c;
	unsigned unused;
	status s = der_read_bit_string(c, what, bytes, &unused);

	if (s == OK && unused != 0) {
		*c = before;
		return der_refuse(c, "%s: not of whole octets", what);
	}
	return s;
}

status
der_read_named_bits(struct der_cursor *c, uint8_t tag, const char *what, uint32_t *out)
{
	struct der_cursor before = *c;
	unsigned unused;
	uint32_t bits = 0;
	size_t count;
	span bytes;
	status s = read_bits_as(c, tag, what, &bytes, &unused);

	if (s != OK) {
		return s;
	}
	if (bytes.len > 4) {
		*c = before;
		return der_refuse(c, "%s: over 32 bits", what);
	}
	count = bytes.len * 8 - unused;
	for (size_t i = 0; i < count; i++) {
		if (bytes.data[i / 8] & (0x80u >> i % 8)) {
			bits |= 1u << i;
		}
	}
	if (count > 0 && (bits & 1u << (count - 1)) == 0) {
		*c = before;
		return refuse_encoding(c, "X.690 11.2.2", what, "named bits with trailing zeros");
	}
	*out = bits;
	return OK;
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ to RFC 3339, so that one reader judges the calendar. */
static status
time_from_digits(span text, size_t year_digits, int64_t *time_s)
{
	char full[21] = "    -  -  T  :  :  Z";
	static const uint8_t places[14] = { 0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18 };
	size_t n = 0;

	if (text.len != year_digits + 11 || text.data[text.len - 1] != 'Z') {
		return BAD_INPUT;
	}
	if (year_digits == 2) {
		memcpy(full, text.data[0] >= '5' ? "19" : "20", 2);
		n = 2;
	}
	for (size_t i = 0; i + 1 < text.len; i++) {
		full[places[n++]] = (char)text.data[i];
	}
	return time_parse(span_of(full, 20), time_s);
}

status
der_read_any_time(struct der_cursor *c, const char *what, int64_t *time_s)
{
	struct der_cursor before = *c;
	bool is_utc = der_next_is(c, DER_UTC_TIME);
	span text;
	status s = der_read(c, is_utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, what, &text);

	if (s == OK && time_from_digits(text, is_utc ? 2 : 4, time_s) != OK) {
		*c = before;
		s = diag_set_at(c->diag, BAD_INPUT, "RFC 5280 4.1.2.5", offset_of(c),
			"%s: not a time in UTC with seconds", what);
	}
	return s;
}

status
der_read_time(struct der_cursor *c, const char *what, int64_t *time_s)
{
	struct der_cursor before = *c;
	bool is_utc = der_next_is(c, DER_UTC_TIME);
	status s = der_read_any_time(c, what, time_s);

	/* Years to 2049 are UTCTime, later ones GeneralizedTime; 2524608000 is 2050-01-01. */
	if (s == OK && !is_utc && *time_s < INT64_C(2524608000) && *time_s >= INT64_C(-631152000)) {
		*c = before;
		s = diag_set_at(c->diag, BAD_INPUT, "RFC 5280 4.1.2.5", offset_of(c),
			"%s: GeneralizedTime before 2050", what);
	}
	return s;
}

static bool
printable_character(uint8_t b)
{
	return (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') ||
	       (b != 0 && strchr(" '()+,-./:=?", b) != NULL);
}

/* Fixed-width characters, none of them NUL, none a surrogate. */
static bool
wide_is_valid(span text, size_t width)
{
	if (text.len % width != 0) {
		return false;
	}
	for (size_t i = 0; i < text.len; i += width) {
		uint32_t point = 0;

		for (size_t k = 0; k < width; k++) {
			point = point << 8 | text.data[i + k];
		}
		if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
			return false;
		}
	}
	return true;
}

bool
der_string_is_valid(uint8_t tag, span text)
{
	if (tag == DER_BMP_STRING || tag == DER_UNIVERSAL_STRING) {
		return wide_is_valid(text, tag == DER_BMP_STRING ? 2 : 4);
	}
	if (text.len > 0 && memchr(text.data, 0, text.len) != NULL) {
		return false;
	}
	if (tag == DER_UTF8_STRING) {
		return utf8_is_valid(text);
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t b = text.data[i];

		if ((tag == DER_PRINTABLE_STRING && !printable_character(b)) ||
			(tag == DER_IA5_STRING && b >= 0x80) ||
			(tag == DER_NUMERIC_STRING && b != ' ' && (b < '0' || b > '9'))) {
			return false;
		}
	}
	return tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING || tag == DER_NUMERIC_STRING ||
	       tag == DER_TELETEX_STRING;
}

status
der_read_string(struct der_cursor *c, const char *what, uint8_t *tag, span *out)
{
	struct der_cursor before = *c;
	struct header h;
	status s = read_header(c, what, &h);

	if (s != OK) {
		return s;
	}
	s = der_read(c, h.tag, what, out);
	if (s == OK && !der_string_is_valid(h.tag, *out)) {
		*c = before;
		return der_refuse(c, "%s: not a string of its kind (tag %02x)", what, h.tag);
	}
	*tag = h.tag;
	return s;
}

#undef der_refuse /* what pki/der.h tells the analyser */

status
der_refuse(const struct der_cursor *c, const char *format, ...)
{
	char text[200];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return diag_set_at(c->diag, BAD_INPUT, c->clause, offset_of(c), "%s", text);
}
