#pragma once
/*
 * Worker threads with a bounded queue. A job runs once, on any worker, and is
 * handed the worker's number (0 .. threads-1) so that it can use per-thread things.
 */
#include "base/status.h"

struct pool;
typedef void pool_job(void *argument, unsigned worker);

MUST_USE status pool_new(unsigned threads, size_t queue_max, struct pool **out);
/* LIMIT when the queue is full: the caller refuses the work, it never blocks. */
MUST_USE status pool_run(struct pool *p, pool_job *job, void *argument);
/* Waits until the queue is empty and every job has ended. */
void pool_drain(struct pool *p);
void pool_free(struct pool
		*p); /* drains first; nobody but a job may still call pool_run, and gets LIMIT */

/* Processors that are on, 1 to 1024: how many threads are of use. */
unsigned processors(void);
