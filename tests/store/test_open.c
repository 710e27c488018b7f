/* What cannot be opened says why, in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "support.h"
#include "folder.h"
#include "sample.h"

#define NOBODY 65534

static status
try_open(bool create, bool read_only, struct diag *d)
{
	struct store_options o = {
		.location = folder_file("tenure.db"), .create = create, .read_only = read_only
	};
	struct store *s = NULL;
	diag_clear(d);
	status st = store_open(&o, &s, d);
	if (st == OK) {
		store_close(s);
	}
	return st;
}

static void
make_store(void)
{
	struct diag d;
	folder_remove();
	assert_int_equal(OK, try_open(true, false, &d));
}

static void
run_sql(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(SQLITE_OK, sqlite3_open(folder_file("tenure.db"), &db));
	assert_int_equal(SQLITE_OK, sqlite3_exec(db, sql, NULL, NULL, NULL));
	sqlite3_close(db);
}

static void
test_none(void **state)
{
	struct diag d;
	folder_remove();
	assert_int_equal(NOT_FOUND, try_open(false, false, &d));
	assert_non_null(strstr(d.text, "tenure init"));
	struct store_options o = { .location = "/nowhere/tenure.db", .create = true };
	struct store *s;
	diag_clear(&d);
	assert_int_equal(IO, store_open(&o, &s, &d));
	assert_non_null(strstr(d.text, "/nowhere/tenure.db"));
	o.location = "postgresql://localhost/tenure";
	diag_clear(&d);
	assert_int_equal(BAD_INPUT, store_open(&o, &s, &d));
}

static void
test_private(void **state)
{
	struct stat st;
	make_store();
	assert_int_equal(0, stat(folder_file("tenure.db"), &st));
	assert_int_equal(0600, st.st_mode & 07777);
}

static void
test_empty_file(void **state)
{
	struct diag d;
	folder_remove();
	int fd = open(folder_file("tenure.db"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(NOT_FOUND, try_open(false, false, &d));
	assert_non_null(strstr(d.text, "is empty"));
	assert_int_equal(OK, try_open(true, false, &d));
}

static void
test_newer(void **state)
{
	struct diag d;
	make_store();
	run_sql("PRAGMA user_version = 9999");
	assert_int_equal(CONFLICT, try_open(false, false, &d));
	assert_non_null(strstr(d.text, "9999"));
	assert_int_equal(CONFLICT, try_open(false, true, &d));
}

static void
test_not_ours(void **state)
{
	struct diag d;
	folder_remove();
	run_sql("CREATE TABLE somebody_elses (x)");
	assert_int_equal(IO, try_open(true, false, &d));
	assert_non_null(strstr(d.text, "no database of Tenure"));
}

static void
overwrite(off_t at, size_t len)
{
	char noise[8192];
	memset(noise, 0x5a, sizeof(noise));
	int fd = open(folder_file("tenure.db"), O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(len, pwrite(fd, noise, len, at));
	close(fd);
}

static void
test_damaged(void **state)
{
	struct diag d;
	make_store();
	overwrite(0, 100);
	assert_int_equal(IO, try_open(false, false, &d));
	assert_non_null(strstr(d.text, "damaged"));
	make_store();
	assert_int_equal(0, truncate(folder_file("tenure.db"), 5000));
	assert_int_equal(IO, try_open(false, false, &d));
	assert_true(d.text[0] != '\0');
}

/* Pages behind the first are looked at when they are used: never a wrong answer, never a write on top. */
static void
test_damaged_inside(void **state)
{
	struct diag d = { 0 };
	struct stat st;
	struct sample_base base;
	make_store();
	assert_int_equal(0, stat(folder_file("tenure.db"), &st));
	struct store_options o = { .location = folder_file("tenure.db") };
	for (off_t page = 1; page < st.st_size / 8192; page++) {
		make_store();
		overwrite(page * 8192, 8192);
		struct store *s = NULL;
		diag_clear(&d);
		status opened = store_open(&o, &s, &d);
		if (opened != OK) {
			assert_int_equal(IO, opened);
			continue;
		}
		diag_clear(&d);
		status done = sample_base_store(s, &base, &d);
		assert_true(done == OK || done == IO);
		assert_int_equal(done, store_health(s, &d));
		store_close(s);
	}
}

/* In a process of its own, as nobody: root may write anywhere. */
static int
open_as_nobody(void)
{
	pid_t pid = fork();
	int how = 0;
	if (pid == 0) {
		struct diag d;
		if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
			_exit(100);
		}
		status st = try_open(false, false, &d);
		bool is_clear = strstr(d.text, "tenure.db") && strstr(d.text, "read-only");
		_exit(st == IO && is_clear ? 0 : 1 + (int)st);
	}
	assert_int_equal(pid, waitpid(pid, &how, 0));
	assert_true(WIFEXITED(how));
	return WEXITSTATUS(how);
}

static void
test_read_only_home(void **state)
{
	if (getuid() != 0) {
		SKIP_TEST("needs root");
	}
	make_store();
	assert_int_equal(0, chmod(folder_path(), 0755));
	assert_int_equal(0, chmod(folder_file("tenure.db"), 0644));
	assert_int_equal(0, open_as_nobody());
}

static void
test_read_only_store(void **state)
{
	struct diag d = { 0 };
	struct sample_base base;
	struct store *s, *reading;
	struct reader *r;
	struct owner owner;
	make_store();
	struct store_options o = { .location = folder_file("tenure.db") };
	assert_int_equal(OK, store_open(&o, &s, &d));
	assert_int_equal(OK, sample_base_store(s, &base, &d));
	o.read_only = true;
	assert_int_equal(OK, store_open(&o, &reading, &d));
	assert_int_equal(OK, reader_open(reading, &r, &d));
	assert_int_equal(OK, read_owner_by_name(r, "maker", &owner));
	assert_int_equal(DENIED, sample_base_store(reading, &base, &d));
	store_seen(reading, 1, 1);
	reader_close(r);
	store_close(reading);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_empty_file),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_damaged_inside),
		cmocka_unit_test(test_read_only_home),
		cmocka_unit_test(test_read_only_store),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove();
	return failed;
}
