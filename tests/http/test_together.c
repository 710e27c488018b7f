#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#include "http/gather.h"

/* Requests that one worker answers together. */

#define POST "POST /together HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
#define MANY (HTTP_TOGETHER_MAX + 8)

static int
begin(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	struct http_options o = fixture_options(f);

	o.loops = 1;
	fixture_start(f, &o);
	*state = f;
	return 0;
}

static int
end(void **state)
{
	if (*state != NULL) {
		fixture_stop(*state);
		free(*state);
	}
	return 0;
}

static uint64_t
calls(const struct fixture *f)
{
	return (uint64_t)atomic_load(&((struct fixture *)f)->together);
}

static void
post(struct client *c, unsigned port, const char *path, unsigned number)
{
	char text[200], body[20];
	int len = snprintf(body, sizeof(body), "n%u", number);

	client_open(c, port);
	snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
		path, len, body);
	client_send(c, text);
}

/* The first one goes at once, alone; `count - 1` others have come behind it, in their order, while it is away. */
static void
send_behind(struct fixture *f, struct client *clients, unsigned count)
{
	uint64_t before = fixture_requests(f);

	post(&clients[0], f->plain, "/together", 0);
	fixture_wait(f, calls, 1);
	for (unsigned k = 1; k < count; k++) {
		post(&clients[k], f->plain, "/together", k);
		fixture_wait(f, fixture_requests, before + k + 1);
	}
}

static void
reads(struct client *c, const char *body)
{
	struct answer a;

	assert_true(client_read(c, &a));
	assert_int_equal(200, a.status);
	assert_string_equal(body, a.body);
	answer_wipe(&a);
}

static void
those_behind_go_together_in_their_order(void **state)
{
	struct fixture *f = *state;
	static struct client c[MANY];
	unsigned at = 0, of = 0, chains = 0;

	send_behind(f, c, MANY);
	/* So many go to a second worker, with who comes until he takes them up; what is behind them waits for either. */
	fixture_wait(f, calls, 2);
	atomic_store(&f->gate, true);
	reads(&c[0], "1 of 1: n0");
	for (unsigned k = 1; k < MANY; k++) {
		struct answer a;
		unsigned number, name;

		assert_true(client_read(&c[k], &a));
		if (at == of) {
			at = 0;
			chains++;
		}
		assert_int_equal(3, sscanf(a.body, "%u of %u: n%u", &number, &of, &name));
		assert_int_equal(k, name);
		assert_int_equal(++at, number);
		assert_in_range(of, chains == 1 ? GATHER_SECOND_AT : 1, HTTP_TOGETHER_MAX);
		answer_wipe(&a);
	}
	assert_int_equal(of, at);
	assert_int_equal(2, chains);
	assert_int_equal(3, calls(f));
	assert_int_equal(MANY, atomic_load(&f->finished));
	for (unsigned k = 0; k < MANY; k++) {
		client_close(&c[k]);
	}
}

/* What one such handler has away holds up nobody who comes for another one, or for none. */
static void
other_handlers_do_not_wait(void **state)
{
	struct fixture *f = *state;
	static struct client c[3], other;

	send_behind(f, c, 3);
	post(&other, f->plain, "/elsewhere", 1);
	reads(&other, "elsewhere");
	client_ask(&other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello");
	client_close(&other);
	atomic_store(&f->gate, true);
	reads(&c[0], "1 of 1: n0");
	reads(&c[1], "1 of 2: n1");
	reads(&c[2], "2 of 2: n2");
	for (unsigned k = 0; k < 3; k++) {
		client_close(&c[k]);
	}
}

/* Whoever leaves while he waits takes nobody with him, and his request is done, as any other is. */
static void
one_who_leaves_takes_nobody_along(void **state)
{
	struct fixture *f = *state;
	static struct client c[4];

	send_behind(f, c, 4);
	client_close(&c[2]);
	atomic_store(&f->gate, true);
	reads(&c[0], "1 of 1: n0");
	reads(&c[1], "1 of 3: n1");
	reads(&c[3], "3 of 3: n3");
	client_ask(&c[3], "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello");
	for (unsigned k = 0; k < 4; k++) {
		if (k != 2) {
			client_close(&c[k]);
		}
	}
}

/* The end waits for those that are with a worker and for those that gather behind them. */
static void
a_stop_waits_for_them(void **state)
{
	struct fixture *f = *state;
	static struct client c[4];

	send_behind(f, c, 4);
	atomic_store(&f->gate, true);
	fixture_stop(f);
	reads(&c[0], "1 of 1: n0");
	reads(&c[1], "1 of 3: n1");
	reads(&c[2], "2 of 3: n2");
	reads(&c[3], "3 of 3: n3");
	for (unsigned k = 0; k < 4; k++) {
		client_close(&c[k]);
	}
	free(f);
	*state = NULL;
}

static void
one_alone_goes_alone(void **state)
{
	struct fixture *f = *state;
	static struct client c;

	atomic_store(&f->gate, true);
	post(&c, f->plain, "/together", 7);
	reads(&c, "1 of 1: n7");
	client_ask(&c, "POST /together HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 200,
		"1 of 1: x");
	client_ask(&c, "POST /together HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n", 413,
		NULL);
	client_close(&c);
	assert_int_equal(2, calls(f));
}

enum kind { SECURE_NEW, SECURE_USED, NOBODY_NEW, PLAIN_NEW, KIND_COUNT };

static struct credential device;

static void
connect_as(struct fixture *f, enum kind kind, struct client *c)
{
	const struct client_tls t = { .version = TLS1_3_VERSION,
		.credential = kind == NOBODY_NEW ? NULL : &device };

	client_open(c, kind == PLAIN_NEW ? f->plain : f->tls);
	if (kind != PLAIN_NEW) {
		assert_true(client_secure(c, &t));
	}
	if (kind == SECURE_USED) {
		client_ask(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello");
	}
}

/*
 * One is away; `second` comes behind it, and `third` when the first one's answer is there. True: these two went together. Each
 * is a new connection, or one that has had an answer before.
 */
static bool
third_is_waited_for(struct fixture *f, enum kind kind)
{
	static struct client c[3];
	struct answer a;
	uint64_t before = calls(f), requests;
	bool are_together;

	for (unsigned k = 0; k < 3; k++) {
		connect_as(f, kind, &c[k]);
	}
	requests = fixture_requests(f);
	atomic_store(&f->gate, false);
	client_send(&c[0], POST);
	fixture_wait(f, calls, before + 1);
	client_send(&c[1], POST);
	fixture_wait(f, fixture_requests, requests + 2);
	atomic_store(&f->gate, true);
	reads(&c[0], "1 of 1: x");
	client_send(&c[2], POST);
	assert_true(client_read(&c[1], &a));
	are_together = strcmp(a.body, "1 of 2: x") == 0;
	answer_wipe(&a);
	reads(&c[2], are_together ? "2 of 2: x" : "1 of 1: x");
	for (unsigned k = 0; k < 3; k++) {
		client_close(&c[k]);
	}
	return are_together;
}

/*
 * Time enough for a busy machine to bring the third. Who is not waited for may meet the second by chance: in a third of the
 * tries or so.
 */
static void
first_requests_wait_for_company_others_do_not(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	struct http_options o = fixture_options(f);
	int waited[KIND_COUNT] = { 0 };

	(void)state;
	o.loops = 1;
	o.gather_gap_ms = 250;
	fixture_start(f, &o);
	credential_make(&device, "device", 0);
	for (int i = 0; i < 10; i++) {
		for (enum kind k = 0; k < KIND_COUNT; k++) {
			waited[k] += third_is_waited_for(f, k);
		}
	}
	credential_wipe(&device);
	fixture_stop(f);
	free(f);
	for (enum kind k = 0; k < KIND_COUNT; k++) {
		assert_in_range(waited[k], k == SECURE_NEW ? 9 : 0, k == SECURE_NEW ? 10 : 8);
	}
}

/* With one worker for everybody: whoever came for it before those that gathered has his turn before them. */
static void
those_that_gather_leave_the_worker_to_others(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	struct http_options o = fixture_options(f);
	struct client c[2], other;
	uint64_t before;

	(void)state;
	o.loops = o.workers = 1;
	fixture_start(f, &o);
	send_behind(f, c, 2);
	before = fixture_requests(f);
	client_open(&other, f->plain);
	client_send(&other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	fixture_wait(f, fixture_requests, before + 1);
	atomic_store(&f->gate, true);
	reads(&c[0], "1 of 1: n0");
	reads(&c[1], "1 of 1: n1");
	reads(&other, "hello");
	assert_int_equal('P', atomic_load(&f->order[0]));
	assert_int_equal('G', atomic_load(&f->order[1]));
	assert_int_equal('P', atomic_load(&f->order[2]));
	client_close(&c[0]);
	client_close(&c[1]);
	client_close(&other);
	fixture_stop(f);
	free(f);
}

/* Requests of one handler that come to several loops go together all the same. */
static void
all_loops_gather_together(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	struct http_options o = fixture_options(f);
	static struct client c[9];

	(void)state;
	o.loops = 4;
	fixture_start(f, &o);
	send_behind(f, c, 9);
	atomic_store(&f->gate, true);
	reads(&c[0], "1 of 1: n0");
	for (unsigned k = 1; k < 9; k++) {
		char body[60];

		snprintf(body, sizeof(body), "%u of 8: n%u", k, k);
		reads(&c[k], body);
	}
	assert_int_equal(2, calls(f));
	for (unsigned k = 0; k < 9; k++) {
		client_close(&c[k]);
	}
	fixture_stop(f);
	free(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_behind_go_together_in_their_order),
		TEST(other_handlers_do_not_wait),
		TEST(one_who_leaves_takes_nobody_along),
		TEST(a_stop_waits_for_them),
		TEST(one_alone_goes_alone),
		cmocka_unit_test(first_requests_wait_for_company_others_do_not),
		cmocka_unit_test(all_loops_gather_together),
		cmocka_unit_test(those_that_gather_leave_the_worker_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
