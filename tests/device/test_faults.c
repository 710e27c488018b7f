/* The server answers wrongly, once: what the agent makes of it, and that it goes on afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"
#include "driver.h"
#include "ground.h"

static bool
is_there(const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", ground.folder, name);
	return access(path, F_OK) == 0;
}

/* Does the plan's steps up to and with the first of this action. */
static status
up_to(struct agent *a, enum plan_action action, enum fake_fault fault, struct diag *d)
{
	for (int i = 0; i < 50; i++) {
		struct plan_step step = agent_next(a);
		status s;

		if (step.action == action) {
			ground.server.world->fault = fault;
		}
		diag_clear(d);
		s = agent_do(a, &step, d);
		if (step.action == action) {
			return s;
		}
		assert_ok(s, *d);
	}
	return BUG;
}

/* `is_repeated`: the same request goes out again and gets the same certificate. */
static const struct {
	enum fake_fault fault;
	status expected;
	int issued; /* in the end */
	const char *words;
} enrolments[] = {
	/* On a connection that was kept, the client itself asks once more. */
	{ FAKE_LOSES_REPLY, OK, 1, "" },
	{ FAKE_CLOSES_BEFORE, OK, 1, "" },
	{ FAKE_CUTS, UNAVAILABLE, 1, "" },
	{ FAKE_HUGE, LIMIT, 1, "bytes" },
	{ FAKE_ENDLESS, LIMIT, 1, "larger" },
	{ FAKE_WRONG_TYPE, BAD_INPUT, 1, "pkcs7-mime" },
	{ FAKE_NO_BASE64, BAD_INPUT, 1, "base64" },
	{ FAKE_NO_CMS, BAD_INPUT, 1, "" },
	{ FAKE_NOT_HTTP, BAD_INPUT, 1, "HTTP" },
	{ FAKE_REDIRECTS, BAD_INPUT, 1, "307" },
	{ FAKE_BUSY, UNAVAILABLE, 1, "later" },
	{ FAKE_NOTHING_ISSUED, BAD_INPUT, 1, "0 certificates for our key" },
	{ FAKE_CHUNKED, OK, 1, "" },
	/* A wrong certificate: refused for ever, since the same request gives the same one. */
	{ FAKE_OTHER_KEY, BAD_INPUT, 0, "our key" },
	{ FAKE_OTHER_SERIAL, BAD_INPUT, 0, "does not name this element" },
	{ FAKE_STRANGER_CA, CRYPTO, 0, "chain" },
	{ FAKE_CA_CERTIFICATE, CRYPTO, 0, "CA" },
	{ FAKE_NOT_YET_VALID, CRYPTO, 0, "not yet valid" },
	/* This one is over: another key, another certificate. */
	{ FAKE_EXPIRED, CONFLICT, 2, "expired" },
};

static void
test_enrolment_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(enrolments) / sizeof(enrolments[0]); i++) {
		struct diag d = { 0 };
		struct agent a;
		status s;

		ground_awaiting(NULL);
		driver_open(&ground.server, ground.folder, &a);
		s = up_to(&a, PLAN_SEND, enrolments[i].fault, &d);
		agent_close(&a);
		if (s != enrolments[i].expected || strstr(d.text, enrolments[i].words) == NULL) {
			fail_msg("case %zu: %s: %s", i, status_name(s), d.text);
		}
		assert_int_equal(is_there("next.pem"), s == OK);
		assert_int_equal(is_there("next.csr"), s != OK && s != CONFLICT);
		diag_clear(&d);
		if (enrolments[i].issued > 0) {
			assert_ok(drive_until_active(&ground.server, ground.folder, 5, &d), d);
			assert_int_equal(ground.server.world->issued_count, enrolments[i].issued);
		} else {
			assert_int_not_equal(
				drive_until_active(&ground.server, ground.folder, 3, &d), OK);
			assert_false(is_there("identity.pem") || is_there("next.pem"));
		}
		ground_clear(NULL);
	}
}

static void
test_state_faults(void **state)
{
	static const struct {
		enum fake_fault fault;
		status expected;
	} table[] = { { FAKE_LOSES_REPLY, UNAVAILABLE }, { FAKE_CUTS, UNAVAILABLE },
		{ FAKE_HUGE, LIMIT }, { FAKE_ENDLESS, LIMIT }, { FAKE_WRONG_TYPE, BAD_INPUT },
		{ FAKE_NO_BASE64, BAD_INPUT }, { FAKE_NO_CMS, BAD_INPUT },
		{ FAKE_NOT_HTTP, BAD_INPUT }, { FAKE_REDIRECTS, BAD_INPUT },
		{ FAKE_BUSY, UNAVAILABLE }, { FAKE_CHUNKED, OK } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct diag d = { 0 };
		struct agent a;
		status s;

		ground_awaiting(NULL);
		driver_open(&ground.server, ground.folder, &a);
		s = up_to(&a, PLAN_ASK, table[i].fault, &d);
		if (s != table[i].expected) {
			fail_msg("case %zu: %s: %s", i, status_name(s), d.text);
		}
		agent_close(&a);
		assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
		ground_clear(NULL);
	}
}

/* The reply that confirms is lost: the certificate is the current one at the ground.server, and so it becomes here. */
static void
test_confirmation_is_lost(void **state)
{
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	driver_open(&ground.server, ground.folder, &a);
	assert_ok(up_to(&a, PLAN_SEND, FAKE_NO_FAULT, &d), d);
	assert_int_equal(up_to(&a, PLAN_ASK, FAKE_LOSES_REPLY, &d), UNAVAILABLE);
	assert_int_equal(ground.server.world->state, FAKE_ACTIVE);
	assert_true(is_there("next.pem"));
	agent_close(&a);
	diag_clear(&d);
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	assert_int_equal(ground.server.world->confirmed, 1);
	assert_false(is_there("next.pem"));
}

/* The waiting certificate is taken back before its first use: another is fetched. */
static void
test_waiting_is_withdrawn(void **state)
{
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	driver_open(&ground.server, ground.folder, &a);
	assert_ok(up_to(&a, PLAN_SEND, FAKE_NO_FAULT, &d), d);
	agent_close(&a);
	ground.server.world->issued[0].status = FAKE_WITHDRAWN;
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	assert_int_equal(ground.server.world->issued_count, 2);
}

/* A suspension takes nothing away: neither what is in use, nor what waits for its first use. */
static void
test_suspension(void **state)
{
	struct diag d = { 0 };
	struct agent a;

	(void)state;
	driver_open(&ground.server, ground.folder, &a);
	assert_ok(up_to(&a, PLAN_SEND, FAKE_NO_FAULT, &d), d);
	fake_set_state(&ground.server, FAKE_SUSPENDED);
	agent_close(&a);
	assert_ok(drive_once(&ground.server, ground.folder, &d), d);
	assert_true(is_there("next.pem"));
	fake_set_state(&ground.server, FAKE_AWAITING);
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	fake_set_state(&ground.server, FAKE_SUSPENDED);
	assert_ok(drive_once(&ground.server, ground.folder, &d), d);
	fake_set_state(&ground.server, FAKE_ACTIVE);
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	assert_int_equal(ground.server.world->issued_count, 1);
}

/* Files that the agent cannot use count as absent; the birth identity brings it back. */
static void
test_damaged_files(void **state)
{
	static const char *const names[] = { "identity.pem", "next.pem", "next.csr",
		"element/slot2.key" };
	static const char *const contents[] = { "", "rubbish", "# slot: 9\n# generation: 1\n",
		("# slot: 2\n# generation: 1\n# renewal: 0\n-----BEGIN CERTIFICATE-----\nAAAA\n"
		 "-----END CERTIFICATE-----\n") };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(contents) / sizeof(contents[0]); k++) {
			struct diag d = { 0 };
			char path[600];

			ground_awaiting(NULL);
			assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
			snprintf(path, sizeof(path), "%s/%s", ground.folder, names[i]);
			assert_ok(file_replace(path, span_text(contents[k]), 0600, &d), d);
			assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
			assert_int_equal(
				ground.server.world->issued_count, i == 0 || i == 3 ? 2 : 1);
			ground_clear(NULL);
		}
	}
}

/* Without a birth identity the last good key is all there is, and without any it says so. */
static void
test_no_birth_identity(void **state)
{
	struct diag d = { 0 };
	char path[600];

	(void)state;
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	snprintf(path, sizeof(path), "%s/element/birth.pem", ground.folder);
	assert_int_equal(unlink(path), 0);
	ground.server.world->renew_now = 1;
	assert_ok(drive_until_active(&ground.server, ground.folder, 3, &d), d);
	assert_int_equal(ground.server.world->issued_count, 2);
	snprintf(path, sizeof(path), "%s/identity.pem", ground.folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(drive_until_active(&ground.server, ground.folder, 1, &d), NOT_FOUND);
	assert_non_null(strstr(d.text, "birth"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enrolment_faults),
		cmocka_unit_test(test_state_faults),
		cmocka_unit_test_setup_teardown(
			test_confirmation_is_lost, ground_awaiting, ground_clear),
		cmocka_unit_test_setup_teardown(
			test_waiting_is_withdrawn, ground_awaiting, ground_clear),
		cmocka_unit_test_setup_teardown(test_suspension, ground_awaiting, ground_clear),
		cmocka_unit_test(test_damaged_files),
		cmocka_unit_test_setup_teardown(
			test_no_birth_identity, ground_awaiting, ground_clear),
	};

	return cmocka_run_group_tests(tests, ground_set_up, ground_tear_down);
}
