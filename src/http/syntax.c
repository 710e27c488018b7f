#include "http/syntax.h"

#define ALL_BUT_VALUE (LETTER_TOKEN | LETTER_PATH | LETTER_QUERY | LETTER_HOST)
#define EVERYWHERE (ALL_BUT_VALUE | LETTER_VALUE)
#define URI (LETTER_PATH | LETTER_QUERY | LETTER_VALUE)

static const uint8_t kinds[256] = {
	['\t'] = LETTER_VALUE,
	[' '] = LETTER_VALUE,
	['!'] = EVERYWHERE,
	['"'] = LETTER_VALUE,
	['#'] = LETTER_TOKEN | LETTER_VALUE,
	['$'] = EVERYWHERE,
	['%'] = LETTER_TOKEN | LETTER_VALUE | LETTER_HOST,
	['&'] = EVERYWHERE,
	['\''] = EVERYWHERE,
	['('] = URI | LETTER_HOST,
	[')'] = URI | LETTER_HOST,
	['*'] = EVERYWHERE,
	['+'] = EVERYWHERE,
	[','] = URI | LETTER_HOST,
	['-'] = EVERYWHERE,
	['.'] = EVERYWHERE,
	['/'] = URI,
	['0' ... '9'] = EVERYWHERE,
	[':'] = URI | LETTER_HOST,
	[';'] = URI | LETTER_HOST,
	['<'] = LETTER_VALUE,
	['='] = URI | LETTER_HOST,
	['>'] = LETTER_VALUE,
	['?'] = LETTER_QUERY | LETTER_VALUE,
	['@'] = URI,
	['A' ... 'Z'] = EVERYWHERE,
	['['] = LETTER_VALUE | LETTER_HOST,
	['\\'] = LETTER_VALUE,
	[']'] = LETTER_VALUE | LETTER_HOST,
	['^'] = LETTER_TOKEN | LETTER_VALUE,
	['_'] = EVERYWHERE,
	['`'] = LETTER_TOKEN | LETTER_VALUE,
	['a' ... 'z'] = EVERYWHERE,
	['{'] = LETTER_VALUE,
	['|'] = LETTER_TOKEN | LETTER_VALUE,
	['}'] = LETTER_VALUE,
	['~'] = EVERYWHERE,
	[0x80 ... 0xff] = LETTER_VALUE,
};

bool
letter_is(uint8_t c, enum http_letter kind)
{
	return (kinds[c] & kind) != 0;
}

bool
letters_are(span s, enum http_letter kind)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!letter_is(s.data[i], kind)) {
			return false;
		}
	}
	return true;
}

int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return -1;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool
span_equal_nocase(span a, span b)
{
	if (a.len != b.len) {
		return false;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.data[i]) != lower(b.data[i])) {
			return false;
		}
	}
	return true;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

span
span_trim(span s)
{
	while (s.len > 0 && is_blank(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.data[s.len - 1])) {
		s.len--;
	}
	return s;
}

bool
span_split(span *s, uint8_t c, span *part)
{
	size_t found;

	if (s->data == NULL) {
		return false;
	}
	found = span_find(*s, span_of(&c, 1));
	*part = span_slice(*s, 0, found);
	*s = found != SIZE_MAX ? span_slice(*s, found + 1, SIZE_MAX) : span_of(NULL, 0);
	return true;
}
