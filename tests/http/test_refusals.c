/* Every malformation of the corpus is refused, and raises one counter whose name says which it was. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "fixture.h"

#include "base/check.h"

#define HELLO "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture f;

static uint64_t
total(const char *layer)
{
	struct http_counters n = fixture_counters(&f);
	uint64_t sum = 0;

	for (size_t i = 0; i < REFUSAL_COUNT; i++) {
		sum += strcmp(refusal_layer((enum refusal)i), layer) == 0 ? n.refusals[i] : 0;
	}
	return sum;
}

static uint64_t
http_total(const struct fixture *x)
{
	(void)x;
	return total("http");
}

static uint64_t
tls_total(const struct fixture *x)
{
	(void)x;
	return total("tls");
}

static void
names_are_one_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < REFUSAL_COUNT; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_false(strcmp(refusal_layer((enum refusal)i),
					     refusal_layer((enum refusal)k)) == 0 &&
				     strcmp(refusal_kind((enum refusal)i),
					     refusal_kind((enum refusal)k)) == 0);
		}
	}
}

/* "\r\n", "\x00", "\*70;" (the byte before, so often in all): as the corpus writes them. Appends. */
static void
unescape(span line, struct buffer *out)
{
	for (size_t i = 0; i < line.len; i++) {
		char c = (char)line.data[i];
		char number[8] = { 0 };

		if (c != '\\' || i + 1 == line.len) {
			buffer_put_byte(out, (uint8_t)c);
			continue;
		}
		c = (char)line.data[++i];
		if (c == 'x' && line.len - i > 2) {
			memcpy(number, line.data + i + 1, 2);
			buffer_put_byte(out, (uint8_t)strtoul(number, NULL, 16));
			i += 2;
		} else if (c == '*') {
			for (size_t k = 0; k < 7 && line.data[i + 1] != ';'; k++) {
				number[k] = (char)line.data[++i];
			}
			i++;
			for (unsigned long k = strtoul(number, NULL, 10); k > 1; k--) {
				buffer_put_byte(out, out->data[out->len - 1]);
			}
		} else {
			buffer_put_byte(out, (uint8_t)(c == 'r'	  ? '\r'
						       : c == 'n' ? '\n'
						       : c == 't' ? '\t'
								  : c));
		}
	}
}

/* One row of the corpus. Its refusal is answered, and then the connection ends. */
static void
send_row(const char *name, const char *bytes, size_t len)
{
	uint64_t before = total("http");
	uint64_t other = fixture_counters(&f).refusals[REFUSAL_REQUEST_OTHER];
	struct client c;
	char piece[4096];
	struct pollfd p;

	client_open(&c, f.plain);
	(void)client_send_some(&c, bytes, len);
	shutdown(c.fd, SHUT_WR);
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	while (poll(&p, 1, 5000) == 1 && recv(c.fd, piece, sizeof(piece), 0) > 0) {
	}
	client_close(&c);
	if (total("http") == before) {
		fail_msg("%s: no counter was raised", name);
	}
	if (fixture_counters(&f).refusals[REFUSAL_REQUEST_OTHER] != other) {
		fail_msg("%s: counted without a name", name);
	}
}

static void
each_malformation_has_its_counter(void **state)
{
	struct http_options o = fixture_options(&f);
	const char *root = getenv("TENURE_SOURCE");
	struct arena *arena = arena_new(4 << 20);
	struct buffer bytes;
	span text, line;
	char name[128] = "";
	size_t rows = 0;

	(void)state;
	assert_non_null(root);
	text = bytes_of_file(
		arena, arena_printf(arena, "%s/tests/peers/http_corpus/malicious", root));
	buffer_init(&bytes, 1 << 20);
	fixture_start(&f, &o);
	while (span_take_line(&text, &line)) {
		if (line.len == 0 || line.data[0] == '#') {
			continue;
		}
		if (line.data[0] != '=') {
			unescape(line, &bytes);
			continue;
		}
		if (bytes.len > 0) {
			send_row(name, (const char *)bytes.data, bytes.len);
			rows++;
		}
		buffer_clear(&bytes);
		snprintf(name, sizeof(name), "%.*s", (int)line.len, (const char *)line.data);
	}
	send_row(name, (const char *)bytes.data, bytes.len);
	assert_true(rows > 40);
	buffer_wipe(&bytes);
	fixture_stop(&f);
	arena_free(arena);
}

static void
each_kind_by_its_name(void **state)
{
	static const struct {
		enum refusal kind;
		const char *bytes;
	} rows[] = {
		{ REFUSAL_LINE_END, "GET / HTTP/1.1\nHost: x\n\n" },
		{ REFUSAL_REQUEST_LINE, "GET /\r\n\r\n" },
		{ REFUSAL_METHOD, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n" },
		{ REFUSAL_VERSION, "GET / HTTP/2.0\r\nHost: x\r\n\r\n" },
		{ REFUSAL_TARGET, "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n" },
		{ REFUSAL_TARGET, "GET x HTTP/1.1\r\nHost: x\r\n\r\n" },
		{ REFUSAL_HOST, "GET / HTTP/1.1\r\n\r\n" },
		{ REFUSAL_HEADER_LINE, "GET / HTTP/1.1\r\nHost\r\n\r\n" },
		{ REFUSAL_HEADER_FOLDED, "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n" },
		{ REFUSAL_HEADER_NAME, "GET / HTTP/1.1\r\nHost : x\r\n\r\n" },
		{ REFUSAL_HEADER_VALUE, "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n" },
		{ REFUSAL_HEADER_TWICE, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" },
		{ REFUSAL_LENGTH, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n" },
		{ REFUSAL_TRANSFER_CODING, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
					   "Transfer-Encoding: chunked\r\n\r\n" },
		{ REFUSAL_EXPECTATION, "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n" },
		{ REFUSAL_CHUNK, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
				 "chunked\r\n\r\nx\r\n" },
		{ REFUSAL_BODY_SIZE,
			"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n" },
	};
	struct http_options o = fixture_options(&f);
	char long_line[6000];

	(void)state;
	fixture_start(&f, &o);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t before = fixture_counters(&f).refusals[rows[i].kind];

		send_row(rows[i].bytes, rows[i].bytes, strlen(rows[i].bytes));
		assert_int_equal(before + 1, fixture_counters(&f).refusals[rows[i].kind]);
		fixture_wait(&f, http_total, i + 1);
	}
	memset(long_line, 'a', sizeof(long_line));
	memcpy(long_line, "GET /", 5);
	send_row("a long target", long_line, sizeof(long_line));
	assert_int_equal(1, fixture_counters(&f).refusals[REFUSAL_TARGET_SIZE]);
	fixture_stop(&f);
}

/* A smaller limit for the header than the reader's own. */
static void
a_header_may_be_limited_further(void **state)
{
	struct http_options o = fixture_options(&f);
	char text[3000];
	struct client c;

	(void)state;
	o.header_max = 1024;
	fixture_start(&f, &o);
	for (size_t len = 900; len <= 1100; len += 100) {
		int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\nA: %0*d\r\n\r\n",
			(int)len - 35, 0);
		struct answer a;

		assert_true(n > 0);
		client_open(&c, f.plain);
		client_send(&c, text);
		assert_true(client_read(&c, &a));
		assert_int_equal((size_t)n <= 1024 ? 200 : 431, a.status);
		answer_wipe(&a);
		client_close(&c);
	}
	/* Also before its end has come. */
	memset(text, 'a', 2000);
	memcpy(text, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 28);
	send_row("an endless header", text, 2000);
	assert_true(fixture_counters(&f).refusals[REFUSAL_HEADER_SIZE] >= 2);
	fixture_stop(&f);
}

/* --- TLS --- */

static void
shake(const char *groups, int version, const char *alpn)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct client c;
	SSL *ssl;

	assert_non_null(context);
	SSL_CTX_set_security_level(context, 0);
	assert_int_equal(1, SSL_CTX_set_min_proto_version(context, TLS1_VERSION));
	assert_int_equal(1, SSL_CTX_set_max_proto_version(context, version));
	if (groups != NULL) {
		assert_int_equal(1, SSL_CTX_set1_groups_list(context, groups));
	}
	ssl = SSL_new(context);
	if (alpn != NULL) {
		SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	}
	client_open(&c, f.tls);
	SSL_set_fd(ssl, c.fd);
	assert_int_not_equal(1, SSL_connect(ssl));
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(context);
	client_close(&c);
}

static void
each_failed_handshake_by_its_name(void **state)
{
	static const struct {
		enum refusal kind;
		const char *bytes; /* NULL: a handshake by libssl */
		const char *groups;
		int version;
		const char *alpn;
	} rows[] = {
		{ REFUSAL_TLS_NONE, HELLO, NULL, 0, NULL },
		{ REFUSAL_TLS_NONE, "\xff\xff\xff\xff\xff\xff\xff\xff", NULL, 0, NULL },
		{ REFUSAL_TLS_NONE, "SSH-2.0-OpenSSH_9.2\r\n", NULL, 0, NULL },
		{ REFUSAL_TLS_CLOSED, "\x16\x03\x01\x01", NULL, 0, NULL },
		{ REFUSAL_TLS_VERSION, NULL, NULL, TLS1_1_VERSION, NULL },
		/* P-384 is known, and not spoken. */
		{ REFUSAL_TLS_TERMS, NULL, "P-384", TLS1_3_VERSION, NULL },
		{ REFUSAL_TLS_TERMS, NULL, "P-384:P-521", TLS1_2_VERSION, NULL },
		{ REFUSAL_TLS_PROTOCOL, NULL, NULL, TLS1_3_VERSION, "\x02h2" },
	};
	struct http_options o = fixture_options(&f);

	(void)state;
	fixture_start(&f, &o);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t before = fixture_counters(&f).refusals[rows[i].kind];
		struct client c;
		char byte;

		if (rows[i].bytes == NULL) {
			shake(rows[i].groups, rows[i].version, rows[i].alpn);
		} else {
			client_open(&c, f.tls);
			client_send(&c, rows[i].bytes);
			shutdown(c.fd, SHUT_WR);
			while (recv(c.fd, &byte, 1, 0) == 1) {
			}
			client_close(&c);
		}
		fixture_wait(&f, tls_total, i + 1);
		if (fixture_counters(&f).refusals[rows[i].kind] != before + 1) {
			struct http_counters n = fixture_counters(&f);

			for (size_t k = 0; k < REFUSAL_COUNT; k++) {
				print_message("# %s %llu\n", refusal_kind((enum refusal)k),
					(unsigned long long)n.refusals[k]);
			}
			fail_msg("row %zu was not counted as %s", i, refusal_kind(rows[i].kind));
		}
	}
	assert_int_equal(COUNT_OF(rows), fixture_counters(&f).handshakes_failed);
	fixture_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_one_each),
		cmocka_unit_test(each_malformation_has_its_counter),
		cmocka_unit_test(each_kind_by_its_name),
		cmocka_unit_test(a_header_may_be_limited_further),
		cmocka_unit_test(each_failed_handshake_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
