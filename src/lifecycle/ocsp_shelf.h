#pragma once
/*
 * Kept OCSP answers, by their CertID as asked. Bounded: OCSP_ANSWERS_MAX of at most OCSP_KEPT_MAX bytes; a new one takes
 * the place of one that is old, else of one that nobody asked for a second time. Any thread; nobody waits for more than a
 * copy. Inside lifecycle/ only.
 */
#include <pthread.h>

#include "lifecycle/ocsp.h"

#define OCSP_SHELF_WAYS 8
#define OCSP_SHELF_SETS (OCSP_ANSWERS_MAX / OCSP_SHELF_WAYS)
#define OCSP_SHELF_LOCKS 64

struct ocsp_kept;
struct ocsp_shelf {
	struct store *store;
	uint64_t seed; /* so that nobody can choose what shares a set */
	pthread_mutex_t locks[OCSP_SHELF_LOCKS];
	struct ocsp_kept *(*sets)[OCSP_SHELF_WAYS];
};

MUST_USE status ocsp_shelf_init(struct ocsp_shelf *h, struct store *s, struct diag *d);
void ocsp_shelf_wipe(struct ocsp_shelf *h);

/*
 * The answer, if it is true and, at now_s, younger than half of its life. An older one to all but the first who asks: he is
 * the one to have it made anew.
 */
bool ocsp_shelf_answer(struct ocsp_shelf *h, span asked, int64_t now_s, struct ocsp_given *out);
bool ocsp_shelf_verdict(struct ocsp_shelf *h, span asked, struct ocsp_verdict *out);
/* `answer` empty: the verdict alone, and only where nothing is there yet. */
void ocsp_shelf_put(struct ocsp_shelf *h, const struct ocsp_made *made, span answer, span note);
/* How many there are; counts them. */
size_t ocsp_shelf_count(struct ocsp_shelf *h);
