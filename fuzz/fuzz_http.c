/*
 * HTTP/1.1 from outside: header sections, chunked bodies, targets and queries.
 *
 * Held: a request is read at one length only (no prefix of it is one); printed from its parts and read again
 * it is the same; a chunked body is the same however it was cut; nothing that was refused lacks a clause.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/chunk.h"
#include "http/router.h"

#define BODY_MAX 4096

static void
must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void
handler(struct exchange *x)
{
	(void)x;
}

static const struct route routes[] = {
	{ HTTP_GET, "/", handler, 0 },
	{ HTTP_GET, "/a/{x}", handler, 0 },
	{ HTTP_POST, "/a/{x}/b/{y}", handler, 16 },
	{ HTTP_GET, "/files/*", handler, 0 },
	{ HTTP_GET, NULL, NULL, 0 },
};

static void
print(const struct http_request *r, struct buffer *out)
{
	buffer_put_text(out, http_method_name(r->method));
	buffer_put_byte(out, ' ');
	buffer_put(out, r->target);
	buffer_printf(out, " HTTP/1.%u\r\n", r->minor);
	for (size_t i = 0; i < r->header_count; i++) {
		buffer_put(out, r->headers[i].name);
		buffer_put_byte(out, ':');
		buffer_put(out, r->headers[i].value);
		buffer_put_text(out, "\r\n");
	}
	buffer_put_text(out, "\r\n");
}

static void
read_again(const struct http_request *r)
{
	struct http_request again;
	struct buffer text;
	size_t used;

	buffer_init(&text, 2 * HTTP_HEADER_MAX);
	print(r, &text);
	must(http_request_read(buffer_span(&text), &again, &used, NULL) == OK);
	must(used == text.len && again.method == r->method && again.minor == r->minor);
	must(span_equal(again.path, r->path) && span_equal(again.query, r->query));
	must(again.header_count == r->header_count && again.keep_alive == r->keep_alive);
	must(again.length == r->length && again.is_chunked == r->is_chunked);
	for (size_t i = 0; i < r->header_count; i++) {
		must(span_equal(again.headers[i].name, r->headers[i].name));
		must(span_equal(again.headers[i].value, r->headers[i].value));
	}
	buffer_wipe(&text);
}

static void
use(const struct http_request *r)
{
	static const struct route *const tables[] = { routes };
	const struct router router = { .tables = tables, .table_count = 1 };
	struct exchange x = { .arena = arena_new(1 << 16) };
	struct diag d;
	char allow[64];
	int http_status = 0;
	span value;

	must(x.arena != NULL);
	if (router_find(&router, r, &x, &http_status, allow, sizeof(allow)) == NULL) {
		must(http_status == 404 || http_status == 405);
	}
	diag_clear(&d);
	if (http_query_get(r, x.arena, "a", &value, &d) == BAD_INPUT) {
		must(d.clause[0] != '\0');
	}
	must(!(r->has_length && r->is_chunked));
	must(r->path.len > 0 && r->path.data[0] == '/');
	arena_free(x.arena);
}

/* Reads in pieces of `step` bytes. */
static status
read_chunks(span bytes, size_t step, struct buffer *body, size_t *end)
{
	struct chunk_reader c = { 0 };
	struct diag d;
	status s = UNAVAILABLE;

	buffer_clear(body);
	diag_clear(&d);
	*end = 0;
	while (s == UNAVAILABLE && *end < bytes.len) {
		size_t used = 0;

		s = chunk_read(&c, span_slice(bytes, *end, step), &used, body, &d);
		*end += used;
	}
	must(s == OK || s == UNAVAILABLE || d.clause[0] != '\0');
	return s;
}

static void
check_chunks(span bytes)
{
	struct buffer whole, pieces;
	size_t whole_end, pieces_end;
	status s;

	buffer_init(&whole, BODY_MAX);
	buffer_init(&pieces, BODY_MAX);
	s = read_chunks(bytes, bytes.len, &whole, &whole_end);
	for (size_t step = 1; step < 8; step += 3) {
		must(read_chunks(bytes, step, &pieces, &pieces_end) == s);
		if (s == OK) {
			must(span_equal(buffer_span(&whole), buffer_span(&pieces)));
			must(whole_end == pieces_end);
		}
	}
	buffer_wipe(&whole);
	buffer_wipe(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span bytes = span_of(data, size);
	struct http_request r, shorter;
	size_t used = 0, less = 0;
	struct diag d;
	status s;

	diag_clear(&d);
	s = http_request_read(bytes, &r, &used, &d);
	if (s == OK) {
		must(used <= size && used <= HTTP_HEADER_MAX);
		must(http_request_read(span_of(data, used - 1), &shorter, &less, NULL) ==
			UNAVAILABLE);
		must(http_request_read(span_of(data, used / 2), &shorter, &less, NULL) ==
			UNAVAILABLE);
		read_again(&r);
		use(&r);
		check_chunks(span_slice(bytes, used, size));
	} else if (s != UNAVAILABLE) {
		must((s == BAD_INPUT || s == LIMIT) && r.refused_with >= 400 &&
			d.clause[0] != '\0');
	}
	check_chunks(bytes);
	return 0;
}
