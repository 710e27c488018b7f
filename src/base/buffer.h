#pragma once
/*
 * A growing byte buffer on the heap with a cap, for building replies, files
 * and frames. Errors stick: after the first failed append every further one
 * does nothing and `buffer_failed` says so, so that a builder checks once.
 */
#include "base/span.h"
#include "base/status.h"

struct buffer {
	uint8_t *data;
	size_t len;
	size_t room;
	size_t cap;
	bool failed;
	bool is_over; /* it failed at its cap */
};

void buffer_init(struct buffer *b, size_t cap);
void buffer_wipe(struct buffer *b);  /* frees; the content is overwritten first */
void buffer_clear(struct buffer *b); /* len = 0, keeps memory and cap, clears `failed` */

void buffer_put(struct buffer *b, span s);
void buffer_put_byte(struct buffer *b, uint8_t byte);
void buffer_put_text(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Why it failed: LIMIT at its cap, else NO_MEMORY; OK where it did not. */
status buffer_fault(const struct buffer *b);
/* `len` bytes to be written by the caller at once; NULL if failed. */
uint8_t *buffer_grow(struct buffer *b, size_t len);

static inline bool
buffer_failed(const struct buffer *b)
{
	return b->failed;
}

static inline span
buffer_span(const struct buffer *b)
{
	return span_of(b->data, b->len);
}
