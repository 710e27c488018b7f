/*
 * The log is moved into the file beside the writer: commits go on meanwhile, the log stays within its bounds whoever reads, and
 * nothing that was answered OK is lost, whatever fails or ends while it is moved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/check.h"
#include "fault_vfs.h"
#include "folder.h"
#include "witness.h"

#define PAGE 4096
#define LOG_BYTES (32 * PAGE)
#define LOG_BYTES_MAX (200 * PAGE)
#define ONE_TRANSACTION (64 * PAGE) /* more than a unit needs */
#define PATIENCE_S 60

static int64_t
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static off_t
size_of(const char *name)
{
	struct stat st;
	return stat(folder_file(name), &st) == 0 ? st.st_size : 0;
}

static void
commit(struct store *s, unsigned number)
{
	struct diag d = { 0 };
	status st = witness_commit(s, number, &d);
	if (st != OK) {
		fprintf(stderr, "%s\n", d.text);
	}
	assert_int_equal(OK, st);
	witness_note(number);
}

/* Until it is answered OK, or with `want` otherwise. */
static void
commit_until(struct store *s, unsigned number, status want, struct diag *d)
{
	int64_t end_s = seconds() + PATIENCE_S;
	status st;
	do {
		diag_clear(d);
		st = witness_commit(s, number, d);
		assert_true(seconds() < end_s);
	} while (st != want);
}

static int64_t
devices_seen(struct reader *r)
{
	struct store_counts n;
	assert_int_equal(OK, read_counts(r, &n));
	return n.devices;
}

/* --- what is to happen ---------------------------------------------------------- */

static void
test_log_begins_anew(void **state)
{
	witness_make();
	struct store *s = witness_open(LOG_BYTES, LOG_BYTES_MAX);
	uint64_t epoch = store_epoch(s);
	off_t before = size_of("tenure.db");
	for (unsigned i = 0; i < WITNESS_NUMBERS; i++) {
		commit(s, i);
	}
	/* The log held all of it: then it would be many times as long. */
	assert_true(size_of("tenure.db-wal") <= LOG_BYTES_MAX + ONE_TRANSACTION);
	assert_true(size_of("tenure.db") > before);
	/* Nobody else has written: the writer was not deceived. */
	assert_true(store_epoch(s) == epoch);
	store_close(s);
	assert_int_equal(0, size_of("tenure.db-wal"));
	witness_check();
}

static sem_t has_begun, may_go_on;
static atomic_bool is_at_gate;

/* The first page that is moved waits until the test lets it. */
static void
gate(void)
{
	if (!atomic_exchange(&is_at_gate, true)) {
		sem_post(&has_begun);
		sem_wait(&may_go_on);
	}
}

static void
close_gate(void)
{
	sem_init(&has_begun, 0, 0);
	sem_init(&may_go_on, 0, 0);
	is_at_gate = false;
	fault_vfs_on_move(gate);
}

static void
open_gate(void)
{
	fault_vfs_on_move(NULL);
	sem_post(&may_go_on);
}

/* Commits from 0 on until a page is about to be moved. The number of them. */
static unsigned
commit_until_moving(struct store *s)
{
	unsigned n = 0;
	while (sem_trywait(&has_begun) != 0) {
		assert_true(n < WITNESS_NUMBERS / 2);
		commit(s, n++);
	}
	return n;
}

static void
test_commits_go_on_meanwhile(void **state)
{
	witness_make();
	struct store *s = witness_open(LOG_BYTES, 8 * LOG_BYTES_MAX);
	close_gate();
	unsigned n = commit_until_moving(s);
	for (unsigned i = 0; i < 40; i++) {
		commit(s, n++);
	}
	open_gate();
	commit(s, n);
	store_close(s);
	witness_check();
}

struct closing {
	struct store *store;
	sem_t begun;
};

static void *
close_it(void *argument)
{
	struct closing *c = argument;
	sem_post(&c->begun);
	store_close(c->store);
	return NULL;
}

/* What is under way is brought to its end, and what else waits is committed. */
static void
test_closed_meanwhile(void **state)
{
	pthread_t thread;
	witness_make();
	struct closing c = { .store = witness_open(LOG_BYTES, LOG_BYTES_MAX) };
	sem_init(&c.begun, 0, 0);
	close_gate();
	(void)commit_until_moving(c.store);
	assert_int_equal(0, pthread_create(&thread, NULL, close_it, &c));
	sem_wait(&c.begun);
	open_gate();
	pthread_join(thread, NULL);
	assert_int_equal(0, size_of("tenure.db-wal"));
	witness_check();
}

/* A writer that is faster than the disk waits for the mover, and is not refused. */
static void
test_writer_waits(void **state)
{
	witness_make();
	struct store *s = witness_open(LOG_BYTES, LOG_BYTES);
	for (unsigned i = 0; i < WITNESS_NUMBERS; i++) {
		commit(s, i);
		assert_true(size_of("tenure.db-wal") <= LOG_BYTES + ONE_TRANSACTION);
	}
	store_close(s);
	witness_check();
}

/* --- who reads for long ------------------------------------------------------------ */

static void
test_bound_beside_a_snapshot(void **state)
{
	struct diag d = { 0 };
	struct reader *r;
	unsigned n = 0;
	status st;
	witness_make();
	struct store *s = witness_open(LOG_BYTES, LOG_BYTES_MAX);
	commit(s, n++);
	assert_int_equal(OK, reader_open(s, &r, &d));
	assert_int_equal(OK, reader_begin(r, &d));
	assert_int_equal(1, devices_seen(r));
	while ((st = witness_commit(s, n, &d)) == OK) {
		witness_note(n++);
		assert_true(n < WITNESS_NUMBERS / 2);
	}
	assert_int_equal(UNAVAILABLE, st);
	assert_non_null(strstr(d.text, "tenure.db-wal"));
	assert_non_null(strstr(d.text, "does not end it"));
	assert_true(size_of("tenure.db-wal") <= LOG_BYTES_MAX + ONE_TRANSACTION);
	/* Nothing is broken, and the snapshot is whole. */
	assert_int_equal(OK, store_health(s, &d));
	assert_int_equal(1, devices_seen(r));
	diag_clear(&d);
	assert_int_equal(UNAVAILABLE, witness_commit(s, n, &d));
	reader_end(r);
	assert_int_equal(n, devices_seen(r));
	commit_until(s, n, OK, &d);
	witness_note(n++);
	for (unsigned i = 0; i < 100; i++) {
		commit(s, n++);
	}
	reader_close(r);
	store_close(s);
	witness_check();
}

static atomic_bool is_over;

static void *
read_on(void *argument)
{
	struct diag d = { 0 };
	struct reader *r;
	int64_t last = 0;
	if (reader_open(argument, &r, &d) != OK) {
		abort();
	}
	while (!is_over) {
		struct store_counts n;
		if (reader_begin(r, &d) != OK || read_counts(r, &n) != OK || n.devices < last ||
			n.devices != n.certificates || n.devices != n.ledger_entries) {
			abort();
		}
		last = n.devices;
		reader_end(r);
		sched_yield();
	}
	reader_close(r);
	return NULL;
}

/* Short snapshots, one after the other, do not keep the log from beginning anew. */
static void
test_readers_all_the_time(void **state)
{
	pthread_t threads[4];
	witness_make();
	struct store *s = witness_open(LOG_BYTES, 0);
	is_over = false;
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(0, pthread_create(&threads[i], NULL, read_on, s));
	}
	for (unsigned i = 0; i < WITNESS_NUMBERS; i++) {
		commit(s, i);
	}
	is_over = true;
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
	}
	store_close(s);
	witness_check();
}

/* Two programs write and each moves the log of both: each notices the other's commits, whoever moved them. */
static void
test_another_writer(void **state)
{
	struct store *s[2];
	witness_make();
	s[0] = witness_open(LOG_BYTES, LOG_BYTES_MAX);
	s[1] = witness_open(LOG_BYTES, LOG_BYTES_MAX);
	for (unsigned i = 0; i < WITNESS_NUMBERS; i++) {
		uint64_t epoch = store_epoch(s[i % 2]);
		commit(s[i % 2], i);
		assert_true(i == 0 || store_epoch(s[i % 2]) != epoch);
	}
	store_close(s[0]);
	store_close(s[1]);
	witness_check();
}

/* --- the disk refuses ------------------------------------------------------------- */

static const struct {
	enum fault fault;
	status status;
	const char *words;
	bool is_over; /* the store refuses all that follows */
} refusals[] = {
	{ FAULT_FULL, UNAVAILABLE, "disk is full", false },
	{ FAULT_SYNC, IO, "start the server again", true },
	{ FAULT_SYNC_ONCE, IO, "start the server again", true },
	{ FAULT_WRITE, IO, "start the server again", true },
};

/* Only the file cannot be written: commits go on in the log, up to its bound at the most. */
static void
refuse_at(size_t row, unsigned at)
{
	struct diag d = { 0 };
	unsigned n = 0;
	witness_make();
	struct store *s = witness_open(LOG_BYTES, LOG_BYTES_MAX);
	fault_vfs_spare_log(true);
	fault_vfs_set(refusals[row].fault, at);
	while (witness_commit(s, n, &d) == OK) {
		witness_note(n++);
		assert_true(n < WITNESS_NUMBERS);
	}
	assert_true(fault_vfs_struck());
	commit_until(s, n, refusals[row].status, &d);
	if (!strstr(d.text, refusals[row].words) || !strstr(d.text, "tenure.db")) {
		fprintf(stderr, "%s\n", d.text);
		fail();
	}
	assert_true(size_of("tenure.db-wal") <= LOG_BYTES_MAX + ONE_TRANSACTION);
	fault_vfs_set(FAULT_NONE, 0);
	status want = refusals[row].is_over ? IO : OK;
	commit_until(s, WITNESS_NUMBERS + 2, want, &d);
	diag_clear(&d);
	assert_int_equal(want, store_health(s, &d));
	fault_vfs_spare_log(false);
	store_close(s);
	witness_check();
}

static void
test_refusals(void **state)
{
	for (size_t row = 0; row < COUNT_OF(refusals); row++) {
		for (unsigned at = 1; at < 8; at++) {
			refuse_at(row, at);
		}
	}
}

/* --- the process dies --------------------------------------------------------------- */

static int acknowledge_to;

static void
tell(unsigned number)
{
	if (write(acknowledge_to, &number, sizeof(number)) != (ssize_t)sizeof(number)) {
		_exit(3);
	}
}

static void
child(enum fault fault, unsigned at)
{
	struct diag d = { 0 };
	struct store *s = witness_open(LOG_BYTES, LOG_BYTES_MAX);
	if (!s) {
		_exit(2);
	}
	fault_vfs_spare_log(true);
	fault_vfs_set(fault, at);
	for (unsigned from = 0; from < WITNESS_NUMBERS; from += WITNESS_WORK) {
		if (witness_work(s, from, tell, &d) != OK) {
			fprintf(stderr, "%s\n", d.text);
			_exit(1);
		}
	}
	_exit(0);
}

/* Whether it died of the `at`-th write or sync of the file, by the mover. */
static bool
die_at(enum fault fault, unsigned at)
{
	int ends[2];
	unsigned number;
	int how;
	witness_make();
	assert_int_equal(0, pipe(ends));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		acknowledge_to = ends[1];
		child(fault, at);
	}
	close(ends[1]);
	while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
		witness_note(number);
	}
	close(ends[0]);
	assert_int_equal(pid, waitpid(pid, &how, 0));
	assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
	witness_check();
	return WIFSIGNALED(how);
}

static void
test_dies_while_moving(void **state)
{
	static const enum fault faults[] = { FAULT_DIE, FAULT_SHORT };
	unsigned died = 0;
	for (size_t f = 0; f < COUNT_OF(faults); f++) {
		for (unsigned at = 1; at < 200; at += at < 30 ? 2 : 23) {
			died += die_at(faults[f], at);
		}
	}
	assert_true(died > 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_begins_anew),
		cmocka_unit_test(test_commits_go_on_meanwhile),
		cmocka_unit_test(test_closed_meanwhile),
		cmocka_unit_test(test_writer_waits),
		cmocka_unit_test(test_bound_beside_a_snapshot),
		cmocka_unit_test(test_readers_all_the_time),
		cmocka_unit_test(test_another_writer),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_dies_while_moving),
	};
	fault_vfs_install();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove();
	return failed;
}
