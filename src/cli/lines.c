#include "cli/lines.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cli/view.h"

status
lines_read(span text, status (*take)(void *context, const cJSON *o, struct diag *d), void *context,
	struct diag *d)
{
	size_t number = 0;
	status s = OK;

	while (s == OK && text.len > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		span line = span_of(text.data, end != NULL ? (size_t)(end - text.data) : text.len);
		struct diag fault = { 0 };
		cJSON *o = NULL;

		text = span_slice(text, line.len + 1, SIZE_MAX);
		number++;
		if (line.len == 0) {
			continue;
		}
		s = json_parse(line, JSON_BODY_MAX, &o, &fault);
		if (s != OK || !cJSON_IsObject(o)) {
			s = diag_set(d, BAD_INPUT, NULL, "line %zu of the server's answer: %s",
				number, s != OK ? fault.text : "no JSON object");
		} else {
			s = take(context, o, d);
		}
		cJSON_Delete(o);
	}
	return s;
}

void
lines_print(FILE *out, span text)
{
	char *copy = strndup((const char *)text.data, text.len);

	print_text(out, copy != NULL ? copy : "?");
	free(copy);
}
