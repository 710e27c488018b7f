#pragma once
/*
 * Time-outs of one loop: a hashed wheel. Setting and clearing are a few pointers, whatever the durations; a
 * time-out fires up to WHEEL_TICK_MS late, never early. One thread.
 */
#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_MS 64
#define WHEEL_SLOTS 512 /* a power of two; once around takes half a minute */

struct timer {
	struct timer *older, *newer; /* NULL: not set */
	int64_t due_tick;
};

struct wheel {
	struct timer slots[WHEEL_SLOTS]; /* heads of rings */
	uint64_t occupied[WHEEL_SLOTS / 64];
	int64_t soonest[WHEEL_SLOTS]; /* no timer of the ring is due before this tick */
	int64_t now_tick;	      /* those before it have fired */
};

void wheel_init(struct wheel *w, int64_t now_ms);
/* Sets the timer, also one that is set already. */
void wheel_set(struct wheel *w, struct timer *t, int64_t due_ms);
void wheel_clear(struct wheel *w, struct timer *t);
/* One timer that is due, cleared; NULL: none is (any more). Call until NULL. */
struct timer *wheel_due(struct wheel *w, int64_t now_ms);
/* Milliseconds until the next one may be due, at most half a minute; -1: none is set. */
int wheel_wait_ms(const struct wheel *w, int64_t now_ms);
