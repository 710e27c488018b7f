#include "stand.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "lifecycle/revoke.h"
#include "pki/ocsp_answer.h"
#include "pki/pem.h"

/* What relying parties ask, on the plain port: OCSP, CRLs, CA certificates. */

static struct stand s;
static struct device device;
static span leaf;

static int
set_up(void **state)
{
	(void)state;
	stand_open(&s);
	device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	leaf = stand_enrol(&s, "birth", "simpleenroll", "first");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stand_close(&s);
	return 0;
}

static struct seen
get(const char *path, const char *option, const char *value)
{
	struct asked a = { .url = stand_url(&s, s.plain, path), .options = { option, value } };

	return stand_ask(&s, &a);
}

static void
publish(void)
{
	struct diag d = { 0 };

	assert_ok(crl_publish(&s.home.session, s.root.row, &d), d);
	assert_ok(crl_publish(&s.home.session, s.issuing.row, &d), d);
}

static void
revoke_it(void)
{
	struct outcome o;
	struct diag d = { 0 };

	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(
		revoke_operational(&s.home.session, device.row, REASON_KEY_COMPROMISE, &o, &d), d);
}

static void
use_once(void)
{
	struct asked a = { .url = stand_url(&s, s.tls, "/device/v1/state"), .identity = "first" };

	assert_int_equal(200, stand_ask(&s, &a).status);
}

/* --- OCSP --- */

/* openssl ocsp over the wire; its words. */
static const char *
openssl_ocsp(const char *base, const char *digest)
{
	char *url = arena_printf(s.home.arena, "%s/ocsp/issuing-production", base);
	int result = home_run(&s.home, "text",
		(const char *[]){ "openssl", "ocsp", "-issuer", home_path(&s.home, "issuing.pem"),
			digest, "-cert", home_path(&s.home, "first.pem"), "-url", url, "-CAfile",
			home_path(&s.home, "root.pem"), "-verify_other",
			home_path(&s.home, "issuing.pem"), NULL });
	span words = bytes_of_file(s.home.arena, home_path(&s.home, "text"));

	if (result != 0) {
		fail_msg("%.*s", (int)words.len, (const char *)words.data);
	}
	return arena_string(s.home.arena, words);
}

static void
openssl_asks_for_itself(void **state)
{
	const char *words;

	(void)state;
	use_once();
	words = openssl_ocsp(s.plain, "-sha1");
	assert_non_null(strstr(words, "Response verify OK"));
	assert_non_null(strstr(words, ": good"));
	revoke_it();
	/* At once, not after the next CRL. */
	words = openssl_ocsp(s.plain, "-sha256");
	assert_non_null(strstr(words, "Response verify OK"));
	assert_non_null(strstr(words, ": revoked"));
}

static span
request_file(bool nonce)
{
	assert_int_equal(
		0, home_run(&s.home, NULL,
			   (const char *[]){ "openssl", "ocsp", "-issuer",
				   home_path(&s.home, "issuing.pem"), "-cert",
				   home_path(&s.home, "first.pem"), nonce ? "-nonce" : "-no_nonce",
				   "-reqout", home_path(&s.home, "request.der"), NULL }));
	return bytes_of_file(s.home.arena, home_path(&s.home, "request.der"));
}

/* Each way in which clients write the same request into a path (RFC 6960 A.1). */
static void
the_request_in_the_path(void **state)
{
	static const char *const prefixes[] = { "", "/", "//" };
	const char *text = base64_encode(s.home.arena, request_file(false));
	char escaped[2048] = "", url_form[1024], bare[1024];
	struct seen r, first;
	size_t n = 0;

	(void)state;
	first = get(arena_printf(s.home.arena, "/ocsp/issuing-production/%s", text), NULL, NULL);
	assert_int_equal(200, first.status);
	assert_string_equal("application/ocsp-response", seen_header(&s, &first, "Content-Type"));
	assert_true(first.body.len > 300);
	for (size_t k = 0; k < sizeof(prefixes) / sizeof(prefixes[0]); k++) {
		r = get(arena_printf(
				s.home.arena, "/ocsp/issuing-production/%s%s", prefixes[k], text),
			NULL, NULL);
		assert_int_equal(200, r.status);
		assert_true(r.body.len > 300);
	}
	for (const char *c = text; *c != '\0'; c++) {
		n += (size_t)snprintf(escaped + n, sizeof(escaped) - n,
			*c == '+' || *c == '/' || *c == '=' ? "%%%02X" : "%c", *c);
	}
	r = get(arena_printf(s.home.arena, "/ocsp/issuing-production/%s", escaped), NULL, NULL);
	assert_true(r.body.len > 300);
	/* base64url, no padding. */
	snprintf(url_form, sizeof(url_form), "%s", text);
	for (char *c = url_form; *c != '\0'; c++) {
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	}
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(url_form, "="), url_form);
	r = get(arena_printf(s.home.arena, "/ocsp/issuing-production/%s", bare), NULL, NULL);
	assert_true(r.body.len > 300);
}

static void
what_caches_may_keep(void **state)
{
	const char *text = base64_encode(s.home.arena, request_file(false));
	char *path = arena_printf(s.home.arena, "/ocsp/issuing-production/%s", text);
	struct asked post = { .url = stand_url(&s, s.plain, "/ocsp/issuing-production"),
		.type = "application/ocsp-request" };
	struct seen r = get(path, NULL, NULL);

	(void)state;
	assert_non_null(strstr(
		seen_header(&s, &r, "Cache-Control"), "public, no-transform, must-revalidate"));
	assert_non_null(seen_header(&s, &r, "Last-Modified"));
	assert_non_null(seen_header(&s, &r, "Expires"));
	assert_non_null(seen_header(&s, &r, "ETag"));
	/* With a nonce, and for what is unknown or refused: nothing. */
	post.body = request_file(true);
	r = stand_ask(&s, &post);
	assert_int_equal(200, r.status);
	assert_true(r.body.len > 300);
	assert_string_equal("no-store", seen_header(&s, &r, "Cache-Control"));
	assert_null(seen_header(&s, &r, "Expires"));
	assert_null(seen_header(&s, &r, "Last-Modified"));
	assert_null(seen_header(&s, &r, "ETag"));
}

/* A client that has the answer is told so, until there is another one. */
static void
an_answer_that_the_client_has(void **state)
{
	const char *text = base64_encode(s.home.arena, request_file(false));
	char *path = arena_printf(s.home.arena, "/ocsp/issuing-production/%s", text);
	struct asked post = { .url = stand_url(&s, s.plain, "/ocsp/issuing-production"),
		.type = "application/ocsp-request" };
	struct seen r, again;
	char *tag, *since;

	(void)state;
	use_once();
	r = get(path, NULL, NULL);
	tag = arena_printf(s.home.arena, "If-None-Match: %s", seen_header(&s, &r, "ETag"));
	since = arena_printf(
		s.home.arena, "If-Modified-Since: %s", seen_header(&s, &r, "Last-Modified"));
	for (int turn = 0; turn < 2; turn++) {
		again = get(path, "-H", turn == 0 ? tag : since);
		assert_int_equal(304, again.status);
		assert_int_equal(0, again.body.len);
		assert_string_equal(seen_header(&s, &r, "ETag"), seen_header(&s, &again, "ETag"));
		assert_non_null(seen_header(&s, &again, "Cache-Control"));
		assert_non_null(seen_header(&s, &again, "Expires"));
	}
	again = get(path, "-H", "If-None-Match: \"another\"");
	assert_int_equal(200, again.status);
	assert_true(span_equal(r.body, again.body));
	/* A POST is no question for a copy. */
	post.body = request_file(false);
	post.options[0] = "-H";
	post.options[1] = tag;
	again = stand_ask(&s, &post);
	assert_int_equal(200, again.status);
	assert_true(span_equal(r.body, again.body));
	revoke_it();
	again = get(path, "-H", tag);
	assert_int_equal(200, again.status);
	assert_false(span_equal(r.body, again.body));
}

static void
ocsp_requests_that_are_none(void **state)
{
	static const char *const paths[] = { "/ocsp/issuing-production/",
		"/ocsp/issuing-production/AAAA", "/ocsp/issuing-production/!!!!",
		"/ocsp/issuing-production/MAA=" };
	struct asked post = { .url = stand_url(&s, s.plain, "/ocsp/issuing-production"),
		.type = "application/ocsp-request",
		.body = span_text("nonsense") };
	uint8_t large[3000];
	struct seen r;

	(void)state;
	for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
		r = get(paths[k], NULL, NULL);
		/* Refusals are OCSP's own, with 200. */
		assert_int_equal(200, r.status);
		assert_true(span_equal(r.body, ocsp_error_response(OCSP_MALFORMED)));
		assert_string_equal("no-store", seen_header(&s, &r, "Cache-Control"));
	}
	/* No escape at all: not even HTTP. */
	assert_int_equal(400, get("/ocsp/issuing-production/%zz", NULL, NULL).status);
	r = stand_ask(&s, &post);
	assert_int_equal(200, r.status);
	assert_true(span_equal(r.body, ocsp_error_response(OCSP_MALFORMED)));
	memset(large, 0x30, sizeof(large));
	post.body = SPAN_ARRAY(large);
	assert_int_equal(413, stand_ask(&s, &post).status);
	post.body = request_file(false);
	post.type = "text/plain";
	assert_int_equal(415, stand_ask(&s, &post).status);
	post.type = "application/ocsp-request";
	post.url = stand_url(&s, s.plain, "/ocsp/nobody");
	assert_int_equal(404, stand_ask(&s, &post).status);
	/* Asked at the root's address: the request says itself whom it is about. */
	post.url = stand_url(&s, s.plain, "/ocsp/root-production");
	assert_int_equal(200, stand_ask(&s, &post).status);
	assert_int_equal(405, get("/ocsp/issuing-production", NULL, NULL).status);
}

/* --- CRLs --- */

static void
lists_are_handed_out(void **state)
{
	static const char *const names[] = { "full.crl", "0.crl", "ca.crl" };
	struct seen r;

	(void)state;
	assert_int_equal(404, get("/crl/issuing-production/full.crl", NULL, NULL).status);
	use_once();
	revoke_it();
	publish();
	for (size_t k = 0; k < 3; k++) {
		char *path = arena_printf(s.home.arena, "/crl/issuing-production/%s", names[k]);
		span file = bytes_of_file(
			s.home.arena, arena_printf(s.home.arena, "%s%s", s.home.folder, path));

		r = get(path, NULL, NULL);
		assert_int_equal(200, r.status);
		assert_true(span_equal(file, r.body));
		assert_string_equal("application/pkix-crl", seen_header(&s, &r, "Content-Type"));
		assert_string_equal("max-age=300, public", seen_header(&s, &r, "Cache-Control"));
	}
	r = get("/crl/issuing-production/bundle.pem", NULL, NULL);
	assert_int_equal(200, r.status);
	home_write(&s.home, "bundle.pem", r.body);
	assert_int_not_equal(0, home_run(&s.home, "text",
					(const char *[]){ "openssl", "verify", "-crl_check_all",
						"-CAfile", home_path(&s.home, "root.pem"),
						"-untrusted", home_path(&s.home, "issuing.pem"),
						"-CRLfile", home_path(&s.home, "bundle.pem"),
						home_path(&s.home, "first.pem"), NULL }));
	r.body = bytes_of_file(s.home.arena, home_path(&s.home, "text"));
	assert_true(seen_says(&r, "certificate revoked"));
}

static void
an_unchanged_list_is_not_sent_again(void **state)
{
	const char *path = "/crl/issuing-production/full.crl";
	const char *tag, *modified;
	struct seen r;

	(void)state;
	publish();
	r = get(path, NULL, NULL);
	tag = seen_header(&s, &r, "ETag");
	modified = seen_header(&s, &r, "Last-Modified");
	r = get(path, "-H", arena_printf(s.home.arena, "If-None-Match: %s", tag));
	assert_int_equal(304, r.status);
	assert_string_equal(tag, seen_header(&s, &r, "ETag"));
	assert_int_equal(0, r.body.len);
	r = get(path, "-H", arena_printf(s.home.arena, "If-None-Match: \"x\", W/%s", tag));
	assert_int_equal(304, r.status);
	assert_int_equal(304, get(path, "-H", "If-None-Match: *").status);
	assert_int_equal(200, get(path, "-H", "If-None-Match: \"x\"").status);
	r = get(path, "-H", arena_printf(s.home.arena, "If-Modified-Since: %s", modified));
	assert_int_equal(304, r.status);
	assert_int_equal(
		200, get(path, "-H", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT").status);
	/* The tag counts, where both are there. */
	{
		struct asked a = { .url = stand_url(&s, s.plain, path),
			.options = { "-H", "If-None-Match: \"x\"", "-H",
				arena_printf(s.home.arena, "If-Modified-Since: %s", modified) } };

		assert_int_equal(200, stand_ask(&s, &a).status);
	}
	publish();
	r = get(path, "-H", arena_printf(s.home.arena, "If-None-Match: %s", tag));
	assert_int_equal(200, r.status);
	r = get(path, "-I", NULL);
	assert_int_equal(200, r.status);
	assert_non_null(seen_header(&s, &r, "ETag"));
}

static void
no_list_is_handed_out_behind_its_end(void **state)
{
	static const char *const names[] = { "full.crl", "0.crl", "ca.crl", "bundle.pem" };
	struct seen r;

	(void)state;
	publish();
	stand_move(&s, s.home.life.crl_lifetime_s - 100);
	r = get("/crl/issuing-production/full.crl", NULL, NULL);
	assert_int_equal(200, r.status);
	{
		const char *age = seen_header(&s, &r, "Cache-Control");
		int left = 0;

		assert_int_equal(1, sscanf(age, "max-age=%d", &left));
		assert_in_range(left, 60, 100);
	}
	stand_move(&s, 101);
	for (size_t k = 0; k < 4; k++) {
		r = get(arena_printf(s.home.arena, "/crl/issuing-production/%s", names[k]), NULL,
			NULL);
		assert_int_equal(503, r.status);
		assert_true(seen_says(&r, "has not been published since"));
		assert_non_null(seen_header(&s, &r, "Retry-After"));
		assert_null(seen_header(&s, &r, "ETag"));
	}
	publish();
	for (size_t k = 0; k < 4; k++) {
		r = get(arena_printf(s.home.arena, "/crl/issuing-production/%s", names[k]), NULL,
			NULL);
		assert_int_equal(200, r.status);
	}
	/* A file that is no list. */
	home_write(&s.home, "crl/issuing-production/full.crl", span_text("nonsense"));
	assert_int_equal(503, get("/crl/issuing-production/full.crl", NULL, NULL).status);
	home_write(&s.home, "crl/issuing-production/full.crl", span_of(NULL, 0));
	assert_int_equal(503, get("/crl/issuing-production/full.crl", NULL, NULL).status);
}

static void
paths_that_lead_elsewhere(void **state)
{
	static const char *const paths[] = {
		"/crl/issuing-production/../../tenure.db",
		"/crl/issuing-production/..%2f..%2ftenure.db",
		"/crl/../issuing-production/full.crl",
		"/crl/%2e%2e/tenure.db",
		"/crl/..%2fkeys/root-production.cer",
		"/crl/issuing-production/full.crl%00",
		"/crl/issuing-production/full.crl/",
		"/crl/issuing-production/",
		"/crl/issuing-production",
		"/crl//full.crl",
		"/crl/issuing-production/00.crl",
		"/crl/issuing-production/-1.crl",
		"/crl/issuing-production/+1.crl",
		"/crl/issuing-production/1000000000000.crl",
		"/crl/issuing-production/.crl",
		"/crl/issuing-production/link.crl",
		"/crl/issuing-production/7.crl",
		"/crl/nobody/full.crl",
		"/ca/nobody.cer",
		"/ca/.cer",
		"/ca/issuing-production",
		"/ca/issuing-production.pem",
		"/ca/..%2fissuing-production.cer",
		"/ca/ISSUING-PRODUCTION.cer",
		"/",
		"/device/v1/state",
		"/ledger/checkpoint",
		"/.well-known/est/lamps/cacerts",
	};

	(void)state;
	publish();
	assert_int_equal(
		0, symlink(s.home.database, home_path(&s.home, "crl/issuing-production/7.crl")));
	for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
		struct seen r = get(paths[k], NULL, NULL);

		if (r.status != 404 && r.status != 400) {
			fail_msg("%s: %d", paths[k], r.status);
		}
	}
}

static void
certificates_of_authorities(void **state)
{
	struct seen r = get("/ca/issuing-production.cer", NULL, NULL);

	(void)state;
	assert_int_equal(200, r.status);
	assert_string_equal("application/pkix-cert", seen_header(&s, &r, "Content-Type"));
	assert_true(span_equal(s.issuing.der, r.body));
	r = get("/ca/root-production.cer", NULL, NULL);
	assert_true(span_equal(s.root.der, r.body));
	/* What certificates name is what is served: each address of the leaf, asked. */
	home_write_pem(&s.home, "leaf.pem", leaf);
	assert_int_equal(0, home_run(&s.home, "text",
				    (const char *[]){ "openssl", "x509", "-noout", "-text", "-in",
					    home_path(&s.home, "leaf.pem"), NULL }));
	publish();
	{
		const char *text = arena_string(
			s.home.arena, bytes_of_file(s.home.arena, home_path(&s.home, "text")));
		const char *at = text;
		size_t count = 0;

		while ((at = strstr(at, "URI:http://pki.test")) != NULL) {
			size_t len;

			at += strlen("URI:http://pki.test");
			len = strcspn(at, "\n");
			r = get(arena_string(s.home.arena, span_of(at, len)), NULL, NULL);
			/* An OCSP address is there, and wants a request. */
			assert_int_equal(strstr(at, "/ocsp") == at ? 405 : 200, r.status);
			count++;
		}
		assert_int_equal(3, count);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(openssl_asks_for_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_request_in_the_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_caches_may_keep, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_that_the_client_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ocsp_requests_that_are_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_are_handed_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_unchanged_list_is_not_sent_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			no_list_is_handed_out_behind_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(paths_that_lead_elsewhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(certificates_of_authorities, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
