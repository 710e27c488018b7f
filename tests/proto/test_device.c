#include "stand.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "ledger/checkpoint.h"
#include "ledger/tile.h"
#include "lifecycle/enrol.h"
#include "lifecycle/revoke.h"
#include "lifecycle/transfer.h"

/* What a device is told of itself, at once and when it changes; and the ledger's files. */

static struct stand s;

static int
set_up(void **state)
{
	(void)state;
	stand_open(&s);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stand_close(&s);
	return 0;
}

static struct seen
ask_state(const char *identity, const char *query)
{
	struct asked a = { .url = arena_printf(s.home.arena, "%s/device/v1/state%s", s.tls, query),
		.identity = identity };

	return stand_ask(&s, &a);
}

static cJSON *
json_of(const struct seen *r)
{
	cJSON *o = NULL;
	struct diag d = { 0 };

	assert_int_equal(200, r->status);
	assert_ok(json_parse(r->body, 1 << 16, &o, &d), d);
	return o;
}

static const char *
text_of(const cJSON *o, const char *name)
{
	span text;
	struct diag d = { 0 };

	assert_ok(json_get_text(o, name, &text, &d), d);
	return arena_string(s.home.arena, text);
}

static int64_t
number_of(const cJSON *o, const char *name)
{
	int64_t n = -1;
	struct diag d = { 0 };

	assert_ok(json_get_number(o, name, &n, &d), d);
	return n;
}

static bool
flag_of(const cJSON *o, const char *name)
{
	bool b = false;
	struct diag d = { 0 };

	assert_ok(json_get_bool(o, name, &b, &d), d);
	return b;
}

static void
what_a_device_may_know(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	char name[ID_TEXT_LEN + 1], when[TIME_TEXT_MAX];
	struct seen r = ask_state("birth", "");
	cJSON *o = json_of(&r);

	(void)state;
	assert_string_equal("no-store", seen_header(&s, &r, "Cache-Control"));
	assert_string_equal(id_text(name, &device.id), text_of(o, "device"));
	assert_string_equal(device.serial, text_of(o, "serial"));
	assert_string_equal("lamps", text_of(o, "fleet"));
	assert_string_equal("AWAITING_DEVICE", text_of(o, "state"));
	assert_string_equal("enrolment", text_of(o, "access"));
	assert_true(text_of(o, "why")[0] != '\0');
	assert_int_equal(device.version, number_of(o, "version"));
	assert_false(flag_of(o, "renew_now"));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(o, "renew_after")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(o, "certificate")));
	assert_non_null(text_of(o, "time"));
	cJSON_Delete(o);
	{
		uint8_t fingerprint[32];
		char hex[65];

		certificate_fingerprint(
			stand_enrol(&s, "birth", "simpleenroll", "first"), fingerprint);
		hex_encode(hex, SPAN_ARRAY(fingerprint));
		r = ask_state("first", "");
		o = json_of(&r);
		assert_string_equal("ACTIVE", text_of(o, "state"));
		assert_string_equal("full", text_of(o, "access"));
		assert_string_equal(hex, text_of(o, "certificate"));
	}
	device = stand_device_now(&s, device.row);
	assert_string_equal(time_text(when, device.renew_after_s), text_of(o, "renew_after"));
	cJSON_Delete(o);
	/* Told to renew. */
	stand_move(&s, device.renew_after_s - s.home.session.now_s);
	r = ask_state("first", "");
	o = json_of(&r);
	assert_true(flag_of(o, "renew_now"));
	cJSON_Delete(o);
}

static void
states_that_are_told_and_nothing_else(void **state)
{
	static const struct {
		enum device_state in;
		int status;
		const char *says;
	} rows[] = {
		{ DEVICE_MANUFACTURED, 403, "not brought into service" },
		{ DEVICE_HELD, 200, "\"access\":\"state\"" },
		{ DEVICE_SUSPENDED, 200, "\"state\":\"SUSPENDED\"" },
		{ DEVICE_RETURNED, 200, "\"state\":\"RETURNED\"" },
		{ DEVICE_RETIRED, 403, "retired" },
	};

	(void)state;
	for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		char *name = arena_printf(s.home.arena, "unit%u", k);
		struct seen r;

		(void)stand_device(&s, name, k + 1, rows[k].in);
		r = ask_state(name, "");
		assert_int_equal(rows[k].status, r.status);
		assert_true(seen_says(&r, rows[k].says));
	}
	assert_int_equal(401, ask_state(NULL, "").status);
	assert_int_equal(400, ask_state("unit1", "?wait=x").status);
	assert_int_equal(400, ask_state("unit1", "?wait=-1").status);
	assert_int_equal(400, ask_state("unit1", "?version=99999999999999999999").status);
}

/* --- waiting --- */

/* A curl of its own that waits; its answer lies in `body` when it has ended. */
static pid_t
wait_begin(const char *identity, int64_t version)
{
	struct arena *a = s.home.arena;
	const char *argv[] = { "curl", "-sS", "--max-time", "100", "--cacert",
		home_path(&s.home, "root.pem"), "--cert",
		home_path(&s.home, arena_printf(a, "%s.pem", identity)), "--key",
		home_path(&s.home, arena_printf(a, "%s.key", identity)), "-o",
		home_path(&s.home, "waited"),
		arena_printf(
			a, "%s/device/v1/state?wait=100&version=%lld", s.tls, (long long)version),
		NULL };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static struct seen
wait_end(pid_t pid)
{
	int result;

	assert_int_equal(pid, waitpid(pid, &result, 0));
	assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
	return (struct seen){ .status = 200,
		.body = bytes_of_file(s.home.arena, home_path(&s.home, "waited")) };
}

static void
until_parked(void)
{
	struct http_counters c;

	for (int k = 0; k < 2000; k++) {
		http_server_counters(s.server, &c);
		if (c.parked > 0) {
			return;
		}
		usleep(5000);
	}
	fail_msg("nobody waits");
}

static void
who_waits_hears_at_once(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	struct outcome o;
	struct diag d = { 0 };
	int64_t before_ms = clock_system.monotonic_ms(&clock_system);
	struct seen r;
	pid_t pid;

	(void)state;
	(void)stand_enrol(&s, "birth", "simpleenroll", "first");
	r = ask_state("first", "");
	assert_int_equal(200, r.status);
	device = stand_device_now(&s, device.row);
	/* Ordered to renew. */
	pid = wait_begin("first", device.version);
	until_parked();
	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(rotate_device(&s.home.session, device.row, &o, &d), d);
	r = wait_end(pid);
	assert_true(seen_says(&r, "\"renew_now\":true"));
	/* Revoked: the waiting certificate is judged again, and refused. */
	device = stand_device_now(&s, device.row);
	pid = wait_begin("first", device.version);
	until_parked();
	assert_ok(
		revoke_operational(&s.home.session, device.row, REASON_KEY_COMPROMISE, &o, &d), d);
	r = wait_end(pid);
	assert_true(seen_says(&r, "\"status\":403"));
	assert_true(seen_says(&r, "revoked"));
	assert_in_range(clock_system.monotonic_ms(&clock_system) - before_ms, 0, 60000);
}

static void
an_older_version_does_not_wait(void **state)
{
	struct device device = stand_device(&s, "held", 1, DEVICE_HELD);
	int64_t before_ms = clock_system.monotonic_ms(&clock_system);
	struct seen r;

	(void)state;
	r = ask_state("held",
		arena_printf(s.home.arena, "?wait=50&version=%lld", (long long)device.version - 1));
	assert_true(seen_says(&r, "\"state\":\"HELD\""));
	assert_in_range(clock_system.monotonic_ms(&clock_system) - before_ms, 0, 30000);
	/* The end of the wait: the same again. */
	s.configuration.poll_max_s = 1;
	r = ask_state("held",
		arena_printf(s.home.arena, "?wait=50&version=%lld", (long long)device.version));
	assert_int_equal(200, r.status);
	assert_true(seen_says(&r, "\"state\":\"HELD\""));
	assert_in_range(clock_system.monotonic_ms(&clock_system) - before_ms, 1000, 30000);
}

/* --- the ledger --- */

static struct seen
ask_ledger(const char *path, const char *token)
{
	struct asked a = { .url = stand_url(&s, s.tls, path) };

	if (token != NULL) {
		a.options[0] = "-H";
		a.options[1] = arena_printf(s.home.arena, "Authorization: Bearer %s", token);
	}
	return stand_ask(&s, &a);
}

static void
the_ledgers_files_prove_themselves(void **state)
{
	struct operator_account auditor;
	char token[TOKEN_TEXT_MAX], path[TILE_PATH_MAX + 16];
	struct checkpoint *c = arena_alloc(s.home.arena, sizeof(*c));
	span entries[TILE_WIDTH];
	struct diag d = { 0 };
	int64_t size = home_ledger_size(&s.home);
	struct frontier f = { 0 };
	hash root;
	struct seen r;

	(void)state;
	assert_ok(
		operator_add(&s.home.session, "otto", OPERATOR_AUDITOR, 0, token, &auditor, &d), d);
	assert_ok(sequencer_wait(s.sequencer, size, 20000, &d), d);
	r = ask_ledger("/ledger/checkpoint", token);
	assert_int_equal(200, r.status);
	assert_string_equal("text/plain; charset=utf-8", seen_header(&s, &r, "Content-Type"));
	assert_ok(checkpoint_parse(s.home.arena, r.body, c, &d), d);
	assert_true(c->size > 5 && c->size < TILE_WIDTH);
	/* The entries that come from the server give the root that the server signed. */
	snprintf(path, sizeof(path), "/ledger/tile/entries/000.p/%u", (unsigned)c->size);
	r = ask_ledger(path, token);
	assert_int_equal(200, r.status);
	assert_string_equal("application/octet-stream", seen_header(&s, &r, "Content-Type"));
	assert_ok(bundle_parse(r.body, (unsigned)c->size, entries, &d), d);
	for (size_t k = 0; k < c->size; k++) {
		hash leaf = tree_leaf(entries[k]);

		frontier_append(&f, &leaf);
	}
	root = frontier_root(&f);
	assert_memory_equal(c->root.bytes, root.bytes, sizeof(root.bytes));
	snprintf(path, sizeof(path), "/ledger/tile/0/000.p/%u", (unsigned)c->size);
	r = ask_ledger(path, token);
	assert_int_equal(200, r.status);
	assert_int_equal(c->size * 32, r.body.len);
	/* The same file by another name is not there. */
	snprintf(path, sizeof(path), "/ledger/tile/0/x000/000.p/%u", (unsigned)c->size);
	assert_int_equal(404, ask_ledger(path, token).status);
	snprintf(path, sizeof(path), "/ledger/tile/0/000.p/0%u", (unsigned)c->size);
	assert_int_equal(404, ask_ledger(path, token).status);
	snprintf(path, sizeof(path), "/ledger/tile/00/000.p/%u", (unsigned)c->size);
	assert_int_equal(404, ask_ledger(path, token).status);
	snprintf(path, sizeof(path), "/ledger/tile/0/000.p/%u/", (unsigned)c->size);
	assert_int_equal(404, ask_ledger(path, token).status);
}

static void
the_ledger_is_not_for_all(void **state)
{
	static const enum operator_role refused[] = { OPERATOR_SUPPORT, OPERATOR_WATCH };
	static const char *const paths[] = { "/ledger/tile/", "/ledger/tile/0", "/ledger/tile/0/0",
		"/ledger/tile/0/00", "/ledger/tile/0/0000", "/ledger/tile/8/000",
		"/ledger/tile/00/000", "/ledger/tile/-1/000", "/ledger/tile/0/999",
		"/ledger/tile/0/x000/000", "/ledger/tile/0/000.p/0", "/ledger/tile/0/000.p/256",
		"/ledger/tile/0/000.p/01", "/ledger/tile/0/000.p/", "/ledger/tile/0/000.p",
		"/ledger/tile/0/000/", "/ledger/tile/0//000",
		"/ledger/tile/entries/../../../tenure.db", "/ledger/tile/..%2f..%2ftenure.db",
		"/ledger/tile/0/%30%30%30", "/ledger/guard",
		"/ledger/tile/entries/x001/x002/x003/x004/x005/x006/007" };
	struct operator_account o;
	struct diag d = { 0 };

	(void)state;
	assert_ok(sequencer_wait(s.sequencer, 0, 20000, &d), d);
	assert_int_equal(401, ask_ledger("/ledger/checkpoint", NULL).status);
	assert_int_equal(401, ask_ledger("/ledger/checkpoint", "tnr_nobody").status);
	assert_non_null(seen_header(&s,
		&(struct seen){ .head = ask_ledger("/ledger/checkpoint", NULL).head },
		"WWW-Authenticate"));
	assert_int_equal(200, ask_ledger("/ledger/checkpoint", s.admin).status);
	for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++) {
		char token[TOKEN_TEXT_MAX];

		assert_ok(
			operator_add(&s.home.session, arena_printf(s.home.arena, "somebody%zu", k),
				refused[k], 0, token, &o, &d),
			d);
		assert_int_equal(403, ask_ledger("/ledger/checkpoint", token).status);
		assert_int_equal(403, ask_ledger("/ledger/tile/0/000.p/1", token).status);
	}
	for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
		struct seen r = ask_ledger(paths[k], s.admin);

		if (r.status != 404 && r.status != 400) {
			fail_msg("%s: %d", paths[k], r.status);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_device_may_know, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			states_that_are_told_and_nothing_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_waits_hears_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_older_version_does_not_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_ledgers_files_prove_themselves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_ledger_is_not_for_all, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
