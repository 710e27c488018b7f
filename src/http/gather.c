#include "http/gather.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/pool.h"

#define PLACES 8 /* handlers that take many together */

/*
 * Invariant, under `lock`: `count` works stand in the list, of them `fresh` the first ones of their connections. While there
 * are any, a worker is with the list or will look at it again: `away` is not nought.
 */
struct gathering {
	struct gatherings *all;
	void (*together)(struct exchange *const *x, size_t count); /* NULL: the place is free */
	pthread_cond_t full;
	struct work *first, *last; /* by `together` */
	size_t count, fresh;
	int64_t company_us; /* when somebody came while others were away, or a chain of several went; 0: never */
	unsigned away; /* workers that run chains of it */
};

struct gatherings {
	struct pool *pool;
	int64_t gap_us;
	pthread_mutex_t lock;
	struct gathering places[PLACES];
};

/* NULL: there are more such handlers than places. */
static struct gathering *
place_of(struct gatherings *all, const struct route *r)
{
	for (size_t i = 0; i < PLACES; i++) {
		struct gathering *g = &all->places[i];

		if (g->together == NULL) {
			g->together = r->together;
		}
		if (g->together == r->together) {
			return g;
		}
	}
	return NULL;
}

static void
append(struct gathering *g, struct work *w)
{
	w->together = NULL;
	if (g->last != NULL) {
		g->last->together = w;
	} else {
		g->first = w;
	}
	g->last = w;
	g->count++;
	g->fresh += w->is_first;
	if (g->away > 0) {
		g->company_us = w->since_us;
	}
}

/* The first ones, off the list. */
static struct work *
take(struct gathering *g)
{
	struct work *first = g->first, *last = first;
	size_t n = 1;

	g->fresh -= first->is_first;
	for (; n < HTTP_TOGETHER_MAX && last->together != NULL; n++) {
		last = last->together;
		g->fresh -= last->is_first;
	}
	g->first = last->together;
	if (g->first == NULL) {
		g->last = NULL;
	}
	last->together = NULL;
	g->count -= n;
	g->company_us = n > 1 ? stopwatch_us() : 0;
	return first;
}

/* --- waiting for company --- */

static bool
may_wait(const struct gathering *g)
{
	bool has_company = g->first->since_us - g->company_us < GATHER_WAIT_GAPS * g->all->gap_us;

	return has_company && g->count < HTTP_TOGETHER_MAX && g->fresh == g->count &&
	       !work_must_end(g->first);
}

static int64_t
until_us(const struct gathering *g)
{
	int64_t wait = g->first->since_us + GATHER_WAIT_GAPS * g->all->gap_us;
	int64_t gap = g->last->since_us + g->all->gap_us;

	return gap < wait ? gap : wait;
}

/* Holds the lock, gives it away meanwhile: the list may be another, or empty, afterwards. */
static void
wait_for_company(struct gathering *g)
{
	while (g->first != NULL && may_wait(g)) {
		int64_t until = until_us(g);
		struct timespec t = { .tv_sec = until / 1000000,
			.tv_nsec = (long)(until % 1000000) * 1000 };

		if (until <= stopwatch_us()) {
			return;
		}
		(void)pthread_cond_timedwait(&g->full, &g->all->lock, &t);
	}
}

/* --- on a worker --- */

static void
run(void *argument, unsigned worker)
{
	struct gathering *g = argument;
	struct gatherings *all = g->all;

	pthread_mutex_lock(&all->lock);
	for (;;) {
		struct work *first;

		wait_for_company(g);
		if (g->first == NULL) {
			break;
		}
		first = take(g);
		pthread_mutex_unlock(&all->lock);
		work_run_together(first, worker);
		pthread_mutex_lock(&all->lock);
		/* Behind whoever waits for a worker: these requests are not to keep it from the others. */
		if (g->first != NULL && pool_run(all->pool, run, g) == OK) {
			pthread_mutex_unlock(&all->lock);
			return;
		}
	}
	g->away--;
	pthread_mutex_unlock(&all->lock);
}

/* --- on a loop --- */

/* False: nobody is there who would take it up. */
static bool
call_worker(struct gathering *g)
{
	bool is_needed =
		g->away == 0 || (g->away < GATHER_AWAY_MAX && g->count >= GATHER_SECOND_AT);

	if (is_needed && pool_run(g->all->pool, run, g) == OK) {
		g->away++;
	}
	return g->away > 0;
}

bool
gather(struct gatherings *all, struct work *w)
{
	struct gathering *g;
	bool is_there = false;

	w->since_us = stopwatch_us();
	pthread_mutex_lock(&all->lock);
	g = place_of(all, w->route);
	if (g != NULL) {
		append(g, w);
		is_there = call_worker(g);
		if (!is_there) {
			(void)take(g); /* it alone is in the list */
		} else if (g->count == HTTP_TOGETHER_MAX) {
			pthread_cond_signal(&g->full);
		}
	}
	pthread_mutex_unlock(&all->lock);
	return is_there;
}

/* --- beginning and end --- */

status
gatherings_new(struct pool *pool, int64_t gap_ms, struct gatherings **out)
{
	struct gatherings *all = calloc(1, sizeof(*all));
	pthread_condattr_t attributes;

	if (all == NULL) {
		return NO_MEMORY;
	}
	all->pool = pool;
	all->gap_us = gap_ms * 1000;
	pthread_mutex_init(&all->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	for (size_t i = 0; i < PLACES; i++) {
		all->places[i].all = all;
		pthread_cond_init(&all->places[i].full, &attributes);
	}
	pthread_condattr_destroy(&attributes);
	*out = all;
	return OK;
}

void
gatherings_free(struct gatherings *all)
{
	if (all == NULL) {
		return;
	}
	for (size_t i = 0; i < PLACES; i++) {
		pthread_cond_destroy(&all->places[i].full);
	}
	pthread_mutex_destroy(&all->lock);
	free(all);
}
