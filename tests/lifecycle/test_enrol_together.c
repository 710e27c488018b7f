#include "enrolling.h"

#include <signal.h>
#include <unistd.h>

/* Enrolments that are done together: each by itself, whatever becomes of its neighbours. */

#define MANY 8

struct party {
	struct session sessions[MANY];
	struct admission who[MANY];
	struct enrolment enrolments[MANY];
	struct outcome outcomes[MANY];
	struct applicant applicants[MANY];
	size_t count;
};

static struct party *
party_new(void)
{
	return arena_alloc(h.arena, sizeof(struct party));
}

/* Comes through the door by itself, and is added. */
static void
joins(struct party *p, const uint8_t fingerprint[32], span csr)
{
	size_t at = p->count++;
	struct diag d = { 0 };

	p->sessions[at] = h.session;
	p->sessions[at].actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_ok(admit_device(&p->sessions[at], fingerprint, &p->who[at], &d), d);
	p->enrolments[at] = (struct enrolment){ .who = &p->who[at], .csr = csr };
	p->applicants[at] = (struct applicant){ .session = &p->sessions[at],
		.enrolment = &p->enrolments[at],
		.outcome = &p->outcomes[at] };
}

static void
enrols(struct party *p)
{
	enrol_devices(p->applicants, p->count);
}

static void
fares(const struct party *p, size_t at, status wanted)
{
	assert_int_equal(wanted, p->applicants[at].status);
	assert_int_equal(wanted, p->applicants[at].diag.status);
}

/* It has what is stored of it, and the store has it as its device's. */
static void
has_certificate(const struct party *p, size_t at)
{
	const struct certificate *k = &p->outcomes[at].certificate;
	struct certificate stored;

	fares(p, at, OK);
	stored = certificate_now(k->row);
	assert_true(span_equal(k->der, stored.der));
	assert_int_equal(p->who[at].device.row, stored.device);
	assert_int_equal(CERTIFICATE_PENDING, stored.status);
	assert_int_equal(k->row, device_now(stored.device).pending_certificate);
}

static struct unit
waiting(unsigned number)
{
	return unit_new(number, DEVICE_AWAITING_DEVICE);
}

static span
fresh(void)
{
	return csr_new(KEY_P256, "");
}

static void
good_ones_each_get_their_own(void **state)
{
	struct party *p = party_new();
	int64_t size;

	(void)state;
	for (unsigned k = 0; k < MANY; k++) {
		joins(p, waiting(k + 1).birth, fresh());
	}
	size = home_ledger_size(&h);
	enrols(p);
	for (size_t k = 0; k < MANY; k++) {
		has_certificate(p, k);
		assert_int_equal(size + (int64_t)k, p->outcomes[k].ledger);
		for (size_t i = 0; i < k; i++) {
			assert_int_not_equal(
				p->outcomes[i].certificate.index, p->outcomes[k].certificate.index);
		}
	}
	assert_int_equal(size + MANY, home_ledger_size(&h));
}

static void
refused_ones_take_nobody_with_them(void **state)
{
	struct party *p = party_new();
	struct unit used = waiting(5);
	struct outcome o;
	span taken = fresh();
	int64_t size;

	(void)state;
	o = enrolled(used.birth, taken, false);
	joins(p, waiting(1).birth, span_text("no request at all"));
	joins(p, waiting(2).birth, fresh());
	joins(p, unit_new(3, DEVICE_HELD).birth, fresh());
	joins(p, waiting(4).birth, csr_new(KEY_P384, ""));
	joins(p, waiting(6).birth, taken); /* the key of another device's certificate */
	joins(p, waiting(7).birth, fresh());
	size = home_ledger_size(&h);
	enrols(p);
	fares(p, 0, BAD_INPUT);
	has_certificate(p, 1);
	fares(p, 2, DENIED);
	fares(p, 3, BAD_INPUT);
	fares(p, 4, EXISTS);
	has_certificate(p, 5);
	assert_int_equal(size + 2, home_ledger_size(&h));
	for (size_t k = 0; k < 5; k += k == 0 ? 2 : 1) {
		assert_int_equal(0, device_now(p->who[k].device.row).pending_certificate);
	}
	assert_int_equal(o.certificate.row, device_now(used.device.row).pending_certificate);
}

static void
all_can_be_refused(void **state)
{
	struct party *p = party_new();
	int64_t size;

	(void)state;
	joins(p, unit_new(1, DEVICE_HELD).birth, fresh());
	joins(p, waiting(2).birth, span_text("no request"));
	size = home_ledger_size(&h);
	enrols(p);
	fares(p, 0, DENIED);
	fares(p, 1, BAD_INPUT);
	assert_int_equal(size, home_ledger_size(&h));
}

static void
the_same_request_twice_is_one_certificate(void **state)
{
	struct party *p = party_new();
	struct unit u = waiting(1);
	span csr = fresh();
	int64_t size;

	(void)state;
	joins(p, u.birth, csr);
	joins(p, waiting(2).birth, fresh());
	joins(p, u.birth, csr);
	joins(p, u.birth, csr);
	size = home_ledger_size(&h);
	enrols(p);
	for (size_t k = 0; k < 4; k++) {
		has_certificate(p, k);
	}
	assert_int_equal(p->outcomes[0].certificate.row, p->outcomes[2].certificate.row);
	assert_int_equal(p->outcomes[0].certificate.row, p->outcomes[3].certificate.row);
	assert_int_equal(size + 2, home_ledger_size(&h));
}

/* One after the other, as if they had come so: the last one's certificate waits, those before it are taken back. */
static void
requests_of_one_device_follow_each_other(void **state)
{
	struct party *p = party_new();
	struct unit u = waiting(1);
	int64_t size;
	size_t pending = 0;

	(void)state;
	joins(p, u.birth, fresh());
	joins(p, waiting(2).birth, fresh());
	joins(p, u.birth, fresh());
	size = home_ledger_size(&h);
	enrols(p);
	has_certificate(p, 1);
	for (size_t k = 0; k < 3; k += 2) {
		struct certificate stored = certificate_now(p->outcomes[k].certificate.row);

		fares(p, k, OK);
		assert_int_equal(u.device.row, stored.device);
		pending += stored.status == CERTIFICATE_PENDING;
		assert_true(stored.status == CERTIFICATE_PENDING ||
			    stored.status == CERTIFICATE_WITHDRAWN);
	}
	assert_int_equal(1, pending);
	assert_int_equal(size + 3, home_ledger_size(&h));
}

/* Of as many of one device as would be tried for ever, some are told so; nobody else is held up. */
static void
who_asks_too_often_is_told(void **state)
{
	struct party *p = party_new();
	struct unit u = waiting(1);
	size_t issued = 0;
	int64_t size;

	(void)state;
	for (size_t k = 0; k + 1 < MANY; k++) {
		joins(p, u.birth, fresh());
	}
	joins(p, waiting(2).birth, fresh());
	size = home_ledger_size(&h);
	enrols(p);
	has_certificate(p, MANY - 1);
	for (size_t k = 0; k + 1 < MANY; k++) {
		assert_true(p->applicants[k].status == OK || p->applicants[k].status == CONFLICT);
		issued += p->applicants[k].status == OK;
	}
	assert_in_range(issued, 2, MANY - 2);
	assert_int_equal(size + (int64_t)issued + 1, home_ledger_size(&h));
}

/* The same key in requests of two devices: at the most one gets it. */
static void
one_key_is_not_two_devices(void **state)
{
	struct party *p = party_new();
	struct private_key key;
	struct simple_name name = { 0 };
	struct diag d = { 0 };

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	joins(p, waiting(1).birth, csr_by(&key, &name, OID_UNKNOWN, span_of(NULL, 0)));
	joins(p, waiting(2).birth, csr_by(&key, &name, OID_UNKNOWN, span_of(NULL, 0)));
	private_key_wipe(&key);
	enrols(p);
	has_certificate(p, 0);
	fares(p, 1, EXISTS);
	assert_int_equal(0, device_now(p->who[1].device.row).pending_certificate);
}

static void
set_profile(const char *name)
{
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };

	assert_int_equal(OK, read_fleet(h.reader, fleet.fleet.row, &fleet.fleet));
	strcpy(fleet.fleet.profile, name);
	change_fleet_set(c, &fleet.fleet);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
}

/* The signer refuses what it is asked for one fleet, in the same message as it signs for another. */
static void
the_signers_refusal_is_ones_own(void **state)
{
	struct party *p = party_new();
	struct home_fleet first = fleet;
	struct unit good = waiting(1);
	struct authority other = home_authority(&h, "other", AUTHORITY_ISSUING, "root");
	int64_t size;

	(void)state;
	home_fleet_add(&h, &fleet, &other, false);
	set_profile("no-such-profile");
	joins(p, waiting(2).birth, fresh());
	joins(p, good.birth, fresh());
	joins(p, waiting(3).birth, fresh());
	size = home_ledger_size(&h);
	enrols(p);
	assert_int_not_equal(OK, p->applicants[0].status);
	assert_int_equal(p->applicants[0].status, p->applicants[0].diag.status);
	has_certificate(p, 1);
	assert_int_not_equal(OK, p->applicants[2].status);
	assert_int_equal(size + 1, home_ledger_size(&h));
	fleet = first;
}

static void
without_the_signer_all_may_come_again(void **state)
{
	struct party *p = party_new(), *again = party_new();
	struct unit units[3];
	span csrs[3];
	int64_t size;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		units[k] = waiting(k + 1);
		csrs[k] = fresh();
		joins(p, units[k].birth, csrs[k]);
		joins(again, units[k].birth, csrs[k]);
	}
	size = home_ledger_size(&h);
	/* It cannot come back: its passphrase is gone. */
	assert_int_equal(0, unlink(h.passphrase));
	assert_int_equal(0, kill(signer_pid(h.signer), SIGKILL));
	enrols(p);
	for (size_t k = 0; k < 3; k++) {
		fares(p, k, UNAVAILABLE);
	}
	assert_int_equal(size, home_ledger_size(&h));
	home_write(&h, "passphrase", span_text("correct horse\n"));
	enrols(again);
	for (size_t k = 0; k < 3; k++) {
		has_certificate(again, k);
	}
}

/* --- the door --- */

static void
first_uses_are_confirmed_together(void **state)
{
	struct session sessions[4];
	struct admission who[4];
	struct arrival list[4];
	struct outcome first, second;
	struct unit u = waiting(1), v = waiting(2);
	static const uint8_t nobody[32] = { 9 };
	const uint8_t *fingerprints[4];
	int64_t size;

	(void)state;
	first = enrolled(u.birth, fresh(), false);
	second = enrolled(v.birth, fresh(), false);
	fingerprints[0] = first.certificate.fingerprint;
	fingerprints[1] = nobody;
	fingerprints[2] = second.certificate.fingerprint;
	fingerprints[3] = first.certificate.fingerprint; /* once more */
	for (size_t k = 0; k < 4; k++) {
		sessions[k] = h.session;
		sessions[k].actor = (struct actor){ .kind = ACTOR_DEVICE };
		list[k] = (struct arrival){
			.session = &sessions[k], .fingerprint = fingerprints[k], .out = &who[k]
		};
	}
	size = home_ledger_size(&h);
	admit_devices(list, 4);
	assert_int_equal(NOT_FOUND, list[1].status);
	assert_int_equal(0, sessions[1].actor.device);
	for (size_t k = 0; k < 4; k += k == 0 ? 2 : 1) {
		int64_t device = k == 2 ? v.device.row : u.device.row;

		assert_int_equal(OK, list[k].status);
		assert_int_equal(ACCESS_FULL, who[k].access);
		assert_int_equal(device, sessions[k].actor.device);
		assert_int_equal(CERTIFICATE_CURRENT, who[k].certificate.status);
		assert_int_equal(DEVICE_ACTIVE, device_now(device).state);
	}
	assert_int_equal(size + 2, home_ledger_size(&h));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ENROLLING_TEST(good_ones_each_get_their_own),
		ENROLLING_TEST(refused_ones_take_nobody_with_them),
		ENROLLING_TEST(all_can_be_refused),
		ENROLLING_TEST(the_same_request_twice_is_one_certificate),
		ENROLLING_TEST(requests_of_one_device_follow_each_other),
		ENROLLING_TEST(who_asks_too_often_is_told),
		ENROLLING_TEST(one_key_is_not_two_devices),
		ENROLLING_TEST(the_signers_refusal_is_ones_own),
		ENROLLING_TEST(without_the_signer_all_may_come_again),
		ENROLLING_TEST(first_uses_are_confirmed_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
