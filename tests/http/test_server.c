#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#include "base/file.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void
open_one(void **state, struct client *c)
{
	const struct fixture *f = *state;

	client_open(c, f->plain);
}

static void
a_reply_has_its_headers(void **state)
{
	struct client c;
	struct answer a;

	open_one(state, &c);
	client_send(&c, GET("/"));
	assert_true(client_read(&c, &a));
	assert_true(answer_has(&a, "Content-Length: 5"));
	assert_true(answer_has(&a, "Content-Type: text/plain"));
	assert_non_null(strstr(a.head, "\r\nDate: "));
	assert_non_null(strstr(a.head, " GMT\r\nRequest-Id: "));
	assert_null(strstr(a.head, "Connection:"));
	assert_true(strlen(a.head) < 1024);
	answer_wipe(&a);
	client_close(&c);
}

static void
a_connection_is_kept(void **state)
{
	struct client c;

	open_one(state, &c);
	for (int i = 0; i < 100; i++) {
		client_ask(&c, GET("/"), 200, "hello");
		client_ask(&c, GET("/name/a%20b"), 200, "a b");
	}
	client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "hello");
	assert_true(client_has_ended(&c));
	client_close(&c);
}

/* What can be answered at once is, on the loop; what cannot goes to a worker, who finds nothing of the try. */
static void
a_route_may_answer_at_once(void **state)
{
	static const struct {
		const char *request, *from, *body;
	} rows[] = {
		{ "POST /quick/now HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
			"From: loop", "ab" },
		{ "POST /quick/later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\ncd",
			"From: worker", "cd" },
		{ "POST /quick/now HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nef",
			"From: loop", "ef" },
		{ "POST /quick/now HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "1\r\ng\r\n1\r\nh\r\n0\r\n\r\n",
			"From: loop", "gh" },
	};
	struct fixture *f = *state;
	char all[1024] = "";
	struct client c;

	/* One after the other, and pipelined. */
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		open_one(state, &c);
		for (size_t k = 0; pipelined && k < sizeof(rows) / sizeof(rows[0]); k++) {
			strcat(all, rows[k].request);
		}
		client_send(&c, all);
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			struct answer a;

			if (!pipelined) {
				client_send(&c, rows[k].request);
			}
			assert_true(client_read(&c, &a));
			assert_int_equal(200, a.status);
			assert_true(answer_has(&a, rows[k].from));
			assert_string_equal(rows[k].body, a.body);
			answer_wipe(&a);
		}
		client_close(&c);
	}
	assert_int_equal(8, f->finished);
	/* What is refused before a handler runs is refused here too. */
	open_one(state, &c);
	client_ask(&c, "GET /quick/now HTTP/1.1\r\nHost: x\r\n\r\n", 405, NULL);
	client_close(&c);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	struct client c;
	struct answer a;
	char all[1 << 16] = "", *at = all;

	open_one(state, &c);
	for (int i = 0; i < 200; i++) {
		at += snprintf(at, 200,
			i % 3 != 0
				? "GET /name/%d HTTP/1.1\r\nHost: x\r\n\r\n"
				: "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d",
			i);
	}
	client_send(&c, all);
	for (int i = 0; i < 200; i++) {
		assert_true(client_read(&c, &a));
		assert_int_equal(a.status, 200);
		assert_int_equal(strtol(a.body, NULL, 10), i);
		answer_wipe(&a);
	}
	client_close(&c);
}

static void
a_request_may_come_byte_by_byte(void **state)
{
	static const char text[] =
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n";
	struct client c;
	struct answer a;

	open_one(state, &c);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		client_send_bytes(&c, &text[i], 1);
	}
	assert_true(client_read(&c, &a));
	assert_string_equal(a.body, "abcde");
	answer_wipe(&a);
	client_ask(&c, GET("/"), 200, "hello");
	client_close(&c);
}

static void
bodies_of_every_size_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 16383, 16384, 32768, 40000, 1 << 20 };
	uint8_t *bytes = malloc(1 << 20);
	struct client c;
	struct answer a;

	open_one(state, &c);
	for (size_t i = 0; i < 1 << 20; i++) {
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char head[128];

		snprintf(head, sizeof(head),
			"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
		client_send(&c, head);
		client_send_bytes(&c, bytes, sizes[i]);
		assert_true(client_read(&c, &a));
		assert_int_equal(a.body_len, sizes[i]);
		assert_memory_equal(a.body, bytes, sizes[i]);
		answer_wipe(&a);
	}
	free(bytes);
	client_close(&c);
}

static void
a_large_body_comes_in_chunks(void **state)
{
	char chunk[10 + 4096 + 2];
	struct client c;

	open_one(state, &c);
	memset(chunk, 'b', sizeof(chunk));
	memcpy(chunk, "00001000\r\n", 10);
	memcpy(chunk + 10 + 4096, "\r\n", 2);
	client_send(&c, "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 2048; i++) {
		client_send_bytes(&c, chunk, sizeof(chunk));
	}
	client_ask(&c, "0\r\n\r\n", 200, "8388608");
	client_ask(&c, GET("/"), 200, "hello");
	client_close(&c);
}

static void
an_expectation_is_met(void **state)
{
	struct client c;
	struct answer a;

	open_one(state, &c);
	for (int i = 0; i < 3; i++) {
		client_send(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
				"Expect: 100-continue\r\n\r\n");
		assert_true(client_read(&c, &a));
		assert_int_equal(a.status, 100);
		assert_string_equal(a.head, "HTTP/1.1 100 Continue\r\n\r\n");
		answer_wipe(&a);
		client_ask(&c, "ok", 200, "ok");
	}
	/* Who does not wait is not told to go on. */
	client_ask(&c,
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
		"Expect: 100-continue\r\n\r\nok",
		200, "ok");
	/* Who asks first is refused before he sends. */
	client_ask(&c,
		"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n"
		"Expect: 100-continue\r\n\r\n",
		413, NULL);
	assert_true(client_has_ended(&c));
	client_close(&c);
}

static void
old_clients_are_served(void **state)
{
	struct client c;
	struct answer a;

	open_one(state, &c);
	client_send(&c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(client_read(&c, &a));
	assert_true(answer_has(&a, "Connection: keep-alive"));
	answer_wipe(&a);
	client_send(&c, "GET / HTTP/1.0\r\n\r\n");
	assert_true(client_read(&c, &a));
	assert_true(answer_has(&a, "Connection: close"));
	assert_string_equal(a.body, "hello");
	answer_wipe(&a);
	assert_true(client_has_ended(&c));
	client_close(&c);
}

static void
some_replies_have_no_body(void **state)
{
	struct client c;
	struct answer a;

	open_one(state, &c);
	client_send(&c, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(client_read_head(&c, &a));
	assert_true(answer_has(&a, "Content-Length: 5"));
	client_send(&c, "HEAD /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(client_read_head(&c, &a));
	assert_int_equal(a.status, 404);
	client_send(&c, "HEAD /big?size=100000 HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(client_read_head(&c, &a));
	assert_true(answer_has(&a, "Content-Length: 100000"));
	client_send(&c, GET("/empty"));
	assert_true(client_read(&c, &a));
	assert_int_equal(a.status, 204);
	assert_null(strstr(a.head, "Content-Length"));
	answer_wipe(&a);
	client_send(&c, GET("/same"));
	assert_true(client_read(&c, &a));
	assert_int_equal(a.status, 304);
	assert_true(answer_has(&a, "ETag: \"1\""));
	assert_null(strstr(a.head, "Content-Length"));
	answer_wipe(&a);
	client_ask(&c, GET("/"), 200, "hello");
	client_close(&c);
}

static void
problems_are_told(void **state)
{
	struct client c;
	struct answer a;

	open_one(state, &c);
	client_send(&c, GET("/problem"));
	assert_true(client_read(&c, &a));
	assert_int_equal(a.status, 400);
	assert_true(answer_has(&a, "Content-Type: application/problem+json"));
	assert_non_null(strstr(a.body, "\"type\":\"/problems/bad-input\""));
	assert_non_null(strstr(a.body, "\"clause\":\"RFC 2986 4.1\""));
	assert_non_null(strstr(a.body, "the request is \\\"bad\\\""));
	answer_wipe(&a);
	client_send(&c, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(client_read(&c, &a));
	assert_int_equal(a.status, 405);
	assert_true(answer_has(&a, "Allow: POST, PUT"));
	assert_non_null(strstr(a.body, "\"type\":\"/problems/method-not-allowed\""));
	answer_wipe(&a);
	client_ask(&c, GET("/nowhere"), 404, NULL);
	client_ask(&c, GET("/silent"), 500, NULL);
	client_ask(&c, GET("/big?size=99999999"), 500, NULL);
	client_send(&c, GET("/split"));
	assert_true(client_read(&c, &a));
	assert_int_equal(a.status, 500);
	assert_null(strstr(a.head, "Set-Cookie"));
	answer_wipe(&a);
	client_ask(&c, GET("/"), 200, "hello");
	client_close(&c);
}

/* After these the connection is closed: nobody knows where the next request would begin. */
static void
bad_requests_end_the_connection(void **state)
{
	static const struct {
		const char *text;
		int wanted;
	} table[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "nonsense\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: x\n\n", 400 },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400 },
		{ "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501 },
		{ "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 413 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413 },
		{ "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n", 413 },
		{ "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n",
			413 },
		{ "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400 },
		{ "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 404 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nGET / HTTP", 405 },
		{ "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
			400 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct client c;

		client_open(&c, f->plain);
		client_ask(&c, GET("/"), 200, "hello");
		client_ask(&c, table[i].text, table[i].wanted, NULL);
		assert_true(client_has_ended(&c));
		client_close(&c);
	}
	assert_true(fixture_counters(f).requests_bad >= 7);
}

static void
too_large_headers_are_refused(void **state)
{
	struct client c;

	open_one(state, &c);
	client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
	for (int i = 0; i < 20; i++) {
		char piece[1024];

		memset(piece, 'a', sizeof(piece));
		client_send_some(&c, piece, sizeof(piece));
	}
	client_ask(&c, "", 431, NULL);
	assert_true(client_has_ended(&c));
	client_close(&c);
	open_one(state, &c);
	client_send(&c, "GET /");
	for (int i = 0; i < 80; i++) {
		client_send_some(&c, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 52);
	}
	client_ask(&c, "", 414, NULL);
	client_close(&c);
}

/* A refusal reaches a sender that goes on sending (RFC 9112 9.6). */
static void
a_refusal_outlives_what_is_still_sent(void **state)
{
	static char junk[65536];
	struct client c;

	open_one(state, &c);
	client_send(&c, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
	for (int i = 0; i < 15; i++) {
		client_send_bytes(&c, junk, sizeof(junk));
	}
	client_ask(&c, "", 413, NULL);
	assert_int_equal(recv(c.fd, junk, 1, 0), 0); /* an orderly end, no reset */
	client_close(&c);
}

static void
a_handler_may_close(void **state)
{
	struct client c;
	struct answer a;

	open_one(state, &c);
	client_send(&c, GET("/last") GET("/"));
	assert_true(client_read(&c, &a));
	assert_true(answer_has(&a, "Connection: close"));
	answer_wipe(&a);
	assert_true(client_has_ended(&c));
	client_close(&c);
}

static void
a_half_open_client_gets_its_answer(void **state)
{
	struct client c;

	open_one(state, &c);
	client_send(&c, GET("/") GET("/name/2"));
	shutdown(c.fd, SHUT_WR);
	client_ask(&c, "", 200, "hello");
	client_ask(&c, "", 200, "2");
	assert_true(client_has_ended(&c));
	client_close(&c);
}

static void
files_are_sent_in_blocks(void **state)
{
	static const size_t sizes[] = { 0, 1, 15000, 16384, 100000, 5000000 };
	struct fixture *f = *state;
	uint8_t *bytes = malloc(5000000);
	char path[512];

	f->folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/file", f->folder);
	for (size_t i = 0; i < 5000000; i++) {
		bytes[i] = (uint8_t)(i * 2654435761u >> 11);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct client plain, tls, *both[] = { &plain, &tls };
		const struct client_tls t = { .version = TLS1_3_VERSION };
		struct diag d = { 0 };

		assert_ok(file_replace(path, span_of(bytes, sizes[i]), 0600, &d), d);
		client_open(&plain, f->plain);
		client_open(&tls, f->tls);
		assert_true(client_secure(&tls, &t));
		for (size_t n = 0; n < 2; n++) {
			struct answer a;

			client_send(both[n], GET("/file"));
			assert_true(client_read(both[n], &a));
			assert_int_equal(a.body_len, sizes[i]);
			assert_memory_equal(a.body, bytes, sizes[i]);
			answer_wipe(&a);
			client_send(both[n], "HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n");
			assert_true(client_read_head(both[n], &a));
			client_ask(both[n], GET("/"), 200, "hello");
			client_close(both[n]);
		}
	}
	free(bytes);
}

/* Descriptors given to replies are closed, also when nobody reads the reply. */
static void
no_descriptor_is_left(void **state)
{
	struct fixture *f = *state;
	struct client c;
	char path[512];
	struct diag d = { 0 };
	int before, after;

	f->folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/file", f->folder);
	assert_ok(file_replace(path, span_text("text"), 0600, &d), d);
	before = open("/dev/null", O_RDONLY);
	close(before);
	for (int i = 0; i < 20; i++) {
		client_open(&c, f->plain);
		client_send(&c, GET("/file") GET("/file"));
		client_close(&c);
	}
	client_open(&c, f->plain);
	client_ask(&c, GET("/file"), 200, "text");
	client_close(&c);
	for (int i = 0; i < 5000 && fixture_counters(f).connections_open > 0; i++) {
		usleep(1000);
	}
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
}

static void
a_file_that_shrinks_ends_the_connection(void **state)
{
	static uint8_t bytes[4 << 20];
	struct fixture *f = *state;
	struct client c;
	struct answer a;
	char path[512], rest[4096];
	struct diag d = { 0 };
	size_t got = 0;
	ssize_t n;

	f->folder = temporary_folder();
	snprintf(path, sizeof(path), "%s/file", f->folder);
	assert_ok(file_replace(path, SPAN_ARRAY(bytes), 0600, &d), d);
	client_open(&c, f->plain);
	client_send(&c, GET("/file"));
	assert_true(client_read_head(&c, &a));
	assert_int_equal(truncate(path, 10), 0);
	while ((n = recv(c.fd, rest, sizeof(rest), 0)) > 0) {
		got += (size_t)n;
	}
	assert_true(got < sizeof(bytes));
	client_close(&c);
}

static uint64_t
finished_count(const struct fixture *f)
{
	return (uint64_t)atomic_load(&f->finished);
}

static void
every_exchange_is_told_of(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f->plain);
	client_ask(&c, GET("/"), 200, NULL);
	client_ask(&c, GET("/nowhere"), 404, NULL);
	client_ask(&c, "bad\r\n", 400, NULL);
	fixture_wait(f, finished_count, 3);
	assert_int_equal(atomic_load(&f->last_status), 400);
	client_close(&c);
}

static void
a_taken_address_is_told(void **state)
{
	struct fixture *f = *state;
	struct fixture other;
	struct http_options o = fixture_options(&other);
	struct http_server *server = NULL;
	struct diag d;
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%u", f->plain);
	o.listens[1].address = address;
	diag_clear(&d);
	assert_int_equal(http_server_start(&o, &server, &d), IO);
	assert_non_null(strstr(d.text, address));
	o.listens[1].address = "nowhere";
	diag_clear(&d);
	assert_int_equal(http_server_start(&o, &server, &d), BAD_INPUT);
	assert_null(server);
}

/*
 * Between fork and exec a child has the server's descriptors too, and the kernel tells of a socket until its last
 * one is closed: of a connection that the server has freed, it must not tell the loop.
 */
static void
a_forked_child_brings_nothing_back(void **state)
{
	struct fixture f;
	struct http_options o = fixture_options(&f);
	struct client c, other;
	int hold[2];
	pid_t child;

	(void)state;
	o.idle_timeout_ms = 50;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_ask(&c, GET("/"), 200, "hello");
	assert_int_equal(0, pipe(hold));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char byte;

		close(hold[1]);
		_exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(hold[0]);
	for (int i = 0; i < 5000 && fixture_counters(&f).connections_open > 0; i++) {
		usleep(1000);
	}
	assert_int_equal(0, fixture_counters(&f).connections_open);
	/* The server has closed it; the socket still is, and hears. */
	for (int i = 0; i < 20; i++) {
		(void)client_send_some(&c, "x", 1);
		client_open(&other, f.plain);
		client_ask(&other, GET("/"), 200, "hello");
		client_close(&other);
	}
	client_close(&c);
	close(hold[1]);
	assert_int_equal(child, waitpid(child, NULL, 0));
	fixture_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_reply_has_its_headers, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_connection_is_kept, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_route_may_answer_at_once, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order,
			fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_request_may_come_byte_by_byte, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			bodies_of_every_size_come_back, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_large_body_comes_in_chunks, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			an_expectation_is_met, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			old_clients_are_served, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			some_replies_have_no_body, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			problems_are_told, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			bad_requests_end_the_connection, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			too_large_headers_are_refused, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_refusal_outlives_what_is_still_sent, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_handler_may_close, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_half_open_client_gets_its_answer, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			files_are_sent_in_blocks, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			no_descriptor_is_left, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_file_that_shrinks_ends_the_connection, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			every_exchange_is_told_of, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_taken_address_is_told, fixture_set_up, fixture_tear_down),
		cmocka_unit_test(a_forked_child_brings_nothing_back),
	};

	return cmocka_run_group_tests_name("http server", tests, NULL, NULL);
}
