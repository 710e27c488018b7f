#pragma once
/*
 * Strict DER (ITU-T X.690), both ways.
 *
 * The cursor reads bytes from outside without copying: every span it gives
 * points into the input. It accepts definite, minimal lengths only, one-byte
 * tags, primitive strings, minimal integers, 00/FF booleans. What it accepts,
 * libcrypto accepts too (fuzz/fuzz_der.c); the reverse does not hold.
 *
 * A reader says what it is at: `clause` is the standard's paragraph that the
 * present structure follows, quoted when the structure is wrong; faults of
 * the encoding itself quote X.690. `what` in each call is the field's name
 * in that standard. Faults go to the cursor's diag with the offset.
 *
 *	struct der_cursor c = der_cursor_of(input, "RFC 2986 4.2", d);
 *	struct der_cursor request;
 *	status s = der_enter(&c, DER_SEQUENCE, "CertificationRequest", &request);
 *
 * Failed calls leave the cursor where it was. Every call costs time linear in what it consumes.
 *
 * The writer fills the caller's buffer front to back; lengths are settled when an
 * element is closed. Errors stick, so a builder checks once, at der_writer_finish.
 */
#include "base/limits.h"
#include "base/span.h"
#include "base/status.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_NUMERIC_STRING = 0x12,
	DER_PRINTABLE_STRING = 0x13,
	DER_TELETEX_STRING = 0x14,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_UNIVERSAL_STRING = 0x1c,
	DER_BMP_STRING = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

/* Context-specific tags: primitive (implicit string, integer ...) and constructed. n is 0..30. */
#define DER_CONTEXT(n) ((uint8_t)(0x80 | (n)))
#define DER_CONTEXT_IN(n) ((uint8_t)(0xa0 | (n)))

#define DER_OID_MAX_LEN 64 /* content bytes; the longest in use in PKIX has 20 */

/* --- reading --- */

struct der_cursor {
	const uint8_t *at;    /* next byte to read */
	const uint8_t *end;   /* of the present element's content */
	const uint8_t *start; /* of the whole input, for offsets */
	const char *clause;   /* may be changed at any time; handed on by der_enter */
	struct diag *diag;    /* may be NULL */
	unsigned depth;
};

struct der_cursor der_cursor_of(span input, const char *clause, struct diag *d);

static inline bool
der_at_end(const struct der_cursor *c)
{
	return c->at == c->end;
}

/* Whether the next element has this tag. */
static inline bool
der_next_is(const struct der_cursor *c, uint8_t tag)
{
	return c->at != c->end && *c->at == tag;
}

/* Bytes not yet read. */
static inline span
der_rest(const struct der_cursor *c)
{
	return span_of(c->at, (size_t)(c->end - c->at));
}

/* BAD_INPUT with the cursor's clause and position: for rules that the caller checks. */
status der_refuse(const struct der_cursor *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* As diag_set in base/status.h: never OK. */
#define der_refuse(...) ((void)der_refuse(__VA_ARGS__), BAD_INPUT)
#endif

/*
 * All reading functions answer OK, BAD_INPUT (malformed, or not `what`), or
 * LIMIT (nested deeper than DER_DEPTH_MAX, an OID or an integer over its limit).
 */

/* The content of an element with this tag, for which no rule beyond the length holds. */
MUST_USE status der_read(struct der_cursor *c, uint8_t tag, const char *what, span *content);
/* The element with its header, of any tag; nested elements are all checked. */
MUST_USE status der_read_any(struct der_cursor *c, const char *what, span *element);
/* The element with its header, of this tag; nested elements are all checked. */
MUST_USE status der_read_whole(struct der_cursor *c, uint8_t tag, const char *what, span *element);
/* Steps into a constructed element; `c` goes behind it. */
MUST_USE status der_enter(
	struct der_cursor *c, uint8_t tag, const char *what, struct der_cursor *inside);
/* Steps into a string that holds DER (extnValue); `c` goes behind it. */
MUST_USE status der_enter_string(
	struct der_cursor *c, uint8_t tag, const char *what, struct der_cursor *inside);
/* Nothing may follow inside `what`. */
MUST_USE status der_end(const struct der_cursor *c, const char *what);

/* Two's complement as encoded, at least one byte, minimal. */
MUST_USE status der_read_integer(struct der_cursor *c, const char *what, span *out);
/* Not negative; without the leading zero byte; zero is one byte 00. */
MUST_USE status der_read_unsigned(struct der_cursor *c, const char *what, span *out);
/* 0 .. max. LIMIT if over. `tag` is DER_INTEGER, DER_ENUMERATED or an implicit one. */
MUST_USE status der_read_number(
	struct der_cursor *c, uint8_t tag, const char *what, uint32_t max, uint32_t *out);
MUST_USE status der_read_boolean(struct der_cursor *c, const char *what, bool *out);
MUST_USE status der_read_null(struct der_cursor *c, const char *what);
/* The content bytes; minimal subidentifiers, at most DER_OID_MAX_LEN. */
MUST_USE status der_read_oid(struct der_cursor *c, const char *what, span *out);
/* Bits; the unused ones are zero. */
MUST_USE status der_read_bit_string(
	struct der_cursor *c, const char *what, span *bytes, unsigned *unused);
/* A BIT STRING of whole octets (keys, signatures). */
MUST_USE status der_read_bit_octets(struct der_cursor *c, const char *what, span *bytes);
/* Named bits without trailing zeros, at most 32; bit n of the standard is 1u << n. `tag` as der_read_number. */
MUST_USE status der_read_named_bits(
	struct der_cursor *c, uint8_t tag, const char *what, uint32_t *out);
/* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 (UTC, seconds, no fraction; the 2050 rule). */
MUST_USE status der_read_time(struct der_cursor *c, const char *what, int64_t *time_s);
/* The same without the 2050 rule: secure elements rebuild their certificates from a template whose
 * notAfter is a GeneralizedTime in every year. */
MUST_USE status der_read_any_time(struct der_cursor *c, const char *what, int64_t *time_s);
/*
 * Any of the DirectoryString kinds or IA5String or NumericString, its characters
 * checked by its kind (BMP: even length; UniversalString: by four). No NUL character in any.
 */
MUST_USE status der_read_string(struct der_cursor *c, const char *what, uint8_t *tag, span *out);

/* Whether the characters fit the string kind `tag`; der_read_string's rule. */
bool der_string_is_valid(uint8_t tag, span text);

/* --- writing --- */

#define DER_WRITER_DEPTH_MAX 20

struct der_writer {
	uint8_t *data;
	size_t room;
	size_t len;
	unsigned depth;
	bool failed;
	size_t opened[DER_WRITER_DEPTH_MAX]; /* where the content of each open element begins */
};

/* Writes into `data`, which the caller owns. */
void der_writer_init(struct der_writer *w, uint8_t *data, size_t room);
/* OK and the bytes; LIMIT if the room was too small; BUG if an element is still open or a value could not be encoded. */
MUST_USE status der_writer_finish(const struct der_writer *w, span *out, struct diag *d);

/* Begin and end an element whose content is written in between: SEQUENCE, explicit tags, OCTET STRING around DER. */
void der_open(struct der_writer *w, uint8_t tag);
void der_close(struct der_writer *w);
/* Ends a SET OF: its elements are brought into DER order (X.690 11.6). */
void der_close_set_of(struct der_writer *w);
/* A BIT STRING around DER or octets (no unused bits); end it with der_close. */
void der_open_bit_string(struct der_writer *w);

/* One element with this content. */
void der_put(struct der_writer *w, uint8_t tag, span content);
/* Bytes that are DER already. */
void der_put_raw(struct der_writer *w, span der);
/* A number that is not negative, big-endian; leading zeros are dropped, the sign byte added. */
void der_put_unsigned(struct der_writer *w, span big_endian);
void der_put_number(struct der_writer *w, uint64_t value);
/* DER_ENUMERATED or an implicit tag. */
void der_put_number_as(struct der_writer *w, uint8_t tag, uint64_t value);
void der_put_boolean(struct der_writer *w, bool value);
void der_put_null(struct der_writer *w);
void der_put_oid(struct der_writer *w, span oid);	/* content bytes, see pki/oid.h */
void der_put_octets(struct der_writer *w, span octets); /* OCTET STRING */
void der_put_bits(struct der_writer *w, span octets);	/* BIT STRING without unused bits */
/* Named bits: bit n of the standard is 1u << n; trailing zeros dropped (X.690 11.2.2). */
void der_put_named_bits(struct der_writer *w, uint32_t bits);
void der_put_named_bits_as(struct der_writer *w, uint8_t tag, uint32_t bits);
/* A string of this kind; characters that the kind does not have make the writer fail. */
void der_put_string(struct der_writer *w, uint8_t tag, span text);
/* UTCTime to 2049, GeneralizedTime from 2050 on (RFC 5280 4.1.2.5); 1950 .. 9999. */
void der_put_time(struct der_writer *w, int64_t time_s);
/* GeneralizedTime in any year: OCSP, CMP. */
void der_put_generalized_time(struct der_writer *w, int64_t time_s);
