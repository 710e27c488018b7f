#pragma once
/*
 * Records that are read with nearly every request and hardly ever written: fleets, owners, authorities. Kept in memory,
 * exactly as the file has them. Inside store/ only; any thread.
 *
 * Invariant: a record comes from here only to a reader whose snapshot has that very record. `generation` is odd while a
 * commit that changes such a record is under way and grows when it is over; a reader notes it at its begin, takes and brings
 * records only while it is still the same, even number, and a record counts only in the generation that brought it.
 * Before its first read a reader has no snapshot yet: it is given what the file has then, and its snapshot may be younger.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "store/store.h"

enum kept_kind { KEPT_FLEET, KEPT_OWNER, KEPT_AUTHORITY, KEPT_KINDS };

#define KEPT_SLOTS 256 /* of each kind, by the row's last bits: the latest stays */

struct kept_slot {
	uint64_t generation;
	int64_t row;
	void *record; /* owned; an authority's DER stands behind it */
};

struct kept {
	_Atomic uint64_t generation; /* begins at 2: a slot's zero is none */
	pthread_mutex_t mutex;	     /* guards the slots */
	struct kept_slot slots[KEPT_KINDS][KEPT_SLOTS];
};

void kept_init(struct kept *k);
void kept_wipe(struct kept *k);

/* For a reader's begin. */
uint64_t kept_generation(struct kept *k);
/* False: read it from the file. `generation` is the reader's. DER is copied to the arena; NULL there: left out. */
bool kept_get(struct kept *k, uint64_t generation, enum kept_kind kind, int64_t row,
	struct arena *a, void *out);
bool kept_get_fleet(struct kept *k, uint64_t generation, const char *name, struct fleet *out);
/* What was just read from the file. Without memory nothing is kept. */
void kept_put(struct kept *k, uint64_t generation, enum kept_kind kind, const void *record);

/* Writer thread: around a commit that changes a record of these kinds, whatever comes of it. */
void kept_begin_change(struct kept *k);
void kept_end_change(struct kept *k);
