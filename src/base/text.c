#include "base/text.h"

#include <stdio.h>

#include "base/check.h"

/* The value of a character in one of the alphabets, 0xff where it is none. */
static const char base64_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base32_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static unsigned
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 0xff;
}

/*
 * One look-up a character: the value of both alphabets, NONE for what stands in neither. Where they
 * differ ('+' '/' and '-' '_') the high bits say whose it is. A manifest of 100,000 entries is half a gigabyte
 * of base64: by comparisons its decoding cost a tenth of checking its signatures.
 */
#define NONE 0xff
#define ONLY_STANDARD 0x40
#define ONLY_URL 0x80
static const uint8_t base64_values[256] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0x7e, 0xff, 0xbe, 0xff, 0x7f, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39,
	0x3a, 0x3b, 0x3c, 0x3d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x01, 0x02, 0x03,
	0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12,
	0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0xff, 0xff, 0xff, 0xff, 0xbf, 0xff, 0x1a, 0x1b,
	0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a,
	0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* The value of a character in one of the two alphabets, over 63 where it is none of it. */
static unsigned
base64_value(uint8_t c, bool url)
{
	unsigned v = base64_values[c], other = url ? ONLY_STANDARD : ONLY_URL;

	return v == NONE || (v & other) != 0 ? NONE : v & 63;
}

/*
 * Whole groups of four characters, as far as they go: gives how many characters were read. Stops before the
 * first group with anything else in it, and where `room` ends. Two groups a turn: their look-ups overlap.
 */
static size_t
decode_groups(span text, bool url, uint8_t *out, size_t room)
{
	const uint8_t *v = base64_values, *c = text.data;
	unsigned refused = url ? ONLY_STANDARD : ONLY_URL; /* NONE has the bits of both */
	size_t at = 0, groups = text.len / 4 < room / 3 ? text.len / 4 : room / 3;

	for (; groups >= 2; groups -= 2, at += 8, c += 8) {
		unsigned a0 = v[c[0]], a1 = v[c[1]], a2 = v[c[2]], a3 = v[c[3]];
		unsigned b0 = v[c[4]], b1 = v[c[5]], b2 = v[c[6]], b3 = v[c[7]];

		if (((a0 | a1 | a2 | a3 | b0 | b1 | b2 | b3) & refused) != 0) {
			break;
		}
		*out++ = (uint8_t)(a0 << 2 | (a1 & 63) >> 4);
		*out++ = (uint8_t)(a1 << 4 | (a2 & 63) >> 2);
		*out++ = (uint8_t)(a2 << 6 | (a3 & 63));
		*out++ = (uint8_t)(b0 << 2 | (b1 & 63) >> 4);
		*out++ = (uint8_t)(b1 << 4 | (b2 & 63) >> 2);
		*out++ = (uint8_t)(b2 << 6 | (b3 & 63));
	}
	return at;
}

char *
hex_encode(char *out, span bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;

	for (size_t i = 0; i < bytes.len; i++) {
		*p++ = digits[bytes.data[i] >> 4];
		*p++ = digits[bytes.data[i] & 15];
	}
	*p = '\0';
	return out;
}

status
hex_decode(span text, uint8_t *out, size_t len)
{
	if (text.len % 2 != 0 || text.len / 2 != len) {
		return BAD_INPUT;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);

		if (high > 15 || low > 15) {
			return BAD_INPUT;
		}
		out[i] = (uint8_t)(high << 4 | low);
	}
	return OK;
}

static char *
encode_groups(char *out, span bytes, const char *alphabet)
{
	uint32_t group = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		group = group << 8 | bytes.data[i];
		for (bits += 8; bits >= 6; bits -= 6) {
			*out++ = alphabet[group >> (bits - 6) & 63];
		}
	}
	if (bits > 0) {
		*out++ = alphabet[group << (6 - bits) & 63];
	}
	return out;
}

char *
base64_encode(struct arena *a, span bytes)
{
	size_t room;
	char *out, *end;

	if (!size_mul(bytes.len / 3 + 1, 4, &room) || (out = arena_alloc(a, room + 1)) == NULL) {
		return NULL;
	}
	end = encode_groups(out, bytes, base64_alphabet);
	while ((end - out) % 4 != 0) {
		*end++ = '=';
	}
	*end = '\0';
	return out;
}

char *
base64url_encode(char *out, span bytes)
{
	*encode_groups(out, bytes, base64url_alphabet) = '\0';
	return out;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is left of the last group must be zero bits, else two texts mean one thing. */
static bool
tail_is_canonical(uint32_t group, unsigned bits)
{
	return bits < 6 && (group & ((1u << bits) - 1)) == 0;
}

status
base64_decode(struct arena *a, span text, span *out)
{
	size_t room = text.len / 4 * 3 + 3;
	uint8_t *bytes = arena_alloc(a, room);
	size_t n, padding = 0, characters;
	uint32_t group = 0;
	unsigned bits = 0;

	if (bytes == NULL) {
		return NO_MEMORY;
	}
	characters = decode_groups(text, false, bytes, room);
	n = characters / 4 * 3;
	for (size_t i = characters; i < text.len; i++) {
		uint8_t c = text.data[i];
		unsigned v = base64_value(c, false);

		if (is_space(c)) {
			continue;
		}
		if (c == '=') {
			padding++;
			continue;
		}
		if (v > 63 || padding > 0) {
			return BAD_INPUT;
		}
		characters++;
		group = group << 6 | v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (uint8_t)(group >> bits);
		}
	}
	if (!tail_is_canonical(group, bits) || padding > 2 ||
		(padding > 0 && (characters + padding) % 4 != 0)) {
		return BAD_INPUT;
	}
	*out = span_of(bytes, n);
	return OK;
}

status
base64url_decode(span text, uint8_t *out, size_t room, size_t *len)
{
	size_t begin = decode_groups(text, true, out, room), n = begin / 4 * 3;
	uint32_t group = 0;
	unsigned bits = 0;

	for (size_t i = begin; i < text.len; i++) {
		unsigned v = base64_value(text.data[i], true);

		if (v > 63) {
			return BAD_INPUT;
		}
		group = group << 6 | v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			if (n == room) {
				return LIMIT;
			}
			out[n++] = (uint8_t)(group >> bits);
		}
	}
	if (!tail_is_canonical(group, bits)) {
		return BAD_INPUT;
	}
	*len = n;
	return OK;
}

char *
base32_encode(char *out, span bytes)
{
	char *p = out;
	uint32_t group = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		group = group << 8 | bytes.data[i];
		for (bits += 8; bits >= 5; bits -= 5) {
			*p++ = base32_alphabet[group >> (bits - 5) & 31];
		}
	}
	if (bits > 0) {
		*p++ = base32_alphabet[group << (5 - bits) & 31];
	}
	*p = '\0';
	return out;
}

static unsigned
base32_value(uint8_t c)
{
	if (c >= 'a' && c <= 'z') {
		c = (uint8_t)(c - 'a' + 'A');
	}
	if (c == 'O') {
		c = '0';
	} else if (c == 'I' || c == 'L') {
		c = '1';
	}
	for (unsigned v = 0; v < 32; v++) {
		if ((uint8_t)base32_alphabet[v] == c) {
			return v;
		}
	}
	return 0xff;
}

status
base32_decode(span text, uint8_t *out, size_t len)
{
	uint32_t group = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned v;

		if (text.data[i] == '-' || text.data[i] == ' ') {
			continue;
		}
		v = base32_value(text.data[i]);
		if (v > 31) {
			return BAD_INPUT;
		}
		group = group << 5 | v;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			if (n == len) {
				return BAD_INPUT;
			}
			out[n++] = (uint8_t)(group >> bits);
		}
	}
	return n == len && bits < 5 && (group & ((1u << bits) - 1)) == 0 ? OK : BAD_INPUT;
}

/* The code point at *at, which moves on; false for anything RFC 3629 forbids. */
static bool
next_point(span text, size_t *at, uint32_t *point)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t c = text.data[(*at)++];
	size_t len;

	if (c < 0x80) {
		*point = c;
		return true;
	}
	len = c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c >= 0xf8 || text.len - *at < len - 1) {
		return false;
	}
	*point = c & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		c = text.data[(*at)++];
		if ((c & 0xc0) != 0x80) {
			return false;
		}
		*point = *point << 6 | (c & 0x3f);
	}
	return *point >= least[len] && *point <= 0x10ffff && (*point < 0xd800 || *point > 0xdfff);
}

/* How many of the first bytes are ASCII, eight at a time: nearly all that comes from outside is. */
static size_t
ascii_run(span text)
{
	size_t n = 0;
	uint64_t eight;

	for (; text.len - n >= sizeof(eight); n += sizeof(eight)) {
		memcpy(&eight, text.data + n, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0) {
			break;
		}
	}
	while (n < text.len && text.data[n] < 0x80) {
		n++;
	}
	return n;
}

bool
utf8_is_valid(span text)
{
	uint32_t point;

	for (size_t at = 0; at < text.len;) {
		at += ascii_run(span_slice(text, at, SIZE_MAX));
		if (at < text.len && !next_point(text, &at, &point)) {
			return false;
		}
	}
	return true;
}

bool
utf8_is_printable(span text)
{
	uint32_t p;

	for (size_t at = 0; at < text.len;) {
		if (!next_point(text, &at, &p)) {
			return false;
		}
		if (p < 0x20 || (p >= 0x7f && p < 0xa0) || p == 0x061c ||
			(p >= 0x200b && p <= 0x200f) || (p >= 0x2028 && p <= 0x202e) ||
			(p >= 0x2060 && p <= 0x206f) || p == 0xfeff) {
			return false;
		}
	}
	return true;
}

status
number_parse(span text, int64_t *out)
{
	int64_t n = 0;

	if (text.len == 0 || text.len > 18) {
		return BAD_INPUT;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9') {
			return BAD_INPUT;
		}
		n = n * 10 + (text.data[i] - '0');
	}
	*out = n;
	return OK;
}

status
duration_parse(span text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
		{ 'y', 31536000 } };
	int64_t factor = 1, n;

	if (text.len == 0) {
		return BAD_INPUT;
	}
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (text.data[text.len - 1] == (uint8_t)units[i].unit) {
			factor = units[i].seconds;
			text.len--;
			break;
		}
	}
	if (number_parse(text, &n) != OK || __builtin_mul_overflow(n, factor, seconds)) {
		return BAD_INPUT;
	}
	return OK;
}

size_t
text_distance(const char *a, const char *b)
{
	size_t row[TEXT_WORD_MAX + 1];
	size_t la = strnlen(a, TEXT_WORD_MAX), lb = strnlen(b, TEXT_WORD_MAX);

	for (size_t k = 0; k <= lb; k++) {
		row[k] = k;
	}
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= lb; k++) {
			size_t changed = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			row[k] = row[k] + 1 < changed ? row[k] + 1 : changed;
			row[k] = row[k - 1] + 1 < row[k] ? row[k - 1] + 1 : row[k];
		}
	}
	return row[lb];
}
