/* Imports and the factory line, against a server that loses answers, refuses, and dies. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/pem.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "command.h"
#include "fake_server.h"

#define DEVICES_MAX 4096

/* What the server of these tests has. */
struct world {
	struct {
		char serial[32], code[32];
	} devices[DEVICES_MAX];
	size_t count;
	unsigned requests, judged;
	unsigned lose_at; /* the answer to this request is lost, after it was done; 0: none */
	unsigned fail_at; /* this request is done, and then the server says 500 */
};

static char *folder;
static char token[600];
static struct world world;

static int
set_up(void **state)
{
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	snprintf(token, sizeof(token), "%s/token", folder);
	assert_ok(file_create(token, span_text("tnr_bulk\n"), 0600, &d), d);
	fake_certificate(folder, "reader", "EC");
	fake_certificate(folder, "rsa", "RSA");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temporary_folder_remove(folder);
	return 0;
}

/* --- the server: imports --- */

static size_t
find(const char *serial)
{
	size_t i = 0;

	while (i < world.count && strcmp(world.devices[i].serial, serial) != 0) {
		i++;
	}
	return i;
}

static void
judge_line(const cJSON *o, bool is_dry, unsigned number, struct buffer *out)
{
	const cJSON *boxed = cJSON_GetObjectItem(o, "entry"),
		    *code = cJSON_GetObjectItem(o, "code");
	const cJSON *header = cJSON_GetObjectItem(boxed != NULL ? boxed : o, "header");
	const char *serial = cJSON_GetStringValue(cJSON_GetObjectItem(header, "uniqueId"));
	size_t at = find(serial);
	bool is_known = at < world.count, is_bad = strstr(serial, "bad") != NULL;

	if (!is_known && !is_bad && !is_dry) {
		snprintf(world.devices[at].serial, 32, "%s", serial);
		snprintf(world.devices[at].code, 32, "%s", code != NULL ? code->valuestring : "");
		world.count++;
	}
	buffer_printf(out,
		"{\"number\":%u,\"verdict\":\"%s\",\"serial\":\"%s\",\"device\":", number,
		is_bad	   ? "refused"
		: is_known ? "known"
			   : "accepted",
		serial);
	if (is_bad || (is_dry && !is_known)) {
		buffer_put_text(out, "null");
	} else {
		buffer_printf(out, "\"id-%s\"", serial);
	}
	buffer_printf(out, ",\"problem\":%s,\"clause\":null}\n", is_bad ? "\"bad luck\"" : "null");
}

static void
answer_import(const struct fake_request *r, struct buffer *out)
{
	bool is_dry = strstr(r->path, "dry_run=true") != NULL;
	unsigned number = 0;

	world.judged += is_dry;
	for (char *line = r->body, *end; *line != '\0'; line = end + 1) {
		cJSON *o;

		end = strchr(line, '\n');
		assert_non_null(end);
		o = cJSON_ParseWithLength(line, (size_t)(end - line));
		assert_non_null(o);
		judge_line(o, is_dry, number++, out);
		cJSON_Delete(o);
	}
	buffer_printf(out, "{\"entries\":%u}\n", number);
}

/* --- the server: the factory --- */

static void
answer_factory(const struct fake_request *r, struct buffer *out)
{
	for (char *line = r->body, *end; *line != '\0'; line = end + 1) {
		cJSON *o;
		const char *serial;

		end = strchr(line, '\n');
		o = cJSON_ParseWithLength(line, (size_t)(end - line));
		serial = cJSON_GetStringValue(cJSON_GetObjectItem(o, "serial"));
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "points")), 5);
		/* Long enough that no random serial begins so. */
		if (strncmp(serial, "0123badbadbad", 13) == 0) {
			buffer_printf(
				out, "{\"serial\":\"%s\",\"problem\":\"no such key\"}\n", serial);
		} else {
			if (find(serial) == world.count) {
				snprintf(world.devices[world.count++].serial, 32, "%s", serial);
			}
			buffer_printf(out,
				"{\"serial\":\"%s\",\"certificate\":\"MAA=\",\"issuer\":\"MAA=\","
				"\"entry\":{\"header\":{\"uniqueId\":\"%s\"}}}\n",
				serial, serial);
		}
		cJSON_Delete(o);
	}
}

static char *
handle(void *context, const struct fake_request *r)
{
	struct buffer out;
	char *answer;

	(void)context;
	if (strcmp(r->path, "/api/v1/fleets/lamps") == 0) {
		return fake_answer(
			200, "application/json", "", "{\"name\":\"lamps\",\"phase\":\"pilot\"}");
	}
	world.requests++;
	buffer_init(&out, 8 << 20);
	if (strstr(r->path, "/manifest") != NULL) {
		answer_import(r, &out);
	} else {
		assert_string_equal(r->path,
			"/api/v1/fleets/lamps/"
			"factory?signer=factory-pilot&manifest_signer=manifest-pilot");
		answer_factory(r, &out);
	}
	buffer_put_byte(&out, 0);
	if (world.requests == world.lose_at) {
		answer = NULL;
	} else if (world.requests == world.fail_at) {
		answer = fake_answer(500, "text/plain", "", "");
	} else {
		answer = fake_answer(200, "application/x-ndjson", "", (char *)out.data);
	}
	buffer_wipe(&out);
	return answer;
}

/* --- imports --- */

/* Entries from..to-1, and a bad one where `bad` says. */
static const char *
write_manifest(const char *name, unsigned from, unsigned to, unsigned bad)
{
	static char path[600];
	struct diag d = { 0 };
	struct buffer b;

	buffer_init(&b, 8 << 20);
	buffer_put_byte(&b, '[');
	for (unsigned i = from; i < to; i++) {
		buffer_printf(&b,
			"%s{\"payload\":\"p\",\"protected\":\"q\",\"header\":{\"uniqueId\":\"%s%"
			"06u\"},\"signature\":\"s\"}",
			i > from ? "," : "", i == bad ? "bad" : "0123", i);
	}
	buffer_put_byte(&b, ']');
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_ok(file_replace(path, buffer_span(&b), 0644, &d), d);
	buffer_wipe(&b);
	return path;
}

static char *
open_sheet(struct arena *a, const char *name, const char *reader)
{
	char path[600];
	span der;
	const uint8_t *at;
	CMS_ContentInfo *cms;
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL, *copy;
	long len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	der = bytes_of_file(a, path);
	at = der.data;
	cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
	assert_non_null(cms);
	assert_null(memmem(der.data, der.len, "serial,code", 11));
	if (reader != NULL) {
		FILE *f;
		EVP_PKEY *key;

		snprintf(path, sizeof(path), "%s/%s.key", folder, reader);
		f = fopen(path, "r");
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
		assert_int_equal(CMS_decrypt(cms, key, NULL, NULL, out, 0), 1);
		EVP_PKEY_free(key);
	} else {
		assert_int_equal(
			CMS_decrypt_set1_password(cms, (uint8_t *)(uintptr_t) "open sesame", 11),
			1);
		assert_int_equal(CMS_decrypt(cms, NULL, NULL, NULL, out, 0), 1);
	}
	len = BIO_get_mem_data(out, &text);
	copy = arena_string(a, span_of(text, (size_t)len));
	BIO_free(out);
	CMS_ContentInfo_free(cms);
	return copy;
}

/* Every device of the server stands on the sheet with the very code that the server was given. */
static void
check_sheet(const char *text, size_t lines)
{
	size_t found = 0;

	assert_memory_equal(text, "serial,code,device\n", 19);
	for (const char *at = text; *at != '\0'; at++) {
		found += *at == '\n';
	}
	assert_int_equal(found, lines + 1);
	for (size_t i = 0; i < world.count; i++) {
		char line[128];

		assert_int_equal(strlen(world.devices[i].code), 23);
		snprintf(line, sizeof(line), "\n%s,%s,id-%s\n", world.devices[i].serial,
			world.devices[i].code, world.devices[i].serial);
		assert_non_null(strstr(text, line));
	}
}

#define WITH_SERVER "--server %s --ca %s/root.pem --token-file %s"
#define IMPORT "manifest import %s --fleet lamps " WITH_SERVER

static void
imports_without_codes(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	const char *path = write_manifest("m", 0, 2500, 1700);

	(void)state;
	world = (struct world){ 0 };
	expect(1, "entry 1700 bad001700: bad luck\n", "1 of 2500 entries were refused", IMPORT,
		path, fake_url(s), folder, token);
	assert_int_equal(world.count, 2499);
	assert_int_equal(world.requests, 3);
	assert_string_equal(world.devices[0].code, "");
	expect(1,
		"{\"entries\":2500,\"accepted\":0,\"known\":2499,\"refused\":1,\"refusals\":[{"
		"\"number\":1700,\"serial\":\"bad001700\",\"problem\":\"bad "
		"luck\",\"clause\":null}],\"sheet\":null,\"codes\":0}\n",
		"", IMPORT " --json", path, fake_url(s), folder, token);
	fake_stop(s);
}

static void
a_dry_run_changes_nothing(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	const char *path = write_manifest("m", 0, 10, 99);
	char partial[600];

	(void)state;
	world = (struct world){ 0 };
	expect(0, "10 entries: 10 would be accepted, 0 known, 0 refused", "",
		IMPORT " --dry-run --codes %s/dry --recipient %s/reader.pem", path, fake_url(s),
		folder, token, folder, folder);
	assert_int_equal(world.count, 0);
	assert_int_equal(world.judged, 1);
	snprintf(partial, sizeof(partial), "%s/dry.partial", folder);
	assert_int_equal(access(partial, F_OK), -1);
	fake_stop(s);
}

static void
codes_go_to_the_sheet(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct arena *a = arena_new(64 << 20);
	const char *path = write_manifest("m", 0, 1500, 7);

	(void)state;
	world = (struct world){ 0 };
	expect(1, "1499 claim codes in ", "1 of 1500",
		IMPORT " --codes %s/sheet --recipient %s/reader.pem", path, fake_url(s), folder,
		token, folder, folder);
	check_sheet(open_sheet(a, "sheet", "reader"), 1499);
	expect(1, "", "is there already", IMPORT " --codes %s/sheet --recipient %s/reader.pem",
		path, fake_url(s), folder, token, folder, folder);
	/* What is known from elsewhere has no code of this sheet's. */
	path = write_manifest("m", 1498, 1503, 0);
	expect(0, "3 accepted, 2 known", "", IMPORT " --codes %s/more --recipient %s/rsa.pem", path,
		fake_url(s), folder, token, folder, folder);
	assert_null(strstr(open_sheet(a, "more", "rsa"), "0123001499"));
	assert_non_null(strstr(open_sheet(a, "more", "rsa"), "0123001502,"));
	fake_stop(s);
	arena_free(a);
}

static void
sheets_open_by_passphrase(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct arena *a = arena_new(64 << 20);
	const char *path = write_manifest("m", 0, 3, 99);
	struct diag d = { 0 };
	char passphrase[600];

	(void)state;
	world = (struct world){ 0 };
	snprintf(passphrase, sizeof(passphrase), "%s/passphrase", folder);
	assert_ok(file_create(passphrase, span_text("open sesame\n"), 0600, &d), d);
	expect(0, "3 claim codes", "", IMPORT " --codes %s/by-word --passphrase-file %s", path,
		fake_url(s), folder, token, folder, passphrase);
	check_sheet(open_sheet(a, "by-word", NULL), 3);
	fake_stop(s);
	arena_free(a);
}

/* Two thousand entries are four requests: judged and sent, twice. Each of them may fail, or lose its answer. */
static void
nothing_is_lost_with_an_answer(void **state)
{
	struct arena *a = arena_new(64 << 20);

	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		struct fake_server *s = fake_start_handler(folder, handle, NULL);
		const char *path = write_manifest("m", 0, 1200, 9999);
		char name[32];

		world = (struct world){ .lose_at = at };
		expect(0, "1200 claim codes", "",
			IMPORT " --codes %s/lost%u --recipient %s/reader.pem", path, fake_url(s),
			folder, token, folder, at, folder);
		snprintf(name, sizeof(name), "lost%u", at);
		check_sheet(open_sheet(a, name, "reader"), 1200);
		fake_stop(s);
	}
	arena_free(a);
}

static void
nothing_is_lost_with_a_run(void **state)
{
	struct arena *a = arena_new(64 << 20);

	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		struct fake_server *s = fake_start_handler(folder, handle, NULL);
		const char *path = write_manifest("m", 0, 1200, 9999);
		char name[32], partial[700];
		struct stat st;

		world = (struct world){ .fail_at = at };
		snprintf(name, sizeof(name), "failed%u", at);
		expect(1, "", "answered 500", IMPORT " --codes %s/%s --recipient %s/reader.pem",
			path, fake_url(s), folder, token, folder, name, folder);
		snprintf(partial, sizeof(partial), "%s/%s.partial", folder, name);
		assert_int_equal(stat(partial, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		expect(1, "", "another fleet (lamps)",
			"manifest import %s --fleet a --codes %s/%s --recipient "
			"%s/reader.pem " WITH_SERVER,
			path, folder, name, folder, fake_url(s), folder, token);
		expect(0, "1200 claim codes", "", IMPORT " --codes %s/%s --recipient %s/reader.pem",
			path, fake_url(s), folder, token, folder, name, folder);
		check_sheet(open_sheet(a, name, "reader"), 1200);
		assert_int_equal(stat(partial, &st), -1);
		fake_stop(s);
	}
	arena_free(a);
}

static void
another_manifest_does_not_finish_a_sheet(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct arena *a = arena_new(64 << 20);
	const char *path = write_manifest("m", 0, 20, 99);

	(void)state;
	world = (struct world){ .fail_at = 2 };
	expect(1, "", "500", IMPORT " --codes %s/other --recipient %s/reader.pem", path,
		fake_url(s), folder, token, folder, folder);
	path = write_manifest("m", 10, 30, 99);
	expect(1, "", "codes of 10 devices that this manifest does not name",
		IMPORT " --codes %s/other --recipient %s/reader.pem", path, fake_url(s), folder,
		token, folder, folder);
	path = write_manifest("m", 0, 40, 99);
	expect(0, "40 claim codes", "", IMPORT " --codes %s/other --recipient %s/reader.pem", path,
		fake_url(s), folder, token, folder, folder);
	check_sheet(open_sheet(a, "other", "reader"), 40);
	fake_stop(s);
	arena_free(a);
}

static void
what_an_import_refuses(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct diag d = { 0 };
	char path[600];

	(void)state;
	world = (struct world){ 0 };
	snprintf(path, sizeof(path), "%s/broken", folder);
	assert_ok(
		file_replace(path, span_text("[{\"header\":{\"uniqueId\":\"0123000001\"}},{\"hea"),
			0644, &d),
		d);
	expect(1, "", "behind 1 entries", IMPORT, path, fake_url(s), folder, token);
	assert_int_equal(world.count, 1); /* what stood before the cut was sent */
	expect(1, "", "cannot open", IMPORT, "/nonexistent", fake_url(s), folder, token);
	expect(2, "", "--recipient CERT or --passphrase-file", IMPORT " --codes x", path,
		fake_url(s), folder, token);
	expect(2, "", "come with --codes", IMPORT " --recipient x", path, fake_url(s), folder,
		token);
	expect(1, "", "is no PEM certificate", IMPORT " --codes %s/y --recipient %s", path,
		fake_url(s), folder, token, folder, path);
	fake_stop(s);
	snprintf(path, sizeof(path), "%s/garbage.partial", folder);
	assert_ok(file_replace(path, span_text("a\nb\nc\n"), 0600, &d), d);
	expect(1, "", "no partial sheet", IMPORT " --codes %s/garbage --recipient %s/reader.pem",
		path, "https://127.0.0.1:1", folder, token, folder, folder);
}

/* --- the factory --- */

static size_t
units_in(const char *line)
{
	char path[600];
	size_t count = 0;
	DIR *list;

	snprintf(path, sizeof(path), "%s/%s", folder, line);
	list = opendir(path);
	for (struct dirent *e; (e = readdir(list)) != NULL;) {
		count += strlen(e->d_name) == 18;
	}
	closedir(list);
	return count;
}

#define FACTORY "factory run --fleet lamps --count %u --out %s/%s " WITH_SERVER

static void
units_are_made_and_made_up(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct arena *a = arena_new(64 << 20);
	char path[900];
	cJSON *manifest;
	struct stat st;

	(void)state;
	world = (struct world){ .fail_at = 2 };
	expect(1, "", "500", FACTORY, 300u, folder, "line", fake_url(s), folder, token);
	assert_int_equal(units_in("line"), 300);
	assert_int_equal(world.count, 300); /* the second batch was made, its answer lost */
	expect(0, "300 units in", "", FACTORY, 300u, folder, "line", fake_url(s), folder, token);
	assert_int_equal(world.count, 300);
	expect(0, "302 units in", "", FACTORY, 302u, folder, "line", fake_url(s), folder, token);
	expect(0, "{\"units\":302,\"made\":0,\"refused\":0,", "", FACTORY " --json", 5u, folder,
		"line", fake_url(s), folder, token);
	snprintf(path, sizeof(path), "%s/line/manifest.json", folder);
	manifest = cJSON_Parse(arena_string(a, bytes_of_file(a, path)));
	assert_int_equal(cJSON_GetArraySize(manifest), 302);
	cJSON_Delete(manifest);
	snprintf(path, sizeof(path), "%s/line/%s/element/slot4.key", folder,
		world.devices[0].serial);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/line/%s/element/birth.pem", folder,
		world.devices[0].serial);
	assert_non_null(memmem(bytes_of_file(a, path).data, bytes_of_file(a, path).len,
		"-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----", 53));
	snprintf(path, sizeof(path), "%s/line/%s/element/serial", folder, world.devices[0].serial);
	assert_memory_equal(bytes_of_file(a, path).data, world.devices[0].serial, 18);
	snprintf(path, sizeof(path), "%s/line/%s/agent.conf", folder, world.devices[0].serial);
	assert_non_null(strstr(arena_string(a, bytes_of_file(a, path)),
		arena_printf(a, "server = %s\nfleet = lamps\n", fake_url(s))));
	snprintf(path, sizeof(path), "%s/line/%s/ca.pem", folder, world.devices[0].serial);
	assert_non_null(strstr(arena_string(a, bytes_of_file(a, path)), "BEGIN CERTIFICATE"));
	fake_stop(s);
	arena_free(a);
}

static void
units_that_are_refused(void **state)
{
	struct fake_server *s = fake_start_handler(folder, handle, NULL);
	struct diag d = { 0 };
	char path[600];
	int lock;

	(void)state;
	world = (struct world){ 0 };
	expect(1, "", "2 of 2 units were refused", FACTORY " --serial-prefix 0123badbadbad", 2u,
		folder, "bad", fake_url(s), folder, token);
	expect(2, "", "begin with 0123", FACTORY " --serial-prefix 99", 2u, folder, "bad",
		fake_url(s), folder, token);
	expect(2, "", "--count", FACTORY, 0u, folder, "bad", fake_url(s), folder, token);
	expect(1, "", "cannot", FACTORY, 1u, "/proc", "bad", fake_url(s), folder, token);
	snprintf(path, sizeof(path), "%s/bad/lock", folder);
	assert_ok(file_lock(path, &lock, &d), d);
	expect(1, "", "held by another", FACTORY, 1u, folder, "bad", fake_url(s), folder, token);
	close(lock);
	fake_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports_without_codes),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(codes_go_to_the_sheet),
		cmocka_unit_test(sheets_open_by_passphrase),
		cmocka_unit_test(nothing_is_lost_with_an_answer),
		cmocka_unit_test(nothing_is_lost_with_a_run),
		cmocka_unit_test(another_manifest_does_not_finish_a_sheet),
		cmocka_unit_test(what_an_import_refuses),
		cmocka_unit_test(units_are_made_and_made_up),
		cmocka_unit_test(units_that_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
