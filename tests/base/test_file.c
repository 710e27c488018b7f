#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"

static char *folder;
static char path[512];

static int
set_up(void **state)
{
	(void)state;
	folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temporary_folder_remove(folder);
	return 0;
}

static void
replaced_whole_or_not_at_all(void **state)
{
	struct diag d = { 0 };
	struct arena *a = arena_new(1 << 20);
	const struct rlimit small = { 100, 100 };
	static uint8_t big[5000];
	pid_t child;
	int wait_status;

	(void)state;
	assert_ok(file_replace(path, span_text("old"), 0600, &d), d);
	/* A disk that takes no more than 100 bytes a file, in a process of its own. */
	child = fork();
	if (child == 0) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(file_replace(path, SPAN_ARRAY(big), 0600, NULL) == IO ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &wait_status, 0), child);
	assert_int_equal(wait_status, 0);
	assert_true(span_is(bytes_of_file(a, path), "old"));
	assert_ok(file_replace(path, span_text("new"), 0600, &d), d);
	assert_true(span_is(bytes_of_file(a, path), "new"));
	arena_free(a);
}

static void
created_only_once(void **state)
{
	struct diag d = { 0 };
	struct stat found;

	(void)state;
	assert_ok(file_create(path, span_text("x"), 0600, &d), d);
	assert_int_equal(file_create(path, span_text("y"), 0600, NULL), EXISTS);
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
}

static void
read_with_a_limit(void **state)
{
	struct diag d = { 0 };
	struct buffer b;

	(void)state;
	buffer_init(&b, 100);
	assert_ok(file_replace(path, span_text("12345"), 0600, &d), d);
	assert_int_equal(file_read(path, 4, &b, NULL), LIMIT);
	buffer_clear(&b);
	assert_int_equal(file_read(path, 5, &b, NULL), OK);
	assert_int_equal(b.len, 5);
	snprintf(path, sizeof(path), "%s/none", folder);
	assert_int_equal(file_read(path, 5, &b, NULL), NOT_FOUND);
	buffer_wipe(&b);
}

static void
locked_by_one(void **state)
{
	struct diag d = { 0 };
	int first, second;

	(void)state;
	assert_ok(file_lock(path, &first, &d), d);
	assert_int_equal(file_lock(path, &second, NULL), CONFLICT);
	close(first);
	assert_ok(file_lock(path, &second, &d), d);
	close(second);
}

static void
folders_with_their_parents(void **state)
{
	struct diag d = { 0 };
	char deep[600];

	(void)state;
	snprintf(deep, sizeof(deep), "%s/a/b/c", folder);
	assert_ok(folder_make(deep, 0700, &d), d);
	assert_ok(folder_make(deep, 0700, &d), d);
	assert_ok(file_replace(path, span_text("x"), 0600, &d), d);
	assert_int_equal(folder_make(path, 0700, NULL), IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replaced_whole_or_not_at_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(created_only_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(read_with_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(locked_by_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folders_with_their_parents, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
