#pragma once
/*
 * What the server does by itself: a few jobs, each run again and again on one thread. A job that fails is
 * tried again sooner; how long ago it last worked is asked for by the health report.
 */
#include "base/clock.h"
#include "base/status.h"

struct schedule_job {
	const char *name; /* static; in the log */
	int64_t every_s;  /* from one success to the next */
	int64_t retry_s;  /* after a failure */
	int64_t stale_s;  /* without success for so long: the server is not ready; 0: never */
	int64_t gather_s; /* a poke is obeyed so much later: many pokes, one run */
	status (*run)(void *context, int64_t now_s, struct diag *d);
};

struct schedule;

/* Starts the thread; every job is due at once. `jobs` must live as long as the schedule. */
MUST_USE status schedule_start(const struct schedule_job *jobs, size_t count, void *context,
	const struct clock *clock, struct schedule **out, struct diag *d);
/* Waits for the job under way. */
void schedule_stop(struct schedule *s);
/* Makes the named job due now, or after its time to gather. Any thread, also from within a commit: never blocks for long. */
void schedule_poke(struct schedule *s, const char *name);
/* OK, or UNAVAILABLE with the name of a job that is stale and why it fails. Any thread. */
MUST_USE status schedule_health(struct schedule *s, int64_t now_s, struct diag *d);
