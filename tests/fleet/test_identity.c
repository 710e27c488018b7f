#include "support.h"

#include "base/check.h"
#include "fleet/identity.h"
#include "fleet/rotation.h"

#define NOW TEST_TIME_S
#define BIRTH 10
#define CURRENT 11
#define PENDING 12
#define OLD 13

static struct certificate
certificate(int64_t row, enum certificate_kind kind, enum certificate_status is)
{
	return (struct certificate){ .row = row,
		.kind = kind,
		.status = is,
		.device = 1,
		.not_before_s = NOW - 1000,
		.not_after_s = NOW + 1000 };
}

static enum access
judge(enum device_state state, struct certificate c, bool birth_is_denied)
{
	struct device d = { .row = 1,
		.state = state,
		.birth_certificate = BIRTH,
		.current_certificate = CURRENT,
		.pending_certificate = PENDING,
		.birth_is_denied = birth_is_denied };
	const char *why = NULL;
	enum access a = identity_judge(&d, &c, NOW, &why);

	assert_non_null(why);
	return a;
}

static void
each_state_and_certificate(void **state)
{
	/* F full, E enrolment, S state only, . refused; columns in the states' order */
	static const struct {
		const char *name;
		int64_t row;
		enum certificate_kind kind;
		enum certificate_status status;
		const char *want;
	} rows[] = {
		{ "birth", BIRTH, CERTIFICATE_BIRTH, CERTIFICATE_CURRENT, ".SEESES." },
		{ "revoked birth", BIRTH, CERTIFICATE_BIRTH, CERTIFICATE_REVOKED, "........" },
		{ "replaced birth", 99, CERTIFICATE_BIRTH, CERTIFICATE_CURRENT, "........" },
		{ "current", CURRENT, CERTIFICATE_OPERATIONAL, CERTIFICATE_CURRENT, "...F.F.." },
		{ "pending", PENDING, CERTIFICATE_OPERATIONAL, CERTIFICATE_PENDING, "..FF.F.." },
		{ "superseded", OLD, CERTIFICATE_OPERATIONAL, CERTIFICATE_SUPERSEDED, "........" },
		{ "revoked", CURRENT, CERTIFICATE_OPERATIONAL, CERTIFICATE_REVOKED, "........" },
		{ "withdrawn", PENDING, CERTIFICATE_OPERATIONAL, CERTIFICATE_WITHDRAWN,
			"........" },
		{ "stray current", OLD, CERTIFICATE_OPERATIONAL, CERTIFICATE_CURRENT, "........" },
		{ "server's", OLD, CERTIFICATE_SERVER, CERTIFICATE_CURRENT, "........" },
	};
	static const char letters[] = ".SEF";

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned s = 0; s < DEVICE_STATE_COUNT; s++) {
			enum access got = judge((enum device_state)s,
				certificate(rows[i].row, rows[i].kind, rows[i].status), false);

			if (letters[got] != rows[i].want[s]) {
				fail_msg("%s in %s: %c", rows[i].name,
					device_state_name((enum device_state)s), letters[got]);
			}
		}
	}
}

static void
dates_and_belonging(void **state)
{
	struct certificate c = certificate(CURRENT, CERTIFICATE_OPERATIONAL, CERTIFICATE_CURRENT);

	(void)state;
	assert_int_equal(judge(DEVICE_ACTIVE, c, false), ACCESS_FULL);
	c.not_after_s = NOW; /* notAfter is inclusive */
	assert_int_equal(judge(DEVICE_ACTIVE, c, false), ACCESS_FULL);
	c.not_after_s = NOW - 1;
	assert_int_equal(judge(DEVICE_ACTIVE, c, false), ACCESS_REFUSED);
	c.not_after_s = NOW + 10;
	c.not_before_s = NOW + 1;
	assert_int_equal(judge(DEVICE_ACTIVE, c, false), ACCESS_REFUSED);
	c.not_before_s = NOW;
	c.device = 2;
	assert_int_equal(judge(DEVICE_ACTIVE, c, false), ACCESS_REFUSED);
	/* A birth identity that expired still opens enrolment: no device dies of a date. */
	c = certificate(BIRTH, CERTIFICATE_BIRTH, CERTIFICATE_CURRENT);
	c.not_after_s = NOW - 1;
	assert_int_equal(judge(DEVICE_AWAITING_DEVICE, c, false), ACCESS_ENROLMENT);
	assert_int_equal(judge(DEVICE_AWAITING_DEVICE, c, true), ACCESS_REFUSED);
}

static void
the_last_good_key(void **state)
{
	struct device d = {
		.row = 1, .state = DEVICE_AWAITING_DEVICE, .last_good_certificate = OLD
	};
	struct certificate c = certificate(OLD, CERTIFICATE_OPERATIONAL, CERTIFICATE_SUPERSEDED);
	const char *why;

	(void)state;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_ENROLMENT);
	c.not_after_s = NOW - 1;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_ENROLMENT);
	c.status = CERTIFICATE_REVOKED; /* the former owner is out, the device is not */
	c.reason = REASON_AFFILIATION_CHANGED;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_ENROLMENT);
	c.reason = REASON_KEY_COMPROMISE;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
	c.reason = REASON_AFFILIATION_CHANGED;
	d.last_good_certificate = CURRENT;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
	d.last_good_certificate = OLD;
	d.state = DEVICE_HELD;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
	d.state = DEVICE_AWAITING_DEVICE;
	c.status = CERTIFICATE_WITHDRAWN;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
	c.status = CERTIFICATE_SUPERSEDED;
	d.birth_certificate = BIRTH; /* with a birth identity that one is the way in */
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
}

/* It slept through the end of its certificate: enrolment is open to the same key, nothing else. */
static void
the_current_key_that_ran_out(void **state)
{
	struct device d = { .row = 1, .state = DEVICE_ACTIVE, .current_certificate = CURRENT };
	struct certificate c = certificate(CURRENT, CERTIFICATE_OPERATIONAL, CERTIFICATE_CURRENT);
	const char *why;

	(void)state;
	c.not_after_s = NOW - 1;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_ENROLMENT);
	d.state = DEVICE_IN_TRANSFER;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_ENROLMENT);
	d.state = DEVICE_SUSPENDED;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
	d.state = DEVICE_ACTIVE;
	d.birth_certificate = BIRTH;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
	d.birth_certificate = 0;
	d.current_certificate = OLD;
	assert_int_equal(identity_judge(&d, &c, NOW, &why), ACCESS_REFUSED);
}

static void
renewals_are_spread(void **state)
{
	struct fleet f = { .renew_after_percent = 66 };
	int64_t first = INT64_MAX, last = 0, life = 90 * 86400;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct device d = { .key_generation = 1 };
		int64_t at;

		memcpy(d.id.bytes, &i, sizeof(i));
		at = rotation_renew_after(&f, &d, NOW, NOW + life);
		assert_int_equal(at, rotation_renew_after(&f, &d, NOW, NOW + life));
		assert_true(at >= NOW + life / 100 * 66 && at < NOW + life);
		first = at < first ? at : first;
		last = at > last ? at : last;
	}
	assert_true(last - first > life / 12);
	struct device d = { .row = 1 };

	assert_true(rotation_renew_after(&f, &d, NOW, NOW + 5) < NOW + 5);
}

/* The date on which CRLs and OCSP put its certificates on hold: not moved by what happens meanwhile. */
static void
changed_while_suspended(void **state)
{
	static const struct {
		enum device_state before, after;
		int64_t changed_s;
	} rows[] = { { DEVICE_ACTIVE, DEVICE_ACTIVE, 20 }, { DEVICE_ACTIVE, DEVICE_SUSPENDED, 20 },
		{ DEVICE_SUSPENDED, DEVICE_SUSPENDED, 10 }, { DEVICE_SUSPENDED, DEVICE_ACTIVE, 20 },
		{ DEVICE_SUSPENDED, DEVICE_RETIRED, 20 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct device before = { .state = rows[i].before, .changed_s = 10 }, after = before;

		after.state = rows[i].after;
		assert_int_equal(rows[i].changed_s, device_changed_s(&before, &after, 20));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_and_certificate),
		cmocka_unit_test(dates_and_belonging),
		cmocka_unit_test(changed_while_suspended),
		cmocka_unit_test(the_last_good_key),
		cmocka_unit_test(the_current_key_that_ran_out),
		cmocka_unit_test(renewals_are_spread),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
