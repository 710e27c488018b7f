#pragma once
/*
 * JSON, both ways. Reading is cJSON behind limits of size, depth and count;
 * writing is our own and deterministic: members in the order given, no white
 * space, RFC 8785 strings, integers only.
 */
#include <cjson/cJSON.h>
#include "base/arena.h"
#include "base/buffer.h"

/*
 * Parses one complete document; duplicate member names, invalid UTF-8,
 * trailing bytes, depth over JSON_DEPTH_MAX are BAD_INPUT, size over
 * `size_max` is LIMIT. The caller frees *out with cJSON_Delete.
 */
MUST_USE status json_parse(span text, size_t size_max, cJSON **out, struct diag *d);

/* Typed members. NOT_FOUND if absent, BAD_INPUT if of another type; diag names the member. */
MUST_USE status json_get_text(const cJSON *o, const char *name, span *out, struct diag *d);
MUST_USE status json_get_number(const cJSON *o, const char *name, int64_t *out, struct diag *d);
MUST_USE status json_get_bool(const cJSON *o, const char *name, bool *out, struct diag *d);
/* Copies text of at most room - 1 bytes with a NUL. LIMIT if longer. */
MUST_USE status json_copy_text(
	const cJSON *o, const char *name, char *out, size_t room, struct diag *d);

/* Writer: appends to a buffer; commas are placed by itself. Nesting up to 16. */
struct json_writer {
	struct buffer *out; /* borrowed */
	unsigned depth;
	bool need_comma[17];
};
void json_begin(struct json_writer *w, struct buffer *out);
void json_object_open(
	struct json_writer *w, const char *name); /* name NULL inside an array or at the top */
void json_object_close(struct json_writer *w);
void json_array_open(struct json_writer *w, const char *name);
void json_array_close(struct json_writer *w);
void json_text(struct json_writer *w, const char *name, const char *value); /* NULL value: null */
void json_span(
	struct json_writer *w, const char *name, span value); /* valid UTF-8, else escaped \ufffd */
void json_number(struct json_writer *w, const char *name, int64_t value);
void json_double(struct json_writer *w, const char *name, double value, int decimals);
void json_bool(struct json_writer *w, const char *name, bool value);
void json_null(struct json_writer *w, const char *name);
void json_hex(struct json_writer *w, const char *name, span bytes);
void json_time(struct json_writer *w, const char *name, int64_t time_s); /* RFC 3339; null if 0 */
void json_raw(struct json_writer *w, const char *name, span document);	 /* already JSON */
