#include "store/kept.h"
#include <stdlib.h>
#include <string.h>

static const size_t sizes[KEPT_KINDS] = { [KEPT_FLEET] = sizeof(struct fleet),
	[KEPT_OWNER] = sizeof(struct owner),
	[KEPT_AUTHORITY] = sizeof(struct authority) };

void
kept_init(struct kept *k)
{
	memset(k, 0, sizeof(*k));
	atomic_init(&k->generation, 2);
	pthread_mutex_init(&k->mutex, NULL);
}

void
kept_wipe(struct kept *k)
{
	for (size_t kind = 0; kind < KEPT_KINDS; kind++) {
		for (size_t i = 0; i < KEPT_SLOTS; i++) {
			free(k->slots[kind][i].record);
		}
	}
	pthread_mutex_destroy(&k->mutex);
}

uint64_t
kept_generation(struct kept *k)
{
	return atomic_load(&k->generation);
}

/* Whether the reader's snapshot has what the file has now. */
static bool
is_present(struct kept *k, uint64_t generation)
{
	return (generation & 1) == 0 && atomic_load(&k->generation) == generation;
}

static struct kept_slot *
slot_of(struct kept *k, enum kept_kind kind, int64_t row)
{
	return &k->slots[kind][(uint64_t)row % KEPT_SLOTS];
}

static bool
copy(const struct kept_slot *slot, enum kept_kind kind, struct arena *a, void *out)
{
	memcpy(out, slot->record, sizes[kind]);
	if (kind == KEPT_AUTHORITY) {
		struct authority *authority = out;
		span der = authority->der;

		authority->der = a != NULL ? arena_copy(a, der) : span_of(NULL, 0);
		return a == NULL || authority->der.data != NULL || der.len == 0;
	}
	return true;
}

bool
kept_get(struct kept *k, uint64_t generation, enum kept_kind kind, int64_t row, struct arena *a,
	void *out)
{
	const struct kept_slot *slot = slot_of(k, kind, row);
	bool is_there;

	if (!is_present(k, generation)) {
		return false;
	}
	pthread_mutex_lock(&k->mutex);
	is_there = slot->generation == generation && slot->row == row && copy(slot, kind, a, out);
	pthread_mutex_unlock(&k->mutex);
	return is_there;
}

bool
kept_get_fleet(struct kept *k, uint64_t generation, const char *name, struct fleet *out)
{
	bool is_there = false;

	if (!is_present(k, generation)) {
		return false;
	}
	pthread_mutex_lock(&k->mutex);
	for (size_t i = 0; i < KEPT_SLOTS && !is_there; i++) {
		const struct kept_slot *slot = &k->slots[KEPT_FLEET][i];

		is_there = slot->generation == generation &&
			   strcmp(((const struct fleet *)slot->record)->name, name) == 0 &&
			   copy(slot, KEPT_FLEET, NULL, out);
	}
	pthread_mutex_unlock(&k->mutex);
	return is_there;
}

static int64_t
row_of(enum kept_kind kind, const void *record)
{
	switch (kind) {
	case KEPT_FLEET:
		return ((const struct fleet *)record)->row;
	case KEPT_OWNER:
		return ((const struct owner *)record)->row;
	default:
		return ((const struct authority *)record)->row;
	}
}

static void *
duplicate(enum kept_kind kind, const void *record)
{
	span der =
		kind == KEPT_AUTHORITY ? ((const struct authority *)record)->der : span_of(NULL, 0);
	uint8_t *made = malloc(sizes[kind] + der.len);

	if (made == NULL) {
		return NULL;
	}
	memcpy(made, record, sizes[kind]);
	if (der.len > 0) {
		memcpy(made + sizes[kind], der.data, der.len);
		((struct authority *)(void *)made)->der = span_of(made + sizes[kind], der.len);
	}
	return made;
}

void
kept_put(struct kept *k, uint64_t generation, enum kept_kind kind, const void *record)
{
	int64_t row = row_of(kind, record);
	struct kept_slot *slot = slot_of(k, kind, row);
	void *made = is_present(k, generation) ? duplicate(kind, record) : NULL;
	void *old = made;

	pthread_mutex_lock(&k->mutex);
	if (made != NULL && slot->generation <= generation) {
		old = slot->record;
		*slot = (struct kept_slot){ generation, row, made };
	}
	pthread_mutex_unlock(&k->mutex);
	free(old);
}

void
kept_begin_change(struct kept *k)
{
	atomic_fetch_add(&k->generation, 1);
}

void
kept_end_change(struct kept *k)
{
	atomic_fetch_add(&k->generation, 1);
}
