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
#include "base/text.h"
#include "command.h"
#include "device/element/atecc608_element.h"
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

/* In `folder`, with SERIAL and what the options say. */
static int
run_program(const char *const options[])
{
	char path[200], address[340];
	const char *argv[16] = { getenv("TENURE_ELEMENT"), "--socket", path, "--serial", SERIAL };

	if (argv[0] == NULL) {
		return 1;
	}
	for (size_t i = 0; options[i] != NULL; i++) {
		argv[5 + i] = options[i];
	}
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
	(void)state;
	folder = temporary_folder();
	return run_program((const char *const[]){ "--volatile", NULL });
}

static int
fresh_pair(void **state)
{
	(void)state;
	folder = temporary_folder();
	return run_program((const char *const[]){ "--volatile", "--serial", SECOND, NULL });
}

static int
fresh_faulty(void **state)
{
	(void)state;
	folder = temporary_folder();
	return run_program(
		(const char *const[]){ "--volatile", "--faulty", SERIAL "=aes,random", NULL });
}

/* Two that are kept; then the second's file is cut, and they are there again. */
static int
fresh_damaged(void **state)
{
	char kept[200], path[300];
	const char *const options[] = { "--state", kept, "--serial", SECOND, NULL };
	int begun;

	(void)state;
	folder = temporary_folder();
	snprintf(kept, sizeof(kept), "%s/kept", folder);
	snprintf(path, sizeof(path), "%s/" SECOND ".part", kept);
	begun = run_program(options);
	if (begun != 0) {
		return begun;
	}
	assert_int_equal(spawned_end(&program, SIGTERM, LIMIT_MS), 0);
	assert_int_equal(truncate(path, 100), 0);
	return run_program(options);
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

/* It says which test, and ends as refused: no script goes on with such a part. */
static void
test_faulty(void **state)
{
	(void)state;
	expect(1, "random numbers  failed\n", "found itself faulty", "element selftest %s", at);
	expect(1, "AES             failed\n", "", "element selftest %s", at);
	expect(1, "ECDSA           ok\n", "", "element selftest %s", at);
	expect(1, "{\"test\":\"AES\",\"result\":\"failed\"}", "do not use it",
		"element selftest --json %s", at);
}

/* The other is there; who asks for the damaged one is told which file to look at. */
static void
test_damaged(void **state)
{
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "damaged: %s/kept/" SECOND ".part: ", folder);
	expect(0, SERIAL, "", "element info %s#" SERIAL, at);
	expect(1, "", path, "element info %s#" SECOND, at);
	expect(1, "", "it was cut", "element info --json %s#" SECOND, at);
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
	expect(1, "", "No such file", "element policy --element atecc608:unix:%s/none", folder);
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

/* --- recorded --- */

static const char device_body[] = "{\"serial\":\"" SERIAL "\",\"state\":\"ACTIVE\"}";
static const char refusal[] =
	"{\"type\":\"/problems/not-found\",\"title\":\"not found\",\"status\":404,"
	"\"detail\":\"there is no such device\"}";

static char known_server[900]; /* flags */

static struct fake_server *
start_server(const struct fake_step *steps, size_t count)
{
	struct fake_server *s = fake_start(folder, steps, count);
	struct diag d = { 0 };
	char path[300];

	snprintf(path, sizeof(path), "%s/token", folder);
	assert_ok(file_create(path, span_text("tnr_x\n"), 0600, &d), d);
	snprintf(known_server, sizeof(known_server),
		"--server %s --ca %s/root.pem --token-file %s/token", fake_url(s), folder, folder);
	return s;
}

/* What the server was told by its Nth request. */
static void
assert_told(struct fake_server *s, size_t which, const char *body)
{
	const struct fake_request *r = fake_request(s, which);

	assert_string_equal(r->method, "POST");
	assert_string_equal(r->path, "/api/v1/devices/" SERIAL "/element");
	assert_true(r->key[0] != '\0');
	assert_true(span_equal(span_of((const uint8_t *)r->body, r->body_len), span_text(body)));
}

static void
test_changes_are_recorded(void **state)
{
	char *ok = fake_answer(200, "application/json", "", device_body);
	char *no = fake_answer(404, "application/problem+json", "", refusal);
	const struct fake_step steps[] = { { ok }, { ok }, { ok }, { no }, { ok } };
	struct fake_server *s = start_server(steps, 5);

	(void)state;
	expect(0, "\"is_recorded\":true", "", "element policy lock 3 --yes --json %s %s", at,
		known_server);
	assert_told(s, 0, "{\"change\":\"lock-slots\",\"slots\":[3]}");
	expect(0, "RECORDED:              yes", "", "element policy user-extra 5a --yes %s %s", at,
		known_server);
	assert_told(s, 1, "{\"change\":\"user-extra\",\"before\":0,\"after\":90}");
	expect(0, "\"is_recorded\":true", "", "element policy counter 1 --yes --json %s %s", at,
		known_server);
	assert_told(s, 2, "{\"change\":\"counter\",\"counter\":1,\"before\":0,\"after\":1}");

	/* It is done, whatever the server says: shown, and exit 1 says what is left to do. */
	expect(1, "\"after\":\"2\",\"is_recorded\":false",
		"done, but not recorded: there is no such device; later: tenure device "
		"note-element " SERIAL " counter --counter 1 --before 1 --after 2",
		"element policy counter 1 --yes --json %s %s", at, known_server);
	expect(0, "ACTIVE", "",
		"device note-element " SERIAL " counter --counter 1 --before 1 --after 2 %s",
		known_server);
	assert_told(s, 4, "{\"change\":\"counter\",\"counter\":1,\"before\":1,\"after\":2}");

	/* Refused by the part: nothing was done, nothing is told. */
	expect(1, "", "locked already", "element policy lock 3 --yes %s %s", at, known_server);
	expect(0, "\"is_recorded\":false", "",
		"element policy counter 1 --yes --no-record --json %s %s", at, known_server);
	assert_int_equal(fake_request_count(s), 5);
	fake_stop(s);
	free(ok);
	free(no);
}

/* The server's own challenge goes into the proof, and the proof to the server, whose word it is. */
static void
test_attest_recorded(void **state)
{
	char *challenge = fake_answer(200, "application/json", "",
		"{\"challenge\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygp\","
		"\"purpose\":\"element\",\"expires\":\"2026-11-24T12:00:00Z\",\"counts\":true}");
	char *useless = fake_answer(200, "application/json", "",
		"{\"challenge\":\"AAEC\",\"purpose\":\"element\","
		"\"expires\":\"2026-11-24T12:00:00Z\",\"counts\":false}");
	char *good = fake_answer(200, "application/json", "",
		"{\"attestation\":\"attested\",\"slot\":4,\"slot_locked\":true,\"sha256\":\"\"}");
	char *bad = fake_answer(400, "application/problem+json", "",
		"{\"type\":\"/problems/attestation-failed\",\"title\":\"crypto\",\"status\":400,"
		"\"detail\":\"another chip's\"}");
	const struct fake_step steps[] = { { challenge }, { good }, { challenge }, { bad },
		{ useless } };
	struct fake_server *s = start_server(steps, 5);
	const struct fake_request *r;

	(void)state;
	expect(2, "", "--manifest",
		"element attest --slot 4 --yes --record --manifest x --signer y %s %s", at,
		known_server);
	expect(0,
		"\"verdict\":\"attested\",\"anchor\":\"what the server has on record, and recorded "
		"there\",\"slot_is_locked\":true",
		"", "element attest --slot 4 --yes --record --json %s %s", at, known_server);
	assert_string_equal("/api/v1/devices/" SERIAL "/challenge", fake_request(s, 0)->path);
	r = fake_request(s, 1);
	assert_string_equal("POST", r->method);
	assert_string_equal("/api/v1/devices/" SERIAL "/element-check", r->path);
	assert_non_null(memmem(r->body, r->body_len, "{\"evidence\":\"", 13));
	assert_non_null(memmem(r->body, r->body_len, "\",\"point\":\"", 11));
	expect(1, "", "another chip's", "element attest --slot 4 --yes --record %s %s", at,
		known_server);
	/* The key in the slot stays where no proof could count. */
	expect(1, "", "could be checked", "element attest --slot 4 --yes --record %s %s", at,
		known_server);
	assert_int_equal(5, fake_request_count(s));
	expect(2, "", "server", "element attest --slot 4 --yes --record %s", at);
	fake_stop(s);
	free(challenge);
	free(useless);
	free(good);
	free(bad);
}

static void
test_records_without_a_server(void **state)
{
	(void)state;
	expect(0, "locked",
		"no server is known; later: tenure device note-element " SERIAL
		" lock-slots --slots 4",
		"element policy lock 4 --yes %s", at);
	expect(1, "\"after\":\"70\"", "done, but not recorded: ",
		"element policy address 70 --yes --json %s --server https://127.0.0.1:1 --ca "
		"%s/none.pem",
		at, folder);
	expect(1, "\"after\":\"5a\"", "done, but not recorded: ",
		"element policy user-extra 5a --yes --json %s --server https://127.0.0.1:1", at);
	expect(2, "", "--slots", "device note-element x lock-slots --slots 2,,3 --server x --ca y");
	expect(2, "", "--slots", "device note-element x lock-slots --slots 2,3, --server x --ca y");
	expect(2, "", "--slots", "device note-element x lock-slots --slots 16 --server x --ca y");
	expect(2, "", "--slots", "device note-element x lock-slots --slots 2,2 --server x --ca y");
	expect(2, "", "--after", "device note-element x address --after 170 --server x --ca y");
	expect(2, "", "--before", "device note-element x counter --before x --server x --ca y");
	expect(2, "", "lock-slots", "device note-element x lock --server x --ca y");
}

/* --- retired --- */

static void
read_slot(struct element *e, unsigned slot, uint8_t *out, size_t len)
{
	struct atecc608 *driver = element_atecc608_driver(e);

	assert_int_equal(atecc608_begin(driver), ATECC608_OK);
	assert_int_equal(
		atecc608_read(driver,
			(struct atecc608_place){ .zone = ATECC608_DATA, .slot = slot }, out, len),
		ATECC608_OK);
	atecc608_end(driver);
}

/* Whether the slot's 32 bytes are these: the part's MAC over them says so. */
static bool
holds_secret(struct element *e, unsigned slot, const uint8_t secret[32])
{
	struct atecc608 *driver = element_atecc608_driver(e);
	uint8_t message[88] = { 0 }, mac[32], expected[32];

	assert_int_equal(atecc608_begin(driver), ATECC608_OK);
	assert_int_equal(atecc608_mac(driver, 0, slot, message, mac), ATECC608_OK);
	memcpy(message, secret, 32);
	message[64] = 0x08;
	message[66] = (uint8_t)slot;
	message[79] = driver->serial[8];
	message[84] = driver->serial[0];
	message[85] = driver->serial[1];
	sha256(SPAN_ARRAY(message), expected);
	atecc608_end(driver);
	return memcmp(mac, expected, sizeof(mac)) == 0;
}

static void
write_slot(struct element *e, unsigned slot, uint8_t value)
{
	struct atecc608 *driver = element_atecc608_driver(e);
	uint8_t block[32];

	memset(block, value, sizeof(block));
	assert_int_equal(atecc608_begin(driver), ATECC608_OK);
	assert_int_equal(atecc608_write(driver,
				 (struct atecc608_place){ .zone = ATECC608_DATA, .slot = slot },
				 block, sizeof(block)),
		ATECC608_OK);
	atecc608_end(driver);
}

static void
test_retire(void **state)
{
	char *ok = fake_answer(200, "application/json", "", device_body);
	const struct fake_step steps[] = { { ok } };
	struct fake_server *s = start_server(steps, 1);
	uint8_t before[5][64], now[64], block[416], secret[32];
	struct element *e = NULL;
	struct diag d = { 0 };

	(void)state;
	memset(secret, 0x33, sizeof(secret));
	assert_ok(element_open(at + strlen("--element "), folder, &e, &d), d);
	for (unsigned slot = 0; slot < 5; slot++) {
		assert_ok(e->operations->point(e, slot, before[slot], &d), d);
	}
	write_slot(e, 8, 0x33);
	write_slot(e, 9, 0x33);
	assert_true(holds_secret(e, 9, secret));
	element_close(e);

	expect(2, "", "--yes", "element retire %s %s", at, known_server);
	expect(0, "\"slot\":5,\"use\":\"secret, AES or HMAC\",\"is_done\":true",
		"recorded on the server", "element retire --yes --json %s %s", at, known_server);
	assert_told(s, 0, "{\"change\":\"retire-keys\",\"slots\":[2,3,4,5,6,8,9]}");
	assert_ok(element_open(at + strlen("--element "), folder, &e, &d), d);
	for (unsigned slot = 0; slot < 5; slot++) {
		assert_ok(e->operations->point(e, slot, now, &d), d);
		assert_int_equal(memcmp(now, before[slot], 64) == 0, slot < 2);
	}
	read_slot(e, 8, block, sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++) {
		assert_int_equal(block[i], 0);
	}
	assert_false(holds_secret(e, 9, secret));
	memset(secret, 0, sizeof(secret));
	assert_false(holds_secret(e, 9, secret)); /* not with a key that anybody knows */
	element_close(e);
	fake_stop(s);
	free(ok);
}

static void
test_retire_what_is_locked(void **state)
{
	char *ok = fake_answer(200, "application/json", "", device_body);
	char *no = fake_answer(403, "application/problem+json", "", refusal);
	const struct fake_step steps[] = { { ok }, { no } };
	struct fake_server *s = start_server(steps, 2);

	(void)state;
	expect(0, "", "", "element policy lock 3 --yes --no-record %s", at);
	expect(0, "", "", "element policy lock 6 --yes --no-record %s", at);
	/* The first record came through, the second not: only that is left to do. */
	expect(1, "signs for ever",
		"later: tenure device note-element " SERIAL " lock-slots --slots 2,4",
		"element retire --lock --yes %s %s", at, known_server);
	assert_told(s, 0, "{\"change\":\"retire-keys\",\"slots\":[2,4,8,9]}");
	assert_told(s, 1, "{\"change\":\"lock-slots\",\"slots\":[2,4]}");
	fake_stop(s);
	/* Again: what is closed stays so, 5 hangs on 6. */
	expect(0, "\"slot\":2,\"use\":\"operational key\",\"is_done\":false", "",
		"element retire --yes --no-record --json %s", at);
	expect(0, "a key that is not known here", "", "element retire --yes --no-record %s", at);
	free(ok);
	free(no);
}

/* Keys in files: the slots that have one. */
static void
test_retire_files(void **state)
{
	char files[300];
	uint8_t before[64], now[64];
	struct element *e = NULL;
	struct diag d = { 0 };

	(void)state;
	snprintf(files, sizeof(files), "file:%s", folder);
	put("serial", NULL, span_text(SERIAL "\n"));
	expect(0, "holds none", "", "element retire --yes --element file:%s", folder);
	assert_ok(element_open(files, folder, &e, &d), d);
	assert_ok(e->operations->generate(e, 2, before, &d), d);
	expect(0, "the key is gone", "note-element " SERIAL " retire-keys --slots 2",
		"element retire --yes --element %s", files);
	assert_ok(e->operations->point(e, 2, now, &d), d);
	assert_memory_not_equal(before, now, 64);
	expect(1, "", "no locks", "element retire --lock --yes --element %s", files);
	element_close(e);
}

/* --- the factory line --- */

#define WITH_SERVER "--server %s --ca %s/root.pem --token-file %s/token"

/* A birth certificate for the first key of the line's unit. */
static const char *
certify(struct forge *f, const char *points, const char *serial)
{
	struct forged leaf = { 0 };
	uint8_t point[64];
	struct diag d = { 0 };

	assert_int_equal(hex_decode(span_of(points, 128), point, sizeof(point)), OK);
	assert_ok(public_key_of_point(point, &leaf.public_key, &d), d);
	spki_of_point(point, leaf.spki);
	leaf.public_key.spki = span_of(leaf.spki, SPKI_P256_LEN);
	forge_certificate(f, &leaf, "birth", serial, &f->factory);
	return base64_encode(f->arena, leaf.der);
}

static char *
answer_line(void *context, const struct fake_request *r)
{
	struct forge *f = context;
	char out[16384] = "";

	if (strstr(r->path, "/factory?") == NULL) {
		return fake_answer(200, "application/json", "", "{\"phase\":\"pilot\"}");
	}
	for (const char *at_serial = r->body;
		(at_serial = strstr(at_serial, "\"serial\":\"")) != NULL; at_serial++) {
		const char *points = strstr(at_serial, "\"points\":[\"") + 11;
		size_t len = strlen(out);

		snprintf(out + len, sizeof(out) - len,
			"{\"serial\":\"%.18s\",\"certificate\":\"%s\",\"issuer\":\"%s\","
			"\"entry\":{}}\n",
			at_serial + 10,
			certify(f, points, arena_printf(f->arena, "%.18s", at_serial + 10)),
			base64_encode(f->arena, f->factory.der));
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
	struct fake_server *s;
	struct forge f;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char words[300];

	(void)state;
	forge_open(&f);
	s = fake_start_handler(folder, answer_line, &f);
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
	put("line/" SERIAL "/element/birth.pem", "CERTIFICATE", f.slots[0].der);
	expect(1, "(0 made now)", SERIAL ": the part on the line has another birth key",
		"factory run --fleet lamps --element atecc608:unix:./bus --out line " WITH_SERVER,
		fake_url(s), folder, folder);
	put("line/" SERIAL "/element/birth.pem", NULL, span_text("cut"));
	expect(1, "", SERIAL "/element/birth.pem",
		"factory run --fleet lamps --element atecc608:unix:./bus --out line " WITH_SERVER,
		fake_url(s), folder, folder);
	assert_int_equal(fchdir(here), 0);
	close(here);
	fake_stop(s);
	forge_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, fresh, clear),
		cmocka_unit_test_setup_teardown(test_faulty, fresh_faulty, clear),
		cmocka_unit_test_setup_teardown(test_damaged, fresh_damaged, clear),
		cmocka_unit_test_setup_teardown(test_slots, fresh, clear),
		cmocka_unit_test_setup_teardown(test_attest, fresh, clear),
		cmocka_unit_test_setup_teardown(test_attest_by_a_manifest, fresh, clear),
		cmocka_unit_test_setup_teardown(test_attest_recorded, fresh, clear),
		cmocka_unit_test_setup_teardown(test_policy, fresh, clear),
		cmocka_unit_test_setup_teardown(test_changes_are_recorded, fresh, clear),
		cmocka_unit_test_setup_teardown(test_records_without_a_server, fresh, clear),
		cmocka_unit_test_setup_teardown(test_retire, fresh, clear),
		cmocka_unit_test_setup_teardown(test_retire_what_is_locked, fresh, clear),
		cmocka_unit_test_setup_teardown(test_retire_files, fresh, clear),
		cmocka_unit_test_setup_teardown(test_line, fresh_pair, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
