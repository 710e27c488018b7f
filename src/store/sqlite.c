#include "store/sqlite.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 5000
#define STATEMENT_LEN_MAX (64 << 10)

/*
 * "UNIQUE constraint failed: device.serial", "...: certificate.issuer, certificate.serial", or
 * "...: index 'certificate_by_fingerprint'".
 */
static status
fault_exists(sqlite3 *db, struct diag *d)
{
	const char *words = sqlite3_errmsg(db);
	const char *index = strchr(words, '\'');
	const char *column = index ? strstr(index, "_by_") : strrchr(words, '.');
	const char *table = index ? index + 1 : strrchr(words, ' ') + 1;
	if (!column || column < table) {
		return diag_set(d, EXISTS, NULL, "there is one like this already (%s)", words);
	}
	int table_len = (int)(column - table);
	column += index ? strlen("_by_") : 1;
	return diag_set(d, EXISTS, NULL, "there is another %.*s with this %.*s already", table_len,
		table, (int)strcspn(column, "'"), column);
}

static status
fault_constraint(sqlite3 *db, struct diag *d)
{
	switch (sqlite3_extended_errcode(db)) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return fault_exists(db, d);
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return diag_set(d, NOT_FOUND, NULL,
			"the change refers to an object that is not in the store");
	default:
		return diag_set(d, BUG, NULL, "the store refuses a value: %s", sqlite3_errmsg(db));
	}
}

status
connection_fault(struct connection *c, int code, struct diag *d)
{
	const char *path = c->db ? sqlite3_db_filename(c->db, "main") : NULL;
	path = path ? path : "the database";
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		return fault_constraint(c->db, d);
	case SQLITE_FULL:
		return diag_set(d, UNAVAILABLE, NULL,
			"%s: the disk is full; free space, nothing was lost", path);
	case SQLITE_READONLY:
		return diag_set(d, IO, NULL, "%s: is read-only, or its folder is", path);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return diag_set(
			d, IO, NULL, "%s: cannot be opened here: %s", path, sqlite3_errmsg(c->db));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return diag_set(d, IO, NULL,
			"%s: is damaged or no database of Tenure (%s); restore it", path,
			c->db ? sqlite3_errmsg(c->db) : "");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return diag_set(d, UNAVAILABLE, NULL, "%s: another program holds it locked", path);
	case SQLITE_NOMEM:
		return diag_set(d, NO_MEMORY, NULL, "out of memory in the store");
	case SQLITE_IOERR:
		return diag_set(d, IO, NULL, "%s: reading or writing failed (%s)", path,
			sqlite3_errstr(code));
	default:
		return diag_set(d, BUG, NULL, "%s: %s", path, sqlite3_errmsg(c->db));
	}
}

bool
code_is_lasting(int code)
{
	switch (code & 0xff) {
	case SQLITE_IOERR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return true;
	default:
		return false;
	}
}

status
connection_run(struct connection *c, const char *sql, struct diag *d)
{
	int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? OK : connection_fault(c, code, d);
}

status
connection_number(struct connection *c, const char *sql, int64_t *out, struct diag *d)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(c->db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	status s = OK;
	if (code == SQLITE_ROW) {
		*out = sqlite3_column_int64(statement, 0);
	} else {
		s = connection_fault(c, code, d);
	}
	sqlite3_finalize(statement);
	return s;
}

static status
configure(struct connection *c, bool read_only, size_t cache_bytes, struct diag *d)
{
	char pragmas[512];
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, BUSY_TIMEOUT_MS);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_limit(c->db, SQLITE_LIMIT_SQL_LENGTH, STATEMENT_LEN_MAX);
	/* Checkpoints are the mover's own act (wal_autocheckpoint = 0), so that nobody waits for them and a failure is seen. */
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
		"PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = 0;"
		"PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -%zu; PRAGMA query_only "
		"= %d;",
		cache_bytes / 1024, read_only);
	return connection_run(c, pragmas, d);
}

/* SQLite's own count of its memory costs a lock at every allocation. */
static void
configure_library(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

status
connection_open(
	struct connection *c, const char *path, bool read_only, size_t cache_bytes, struct diag *d)
{
	int flags =
		SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, configure_library);
	memset(c, 0, sizeof(*c));
	int code = sqlite3_open_v2(path, &c->db, flags, NULL);
	status s = code == SQLITE_OK ? configure(c, read_only, cache_bytes, d)
				     : connection_fault(c, code, d);
	if (s != OK) {
		connection_close(c);
	}
	return s;
}

static int
prepare(struct connection *c, int statement)
{
	return sqlite3_prepare_v3(c->db, statement_sql[statement], -1, SQLITE_PREPARE_PERSISTENT,
		&c->statements[statement], NULL);
}

status
connection_prepare(struct connection *c, struct diag *d)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		int code = prepare(c, i);
		if (code != SQLITE_OK) {
			status s = connection_fault(c, code, d);
			diag_prefix(d, "statement %d: ", i);
			return s;
		}
	}
	return OK;
}

void
connection_close(struct connection *c)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(c->statements[i]);
	}
	sqlite3_close(c->db);
	memset(c, 0, sizeof(*c));
}

struct query
query_new(struct connection *c, enum statement statement)
{
	int code = SQLITE_OK;
	if (!c->statements[statement]) {
		code = prepare(c, (int)statement);
	}
	return (struct query){
		.connection = c, .statement = c->statements[statement], .fault = code
	};
}

void
query_number(struct query *q, int64_t value)
{
	sqlite3_bind_int64(q->statement, ++q->bound, value);
}

void
query_row(struct query *q, int64_t row)
{
	if (row == 0) {
		sqlite3_bind_null(q->statement, ++q->bound);
	} else {
		query_number(q, row);
	}
}

void
query_bytes(struct query *q, span bytes)
{
	/* An empty blob, not NULL, where there are no bytes. */
	sqlite3_bind_blob64(q->statement, ++q->bound, bytes.data ? (const void *)bytes.data : "",
		bytes.len, SQLITE_STATIC);
}

void
query_hash(struct query *q, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0) {
			query_bytes(q, span_of(bytes, len));
			return;
		}
	}
	sqlite3_bind_null(q->statement, ++q->bound);
}

void
query_text(struct query *q, const char *text)
{
	sqlite3_bind_text(q->statement, ++q->bound, text, -1, SQLITE_STATIC);
}

status
query_step(struct query *q, struct diag *d)
{
	int code = q->statement ? sqlite3_step(q->statement) : q->fault;
	q->column = 0;
	if (code == SQLITE_ROW) {
		return OK;
	}
	return code == SQLITE_DONE ? NOT_FOUND : connection_fault(q->connection, code, d);
}

void
query_end(struct query *q)
{
	if (q->statement) {
		sqlite3_reset(q->statement);
		sqlite3_clear_bindings(q->statement);
	}
}

status
query_run(struct query *q, int *changed, struct diag *d)
{
	/* Not by query_step: a reference to nothing is NOT_FOUND too. */
	int code = q->statement ? sqlite3_step(q->statement) : q->fault;
	status s = code == SQLITE_DONE ? OK : connection_fault(q->connection, code, d);
	if (s == OK && changed) {
		*changed = sqlite3_changes(q->connection->db);
	}
	query_end(q);
	return s;
}

int64_t
query_get_number(struct query *q)
{
	return sqlite3_column_int64(q->statement, q->column++);
}

size_t
query_get_some(struct query *q, uint8_t *out, size_t room)
{
	const void *data = sqlite3_column_blob(q->statement, q->column);
	size_t len = (size_t)sqlite3_column_bytes(q->statement, q->column);
	q->column++;
	if (!data || len > room) {
		return 0;
	}
	memcpy(out, data, len);
	return len;
}

void
query_get_text(struct query *q, char *out, size_t room)
{
	size_t len = query_get_some(q, (uint8_t *)out, room - 1);
	out[len] = '\0';
}

void
query_get_bytes(struct query *q, uint8_t *out, size_t len)
{
	if (query_get_some(q, out, len) != len) {
		memset(out, 0, len);
	}
}

status
query_get_span(struct query *q, struct arena *a, span *out)
{
	const void *data = sqlite3_column_blob(q->statement, q->column);
	size_t len = (size_t)sqlite3_column_bytes(q->statement, q->column);
	q->column++;
	*out = arena_copy(a, span_of(data, len));
	return len > 0 && !out->data ? NO_MEMORY : OK;
}
