#include <stdlib.h>

#include "support.h"

#include "http/wheel.h"

#define COUNT 500

static void
none_is_early_and_none_is_lost(void **state)
{
	struct wheel w;
	struct timer timers[COUNT] = { 0 };
	int64_t due[COUNT], now = 123456789;
	unsigned seed = 7;
	size_t fired = 0;
	struct timer *t;

	(void)state;
	wheel_init(&w, now);
	assert_int_equal(wheel_wait_ms(&w, now), -1);
	for (size_t i = 0; i < COUNT; i++) {
		seed = seed * 1103515245 + 12345;
		due[i] = now + (int64_t)(seed >> 8) % 200000;
		wheel_set(&w, &timers[i], due[i]);
	}
	while (fired < COUNT) {
		int wait = wheel_wait_ms(&w, now);

		assert_true(wait >= 0 && wait <= WHEEL_TICK_MS * WHEEL_SLOTS);
		/* Now and then the loop comes late, once by far. */
		now += wait > 0 ? wait : 1;
		now += fired == COUNT / 2 ? 100000 : 0;
		while ((t = wheel_due(&w, now)) != NULL) {
			size_t i = (size_t)(t - timers);

			assert_true(due[i] <= now);
			due[i] = INT64_MAX; /* once only */
			fired++;
		}
		for (size_t i = 0; i < COUNT; i++) {
			assert_true(due[i] > now - 2 * WHEEL_TICK_MS);
		}
	}
	assert_int_equal(wheel_wait_ms(&w, now), -1);
}

/* Idle connections: timers in every ring that are due in an hour. Nobody wakes for them, and nobody spins. */
static void
what_is_due_in_an_hour_wakes_nobody(void **state)
{
	enum { MANY = 4 * WHEEL_SLOTS };
	const int64_t hour = 3600000;
	static struct timer timers[MANY];
	struct wheel w;
	struct timer soon = { 0 }, *t;
	int64_t now = 5000000, end = now + hour;
	size_t steps = 0, fired = 0;

	(void)state;
	wheel_init(&w, now);
	for (size_t i = 0; i < MANY; i++) {
		wheel_set(&w, &timers[i], end + (int64_t)i * WHEEL_TICK_MS);
	}
	assert_true(wheel_wait_ms(&w, now) >= 1000);
	/* One that is due sooner, in a ring of theirs, is not hidden by them. */
	wheel_set(&w, &soon, now + 1000);
	assert_in_range(wheel_wait_ms(&w, now), 1000, 1000 + 2 * WHEEL_TICK_MS);
	now += 1000 + 2 * WHEEL_TICK_MS;
	assert_ptr_equal(&soon, wheel_due(&w, now));
	assert_null(wheel_due(&w, now));
	while (now < end) {
		int wait = wheel_wait_ms(&w, now);

		assert_true(wait > 0);
		now += wait;
		steps++;
		while ((t = wheel_due(&w, now)) != NULL) {
			assert_true(now >= end);
			fired++;
		}
	}
	assert_in_range(steps, 100, 300);
	now = end + (int64_t)MANY * WHEEL_TICK_MS + WHEEL_TICK_MS;
	while ((t = wheel_due(&w, now)) != NULL) {
		fired++;
	}
	assert_int_equal(MANY, fired);
	assert_int_equal(-1, wheel_wait_ms(&w, now));
}

static void
a_timer_can_be_moved_and_cleared(void **state)
{
	struct wheel w;
	struct timer a = { 0 }, b = { 0 };

	(void)state;
	wheel_init(&w, 0);
	wheel_clear(&w, &a);
	wheel_set(&w, &a, 1000);
	wheel_set(&w, &b, 1000);
	wheel_set(&w, &a, 100000);
	assert_ptr_equal(wheel_due(&w, 1000 + WHEEL_TICK_MS), &b);
	assert_null(wheel_due(&w, 1000 + WHEEL_TICK_MS));
	assert_null(wheel_due(&w, 99999));
	wheel_clear(&w, &a);
	wheel_clear(&w, &a);
	assert_null(wheel_due(&w, 200000));
	assert_int_equal(wheel_wait_ms(&w, 200000), -1);
	/* In the past: at once. */
	wheel_set(&w, &a, 5);
	assert_int_equal(wheel_wait_ms(&w, 200000), 0);
	assert_ptr_equal(wheel_due(&w, 200000), &a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_early_and_none_is_lost),
		cmocka_unit_test(what_is_due_in_an_hour_wakes_nobody),
		cmocka_unit_test(a_timer_can_be_moved_and_cleared),
	};

	return cmocka_run_group_tests_name("http wheel", tests, NULL, NULL);
}
