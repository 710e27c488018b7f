/*
 *   SIZE --(";")--> EXTENSION --(CR)--> SIZE_LF --(LF)--> DATA --> DATA_CR --> DATA_LF --> SIZE
 *     \------------(CR)----------------/   \--(size 0)--> TRAILER --(CR)--> LAST_LF --> DONE
 *                                                          |  ^
 *                                               TRAILER_LINE--TRAILER_LF
 */
#include "http/chunk.h"

#include "base/limits.h"
#include "http/syntax.h"

static status
bad(struct diag *d, const char *words)
{
	return diag_set(d, BAD_INPUT, "RFC 9112 7.1", "%s", words);
}

static status
read_size(struct chunk_reader *c, uint8_t byte, const struct buffer *body, struct diag *d)
{
	int digit = hex_value(byte);

	if (digit >= 0) {
		/* Sixteen digits would fit, and a leading zero too many hides nothing good. */
		if (++c->digits > 15) {
			return bad(d, "a chunk's size has too many digits");
		}
		c->left = c->left << 4 | (unsigned)digit;
		return OK;
	}
	if (c->digits == 0 || (byte != '\r' && byte != ';')) {
		return bad(d, "a chunk's size is not a hexadecimal number");
	}
	if (c->left > body->cap - body->len) {
		return diag_set(
			d, LIMIT, "RFC 9110 15.5.14", "the body is over %zu bytes", body->cap);
	}
	c->state = byte == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
	return OK;
}

static status
read_extension(struct chunk_reader *c, uint8_t byte, struct diag *d)
{
	if (byte == '\r') {
		c->state = CHUNK_SIZE_LF;
	} else if (!letter_is(byte, LETTER_VALUE)) {
		return bad(d, "a chunk extension has a control character");
	}
	return OK;
}

static status
read_trailer(struct chunk_reader *c, uint8_t byte, struct diag *d)
{
	if (++c->trailer > HTTP_HEADER_MAX) {
		return diag_set(d, LIMIT, "RFC 9112 7.1.2", "the trailers are too large");
	}
	if (c->state == CHUNK_TRAILER) {
		if (byte == '\r') {
			c->state = CHUNK_LAST_LF;
			return OK;
		}
		if (!letter_is(byte, LETTER_TOKEN)) {
			return bad(d, "a trailer line does not begin with a name");
		}
		c->state = CHUNK_TRAILER_LINE;
		c->has_colon = false;
		return OK;
	}
	if (byte == '\r' && c->has_colon) {
		c->state = CHUNK_TRAILER_LF;
	} else if (!letter_is(byte, c->has_colon || byte == ':' ? LETTER_VALUE : LETTER_TOKEN)) {
		return bad(d, "a trailer line has a letter that is not allowed there");
	}
	c->has_colon = c->has_colon || byte == ':';
	return OK;
}

static void
begin_chunk(struct chunk_reader *c)
{
	c->state = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	c->line = 0;
	c->digits = 0;
}

static status
read_line_end(struct chunk_reader *c, uint8_t byte, struct diag *d)
{
	if (byte != (c->state == CHUNK_DATA_CR ? '\r' : '\n')) {
		return bad(d, "CR LF is missing behind a chunk, its size or a trailer");
	}
	if (c->state == CHUNK_SIZE_LF) {
		begin_chunk(c);
	} else if (c->state == CHUNK_DATA_CR) {
		c->state = CHUNK_DATA_LF;
	} else if (c->state == CHUNK_DATA_LF) {
		c->state = CHUNK_SIZE;
	} else {
		c->state = c->state == CHUNK_TRAILER_LF ? CHUNK_TRAILER : CHUNK_DONE;
	}
	return OK;
}

static status
read_byte(struct chunk_reader *c, uint8_t byte, const struct buffer *body, struct diag *d)
{
	switch (c->state) {
	case CHUNK_SIZE:
	case CHUNK_EXTENSION:
		if (++c->line > HTTP_CHUNK_LINE_MAX) {
			return diag_set(
				d, LIMIT, "RFC 9112 7.1.1", "a chunk's size line is too long");
		}
		return c->state == CHUNK_SIZE ? read_size(c, byte, body, d)
					      : read_extension(c, byte, d);
	case CHUNK_TRAILER:
	case CHUNK_TRAILER_LINE:
		return read_trailer(c, byte, d);
	default:
		return read_line_end(c, byte, d);
	}
}

status
chunk_read(struct chunk_reader *c, span bytes, size_t *used, struct buffer *body, struct diag *d)
{
	size_t at = 0;

	while (at < bytes.len && c->state != CHUNK_DONE) {
		status s;

		if (c->state == CHUNK_DATA) {
			span data = span_slice(bytes, at, c->left);

			buffer_put(body, data);
			if (buffer_failed(body)) {
				return diag_set(d, NO_MEMORY, NULL, "no memory for the body");
			}
			at += data.len;
			c->left -= data.len;
			c->state = c->left > 0 ? CHUNK_DATA : CHUNK_DATA_CR;
			continue;
		}
		s = read_byte(c, bytes.data[at], body, d);
		if (s != OK) {
			return s;
		}
		at++;
	}
	*used = at;
	return c->state == CHUNK_DONE ? OK : UNAVAILABLE;
}
