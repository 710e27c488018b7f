#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static int64_t
read_ms(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
system_wall(const struct clock *c)
{
	(void)c;
	return read_ms(CLOCK_REALTIME);
}

static int64_t
system_monotonic(const struct clock *c)
{
	(void)c;
	return read_ms(CLOCK_MONOTONIC);
}

const struct clock clock_system = { system_wall, system_monotonic };

static int64_t
manual_now(const struct clock *c)
{
	const struct clock_manual *m = (const struct clock_manual *)c;

	return atomic_load(&m->now_ms);
}

void
clock_manual_init(struct clock_manual *m, int64_t now_ms)
{
	m->clock = (struct clock){ manual_now, manual_now };
	atomic_init(&m->now_ms, now_ms);
}

void
clock_manual_add(struct clock_manual *m, int64_t ms)
{
	atomic_fetch_add(&m->now_ms, ms);
}
