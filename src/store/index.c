#include "store/index.h"

#include <stdlib.h>

#include "store/internal.h"

/*
 * Invariant: of[k].last is at least every index of the authority that is committed or was given out.
 *
 * It begins with the last committed one when the authority is asked for the first time: until then nobody can
 * have got one, as all go through here and one process writes. What was given out and not committed is forgotten
 * with the process, and given out again: no certificate with it ever left (it leaves after the commit).
 */

void
index_table_init(struct index_table *t)
{
	pthread_mutex_init(&t->mutex, NULL);
}

void
index_table_wipe(struct index_table *t)
{
	free(t->of);
	pthread_mutex_destroy(&t->mutex);
}

/* Under the mutex. */
static status
find(struct index_table *t, struct reader *r, int64_t authority, struct index_of **out,
	struct diag *d)
{
	struct index_of *grown;
	int64_t last = 0;
	status s;

	for (size_t k = 0; k < t->count; k++) {
		if (t->of[k].authority == authority) {
			*out = &t->of[k];
			return OK;
		}
	}
	s = read_last_index(r, authority, &last);
	if (s != OK) {
		return diag_set(d, s, NULL, "the last index of an authority cannot be read");
	}
	grown = realloc(t->of, (t->count + 1) * sizeof(*grown));
	if (grown == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	t->of = grown;
	*out = &grown[t->count++];
	**out = (struct index_of){ .authority = authority, .last = last };
	return OK;
}

status
store_index_take(struct store *s, struct reader *r, int64_t authority, int64_t *out, struct diag *d)
{
	struct index_of *of = NULL;
	status st;

	pthread_mutex_lock(&s->indexes.mutex);
	st = find(&s->indexes, r, authority, &of, d);
	if (st == OK) {
		*out = ++of->last;
	}
	pthread_mutex_unlock(&s->indexes.mutex);
	return st;
}
