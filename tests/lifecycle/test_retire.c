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

static status
give_back(enum who who, int64_t device, enum return_consent consent, const char *reason)
{
	o = (struct outcome){ 0 };
	return return_device(as(&w, who), device, consent, reason, "the light flickers", &o, &w.d);
}

static status
replace(enum who who, int64_t device, unsigned number)
{
	char serial[ELEMENT_SERIAL_MAX + 1];

	snprintf(serial, sizeof(serial), "0123%012x01", number);
	o = (struct outcome){ 0 };
	return replace_element(as(&w, who), device, serial, &o, &w.d);
}

static void
back_at_the_shop(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	int64_t k = world_now(&w, device).current_certificate;
	struct warranty_case c;
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	assert_status(DENIED, &w, give_back(ANNA, device, CONSENT_OWNER, "defect"));
	assert_status(DENIED, &w, give_back(MAKER, device, CONSENT_OWNER, "defect"));
	assert_status(BAD_INPUT, &w, give_back(SUPPORT, device, CONSENT_OWNER, ""));
	assert_status(BAD_INPUT, &w, give_back(SUPPORT, device, CONSENT_OWNER, "No Light"));
	assert_status(BAD_INPUT, &w, give_back(SUPPORT, device, (enum return_consent)7, "defect"));
	assert_status(NOT_FOUND, &w, give_back(SUPPORT, 99, CONSENT_OWNER, "defect"));
	assert_status(DENIED, &w, give_back(SUPPORT, device, CONSENT_DEVICE_PROOF, "defect"));
	store_seen(w.store, device, w.session.now_s);
	world_add_s(&w, RETURN_PROOF_S + 1);
	assert_status(DENIED, &w, give_back(SUPPORT, device, CONSENT_DEVICE_PROOF, "defect"));
	assert_int_equal(NOT_FOUND, read_open_case(w.reader, device, &c));
	store_seen(w.store, device, w.session.now_s - RETURN_PROOF_S);
	assert_status(OK, &w, give_back(SUPPORT, device, CONSENT_DEVICE_PROOF, "defect"));
	assert_true(world_entry_has(&w, "\"reason\":\"defect\""));
	assert_false(world_entry_has(&w, "flickers"));
	assert_int_equal(OK, read_open_case(w.reader, device, &c));
	assert_int_equal(w.anna.row, c.owner);
	assert_int_equal(CONSENT_DEVICE_PROOF, c.consent);
	assert_string_equal("the light flickers", c.note);
	assert_int_equal(c.row, o.warranty.row);
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, k));
	world_check(&w, device, false);
	assert_status(CONFLICT, &w, give_back(SUPPORT, device, CONSENT_OWNER, "defect"));

	assert_status(DENIED, &w, refurbish_device(as(&w, MAKER), device, &o, &w.d));
	assert_status(OK, &w, refurbish_device(as(&w, SUPPORT), device, &o, &w.d));
	memcpy(code, o.code, sizeof(code));
	assert_int_equal(NOT_FOUND, read_open_case(w.reader, device, &c));
	assert_int_equal(DEVICE_HELD, world_now(&w, device).state);
	assert_int_equal(w.maker.row, world_now(&w, device).owner);
	assert_status(OK, &w, claim_device(as(&w, BERT), device, span_text(code), 0, &o, &w.d));
	world_check(&w, device, false);
}

static void
words_of_the_shop(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	struct claim_code k;

	(void)state;
	assert_status(OK, &w, give_back(SUPPORT, device, CONSENT_OWNER, "purple-smoke"));
	assert_true(world_entry_has(&w, "\"reason\":\"other\""));
	assert_string_equal("purple-smoke", o.warranty.reason);
	assert_int_equal(OK, read_claim_code(w.reader, device, &k));
	assert_true(k.burnt_s != 0);
}

static void
the_end(void **state)
{
	static const struct {
		enum who who;
		enum birth birth;
		status want;
	} rows[] = {
		{ ANNA, OWN_BIRTH, OK },
		{ MAKER, FOREIGN_BIRTH, OK },
		{ ADMIN, NO_BIRTH, OK },
		{ SUPPORT, OWN_BIRTH, DENIED },
		{ WATCH, OWN_BIRTH, DENIED },
		{ BERT, OWN_BIRTH, NOT_FOUND },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t device = world_active(&w, (unsigned)i, rows[i].birth);
		struct device before = world_now(&w, device), after;
		int64_t pending = world_enrol(&w, device);

		assert_status(
			rows[i].want, &w, retire_device(as(&w, rows[i].who), device, &o, &w.d));
		world_check(&w, device, false);
		if (rows[i].want != OK) {
			continue;
		}
		after = world_now(&w, device);
		assert_int_equal(DEVICE_RETIRED, after.state);
		assert_int_equal(0, after.last_good_certificate);
		assert_true(after.birth_is_denied);
		assert_int_equal(
			ACCESS_REFUSED, world_judge(&w, device, before.current_certificate));
		assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, pending));
		if (before.birth_certificate != 0) {
			assert_int_equal(
				DENY_REVOKE, world_denied(&w, before.birth_certificate, NULL));
			assert_int_equal(CERTIFICATE_REVOKED,
				world_certificate(&w, before.birth_certificate).status);
		}
		assert_status(CONFLICT, &w, retire_device(as(&w, MAKER), device, &o, &w.d));
		assert_status(CONFLICT, &w, resume_device(as(&w, MAKER), device, &o, &w.d));
		assert_int_equal(0, world_enrol(&w, device));
	}
}

static void
a_new_board(void **state)
{
	int64_t device = world_active(&w, 1, OWN_BIRTH), spare = world_device(&w, 2, OWN_BIRTH);
	struct device before = world_now(&w, device), was = world_now(&w, spare), after;
	struct element old, new;
	struct device found;

	(void)state;
	assert_status(DENIED, &w, replace(ANNA, device, 2));
	assert_status(DENIED, &w, replace(WATCH, device, 2));
	assert_status(NOT_FOUND, &w, replace(BERT, device, 2));
	assert_status(OK, &w, replace(SUPPORT, device, 2));
	assert_true(world_entry_has(&w, "\"event\":\"replace\""));
	after = world_now(&w, device);
	assert_int_equal(DEVICE_AWAITING_DEVICE, after.state);
	assert_string_equal(was.serial, after.serial);
	assert_int_equal(was.element, after.element);
	assert_int_equal(was.birth_certificate, after.birth_certificate);
	assert_int_equal(w.anna.row, after.owner);
	assert_int_equal(0, after.last_good_certificate);
	assert_int_equal(OK, read_element(w.reader, before.element, &old));
	assert_int_equal(OK, read_element(w.reader, was.element, &new));
	assert_int_equal(0, old.device);
	assert_int_equal(device, new.device);
	/* The new board is the way in; the old one is none. */
	assert_int_equal(ACCESS_ENROLMENT, world_judge(&w, device, was.birth_certificate));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, before.birth_certificate));
	assert_int_equal(DENY_REVOKE, world_denied(&w, before.birth_certificate, NULL));
	assert_int_equal(DENY_REVOKE, world_denied(&w, before.current_certificate, NULL));
	assert_int_equal(-1, world_denied(&w, was.birth_certificate, NULL));
	/* The record that the board had is over, and nobody finds it by the serial. */
	assert_int_equal(DEVICE_RETIRED, world_now(&w, spare).state);
	assert_int_equal(OK, read_device_by_serial(w.reader, was.serial, &found));
	assert_int_equal(device, found.row);
	assert_int_equal(NOT_FOUND, read_device_by_serial(w.reader, before.serial, &found));
	world_check(&w, device, false);
	world_check(&w, spare, false);
	assert_int_not_equal(0, world_enrol(&w, device));
	assert_status(OK, &w, world_confirm(&w, device));
	/* An old board does not come back. */
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 1));
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 2));
}

static void
boards_that_are_no_spare_parts(void **state)
{
	int64_t device = world_active(&w, 1, OWN_BIRTH), other;
	id offer;

	(void)state;
	assert_status(NOT_FOUND, &w, replace(SUPPORT, device, 77));
	(void)world_active(&w, 2, OWN_BIRTH);
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 2));
	(void)world_device(&w, 3, NO_BIRTH);
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 3));
	other = world_device(&w, 4, OWN_BIRTH);
	assert_status(OK, &w, mark_device(as(&w, MAKER), other, MARK_STOLEN, true, &o, &w.d));
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 4));
	other = world_device(&w, 5, OWN_BIRTH);
	assert_status(OK, &w, offer_device(as(&w, MAKER), other, w.shop.row, 0, &o, &w.d));
	offer = o.offer.id;
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 5));
	assert_status(OK, &w, offer_accept(as(&w, SHOP), &offer, span_text(""), 0, &o, &w.d));
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 5));
	other = world_device(&w, 6, FOREIGN_BIRTH);
	assert_status(OK, &w, revoke_birth(as(&w, MAKER), other, REASON_KEY_COMPROMISE, &o, &w.d));
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 6));
	other = world_active(&w, 7, OWN_BIRTH); /* used before, and released */
	assert_status(OK, &w, release_device(as(&w, ANNA), other, &o, &w.d));
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 7));
	assert_int_equal(DEVICE_ACTIVE, world_now(&w, device).state);
	assert_int_equal(DEVICE_HELD, world_now(&w, other).state);
	assert_status(CONFLICT, &w, replace(SUPPORT, device, 1)); /* its own */
}

/* A revoked birth key ends in a new board: on the bench, and while it is suspended. */
static void
after_a_revoked_birth_key(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	assert_status(OK, &w, revoke_birth(as(&w, MAKER), device, REASON_KEY_COMPROMISE, &o, &w.d));
	(void)world_device(&w, 2, OWN_BIRTH);
	assert_status(DENIED, &w, replace(SUPPORT, device, 2)); /* the maker suspended it */
	assert_status(OK, &w, replace(MAKER, device, 2));
	assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
	assert_false(world_now(&w, device).birth_is_denied);
	world_check(&w, device, false);

	assert_status(OK, &w, revoke_birth(as(&w, MAKER), device, REASON_KEY_COMPROMISE, &o, &w.d));
	assert_status(OK, &w, give_back(SUPPORT, device, CONSENT_OWNER, "recall"));
	assert_status(CONFLICT, &w, refurbish_device(as(&w, SUPPORT), device, &o, &w.d));
	(void)world_device(&w, 3, FOREIGN_BIRTH);
	assert_status(OK, &w, replace(SUPPORT, device, 3));
	assert_status(OK, &w, refurbish_device(as(&w, SUPPORT), device, &o, &w.d));
	memcpy(code, o.code, sizeof(code));
	assert_status(OK, &w, claim_device(as(&w, ANNA), device, span_text(code), 0, &o, &w.d));
	assert_int_not_equal(0, world_enrol(&w, device));
	assert_status(OK, &w, world_confirm(&w, device));
	world_check(&w, device, false);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(back_at_the_shop),
		T(words_of_the_shop),
		T(the_end),
		T(a_new_board),
		T(boards_that_are_no_spare_parts),
		T(after_a_revoked_birth_key),
	};

	return cmocka_run_group_tests_name("retire", tests, NULL, NULL);
}
