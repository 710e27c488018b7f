#include "fill.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "bench.h"
#include "base/buffer.h"
#include "base/check.h"
#include "fleet/device.h"
#include "fleet/identity.h"

#define SQL_ROOM (1 << 20)
#define INDEXES_MAX 64

_Static_assert(DEVICE_ACTIVE == 3 && DEVICE_AWAITING_DEVICE == 2, "as the SQL below has them");
_Static_assert(CERTIFICATE_OPERATIONAL == 1 && CERTIFICATE_CURRENT == 1, "likewise");

struct filling {
	sqlite3 *db;
	char *indexes[INDEXES_MAX];
	size_t index_count;
};

/* Where the copies begin, and whom they refer to: one row, f below. */
static const char facts[] =
	"CREATE TEMP TABLE fact AS SELECT %lld AS count,"
	" (SELECT max(row) FROM element) AS element, (SELECT max(row) FROM device) AS device,"
	" (SELECT max(row) FROM certificate) AS certificate, a.row AS authority,"
	" (SELECT coalesce(max(number), 0) FROM certificate WHERE authority = a.row) AS number,"
	" (SELECT row FROM issuer WHERE hash = a.name_hash) AS issuer,"
	" d.row AS device_from, d.element AS element_from, d.birth_certificate AS birth_from"
	" FROM authority AS a, (SELECT * FROM device ORDER BY row LIMIT 1) AS d"
	" WHERE a.name = '" STAGE_ISSUER "'";

static const char issuer[] = "INSERT OR IGNORE INTO issuer (hash) SELECT name_hash FROM authority"
			     " WHERE name = '" STAGE_ISSUER "'";

static const char states[] =
	"INSERT OR REPLACE INTO state_count (state, devices)"
	" SELECT 3, count + coalesce((SELECT devices FROM state_count WHERE state = 3), 0)"
	" FROM fact";

/* What a copy has for itself: n is its number from 1 on. The other columns are those of the row that is copied. */
struct own {
	const char *column, *value;
};

struct copy {
	const char *table, *from;
	struct own own[12];
};

static const struct copy copies[] = {
	{ "element", "element_from",
		{ { "row", "f.element + n" }, { "serial", "'0123' || lower(hex(randomblob(7)))" },
			{ "device", "f.device + n" } } },
	{ "certificate", "birth_from",
		{ { "row", "f.certificate + n" }, { "device", "f.device + n" },
			{ "serial", "randomblob(16)" }, { "fingerprint", "randomblob(32)" },
			{ "key_hash", "randomblob(32)" } } },
	{ "certificate", "birth_from",
		{ { "row", "f.certificate + f.count + n" }, { "device", "f.device + n" },
			{ "serial", "randomblob(14)" }, { "fingerprint", "randomblob(32)" },
			{ "key_hash", "randomblob(32)" }, { "kind", "1" }, { "status", "1" },
			{ "authority", "f.authority" }, { "number", "f.number + n" },
			{ "issuer", "f.issuer" }, { "first_used_s", "t.issued_s" } } },
	{ "device", "device_from",
		{ { "row", "f.device + n" }, { "id", "randomblob(16)" },
			{ "element", "f.element + n" },
			{ "serial", "(SELECT serial FROM element WHERE row = f.element + n)" },
			{ "state", "3" }, { "state_before", "3" },
			{ "birth_certificate", "f.certificate + n" },
			{ "current_certificate", "f.certificate + f.count + n" },
			{ "last_good_certificate", "f.certificate + f.count + n" },
			{ "key_generation", "1" } } },
};

/*
 * From here on with the indexes. One that is made of rows that are there already has no room in its pages: the first
 * entry behind that in each divides it, and the first thousands of enrolments would write twice the pages that they
 * do in a store that has grown.
 */
#define INDEXED_FROM 2

static void
must(const struct filling *f, int code, const char *what)
{
	if (code != SQLITE_OK && code != SQLITE_DONE) {
		bench_fail("filling the store: %s: %s", what, sqlite3_errmsg(f->db));
	}
}

static void
run(const struct filling *f, const char *sql)
{
	must(f, sqlite3_exec(f->db, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *
prepare(const struct filling *f, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	must(f, sqlite3_prepare_v2(f->db, sql, -1, &statement, NULL), sql);
	return statement;
}

/* Those that a table was not made with. */
static void
drop_indexes(struct filling *f)
{
	sqlite3_stmt *q = prepare(f,
		"SELECT sql, 'DROP INDEX ' || name FROM sqlite_schema WHERE type = 'index' AND sql "
		"IS NOT NULL AND tbl_name IN ('element', 'device', 'certificate')");
	char *drops[INDEXES_MAX];

	while (f->index_count < INDEXES_MAX && sqlite3_step(q) == SQLITE_ROW) {
		f->indexes[f->index_count] =
			sqlite3_mprintf("%s", (const char *)sqlite3_column_text(q, 0));
		drops[f->index_count++] =
			sqlite3_mprintf("%s", (const char *)sqlite3_column_text(q, 1));
	}
	sqlite3_finalize(q);
	for (size_t i = 0; i < f->index_count; i++) {
		run(f, drops[i]);
		sqlite3_free(drops[i]);
	}
}

static void
make_indexes(struct filling *f)
{
	for (size_t i = 0; i < f->index_count; i++) {
		run(f, f->indexes[i]);
		sqlite3_free(f->indexes[i]);
	}
}

static const char *
value_of(const struct copy *c, const char *column)
{
	for (size_t i = 0; i < COUNT_OF(c->own) && c->own[i].column != NULL; i++) {
		if (sqlite3_stricmp(c->own[i].column, column) == 0) {
			return c->own[i].value;
		}
	}
	return NULL;
}

static void
make_copies(const struct filling *f, const struct copy *c)
{
	struct buffer sql;
	char *columns = sqlite3_mprintf("PRAGMA table_info(%s)", c->table);
	sqlite3_stmt *q = prepare(f, columns);

	buffer_init(&sql, SQL_ROOM);
	buffer_printf(&sql,
		"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < (SELECT "
		"count FROM fact)) INSERT INTO %s SELECT ",
		c->table);
	for (int i = 0; sqlite3_step(q) == SQLITE_ROW; i++) {
		const char *column = (const char *)sqlite3_column_text(q, 1);
		const char *value = value_of(c, column);

		buffer_printf(&sql, "%s%s%s", i > 0 ? ", " : "", value != NULL ? "" : "t.",
			value != NULL ? value : column);
	}
	buffer_printf(&sql, " FROM fact AS f CROSS JOIN %s AS t ON t.row = f.%s CROSS JOIN k",
		c->table, c->from);
	buffer_put_byte(&sql, '\0');
	run(f, (const char *)sql.data);
	sqlite3_finalize(q);
	sqlite3_free(columns);
	buffer_wipe(&sql);
}

void
fill_store(const struct stage *s, size_t count)
{
	struct filling f = { 0 };
	char *sql = sqlite3_mprintf(facts, (long long)count);

	must(&f, sqlite3_open_v2(s->database, &f.db, SQLITE_OPEN_READWRITE, NULL), s->database);
	/* Without a log, whatever a crash would leave; the log is the store's again when it opens the file. */
	run(&f, "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
		"PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY; BEGIN EXCLUSIVE");
	drop_indexes(&f);
	run(&f, issuer);
	run(&f, sql);
	for (size_t i = 0; i < COUNT_OF(copies); i++) {
		if (i == INDEXED_FROM) {
			make_indexes(&f);
		}
		make_copies(&f, &copies[i]);
	}
	run(&f, states);
	run(&f, "COMMIT");
	sqlite3_free(sql);
	must(&f, sqlite3_close(f.db), "closing it");
	sync(); /* what lies in memory shall not be written while it is measured */
}
