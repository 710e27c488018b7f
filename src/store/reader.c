#include "store/reader.h"
#include <stdlib.h>
#include "base/log.h"

/* Its pages go with the next commit, and there are many readers. */
#define READER_CACHE_PART 4
#define LIST_FIRST 16 /* records in the first array; it doubles */

status
reader_open(struct store *s, struct reader **out, struct diag *d)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r) {
		return diag_set(d, NO_MEMORY, NULL, "out of memory opening a reader");
	}
	r->store = s;
	status st = connection_open(
		&r->connection, s->path, true, s->cache_bytes / READER_CACHE_PART, d);
	if (st != OK) {
		reader_close(r);
		return st;
	}
	*out = r;
	return OK;
}

void
reader_close(struct reader *r)
{
	if (!r) {
		return;
	}
	connection_close(&r->connection);
	free(r);
}

struct query
reader_query(struct reader *r, enum statement statement)
{
	return query_new(&r->connection, statement);
}

status
reader_begin(struct reader *r, struct diag *d)
{
	/* The snapshot is the one of the first read behind it: nothing older. */
	struct query q = reader_query(r, BEGIN_READING);
	r->generation = kept_generation(&r->store->kept);
	status s = query_run(&q, NULL, d);
	r->has_snapshot = s == OK;
	return s;
}

void
reader_end(struct reader *r)
{
	if (!sqlite3_get_autocommit(r->connection.db)) {
		struct query q = reader_query(r, END_READING);
		status s = query_run(&q, NULL, NULL);
		(void)s; /* nothing was written that could be lost */
	}
	r->has_snapshot = false;
}

static status
next_row(struct query *q)
{
	struct diag d = { 0 };
	status s = query_step(q, &d);
	if (s != OK && s != NOT_FOUND) {
		log_diag(LOG_ERROR, "store_read_failed", &d);
	}
	return s;
}

status
reader_one(struct query *q, struct arena *a, read_row *row, void *record, size_t size)
{
	memset(record, 0, size);
	status s = next_row(q);
	if (s == OK) {
		s = row(q, a, record);
	}
	query_end(q);
	return s;
}

/* A larger array with what the old one holds; NULL at the arena's cap. */
static uint8_t *
grow(struct arena *a, const uint8_t *old, size_t count, size_t room, size_t size)
{
	uint8_t *array = arena_array(a, room, size);
	if (array && count > 0) {
		memcpy(array, old, count * size);
	}
	return array;
}

status
reader_all(struct query *q, struct arena *a, read_row *row, size_t size, void *array, size_t *count)
{
	size_t room = 0;
	size_t n = 0;
	uint8_t *records = NULL;
	status s;
	while ((s = next_row(q)) == OK) {
		if (n == room) {
			room = room ? room * 2 : LIST_FIRST;
			records = grow(a, records, n, room, size);
		}
		s = records ? row(q, a, records + n * size) : NO_MEMORY;
		if (s != OK) {
			break;
		}
		n++;
	}
	query_end(q);
	if (s != NOT_FOUND) {
		return s;
	}
	memcpy(array, &records, sizeof(records));
	*count = n;
	return OK;
}
