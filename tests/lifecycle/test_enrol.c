#include "enrolling.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void
the_first_identity_and_its_first_use(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome o = enrolled(u.birth, csr_new(KEY_P256, "I am the boss"), false);
	struct certificate_view view;
	struct admission a;
	struct diag d = { 0 };
	char name[ID_TEXT_LEN + 1], text[NAME_TEXT_MAX], uri[64];
	span verdict;

	(void)state;
	/* Issued and recorded, the device not yet moved. */
	assert_int_equal(CERTIFICATE_PENDING, o.certificate.status);
	assert_int_equal(1, o.certificate.index);
	assert_int_equal(LEVEL_NONE, o.certificate.level);
	assert_int_equal(DEVICE_AWAITING_DEVICE, device_now(u.device.row).state);
	assert_int_equal(o.certificate.row, device_now(u.device.row).pending_certificate);
	assert_true(span_equal(o.certificate.der, certificate_now(o.certificate.row).der));
	assert_true(holds(home_ledger_last(&h), "\"event\":\"prove\""));
	assert_true(holds(home_ledger_last(&h), "\"reason\":\"issued\""));
	assert_true(holds(home_ledger_last(&h), "\"actor\":\"device\""));
	/* What it says is ours, not the request's. */
	assert_ok(certificate_read(o.certificate.der, &view, &d), d);
	name_text(text, sizeof(text), &view.subject);
	assert_null(strstr(text, "boss"));
	assert_true(span_is(name_get(&view.subject, OID_COMMON_NAME), u.device.serial));
	assert_true(span_is(name_get(&view.subject, OID_ORGANIZATION), "Test Works Ltd"));
	assert_true(
		span_is(name_get(&view.subject, OID_SERIAL_NUMBER), id_text(name, &u.device.id)));
	snprintf(uri, sizeof(uri), "urn:tenure:device:%s", name);
	assert_true(holds(view.alt_names, uri));
	assert_int_equal(TEST_TIME_S - 60, view.not_before_s);
	assert_int_equal(TEST_TIME_S - 60 + 90 * 86400 - 1, view.not_after_s);
	home_write_pem(&h, "leaf.pem", o.certificate.der);
	assert_int_equal(0, home_run(&h, "text",
				    (const char *[]){ "openssl", "x509", "-noout", "-text", "-in",
					    home_path(&h, "leaf.pem"), NULL }));
	verdict = bytes_of_file(h.arena, home_path(&h, "text"));
	assert_true(holds(verdict, "URI:http://pki.test/crl/ca/0.crl"));
	assert_true(holds(verdict, "OCSP - URI:http://pki.test/ocsp/ca"));
	assert_true(holds(verdict, "TLS Web Client Authentication"));
	/* Its first use. */
	assert_int_equal(ACCESS_FULL, admit(o.certificate.fingerprint, &a));
	assert_int_equal(DEVICE_ACTIVE, a.device.state);
	assert_int_equal(o.certificate.row, a.device.current_certificate);
	assert_int_equal(0, a.device.pending_certificate);
	assert_int_equal(CERTIFICATE_CURRENT, a.certificate.status);
	assert_true(
		a.device.renew_after_s > TEST_TIME_S && a.device.renew_after_s < view.not_after_s);
	assert_int_equal(ACTOR_DEVICE, h.session.actor.kind);
	assert_int_equal(u.device.row, h.session.actor.device);
	assert_true(holds(home_ledger_last(&h), "\"reason\":\"confirmed\""));
	/* Once only. */
	{
		int64_t size = home_ledger_size(&h), seen;

		assert_int_equal(ACCESS_FULL, admit(o.certificate.fingerprint, &a));
		assert_int_equal(size, home_ledger_size(&h));
		assert_int_equal(OK, read_device_seen(h.reader, u.device.row, &seen));
		assert_int_equal(TEST_TIME_S, seen);
	}
}

static void
the_same_request_gets_the_same_certificate(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	span csr = csr_new(KEY_P256, "");
	struct outcome first = enrolled(u.birth, csr, false), again;
	int64_t size = home_ledger_size(&h);
	struct admission a;

	(void)state;
	again = enrolled(u.birth, csr, false);
	assert_int_equal(first.certificate.row, again.certificate.row);
	assert_true(span_equal(first.certificate.der, again.certificate.der));
	assert_int_equal(size, home_ledger_size(&h));
	home_reopen(&h);
	again = enrolled(u.birth, csr, false);
	assert_int_equal(first.certificate.row, again.certificate.row);
	/* Also once it is in use. */
	assert_int_equal(ACCESS_FULL, admit(first.certificate.fingerprint, &a));
	again = enrolled(u.birth, csr, false);
	assert_int_equal(first.certificate.row, again.certificate.row);
	assert_int_equal(size + 1, home_ledger_size(&h));
}

static void
a_key_is_used_once(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE),
		    v = unit_new(2, DEVICE_AWAITING_DEVICE);
	struct simple_name one = { .common_name = "one" }, two = { .common_name = "two" };
	struct private_key key;
	struct outcome o;
	struct diag d = { 0 };
	int64_t size;

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	(void)enrolled(u.birth, csr_by(&key, &one, OID_UNKNOWN, span_of(NULL, 0)), false);
	size = home_ledger_size(&h);
	/* Another request by the same key; another device with it. */
	assert_int_equal(EXISTS,
		enrol(u.birth, csr_by(&key, &two, OID_UNKNOWN, span_of(NULL, 0)), false, &o, &d));
	assert_true(d.text[0] != '\0');
	assert_int_equal(EXISTS,
		enrol(v.birth, csr_by(&key, &one, OID_UNKNOWN, span_of(NULL, 0)), false, &o, &d));
	assert_int_equal(size, home_ledger_size(&h));
	private_key_wipe(&key);
}

/* A key that is another kind of certificate's: a birth certificate's, which the store would let pass. */
static void
no_other_certificates_key_becomes_operational(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct simple_name nobody = { 0 };
	struct change *c = change_new(h.arena);
	struct certificate k = { .kind = CERTIFICATE_BIRTH,
		.status = CERTIFICATE_CURRENT,
		.serial = { 0x40, 0x77 },
		.serial_len = 2,
		.fingerprint = { 0x77 },
		.issuer_hash = { 1 },
		.der = span_text("birth") };
	uint8_t spki[SPKI_P256_LEN];
	struct private_key key;
	struct public_key public;
	struct outcome o;
	struct diag d = { 0 };

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	public_key_hash(&public, k.key_hash);
	change_certificate_add(c, &k);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	assert_int_equal(
		EXISTS, enrol(u.birth, csr_by(&key, &nobody, OID_UNKNOWN, span_of(NULL, 0)), false,
				&o, &d));
	assert_non_null(strstr(d.text, "seen before"));
	private_key_wipe(&key);
}

static void
requests_that_are_wrong(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	span good = csr_new(KEY_P256, ""), bad;
	int64_t size = home_ledger_size(&h);
	uint8_t copy[CSR_SIZE_MAX];
	struct outcome o;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(BAD_INPUT, enrol(u.birth, span_text("nonsense"), false, &o, &d));
	assert_true(d.clause[0] != '\0');
	assert_int_equal(BAD_INPUT, enrol(u.birth, span_of(NULL, 0), false, &o, &d));
	assert_int_equal(BAD_INPUT, enrol(u.birth, csr_new(KEY_P384, ""), false, &o, &d));
	assert_int_equal(BAD_INPUT, enrol(u.birth, csr_new(KEY_RSA, ""), false, &o, &d));
	/* Every cut, and the last byte of the signature changed. */
	for (size_t len = 0; len < good.len; len += 7) {
		assert_int_equal(
			BAD_INPUT, enrol(u.birth, span_slice(good, 0, len), false, &o, &d));
	}
	memcpy(copy, good.data, good.len);
	copy[good.len - 1] ^= 1;
	bad = span_of(copy, good.len);
	assert_int_equal(CRYPTO, enrol(u.birth, bad, false, &o, &d));
	/* A renewal without an operational identity. */
	assert_int_equal(DENIED, enrol(u.birth, good, true, &o, &d));
	assert_int_equal(size, home_ledger_size(&h));
	(void)enrolled(u.birth, good, false);
}

static void
states_in_which_nothing_is_issued(void **state)
{
	static const enum device_state states[] = { DEVICE_MANUFACTURED, DEVICE_HELD,
		DEVICE_SUSPENDED, DEVICE_RETURNED, DEVICE_RETIRED };

	(void)state;
	for (unsigned k = 0; k < sizeof(states) / sizeof(states[0]); k++) {
		struct unit u = unit_new(k + 1, states[k]);
		struct outcome o;
		struct diag d;

		assert_int_equal(DENIED, enrol(u.birth, csr_new(KEY_P256, ""), false, &o, &d));
		assert_true(d.text[0] != '\0');
		assert_int_equal(0, device_now(u.device.row).pending_certificate);
	}
}

static void
renewal_makes_before_it_breaks(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome first = in_use(&u), second;
	struct admission a;

	(void)state;
	home_add_s(&h, 60 * 86400);
	second = enrolled(first.certificate.fingerprint, csr_new(KEY_P256, ""), true);
	assert_int_equal(2, second.certificate.index);
	/* Both open the door until the new one is used. */
	assert_int_equal(ACCESS_FULL, admit(first.certificate.fingerprint, &a));
	assert_int_equal(CERTIFICATE_CURRENT, certificate_now(first.certificate.row).status);
	assert_int_equal(0, deny_count(&first.certificate));
	assert_int_equal(ACCESS_FULL, admit(second.certificate.fingerprint, &a));
	assert_int_equal(second.certificate.row, a.device.current_certificate);
	assert_int_equal(CERTIFICATE_SUPERSEDED, certificate_now(first.certificate.row).status);
	assert_int_equal(1, deny_count(&first.certificate));
	assert_int_equal(ACCESS_REFUSED, admit(first.certificate.fingerprint, &a));
	assert_string_equal("the certificate is superseded by a newer one", a.why);
	assert_int_equal(ACTOR_DEVICE, h.session.actor.kind);
	assert_int_equal(0, h.session.actor.device);
	assert_int_equal(DEVICE_ACTIVE, a.device.state);
	/* The way back in by the birth identity stays open. */
	assert_int_equal(ACCESS_ENROLMENT, admit(u.birth, &a));
	(void)enrolled(u.birth, csr_new(KEY_P256, ""), false);
}

/* Extensions with one subjectAltName, as the value of extensionRequest. */
static span
alt_names_attribute(span general_names)
{
	uint8_t *room = arena_alloc(h.arena, 512);
	struct der_writer w;
	struct diag d = { 0 };
	span out;

	der_writer_init(&w, room, 512);
	der_open(&w, DER_SEQUENCE);
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, oid(OID_SUBJECT_ALT_NAME));
	der_open(&w, DER_OCTET_STRING);
	der_put(&w, DER_SEQUENCE, general_names);
	der_close(&w);
	der_close(&w);
	der_close(&w);
	assert_ok(der_writer_finish(&w, &out, &d), d);
	return out;
}

static void
a_renewal_names_what_it_renews(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome first = in_use(&u), o;
	struct simple_name same = { 0 }, other = { .common_name = "other" };
	char name[ID_TEXT_LEN + 1];
	struct certificate_view view;
	struct private_key key;
	struct diag d = { 0 };
	span wrong_names;

	(void)state;
	assert_ok(certificate_read(first.certificate.der, &view, &d), d);
	snprintf(same.common_name, sizeof(same.common_name), "%s", u.device.serial);
	snprintf(same.organization, sizeof(same.organization), "TEST  works ltd");
	snprintf(same.serial_number, sizeof(same.serial_number), "%s", id_text(name, &u.device.id));
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_int_equal(BAD_INPUT,
		enrol(first.certificate.fingerprint,
			csr_by(&key, &other, OID_UNKNOWN, span_of(NULL, 0)), true, &o, &d));
	assert_string_equal("RFC 7030 4.2.2", d.clause);
	/* The same rule when it comes as simpleenroll. */
	assert_int_equal(BAD_INPUT,
		enrol(first.certificate.fingerprint,
			csr_by(&key, &other, OID_UNKNOWN, span_of(NULL, 0)), false, &o, &d));
	wrong_names = alt_names_attribute(bytes_of_hex(h.arena, "86 03 61 3a 62"));
	assert_int_equal(BAD_INPUT,
		enrol(first.certificate.fingerprint,
			csr_by(&key, &same, OID_EXTENSION_REQUEST, wrong_names), true, &o, &d));
	assert_string_equal("RFC 7030 4.2.2", d.clause);
	/* Other case and spaces, the same names: RFC 5280 7.1. */
	o = enrolled(first.certificate.fingerprint,
		csr_by(&key, &same, OID_EXTENSION_REQUEST, alt_names_attribute(view.alt_names)),
		true);
	assert_int_equal(2, o.certificate.index);
	private_key_wipe(&key);
}

/* A challengePassword as the one value of its attribute. */
static span
password(const char *text)
{
	uint8_t *room = arena_alloc(h.arena, 512);
	struct der_writer w;
	struct diag d = { 0 };
	span out;

	der_writer_init(&w, room, 512);
	der_put_string(&w, DER_UTF8_STRING, span_text(text));
	assert_ok(der_writer_finish(&w, &out, &d), d);
	return out;
}

static void
a_request_is_linked_to_its_connection(void **state)
{
	static const struct {
		const char *password;	       /* NULL: none in the request */
		const char *unique, *exporter; /* of the connection; "": it has none */
		bool must_link;
		status expected;
	} rows[] = {
		{ "b3RoZXI=", "twelve bytes", "", false, BAD_INPUT },
		{ "twelve bytes", "twelve bytes", "", false, BAD_INPUT },
		{ "", "twelve bytes", "", false, BAD_INPUT },
		{ "dHdlbHZlIGJ5dGVz", "twelve bytes", "", false, OK },
		{ NULL, "twelve bytes", "", false, OK },
		{ "b3RoZXI=", "", "", false, OK },
		{ "b3RoZXI=", "", "twelve bytes", false, OK },
		{ NULL, "", "twelve bytes", false, OK },
		{ "dHdlbHZlIGJ5dGVz", "twelve bytes", "", true, OK },
		{ "dHdlbHZlIGJ5dGVz", "", "twelve bytes", true, OK },
		{ "dHdlbHZlIGJ5dGVz", "other", "twelve bytes", true, BAD_INPUT },
		{ "b3RoZXI=", "twelve bytes", "", true, BAD_INPUT },
		{ "b3RoZXI=", "", "twelve bytes", true, BAD_INPUT },
		{ "", "", "twelve bytes", true, BAD_INPUT },
		{ NULL, "twelve bytes", "", true, BAD_INPUT },
		{ NULL, "", "twelve bytes", true, BAD_INPUT },
		{ "dHdlbHZlIGJ5dGVz", "", "", true, BAD_INPUT },
		{ NULL, "", "", true, BAD_INPUT },
	};
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct simple_name nobody = { 0 };

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct admission who;
		struct enrolment e = { .who = &who,
			.tls_unique = span_text(rows[k].unique),
			.tls_exporter = span_text(rows[k].exporter),
			.must_link = rows[k].must_link };
		struct private_key key;
		struct outcome o;
		struct diag d = { 0 };

		assert_ok(private_key_generate(KEY_P256, &key, &d), d);
		e.csr = rows[k].password == NULL
				? csr_by(&key, &nobody, OID_UNKNOWN, span_of(NULL, 0))
				: csr_by(&key, &nobody, OID_CHALLENGE_PASSWORD,
					  password(rows[k].password));
		private_key_wipe(&key);
		(void)admit(u.birth, &who);
		assert_int_equal(rows[k].expected, enrol_device(&h.session, &e, &o, &d));
		assert_string_equal(rows[k].expected == OK ? "" : "RFC 7030 3.5", d.clause);
	}
}

static void
at_most_one_waits(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct outcome first = enrolled(u.birth, csr_new(KEY_P256, ""), false), second;
	struct admission a;

	(void)state;
	second = enrolled(u.birth, csr_new(KEY_P256, ""), false);
	assert_int_equal(CERTIFICATE_WITHDRAWN, certificate_now(first.certificate.row).status);
	assert_int_equal(1, deny_count(&first.certificate));
	assert_int_equal(ACCESS_REFUSED, admit(first.certificate.fingerprint, &a));
	assert_int_equal(second.certificate.row, device_now(u.device.row).pending_certificate);
	assert_int_equal(ACCESS_FULL, admit(second.certificate.fingerprint, &a));
	assert_int_equal(second.certificate.row, a.device.current_certificate);
}

static void
attestation_that_is_required_is_missed(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct change *c = change_new(h.arena);
	struct outcome o;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(OK, read_fleet(h.reader, fleet.fleet.row, &fleet.fleet));
	fleet.fleet.required_level = LEVEL_ATTESTED;
	change_fleet_set(c, &fleet.fleet);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	assert_int_equal(DENIED, enrol(u.birth, csr_new(KEY_P256, ""), false, &o, &d));
	assert_non_null(strstr(d.text, "attestation is required"));
	assert_int_equal(0, device_now(u.device.row).pending_certificate);
}

/* --- who is ended between the door and the decision --- */

static void
operators_decide(int64_t device, enum device_event event)
{
	struct session s = h.session;
	struct decision request = { .request.event = event };
	struct diag d = { 0 };

	s.actor = (struct actor){ .kind = ACTOR_OPERATOR,
		.account = { .row = 1, .role = OPERATOR_ADMIN, .name = "admin" } };
	assert_ok(decide(&s, device, &request, NULL, &d), d);
}

static void
who_was_ended_since_the_door_gets_nothing(void **state)
{
	static const struct {
		enum device_state in;
		enum device_event event;
		bool is_repeated;
	} rows[] = {
		{ DEVICE_AWAITING_DEVICE, EVENT_REVOKE_BIRTH, false },
		{ DEVICE_AWAITING_DEVICE, EVENT_RETIRE, false },
		{ DEVICE_AWAITING_DEVICE, EVENT_SUSPEND, false },
		/* Nor what he has asked for already, and could fetch a second time. */
		{ DEVICE_AWAITING_DEVICE, EVENT_REVOKE_BIRTH, true },
		{ DEVICE_AWAITING_DEVICE, EVENT_RETIRE, true },
		{ DEVICE_AWAITING_DEVICE, EVENT_SUSPEND, true },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct unit u = unit_new((unsigned)k + 1, rows[k].in);
		struct admission who;
		struct enrolment e = { .csr = csr_new(KEY_P256, ""), .who = &who };
		struct outcome o;
		struct diag d = { 0 };
		int64_t pending;

		if (rows[k].is_repeated) {
			(void)enrolled(u.birth, e.csr, false);
		}
		assert_int_equal(ACCESS_ENROLMENT, admit(u.birth, &who));
		pending = device_now(u.device.row).pending_certificate;
		operators_decide(u.device.row, rows[k].event);
		assert_int_equal(DENIED, enrol_device(&h.session, &e, &o, &d));
		assert_non_null(strstr(d.text, "enrolment is not open"));
		assert_true(device_now(u.device.row).pending_certificate == pending ||
			    device_now(u.device.row).pending_certificate == 0);
	}
}

static void
kept(struct change *c)
{
	struct diag d = { 0 };

	assert_ok(store_commit(h.store, c, NULL, &d), d);
}

/* By a registration authority, which is removed between its door and the look where `is_removed`. */
static status
enrolled_through(struct operator_account *ra, unsigned number, bool is_removed, struct diag *d)
{
	struct unit u = unit_new(number, DEVICE_AWAITING_DEVICE);
	struct session s = h.session;
	struct change *c = change_new(h.arena);
	struct admission who;
	struct enrolment e = { .csr = csr_new(KEY_P256, ""), .who = &who };
	struct outcome o;

	s.actor = (struct actor){ .kind = ACTOR_OPERATOR, .account = *ra };
	assert_ok(admit_device_through(&s, u.birth, &who, d), *d);
	if (is_removed) {
		ra->is_disabled = true;
		change_operator_set(c, ra);
		kept(c);
	}
	return enrol_device(&s, &e, &o, d);
}

static void
who_speaks_for_it_is_somebody_still(void **state)
{
	struct operator_account ra = { .id.bytes = { 9 },
		.role = OPERATOR_RA,
		.name = "gateway",
		.certificate_fingerprint = { 7 } };
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };

	(void)state;
	change_operator_add(c, &ra);
	kept(c);
	assert_int_equal(OK, read_fleet(h.reader, fleet.fleet.row, &fleet.fleet));
	fleet.fleet.est.ra = ra.row;
	c = change_new(h.arena);
	change_fleet_set(c, &fleet.fleet);
	kept(c);
	assert_ok(enrolled_through(&ra, 1, false, &d), d);
	assert_int_equal(DENIED, enrolled_through(&ra, 2, true, &d));
	assert_non_null(strstr(d.text, "gateway: does not speak"));
}

/* --- a policy that changes while the signer takes its time --- */

struct asking {
	const struct unit *unit;
	span csr;
	status status;
	struct diag diag;
};

/* Beside the test's own thread, which alone may assert. */
static void *
ask_meanwhile(void *argument)
{
	struct asking *k = argument;
	struct session s = h.session;
	struct enrolment e = { .csr = k->csr };
	struct admission who;
	struct outcome o;

	e.who = &who;
	s.arena = arena_new(16 << 20);
	s.actor = (struct actor){ .kind = ACTOR_DEVICE };
	k->status = reader_open(h.store, &s.reader, &k->diag);
	if (k->status == OK) {
		k->status = admit_device(&s, k->unit->birth, &who, &k->diag);
		if (k->status == OK) {
			k->status = enrol_device(&s, &e, &o, &k->diag);
		}
		reader_close(s.reader);
	}
	arena_free(s.arena);
	return NULL;
}

static int64_t
index_now(void)
{
	int64_t index;
	struct diag d = { 0 };

	assert_ok(store_index_take(h.store, h.reader, ca.row, &index, &d), d);
	return index;
}

/* Until somebody else has taken an index since `before`: he has judged what he saw, and asks the
 * signer. For ten seconds at most. */
static bool
taken_by_another_since(int64_t before)
{
	for (int64_t mine = 1; mine <= 10000; mine++) {
		if (index_now() != before + mine) {
			return true;
		}
		usleep(1000);
	}
	return false;
}

/* 0 is a broken signer's, and to kill() it is everybody of this process group. */
static pid_t
signal_signer(int signal)
{
	pid_t pid = signer_pid(h.signer);

	assert_true(pid > 0);
	assert_int_equal(0, kill(pid, signal));
	return pid;
}

/* All its threads: the signal stops one, and that one the others, when it comes to run. */
static void
stop_signer(void)
{
	pid_t pid = signal_signer(SIGSTOP);
	siginfo_t stopped;

	assert_int_equal(0, waitid(P_PID, (id_t)pid, &stopped, WSTOPPED | WNOWAIT));
}

static void
a_policy_holds_for_what_is_under_way(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	struct asking k = { .unit = &u, .csr = csr_new(KEY_P256, "") };
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };
	int64_t before = index_now();
	pthread_t thread;
	bool is_taken;

	(void)state;
	stop_signer();
	assert_int_equal(0, pthread_create(&thread, NULL, ask_meanwhile, &k));
	is_taken = taken_by_another_since(before);
	assert_int_equal(OK, read_fleet(h.reader, fleet.fleet.row, &fleet.fleet));
	fleet.fleet.required_level = LEVEL_ATTESTED;
	change_fleet_set(c, &fleet.fleet);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	(void)signal_signer(SIGCONT);
	pthread_join(thread, NULL);
	assert_true(is_taken);
	assert_int_equal(DENIED, k.status);
	assert_non_null(strstr(k.diag.text, "attestation is required"));
	assert_int_equal(0, device_now(u.device.row).pending_certificate);
}

static void
nothing_outlives_its_issuer(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE),
		    v = unit_new(2, DEVICE_AWAITING_DEVICE);
	struct outcome o;
	struct diag d = { 0 };

	(void)state;
	home_add_s(&h, ca.not_after_s - TEST_TIME_S - 86400);
	o = enrolled(u.birth, csr_new(KEY_P256, ""), false);
	assert_int_equal(ca.not_after_s, o.certificate.not_after_s);
	home_add_s(&h, 86400);
	assert_int_equal(CONFLICT, enrol(v.birth, csr_new(KEY_P256, ""), false, &o, &d));
	assert_non_null(strstr(d.text, "expired"));
}

static void
without_the_signer_nothing_is_recorded(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE);
	span csr = csr_new(KEY_P256, "");
	int64_t size = home_ledger_size(&h);
	struct outcome o;
	struct diag d = { 0 };
	status s;

	(void)state;
	/* It cannot come back: its passphrase is gone. */
	assert_int_equal(0, unlink(h.passphrase));
	(void)signal_signer(SIGKILL);
	s = enrol(u.birth, csr, false, &o, &d);
	assert_int_equal(UNAVAILABLE, s);
	assert_int_equal(size, home_ledger_size(&h));
	assert_int_equal(0, device_now(u.device.row).pending_certificate);
	home_write(&h, "passphrase", span_text("correct horse\n"));
	(void)enrolled(u.birth, csr, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ENROLLING_TEST(the_first_identity_and_its_first_use),
		ENROLLING_TEST(the_same_request_gets_the_same_certificate),
		ENROLLING_TEST(a_key_is_used_once),
		ENROLLING_TEST(no_other_certificates_key_becomes_operational),
		ENROLLING_TEST(requests_that_are_wrong),
		ENROLLING_TEST(states_in_which_nothing_is_issued),
		ENROLLING_TEST(renewal_makes_before_it_breaks),
		ENROLLING_TEST(a_renewal_names_what_it_renews),
		ENROLLING_TEST(a_request_is_linked_to_its_connection),
		ENROLLING_TEST(at_most_one_waits),
		ENROLLING_TEST(attestation_that_is_required_is_missed),
		ENROLLING_TEST(who_was_ended_since_the_door_gets_nothing),
		ENROLLING_TEST(who_speaks_for_it_is_somebody_still),
		ENROLLING_TEST(a_policy_holds_for_what_is_under_way),
		ENROLLING_TEST(nothing_outlives_its_issuer),
		ENROLLING_TEST(without_the_signer_nothing_is_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
