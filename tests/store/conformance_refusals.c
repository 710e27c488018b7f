#include "bench.h"

#include <stdio.h>

/* A change is kept whole or not at all. */

static void
test_stale_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct device mine = bench_device(b, u->device.row);
	struct device theirs = mine;
	struct change *c = bench_change(b);
	theirs.state = DEVICE_SUSPENDED;
	change_device_set(c, &theirs);
	assert_status(OK, bench_commit(b, c));
	assert_int_equal(mine.version + 1, bench_device(b, mine.row).version);

	struct certificate k;
	struct deny_record deny = { .serial_len = 1, .fingerprint = { 1 }, .issuer_hash = { 1 } };
	sample_operational(&k, &b->base, 1);
	c = bench_change(b);
	change_certificate_add(c, &k);
	change_ledger(c, span_text("{}"), NULL, 1);
	change_deny(c, &deny);
	mine.state = DEVICE_ACTIVE;
	change_device_set(c, &mine);
	assert_status(CONFLICT, bench_commit(b, c));
	assert_true(b->d.text[0] != '\0');
	assert_int_equal(DEVICE_SUSPENDED, bench_device(b, mine.row).state);
	assert_int_equal(1, bench_ledger_size(b));
	assert_int_equal(0, k.row);
	struct certificate got;
	struct deny_record *list;
	size_t count;
	assert_status(NOT_FOUND,
		read_certificate_by_fingerprint(b->reader, b->arena, k.fingerprint, &got));
	assert_status(OK, list_deny(b->reader, b->arena, 0, 10, &list, &count));
	assert_int_equal(0, count);
	mine.row = 999;
	c = bench_change(b);
	change_device_set(c, &mine);
	assert_status(NOT_FOUND, bench_commit(b, c));
}

static void
test_every_field_of_a_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct element board;
	sample_element(&board, 2);
	struct device d = bench_device(b, u->device.row);
	snprintf(d.serial, sizeof(d.serial), "%s", board.serial);
	d.state = DEVICE_SUSPENDED;
	d.state_before = DEVICE_ACTIVE;
	d.suspend_rank = RANK_MAKER;
	d.marks = MARK_STOLEN | MARK_LEGAL_HOLD;
	d.owner = b->base.customer.row;
	d.offer = 5;
	d.birth_is_denied = true;
	d.current_certificate = 6;
	d.pending_certificate = 7;
	d.last_good_certificate = 8;
	d.key_generation = 9;
	d.changed_s += 100;
	struct change *c = bench_change(b);
	change_element_add(c, &board);
	change_link(c, &d.element, CHANGE_REF(&board));
	change_device_set(c, &d);
	assert_status(OK, bench_commit(b, c));
	d.version++;
	struct device got = bench_device(b, d.row);
	assert_same(&d, &got);
	assert_status(OK, read_device_by_serial(b->reader, board.serial, &got));
	assert_int_equal(d.row, got.row);
	assert_status(NOT_FOUND, read_device_by_serial(b->reader, u->element.serial, &got));
}

static void
test_stale_fleet(void **state)
{
	struct bench *b = *state;
	struct fleet f = b->base.fleet;
	struct change *c = bench_change(b);
	f.lifetime_s = 5;
	change_fleet_set(c, &f);
	assert_status(OK, bench_commit(b, c));
	c = bench_change(b);
	change_fleet_set(c, &f);
	assert_status(CONFLICT, bench_commit(b, c));
	assert_status(OK, read_fleet(b->reader, f.row, &f));
	assert_int_equal(5, f.lifetime_s);
	assert_int_equal(b->base.fleet.version + 1, f.version);
	f.row = 999;
	c = bench_change(b);
	change_fleet_set(c, &f);
	assert_status(NOT_FOUND, bench_commit(b, c));
}

static status
expect(struct bench *b, const struct fleet *f)
{
	struct change *c = bench_change(b);
	change_ledger(c, span_text("{}"), NULL, 1);
	change_fleet_expect(c, f);
	return bench_commit(b, c);
}

static void
test_expected_fleet(void **state)
{
	struct bench *b = *state;
	struct fleet old = b->base.fleet, now = old, unknown = old;
	int64_t size, after;
	assert_status(OK, expect(b, &old));
	assert_status(OK, read_ledger_size(b->reader, &size));
	struct change *c = bench_change(b);
	change_fleet_set(c, &old);
	change_fleet_expect(c, &old); /* in the order of the calls */
	assert_status(CONFLICT, bench_commit(b, c));
	assert_status(OK, expect(b, &old));
	c = bench_change(b);
	change_fleet_expect(c, &old);
	change_fleet_set(c, &old);
	assert_status(OK, bench_commit(b, c));
	assert_status(CONFLICT, expect(b, &old));
	now.version++;
	assert_status(OK, expect(b, &now));
	/* The next version of one that is refused with its change is nobody's. */
	struct fleet stale = now, next = now;
	next.version++;
	stale.version = 99;
	c = bench_change(b);
	change_fleet_set(c, &now);
	change_fleet_expect(c, &next);
	change_fleet_set(c, &stale);
	assert_status(CONFLICT, bench_commit(b, c));
	assert_status(CONFLICT, expect(b, &next));
	assert_status(OK, expect(b, &now));
	unknown.row = 999;
	assert_status(NOT_FOUND, expect(b, &unknown));
	assert_status(OK, read_ledger_size(b->reader, &after));
	assert_int_equal(size + 3, after);
}

enum clash { CLASH_FINGERPRINT, CLASH_SERIAL, CLASH_INDEX, CLASH_KEY, CLASH_COUNT };

static void
test_unique_certificates(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct certificate *first = bench_issue(b, u->device.row, 1);
	for (int i = 0; i < CLASH_COUNT; i++) {
		struct certificate k;
		sample_operational(&k, &b->base, (unsigned)(2 + i));
		switch ((enum clash)i) {
		case CLASH_FINGERPRINT:
			memcpy(k.fingerprint, first->fingerprint, 32);
			break;
		case CLASH_SERIAL:
			memcpy(k.serial, first->serial, sizeof(k.serial));
			break;
		case CLASH_INDEX:
			k.index = first->index;
			break;
		default:
			memcpy(k.key_hash, first->key_hash, 32);
		}
		struct change *c = bench_change(b);
		change_ledger(c, span_text("{}"), NULL, 1);
		change_certificate_add(c, &k);
		assert_status(EXISTS, bench_commit(b, c));
		assert_non_null(strstr(b->d.text, "certificate"));
		assert_int_equal(1, bench_ledger_size(b));
	}
}

static void
test_same_values_that_may_be(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct certificate *first = bench_issue(b, u->device.row, 1);
	struct certificate other_issuer, other_kind;
	bool is_known = false;
	sample_operational(&other_issuer, &b->base, 2);
	memcpy(other_issuer.serial, first->serial, sizeof(first->serial));
	other_issuer.issuer_hash[0] ^= 1;
	/* The same key in a certificate that gives no access: chain certificates, birth. */
	sample_birth(&other_kind, 3);
	memcpy(other_kind.key_hash, first->key_hash, 32);
	struct change *c = bench_change(b);
	change_certificate_add(c, &other_issuer);
	change_certificate_add(c, &other_kind);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_key_is_known(b->reader, first->key_hash, &is_known));
	assert_true(is_known);
	assert_status(OK, read_key_is_known(b->reader, u->birth.key_hash, &is_known));
	assert_true(is_known);
}

static void
test_unique_names(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct owner o;
	struct fleet f;
	struct authority a;
	struct element e = u->element;
	struct device d;
	sample_owner(&o, "maker", 9);
	sample_fleet(&f, "lamps", &b->base, 9);
	sample_authority(&a, "root", 9);
	sample_device(&d, &b->base, 9);
	d.element = u->element.row;
	e.device = 0;
	struct change *c[5];
	for (size_t i = 0; i < 5; i++) {
		c[i] = bench_change(b);
	}
	change_owner_add(c[0], &o);
	change_fleet_add(c[1], &f);
	change_authority_add(c[2], &a);
	change_element_add(c[3], &e);
	change_device_add(c[4], &d);
	for (size_t i = 0; i < 5; i++) {
		assert_status(EXISTS, bench_commit(b, c[i]));
	}
}

static void
test_unknown_rows(void **state)
{
	struct bench *b = *state;
	struct device d;
	struct certificate k;
	struct offer o;
	sample_device(&d, &b->base, 1);
	d.fleet = 99;
	sample_operational(&k, &b->base, 1);
	k.device = 99;
	sample_offer(&o, &b->base, 99, 1);
	struct change *c[5];
	for (size_t i = 0; i < 5; i++) {
		c[i] = bench_change(b);
		change_ledger(c[i], span_text("{}"), NULL, 1);
	}
	change_device_add(c[0], &d);
	change_certificate_add(c[1], &k);
	change_offer_add(c[2], &o);
	change_authority_crl_number(c[3], 99, 1);
	change_element_device(c[4], 99, 1);
	for (size_t i = 0; i < 5; i++) {
		assert_status(NOT_FOUND, bench_commit(b, c[i]));
	}
	assert_int_equal(0, bench_ledger_size(b));
	assert_int_equal(0, d.row);
}

static void
test_change_over_its_arena(void **state)
{
	struct bench *b = *state;
	struct arena *small = arena_new(2000);
	struct change *c = change_new(small);
	assert_non_null(c);
	for (int i = 0; i < 100; i++) {
		change_ledger(c, span_text("{}"), NULL, 1);
	}
	assert_status(NO_MEMORY, bench_commit(b, c));
	assert_int_equal(0, bench_ledger_size(b));
	arena_free(small);
}

static void
test_batch_with_refused_ones(void **state)
{
	struct bench *b = *state;
	enum { COUNT = 50 };
	struct sample_unit *u = arena_array(b->arena, COUNT, sizeof(*u));
	struct change *changes[COUNT];
	struct commit_result results[COUNT];
	bench_onboard(b, 1000);
	for (unsigned i = 0; i < COUNT; i++) {
		/* Every seventh one is the same device again. */
		sample_unit_fill(&u[i], &b->base, i % 7 == 3 ? 1000 : i);
		changes[i] = sample_unit_change(b->arena, &u[i]);
	}
	assert_status(OK, store_commit_batch(b->store, changes, COUNT, results, &b->d));
	int64_t next_ledger = 1;
	int64_t last_row = 1;
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 7 == 3) {
			assert_status(EXISTS, results[i].status);
			assert_true(results[i].diag.text[0] != '\0');
			assert_int_equal(0, u[i].device.row);
			continue;
		}
		assert_status(OK, results[i].status);
		assert_int_equal(next_ledger++, results[i].first_ledger);
		assert_int_equal(++last_row, u[i].device.row);
		struct device got = bench_device(b, u[i].device.row);
		assert_same(&u[i].device, &got);
	}
	assert_int_equal(next_ledger, bench_ledger_size(b));
	struct store_counts n;
	assert_status(OK, read_counts(b->reader, &n));
	assert_int_equal(next_ledger, n.devices);
	assert_int_equal(next_ledger, n.by_state[DEVICE_HELD]);
	assert_status(OK, store_commit_batch(b->store, changes, 0, results, &b->d));
}

const struct CMUnitTest conformance_refusals[] = {
	BENCH_TEST(test_stale_device),
	BENCH_TEST(test_every_field_of_a_device),
	BENCH_TEST(test_stale_fleet),
	BENCH_TEST(test_expected_fleet),
	BENCH_TEST(test_unique_certificates),
	BENCH_TEST(test_same_values_that_may_be),
	BENCH_TEST(test_unique_names),
	BENCH_TEST(test_unknown_rows),
	BENCH_TEST(test_change_over_its_arena),
	BENCH_TEST(test_batch_with_refused_ones),
	{ 0 },
};
