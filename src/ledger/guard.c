#include "ledger/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define GUARD_MAX 1024
#define PATH_ROOM 4096

status
guard_read(const char *path, struct guard *out, struct diag *d)
{
	struct buffer b;
	span rest, line;
	int64_t size = 0;
	status s;

	*out = (struct guard){ 0 };
	buffer_init(&b, GUARD_MAX);
	s = file_read(path, GUARD_MAX - 1, &b, d);
	rest = buffer_span(&b);
	if (s == OK && (!span_take_line(&rest, &line) || line.len >= sizeof(out->origin))) {
		s = BAD_INPUT;
	}
	if (s == OK) {
		memcpy(out->origin, line.data, line.len);
		s = span_take_line(&rest, &line) ? number_parse(line, &size) : BAD_INPUT;
	}
	if (s == OK) {
		out->size = (uint64_t)size;
		s = span_take_line(&rest, &line) && rest.len == 0
			    ? hex_decode(line, out->root.bytes, HASH_LEN)
			    : BAD_INPUT;
	}
	buffer_wipe(&b);
	return s == BAD_INPUT ? diag_set(d, IO, NULL, "%s: the ledger's guard is damaged", path)
			      : s;
}

static status
compare_and_swap(
	const char *path, const struct guard *expected, const struct guard *g, struct diag *d)
{
	struct guard found;
	struct diag fault = { 0 };
	char hex[2 * HASH_LEN + 1], text[512];
	status s = guard_read(path, &found, &fault);

	if (s != OK && s != NOT_FOUND) {
		return diag_set(d, s, NULL, "%s", fault.text);
	}
	if ((expected == NULL) != (s == NOT_FOUND) ||
		(expected != NULL &&
			(found.size != expected->size ||
				memcmp(&found.root, &expected->root, HASH_LEN) != 0))) {
		return diag_set(d, CONFLICT, NULL,
			"%s was changed by somebody else: another copy of this home publishes its "
			"ledger",
			path);
	}
	snprintf(text, sizeof(text), "%s\n%" PRIu64 "\n%s\n", g->origin, g->size,
		hex_encode(hex, SPAN_ARRAY(g->root.bytes)));
	return file_replace(path, span_text(text), 0600, d);
}

/* Under a lock beside it (the file itself is replaced): between comparing and writing nobody else writes. */
status
guard_write(const char *path, const struct guard *expected, const struct guard *g, struct diag *d)
{
	char lock[PATH_ROOM];
	status s;
	int fd;

	if ((size_t)snprintf(lock, sizeof(lock), "%s.lock", path) >= sizeof(lock)) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s", path);
	}
	s = file_lock(lock, &fd, d);
	if (s == OK) {
		s = compare_and_swap(path, expected, g, d);
		close(fd);
	}
	return s;
}
