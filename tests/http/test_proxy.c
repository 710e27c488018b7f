/* The PROXY protocol's version 2: its header by itself, and before a connection. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "fixture.h"

#include "base/check.h"
#include "base/limits.h"
#include "http/address.h"
#include "http/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\x9c\x40\x20\xfb" /* 192.0.2.1:40000 */
#define V6                                                                                     \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02" \
	"\x9c\x40\x20\xfb"
#define HELLO "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define PEER "GET /address HTTP/1.1\r\nHost: x\r\n\r\n"

/* Bytes with zeros in them. */
#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *name;
	const char *bytes;
	size_t len;
	status wanted;
	const char *from; /* NULL: the connection's own */
} headers[] = {
	{ "IPv4", BYTES(SIGNATURE "\x21\x11\0\x0c" V4), OK, "192.0.2.1:40000" },
	{ "IPv6", BYTES(SIGNATURE "\x21\x21\0\x24" V6), OK, "[2001:db8::1]:40000" },
	{ "a health check", BYTES(SIGNATURE "\x20\x00\0\0"), OK, NULL },
	{ "a health check with an address", BYTES(SIGNATURE "\x20\x11\0\x0c" V4), OK, NULL },
	{ "a health check with anything", BYTES(SIGNATURE "\x20\xff\0\x03xyz"), OK, NULL },
	{ "an address that is not said", BYTES(SIGNATURE "\x21\x00\0\0"), OK, NULL },
	{ "the same, and more", BYTES(SIGNATURE "\x21\x00\0\x04rest"), OK, NULL },
	{ "TLVs", BYTES(SIGNATURE "\x21\x11\0\x14" V4 "\x01\0\x02h2\x04\0\0"), OK,
		"192.0.2.1:40000" },
	{ "a checksum", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\x49\x09\xec\xcd"), OK,
		"192.0.2.1:40000" },
	{ "a wrong checksum", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\x49\x09\xec\xcc"),
		BAD_INPUT, NULL },
	{ "a checksum of three bytes",
		BYTES(SIGNATURE "\x21\x11\0\x12" V4 "\x03\0\x03\x49\x09\xec"), BAD_INPUT, NULL },
	{ "a TLV over the end", BYTES(SIGNATURE "\x21\x11\0\x0f" V4 "\x01\0\x01"), BAD_INPUT,
		NULL },
	{ "half a TLV", BYTES(SIGNATURE "\x21\x11\0\x0e" V4 "\x01\0"), BAD_INPUT, NULL },
	{ "an IPv4 of eleven bytes", BYTES(SIGNATURE "\x21\x11\0\x0b" V4), BAD_INPUT, NULL },
	{ "an IPv6 of an IPv4's length", BYTES(SIGNATURE "\x21\x21\0\x0c" V4), BAD_INPUT, NULL },
	{ "UDP", BYTES(SIGNATURE "\x21\x12\0\x0c" V4), BAD_INPUT, NULL },
	{ "a family without a transport", BYTES(SIGNATURE "\x21\x10\0\x0c" V4), BAD_INPUT, NULL },
	{ "a socket of the file system", BYTES(SIGNATURE "\x21\x31\0\x0c" V4), BAD_INPUT, NULL },
	{ "an unknown family", BYTES(SIGNATURE "\x21\x41\0\x0c" V4), BAD_INPUT, NULL },
	{ "version 1 in version 2's form", BYTES(SIGNATURE "\x11\x11\0\x0c" V4), BAD_INPUT, NULL },
	{ "version 3", BYTES(SIGNATURE "\x31\x11\0\x0c" V4), BAD_INPUT, NULL },
	{ "an unknown command", BYTES(SIGNATURE "\x22\x11\0\x0c" V4), BAD_INPUT, NULL },
	{ "too long", BYTES(SIGNATURE "\x21\x11\x04\xff" V4), LIMIT, NULL },
	{ "as long as can be", BYTES(SIGNATURE "\x21\x11\xff\xff" V4), LIMIT, NULL },
	{ "version 1", BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 40000 8443\r\n"), BAD_INPUT, NULL },
	{ "no header, a request", BYTES(HELLO), BAD_INPUT, NULL },
	{ "no header, a handshake", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
		BAD_INPUT, NULL },
	{ "a signature with another end", BYTES("\r\n\r\n\0\r\nQUIT\r\x21\x11"), BAD_INPUT, NULL },
	{ "one wrong byte", BYTES("\n"), BAD_INPUT, NULL },
};

static struct fixture f;

static void
headers_by_themselves(void **state)
{
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		span bytes = span_of(headers[i].bytes, headers[i].len);
		struct proxy_header h;
		struct diag d;
		status s;

		diag_clear(&d);
		s = proxy_header_read(bytes, &h, &d);
		if (s != headers[i].wanted) {
			fail_msg("%s: %s (%s)", headers[i].name, status_name(s), d.text);
		}
		if (s != OK) {
			assert_string_equal("PROXY protocol 2.2", d.clause);
			continue;
		}
		assert_int_equal(headers[i].len, proxy_header_len(bytes));
		assert_int_equal(headers[i].from == NULL, h.is_own);
		for (size_t len = 0; len < bytes.len; len++) {
			assert_int_equal(UNAVAILABLE,
				proxy_header_read(span_slice(bytes, 0, len), &h, NULL));
		}
		assert_int_equal(OK, proxy_header_read(bytes, &h, NULL));
		if (!h.is_own) {
			address_text(&h.from, text);
			assert_string_equal(headers[i].from, text);
		}
	}
}

/* --- before a connection --- */

static void
start(const char *proxies, size_t address_max)
{
	struct http_options o = fixture_options(&f);

	o.listens[0].proxies = o.listens[1].proxies = proxies;
	o.address_max = address_max;
	o.handshake_timeout_ms = 300;
	fixture_start(&f, &o);
}

static uint64_t
refused(enum refusal r)
{
	return fixture_counters(&f).refusals[r];
}

static uint64_t
header_refusals(const struct fixture *x)
{
	return fixture_counters(x).refusals[REFUSAL_PROXY_HEADER];
}

/* Whether the server has ended it, by whatever way. */
static bool
is_ended(struct client *c)
{
	char byte;
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, 5000) == 1 && recv(c->fd, &byte, 1, 0) <= 0;
}

static void
whom_a_balancer_speaks_for(void **state)
{
	uint64_t bad = 0;

	(void)state;
	start("127.0.0.0/8", 0);
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		struct client c;
		struct answer a;

		client_open(&c, f.plain);
		client_send_bytes(&c, headers[i].bytes, headers[i].len);
		if (headers[i].wanted != OK) {
			/* It may have been closed before all was sent; nothing is said. */
			assert_true(is_ended(&c));
			fixture_wait(&f, header_refusals, ++bad);
			client_close(&c);
			continue;
		}
		client_send(&c, PEER);
		assert_true(client_read(&c, &a));
		assert_int_equal(200, a.status);
		if (headers[i].from != NULL && strstr(a.body, headers[i].from) == NULL) {
			fail_msg("%s: %s", headers[i].name, a.body);
		}
		if (headers[i].from == NULL && strstr(a.body, "127.0.0.1:") == NULL) {
			fail_msg("%s: %s", headers[i].name, a.body);
		}
		answer_wipe(&a);
		client_close(&c);
	}
	assert_int_equal(0, fixture_counters(&f).requests_bad);
	fixture_stop(&f);
}

/* In pieces, with the request in the same packet, and before TLS. */
static void
however_it_comes(void **state)
{
	static const char header[] = SIGNATURE "\x21\x11\0\x0c" V4;
	static const char both[] = SIGNATURE "\x21\x11\0\x0c" V4 HELLO HELLO;
	const struct client_tls t = { .version = TLS1_3_VERSION };
	struct client c;

	(void)state;
	start("127.0.0.1", 0);
	client_open(&c, f.plain);
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		client_send_bytes(&c, header + i, 1);
		poll(NULL, 0, 1);
	}
	client_ask(&c, HELLO, 200, "hello");
	client_close(&c);
	client_open(&c, f.plain);
	client_send_bytes(&c, BYTES(both));
	client_ask(&c, "", 200, "hello");
	client_ask(&c, "", 200, "hello");
	client_close(&c);
	client_open(&c, f.tls);
	client_send_bytes(&c, BYTES(header));
	assert_true(client_secure(&c, &t));
	client_ask(&c, HELLO, 200, "hello");
	client_close(&c);
	fixture_stop(&f);
}

static void
who_may_not_speak_it(void **state)
{
	static const char header[] = SIGNATURE "\x21\x11\0\x0c" V4;
	struct http_options o = fixture_options(&f);
	struct client c;

	(void)state;
	start("192.0.2.0/24, 127.0.0.2", 0);
	client_open(&c, f.plain);
	(void)client_send_some(&c, BYTES(header));
	assert_true(is_ended(&c));
	client_close(&c);
	assert_int_equal(1, refused(REFUSAL_PROXY_FROM));
	client_open_from(&c, "127.0.0.2", f.plain);
	client_send_bytes(&c, BYTES(header));
	client_ask(&c, HELLO, 200, "hello");
	client_close(&c);
	fixture_stop(&f);
	/* Where it is not spoken, it is a bad request. */
	fixture_start(&f, &o);
	client_open(&c, f.plain);
	client_send_bytes(&c, BYTES(header));
	client_send(&c, HELLO);
	{
		struct answer a;

		assert_true(client_read(&c, &a));
		assert_int_equal(400, a.status);
		answer_wipe(&a);
	}
	client_close(&c);
	fixture_stop(&f);
}

static void
who_says_nothing_or_stops(void **state)
{
	struct client silent, half, gone;

	(void)state;
	start("127.0.0.1", 0);
	client_open(&silent, f.plain);
	client_open(&half, f.tls);
	client_send_bytes(&half, SIGNATURE, 7);
	client_open(&gone, f.plain);
	client_send_bytes(&gone, BYTES(SIGNATURE "\x21\x11\0\x0c"));
	shutdown(gone.fd, SHUT_WR);
	assert_true(is_ended(&gone));
	assert_true(is_ended(&silent));
	assert_true(is_ended(&half));
	assert_int_equal(2, refused(REFUSAL_TIMEOUT_PROXY));
	assert_int_equal(1, refused(REFUSAL_PROXY_CLOSED));
	client_close(&silent);
	client_close(&half);
	client_close(&gone);
	fixture_stop(&f);
}

/* The share is that of each client, not the balancer's. */
static void
one_client_does_not_get_all(void **state)
{
	static const char first[] = SIGNATURE "\x21\x11\0\x0c" V4;
	static const char second[] = SIGNATURE "\x21\x11\0\x0c\xc0\x00\x02\x02"
					       "\xc6\x33\x64\x02"
					       "\x9c\x40\x20\xfb";
	static const char own[] = SIGNATURE "\x20\0\0\0";
	struct client clients[5], c;

	(void)state;
	start("127.0.0.1", 2);
	for (size_t i = 0; i < 4; i++) {
		client_open(&clients[i], f.plain);
		client_send_bytes(&clients[i], i < 2 ? first : second, sizeof(first) - 1);
		client_ask(&clients[i], HELLO, 200, "hello");
	}
	client_open(&c, f.plain);
	client_send_bytes(&c, BYTES(first));
	assert_true(is_ended(&c));
	client_close(&c);
	assert_int_equal(1, refused(REFUSAL_LIMIT_ADDRESS));
	client_open(&clients[4], f.plain);
	client_send_bytes(&clients[4], BYTES(own));
	client_ask(&clients[4], HELLO, 200, "hello");
	client_close(&clients[0]);
	for (int tries = 0; tries < 1000 && fixture_counters(&f).connections_open > 4; tries++) {
		poll(NULL, 0, 1);
	}
	client_open(&c, f.plain);
	client_send_bytes(&c, BYTES(first));
	client_ask(&c, HELLO, 200, "hello");
	client_close(&c);
	for (size_t i = 1; i < 5; i++) {
		client_close(&clients[i]);
	}
	fixture_stop(&f);
}

static void
a_list_that_is_none(void **state)
{
	struct http_options o = fixture_options(&f);
	struct http_server *server = NULL;
	struct diag d = { 0 };

	(void)state;
	o.listens[1].proxies = "balancer.example";
	assert_int_equal(BAD_INPUT, http_server_start(&o, &server, &d));
	assert_non_null(strstr(d.text, "balancer.example"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_by_themselves),
		cmocka_unit_test(whom_a_balancer_speaks_for),
		cmocka_unit_test(however_it_comes),
		cmocka_unit_test(who_may_not_speak_it),
		cmocka_unit_test(who_says_nothing_or_stops),
		cmocka_unit_test(one_client_does_not_get_all),
		cmocka_unit_test(a_list_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
