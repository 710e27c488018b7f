#pragma once
/*
 * One line per event to standard error: time, level, event name, key=value pairs.
 *
 *   2026-11-23T16:56:31Z tenured info crl_published authority=issuing number=7 entries=2
 *
 * A value that may hold anything but letters, digits and - . _ : / goes through log_quote. Control characters
 * turn into '?', so that a line never holds a newline from outside. Secrets have no format here.
 * Thread-safe: one write(2) a line, or for the lines of a log_batch: at most PIPE_BUF
 * bytes, so that lines stay whole on a pipe. A full or broken sink loses lines and counts them; it never blocks a decision.
 */
#include "base/span.h"
#include "base/status.h"

#define LOG_BATCH_ROOM 4096 /* PIPE_BUF on Linux: lines stay whole on a pipe */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level at_least);
void log_set_program(const char *name); /* static text */
/* `format` gives the pairs: log_event(LOG_INFO, "started", "port=%d", 8443). */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "text" in quotation marks, with a backslash before each one inside; cut at what a line can show. Returns out. */
#define LOG_QUOTED_MAX 700
char *log_quote(char out[LOG_QUOTED_MAX], const char *text);
/* The diag as a log line. */
void log_diag(enum log_level level, const char *event, const struct diag *d);
/*
 * Lines that come at once: those of this thread between log_batch_begin and log_batch_end are written together, a few
 * dozen at a time. Nothing that may wait stands between the two. The batch is the caller's, one at a time.
 */
struct log_batch {
	size_t len, lines;
	char bytes[LOG_BATCH_ROOM];
};
void log_batch_begin(struct log_batch *b);
void log_batch_end(struct log_batch *b);
uint64_t log_lost(void); /* lines that could not be written since the start */
