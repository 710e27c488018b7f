#include "base/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define PROCESSORS_MAX 1024

/*
 * Invariant, under `lock`: `queued` jobs stand in the ring from `head` on; `running` workers are inside a job; those that
 * wait and have not been called yet are on the stack of the resting. Of them the one that came to rest last is called
 * first: what it uses (its stack, its reader's pages) is still in the caches, and of many workers few are used by little work.
 */
struct job {
	pool_job *run;
	void *argument;
};

struct worker {
	struct pool *pool;
	unsigned number;
	pthread_t thread;
	sem_t called;	      /* posted once for each time that it was taken off the stack */
	struct worker *below; /* on the stack of the resting */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct worker *resting;
	struct job *ring;
	size_t room, head, queued, running;
	struct worker *workers;
	unsigned threads;
	bool is_ending;
};

/* Under the lock, which is given up meanwhile. */
static void
rest(struct worker *w)
{
	struct pool *p = w->pool;
	int e;

	w->below = p->resting;
	p->resting = w;
	pthread_mutex_unlock(&p->lock);
	do {
		e = sem_wait(&w->called);
	} while (e != 0); /* a signal came */
	pthread_mutex_lock(&p->lock);
}

/* Under the lock: off the stack, to be posted. NULL: all are at work, and will see for themselves what is queued. */
static struct worker *
call_one(struct pool *p)
{
	struct worker *w = p->resting;

	if (w != NULL) {
		p->resting = w->below;
	}
	return w;
}

static void *
work(void *argument)
{
	struct worker *w = argument;
	struct pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct job job;

		while (p->queued == 0 && !p->is_ending) {
			rest(w);
		}
		if (p->queued == 0) {
			break;
		}
		job = p->ring[p->head];
		p->head = (p->head + 1) % p->room;
		p->queued--;
		p->running++;
		pthread_mutex_unlock(&p->lock);
		job.run(job.argument, w->number);
		pthread_mutex_lock(&p->lock);
		p->running--;
		if (p->running == 0 && p->queued == 0) {
			pthread_cond_broadcast(&p->idle);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

status
pool_run(struct pool *p, pool_job *job, void *argument)
{
	struct worker *w = NULL;
	status s = OK;

	pthread_mutex_lock(&p->lock);
	if (p->queued == p->room || p->is_ending) {
		s = LIMIT;
	} else {
		p->ring[(p->head + p->queued) % p->room] = (struct job){ job, argument };
		p->queued++;
		w = call_one(p);
	}
	pthread_mutex_unlock(&p->lock);
	if (w != NULL) {
		sem_post(&w->called); /* not under the lock, which it would only wait for */
	}
	return s;
}

void
pool_drain(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->queued > 0 || p->running > 0) {
		pthread_cond_wait(&p->idle, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

void
pool_free(struct pool *p)
{
	struct worker *w;

	if (p == NULL) {
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->is_ending = true;
	while ((w = call_one(p)) != NULL) {
		sem_post(&w->called);
	}
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++) {
		pthread_join(p->workers[i].thread, NULL);
		sem_destroy(&p->workers[i].called);
	}
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p->ring);
	free(p);
}

status
pool_new(unsigned threads, size_t queue_max, struct pool **out)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		return NO_MEMORY;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	p->room = queue_max > 0 ? queue_max : 1;
	p->ring = calloc(p->room, sizeof(*p->ring));
	p->workers = calloc(threads, sizeof(*p->workers));
	if (p->ring == NULL || p->workers == NULL) {
		pool_free(p);
		return NO_MEMORY;
	}
	for (unsigned i = 0; i < threads; i++) {
		struct worker *w = &p->workers[i];

		w->pool = p;
		w->number = i;
		sem_init(&w->called, 0, 0);
		if (pthread_create(&w->thread, NULL, work, w) != 0) {
			sem_destroy(&w->called);
			pool_free(p);
			return UNAVAILABLE;
		}
		p->threads++;
	}
	*out = p;
	return OK;
}

unsigned
processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > PROCESSORS_MAX ? PROCESSORS_MAX : (unsigned)n;
}
