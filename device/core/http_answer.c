#include "device/core/http_answer.h"

#include <strings.h>

#define HEADERS_MAX 64
#define LENGTH_DIGITS_MAX 9

static status
refuse(struct diag *d, const char *clause, const char *what)
{
	return diag_set(d, BAD_INPUT, clause, "the server's answer: %s", what);
}

size_t
http_answer_head_len(span bytes)
{
	size_t end = span_find(bytes, span_text("\r\n\r\n"));

	return end != SIZE_MAX ? end + 4 : 0;
}

static bool
is_word(span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

bool
http_is_type(span content_type, const char *type)
{
	size_t len = strlen(type);

	return content_type.len >= len &&
	       strncasecmp((const char *)content_type.data, type, len) == 0 &&
	       (content_type.len == len || strchr("; \t", content_type.data[len]) != NULL);
}

static bool
read_digits(span s, size_t *out)
{
	if (s.len == 0 || s.len > LENGTH_DIGITS_MAX) {
		return false;
	}
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9') {
			return false;
		}
		*out = 10 * *out + (size_t)(s.data[i] - '0');
	}
	return true;
}

/* RFC 9110 5.6.2 */
static bool
is_token(span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) {
			return false;
		}
	}
	return s.len > 0;
}

static bool
is_text(span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

static span
trim(span s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
		s = span_slice(s, 1, SIZE_MAX);
	}
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
		s.len--;
	}
	return s;
}

struct heading {
	bool has_length;
	struct http_answer *out;
	struct diag *diag;
};

static status
take_header(struct heading *h, span name, span value)
{
	size_t number;

	if (is_word(name, "content-length")) {
		if (h->has_length || !read_digits(value, &h->out->length)) {
			return refuse(h->diag, "RFC 9112 6.3", "Content-Length twice or no number");
		}
		h->has_length = true;
	} else if (is_word(name, "transfer-encoding")) {
		if (h->out->is_chunked || !is_word(value, "chunked")) {
			return refuse(
				h->diag, "RFC 9112 6.1", "another transfer coding than chunked");
		}
		h->out->is_chunked = true;
	} else if (is_word(name, "connection")) {
		h->out->closes = h->out->closes || !is_word(value, "keep-alive");
	} else if (is_word(name, "content-type")) {
		h->out->content_type = value;
	} else if (is_word(name, "retry-after") && read_digits(value, &number)) {
		h->out->retry_after_s = (int64_t)number;
	}
	return OK;
}

static status
take_line(struct heading *h, span line)
{
	const uint8_t *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
	span name, value;

	if (colon == NULL) {
		return refuse(h->diag, "RFC 9112 5", "a header without a colon");
	}
	name = span_of(line.data, (size_t)(colon - line.data));
	value = trim(span_slice(line, name.len + 1, SIZE_MAX));
	if (!is_token(name) || !is_text(value)) {
		return refuse(h->diag, "RFC 9112 5.1", "a header with bytes that none has");
	}
	return take_header(h, name, value);
}

/* "HTTP/1.1 200 OK" */
static status
take_status_line(struct heading *h, span line)
{
	static const char version[] = "HTTP/1.1 ";
	size_t prefix = sizeof(version) - 1, code;

	if (line.len < prefix + 3 || memcmp(line.data, version, prefix) != 0 ||
		!read_digits(span_slice(line, prefix, 3), &code) ||
		(line.len > prefix + 3 && line.data[prefix + 3] != ' ')) {
		return refuse(h->diag, "RFC 9112 4", "no HTTP/1.1 status line");
	}
	if (code < 200 || code > 599) {
		return refuse(h->diag, "RFC 9110 15", "a status code that was not asked for");
	}
	h->out->code = (unsigned)code;
	return OK;
}

status
http_answer_read(span head, struct http_answer *out, struct diag *d)
{
	struct heading h = { .out = out, .diag = d };
	status s = OK;

	*out = (struct http_answer){ 0 };
	for (unsigned i = 0; s == OK && head.len > 2; i++) {
		size_t end = span_find(head, span_text("\r\n"));
		span line = span_slice(head, 0, end);

		if (end == SIZE_MAX || i > HEADERS_MAX || line.len == 0) {
			return refuse(d, "RFC 9112 2.1", "too many headers, or a broken one");
		}
		s = i == 0 ? take_status_line(&h, line) : take_line(&h, line);
		head = span_slice(head, line.len + 2, SIZE_MAX);
	}
	if (s != OK) {
		return s;
	}
	if (out->code == 0 || !span_is(head, "\r\n")) {
		return refuse(d, "RFC 9112 2.1", "not a whole head");
	}
	if (out->is_chunked ? h.has_length : !h.has_length && out->code != 204) {
		return refuse(d, "RFC 9112 6.3",
			out->is_chunked ? "a length beside chunks" : "no Content-Length");
	}
	return OK;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a\r\n". OK with *line_len 0: not all of it is there. */
static status
chunk_size(span rest, size_t *size, size_t *line_len, struct diag *d)
{
	size_t end = span_find(span_slice(rest, 0, 16), span_text("\r\n"));
	size_t digits = end != SIZE_MAX ? end : 0;

	*line_len = *size = 0;
	if (end == SIZE_MAX && rest.len < 16) {
		return OK;
	}
	if (digits == 0 || digits > 7) {
		return refuse(d, "RFC 9112 7.1", "no chunk size, or one with extensions");
	}
	for (size_t i = 0; i < digits; i++) {
		int digit = hex_digit(rest.data[i]);

		if (digit < 0) {
			return refuse(d, "RFC 9112 7.1", "no chunk size, or one with extensions");
		}
		*size = 16 * *size + (size_t)digit;
	}
	*line_len = digits + 2;
	return OK;
}

/* Where the chunk's data begins; `*size` 0 for the last one. `*at` stays when bytes are missing. */
static status
next_chunk(span all, size_t *at, size_t *from, size_t *size, struct diag *d)
{
	size_t line_len;
	status s = chunk_size(span_slice(all, *at, SIZE_MAX), size, &line_len, d);

	if (s != OK || line_len == 0) {
		return s;
	}
	*from = *at + line_len;
	if (all.len - *from < *size + 2) {
		return OK;
	}
	if (memcmp(all.data + *from + *size, "\r\n", 2) != 0) {
		return refuse(d, "RFC 9112 7.1", "a chunk longer than its size, or trailers");
	}
	*at = *from + *size + 2;
	return OK;
}

status
http_chunks_join(uint8_t *bytes, size_t len, size_t *body_len, bool *is_whole, struct diag *d)
{
	span all = span_of(bytes, len);

	*is_whole = false;
	*body_len = 0;
	/* Once to see that all is there, once to move. */
	for (int pass = 0; pass < 2; pass++) {
		size_t at = 0, before, from = 0, size = 1;

		while (size > 0) {
			status s;

			before = at;
			s = next_chunk(all, &at, &from, &size, d);
			if (s != OK || at == before) {
				return s;
			}
			if (pass == 1) {
				memmove(bytes + *body_len, bytes + from, size);
				*body_len += size;
			}
		}
		if (at != len) {
			return refuse(d, "RFC 9112 7.1", "bytes behind the last chunk");
		}
	}
	*is_whole = true;
	return OK;
}
