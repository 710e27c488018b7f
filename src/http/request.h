#pragma once
/* One HTTP/1.0 or 1.1 request, read strictly (RFC 9112): what is ambiguous is refused, never repaired. */
#include "base/arena.h"
#include "base/limits.h"
#include "base/status.h"

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_METHOD_COUNT
};
const char *http_method_name(enum http_method m);

struct http_header {
	span name; /* as sent; compared without case */
	span value;
};

/* Spans are borrowed from the connection's buffer; they live as long as the exchange. */
struct http_request {
	enum http_method method;
	unsigned minor; /* HTTP/1.minor */
	span target;	/* as sent */
	span path;	/* of the target, still percent-encoded, without the query */
	span query;	/* behind '?', still encoded; empty where absent */
	size_t header_count;
	span body; /* whole, unchunked */
	bool keep_alive;
	bool has_length, is_chunked, expects_continue;
	uint64_t length;
	int refused_with; /* HTTP status for a request that was not read: 400, 414, 417, 431, 501, 505 */
	struct http_header
		headers[HTTP_HEADER_COUNT_MAX]; /* last: only the first header_count are set */
};

/*
 * Reads the header section. UNAVAILABLE: not all there yet, and nothing wrong so far; BAD_INPUT with the
 * clause, LIMIT (header too large: 431, target too long: 414); then `refused_with` is set and the
 * connection cannot be used further. `*used` gets the bytes up to the body.
 *
 * One empty line before the request is passed over (RFC 9112 2.2). The absolute form of the target is
 * taken (3.2.2), its authority checked and dropped. Dot segments, also encoded ones, are refused.
 */
MUST_USE status http_request_read(
	span bytes, struct http_request *out, size_t *used, struct diag *d);

/* The one header of this name, empty where absent. Twice where once is meant was refused by the reader. */
span http_header_get(const struct http_request *r, const char *name);
/* Whether the list-valued header holds the token, without case. */
bool http_header_has(const struct http_request *r, const char *name, const char *token);
/* The media type without parameters equals `type`, without case. */
bool http_content_is(const struct http_request *r, const char *type);

/* A parameter of the query, decoded into the arena ('+' is a space). NOT_FOUND; BAD_INPUT for bad escapes,
 * NUL, bad UTF-8, twice; NO_MEMORY. */
MUST_USE status http_query_get(
	const struct http_request *r, struct arena *a, const char *name, span *out, struct diag *d);
/* Percent-decoding of one path segment: no NUL, no '/', valid UTF-8. */
MUST_USE status http_segment_decode(struct arena *a, span segment, span *out, struct diag *d);
