/*
 * Two hash tables with linear probing: one gathers, the other is being written.
 * A full table drops what is new: being seen again comes soon, and nothing is decided on it.
 */
#include "store/seen.h"
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256
#define ROOM_MAX (1 << 17) /* 2 MiB: 65,536 devices in SEEN_DELAY_S */

void
seen_init(struct seen *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->mutex, NULL);
}

void
seen_wipe(struct seen *s)
{
	free(s->gathering.entries);
	free(s->writing.entries);
	pthread_mutex_destroy(&s->mutex);
}

static struct seen_entry *
slot_of(const struct seen_table *t, int64_t device)
{
	uint64_t hash = (uint64_t)device * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 32) & (t->room - 1);
	while (t->entries[at].device != 0 && t->entries[at].device != device) {
		at = (at + 1) & (t->room - 1);
	}
	return &t->entries[at];
}

/* Whether there is room for one more, at most half full. */
static bool
make_room(struct seen_table *t)
{
	if (t->count < t->room / 2) {
		return true;
	}
	struct seen_table larger = { .room = t->room ? t->room * 2 : ROOM_FIRST,
		.count = t->count };
	if (larger.room > ROOM_MAX) {
		return false;
	}
	larger.entries = calloc(larger.room, sizeof(*larger.entries));
	if (!larger.entries) {
		return false;
	}
	for (size_t i = 0; i < t->room; i++) {
		if (t->entries[i].device != 0) {
			*slot_of(&larger, t->entries[i].device) = t->entries[i];
		}
	}
	free(t->entries);
	*t = larger;
	return true;
}

bool
seen_note(struct seen *s, int64_t device, int64_t at_s)
{
	bool is_first = false;
	pthread_mutex_lock(&s->mutex);
	struct seen_table *t = &s->gathering;
	struct seen_entry *e = t->room ? slot_of(t, device) : NULL;
	if (e && e->device == device) {
		e->at_s = at_s > e->at_s ? at_s : e->at_s;
	} else if (device != 0 && make_room(t)) {
		*slot_of(t, device) = (struct seen_entry){ device, at_s };
		is_first = t->count++ == 0;
	}
	pthread_mutex_unlock(&s->mutex);
	return is_first;
}

int64_t
seen_find(struct seen *s, int64_t device)
{
	const struct seen_table *tables[] = { &s->gathering, &s->writing };
	int64_t at_s = 0;
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < 2; i++) {
		const struct seen_entry *e = tables[i]->room ? slot_of(tables[i], device) : NULL;
		if (e && e->device == device && e->at_s > at_s) {
			at_s = e->at_s;
		}
	}
	pthread_mutex_unlock(&s->mutex);
	return at_s;
}

bool
seen_is_empty(struct seen *s)
{
	pthread_mutex_lock(&s->mutex);
	bool is_empty = s->gathering.count == 0;
	pthread_mutex_unlock(&s->mutex);
	return is_empty;
}

const struct seen_table *
seen_take(struct seen *s)
{
	pthread_mutex_lock(&s->mutex);
	s->writing = s->gathering;
	s->gathering = (struct seen_table){ 0 };
	pthread_mutex_unlock(&s->mutex);
	return &s->writing;
}

void
seen_written(struct seen *s)
{
	pthread_mutex_lock(&s->mutex);
	free(s->writing.entries);
	s->writing = (struct seen_table){ 0 };
	pthread_mutex_unlock(&s->mutex);
}
