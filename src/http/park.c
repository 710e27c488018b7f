/*
 * No wake is lost. Wakes are numbered. A slot (of many topics) keeps the number of its last wake; a handler
 * notes the last number of all before it reads. When it parks, under the slot's lock:
 *   - a wake that came first has put a number over the noted one into the slot: it does not park;
 *   - a wake that comes later finds it on the list.
 * Topics that share a slot make each other run once too often at the most, never too seldom.
 */
#include "http/park.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "http/loop.h"

#define SLOTS 4096 /* a power of two */

struct slot {
	pthread_mutex_t lock;
	uint64_t last_wake;
	struct work *first;
};

struct parks {
	_Atomic uint64_t wakes;
	struct slot slots[SLOTS];
};

static struct slot *
slot_of(struct parks *p, uint64_t topic)
{
	return &p->slots[(topic * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
}

uint64_t
parks_seen(const struct parks *p)
{
	return atomic_load(&p->wakes);
}

static void
unlist(struct slot *slot, struct work *w)
{
	if (w->newer != NULL) {
		w->newer->older = w->older;
	} else {
		slot->first = w->older;
	}
	if (w->older != NULL) {
		w->older->newer = w->newer;
	}
	w->older = w->newer = NULL;
	w->is_listed = false;
}

bool
park_enter(struct parks *p, struct work *w)
{
	struct slot *slot = slot_of(p, w->topic);
	bool may_park;

	pthread_mutex_lock(&slot->lock);
	may_park = slot->last_wake <= w->seen;
	if (may_park) {
		w->older = slot->first;
		w->newer = NULL;
		if (w->older != NULL) {
			w->older->newer = w;
		}
		slot->first = w;
		w->is_listed = true;
	}
	pthread_mutex_unlock(&slot->lock);
	return may_park;
}

bool
park_leave(struct parks *p, struct work *w)
{
	struct slot *slot = slot_of(p, w->topic);
	bool was_listed;

	pthread_mutex_lock(&slot->lock);
	was_listed = w->is_listed;
	if (was_listed) {
		unlist(slot, w);
	}
	pthread_mutex_unlock(&slot->lock);
	return was_listed;
}

void
parks_wake(struct parks *p, uint64_t topic)
{
	struct slot *slot = slot_of(p, topic);
	struct work *woken = NULL;

	pthread_mutex_lock(&slot->lock);
	slot->last_wake = atomic_fetch_add(&p->wakes, 1) + 1;
	for (struct work *w = slot->first, *older; w != NULL; w = older) {
		older = w->older;
		if (w->topic == topic) {
			unlist(slot, w);
			w->next = woken;
			woken = w;
		}
	}
	pthread_mutex_unlock(&slot->lock);
	while (woken != NULL) {
		struct work *w = woken;

		woken = w->next;
		loop_post(w, WORK_WOKEN);
	}
}

void
parks_free(struct parks *p)
{
	if (p == NULL) {
		return;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		pthread_mutex_destroy(&p->slots[i].lock);
	}
	free(p);
}

status
parks_new(struct parks **out)
{
	struct parks *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		return NO_MEMORY;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		pthread_mutex_init(&p->slots[i].lock, NULL);
	}
	*out = p;
	return OK;
}
