/* tenure element, with a virtual part at the bench. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"
#include "command.h"
#include "device/element/element.h"
#include "fake_server.h"
#include "../element/forge.h"
#include "pki/pem.h"

#define SERIAL "0123a1b2c3d4e5f601"
#define SECOND "0123ffeeddccbbaa01"
#define LIMIT_MS 10000
#define STEP_MS 5

static char *folder;
static char at[300]; /* the flag */
static struct spawned program;

static void
wait_for(const char *address)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	struct element *e = NULL;

	for (int ms = 0; ms < LIMIT_MS; ms += STEP_MS) {
		if (element_open(address, folder, &e, NULL) == OK) {
			element_close(e);
			return;
		}
		nanosleep(&step, NULL);
	}
	fail_msg("%s does not answer", address);
}

static int
start(void **state, const char *second)
{
	char path[200], address[340];
	const char *argv[] = { getenv("TENURE_ELEMENT"), "--socket", path, "--volatile", "--serial",
		SERIAL, second != NULL ? "--serial" : NULL, second, NULL };

	(void)state;
	if (argv[0] == NULL) {
		return 1;
	}
	folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/bus", folder);
	snprintf(at, sizeof(at), "--element atecc608:unix:%s", path);
	spawn_program(&program, argv);
	snprintf(address, sizeof(address), "%s#" SERIAL, at + strlen("--element "));
	wait_for(address);
	return 0;
}

static int
fresh(void **state)
{
	return start(state, NULL);
}

static int
fresh_pair(void **state)
{
	return start(state, SECOND);
}

static int
clear(void **state)
{
	(void)state;
	assert_int_equal(spawned_end(&program, SIGTERM, LIMIT_MS), 0);
	temporary_folder_remove(folder);
	return 0;
}

static void
test_info(void **state)
{
	(void)state;
	expect(0, SERIAL, "", "element info %s", at);
	expect(0, "\"profile\":\"trustflex-tls\"", "", "element info --json %s", at);
	expect(0, "\"attestation\":\"attested\"", "", "element info --json %s", at);
	expect(0, "AES", "", "element selftest %s", at);
	expect(2, "", "--element", "element info");
	expect(1, "", "no element's address", "element info --element nowhere:x");
	expect(1, "", "No such file", "element info --element atecc608:unix:%s/none", folder);
	expect(1, "", "18 hex digits", "element info %s#0123", at);
	expect(1, "", "does tenure-element run there", "element info --element atecc608:unix:%s/no",
		folder);
	expect(1, "", "there are #" SERIAL, "element info %s#0123ffffffffffff01", at);
	expect(1, "", "no part with this serial", "element info %s#0123ffffffffffff01", at);
}

static void
test_slots(void **state)
{
	(void)state;
	expect(0, "operational key", "", "element slots %s", at);
	expect(0, "\"slot\":5,\"use\":\"secret, AES or HMAC\",\"holds\":\"not to be read\"", "",
		"element slots --json %s", at);
	expect(0, "a new key may be made", "", "element slots %s", at);
}

static void
test_attest(void **state)
{
	(void)state;
	expect(2, "", "--yes", "element attest --slot 3 %s", at);
	expect(2, "", "2 to 4", "element attest --slot 0 --yes %s", at);
	expect(2, "", "go together", "element attest --slot 3 --manifest x --yes %s", at);
	expect(0, "proven", "", "element attest --slot 3 --yes %s", at);
	expect(0, "\"point\":\"", "", "element attest --slot 3 --yes --json %s", at);
	expect(0, "\"slot_is_locked\":false", "", "element attest --slot 4 --yes --json %s", at);
	expect(1, "", "file", "element info --element file:%s/none", folder);
}

static void
put(const char *name, const char *label, span content)
{
	char path[300];
	struct buffer text;
	struct diag d = { 0 };

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	buffer_init(&text, 64 << 10);
	if (label != NULL) {
		pem_write(&text, label, content);
	} else {
		buffer_put(&text, content);
	}
	assert_ok(file_replace(path, buffer_span(&text), 0644, &d), d);
	buffer_wipe(&text);
}

/* A manifest whose entry has this key in slot 1. */
static void
put_manifest(struct forge *f, const char *name, const uint8_t point[64])
{
	struct diag d = { 0 };
	const char *entry;

	assert_ok(public_key_of_point(point, &f->slots[1].public_key, &d), d);
	entry = forge_entry(
		f, forge_payload(f, f->slots[0].der, f->factory.der), forge_protected(f));
	put(name, NULL, span_text(arena_printf(f->arena, "[%s]", entry)));
}

/* Against the manifest's word: another part with the same serial number is found out. */
static void
test_attest_by_a_manifest(void **state)
{
	struct element *e = NULL;
	struct diag d = { 0 };
	uint8_t point[64];
	char by[400];
	struct forge f;

	(void)state;
	forge_open(&f);
	assert_ok(element_open(at + strlen("--element "), folder, &e, &d), d);
	assert_ok(e->operations->point(e, 1, point, &d), d);
	put_manifest(&f, "true.json", point);
	assert_ok(e->operations->point(e, 0, point, &d), d);
	put_manifest(&f, "other.json", point);
	element_close(e);
	put("none.json", NULL, span_text("[]"));
	put("signer.pem", "CERTIFICATE", f.signer.der);
	put("root.pem", "CERTIFICATE", f.root.der);
	snprintf(by, sizeof(by), "element attest --slot 2 --yes %s --signer %s/signer.pem", at,
		folder);
	expect(0, "slot 1's key in the manifest", "",
		"%s --root %s/root.pem --manifest %s/true.json", by, folder, folder);
	expect(1, "", "", "%s --root %s/root.pem --manifest %s/other.json", by, folder, folder);
	expect(1, "", "no entry for " SERIAL, "%s --root %s/root.pem --manifest %s/none.json", by,
		folder, folder);
	expect(1, "", "", "%s --manifest %s/true.json", by,
		folder); /* its birth certificate's root */
	forge_close(&f);
}

static void
test_policy(void **state)
{
	(void)state;
	expect(0, "lock 3", "", "element policy %s", at);
	expect(2, "", "wants a VALUE", "element policy lock %s", at);
	expect(2, "", "--yes", "element policy lock 3 %s", at);
	expect(0, "\"slot\":3,\"use\":\"operational key\"", "", "element slots --json %s", at);
	expect(0, "\"after\":\"locked\"", "", "element policy lock 3 --yes --json %s", at);
	expect(1, "", "locked already", "element policy lock 3 --yes %s", at);
	expect(1, "", "cannot be locked", "element policy lock 1 --yes %s", at);
	expect(1, "", "forbids it", "element attest --slot 3 --yes %s", at);
	expect(2, "", "0 to 15", "element policy lock 16 --yes %s", at);
	expect(2, "", "hex digits", "element policy user-extra 00 --yes %s", at);
	expect(0, "UserExtra", "", "element policy user-extra 5a --yes %s", at);
	expect(1, "", "once only", "element policy user-extra 5b --yes %s", at);
	expect(0, "\"before\":\"0\",\"after\":\"1\"", "",
		"element policy counter 1 --yes --json %s", at);
	expect(2, "", "0 to 1", "element policy counter 2 --yes %s", at);
	expect(2, "", "bus address", "element policy address 71 --yes %s", at);
	expect(0, "UserExtraAdd", "", "element policy address 70 --yes %s", at);
	expect(0, "at 70", "", "element info %s", at);
}

/* --- the factory line --- */

#define WITH_SERVER "--server %s --ca %s/root.pem --token-file %s/token"

static char *
answer_line(void *context, const struct fake_request *r)
{
	char out[4096] = "";

	(void)context;
	if (strstr(r->path, "/factory?") == NULL) {
		return fake_answer(200, "application/json", "", "{\"phase\":\"pilot\"}");
	}
	for (const char *at_serial = r->body;
		(at_serial = strstr(at_serial, "\"serial\":\"")) != NULL; at_serial++) {
		size_t len = strlen(out);

		snprintf(out + len, sizeof(out) - len,
			"{\"serial\":\"%.18s\",\"certificate\":\"MAA=\",\"issuer\":\"MAA=\","
			"\"entry\":{}}\n",
			at_serial + 10);
	}
	return fake_answer(200, "application/x-ndjson", "", out);
}

static void
expect_file(const char *words, const char *name)
{
	char path[300];
	struct buffer text;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	buffer_init(&text, 64 << 10);
	assert_int_equal(file_read(path, 64 << 10, &text, NULL), OK);
	buffer_put_byte(&text, 0);
	if (strstr((const char *)text.data, words) == NULL) {
		fail_msg("%s has no \"%s\": %s", name, words, (const char *)text.data);
	}
	buffer_wipe(&text);
}

/* An agent anywhere can use what the line writes, whatever folder the line was in; an operator's own word stays. */
static void
test_line(void **state)
{
	struct fake_server *s = fake_start_handler(folder, answer_line, NULL);
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char words[300];

	(void)state;
	put("token", NULL, span_text("token\n"));
	snprintf(words, sizeof(words), "%s/token", folder);
	assert_int_equal(chmod(words, 0600), 0);
	expect(1, "", "SOCKET#SERIAL; there are #" SERIAL " #" SECOND, "element info %s", at);
	assert_true(here >= 0 && chdir(folder) == 0);
	expect(0, "2 units in", "",
		"factory run --fleet lamps --element atecc608:unix:bus --out line " WITH_SERVER,
		fake_url(s), folder, folder);
	snprintf(words, sizeof(words),
		"server = %s\nfleet = lamps\nelement = atecc608:unix:%s/bus#%s", fake_url(s),
		folder, SECOND);
	expect_file(words, "line/" SECOND "/agent.conf");
	expect_file("BEGIN CERTIFICATE", "line/" SECOND "/ca.pem");
	expect_file("BEGIN CERTIFICATE", "line/" SERIAL "/element/birth.pem");
	put("line/" SERIAL "/agent.conf", NULL, span_text("mine\n"));
	expect(0, "(0 made now)", "",
		"factory run --fleet lamps --element atecc608:unix:./bus --out line " WITH_SERVER,
		fake_url(s), folder, folder);
	expect_file("mine", "line/" SERIAL "/agent.conf");
	assert_int_equal(fchdir(here), 0);
	close(here);
	fake_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, fresh, clear),
		cmocka_unit_test_setup_teardown(test_slots, fresh, clear),
		cmocka_unit_test_setup_teardown(test_attest, fresh, clear),
		cmocka_unit_test_setup_teardown(test_attest_by_a_manifest, fresh, clear),
		cmocka_unit_test_setup_teardown(test_policy, fresh, clear),
		cmocka_unit_test_setup_teardown(test_line, fresh_pair, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
