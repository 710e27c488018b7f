#include "bench.h"

/* Certificates, requests and offers over their life. */

static void
test_certificate_status(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct certificate *k = bench_issue(b, u->device.row, 1);
	struct change *c = bench_change(b);
	change_certificate_status(
		c, k->row, 1 << CERTIFICATE_CURRENT, CERTIFICATE_SUPERSEDED, 9, REASON_SUPERSEDED);
	assert_status(CONFLICT, bench_commit(b, c));
	c = bench_change(b);
	change_certificate_status(
		c, k->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_CURRENT, 9, REASON_UNSPECIFIED);
	change_certificate_used(c, k->row, 10);
	assert_status(OK, bench_commit(b, c));
	struct certificate got = bench_certificate(b, k->row);
	assert_int_equal(CERTIFICATE_CURRENT, got.status);
	assert_int_equal(0, got.revoked_s);
	assert_int_equal(10, got.first_used_s);
	c = bench_change(b);
	change_certificate_used(c, k->row, 99);
	change_certificate_status(c, k->row, 1 << CERTIFICATE_CURRENT | 1 << CERTIFICATE_PENDING,
		CERTIFICATE_REVOKED, 20, REASON_KEY_COMPROMISE);
	assert_status(OK, bench_commit(b, c));
	got = bench_certificate(b, k->row);
	assert_int_equal(CERTIFICATE_REVOKED, got.status);
	assert_int_equal(20, got.revoked_s);
	assert_int_equal(REASON_KEY_COMPROMISE, got.reason);
	assert_int_equal(10, got.first_used_s); /* the first stays */
}

static void
test_certificates_of_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct sample_unit *other = bench_onboard(b, 2);
	struct certificate *k[4];
	for (unsigned i = 0; i < 3; i++) {
		k[i] = bench_issue(b, u->device.row, i + 1);
	}
	k[3] = bench_issue(b, other->device.row, 4);
	struct change *c = bench_change(b);
	change_certificate_status(c, k[0]->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_SUPERSEDED, 5,
		REASON_SUPERSEDED);
	change_certificate_status(
		c, k[1]->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_CURRENT, 5, REASON_UNSPECIFIED);
	/* One added in the order of the calls behind it is not touched. */
	struct certificate fresh;
	sample_operational(&fresh, &b->base, 9);
	fresh.device = u->device.row;
	change_certificates_of_device(
		c, u->device.row, CERTIFICATE_REVOKED, 30, REASON_CESSATION_OF_OPERATION);
	change_certificate_add(c, &fresh);
	assert_status(OK, bench_commit(b, c));
	static const enum certificate_status want[] = { CERTIFICATE_SUPERSEDED, CERTIFICATE_REVOKED,
		CERTIFICATE_REVOKED, CERTIFICATE_PENDING };
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(want[i], bench_certificate(b, k[i]->row).status);
	}
	assert_int_equal(CERTIFICATE_PENDING, bench_certificate(b, fresh.row).status);
	assert_int_equal(CERTIFICATE_CURRENT, bench_certificate(b, u->birth.row).status);
	c = bench_change(b);
	change_certificates_of_device(c, 999, CERTIFICATE_REVOKED, 30, REASON_UNSPECIFIED);
	change_certificates_list_ended(c, 999, 0);
	assert_status(OK, bench_commit(b, c)); /* none is fine */
}

/* What ended before keeps date and reason; what lives, expired, or is another device's stays. */
static void
test_ended_ones_are_listed(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct sample_unit *other = bench_onboard(b, 2);
	static const enum certificate_status ends[] = { CERTIFICATE_SUPERSEDED,
		CERTIFICATE_WITHDRAWN, CERTIFICATE_CURRENT };
	struct certificate *k[5];
	struct change *c = bench_change(b);
	for (unsigned i = 0; i < 5; i++) {
		k[i] = bench_issue(b, i < 4 ? u->device.row : other->device.row, i + 1);
	}
	for (size_t i = 0; i < 3; i++) {
		change_certificate_status(
			c, k[i]->row, 1 << CERTIFICATE_PENDING, ends[i], 5, REASON_SUPERSEDED);
	}
	change_certificate_status(c, k[4]->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_SUPERSEDED, 5,
		REASON_SUPERSEDED);
	change_certificates_list_ended(c, u->device.row, k[0]->not_after_s + 1);
	assert_status(OK, bench_commit(b, c));
	assert_int_equal(CERTIFICATE_SUPERSEDED, bench_certificate(b, k[0]->row).status);
	c = bench_change(b);
	change_certificates_list_ended(c, u->device.row, k[0]->not_after_s);
	assert_status(OK, bench_commit(b, c));
	static const enum certificate_status want[] = { CERTIFICATE_REVOKED, CERTIFICATE_REVOKED,
		CERTIFICATE_CURRENT, CERTIFICATE_PENDING, CERTIFICATE_SUPERSEDED };
	for (size_t i = 0; i < 5; i++) {
		struct certificate got = bench_certificate(b, k[i]->row);
		assert_int_equal(want[i], got.status);
		assert_int_equal(want[i] == CERTIFICATE_REVOKED ? 5 : got.revoked_s, got.revoked_s);
		assert_int_equal(want[i] == CERTIFICATE_REVOKED ? REASON_SUPERSEDED : got.reason,
			got.reason);
	}
	assert_int_equal(CERTIFICATE_CURRENT, bench_certificate(b, u->birth.row).status);
}

static void
end_certificate(struct bench *b, int64_t row, enum certificate_status to, int64_t at_s)
{
	struct change *c = bench_change(b);
	change_certificate_status(c, row, 1 << CERTIFICATE_PENDING, to, at_s, REASON_SUPERSEDED);
	assert_status(OK, bench_commit(b, c));
}

static void
test_revoked(void **state)
{
	struct bench *b = *state;
	struct revoked_entry *list;
	size_t count;
	const int64_t authority = b->base.issuing.row;
	const int64_t end_s = SAMPLE_START_S + 100000;
	static const enum certificate_status to[] = { CERTIFICATE_REVOKED, CERTIFICATE_SUPERSEDED,
		CERTIFICATE_WITHDRAWN, CERTIFICATE_CURRENT, CERTIFICATE_REVOKED };
	for (unsigned i = 1; i <= 5; i++) {
		struct certificate *k = bench_issue(b, 0, i);
		end_certificate(b, k->row, to[i - 1], 1000 + i);
	}
	assert_status(OK, list_revoked(b->reader, b->arena, authority, 1, 100, end_s - 1, false,
				  100, &list, &count));
	assert_int_equal(2, count);
	assert_int_equal(1, list[0].index);
	assert_int_equal(5, list[1].index);
	assert_int_equal(1005, list[1].revoked_s);
	assert_int_equal(REASON_SUPERSEDED, list[1].reason);
	struct certificate k;
	sample_operational(&k, &b->base, 5);
	assert_int_equal(k.serial_len, list[1].serial_len);
	assert_memory_equal(k.serial, list[1].serial, k.serial_len);
	/* There until the certificate expires, gone with it. */
	assert_status(OK, list_revoked(b->reader, b->arena, authority, 1, 100, end_s, false, 100,
				  &list, &count));
	assert_int_equal(0, count);
	assert_status(OK,
		list_revoked(b->reader, b->arena, authority, 1, 100, 0, true, 100, &list, &count));
	assert_int_equal(4, count);
	assert_status(OK,
		list_revoked(b->reader, b->arena, authority, 2, 5, 0, true, 100, &list, &count));
	assert_int_equal(2, count);
	assert_status(OK,
		list_revoked(b->reader, b->arena, authority, 1, 100, 0, true, 1, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK, list_revoked(b->reader, b->arena, authority + 1, 1, 100, 0, true, 100,
				  &list, &count));
	assert_int_equal(0, count);
}

static void
test_revoked_without_an_index(void **state)
{
	struct bench *b = *state;
	const int64_t authority = b->base.issuing.row;
	struct revoked_entry *list;
	struct certificate k[4];
	size_t count;
	for (unsigned i = 0; i < 4; i++) {
		struct change *c = bench_change(b);
		sample_birth(&k[i], 100 + i);
		k[i].authority = i == 3 ? b->base.root.row : authority;
		k[i].status = i == 1 ? CERTIFICATE_CURRENT : CERTIFICATE_REVOKED;
		k[i].revoked_s = 50 + i;
		k[i].reason = REASON_KEY_COMPROMISE;
		change_certificate_add(c, &k[i]);
		assert_status(OK, bench_commit(b, c));
	}
	/* Of this authority, revoked, alive; those with an index are another list's. */
	struct sample_unit *u = bench_onboard(b, 1);
	end_certificate(b, bench_issue(b, u->device.row, 1)->row, CERTIFICATE_REVOKED, 60);
	assert_status(OK,
		list_revoked_unnumbered(b->reader, b->arena, authority, 0, 0, 100, &list, &count));
	assert_int_equal(2, count);
	assert_int_equal(k[0].row, list[0].row);
	assert_int_equal(k[2].row, list[1].row);
	assert_int_equal(0, list[1].index);
	assert_int_equal(52, list[1].revoked_s);
	assert_memory_equal(k[2].serial, list[1].serial, k[2].serial_len);
	/* A page; the next one; behind their end. */
	assert_status(OK,
		list_revoked_unnumbered(b->reader, b->arena, authority, 0, 0, 1, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK, list_revoked_unnumbered(b->reader, b->arena, authority, list[0].row, 0,
				  100, &list, &count));
	assert_int_equal(1, count);
	assert_int_equal(k[2].row, list[0].row);
	assert_status(OK, list_revoked_unnumbered(b->reader, b->arena, authority, 0,
				  k[0].not_after_s, 100, &list, &count));
	assert_int_equal(0, count);
	assert_status(LIMIT, list_revoked_unnumbered(b->reader, b->arena, authority, 0, 0,
				     CRL_SHARD_SIZE + 1, &list, &count));
}

static void
test_indexes(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	const int64_t one = b->base.issuing.row, other = b->base.root.row;
	int64_t index = 0;
	bench_issue(b, u->device.row, 7);
	/* Behind the last that is stored, and never the same again; each authority its own. */
	assert_status(OK, store_index_take(b->store, b->reader, one, &index, &b->d));
	assert_int_equal(8, index);
	assert_status(OK, store_index_take(b->store, b->reader, other, &index, &b->d));
	assert_int_equal(1, index);
	assert_status(OK, store_index_take(b->store, b->reader, one, &index, &b->d));
	assert_int_equal(9, index);
	/* What was not used is forgotten with the process. */
	bench_reopen(b);
	assert_status(OK, store_index_take(b->store, b->reader, one, &index, &b->d));
	assert_int_equal(8, index);
}

static void
test_pending(void **state)
{
	struct bench *b = *state;
	struct certificate *list;
	size_t count;
	for (unsigned i = 1; i <= 4; i++) {
		bench_issue(b, 0, i); /* notBefore = start + i */
	}
	end_certificate(b, 2, CERTIFICATE_CURRENT, 0);
	assert_status(OK, list_certificates_pending_before(
				  b->reader, b->arena, SAMPLE_START_S + 4, 10, &list, &count));
	assert_int_equal(2, count);
	assert_int_equal(1, list[0].index);
	assert_int_equal(3, list[1].index);
}

static void
test_challenges_and_answers_expire(void **state)
{
	struct bench *b = *state;
	static struct idempotency i = { .operator_row = 3,
		.key = "k1",
		.request_hash = { 1 },
		.http_status = 201,
		.at_s = 1000 };
	struct idempotency got;
	struct change *c = bench_change(b);
	i.body = span_text("{}");
	change_challenge_burn(c, span_text("nonce"), 5000);
	change_idempotency(c, &i);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_idempotency(b->reader, b->arena, 3, "k1", &got));
	assert_true(span_is(got.body, "{}"));
	got.body = i.body;
	assert_same(&i, &got);
	assert_status(NOT_FOUND, read_idempotency(b->reader, b->arena, 4, "k1", &got));
	c = bench_change(b);
	change_idempotency(c, &i);
	assert_status(EXISTS, bench_commit(b, c));
	for (int at_s = 5000; at_s <= 5001; at_s++) {
		bool is_burnt = false;

		c = bench_change(b);
		change_expire(c, at_s);
		assert_status(OK, bench_commit(b, c));
		assert_status(
			OK, read_challenge_is_burnt(b->reader, span_text("nonce"), &is_burnt));
		assert_int_equal(at_s == 5000, is_burnt);
		c = bench_change(b);
		change_challenge_burn(c, span_text("nonce"), 9000);
		assert_status(at_s == 5000 ? EXISTS : OK, bench_commit(b, c));
		if (at_s == 5000) {
			assert_string_equal(CHALLENGE_REPLAYED, b->d.kind);
		}
	}
	assert_status(OK, read_idempotency(b->reader, b->arena, 3, "k1", &got));
	c = bench_change(b);
	change_expire(c, 1001 + IDEMPOTENCY_KEPT_S);
	assert_status(OK, bench_commit(b, c));
	assert_status(NOT_FOUND, read_idempotency(b->reader, b->arena, 3, "k1", &got));
}

/* A certificate, its evidence and the burnt challenge: all of it or nothing. */
static void
test_evidence(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct certificate k[2];
	struct kept_evidence e = { .element = u->element.row, .slot_is_locked = true }, got;
	status want[2] = { OK, EXISTS };

	e.der = span_text("evidence");
	for (unsigned i = 0; i < 2; i++) {
		struct change *c = bench_change(b);

		sample_operational(&k[i], &b->base, i + 1);
		k[i].device = u->device.row;
		change_challenge_burn(c, span_text("nonce"), 5000);
		change_evidence(c, &e, CHANGE_REF(&k[i]));
		change_certificate_add(c, &k[i]);
		assert_status(want[i], bench_commit(b, c));
	}
	assert_status(OK, read_evidence(b->reader, b->arena, k[0].row, &got));
	int64_t issued = k[0].row;
	assert_int_equal(issued, got.certificate);
	assert_int_equal(u->element.row, got.element);
	assert_true(got.slot_is_locked);
	assert_span(e.der, got.der);
	assert_status(NOT_FOUND, read_evidence(b->reader, b->arena, k[0].row + 1, &got));
	assert_status(NOT_FOUND,
		read_certificate_by_fingerprint(b->reader, b->arena, k[1].fingerprint, &k[0]));
	bench_reopen(b);
	assert_status(OK, read_evidence(b->reader, b->arena, issued, &got));
	assert_span(e.der, got.der);
}

static void
test_offers(void **state)
{
	struct bench *b = *state;
	struct offer o[4], got, *list;
	size_t count;
	for (unsigned i = 0; i < 4; i++) {
		struct sample_unit *u = bench_onboard(b, i + 1);
		sample_offer(&o[i], &b->base, u->device.row, i + 1);
		if (i == 1) {
			o[i].from_owner = b->base.customer.row;
			o[i].to_owner = 0;
		}
		struct change *c = bench_change(b);
		change_offer_add(c, &o[i]);
		assert_status(OK, bench_commit(b, c));
	}
	assert_status(OK, read_offer_by_id(b->reader, &o[1].id, &got));
	assert_same(&o[1], &got);
	struct offer second = o[2];
	sample_id(&second.id, 70, 1);
	struct change *c = bench_change(b);
	change_offer_add(c, &second);
	assert_status(EXISTS, bench_commit(b, c));
	assert_status(OK, list_offers(b->reader, b->arena, 0, 0, 0, 10, &list, &count));
	assert_int_equal(4, count);
	assert_status(OK, list_offers(b->reader, b->arena, o[3].device, 0, 0, 10, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK,
		list_offers(b->reader, b->arena, 0, b->base.customer.row, 0, 10, &list, &count));
	assert_int_equal(4, count); /* to him, and one from him */
	assert_status(OK,
		list_offers(b->reader, b->arena, 0, b->base.maker.row, o[0].row, 1, &list, &count));
	assert_int_equal(1, count);
	assert_int_equal(o[2].row, list[0].row);
	assert_status(OK, list_offers(b->reader, b->arena, o[1].device, b->base.maker.row, 0, 10,
				  &list, &count));
	assert_int_equal(0, count);
	assert_status(OK,
		list_offers_expired(b->reader, b->arena, SAMPLE_START_S + 2, 10, &list, &count));
	assert_int_equal(2, count);
	c = bench_change(b);
	change_offer_status(c, o[0].row, OFFER_OPEN, OFFER_TIMED_OUT);
	assert_status(OK, bench_commit(b, c));
	c = bench_change(b);
	change_offer_status(c, o[0].row, OFFER_OPEN, OFFER_ACCEPTED);
	assert_status(CONFLICT, bench_commit(b, c));
	assert_status(OK,
		list_offers_expired(b->reader, b->arena, SAMPLE_START_S + 2, 10, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK, read_offer(b->reader, o[0].row, &got));
	assert_int_equal(OFFER_TIMED_OUT, got.status);
}

/* A revoked one may be revoked for a worse reason, by one at a time. */
static void
test_certificate_reason(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct certificate *k = bench_issue(b, u->device.row, 1);
	struct change *c = bench_change(b);
	change_certificate_reason(c, k->row, REASON_UNSPECIFIED, REASON_KEY_COMPROMISE);
	assert_status(CONFLICT, bench_commit(b, c)); /* it is not revoked */
	c = bench_change(b);
	change_certificate_status(
		c, k->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_REVOKED, 77, REASON_SUPERSEDED);
	assert_status(OK, bench_commit(b, c));
	c = bench_change(b);
	change_certificate_reason(c, k->row, REASON_SUPERSEDED, REASON_KEY_COMPROMISE);
	assert_status(OK, bench_commit(b, c));
	assert_int_equal(REASON_KEY_COMPROMISE, bench_certificate(b, k->row).reason);
	assert_int_equal(77, bench_certificate(b, k->row).revoked_s);
	assert_int_equal(CERTIFICATE_REVOKED, bench_certificate(b, k->row).status);
	c = bench_change(b);
	change_certificate_reason(c, k->row, REASON_SUPERSEDED, REASON_AFFILIATION_CHANGED);
	assert_status(CONFLICT, bench_commit(b, c)); /* somebody was quicker */
	assert_int_equal(REASON_KEY_COMPROMISE, bench_certificate(b, k->row).reason);
	c = bench_change(b);
	change_certificate_reason(c, 999, REASON_SUPERSEDED, REASON_KEY_COMPROMISE);
	assert_status(CONFLICT, bench_commit(b, c));
}

static void
test_certificate_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *one = bench_onboard(b, 1), *two = bench_onboard(b, 2);
	struct certificate *list;
	size_t count;
	struct change *c = bench_change(b);
	change_certificate_device(c, one->birth.row, two->device.row);
	assert_status(OK, bench_commit(b, c));
	assert_int_equal(two->device.row, bench_certificate(b, one->birth.row).device);
	assert_status(OK, list_certificates_of_device(
				  b->reader, b->arena, two->device.row, 0, 10, &list, &count));
	assert_int_equal(2, count);
	c = bench_change(b);
	change_certificate_device(c, 999, two->device.row);
	assert_status(NOT_FOUND, bench_commit(b, c));
}

const struct CMUnitTest conformance_lives[] = {
	BENCH_TEST(test_certificate_status),
	BENCH_TEST(test_certificates_of_device),
	BENCH_TEST(test_ended_ones_are_listed),
	BENCH_TEST(test_revoked),
	BENCH_TEST(test_revoked_without_an_index),
	BENCH_TEST(test_indexes),
	BENCH_TEST(test_pending),
	BENCH_TEST(test_challenges_and_answers_expire),
	BENCH_TEST(test_evidence),
	BENCH_TEST(test_offers),
	BENCH_TEST(test_certificate_reason),
	BENCH_TEST(test_certificate_device),
	{ 0 },
};
