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

static unsigned
base64_value(uint8_t c, bool url)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26u;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52u;
	}
	if (c == (url ? '-' : '+')) {
		return 62;
	}
	return c == (url ? '_' : '/') ? 63 : 0xff;
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
	uint8_t *bytes = arena_alloc(a, text.len / 4 * 3 + 3);
	size_t n = 0, padding = 0, characters = 0;
	uint32_t group = 0;
	unsigned bits = 0;

	if (bytes == NULL) {
		return NO_MEMORY;
	}
	for (size_t i = 0; i < text.len; i++) {
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
	uint32_t group = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
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

bool
utf8_is_valid(span text)
{
	uint32_t point;

	for (size_t at = 0; at < text.len;) {
		if (!next_point(text, &at, &point)) {
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
