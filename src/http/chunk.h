#pragma once
/*
 * A chunked body (RFC 9112 7.1), read as it comes. Extensions and trailers are checked for their letters and
 * dropped; both are bounded.
 */
#include "base/buffer.h"

enum chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER, /* at the beginning of a line */
	CHUNK_TRAILER_LINE,
	CHUNK_TRAILER_LF,
	CHUNK_LAST_LF,
	CHUNK_DONE
};

/* All zero: at the beginning. */
struct chunk_reader {
	enum chunk_state state;
	uint64_t left;	 /* of the chunk's data */
	unsigned digits; /* of the size */
	size_t line;	 /* bytes of the size line */
	size_t trailer;	 /* bytes of the trailers */
	bool has_colon;	 /* in the trailer line */
};

/*
 * Reads what is there; the data goes to `body`. OK: the body has ended, `*used` bytes of `bytes` belong to it.
 * UNAVAILABLE: all were used, there is more to come. BAD_INPUT. LIMIT: the body would be over its buffer's cap, or
 * a line or the trailers over theirs. NO_MEMORY.
 */
MUST_USE status chunk_read(
	struct chunk_reader *c, span bytes, size_t *used, struct buffer *body, struct diag *d);
