/* Who is let in when the server is full, and who goes for it. */
#include <stdatomic.h>

#include "fixture.h"

#include "base/check.h"
#include "base/limits.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture f;
static struct client clients[80]; /* large */

static void
assert_counters(uint64_t open, uint64_t evicted, uint64_t refused)
{
	fixture_wait(&f, fixture_connections_open, open);
	assert_int_equal(fixture_counters(&f).connections_evicted, evicted);
	assert_int_equal(fixture_counters(&f).connections_refused, refused);
}

static void
assert_turned_away(unsigned port)
{
	struct client c;

	client_open(&c, port);
	assert_true(client_has_ended(&c));
	client_close(&c);
}

static void
an_idle_one_makes_room(void **state)
{
	static const struct {
		const char *name;
		bool is_tls;
		const char *said;
		bool is_answered;
	} rows[] = {
		{ "kept between requests", false, GET("/"), true },
		{ "has said nothing", false, "", false },
		{ "has not begun its handshake", true, "", false },
		{ "has begun its handshake", true, "\x16\x03\x01\x01", false },
		{ "half a header section", false, "GET / HTTP/1.1\r\nHost:", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_options o = fixture_options(&f);

		print_message("# %s\n", rows[i].name);
		o.loops = 1;
		o.connections_max = 2;
		fixture_start(&f, &o);
		client_open(&clients[0], rows[i].is_tls ? f.tls : f.plain);
		if (rows[i].is_answered) {
			client_ask(&clients[0], rows[i].said, 200, "hello");
		} else {
			client_send(&clients[0], rows[i].said);
		}
		client_open(&clients[1], f.plain);
		client_send(&clients[1], GET("/wait?v=0&wait=50000"));
		fixture_wait(&f, fixture_parked, 1);
		for (int n = 2; n < 4; n++) {
			client_open(&clients[n], f.plain);
			client_ask(&clients[n], GET("/"), 200, "hello");
			assert_true(client_has_ended(&clients[n == 2 ? 0 : 2]));
			assert_counters(2, (uint64_t)n - 1, 0);
		}
		assert_int_equal(fixture_counters(&f).parked, 1);
		for (int n = 0; n < 4; n++) {
			client_close(&clients[n]);
		}
		fixture_stop(&f);
	}
}

/* The oldest of all loops goes first, whichever has it. */
static void
the_longest_idle_goes_first(void **state)
{
	struct http_options o = fixture_options(&f);
	struct clock_manual clock;

	(void)state;
	clock_manual_init(&clock, TEST_TIME_S * 1000);
	o.clock = &clock.clock;
	o.loops = 4;
	o.connections_max = 8;
	fixture_start(&f, &o);
	for (int i = 0; i < 24; i++) {
		clock_manual_add(&clock, 10);
		client_open(&clients[i], f.plain);
		client_ask(&clients[i], GET("/"), 200, "hello");
		if (i >= 8) {
			assert_true(client_has_ended(&clients[i - 8]));
			assert_counters(8, (uint64_t)i - 7, 0);
		}
	}
	for (int i = 16; i < 24; i++) {
		client_ask(&clients[i], GET("/"), 200, "hello");
	}
	for (int i = 0; i < 24; i++) {
		client_close(&clients[i]);
	}
	fixture_stop(&f);
}

/* A request under way is nobody's to end: then the new one goes. */
static void
who_has_a_request_stays(void **state)
{
	struct http_options o = fixture_options(&f);

	(void)state;
	o.connections_max = 3;
	fixture_start(&f, &o);
	client_open(&clients[0], f.plain);
	client_send(&clients[0], GET("/block"));
	client_open(&clients[1], f.plain);
	client_send(&clients[1], GET("/wait?v=0&wait=50000"));
	client_open(&clients[2], f.plain);
	client_send(&clients[2], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
	fixture_wait(&f, fixture_blocked, 1);
	fixture_wait(&f, fixture_parked, 1);
	fixture_wait(&f, fixture_requests, 3);
	assert_turned_away(f.plain);
	assert_turned_away(f.tls);
	assert_counters(3, 0, 2);
	client_ask(&clients[2], "cd", 200, "abcd");
	client_close(&clients[2]);
	fixture_wait(&f, fixture_connections_open, 2);
	client_open(&clients[2], f.plain);
	client_ask(&clients[2], GET("/"), 200, "hello");
	assert_counters(3, 0, 2);
	for (int i = 0; i < 3; i++) {
		client_close(&clients[i]);
	}
	fixture_stop(&f);
}

/* Half of all, but so many always. */
static void
one_address_does_not_get_all(void **state)
{
	static const struct {
		size_t max, share;
	} rows[] = { { 66, HTTP_ADDRESS_MIN }, { 140, 70 } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_options o = fixture_options(&f);
		size_t share = rows[i].share;

		o.connections_max = rows[i].max;
		fixture_start(&f, &o);
		for (size_t n = 0; n < share; n++) {
			client_open(&clients[n], f.plain);
			client_ask(&clients[n], GET("/"), 200, "hello");
		}
		assert_turned_away(f.plain);
		assert_turned_away(f.tls);
		client_open_from(&clients[share], "127.0.0.2", f.plain);
		client_ask(&clients[share], GET("/"), 200, "hello");
		assert_counters(share + 1, 0, 2);
		client_close(&clients[0]);
		fixture_wait(&f, fixture_connections_open, share);
		client_open(&clients[0], f.plain);
		client_ask(&clients[0], GET("/"), 200, "hello");
		assert_counters(share + 1, 0, 2);
		for (size_t n = 0; n <= share; n++) {
			client_close(&clients[n]);
		}
		fixture_stop(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_one_makes_room),
		cmocka_unit_test(the_longest_idle_goes_first),
		cmocka_unit_test(who_has_a_request_stays),
		cmocka_unit_test(one_address_does_not_get_all),
	};

	return cmocka_run_group_tests_name("http crowd", tests, NULL, NULL);
}
