#pragma once
/*
 * The head of an HTTP/1.1 answer and its chunks (RFC 9112), read strictly and
 * without memory of its own. What a careful server never sends is refused: bare LF, folded lines,
 * two lengths, a length beside chunks, answers that only the end of the connection ends.
 */
#include "base/span.h"
#include "base/status.h"

struct http_answer {
	unsigned code; /* 200 .. 599 */
	bool is_chunked;
	size_t length;	       /* of the body, unless chunked */
	bool closes;	       /* the connection ends after it */
	span content_type;     /* borrowed, empty where absent */
	int64_t retry_after_s; /* 0: absent, or a date, which is not taken */
};

/* The length of the head with its empty line, once that is there; 0: not yet. */
size_t http_answer_head_len(span bytes);
/* `head` as long as said above. BAD_INPUT. */
MUST_USE status http_answer_read(span head, struct http_answer *out, struct diag *d);
/*
 * Joins the chunks at the start of `bytes` in place: `*body_len` bytes. `*is_whole` false: more must be
 * read first, and nothing is changed. BAD_INPUT, also for bytes behind the last chunk.
 */
MUST_USE status http_chunks_join(
	uint8_t *bytes, size_t len, size_t *body_len, bool *is_whole, struct diag *d);
/* Whether a Content-Type names this media type ("application/json"), whatever its parameters. */
bool http_is_type(span content_type, const char *type);
