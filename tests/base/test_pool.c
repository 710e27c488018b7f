#include <stdatomic.h>
#include <pthread.h>
#include <unistd.h>

#include "support.h"

#include "base/pool.h"

static _Atomic int done;
static _Atomic int gate;

static void
count(void *argument, unsigned worker)
{
	assert_true(worker < 3);
	atomic_fetch_add(&done, *(int *)argument);
}

static void
wait_for_gate(void *argument, unsigned worker)
{
	(void)argument;
	(void)worker;
	while (atomic_load(&gate) == 0) {
		usleep(1000);
	}
}

static void
every_job_runs_once(void **state)
{
	struct pool *p;
	int one = 1;

	(void)state;
	atomic_store(&done, 0);
	assert_int_equal(pool_new(3, 100, &p), OK);
	for (int i = 0; i < 1000; i++) {
		while (pool_run(p, count, &one) == LIMIT) {
			usleep(100);
		}
	}
	pool_drain(p);
	assert_int_equal(atomic_load(&done), 1000);
	pool_free(p);
}

static void
note_worker(void *argument, unsigned worker)
{
	*(unsigned *)argument = worker;
}

static void
meet_others(void *argument, unsigned worker)
{
	(void)worker;
	(void)pthread_barrier_wait(argument);
}

/* Not before all have begun: one that begins late comes to rest last. */
static void
the_last_to_rest_is_called_first(void **state)
{
	unsigned last = 0, now = 0, changes = 0;
	pthread_barrier_t all;
	struct pool *p;

	(void)state;
	assert_int_equal(pool_new(3, 100, &p), OK);
	pthread_barrier_init(&all, NULL, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pool_run(p, meet_others, &all), OK);
	}
	pool_drain(p);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pool_run(p, note_worker, &now), OK);
		pool_drain(p);
		changes += i > 0 && now != last;
		last = now;
	}
	assert_int_equal(0, changes);
	pool_free(p);
	pthread_barrier_destroy(&all);
}

static void
a_full_queue_refuses(void **state)
{
	struct pool *p;
	int accepted = 0;

	(void)state;
	atomic_store(&gate, 0);
	assert_int_equal(pool_new(1, 2, &p), OK);
	for (int i = 0; i < 10; i++) {
		accepted += pool_run(p, wait_for_gate, NULL) == OK;
	}
	assert_true(accepted >= 2 && accepted <= 3);
	atomic_store(&gate, 1);
	pool_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_runs_once),
		cmocka_unit_test(the_last_to_rest_is_called_first),
		cmocka_unit_test(a_full_queue_refuses),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
