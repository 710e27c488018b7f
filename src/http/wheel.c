/*
 * A ring holds timers of this time around and of later ones: `soonest` tells them apart without a look at each, so that one
 * that is due in an hour neither wakes the loop nor is passed over each half minute.
 *
 * Invariant: a set timer hangs in slot due_tick % WHEEL_SLOTS, due_tick >= now_tick; a slot's bit in `occupied` is
 * set if and only if its ring is not empty.
 */
#include "http/wheel.h"

#include <stddef.h>

static unsigned
slot_of(int64_t tick)
{
	return (unsigned)(tick & (WHEEL_SLOTS - 1));
}

void
wheel_init(struct wheel *w, int64_t now_ms)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++) {
		w->slots[i].older = w->slots[i].newer = &w->slots[i];
	}
	for (unsigned i = 0; i < WHEEL_SLOTS / 64; i++) {
		w->occupied[i] = 0;
	}
	w->now_tick = now_ms / WHEEL_TICK_MS;
}

void
wheel_clear(struct wheel *w, struct timer *t)
{
	unsigned slot = slot_of(t->due_tick);

	if (t->older == NULL) {
		return;
	}
	t->older->newer = t->newer;
	t->newer->older = t->older;
	t->older = t->newer = NULL;
	if (w->slots[slot].newer == &w->slots[slot]) {
		w->occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	}
}

void
wheel_set(struct wheel *w, struct timer *t, int64_t due_ms)
{
	int64_t tick = due_ms / WHEEL_TICK_MS + 1; /* never early */
	unsigned slot;
	struct timer *head;

	wheel_clear(w, t);
	t->due_tick = tick > w->now_tick ? tick : w->now_tick;
	slot = slot_of(t->due_tick);
	head = &w->slots[slot];
	t->older = head->older;
	t->newer = head;
	head->older->newer = t;
	head->older = t;
	if ((w->occupied[slot / 64] & UINT64_C(1) << slot % 64) == 0 ||
		t->due_tick < w->soonest[slot]) {
		w->soonest[slot] = t->due_tick;
	}
	w->occupied[slot / 64] |= UINT64_C(1) << slot % 64;
}

static struct timer *
due_in_slot(struct wheel *w, unsigned slot, int64_t tick)
{
	struct timer *head = &w->slots[slot];
	int64_t soonest = INT64_MAX;

	if (w->soonest[slot] > tick) {
		return NULL;
	}
	for (struct timer *t = head->newer; t != head; t = t->newer) {
		if (t->due_tick <= tick) {
			wheel_clear(w, t);
			return t;
		}
		soonest = t->due_tick < soonest ? t->due_tick : soonest;
	}
	w->soonest[slot] = soonest;
	return NULL;
}

struct timer *
wheel_due(struct wheel *w, int64_t now_ms)
{
	int64_t now = now_ms / WHEEL_TICK_MS;

	/* After a long sleep once around sees them all: every slot is looked at with the new time. */
	if (now - w->now_tick > WHEEL_SLOTS) {
		w->now_tick = now - WHEEL_SLOTS;
	}
	while (w->now_tick <= now) {
		unsigned slot = slot_of(w->now_tick);
		struct timer *t = NULL;

		if (w->occupied[slot / 64] & UINT64_C(1) << slot % 64) {
			t = due_in_slot(w, slot, now);
		}
		if (t != NULL) {
			return t;
		}
		if (w->now_tick == now) {
			break;
		}
		w->now_tick++;
	}
	return NULL;
}

int
wheel_wait_ms(const struct wheel *w, int64_t now_ms)
{
	for (int64_t tick = w->now_tick; tick < w->now_tick + WHEEL_SLOTS; tick++) {
		unsigned slot = slot_of(tick);

		if (w->occupied[slot / 64] == 0) {
			tick += 63 - slot % 64;
		} else if ((w->occupied[slot / 64] & UINT64_C(1) << slot % 64) != 0 &&
			   w->soonest[slot] <= tick) {
			int64_t wait = tick * WHEEL_TICK_MS - now_ms;

			return wait > 0 ? (int)wait : 0;
		}
	}
	for (unsigned i = 0; i < WHEEL_SLOTS / 64; i++) {
		if (w->occupied[i] != 0) {
			return WHEEL_SLOTS * WHEEL_TICK_MS / 2; /* later ones only: look again */
		}
	}
	return -1;
}
