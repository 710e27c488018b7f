#pragma once
/*
 * One line per event to standard error: time, level, event name, key=value pairs.
 *
 *   2026-11-23T16:56:31Z info certificate_issued device=01jd... serial=41...
 *
 * Values are escaped (a log line never holds a newline from outside). Secrets
 * have no format here. Thread-safe: one write(2) a line. A full or
 * broken sink loses lines and counts them; it never blocks a decision.
 */
#include "base/span.h"
#include "base/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level at_least);
void log_set_program(const char *name); /* static text */
/* `format` gives the pairs: log_event(LOG_INFO, "started", "port=%d", 8443). */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The diag as a log line. */
void log_diag(enum log_level level, const char *event, const struct diag *d);
uint64_t log_lost(void); /* lines that could not be written since the start */
