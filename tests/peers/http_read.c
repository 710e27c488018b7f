/*
 * The requests that a connection's bytes hold, as our parser reads them: one side of the comparison in
 * http_differential.js. A line of hex in, a line out:
 *
 *	VERDICT [METHOD:TARGET:BODY ...]	target and body in hex
 *
 * complete: nothing is left over; partial: more is awaited; refused; closed: the last one ended the connection.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "http/chunk.h"
#include "http/request.h"
#include "http/syntax.h"

#define INPUT_MAX (1 << 20)

/* The body behind the header section. OK, UNAVAILABLE, or why not. */
static status
read_body(const struct http_request *r, span rest, struct buffer *body, size_t *used)
{
	struct chunk_reader c = { 0 };

	if (r->is_chunked) {
		return chunk_read(&c, rest, used, body, NULL);
	}
	if (r->length > rest.len) {
		return UNAVAILABLE;
	}
	*used = (size_t)r->length;
	buffer_put(body, span_slice(rest, 0, *used));
	return OK;
}

static void
put_hex(struct buffer *out, span bytes)
{
	buffer_put_byte(out, ':');
	for (size_t i = 0; i < bytes.len; i++) {
		buffer_printf(out, "%02x", bytes.data[i]);
	}
}

/* Appends the request at the front of *bytes to `out`, takes it off, or gives the verdict. */
static const char *
read_one(span *bytes, struct buffer *out)
{
	static struct http_request r;
	struct buffer body;
	size_t used = 0, in_body = 0;
	status s = http_request_read(*bytes, &r, &used, NULL);
	span rest = span_slice(*bytes, used, bytes->len);

	buffer_init(&body, INPUT_MAX);
	if (s == OK) {
		s = read_body(&r, rest, &body, &in_body);
	}
	if (s == OK) {
		buffer_printf(out, " %s", http_method_name(r.method));
		put_hex(out, r.target);
		put_hex(out, buffer_span(&body));
		*bytes = span_slice(rest, in_body, rest.len);
	}
	buffer_wipe(&body);
	if (s != OK) {
		return s == UNAVAILABLE ? "partial" : "refused";
	}
	return r.keep_alive ? NULL : "closed";
}

static void
answer(span bytes)
{
	const char *verdict = NULL;
	struct buffer out;

	buffer_init(&out, 4 * INPUT_MAX);
	while (verdict == NULL) {
		verdict = bytes.len == 0 ? "complete" : read_one(&bytes, &out);
	}
	printf("%s%.*s\n", verdict, (int)out.len, (const char *)out.data);
	fflush(stdout);
	buffer_wipe(&out);
}

int
main(void)
{
	static char line[2 * INPUT_MAX + 2];
	static uint8_t bytes[INPUT_MAX];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t len = strcspn(line, "\n") / 2;

		for (size_t i = 0; i < len; i++) {
			int high = hex_value((uint8_t)line[2 * i]);
			int low = hex_value((uint8_t)line[2 * i + 1]);

			if (high < 0 || low < 0) {
				return 2;
			}
			bytes[i] = (uint8_t)(high << 4 | low);
		}
		answer(span_of(bytes, len));
	}
	return 0;
}
