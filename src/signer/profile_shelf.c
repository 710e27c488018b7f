#include "signer/profile_shelf.h"

/*
 * A file that is changed twice within one tick of the kernel's clock has the same times after both. So what was read of a file
 * that young is not kept: the next request reads it again.
 */
#define SETTLED_S 2

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Under the mutex. */
static struct profile_kept *
find(struct profile_shelf *s, const char *name)
{
	for (size_t i = 0; i < PROFILE_SHELF_ROOM; i++) {
		if (strcmp(s->kept[i].profile.name, name) == 0) {
			return &s->kept[i];
		}
	}
	return NULL;
}

static bool
take(struct profile_shelf *s, const char *name, const struct stat *found, struct profile *out)
{
	const struct profile_kept *k;
	bool is_kept;

	pthread_mutex_lock(&s->mutex);
	k = find(s, name);
	is_kept = k != NULL && is_same_file(&k->found, found);
	if (is_kept) {
		*out = k->profile;
	}
	pthread_mutex_unlock(&s->mutex);
	return is_kept;
}

static void
keep(struct profile_shelf *s, const struct stat *found, const struct profile *p)
{
	bool is_settled = clock_now_s(s->clock) - found->st_ctim.tv_sec >= SETTLED_S;
	struct profile_kept *k;

	pthread_mutex_lock(&s->mutex);
	s->reads++;
	k = find(s, p->name);
	if (k == NULL && is_settled) {
		k = &s->kept[s->next++ % PROFILE_SHELF_ROOM];
	}
	if (k != NULL) {
		*k = is_settled ? (struct profile_kept){ .found = *found, .profile = *p }
				: (struct profile_kept){ 0 };
	}
	pthread_mutex_unlock(&s->mutex);
}

status
profile_shelf_find(struct profile_shelf *s, const char *name, struct profile *out, struct diag *d)
{
	char path[PROFILE_PATH_ROOM];
	struct stat found; /* before it is read: one that comes between is seen the next time */
	status st;

	if (s->folder == NULL || !profile_path(s->folder, name, path) || stat(path, &found) != 0) {
		return diag_set(d, NOT_FOUND, NULL, "no profile \"%.60s\"", name);
	}
	if (take(s, name, &found, out)) {
		return OK;
	}
	st = profile_load(s->folder, name, out, d);
	if (st == OK) {
		keep(s, &found, out);
	}
	return st;
}

void
profile_shelf_init(struct profile_shelf *s, const char *folder, const struct clock *clock)
{
	*s = (struct profile_shelf){ .folder = folder, .clock = clock };
	pthread_mutex_init(&s->mutex, NULL);
}

void
profile_shelf_wipe(struct profile_shelf *s)
{
	pthread_mutex_destroy(&s->mutex);
}
