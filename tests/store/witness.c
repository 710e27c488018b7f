#include "witness.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "folder.h"

#define ONE_MORE (WITNESS_NUMBERS + 1) /* committed by each check */
#define BESIDE 3		       /* numbers behind the last that tests use without a note */

static struct sample_base base;
static bool is_acknowledged[WITNESS_NUMBERS];

static struct store *
open_store(const struct store_options *o)
{
	struct store *s = NULL;
	struct diag d = { 0 };
	if (store_open(o, &s, &d) != OK) {
		fprintf(stderr, "%s\n", d.text);
	}
	return s;
}

struct store *
witness_open(size_t log_bytes, size_t log_bytes_max)
{
	struct store_options o = { .location = folder_file("tenure.db"),
		.log_bytes = log_bytes,
		.log_bytes_max = log_bytes_max };
	return open_store(&o);
}

void
witness_make(void)
{
	struct diag d = { 0 };
	folder_remove();
	memset(is_acknowledged, 0, sizeof(is_acknowledged));
	struct store_options o = { .location = folder_file("tenure.db"), .create = true };
	struct store *s = open_store(&o);
	assert_non_null(s);
	assert_int_equal(OK, sample_base_store(s, &base, &d));
	store_close(s);
}

void
witness_note(unsigned number)
{
	assert_true(number < WITNESS_NUMBERS);
	is_acknowledged[number] = true;
}

status
witness_commit(struct store *s, unsigned number, struct diag *d)
{
	struct arena *a = arena_new(1 << 20);
	struct sample_unit u;
	sample_unit_fill(&u, &base, number);
	status st = store_commit(s, sample_unit_change(a, &u), NULL, d);
	arena_free(a);
	return st;
}

static status
commit_batch(struct store *s, unsigned from, void (*acknowledged)(unsigned number), struct diag *d)
{
	struct arena *a = arena_new(4 << 20);
	struct sample_unit *u = calloc(WITNESS_BATCH, sizeof(*u));
	struct change *changes[WITNESS_BATCH];
	struct commit_result results[WITNESS_BATCH];
	for (unsigned i = 0; i < WITNESS_BATCH; i++) {
		sample_unit_fill(&u[i], &base, from + i);
		changes[i] = sample_unit_change(a, &u[i]);
	}
	status st = store_commit_batch(s, changes, WITNESS_BATCH, results, d);
	for (unsigned i = 0; st == OK && i < WITNESS_BATCH; i++) {
		if (results[i].status == OK) {
			acknowledged(from + i);
		}
	}
	free(u);
	arena_free(a);
	return st;
}

status
witness_work(struct store *s, unsigned from, void (*acknowledged)(unsigned number), struct diag *d)
{
	status st = OK;
	for (unsigned i = 0; st == OK && i < WITNESS_COMMITS; i++) {
		st = witness_commit(s, from + i, d);
		if (st == OK) {
			acknowledged(from + i);
		}
	}
	return st == OK ? commit_batch(s, from + WITNESS_COMMITS, acknowledged, d) : st;
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
	if (number < WITNESS_NUMBERS && is_acknowledged[number]) {
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

void
witness_check(void)
{
	struct diag d = { 0 };
	struct store *s = witness_open(0, 0);
	struct reader *r = NULL;
	struct arena *a = arena_new(4 << 20);
	int64_t present = 0;
	struct store_counts n;
	assert_non_null(s);
	assert_int_equal(OK, reader_open(s, &r, &d));
	for (unsigned i = 0; i < WITNESS_NUMBERS + BESIDE; i++) {
		check_unit(r, a, i, &present);
		arena_reset(a);
	}
	assert_int_equal(OK, read_counts(r, &n));
	assert_int_equal(present, n.devices);
	assert_int_equal(present, n.certificates);
	assert_int_equal(present, n.ledger_entries);
	assert_int_equal(present, n.by_state[DEVICE_HELD]);
	assert_int_equal(OK, witness_commit(s, ONE_MORE, &d));
	reader_close(r);
	store_close(s);
	arena_free(a);
}
