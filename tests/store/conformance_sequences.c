#include "bench.h"

#include <stdio.h>

/* The ledger, the deny records and the outbox number what they hold without gaps. */

static void
test_ledger(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	char text[25][16];
	for (unsigned i = 1; i < 25; i++) {
		struct change *c = bench_change(b);
		int64_t first = -1;
		snprintf(text[i], sizeof(text[i]), "{\"n\":%u}", i);
		change_ledger(c, span_text(text[i]), i % 2 ? &u->device.row : NULL, 100 + i);
		if (i % 5 == 0) {
			/* refused, so its number is given again */
			change_case_close(c, 999, 1);
			assert_status(CONFLICT, bench_commit(b, c));
			c = bench_change(b);
			change_ledger(
				c, span_text(text[i]), i % 2 ? &u->device.row : NULL, 100 + i);
		}
		assert_status(OK, store_commit(b->store, c, &first, &b->d));
		assert_int_equal(i, first);
	}
	struct ledger_row *rows;
	size_t count;
	assert_status(OK, list_ledger(b->reader, b->arena, 20, 100, &rows, &count));
	assert_int_equal(5, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(20 + i, rows[i].sequence);
		assert_int_equal(120 + i, rows[i].at_s);
		assert_true(span_is(rows[i].entry, text[20 + i]));
		assert_int_equal(i % 2 ? u->device.row : 0, rows[i].device);
	}
	assert_status(OK,
		list_ledger_of_device(b->reader, b->arena, u->device.row, 20, 100, &rows, &count));
	assert_int_equal(2, count);
	assert_int_equal(21, rows[0].sequence);
	uint8_t large[LEDGER_ENTRY_MAX + 1] = { 0 };
	struct change *c = bench_change(b);
	change_ledger(c, SPAN_ARRAY(large), NULL, 1);
	assert_status(LIMIT, bench_commit(b, c));
	bench_reopen(b);
	assert_int_equal(25, bench_ledger_size(b));
}

static void
test_deny(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	static struct deny_record r = { .action = DENY_SUSPEND,
		.fingerprint = { 1 },
		.issuer_hash = { 2 },
		.serial = { 3, 4 },
		.serial_len = 2,
		.index = 5,
		.reason = REASON_KEY_COMPROMISE,
		.at_s = 6,
		.expires_s = 7 };
	r.authority = b->base.issuing.row;
	r.device = u->device.row;
	for (int64_t i = 1; i <= 12; i++) {
		struct change *c = bench_change(b);
		change_deny(c, &r);
		if (i % 3 == 0) {
			change_case_close(c, 999, 1);
			assert_status(CONFLICT, bench_commit(b, c));
			continue;
		}
		assert_status(OK, bench_commit(b, c));
	}
	bench_reopen(b);
	struct change *c = bench_change(b);
	change_deny(c, &r);
	assert_status(OK, bench_commit(b, c));
	struct deny_record *list;
	size_t count;
	assert_status(OK, list_deny(b->reader, b->arena, 3, 100, &list, &count));
	assert_int_equal(7, count);
	for (size_t i = 0; i < count; i++) {
		r.sequence = 3 + (int64_t)i;
		assert_same(&r, &list[i]);
	}
}

static void
test_outbox(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct outbox_row o = { .point = "broker",
		.action = "disconnect",
		.device = u->device.row,
		.body = span_text("{}"),
		.at_s = 5 };
	struct outbox_row *list;
	size_t count;
	for (int i = 0; i < 3; i++) {
		struct change *c = bench_change(b);
		change_outbox(c, &o);
		assert_status(OK, bench_commit(b, c));
	}
	assert_status(OK, list_outbox(b->reader, b->arena, 1, 100, &list, &count));
	assert_int_equal(2, count);
	assert_string_equal("broker", list[0].point);
	assert_string_equal("disconnect", list[0].action);
	assert_int_equal(u->device.row, list[0].device);
	assert_true(span_is(list[0].body, "{}"));
	assert_int_equal(5, list[0].at_s);
	for (int64_t row = 1; row <= 3; row++) {
		struct change *c = bench_change(b);
		change_outbox_done(c, row);
		assert_status(OK, bench_commit(b, c));
	}
	struct change *c = bench_change(b);
	change_outbox_done(c, 3);
	assert_status(NOT_FOUND, bench_commit(b, c));
	/* A number once given means one thing for ever. */
	bench_reopen(b);
	c = bench_change(b);
	change_outbox(c, &o);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, list_outbox(b->reader, b->arena, 0, 100, &list, &count));
	assert_int_equal(1, count);
	assert_int_equal(4, list[0].row);
}

const struct CMUnitTest conformance_sequences[] = {
	BENCH_TEST(test_ledger),
	BENCH_TEST(test_deny),
	BENCH_TEST(test_outbox),
	{ 0 },
};
