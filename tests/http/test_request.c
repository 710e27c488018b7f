#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#include "http/request.h"

static struct http_request request;
static struct diag diag;
static size_t used;

static status
read_text(const char *text)
{
	diag_clear(&diag);
	return http_request_read(span_text(text), &request, &used, &diag);
}

#define LINE "GET / HTTP/1.1\r\nHost: x\r\n"

struct good {
	const char *text;
	enum http_method method;
	const char *path, *query;
	bool keep_alive;
};

static void
good_requests_are_read(void **state)
{
	static const struct good table[] = {
		{ LINE "\r\n", HTTP_GET, "/", "", true },
		{ "\r\n" LINE "\r\n", HTTP_GET, "/", "", true },
		{ "HEAD /a/b?c=d?e HTTP/1.1\r\nhOST: a.example:8443\r\n\r\n", HTTP_HEAD, "/a/b",
			"c=d?e", true },
		{ "POST /%41%2f HTTP/1.1\r\nHost: [::1]:1\r\nContent-Length: 0\r\n\r\n", HTTP_POST,
			"/%41%2f", "", true },
		{ "PUT /a? HTTP/1.1\r\nHost:x\r\nConnection: close\r\n\r\n", HTTP_PUT, "/a", "",
			false },
		{ "DELETE /a HTTP/1.0\r\n\r\n", HTTP_DELETE, "/a", "", false },
		{ "PATCH /a HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", HTTP_PATCH, "/a", "",
			true },
		{ LINE "Connection: keep-alive, close\r\n\r\n", HTTP_GET, "/", "", false },
		{ "GET http://a.example/b?c HTTP/1.1\r\nHost: other\r\n\r\n", HTTP_GET, "/b", "c",
			true },
		{ "GET HTTPS://a.example:1 HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_GET, "/", "", true },
		{ LINE "A: \t b\tc \r\nB:\r\n\r\n", HTTP_GET, "/", "", true },
		{ LINE "A: \xc3\xa4\r\nAccept: a\r\nAccept: b\r\n\r\n", HTTP_GET, "/", "", true },
		{ "GET /a.b/..c/.../%2e%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_GET,
			"/a.b/..c/.../%2e%2e%2e", "", true },
		{ "GET /:@!$&'()*+,;=-._~?/? HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_GET,
			"/:@!$&'()*+,;=-._~", "/?", true },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n", HTTP_POST,
			"/", "", true },
		{ LINE "Expect: 100-Continue\r\n\r\n", HTTP_GET, "/", "", true },
		{ LINE "Content-Length: 007\r\n\r\n", HTTP_GET, "/", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct good *g = &table[i];

		assert_ok(read_text(g->text), diag);
		assert_int_equal(used, strlen(g->text));
		assert_int_equal(request.method, g->method);
		assert_true(span_is(request.path, g->path));
		assert_true(span_is(request.query, g->query));
		assert_int_equal(request.keep_alive, g->keep_alive);
		/* Cut anywhere it is not complete, and not wrong either. */
		for (size_t len = 0; len < strlen(g->text); len++) {
			diag_clear(&diag);
			assert_int_equal(
				http_request_read(span_of(g->text, len), &request, &used, &diag),
				UNAVAILABLE);
		}
	}
}

struct bad {
	const char *text;
	int refused_with;
	const char *clause;
};

static const struct bad smuggled[] = {
	/* where does the body end? */
	{ LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "RFC 9112 6.1" },
	{ LINE "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400, "RFC 9112 6.1" },
	{ LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, "RFC 9110 5.3" },
	{ LINE "Content-Length: 5\r\ncontent-length: 6\r\n\r\n", 400, "RFC 9110 5.3" },
	{ LINE "Content-Length: 5, 5\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Content-Length: +5\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Content-Length: -1\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Content-Length: 0x5\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Content-Length: 5 5\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Content-Length:\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Content-Length: 99999999999999999999\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: chunked, gzip\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: gzip\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: chunked, chunked\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: chunked,\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding:\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: xchunked\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: \"chunked\"\r\n\r\n", 400, "RFC 9112 6.3" },
	{ LINE "Transfer-Encoding: \x0b"
	       "chunked\r\n\r\n",
		400, "RFC 9110 5.5" },
	{ LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 400, "RFC 9110 5.3" },
	{ LINE "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "RFC 9112 6.1" },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "RFC 9112 6.1" },
	/* where does the line end, and what is its name? */
	{ LINE "A: b\r\n c\r\n\r\n", 400, "RFC 9112 5.2" },
	{ LINE "A: b\r\n\tc: d\r\n\r\n", 400, "RFC 9112 5.2" },
	{ "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, "RFC 9112 5.2" },
	{ LINE "Content-Length : 5\r\n\r\n", 400, "RFC 9112 5.1" },
	{ LINE "Content-Length\t: 5\r\n\r\n", 400, "RFC 9112 5.1" },
	{ LINE "A b: c\r\n\r\n", 400, "RFC 9112 5.1" },
	{ LINE "\xc3\xa4: c\r\n\r\n", 400, "RFC 9112 5.1" },
	{ LINE ": c\r\n\r\n", 400, "RFC 9112 5" },
	{ LINE "nothing\r\n\r\n", 400, "RFC 9112 5" },
	{ LINE "A: b\rC: d\r\n\r\n", 400, "RFC 9112 2.2" },
	{ LINE "A: b\r\r\n\r\n", 400, "RFC 9112 2.2" },
	{ LINE "A: b\n\r\n", 400, "RFC 9112 2.2" },
	{ "GET / HTTP/1.1\nHost: x\n\n", 400, "RFC 9112 2.2" },
	{ LINE "\n", 400, "RFC 9112 2.2" },
	{ LINE "A: \x7f\r\n\r\n", 400, "RFC 9110 5.5" },
	{ LINE "A: \x01\r\n\r\n", 400, "RFC 9110 5.5" },
	/* for whom is it? */
	{ "GET / HTTP/1.1\r\n\r\n", 400, "RFC 9112 3.2" },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "RFC 9112 3.2" },
	{ LINE "Host: x\r\n\r\n", 400, "RFC 9110 5.3" },
	{ LINE "hOST: y\r\n\r\n", 400, "RFC 9110 5.3" },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "RFC 9112 3.2" },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "RFC 9112 3.2" },
	{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "RFC 9112 3.2" },
	{ "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", 400, "RFC 9112 3.2" },
	{ LINE "Authorization: a\r\nAuthorization: b\r\n\r\n", 400, "RFC 9110 5.3" },
	{ LINE "Idempotency-Key: a\r\nidempotency-key: b\r\n\r\n", 400, "RFC 9110 5.3" },
	{ LINE "Expect: 200-ok\r\n\r\n", 417, "RFC 9110 10.1.1" },
};

static const struct bad lines[] = {
	{ "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, "RFC 9112 2.3" },
	{ "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 2.3" },
	{ "GET /  HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 2.3" },
	{ "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ " GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.1" },
	{ "GET /\r\n\r\n", 400, "RFC 9112 3" },
	{ "GET\r\n\r\n", 400, "RFC 9112 3" },
	{ "\r\n\r\n", 400, "RFC 9112 3" },
	{ "GET / http/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 2.3" },
	{ "GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400, "RFC 9112 2.3" },
	{ "GET / HTTP/01.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 2.3" },
	{ "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, "RFC 9110 15.6.6" },
	{ "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "RFC 9110 15.6.6" },
	{ "PRI * HTTP/2.0\r\n\r\n", 501, "RFC 9110 9.1" },
	{ "get / HTTP/1.1\r\nHost: x\r\n\r\n", 501, "RFC 9110 9.1" },
	{ "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501, "RFC 9110 9.1" },
	{ "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501, "RFC 9110 9.1" },
	{ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 501, "RFC 9110 9.1" },
	{ "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.1" },
	{ "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.1" },
	{ "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.1" },
	{ "GET ?a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.1" },
	{ "GET ftp://a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.1" },
	{ "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.2" },
	{ "GET http://u@a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.2" },
	{ "GET http://a#b/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 9112 3.2.2" },
	{ "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2" },
	{ "GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2" },
	{ "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2" },
	{ "GET /?a=<b> HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2" },
	{ "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2" },
	{ "GET /% HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2.1" },
	{ "GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2.1" },
	{ "GET /%4g HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2.1" },
	{ "GET /?%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 2.1" },
	{ "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 7.3" },
	{ "GET /?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 7.3" },
	{ "GET /. HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 6.2.2.3" },
	{ "GET /.. HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 6.2.2.3" },
	{ "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 6.2.2.3" },
	{ "GET /a/%2e%2E/b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 6.2.2.3" },
	{ "GET /a/.%2e HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 6.2.2.3" },
	{ "GET /a/%2e/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "RFC 3986 6.2.2.3" },
	/* not complete, and wrong all the same */
	{ "\x16\x03\x01\x02\x00", 400, "RFC 9112 3" },
	{ "{\"a\":1}", 400, "RFC 9112 3" },
	{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 501, "RFC 9110 9.1" },
	{ "GET / HTTP/1.1\r\nA: b\n", 400, "RFC 9112 2.2" },
};

static void
check_bad(const struct bad *b)
{
	status s = read_text(b->text);

	if (s != BAD_INPUT || request.refused_with != b->refused_with ||
		(b->clause[0] != '\0' && strcmp(diag.clause, b->clause) != 0)) {
		fail_msg("%s: %s, %d, %s (%s)", b->text, status_name(s), request.refused_with,
			diag.clause, diag.text);
	}
	assert_true(diag.clause[0] != '\0' && diag.text[0] != '\0');
}

static void
bad_requests_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(smuggled) / sizeof(smuggled[0]); i++) {
		check_bad(&smuggled[i]);
	}
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		check_bad(&lines[i]);
	}
}

static void
a_nul_is_refused(void **state)
{
	static const char text[] = LINE "A: b\0c\r\n\r\n";
	static const char name[] = LINE "A\0: c\r\n\r\n";
	static const char target[] = "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n";

	(void)state;
	diag_clear(&diag);
	assert_int_equal(http_request_read(SPAN_ARRAY(text), &request, &used, &diag), BAD_INPUT);
	assert_int_equal(http_request_read(SPAN_ARRAY(name), &request, &used, &diag), BAD_INPUT);
	assert_int_equal(http_request_read(SPAN_ARRAY(target), &request, &used, &diag), BAD_INPUT);
}

/* `count` times `text` behind `before`, then `after`. */
static char *
repeat(const char *before, const char *text, size_t count, const char *after)
{
	char *out = malloc(strlen(before) + strlen(text) * count + strlen(after) + 1);
	char *at = stpcpy(out, before);

	for (size_t i = 0; i < count; i++) {
		at = stpcpy(at, text);
	}
	stpcpy(at, after);
	return out;
}

static void
check_size(char *text, status wanted, int refused_with)
{
	status s = read_text(text);

	if (s != wanted || request.refused_with != refused_with) {
		fail_msg("%zu bytes: %s, %d", strlen(text), status_name(s), request.refused_with);
	}
	free(text);
}

static void
sizes_are_limited(void **state)
{
	const char *end = " HTTP/1.1\r\nHost: x\r\n\r\n";

	(void)state;
	check_size(repeat("GET /", "a", HTTP_TARGET_MAX - 1, end), OK, 0);
	check_size(repeat("GET /", "a", HTTP_TARGET_MAX, end), LIMIT, 414);
	check_size(repeat("GET /", "a", HTTP_TARGET_MAX + 200, ""), LIMIT, 414);
	check_size(repeat("GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", HTTP_HEADER_COUNT_MAX - 1,
			   "\r\n"),
		OK, 0);
	check_size(repeat("GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", HTTP_HEADER_COUNT_MAX, ""),
		LIMIT, 431);
	check_size(repeat(LINE "A: ", "a", HTTP_HEADER_MAX - strlen(LINE) - 7, "\r\n\r\n"), OK, 0);
	check_size(repeat(LINE "A: ", "a", HTTP_HEADER_MAX - strlen(LINE) - 6, "\r\n\r\n"), LIMIT,
		431);
	check_size(repeat(LINE "A: ", "a", HTTP_HEADER_MAX, ""), LIMIT, 431);
	check_size(repeat(LINE "A: ", "a", HTTP_HEADER_MAX - 100, ""), UNAVAILABLE, 0);
}

static void
headers_are_found(void **state)
{
	(void)state;
	assert_ok(read_text(LINE "Accept: a, b\r\nX:\r\nAccept:  c ,d\r\n"
				 "Content-Type:  Application/JSON ; charset=utf-8\r\n\r\n"),
		diag);
	assert_true(span_is(http_header_get(&request, "HOST"), "x"));
	assert_true(span_is(http_header_get(&request, "accept"), "a, b"));
	assert_int_equal(http_header_get(&request, "x").len, 0);
	assert_non_null(http_header_get(&request, "x").data);
	assert_null(http_header_get(&request, "y").data);
	assert_true(http_header_has(&request, "accept", "A"));
	assert_true(http_header_has(&request, "accept", "d"));
	assert_false(http_header_has(&request, "accept", "a, b"));
	assert_false(http_header_has(&request, "accept", "e"));
	assert_true(http_content_is(&request, "application/json"));
	assert_false(http_content_is(&request, "application/js"));
	assert_ok(read_text(LINE "\r\n"), diag);
	assert_false(http_content_is(&request, ""));
}

static void
queries_are_decoded(void **state)
{
	static const struct {
		const char *query, *name;
		status wanted;
		const char *value;
	} table[] = {
		{ "a=1&b=2", "b", OK, "2" },
		{ "a=1&b=2", "c", NOT_FOUND, "" },
		{ "a", "a", OK, "" },
		{ "a=", "a", OK, "" },
		{ "=1", "a", NOT_FOUND, "" },
		{ "&&a=1&", "a", OK, "1" },
		{ "a=b=c", "a", OK, "b=c" },
		{ "%61=%2f+%C3%A4", "a", OK, "/ \xc3\xa4" },
		{ "a=1&a=2", "a", BAD_INPUT, "" },
		{ "a=1&%61=1", "a", BAD_INPUT, "" },
		{ "a=%ff", "a", BAD_INPUT, "" },
		{ "%ff=1", "a", BAD_INPUT, "" },
		{ "a=%c0%af", "a", BAD_INPUT, "" },
		{ "b=%ff&a=1", "a", OK, "1" },
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[128];
		span value = { NULL, 0 };

		snprintf(
			text, sizeof(text), "GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n", table[i].query);
		assert_ok(read_text(text), diag);
		assert_int_equal(
			http_query_get(&request, a, table[i].name, &value, &diag), table[i].wanted);
		if (table[i].wanted == OK) {
			assert_true(span_is(value, table[i].value));
		}
		diag_clear(&diag);
	}
	arena_free(a);
}

static void
segments_are_decoded(void **state)
{
	static const struct {
		const char *segment;
		status wanted;
		const char *value;
	} table[] = {
		{ "", OK, "" },
		{ "a+b", OK, "a+b" },
		{ "%41%c3%a4", OK, "A\xc3\xa4" },
		{ "a%2Fb", BAD_INPUT, "" },
		{ "%00", BAD_INPUT, "" },
		{ "%f", BAD_INPUT, "" },
		{ "%ed%a0%80", BAD_INPUT, "" },
		{ "%", BAD_INPUT, "" },
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		span out;

		diag_clear(&diag);
		assert_int_equal(http_segment_decode(a, span_text(table[i].segment), &out, &diag),
			table[i].wanted);
		if (table[i].wanted == OK) {
			assert_true(span_is(out, table[i].value));
		} else {
			assert_true(diag.clause[0] != '\0');
		}
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_read),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(queries_are_decoded),
		cmocka_unit_test(segments_are_decoded),
	};

	return cmocka_run_group_tests_name("http request", tests, NULL, NULL);
}
