#include "base/status.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int http, exit;
} table[STATUS_COUNT] = {
	[OK] = { "ok", 200, 0 },
	[NOT_FOUND] = { "not found", 404, 1 },
	[EXISTS] = { "exists", 409, 1 },
	[CONFLICT] = { "conflict", 409, 1 },
	[DENIED] = { "denied", 403, 1 },
	[BAD_INPUT] = { "bad input", 400, 1 },
	[LIMIT] = { "limit", 413, 1 },
	[UNAVAILABLE] = { "unavailable", 503, 3 },
	[IO] = { "input/output", 500, 1 },
	[CRYPTO] = { "crypto", 400, 1 },
	[NO_MEMORY] = { "no memory", 503, 1 },
	[BUG] = { "bug", 500, 1 },
};

static bool
is_known(status s)
{
	return (unsigned)s < STATUS_COUNT;
}

const char *
status_name(status s)
{
	return is_known(s) ? table[s].name : "unknown";
}

int
status_exit(status s)
{
	return is_known(s) ? table[s].exit : 1;
}

int
status_http(status s)
{
	return is_known(s) ? table[s].http : 500;
}

void
diag_clear(struct diag *d)
{
	*d = (struct diag){ .offset = SIZE_MAX };
}

/* One line, whatever the quoted bytes were: control characters become '?'. */
static void
make_one_line(char *text)
{
	for (char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			*c = '?';
		}
	}
}

static status __attribute__((format(printf, 5, 0)))
set(struct diag *d, status s, const char *clause, size_t offset, const char *format, va_list list)
{
	if (d == NULL || d->status != OK) {
		return s;
	}
	d->status = s;
	d->offset = offset;
	d->kind = NULL;
	snprintf(d->clause, sizeof(d->clause), "%s", clause != NULL ? clause : "");
	vsnprintf(d->text, sizeof(d->text), format, list);
	make_one_line(d->text);
	return s;
}

#undef diag_set /* what base/status.h tells the analyser */
#undef diag_set_at

status
diag_set(struct diag *d, status s, const char *clause, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	s = set(d, s, clause, SIZE_MAX, format, list);
	va_end(list);
	return s;
}

status
diag_set_at(struct diag *d, status s, const char *clause, size_t offset, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	s = set(d, s, clause, offset, format, list);
	va_end(list);
	return s;
}

status
diag_kind(struct diag *d, status s, const char *kind)
{
	if (d != NULL && d->kind == NULL) {
		d->kind = kind;
	}
	return s;
}

status
diag_copy(struct diag *d, const struct diag *fault)
{
	if (d != NULL && d->status == OK) {
		*d = *fault;
	}
	return fault->status;
}

void
diag_prefix(struct diag *d, const char *format, ...)
{
	char old[sizeof(d->text)];
	va_list list;
	int n;

	if (d == NULL) {
		return;
	}
	memcpy(old, d->text, sizeof(old));
	va_start(list, format);
	n = vsnprintf(d->text, sizeof(d->text), format, list);
	va_end(list);
	if (n >= 0 && (size_t)n < sizeof(d->text)) {
		snprintf(d->text + n, sizeof(d->text) - (size_t)n, "%s", old);
	}
	make_one_line(d->text);
}
