/* The agent with an element that proves its keys: what it asks for, what it sends, and what it makes of refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "driver.h"
#include "ground.h"
#include "fake_element.h"
#include "pki/csr.h"

static struct fake_element element;

static int
set_up(void **state)
{
	fake_element_start(&element, "trustflex-tls");
	return ground_set_up(state);
}

static int
tear_down(void **state)
{
	fake_element_stop(&element);
	return ground_tear_down(state);
}

static int
fresh(void **state)
{
	ground.server.element = element.address;
	return ground_awaiting(state);
}

/* Another part with the same serial number, nothing locked. */
static int
clear_element(void **state)
{
	fake_element_stop(&element);
	fake_element_start(&element, "trustflex-tls");
	return ground_clear(state);
}

static void
test_every_key_is_proven(void **state)
{
	struct diag d = { 0 };

	(void)state;
	assert_ok(drive_until_active(&ground.server, ground.folder, 1, &d), d);
	for (int renewals = 1; renewals < 5; renewals++) {
		ground.server.world->renew_now = 1;
		fake_set_state(&ground.server, FAKE_ACTIVE);
		assert_ok(drive_until_active(&ground.server, ground.folder, 1, &d), d);
		assert_int_equal(ground.server.world->proven, 1 + renewals);
		assert_int_equal(ground.server.world->issued_count, 1 + renewals);
	}
	assert_int_equal(ground.server.world->challenges, 5);
}

/* The first step of this action, done. */
static status
up_to(struct agent *a, enum plan_action action, struct diag *d)
{
	for (int i = 0; i < 100; i++) {
		struct plan_step step = agent_next(a);
		status s;

		diag_clear(d);
		s = agent_do(a, &step, d);
		if (step.action == action) {
			return s;
		}
	}
	return BUG;
}

static void
test_an_older_server(void **state)
{
	struct diag d = { 0 };
	struct agent a;
	struct csr csr;

	(void)state;
	ground.server.world->wants_proofs = 0;
	driver_open(&ground.server, ground.folder, &a);
	assert_ok(up_to(&a, PLAN_MAKE_REQUEST, &d), d);
	assert_ok(csr_read(a.kept.request.der, &csr, &d), d);
	assert_int_equal(csr_attribute(&csr, OID_EVIDENCE).len, 0);
	assert_ok(up_to(&a, PLAN_SEND, &d), d);
	agent_close(&a);
	assert_int_equal(ground.server.world->issued_count, 1);
}

/* Files prove nothing: no challenge is asked for, and the server's word about that is an ordinary refusal. */
static void
test_an_element_that_cannot(void **state)
{
	struct diag d = { 0 };
	struct agent a;
	uint8_t first[32], again[32];

	(void)state;
	ground_clear(NULL);
	ground.server.element = NULL;
	ground_awaiting(NULL);
	ground.server.world->wants_proofs = 1;
	driver_open(&ground.server, ground.folder, &a);
	assert_int_equal(up_to(&a, PLAN_SEND, &d), DENIED);
	assert_true(a.kept.request.is_there);
	sha256(a.kept.request.der, first);
	assert_int_equal(up_to(&a, PLAN_SEND, &d), DENIED);
	sha256(a.kept.request.der, again);
	assert_memory_equal(first, again, 32);
	agent_close(&a);
	assert_int_equal(ground.server.world->challenges, 0);
}

/* The same request goes out again after a lost reply: its challenge is burnt by itself. */
static void
test_a_lost_reply(void **state)
{
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	driver_open(&ground.server, ground.folder, &a);
	assert_ok(up_to(&a, PLAN_MAKE_REQUEST, &d), d);
	ground.server.world->fault = FAKE_LOSES_REPLY;
	(void)up_to(&a, PLAN_SEND, &d);
	agent_close(&a);
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	assert_int_equal(ground.server.world->issued_count, 1);
	assert_int_equal(ground.server.world->proven, 1);
	assert_int_equal(ground.server.world->challenges, 1);
}

/* Its challenge ran out before it could be sent: another key, another challenge, in the same free slot. */
static void
test_a_stale_challenge(void **state)
{
	struct diag d = { 0 };
	uint8_t first[32], second[32];
	struct agent a;

	(void)state;
	driver_open(&ground.server, ground.folder, &a);
	assert_ok(up_to(&a, PLAN_MAKE_REQUEST, &d), d);
	sha256(a.kept.request.der, first);
	ground.server.world->challenge_least = ground.server.world->challenges + 1;
	assert_int_equal(up_to(&a, PLAN_SEND, &d), CONFLICT);
	assert_false(a.kept.request.is_there);
	assert_ok(up_to(&a, PLAN_MAKE_REQUEST, &d), d);
	sha256(a.kept.request.der, second);
	assert_memory_not_equal(first, second, 32);
	assert_ok(up_to(&a, PLAN_SEND, &d), d);
	agent_close(&a);
	assert_int_equal(ground.server.world->issued_count, 1);
	assert_int_equal(ground.server.world->challenges, 2);
}

/* A server that never takes a proof is asked at the pace of the back-off, not in a loop. */
static void
test_a_proof_that_is_never_taken(void **state)
{
	struct diag d = { 0 };
	struct agent a;
	int sent = 0;

	(void)state;
	ground.server.world->refuses_proofs = 1;
	driver_open(&ground.server, ground.folder, &a);
	for (int i = 0; i < 60; i++) {
		struct plan_step step = agent_next(&a);

		diag_clear(&d);
		(void)!agent_do(&a, &step, &d);
		sent += step.action == PLAN_SEND;
	}
	assert_true(sent > 2);
	assert_int_equal(a.plan.bad_requests, sent); /* the plan's test has what comes of it */
	assert_int_equal(ground.server.world->issued_count, 0);
	assert_int_equal(ground.server.world->challenges, sent + (a.plan.held.has_request ? 1 : 0));
	agent_close(&a);
}

static void
lock_slot(unsigned slot)
{
	struct element *e = NULL;
	struct diag d = { 0 };

	assert_ok(element_open(element.address, element.folder, &e, &d), d);
	assert_ok(e->operations->lock(e, slot, &d), d);
	element_close(e);
}

static void
renew_into(unsigned slot, int generation)
{
	struct diag d = { 0 };
	struct agent a;

	ground.server.world->renew_now = 1;
	fake_set_state(&ground.server, FAKE_ACTIVE);
	assert_ok(drive_until_active(&ground.server, ground.folder, 1, &d), d);
	driver_open(&ground.server, ground.folder, &a);
	assert_int_equal(a.kept.identity.slot, slot);
	assert_int_equal(a.kept.identity.generation, generation);
	agent_close(&a);
}

/* As many steps as there are; how often the server was asked by them. */
static int
asks_of(struct agent *a, int steps)
{
	struct diag d = { 0 };
	int asks = 0;

	for (int i = 0; i < steps; i++) {
		struct plan_step step = agent_next(a);

		assert_true(step.action == PLAN_ASK || step.action == PLAN_WAIT);
		asks += step.action == PLAN_ASK;
		diag_clear(&d);
		assert_ok(agent_do(a, &step, &d), d);
	}
	return asks;
}

/* Needs an element of its own: what is locked stays so. */
static void
test_locked_slots(void **state)
{
	struct plan_step step;
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	lock_slot(3);
	assert_ok(drive_until_active(&ground.server, ground.folder, 1, &d), d);
	renew_into(4, 2);
	renew_into(2, 3);
	renew_into(4, 4);
	assert_int_equal(ground.server.world->proven, 4);

	/* Locked while the agent is at work: it is seen when the key cannot be made. */
	driver_open(&ground.server, ground.folder, &a);
	ground.server.world->renew_now = 1;
	fake_set_state(&ground.server, FAKE_ACTIVE);
	assert_ok(up_to(&a, PLAN_ASK, &d), d);
	lock_slot(2);
	assert_int_equal(agent_next(&a).slot, 2);
	assert_int_equal(up_to(&a, PLAN_MAKE_REQUEST, &d), UNAVAILABLE);
	assert_non_null(strstr(d.text, "slot 2"));

	/* None is left: it stays what it is, asks at its pace, and says why. */
	a.plan.limits.poll_s = 1;
	assert_true(asks_of(&a, 3) >= 1);
	diag_clear(&d);
	step = agent_next(&a);
	assert_true(step.action == PLAN_WAIT || step.lacks_slot);
	assert_int_equal(agent_lacks_slot(&a, &d), DENIED);
	assert_non_null(strstr(d.text, "2, 3; the present identity stays"));
	assert_int_equal(a.kept.identity.slot, 4);
	assert_int_equal(ground.server.world->issued_count, 4);
	agent_close(&a);
}

static status
vanish(struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64], struct diag *d)
{
	return diag_set(d, UNAVAILABLE, NULL, "the part vanished");
}

/* In the middle of a handshake: the words are the element's, not the server's name and what libssl makes of it. */
static void
test_an_element_that_vanishes(void **state)
{
	const struct element_operations *whole;
	struct element_operations broken;
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	assert_ok(drive_until_active(&ground.server, ground.folder, 1, &d), d);
	driver_open(&ground.server, ground.folder, &a);
	whole = a.element->operations;
	broken = *whole;
	broken.sign = vanish;
	a.element->operations = &broken;
	assert_int_equal(up_to(&a, PLAN_ASK, &d), UNAVAILABLE);
	assert_string_equal(d.text, "the element does not sign: the part vanished");
	a.element->operations = whole;
	diag_clear(&d);
	a.plan.retry_at_ms = 0;
	assert_ok(up_to(&a, PLAN_ASK, &d), d);
	agent_close(&a);
}

/* The element is gone: nothing of what is on disk counts as damaged by that. */
static void
test_an_element_that_is_gone(void **state)
{
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	assert_ok(drive_until_active(&ground.server, ground.folder, 1, &d), d);
	driver_open(&ground.server, ground.folder, &a);
	fake_element_stop(&element);
	ground.server.world->renew_now = 1;
	fake_set_state(&ground.server, FAKE_ACTIVE);
	assert_int_equal(up_to(&a, PLAN_ASK, &d), UNAVAILABLE);
	assert_true(a.plan.held.has_identity);
	agent_close(&a);
	fake_element_start(&element, "trustflex-tls");
	/* Another part with the same serial number: its keys are others. */
	ground.server.element = element.address;
	driver_open(&ground.server, ground.folder, &a);
	assert_false(a.kept.identity.is_there);
	assert_false(a.kept.birth.is_there);
	assert_int_equal(agent_next(&a).action, PLAN_STUCK);
	agent_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_key_is_proven, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(test_an_older_server, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(test_an_element_that_cannot, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(test_a_lost_reply, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(test_a_stale_challenge, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(
			test_a_proof_that_is_never_taken, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(test_locked_slots, fresh, clear_element),
		cmocka_unit_test_setup_teardown(test_an_element_that_vanishes, fresh, ground_clear),
		cmocka_unit_test_setup_teardown(test_an_element_that_is_gone, fresh, ground_clear),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
