#include "home.h"

#include <stdio.h>

#include "base/file.h"
#include "lifecycle/responder.h"

/* Requests made and answers judged by `openssl ocsp`. */

static struct home h;
static struct authority root, ca;

static int
set_up(void **state)
{
	(void)state;
	home_open(&h);
	root = home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	home_write_pem(&h, "root.pem", root.der);
	home_write_pem(&h, "ca.pem", ca.der);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	home_close(&h);
	return 0;
}

/* A request for this certificate of this issuer's file; `digest` "-sha1" or "-sha256", nonce or not. */
static span
request_for(const struct certificate *k, const char *issuer, const char *digest, bool nonce)
{
	home_write_pem(&h, "leaf.pem", k->der);
	assert_int_equal(
		0, home_run(&h, "text",
			   (const char *[]){ "openssl", "ocsp", "-issuer", home_path(&h, issuer),
				   digest, "-cert", home_path(&h, "leaf.pem"),
				   nonce ? "-nonce" : "-no_nonce", "-reqout",
				   home_path(&h, "request.der"), NULL }));
	return bytes_of_file(h.arena, home_path(&h, "request.der"));
}

struct answered {
	span der;
	int64_t this_update_s, fresh_until_s;
};

static struct answered
answer(span der)
{
	struct ocsp_request r;
	struct answered a;
	struct buffer out;
	struct diag d = { 0 };

	buffer_init(&out, 1 << 16);
	assert_ok(ocsp_request_read(der, &r, &d), d);
	assert_ok(ocsp_answer(&h.session, &r, &out, &a.this_update_s, &a.fresh_until_s, &d), d);
	a.der = arena_copy(h.arena, buffer_span(&out));
	buffer_wipe(&out);
	return a;
}

/* openssl's words about the answer for leaf.pem; with `digest` NULL for the request that is kept, its nonce with it. */
static const char *
verdict(struct answered a, const char *digest)
{
	char when[32];
	const char *by_name[] = { "openssl", "ocsp", "-issuer", home_path(&h, "ca.pem"), digest,
		"-cert", home_path(&h, "leaf.pem"), "-no_nonce", "-CAfile",
		home_path(&h, "root.pem"), "-verify_other", home_path(&h, "ca.pem"), "-attime",
		when, "-validity_period", "1000000000", "-respin", home_path(&h, "response.der"),
		NULL };
	const char *by_request[] = { "openssl", "ocsp", "-reqin", home_path(&h, "request.der"),
		"-CAfile", home_path(&h, "root.pem"), "-verify_other", home_path(&h, "ca.pem"),
		"-attime", when, "-validity_period", "1000000000", "-respin",
		home_path(&h, "response.der"), NULL };
	int result;

	snprintf(when, sizeof(when), "%lld", (long long)h.session.now_s);
	home_write(&h, "response.der", a.der);
	result = home_run(&h, "text", digest != NULL ? by_name : by_request);
	if (result != 0) {
		fail_msg("openssl ocsp: %s",
			arena_string(h.arena, bytes_of_file(h.arena, home_path(&h, "text"))));
	}
	return arena_string(h.arena, bytes_of_file(h.arena, home_path(&h, "text")));
}

static void
good_revoked_unknown(void **state)
{
	struct certificate good = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct certificate bad = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct certificate never = good;
	struct answered a;
	const char *words;

	(void)state;
	home_certificate_end(&h, &bad, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	for (int sha256 = 0; sha256 < 2; sha256++) {
		const char *digest = sha256 ? "-sha256" : "-sha1";

		a = answer(request_for(&good, "ca.pem", digest, false));
		words = verdict(a, digest);
		assert_non_null(strstr(words, "Response verify OK"));
		assert_non_null(strstr(words, ": good"));
		assert_int_equal(TEST_TIME_S, a.this_update_s);
		assert_int_equal(TEST_TIME_S + 3600, a.fresh_until_s);
		a = answer(request_for(&bad, "ca.pem", digest, false));
		words = verdict(a, digest);
		assert_non_null(strstr(words, "Response verify OK"));
		assert_non_null(strstr(words, ": revoked"));
		assert_non_null(strstr(words, "Reason: keyCompromise"));
		assert_int_equal(TEST_TIME_S + 3600, a.fresh_until_s);
	}
	/* A serial that we never gave, in an otherwise right request. */
	{
		span der = request_for(&never, "ca.pem", "-sha256", false);
		uint8_t *copy = arena_alloc(h.arena, der.len);
		uint8_t *serial;

		memcpy(copy, der.data, der.len);
		serial = memmem(copy, der.len, never.serial, never.serial_len);
		assert_non_null(serial);
		serial[never.serial_len - 1] ^= 1;
		a = answer(span_of(copy, der.len));
		home_write(&h, "response.der", a.der);
		assert_int_equal(0, home_run(&h, "text",
					    (const char *[]){ "openssl", "ocsp", "-respin",
						    home_path(&h, "response.der"), "-noverify",
						    "-text", NULL }));
		words = arena_string(h.arena, bytes_of_file(h.arena, home_path(&h, "text")));
		assert_non_null(strstr(words, "Cert Status: unknown"));
		assert_int_equal(0, a.fresh_until_s);
	}
}

static void
a_nonce_comes_back_and_is_not_kept(void **state)
{
	struct certificate good = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct answered a = answer(request_for(&good, "ca.pem", "-sha1", true));
	const char *words = verdict(a, NULL);

	(void)state;
	assert_int_equal(0, a.fresh_until_s);
	assert_null(strstr(words, "Nonce Verify error"));
	assert_null(strstr(words, "no nonce in response"));
	assert_non_null(strstr(words, "Response verify OK"));
	/* Another asker's answer does not fit. */
	(void)request_for(&good, "ca.pem", "-sha1", true);
	assert_int_not_equal(0,
		home_run(&h, "text",
			(const char *[]){ "openssl", "ocsp", "-reqin", home_path(&h, "request.der"),
				"-CAfile", home_path(&h, "root.pem"), "-verify_other",
				home_path(&h, "ca.pem"), "-respin", home_path(&h, "response.der"),
				NULL }));
	words = arena_string(h.arena, bytes_of_file(h.arena, home_path(&h, "text")));
	assert_non_null(strstr(words, "Nonce Verify error"));
}

static void
suspended_and_superseded(void **state)
{
	struct authority strict = home_authority(&h, "strict", AUTHORITY_ISSUING, "root");
	struct certificate k, old, strict_old;
	struct home_fleet f, g;
	struct device a, b;
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };
	const char *words;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	home_fleet_add(&h, &g, &strict, true);
	a = home_device_add(&h, &f, 1, DEVICE_ACTIVE);
	b = home_device_add(&h, &g, 2, DEVICE_ACTIVE);
	old = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	strict_old = home_certificate_add(&h, &strict, &b, CERTIFICATE_CURRENT);
	k = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &old, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	home_certificate_end(&h, &strict_old, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	words = verdict(answer(request_for(&old, "ca.pem", "-sha1", false)), "-sha1");
	assert_non_null(strstr(words, ": good"));
	a.state = DEVICE_SUSPENDED;
	change_device_set(c, &a);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	words = verdict(answer(request_for(&k, "ca.pem", "-sha1", false)), "-sha1");
	assert_non_null(strstr(words, ": revoked"));
	assert_non_null(strstr(words, "Reason: certificateHold"));
	home_write_pem(&h, "ca.pem", strict.der);
	words = verdict(answer(request_for(&strict_old, "ca.pem", "-sha1", false)), "-sha1");
	assert_non_null(strstr(words, ": revoked"));
	assert_non_null(strstr(words, "Reason: superseded"));
}

static void
is_refusal(struct answered a, enum ocsp_error e)
{
	assert_true(span_equal(a.der, ocsp_error_response(e)));
	assert_int_equal(0, a.fresh_until_s);
}

static void
issuers_that_we_do_not_answer_for(void **state)
{
	struct certificate k = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct ocsp_request r;
	struct diag d = { 0 };
	struct home other;
	struct authority vendor;
	struct buffer out;
	int64_t this_s, fresh_s;
	span der;

	(void)state;
	/* The root: it has no responder. */
	is_refusal(answer(request_for(&k, "root.pem", "-sha1", false)), OCSP_UNAUTHORIZED);
	/* A foreign CA that we trust. */
	home_open(&other);
	vendor = home_authority(&other, "vendor", AUTHORITY_ROOT, NULL);
	assert_ok(authority_import(
			  &h.session, "vendor", "acme", PHASE_PILOT, vendor.der, &vendor, &d),
		d);
	home_write_pem(&h, "vendor.pem", vendor.der);
	home_close(&other);
	is_refusal(answer(request_for(&k, "vendor.pem", "-sha256", false)), OCSP_UNAUTHORIZED);
	/* Of two issuers at once. */
	der = request_for(&k, "ca.pem", "-sha256", false);
	assert_ok(ocsp_request_read(der, &r, &d), d);
	der = request_for(&k, "root.pem", "-sha256", false);
	{
		struct ocsp_request second;

		assert_ok(ocsp_request_read(der, &second, &d), d);
		r.ids[r.count++] = second.ids[0];
	}
	buffer_init(&out, 1 << 16);
	assert_ok(ocsp_answer(&h.session, &r, &out, &this_s, &fresh_s, &d), d);
	assert_true(span_equal(buffer_span(&out), ocsp_error_response(OCSP_UNAUTHORIZED)));
	buffer_wipe(&out);
}

static void
an_expired_responder_says_try_later(void **state)
{
	struct certificate k = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct answered a;
	struct diag d = { 0 };
	span der;

	(void)state;
	home_add_s(&h, RESPONDER_LIFETIME_S - 60 - 600);
	der = request_for(&k, "ca.pem", "-sha1", false);
	/* An answer dies with its responder. */
	a = answer(der);
	assert_int_equal(h.session.now_s + 600 - 1, a.fresh_until_s);
	home_add_s(&h, 600);
	is_refusal(answer(der), OCSP_TRY_LATER);
	assert_ok(authority_renew_responders(&h.session, &d), d);
	assert_non_null(strstr(verdict(answer(der), "-sha1"), "Response verify OK"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_revoked_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_nonce_comes_back_and_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(suspended_and_superseded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			issuers_that_we_do_not_answer_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_expired_responder_says_try_later, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
