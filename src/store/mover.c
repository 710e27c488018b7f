/*
 * A round of the mover:
 *
 *   beside the writer   move what is in the log -> sync the file     again, while much has come meanwhile
 *   the writer waits    move the rest, sync, no reader needs the log: the next commit writes it from its beginning
 *
 * SQLite starts a log anew only when all of it was moved and no snapshot reads it, so there has to be a moment in which
 * nothing is committed. It also syncs the file only when all was moved. Therefore the sync of our own before: what is
 * left to be done in that moment is a few pages. Durability does not rest on it: that is SQLite's order (the log synced, moved, the
 * file synced, only then anew), with `synchronous` FULL here as in the writer.
 *
 * The header of the log's index is moved by commits alone: the writer's data_version does not see this connection.
 * (SQLITE_CHECKPOINT_TRUNCATE would change it.)
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "store/internal.h"

#define PAGE_BYTES 4096
#define BEGIN_BYTES (32 << 20)
#define MAX_BYTES (1 << 30)
#define PASSES_MAX 5 /* then the writer waits, however much is left */
#define FINISH_PART \
	16 /* of pages_begin: so little may be left for the moment in which the writer waits */
#define CACHE_BYTES (64 << 10)

/* How long readers are waited for in that moment; at pages_max the writer waits anyway. */
#define WAIT_STEP_NS 200000
#define WAIT_STEPS 50	    /* 10 ms */
#define WAIT_STEPS_FULL 500 /* 100 ms */

#define RETRY_MS 1000
#define RETRY_FULL_MS 50
#define HELD_WARN_MS 30000

struct moved {
	bool is_all; /* and no reader needs the log */
	int pages;   /* moved so far */
};

static int64_t
now_ms(void)
{
	struct timespec t;
	/* Delays, no time of day: the system's clock may serve. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
is_full(const struct mover *m)
{
	return m->pages >= m->pages_max;
}

/* --- one pass --------------------------------------------------------------- */

static status
fault(struct store *s, int code, const char *what, struct diag *d)
{
	status st = connection_fault(&s->mover.connection, code, d);
	diag_prefix(d, "%s: ", what);
	if (code_is_lasting(code)) {
		store_break(s, d);
	}
	return st;
}

static status
pass(struct store *s, int mode, struct moved *out, struct diag *d)
{
	int in_log = 0;
	int code =
		sqlite3_wal_checkpoint_v2(s->mover.connection.db, NULL, mode, &in_log, &out->pages);
	out->is_all = code == SQLITE_OK && mode != SQLITE_CHECKPOINT_PASSIVE;
	if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) {
		return OK;
	}
	return fault(s, code, "checkpoint", d);
}

static status
sync_file(struct store *s, struct diag *d)
{
	sqlite3_file *file = NULL;
	int code = sqlite3_file_control(
		s->mover.connection.db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (code == SQLITE_OK) {
		code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
	}
	return code == SQLITE_OK ? OK : fault(s, code, "checkpoint", d);
}

static int
pages_now(struct mover *m)
{
	pthread_mutex_lock(&m->mutex);
	int pages = m->pages;
	pthread_mutex_unlock(&m->mutex);
	return pages;
}

/* --- a round ------------------------------------------------------------------ */

/* Until little is left, or what comes meanwhile is no less than what was moved. */
static status
move_most(struct store *s, struct diag *d)
{
	struct mover *m = &s->mover;
	struct moved moved = { 0 };
	int left = pages_now(m);
	status st = OK;
	for (int i = 0; st == OK && i < PASSES_MAX && left > m->pages_begin / FINISH_PART; i++) {
		int left_before = left;
		st = pass(s, SQLITE_CHECKPOINT_PASSIVE, &moved, d);
		st = st == OK ? sync_file(s, d) : st;
		left = pages_now(m) - moved.pages;
		if (left >= left_before) {
			break;
		}
	}
	return st;
}

/* Whoever still reads in the log, or another program that moves it, is waited for, a moment. */
static status
move_rest(struct store *s, struct moved *moved, struct diag *d)
{
	static const struct timespec step = { 0, WAIT_STEP_NS };
	struct mover *m = &s->mover;
	status st = pass(s, SQLITE_CHECKPOINT_RESTART, moved, d);
	for (int i = 0; st == OK && !moved->is_all; i++) {
		pthread_mutex_lock(&m->mutex);
		int most = m->is_closing ? 0 : is_full(m) ? WAIT_STEPS_FULL : WAIT_STEPS;
		pthread_mutex_unlock(&m->mutex);
		if (i >= most) {
			break;
		}
		nanosleep(&step, NULL);
		st = pass(s, SQLITE_CHECKPOINT_RESTART, moved, d);
	}
	return st;
}

static status
finish(struct store *s, struct moved *moved, struct diag *d)
{
	struct mover *m = &s->mover;
	pthread_mutex_lock(&m->mutex);
	m->is_finishing = true;
	while (m->is_writing) {
		pthread_cond_wait(&m->turn, &m->mutex);
	}
	pthread_mutex_unlock(&m->mutex);
	/* The commit that was waited for may have failed: then nothing is known of what is in the log. */
	status st = store_health(s, d);
	st = st == OK ? move_rest(s, moved, d) : st;
	pthread_mutex_lock(&m->mutex);
	if (moved->is_all) {
		m->pages = 0;
	}
	m->refusal = st;
	m->why = *d;
	if (st == OK && is_full(m)) {
		m->refusal = diag_set(&m->why, UNAVAILABLE, NULL,
			"%s-wal: is %" PRId64
			" MiB and cannot be emptied, as somebody reads the database in one "
			"transaction and does not end it; end that program",
			s->path, (int64_t)m->pages * PAGE_BYTES / (1 << 20));
	}
	m->is_finishing = false;
	pthread_cond_broadcast(&m->turn);
	pthread_mutex_unlock(&m->mutex);
	return st;
}

/* Once when it begins, once when it is over: a round comes every second then. */
static void
tell_fault(struct mover *m, status st, const struct diag *d)
{
	if (st != OK && !m->is_failing) {
		log_diag(LOG_ERROR, "store_checkpoint_failed", d);
	} else if (st == OK && m->is_failing) {
		log_event(LOG_INFO, "store_checkpoint_works_again", "pages=%d", pages_now(m));
	}
	m->is_failing = st != OK;
}

static void
tell_held(struct mover *m, bool is_held, int pages)
{
	int64_t now = now_ms();
	if (!is_held) {
		if (m->is_held_told) {
			log_event(LOG_INFO, "store_log_moved", "held_s=%" PRId64,
				(now - m->held_since_ms) / 1000);
		}
		m->held_since_ms = 0;
		m->is_held_told = false;
		return;
	}
	if (m->held_since_ms == 0) {
		m->held_since_ms = now;
	}
	if (!m->is_held_told && (pages >= m->pages_max || now - m->held_since_ms >= HELD_WARN_MS)) {
		log_event(LOG_WARNING, "store_log_held", "pages=%d pages_max=%d held_s=%" PRId64,
			pages, m->pages_max, (now - m->held_since_ms) / 1000);
		m->is_held_told = true;
	}
}

/* Whether the log begins anew. */
static bool
move_log(struct store *s)
{
	struct mover *m = &s->mover;
	struct moved moved = { 0 };
	struct diag d = { 0 };
	status st = move_most(s, &d);
	if (st == OK) {
		st = finish(s, &moved, &d);
	} else {
		pthread_mutex_lock(&m->mutex);
		m->refusal = st;
		m->why = d;
		pthread_cond_broadcast(&m->turn);
		pthread_mutex_unlock(&m->mutex);
	}
	tell_fault(m, st, &d);
	if (st == OK) {
		tell_held(m, !moved.is_all, pages_now(m));
	}
	return moved.is_all;
}

/* --- the thread ----------------------------------------------------------------- */

/* The mutex is held. Not before `retry_at_ms`, unless the writer waits. */
static void
await_work(struct mover *m, int64_t retry_at_ms)
{
	while (!m->is_closing) {
		int64_t now = now_ms();
		bool is_due = m->pages >= m->pages_begin;
		if (is_due && is_full(m) && m->refusal == OK) {
			return;
		}
		if (is_due && now >= retry_at_ms) {
			return;
		}
		if (!is_due) {
			pthread_cond_wait(&m->wake, &m->mutex);
			continue;
		}
		struct timespec until = { retry_at_ms / 1000,
			(long)(retry_at_ms % 1000) * 1000000 };
		(void)pthread_cond_timedwait(&m->wake, &m->mutex, &until);
	}
}

static void *
mover_main(void *argument)
{
	struct store *s = argument;
	struct mover *m = &s->mover;
	int64_t retry_at_ms = 0;
	pthread_mutex_lock(&m->mutex);
	for (;;) {
		await_work(m, retry_at_ms);
		if (m->is_closing) {
			break;
		}
		pthread_mutex_unlock(&m->mutex);
		bool is_moved = store_health(s, NULL) == OK && move_log(s);
		bool is_broken = store_health(s, NULL) != OK;
		pthread_mutex_lock(&m->mutex);
		/* What a broken store has in its log is not known: left for the next start. */
		while (is_broken && !m->is_closing) {
			pthread_cond_wait(&m->wake, &m->mutex);
		}
		retry_at_ms = is_moved ? 0 : now_ms() + (is_full(m) ? RETRY_FULL_MS : RETRY_MS);
	}
	pthread_mutex_unlock(&m->mutex);
	return NULL;
}

/* --- the writer's ----------------------------------------------------------------- */

status
mover_enter(struct mover *m, struct diag *d)
{
	status st = OK;
	pthread_mutex_lock(&m->mutex);
	while (m->is_finishing || (is_full(m) && m->refusal == OK)) {
		pthread_cond_wait(&m->turn, &m->mutex);
	}
	if (is_full(m)) {
		(void)diag_copy(d, &m->why);
		st = m->refusal;
	} else {
		m->is_writing = true;
	}
	pthread_mutex_unlock(&m->mutex);
	return st;
}

void
mover_leave(struct mover *m, int pages)
{
	pthread_mutex_lock(&m->mutex);
	m->is_writing = false;
	m->pages = pages;
	if (is_full(m)) {
		m->refusal = OK; /* an older one: the thread is to try anew */
	}
	if (m->is_finishing) {
		pthread_cond_broadcast(&m->turn);
	}
	if (pages >= m->pages_begin) {
		pthread_cond_signal(&m->wake);
	}
	pthread_mutex_unlock(&m->mutex);
}

/* --- start and stop ------------------------------------------------------------------ */

void
mover_init(struct mover *m)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &monotonic);
	pthread_cond_init(&m->turn, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&m->mutex, NULL);
}

void
mover_wipe(struct mover *m)
{
	connection_close(&m->connection);
	pthread_cond_destroy(&m->wake);
	pthread_cond_destroy(&m->turn);
	pthread_mutex_destroy(&m->mutex);
}

status
mover_start(struct store *s, size_t log_bytes, size_t log_bytes_max, struct diag *d)
{
	struct mover *m = &s->mover;
	int64_t version = 0;
	m->pages_begin = (int)((log_bytes ? log_bytes : BEGIN_BYTES) / PAGE_BYTES);
	m->pages_max = (int)((log_bytes_max ? log_bytes_max : MAX_BYTES) / PAGE_BYTES);
	status st = connection_open(&m->connection, s->path, false, CACHE_BYTES, d);
	if (st == OK) {
		/* A connection that never read does not know that there is a log. */
		st = connection_number(&m->connection, "PRAGMA user_version", &version, d);
		sqlite3_busy_timeout(m->connection.db, 0); /* what is waited for, is so here */
	}
	if (st != OK) {
		return st;
	}
	int error = pthread_create(&m->thread, NULL, mover_main, s);
	if (error != 0) {
		return diag_set(d, NO_MEMORY, NULL,
			"cannot start the thread that moves the store's log: %s", strerror(error));
	}
	m->has_thread = true;
	return OK;
}

void
mover_stop(struct store *s)
{
	struct mover *m = &s->mover;
	if (!m->has_thread) {
		return;
	}
	pthread_mutex_lock(&m->mutex);
	m->is_closing = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->mutex);
	pthread_join(m->thread, NULL);
	m->has_thread = false;
}
