#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "store/internal.h"
#include "store/migration.h"

#define CACHE_DEFAULT (16 << 20)

/* Only the server's user may read it; the log and its index take the mode over. */
static status
make_file(const char *path, struct diag *d)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return diag_set(d, IO, NULL, "%s: cannot be made: %s", path, strerror(errno));
	}
	close(fd);
	return OK;
}

static status
check_location(const struct store_options *o, struct diag *d)
{
	static const char postgresql[] = "postgresql:";
	if (strncmp(o->location, postgresql, sizeof(postgresql) - 1) == 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"%s: this program keeps its data in SQLite only; give the path of a file",
			o->location);
	}
	if (access(o->location, F_OK) == 0) {
		return OK;
	}
	if (errno != ENOENT) {
		return diag_set(d, IO, NULL, "%s: %s", o->location, strerror(errno));
	}
	if (!o->create) {
		return diag_set(d, NOT_FOUND, NULL, "%s: there is no database; run tenure init",
			o->location);
	}
	return make_file(o->location, d);
}

/*
 * The page size counts only in a new file, the journal mode stays in it. Every certificate touches some five pages at random,
 * each of which goes whole through the log: smaller ones are half the bytes.
 */
static status
set_format(struct connection *c, const char *path, struct diag *d)
{
	if (sqlite3_db_readonly(c->db, "main") == 1) {
		return diag_set(d, IO, NULL, "%s: is read-only", path);
	}
	return connection_run(c, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL", d);
}

static status
open_file(struct store *s, const struct store_options *o, struct diag *d)
{
	enum migration_mode mode = o->read_only ? MIGRATION_CHECK
				   : o->create	? MIGRATION_CREATE
						: MIGRATION_RUN;
	struct connection *c = &s->connection;
	status st = connection_open(c, s->path, o->read_only, s->cache_bytes, d);
	if (st == OK && !o->read_only) {
		st = set_format(c, s->path, d);
	}
	if (st == OK) {
		st = migration_run(c, mode, d);
	}
	if (st != OK) {
		return st;
	}
	if (o->read_only) {
		connection_close(c); /* it was there for the check */
		return OK;
	}
	st = connection_prepare(c, d);
	st = st == OK ? mover_start(s, o->log_bytes, o->log_bytes_max, d) : st;
	return st == OK ? writer_start(s, d) : st;
}

static void
init_sync(struct store *s)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&s->mutex, NULL);
	mover_init(&s->mover);
	seen_init(&s->seen);
	index_table_init(&s->indexes);
	kept_init(&s->kept);
	s->end = &s->first;
}

status
store_open(const struct store_options *o, struct store **out, struct diag *d)
{
	status st = check_location(o, d);
	if (st != OK) {
		return st;
	}
	struct store *s = calloc(1, sizeof(*s));
	if (!s) {
		return diag_set(d, NO_MEMORY, NULL, "out of memory opening the store");
	}
	init_sync(s);
	s->path = strdup(o->location);
	s->cache_bytes = o->cache_bytes ? o->cache_bytes : CACHE_DEFAULT;
	s->read_only = o->read_only;
	s->on_commit = o->on_commit;
	s->context = o->context;
	st = s->path ? open_file(s, o, d) : diag_set(d, NO_MEMORY, NULL, "out of memory");
	if (st != OK) {
		store_close(s);
		return st;
	}
	*out = s;
	return OK;
}

void
store_close(struct store *s)
{
	if (!s) {
		return;
	}
	writer_stop(s);
	mover_stop(s);
	mover_wipe(&s->mover);
	connection_close(&s->connection);
	seen_wipe(&s->seen);
	index_table_wipe(&s->indexes);
	kept_wipe(&s->kept);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s->path);
	free(s);
}
