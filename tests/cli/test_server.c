/* The command line against the real server: a home, a line of units, their codes, a claim, a transfer, the ledger. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "command.h"

static char *folder;
static struct arena *a;
static struct spawned server;
static char at_server[1400]; /* flags */

static char *
in(const char *name)
{
	return arena_printf(a, "%s/%s", folder, name);
}

static void
start(void)
{
	const char *argv[] = { "/bin/sh", "-c", "exec \"$TENURED\" --home \"$0\" 2>&1", in("home"),
		NULL };
	char line[1024];
	const char *url;

	spawn_program(&server, argv);
	do {
		if (!spawned_line(&server, line, sizeof(line), 20000)) {
			fail_msg("tenured did not start: %s", line);
		}
	} while (strstr(line, " ready ") == NULL);
	url = strstr(line, "https://");
	snprintf(at_server, sizeof(at_server), "--client %s --server %.*s", in("home/client.conf"),
		(int)strcspn(url, " \""), url);
}

static int
set_up(void **state)
{
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	a = arena_new(64 << 20);
	assert_ok(file_create(in("passphrase"), span_text("correct horse\n"), 0600, &d), d);
	expect(0, "Start the server", "",
		"init --home %s --company Acme --fleet lamps --passphrase-file %s --signer %s "
		"--listen 127.0.0.1:0 --listen-plain 127.0.0.1:0",
		in("home"), in("passphrase"), getenv("TENURE_SIGNER"));
	start();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (server.pid > 0) {
		spawned_end(&server, SIGTERM, 20000);
	}
	temporary_folder_remove(folder);
	arena_free(a);
	return 0;
}

/* The JSON that a command prints; free it. */
static cJSON *
answer_of(const char *command)
{
	struct ran r = run_command("%s --json %s", command, at_server);
	cJSON *o = cJSON_Parse(r.out);

	if (r.exit != 0 || o == NULL) {
		fail_msg("tenure %s: exit %d, %s%s", command, r.exit, r.out, r.err);
	}
	ran_free(&r);
	return o;
}

static const char *
text_of(const char *command, const char *member)
{
	cJSON *o = answer_of(command);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, member));

	text = text != NULL ? arena_string(a, span_text(text)) : "";
	cJSON_Delete(o);
	return text;
}

static void
write_secret(const char *name, const char *text)
{
	struct diag d = { 0 };

	assert_ok(file_replace(in(name), span_text(arena_printf(a, "%s\n", text)), 0600, &d), d);
}

static void
the_server_is_seen(void **state)
{
	(void)state;
	expect(0, "READY:                 yes", "", "status %s", at_server);
	expect(0, "root-production", "", "hierarchy list %s", at_server);
	expect(0, "root-production", "", "hierarchy publish root-production %s", at_server);
	expect(0, "manifest-production", "", "manifest signers %s", at_server);
	expect(0, "lamps", "", "fleet list %s", at_server);
	expect(0, "LIFETIME:              30d", "", "fleet set lamps --lifetime 30d %s", at_server);
	expect(0, "admin", "", "operator list %s", at_server);
	expect(1, "", "nothing", "device show nothing %s", at_server);
}

static char serials[8][32], codes[8][32];

/* The sheet as the printer opens it, with Debian's own tool. */
static void
read_sheet(void)
{
	const char *argv[] = { "/bin/sh", "-c",
		"openssl cms -decrypt -inform DER -in \"$0/sheet\" -recip \"$0/printer.pem\" "
		"-inkey \"$0/printer.key\"",
		folder, NULL };
	struct spawned p;
	char line[256];
	size_t n = 0;

	spawn_program(&p, argv);
	assert_true(spawned_line(&p, line, sizeof(line), 10000));
	assert_string_equal(line, "serial,code,device");
	while (n < COUNT_OF(serials) && spawned_line(&p, line, sizeof(line), 10000)) {
		assert_int_equal(sscanf(line, "%31[^,],%31[^,],", serials[n], codes[n]), 2);
		n++;
	}
	assert_int_equal(spawned_end(&p, 0, 10000), 0);
	assert_int_equal(n, 8);
}

static void
units_come_in(void **state)
{
	const char *argv[] = { "/bin/sh", "-c",
		"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=printer -days 2 "
		"-keyout \"$0/printer.key\" -out \"$0/printer.pem\" 2>/dev/null",
		folder, NULL };
	struct spawned p;
	cJSON *list;

	(void)state;
	spawn_program(&p, argv);
	assert_int_equal(spawned_end(&p, 0, 30000), 0);
	expect(0, "5 units in", "", "factory run --fleet lamps --count 5 --out %s %s", in("line"),
		at_server);
	expect(0, "8 units in", "", "factory run --fleet lamps --count 8 --out %s %s", in("line"),
		at_server);
	expect(0, "8 entries, 8 sound, 0 refused", "", "manifest verify %s --signer %s --root %s",
		in("line/manifest.json"), in("home/manifest-signer.pem"), in("home/ca.pem"));
	expect(1, "", "8 of 8 entries are refused", "manifest verify %s --signer %s",
		in("line/manifest.json"), in("home/manifest-signer.pem"));
	expect(0, "8 would be accepted", "", "manifest import %s --fleet lamps --dry-run %s",
		in("line/manifest.json"), at_server);
	expect(0, "8 claim codes in", "",
		"manifest import %s --fleet lamps --codes %s --recipient %s %s",
		in("line/manifest.json"), in("sheet"), in("printer.pem"), at_server);
	expect(0, "0 accepted, 8 known", "", "manifest import %s --fleet lamps %s",
		in("line/manifest.json"), at_server);
	read_sheet();
	list = answer_of("device list --fleet lamps --state HELD");
	assert_int_equal(cJSON_GetArraySize(list), 8);
	cJSON_Delete(list);
	list = answer_of("device list --limit 3");
	assert_int_equal(cJSON_GetArraySize(list), 3);
	cJSON_Delete(list);
}

static void
a_device_changes_hands(void **state)
{
	const char *serial = serials[0], *token;

	(void)state;
	expect(0, "customer", "", "owner add bob --title \"Bob Smith\" --kind customer %s",
		at_server);
	expect(1, "", "another owner", "owner add bob --title Other --kind customer %s", at_server);
	write_secret("code", codes[1]);
	expect(1, "", "code", "device claim %s --owner bob --code-file %s %s", serial, in("code"),
		at_server);
	write_secret("code", codes[0]);
	expect(0, "AWAITING_DEVICE", "", "device claim %s --owner bob --code-file %s %s", serial,
		in("code"), at_server);
	expect(0, "claim", "", "device timeline %s %s", serial, at_server);
	token = text_of("operator add bob-himself --role owner --owner bob", "token");
	assert_memory_equal(token, "tnr_", 4);
	write_secret("bob.token", token);
	expect(0, serial, "", "device list --token-file %s %s", in("bob.token"), at_server);
	expect(1, "", "", "operator list --token-file %s %s", in("bob.token"), at_server);
	expect(0, "HELD", "", "device release %s --token-file %s %s", serial, in("bob.token"),
		at_server);
	expect(0, "is removed", "", "operator remove bob-himself %s", at_server);
	expect(1, "", "is the token the right one", "device list --token-file %s %s",
		in("bob.token"), at_server);
}

static void
marks_and_suspensions(void **state)
{
	const char *serial = serials[2];

	(void)state;
	expect(0, "stolen", "", "device mark %s stolen %s", serial, at_server);
	expect(0, "MARKS:                 -", "", "device unmark %s stolen %s", serial, at_server);
	expect(0, "SUSPENDED", "", "device suspend %s %s", serial, at_server);
	expect(0, "HELD", "", "device resume %s %s", serial, at_server);
	expect(0, "CLAIM CODE:", "", "device code %s %s", serial, at_server);
	expect(0, "RETURNED", "", "device return %s --consent owner --reason defect %s", serial,
		at_server);
	expect(0, "HELD", "", "device refurbish %s %s", serial, at_server);
	expect(0, "RETIRED", "", "device retire %s %s", serial, at_server);
	expect(1, "", "RETIRED", "device suspend %s %s", serial, at_server);
}

/* Also of a retired one: its element is still there. */
static void
changes_of_an_element(void **state)
{
	const char *serial = serials[2];

	(void)state;
	expect(0, "RETIRED", "", "device note-element %s retire-keys --slots 2,3,4 %s", serial,
		at_server);
	expect(0, "slots 2 3 4", "", "device timeline %s %s", serial, at_server);
	expect(0, "", "", "device note-element %s counter --counter 1 --before 6 --after 7 %s",
		serial, at_server);
	expect(0, "\"after\":\"7\"", "", "device timeline %s --json %s", serial, at_server);
	expect(0, "", "", "device note-element %s address --after 70 %s", serial, at_server);
	expect(0, "\"after\":\"70\",\"at\"", "", "device timeline %s --json %s", serial, at_server);
	expect(1, "", "a counter goes up",
		"device note-element %s counter --counter 1 --before 7 --after 7 %s", serial,
		at_server);
	expect(1, "", "say which slots", "device note-element %s lock-slots %s", serial, at_server);
}

static void
certificates_are_shown(void **state)
{
	cJSON *list = answer_of(arena_printf(a, "cert list %s", serials[3]));
	const char *fingerprint = arena_string(
		a, span_text(cJSON_GetStringValue(
			   cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "fingerprint"))));

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), 1);
	cJSON_Delete(list);
	expect(0, "birth", "", "cert show %s %s", fingerprint, at_server);
	expect(0, "-----BEGIN CERTIFICATE-----", "", "cert export %s %s", fingerprint, at_server);
	expect(0, "", "", "cert export %s --out %s %s", fingerprint, in("birth.pem"), at_server);
	assert_int_equal(access(in("birth.pem"), R_OK), 0);
}

static void
the_ledger_is_copied(void **state)
{
	(void)state;
	expect(0, "signed by the key given", "", "ledger export %s --key-file %s %s", in("copy"),
		in("home/ledger.vkey"), at_server);
	expect(0, "", "", "device code %s %s", serials[5], at_server);
	expect(0, "signed by the key given", "", "ledger export %s --key-file %s %s", in("copy"),
		in("home/ledger.vkey"), at_server);
	expect(0, "", "", "ledger prove 7 --out %s --entry %s %s", in("proof"), in("entry"),
		at_server);
	expect(0, "verified: entry 7", "", "ledger verify --proof %s --entry %s --key-file %s",
		in("proof"), in("entry"), in("home/ledger.vkey"));
	expect(1, "", "", "ledger prove 100000 %s", at_server);
	expect(0, "establish", "", "ledger show --limit 1 %s", at_server);
}

/* Who sends 32 MiB and no name is answered before a byte of it: else a handful of such would hold all memory. */
static void
a_large_body_is_an_operators(void **state)
{
	const char *argv[] = { "/bin/sh", "-c",
		"printf 'POST /api/v1/fleets/lamps/manifest HTTP/1.1\\r\\nHost: x\\r\\n"
		"Content-Length: 33554432\\r\\n\\r\\n' | "
		"openssl s_client -quiet -ign_eof -connect \"$0\" 2>/dev/null",
		strstr(at_server, "https://") + strlen("https://"), NULL };
	struct spawned openssl;
	char line[1024];

	(void)state;
	spawn_program(&openssl, argv);
	assert_true(spawned_line(&openssl, line, sizeof(line), 10000));
	assert_memory_equal("HTTP/1.1 401", line, strlen("HTTP/1.1 401"));
	spawned_end(&openssl, SIGTERM, 10000);
}

static void
a_server_that_is_gone(void **state)
{
	(void)state;
	expect(1, "", "is a home already", "init --home %s --company Acme --passphrase-file %s",
		in("home"), in("passphrase"));
	assert_int_equal(spawned_end(&server, SIGKILL, 10000), 128 + SIGKILL);
	expect(3, "", "cannot reach", "device list %s", at_server);
	start();
	expect(0, "RETIRED", "", "device show %s %s", serials[2], at_server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_is_seen),
		cmocka_unit_test(units_come_in),
		cmocka_unit_test(a_device_changes_hands),
		cmocka_unit_test(marks_and_suspensions),
		cmocka_unit_test(changes_of_an_element),
		cmocka_unit_test(certificates_are_shown),
		cmocka_unit_test(the_ledger_is_copied),
		cmocka_unit_test(a_large_body_is_an_operators),
		cmocka_unit_test(a_server_that_is_gone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
