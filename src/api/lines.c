#include "api/lines.h"

static span
trimmed(span line)
{
	while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' ' ||
				       line.data[line.len - 1] == '\t')) {
		line.len--;
	}
	return line;
}

bool
lines_next(span *rest, span *line, size_t *number)
{
	while (rest->len > 0) {
		const uint8_t *end = memchr(rest->data, '\n', rest->len);
		size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;

		*line = trimmed(span_of(rest->data, len));
		*rest = span_slice(*rest, len + 1, rest->len);
		(*number)++;
		if (line->len > 0) {
			return true;
		}
	}
	return false;
}
