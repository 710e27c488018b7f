#include "pki/pem.h"

#include <stdio.h>

#include "base/text.h"

#define LABEL_MAX 40
#define ARMOUR_MAX 80

/* The block at or after *at: its label must be `label` where one is given. */
static status
next_block(struct arena *a, span text, size_t *at, const char *label, span *der)
{
	const span begin = span_text("-----BEGIN "), dashes = span_text("-----");
	char armour[ARMOUR_MAX];
	size_t found;
	span rest, name;
	int n;

	for (;;) {
		rest = span_slice(text, *at, SIZE_MAX);
		found = span_find(rest, begin);
		if (found == SIZE_MAX) {
			return NOT_FOUND;
		}
		rest = span_slice(rest, found + begin.len, SIZE_MAX);
		found = span_find(rest, dashes);
		if (found > LABEL_MAX) {
			return BAD_INPUT;
		}
		name = span_slice(rest, 0, found);
		n = snprintf(armour, sizeof(armour), "-----END %.*s-----", (int)name.len,
			(const char *)name.data);
		rest = span_slice(rest, name.len + dashes.len, SIZE_MAX);
		found = span_find(rest, span_of(armour, (size_t)n));
		if (found == SIZE_MAX) {
			return BAD_INPUT;
		}
		*at = text.len - rest.len + found + (size_t)n;
		if (label == NULL || span_is(name, label)) {
			return base64_decode(a, span_slice(rest, 0, found), der);
		}
	}
}

status
pem_read(struct arena *a, span text, const char *label, span *der, struct diag *d)
{
	size_t at = 0;
	status s = next_block(a, text, &at, label, der);

	if (s != OK) {
		return diag_set(d, s, "RFC 7468 2", "no PEM block%s%s", label != NULL ? " of " : "",
			label != NULL ? label : "");
	}
	return OK;
}

status
pem_read_all(struct arena *a, span text, const char *label, span *der, size_t max, size_t *count,
	struct diag *d)
{
	size_t at = 0;
	status s = OK;

	for (*count = 0; s == OK; *count += s == OK) {
		span one;

		s = next_block(a, text, &at, label, &one);
		if (s == OK && *count == max) {
			return diag_set(d, LIMIT, NULL, "more than %zu PEM blocks", max);
		}
		if (s == OK) {
			der[*count] = one;
		}
	}
	if (s != NOT_FOUND) {
		return diag_set(d, s, "RFC 7468 2", "a PEM block that cannot be read");
	}
	return *count > 0 ? OK : diag_set(d, NOT_FOUND, "RFC 7468 2", "no PEM block of %s", label);
}

void
base64_write(struct buffer *out, span bytes, size_t columns)
{
	size_t line = columns > 0 ? columns / 4 * 3 : bytes.len;
	struct arena *a = arena_new(line / 3 * 4 + 4096);

	for (size_t at = 0; at < bytes.len && a != NULL; at += line) {
		const char *text = base64_encode(a, span_slice(bytes, at, line));

		buffer_put_text(out, text != NULL ? text : "");
		out->failed = out->failed || text == NULL;
		buffer_put_byte(out, '\n');
		arena_reset(a);
	}
	out->failed = out->failed || a == NULL;
	arena_free(a);
}

void
pem_write(struct buffer *out, const char *label, span der)
{
	buffer_printf(out, "-----BEGIN %s-----\n", label);
	base64_write(out, der, 64);
	buffer_printf(out, "-----END %s-----\n", label);
}
