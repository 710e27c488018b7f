/* tenure-agent as it is started at a shell, against the fake server: words and exit statuses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"
#include "ground.h"

#define LIMIT_MS 20000

static char lines[4096]; /* of the last run's standard output */

static int
agent(const char *const *words)
{
	const char *argv[12] = { getenv("TENURE_AGENT"), "--dir", ground.folder };
	struct spawned p;
	char line[2048];
	size_t n = 3, used = 0;

	for (; *words != NULL; words++) {
		argv[n++] = *words;
	}
	argv[n] = NULL;
	spawn_program(&p, argv);
	lines[0] = '\0';
	while (spawned_line(&p, line, sizeof(line), LIMIT_MS) && used < sizeof(lines) - 2) {
		used += (size_t)snprintf(lines + used, sizeof(lines) - used, "%s\n", line);
	}
	return spawned_end(&p, 0, LIMIT_MS);
}
#define AGENT(...) agent((const char *const[]){ __VA_ARGS__, NULL })

static void
test_a_life(void **state)
{
	(void)state;
	assert_int_equal(AGENT("state"), 0);
	assert_non_null(strstr(lines, "HELD"));
	assert_int_equal(AGENT("enrol"), 1); /* held */
	assert_int_equal(AGENT("use"), 1);
	assert_int_equal(AGENT("export"), 1);
	assert_int_equal(ground.server.world->issued_count, 0);

	fake_set_state(&ground.server, FAKE_AWAITING);
	assert_int_equal(AGENT("enrol"), 0);
	assert_int_equal(ground.server.world->issued_count, 1);
	assert_int_equal(AGENT("enrol"), 0); /* it has one already */
	assert_int_equal(ground.server.world->issued_count, 1);
	assert_int_equal(ground.server.world->state, FAKE_AWAITING);
	assert_int_equal(AGENT("use"), 0);
	assert_int_equal(ground.server.world->state, FAKE_ACTIVE);
	assert_int_equal(AGENT("use"), 0);
	assert_int_equal(AGENT("state", "--json"), 0);
	assert_non_null(strstr(lines, "\"access\":\"full\""));

	assert_int_equal(AGENT("renew"), 0);
	assert_non_null(strstr(lines, "generation 2"));
	assert_int_equal(ground.server.world->issued_count, 2);
	assert_int_equal(ground.server.world->issued[0].status, FAKE_SUPERSEDED);
	assert_int_equal(ground.server.world->issued[1].status, FAKE_CURRENT);
	assert_int_equal(AGENT("renew"), 0);
	assert_int_equal(AGENT("use"), 0);

	fake_set_state(&ground.server, FAKE_SUSPENDED);
	assert_int_equal(AGENT("use"), 1);
	assert_int_equal(AGENT("renew"), 1);
	assert_int_equal(AGENT("state"), 0); /* by the birth identity */
	assert_non_null(strstr(lines, "SUSPENDED"));
	assert_non_null(strstr(lines, "birth"));
	fake_set_state(&ground.server, FAKE_ACTIVE);
	assert_int_equal(AGENT("use"), 0);
	assert_int_equal(ground.server.world->issued_count, 3);
}

static void
test_run(void **state)
{
	(void)state;
	assert_int_equal(AGENT("run", "--once"), 0);
	assert_int_equal(AGENT("run", "--until", "HELD"), 0);
	fake_set_state(&ground.server, FAKE_AWAITING);
	assert_int_equal(AGENT("run", "--until", "ACTIVE"), 0);
	assert_int_equal(ground.server.world->issued_count, 1);
	ground.server.world->renew_now = 1;
	assert_int_equal(AGENT("run", "--once"), 0);
	assert_int_equal(ground.server.world->issued_count, 2);
	assert_int_equal(ground.server.world->confirmed, 2);
}

static void
test_export(void **state)
{
	(void)state;
	fake_set_state(&ground.server, FAKE_AWAITING);
	assert_int_equal(AGENT("run", "--until", "ACTIVE"), 0);
	assert_int_equal(AGENT("export"), 0);
	assert_non_null(strstr(lines, "BEGIN CERTIFICATE"));
	assert_null(strstr(lines, "PRIVATE KEY"));
	assert_int_equal(AGENT("export", "--with-key"), 0);
	assert_ptr_equal(strstr(lines, "-----BEGIN PRIVATE KEY"), lines);
}

static void
test_exit_statuses(void **state)
{
	static const struct {
		const char *words[5];
		int exit;
	} table[] = {
		{ { "help" }, 0 },
		{ { "version" }, 0 },
		{ { "--help" }, 0 },
		{ { NULL }, 2 },
		{ { "enroll" }, 2 },
		{ { "state", "use" }, 2 },
		{ { "state", "--jason" }, 2 },
		{ { "run", "--until", "active" }, 2 },
		{ { "state", "--server" }, 2 },
		{ { "state", "--server", "http://127.0.0.1" }, 1 },
		{ { "state", "--server", "https://127.0.0.1:1/x" }, 1 },
		{ { "state", "--fleet", "../x" }, 1 },
		{ { "state", "--ca", "/nonexistent" }, 1 },
		{ { "state", "--server", "https://127.0.0.1:1" }, 3 },
		{ { "use" }, 1 },
		{ { "renew" }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (agent(table[i].words) != table[i].exit) {
			fail_msg("case %zu, %s: another exit status than %d", i, table[i].words[0],
				table[i].exit);
		}
	}
}

/* The server's certificate is for 127.0.0.1 and of one root: everything else is refused, and nothing is asked. */
static void
test_server_is_verified(void **state)
{
	X509 *strangers[2] = { ground.server.pki.stranger.certificate, NULL };
	char url[64], path[600];

	(void)state;
	/* Another name of the same address, which needs no list of hosts. */
	snprintf(url, sizeof(url), "https://127.1:%u", ground.server.port);
	assert_int_equal(AGENT("state", "--server", url), 1);
	snprintf(path, sizeof(path), "%s/ca.pem", ground.folder);
	fake_write_pem(path, strangers);
	assert_int_equal(AGENT("state"), 1);
	assert_int_equal(ground.server.world->requests, 0);
}

static void
test_one_agent_at_a_time(void **state)
{
	struct diag d = { 0 };
	char path[600];
	int lock;

	(void)state;
	snprintf(path, sizeof(path), "%s/lock", ground.folder);
	assert_ok(file_lock(path, &lock, &d), d);
	assert_int_equal(AGENT("enrol"), 1);
	assert_int_equal(AGENT("run", "--once"), 1);
	assert_int_equal(AGENT("state"), 0); /* only looks */
	close(lock);
	assert_int_equal(AGENT("run", "--once"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_life, ground_held, ground_clear),
		cmocka_unit_test_setup_teardown(test_run, ground_held, ground_clear),
		cmocka_unit_test_setup_teardown(test_export, ground_held, ground_clear),
		cmocka_unit_test_setup_teardown(test_exit_statuses, ground_held, ground_clear),
		cmocka_unit_test_setup_teardown(test_server_is_verified, ground_held, ground_clear),
		cmocka_unit_test_setup_teardown(
			test_one_agent_at_a_time, ground_held, ground_clear),
	};

	return cmocka_run_group_tests(tests, ground_set_up, ground_tear_down);
}
