#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define QUIET_MS 1000 /* what is done within a second needs no word */
#define TERMINAL_EVERY_MS 200
#define LINE_EVERY_MS 5000

void
progress_begin(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total };
	p->is_terminal = isatty(STDERR_FILENO) == 1;
	p->started_ms = clock_system.monotonic_ms(&clock_system);
	p->last_ms = p->started_ms + QUIET_MS - TERMINAL_EVERY_MS;
}

void
progress_step(struct progress *p, uint64_t done)
{
	int64_t now_ms = clock_system.monotonic_ms(&clock_system);
	int64_t every_ms = p->is_terminal ? TERMINAL_EVERY_MS : LINE_EVERY_MS;
	double seconds = (double)(now_ms - p->started_ms) / 1000;

	if (now_ms - p->last_ms < every_ms) {
		return;
	}
	p->last_ms = now_ms;
	p->has_line = p->is_terminal;
	fprintf(stderr, "%s%" PRIu64, p->is_terminal ? "\r\033[K" : "", done);
	if (p->total > 0) {
		fprintf(stderr, " of %" PRIu64, p->total);
	}
	fprintf(stderr, " %s%s, %.0f a second%s", p->what, done == 1 ? "" : "s",
		seconds > 0 ? (double)done / seconds : 0.0, p->is_terminal ? "" : "\n");
	fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->has_line) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		p->has_line = false;
	}
}
