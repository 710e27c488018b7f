#include "bench.h"

/* Lists by page, counts, snapshots, what was seen, opening again. */

static void
test_device_pages(void **state)
{
	struct bench *b = *state;
	struct fleet second;
	sample_fleet(&second, "locks", &b->base, 2);
	struct change *c = bench_change(b);
	change_fleet_add(c, &second);
	assert_status(OK, bench_commit(b, c));
	for (unsigned i = 0; i < 60; i++) {
		struct sample_unit u;
		sample_unit_fill(&u, &b->base, i);
		u.device.fleet = i % 2 ? second.row : b->base.fleet.row;
		u.device.owner = i % 3 ? b->base.maker.row : b->base.customer.row;
		u.device.state = i % 5 ? DEVICE_HELD : DEVICE_ACTIVE;
		assert_status(OK, bench_commit(b, sample_unit_change(b->arena, &u)));
	}
	for (unsigned mask = 0; mask < 8; mask++) {
		struct device_filter f = { .fleet = mask & 1 ? second.row : 0,
			.owner = mask & 2 ? b->base.customer.row : 0,
			.state = mask & 4 ? DEVICE_ACTIVE : -1 };
		int64_t after = 0;
		unsigned found = 0, want = 0;
		for (unsigned i = 0; i < 60; i++) {
			want += (!(mask & 1) || i % 2) && (!(mask & 2) || i % 3 == 0) &&
				(!(mask & 4) || i % 5 == 0);
		}
		for (;;) {
			struct device *list;
			size_t count;
			assert_status(
				OK, list_devices(b->reader, b->arena, &f, after, 7, &list, &count));
			assert_true(count <= 7);
			for (size_t i = 0; i < count; i++) {
				assert_true(list[i].row > after);
				after = list[i].row;
				assert_true(!(mask & 1) || list[i].fleet == second.row);
				assert_true(!(mask & 2) || list[i].owner == b->base.customer.row);
				assert_true(!(mask & 4) || list[i].state == DEVICE_ACTIVE);
			}
			found += (unsigned)count;
			if (count < 7) {
				break;
			}
		}
		assert_int_equal(want, found);
	}
}

static void
test_other_pages(void **state)
{
	struct bench *b = *state;
	struct owner *owners;
	struct fleet *fleets;
	struct authority *authorities;
	struct operator_account *operators;
	struct certificate *certificates;
	size_t count;
	struct sample_unit *u = bench_onboard(b, 1);
	for (unsigned i = 1; i <= 3; i++) {
		bench_issue(b, u->device.row, i);
	}
	struct operator_account who;
	sample_operator(&who, "ada", 1);
	struct change *c = bench_change(b);
	change_operator_add(c, &who);
	change_authority_crl_number(c, b->base.issuing.row, 17);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, list_owners(b->reader, b->arena, 1, 10, &owners, &count));
	assert_int_equal(1, count);
	assert_same(&b->base.customer, &owners[0]);
	assert_status(OK, list_fleets(b->reader, b->arena, 0, 10, &fleets, &count));
	assert_int_equal(1, count);
	assert_same(&b->base.fleet, &fleets[0]);
	assert_status(OK, list_authorities(b->reader, b->arena, 0, 10, &authorities, &count));
	assert_int_equal(2, count);
	assert_int_equal(17, authorities[1].crl_number);
	assert_status(OK, list_operators(b->reader, b->arena, 0, 10, &operators, &count));
	assert_int_equal(1, count);
	assert_same(&who, &operators[0]);
	assert_status(OK, list_certificates_of_device(b->reader, b->arena, u->device.row,
				  u->birth.row, 2, &certificates, &count));
	assert_int_equal(2, count);
	assert_int_equal(1, certificates[0].index);
	assert_int_equal(2, certificates[1].index);
	assert_status(
		LIMIT, list_owners(b->reader, b->arena, 0, LIST_PAGE_MAX + 1, &owners, &count));
	struct ledger_row *rows;
	assert_status(OK, list_ledger(b->reader, b->arena, 0, CRL_SHARD_SIZE, &rows, &count));
	assert_status(
		LIMIT, list_ledger(b->reader, b->arena, 0, CRL_SHARD_SIZE + 1, &rows, &count));
}

static void
test_counts(void **state)
{
	struct bench *b = *state;
	for (unsigned i = 0; i < 5; i++) {
		bench_onboard(b, i);
	}
	for (int64_t row = 1; row <= 2; row++) {
		struct device d = bench_device(b, row);
		d.state = DEVICE_ACTIVE;
		struct change *c = bench_change(b);
		change_device_set(c, &d);
		assert_status(OK, bench_commit(b, c));
	}
	bench_reopen(b);
	struct device d = bench_device(b, 1);
	d.state = DEVICE_RETIRED;
	struct change *c = bench_change(b);
	change_device_set(c, &d);
	assert_status(OK, bench_commit(b, c));
	struct store_counts n;
	assert_status(OK, read_counts(b->reader, &n));
	assert_int_equal(5, n.devices);
	assert_int_equal(5, n.certificates);
	assert_int_equal(2, n.owners);
	assert_int_equal(1, n.fleets);
	assert_int_equal(5, n.ledger_entries);
	assert_int_equal(0, n.deny_records);
	assert_int_equal(3, n.by_state[DEVICE_HELD]);
	assert_int_equal(1, n.by_state[DEVICE_ACTIVE]);
	assert_int_equal(1, n.by_state[DEVICE_RETIRED]);
}

/* --- readers ----------------------------------------------------------------------- */

static void
test_snapshot(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	assert_status(OK, reader_begin(b->reader, &b->d));
	struct device before = bench_device(b, u->device.row);
	struct device next = before;
	next.state = DEVICE_ACTIVE;
	struct change *c = bench_change(b);
	change_device_set(c, &next);
	change_ledger(c, span_text("{}"), NULL, 1);
	assert_status(OK, bench_commit(b, c));
	assert_int_equal(DEVICE_HELD, bench_device(b, before.row).state);
	assert_int_equal(1, bench_ledger_size(b));
	reader_end(b->reader);
	assert_int_equal(DEVICE_ACTIVE, bench_device(b, before.row).state);
	assert_int_equal(2, bench_ledger_size(b));
}

static void
test_seen(void **state)
{
	struct bench *b = *state;
	int64_t at_s = -1;
	struct sample_unit *u[300];
	for (unsigned i = 0; i < 300; i++) {
		u[i] = bench_onboard(b, i);
	}
	assert_status(OK, read_device_seen(b->reader, u[0]->device.row, &at_s));
	assert_int_equal(0, at_s);
	for (unsigned i = 0; i < 300; i++) {
		store_seen(b->store, u[i]->device.row, 100 + i);
	}
	store_seen(b->store, u[0]->device.row, 50); /* an older look does not count */
	store_seen(b->store, 99999, 1);		    /* nobody */
	for (int i = 0; i < 2; i++) {
		assert_status(OK, read_device_seen(b->reader, u[0]->device.row, &at_s));
		assert_int_equal(100, at_s);
		assert_status(OK, read_device_seen(b->reader, u[299]->device.row, &at_s));
		assert_int_equal(399, at_s);
		bench_reopen(b);
	}
	store_seen(b->store, u[0]->device.row, 70);
	assert_status(OK, read_device_seen(b->reader, u[0]->device.row, &at_s));
	assert_int_equal(100, at_s);
}

static void
test_open_again(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	bench_reopen(b);
	struct device got = bench_device(b, u->device.row);
	assert_same(&u->device, &got);
	struct sample_unit *next = bench_onboard(b, 2);
	assert_int_equal(u->device.row + 1, next->device.row);
	assert_int_equal(u->birth.row + 1, next->birth.row);
	assert_int_equal(2, bench_ledger_size(b));
}

const struct CMUnitTest conformance_lists[] = {
	BENCH_TEST(test_device_pages),
	BENCH_TEST(test_other_pages),
	BENCH_TEST(test_counts),
	BENCH_TEST(test_snapshot),
	BENCH_TEST(test_seen),
	BENCH_TEST(test_open_again),
	{ 0 },
};
