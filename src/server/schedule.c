#include "server/schedule.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"

/* The wall clock may jump; so it is looked at again at least so often. */
#define LOOK_AGAIN_S 5

struct job_state {
	int64_t due_s;
	int64_t worked_s; /* or when the schedule started */
	bool is_poked;
	bool is_failing;
	struct diag why;
};

struct schedule {
	const struct schedule_job *jobs;
	size_t count;
	void *context;
	const struct clock *clock;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool is_over;
	struct job_state states[];
};

/* The next job to run, or the count when none is due; then `*wait_s` is the time until one is. */
static size_t
next_job(struct schedule *s, int64_t now_s, int64_t *wait_s)
{
	*wait_s = LOOK_AGAIN_S;
	for (size_t i = 0; i < s->count; i++) {
		struct job_state *j = &s->states[i];
		/* A clock that was set back must not put a job off for years. */
		bool is_lost = j->due_s - now_s > s->jobs[i].every_s + s->jobs[i].retry_s;
		if (j->is_poked || is_lost || j->due_s <= now_s) {
			return i;
		}
		*wait_s = j->due_s - now_s < *wait_s ? j->due_s - now_s : *wait_s;
	}
	return s->count;
}

static void
run_job(struct schedule *s, size_t i, int64_t now_s)
{
	const struct schedule_job *job = &s->jobs[i];
	struct job_state *j = &s->states[i];
	struct diag d = { 0 };
	j->is_poked = false; /* a poke from here on is for the next run */
	j->due_s = now_s + job->every_s;
	pthread_mutex_unlock(&s->mutex);
	status st = job->run(s->context, now_s, &d);
	pthread_mutex_lock(&s->mutex);
	if (st == OK) {
		if (j->is_failing) {
			log_event(LOG_INFO, "schedule_works_again", "job=%s", job->name);
		}
		j->is_failing = false;
		j->worked_s = now_s;
		return;
	}
	diag_prefix(&d, "%s: ", job->name);
	if (!j->is_failing || strcmp(d.text, j->why.text) != 0) {
		log_diag(LOG_ERROR, "schedule_failed", &d); /* once, not at each try */
	}
	j->is_failing = true;
	j->why = d;
	if (now_s + job->retry_s < j->due_s) {
		j->due_s = now_s + job->retry_s;
	}
}

static void *
schedule_main(void *argument)
{
	struct schedule *s = argument;
	pthread_mutex_lock(&s->mutex);
	while (!s->is_over) {
		int64_t wait_s;
		int64_t now_s = clock_now_s(s->clock);
		size_t i = next_job(s, now_s, &wait_s);
		if (i < s->count) {
			run_job(s, i, now_s);
			continue;
		}
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += wait_s;
		pthread_cond_timedwait(&s->wake, &s->mutex, &until);
	}
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

status
schedule_start(const struct schedule_job *jobs, size_t count, void *context,
	const struct clock *clock, struct schedule **out, struct diag *d)
{
	struct schedule *s = calloc(1, sizeof(*s) + count * sizeof(s->states[0]));
	if (!s) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the schedules");
	}
	s->jobs = jobs;
	s->count = count;
	s->context = context;
	s->clock = clock;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&s->mutex, NULL);
	for (size_t i = 0; i < count; i++) {
		s->states[i].worked_s = clock_now_s(clock);
		s->states[i].due_s = s->states[i].worked_s;
	}
	int error = pthread_create(&s->thread, NULL, schedule_main, s);
	if (error != 0) {
		free(s);
		return diag_set(d, NO_MEMORY, NULL, "cannot start the schedules' thread: %s",
			strerror(error));
	}
	*out = s;
	return OK;
}

void
schedule_stop(struct schedule *s)
{
	if (!s) {
		return;
	}
	pthread_mutex_lock(&s->mutex);
	s->is_over = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

void
schedule_poke(struct schedule *s, const char *name)
{
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->count; i++) {
		int64_t due_s = clock_now_s(s->clock) + s->jobs[i].gather_s;
		if (strcmp(s->jobs[i].name, name) != 0) {
			continue;
		}
		if (s->jobs[i].gather_s == 0) {
			s->states[i].is_poked = true;
		} else if (due_s < s->states[i].due_s) {
			s->states[i].due_s = due_s;
		}
	}
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

status
schedule_health(struct schedule *s, int64_t now_s, struct diag *d)
{
	status st = OK;
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; st == OK && i < s->count; i++) {
		const struct job_state *j = &s->states[i];
		int64_t stale_s = s->jobs[i].stale_s;
		if (stale_s > 0 && now_s - j->worked_s > stale_s) {
			st = diag_set(d, UNAVAILABLE, NULL,
				"%s has not worked for %" PRId64 " s (%.200s)", s->jobs[i].name,
				now_s - j->worked_s, j->is_failing ? j->why.text : "it hangs");
		}
	}
	pthread_mutex_unlock(&s->mutex);
	return st;
}
