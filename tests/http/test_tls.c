#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "fixture.h"

#include "base/text.h"
#include "pki/key.h"

#define PEER "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n"
#define HELLO "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* What /peer should say. */
static char *
expected(char out[160], bool is_resumed, const struct credential *c, int chain, int version)
{
	char fingerprint[65] = "-";
	uint8_t digest[32];

	if (c != NULL) {
		sha256(credential_span(c), digest);
		hex_encode(fingerprint, SPAN_ARRAY(digest));
	}
	snprintf(out, 160, "%d %s %d %s %d", is_resumed, fingerprint, chain,
		version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3",
		version == TLS1_2_VERSION ? 12 : 0);
	return out;
}

/* What the handshake says last goes out with the reply; without a request it does not wait for one. */
static void
a_ticket_comes_without_a_request(void **state)
{
	struct fixture *f = *state;
	const struct client_tls tls = { .version = TLS1_3_VERSION };
	struct client c;
	struct pollfd wait;

	client_open(&c, f->tls);
	assert_true(client_secure(&c, &tls));
	wait = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	assert_int_equal(1, poll(&wait, 1, 10000));
	client_ask(&c, HELLO, 200, "hello");
	client_close(&c);
}

static void
certificates_reach_the_handler(void **state)
{
	struct fixture *f = *state;
	struct credential device, chain[CHAIN_LEN_MAX];
	char text[160];

	credential_make(&device, "device", 0);
	for (int i = 0; i < CHAIN_LEN_MAX; i++) {
		credential_make(&chain[i], "issuer", 0);
	}
	for (size_t i = 0; i < 2; i++) {
		struct client_tls t = { .version = versions[i] };
		struct client c;

		client_open(&c, f->tls);
		assert_true(client_secure(&c, &t));
		client_ask(&c, PEER, 200, expected(text, false, NULL, 0, versions[i]));
		client_close(&c);
		t.credential = &device;
		for (t.chain_count = 0; t.chain_count <= CHAIN_LEN_MAX; t.chain_count += 4) {
			t.chain = chain;
			client_open(&c, f->tls);
			assert_true(client_secure(&c, &t));
			expected(text, false, &device, (int)t.chain_count, versions[i]);
			client_ask(&c, PEER, 200, text);
			client_ask(&c, PEER, 200, text);
			client_close(&c);
		}
	}
	for (int i = 0; i < CHAIN_LEN_MAX; i++) {
		credential_wipe(&chain[i]);
	}
	credential_wipe(&device);
}

enum farewell { GOODBYE, SILENT, RESET, RESET_WHILE_SENT_TO };

/* A session of a first connection with this certificate. */
static SSL_SESSION *
first_session(struct fixture *f, struct client_tls *t, enum farewell end)
{
	const struct linger reset = { 1, 0 };
	SSL_SESSION *session;
	struct client c;

	client_open(&c, f->tls);
	assert_true(client_secure(&c, t));
	client_ask(&c, PEER, 200, NULL);
	session = SSL_get1_session(c.ssl);
	SSL_set_quiet_shutdown(c.ssl, end != GOODBYE);
	if (end == RESET_WHILE_SENT_TO) {
		struct answer a;

		client_send(&c, "GET /big?size=30000000 HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_true(client_read_head(&c, &a));
	}
	if (end == RESET || end == RESET_WHILE_SENT_TO) {
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	client_close(&c);
	return session;
}

/* Until the server, too, has seen the end of every connection. */
static void
wait_for_nobody(const struct fixture *f)
{
	for (int i = 0; i < 5000 && fixture_counters(f).connections_open > 0; i++) {
		usleep(1000);
	}
	assert_int_equal(fixture_counters(f).connections_open, 0);
}

static void
resumed_sessions_keep_the_certificate(void **state)
{
	struct fixture *f = *state;
	struct credential device, issuer;
	char text[160];

	credential_make(&device, "device", 0);
	credential_make(&issuer, "issuer", 0);
	for (size_t i = 0; i < 8; i++) {
		int version = versions[i % 2];
		struct client_tls t = { .version = version,
			.credential = &device,
			.chain = &issuer,
			.chain_count = 1 };
		SSL_SESSION *session = first_session(f, &t, (enum farewell)(i / 2));

		wait_for_nobody(f);
		for (int n = 0; n < 3; n++) {
			struct client c;

			t.session = session;
			client_open(&c, f->tls);
			assert_true(client_secure(&c, &t));
			if (!SSL_session_reused(c.ssl)) {
				fail_msg("case %zu, resumption %d", i, n);
			}
			client_ask(&c, PEER, 200, expected(text, true, &device, 1, version));
			SSL_SESSION_free(session);
			session = SSL_get1_session(c.ssl);
			/* Nobody is told that he may send before he is known. */
			assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
			client_close(&c);
		}
		SSL_SESSION_free(session);
	}
	assert_int_equal(fixture_counters(f).handshakes_resumed, 24);
	assert_int_equal(fixture_counters(f).handshakes, 32);
	credential_wipe(&device);
	credential_wipe(&issuer);
}

/* What a session holds for hours is bounded, whatever certificates somebody makes for himself. */
static void
sessions_with_large_certificates_are_not_kept(void **state)
{
	static const size_t padding[] = { TLS_SESSION_CERTIFICATES_MAX / 2,
		TLS_SESSION_CERTIFICATES_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < 4; i++) {
		struct client_tls t = { .version = versions[i / 2] };
		struct credential device;
		struct client c;
		SSL_SESSION *session;

		credential_make(&device, "device", padding[i % 2]);
		t.credential = &device;
		client_open(&c, f->tls);
		assert_true(client_secure(&c, &t));
		client_ask(&c, HELLO, 200, "hello");
		session = SSL_get1_session(c.ssl);
		client_close(&c);
		t.session = session;
		client_open(&c, f->tls);
		assert_true(client_secure(&c, &t));
		client_ask(&c, HELLO, 200, "hello");
		assert_int_equal(i % 2 == 0, SSL_session_reused(c.ssl));
		client_close(&c);
		SSL_SESSION_free(session);
		credential_wipe(&device);
	}
	assert_int_equal(fixture_counters(f).handshakes_resumed, 2);
}

static void
expect_failed(struct fixture *f, uint64_t wanted)
{
	for (int i = 0; i < 5000 && fixture_counters(f).handshakes_failed < wanted; i++) {
		usleep(1000);
	}
	assert_int_equal(fixture_counters(f).handshakes_failed, wanted);
}

/* In TLS 1.3 a client may believe that it is through before the server has refused it. */
static bool
is_let_in(struct client *c, const struct client_tls *t)
{
	char byte;

	if (!client_secure(c, t)) {
		return false;
	}
	client_send_some(c, HELLO, strlen(HELLO));
	return SSL_read(c->ssl, &byte, 1) == 1;
}

static void
too_much_certificate_is_refused(void **state)
{
	struct fixture *f = *state;
	struct credential large, device, chain[CHAIN_LEN_MAX + 1];
	uint64_t failed = 0;

	credential_make(&large, "large", CERTIFICATE_SIZE_MAX);
	credential_make(&device, "device", 0);
	for (int i = 0; i <= CHAIN_LEN_MAX; i++) {
		credential_make(&chain[i], "issuer", 0);
	}
	for (size_t i = 0; i < 2; i++) {
		struct client_tls t = { .version = versions[i], .credential = &large };
		struct client c;

		client_open(&c, f->tls);
		assert_false(is_let_in(&c, &t));
		client_close(&c);
		expect_failed(f, ++failed);
		t = (struct client_tls){ versions[i], &device, chain, CHAIN_LEN_MAX + 1, NULL };
		client_open(&c, f->tls);
		assert_false(is_let_in(&c, &t));
		client_close(&c);
		expect_failed(f, ++failed);
	}
	for (int i = 0; i <= CHAIN_LEN_MAX; i++) {
		credential_wipe(&chain[i]);
	}
	credential_wipe(&large);
	credential_wipe(&device);
}

struct offer {
	int version;
	const char *ciphers, *groups, *protocols; /* NULL: libssl's */
	bool is_let_in;
	const char *agreed; /* which suite; NULL: any */
};

static bool
offer_is_taken(struct fixture *f, const struct offer *o)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct client c;
	bool taken;

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, o->version);
	SSL_CTX_set_max_proto_version(context, o->version);
	if (o->ciphers != NULL) {
		assert_int_equal(1, o->version == TLS1_3_VERSION
					    ? SSL_CTX_set_ciphersuites(context, o->ciphers)
					    : SSL_CTX_set_cipher_list(context, o->ciphers));
	}
	if (o->groups != NULL) {
		assert_int_equal(SSL_CTX_set1_groups_list(context, o->groups), 1);
	}
	if (o->protocols != NULL) {
		SSL_CTX_set_alpn_protos(context, (const unsigned char *)o->protocols,
			(unsigned)strlen(o->protocols));
	}
	client_open(&c, f->tls);
	c.context = context;
	c.ssl = SSL_new(context);
	SSL_set_fd(c.ssl, c.fd);
	taken = SSL_connect(c.ssl) == 1;
	if (taken) {
		client_ask(&c, HELLO, 200, "hello");
		if (o->agreed != NULL) {
			assert_string_equal(o->agreed, SSL_get_cipher_name(c.ssl));
		}
	}
	ERR_clear_error();
	client_close(&c);
	return taken;
}

static void
only_good_terms_are_agreed_to(void **state)
{
	static const struct offer offers[] = {
		{ TLS1_3_VERSION, NULL, "X25519", NULL, true, "TLS_AES_128_GCM_SHA256" },
		{ TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", NULL, NULL, true,
			"TLS_AES_256_GCM_SHA384" },
		{ TLS1_3_VERSION,
			"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:"
			"TLS_AES_128_GCM_SHA256",
			NULL, NULL, true, "TLS_CHACHA20_POLY1305_SHA256" },
		{ TLS1_2_VERSION, NULL, NULL, NULL, true, "ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ TLS1_3_VERSION, NULL, "P-256", "\x02h2\x08http/1.1", true },
		{ TLS1_3_VERSION, NULL, NULL, "\x08http/1.0", true },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", NULL, "\x08http/1.1", true },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", "P-256", NULL, true },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", NULL, NULL, false },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL, NULL, false },
		{ TLS1_2_VERSION, "AES128-GCM-SHA256", NULL, NULL, false },
		{ TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", NULL, NULL, false },
		{ TLS1_2_VERSION, "AECDH-AES128-SHA", NULL, NULL, false },
		{ TLS1_2_VERSION, "PSK-AES128-GCM-SHA256", NULL, NULL, false },
		{ TLS1_1_VERSION, NULL, NULL, NULL, false },
		{ TLS1_VERSION, NULL, NULL, NULL, false },
		{ TLS1_3_VERSION, NULL, "P-521", NULL, false },
		{ TLS1_3_VERSION, NULL, NULL, "\x02h2", false },
		{ TLS1_2_VERSION, NULL, NULL, "\x08http/0.9", false },
	};
	uint64_t failed = 0;

	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		if (offer_is_taken(*state, &offers[i]) != offers[i].is_let_in) {
			fail_msg("offer %zu", i);
		}
		/* A client without any cipher of the kind does not even begin. */
		if (!offers[i].is_let_in) {
			expect_failed(*state, ++failed);
		}
	}
}

static void
garbage_is_no_handshake(void **state)
{
	static const char *const table[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"\x16\x03\x01\x40\x01\x01",
		"\x16\x03\x01\x00\x05\x02\x01\x01\x01\x01",
		"\x17\x03\x03\x00\x05\x01\x01\x01\x01\x01",
		"\x80\x2e\x01\x01\x01",
		"\xff\xff\xff\xff\xff\xff\xff\xff",
	};
	struct fixture *f = *state;
	char byte;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct client c;

		client_open(&c, f->tls);
		client_send(&c, table[i]);
		shutdown(c.fd, SHUT_WR);
		/* At the most an alert comes, then the end. */
		while (recv(c.fd, &byte, 1, 0) == 1) {
		}
		client_close(&c);
		expect_failed(f, i + 1);
	}
	assert_int_equal(fixture_counters(f).requests, 0);
}

static void
nothing_is_negotiated_anew(void **state)
{
	const struct client_tls t = { .version = TLS1_2_VERSION };
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f->tls);
	assert_true(client_secure(&c, &t));
	client_ask(&c, HELLO, 200, "hello");
	assert_int_equal(SSL_renegotiate(c.ssl), 1);
	assert_int_not_equal(SSL_do_handshake(c.ssl), 1);
	ERR_clear_error();
	client_close(&c);
	assert_int_equal(fixture_counters(f).handshakes, 1);
}

static bool
server_has(const struct client *c, const struct credential *wanted)
{
	X509 *x = SSL_get0_peer_certificate(c->ssl);
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);
	bool same = span_equal(span_of(der, (size_t)len), credential_span(wanted));

	OPENSSL_free(der);
	return same;
}

static void
identities_are_changed_while_it_runs(void **state)
{
	struct client_tls t = { .version = TLS1_3_VERSION };
	struct fixture *f = *state;
	struct credential next;
	SSL_SESSION *session = first_session(f, &t, GOODBYE);
	struct diag d = { 0 };
	struct client before, after;
	span chain;

	credential_make(&next, "next", 0);
	chain = credential_span(&next);
	client_open(&before, f->tls);
	assert_true(client_secure(&before, &t));
	assert_true(server_has(&before, &f->identity));
	assert_ok(http_server_identity(f->server, &chain, 1, next.key, &d), d);
	client_ask(&before, HELLO, 200, "hello");
	t.session = session;
	client_open(&after, f->tls);
	assert_true(client_secure(&after, &t));
	assert_false(SSL_session_reused(after.ssl));
	assert_true(server_has(&after, &next));
	client_ask(&after, HELLO, 200, "hello");
	client_ask(&before, HELLO, 200, "hello");
	client_close(&before);
	client_close(&after);
	SSL_SESSION_free(session);
	credential_wipe(&next);
}

static void
bad_identities_change_nothing(void **state)
{
	const struct client_tls t = { .version = TLS1_3_VERSION };
	struct fixture *f = *state;
	struct credential other;
	struct diag d;
	struct client c;
	span chain[CHAIN_LEN_MAX + 2], cut;

	credential_make(&other, "other", 0);
	for (int i = 0; i < CHAIN_LEN_MAX + 2; i++) {
		chain[i] = credential_span(&other);
	}
	cut = span_slice(chain[0], 0, chain[0].len - 1);
	diag_clear(&d);
	assert_int_equal(http_server_identity(f->server, chain, 1, f->identity.key, &d), CRYPTO);
	diag_clear(&d);
	assert_int_equal(http_server_identity(f->server, &cut, 1, other.key, &d), BAD_INPUT);
	assert_true(d.clause[0] != '\0');
	assert_int_equal(http_server_identity(f->server, chain, 0, other.key, &d), BAD_INPUT);
	assert_int_equal(http_server_identity(f->server, chain, CHAIN_LEN_MAX + 2, other.key, &d),
		BAD_INPUT);
	client_open(&c, f->tls);
	assert_true(client_secure(&c, &t));
	assert_true(server_has(&c, &f->identity));
	client_close(&c);
	credential_wipe(&other);
}

static void
without_identity_nobody_is_let_in(void **state)
{
	struct fixture f;
	struct http_options o = fixture_options(&f);
	struct diag d = { 0 };
	struct client c;

	(void)state;
	assert_ok(http_server_start(&o, &f.server, &d), d);
	client_open(&c, http_server_port(f.server, 1));
	client_send(&c, "\x16\x03\x01");
	assert_true(client_has_ended(&c));
	client_close(&c);
	expect_failed(&f, 1);
	http_server_stop(f.server, 1000);
}

#define THREADS 6
#define ROUNDS 15

struct crowd {
	struct fixture *f;
	const struct credential *device;
};

static void *
come_and_go(void *argument)
{
	struct crowd *crowd = argument;
	struct client *c = malloc(sizeof(*c));

	for (int i = 0; i < ROUNDS; i++) {
		const struct client_tls t = { .version = versions[i % 2],
			.credential = i % 3 == 0 ? crowd->device : NULL };

		client_open(c, crowd->f->tls);
		assert_true(client_secure(c, &t));
		client_ask(c, HELLO, 200, "hello");
		client_ask(c, PEER, 200, NULL);
		client_close(c);
	}
	free(c);
	return NULL;
}

static void
a_crowd_is_served_while_identities_change(void **state)
{
	struct fixture *f = *state;
	struct credential device;
	struct crowd crowd = { f, &device };
	pthread_t threads[THREADS];
	struct diag d = { 0 };
	span chain = credential_span(&f->identity);

	credential_make(&device, "device", 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, come_and_go, &crowd);
	}
	for (int i = 0; i < 20; i++) {
		assert_ok(http_server_identity(f->server, &chain, 1, f->identity.key, &d), d);
		usleep(1000);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(fixture_counters(f).handshakes, THREADS * ROUNDS);
	assert_int_equal(fixture_counters(f).requests, 2 * THREADS * ROUNDS);
	credential_wipe(&device);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_ticket_comes_without_a_request, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			certificates_reach_the_handler, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			resumed_sessions_keep_the_certificate, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(sessions_with_large_certificates_are_not_kept,
			fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			too_much_certificate_is_refused, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			only_good_terms_are_agreed_to, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			garbage_is_no_handshake, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			nothing_is_negotiated_anew, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			identities_are_changed_while_it_runs, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			bad_identities_change_nothing, fixture_set_up, fixture_tear_down),
		cmocka_unit_test(without_identity_nobody_is_let_in),
		cmocka_unit_test_setup_teardown(a_crowd_is_served_while_identities_change,
			fixture_set_up, fixture_tear_down),
	};

	return cmocka_run_group_tests_name("http tls", tests, NULL, NULL);
}
