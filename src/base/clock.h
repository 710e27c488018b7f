#pragma once
/*
 * Where the time comes from. Nothing below server/ and the programs' mains
 * reads the system's clock: they are handed one of these, so that tests own time.
 * Times are Unix seconds or milliseconds, UTC.
 */
#include <stdint.h>

struct clock {
	int64_t (*wall_ms)(const struct clock *c); /* milliseconds since 1970 */
	int64_t (*monotonic_ms)(const struct clock *c);
};

extern const struct clock clock_system;

/* A clock that stands still until it is moved. Thread-safe. */
struct clock_manual {
	struct clock clock; /* first member: pass &manual.clock */
	_Atomic int64_t now_ms;
};
void clock_manual_init(struct clock_manual *m, int64_t now_ms);
void clock_manual_add(struct clock_manual *m, int64_t ms);

static inline int64_t
clock_now_s(const struct clock *c)
{
	return c->wall_ms(c) / 1000;
}
