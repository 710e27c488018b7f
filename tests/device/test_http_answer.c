#include <stdio.h>
#include <string.h>

#include "support.h"

#include "base/check.h"
#include "device/core/http_answer.h"
#include "device/core/url.h"

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: 5\r\n"

static const struct {
	const char *head;
	status expected;
	unsigned code;
	size_t length;
	bool is_chunked, closes;
	int64_t retry_after_s;
} heads[] = {
	{ OK_LINE LENGTH "\r\n", OK, 200, 5, false, false, 0 },
	{ "HTTP/1.1 204\r\n\r\n", OK, 204, 0, false, false, 0 },
	{ OK_LINE "content-LENGTH:5\r\n\r\n", OK, 200, 5, false, false, 0 },
	{ OK_LINE "Content-Length: \t5 \r\n\r\n", OK, 200, 5, false, false, 0 },
	{ OK_LINE "Transfer-Encoding: chunked\r\n\r\n", OK, 200, 0, true, false, 0 },
	{ OK_LINE LENGTH "Connection: close\r\n\r\n", OK, 200, 5, false, true, 0 },
	{ OK_LINE LENGTH "Connection: keep-alive\r\n\r\n", OK, 200, 5, false, false, 0 },
	{ "HTTP/1.1 503 \r\nRetry-After: 120\r\n" LENGTH "\r\n", OK, 503, 5, false, false, 120 },
	{ "HTTP/1.1 503 x\r\nRetry-After: Mon, 23 Nov 2026 12:00:00 GMT\r\n" LENGTH "\r\n", OK, 503,
		5, false, false, 0 },
	{ "HTTP/1.1 503 x\r\nRetry-After: -1\r\n" LENGTH "\r\n", OK, 503, 5, false, false, 0 },
	/* bad */
	{ OK_LINE "\r\n", BAD_INPUT },
	{ "HTTP/1.0 200 OK\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "HTTP/2 200\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "HTTP/1.1 2000\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "HTTP/1.1 20\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "HTTP/1.1 abc x\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "HTTP/1.1 100 Continue\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "HTTP/1.1 999 x\r\n" LENGTH "\r\n", BAD_INPUT },
	{ "http/1.1 200 OK\r\n" LENGTH "\r\n", BAD_INPUT },
	{ OK_LINE LENGTH LENGTH "\r\n", BAD_INPUT },
	{ OK_LINE LENGTH "Transfer-Encoding: chunked\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Content-Length: -5\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Content-Length: +5\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Content-Length: 5, 5\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Content-Length: 0x5\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Content-Length:\r\n\r\n", BAD_INPUT },
	{ OK_LINE "Content-Length: 99999999999\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH "No colon\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH ": no name\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH "Space before : x\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH " folded: x\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH "X: a\x01\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH "X: a\nY: b\r\n\r\n", BAD_INPUT },
	{ OK_LINE LENGTH, BAD_INPUT },
	{ "\r\n\r\n", BAD_INPUT },
	{ "\r\n", BAD_INPUT },
	{ "", BAD_INPUT },
};

static void
test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		struct http_answer a;
		struct diag d = { 0 };
		status s = http_answer_read(span_text(heads[i].head), &a, &d);

		if (s != heads[i].expected) {
			fail_msg("head %zu: %s", i, status_name(s));
		}
		if (s != OK) {
			assert_true(d.clause[0] != '\0');
			continue;
		}
		assert_int_equal(a.code, heads[i].code);
		assert_int_equal(a.length, heads[i].length);
		assert_int_equal(a.is_chunked, heads[i].is_chunked);
		assert_int_equal(a.closes, heads[i].closes);
		assert_int_equal(a.retry_after_s, heads[i].retry_after_s);
	}
}

static void
test_too_many_headers(void **state)
{
	char head[4096];
	size_t len = (size_t)snprintf(head, sizeof(head), OK_LINE LENGTH);
	struct http_answer a;

	(void)state;
	for (int i = 0; i < 80; i++) {
		len += (size_t)snprintf(head + len, sizeof(head) - len, "X: %d\r\n", i);
	}
	snprintf(head + len, sizeof(head) - len, "\r\n");
	assert_int_equal(http_answer_read(span_text(head), &a, NULL), BAD_INPUT);
}

static void
test_head_len(void **state)
{
	(void)state;
	assert_int_equal(http_answer_head_len(span_text("HTTP/1.1 200 OK\r\n\r\nbody")), 19);
	assert_int_equal(http_answer_head_len(span_text("HTTP/1.1 200 OK\r\n\r")), 0);
	assert_int_equal(http_answer_head_len(span_of(NULL, 0)), 0);
}

static const struct {
	const char *bytes, *body; /* body NULL: more is needed */
	status expected;
} chunks[] = {
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", OK },
	{ "2\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", "hello", OK },
	{ "0\r\n\r\n", "", OK },
	{ "a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij", OK },
	{ "", NULL, OK },
	{ "5", NULL, OK },
	{ "5\r", NULL, OK },
	{ "5\r\nhell", NULL, OK },
	{ "5\r\nhello", NULL, OK },
	{ "5\r\nhello\r\n0\r\n", NULL, OK },
	{ "5\r\nhello\r\n0\r\n\r", NULL, OK },
	{ "fffffff\r\nhello", NULL, OK },
	{ "5\r\nhelloXX0\r\n\r\n", NULL, BAD_INPUT },
	{ "5;a=b\r\nhello\r\n0\r\n\r\n", NULL, BAD_INPUT },
	{ "g\r\nhello\r\n0\r\n\r\n", NULL, BAD_INPUT },
	{ "-5\r\nhello\r\n0\r\n\r\n", NULL, BAD_INPUT },
	{ "\r\nhello\r\n0\r\n\r\n", NULL, BAD_INPUT },
	{ "ffffffff\r\nhello", NULL, BAD_INPUT },
	{ "00000000000000000000005\r\nhello", NULL, BAD_INPUT },
	{ "5\r\nhello\r\n0\r\nX: trailer\r\n\r\n", NULL, BAD_INPUT },
	{ "5\r\nhello\r\n0\r\n\r\nmore", NULL, BAD_INPUT },
};

static void
test_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(chunks); i++) {
		uint8_t bytes[128];
		size_t len = strlen(chunks[i].bytes), body_len;
		bool is_whole;
		status s;

		memcpy(bytes, chunks[i].bytes, len);
		s = http_chunks_join(bytes, len, &body_len, &is_whole, NULL);
		if (s != chunks[i].expected || (s == OK && is_whole != (chunks[i].body != NULL))) {
			fail_msg("chunks %zu: %s, whole %d", i, status_name(s), is_whole);
		}
		if (chunks[i].body != NULL) {
			assert_int_equal(body_len, strlen(chunks[i].body));
			assert_memory_equal(bytes, chunks[i].body, body_len);
		} else if (s == OK) {
			assert_memory_equal(bytes, chunks[i].bytes, len);
		}
	}
}

/* Cut anywhere, whole or not yet, never wrong. */
static void
test_chunks_cut(void **state)
{
	static const char text[] = "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		uint8_t bytes[64];
		size_t body_len;
		bool is_whole;

		memcpy(bytes, text, len);
		assert_int_equal(http_chunks_join(bytes, len, &body_len, &is_whole, NULL), OK);
		assert_false(is_whole);
	}
}

static void
test_types(void **state)
{
	(void)state;
	assert_true(http_is_type(span_text("application/json"), "application/json"));
	assert_true(http_is_type(span_text("Application/JSON; charset=utf-8"), "application/json"));
	assert_false(http_is_type(span_text("application/jsonx"), "application/json"));
	assert_false(http_is_type(span_text("application/jso"), "application/json"));
	assert_false(http_is_type(span_of(NULL, 0), "application/json"));
}

static const struct {
	const char *text, *host, *port; /* host NULL: refused */
	bool is_ip6;
} urls[] = {
	{ "https://tenure.example", "tenure.example", "443", false },
	{ "https://tenure.example:8443", "tenure.example", "8443", false },
	{ "https://192.0.2.1:1", "192.0.2.1", "1", false },
	{ "https://[2001:db8::1]", "2001:db8::1", "443", true },
	{ "https://[::1]:8443", "::1", "8443", true },
	{ "https://", NULL, NULL, false },
	{ "http://tenure.example", NULL, NULL, false },
	{ "HTTPS://tenure.example", NULL, NULL, false },
	{ "tenure.example", NULL, NULL, false },
	{ "https://tenure.example/", NULL, NULL, false },
	{ "https://tenure.example:443/x", NULL, NULL, false },
	{ "https://user@tenure.example", NULL, NULL, false },
	{ "https://tenure.example:", NULL, NULL, false },
	{ "https://tenure.example:0", NULL, NULL, false },
	{ "https://tenure.example:65536", NULL, NULL, false },
	{ "https://tenure.example:99999999", NULL, NULL, false },
	{ "https://tenure.example:8a", NULL, NULL, false },
	{ "https://tenure.example?x", NULL, NULL, false },
	{ "https://tenure example", NULL, NULL, false },
	{ "https://ten\r\nure", NULL, NULL, false },
	{ "https://[::1", NULL, NULL, false },
	{ "https://[]", NULL, NULL, false },
	{ "https://[::1]8443", NULL, NULL, false },
	{ "https://[tenure.example]", NULL, NULL, false },
	{ "https://:8443", NULL, NULL, false },
	{ "", NULL, NULL, false },
};

static void
test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct server_url u;
		status s = server_url_read(span_text(urls[i].text), &u, NULL);

		if ((s == OK) != (urls[i].host != NULL)) {
			fail_msg("\"%s\": %s", urls[i].text, status_name(s));
		}
		if (s == OK) {
			assert_string_equal(u.host, urls[i].host);
			assert_string_equal(u.port, urls[i].port);
			assert_int_equal(u.is_ip6, urls[i].is_ip6);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_head_len),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_chunks_cut),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
