/* Many commit, many read: each reader sees whole changes and dense sequences, and nobody waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include "folder.h"
#include "sample.h"

#define WRITERS 8
#define READERS 3
#define EACH 120

static struct store *store;
static struct sample_base base;
static atomic_bool is_over;
static atomic_long told_size;
static atomic_int conflicts;
static int64_t shared_device;

static void
on_commit(void *context, int64_t ledger_size)
{
	/* Never backwards. */
	if (ledger_size < told_size) {
		abort();
	}
	told_size = ledger_size;
}

/* Every one moves the same device too, and may come too late. */
static void
bump_shared(struct reader *r, struct arena *a)
{
	struct device d;
	struct diag diag = { 0 };
	if (read_device(r, shared_device, &d) != OK) {
		abort();
	}
	struct change *c = change_new(a);
	d.key_generation++;
	change_device_set(c, &d);
	status st = store_commit(store, c, NULL, &diag);
	conflicts += st == CONFLICT;
	if (st != OK && st != CONFLICT) {
		abort();
	}
}

static void *
writer(void *argument)
{
	unsigned from = *(unsigned *)argument;
	struct diag d = { 0 };
	struct arena *a = arena_new(1 << 20);
	struct reader *r;
	if (reader_open(store, &r, &d) != OK) {
		abort();
	}
	for (unsigned i = 0; i < EACH; i++) {
		struct sample_unit u;
		struct device got;
		int64_t first = -1;
		sample_unit_fill(&u, &base, from + i);
		if (store_commit(store, sample_unit_change(a, &u), &first, &d) != OK ||
			read_device(r, u.device.row, &got) != OK || first < 0 ||
			memcmp(&got, &u.device, sizeof(got)) != 0) {
			abort();
		}
		store_seen(store, u.device.row, 1 + i);
		bump_shared(r, a);
		arena_reset(a);
	}
	reader_close(r);
	arena_free(a);
	return NULL;
}

static void *
reading(void *argument)
{
	struct diag d = { 0 };
	struct arena *a = arena_new(32 << 20);
	struct reader *r;
	int64_t last = 0;
	if (reader_open(store, &r, &d) != OK) {
		abort();
	}
	while (!is_over) {
		struct store_counts n;
		struct ledger_row *rows;
		size_t count;
		if (reader_begin(r, &d) != OK || read_counts(r, &n) != OK ||
			list_ledger(r, a, 0, CRL_SHARD_SIZE, &rows, &count) != OK) {
			abort();
		}
		if (n.devices != n.ledger_entries || n.devices != n.certificates ||
			n.by_state[DEVICE_HELD] != n.devices || n.devices < last ||
			(int64_t)count != n.ledger_entries) {
			abort();
		}
		for (size_t i = 0; i < count; i++) {
			if (rows[i].sequence != (int64_t)i) {
				abort();
			}
		}
		last = n.devices;
		reader_end(r);
		arena_reset(a);
	}
	reader_close(r);
	arena_free(a);
	return NULL;
}

static void
test_together(void **state)
{
	struct diag d = { 0 };
	struct store_options o = {
		.location = folder_file("tenure.db"), .create = true, .on_commit = on_commit
	};
	pthread_t threads[WRITERS + READERS];
	unsigned from[WRITERS];
	struct arena *a = arena_new(1 << 20);
	struct sample_unit u;
	struct device got;
	struct reader *r;
	assert_int_equal(OK, store_open(&o, &store, &d));
	assert_int_equal(OK, sample_base_store(store, &base, &d));
	sample_unit_fill(&u, &base, 100000);
	assert_int_equal(OK, store_commit(store, sample_unit_change(a, &u), NULL, &d));
	shared_device = u.device.row;
	for (unsigned i = 0; i < WRITERS + READERS; i++) {
		if (i < WRITERS) {
			from[i] = i * EACH;
		}
		assert_int_equal(
			0, pthread_create(&threads[i], NULL, i < WRITERS ? writer : reading,
				   i < WRITERS ? &from[i] : NULL));
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
	}
	is_over = true;
	for (unsigned i = WRITERS; i < WRITERS + READERS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(WRITERS * EACH + 1, told_size);
	assert_int_equal(OK, reader_open(store, &r, &d));
	assert_int_equal(OK, read_device(r, shared_device, &got));
	/* No bump is lost, none is counted that was refused. */
	assert_int_equal(WRITERS * EACH - conflicts, got.key_generation);
	assert_int_equal(got.key_generation, got.version - u.device.version);
	reader_close(r);
	store_close(store);
	arena_free(a);
}

#define TOGETHER 400
static int64_t fleet_lifetime_s; /* of the first version */

/* The device says which version of its fleet it was written with: a snapshot has both, by row and by name. */
static void *
comparing(void *argument)
{
	struct diag d = { 0 };
	struct arena *a = arena_new(1 << 20);
	struct reader *r;
	(void)argument;
	if (reader_open(store, &r, &d) != OK) {
		abort();
	}
	while (!is_over) {
		struct device device;
		struct fleet f, named;
		struct authority issuing;
		if (reader_begin(r, &d) != OK || read_device(r, shared_device, &device) != OK ||
			read_fleet(r, base.fleet.row, &f) != OK ||
			read_fleet_by_name(r, base.fleet.name, &named) != OK ||
			read_authority(r, a, base.issuing.row, &issuing) != OK) {
			abort();
		}
		reader_end(r);
		if (f.lifetime_s - fleet_lifetime_s != device.key_generation ||
			memcmp(&f, &named, sizeof(f)) != 0 ||
			issuing.crl_number != device.key_generation ||
			!span_equal(issuing.der, base.issuing.der)) {
			abort();
		}
		arena_reset(a);
	}
	reader_close(r);
	arena_free(a);
	return NULL;
}

/* What is kept in memory is what the snapshot has, however the writes fall. */
static void
test_kept_in_memory(void **state)
{
	struct diag d = { 0 };
	struct arena *a = arena_new(1 << 20);
	struct sample_unit u;
	struct fleet f;
	struct reader *r;
	pthread_t threads[READERS];
	folder_remove();
	struct store_options o = { .location = folder_file("tenure.db"), .create = true };
	is_over = false;
	assert_int_equal(OK, store_open(&o, &store, &d));
	assert_int_equal(OK, sample_base_store(store, &base, &d));
	sample_unit_fill(&u, &base, 1);
	u.device.key_generation = 0;
	assert_int_equal(OK, store_commit(store, sample_unit_change(a, &u), NULL, &d));
	shared_device = u.device.row;
	assert_int_equal(OK, reader_open(store, &r, &d));
	f = base.fleet;
	fleet_lifetime_s = f.lifetime_s;
	struct change *first = change_new(a);
	change_authority_crl_number(first, base.issuing.row, 0);
	assert_int_equal(OK, store_commit(store, first, NULL, &d));
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(0, pthread_create(&threads[i], NULL, comparing, NULL));
	}
	for (int64_t i = 1; i <= TOGETHER; i++) {
		struct change *c = change_new(a);
		assert_int_equal(OK, read_device(r, shared_device, &u.device));
		assert_int_equal(OK, read_fleet(r, f.row, &f));
		u.device.key_generation = i;
		f.lifetime_s = fleet_lifetime_s + i;
		change_fleet_set(c, &f);
		change_device_set(c, &u.device);
		change_authority_crl_number(c, base.issuing.row, i);
		assert_int_equal(OK, store_commit(store, c, NULL, &d));
		/* A refused one leaves no trace. */
		c = change_new(a);
		f.lifetime_s = 1;
		change_fleet_set(c, &f);
		assert_int_equal(CONFLICT, store_commit(store, c, NULL, NULL));
		arena_reset(a);
	}
	is_over = true;
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
	}
	reader_close(r);
	store_close(store);
	arena_free(a);
}

/* Two programs on one file, as init and a test do: rows and sequences stay unique. */
static void
test_two_stores(void **state)
{
	struct diag d = { 0 };
	struct store *s[2];
	struct arena *a = arena_new(1 << 20);
	folder_remove();
	struct store_options o = { .location = folder_file("tenure.db"), .create = true };
	assert_int_equal(OK, store_open(&o, &s[0], &d));
	assert_int_equal(OK, store_open(&o, &s[1], &d));
	assert_int_equal(OK, sample_base_store(s[0], &base, &d));
	for (unsigned i = 0; i < 20; i++) {
		struct sample_unit u;
		int64_t first;
		sample_unit_fill(&u, &base, i);
		assert_int_equal(OK, store_commit(s[i % 2], sample_unit_change(a, &u), &first, &d));
		assert_int_equal(i, first);
		assert_int_equal(i + 1, u.device.row);
	}
	store_close(s[0]);
	store_close(s[1]);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_kept_in_memory),
		cmocka_unit_test(test_two_stores),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove();
	return failed;
}
