/* How the command line behaves towards a server: against one that answers by a script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "cli/client.h"
#include "command.h"
#include "fake_server.h"

#define JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define PROBLEM(code) "HTTP/1.1 " code "\r\nContent-Type: application/problem+json\r\n"
#define DEVICE                                                                            \
	"{\"id\":\"06f3\",\"serial\":\"0123aa\",\"fleet\":\"lamps\",\"state\":\"HELD\","  \
	"\"suspended_from\":null,\"marks\":[\"stolen\",\"disputed\"],\"owner\":\"acme\"," \
	"\"certificate\":null,\"renew_after\":\"2027-01-12T00:00:00Z\",\"seen\":null,"    \
	"\"created\":\"2026-11-23T12:00:00Z\"}"

static char *folder;
static char token[600];

static int
set_up(void **state)
{
	struct diag d = { 0 };

	(void)state;
	folder = temporary_folder();
	snprintf(token, sizeof(token), "%s/token", folder);
	assert_ok(file_create(token, span_text("tnr_secret-of-the-test\n"), 0600, &d), d);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temporary_folder_remove(folder);
	return 0;
}

#define WITH_SERVER "--server %s --ca %s/root.pem --token-file %s"

static const char *
with_length(const char *header, const char *body)
{
	static char text[4][8192];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%sContent-Length: %zu\r\n\r\n%s", header,
		strlen(body), body);
	return text[at];
}

static void
shows_a_device(void **state)
{
	const struct fake_step steps[] = { { with_length(JSON, DEVICE) },
		{ with_length(JSON, DEVICE) } };
	struct fake_server *s = fake_start(folder, steps, 2);
	struct ran r = run_command("device show 0123aa " WITH_SERVER, fake_url(s), folder, token);

	(void)state;
	assert_int_equal(r.exit, 0);
	assert_non_null(strstr(r.out, "SERIAL:                0123aa\n"));
	assert_non_null(strstr(r.out, "MARKS:                 stolen, disputed\n"));
	assert_non_null(strstr(r.out, "RENEW AFTER:           2027-01-12 00:00:00Z\n"));
	assert_non_null(strstr(r.out, "SEEN:                  -\n"));
	assert_null(strstr(r.out, "tnr_"));
	assert_string_equal(r.err, "");
	ran_free(&r);
	assert_string_equal(fake_request(s, 0)->method, "GET");
	assert_string_equal(fake_request(s, 0)->path, "/api/v1/devices/0123aa");
	assert_string_equal(fake_request(s, 0)->authorization, "Bearer tnr_secret-of-the-test");
	assert_string_equal(fake_request(s, 0)->key, "");
	expect(0, DEVICE "\n", "", "device show 0123aa --json " WITH_SERVER, fake_url(s), folder,
		token);
	fake_stop(s);
}

static void
lists_all_pages(void **state)
{
	const struct fake_step steps[] = {
		{ with_length(JSON, "{\"items\":[" DEVICE "," DEVICE "],\"next\":\"2\"}") },
		{ with_length(JSON, "{\"items\":[" DEVICE "],\"next\":null}") },
		{ with_length(JSON, "{\"items\":[" DEVICE "," DEVICE "],\"next\":\"2\"}") },
		{ with_length(JSON, "{\"items\":[],\"next\":null}") },
	};
	struct fake_server *s = fake_start(folder, steps, 4);
	struct ran r = run_command(
		"device list --fleet lamps --state HELD " WITH_SERVER, fake_url(s), folder, token);

	(void)state;
	assert_int_equal(r.exit, 0);
	assert_non_null(strstr(r.out, "SERIAL  ID    FLEET  STATE  MARKS"));
	assert_non_null(strstr(r.out, "0123aa  06f3  lamps  HELD   stolen, disputed  acme "));
	ran_free(&r);
	assert_string_equal(
		fake_request(s, 0)->path, "/api/v1/devices?fleet=lamps&state=HELD&limit=1000");
	assert_string_equal(fake_request(s, 1)->path,
		"/api/v1/devices?fleet=lamps&state=HELD&limit=1000&after=2");
	r = run_command(
		"device list --json --limit 2 --after 0 " WITH_SERVER, fake_url(s), folder, token);
	assert_int_equal(r.exit, 0);
	assert_string_equal(r.out, "[\n" DEVICE ",\n" DEVICE "\n]\n");
	assert_non_null(strstr(r.err, "--after 2"));
	ran_free(&r);
	assert_string_equal(fake_request(s, 2)->path, "/api/v1/devices?limit=2&after=0");
	expect(0, "[]\n", "", "device list --json " WITH_SERVER, fake_url(s), folder, token);
	fake_stop(s);
}

static void
names_are_encoded_in_paths(void **state)
{
	const struct fake_step steps[] = { { with_length(JSON, DEVICE) } };
	struct fake_server *s = fake_start(folder, steps, 1);

	(void)state;
	expect(0, "", "", "device show ../x?a=b " WITH_SERVER, fake_url(s), folder, token);
	assert_string_equal(fake_request(s, 0)->path, "/api/v1/devices/..%2Fx%3Fa%3Db");
	fake_stop(s);
}

static void
writes_carry_members(void **state)
{
	const struct fake_step steps[] = {
		{ with_length(JSON, "{\"name\":\"lamps\",\"lifetime\":7776000}") },
		{ with_length(JSON, "{\"name\":\"root-x\"}") },
		{ with_length(JSON, "{\"name\":\"lamps\",\"version\":4}") },
		{ with_length(JSON, "{\"name\":\"lamps\",\"version\":5}") },
		{ "HTTP/1.1 204 No Content\r\n\r\n" },
	};
	struct fake_server *s = fake_start(folder, steps, 5);

	(void)state;
	expect(0, "LIFETIME:              90d\n", "",
		"fleet create lamps --phase pilot --authority a --maker m --lifetime 90d "
		"--crl-lists-superseded yes " WITH_SERVER,
		fake_url(s), folder, token);
	assert_string_equal(fake_request(s, 0)->body,
		"{\"name\":\"lamps\",\"phase\":\"pilot\",\"authority\":\"a\",\"maker\":\"m\","
		"\"lifetime\":7776000,\"crl_lists_superseded\":true}");
	assert_string_equal(fake_request(s, 0)->content_type, "application/json");
	assert_int_equal(strlen(fake_request(s, 0)->key), 26);
	expect(0, "", "",
		"hierarchy create root-x --kind root --phase pilot --hierarchy \"x y\" "
		"--p384 " WITH_SERVER,
		fake_url(s), folder, token);
	assert_string_equal(fake_request(s, 1)->body,
		"{\"name\":\"root-x\",\"kind\":\"root\",\"phase\":\"pilot\",\"hierarchy\":\"x y\","
		"\"p384\":true}");
	assert_string_equal(
		fake_request(s, 1)->key, ""); /* the server keeps no answer to this one */
	expect(0, "VERSION:               5\n", "",
		"fleet set lamps --renew-after-percent 50 " WITH_SERVER, fake_url(s), folder,
		token);
	assert_string_equal(fake_request(s, 3)->method, "PATCH");
	assert_string_equal(fake_request(s, 3)->body, "{\"version\":4,\"renew_after_percent\":50}");
	expect(0, "bob is removed\n", "", "operator remove bob " WITH_SERVER, fake_url(s), folder,
		token);
	assert_string_equal(fake_request(s, 4)->method, "DELETE");
	fake_stop(s);
}

static void
secrets_come_from_files(void **state)
{
	const struct fake_step steps[] = { { with_length(JSON,
		"{\"serial\":\"0123aa\",\"state\":\"AWAITING_DEVICE\",\"code\":\"7K3MF-NEW\"}") } };
	struct fake_server *s = fake_start(folder, steps, 1);
	struct diag d = { 0 };
	struct ran r;
	char code[600];

	(void)state;
	snprintf(code, sizeof(code), "%s/code", folder);
	assert_ok(file_replace(code, span_text("7K3MF-0QZ9T-A1B2C-D3E4F\n"), 0644, &d), d);
	expect(1, "", "chmod 600", "device claim d --code-file %s " WITH_SERVER, code, fake_url(s),
		folder, token);
	assert_int_equal(chmod(code, 0600), 0);
	r = run_command(
		"device claim d --code-file %s " WITH_SERVER, code, fake_url(s), folder, token);
	assert_int_equal(r.exit, 0);
	assert_non_null(strstr(r.out, "CLAIM CODE:            7K3MF-NEW  (shown this once)\n"));
	ran_free(&r);
	assert_string_equal(fake_request(s, 0)->body, "{\"code\":\"7K3MF-0QZ9T-A1B2C-D3E4F\"}");
	fake_stop(s);
	expect(1, "", "cannot read the code", "device claim d --code-file %s/none " WITH_SERVER,
		folder, "https://127.0.0.1:1", folder, token);
}

static void
problems_are_one_line(void **state)
{
	static const struct {
		const char *header, *body;
		int exit;
		const char *err;
	} table[] = {
		{ PROBLEM("409 Conflict"),
			"{\"type\":\"/problems/conflict\",\"title\":\"conflict\",\"status\":409,"
			"\"detail\":\"device 0123aa is RETIRED\"}",
			1, "tenure: device 0123aa is RETIRED\n" },
		{ PROBLEM("400 Bad Request"),
			"{\"type\":\"/problems/bad-input\",\"detail\":\"no\\u001b[31m "
			"way\",\"clause\":\"RFC 2986 4.1\"}",
			1, "tenure: no?[31m way (RFC 2986 4.1)\n" },
		{ PROBLEM("404 Not Found"), "{\"title\":\"not found\"}", 1, "tenure: not found\n" },
		{ PROBLEM("401 Unauthorized"), "{\"detail\":\"unknown token\"}", 1,
			"unknown token (is the token the right one" },
		{ PROBLEM("500 Oops"), "<html>", 1, "answered 500 without a reason" },
		{ JSON, "{\"serial\":", 1, "is it a Tenure server?" },
		{ JSON, "[1,2", 1, "is it a Tenure server?" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const struct fake_step steps[] = { { with_length(
			table[i].header, table[i].body) } };
		struct fake_server *s = fake_start(folder, steps, 1);

		expect(table[i].exit, "", table[i].err, "device show a " WITH_SERVER, fake_url(s),
			folder, token);
		assert_int_equal(fake_request_count(s), 1);
		fake_stop(s);
	}
}

static void
a_lost_answer_is_asked_for_again(void **state)
{
	const struct fake_step steps[] = { { NULL }, { NULL },
		{ with_length(JSON, "{\"serial\":\"0123aa\",\"state\":\"HELD\",\"code\":null}") },
		{ NULL },
		{ with_length(PROBLEM("404 Not Found"), "{\"detail\":\"no operator bob\"}") },
		{ NULL } };
	struct fake_server *s = fake_start(folder, steps, 6);

	(void)state;
	/* The code went with the answer; the user is told. */
	expect(0, "HELD", "shown only once", "device code 0123aa " WITH_SERVER, fake_url(s), folder,
		token);
	assert_int_equal(fake_request_count(s), 3);
	assert_int_equal(strlen(fake_request(s, 0)->key), 26);
	assert_string_equal(fake_request(s, 1)->key, fake_request(s, 0)->key);
	assert_string_equal(fake_request(s, 2)->key, fake_request(s, 0)->key);
	assert_string_equal(fake_request(s, 2)->body, fake_request(s, 0)->body);
	/* Taken away by the try whose answer was lost. */
	expect(0, "bob is removed", "", "operator remove bob " WITH_SERVER, fake_url(s), folder,
		token);
	assert_string_equal(fake_request(s, 4)->method, "DELETE");
	/* One whose answer is not kept is not done twice. */
	expect(3, "", "may have been done", "operator add bob --role admin " WITH_SERVER,
		fake_url(s), folder, token);
	assert_int_equal(fake_request_count(s), 6);
	fake_stop(s);
}

static void
a_busy_server_is_waited_for(void **state)
{
	const struct fake_step steps[] = {
		{ with_length(PROBLEM("503 Later") "Retry-After: 0\r\n",
			"{\"detail\":\"the queue is full\"}") },
		{ with_length(
			PROBLEM("429 Slow") "Retry-After: 1\r\n", "{\"detail\":\"too many\"}") },
		{ with_length(JSON, DEVICE) },
		{ with_length(PROBLEM("503 Later") "Retry-After: 3600\r\n",
			"{\"type\":\"/problems/unavailable\",\"detail\":\"under repair\"}") },
	};
	struct fake_server *s = fake_start(folder, steps, 4);
	int64_t from = clock_system.monotonic_ms(&clock_system), took;

	(void)state;
	expect(0, "0123aa", "", "device show a " WITH_SERVER, fake_url(s), folder, token);
	took = clock_system.monotonic_ms(&clock_system) - from;
	assert_in_range((uint64_t)took, 1000, 10000);
	assert_int_equal(fake_request_count(s), 3);
	expect(3, "", "under repair", "device show a " WITH_SERVER, fake_url(s), folder, token);
	assert_int_equal(fake_request_count(s), 4);
	fake_stop(s);
}

static void
whom_it_does_not_trust(void **state)
{
	const struct fake_step steps[] = { { with_length(JSON, DEVICE) } };
	struct fake_server *s = fake_start(folder, steps, 1);
	char port[64];

	(void)state;
	expect(1, "", "is not to be trusted",
		"device show a --server %s --ca %s/other.pem --token-file %s", fake_url(s), folder,
		token);
	expect(1, "", "is no PEM certificate", "device show a --server %s --ca %s --token-file %s",
		fake_url(s), token, token);
	expect(1, "", "cannot read the root",
		"device show a --server %s --ca %s/nothing --token-file %s", fake_url(s), folder,
		token);
	/* The name in the certificate must be the one that was asked for. */
	snprintf(port, sizeof(port), "https://127.0.0.2%s", strrchr(fake_url(s), ':'));
	expect(3, "", "cannot reach", "device show a --server %s --ca %s/root.pem --token-file %s",
		port, folder, token);
	expect(1, "", "must be https://",
		"device show a --server http://127.0.0.1:1 --ca %s/root.pem", folder);
	assert_int_equal(fake_request_count(s), 0);
	fake_stop(s);
}

static void
nobody_there(void **state)
{
	(void)state;
	expect(3, "", "cannot reach https://127.0.0.1:1",
		"device list --server https://127.0.0.1:1 --ca %s/root.pem --token-file %s", folder,
		token);
}

static void
tokens_are_kept_secret(void **state)
{
	struct diag d = { 0 };
	char path[600];
	struct ran r;

	(void)state;
	snprintf(path, sizeof(path), "%s/open-token", folder);
	assert_ok(file_replace(path, span_text("tnr_others-can-read-this\n"), 0640, &d), d);
	r = run_command("device list --server https://127.0.0.1:1 --ca %s/root.pem --token-file %s",
		folder, path);
	assert_int_equal(r.exit, 1);
	assert_non_null(strstr(r.err, "others may read it (mode 640): chmod 600"));
	assert_null(strstr(r.err, "tnr_"));
	ran_free(&r);
	assert_ok(file_replace(path, span_text("two words\n"), 0600, &d), d);
	expect(1, "", "holds no token",
		"device list --server https://127.0.0.1:1 --ca %s/root.pem --token-file %s", folder,
		path);
	assert_ok(file_replace(path, span_text("\n"), 0600, &d), d);
	expect(1, "", "is empty",
		"device list --server https://127.0.0.1:1 --ca %s/root.pem --token-file %s", folder,
		path);
}

static void
the_client_file_says_where(void **state)
{
	const struct fake_step steps[] = { { with_length(JSON, DEVICE) },
		{ with_length(JSON, DEVICE) }, { with_length(JSON, DEVICE) } };
	struct fake_server *s = fake_start(folder, steps, 3);
	struct diag d = { 0 };
	char path[600], text[900];

	(void)state;
	snprintf(path, sizeof(path), "%s/client.conf", folder);
	snprintf(text, sizeof(text), "server = %s\nca = root.pem\ntoken_file = token\n",
		fake_url(s));
	assert_ok(file_replace(path, span_text(text), 0644, &d), d);
	expect(0, "0123aa", "", "device show a --client %s", path);
	assert_string_equal(fake_request(s, 0)->authorization, "Bearer tnr_secret-of-the-test");
	/* A flag wins over the file. */
	expect(3, "", "127.0.0.1:1", "device show a --client %s --server https://127.0.0.1:1",
		path);
	expect(1, "", "is not to be trusted", "device show a --client %s --ca %s/other.pem", path,
		folder);
	expect(1, "", "cannot open", "device show a --client %s/nothing", folder);
	assert_ok(file_replace(path, span_text("servr = x\n"), 0644, &d), d);
	expect(1, "", "nearest known one is \"server\"", "device show a --client %s", path);
	fake_stop(s);
}

/* Whoever names a home is not sent to the server of another one. */
static void
the_home_that_is_meant(void **state)
{
	struct diag d = { 0 };
	char path[600], empty[600];

	(void)state;
	snprintf(empty, sizeof(empty), "%s/.config/tenure", folder);
	assert_ok(folder_make(empty, 0700, &d), d);
	snprintf(path, sizeof(path), "%s/.config/tenure/client.conf", folder);
	assert_ok(file_replace(path, span_text("server = https://127.0.0.1:1\nca = x\n"), 0600, &d),
		d);
	snprintf(path, sizeof(path), "%s/client.conf", folder);
	assert_ok(file_replace(path, span_text("server = https://127.0.0.1:2\nca = x\n"), 0600, &d),
		d);
	command_home = folder;
	expect(3, "", "127.0.0.1:1", "status --ca %s/root.pem", folder);
	command_tenure_home = folder;
	expect(3, "", "127.0.0.1:2", "status --ca %s/root.pem", folder);
	command_tenure_home = empty;
	snprintf(empty, sizeof(empty), "%s/.config", folder);
	expect(2, "", "has none", "status");
	command_home = command_tenure_home = NULL;
}

static void
too_long_a_name(void **state)
{
	char name[6000];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect(1, "", "too long a name", "device show %s " WITH_SERVER, name, "https://127.0.0.1:1",
		folder, token);
}

static void
transfers_are_found_by_id(void **state)
{
	const char *page = "{\"items\":[{\"id\":\"t1\",\"device\":\"d\"},{\"id\":\"t2\",\"device\":"
			   "\"e\"}],\"next\":null}";
	const struct fake_step steps[] = { { with_length(JSON, page) }, { with_length(JSON, page) },
		{ with_length(JSON, page) } };
	struct fake_server *s = fake_start(folder, steps, 3);

	(void)state;
	expect(0, "DEVICE:                e\n", "", "transfer show t2 " WITH_SERVER, fake_url(s),
		folder, token);
	expect(0, "{\"id\":\"t2\",\"device\":\"e\"}\n", "", "transfer show t2 --json " WITH_SERVER,
		fake_url(s), folder, token);
	expect(1, "", "no open transfer t3", "transfer show t3 " WITH_SERVER, fake_url(s), folder,
		token);
	fake_stop(s);
}

static void
hostile_text_does_not_reach_the_terminal(void **state)
{
	const char *device = "{\"serial\":\"a\\u001b]0;x\\u0007b\",\"fleet\":\"\\u202eevil\","
			     "\"odd\\u001b[2J\":\"x\",\"state\":\"HELD\"}";
	const struct fake_step steps[] = { { with_length(JSON, device) } };
	struct fake_server *s = fake_start(folder, steps, 1);
	struct ran r = run_command("device show a " WITH_SERVER, fake_url(s), folder, token);

	(void)state;
	assert_int_equal(r.exit, 0);
	assert_null(strchr(r.out, '\x1b'));
	assert_non_null(strstr(r.out, "a\\x1b]0;x\\x07b"));
	assert_non_null(strstr(r.out, "\\xe2\\x80\\xaeevil"));
	ran_free(&r);
	fake_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_device),
		cmocka_unit_test(lists_all_pages),
		cmocka_unit_test(names_are_encoded_in_paths),
		cmocka_unit_test(writes_carry_members),
		cmocka_unit_test(secrets_come_from_files),
		cmocka_unit_test(problems_are_one_line),
		cmocka_unit_test(a_lost_answer_is_asked_for_again),
		cmocka_unit_test(a_busy_server_is_waited_for),
		cmocka_unit_test(whom_it_does_not_trust),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(tokens_are_kept_secret),
		cmocka_unit_test(the_client_file_says_where),
		cmocka_unit_test(the_home_that_is_meant),
		cmocka_unit_test(too_long_a_name),
		cmocka_unit_test(transfers_are_found_by_id),
		cmocka_unit_test(hostile_text_does_not_reach_the_terminal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
