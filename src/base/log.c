#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_LEN 2048

static _Atomic int least = LOG_INFO;
static _Atomic uint64_t lost;
static const char *program = "tenure";
static _Thread_local struct log_batch *batch; /* NULL: each line goes at once */

static const char *const level_names[] = { "debug", "info", "warning", "error" };

void
log_set_level(enum log_level at_least)
{
	atomic_store(&least, (int)at_least);
}

void
log_set_program(const char *name)
{
	program = name;
}

uint64_t
log_lost(void)
{
	return atomic_load(&lost);
}

/* A line from outside must not become two: control characters and DEL turn into '?'. */
static void
make_one_line(char *from, const char *end)
{
	for (; from < end; from++) {
		if ((unsigned char)*from < 0x20 || *from == 0x7f) {
			*from = '?';
		}
	}
}

static void
write_lines(const char *bytes, size_t len, size_t lines)
{
	ssize_t written = len > 0 ? write(STDERR_FILENO, bytes, len) : 0;

	for (ssize_t i = 0; i < written; i++) {
		lines -= bytes[i] == '\n';
	}
	if (written != (ssize_t)len) {
		atomic_fetch_add(&lost, lines);
	}
}

static void
write_batch(struct log_batch *b)
{
	write_lines(b->bytes, b->len, b->lines);
	b->len = 0;
	b->lines = 0;
}

static void
write_line(const char *line, size_t len)
{
	if (batch == NULL) {
		write_lines(line, len, 1);
		return;
	}
	if (len > sizeof(batch->bytes) - batch->len) {
		write_batch(batch);
	}
	memcpy(batch->bytes + batch->len, line, len);
	batch->len += len;
	batch->lines++;
}
_Static_assert(LINE_MAX_LEN <= LOG_BATCH_ROOM, "a line fits into an empty batch");

void
log_batch_begin(struct log_batch *b)
{
	b->len = 0;
	b->lines = 0;
	batch = b;
}

void
log_batch_end(struct log_batch *b)
{
	batch = NULL;
	write_batch(b);
}

static void __attribute__((format(printf, 3, 0)))
emit(enum log_level level, const char *event, const char *format, va_list list)
{
	char line[LINE_MAX_LEN], when[TIME_TEXT_MAX];
	int head, tail;
	size_t len;

	head = snprintf(line, sizeof(line), "%s %s %s %s ",
		time_text(when, clock_now_s(&clock_system)), program, level_names[level], event);
	if (head < 0 || (size_t)head >= sizeof(line) - 2) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	tail = vsnprintf(line + head, sizeof(line) - 1 - (size_t)head, format, list);
	len = (size_t)head + (tail > 0 ? (size_t)tail : 0);
	if (len > sizeof(line) - 2) {
		len = sizeof(line) - 2;
	}
	make_one_line(line, line + len);
	line[len++] = '\n';
	write_line(line, len);
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
	va_list list;

	if ((int)level < atomic_load(&least)) {
		return;
	}
	va_start(list, format);
	emit(level, event, format, list);
	va_end(list);
}

char *
log_quote(char out[LOG_QUOTED_MAX], const char *text)
{
	size_t n = 0;

	out[n++] = '"';
	for (; *text != '\0' && n < LOG_QUOTED_MAX - 3; text++) {
		if (*text == '"' || *text == '\\') {
			out[n++] = '\\';
		}
		out[n++] = *text;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

void
log_diag(enum log_level level, const char *event, const struct diag *d)
{
	char what[LOG_QUOTED_MAX];

	log_quote(what, d->text);
	if (d->clause[0] != '\0') {
		log_event(level, event, "status=\"%s\" what=%s clause=\"%s\"",
			status_name(d->status), what, d->clause);
	} else {
		log_event(level, event, "status=\"%s\" what=%s", status_name(d->status), what);
	}
}
