#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "base/file.h"
#include "base/limits.h"
#include "home/configuration.h"

#define GOOD "ledger_guard = /var/lib/guard/tenure\nledger_origin = example.com/tenure\n"

static char home[] = "/tmp/tenure-conf-XXXXXX";
static struct arena *arena;

static status
load(const char *text, struct configuration *c, struct diag *d)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/tenure.conf", home);
	diag_clear(d);
	assert_int_equal(OK, file_replace(path, span_text(text), 0600, d));
	return configuration_load(arena, home, c, d);
}

static void
test_defaults(void **state)
{
	struct configuration c;
	struct diag d;
	assert_int_equal(OK, load(GOOD, &c, &d));
	char database[128];
	snprintf(database, sizeof(database), "%s/tenure.db", home);
	assert_string_equal(database, c.database);
	assert_string_equal("127.0.0.1:8443", c.listen);
	assert_string_equal("/var/lib/guard/tenure", c.ledger_guard);
	assert_int_equal(86400, c.crl_lifetime_s);
	assert_int_equal(30 * 86400, c.withdraw_after_s);
	assert_int_equal(HTTP_QUEUE_MAX, c.queue_max);
	assert_int_equal(HTTP_CONNECTIONS_MAX, c.connections_max);
	assert_int_equal(HTTP_BACKLOG, c.backlog);
	assert_int_equal(HTTP_HEADER_MS, c.header_timeout_s * 1000);
	assert_int_equal(HTTP_BODY_MS, c.body_timeout_s * 1000);
	assert_int_equal(HTTP_IDLE_MS, c.idle_timeout_s * 1000);
	assert_int_equal(HTTP_LINGER_MS, c.linger_s * 1000);
	assert_int_equal(HTTP_LINGER_MAX, c.linger_size);
	assert_string_equal("off", c.proxy_protocol);
	assert_string_equal("off", c.proxy_protocol_plain);
	assert_int_equal(HTTP_RATE_MIN, c.rate);
	assert_int_equal(HTTP_HEADER_MAX, c.header_size);
	assert_int_equal(HTTP_BODY_UNASKED, c.unasked_body);
	assert_int_equal(HTTP_BODIES_MAX, c.bodies);
	assert_int_equal(TLS_SESSIONS_MAX, c.sessions);
	assert_int_equal(TLS_SESSION_LIFETIME_S, c.session_lifetime_s);
	assert_int_equal(HTTP_HANDSHAKE_MS, c.handshake_timeout_s * 1000);
	assert_int_equal(0, c.address_connections);
	assert_string_equal("", c.passphrase_file);
}

/* By the cores within the bounds that hold for whoever says a number. */
static void
test_threads(void **state)
{
	static const struct {
		unsigned cores, loops, workers;
	} rows[] = { { 1, 1, 32 }, { 2, 2, 64 }, { 8, 8, 256 }, { 16, 16, 256 }, { 128, 64, 256 } };
	struct configuration c;
	struct diag d;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(OK, load(GOOD, &c, &d));
		assert_int_equal(rows[i].loops, configuration_loops(&c, rows[i].cores));
		assert_int_equal(rows[i].workers, configuration_workers(&c, rows[i].cores));
	}
	assert_int_equal(OK, load(GOOD "[http]\nworkers = 7\nloops = 3\n", &c, &d));
	assert_int_equal(3, configuration_loops(&c, 16));
	assert_int_equal(7, configuration_workers(&c, 16));
}

static void
test_values(void **state)
{
	struct configuration c;
	struct diag d;
	assert_int_equal(OK,
		load(GOOD "database = /elsewhere/t.db\nlog = debug\n[server]\nlisten = [::1]:0\n"
			  "listen_plain =\n[http]\nworkers = 7\n[signer]\n"
			  "passphrase_file = secret\n[schedule]\ncrl_every = 10m\n",
			&c, &d));
	assert_string_equal("/elsewhere/t.db", c.database);
	assert_string_equal("[::1]:0", c.listen);
	assert_string_equal("", c.listen_plain);
	assert_int_equal(7, c.workers);
	assert_int_equal(600, c.crl_every_s);
	assert_non_null(strstr(c.passphrase_file, home));
}

static const struct {
	const char *text;
	const char *words[3]; /* all must stand in the answer */
} bad[] = {
	{ "ledger_origin = x\n", { "ledger_guard", "must be given" } },
	{ GOOD "databse = x\n", { "line 3", "databse", "\"database\"" } },
	{ GOOD "[http]\nworker = 3\n", { "line 4", "worker", "\"workers\"" } },
	{ GOOD "[http]\nbody = 2g\n", { "line 4", "body" } }, /* never had an effect */
	{ GOOD "[server]\nport = 3\n", { "line 4", "port" } },
	{ GOOD "[http]\nworkers = many\n", { "line 4", "workers", "many" } },
	{ GOOD "[http]\nworkers = 100000\n", { "line 4", "workers", "256" } },
	{ GOOD "log = info\nlog = debug\n", { "line 4", "twice" } },
	{ GOOD "[schedule]\ncrl_every = 20h\n", { "crl_lifetime", "twice" } },
	{ GOOD "[server]\nurl = http://plain.example\n", { "https://" } },
	{ GOOD "[server]\nplain_url = http://plain.example/\n", { "without a /" } },
	{ GOOD "[server]\nproxy_protocol = v1\nproxy_from = 127.0.0.1\n", { "off or v2" } },
	{ GOOD "[server]\nproxy_protocol_plain = yes\n", { "off or v2" } },
	{ GOOD "[server]\nproxy_protocol = v2\n", { "proxy_from" } },
	{ GOOD "[server]\nproxy_protocol_plain = v2\n", { "proxy_from" } },
	{ GOOD "[http]\nheader_size = 17k\n", { "line 4", "header_size", "16384" } },
	{ GOOD "[http]\nrate = 0\n", { "line 4", "rate", "1" } },
	{ GOOD "[http]\nlinger = 61s\n", { "line 4", "linger", "60" } },
	{ GOOD "[http]\nsessions = 0\n", { "line 4", "sessions" } },
	{ GOOD "[http]\nsession_lifetime = 25h\n", { "line 4", "session_lifetime" } },
	{ GOOD "[http]\nbacklog = 0\n", { "line 4", "backlog" } },
	{ GOOD "[http]\nhandshake_timeout = 0\n", { "line 4", "handshake_timeout" } },
	{ GOOD "what is this\n", { "line 3" } },
};

static void
test_bad(void **state)
{
	struct configuration c;
	struct diag d;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(BAD_INPUT, load(bad[i].text, &c, &d));
		for (size_t w = 0; w < 3 && bad[i].words[w]; w++) {
			if (!strstr(d.text, bad[i].words[w])) {
				fail_msg("%zu: \"%s\" is not in: %s", i, bad[i].words[w], d.text);
			}
		}
	}
}

static void
test_guard_inside(void **state)
{
	struct configuration c;
	struct diag d;
	assert_int_equal(BAD_INPUT, load("ledger_guard = guard\nledger_origin = x\n", &c, &d));
	assert_non_null(strstr(d.text, "inside the home"));
}

static void
test_no_home(void **state)
{
	struct configuration c;
	struct diag d = { 0 };
	assert_int_equal(NOT_FOUND, configuration_load(arena, "/nowhere", &c, &d));
	assert_non_null(strstr(d.text, "/nowhere"));
	assert_non_null(strstr(d.text, "tenure init"));
}

/* The page of the manual is made of these. */
static void
test_every_key_has_help(void **state)
{
	for (size_t i = 0; i < configuration_key_count; i++) {
		assert_true(strlen(configuration_keys[i].help) > 10);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_guard_inside),
		cmocka_unit_test(test_no_home),
		cmocka_unit_test(test_every_key_has_help),
	};
	if (!mkdtemp(home)) {
		return 1;
	}
	arena = arena_new(1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char path[128];
	snprintf(path, sizeof(path), "%s/tenure.conf", home);
	unlink(path);
	rmdir(home);
	arena_free(arena);
	return failed;
}
