#pragma once
/* Encodings of bytes as text, strict on the way in. */
#include "base/arena.h"
#include "base/status.h"

/* Lower-case hex, NUL-ended, into `out` of at least 2 * len + 1 bytes. Returns out. */
char *hex_encode(char *out, span bytes);
/* Exactly `len` bytes from 2 * len digits, either case. BAD_INPUT else. */
MUST_USE status hex_decode(span text, uint8_t *out, size_t len);

/* Standard base64 with padding, on one line, NUL-ended, in the arena. NULL when out of memory. */
char *base64_encode(struct arena *a, span bytes);
/* Standard base64; white space is passed over; padding may be missing. */
MUST_USE status base64_decode(struct arena *a, span text, span *out);
/* RFC 4648 section 5, no padding, no white space: anything else is BAD_INPUT.
 * `out` must have room for 3 * text.len / 4 + 3 bytes. */
MUST_USE status base64url_decode(span text, uint8_t *out, size_t room, size_t *len);
/* Into `out` of at least (len * 4 + 2) / 3 + 1 bytes; NUL-ended. */
char *base64url_encode(char *out, span bytes);

/* Crockford base32 (no I, L, O, U), upper case, high bits first, NUL-ended. */
char *base32_encode(char *out, span bytes);
/* Reads 0 for O, 1 for I and L, either case, passes over '-' and ' '. */
MUST_USE status base32_decode(span text, uint8_t *out, size_t len);

/* RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF. */
bool utf8_is_valid(span text);
/* Valid UTF-8 without control characters, bidi overrides, or DEL: fit to be shown. */
bool utf8_is_printable(span text);

/* "2026-11-23T16:56:31Z"; `out` holds TIME_TEXT_MAX bytes. Years 0 to 9999. */
#define TIME_TEXT_MAX 32
char *time_text(char *out, int64_t time_s);
/* RFC 3339 with Z, optional fraction (dropped). BAD_INPUT else. */
MUST_USE status time_parse(span text, int64_t *time_s);
/* The proleptic Gregorian calendar in UTC; no locale, no gmtime. month 1..12. */
struct civil {
	int year, month, day, hour, minute, second;
};
struct civil civil_from_time(int64_t time_s);
int64_t civil_to_time(struct civil c);

/* A span of decimal digits (at most 18) as a number. BAD_INPUT else. */
MUST_USE status number_parse(span text, int64_t *out);
/* "90d", "12h", "30m", "45s" or plain seconds. */
MUST_USE status duration_parse(span text, int64_t *seconds);

/* How many letters must be inserted, left out or changed to make one word the other; only the first
 * TEXT_WORD_MAX of each count. For "did you mean". */
#define TEXT_WORD_MAX 64
size_t text_distance(const char *a, const char *b);
