#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

#include "http/internal.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture f;

static int64_t
now_ms(void)
{
	return clock_system.monotonic_ms(&clock_system);
}

/* Sends one byte after the other until the server has answered, and says how long that took. */
static int64_t
drip(struct client *c, const char *byte)
{
	int64_t start = now_ms();
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	while (poll(&p, 1, 10) == 0) {
		client_send_some(c, byte, 1);
		assert_true(now_ms() - start < 8000);
	}
	return now_ms() - start;
}

static void
a_slow_header_is_not_waited_for(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client c;
	int64_t took;

	(void)state;
	o.header_timeout_ms = 150;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_send(&c, "GET / HTTP/1.1\r\nA: ");
	took = drip(&c, "a");
	assert_true(took >= 140 && took < 4000);
	client_ask(&c, "", 408, NULL);
	assert_true(client_has_ended(&c));
	client_close(&c);
	/* The same behind a request that was good. */
	client_open(&c, f.plain);
	client_ask(&c, GET("/"), 200, "hello");
	client_send(&c, "G");
	client_ask(&c, "", 408, NULL);
	client_close(&c);
	/* Nothing at all. */
	client_open(&c, f.plain);
	assert_true(client_has_ended(&c));
	client_close(&c);
	assert_int_equal(fixture_timeouts(&f), 3);
	fixture_stop(&f);
}

static void
a_slow_handshake_is_not_waited_for(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client c;

	(void)state;
	o.handshake_timeout_ms = 150;
	fixture_start(&f, &o);
	client_open(&c, f.tls);
	client_send_bytes(&c, "\x16\x03\x01\x02\x00\x01\x00", 7);
	assert_true(client_has_ended(&c));
	client_close(&c);
	assert_int_equal(fixture_timeouts(&f), 1);
	assert_int_equal(fixture_counters(&f).handshakes_failed, 1);
	fixture_stop(&f);
}

static void
an_idle_connection_is_closed(void **state)
{
	const struct client_tls t = { .version = TLS1_3_VERSION };
	struct http_options o = fixture_options(&f);
	struct client c;
	int64_t start;

	(void)state;
	o.idle_timeout_ms = 150;
	fixture_start(&f, &o);
	for (int i = 0; i < 2; i++) {
		client_open(&c, i == 0 ? f.plain : f.tls);
		assert_true(i == 0 || client_secure(&c, &t));
		client_ask(&c, GET("/"), 200, "hello");
		start = now_ms();
		assert_true(client_has_ended(&c));
		assert_true(now_ms() - start >= 140 && now_ms() - start < 4000);
		client_close(&c);
	}
	assert_int_equal(fixture_timeouts(&f), 0);
	fixture_stop(&f);
}

static void
a_slow_body_is_not_waited_for(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client c;
	int64_t took;

	(void)state;
	o.body_timeout_ms = 200;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_send(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
	client_ask(&c, "", 408, NULL);
	assert_true(client_has_ended(&c));
	client_close(&c);
	/* A byte now and then is too slow over all. */
	client_open(&c, f.plain);
	client_send(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
	took = drip(&c, "b");
	assert_true(took >= 190 && took < 4000);
	client_ask(&c, "", 408, NULL);
	client_close(&c);
	assert_int_equal(fixture_timeouts(&f), 2);
	fixture_stop(&f);
}

static void
a_slow_reader_is_not_waited_for(void **state)
{
	const struct client_tls t = { .version = TLS1_3_VERSION };
	struct http_options o = fixture_options(&f);
	struct client c;

	(void)state;
	o.body_timeout_ms = 200;
	fixture_start(&f, &o);
	for (int i = 0; i < 2; i++) {
		client_open(&c, i == 0 ? f.plain : f.tls);
		assert_true(i == 0 || client_secure(&c, &t));
		client_send(&c, GET("/big?size=30000000"));
		fixture_wait(&f, fixture_timeouts, (uint64_t)i + 1);
		fixture_wait(&f, fixture_connections_open, 0);
		client_close(&c);
	}
	fixture_stop(&f);
}

static void
a_steady_reader_gets_all(void **state)
{
	struct http_options o = fixture_options(&f);
	static char piece[1 << 20];
	struct client c;
	size_t got = 0;
	ssize_t n;

	(void)state;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_send(&c, "GET /big?size=30000000 HTTP/1.0\r\n\r\n");
	while ((n = recv(c.fd, piece, sizeof(piece), 0)) > 0) {
		got += (size_t)n;
	}
	assert_true(got > 30000000 && got < 30001000);
	client_close(&c);
	fixture_stop(&f);
}

static uint64_t
queue_full(const struct fixture *x)
{
	return fixture_counters(x).queue_full;
}

/* Two run, one waits in the queue (whichever comes first), four are sent away. */
static void
a_full_queue_refuses_politely(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client busy[2], more[5];
	int served = 0, refused = 0;

	(void)state;
	o.queue_max = 1;
	fixture_start(&f, &o);
	for (int i = 0; i < 2; i++) {
		client_open(&busy[i], f.plain);
		client_send(&busy[i], GET("/block"));
		fixture_wait(&f, fixture_blocked, (uint64_t)i + 1);
	}
	for (int i = 0; i < 5; i++) {
		client_open(&more[i], f.plain);
		client_send(&more[i], GET("/"));
	}
	fixture_wait(&f, queue_full, 4);
	atomic_store(&f.gate, true);
	for (int i = 0; i < 5; i++) {
		struct answer a;

		assert_true(client_read(&more[i], &a));
		served += a.status == 200;
		refused += a.status == 503 && answer_has(&a, "Retry-After: 1");
		assert_null(strstr(a.head, "Connection: close"));
		answer_wipe(&a);
	}
	assert_int_equal(served, 1);
	assert_int_equal(refused, 4);
	for (int i = 0; i < 2; i++) {
		client_ask(&busy[i], "", 200, "open");
		client_close(&busy[i]);
	}
	for (int i = 0; i < 5; i++) {
		client_ask(&more[i], GET("/"), 200, "hello");
		client_close(&more[i]);
	}
	fixture_stop(&f);
}

/* What the first one has sent is held: the next one is over the limit, and not he. */
static uint64_t
holds_a_body(const struct fixture *x)
{
	return atomic_load(&x->server->bodies) >= 20000;
}

static void
all_bodies_together_are_limited(void **state)
{
	struct http_options o = fixture_options(&f);
	static char half[20000];
	struct client first, second;

	(void)state;
	o.bodies_max = 40000;
	fixture_start(&f, &o);
	client_open(&first, f.plain);
	client_open(&second, f.plain);
	client_send(&first, "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
	client_send_bytes(&first, half, 20000);
	fixture_wait(&f, holds_a_body, 1);
	client_send(&second, "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
	client_send_bytes(&second, half, 20000);
	client_ask(&second, "", 503, NULL);
	client_send_bytes(&first, half, 10000);
	client_ask(&first, "", 200, "30000");
	client_close(&second);
	/* What they held has been given back. */
	for (int i = 0; i < 5; i++) {
		client_send(&first,
			"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n");
		client_send_bytes(&first, half, 20000);
		client_ask(&first, "", 200, "20000");
	}
	client_close(&first);
	fixture_stop(&f);
}

#define UPLOAD(length, more) \
	"POST /length HTTP/1.1\r\nHost: x\r\n" more "Content-Length: " length "\r\n\r\n"
#define ME "Authorization: me\r\n"
#define EXPECT "Expect: 100-continue\r\n"

/* Nobody holds memory for 32 MiB without a name: he is asked before a byte of it is read. */
static void
large_bodies_are_of_those_who_are_known(void **state)
{
	struct http_options o = fixture_options(&f);
	static char body[40000];
	struct client c;

	(void)state;
	o.bodies_max = 90000;
	fixture_admits();
	fixture_start(&f, &o);
	for (int i = 0; i < 10; i++) {
		/* They go on sending what nobody reads: it does not count. */
		client_open(&c, f.plain);
		client_send(&c, UPLOAD("33554432", ""));
		client_send_some(&c, body, sizeof(body));
		client_ask(&c, "", 401, NULL);
		client_close(&c);
	}
	client_open(&c, f.plain);
	client_ask(&c, UPLOAD("16385", EXPECT), 401, NULL);
	assert_true(client_has_ended(&c));
	client_close(&c);
	client_open(&c, f.plain);
	client_ask(&c,
		"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n", 401,
		NULL);
	client_close(&c);
	assert_int_equal(12, atomic_load(&f.asked));
	/* Whoever is known, at once, with the next request behind it, and after a "100 Continue". */
	client_open(&c, f.plain);
	client_send(&c, UPLOAD("40000", ME));
	client_send_bytes(&c, body, sizeof(body));
	client_send(&c, GET("/"));
	client_ask(&c, "", 200, "40000");
	client_ask(&c, "", 200, "hello");
	client_ask(&c, UPLOAD("16385", ME EXPECT), 100, NULL);
	client_send_bytes(&c, body, 16385);
	client_ask(&c, "", 200, "16385");
	assert_int_equal(14, atomic_load(&f.asked));
	/* What a device sends is small enough. */
	client_send(&c, UPLOAD("16384", ""));
	client_send_bytes(&c, body, 16384);
	client_ask(&c, "", 200, "16384");
	client_ask(&c,
		"PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2\r\nab\r\n0\r\n\r\n",
		200, "ab");
	client_close(&c);
	assert_int_equal(14, atomic_load(&f.asked));
	fixture_stop(&f);
}

/* Those who waited are not sent away when all workers are busy at the moment they are woken. */
static void
a_full_queue_does_not_lose_the_parked(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client waiting[10], busy[3];

	(void)state;
	o.queue_max = 1;
	fixture_start(&f, &o);
	for (int i = 0; i < 10; i++) {
		client_open(&waiting[i], f.plain);
		client_send(&waiting[i], GET("/wait?v=0&wait=60000"));
		while (fixture_counters(&f).parked != (uint64_t)i + 1) {
			poll(NULL, 0, 1);
		}
	}
	for (int i = 0; i < 3; i++) {
		client_open(&busy[i], f.plain);
		client_send(&busy[i], GET("/block"));
		fixture_wait(&f, fixture_blocked, i < 2 ? (uint64_t)i + 1 : 2);
	}
	atomic_store(&f.value, 3);
	http_server_wake(f.server, 77);
	client_close(&waiting[9]);
	atomic_store(&f.gate, true);
	for (int i = 0; i < 9; i++) {
		client_ask(&waiting[i], "", 200, "3");
		client_close(&waiting[i]);
	}
	for (int i = 0; i < 3; i++) {
		client_close(&busy[i]);
	}
	fixture_wait(&f, fixture_connections_open, 0);
	fixture_stop(&f);
}

static int64_t
cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Without a descriptor to accept with, the listener waits; it does not turn in circles. */
static void
descriptors_may_run_out(void **state)
{
	struct http_options o = fixture_options(&f);
	struct rlimit before, none;
	struct client c;
	struct pollfd p;
	int64_t cpu;

	(void)state;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_ask(&c, GET("/"), 200, "hello");
	client_close(&c);
	fixture_wait(&f, fixture_connections_open, 0);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	c.fd = open("/dev/null", O_RDONLY);
	close(c.fd);
	none.rlim_cur = (rlim_t)c.fd + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	client_open(&c, f.plain); /* the last descriptor */
	client_send(&c, GET("/"));
	cpu = cpu_ms();
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 400), 0);
	assert_true(cpu_ms() - cpu < 100);
	setrlimit(RLIMIT_NOFILE, &before);
	client_ask(&c, "", 200, "hello");
	client_close(&c);
	fixture_stop(&f);
}

/* A start that fails half-way leaves nothing behind. */
static void
a_start_may_fail(void **state)
{
	struct http_options o = fixture_options(&f);
	struct http_server *server = NULL;
	struct rlimit before, few;
	int lowest = open("/dev/null", O_RDONLY), again;

	(void)state;
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	/* Two listeners, then two descriptors a loop. */
	for (int i = 0; i < 6; i++) {
		struct diag d;

		few.rlim_cur = (rlim_t)(lowest + i);
		setrlimit(RLIMIT_NOFILE, &few);
		diag_clear(&d);
		assert_int_equal(http_server_start(&o, &server, &d), IO);
		assert_true(d.text[0] != '\0');
	}
	setrlimit(RLIMIT_NOFILE, &before);
	again = open("/dev/null", O_RDONLY);
	close(again);
	assert_int_equal(again, lowest);
	assert_null(server);
}

/* Nobody is taken before all is there; nobody who came is lost. */
static void
who_comes_before_it_opens_waits(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client early, tls;
	struct pollfd p;
	const struct client_tls t = { .version = TLS1_3_VERSION };

	(void)state;
	o.is_held = true;
	fixture_start(&f, &o);
	client_open(&early, f.plain);
	client_open(&tls, f.tls);
	client_send(&early, GET("/"));
	p = (struct pollfd){ .fd = early.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 200), 0);
	assert_int_equal(fixture_counters(&f).connections, 0);
	http_server_open(f.server);
	client_ask(&early, "", 200, "hello");
	assert_true(client_secure(&tls, &t));
	client_ask(&tls, GET("/"), 200, "hello");
	client_close(&early);
	client_close(&tls);
	fixture_stop(&f);
	/* One that never opened. */
	fixture_start(&f, &o);
	client_open(&early, f.plain);
	fixture_stop(&f);
	client_close(&early);
}

static void *
stop_server(void *argument)
{
	const int64_t *drain_ms = argument;

	http_server_stop(f.server, *drain_ms);
	return NULL;
}

static void
stopping_lets_requests_end(void **state)
{
	struct http_options o = fixture_options(&f);
	int64_t drain_ms = 10000;
	struct client running, idle, uploading, fresh, silent;
	struct answer a;
	pthread_t thread;

	(void)state;
	fixture_start(&f, &o);
	client_open(&idle, f.plain);
	client_ask(&idle, GET("/"), 200, "hello");
	client_open(&running, f.plain);
	client_send(&running, GET("/block"));
	client_open(&uploading, f.plain);
	client_send(&uploading, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
	fixture_wait(&f, fixture_blocked, 1);
	fixture_wait(&f, fixture_requests, 3);
	client_open(&fresh, f.plain);
	client_open(&silent, f.plain);
	pthread_create(&thread, NULL, stop_server, &drain_ms);
	assert_true(client_has_ended(&idle));
	client_ask(&fresh, GET("/"), 200, "hello");
	assert_true(client_has_ended(&fresh));
	assert_true(client_has_ended(&silent));
	client_send(&uploading, "cd");
	assert_true(client_read(&uploading, &a));
	assert_string_equal(a.body, "abcd");
	assert_true(answer_has(&a, "Connection: close"));
	answer_wipe(&a);
	assert_int_equal(atomic_load(&f.blocked), 1);
	atomic_store(&f.gate, true);
	client_ask(&running, "", 200, "open");
	assert_true(client_has_ended(&running));
	pthread_join(thread, NULL);
	client_close(&idle);
	client_close(&fresh);
	client_close(&silent);
	client_close(&running);
	client_close(&uploading);
	credential_wipe(&f.identity);
}

static void
stopping_does_not_wait_for_ever(void **state)
{
	struct http_options o = fixture_options(&f);
	struct client uploading;
	int64_t start;

	(void)state;
	fixture_start(&f, &o);
	client_open(&uploading, f.plain);
	client_send(&uploading, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
	fixture_wait(&f, fixture_requests, 1);
	start = now_ms();
	http_server_stop(f.server, 100);
	assert_true(now_ms() - start >= 99 && now_ms() - start < 3000);
	assert_true(client_has_ended(&uploading));
	client_close(&uploading);
	http_server_stop(NULL, 0);
	credential_wipe(&f.identity);
}

/* The clock of the options rules: the date, and the end of a wait. */
static void
time_is_the_callers(void **state)
{
	struct http_options o = fixture_options(&f);
	struct clock_manual clock;
	struct client c;
	struct answer a;

	(void)state;
	clock_manual_init(&clock, TEST_TIME_S * 1000);
	o.clock = &clock.clock;
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_send(&c, GET("/"));
	assert_true(client_read(&c, &a));
	assert_true(answer_has(&a, "Date: Mon, 23 Nov 2026 12:00:00 GMT"));
	answer_wipe(&a);
	client_send(&c, GET("/wait?v=0&wait=50000"));
	while (fixture_counters(&f).parked != 1) {
		poll(NULL, 0, 1);
	}
	clock_manual_add(&clock, 51000);
	client_ask(&c, "", 200, "0 at last");
	client_close(&c);
	fixture_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_header_is_not_waited_for),
		cmocka_unit_test(a_slow_handshake_is_not_waited_for),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(a_slow_body_is_not_waited_for),
		cmocka_unit_test(a_slow_reader_is_not_waited_for),
		cmocka_unit_test(a_steady_reader_gets_all),
		cmocka_unit_test(a_full_queue_refuses_politely),
		cmocka_unit_test(a_full_queue_does_not_lose_the_parked),
		cmocka_unit_test(all_bodies_together_are_limited),
		cmocka_unit_test(large_bodies_are_of_those_who_are_known),
		cmocka_unit_test(descriptors_may_run_out),
		cmocka_unit_test(a_start_may_fail),
		cmocka_unit_test(who_comes_before_it_opens_waits),
		cmocka_unit_test(stopping_lets_requests_end),
		cmocka_unit_test(stopping_does_not_wait_for_ever),
		cmocka_unit_test(time_is_the_callers),
	};

	return cmocka_run_group_tests_name("http limits", tests, NULL, NULL);
}
