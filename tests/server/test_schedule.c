#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "server/schedule.h"

static sem_t ran;
static atomic_int runs;
static atomic_bool fails;
static atomic_long last_s;

static status
job(void *context, int64_t now_s, struct diag *d)
{
	runs++;
	last_s = now_s;
	sem_post(&ran);
	return fails ? diag_set(d, UNAVAILABLE, NULL, "the signer is away") : OK;
}

static const struct schedule_job jobs[] = {
	{ .name = "crl", .every_s = 3600, .retry_s = 30, .stale_s = 7200, .run = job },
};

static void
wait_for_run(void)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	assert_int_equal(0, sem_timedwait(&ran, &until));
}

static void
test_poke_and_health(void **state)
{
	struct clock_manual clock;
	struct schedule *s;
	struct diag d = { 0 };
	clock_manual_init(&clock, 1000000);
	assert_int_equal(OK, schedule_start(jobs, 1, NULL, &clock.clock, &s, &d));
	wait_for_run(); /* at once */
	assert_int_equal(1000, last_s);
	assert_int_equal(OK, schedule_health(s, 1000 + 7200, &d));
	fails = true;
	clock_manual_add(&clock, 10000000);
	schedule_poke(s, "crl");
	schedule_poke(s, "no such job");
	wait_for_run();
	assert_int_equal(11000, last_s);
	/* A failure is no success, however often it runs. */
	schedule_poke(s, "crl");
	wait_for_run();
	assert_int_equal(UNAVAILABLE, schedule_health(s, 11000, &d));
	assert_non_null(strstr(d.text, "crl"));
	assert_non_null(strstr(d.text, "10000 s"));
	fails = false;
	schedule_poke(s, "crl");
	wait_for_run();
	schedule_stop(s);
}

/* Set back by a year, the clock puts nothing off for a year. */
static void
test_clock_set_back(void **state)
{
	struct clock_manual clock;
	struct schedule *s;
	struct diag d = { 0 };
	clock_manual_init(&clock, (int64_t)1800000000 * 1000);
	assert_int_equal(OK, schedule_start(jobs, 1, NULL, &clock.clock, &s, &d));
	wait_for_run();
	clock_manual_add(&clock, (int64_t)-365 * 86400 * 1000);
	wait_for_run();
	schedule_stop(s);
}

/* Many pokes while it gathers are one run, when the time to gather is over and not before. */
static void
test_pokes_gather(void **state)
{
	static const struct schedule_job gathering[] = {
		{ .name = "crl", .every_s = 3600, .retry_s = 30, .gather_s = 1, .run = job },
	};
	struct clock_manual clock;
	struct schedule *s;
	struct diag d = { 0 };
	clock_manual_init(&clock, 1000000);
	assert_int_equal(OK, schedule_start(gathering, 1, NULL, &clock.clock, &s, &d));
	wait_for_run(); /* at once */
	runs = 0;
	for (int i = 0; i < 50; i++) {
		schedule_poke(s, "crl");
	}
	assert_int_equal(0, runs);
	clock_manual_add(&clock, 1000);
	wait_for_run();
	schedule_stop(s);
	assert_int_equal(1, runs);
	assert_int_equal(1001, last_s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_poke_and_health),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_pokes_gather),
	};
	sem_init(&ran, 0, 0);
	log_set_level(LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
