/*
 * The writer: one thread through which every change goes.
 *
 *   take what waits -> BEGIN -> each change -> COMMIT (one fsync of the log) -> answer each caller
 *
 * The log is moved into the file by the mover, which has the writer wait now and then (store/mover.h).
 *
 * A group is first applied without savepoints, which cost a copy of each page that is touched. If a
 * change is refused, all is rolled back and applied again with a savepoint each, so that only the refused ones
 * fall out. Nothing is answered before COMMIT; when COMMIT fails, nobody is answered OK, and
 * after anything but a full disk or a lock the store is broken: what the file holds is not known, and
 * a second fsync that says yes would prove nothing.
 */
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "store/internal.h"

#define GROUP_MAX 512 /* changes in a shared transaction: bounds the wait of the first */

struct waiting {
	struct waiting *next;
	struct change **changes;
	struct commit_result *results;
	size_t count;
	bool is_alone; /* a batch: a transaction of its own */
	status status; /* of the transaction */
	struct diag diag;
	sem_t done;
};

status
store_health(struct store *s, struct diag *d)
{
	pthread_mutex_lock(&s->mutex);
	status st = s->is_broken
			    ? diag_set(d, IO, NULL, "the store stopped, start the server again: %s",
				      s->broken.text)
			    : OK;
	pthread_mutex_unlock(&s->mutex);
	return st;
}

void
store_break(struct store *s, const struct diag *d)
{
	pthread_mutex_lock(&s->mutex);
	if (!s->is_broken) {
		s->is_broken = true;
		s->broken = *d;
		log_diag(LOG_ERROR, "store_broken", d);
	}
	pthread_mutex_unlock(&s->mutex);
}

/* --- one transaction ------------------------------------------------------ */

/* Whether all since BEGIN is gone; it must be before the next one. */
static void
roll_back(struct store *s)
{
	struct connection *c = &s->connection;
	if (!sqlite3_get_autocommit(c->db)) {
		(void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	}
	applier_rolled_back(&s->applier);
}

static status
begin(struct store *s, struct diag *d)
{
	int64_t version = 0;
	struct query q = query_new(&s->connection, BEGIN_WRITING);
	status st = query_run(&q, NULL, d);
	if (st == OK) {
		q = query_new(&s->connection, READ_DATA_VERSION);
		st = query_step(&q, d);
		version = st == OK ? query_get_number(&q) : 0;
		query_end(&q);
	}
	if (st == OK && version != s->data_version) {
		marks_all(&s->marks); /* somebody else has written */
		kept_begin_change(&s->kept);
		kept_end_change(&s->kept);
		st = applier_load(&s->applier, d);
		s->data_version = version;
	}
	return st;
}

static status
apply_carefully(struct store *s, struct change *c, struct commit_result *r, struct diag *d)
{
	struct counters before = s->applier.counters;
	status st = connection_run(&s->connection, "SAVEPOINT change", d);
	if (st != OK) {
		return st;
	}
	r->status = applier_apply(&s->applier, c, &r->first_ledger, &r->diag);
	if (r->status == OK) {
		return connection_run(&s->connection, "RELEASE change", d);
	}
	if (r->status == IO || sqlite3_get_autocommit(s->connection.db)) {
		*d = r->diag;
		return r->status;
	}
	applier_undo(&s->applier, c, &before);
	return connection_run(&s->connection, "ROLLBACK TO change; RELEASE change", d);
}

/* Applies each; `refused` says that one was, and that the rest was not looked at. */
static status
apply_fast(struct store *s, struct waiting *w, bool *refused, struct diag *d)
{
	for (size_t i = 0; i < w->count && !*refused; i++) {
		struct commit_result *r = &w->results[i];
		r->status = applier_apply(&s->applier, w->changes[i], &r->first_ledger, &r->diag);
		if (r->status == IO) {
			*d = r->diag;
			return IO;
		}
		*refused = r->status != OK;
	}
	return OK;
}

static status
apply_group(struct store *s, struct waiting *group, struct diag *d)
{
	bool refused = false;
	status st = begin(s, d);
	for (struct waiting *w = group; st == OK && !refused && w; w = w->next) {
		st = apply_fast(s, w, &refused, d);
	}
	if (st != OK || !refused) {
		return st;
	}
	roll_back(s);
	if (!group->next && group->count == 1) {
		return OK; /* the only one was refused */
	}
	st = begin(s, d);
	for (struct waiting *w = group; st == OK && w; w = w->next) {
		for (size_t i = 0; st == OK && i < w->count; i++) {
			w->results[i] = (struct commit_result){ 0 };
			st = apply_carefully(s, w->changes[i], &w->results[i], d);
		}
	}
	return st;
}

static status
finish(struct store *s, struct diag *d)
{
	if (sqlite3_get_autocommit(s->connection.db)) {
		return OK; /* nothing is left to be committed */
	}
	status st = applier_finish(&s->applier, d);
	bool changes_kept = s->applier.changes_kept;
	if (changes_kept) {
		kept_begin_change(&s->kept);
	}
	if (st == OK) {
		struct query q = query_new(&s->connection, END_WRITING);
		st = query_run(&q, NULL, d);
	}
	if (changes_kept) {
		kept_end_change(&s->kept);
	}
	if (st == OK) {
		applier_committed(&s->applier);
	}
	return st;
}

/* The store is sound and the mover lets us: a transaction may begin, and end by `leave`. */
static status
enter(struct store *s, struct diag *d)
{
	status st = store_health(s, d);
	return st == OK ? mover_enter(&s->mover, d) : st;
}

static void
leave(struct store *s, status st, const struct diag *d)
{
	if (st != OK) {
		if (code_is_lasting(sqlite3_errcode(s->connection.db))) {
			store_break(s, d);
		}
		roll_back(s);
	}
	mover_leave(&s->mover, s->wal_pages);
}

/* Takes back the rows of changes that were not kept. */
static void
forget(struct store *s, struct waiting *group)
{
	for (struct waiting *w = group; w; w = w->next) {
		for (size_t i = 0; i < w->count; i++) {
			if (w->status != OK || w->results[i].status != OK) {
				applier_undo(&s->applier, w->changes[i], &s->applier.stored);
			}
		}
	}
}

/* Behind the commit, before its callers are told: whatever was kept of these rows is old. */
static void
mark_group(struct store *s, const struct waiting *group)
{
	for (const struct waiting *w = group; w; w = w->next) {
		if (w->status != OK) {
			marks_all(&s->marks); /* what is in the file is not known */
		}
		for (size_t i = 0; w->status == OK && i < w->count; i++) {
			if (w->results[i].status == OK) {
				marks_change(&s->marks, w->changes[i]);
			}
		}
	}
}

static void
commit_group(struct store *s, struct waiting *group)
{
	struct diag d = { 0 };
	status st = enter(s, &d);
	if (st == OK) {
		st = apply_group(s, group, &d);
		st = st == OK ? finish(s, &d) : st;
		leave(s, st, &d);
	}
	for (struct waiting *w = group; w; w = w->next) {
		w->status = st;
		w->diag = d;
	}
	mark_group(s, group);
	forget(s, group);
	if (st == OK && s->on_commit) {
		s->on_commit(s->context, s->applier.counters.ledger_size);
	}
}

/* --- the devices that were seen -------------------------------------------- */

static status
apply_seen(struct store *s, const struct seen_table *t, struct diag *d)
{
	status st = begin(s, d);
	for (size_t i = 0; st == OK && i < t->room; i++) {
		if (t->entries[i].device == 0) {
			continue;
		}
		struct query q = query_new(&s->connection, SET_SEEN);
		query_number(&q, t->entries[i].device);
		query_number(&q, t->entries[i].at_s);
		st = query_run(&q, NULL, d);
		if (st == NOT_FOUND) { /* no such device: nothing to keep */
			diag_clear(d);
			st = OK;
		}
	}
	return st == OK ? finish(s, d) : st;
}

static void
write_seen(struct store *s)
{
	struct diag d = { 0 };
	const struct seen_table *t = seen_take(&s->seen);
	status st = enter(s, &d);
	if (st == OK) {
		st = apply_seen(s, t, &d);
		leave(s, st, &d);
	}
	if (st != OK) {
		log_diag(LOG_WARNING, "store_seen_lost", &d);
	}
	seen_written(&s->seen);
}

void
store_seen(struct store *s, int64_t device, int64_t at_s)
{
	if (!s->read_only && seen_note(&s->seen, device, at_s)) {
		pthread_mutex_lock(&s->mutex);
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->mutex);
	}
}

/* --- the thread -------------------------------------------------------------- */

/* The next group: a batch alone, or as many single changes as wait. The mutex is held. */
static struct waiting *
take_group(struct store *s)
{
	struct waiting *group = s->first;
	struct waiting *last = group;
	for (size_t n = 1; !group->is_alone && last->next && !last->next->is_alone && n < GROUP_MAX;
		n++) {
		last = last->next;
	}
	s->first = last->next;
	if (!s->first) {
		s->end = &s->first;
	}
	last->next = NULL;
	return group;
}

/* Waits for work. NULL with `*is_time` when what was seen is due, or both empty at the end. */
static struct waiting *
wait_for_work(struct store *s, struct timespec *due, bool *is_time)
{
	struct waiting *group = NULL;
	*is_time = false;
	pthread_mutex_lock(&s->mutex);
	while (!s->first && !s->is_closing && !*is_time) {
		if (seen_is_empty(&s->seen)) {
			due->tv_sec = 0;
			pthread_cond_wait(&s->wake, &s->mutex);
			continue;
		}
		if (due->tv_sec == 0) {
			/* A delay, no time of day: the system's clock may serve. */
			clock_gettime(CLOCK_MONOTONIC, due);
			due->tv_sec += SEEN_DELAY_S;
		}
		*is_time = pthread_cond_timedwait(&s->wake, &s->mutex, due) == ETIMEDOUT;
	}
	if (s->first) {
		group = take_group(s);
	}
	pthread_mutex_unlock(&s->mutex);
	return group;
}

static void
answer(struct waiting *group)
{
	while (group) {
		struct waiting *next = group->next; /* gone as soon as it is told */
		sem_post(&group->done);
		group = next;
	}
}

static void
note_due(struct store *s, struct timespec *due, bool *is_time)
{
	struct timespec now;
	if (seen_is_empty(&s->seen)) {
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (due->tv_sec == 0) {
		*due = now;
		due->tv_sec += SEEN_DELAY_S;
	}
	*is_time = now.tv_sec >= due->tv_sec;
}

static void *
writer_main(void *argument)
{
	struct store *s = argument;
	struct timespec due = { 0 };
	for (;;) {
		bool is_time = false;
		struct waiting *group = wait_for_work(s, &due, &is_time);
		if (group) {
			commit_group(s, group);
			answer(group);
			note_due(s, &due, &is_time);
		} else if (!is_time) {
			break;
		}
		if (is_time) {
			write_seen(s);
			due.tv_sec = 0;
		}
	}
	if (!seen_is_empty(&s->seen)) {
		write_seen(s);
	}
	return NULL;
}

static int
on_wal(void *context, sqlite3 *db, const char *name, int pages)
{
	struct store *s = context;
	s->wal_pages = pages;
	return SQLITE_OK;
}

status
writer_start(struct store *s, struct diag *d)
{
	status st = connection_number(&s->connection, "PRAGMA data_version", &s->data_version, d);
	s->applier.connection = &s->connection;
	if (st == OK) {
		st = applier_load(&s->applier, d);
	}
	if (st != OK) {
		return st;
	}
	sqlite3_wal_hook(s->connection.db, on_wal, s);
	int error = pthread_create(&s->thread, NULL, writer_main, s);
	if (error != 0) {
		return diag_set(
			d, NO_MEMORY, NULL, "cannot start the writer thread: %s", strerror(error));
	}
	s->has_thread = true;
	return OK;
}

void
writer_stop(struct store *s)
{
	if (!s->has_thread) {
		return;
	}
	pthread_mutex_lock(&s->mutex);
	s->is_closing = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	s->has_thread = false;
}

/* --- the callers --------------------------------------------------------------- */

static status
commit_and_wait(struct store *s, struct waiting *w, struct diag *d)
{
	if (s->read_only) {
		return diag_set(d, DENIED, NULL, "%s: is open for reading only", s->path);
	}
	sem_init(&w->done, 0, 0);
	pthread_mutex_lock(&s->mutex);
	*s->end = w;
	s->end = &w->next;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	while (sem_wait(&w->done) != 0) {
		/* a signal */
	}
	sem_destroy(&w->done);
	if (w->status != OK) {
		(void)diag_copy(d, &w->diag);
	}
	return w->status;
}

status
store_commit(struct store *s, struct change *c, int64_t *first_ledger, struct diag *d)
{
	struct commit_result result = { 0 };
	struct waiting w = { .changes = &c, .results = &result, .count = 1 };
	status st = commit_and_wait(s, &w, d);
	if (st != OK) {
		return st;
	}
	if (result.status != OK) {
		(void)diag_copy(d, &result.diag);
		return result.status;
	}
	if (first_ledger) {
		*first_ledger = result.first_ledger;
	}
	return OK;
}

status
store_commit_batch(struct store *s, struct change **changes, size_t count,
	struct commit_result *results, struct diag *d)
{
	if (count == 0) {
		return OK;
	}
	memset(results, 0, count * sizeof(*results));
	struct waiting w = {
		.changes = changes, .results = results, .count = count, .is_alone = true
	};
	return commit_and_wait(s, &w, d);
}
