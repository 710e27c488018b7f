#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define TOPIC 77

static void
set_value(struct fixture *f, uint64_t value)
{
	atomic_store(&f->value, value);
	http_server_wake(f->server, TOPIC);
}

static void
a_wake_answers(void **state)
{
	struct fixture *f = *state;
	struct client c;
	struct answer a;

	client_open(&c, f->plain);
	client_send(&c, GET("/wait?v=0&wait=60000"));
	fixture_wait(f, fixture_parked, 1);
	set_value(f, 5);
	assert_true(client_read(&c, &a));
	assert_string_equal(a.body, "5");
	/* What the first run had put into the reply is not in it. */
	assert_non_null(strstr(a.head, "Run: this"));
	assert_null(strstr(strstr(a.head, "Run: this") + 1, "Run: this"));
	answer_wipe(&a);
	fixture_wait(f, fixture_parked, 0);
	client_ask(&c, GET("/wait?v=0&wait=60000"), 200, "5");
	client_close(&c);
}

static void
the_time_answers(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f->plain);
	client_ask(&c, GET("/wait?v=0&wait=100"), 200, "0 at last");
	client_ask(&c, GET("/wait?v=0&wait=0"), 200, "0 at last");
	client_ask(&c, GET("/forever"), 503, NULL);
	assert_int_equal(fixture_parked(f), 0);
	client_close(&c);
}

/* A wake that changes nothing runs the handler again, and its time does not begin anew. */
static void
a_wake_for_nothing_does_not_prolong(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_system.monotonic_ms(&clock_system), took;
	struct client c;

	client_open(&c, f->plain);
	client_send(&c, GET("/wait?v=0&wait=600"));
	fixture_wait(f, fixture_parked, 1);
	while (clock_system.monotonic_ms(&clock_system) < start + 500) {
		http_server_wake(f->server, TOPIC);
		poll(NULL, 0, 5);
	}
	client_ask(&c, "", 200, "0 at last");
	took = clock_system.monotonic_ms(&clock_system) - start;
	assert_true(took >= 600 && took < 1090);
	assert_true(atomic_load(&f->runs) > 3);
	client_close(&c);
}

static void
other_topics_do_not_wake(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f->plain);
	client_send(&c, GET("/wait?v=0&wait=60000"));
	fixture_wait(f, fixture_parked, 1);
	for (uint64_t i = 0; i < 10000; i++) {
		http_server_wake(f->server, i != TOPIC ? i : 1u << 20);
	}
	assert_int_equal(fixture_parked(f), 1);
	assert_int_equal(atomic_load(&f->runs), 1);
	set_value(f, 1);
	client_ask(&c, "", 200, "1");
	client_close(&c);
}

/* The wake comes while the handler runs, after it has read: it must run again at once. */
static void
a_wake_before_the_park_is_not_lost(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f->plain);
	client_ask(&c, GET("/race"), 200, "woken");
	assert_int_equal(atomic_load(&f->runs), 2);
	client_close(&c);
}

struct racer {
	struct fixture *f;
	uint64_t rounds;
};

static void *
change_values(void *argument)
{
	struct racer *r = argument;

	for (uint64_t i = 1; i <= r->rounds; i++) {
		set_value(r->f, i);
		/* Until the poller has seen it: it asks with the value it saw last. */
		while (atomic_load(&r->f->blocked) < (int)i) {
			sched_yield();
		}
	}
	return NULL;
}

/* Change and wake against read and park, as fast as both can: a lost wake would wait for a minute. */
static void
no_wake_is_lost(void **state)
{
	struct fixture *f = *state;
	struct racer r = { f, 2000 };
	pthread_t thread;
	struct client c;
	uint64_t seen = 0;

	client_open(&c, f->plain);
	pthread_create(&thread, NULL, change_values, &r);
	while (seen < r.rounds) {
		char request[128];
		struct answer a;

		snprintf(request, sizeof(request),
			"GET /wait?v=%llu&wait=60000 HTTP/1.1\r\nHost: x\r\n\r\n",
			(unsigned long long)seen);
		client_send(&c, request);
		assert_true(client_read(&c, &a));
		seen = strtoull(a.body, NULL, 10);
		atomic_store(&f->blocked, (int)seen);
		answer_wipe(&a);
	}
	pthread_join(thread, NULL);
	client_close(&c);
}

#define MANY 1000

static void
many_wait_without_workers(void **state)
{
	static struct client clients[MANY];
	struct fixture *f = *state;
	struct client c;

	for (int i = 0; i < MANY; i++) {
		client_open(&clients[i], f->plain);
		client_send(&clients[i], GET("/wait?v=0&wait=60000") GET("/name/next"));
	}
	fixture_wait(f, fixture_parked, MANY);
	client_open(&c, f->plain);
	client_ask(&c, GET("/"), 200, "hello");
	client_close(&c);
	set_value(f, 9);
	for (int i = 0; i < MANY; i++) {
		client_ask(&clients[i], "", 200, "9");
		client_ask(&clients[i], "", 200, "next");
		client_close(&clients[i]);
	}
	fixture_wait(f, fixture_parked, 0);
	fixture_wait(f, fixture_connections_open, 0);
}

static void
a_client_that_goes_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct client c;

	for (int i = 0; i < 50; i++) {
		const struct client_tls t = { .version = TLS1_3_VERSION };

		client_open(&c, i % 2 == 0 ? f->plain : f->tls);
		assert_true(i % 2 == 0 || client_secure(&c, &t));
		client_send(&c, GET("/wait?v=0&wait=60000"));
		if (i % 3 == 0) {
			fixture_wait(f, fixture_parked, 1);
		}
		if (i % 5 == 0) {
			const struct linger reset = { 1, 0 };

			setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		}
		if (i % 7 == 0) {
			http_server_wake(f->server, TOPIC);
		}
		client_close(&c);
		fixture_wait(f, fixture_connections_open, 0);
	}
	fixture_wait(f, fixture_parked, 0);
}

static void
a_half_open_client_is_answered_at_once(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f->plain);
	client_send(&c, GET("/wait?v=0&wait=60000"));
	fixture_wait(f, fixture_parked, 1);
	shutdown(c.fd, SHUT_WR);
	client_ask(&c, "", 200, "0 at last");
	assert_true(client_has_ended(&c));
	client_close(&c);
}

static void
stopping_answers_those_who_wait(void **state)
{
	struct fixture *f = *state;
	struct client clients[20];
	int64_t start;

	for (int i = 0; i < 20; i++) {
		client_open(&clients[i], f->plain);
		client_send(&clients[i], GET("/wait?v=0&wait=60000"));
	}
	fixture_wait(f, fixture_parked, 20);
	start = clock_system.monotonic_ms(&clock_system);
	fixture_stop(f);
	assert_true(clock_system.monotonic_ms(&clock_system) - start < 3000);
	for (int i = 0; i < 20; i++) {
		client_ask(&clients[i], "", 200, "0 at last");
		assert_true(client_has_ended(&clients[i]));
		client_close(&clients[i]);
	}
	free(f);
	*state = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_wake_answers, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			the_time_answers, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_wake_for_nothing_does_not_prolong, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			other_topics_do_not_wake, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_wake_before_the_park_is_not_lost, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(no_wake_is_lost, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			many_wait_without_workers, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_client_that_goes_leaves_nothing, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			a_half_open_client_is_answered_at_once, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			stopping_answers_those_who_wait, fixture_set_up, fixture_tear_down),
	};

	return cmocka_run_group_tests_name("http park", tests, NULL, NULL);
}
