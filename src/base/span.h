#pragma once
/*
 * A borrowed run of bytes: pointer and length, never owned, never NUL-ended.
 * Passed by value. A span of length 0 may have a NULL pointer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct span {
	const uint8_t *data;
	size_t len;
} span;

static inline span
span_of(const void *data, size_t len)
{
	return (span){ (const uint8_t *)data, len };
}

static inline span
span_text(const char *text)
{
	return (span){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

#define SPAN_ARRAY(a) ((span){ (const uint8_t *)(a), sizeof(a) })

static inline bool
span_equal(span a, span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool
span_is(span a, const char *text)
{
	return span_equal(a, span_text(text));
}

/* The part from `from`, at most `len` bytes, cut to what is there. */
static inline span
span_slice(span s, size_t from, size_t len)
{
	if (from > s.len) {
		from = s.len;
	}
	if (len > s.len - from) {
		len = s.len - from;
	}
	return span_of(from > 0 ? s.data + from : s.data, len);
}

/* Where `what` begins in `in`, the first time; SIZE_MAX: nowhere. An empty `what` is found at 0. */
size_t span_find(span in, span what);
/* Takes the first line off the front of *rest, and its newline with it. False: no newline is left. */
bool span_take_line(span *rest, span *line);

/* Equal without a timing difference that depends on the content (the lengths are public). */
bool span_equal_secret(span a, span b);
