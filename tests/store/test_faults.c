/*
 * A store on a disk that fails. The oracle is outside: the numbers whose commit was answered OK. Whatever
 * happens, after opening again all of them are there, and every device that is there is whole.
 */
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
#include "sample.h"

#define COMMITS 12
#define PER_BATCH 40

static struct sample_base base;

static struct store *
open_store(bool create)
{
	struct store_options o = { .location = folder_file("tenure.db"), .create = create };
	struct store *s = NULL;
	struct diag d = { 0 };
	if (store_open(&o, &s, &d) != OK) {
		fprintf(stderr, "%s\n", d.text);
	}
	return s;
}

static void
make_store(void)
{
	struct diag d = { 0 };
	folder_remove();
	struct store *s = open_store(true);
	assert_non_null(s);
	assert_int_equal(OK, sample_base_store(s, &base, &d));
	store_close(s);
}

static status
commit_unit(struct store *s, struct arena *a, unsigned number, struct diag *d)
{
	struct sample_unit u;
	sample_unit_fill(&u, &base, number);
	return store_commit(s, sample_unit_change(a, &u), NULL, d);
}

/* Commits single units and one batch; calls `acknowledged` for each that is answered OK. */
static status
work(struct store *s, unsigned from, void (*acknowledged)(unsigned number), struct diag *d)
{
	struct arena *a = arena_new(4 << 20);
	struct sample_unit *u = calloc(PER_BATCH, sizeof(*u));
	struct change *changes[PER_BATCH];
	struct commit_result results[PER_BATCH];
	status st = OK;
	for (unsigned i = 0; st == OK && i < COMMITS; i++) {
		st = commit_unit(s, a, from + i, d);
		if (st == OK) {
			acknowledged(from + i);
		}
	}
	for (unsigned i = 0; i < PER_BATCH; i++) {
		sample_unit_fill(&u[i], &base, from + COMMITS + i);
		changes[i] = sample_unit_change(a, &u[i]);
	}
	if (st == OK) {
		st = store_commit_batch(s, changes, PER_BATCH, results, d);
	}
	for (unsigned i = 0; st == OK && i < PER_BATCH; i++) {
		if (results[i].status == OK) {
			acknowledged(from + COMMITS + i);
		}
	}
	free(u);
	arena_free(a);
	return st;
}

#define NUMBERS (8 * (COMMITS + PER_BATCH))
static bool is_acknowledged[NUMBERS];

static void
note(unsigned number)
{
	is_acknowledged[number] = true;
}

static void
check_unit(struct reader *r, struct arena *a, unsigned number, int64_t *present)
{
	struct sample_unit u;
	struct device d;
	struct element e;
	struct certificate k;
	struct ledger_row *rows;
	size_t count;
	sample_unit_fill(&u, &base, number);
	status st = read_device_by_serial(r, u.device.serial, &d);
	if (is_acknowledged[number]) {
		assert_int_equal(OK, st);
	}
	if (st != OK) {
		assert_int_equal(NOT_FOUND, read_element_by_serial(r, u.element.serial, &e));
		assert_int_equal(
			NOT_FOUND, read_certificate_by_fingerprint(r, a, u.birth.fingerprint, &k));
		return;
	}
	assert_int_equal(OK, read_element(r, d.element, &e));
	assert_int_equal(d.row, e.device);
	assert_int_equal(OK, read_certificate(r, a, d.birth_certificate, &k));
	assert_int_equal(d.row, k.device);
	assert_int_equal(OK, list_ledger_of_device(r, a, d.row, -1, 10, &rows, &count));
	assert_int_equal(1, count);
	assert_true(span_is(rows[0].entry, u.entry));
	++*present;
}

/* Everything acknowledged is there, nothing is half there, the sequences have no gap, and work goes on. */
static void
check_store(void)
{
	struct diag d = { 0 };
	struct store *s = open_store(false);
	struct reader *r = NULL;
	struct arena *a = arena_new(4 << 20);
	int64_t present = 0;
	struct store_counts n;
	assert_non_null(s);
	assert_int_equal(OK, reader_open(s, &r, &d));
	for (unsigned i = 0; i < NUMBERS; i++) {
		check_unit(r, a, i, &present);
		arena_reset(a);
	}
	struct sample_unit extra;
	struct device found;
	sample_unit_fill(&extra, &base, NUMBERS + 2);
	present += read_device_by_serial(r, extra.device.serial, &found) == OK;
	assert_int_equal(OK, read_counts(r, &n));
	assert_int_equal(present, n.devices);
	assert_int_equal(present, n.certificates);
	assert_int_equal(present, n.ledger_entries);
	assert_int_equal(present, n.by_state[DEVICE_HELD]);
	assert_int_equal(OK, commit_unit(s, a, NUMBERS + 1, &d));
	reader_close(r);
	store_close(s);
	arena_free(a);
}

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
	memset(is_acknowledged, 0, sizeof(is_acknowledged));
	make_store();
	struct store *s = open_store(false);
	struct arena *a = arena_new(1 << 20);
	assert_non_null(s);
	fault_vfs_set(refusals[row].fault, at);
	status st = work(s, 0, note, &d);
	bool struck = fault_vfs_struck();
	fault_vfs_set(FAULT_NONE, 0);
	assert_int_equal(struck ? refusals[row].status : OK, st);
	if (struck) {
		assert_non_null(strstr(d.text, refusals[row].words));
		assert_non_null(strstr(d.text, "tenure.db"));
		/* The disk is well again. Whether that may be believed depends on what failed. */
		status want = refusals[row].is_over ? IO : OK;
		diag_clear(&d);
		assert_int_equal(want, commit_unit(s, a, NUMBERS + 2, &d));
		diag_clear(&d);
		assert_int_equal(want, store_health(s, &d));
	}
	store_close(s);
	arena_free(a);
	return struck;
}

static void
test_refusals(void **state)
{
	for (size_t row = 0; row < COUNT_OF(refusals); row++) {
		unsigned struck = 0;
		for (unsigned at = 1; at < 40; at += at < 12 ? 1 : 7) {
			struck += refuse_at(row, at);
			check_store();
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
	struct store *s = open_store(false);
	if (!s) {
		_exit(2);
	}
	fault_vfs_set(fault, at);
	for (int round = 0; round < 3; round++) {
		if (work(s, from, tell, &d) != OK) {
			fprintf(stderr, "%s\n", d.text);
			_exit(1);
		}
		from += COMMITS + PER_BATCH;
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
		assert_true(number < NUMBERS);
		is_acknowledged[number] = true;
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
			make_store();
			memset(is_acknowledged, 0, sizeof(is_acknowledged));
			died += run_and_kill(faults[f], at, 0);
			/* And again while it recovers. */
			run_and_kill(faults[f], 1 + at % 5, 4 * (COMMITS + PER_BATCH));
			check_store();
		}
	}
	assert_true(died > 30);
}

static void
test_killed_at_random(void **state)
{
	srandom(20261123);
	for (int i = 0; i < 25; i++) {
		make_store();
		memset(is_acknowledged, 0, sizeof(is_acknowledged));
		run_and_kill(FAULT_NONE, (unsigned)(random() % 60000), 0);
		check_store();
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
