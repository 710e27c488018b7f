/*
 * The session cache is bounded (CVE-2024-2511 was a cache that was not): full handshakes by clients that never come back with
 * their ticket cost memory up to the cache's size, and nothing behind that. Client and server are one process here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

#define FILL (TLS_SESSIONS_MAX + 2000) /* the cache is full behind these */
#define MORE 10000
#define GROWTH_MAX \
	((size_t)4 << 20) /* a session with its certificate has 6 KiB: 60 MiB if they were kept */
#define HELLO "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static size_t
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long whole = 0, pages = 0;

	assert_non_null(f);
	assert_int_equal(2, fscanf(f, "%lu %lu", &whole, &pages));
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static SSL_CTX *
context_of(const struct credential *c, int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const unsigned char *at = c->der;
	X509 *certificate = d2i_X509(NULL, &at, (long)c->der_len);

	assert_non_null(context);
	assert_int_equal(1, SSL_CTX_set_min_proto_version(context, version));
	assert_int_equal(1, SSL_CTX_set_max_proto_version(context, version));
	assert_int_equal(1, SSL_CTX_use_certificate(context, certificate));
	assert_int_equal(1, SSL_CTX_use_PrivateKey(context, c->key));
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	X509_free(certificate);
	return context;
}

static void
shake_hands(const struct fixture *f, SSL_CTX *context)
{
	char room[4096];
	struct client c;
	SSL *ssl;

	client_open(&c, f->tls);
	ssl = SSL_new(context);
	assert_non_null(ssl);
	SSL_set_fd(ssl, c.fd);
	assert_int_equal(1, SSL_connect(ssl));
	assert_int_equal((int)strlen(HELLO), SSL_write(ssl, HELLO, (int)strlen(HELLO)));
	while (SSL_read(ssl, room, sizeof(room)) > 0) {
		continue;
	}
	SSL_shutdown(ssl);
	SSL_free(ssl);
	client_close(&c);
}

static void
memory_stays(void **state)
{
	struct fixture f;
	struct http_options o = fixture_options(&f);
	struct credential device;
	SSL_CTX *contexts[2];
	size_t before, after;

	(void)state;
	credential_make(&device, "device", 0);
	contexts[0] = context_of(&device, TLS1_3_VERSION);
	contexts[1] = context_of(&device, TLS1_2_VERSION);
	fixture_start(&f, &o);
	for (int i = 0; i < FILL; i++) {
		shake_hands(&f, contexts[i % 8 == 0]);
	}
	before = resident();
	for (int i = 0; i < MORE; i++) {
		shake_hands(&f, contexts[i % 8 == 0]);
	}
	after = resident();
	assert_int_equal(FILL + MORE, fixture_counters(&f).handshakes);
	assert_int_equal(0, fixture_counters(&f).handshakes_resumed);
	if (after > before + GROWTH_MAX) {
		fail_msg("%d handshakes behind a full cache took %zu KiB", MORE,
			(after - before) >> 10);
	}
	fixture_stop(&f);
	SSL_CTX_free(contexts[0]);
	SSL_CTX_free(contexts[1]);
	credential_wipe(&device);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
