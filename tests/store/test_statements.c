/* No named statement walks a whole table, but for those whose work it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include "base/check.h"
#include "folder.h"
#include "store/migration.h"
#include "store/store.h"

/* `state_count` has one row a state; the last rows of tables are their ends; operators are few. */
static bool
may_scan(int statement)
{
	return statement == READ_STATE_COUNTS || statement == READ_NEXT_ROWS ||
	       statement == READ_IS_LAST_ADMIN;
}

static bool
is_slow(const char *step)
{
	bool is_scan = strncmp(step, "SCAN", 4) == 0 && !strstr(step, "CONSTANT ROW");
	bool is_blind = strncmp(step, "SEARCH", 6) == 0 && !strstr(step, " USING ");
	return is_scan || is_blind || strstr(step, "TEMP B-TREE");
}

static void
test_plans(void **state)
{
	struct diag d = { 0 };
	struct store *s;
	struct connection c;
	struct store_options o = { .location = folder_file("tenure.db"), .create = true };
	assert_int_equal(OK, store_open(&o, &s, &d));
	store_close(s);
	assert_int_equal(OK, connection_open(&c, o.location, true, 1 << 20, &d));
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		char sql[4096];
		sqlite3_stmt *plan;
		assert_non_null(statement_sql[i]);
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", statement_sql[i]);
		assert_int_equal(SQLITE_OK, sqlite3_prepare_v2(c.db, sql, -1, &plan, NULL));
		while (sqlite3_step(plan) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(plan, 3);
			if (is_slow(step) && !may_scan(i)) {
				fail_msg("%s\n%s", statement_sql[i], step);
			}
		}
		sqlite3_finalize(plan);
	}
	connection_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_plans) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove();
	return failed;
}
