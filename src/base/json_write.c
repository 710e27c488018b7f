#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"

void
json_begin(struct json_writer *w, struct buffer *out)
{
	*w = (struct json_writer){ .out = out };
}

/* RFC 8785 3.2.2.2: the two-character escapes where there is one, \u00xx for other controls. */
static void
put_escaped(struct buffer *out, span text)
{
	static const char short_escapes[] = "btn?fr";
	size_t from = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c >= 0x20 && c != '"' && c != '\\') {
			continue;
		}
		buffer_put(out, span_slice(text, from, i - from));
		from = i + 1;
		if (c == '"' || c == '\\') {
			buffer_put_byte(out, '\\');
			buffer_put_byte(out, c);
		} else if (c >= 8 && c <= 13 && c != 11) {
			buffer_put_byte(out, '\\');
			buffer_put_byte(out, (uint8_t)short_escapes[c - 8]);
		} else {
			buffer_printf(out, "\\u%04x", c);
		}
	}
	buffer_put(out, span_slice(text, from, SIZE_MAX));
}

static void
put_text(struct buffer *out, span text)
{
	buffer_put_byte(out, '"');
	if (utf8_is_valid(text)) {
		put_escaped(out, text);
	} else {
		for (size_t i = 0; i < text.len; i++) {
			if (text.data[i] < 0x80) {
				put_escaped(out, span_slice(text, i, 1));
			} else {
				buffer_put_text(out, "\xef\xbf\xbd"); /* U+FFFD */
			}
		}
	}
	buffer_put_byte(out, '"');
}

/* The comma before, and the name of, what comes next. */
static void
lead_in(struct json_writer *w, const char *name)
{
	if (w->need_comma[w->depth]) {
		buffer_put_byte(w->out, ',');
	}
	w->need_comma[w->depth] = true;
	if (name != NULL) {
		put_text(w->out, span_text(name));
		buffer_put_byte(w->out, ':');
	}
}

static void
open_with(struct json_writer *w, const char *name, char bracket)
{
	lead_in(w, name);
	buffer_put_byte(w->out, (uint8_t)bracket);
	if (w->depth + 1 >= COUNT_OF(w->need_comma)) {
		abort(); /* a document of ours nests deeper than the writer: a bug, never input */
	}
	w->need_comma[++w->depth] = false;
}

static void
close_with(struct json_writer *w, char bracket)
{
	if (w->depth == 0) {
		abort(); /* closed more than was opened */
	}
	w->depth--;
	buffer_put_byte(w->out, (uint8_t)bracket);
}

void
json_object_open(struct json_writer *w, const char *name)
{
	open_with(w, name, '{');
}

void
json_object_close(struct json_writer *w)
{
	close_with(w, '}');
}

void
json_array_open(struct json_writer *w, const char *name)
{
	open_with(w, name, '[');
}

void
json_array_close(struct json_writer *w)
{
	close_with(w, ']');
}

void
json_span(struct json_writer *w, const char *name, span value)
{
	lead_in(w, name);
	put_text(w->out, value);
}

void
json_text(struct json_writer *w, const char *name, const char *value)
{
	if (value == NULL) {
		json_null(w, name);
	} else {
		json_span(w, name, span_text(value));
	}
}

void
json_number(struct json_writer *w, const char *name, int64_t value)
{
	lead_in(w, name);
	buffer_printf(w->out, "%" PRId64, value);
}

void
json_double(struct json_writer *w, const char *name, double value, int decimals)
{
	lead_in(w, name);
	buffer_printf(w->out, "%.*f", decimals, value);
}

void
json_bool(struct json_writer *w, const char *name, bool value)
{
	lead_in(w, name);
	buffer_put_text(w->out, value ? "true" : "false");
}

void
json_null(struct json_writer *w, const char *name)
{
	lead_in(w, name);
	buffer_put_text(w->out, "null");
}

void
json_hex(struct json_writer *w, const char *name, span bytes)
{
	char digits[3];

	lead_in(w, name);
	buffer_put_byte(w->out, '"');
	for (size_t i = 0; i < bytes.len; i++) {
		buffer_put_text(w->out, hex_encode(digits, span_slice(bytes, i, 1)));
	}
	buffer_put_byte(w->out, '"');
}

void
json_time(struct json_writer *w, const char *name, int64_t time_s)
{
	char text[TIME_TEXT_MAX];

	json_text(w, name, time_s != 0 ? time_text(text, time_s) : NULL);
}

void
json_raw(struct json_writer *w, const char *name, span document)
{
	lead_in(w, name);
	buffer_put(w->out, document);
}
