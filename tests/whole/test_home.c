/*
 * What can become of a home and of what is around it. Each time one clear error names what and why, with exit status 1, and
 * nothing that was acknowledged is lost: the home as it was before goes on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "check.h"

#define CONF_MAX 65536

static struct stage stage;

/* --- copies of the home -------------------------------------------------------------- */

static void
copy_folder(const char *from, const char *to)
{
	struct ran r = program_run(
		stage.arena, (const char *const[]){ "/bin/rm", "-rf", to, NULL }, 20000);

	assert_int_equal(r.exit, 0);
	r = program_run(
		stage.arena, (const char *const[]){ "/bin/cp", "-a", from, to, NULL }, 20000);
	if (r.exit != 0) {
		fail_msg("%s", r.err);
	}
}

/* The home and its guard as the set-up left them. */
static int
restore(void **state)
{
	(void)state;
	if (stage.server != 0) {
		program_end(stage.server, SIGKILL, 10000);
		stage.server = 0;
	}
	stage_disarm(&stage);
	copy_folder(stage_path(&stage, "kept-home"), stage.home);
	copy_folder(stage_path(&stage, "kept-guard"), stage_path(&stage, "guard"));
	return 0;
}

static void
edit_conf(const char *old, const char *new)
{
	const char *path = stage_path(&stage, "home/tenure.conf");
	span all = bytes_of_file(stage.arena, path);
	const char *text = arena_string(stage.arena, all), *at = strstr(text, old);
	struct diag d = { 0 };

	assert_non_null(at);
	text = arena_printf(stage.arena, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
	assert_ok(file_replace(path, span_text(text), 0600, &d), d);
}

/* --- what is said ---------------------------------------------------------------------- */

static void
check_words(int code, const char *log, const char *const wanted[2])
{
	const char *line = strstr(log, "tenured: ");

	if (code != 1 || line == NULL || strchr(line, '\n') != line + strlen(line) - 1 ||
		strstr(log, " error ") != NULL || strstr(line, wanted[0]) == NULL ||
		strstr(line, wanted[1]) == NULL) {
		fail_msg("exit status %d; \"%s\" and \"%s\" in one line are wanted: %s", code,
			wanted[0], wanted[1], log);
	}
}

/* It does not start, and the one line says both words. */
static void
refuses(const char *what, const char *why)
{
	int code = 0;

	if (stage_try(&stage, &code, NULL)) {
		fail_msg("it starts, though %s %s", what, why);
	}
	check_words(code, stage_log(&stage), (const char *const[]){ what, why });
}

static void
add_owner(const char *name, int wanted)
{
	struct asked a = stage_post(&stage, NULL, NULL, "owners",
		arena_printf(stage.arena, "{\"name\":\"%s\",\"title\":\"T\",\"kind\":\"customer\"}",
			name));

	if (a.status != wanted) {
		fail_msg("%s: %d, %d is wanted: %s", name, a.status, wanted, a.body);
	}
}

static bool
has_owner(const char *name)
{
	return stage_number(&stage, "SELECT count(*) FROM owner WHERE name = '%s'", name) == 1;
}

/* What the set-up acknowledged is there, and goes on. */
static void
is_whole(const char *when)
{
	check_home(&stage, when);
	assert_true(has_owner("before"));
	assert_int_equal(stage_number(&stage, "SELECT count(*) FROM device WHERE state = 1"), 3);
}

static void
starts_whole(const char *when)
{
	stage_start(&stage);
	is_whole(when);
	stage_stop(&stage);
}

/* --- the disk ------------------------------------------------------------------------------ */

/* Until one is refused; those before are acknowledged. How many. */
static int
add_until_full(const char *prefix, struct asked *last)
{
	for (int i = 0; i < 200; i++) {
		const char *body = arena_printf(stage.arena,
			"{\"name\":\"%s-%d\",\"title\":\"T\",\"kind\":\"customer\"}", prefix, i);

		*last = stage_post(&stage, NULL, NULL, "owners", body);
		if (last->status != 201) {
			return i;
		}
	}
	fail_msg("the disk does not get full");
	return 0;
}

static void
a_full_disk(void **state)
{
	static const long long rooms[] = { 0, 9000, 50000, 1, 4000, 20000, 100000, 200000 };
	size_t count_of_rooms = getenv("TENURE_FULL") != NULL ? COUNT_OF(rooms) : 3;

	(void)state;
	for (size_t i = 0; i < count_of_rooms; i++) {
		const char *when = arena_printf(stage.arena, "%lld bytes left", rooms[i]);
		const char *prefix = arena_printf(stage.arena, "room-%zu", i);
		struct asked last;
		int count;

		restore(NULL);
		stage_start(&stage);
		snprintf(stage.board->folder, sizeof(stage.board->folder), "%s", stage.home);
		atomic_store(&stage.board->room, rooms[i]);
		atomic_store(&stage.board->has_room, 1);
		count = add_until_full(prefix, &last);
		if (last.status != 503 || strstr(last.body, "full") == NULL) {
			fail_msg("%s: %d %s", when, last.status, last.body);
		}
		stage_disarm(&stage);
		/* There is room again: it goes on by itself, without a new start. */
		add_owner(arena_printf(stage.arena, "after-%zu", i), 201);
		is_whole(when);
		stage_stop(&stage);
		stage_start(&stage);
		is_whole(when);
		for (int n = 0; n < count; n++) {
			assert_true(has_owner(arena_printf(stage.arena, "%s-%d", prefix, n)));
		}
		stage_stop(&stage);
	}
}

/* A sync that failed is not believed when it is tried again: nothing more is said yes to until a new start. */
static void
a_database_that_does_not_sync(void **state)
{
	(void)state;
	stage_start(&stage);
	snprintf(stage.board->only, sizeof(stage.board->only), "tenure.db");
	stage_arm(&stage, BOARD_SYNC, 1, BOARD_FAIL);
	add_owner("lost", 500);
	stage_disarm(&stage);
	add_owner("more", 500);
	assert_int_equal(stage_get(&stage, "../../readyz").status, 503);
	assert_int_equal(program_end(stage.server, SIGTERM, 40000), 0);
	stage.server = 0;
	starts_whole("after a sync that failed");
}

static void
a_ledger_that_does_not_sync(void **state)
{
	(void)state;
	stage_start(&stage);
	assert_true(stage_settles(&stage, 20000));
	snprintf(stage.board->only, sizeof(stage.board->only), "home/ledger");
	stage_arm(&stage, BOARD_SYNC, 1, BOARD_FAIL);
	add_owner("kept", 201);
	assert_true(has_owner("kept"));
	while (strstr(stage_log(&stage), "ledger_stopped") == NULL) {
		assert_int_equal(stage_get(&stage, "status").status, 200);
	}
	stage_disarm(&stage);
	add_owner("more", 503);
	stage_must(&stage, "fleet", "list", NULL);
	assert_int_equal(stage_tenure(&stage, "factory", "run", "--fleet", "lamps", "--count", "1",
				 "--out", stage_path(&stage, "refused-line"), NULL)
				 .exit,
		3);
	assert_int_equal(stage_number(&stage, "SELECT count(*) FROM device"), 3);
	stage_stop(&stage);
	stage_start(&stage);
	is_whole("after a sync of the ledger that failed");
	assert_true(has_owner("kept"));
	stage_stop(&stage);
}

static void
a_read_only_home(void **state)
{
	(void)state;
	snprintf(stage.board->folder, sizeof(stage.board->folder), "%s", stage.home);
	atomic_store(&stage.board->read_only, 1);
	refuses(stage.home, "Read-only file system");
	stage_disarm(&stage);
	starts_whole("after it was read-only");
}

/* --- the past -------------------------------------------------------------------------------- */

static void
a_restored_backup(void **state)
{
	(void)state;
	stage_start(&stage);
	add_owner("later", 201);
	is_whole("before the backup is put back");
	stage_stop(&stage);
	copy_folder(stage.home, stage_path(&stage, "newer"));
	copy_folder(stage_path(&stage, "kept-home"), stage.home);
	refuses("older than its own past", "bring the newer home back");
	copy_folder(stage_path(&stage, "newer"), stage.home);
	starts_whole("with the newer home again");
	assert_int_equal(access(stage.guard, R_OK), 0);
}

static void
a_lost_guard(void **state)
{
	int code = 0;

	(void)state;
	assert_int_equal(unlink(stage.guard), 0);
	refuses(stage.guard, "--adopt-ledger");
	if (!stage_try(&stage, &code, "--adopt-ledger")) {
		fail_msg("adopted, it does not start: %s", stage_log(&stage));
	}
	is_whole("adopted");
	stage_stop(&stage);
	assert_int_equal(access(stage.guard, R_OK), 0);
	starts_whole("after the ledger was adopted");
}

static void
a_damaged_guard(void **state)
{
	struct diag d = { 0 };

	(void)state;
	assert_ok(file_replace(stage.guard, span_text("nonsense\n"), 0600, &d), d);
	refuses(stage.guard, "damaged");
}

static struct ran
another(const char *home)
{
	return program_run(stage.arena,
		(const char *const[]){ getenv("TENURED"), "--home", home, NULL }, 30000);
}

static void
two_servers(void **state)
{
	struct ran r;

	(void)state;
	stage_start(&stage);
	r = another(stage.home);
	check_words(r.exit, r.err,
		(const char *const[]){
			stage.home, arena_printf(stage.arena, "process %d", stage.server) });
	add_owner("first", 201);
	is_whole("beside a second server");
	stage_stop(&stage);
}

/* The copy has the same past until one of them goes on. */
static void
a_copy_of_the_home(void **state)
{
	const char *copy = stage_path(&stage, "copy");
	struct ran r;

	(void)state;
	copy_folder(stage.home, copy);
	stage_start(&stage);
	r = another(copy);
	check_words(r.exit, r.err, (const char *const[]){ stage.guard, "another" });
	add_owner("first", 201);
	is_whole("beside a copy");
	stage_stop(&stage);
	r = another(copy);
	check_words(r.exit, r.err, (const char *const[]){ "older than its own past", "" });
	starts_whole("after the copy tried");
}

/* Seen while it runs: what was said yes to stands, nothing more is. */
static void
a_guard_that_somebody_changes(void **state)
{
	struct diag d = { 0 };
	struct asked a;

	(void)state;
	stage_start(&stage);
	assert_true(stage_settles(&stage, 20000));
	assert_ok(file_replace(stage.guard,
			  span_text("localhost/acme\n900\n"
				    "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"
				    "ff\n"),
			  0600, &d),
		d);
	add_owner("seen", 201);
	while (strstr(stage_log(&stage), "ledger_stopped") == NULL) {
		a = stage_get(&stage, "status");
		assert_int_equal(a.status, 200);
	}
	a = stage_post(&stage, NULL, NULL, "owners",
		"{\"name\":\"unseen\",\"title\":\"T\",\"kind\":\"customer\"}");
	if (a.status != 503 || strstr(a.body, "somebody else") == NULL) {
		fail_msg("%d %s", a.status, a.body);
	}
	stage_stop(&stage);
	refuses("900", "were published");
}

/* --- files ------------------------------------------------------------------------------------- */

static void
a_wrong_passphrase(void **state)
{
	(void)state;
	stage_file(&stage, "passphrase", "wrong horse battery staple\n");
	refuses("passphrase", "home/keys");
	stage_file(&stage, "passphrase", "correct horse battery staple\n");
	starts_whole("with the right passphrase again");
	assert_int_equal(unlink(stage.passphrase), 0);
	refuses(stage.passphrase, "No such file");
	stage_file(&stage, "passphrase", "correct horse battery staple\n");
}

static void
a_truncated_database(void **state)
{
	const char *path = stage_path(&stage, "home/tenure.db");
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	refuses(path, "malformed");
	assert_int_equal(truncate(path, 100), 0);
	refuses(path, "");
	assert_int_equal(truncate(path, 0), 0);
	refuses(path, "restore it");
	assert_int_equal(unlink(path), 0);
	refuses(path, "");
}

/* The files that the checkpoint's tree stands on. */
static void
a_truncated_tile(void **state)
{
	int64_t size = stage_published(&stage);
	const char *const names[] = {
		stage_path(&stage, "home/ledger/tile/0/000.p/%lld", (long long)size),
		stage_path(&stage, "home/ledger/tile/entries/000.p/%lld", (long long)size),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct stat st;

		restore(NULL);
		assert_int_equal(stat(names[i], &st), 0);
		assert_int_equal(truncate(names[i], st.st_size - 1), 0);
		refuses(stage_path(&stage, "home/ledger"), "");
		assert_int_equal(unlink(names[i]), 0);
		refuses(stage_path(&stage, "home/ledger"), "");
	}
}

/* One bit of each step-th byte: either it is refused, or the start makes good what was only derived (a signature). */
static void
flip_each(const char *path, size_t step)
{
	span good = bytes_of_file(stage.arena, path);
	struct diag d = { 0 };

	for (size_t at = 0; at < good.len; at += step) {
		span bad = arena_copy(stage.arena, good);
		int code = 0;

		((uint8_t *)(uintptr_t)bad.data)[at] ^= 1;
		assert_ok(file_replace(path, bad, 0644, &d), d);
		if (stage_try(&stage, &code, NULL)) {
			is_whole(arena_printf(stage.arena, "byte %zu of %s", at, path));
			stage_stop(&stage);
		} else {
			check_words(code, stage_log(&stage),
				(const char *const[]){ stage_path(&stage, "home/ledger"), "" });
		}
	}
	assert_ok(file_replace(path, good, 0644, &d), d);
}

static void
flipped_bits(void **state)
{
	size_t step = getenv("TENURE_FULL") != NULL ? 1 : 83;

	(void)state;
	flip_each(stage_path(&stage, "home/ledger/checkpoint"), step);
	flip_each(stage_path(&stage, "home/ledger/tile/0/000.p/%lld",
			  (long long)stage_published(&stage)),
		step * 5);
	starts_whole("with each bit back in its place");
}

/* --- what is around it ------------------------------------------------------------------------- */

static void
an_unknown_key(void **state)
{
	(void)state;
	edit_conf("[server]\n", "[server]\nlissen_plain = 127.0.0.1:1\n");
	refuses("lissen_plain", "listen_plain");
}

static void
a_port_that_is_taken(void **state)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *address;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	address = arena_printf(stage.arena, "127.0.0.1:%u", ntohs(name.sin_port));
	edit_conf("\nlisten = 127.0.0.1:0", arena_printf(stage.arena, "\nlisten = %s", address));
	refuses(address, "in use");
	close(fd);
}

static void
a_signer_that_is_missing(void **state)
{
	(void)state;
	edit_conf(getenv("TENURE_SIGNER"), "/nonexistent/tenure-signer");
	refuses("/nonexistent/tenure-signer", "No such file");
}

static void
no_home(void **state)
{
	struct ran r = another(stage_path(&stage, "nowhere"));

	(void)state;
	check_words(r.exit, r.err, (const char *const[]){ "nowhere", "tenure init" });
}

static void
a_key_that_is_missing(void **state)
{
	(void)state;
	assert_int_equal(unlink(stage_path(&stage, "home/keys/ledger.key")), 0);
	refuses("ledger", "home/keys");
}

/* --- up and down --------------------------------------------------------------------------------- */

static int
set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_start(&stage);
	stage_must(&stage, "owner", "add", "before", "--title", "T", "--kind", "customer", NULL);
	stage_must(&stage, "factory", "run", "--fleet", "lamps", "--count", "3", "--out",
		stage_path(&stage, "line"), NULL);
	stage_must(&stage, "manifest", "import", stage_path(&stage, "line/manifest.json"),
		"--fleet", "lamps", NULL);
	is_whole("at first");
	stage_stop(&stage);
	copy_folder(stage.home, stage_path(&stage, "kept-home"));
	copy_folder(stage_path(&stage, "guard"), stage_path(&stage, "kept-guard"));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_full_disk, restore),
		cmocka_unit_test_setup(a_database_that_does_not_sync, restore),
		cmocka_unit_test_setup(a_ledger_that_does_not_sync, restore),
		cmocka_unit_test_setup(a_read_only_home, restore),
		cmocka_unit_test_setup(a_restored_backup, restore),
		cmocka_unit_test_setup(a_lost_guard, restore),
		cmocka_unit_test_setup(a_damaged_guard, restore),
		cmocka_unit_test_setup(two_servers, restore),
		cmocka_unit_test_setup(a_copy_of_the_home, restore),
		cmocka_unit_test_setup(a_guard_that_somebody_changes, restore),
		cmocka_unit_test_setup(a_wrong_passphrase, restore),
		cmocka_unit_test_setup(a_truncated_database, restore),
		cmocka_unit_test_setup(a_truncated_tile, restore),
		cmocka_unit_test_setup(flipped_bits, restore),
		cmocka_unit_test_setup(an_unknown_key, restore),
		cmocka_unit_test_setup(a_port_that_is_taken, restore),
		cmocka_unit_test_setup(a_signer_that_is_missing, restore),
		cmocka_unit_test_setup(no_home, restore),
		cmocka_unit_test_setup(a_key_that_is_missing, restore),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
