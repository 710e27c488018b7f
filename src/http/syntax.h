#pragma once
/* The letters of HTTP and URIs: RFC 9110 5.6, RFC 3986. */
#include "base/span.h"

enum http_letter {
	LETTER_TOKEN = 1, /* RFC 9110 5.6.2 */
	LETTER_VALUE = 2, /* of a field: visible, SP, HTAB, obs-text (RFC 9110 5.5) */
	LETTER_PATH = 4,  /* pchar without '%', and '/' (RFC 3986 3.3) */
	LETTER_QUERY = 8, /* pchar without '%', '/' and '?' (RFC 3986 3.4) */
	LETTER_HOST = 16  /* of an authority without user information (RFC 3986 3.2) */
};

bool letter_is(uint8_t c, enum http_letter kind);
bool letters_are(span s, enum http_letter kind);
/* 0 to 15, or -1. */
int hex_value(uint8_t c);
/* ASCII letters alone have a case. */
bool span_equal_nocase(span a, span b);
/* Without SP and HTAB at both ends. */
span span_trim(span s);
/* Takes the part before the first `c` (or all) off the front of *s, and `c` with it. False at the end: *s has
 * a NULL pointer then. */
bool span_split(span *s, uint8_t c, span *part);
