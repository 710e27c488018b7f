/*
 * The agent killed at each of its acts and started again: always active in the end, with one
 * certificate issued for each that was wanted, none lost; the server's current one is the one on disk; no litter.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "driver.h"
#include "ground.h"
#include "fake_element.h"

static struct fake_element element;

enum scenario { FIRST_ENROLMENT, RENEWAL, REENROLMENT };

/* A device that has something to do; how many certificates it will have been given by the end. */
static int
prepare(enum scenario scenario)
{
	ground_awaiting(NULL);
	if (scenario == FIRST_ENROLMENT) {
		return 1;
	}
	assert_false(drive_killed(&ground.server, ground.folder, 0));
	if (scenario == RENEWAL) {
		ground.server.world->renew_now = 1;
	} else {
		ground.server.world->issued[0].status = FAKE_REVOKED;
		fake_set_state(&ground.server, FAKE_AWAITING);
	}
	return 2;
}

static void
assert_no_litter(const char *sub)
{
	static const char *const known[] = { ".", "..", "agent.conf", "ca.pem", "element",
		"identity.pem", "lock", "serial", "birth.pem", "slot0.key", "slot2.key",
		"slot3.key", "slot4.key" };
	char path[600];
	struct dirent *one;
	DIR *all;

	snprintf(path, sizeof(path), "%s/%s", ground.folder, sub);
	all = opendir(path);
	assert_non_null(all);
	while ((one = readdir(all)) != NULL) {
		bool is_known = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			is_known = is_known || strcmp(known[i], one->d_name) == 0;
		}
		if (!is_known) {
			fail_msg("%s/%s was left behind", path, one->d_name);
		}
	}
	closedir(all);
}

static void
assert_settled(int wanted)
{
	const struct fake_issued *last;
	struct agent a;

	assert_int_equal(ground.server.world->state, FAKE_ACTIVE);
	assert_int_equal(ground.server.world->issued_count, wanted);
	assert_int_equal(ground.server.world->proven, ground.server.element != NULL ? wanted : 0);
	assert_int_equal(fake_lost(&ground.server), 0);
	last = &ground.server.world->issued[wanted - 1];
	assert_int_equal(last->status, FAKE_CURRENT);
	driver_open(&ground.server, ground.folder, &a);
	assert_true(a.kept.identity.is_there);
	assert_int_equal(a.kept.identity.chain[0].len, last->len);
	assert_memory_equal(a.kept.identity.chain[0].data, last->der, last->len);
	agent_close(&a);
	assert_no_litter(".");
	assert_no_litter("element");
}

static void
kill_everywhere(enum scenario scenario)
{
	bool was_killed = true;
	int at;

	for (at = 1; was_killed; at++) {
		int wanted = prepare(scenario);

		was_killed = drive_killed(&ground.server, ground.folder, at);
		if (was_killed) {
			assert_false(drive_killed(&ground.server, ground.folder, 0));
		}
		assert_settled(wanted);
		ground_clear(NULL);
	}
	print_message("# %d acts\n", at - 2);
	assert_true(at > 40); /* it was killed at all */
}

static int
use_a_part(void **state)
{
	(void)state;
	fake_element_start(&element, "trustflex-tls");
	ground.server.element = element.address;
	return 0;
}

static int
use_files(void **state)
{
	(void)state;
	ground.server.element = NULL;
	fake_element_stop(&element);
	return 0;
}

static void
test_first_enrolment(void **state)
{
	(void)state;
	kill_everywhere(FIRST_ENROLMENT);
}

static void
test_renewal(void **state)
{
	(void)state;
	kill_everywhere(RENEWAL);
}

static void
test_reenrolment(void **state)
{
	(void)state;
	kill_everywhere(REENROLMENT);
}

/* Killed again and again, each time a little further or not as far. */
static void
test_many_times(void **state)
{
	unsigned random = 20261123;

	(void)state;
	for (int round = 0; round < 20; round++) {
		int wanted = prepare((enum scenario)(round % 3)), kills = 0;

		do {
			random = random * 1103515245 + 12345;
			kills++;
		} while (drive_killed(&ground.server, ground.folder,
			kills < 12 ? 1 + (int)(random >> 16) % 70 : 0));
		assert_settled(wanted);
		ground_clear(NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_enrolment),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_reenrolment),
		cmocka_unit_test(test_many_times),
		cmocka_unit_test_setup_teardown(test_first_enrolment, use_a_part, use_files),
		cmocka_unit_test_setup_teardown(test_renewal, use_a_part, use_files),
		cmocka_unit_test_setup_teardown(test_many_times, use_a_part, use_files),
	};

	return cmocka_run_group_tests(tests, ground_set_up, ground_tear_down);
}
