#include "enrolling.h"

#include <stdio.h>

#include "lifecycle/registry.h"
#include "lifecycle/retire.h"

/* --- orders and withdrawals --- */

static void
a_renewal_is_ordered(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome first = in_use(&u), o;
	struct diag d = { 0 };

	(void)state;
	assert_true(first.device.renew_after_s > TEST_TIME_S);
	h.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(rotate_device(&h.session, u.device.row, &o, &d), d);
	assert_int_equal(TEST_TIME_S, device_now(u.device.row).renew_after_s);
	assert_true(holds(home_ledger_last(&h), "\"reason\":\"ordered\""));
	/* Done: the next date is a date of the new certificate. */
	o = enrolled(first.certificate.fingerprint, csr_new(KEY_P256, ""), true);
	{
		struct admission a;

		assert_int_equal(ACCESS_FULL, admit(o.certificate.fingerprint, &a));
		assert_true(a.device.renew_after_s > TEST_TIME_S);
	}
}

static void
what_was_never_used_is_taken_back(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE),
		    v = unit_new(2, DEVICE_AWAITING_DEVICE);
	struct outcome unused = enrolled(u.birth, csr_new(KEY_P256, ""), false);
	struct outcome used = in_use(&v);
	struct diag d = { 0 };
	struct admission a;
	size_t count;

	(void)state;
	h.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	home_add_s(&h, 7 * 86400 - 61);
	assert_ok(certificates_withdraw(&h.session, 10, &count, &d), d);
	assert_int_equal(0, count);
	home_add_s(&h, 62);
	assert_ok(certificates_withdraw(&h.session, 10, &count, &d), d);
	assert_int_equal(1, count);
	assert_true(holds(home_ledger_last(&h), "\"event\":\"withdraw\""));
	assert_int_equal(CERTIFICATE_WITHDRAWN, certificate_now(unused.certificate.row).status);
	assert_int_equal(0, device_now(u.device.row).pending_certificate);
	assert_int_equal(1, deny_count(&unused.certificate));
	assert_int_equal(CERTIFICATE_CURRENT, certificate_now(used.certificate.row).status);
	assert_ok(certificates_withdraw(&h.session, 10, &count, &d), d);
	assert_int_equal(0, count);
	assert_int_equal(ACCESS_REFUSED, admit(unused.certificate.fingerprint, &a));
	/* Not shut out: with a new key it comes back. */
	(void)in_use(&u);
}

/* --- who is at the door --- */

/* "Its own proof" at the desk is the device's of today: nobody's who kept a key of it that ended. */
static void
a_refused_key_proves_nothing(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome first = in_use(&u), next;
	struct diag d = { 0 };
	struct admission a;
	int64_t seen_s = 0;

	(void)state;
	next = enrolled(first.certificate.fingerprint, csr_new(KEY_P256, ""), true);
	assert_int_equal(ACCESS_FULL, admit(next.certificate.fingerprint, &a));
	home_add_s(&h, RETURN_PROOF_S + 1);
	assert_int_equal(ACCESS_REFUSED, admit(first.certificate.fingerprint, &a));
	assert_int_equal(OK, read_device_seen(h.reader, u.device.row, &seen_s));
	assert_int_equal(h.session.now_s - RETURN_PROOF_S - 1, seen_s);
	h.session.actor =
		(struct actor){ .kind = ACTOR_OPERATOR, .account = { .role = OPERATOR_SUPPORT } };
	assert_int_equal(DENIED, return_device(&h.session, u.device.row, CONSENT_DEVICE_PROOF,
					 "defect", NULL, &next, &d));
	assert_int_equal(ACCESS_FULL, admit(next.certificate.fingerprint, &a));
	assert_int_equal(OK, read_device_seen(h.reader, u.device.row, &seen_s));
	assert_int_equal(h.session.now_s, seen_s);
}

static void
strangers_and_operators(void **state)
{
	struct operator_account *o = arena_alloc(h.arena, sizeof(*o));
	const char *token = "tnr_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
	static const uint8_t nobody[32] = { 9 };
	struct change *c = change_new(h.arena);
	struct admission a;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(NOT_FOUND, admit_device(&h.session, nobody, &a, &d));
	assert_int_equal(NOT_FOUND, admit_operator_certificate(&h.session, nobody, NULL));
	snprintf(o->name, sizeof(o->name), "ada");
	assert_int_equal(OK, id_new(&h.clock.clock, &o->id));
	o->role = OPERATOR_MAKER;
	sha256(span_text(token), o->token_hash);
	o->certificate_fingerprint[0] = 7;
	o->created_s = TEST_TIME_S;
	change_operator_add(c, o);
	diag_clear(&d);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	h.session.actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_int_equal(NOT_FOUND, admit_operator_token(&h.session, span_text(""), NULL));
	assert_int_equal(NOT_FOUND, admit_operator_token(&h.session, span_text("tnr_"), NULL));
	assert_int_equal(NOT_FOUND,
		admit_operator_token(&h.session, span_slice(span_text(token), 0, 40), NULL));
	assert_int_equal(NOT_FOUND,
		admit_operator_token(&h.session,
			span_text("tnr_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGabcdefghijklmnop"
				  "qrstuvwxyz"),
			NULL));
	assert_int_equal(ACTOR_DEVICE, h.session.actor.kind);
	assert_ok(admit_operator_token(&h.session, span_text(token), &d), d);
	assert_int_equal(ACTOR_OPERATOR, h.session.actor.kind);
	assert_string_equal("ada", h.session.actor.account.name);
	h.session.actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_ok(admit_operator_certificate(&h.session, o->certificate_fingerprint, &d), d);
	/* Disabled: known, and refused. */
	c = change_new(h.arena);
	o->is_disabled = true;
	change_operator_set(c, o);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	h.session.actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_int_equal(DENIED, admit_operator_token(&h.session, span_text(token), NULL));
	assert_int_equal(
		DENIED, admit_operator_certificate(&h.session, o->certificate_fingerprint, NULL));
	assert_int_equal(ACTOR_DEVICE, h.session.actor.kind);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ENROLLING_TEST(a_renewal_is_ordered),
		ENROLLING_TEST(what_was_never_used_is_taken_back),
		ENROLLING_TEST(a_refused_key_proves_nothing),
		ENROLLING_TEST(strangers_and_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
