#pragma once
/* The header section of a reply (RFC 9112 4), and refusals that no handler sees. */
#include "http/exchange.h"

/* "Not Found"; "Status" for a code that has no phrase here. Static. */
const char *reply_phrase(int http_status);

/* A problem with an HTTP status of its own and the clause that was broken. */
void reply_refusal(struct exchange *x, int http_status, const struct diag *d);

/*
 * Whole header section into `out`. What failed to be built (no memory, over a limit, a header
 * with a line break in it, a handler that gave no reply) becomes a 500 here. `keeps` says whether the connection is
 * kept. After this the payload to be sent is the reply's file if there is one, else its body.
 */
void reply_head_write(struct exchange *x, bool keeps, struct buffer *out);
/* Bytes behind the header: none for HEAD, 204 and 304. */
uint64_t reply_payload(const struct exchange *x);
