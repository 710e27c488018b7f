#include "talk.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lifecycle/authority.h"
#include "lifecycle/revoke.h"
#include "pki/pem.h"

static struct stand s;

static int
set_up(void **state)
{
	(void)state;
	stand_open(&s);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stand_close(&s);
	return 0;
}

static char *
est(const char *path)
{
	return arena_printf(s.home.arena, "%s/.well-known/est/%s", s.tls, path);
}

static struct seen
get(const char *path, const char *option, const char *value)
{
	struct asked a = { .url = est(path), .options = { option, value } };

	return stand_ask(&s, &a);
}

static struct seen
post(const char *path, const char *identity, const char *type, span body)
{
	struct asked a = { .url = est(path), .identity = identity, .type = type, .body = body };

	return stand_ask(&s, &a);
}

static size_t
lines(span text)
{
	size_t n = 0;

	for (size_t k = 0; k < text.len; k++) {
		n += text.data[k] == '\n';
	}
	return n;
}

static void
the_authorities(void **state)
{
	struct seen r = get("lamps/cacerts", NULL, NULL);
	struct buffer pem;
	span der, printed;

	(void)state;
	assert_int_equal(200, r.status);
	assert_string_equal("application/pkcs7-mime", seen_header(&s, &r, "Content-Type"));
	assert_string_equal("base64", seen_header(&s, &r, "Content-Transfer-Encoding"));
	assert_non_null(seen_header(&s, &r, "Content-Length"));
	/* One line, one line feed. */
	assert_int_equal(1, lines(r.body));
	assert_int_equal('\n', r.body.data[r.body.len - 1]);
	assert_int_equal(OK, base64_decode(s.home.arena, r.body, &der));
	buffer_init(&pem, 1 << 16);
	pem_write(&pem, "PKCS7", der);
	home_write(&s.home, "p7.pem", buffer_span(&pem));
	buffer_wipe(&pem);
	assert_int_equal(0, home_run(&s.home, "text",
				    (const char *[]){ "openssl", "pkcs7", "-print_certs", "-noout",
					    "-in", home_path(&s.home, "p7.pem"), NULL }));
	printed = bytes_of_file(s.home.arena, home_path(&s.home, "text"));
	assert_non_null(memmem(printed.data, printed.len, "Test Works issuing CA", 21));
	assert_non_null(memmem(printed.data, printed.len, "Test Works root", 15));
	/* The manners of libest. */
	r = get("lamps/cacerts", "-A", "libest 1.0");
	assert_true(lines(r.body) > 10);
	for (size_t k = 0, at = 0; k < r.body.len; k++) {
		if (r.body.data[k] == '\n') {
			assert_true(k - at <= 64);
			at = k + 1;
		}
	}
	/* Who is not there. */
	assert_int_equal(404, get("nobody/cacerts", NULL, NULL).status);
	assert_int_equal(404, get("lamps/x/cacerts", NULL, NULL).status);
	assert_int_equal(404, get("LAMPS/cacerts", NULL, NULL).status);
	assert_int_equal(404, get("lamps%2fcacerts", NULL, NULL).status);
	assert_int_equal(404, get("..%2flamps/cacerts", NULL, NULL).status);
	assert_int_equal(405, get("lamps/cacerts", "-X", "DELETE").status);
	assert_int_equal(405, get("lamps/simpleenroll", NULL, NULL).status);
}

static void
what_a_request_should_be_made_by(void **state)
{
	struct seen r = get("lamps/csrattrs", NULL, NULL);
	span der, printed;

	(void)state;
	assert_int_equal(200, r.status);
	assert_string_equal("application/csrattrs", seen_header(&s, &r, "Content-Type"));
	assert_int_equal(OK, base64_decode(s.home.arena, r.body, &der));
	home_write(&s.home, "attributes.der", der);
	assert_int_equal(0, home_run(&s.home, "text",
				    (const char *[]){ "openssl", "asn1parse", "-inform", "DER",
					    "-in", home_path(&s.home, "attributes.der"), NULL }));
	printed = bytes_of_file(s.home.arena, home_path(&s.home, "text"));
	assert_non_null(memmem(printed.data, printed.len, "id-ecPublicKey", 14));
	assert_non_null(memmem(printed.data, printed.len, "prime256v1", 10));
	assert_non_null(memmem(printed.data, printed.len, "ecdsa-with-SHA256", 17));
	assert_int_equal(404, get("nobody/csrattrs", NULL, NULL).status);
}

static void
from_birth_to_renewal(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	struct asked ask = { .url = stand_url(&s, s.tls, "/device/v1/state"), .identity = "first" };
	struct seen r;

	(void)state;
	(void)stand_enrol(&s, "birth", "simpleenroll", "first");
	assert_int_equal(DEVICE_AWAITING_DEVICE, stand_device_now(&s, device.row).state);
	r = stand_ask(&s, &ask);
	assert_int_equal(200, r.status);
	assert_true(seen_says(&r, "\"state\":\"ACTIVE\""));
	assert_true(seen_says(&r, "\"access\":\"full\""));
	/* The chain that cacerts gives leads from it to the root. */
	assert_int_equal(0, home_run(&s.home, NULL,
				    (const char *[]){ "openssl", "verify", "-CAfile",
					    home_path(&s.home, "root.pem"), "-untrusted",
					    home_path(&s.home, "issuing.pem"),
					    home_path(&s.home, "first.pem"), NULL }));
	(void)stand_enrol(&s, "first", "simplereenroll", "second");
	assert_int_equal(200, stand_ask(&s, &ask).status);
	ask.identity = "second";
	assert_int_equal(200, stand_ask(&s, &ask).status);
	ask.identity = "first";
	r = stand_ask(&s, &ask);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "superseded"));
	/* Another subject than its own; its own in full. */
	r = post("lamps/simplereenroll", "second", "application/pkcs10",
		stand_base64(&s, stand_csr(&s, "x", "/CN=somebody else")));
	assert_int_equal(400, r.status);
	r = post("lamps/simplereenroll", "second", "application/pkcs10",
		stand_base64(
			&s, stand_csr(&s, "third",
				    arena_printf(s.home.arena,
					    "/O=Test Works/CN=%s/serialNumber=%s", device.serial,
					    id_text((char[ID_TEXT_LEN + 1]){ 0 }, &device.id)))));
	(void)stand_keep_issued(&s, "third", &r);
	assert_string_equal("application/pkcs7-mime; smime-type=certs-only",
		seen_header(&s, &r, "Content-Type"));
	assert_string_equal("base64", seen_header(&s, &r, "Content-Transfer-Encoding"));
}

static void
every_form_of_a_request(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	span der = stand_csr(&s, "first", "/"), first, again;
	struct buffer pem;
	struct seen r;

	(void)state;
	(void)device;
	/* One after the other the same request: the same certificate each time. */
	r = post("lamps/simpleenroll", "birth", "application/pkcs10", stand_base64(&s, der));
	first = stand_keep_issued(&s, "first", &r);
	r = post("lamps/simpleenroll", "birth", "application/pkcs10; charset=us-ascii",
		span_text(base64_encode(s.home.arena, der)));
	again = stand_keep_issued(&s, "first", &r);
	assert_true(span_equal(first, again));
	r = post("lamps/simpleenroll", "birth", "Application/PKCS10", der);
	again = stand_keep_issued(&s, "first", &r);
	assert_true(span_equal(first, again));
	buffer_init(&pem, 1 << 16);
	pem_write(&pem, "CERTIFICATE REQUEST", der);
	r = post("lamps/simpleenroll", "birth", "application/pkcs10", buffer_span(&pem));
	buffer_wipe(&pem);
	again = stand_keep_issued(&s, "first", &r);
	assert_true(span_equal(first, again));
	{
		/* RFC 8951 3.2: the encoding's header is not looked at. */
		struct asked a = { .url = est("lamps/simpleenroll"),
			.identity = "birth",
			.options = { "-H", "Content-Transfer-Encoding: binary", "-H", "Expect:" },
			.type = "application/pkcs10",
			.body = stand_base64(&s, der) };

		r = stand_ask(&s, &a);
		again = stand_keep_issued(&s, "first", &r);
		assert_true(span_equal(first, again));
	}
}

static void
who_and_what_is_refused(void **state)
{
	span csr = stand_base64(&s, stand_csr(&s, "x", "/"));
	const char *pkcs10 = "application/pkcs10";
	uint8_t large[20000];
	struct seen r;

	(void)state;
	(void)stand_device(&s, "waiting", 1, DEVICE_AWAITING_DEVICE);
	(void)stand_device(&s, "held", 2, DEVICE_HELD);
	(void)stand_device(&s, "retired", 3, DEVICE_RETIRED);
	(void)stand_device(&s, "suspended", 4, DEVICE_SUSPENDED);
	/* Nobody, somebody whom nobody knows. */
	assert_int_equal(401, post("lamps/simpleenroll", NULL, pkcs10, csr).status);
	assert_int_equal(
		0, home_run(&s.home, NULL,
			   (const char *[]){ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
				   "ec_paramgen_curve:P-256", "-nodes", "-keyout",
				   home_path(&s.home, "stranger.key"), "-subj", "/CN=stranger",
				   "-out", home_path(&s.home, "stranger.pem"), NULL }));
	r = post("lamps/simpleenroll", "stranger", pkcs10, csr);
	assert_int_equal(401, r.status);
	assert_true(seen_says(&r, "nobody here knows"));
	/* Known, and refused in words. */
	r = post("lamps/simpleenroll", "held", pkcs10, csr);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "held"));
	assert_string_equal("application/problem+json", seen_header(&s, &r, "Content-Type"));
	r = post("lamps/simpleenroll", "retired", pkcs10, csr);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "retired"));
	r = post("lamps/simpleenroll", "suspended", pkcs10, csr);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "suspended"));
	/* Other fleets, other types, other operations. */
	assert_int_equal(404, post("nobody/simpleenroll", "waiting", pkcs10, csr).status);
	assert_int_equal(415, post("lamps/simpleenroll", "waiting", "text/plain", csr).status);
	assert_int_equal(
		415, post("lamps/simpleenroll", "waiting", "application/pkcs7-mime", csr).status);
	assert_int_equal(501, post("lamps/serverkeygen", "waiting", pkcs10, csr).status);
	assert_int_equal(
		501, post("lamps/fullcmc", "waiting", "application/pkcs7-mime", csr).status);
	/* Requests that are none. */
	assert_int_equal(400, post("lamps/simpleenroll", "waiting", pkcs10, span_text("")).status);
	assert_int_equal(
		400, post("lamps/simpleenroll", "waiting", pkcs10, span_text("!!")).status);
	assert_int_equal(
		400, post("lamps/simpleenroll", "waiting", pkcs10, span_text("AAAA")).status);
	r = post("lamps/simpleenroll", "waiting", pkcs10, span_slice(csr, 0, csr.len / 2));
	assert_int_equal(400, r.status);
	assert_true(seen_says(&r, "\"clause\":"));
	memset(large, 'A', sizeof(large));
	assert_int_equal(
		413, post("lamps/simpleenroll", "waiting", pkcs10, SPAN_ARRAY(large)).status);
	/* After all that: nothing was issued, and the right one still is. */
	(void)stand_enrol(&s, "waiting", "simpleenroll", "first");
	/* The same key in another request. */
	assert_int_equal(0,
		home_run(&s.home, NULL,
			(const char *[]){ "openssl", "req", "-new", "-key",
				home_path(&s.home, "first.key"), "-subj", "/CN=again", "-outform",
				"DER", "-out", home_path(&s.home, "csr.der"), NULL }));
	csr = stand_base64(&s, bytes_of_file(s.home.arena, home_path(&s.home, "csr.der")));
	assert_int_equal(409, post("lamps/simpleenroll", "waiting", pkcs10, csr).status);
}

static void
a_device_of_another_fleet(void **state)
{
	struct fleet_request r = { .name = "doors",
		.phase = PHASE_PRODUCTION,
		.authority = "issuing-production",
		.maker = "works" };
	struct fleet doors;
	struct diag d = { 0 };

	(void)state;
	assert_ok(fleet_create(&s.home.session, &r, &doors, &d), d);
	(void)stand_device(&s, "lamp", 1, DEVICE_AWAITING_DEVICE);
	assert_int_equal(200, get("doors/cacerts", NULL, NULL).status);
	assert_int_equal(404, post("doors/simpleenroll", "lamp", "application/pkcs10",
				      stand_base64(&s, stand_csr(&s, "x", "/")))
				      .status);
}

static void
enrol_without_label(const char *operation, const char *identity, const char *next)
{
	struct seen r = post(operation, identity, "application/pkcs10",
		stand_base64(&s, stand_csr(&s, next, "/")));

	(void)stand_keep_issued(&s, next, &r);
}

/* RFC 7030 3.2.2: a client that knows no labels is answered where only one answer can be meant. */
static void
a_client_without_a_label(void **state)
{
	struct authority_request root = { .name = "other-root",
		.hierarchy = "other",
		.kind = AUTHORITY_ROOT,
		.phase = PHASE_PRODUCTION,
		.organization = "Other",
		.common_name = "Other root" };
	struct authority_request issuing = root;
	struct fleet_request r = { .name = "doors",
		.phase = PHASE_PRODUCTION,
		.authority = "issuing-production",
		.maker = "works" };
	struct authority made;
	struct fleet fleet;
	struct diag d = { 0 };

	(void)state;
	(void)stand_device(&s, "lamp", 1, DEVICE_AWAITING_DEVICE);
	assert_true(
		span_equal(get("lamps/cacerts", NULL, NULL).body, get("cacerts", NULL, NULL).body));
	assert_int_equal(200, get("csrattrs", NULL, NULL).status);
	/* With a client certificate there is one operation for all that some clients know: the birth identity enrols. */
	enrol_without_label("simplereenroll", "lamp", "first");
	enrol_without_label("simplereenroll", "first", "second");
	enrol_without_label("simpleenroll", "second", "third");
	assert_int_equal(
		501, post("fullcmc", "third", "application/pkcs7-mime", span_text("AAAA")).status);
	/* One authority of two fleets; two authorities. */
	assert_ok(fleet_create(&s.home.session, &r, &fleet, &d), d);
	assert_int_equal(200, get("cacerts", NULL, NULL).status);
	assert_ok(authority_create(&s.home.session, &root, &made, &d), d);
	snprintf(issuing.name, sizeof(issuing.name), "other-issuing");
	snprintf(issuing.parent, sizeof(issuing.parent), "other-root");
	issuing.kind = AUTHORITY_ISSUING;
	assert_ok(authority_create(&s.home.session, &issuing, &made, &d), d);
	snprintf(r.name, sizeof(r.name), "gates");
	snprintf(r.authority, sizeof(r.authority), "other-issuing");
	assert_ok(fleet_create(&s.home.session, &r, &fleet, &d), d);
	assert_int_equal(404, get("cacerts", NULL, NULL).status);
	/* A known certificate tells it all the same. */
	enrol_without_label("simplereenroll", "third", "fourth");
}

static void
a_password_is_the_connections(void **state)
{
	struct asked a = { .url = est("lamps/simpleenroll"),
		.identity = "birth",
		.options = { "--tls-max", "1.2" },
		.type = "application/pkcs10" };
	struct seen r;

	(void)state;
	(void)stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	home_write(&s.home, "req.conf",
		span_text("[req]\nprompt = no\ndistinguished_name = dn\nattributes = at\n"
			  "[dn]\nCN = x\n[at]\nchallengePassword = AAAAAAAAAAAAAAAA\n"));
	assert_int_equal(0, home_run(&s.home, "text",
				    (const char *[]){ "openssl", "req", "-new", "-newkey", "ec",
					    "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
					    "-config", home_path(&s.home, "req.conf"), "-keyout",
					    home_path(&s.home, "first.key"), "-outform", "DER",
					    "-out", home_path(&s.home, "csr.der"), NULL }));
	a.body = stand_base64(&s, bytes_of_file(s.home.arena, home_path(&s.home, "csr.der")));
	r = stand_ask(&s, &a);
	assert_int_equal(400, r.status);
	assert_true(seen_says(&r, "RFC 7030 3.5"));
	/* TLS 1.3 has no such thing to be linked to. */
	a.options[0] = "--tlsv1.3";
	a.options[1] = NULL;
	assert_int_equal(200, stand_ask(&s, &a).status);
}

static void
without_the_signer_it_says_later(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	struct seen r;

	(void)state;
	assert_int_equal(0, unlink(s.home.passphrase));
	assert_int_equal(0, kill(signer_pid(s.home.signer), SIGKILL));
	r = post("lamps/simpleenroll", "birth", "application/pkcs10",
		stand_base64(&s, stand_csr(&s, "first", "/")));
	assert_int_equal(503, r.status);
	assert_non_null(seen_header(&s, &r, "Retry-After"));
	assert_int_equal(0, stand_device_now(&s, device.row).pending_certificate);
	home_write(&s.home, "passphrase", span_text("correct horse\n"));
	(void)stand_enrol(&s, "birth", "simpleenroll", "first");
}

static void
what_is_revoked_is_out_at_once(void **state)
{
	struct device device = stand_device(&s, "birth", 1, DEVICE_AWAITING_DEVICE);
	struct asked a = { .url = stand_url(&s, s.tls, "/device/v1/state"), .identity = "first" };
	struct diag d = { 0 };
	struct outcome o;
	struct seen r;

	(void)state;
	(void)stand_enrol(&s, "birth", "simpleenroll", "first");
	assert_int_equal(200, stand_ask(&s, &a).status);
	s.home.session.actor = (struct actor){ .kind = ACTOR_SERVER };
	assert_ok(
		revoke_operational(&s.home.session, device.row, REASON_KEY_COMPROMISE, &o, &d), d);
	r = stand_ask(&s, &a);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "revoked"));
	assert_int_equal(403, post("lamps/simplereenroll", "first", "application/pkcs10",
				      stand_base64(&s, stand_csr(&s, "x", "/")))
				      .status);
	/* Back in by the birth identity. */
	(void)stand_enrol(&s, "birth", "simpleenroll", "second");
	a.identity = "second";
	assert_int_equal(200, stand_ask(&s, &a).status);
}

/* --- many at the same time --- */

#define MANY 12

struct many {
	struct device devices[MANY];
	struct talk talks[MANY];
	span requests[MANY];
	const char *answers[MANY];
	int statuses[MANY];
};

/* Each over its own connection, all of them sent before the first answer is read. */
static void
ask_at_once(struct many *m, const char *const paths[MANY])
{
	for (size_t k = 0; k < MANY; k++) {
		talk_send(&m->talks[k], paths[k], "application/pkcs10", m->requests[k]);
	}
	for (size_t k = 0; k < MANY; k++) {
		m->statuses[k] = talk_receive(&m->talks[k], &m->answers[k]);
		talk_close(&m->talks[k]);
	}
}

static span
body_of(const char *answer)
{
	return span_text(strstr(answer, "\r\n\r\n") + 4);
}

/* The last two are the second one's: its own request once more, and one under a label that is not there. */
static void
many_at_once_get_what_is_theirs(void **state)
{
	struct many *m = arena_alloc(s.home.arena, sizeof(*m));
	const char *paths[MANY];

	(void)state;
	for (unsigned k = 0; k < MANY; k++) {
		unsigned of = k < MANY - 2 ? k : 1;
		char *name = arena_printf(s.home.arena, "birth-%u", of);

		if (k == of) {
			m->devices[k] = stand_device(&s, name, k + 1,
				k == 4 ? DEVICE_SUSPENDED : DEVICE_AWAITING_DEVICE);
			m->requests[k] = stand_base64(
				&s, stand_csr(&s, arena_printf(s.home.arena, "next-%u", k), "/"));
		} else {
			m->devices[k] = m->devices[of];
			m->requests[k] = m->requests[of];
		}
		paths[k] = "/.well-known/est/lamps/simpleenroll";
		talk_open(&m->talks[k], &s, name, TLS1_3_VERSION);
	}
	m->requests[3] = span_text("AAAA");
	paths[5] = "/.well-known/est/lamps/simplereenroll";
	paths[6] = "/.well-known/est/simpleenroll";
	paths[MANY - 1] = "/.well-known/est/nobody/simpleenroll";
	ask_at_once(m, paths);
	for (size_t k = 0; k < MANY; k++) {
		int wanted = k == 3 ? 400 : k == 4 ? 403 : k == MANY - 1 ? 404 : 200;
		struct device now = stand_device_now(&s, m->devices[k].row);

		assert_int_equal(wanted, m->statuses[k]);
		assert_true((now.pending_certificate != 0) == (k != 3 && k != 4));
	}
	assert_true(span_equal(body_of(m->answers[1]), body_of(m->answers[MANY - 2])));
	/* What each was told is by its own key: it opens the door for this device. */
	for (unsigned k = 0; k < MANY - 2; k++) {
		char *name = arena_printf(s.home.arena, "next-%u", k);
		struct seen r = { .status = 200, .body = body_of(m->answers[k]) };
		struct asked ask = { .url = stand_url(&s, s.tls, "/device/v1/state"),
			.identity = name };

		if (m->statuses[k] == 200) {
			(void)stand_keep_issued(&s, name, &r);
			r = stand_ask(&s, &ask);
			assert_int_equal(200, r.status);
			assert_int_equal(
				DEVICE_ACTIVE, stand_device_now(&s, m->devices[k].row).state);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_authorities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_a_request_should_be_made_by, set_up, tear_down),
		cmocka_unit_test_setup_teardown(from_birth_to_renewal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_form_of_a_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_and_what_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_of_another_fleet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_client_without_a_label, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_password_is_the_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_the_signer_it_says_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_revoked_is_out_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_at_once_get_what_is_theirs, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
