#include "home.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <openssl/ocsp.h>

#include "base/file.h"
#include "lifecycle/ocsp.h"
#include "lifecycle/responder.h"
#include "lifecycle/revoke.h"
#include "store/internal.h"

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
	enum ocsp_at_once how; /* OCSP_ASK: by store and signer */
};

static status
ask_one(struct session *s, const struct ocsp_request *r, struct buffer *out, struct ocsp_made *made,
	struct diag *d)
{
	const struct ocsp_ask one = { r, out, made };

	return ocsp_answer_many(s, &one, 1, d);
}

/* As the protocol does it: at once where that can be, else made and kept. */
static struct answered
answer(span der)
{
	struct ocsp_request r;
	struct answered a = { 0 };
	struct ocsp_made made = { 0 };
	struct buffer out;
	struct ocsp_given given = { .answer = &out };
	struct diag d = { 0 };

	buffer_init(&out, 1 << 16);
	assert_ok(ocsp_request_read(der, &r, &d), d);
	a.how = ocsp_answer_at_once(h.life.ocsp, h.session.now_s, &r, &given);
	if (a.how == OCSP_KEPT) {
		assert_int_equal(sizeof(made.dates), given.note_len);
		memcpy(&made.dates, given.note, given.note_len);
	} else if (a.how == OCSP_ASK) {
		assert_int_equal(0, out.len);
		assert_ok(ask_one(&h.session, &r, &out, &made, &d), d);
		ocsp_keep(h.life.ocsp, &made, buffer_span(&out),
			span_of((const uint8_t *)&made.dates, sizeof(made.dates)));
	}
	a.this_update_s = made.dates.this_update_s;
	a.fresh_until_s = made.dates.next_update_s;
	a.der = arena_copy(h.arena, buffer_span(&out));
	buffer_wipe(&out);
	return a;
}

/* What the answer says of its one certificate. */
static int
status_in(span der)
{
	const uint8_t *at = der.data;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
	OCSP_BASICRESP *basic = r != NULL ? OCSP_response_get1_basic(r) : NULL;
	OCSP_SINGLERESP *one = basic != NULL ? OCSP_resp_get0(basic, 0) : NULL;
	int says = one != NULL ? OCSP_single_get0_status(one, NULL, NULL, NULL, NULL) : -1;

	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
	return says;
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
	struct ocsp_made made;
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
	assert_ok(ask_one(&h.session, &r, &out, &made, &d), d);
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

/* --- kept answers ------------------------------------------------------------- */

static void
a_kept_answer_is_given_again(void **state)
{
	struct certificate good = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct certificate bad = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	span asked[3] = { request_for(&good, "ca.pem", "-sha1", false),
		request_for(&good, "ca.pem", "-sha256", false) };
	struct answered first[3], again;

	(void)state;
	home_certificate_end(&h, &bad, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	asked[2] = request_for(&bad, "ca.pem", "-sha1", false);
	for (int k = 0; k < 3; k++) {
		first[k] = answer(asked[k]);
		assert_int_equal(OCSP_ASK, first[k].how);
	}
	home_add_s(&h, 1799);
	for (int k = 0; k < 3; k++) {
		again = answer(asked[k]);
		assert_int_equal(OCSP_KEPT, again.how);
		assert_true(span_equal(first[k].der, again.der));
		assert_int_equal(first[k].this_update_s, again.this_update_s);
		assert_int_equal(first[k].fresh_until_s, again.fresh_until_s);
	}
}

static void
at_half_of_its_life_the_first_asker_renews_it(void **state)
{
	struct certificate good = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	span asked = request_for(&good, "ca.pem", "-sha1", false);
	struct answered first = answer(asked), again;
	struct ocsp_request r;
	struct buffer out;
	struct ocsp_given given = { .answer = &out };

	(void)state;
	assert_int_equal(OK, ocsp_request_read(asked, &r, NULL));
	buffer_init(&out, 1 << 16);
	home_add_s(&h, 1800);
	/* The first is sent to make it anew; whoever asks meanwhile gets the old one, which has half an hour left. */
	assert_int_equal(OCSP_ASK, ocsp_answer_at_once(h.life.ocsp, h.session.now_s, &r, &given));
	assert_int_equal(OCSP_KEPT, ocsp_answer_at_once(h.life.ocsp, h.session.now_s, &r, &given));
	assert_true(span_equal(first.der, buffer_span(&out)));
	/* He does not come back: another is sent. */
	home_add_s(&h, 11);
	again = answer(asked);
	assert_int_equal(OCSP_ASK, again.how);
	assert_int_equal(h.session.now_s, again.this_update_s);
	assert_int_equal(OCSP_KEPT, answer(asked).how);
	/* Nobody gets one that is over, whoever is making it anew. */
	home_add_s(&h, 3600);
	assert_int_equal(OCSP_ASK, ocsp_answer_at_once(h.life.ocsp, h.session.now_s, &r, &given));
	assert_int_equal(OCSP_ASK, ocsp_answer_at_once(h.life.ocsp, h.session.now_s, &r, &given));
	/* A clock that was set back: not one from the future. */
	(void)answer(asked);
	home_add_s(&h, -7200);
	assert_int_equal(OCSP_ASK, answer(asked).how);
	buffer_wipe(&out);
}

static void
what_is_not_kept(void **state)
{
	struct certificate good = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct certificate never = good;
	span with_nonce = request_for(&good, "ca.pem", "-sha1", true), unknown;
	const char *words;
	uint8_t *serial;

	(void)state;
	unknown = request_for(&never, "ca.pem", "-sha256", false);
	unknown = arena_copy(h.arena, unknown);
	serial = memmem(unknown.data, unknown.len, never.serial, never.serial_len);
	serial[never.serial_len - 1] ^= 1;
	for (int k = 0; k < 2; k++) {
		assert_int_equal(OCSP_ASK, answer(with_nonce).how);
		assert_int_equal(OCSP_ASK, answer(unknown).how);
		assert_int_equal(V_OCSP_CERTSTATUS_UNKNOWN, status_in(answer(unknown).der));
	}
	/* The verdict of the one with a nonce is known now, but there is no answer to give. */
	assert_int_equal(OCSP_ASK, answer(request_for(&good, "ca.pem", "-sha1", false)).how);
	assert_int_equal(OCSP_ASK, answer(with_nonce).how);
	words = verdict(answer(request_for(&good, "ca.pem", "-sha1", true)), NULL);
	assert_non_null(strstr(words, "Response verify OK"));
	assert_null(strstr(words, "Nonce Verify error"));
}

/* Each row changes what is to be said; the very next answer says it. */
static void
the_next_answer_is_a_new_one(void **state)
{
	struct home_fleet f;
	struct device a;
	struct certificate old, k;
	struct outcome o;
	struct diag d = { 0 };
	struct change *c = change_new(h.arena);
	span asked, asked_old, with_nonce;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	a = home_device_add(&h, &f, 1, DEVICE_ACTIVE);
	old = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &old, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	k = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	asked_old = request_for(&old, "ca.pem", "-sha1", false);
	asked = request_for(&k, "ca.pem", "-sha1", false);
	with_nonce = request_for(&k, "ca.pem", "-sha1", true);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(V_OCSP_CERTSTATUS_GOOD, status_in(answer(asked).der));
		assert_int_equal(OCSP_KEPT, answer(asked).how);
		assert_ok(suspend_device(&h.session, a.row, &o, &d), d);
		assert_int_equal(V_OCSP_CERTSTATUS_REVOKED, status_in(answer(asked).der));
		assert_int_equal(V_OCSP_CERTSTATUS_REVOKED, status_in(answer(with_nonce).der));
		assert_int_equal(OCSP_KEPT, answer(asked).how);
		assert_ok(resume_device(&h.session, a.row, &o, &d), d);
		assert_int_equal(V_OCSP_CERTSTATUS_GOOD, status_in(answer(with_nonce).der));
	}
	/* The suspension has listed what it had before. */
	assert_int_equal(V_OCSP_CERTSTATUS_REVOKED, status_in(answer(asked_old).der));
	assert_int_equal(V_OCSP_CERTSTATUS_GOOD, status_in(answer(asked).der));
	assert_ok(revoke_operational(&h.session, a.row, REASON_KEY_COMPROMISE, &o, &d), d);
	assert_int_equal(V_OCSP_CERTSTATUS_REVOKED, status_in(answer(asked).der));
	/* By the fleet's policy alone. */
	a = home_device_add(&h, &f, 2, DEVICE_ACTIVE);
	old = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &old, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	asked = request_for(&old, "ca.pem", "-sha256", false);
	assert_int_equal(V_OCSP_CERTSTATUS_GOOD, status_in(answer(asked).der));
	assert_int_equal(OCSP_KEPT, answer(asked).how);
	assert_int_equal(OK, read_fleet(h.reader, f.fleet.row, &f.fleet));
	f.fleet.crl_lists_superseded = true;
	change_fleet_set(c, &f.fleet);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	assert_int_equal(V_OCSP_CERTSTATUS_REVOKED, status_in(answer(asked).der));
}

/* Once, when the store is read the next time, the writer comes to the end of what it tells of its commit. */
static struct marks *_Atomic to_be_ended;

int
sqlite3_step(sqlite3_stmt *statement)
{
	static int (*_Atomic step)(sqlite3_stmt *);
	struct marks *m = to_be_ended;

	if (step == NULL) {
		step = (int (*)(sqlite3_stmt *))dlsym(RTLD_NEXT, "sqlite3_step");
	}
	if (m != NULL) {
		to_be_ended = NULL;
		atomic_fetch_add(&m->epoch, 1);
	}
	return step(statement);
}

/* The asker knows the policy of before the commit, and the store's changes and rows of behind it. */
static void
a_policy_of_before_is_not_kept(void **state)
{
	struct home_fleet f;
	struct device a;
	struct certificate old;
	struct diag d = { 0 };
	struct change *c = change_new(h.arena);
	span asked;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	a = home_device_add(&h, &f, 1, DEVICE_ACTIVE);
	old = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &old, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	(void)answer(request_for(&old, "ca.pem", "-sha1", false));
	asked = request_for(&old, "ca.pem", "-sha256", false);
	assert_int_equal(OK, read_fleet(h.reader, f.fleet.row, &f.fleet));
	f.fleet.crl_lists_superseded = true;
	change_fleet_set(c, &f.fleet);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	/* It has said that there are changes, and not yet which. */
	atomic_fetch_sub(&h.store->marks.epoch, 1);
	to_be_ended = &h.store->marks;
	(void)answer(asked);
	assert_null(to_be_ended);
	assert_int_equal(V_OCSP_CERTSTATUS_REVOKED, status_in(answer(asked).der));
}

static void
a_new_certificate_is_known_at_once(void **state)
{
	struct certificate k = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	struct authority elsewhere;
	span asked;

	(void)state;
	/* Also one of an authority that was not there when the others were read. */
	(void)answer(request_for(&k, "ca.pem", "-sha1", false));
	elsewhere = home_authority(&h, "second", AUTHORITY_ISSUING, "root");
	home_write_pem(&h, "second.pem", elsewhere.der);
	k = home_certificate_add(&h, &elsewhere, NULL, CERTIFICATE_CURRENT);
	asked = request_for(&k, "second.pem", "-sha256", false);
	assert_int_equal(V_OCSP_CERTSTATUS_GOOD, status_in(answer(asked).der));
	assert_int_equal(1, ocsp_knows_authority(h.life.ocsp, span_text("second")));
	assert_int_equal(1, ocsp_knows_authority(h.life.ocsp, span_text("root")));
	assert_int_equal(0, ocsp_knows_authority(h.life.ocsp, span_text("third")));
	assert_int_equal(0, ocsp_knows_authority(h.life.ocsp, span_of(NULL, 0)));
	/* What we do not answer for is refused without a look at the store. */
	assert_int_equal(OCSP_REFUSED, answer(request_for(&k, "root.pem", "-sha1", false)).how);
}

/* --- askers in a race with the decisions ------------------------------------------- */

#define ASKERS 3
#define DECISIONS 60

static span raced;
static atomic_bool is_over;
static atomic_long kept_given;
/* Decisions begun and answered; odd ones suspend, even ones resume. */
static atomic_int begun, done;

static bool
says_revoked(struct session *s, bool *is_kept)
{
	struct ocsp_request r;
	struct ocsp_made made;
	struct buffer out;
	struct ocsp_given given = { .answer = &out };
	struct diag d = { 0 };
	int says;

	buffer_init(&out, 1 << 16);
	if (ocsp_request_read(raced, &r, NULL) != OK) {
		abort();
	}
	*is_kept = ocsp_answer_at_once(h.life.ocsp, s->now_s, &r, &given) == OCSP_KEPT;
	if (!*is_kept) {
		if (ask_one(s, &r, &out, &made, &d) != OK) {
			abort();
		}
		ocsp_keep(h.life.ocsp, &made, buffer_span(&out), span_of(NULL, 0));
	}
	says = status_in(buffer_span(&out));
	buffer_wipe(&out);
	if (says != V_OCSP_CERTSTATUS_GOOD && says != V_OCSP_CERTSTATUS_REVOKED) {
		abort();
	}
	return says == V_OCSP_CERTSTATUS_REVOKED;
}

static void *
ask_always(void *nothing)
{
	struct session s = h.session;
	struct diag d = { 0 };

	(void)nothing;
	s.arena = arena_new(8 << 20);
	if (s.arena == NULL || reader_open(h.store, &s.reader, &d) != OK) {
		abort();
	}
	while (!is_over) {
		int before = done;
		bool is_kept, is_revoked = says_revoked(&s, &is_kept);

		/* None was under way: only the last one's word is right. */
		if (begun == before && is_revoked != (before % 2 == 1)) {
			abort();
		}
		kept_given += is_kept;
		arena_reset(s.arena);
	}
	reader_close(s.reader);
	arena_free(s.arena);
	return NULL;
}

static void
an_answer_in_a_race_is_not_kept_behind_it(void **state)
{
	pthread_t threads[ASKERS];
	struct home_fleet f;
	struct device a;
	struct certificate k;
	struct outcome o;
	struct diag d = { 0 };
	bool is_kept;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	a = home_device_add(&h, &f, 1, DEVICE_ACTIVE);
	k = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	raced = request_for(&k, "ca.pem", "-sha256", false);
	for (int n = 0; n < ASKERS; n++) {
		assert_int_equal(0, pthread_create(&threads[n], NULL, ask_always, NULL));
	}
	for (int n = 1; n <= DECISIONS; n++) {
		begun = n;
		assert_ok(n % 2 == 1 ? suspend_device(&h.session, a.row, &o, &d)
				     : resume_device(&h.session, a.row, &o, &d),
			d);
		done = n;
		for (int again = 0; again < 3; again++) {
			assert_int_equal(n % 2 == 1, says_revoked(&h.session, &is_kept));
		}
	}
	is_over = true;
	for (int n = 0; n < ASKERS; n++) {
		pthread_join(threads[n], NULL);
	}
	assert_true(kept_given > 0);
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
		cmocka_unit_test_setup_teardown(a_kept_answer_is_given_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			at_half_of_its_life_the_first_asker_renews_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_answer_is_a_new_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_policy_of_before_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_new_certificate_is_known_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_in_a_race_is_not_kept_behind_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
