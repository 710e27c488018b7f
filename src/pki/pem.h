#pragma once
/* PEM (RFC 7468): one block or a bundle. */
#include "base/arena.h"
#include "base/buffer.h"

/* The first block of this label (NULL: any) in `text`, its content in the arena. NOT_FOUND, BAD_INPUT. */
MUST_USE status pem_read(struct arena *a, span text, const char *label, span *der, struct diag *d);
/* Every block of the label, at most `max`; `*count` of them. */
MUST_USE status pem_read_all(struct arena *a, span text, const char *label, span *der, size_t max,
	size_t *count, struct diag *d);
/* Appends a block, 64 columns, LF. */
void pem_write(struct buffer *out, const char *label, span der);
/* Base64 alone, in lines of `columns` (0: one line), each ended by LF. */
void base64_write(struct buffer *out, span bytes, size_t columns);
