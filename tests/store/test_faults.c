/* A store on a disk that fails, in a process that dies: what was answered OK is there afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/check.h"
#include "fault_vfs.h"
#include "folder.h"
#include "witness.h"

/* --- the disk refuses --------------------------------------------------------- */

static const struct {
	const char *name;
	enum fault fault;
	status status;
	const char *words;
	bool is_over; /* the store refuses all that follows */
} refusals[] = {
	{ "full", FAULT_FULL, UNAVAILABLE, "disk is full", false },
	{ "sync", FAULT_SYNC, IO, "", true },
	{ "sync once", FAULT_SYNC_ONCE, IO, "", true },
	{ "write", FAULT_WRITE, IO, "", true },
};

static bool
refuse_at(size_t row, unsigned at)
{
	struct diag d = { 0 };
	witness_make();
	struct store *s = witness_open(0, 0);
	assert_non_null(s);
	fault_vfs_set(refusals[row].fault, at);
	status st = witness_work(s, 0, witness_note, &d);
	bool struck = fault_vfs_struck();
	fault_vfs_set(FAULT_NONE, 0);
	assert_int_equal(struck ? refusals[row].status : OK, st);
	if (struck) {
		assert_non_null(strstr(d.text, refusals[row].words));
		assert_non_null(strstr(d.text, "tenure.db"));
		/* The disk is well again. Whether that may be believed depends on what failed. */
		status want = refusals[row].is_over ? IO : OK;
		diag_clear(&d);
		assert_int_equal(want, witness_commit(s, WITNESS_NUMBERS + 2, &d));
		diag_clear(&d);
		assert_int_equal(want, store_health(s, &d));
	}
	store_close(s);
	return struck;
}

static void
test_refusals(void **state)
{
	for (size_t row = 0; row < COUNT_OF(refusals); row++) {
		unsigned struck = 0;
		for (unsigned at = 1; at < 40; at += at < 12 ? 1 : 7) {
			struck += refuse_at(row, at);
			witness_check();
		}
		assert_true(struck >= 10);
	}
}

/* --- the process dies ------------------------------------------------------------ */

static int acknowledge_to;

static void
tell(unsigned number)
{
	if (write(acknowledge_to, &number, sizeof(number)) != (ssize_t)sizeof(number)) {
		_exit(3);
	}
}

static void
child(enum fault fault, unsigned at, unsigned from)
{
	struct diag d = { 0 };
	struct store *s = witness_open(0, 0);
	if (!s) {
		_exit(2);
	}
	fault_vfs_set(fault, at);
	for (int round = 0; round < 3; round++) {
		if (witness_work(s, from, tell, &d) != OK) {
			fprintf(stderr, "%s\n", d.text);
			_exit(1);
		}
		from += WITNESS_WORK;
	}
	_exit(0);
}

/* Runs a child that dies by its fault, or, with FAULT_NONE, by our hand after `at` us. */
static bool
run_and_kill(enum fault fault, unsigned at, unsigned from)
{
	int ends[2];
	unsigned number;
	int how;
	assert_int_equal(0, pipe(ends));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		acknowledge_to = ends[1];
		child(fault, at, from);
	}
	close(ends[1]);
	if (fault == FAULT_NONE) {
		struct timespec t = { 0, (long)at * 1000 };
		nanosleep(&t, NULL);
		kill(pid, SIGKILL);
	}
	while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
		assert_true(number < WITNESS_NUMBERS);
		witness_note(number);
	}
	close(ends[0]);
	assert_int_equal(pid, waitpid(pid, &how, 0));
	assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
	return WIFSIGNALED(how);
}

static void
test_dies_at_each_call(void **state)
{
	static const enum fault faults[] = { FAULT_DIE, FAULT_SHORT };
	unsigned died = 0;
	for (size_t f = 0; f < COUNT_OF(faults); f++) {
		for (unsigned at = 1; at < 400; at += at < 60 ? 3 : 37) {
			witness_make();
			died += run_and_kill(faults[f], at, 0);
			/* And again while it recovers. */
			run_and_kill(faults[f], 1 + at % 5, 4 * (WITNESS_WORK));
			witness_check();
		}
	}
	assert_true(died > 30);
}

static void
test_killed_at_random(void **state)
{
	srandom(20261123);
	for (int i = 0; i < 25; i++) {
		witness_make();
		run_and_kill(FAULT_NONE, (unsigned)(random() % 60000), 0);
		witness_check();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_dies_at_each_call),
		cmocka_unit_test(test_killed_at_random),
	};
	fault_vfs_install();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove();
	return failed;
}
