#include "base/text.h"
#include "pki/der.h"

/*
 * An element is opened with one byte of length; when it is closed and its
 * content turns out longer than 127 bytes, the content moves up by the bytes that the
 * length still needs. Certificates are small and the outermost move is one of a
 * few hundred bytes: cheaper than measuring first.
 */
void
der_writer_init(struct der_writer *w, uint8_t *data, size_t room)
{
	*w = (struct der_writer){ .data = data, .room = room };
}

status
der_writer_finish(const struct der_writer *w, span *out, struct diag *d)
{
	if (w->failed) {
		return diag_set(d, LIMIT, NULL,
			"DER does not fit into %zu bytes, or a value has no encoding", w->room);
	}
	if (w->depth != 0) {
		return diag_set(d, BUG, NULL, "a DER element was left open");
	}
	*out = span_of(w->data, w->len);
	return OK;
}

static uint8_t *
grow(struct der_writer *w, size_t len)
{
	uint8_t *p;

	if (w->failed || len > w->room - w->len) {
		w->failed = true;
		return NULL;
	}
	p = w->data + w->len;
	w->len += len;
	return p;
}

static void
put_byte(struct der_writer *w, uint8_t byte)
{
	uint8_t *p = grow(w, 1);

	if (p != NULL) {
		*p = byte;
	}
}

void
der_put_raw(struct der_writer *w, span der)
{
	uint8_t *p = der.len > 0 ? grow(w, der.len) : NULL;

	if (p != NULL) {
		memcpy(p, der.data, der.len);
	}
}

/* How many bytes follow the first length byte. */
static size_t
length_bytes(size_t len)
{
	size_t n = 0;

	if (len >= 0x80) {
		for (; len > 0; len >>= 8) {
			n++;
		}
	}
	return n;
}

static void
write_length(uint8_t *at, size_t len)
{
	size_t more = length_bytes(len);

	if (more == 0) {
		at[0] = (uint8_t)len;
		return;
	}
	at[0] = (uint8_t)(0x80 | more);
	for (size_t i = 0; i < more; i++) {
		at[more - i] = (uint8_t)(len >> 8 * i);
	}
}

void
der_open(struct der_writer *w, uint8_t tag)
{
	put_byte(w, tag);
	put_byte(w, 0);
	if (w->failed || w->depth == DER_WRITER_DEPTH_MAX) {
		w->failed = true;
		return;
	}
	w->opened[w->depth++] = w->len;
}

void
der_open_bit_string(struct der_writer *w)
{
	der_open(w, DER_BIT_STRING);
	put_byte(w, 0);
}

void
der_close(struct der_writer *w)
{
	size_t begin, len, more;

	if (w->failed || w->depth == 0) {
		w->failed = true;
		return;
	}
	begin = w->opened[--w->depth];
	len = w->len - begin;
	more = length_bytes(len);
	if (more > 0) {
		if (grow(w, more) == NULL) {
			return;
		}
		memmove(w->data + begin + more, w->data + begin, len);
	}
	write_length(w->data + begin - 1, len);
}

static size_t
element_len(const uint8_t *at)
{
	size_t len = 0;

	if (at[1] < 0x80) {
		return 2u + at[1];
	}
	for (size_t i = 0; i < (at[1] & 0x7fu); i++) {
		len = len << 8 | at[2 + i];
	}
	return 2u + (at[1] & 0x7fu) + len;
}

/* X.690 11.6: by their bytes, the shorter one as if filled up with zeros. */
static int
compare_elements(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static void
reverse(uint8_t *from, uint8_t *end)
{
	while (from < end) {
		uint8_t byte = *from;

		*from++ = *--end;
		*end = byte;
	}
}

/* An insertion sort in place: sets here have a handful of elements. */
static void
insert_sorted(uint8_t *begin, uint8_t *at, size_t len)
{
	for (uint8_t *p = begin; p < at; p += element_len(p)) {
		if (compare_elements(at, len, p, element_len(p)) < 0) {
			reverse(p, at);
			reverse(at, at + len);
			reverse(p, at + len);
			return;
		}
	}
}

void
der_close_set_of(struct der_writer *w)
{
	if (!w->failed && w->depth > 0) {
		uint8_t *begin = w->data + w->opened[w->depth - 1], *end = w->data + w->len;
		uint8_t *at = begin;

		while (at < end) {
			size_t len = element_len(at);

			insert_sorted(begin, at, len);
			at += len;
		}
	}
	der_close(w);
}

static void
put_header(struct der_writer *w, uint8_t tag, size_t len)
{
	uint8_t *p;

	put_byte(w, tag);
	p = grow(w, 1 + length_bytes(len));
	if (p != NULL) {
		write_length(p, len);
	}
}

void
der_put(struct der_writer *w, uint8_t tag, span content)
{
	put_header(w, tag, content.len);
	der_put_raw(w, content);
}

static void
put_unsigned_as(struct der_writer *w, uint8_t tag, span big_endian)
{
	bool needs_zero;

	while (big_endian.len > 0 && big_endian.data[0] == 0) {
		big_endian = span_slice(big_endian, 1, SIZE_MAX);
	}
	needs_zero = big_endian.len == 0 || big_endian.data[0] >= 0x80;
	put_header(w, tag, big_endian.len + needs_zero);
	if (needs_zero) {
		put_byte(w, 0);
	}
	der_put_raw(w, big_endian);
}

void
der_put_unsigned(struct der_writer *w, span big_endian)
{
	put_unsigned_as(w, DER_INTEGER, big_endian);
}

void
der_put_number_as(struct der_writer *w, uint8_t tag, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	}
	put_unsigned_as(w, tag, SPAN_ARRAY(bytes));
}

void
der_put_number(struct der_writer *w, uint64_t value)
{
	der_put_number_as(w, DER_INTEGER, value);
}

void
der_put_boolean(struct der_writer *w, bool value)
{
	uint8_t byte = value ? 0xff : 0x00;

	der_put(w, DER_BOOLEAN, span_of(&byte, 1));
}

void
der_put_null(struct der_writer *w)
{
	put_header(w, DER_NULL, 0);
}

void
der_put_oid(struct der_writer *w, span oid)
{
	w->failed = w->failed || oid.len == 0 || oid.len > DER_OID_MAX_LEN;
	der_put(w, DER_OID, oid);
}

void
der_put_octets(struct der_writer *w, span octets)
{
	der_put(w, DER_OCTET_STRING, octets);
}

void
der_put_bits(struct der_writer *w, span octets)
{
	put_header(w, DER_BIT_STRING, octets.len + 1);
	put_byte(w, 0);
	der_put_raw(w, octets);
}

void
der_put_named_bits_as(struct der_writer *w, uint8_t tag, uint32_t bits)
{
	uint8_t bytes[5] = { 0 };
	size_t used = 0;

	for (size_t i = 0; i < 32; i++) {
		if (bits & 1u << i) {
			bytes[1 + i / 8] |= (uint8_t)(0x80u >> i % 8);
			used = i + 1;
		}
	}
	bytes[0] = (uint8_t)((8 - used % 8) % 8);
	der_put(w, tag, span_of(bytes, 1 + (used + 7) / 8));
}

void
der_put_named_bits(struct der_writer *w, uint32_t bits)
{
	der_put_named_bits_as(w, DER_BIT_STRING, bits);
}

void
der_put_string(struct der_writer *w, uint8_t tag, span text)
{
	w->failed = w->failed || !der_string_is_valid(tag, text);
	der_put(w, tag, text);
}

/* Lists and answers are full of dates: by hand, a tenth of what printf takes. */
static size_t
put_digits(uint8_t *out, int number, int digits)
{
	for (int k = digits - 1; k >= 0; k--) {
		out[k] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
	return (size_t)digits;
}

static void
put_time_as(struct der_writer *w, uint8_t tag, int64_t time_s)
{
	struct civil c = civil_from_time(time_s);
	uint8_t text[16];
	size_t n;

	if (c.year < 0 || c.year > 9999) {
		w->failed = true;
		return;
	}
	n = tag == DER_UTC_TIME ? put_digits(text, c.year % 100, 2) : put_digits(text, c.year, 4);
	n += put_digits(text + n, c.month, 2);
	n += put_digits(text + n, c.day, 2);
	n += put_digits(text + n, c.hour, 2);
	n += put_digits(text + n, c.minute, 2);
	n += put_digits(text + n, c.second, 2);
	text[n++] = 'Z';
	der_put(w, tag, span_of(text, n));
}

void
der_put_time(struct der_writer *w, int64_t time_s)
{
	int year = civil_from_time(time_s).year;

	w->failed = w->failed || year < 1950;
	put_time_as(w, year < 2050 ? DER_UTC_TIME : DER_GENERALIZED_TIME, time_s);
}

void
der_put_generalized_time(struct der_writer *w, int64_t time_s)
{
	put_time_as(w, DER_GENERALIZED_TIME, time_s);
}
