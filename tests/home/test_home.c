#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "home/home.h"

static char home[] = "/tmp/tenure-home-XXXXXX";

static void
test_one_at_a_time(void **state)
{
	int ends[2];
	char byte;
	struct diag d = { 0 };
	int fd = -1;
	assert_int_equal(0, pipe(ends));
	pid_t pid = fork();
	if (pid == 0) {
		status s = home_take(home, &fd, &d);
		_exit(write(ends[1], s == OK ? "y" : "n", 1) == 1 && pause() ? 0 : 1);
	}
	assert_int_equal(1, read(ends[0], &byte, 1));
	assert_int_equal('y', byte);
	char words[64];
	snprintf(words, sizeof(words), "process %d", (int)pid);
	assert_int_equal(CONFLICT, home_take(home, &fd, &d));
	assert_non_null(strstr(d.text, words));
	assert_non_null(strstr(d.text, home));
	/* Free with the death of the other, however it came. */
	kill(pid, SIGKILL);
	assert_int_equal(pid, waitpid(pid, NULL, 0));
	diag_clear(&d);
	assert_int_equal(OK, home_take(home, &fd, &d));
	close(fd);
	assert_int_equal(OK, home_take(home, &fd, &d));
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void
test_none(void **state)
{
	int fd;
	struct diag d = { 0 };
	assert_int_equal(NOT_FOUND, home_take("/nowhere/home", &fd, &d));
	assert_non_null(strstr(d.text, "/nowhere/home"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_none),
	};
	char path[64];
	if (!mkdtemp(home)) {
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(path, sizeof(path), "%s/run/lock", home);
	unlink(path);
	snprintf(path, sizeof(path), "%s/run", home);
	rmdir(path);
	rmdir(home);
	return failed;
}
