#include "home.h"

#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "element/compressed.h"
#include "lifecycle/registry.h"
#include "lifecycle/responder.h"
#include "pki/chain.h"
#include "pki/pem.h"

static struct home h;

static int
set_up(void **state)
{
	(void)state;
	home_open(&h);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	home_close(&h);
	return 0;
}

static bool
holds(span text, const char *what)
{
	return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

static struct authority
stored(const char *name)
{
	struct authority a;

	assert_int_equal(OK, read_authority_by_name(h.reader, h.arena, name, &a));
	return a;
}

static void
what_is_made_is_recorded(void **state)
{
	struct authority root = home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	struct authority ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	struct authority factory = home_authority(&h, "factory", AUTHORITY_FACTORY_SIGNER, "root");
	struct authority back = stored("ca");
	struct certificate_view view;
	struct certificate responder;
	uint8_t fingerprint[32];
	struct diag d = { 0 };
	struct responder r;

	(void)state;
	assert_true(back.has_key);
	assert_int_equal(AUTHORITY_ISSUING, back.kind);
	assert_int_equal(root.row, back.parent);
	assert_string_equal("test", back.hierarchy);
	assert_true(span_equal(ca.der, back.der));
	/* Nobody outlives his parent. */
	assert_true(back.not_after_s <= root.not_after_s);
	assert_true(stored("factory").not_after_s <= root.not_after_s);
	assert_int_equal(root.row, factory.parent);
	/* The hashes are those of the certificate. */
	assert_ok(certificate_read(back.der, &view, &d), d);
	certificate_fingerprint(back.der, fingerprint);
	assert_memory_equal(fingerprint, back.fingerprint, 32);
	assert_true(span_equal(view.subject_key_id, SPAN_ARRAY(back.key_id)));
	/* RFC 5280 4.2.1.2 method 1 is OCSP's key hash. */
	assert_memory_equal(back.key_id, back.key_hash_sha1, 20);
	/* The issuing CA has its responder, the factory signer has none. */
	assert_ok(responder_read(&h.session, &back, &r, &d), d);
	assert_int_equal(1, r.generation);
	assert_string_equal("ca.ocsp", r.key);
	assert_ok(responder_read(&h.session, &factory, &r, &d), d);
	assert_int_equal(0, r.generation);
	assert_int_equal(OK, read_certificate(h.reader, h.arena, 1, &responder));
	assert_int_equal(CERTIFICATE_OCSP, responder.kind);
	assert_int_equal(back.row, responder.authority);
	/* root, ca, its responder, factory. */
	assert_int_equal(4, home_ledger_size(&h));
	assert_true(holds(home_ledger_last(&h), "\"event\":\"authority-create\""));
	assert_true(holds(home_ledger_last(&h), "\"authority\":\"factory\""));
}

/* O: the company behind the hierarchy where there is one and its title fits, else the hierarchy; CN: the authority's name. */
static void
a_subject_needs_no_words(void **state)
{
	static const struct {
		const char *name, *parent, *hierarchy, *organization, *common_name; /* given */
		const char *o, *cn;						    /* made */
	} rows[] = {
		{ "root-1", "", "works", "", "", "Lamp Works Ltd", "root-1" },
		{ "ca-1", "root-1", "", "", "", "Lamp Works Ltd", "ca-1" },
		{ "ca-2", "root-1", "", "Given", "", "Given", "ca-2" },
		{ "ca-3", "root-1", "", "", "Words", "Lamp Works Ltd", "Words" },
		{ "root-2", "", "nobodys", "", "", "nobodys", "root-2" },
		{ "ca-4", "root-2", "", "", "", "nobodys", "ca-4" },
		{ "root-3", "", "shop", "", "", "shop", "root-3" },
		{ "root-4", "", "wordy", "", "", "wordy", "root-4" },
	};
	char wordy[90];
	struct owner o;
	struct authority a;
	struct diag d = { 0 };

	(void)state;
	memset(wordy, 'w', sizeof(wordy));
	wordy[65] = '\0';
	assert_ok(owner_add(&h.session, "works", "Lamp Works Ltd", OWNER_MAKER, &o, &d), d);
	assert_ok(owner_add(&h.session, "shop", "A shop", OWNER_RESELLER, &o, &d), d);
	assert_ok(owner_add(&h.session, "wordy", wordy, OWNER_MAKER, &o, &d), d);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct authority_request r = {
			.kind = rows[i].parent[0] == '\0' ? AUTHORITY_ROOT : AUTHORITY_ISSUING,
			.phase = PHASE_PRODUCTION
		};
		struct certificate_view view;

		snprintf(r.name, sizeof(r.name), "%s", rows[i].name);
		snprintf(r.parent, sizeof(r.parent), "%s", rows[i].parent);
		snprintf(r.hierarchy, sizeof(r.hierarchy), "%s", rows[i].hierarchy);
		snprintf(r.organization, sizeof(r.organization), "%s", rows[i].organization);
		snprintf(r.common_name, sizeof(r.common_name), "%s", rows[i].common_name);
		assert_ok(authority_create(&h.session, &r, &a, &d), d);
		assert_ok(certificate_read(a.der, &view, &d), d);
		assert_true(span_is(name_get(&view.subject, OID_ORGANIZATION), rows[i].o));
		assert_true(span_is(name_get(&view.subject, OID_COMMON_NAME), rows[i].cn));
	}
}

static status
refused(struct authority_request r, char *words)
{
	struct authority out;
	struct diag d = { 0 };
	status s = authority_create(&h.session, &r, &out, &d);

	snprintf(words, sizeof(d.text), "%s", d.text);
	return s;
}

static void
what_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *name, *parent, *hierarchy;
		enum authority_kind kind;
		enum phase phase;
		bool is_p384;
		int64_t lifetime_s;
		status expected;
	} rows[] = {
		{ "", "", "test", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ "Root", "", "test", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ "../root", "", "test", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ ".root", "", "test", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ "r2", "", "", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ "r2", "", "te st", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ "r2", "root", "test", AUTHORITY_ROOT, 2, false, 0, BAD_INPUT },
		{ "ca2", "", "test", AUTHORITY_ISSUING, 2, false, 0, BAD_INPUT },
		{ "ca2", "root", "test", AUTHORITY_ISSUING, 2, true, 0, BAD_INPUT },
		{ "ca2", "root", "test", AUTHORITY_FOREIGN, 2, false, 0, BAD_INPUT },
		{ "ca2", "root", "test", AUTHORITY_INTERMEDIATE, 2, false, 0, BAD_INPUT },
		{ "ca2", "root", "test", AUTHORITY_ISSUING, 2, false, -1, BAD_INPUT },
		{ "ca2.ocsp", "root", "test", AUTHORITY_ISSUING, 2, false, 0, BAD_INPUT },
		{ "a123456789b123456789c123456789d123456789e123456789f1", "root", "test",
			AUTHORITY_ISSUING, 2, false, 0, BAD_INPUT },
		{ "ca2", "nobody", "test", AUTHORITY_ISSUING, 2, false, 0, NOT_FOUND },
		{ "ca2", "ca", "test", AUTHORITY_ISSUING, 2, false, 0, CONFLICT },
		{ "ca2", "root", "test", AUTHORITY_ISSUING, 0, false, 0, CONFLICT },
		{ "ca", "root", "test", AUTHORITY_ISSUING, 2, false, 0, EXISTS },
		{ "root", "", "test", AUTHORITY_ROOT, 2, false, 0, EXISTS },
	};
	int64_t size;

	(void)state;
	home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	size = home_ledger_size(&h);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct authority_request r = { .kind = rows[k].kind,
			.phase = rows[k].phase,
			.is_p384 = rows[k].is_p384,
			.lifetime_s = rows[k].lifetime_s };
		char words[400];

		snprintf(r.name, sizeof(r.name), "%s", rows[k].name);
		snprintf(r.parent, sizeof(r.parent), "%s", rows[k].parent);
		snprintf(r.hierarchy, sizeof(r.hierarchy), "%s", rows[k].hierarchy);
		if (refused(r, words) != rows[k].expected) {
			fail_msg("row %zu: %s", k, words);
		}
		assert_true(words[0] != '\0');
	}
	assert_int_equal(size, home_ledger_size(&h));
}

static void
only_an_admin_makes_authorities(void **state)
{
	static const enum operator_role roles[] = { OPERATOR_MAKER, OPERATOR_SUPPORT,
		OPERATOR_OWNER, OPERATOR_AUDITOR, OPERATOR_WATCH };
	struct authority_request r = { .name = "root",
		.hierarchy = "test",
		.kind = AUTHORITY_ROOT,
		.phase = PHASE_PRODUCTION };
	struct pinned_signer pin;
	struct authority out;
	char words[400];

	(void)state;
	for (size_t k = 0; k < sizeof(roles) / sizeof(roles[0]); k++) {
		h.session.actor = (struct actor){ .kind = ACTOR_OPERATOR,
			.account = { .role = roles[k], .name = "somebody" } };
		assert_int_equal(DENIED, refused(r, words));
		assert_int_equal(DENIED, authority_import(&h.session, "x", "y", PHASE_PILOT,
						 span_text("x"), &out, NULL));
		assert_int_equal(
			DENIED, manifest_signer_create(&h.session, "m", PHASE_PILOT, NULL));
		assert_int_equal(DENIED,
			manifest_pin_add(&h.session, span_text("x"), 0, PHASE_PILOT, &pin, NULL));
	}
	h.session.actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_int_equal(DENIED, refused(r, words));
	h.session.actor.kind = ACTOR_OPERATOR;
	h.session.actor.account =
		(struct operator_account){ .role = OPERATOR_ADMIN, .name = "ada" };
	assert_int_equal(OK, refused(r, words));
}

/* The signer has the key, the store has nothing: as after a crash between the two. */
static void
make_key_only(const char *name, enum key_role role, const char *parent, enum phase phase)
{
	struct create_request r = { .role = role,
		.phase = phase,
		.key_kind = KEY_P256,
		.not_before_s = TEST_TIME_S - 60,
		.not_after_s = TEST_TIME_S + 5 * INT64_C(31557600),
		.url_base = "http://pki.test" };
	struct diag d = { 0 };
	span der;

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.parent, sizeof(r.parent), "%s", parent);
	snprintf(r.subject.common_name, sizeof(r.subject.common_name), "%s", name);
	if (role == KEY_ROLE_OCSP) {
		r.not_after_s = TEST_TIME_S + 86400;
	}
	assert_ok(signer_create(h.signer, h.arena, &r, &der, &d), d);
}

static void
a_crash_between_key_and_record_is_taken_up(void **state)
{
	struct authority root, ca;
	struct responder r;
	struct diag d = { 0 };

	(void)state;
	make_key_only("root", KEY_ROLE_ROOT, "", PHASE_PRODUCTION);
	home_reopen(&h);
	root = home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	assert_int_equal(TEST_TIME_S + 5 * INT64_C(31557600), root.not_after_s);
	make_key_only("ca", KEY_ROLE_ISSUING, "root", PHASE_PRODUCTION);
	make_key_only("ca.ocsp", KEY_ROLE_OCSP, "ca", PHASE_PRODUCTION);
	home_reopen(&h);
	ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	assert_ok(responder_read(&h.session, &ca, &r, &d), d);
	assert_int_equal(TEST_TIME_S + 86400, r.not_after_s);
}

static void
another_key_of_the_name_is_not_taken_up(void **state)
{
	struct authority_request r = {
		.name = "ca", .parent = "root", .kind = AUTHORITY_ISSUING, .phase = PHASE_PRODUCTION
	};
	char words[400];

	(void)state;
	home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	home_authority(&h, "root2", AUTHORITY_ROOT, NULL);
	/* Of another role, of another parent. */
	make_key_only("ca", KEY_ROLE_FACTORY, "root", PHASE_PRODUCTION);
	assert_int_equal(EXISTS, refused(r, words));
	make_key_only("cb", KEY_ROLE_ISSUING, "root2", PHASE_PRODUCTION);
	snprintf(r.name, sizeof(r.name), "cb");
	assert_int_equal(EXISTS, refused(r, words));
	assert_int_equal(NOT_FOUND,
		read_authority_by_name(h.reader, h.arena, "cb", &(struct authority){ 0 }));
}

/* As a part has it: 72 bytes in slot 12, the key in slot 11. Made again of these, byte for byte. */
static bool
comes_back(const struct authority *signer, const struct authority *root)
{
	const struct compressed_ids ids = { .template_id = 1 };
	struct certificate_view own, by;
	uint8_t compressed[COMPRESSED_LEN];
	struct buffer template, made;
	struct diag d = { 0 };
	bool is_carried;

	assert_ok(certificate_read(signer->der, &own, &d), d);
	assert_ok(certificate_read(root->der, &by, &d), d);
	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	buffer_init(&made, CERTIFICATE_SIZE_MAX);
	assert_ok(compressed_template_of(signer->der, &template, &d), d);
	is_carried =
		compressed_write(signer->der, buffer_span(&template), ids, compressed, &d) == OK;
	if (is_carried) {
		const struct compressed_parts parts = { .point = own.key.point,
			.issuer_point = by.key.point };

		assert_ok(compressed_rebuild(buffer_span(&template), compressed, &parts, &made, &d),
			d);
		assert_true(span_equal(buffer_span(&made), signer->der));
	}
	buffer_wipe(&template);
	buffer_wipe(&made);
	return is_carried;
}

static void
a_part_can_hold_a_factory_signer(void **state)
{
	static const struct {
		int64_t root_s, lifetime_s;
		int years; /* it has; 0: not whole ones */
	} rows[] = { { 0, 0, 31 }, { 0, 10 * INT64_C(31536000), 10 }, { 0, INT64_C(31536000), 1 },
		{ 0, INT64_C(31536000) + 86400 * 200, 0 }, { 0, INT64_C(31536000) - 1, 0 },
		{ 0, 86400 * 30, 0 }, { 0, 33 * INT64_C(31557600), 0 },
		{ 6 * INT64_C(31557600) - 86400, 0, 5 }, { 86400 * 200, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct authority_request r = { .kind = AUTHORITY_ROOT,
			.phase = PHASE_PRODUCTION,
			.hierarchy = "test",
			.lifetime_s = rows[i].root_s };
		struct authority root, signer;
		struct civil end, begin;
		struct diag d = { 0 };

		snprintf(r.name, sizeof(r.name), "root-%zu", i);
		assert_ok(authority_create(&h.session, &r, &root, &d), d);
		snprintf(r.parent, sizeof(r.parent), "root-%zu", i);
		snprintf(r.name, sizeof(r.name), "factory-%zu", i);
		r.kind = AUTHORITY_FACTORY_SIGNER;
		r.lifetime_s = rows[i].lifetime_s;
		assert_ok(authority_create(&h.session, &r, &signer, &d), d);
		assert_true(signer.not_after_s <= root.not_after_s);
		begin = civil_from_time(signer.not_before_s);
		end = civil_from_time(signer.not_after_s);
		if (comes_back(&signer, &root) != (rows[i].years > 0) ||
			(rows[i].years > 0 && end.year - begin.year != rows[i].years)) {
			fail_msg("row %zu: from %d to %d", i, begin.year, end.year);
		}
	}
}

static void
responders_are_renewed_in_time(void **state)
{
	struct authority ca;
	struct responder r;
	struct diag d = { 0 };
	int64_t size;

	(void)state;
	home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	size = home_ledger_size(&h);
	assert_ok(authority_renew_responders(&h.session, &d), d);
	assert_int_equal(size, home_ledger_size(&h));
	home_add_s(&h, RESPONDER_LIFETIME_S - RESPONDER_RENEW_S - 120);
	assert_ok(authority_renew_responders(&h.session, &d), d);
	assert_int_equal(size, home_ledger_size(&h));
	home_add_s(&h, 120);
	assert_ok(authority_renew_responders(&h.session, &d), d);
	assert_int_equal(size + 1, home_ledger_size(&h));
	assert_ok(responder_read(&h.session, &ca, &r, &d), d);
	assert_int_equal(2, r.generation);
	assert_string_equal("ca.ocsp-2", r.key);
	assert_ok(authority_renew_responders(&h.session, &d), d);
	assert_int_equal(size + 1, home_ledger_size(&h));
}

/* However many there are: those of before fill more than one page, and more than one list of the store. */
static void
behind_a_thousand_others(void **state)
{
	struct server_certificate_request r = { .authority = "", .names = "pki.example" };
	uint8_t spki[SPKI_P256_LEN];
	span chain[CHAIN_LEN_MAX];
	struct authority ca;
	struct responder responder;
	struct private_key key;
	struct public_key public;
	struct diag d = { 0 };
	size_t count;

	(void)state;
	home_authorities_fill(&h, LIST_PAGE_MAX + 1);
	home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	assert_true(ca.row > LIST_PAGE_MAX);
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	private_key_wipe(&key);
	r.spki = public.spki;
	assert_ok(server_certificate_issue(&h.session, &r, chain, &count, &d), d);
	assert_true(span_equal(chain[1], ca.der));
	home_add_s(&h, RESPONDER_LIFETIME_S - RESPONDER_RENEW_S + 60);
	assert_ok(authority_renew_responders(&h.session, &d), d);
	assert_ok(responder_read(&h.session, &ca, &responder, &d), d);
	assert_int_equal(2, responder.generation);
}

static void
foreign_authorities_are_judged(void **state)
{
	struct authority root = home_authority(&h, "root", AUTHORITY_ROOT, NULL), out, ca;
	struct server_certificate_request server = { .authority = "", .names = "a.example" };
	struct diag d = { 0 };
	struct buffer pem;
	struct home other;
	span chain[CHAIN_LEN_MAX];
	size_t count;
	uint8_t spki[SPKI_P256_LEN];
	struct private_key key;
	struct public_key public;

	(void)state;
	home_open(&other);
	ca = home_authority(&other, "vendor", AUTHORITY_ROOT, NULL);
	buffer_init(&pem, 4096);
	pem_write(&pem, "CERTIFICATE", ca.der);
	assert_ok(authority_import(
			  &h.session, "vendor", "acme", PHASE_PILOT, buffer_span(&pem), &out, &d),
		d);
	assert_int_equal(AUTHORITY_FOREIGN, stored("vendor").kind);
	assert_false(stored("vendor").has_key);
	assert_true(span_equal(ca.der, stored("vendor").der));
	assert_true(holds(home_ledger_last(&h), "\"event\":\"authority-import\""));
	/* The same once more, also under another name or for another phase. */
	assert_int_equal(EXISTS,
		authority_import(&h.session, "vendor", "acme", PHASE_PILOT, ca.der, &out, NULL));
	assert_int_equal(EXISTS, authority_import(&h.session, "vendor2", "acme", PHASE_PRODUCTION,
					 ca.der, &out, NULL));
	/* An end entity's, nonsense, a cut one, one that is over. */
	home_authority(&other, "ca", AUTHORITY_ISSUING, "vendor");
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	private_key_wipe(&key);
	server.spki = public.spki;
	assert_ok(server_certificate_issue(&other.session, &server, chain, &count, &d), d);
	assert_int_equal(BAD_INPUT,
		authority_import(&h.session, "leaf", "acme", PHASE_PILOT, chain[0], &out, &d));
	assert_string_equal("RFC 5280 4.2.1.9", d.clause);
	assert_int_equal(BAD_INPUT,
		authority_import(&h.session, "x", "acme", PHASE_PILOT, span_text("x"), &out, NULL));
	assert_int_equal(BAD_INPUT, authority_import(&h.session, "x", "acme", PHASE_PILOT,
					    span_slice(ca.der, 0, ca.der.len - 1), &out, NULL));
	home_add_s(&h, 41 * INT64_C(31557600));
	assert_int_equal(BAD_INPUT,
		authority_import(&h.session, "old", "acme", PHASE_PILOT, root.der, &out, NULL));
	buffer_wipe(&pem);
	home_close(&other);
}

/* No memory is our fault and passes; a certificate that is none is the asker's, and stays. */
static void
no_memory_is_no_bad_input(void **state)
{
	struct authority root = home_authority(&h, "root", AUTHORITY_ROOT, NULL), out;
	struct pinned_signer pin;
	struct session s = h.session;
	span pem;
	struct diag d = { 0 };

	(void)state;
	home_write_pem(&h, "root.pem", root.der);
	pem = bytes_of_file(h.arena, home_path(&h, "root.pem"));
	s.arena = arena_new(16);
	assert_int_equal(NO_MEMORY,
		authority_import(&s, "other", "others", PHASE_PRODUCTION, pem, &out, &d));
	assert_int_equal(NO_MEMORY, manifest_pin_add(&s, pem, 0, PHASE_PRODUCTION, &pin, NULL));
	assert_int_equal(BAD_INPUT,
		manifest_pin_add(&s, span_text("-----BEGIN"), 0, PHASE_PRODUCTION, &pin, NULL));
	arena_free(s.arena);
}

static void
manifest_signers_are_pinned(void **state)
{
	struct pinned_signer *pins, out;
	struct home_fleet f;
	struct authority root, ca;
	struct diag d = { 0 };
	size_t count;

	(void)state;
	root = home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	ca = home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	home_fleet_add(&h, &f, &ca, false);
	assert_ok(manifest_signer_create(&h.session, "manifest", PHASE_PRODUCTION, &d), d);
	assert_int_equal(OK, list_pins(h.reader, h.arena, 0, 10, &pins, &count));
	assert_int_equal(1, count);
	assert_int_equal(PIN_SELF, pins[0].trust);
	assert_int_equal(0, pins[0].fleet);
	assert_string_equal("manifest", pins[0].name);
	assert_int_equal(
		EXISTS, manifest_signer_create(&h.session, "manifest", PHASE_PRODUCTION, NULL));
	/* A vendor's, for one fleet; not for a fleet of another phase. */
	assert_ok(
		manifest_pin_add(&h.session, root.der, f.fleet.row, PHASE_PRODUCTION, &out, &d), d);
	assert_int_equal(PIN_VENDOR, out.trust);
	assert_true(out.name[0] != '\0');
	assert_int_equal(EXISTS,
		manifest_pin_add(&h.session, root.der, f.fleet.row, PHASE_PRODUCTION, &out, NULL));
	assert_int_equal(CONFLICT,
		manifest_pin_add(&h.session, root.der, f.fleet.row, PHASE_PILOT, &out, NULL));
	assert_int_equal(
		NOT_FOUND, manifest_pin_add(&h.session, root.der, 99, PHASE_PILOT, &out, NULL));
	assert_int_equal(BAD_INPUT, manifest_pin_add(&h.session, span_text("-----BEGIN"), 0,
					    PHASE_PRODUCTION, &out, NULL));
	/* One that no import could read: it would stop them all, and a pin stays. */
	assert_int_equal(
		CRYPTO, manifest_pin_add(&h.session, ca.der, 0, PHASE_PRODUCTION, &out, NULL));
	assert_int_equal(OK, list_pins(h.reader, h.arena, 0, 10, &pins, &count));
	assert_int_equal(2, count);
}

static void
the_listener_gets_a_chain_that_verifies(void **state)
{
	struct server_certificate_request r = {
		.authority = "", .names = "pki.example, 127.0.0.1 ,::1", .lifetime_s = 30 * 86400
	};
	struct certificate stored_one;
	uint8_t spki[SPKI_P256_LEN], fingerprint[32];
	struct trust_set *trust;
	struct private_key key;
	struct public_key public;
	struct authority root;
	span chain[CHAIN_LEN_MAX];
	struct diag d = { 0 };
	size_t count;

	(void)state;
	assert_int_equal(NOT_FOUND, server_certificate_issue(&h.session, &r, chain, &count, NULL));
	root = home_authority(&h, "root", AUTHORITY_ROOT, NULL);
	home_authority(&h, "ca", AUTHORITY_ISSUING, "root");
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	private_key_wipe(&key);
	r.spki = public.spki;
	assert_ok(server_certificate_issue(&h.session, &r, chain, &count, &d), d);
	assert_int_equal(2, count);
	assert_ok(trust_set_new(&root.der, 1, false, &trust, &d), d);
	assert_ok(chain_judge(trust, chain[0], &chain[1], 1, CHAIN_SERVER, TEST_TIME_S, &d), d);
	trust_set_free(trust);
	certificate_fingerprint(chain[0], fingerprint);
	assert_int_equal(
		OK, read_certificate_by_fingerprint(h.reader, h.arena, fingerprint, &stored_one));
	assert_int_equal(CERTIFICATE_SERVER, stored_one.kind);
	assert_int_equal(1, stored_one.index);
	assert_true(holds(home_ledger_last(&h), "\"event\":\"server-certificate\""));
	home_write_pem(&h, "leaf.pem", chain[0]);
	assert_int_equal(
		0, home_run(&h, "text",
			   (const char *[]){ "openssl", "x509", "-noout", "-ext", "subjectAltName",
				   "-in", home_path(&h, "leaf.pem"), NULL }));
	assert_true(holds(bytes_of_file(h.arena, home_path(&h, "text")),
		"DNS:pki.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"));
	/* No name, too many names, no issuing CA of ours. */
	r.names = " , ";
	assert_int_equal(BAD_INPUT, server_certificate_issue(&h.session, &r, chain, &count, NULL));
	r.names = "a,b,c,d,e,f,g,h,i";
	assert_int_equal(LIMIT, server_certificate_issue(&h.session, &r, chain, &count, NULL));
	r.names = "a.example";
	r.authority = "root";
	assert_int_equal(CONFLICT, server_certificate_issue(&h.session, &r, chain, &count, NULL));
	r.authority = "nobody";
	assert_int_equal(NOT_FOUND, server_certificate_issue(&h.session, &r, chain, &count, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_made_is_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_subject_needs_no_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_an_admin_makes_authorities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_crash_between_key_and_record_is_taken_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_key_of_the_name_is_not_taken_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_part_can_hold_a_factory_signer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(responders_are_renewed_in_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(behind_a_thousand_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_authorities_are_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_memory_is_no_bad_input, set_up, tear_down),
		cmocka_unit_test_setup_teardown(manifest_signers_are_pinned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_listener_gets_a_chain_that_verifies, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
