#include "world.h"

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
revoke(enum who who, int64_t certificate, enum revocation_reason reason)
{
	o = (struct outcome){ 0 };
	return revoke_certificate(as(&w, who), certificate, reason, &o, &w.d);
}

static void
reasons_are_a_closed_list(void **state)
{
	static const struct {
		enum revocation_reason reason;
		status want;
	} rows[] = {
		{ REASON_UNSPECIFIED, BAD_INPUT },
		{ REASON_CA_COMPROMISE, BAD_INPUT },
		{ REASON_CERTIFICATE_HOLD, BAD_INPUT },
		{ (enum revocation_reason)7, BAD_INPUT },
		{ (enum revocation_reason)8, BAD_INPUT },
		{ (enum revocation_reason)10, BAD_INPUT },
		{ (enum revocation_reason)99, BAD_INPUT },
		{ REASON_SUPERSEDED, OK },
		{ REASON_CESSATION_OF_OPERATION, OK },
		{ REASON_AFFILIATION_CHANGED, OK },
		{ REASON_PRIVILEGE_WITHDRAWN, OK },
		{ REASON_KEY_COMPROMISE, OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t device = world_active(&w, (unsigned)i, FOREIGN_BIRTH);
		int64_t k = world_now(&w, device).current_certificate;
		struct session *s = as(&w, MAKER);

		if (rows[i].want != OK) {
			assert_status(BAD_INPUT, &w,
				revoke_birth(as(&w, MAKER), device, rows[i].reason, &o, &w.d));
			assert_status(BAD_INPUT, &w, revoke(MAKER, k, rows[i].reason));
			assert_string_equal("RFC 5280 5.3.1", w.d.clause);
			s = as(&w, MAKER);
		}
		assert_status(
			rows[i].want, &w, revoke_operational(s, device, rows[i].reason, &o, &w.d));
		if (rows[i].want == OK) {
			assert_int_equal(rows[i].reason, world_certificate(&w, k).reason);
		}
		world_check(&w, device, false);
	}
}

static void
the_operational_key(void **state)
{
	static const struct {
		enum who who;
		status want;
	} rows[] = { { ANNA, OK }, { MAKER, OK }, { ADMIN, OK }, { WATCH, OK }, { BERT, NOT_FOUND },
		{ SUPPORT, DENIED }, { AUDITOR, DENIED } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t device = world_active(&w, (unsigned)i, FOREIGN_BIRTH);
		struct device before = world_now(&w, device);
		int64_t pending = world_enrol(&w, device);
		int64_t entries = world_ledger_size(&w);

		assert_status(rows[i].want, &w,
			revoke_operational(
				as(&w, rows[i].who), device, REASON_PRIVILEGE_WITHDRAWN, &o, &w.d));
		world_check(&w, device, false);
		if (rows[i].want != OK) {
			assert_int_equal(entries, world_ledger_size(&w));
			continue;
		}
		assert_int_equal(entries + 1, world_ledger_size(&w));
		assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
		assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, pending).status);
		assert_int_equal(DENY_REVOKE, world_denied(&w, before.current_certificate, NULL));
		assert_int_equal(DENY_REVOKE, world_denied(&w, pending, NULL));
		assert_int_equal(
			ACCESS_ENROLMENT, world_judge(&w, device, before.birth_certificate));
		assert_status(CONFLICT, &w,
			revoke_operational(as(&w, MAKER), device, REASON_SUPERSEDED, &o, &w.d));
	}
}

static void
the_birth_key(void **state)
{
	static const enum birth births[] = { FOREIGN_BIRTH, OWN_BIRTH };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(births); i++) {
		int64_t device = world_active(&w, (unsigned)i, births[i]);
		struct device before = world_now(&w, device);
		int64_t birth = before.birth_certificate, entries = world_ledger_size(&w);

		assert_status(DENIED, &w,
			revoke_birth(as(&w, ANNA), device, REASON_KEY_COMPROMISE, &o, &w.d));
		assert_status(DENIED, &w,
			revoke_birth(as(&w, WATCH), device, REASON_KEY_COMPROMISE, &o, &w.d));
		w.told_authority = 0;
		assert_status(
			OK, &w, revoke_birth(as(&w, MAKER), device, REASON_SUPERSEDED, &o, &w.d));
		assert_int_equal(
			births[i] == OWN_BIRTH ? w.factory.row : w.issuing.row, w.told_authority);
		assert_int_equal(DEVICE_SUSPENDED, world_now(&w, device).state);
		assert_true(world_now(&w, device).birth_is_denied);
		assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, birth).status);
		assert_int_equal(DENY_REVOKE, world_denied(&w, birth, NULL));
		assert_int_equal(DENY_SUSPEND, world_denied(&w, before.current_certificate, NULL));
		assert_int_equal(entries + 1, world_ledger_size(&w));
		assert_true(world_entry_has(&w, "\"event\":\"revoke-birth\""));
		/* Again: nothing, then worse, then milder. */
		assert_status(
			OK, &w, revoke_birth(as(&w, MAKER), device, REASON_SUPERSEDED, &o, &w.d));
		assert_int_equal(entries + 1, world_ledger_size(&w));
		assert_status(OK, &w,
			revoke_birth(as(&w, MAKER), device, REASON_KEY_COMPROMISE, &o, &w.d));
		assert_int_equal(entries + 2, world_ledger_size(&w));
		assert_int_equal(REASON_KEY_COMPROMISE, world_certificate(&w, birth).reason);
		assert_status(CONFLICT, &w,
			revoke_birth(as(&w, MAKER), device, REASON_SUPERSEDED, &o, &w.d));
		assert_status(CONFLICT, &w, resume_device(as(&w, ADMIN), device, &o, &w.d));
		world_check(&w, device, false);
	}
}

static void
without_a_birth_key(void **state)
{
	int64_t device = world_active(&w, 1, NO_BIRTH);

	(void)state;
	assert_status(
		CONFLICT, &w, revoke_birth(as(&w, MAKER), device, REASON_KEY_COMPROMISE, &o, &w.d));
	assert_int_equal(DEVICE_ACTIVE, world_now(&w, device).state);
}

/* Promise 1 of a device that has nothing but its operational keys. */
static void
the_last_way_in(void **state)
{
	int64_t device = world_active(&w, 1, NO_BIRTH);
	int64_t first = world_now(&w, device).current_certificate, second, third;

	(void)state;
	assert_status(OK, &w,
		revoke_operational(as(&w, ANNA), device, REASON_PRIVILEGE_WITHDRAWN, &o, &w.d));
	assert_int_equal(ACCESS_ENROLMENT, world_judge(&w, device, first));
	assert_int_equal(DENY_REVOKE, world_denied(&w, first, NULL));
	second = world_enrol(&w, device);
	assert_status(OK, &w, world_confirm(&w, device));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, first));
	third = world_enrol(&w, device);
	assert_status(OK, &w, world_confirm(&w, device));
	assert_int_equal(CERTIFICATE_SUPERSEDED, world_certificate(&w, second).status);
	/* The present key is compromised: the one before it was good last. */
	assert_status(
		OK, &w, revoke_operational(as(&w, ANNA), device, REASON_KEY_COMPROMISE, &o, &w.d));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, third));
	assert_int_equal(ACCESS_ENROLMENT, world_judge(&w, device, second));
	world_check(&w, device, false);
	/* And that one too: no way in is left, and none is pretended. */
	assert_status(OK, &w, revoke(MAKER, second, REASON_KEY_COMPROMISE));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, second));
	assert_int_equal(0, world_now(&w, device).last_good_certificate);
	world_check(&w, device, true);
}

static void
it_slept_too_long(void **state)
{
	int64_t device = world_active(&w, 1, NO_BIRTH);
	int64_t first = world_now(&w, device).current_certificate;

	(void)state;
	world_add_s(&w, 400 * 86400);
	assert_int_equal(ACCESS_ENROLMENT, world_judge(&w, device, first));
	assert_status(OK, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, first));
	assert_status(OK, &w, resume_device(as(&w, ANNA), device, &o, &w.d));
	assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
	assert_int_equal(ACCESS_ENROLMENT, world_judge(&w, device, first));
	world_check(&w, device, false);
	assert_int_not_equal(0, world_enrol(&w, device));
	assert_status(OK, &w, world_confirm(&w, device));
	world_check(&w, device, false);
}

/* One table says all: a worse reason shows in the row, the feed and the record; a milder one nowhere. */
static void
worse_reasons_replace_milder_ones(void **state)
{
	static const enum revocation_reason order[] = { REASON_SUPERSEDED,
		REASON_CESSATION_OF_OPERATION, REASON_AFFILIATION_CHANGED,
		REASON_PRIVILEGE_WITHDRAWN, REASON_KEY_COMPROMISE };
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	int64_t k = world_now(&w, device).current_certificate, entries, ended_s;
	unsigned records;

	(void)state;
	assert_int_not_equal(0, world_enrol(&w, device));
	assert_status(OK, &w, world_confirm(&w, device));
	assert_int_equal(CERTIFICATE_SUPERSEDED, world_certificate(&w, k).status);
	ended_s = world_certificate(&w, k).revoked_s;
	assert_int_equal(DENY_SUPERSEDE, world_denied(&w, k, &records));
	assert_int_equal(1, records);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		world_add_s(&w, 10);
		entries = world_ledger_size(&w);
		w.told_authority = 0;
		assert_status(OK, &w, revoke(MAKER, k, order[i]));
		assert_int_equal(w.issuing.row, w.told_authority);
		assert_int_equal(CERTIFICATE_REVOKED, o.certificate.status);
		assert_int_equal(order[i], o.certificate.reason);
		assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, k).status);
		assert_int_equal(order[i], world_certificate(&w, k).reason);
		assert_int_equal(ended_s, world_certificate(&w, k).revoked_s);
		assert_int_equal(DENY_REVOKE, world_denied(&w, k, &records));
		assert_int_equal(i + 2, records);
		assert_true(world_entry_has(&w, revocation_reason_name(order[i])));
		/* The same again, and each milder one. */
		assert_status(OK, &w, revoke(MAKER, k, order[i]));
		for (size_t j = 0; j < i; j++) {
			assert_status(CONFLICT, &w, revoke(MAKER, k, order[j]));
		}
		assert_int_equal(entries + 1, world_ledger_size(&w));
		(void)world_denied(&w, k, &records);
		assert_int_equal(i + 2, records);
	}
	assert_int_equal(DEVICE_ACTIVE, world_now(&w, device).state);
	world_check(&w, device, false);
}

static void
any_certificate(void **state)
{
	int64_t device = world_active(&w, 1, OWN_BIRTH), held = world_device(&w, 2, OWN_BIRTH);
	int64_t server = world_certificate_add(&w, CERTIFICATE_SERVER);
	int64_t current = world_now(&w, device).current_certificate, entries;
	struct operator_account who;
	int64_t operators = world_certificate_add(&w, CERTIFICATE_OPERATOR);
	struct certificate k = world_certificate(&w, operators);
	struct change *c = change_new(w.arena);

	(void)state;
	memcpy(w.operators[MAKER].certificate_fingerprint, k.fingerprint, 32);
	change_operator_set(c, &w.operators[MAKER]);
	assert_ok(store_commit(w.store, c, NULL, &w.d), w.d);
	assert_status(NOT_FOUND, &w, revoke(MAKER, 999, REASON_SUPERSEDED));
	assert_status(NOT_FOUND, &w, revoke(BERT, current, REASON_SUPERSEDED));
	assert_status(DENIED, &w, revoke(ANNA, server, REASON_SUPERSEDED));
	assert_status(DENIED, &w, revoke(SUPPORT, server, REASON_SUPERSEDED));

	entries = world_ledger_size(&w);
	assert_status(OK, &w, revoke(MAKER, server, REASON_KEY_COMPROMISE));
	assert_true(world_entry_has(&w, "\"object\":\"server\""));
	assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, server).status);
	assert_int_equal(DENY_REVOKE, world_denied(&w, server, NULL));
	assert_status(OK, &w, revoke(MAKER, server, REASON_KEY_COMPROMISE));
	assert_status(CONFLICT, &w, revoke(MAKER, server, REASON_SUPERSEDED));
	assert_int_equal(entries + 1, world_ledger_size(&w));
	/* An operator's: nobody comes in by it any more. */
	assert_int_equal(OK, read_operator_by_certificate(w.reader, k.fingerprint, &who));
	assert_status(OK, &w, revoke(ADMIN, operators, REASON_CESSATION_OF_OPERATION));
	assert_int_equal(NOT_FOUND, read_operator_by_certificate(w.reader, k.fingerprint, &who));

	/* A device's: as the verbs on the device. */
	assert_status(OK, &w, revoke(MAKER, current, REASON_SUPERSEDED));
	assert_int_equal(DEVICE_AWAITING_DEVICE, o.device.state);
	assert_status(OK, &w, revoke(MAKER, current, REASON_KEY_COMPROMISE));
	assert_int_equal(REASON_KEY_COMPROMISE, world_certificate(&w, current).reason);
	assert_status(OK, &w,
		revoke(MAKER, world_now(&w, held).birth_certificate, REASON_KEY_COMPROMISE));
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, held).state);
	assert_int_equal(w.factory.row, w.told_authority);
	world_check(&w, device, false);
	world_check(&w, held, false);
}

static void
one_that_waits_for_its_first_use(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), first, second;

	(void)state;
	first = world_enrol(&w, device);
	second = world_enrol(&w, device); /* another key: the first is taken back */
	assert_int_equal(CERTIFICATE_WITHDRAWN, world_certificate(&w, first).status);
	assert_int_equal(DENY_REVOKE, world_denied(&w, first, NULL));
	assert_int_equal(second, world_now(&w, device).pending_certificate);
	assert_int_equal(1, world_withdraw(&w));
	assert_true(world_entry_has(&w, "\"event\":\"withdraw\""));
	assert_int_equal(CERTIFICATE_WITHDRAWN, world_certificate(&w, second).status);
	assert_int_equal(0, world_now(&w, device).pending_certificate);
	assert_status(CONFLICT, &w, world_confirm(&w, device));
	world_check(&w, device, false);
	/* While the device awaits its key, only the new certificate ends. */
	assert_status(
		OK, &w, revoke_operational(as(&w, ANNA), device, REASON_SUPERSEDED, &o, &w.d));
	first = world_enrol(&w, device);
	assert_status(DENIED, &w, revoke(SUPPORT, first, REASON_KEY_COMPROMISE));
	assert_status(OK, &w, revoke(MAKER, first, REASON_KEY_COMPROMISE));
	assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, first).status);
	assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
	world_check(&w, device, false);
}

/*
 * The fleet lists no superseded ones. Who had the device before could have kept a key of it, rotated away or never used:
 * to whoever goes by CRL and OCSP they are dead from the hour on in which the device changes hands or is held.
 */
static void
keys_of_before(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		int64_t device = world_active(&w, i, FOREIGN_BIRTH), rotated, unused, last;

		rotated = world_now(&w, device).current_certificate;
		assert_int_not_equal(0, world_enrol(&w, device));
		assert_status(OK, &w, world_confirm(&w, device));
		unused = world_enrol(&w, device);
		last = world_enrol(&w, device);
		assert_int_equal(CERTIFICATE_SUPERSEDED, world_certificate(&w, rotated).status);
		assert_int_equal(CERTIFICATE_WITHDRAWN, world_certificate(&w, unused).status);
		if (i == 0) {
			assert_status(OK, &w, release_device(as(&w, ANNA), device, &o, &w.d));
		} else if (i == 1) {
			assert_status(OK, &w,
				offer_device(as(&w, ANNA), device, w.bert.row, 0, &o, &w.d));
			assert_status(OK, &w,
				offer_accept(
					as(&w, BERT), &o.offer.id, span_of(NULL, 0), 0, &o, &w.d));
		} else {
			assert_status(OK, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));
		}
		assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, rotated).status);
		assert_int_equal(REASON_SUPERSEDED, world_certificate(&w, rotated).reason);
		assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, unused).status);
		assert_int_equal(i == 2 ? CERTIFICATE_PENDING : CERTIFICATE_REVOKED,
			world_certificate(&w, last).status);
		world_check(&w, device, false);
	}
}

static void
ranks_of_suspension(void **state)
{
	static const struct {
		enum who by, resumer;
		status want;
	} rows[] = {
		{ ANNA, ANNA, OK },
		{ ANNA, WATCH, OK },
		{ ANNA, MAKER, OK },
		{ WATCH, ANNA, DENIED },
		{ WATCH, WATCH, OK },
		{ WATCH, MAKER, OK },
		{ MAKER, ANNA, DENIED },
		{ MAKER, WATCH, DENIED },
		{ ADMIN, MAKER, OK },
		{ ANNA, BERT, NOT_FOUND },
		{ ANNA, SUPPORT, DENIED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t device = world_active(&w, (unsigned)i, FOREIGN_BIRTH);
		int64_t k = world_now(&w, device).current_certificate;

		assert_status(OK, &w, suspend_device(as(&w, rows[i].by), device, &o, &w.d));
		assert_int_equal(DENY_SUSPEND, world_denied(&w, k, NULL));
		assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, k));
		world_check(&w, device, false);
		assert_status(
			rows[i].want, &w, resume_device(as(&w, rows[i].resumer), device, &o, &w.d));
		if (rows[i].want == OK) {
			assert_int_equal(DENY_RESTORE, world_denied(&w, k, NULL));
			assert_int_equal(ACCESS_FULL, world_judge(&w, device, k));
		}
		world_check(&w, device, false);
	}
}

static void
suspension_remembers(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), k;

	(void)state;
	k = world_now(&w, device).current_certificate;
	assert_status(OK, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));
	/* The maker's is a higher rank; the owner's second one does not lower it. */
	assert_status(OK, &w, suspend_device(as(&w, MAKER), device, &o, &w.d));
	assert_status(OK, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));
	assert_status(DENIED, &w, resume_device(as(&w, ANNA), device, &o, &w.d));
	/* Revoked meanwhile: it comes back to prove a new key, and what ended stays denied. */
	assert_status(
		OK, &w, revoke_operational(as(&w, ANNA), device, REASON_KEY_COMPROMISE, &o, &w.d));
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, device).state);
	assert_status(OK, &w, resume_device(as(&w, MAKER), device, &o, &w.d));
	assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
	assert_int_equal(DENY_REVOKE, world_denied(&w, k, NULL));
	world_check(&w, device, false);
	/* What it was denied for while its identity ran out. */
	assert_int_not_equal(0, world_enrol(&w, device));
	assert_status(OK, &w, world_confirm(&w, device));
	k = world_now(&w, device).current_certificate;
	assert_status(OK, &w, suspend_device(as(&w, WATCH), device, &o, &w.d));
	world_add_s(&w, 91 * 86400);
	assert_status(OK, &w, resume_device(as(&w, WATCH), device, &o, &w.d));
	assert_int_equal(DEVICE_AWAITING_DEVICE, world_now(&w, device).state);
	assert_int_equal(CERTIFICATE_REVOKED, world_certificate(&w, k).status);
	world_check(&w, device, false);
	assert_status(CONFLICT, &w, resume_device(as(&w, MAKER), device, &o, &w.d));
}

static void
marks(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);

	(void)state;
	assert_status(
		BAD_INPUT, &w, mark_device(as(&w, MAKER), device, (enum mark)3, true, &o, &w.d));
	assert_status(
		BAD_INPUT, &w, mark_device(as(&w, MAKER), device, (enum mark)0, true, &o, &w.d));
	assert_status(
		NOT_FOUND, &w, mark_device(as(&w, BERT), device, MARK_STOLEN, true, &o, &w.d));
	assert_status(DENIED, &w, mark_device(as(&w, WATCH), device, MARK_STOLEN, true, &o, &w.d));
	assert_status(OK, &w, mark_device(as(&w, ANNA), device, MARK_STOLEN, true, &o, &w.d));
	assert_status(
		OK, &w, mark_device(as(&w, SUPPORT), device, MARK_LEGAL_HOLD, true, &o, &w.d));
	assert_int_equal(MARK_STOLEN | MARK_LEGAL_HOLD, world_now(&w, device).marks);
	assert_status(DENIED, &w, mark_device(as(&w, ANNA), device, MARK_STOLEN, false, &o, &w.d));
	assert_status(OK, &w, mark_device(as(&w, MAKER), device, MARK_STOLEN, false, &o, &w.d));
	assert_int_equal(MARK_LEGAL_HOLD, world_now(&w, device).marks);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(reasons_are_a_closed_list),
		T(the_operational_key),
		T(the_birth_key),
		T(without_a_birth_key),
		T(the_last_way_in),
		T(it_slept_too_long),
		T(worse_reasons_replace_milder_ones),
		T(any_certificate),
		T(one_that_waits_for_its_first_use),
		T(keys_of_before),
		T(ranks_of_suspension),
		T(suspension_remembers),
		T(marks),
	};

	return cmocka_run_group_tests_name("revoke", tests, NULL, NULL);
}
