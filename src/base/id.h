#pragma once
/*
 * The public name of an object: 16 bytes, the first six a time in
 * milliseconds, the rest random, so that newer ones sort behind older ones.
 * As text: 26 characters of Crockford base32 in lower case.
 */
#include "base/clock.h"
#include "base/span.h"
#include "base/status.h"

#define ID_TEXT_LEN 26

typedef struct id {
	uint8_t bytes[16];
} id;

/* BUG only when the system has no randomness. */
MUST_USE status id_new(const struct clock *c, id *out);
/*
 * For what is to be told apart, not to be guessed: the same shape, but of the ten bytes behind the time six are the thread's
 * own, drawn once, and four count. A tenth of the price.
 */
MUST_USE status id_next(const struct clock *c, id *out);
char *id_text(char out[ID_TEXT_LEN + 1], const id *i); /* returns out */
MUST_USE status id_parse(span text, id *out);

static inline bool
id_equal(const id *a, const id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline bool
id_is_zero(const id *a)
{
	static const id zero;
	return id_equal(a, &zero);
}
