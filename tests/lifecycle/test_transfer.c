#include "world.h"

#include <stdio.h>

#include "base/check.h"

static struct world w;
static struct outcome o;

static int
set_up(void **state)
{
	(void)state;
	world_open(&w);
	o = (struct outcome){ 0 };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

#define WRONG "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ"
static const span no_code;

static status
offer_to(enum who who, int64_t device, int64_t to)
{
	o = (struct outcome){ 0 };
	return offer_device(as(&w, who), device, to, 0, &o, &w.d);
}

static status
accept_as(enum who who, const id *offer, const char *code, int64_t owner)
{
	return offer_accept(as(&w, who), offer, span_text(code), owner, &o, &w.d);
}

/* Promise 2, read back from the store: whatever the seller held is refused from that instant. */
static void
the_seller_is_out(void **state)
{
	static const enum birth births[] = { FOREIGN_BIRTH, OWN_BIRTH, NO_BIRTH };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(births); i++) {
		int64_t device = world_active(&w, (unsigned)i, births[i]);
		int64_t sellers = world_now(&w, device).current_certificate;
		int64_t pending = world_enrol(&w, device);
		int64_t before = world_ledger_size(&w);
		id offer;

		assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
		assert_int_equal(DEVICE_IN_TRANSFER, o.device.state);
		assert_int_equal(o.offer.row, o.device.offer);
		assert_int_equal(w.session.now_s + 7 * 86400, o.offer.expires_s);
		assert_string_equal("", o.code);
		offer = o.offer.id;
		assert_int_equal(ACCESS_FULL, world_judge(&w, device, sellers));
		world_check(&w, device, false);

		assert_status(OK, &w, accept_as(BERT, &offer, "", 0));
		assert_int_equal(before + 2, world_ledger_size(&w));
		assert_int_equal(before + 1, o.ledger);
		assert_true(world_entry_has(&w, "\"event\":\"accept\",\"fleet\":\"lamps\""));
		assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
		assert_int_equal(w.bert.row, world_now(&w, device).owner);
		assert_int_equal(OFFER_ACCEPTED, o.offer.status);
		assert_int_equal(births[i] == NO_BIRTH ? ACCESS_ENROLMENT : ACCESS_REFUSED,
			world_judge(&w, device, sellers));
		assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, pending));
		assert_int_equal(DENY_REVOKE, world_denied(&w, sellers, NULL));
		assert_int_equal(DENY_REVOKE, world_denied(&w, pending, NULL));
		assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, sellers).status);
		assert_int_equal(REASON_AFFILIATION_CHANGED, world_certificate(&w, sellers).reason);
		assert_int_equal(w.issuing.row, w.told_authority);
		world_check(&w, device, false);
		/* The pending one of the seller's time cannot be confirmed any more. */
		assert_status(CONFLICT, &w, world_confirm(&w, device));
		/* Twice is once. */
		assert_status(CONFLICT, &w, accept_as(BERT, &offer, "", 0));
		assert_status(NOT_FOUND, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));

		assert_int_not_equal(0, world_enrol(&w, device));
		assert_status(OK, &w, world_confirm(&w, device));
		world_check(&w, device, false);
		/* The old key opens nothing at all once the new one is in use. */
		assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, sellers));
	}
}

static void
who_may_offer_and_take(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	id offer, nobodys = { { 9 } };

	(void)state;
	assert_status(NOT_FOUND, &w, offer_to(BERT, device, w.bert.row));
	assert_status(DENIED, &w, offer_to(MAKER, device, w.bert.row)); /* it is sold */
	assert_status(DENIED, &w, offer_to(SUPPORT, device, w.bert.row));
	assert_status(DENIED, &w, offer_to(WATCH, device, w.bert.row));
	assert_status(CONFLICT, &w, offer_to(ANNA, device, w.anna.row));
	assert_status(NOT_FOUND, &w, offer_to(ANNA, device, 99));
	assert_status(NOT_FOUND, &w, offer_to(ANNA, 99, w.bert.row));
	assert_status(BAD_INPUT, &w, offer_device(as(&w, ANNA), device, w.bert.row, 59, &o, &w.d));
	assert_status(BAD_INPUT, &w,
		offer_device(as(&w, ANNA), device, w.bert.row, 367 * 86400, &o, &w.d));
	assert_int_equal(0, world_now(&w, device).offer);

	assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
	offer = o.offer.id;
	assert_status(CONFLICT, &w, offer_to(ANNA, device, w.shop.row));
	assert_status(NOT_FOUND, &w, accept_as(BERT, &nobodys, "", 0));
	assert_status(NOT_FOUND, &w, accept_as(SHOP, &offer, "", 0));
	assert_status(DENIED, &w, accept_as(ANNA, &offer, "", 0));
	assert_status(DENIED, &w, accept_as(SUPPORT, &offer, "", 0));
	assert_status(DENIED, &w, accept_as(MAKER, &offer, "", 0)); /* for whom? */
	assert_status(DENIED, &w, accept_as(MAKER, &offer, "", w.shop.row));
	assert_status(DENIED, &w, accept_as(BERT, &offer, "", w.shop.row));
	assert_status(NOT_FOUND, &w, offer_decline(as(&w, SHOP), &offer, no_code, &o, &w.d));
	assert_status(DENIED, &w, offer_decline(as(&w, ANNA), &offer, no_code, &o, &w.d));
	assert_status(DENIED, &w, offer_cancel(as(&w, BERT), &offer, &o, &w.d));
	assert_status(NOT_FOUND, &w, offer_cancel(as(&w, SHOP), &offer, &o, &w.d));
	assert_status(DENIED, &w, offer_cancel(as(&w, MAKER), &offer, &o, &w.d));
	assert_status(
		DENIED, &w, offer_accept(as_device(&w, device), &offer, no_code, 0, &o, &w.d));
	assert_int_equal(DEVICE_IN_TRANSFER, world_now(&w, device).state);
	/* The maker's operators act for the one that is named. */
	assert_status(OK, &w, accept_as(MAKER, &offer, "", w.bert.row));
	assert_int_equal(w.bert.row, world_now(&w, device).owner);
}

static void
offers_end(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	int64_t certificate = world_now(&w, device).current_certificate;
	int64_t before = world_ledger_size(&w);
	id offer;

	(void)state;
	assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
	offer = o.offer.id;
	assert_status(OK, &w, offer_cancel(as(&w, ANNA), &offer, &o, &w.d));
	assert_int_equal(OFFER_CANCELLED, o.offer.status);
	assert_status(CONFLICT, &w, offer_cancel(as(&w, ANNA), &offer, &o, &w.d));
	assert_status(CONFLICT, &w, accept_as(BERT, &offer, "", 0));
	world_check(&w, device, false);

	assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
	offer = o.offer.id;
	assert_status(OK, &w, offer_decline(as(&w, BERT), &offer, no_code, &o, &w.d));
	assert_int_equal(OFFER_DECLINED, o.offer.status);
	world_check(&w, device, false);

	assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
	offer = o.offer.id;
	assert_status(
		OK, &w, revoke_operational(as(&w, ANNA), device, REASON_KEY_COMPROMISE, &o, &w.d));
	assert_int_equal(OFFER_VOID, o.offer.status);
	assert_status(CONFLICT, &w, accept_as(BERT, &offer, "", 0));
	world_check(&w, device, false);
	assert_int_equal(before + 6, world_ledger_size(&w));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, certificate));
}

static void
time_runs_out(void **state)
{
	int64_t one = world_active(&w, 1, FOREIGN_BIRTH), two = world_active(&w, 2, FOREIGN_BIRTH);
	int64_t suspended = world_active(&w, 3, FOREIGN_BIRTH);
	int64_t held = world_device(&w, 4, FOREIGN_BIRTH);
	size_t count;
	id offer;

	(void)state;
	assert_status(OK, &w, offer_to(ANNA, one, w.bert.row));
	offer = o.offer.id;
	assert_status(OK, &w, offer_device(as(&w, ANNA), two, 0, 30 * 86400, &o, &w.d));
	assert_status(OK, &w, offer_to(ANNA, suspended, w.bert.row));
	assert_status(OK, &w, suspend_device(as(&w, ANNA), suspended, &o, &w.d));
	assert_status(OK, &w, offer_to(MAKER, held, w.shop.row));
	assert_status(OK, &w, offers_time_out(as_server(&w), 100, &count, &w.d));
	assert_int_equal(0, count);
	world_add_s(&w, 7 * 86400);
	/* Over by its time alone, before anybody has looked. */
	assert_status(CONFLICT, &w, accept_as(BERT, &offer, "", 0));
	assert_status(OK, &w, offers_time_out(as_server(&w), 2, &count, &w.d));
	assert_int_equal(2, count);
	assert_status(OK, &w, offers_time_out(as_server(&w), 100, &count, &w.d));
	assert_int_equal(1, count);
	assert_status(OK, &w, offers_time_out(as_server(&w), 100, &count, &w.d));
	assert_int_equal(0, count);
	assert_int_equal(DEVICE_ACTIVE, world_now(&w, one).state);
	assert_int_equal(DEVICE_IN_TRANSFER, world_now(&w, two).state);
	assert_int_equal(DEVICE_HELD, world_now(&w, held).state);
	assert_int_equal(DEVICE_ACTIVE, world_now(&w, suspended).state_before);
	assert_int_equal(w.anna.row, world_now(&w, one).owner);
	for (int64_t d = one; d <= held; d++) {
		world_check(&w, d, false);
	}
}

static void
by_code(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	char code[CLAIM_CODE_TEXT_MAX];
	id offer;

	(void)state;
	assert_status(OK, &w, offer_to(ANNA, device, 0));
	offer = o.offer.id;
	memcpy(code, o.code, sizeof(code));
	assert_int_equal(23, strlen(code));
	assert_null(strstr(world_entry(&w), code));
	assert_status(DENIED, &w, accept_as(BERT, &offer, "", 0));
	assert_status(DENIED, &w, offer_decline(as(&w, BERT), &offer, span_text(WRONG), &o, &w.d));
	assert_status(DENIED, &w, accept_as(MAKER, &offer, WRONG, w.bert.row));
	assert_status(CONFLICT, &w, accept_as(ANNA, &offer, code, 0));
	assert_status(LIMIT, &w, accept_as(BERT, &offer, WRONG, 0));
	world_reopen(&w);
	assert_status(LIMIT, &w, accept_as(BERT, &offer, code, 0));
	assert_status(LIMIT, &w, offer_decline(as(&w, SHOP), &offer, span_text(code), &o, &w.d));
	world_add_s(&w, 60);
	assert_status(LIMIT, &w, accept_as(SHOP, &offer, WRONG, 0));
	world_add_s(&w, 119);
	assert_status(LIMIT, &w, accept_as(BERT, &offer, code, 0));
	world_add_s(&w, 1);
	assert_status(OK, &w, accept_as(BERT, &offer, code, 0));
	assert_int_equal(w.bert.row, world_now(&w, device).owner);
	/* Used once. */
	assert_status(OK, &w, release_device(as(&w, BERT), device, &o, &w.d));
	assert_status(CONFLICT, &w, accept_as(SHOP, &offer, code, 0));
}

static void
on_the_shelf(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	id offer;

	(void)state;
	/* The maker still owns it; the shop takes it as it is, and its customer has the code of the box. */
	assert_status(OK, &w, offer_to(MAKER, device, w.shop.row));
	offer = o.offer.id;
	assert_int_equal(DEVICE_HELD, o.device.state);
	assert_status(OK, &w, accept_as(SHOP, &offer, "", 0));
	assert_int_equal(DEVICE_HELD, world_now(&w, device).state);
	assert_int_equal(w.shop.row, world_now(&w, device).owner);
	assert_status(DENIED, &w, offer_to(MAKER, device, w.bert.row)); /* no more the maker's */
	assert_status(OK, &w, offer_to(SHOP, device, w.bert.row));
	offer = o.offer.id;
	assert_status(OK, &w, claim_device(as(&w, ANNA), device, span_text(BOX_CODE), 0, &o, &w.d));
	assert_int_equal(OFFER_VOID, o.offer.status);
	assert_int_equal(w.anna.row, world_now(&w, device).owner);
	assert_status(CONFLICT, &w, accept_as(BERT, &offer, "", 0));
	world_check(&w, device, false);
}

static void
back_to_the_shelf(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	int64_t certificate = world_now(&w, device).current_certificate;
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	assert_status(NOT_FOUND, &w, release_device(as(&w, BERT), device, &o, &w.d));
	assert_status(DENIED, &w, release_device(as(&w, MAKER), device, &o, &w.d));
	assert_status(CONFLICT, &w, hold_device(as(&w, MAKER), device, &o, &w.d)); /* it is sold */
	assert_status(OK, &w, release_device(as(&w, ANNA), device, &o, &w.d));
	memcpy(code, o.code, sizeof(code));
	assert_int_equal(DEVICE_HELD, world_now(&w, device).state);
	assert_int_equal(w.maker.row, world_now(&w, device).owner);
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, certificate));
	world_check(&w, device, false);
	assert_status(CONFLICT, &w, release_device(as(&w, MAKER), device, &o, &w.d));
	assert_status(OK, &w, claim_device(as(&w, BERT), device, span_text(code), 0, &o, &w.d));
	assert_status(
		CONFLICT, &w, claim_device(as(&w, BERT), device, span_text(code), 0, &o, &w.d));
	world_check(&w, device, false);

	/* One that the maker keeps for himself. */
	device = world_device(&w, 2, FOREIGN_BIRTH);
	assert_status(OK, &w,
		claim_device(as(&w, MAKER), device, span_text(BOX_CODE), w.maker.row, &o, &w.d));
	assert_int_not_equal(0, world_enrol(&w, device));
	assert_status(OK, &w, world_confirm(&w, device));
	assert_status(DENIED, &w, hold_device(as(&w, SUPPORT), device, &o, &w.d));
	assert_status(OK, &w, hold_device(as(&w, MAKER), device, &o, &w.d));
	assert_int_equal(23, strlen(o.code));
	world_check(&w, device, false);
}

static void
marks_keep_it_where_it_is(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	id offer;

	(void)state;
	assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
	offer = o.offer.id;
	assert_status(OK, &w, mark_device(as(&w, SUPPORT), device, MARK_DISPUTED, true, &o, &w.d));
	assert_status(DENIED, &w, accept_as(BERT, &offer, "", 0));
	assert_status(OK, &w, offer_cancel(as(&w, ANNA), &offer, &o, &w.d));
	assert_status(DENIED, &w, offer_to(ANNA, device, w.bert.row));
	assert_status(DENIED, &w, retire_device(as(&w, ANNA), device, &o, &w.d));
	assert_status(
		DENIED, &w, mark_device(as(&w, ANNA), device, MARK_DISPUTED, false, &o, &w.d));
	assert_status(OK, &w, mark_device(as(&w, MAKER), device, MARK_DISPUTED, false, &o, &w.d));
	assert_true(world_entry_has(&w, "\"reason\":\"disputed\""));
	assert_status(OK, &w, offer_to(ANNA, device, w.bert.row));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_seller_is_out),
		T(who_may_offer_and_take),
		T(offers_end),
		T(time_runs_out),
		T(by_code),
		T(on_the_shelf),
		T(back_to_the_shelf),
		T(marks_keep_it_where_it_is),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
