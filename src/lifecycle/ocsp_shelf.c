#include "lifecycle/ocsp_shelf.h"

#include <stdlib.h>

#include <openssl/rand.h>

#define CLAIM_S 10 /* who makes an answer anew has so long, then the next one is sent */

struct ocsp_kept {
	uint64_t code;
	struct ocsp_verdict verdict;
	struct ocsp_dates dates;
	int64_t claimed_until_s;
	bool is_used; /* since room was last looked for */
	size_t id_len, answer_len, note_len;
	uint8_t bytes[]; /* id, answer, note */
};

/* --- finding; under the set's lock --------------------------------------------- */

static uint64_t
hash_of(const struct ocsp_shelf *h, span asked)
{
	uint64_t mixed = h->seed ^ asked.len;

	for (size_t at = 0; at < asked.len; at += 8) {
		size_t n = asked.len - at < 8 ? asked.len - at : 8;
		uint64_t word = 0;

		memcpy(&word, asked.data + at, n);
		mixed = (mixed ^ word) * UINT64_C(0x9fb21c651e98df25);
		mixed ^= mixed >> 32;
	}
	return mixed;
}

static struct ocsp_kept **
set_of(struct ocsp_shelf *h, uint64_t code, pthread_mutex_t **lock)
{
	size_t set = code % OCSP_SHELF_SETS;

	*lock = &h->locks[set % OCSP_SHELF_LOCKS];
	return h->sets[set];
}

static void
drop(struct ocsp_kept **place)
{
	free(*place);
	*place = NULL;
}

/* The place that holds it, if it is still true; what is not is dropped. */
static struct ocsp_kept **
find(struct ocsp_shelf *h, struct ocsp_kept **set, uint64_t code, span asked)
{
	for (size_t k = 0; k < OCSP_SHELF_WAYS; k++) {
		struct ocsp_kept *one = set[k];

		if (one == NULL || one->code != code ||
			!span_equal(span_of(one->bytes, one->id_len), asked)) {
			continue;
		}
		if (store_mark_stands(h->store, &one->verdict.mark)) {
			return &set[k];
		}
		drop(&set[k]);
	}
	return NULL;
}

static bool
may_be_given(struct ocsp_kept *one, int64_t now_s)
{
	if (one->answer_len == 0 || now_s < one->dates.this_update_s) {
		return false; /* a verdict alone; or the clock was set back */
	}
	if (now_s < one->dates.renewed_s) {
		return true;
	}
	if (now_s >= one->dates.next_update_s) {
		return false;
	}
	if (now_s < one->claimed_until_s) {
		return true;
	}
	one->claimed_until_s = now_s + CLAIM_S;
	return false;
}

bool
ocsp_shelf_answer(struct ocsp_shelf *h, span asked, int64_t now_s, struct ocsp_given *out)
{
	uint64_t code = hash_of(h, asked);
	pthread_mutex_t *lock;
	struct ocsp_kept **set = set_of(h, code, &lock), **place;
	bool is_given;

	pthread_mutex_lock(lock);
	place = find(h, set, code, asked);
	is_given = place != NULL && may_be_given(*place, now_s);
	if (is_given) {
		struct ocsp_kept *one = *place;

		one->is_used = true;
		buffer_put(out->answer, span_of(one->bytes + one->id_len, one->answer_len));
		memcpy(out->note, one->bytes + one->id_len + one->answer_len, one->note_len);
		out->note_len = one->note_len;
	}
	pthread_mutex_unlock(lock);
	return is_given;
}

bool
ocsp_shelf_verdict(struct ocsp_shelf *h, span asked, struct ocsp_verdict *out)
{
	uint64_t code = hash_of(h, asked);
	pthread_mutex_t *lock;
	struct ocsp_kept **set = set_of(h, code, &lock), **place;

	pthread_mutex_lock(lock);
	place = find(h, set, code, asked);
	if (place != NULL) {
		(*place)->is_used = true;
		*out = (*place)->verdict;
	}
	pthread_mutex_unlock(lock);
	return place != NULL;
}

/* --- keeping ---------------------------------------------------------------------- */

/* Room in the set: an empty place, one that is not true any more, one that was not asked for again. */
static struct ocsp_kept **
make_room(struct ocsp_shelf *h, struct ocsp_kept **set, uint64_t code)
{
	for (size_t k = 0; k < OCSP_SHELF_WAYS; k++) {
		if (set[k] == NULL || !store_mark_stands(h->store, &set[k]->verdict.mark)) {
			return &set[k];
		}
	}
	for (size_t k = 0; k < OCSP_SHELF_WAYS; k++) {
		if (!set[k]->is_used) {
			return &set[k];
		}
	}
	for (size_t k = 0; k < OCSP_SHELF_WAYS; k++) {
		set[k]->is_used = false;
	}
	return &set[code / OCSP_SHELF_SETS % OCSP_SHELF_WAYS];
}

static struct ocsp_kept *
kept_new(uint64_t code, const struct ocsp_made *made, span answer, span note)
{
	size_t len = made->id.len + answer.len + note.len;
	struct ocsp_kept *one;

	if (made->id.len > OCSP_KEPT_MAX || answer.len > OCSP_KEPT_MAX ||
		note.len > OCSP_NOTE_MAX || len > OCSP_KEPT_MAX) {
		return NULL;
	}
	one = malloc(sizeof(*one) + len);
	if (one == NULL) {
		return NULL;
	}
	*one = (struct ocsp_kept){ .code = code,
		.verdict = made->verdict,
		.dates = made->dates,
		.id_len = made->id.len,
		.answer_len = answer.len,
		.note_len = note.len };
	memcpy(one->bytes, made->id.data, made->id.len);
	if (answer.len > 0) {
		memcpy(one->bytes + made->id.len, answer.data, answer.len);
	}
	if (note.len > 0) {
		memcpy(one->bytes + made->id.len + answer.len, note.data, note.len);
	}
	return one;
}

void
ocsp_shelf_put(struct ocsp_shelf *h, const struct ocsp_made *made, span answer, span note)
{
	uint64_t code = hash_of(h, made->id);
	struct ocsp_kept *one =
		kept_new(code, made, answer, answer.len > 0 ? note : span_of(NULL, 0));
	pthread_mutex_t *lock;
	struct ocsp_kept **set = set_of(h, code, &lock), **place;

	if (one == NULL) {
		return;
	}
	pthread_mutex_lock(lock);
	place = find(h, set, code, made->id);
	if (place != NULL && answer.len == 0) {
		free(one);
	} else if (place != NULL) {
		one->is_used = (*place)->is_used;
		free(*place);
		*place = one;
	} else {
		place = make_room(h, set, code);
		free(*place);
		*place = one;
	}
	pthread_mutex_unlock(lock);
}

size_t
ocsp_shelf_count(struct ocsp_shelf *h)
{
	size_t count = 0;

	for (size_t set = 0; set < OCSP_SHELF_SETS; set++) {
		pthread_mutex_t *lock = &h->locks[set % OCSP_SHELF_LOCKS];

		pthread_mutex_lock(lock);
		for (size_t k = 0; k < OCSP_SHELF_WAYS; k++) {
			count += h->sets[set][k] != NULL;
		}
		pthread_mutex_unlock(lock);
	}
	return count;
}

/* --- beginning and end -------------------------------------------------------------- */

void
ocsp_shelf_wipe(struct ocsp_shelf *h)
{
	for (size_t set = 0; h->sets != NULL && set < OCSP_SHELF_SETS; set++) {
		for (size_t k = 0; k < OCSP_SHELF_WAYS; k++) {
			free(h->sets[set][k]);
		}
	}
	free(h->sets);
	h->sets = NULL;
	for (size_t k = 0; k < OCSP_SHELF_LOCKS; k++) {
		pthread_mutex_destroy(&h->locks[k]);
	}
}

status
ocsp_shelf_init(struct ocsp_shelf *h, struct store *s, struct diag *d)
{
	*h = (struct ocsp_shelf){ .store = s };
	for (size_t k = 0; k < OCSP_SHELF_LOCKS; k++) {
		pthread_mutex_init(&h->locks[k], NULL);
	}
	h->sets = calloc(OCSP_SHELF_SETS, sizeof(*h->sets));
	if (h->sets == NULL || RAND_bytes((uint8_t *)&h->seed, sizeof(h->seed)) != 1) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for OCSP answers");
	}
	return OK;
}
