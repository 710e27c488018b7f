/* tenure init with the real signer: a home that is whole, and one whose founding was killed. */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "command.h"

static char *folder;
static char passphrase[600];

static int
set_up(void **state)
{
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	snprintf(passphrase, sizeof(passphrase), "%s/passphrase", folder);
	assert_ok(file_create(passphrase, span_text("correct horse\n"), 0600, &d), d);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temporary_folder_remove(folder);
	return 0;
}

#define INIT                                                                                   \
	"init --company \"Acme Works\" --fleet lamps --passphrase-file %s --signer %s --home " \
	"%s/%s"

static unsigned
mode_of(const char *name)
{
	char path[700];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (stat(path, &st) != 0) {
		fail_msg("%s is not there", path);
	}
	return st.st_mode & 0777;
}

static void
expect_whole(const char *home)
{
	expect(0, "signed by the key given", "",
		"ledger verify %s/%s/ledger --key-file %s/%s/ledger.vkey", folder, home, folder,
		home);
}

static void
a_home_is_founded(void **state)
{
	static const struct {
		const char *name;
		unsigned mode;
	} files[] = { { "home", 0700 }, { "home/tenure.conf", 0600 }, { "home/admin.token", 0600 },
		{ "home/client.conf", 0600 }, { "home/ca.pem", 0644 }, { "home/keys", 0700 },
		{ "home/manifest-signer.pem", 0644 }, { "home/profiles", 0700 },
		{ "home-guard/ledger.guard", 0600 } };
	struct arena *a = arena_new(1 << 20);
	struct ran r = run_command(INIT, passphrase, getenv("TENURE_SIGNER"), folder, "home");
	char path[700];
	span token;

	(void)state;
	assert_string_equal(r.err, "");
	assert_int_equal(r.exit, 0);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		assert_int_equal(mode_of(files[i].name), files[i].mode);
	}
	snprintf(path, sizeof(path), "%s/home/admin.token", folder);
	token = bytes_of_file(a, path);
	assert_true(token.len > 40 && memcmp(token.data, "tnr_", 4) == 0);
	assert_null(strstr(r.out, "tnr_"));
	ran_free(&r);
	expect_whole("home");
	expect(1, "", "is a home already", INIT, passphrase, getenv("TENURE_SIGNER"), folder,
		"home");
	/* Nobody serves it: the client file leads to nobody. */
	expect(3, "", "cannot reach https://localhost:1",
		"device list --client %s/home/client.conf --server https://localhost:1", folder);
	arena_free(a);
}

static void
what_was_asked_stands_in_the_file(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char path[700];
	char *text;

	(void)state;
	expect(0, "\"client\":\"", "",
		INIT " --json --listen 0.0.0.0:9443 --url https://pki.acme.example:9443 --phase "
		     "pilot --admin boss",
		passphrase, getenv("TENURE_SIGNER"), folder, "asked");
	snprintf(path, sizeof(path), "%s/asked/tenure.conf", folder);
	text = arena_string(a, bytes_of_file(a, path));
	assert_non_null(strstr(text, "\nlisten = 0.0.0.0:9443\n"));
	assert_non_null(strstr(text, "\nurl = https://pki.acme.example:9443\n"));
	assert_non_null(strstr(text, "\nnames = pki.acme.example,localhost,127.0.0.1\n"));
	assert_non_null(strstr(text, "\nledger_origin = pki.acme.example/acme-works\n"));
	assert_non_null(strstr(text, "\n# listen_plain = 127.0.0.1:8080\n"));
	snprintf(path, sizeof(path), "%s/asked/client.conf", folder);
	text = arena_string(a, bytes_of_file(a, path));
	assert_non_null(strstr(text, "\nserver = https://pki.acme.example:9443\n"));
	arena_free(a);
}

static void
what_is_refused(void **state)
{
	const char *signer = getenv("TENURE_SIGNER");
	struct diag d = { 0 };
	char path[700];

	(void)state;
	expect(2, "", "needs --company", "init --home %s/x", folder);
	expect(2, "", "is no name", INIT " --maker Acme", passphrase, signer, folder, "x");
	expect(2, "", "--origin", INIT " --origin \"a b\"", passphrase, signer, folder, "x");
	expect(1, "", "cannot stand in tenure.conf", INIT " --names \"a ;b\"", passphrase, signer,
		folder, "x");
	expect(1, "", "inside the home", INIT " --guard %s/x/guard", passphrase, signer, folder,
		"x", folder);
	expect(1, "", "cannot read the passphrase", INIT, "/nonexistent", signer, folder, "x");
	expect(1, "", "", INIT, passphrase, "/nonexistent", folder, "x");
	snprintf(path, sizeof(path), "%s/open", folder);
	assert_ok(file_create(path, span_text("correct horse\n"), 0644, &d), d);
	expect(1, "", "chmod 600", INIT, path, signer, folder, "x");
	snprintf(path, sizeof(path), "%s/full", folder);
	assert_ok(folder_make(path, 0700, &d), d);
	snprintf(path, sizeof(path), "%s/full/letter", folder);
	assert_ok(file_create(path, span_text("dear\n"), 0600, &d), d);
	expect(1, "", "is not empty and no home", INIT, passphrase, signer, folder, "full");
	expect(1, "", "cannot", INIT, passphrase, signer, "/proc", "x");
	/* None of it spoilt the place. */
	expect(0, "", "", INIT, passphrase, signer, folder, "x");
}

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Killed once `marker` is there; then run again. */
static void
kill_and_finish(const char *home, const char *marker)
{
	char path[800], at[700];
	const char *argv[] = { getenv("TENURE"), "init", "--company", "Acme Works", "--fleet",
		"lamps", "--passphrase-file", passphrase, "--signer", getenv("TENURE_SIGNER"),
		"--home", at, NULL };
	int64_t end = clock_system.monotonic_ms(&clock_system) + 30000;
	struct spawned p;

	snprintf(at, sizeof(at), "%s/%s", folder, home);
	snprintf(path, sizeof(path), "%s/%s", at, marker);
	spawn_program(&p, argv);
	while (!is_there(path) && clock_system.monotonic_ms(&clock_system) < end) {
		poll(NULL, 0, 1);
	}
	(void)spawned_end(&p, SIGKILL, 1000);
	assert_true(is_there(path));
	snprintf(path, sizeof(path), "%s/client.conf", at);
	if (is_there(path)) {
		expect_whole(home); /* it was quicker */
		return;
	}
	expect(0, "", "", INIT, passphrase, getenv("TENURE_SIGNER"), folder, home);
	expect_whole(home);
}

static void
a_killed_founding_is_finished(void **state)
{
	static const char *const markers[] = { "run/lock", "tenure.conf", "keys", "tenure.db",
		"keys/ledger.key", "ledger", "ledger/checkpoint", "ca.pem", "ledger.vkey",
		"admin.token" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(markers); i++) {
		char home[32];

		snprintf(home, sizeof(home), "killed%zu", i);
		kill_and_finish(home, markers[i]);
	}
}

static void
a_wrong_passphrase_does_not_finish_it(void **state)
{
	struct diag d = { 0 };
	char path[700];

	(void)state;
	expect(0, "", "", INIT, passphrase, getenv("TENURE_SIGNER"), folder, "wrong");
	snprintf(path, sizeof(path), "%s/wrong/client.conf", folder);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/other", folder);
	assert_ok(file_create(path, span_text("incorrect horse\n"), 0600, &d), d);
	expect(1, "", "passphrase", INIT, path, getenv("TENURE_SIGNER"), folder, "wrong");
	expect(0, "", "", INIT, passphrase, getenv("TENURE_SIGNER"), folder, "wrong");
	expect_whole("wrong");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_home_is_founded),
		cmocka_unit_test(what_was_asked_stands_in_the_file),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(a_killed_founding_is_finished),
		cmocka_unit_test(a_wrong_passphrase_does_not_finish_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
