#include "ledger/sequencer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/guard.h"
#include "ledger/tile.h"
#include "ledger/verify.h"

#define PATH_ROOM 4096
#define ROWS_AT_ONCE 4096
#define ROUND_ARENA_MAX (64 << 20)

struct sequencer {
	pthread_mutex_t lock;
	pthread_cond_t wake, published_more;
	pthread_t thread;
	bool has_thread, is_ending, is_awake;
	status state; /* OK, or why it has stopped */
	struct diag why;
	uint64_t published;

	/* The thread's own from here on. */
	struct sequencer_options options;
	char folder[PATH_ROOM], guard_path[PATH_ROOM], origin[256];
	struct reader *reader;
	struct arena *arena;
	struct tile_writer *tiles;
	struct guard guard;
	bool has_guard, is_waiting;
	int guard_lock; /* -1: not held */
};

/* Rows from the tiles' size on, at most ROWS_AT_ONCE, up to `limit`. `*added` of them. */
static status
append_rows(struct sequencer *q, uint64_t limit, uint64_t *added, struct diag *d)
{
	uint64_t size = tile_writer_size(q->tiles);
	size_t most = limit - size < ROWS_AT_ONCE ? (size_t)(limit - size) : ROWS_AT_ONCE, count;
	struct ledger_row *rows;
	status s;

	*added = 0;
	if (most == 0) {
		return OK;
	}
	arena_reset(q->arena);
	s = list_ledger(q->reader, q->arena, (int64_t)size, most, &rows, &count);
	if (s != OK) {
		return diag_set(
			d, s, NULL, "the store cannot list ledger entries from %" PRIu64, size);
	}
	for (size_t i = 0; s == OK && i < count; i++) {
		if (rows[i].sequence != (int64_t)(size + i)) {
			return diag_set(d, BUG, NULL,
				"ledger entry %" PRIu64 " is missing in the store", size + i);
		}
		s = tile_writer_append(q->tiles, rows[i].entry, d);
	}
	*added = count;
	return s;
}

static status
publish(struct sequencer *q, struct diag *d)
{
	struct guard next = { .size = tile_writer_size(q->tiles),
		.root = tile_writer_root(q->tiles) };
	char path[PATH_ROOM + 16];
	struct buffer note;
	status s = tile_writer_flush(q->tiles, d);

	buffer_init(&note, CHECKPOINT_MAX);
	if (s == OK) {
		s = q->options.signer.sign(
			q->options.signer.context, q->origin, next.size, &next.root, &note, d);
	}
	snprintf(next.origin, sizeof(next.origin), "%s", q->origin);
	if (s == OK) {
		s = guard_write(q->guard_path, q->has_guard ? &q->guard : NULL, &next, d);
	}
	if (s == OK) {
		q->guard = next;
		q->has_guard = true;
		snprintf(path, sizeof(path), "%s/checkpoint", q->folder);
		s = file_replace(path, buffer_span(&note), 0644, d);
	}
	buffer_wipe(&note);
	if (s == OK) {
		tile_writer_tidy(q->tiles);
		pthread_mutex_lock(&q->lock);
		q->published = next.size;
		pthread_cond_broadcast(&q->published_more);
		pthread_mutex_unlock(&q->lock);
	}
	return s;
}

/* Everything that is committed, in one or more checkpoints. */
static status
catch_up(struct sequencer *q, struct diag *d)
{
	uint64_t added = ROWS_AT_ONCE;
	status s = OK;

	if (q->tiles == NULL) {
		s = tile_writer_open(q->folder, q->published, &q->tiles, d);
	}
	while (s == OK && added == ROWS_AT_ONCE) {
		s = append_rows(q, UINT64_MAX, &added, d);
	}
	if (s == OK && tile_writer_size(q->tiles) != q->published) {
		s = publish(q, d);
	}
	return s;
}

static void
stop_with(struct sequencer *q, status s, const struct diag *d)
{
	log_diag(LOG_ERROR, "ledger_stopped", d);
	pthread_mutex_lock(&q->lock);
	q->state = s;
	q->why = *d;
	pthread_cond_broadcast(&q->published_more);
	pthread_mutex_unlock(&q->lock);
}

/* A signer or a disk that is away for a while is waited for; what does not fit together is not. */
static bool
may_pass(status s)
{
	return s == UNAVAILABLE || s == NO_MEMORY;
}

/* What was written since the last checkpoint may be half of it: it is written again from there. */
static void
wait_for_it(struct sequencer *q, const struct diag *d)
{
	if (!q->is_waiting) {
		log_diag(LOG_WARNING, "ledger_waits", d);
	}
	q->is_waiting = true;
	tile_writer_close(q->tiles);
	q->tiles = NULL;
	sequencer_wake(q);
}

static void *
run(void *argument)
{
	struct sequencer *q = argument;
	const struct timespec pause = { .tv_sec = q->options.publish_every_ms / 1000,
		.tv_nsec = q->options.publish_every_ms % 1000 * 1000000 };
	bool is_ending = false;

	while (!is_ending) {
		struct diag d = { 0 };
		status s;

		pthread_mutex_lock(&q->lock);
		while (!q->is_awake && !q->is_ending) {
			pthread_cond_wait(&q->wake, &q->lock);
		}
		q->is_awake = false;
		is_ending = q->is_ending;
		pthread_mutex_unlock(&q->lock);
		s = catch_up(q, &d);
		if (may_pass(s) && !is_ending) {
			wait_for_it(q, &d);
		} else if (s != OK) {
			stop_with(q, s, &d);
			break;
		} else {
			q->is_waiting = false;
		}
		if (!is_ending) {
			nanosleep(&pause, NULL); /* entries gather: one checkpoint for many */
		}
	}
	return NULL;
}

void
sequencer_wake(struct sequencer *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_awake = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

status
sequencer_wait(struct sequencer *q, int64_t sequence, int64_t limit_ms, struct diag *d)
{
	struct timespec until;
	status s = OK;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += limit_ms / 1000;
	until.tv_nsec += limit_ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&q->lock);
	while (s == OK && q->state == OK && (int64_t)q->published <= sequence) {
		if (pthread_cond_timedwait(&q->published_more, &q->lock, &until) == ETIMEDOUT) {
			s = UNAVAILABLE;
		}
	}
	if ((int64_t)q->published <= sequence) {
		s = diag_set(d, UNAVAILABLE, NULL, "entry %" PRId64 " is not in a checkpoint yet",
			sequence);
	} else {
		s = OK;
	}
	pthread_mutex_unlock(&q->lock);
	return s;
}

status
sequencer_health(struct sequencer *q, uint64_t *published, struct diag *d)
{
	status s;

	pthread_mutex_lock(&q->lock);
	s = q->state;
	*published = q->published;
	if (s != OK) {
		s = diag_set(d, UNAVAILABLE, NULL, "the ledger has stopped: %s", q->why.text);
	}
	pthread_mutex_unlock(&q->lock);
	return s;
}

static void
dispose(struct sequencer *q)
{
	if (q->guard_lock >= 0) {
		close(q->guard_lock);
	}
	tile_writer_close(q->tiles);
	reader_close(q->reader);
	arena_free(q->arena);
	pthread_cond_destroy(&q->wake);
	pthread_cond_destroy(&q->published_more);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

void
sequencer_stop(struct sequencer *q)
{
	if (q == NULL) {
		return;
	}
	if (q->has_thread) {
		pthread_mutex_lock(&q->lock);
		q->is_ending = true;
		pthread_cond_signal(&q->wake);
		pthread_mutex_unlock(&q->lock);
		pthread_join(q->thread, NULL);
	}
	dispose(q);
}

/* --- the start: do ledger, store and guard tell one story? --- */

static status
read_published(struct sequencer *q, struct guard *out, struct diag *d)
{
	struct arena *a = arena_new(1 << 20);
	struct diag fault = { 0 };
	struct checkpoint c;
	struct buffer note;
	status s;

	*out = (struct guard){ 0 };
	buffer_init(&note, CHECKPOINT_MAX);
	s = a != NULL ? ledger_checkpoint(q->folder, a, &note, &c, &fault) : NO_MEMORY;
	if (s == NOT_FOUND) {
		s = OK; /* an empty ledger */
	} else if (s != OK) {
		s = diag_set(d, s, NULL, "%s/checkpoint: %s", q->folder, fault.text);
	} else if (!span_is(c.origin, q->origin)) {
		s = diag_set(d, CONFLICT, NULL,
			"%s/checkpoint: the ledger's origin is %.*s, the configuration says %s",
			q->folder, (int)c.origin.len, (const char *)c.origin.data, q->origin);
	} else {
		out->size = c.size;
		out->root = c.root;
	}
	buffer_wipe(&note);
	arena_free(a);
	return s;
}

static status
read_guard(struct sequencer *q, const struct guard *published, struct diag *d)
{
	struct diag fault = { 0 };
	status s = guard_read(q->guard_path, &q->guard, &fault);

	q->has_guard = s == OK;
	if (s == NOT_FOUND && (published->size == 0 || q->options.adopt)) {
		return OK;
	}
	if (s == NOT_FOUND) {
		return diag_set(d, CONFLICT, NULL,
			"%s is missing, though this ledger has %" PRIu64
			" entries: if this home is surely the latest, start once with "
			"--adopt-ledger",
			q->guard_path, published->size);
	}
	if (s != OK) {
		return diag_set(d, s, NULL, "%s", fault.text);
	}
	if (strcmp(q->guard.origin, q->origin) != 0) {
		return diag_set(d, CONFLICT, NULL, "%s is another ledger's guard (%s)",
			q->guard_path, q->guard.origin);
	}
	return OK;
}

static status
older(struct diag *d, const char *what, uint64_t has, uint64_t known)
{
	return diag_set(d, CONFLICT, NULL,
		"%s has %" PRIu64 " entries, but %" PRIu64
		" were published: this home is older than its own past (restored from a backup?). "
		"It "
		"does not go on; bring the newer home back",
		what, has, known);
}

/* One server a guard: a copy of the home, started beside it, would decide what can never be published. */
static status
lock_guard(struct sequencer *q, struct diag *d)
{
	char path[PATH_ROOM + 8], folder[PATH_ROOM], *slash;
	struct diag why = { 0 };
	status s = OK;

	snprintf(path, sizeof(path), "%s.lock", q->guard_path);
	snprintf(folder, sizeof(folder), "%s", q->guard_path);
	slash = strrchr(folder, '/');
	if (slash != NULL && slash != folder) {
		*slash = '\0';
		s = folder_make(folder, 0700, d);
	}
	if (s == OK) {
		s = file_lock(path, &q->guard_lock, &why);
	}
	if (s == CONFLICT) {
		return diag_set(d, CONFLICT, NULL,
			"another server keeps the guard %s: a copy of this home runs already",
			q->guard_path);
	}
	return s == OK || why.text[0] == '\0' ? s : diag_set(d, s, NULL, "%s", why.text);
}

/* The ledger's files up to their checkpoint, then rows up to what the guard remembers: the roots must agree. */
static status
reconcile(struct sequencer *q, struct diag *d)
{
	struct guard published;
	struct diag why = { 0 };
	int64_t stored = 0;
	uint64_t known, added = 1;
	hash root;
	status s = read_published(q, &published, d);

	if (s == OK) {
		s = read_guard(q, &published, d);
	}
	if (s == OK && read_ledger_size(q->reader, &stored) != OK) {
		s = diag_set(d, IO, NULL, "the store cannot count its ledger entries");
	}
	if (s != OK) {
		return s;
	}
	known = q->has_guard && q->guard.size > published.size ? q->guard.size : published.size;
	if ((uint64_t)stored < known) {
		return older(d, "the store", (uint64_t)stored, known);
	}
	if (q->has_guard && published.size > q->guard.size) {
		return diag_set(d, CONFLICT, NULL,
			"%s remembers %" PRIu64 " entries, the ledger has published %" PRIu64
			": it is the guard of an older time",
			q->guard_path, q->guard.size, published.size);
	}
	s = tile_writer_open(q->folder, published.size, &q->tiles, &why);
	if (s != OK) {
		return diag_set(d, s, NULL, "%s/%s", q->folder, why.text);
	}
	root = tile_writer_root(q->tiles);
	if (published.size > 0 && memcmp(&root, &published.root, HASH_LEN) != 0) {
		return diag_set(d, CONFLICT, NULL,
			"%s: the ledger's files do not give the root of their own checkpoint: they "
			"are damaged",
			q->folder);
	}
	while (s == OK && tile_writer_size(q->tiles) < known && added > 0) {
		s = append_rows(q, known, &added, d);
	}
	root = tile_writer_root(q->tiles);
	if (s == OK && q->has_guard && q->guard.size > 0 &&
		memcmp(&root, &q->guard.root, HASH_LEN) != 0) {
		s = diag_set(d, CONFLICT, NULL,
			"at %" PRIu64
			" entries this ledger has another root than the one it published: a "
			"fork. It does not go on",
			q->guard.size);
	}
	q->published = published.size;
	return s;
}

status
sequencer_start(const struct sequencer_options *o, struct sequencer **out, struct diag *d)
{
	struct sequencer *q = calloc(1, sizeof(*q));
	status s;

	if (q == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the ledger");
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	pthread_cond_init(&q->published_more, NULL);
	q->guard_lock = -1;
	q->options = *o;
	q->options.publish_every_ms = o->publish_every_ms > 0 ? o->publish_every_ms : 200;
	snprintf(q->folder, sizeof(q->folder), "%s", o->folder);
	snprintf(q->guard_path, sizeof(q->guard_path), "%s", o->guard);
	snprintf(q->origin, sizeof(q->origin), "%s", o->origin);
	q->arena = arena_new(ROUND_ARENA_MAX);
	s = q->arena != NULL ? reader_open(o->store, &q->reader, d)
			     : diag_set(d, NO_MEMORY, NULL, "no memory for the ledger");
	if (s == OK) {
		s = folder_make(q->folder, 0755, d);
	}
	if (s == OK) {
		s = lock_guard(q, d);
	}
	if (s == OK) {
		s = reconcile(q, d);
	}
	if (s == OK) {
		s = catch_up(q, d);
	}
	/* Again, though nothing is new: an adopted ledger gets its guard, a damaged signature is made anew. */
	if (s == OK && tile_writer_size(q->tiles) > 0) {
		s = publish(q, d);
	}
	if (s == OK && pthread_create(&q->thread, NULL, run, q) != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "no thread for the ledger");
	}
	if (s != OK) {
		dispose(q);
		return s;
	}
	q->has_thread = true;
	*out = q;
	return OK;
}
