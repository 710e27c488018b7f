/* What was read may be kept while its mark stands: which changes fell it, and that none is missed in a race. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include "folder.h"
#include "sample.h"
#include "support.h"

static struct store *store;
static struct reader *reader;
static struct arena *arena;
static struct sample_base base;
static struct device device, other;
static struct certificate leaf, stranger;

static void
commit(struct change *c)
{
	struct diag d = { 0 };

	assert_ok(store_commit(store, c, NULL, &d), d);
}

static void
add_device(struct device *out, unsigned number)
{
	static struct sample_unit u[3];
	struct sample_unit *one = &u[number];

	sample_unit_fill(one, &base, number);
	commit(sample_unit_change(arena, one));
	*out = one->device;
}

static void
add_certificate(struct certificate *k, unsigned number, int64_t of)
{
	struct change *c = change_new(arena);

	sample_operational(k, &base, number);
	k->device = of;
	k->status = CERTIFICATE_CURRENT;
	change_certificate_add(c, k);
	commit(c);
}

static int
set_up(void **state)
{
	const struct store_options o = { .location = folder_file("mark.db"), .create = true };
	struct diag d = { 0 };

	(void)state;
	folder_path();
	arena = arena_new(64 << 20);
	assert_ok(store_open(&o, &store, &d), d);
	assert_ok(reader_open(store, &reader, &d), d);
	assert_ok(sample_base_store(store, &base, &d), d);
	add_device(&device, 1);
	add_device(&other, 2);
	add_certificate(&leaf, 1, device.row);
	add_certificate(&stranger, 2, other.row);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	reader_close(reader);
	store_close(store);
	arena_free(arena);
	folder_remove();
	return 0;
}

/* --- which changes -------------------------------------------------------- */

static void
end_it(struct change *c)
{
	change_certificate_status(c, leaf.row, 1u << CERTIFICATE_CURRENT, CERTIFICATE_REVOKED,
		SAMPLE_START_S, REASON_KEY_COMPROMISE);
}

static void
end_another(struct change *c)
{
	change_certificate_status(c, stranger.row, 1u << CERTIFICATE_CURRENT, CERTIFICATE_REVOKED,
		SAMPLE_START_S, REASON_KEY_COMPROMISE);
}

static void
worsen_it(struct change *c)
{
	change_certificate_reason(c, leaf.row, REASON_KEY_COMPROMISE, REASON_CA_COMPROMISE);
}

static void
end_all_of_device(struct change *c)
{
	change_certificates_of_device(
		c, device.row, CERTIFICATE_REVOKED, SAMPLE_START_S, REASON_SUPERSEDED);
}

static void
list_ended_of_device(struct change *c)
{
	change_certificates_list_ended(c, device.row, SAMPLE_START_S);
}

static void
list_ended_of_other(struct change *c)
{
	change_certificates_list_ended(c, other.row, SAMPLE_START_S);
}

static void
set_device(struct change *c)
{
	struct device *d = ARENA_NEW(arena, struct device);

	assert_int_equal(OK, read_device(reader, device.row, d));
	d->state = DEVICE_SUSPENDED;
	change_device_set(c, d);
}

static void
give_to_other(struct change *c)
{
	change_certificate_device(c, leaf.row, other.row);
}

static void
set_policy(struct change *c)
{
	struct fleet *f = ARENA_NEW(arena, struct fleet);

	assert_int_equal(OK, read_fleet(reader, base.fleet.row, f));
	f->crl_lists_superseded = !f->crl_lists_superseded;
	change_fleet_set(c, f);
}

static void
add_authority(struct change *c)
{
	static unsigned number = 700;
	struct authority *a = ARENA_NEW(arena, struct authority);
	char name[16];

	snprintf(name, sizeof(name), "new-%u", ++number);
	sample_authority(a, name, number);
	change_authority_add(c, a);
}

static void
add_of_kind(struct change *c, enum certificate_kind kind)
{
	static unsigned number = 800;
	struct certificate *k = ARENA_NEW(arena, struct certificate);

	sample_operational(k, &base, ++number);
	k->kind = kind;
	k->device = 0;
	change_certificate_add(c, k);
}

static void
add_responder(struct change *c)
{
	add_of_kind(c, CERTIFICATE_OCSP);
}

static void
add_certificate_of_server(struct change *c)
{
	add_of_kind(c, CERTIFICATE_SERVER);
}

static void
publish(struct change *c)
{
	static int64_t number;

	change_authority_crl_number(c, base.issuing.row, ++number);
	change_setting(c, "crl.issuing", span_text("1 00"));
}

static void
use_it(struct change *c)
{
	change_certificate_used(c, leaf.row, SAMPLE_START_S);
}

static void
which_changes_fell_it(void **state)
{
	static const struct {
		const char *what;
		void (*change)(struct change *c);
		bool falls, epoch_moves;
	} rows[] = {
		{ "another certificate ends", end_another, false, false },
		{ "it is used", use_it, false, false },
		{ "a CRL is published", publish, false, false },
		{ "another device's are listed", list_ended_of_other, false, false },
		{ "a certificate of a server", add_certificate_of_server, false, false },
		{ "its device changes", set_device, true, false },
		{ "it ends", end_it, true, false },
		{ "its reason is worse", worsen_it, true, false },
		{ "all of the device end", end_all_of_device, true, false },
		{ "what ended is listed", list_ended_of_device, true, false },
		{ "it becomes another device's", give_to_other, true, false },
		{ "the fleet's policy", set_policy, true, true },
		{ "a new authority", add_authority, true, true },
		{ "a new responder", add_responder, true, true },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		uint64_t epoch = store_epoch(store);
		struct change *c = change_new(arena);
		struct store_mark mark;

		assert_true(store_mark(store, store_changes(store), leaf.row, device.row, &mark));
		assert_true(store_mark_stands(store, &mark));
		rows[k].change(c);
		assert_true(store_mark_stands(store, &mark)); /* not before the commit */
		commit(c);
		if (store_mark_stands(store, &mark) == rows[k].falls ||
			(store_epoch(store) != epoch) != rows[k].epoch_moves) {
			fail_msg("%s", rows[k].what);
		}
	}
}

static void
a_refused_change_fells_nothing(void **state)
{
	struct change *c = change_new(arena);
	struct store_mark mark;
	struct diag d = { 0 };
	struct device stale = device;

	(void)state;
	assert_true(store_mark(store, store_changes(store), leaf.row, device.row, &mark));
	stale.version = 9999;
	change_device_set(c, &stale);
	end_it(c);
	assert_int_equal(CONFLICT, store_commit(store, c, NULL, &d));
	assert_true(store_mark_stands(store, &mark));
}

static void
behind_a_change_there_is_no_mark(void **state)
{
	uint64_t before = store_changes(store);
	struct change *c = change_new(arena);
	struct store_mark mark;

	(void)state;
	/* Read before, marked behind: what was read may be older than the change. */
	end_another(c);
	commit(c);
	assert_false(store_mark(store, before, leaf.row, device.row, &mark));
}

static void
in_a_batch_too(void **state)
{
	struct change *changes[2] = { change_new(arena), change_new(arena) };
	struct commit_result results[2];
	struct store_mark mark, others;
	struct diag d = { 0 };
	struct device stale = other;

	(void)state;
	assert_true(store_mark(store, store_changes(store), leaf.row, device.row, &mark));
	assert_true(store_mark(store, store_changes(store), stranger.row, other.row, &others));
	stale.version = 9999;
	end_it(changes[0]);
	change_device_set(changes[1], &stale);
	assert_ok(store_commit_batch(store, changes, 2, results, &d), d);
	assert_int_equal(OK, results[0].status);
	assert_int_equal(CONFLICT, results[1].status);
	assert_false(store_mark_stands(store, &mark));
	assert_true(store_mark_stands(store, &others));
}

/* --- the race ---------------------------------------------------------------- */

#define ROUNDS 400
#define LOOKERS 3

static _Atomic int64_t committed; /* the key generation that store_commit has answered for */
static atomic_bool is_over;
static atomic_long kept_count;

/*
 * Keeps what it read with its mark, as a cache does; whatever stands is as new as the last commit that was answered
 * before the look at the mark.
 */
static void *
look(void *nothing)
{
	struct diag d = { 0 };
	struct reader *r;

	(void)nothing;
	if (reader_open(store, &r, &d) != OK) {
		abort();
	}
	while (!is_over) {
		uint64_t changes = store_changes(store);
		struct store_mark mark;
		struct device seen;

		if (reader_begin(r, &d) != OK || read_device(r, device.row, &seen) != OK) {
			abort();
		}
		reader_end(r);
		if (!store_mark(store, changes, leaf.row, device.row, &mark)) {
			continue;
		}
		kept_count++;
		for (int again = 0; again < 50; again++) {
			int64_t answered = committed;

			if (store_mark_stands(store, &mark) && seen.key_generation < answered) {
				abort();
			}
		}
	}
	reader_close(r);
	return NULL;
}

static void
nothing_old_stands_in_a_race(void **state)
{
	pthread_t threads[LOOKERS];
	struct arena *a = arena_new(1 << 20);

	(void)state;
	committed = 0;
	is_over = false;
	for (int k = 0; k < LOOKERS; k++) {
		assert_int_equal(0, pthread_create(&threads[k], NULL, look, NULL));
	}
	for (int64_t n = 1; n <= ROUNDS; n++) {
		struct change *c = change_new(a);
		struct device d;

		assert_int_equal(OK, read_device(reader, device.row, &d));
		d.key_generation = n;
		change_device_set(c, &d);
		commit(c);
		committed = n;
		arena_reset(a);
	}
	is_over = true;
	for (int k = 0; k < LOOKERS; k++) {
		pthread_join(threads[k], NULL);
	}
	assert_true(kept_count > 0);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(which_changes_fell_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_refused_change_fells_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			behind_a_change_there_is_no_mark, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_a_batch_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_old_stands_in_a_race, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
