#pragma once
/*
 * One connection to the SQLite file with its prepared statements, and the query: a statement
 * that is bound and read field by field, in the order of its SQL. Inside store/ only.
 */
#include <sqlite3.h>
#include "base/arena.h"
#include "base/limits.h"
#include "base/status.h"
#include "store/statements.h"

struct connection {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT]; /* NULL: not used yet */
};

/* Opens the file that exists, with every setting of ours, prepares nothing. Not for several threads at once. */
MUST_USE status connection_open(
	struct connection *c, const char *path, bool read_only, size_t cache_bytes, struct diag *d);
/* Every statement, after the migrations: the writer's. A reader prepares what it uses when it does, as there are many. */
MUST_USE status connection_prepare(struct connection *c, struct diag *d);
void connection_close(struct connection *c);
/* SQL without parameters or rows: BEGIN, PRAGMA, a migration. */
MUST_USE status connection_run(struct connection *c, const char *sql, struct diag *d);
/* One number: "PRAGMA user_version". */
MUST_USE status connection_number(
	struct connection *c, const char *sql, int64_t *out, struct diag *d);

/* What the last failed call of the connection means in our words. Sets `d` (may be NULL). */
status connection_fault(struct connection *c, int code, struct diag *d);
/* A fault after which what the file holds is not known. */
bool code_is_lasting(int code);

/* --- queries ---------------------------------------------------------- */

struct query {
	struct connection *connection;
	sqlite3_stmt *statement; /* NULL: could not be prepared, which the first step says */
	int fault;
	int bound;  /* parameters so far */
	int column; /* columns read so far */
};

struct query query_new(struct connection *c, enum statement statement);

/* The next parameter. What is pointed to must live until query_end. */
void query_number(struct query *q, int64_t value);
void query_row(struct query *q, int64_t row); /* 0 is NULL: no such row */
void query_bytes(struct query *q, span bytes);
void query_hash(struct query *q, const uint8_t *bytes, size_t len); /* all zero is NULL */
void query_text(struct query *q, const char *text);

/* OK: a row is there. NOT_FOUND: no (more) row. Else a fault, told to `d`. */
MUST_USE status query_step(struct query *q, struct diag *d);
/* Runs a statement that gives no rows, and ends it. `changed` (may be NULL): rows touched. */
MUST_USE status query_run(struct query *q, int *changed, struct diag *d);
void query_end(struct query *q);

/* The next column. */
int64_t query_get_number(struct query *q);
void query_get_text(struct query *q, char *out, size_t room);
/* Exactly `len` bytes; zero where the column is NULL or of another length. */
void query_get_bytes(struct query *q, uint8_t *out, size_t len);
/* At most `room` bytes; their number. */
size_t query_get_some(struct query *q, uint8_t *out, size_t room);
/* A copy in the arena; NO_MEMORY. */
MUST_USE status query_get_span(struct query *q, struct arena *a, span *out);
