#include "home.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "pki/pem.h"

/* Published lists against libcrypto's own opinion: openssl crl and openssl verify. */

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

static void
publish(const struct authority *a)
{
	struct diag d = { 0 };

	assert_ok(crl_publish(&h.session, a->row, &d), d);
}

/* The file below crl/ as `openssl crl -text`, in PEM beside it as crl.pem. */
static const char *
text_of(const char *file)
{
	const char *path = arena_printf(h.arena, "%s/crl/%s", h.folder, file);
	span text;

	assert_int_equal(0, home_run(&h, "text",
				    (const char *[]){ "openssl", "crl", "-inform", "DER", "-in",
					    path, "-noout", "-text", NULL }));
	assert_int_equal(0, home_run(&h, NULL,
				    (const char *[]){ "openssl", "crl", "-inform", "DER", "-in",
					    path, "-out", home_path(&h, "crl.pem"), NULL }));
	text = bytes_of_file(h.arena, home_path(&h, "text"));
	return arena_string(h.arena, text);
}

static bool
lists(const char *text, const struct certificate *k)
{
	char hex[2 * SERIAL_MAX_LEN + 1];
	char *line;

	hex_encode(hex, span_of(k->serial, k->serial_len));
	for (char *c = hex; *c != '\0'; c++) {
		*c = *c >= 'a' && *c <= 'f' ? (char)(*c - 'a' + 'A') : *c;
	}
	line = arena_printf(h.arena, "Serial Number: %s", hex);
	return strstr(text, line) != NULL;
}

static size_t
entries(const char *text)
{
	size_t n = 0;

	while ((text = strstr(text, "Serial Number: ")) != NULL) {
		text++;
		n++;
	}
	return n;
}

/* openssl verify of the leaf with this file of CRLs; true when it is accepted. Words in "verdict". */
static bool
verifies(const struct certificate *k, const char *crl_file, const char *how)
{
	char when[32];

	snprintf(when, sizeof(when), "%lld", (long long)h.session.now_s);
	home_write_pem(&h, "leaf.pem", k->der);
	return home_run(&h, "verdict",
		       (const char *[]){ "openssl", "verify", "-attime", when, how, "-CAfile",
			       home_path(&h, "root.pem"), "-untrusted", home_path(&h, "ca.pem"),
			       "-CRLfile", crl_file, home_path(&h, "leaf.pem"), NULL }) == 0;
}

static bool
verdict_says(const char *what)
{
	span verdict = bytes_of_file(h.arena, home_path(&h, "verdict"));

	return memmem(verdict.data, verdict.len, what, strlen(what)) != NULL;
}

static void
revoked_is_on_the_list_and_refused(void **state)
{
	struct certificate good, bad;
	const char *text, *bundle;

	(void)state;
	good = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	bad = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &bad, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	publish(&root);
	publish(&ca);
	bundle = home_path(&h, "crl/ca/bundle.pem");
	/* The full list: no distribution point. */
	text = text_of("ca/full.crl");
	assert_true(lists(text, &bad));
	assert_false(lists(text, &good));
	assert_non_null(strstr(text, "Key Compromise"));
	assert_null(strstr(text, "Issuing Distribution Point"));
	assert_non_null(strstr(text, "X509v3 Authority Key Identifier"));
	assert_true(verifies(&good, home_path(&h, "crl.pem"), "-crl_check"));
	assert_false(verifies(&bad, home_path(&h, "crl.pem"), "-crl_check"));
	assert_true(verdict_says("certificate revoked"));
	/* The shard, by the address that the certificate names. */
	text = text_of("ca/0.crl");
	assert_true(lists(text, &bad));
	assert_non_null(strstr(text, "URI:http://pki.test/crl/ca/0.crl"));
	assert_non_null(strstr(text, "Only User Certificates"));
	assert_true(verifies(&good, home_path(&h, "crl.pem"), "-crl_check"));
	assert_false(verifies(&bad, home_path(&h, "crl.pem"), "-crl_check"));
	assert_true(verdict_says("certificate revoked"));
	/* For CA certificates only: says nothing of a leaf. */
	text = text_of("ca/ca.crl");
	assert_int_equal(0, entries(text));
	assert_non_null(strstr(text, "Only CA Certificates"));
	assert_false(verifies(&good, home_path(&h, "crl.pem"), "-crl_check"));
	/* The bundle is good for the leaf alone and, as nginx does it, for the whole chain. */
	assert_true(verifies(&good, bundle, "-crl_check"));
	assert_true(verifies(&good, bundle, "-crl_check_all"));
	assert_false(verifies(&bad, bundle, "-crl_check"));
	assert_false(verifies(&bad, bundle, "-crl_check_all"));
	assert_true(verdict_says("certificate revoked"));
}

static void
numbers_grow_and_are_never_used_twice(void **state)
{
	struct authority back;
	struct diag d = { 0 };

	(void)state;
	publish(&ca);
	assert_non_null(strstr(text_of("ca/full.crl"), "X509v3 CRL Number: \n                1\n"));
	publish(&ca);
	assert_non_null(strstr(text_of("ca/full.crl"), "X509v3 CRL Number: \n                2\n"));
	assert_non_null(strstr(text_of("ca/0.crl"), "X509v3 CRL Number: \n                2\n"));
	/* A publication that fails has burnt its number. */
	h.life.crl_folder = "/dev/null/crl";
	assert_int_not_equal(OK, crl_publish(&h.session, ca.row, &d));
	h.life.crl_folder = h.crl;
	signer_stop(h.signer);
	h.life.signer = NULL;
	home_write(&h, "passphrase", span_text("wrong\n"));
	home_write(&h, "passphrase", span_text("correct horse\n"));
	{
		const struct signer_options empty = { .program = getenv("TENURE_SIGNER"),
			.keys = home_path(&h, "other-keys"),
			.passphrase_file = h.passphrase,
			.channels = 1,
			.create = true };
		struct diag fault = { 0 };

		assert_ok(signer_start(&empty, &h.life.signer, &fault), fault);
		assert_int_equal(NOT_FOUND, crl_publish(&h.session, ca.row, &fault));
		signer_stop(h.life.signer);
	}
	assert_int_equal(OK, read_authority(h.reader, h.arena, ca.row, &back));
	assert_int_equal(3, back.crl_number);
	{
		const struct signer_options again = { .program = getenv("TENURE_SIGNER"),
			.keys = h.keys,
			.passphrase_file = h.passphrase,
			.channels = 4 };
		struct diag fault = { 0 };

		assert_ok(signer_start(&again, &h.signer, &fault), fault);
		h.life.signer = h.signer;
	}
	/* What stood before the fault still stands, and the next one goes on. */
	assert_non_null(strstr(text_of("ca/full.crl"), "X509v3 CRL Number: \n                2\n"));
	publish(&ca);
	assert_non_null(strstr(text_of("ca/full.crl"), "X509v3 CRL Number: \n                4\n"));
}

static void
superseded_ones_by_the_fleets_policy(void **state)
{
	struct authority strict = home_authority(&h, "strict", AUTHORITY_ISSUING, "root");
	struct certificate mild, listed;
	struct home_fleet f, g;
	struct device a, b;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	home_fleet_add(&h, &g, &strict, true);
	a = home_device_add(&h, &f, 1, DEVICE_ACTIVE);
	b = home_device_add(&h, &g, 2, DEVICE_ACTIVE);
	mild = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	listed = home_certificate_add(&h, &strict, &b, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &mild, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	home_certificate_end(&h, &listed, CERTIFICATE_SUPERSEDED, REASON_SUPERSEDED);
	publish(&ca);
	publish(&strict);
	assert_false(lists(text_of("ca/full.crl"), &mild));
	assert_true(lists(text_of("strict/full.crl"), &listed));
	assert_true(lists(text_of("strict/0.crl"), &listed));
	assert_non_null(strstr(text_of("strict/0.crl"), "Superseded"));
}

static void
a_suspended_device_is_on_hold(void **state)
{
	struct certificate current, pending, other;
	struct home_fleet f;
	struct device a, b;
	const char *text;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	a = home_device_add(&h, &f, 1, DEVICE_ACTIVE);
	b = home_device_add(&h, &f, 2, DEVICE_ACTIVE);
	current = home_certificate_add(&h, &ca, &a, CERTIFICATE_CURRENT);
	other = home_certificate_add(&h, &ca, &b, CERTIFICATE_CURRENT);
	pending = home_certificate_add(&h, &ca, &a, CERTIFICATE_PENDING);
	home_certificate_end(&h, &other, CERTIFICATE_REVOKED, REASON_PRIVILEGE_WITHDRAWN);
	for (int suspended = 1; suspended >= 0; suspended--) {
		struct change *c = change_new(h.arena);
		struct diag d = { 0 };

		a.state = suspended ? DEVICE_SUSPENDED : DEVICE_ACTIVE;
		change_device_set(c, &a);
		assert_ok(store_commit(h.store, c, NULL, &d), d);
		assert_int_equal(OK, read_device(h.reader, a.row, &a));
		publish(&ca);
		for (int shard = 0; shard < 2; shard++) {
			text = text_of(shard ? "ca/0.crl" : "ca/full.crl");
			assert_int_equal(suspended, lists(text, &current));
			assert_int_equal(suspended, lists(text, &pending));
			assert_true(lists(text, &other));
			assert_int_equal(suspended ? 3 : 1, entries(text));
			assert_int_equal(suspended, strstr(text, "Certificate Hold") != NULL);
		}
	}
}

/* As when it is revoked between the two looks of one publication. */
static void
held_and_revoked_is_listed_once(void **state)
{
	struct certificate first, k, last;
	struct home_fleet f;
	struct device device;
	const char *text;

	(void)state;
	home_fleet_add(&h, &f, &ca, false);
	device = home_device_add(&h, &f, 1, DEVICE_SUSPENDED);
	first = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	k = home_certificate_add(&h, &ca, &device, CERTIFICATE_CURRENT);
	last = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	home_certificate_end(&h, &first, CERTIFICATE_REVOKED, REASON_PRIVILEGE_WITHDRAWN);
	home_certificate_end(&h, &k, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	home_certificate_end(&h, &last, CERTIFICATE_REVOKED, REASON_PRIVILEGE_WITHDRAWN);
	publish(&ca);
	for (int shard = 0; shard < 2; shard++) {
		text = text_of(shard ? "ca/0.crl" : "ca/full.crl");
		assert_int_equal(3, entries(text));
		assert_true(lists(text, &k));
		assert_null(strstr(text, "Certificate Hold"));
		assert_non_null(strstr(text, "Key Compromise"));
	}
}

static void
an_expired_entry_leaves_after_a_list_beyond_its_end(void **state)
{
	struct certificate k = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);

	(void)state;
	home_certificate_end(&h, &k, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	publish(&ca);
	/* Nothing was published for long: the first list beyond the end still has it. */
	home_add_s(&h, 200 * 86400);
	publish(&ca);
	assert_true(lists(text_of("ca/full.crl"), &k));
	assert_true(lists(text_of("ca/0.crl"), &k));
	home_add_s(&h, 60);
	publish(&ca);
	assert_false(lists(text_of("ca/full.crl"), &k));
	assert_false(lists(text_of("ca/0.crl"), &k));
}

static void
an_entry_stays_for_a_day_beyond_its_end(void **state)
{
	struct certificate k = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);

	(void)state;
	home_certificate_end(&h, &k, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	home_add_s(&h, 90 * 86400 - 60);
	publish(&ca);
	home_add_s(&h, 3600);
	publish(&ca);
	assert_true(lists(text_of("ca/full.crl"), &k));
	home_add_s(&h, 86400);
	publish(&ca);
	assert_false(lists(text_of("ca/full.crl"), &k));
}

static void
a_factory_signer_lists_what_has_no_index(void **state)
{
	struct authority factory = home_authority(&h, "factory", AUTHORITY_FACTORY_SIGNER, "root");
	struct birth_request r = { .authority = "factory",
		.phase = PHASE_PRODUCTION,
		.unique_id = "0123000000000001",
		.organization = "Test Works",
		.not_before_s = TEST_TIME_S,
		.years = 20 };
	struct certificate_view view;
	struct issue_result result;
	struct private_key key;
	struct public_key public;
	struct certificate k = { .kind = CERTIFICATE_BIRTH,
		.status = CERTIFICATE_REVOKED,
		.authority = factory.row,
		.revoked_s = TEST_TIME_S + 500,
		.reason = REASON_KEY_COMPROMISE };
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };
	uint8_t spki[SPKI_P256_LEN];
	const char *text;

	(void)state;
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	private_key_wipe(&key);
	memcpy(r.point, public.point, sizeof(r.point));
	assert_ok(signer_issue_birth(h.signer, h.arena, &r, 1, &result, &d), d);
	assert_ok(result.status, result.diag);
	assert_ok(certificate_read(result.der, &view, &d), d);
	k.der = result.der;
	memcpy(k.serial, view.serial.data, view.serial.len);
	k.serial_len = view.serial.len;
	certificate_fingerprint(k.der, k.fingerprint);
	public_key_hash(&view.key, k.key_hash);
	sha256(view.issuer.der, k.issuer_hash);
	k.not_before_s = view.not_before_s;
	k.not_after_s = view.not_after_s;
	change_certificate_add(c, &k);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
	/* Revoked in a second that is still to come for this list: it is dated no later than the list. */
	publish(&root);
	publish(&factory);
	text = text_of("factory/full.crl");
	assert_int_equal(1, entries(text));
	assert_true(lists(text, &k));
	assert_int_not_equal(0, access(home_path(&h, "crl/factory/0.crl"), F_OK));
	home_write_pem(&h, "ca.pem", factory.der);
	assert_false(verifies(&k, home_path(&h, "crl/factory/bundle.pem"), "-crl_check_all"));
	assert_true(verdict_says("certificate revoked"));
}

static void
others_lists_are_not_ours_to_publish(void **state)
{
	struct authority out;
	struct diag d = { 0 };
	struct home other;

	(void)state;
	assert_int_equal(NOT_FOUND, crl_publish(&h.session, 99, NULL));
	home_open(&other);
	out = home_authority(&other, "vendor", AUTHORITY_ROOT, NULL);
	assert_ok(
		authority_import(&h.session, "vendor", "acme", PHASE_PILOT, out.der, &out, &d), d);
	assert_int_equal(CONFLICT, crl_publish(&h.session, out.row, NULL));
	home_close(&other);
}

static void
the_ledger_has_each_list_that_says_something_new(void **state)
{
	struct certificate k = home_certificate_add(&h, &ca, NULL, CERTIFICATE_CURRENT);
	int64_t size;
	span entry, crl;
	uint8_t digest[32];
	char hex[65];

	(void)state;
	publish(&ca);
	size = home_ledger_size(&h);
	publish(&ca);
	assert_int_equal(size, home_ledger_size(&h));
	home_certificate_end(&h, &k, CERTIFICATE_REVOKED, REASON_KEY_COMPROMISE);
	publish(&ca);
	assert_int_equal(size + 1, home_ledger_size(&h));
	entry = home_ledger_last(&h);
	crl = bytes_of_file(h.arena, home_path(&h, "crl/ca/full.crl"));
	sha256(crl, digest);
	hex_encode(hex, SPAN_ARRAY(digest));
	assert_non_null(memmem(entry.data, entry.len, hex, 64));
	assert_non_null(memmem(entry.data, entry.len, "\"event\":\"crl\"", 13));
}

/* 25,000 certificates as rows, a third revoked: shards hold their own indexes and nothing else. */
static void
add_rows(int64_t count)
{
	for (int64_t at = 1; at <= count; at += 1000) {
		struct change *c = change_new(h.arena);
		struct certificate *k = arena_array(h.arena, 1000, sizeof(*k));
		struct diag d = { 0 };

		for (int64_t i = 0; i < 1000; i++) {
			int64_t index = at + i;

			k[i] = (struct certificate){ .kind = CERTIFICATE_OPERATIONAL,
				.status =
					index % 3 == 0 ? CERTIFICATE_REVOKED : CERTIFICATE_CURRENT,
				.authority = ca.row,
				.index = index,
				.serial = { 0x41 },
				.serial_len = 8,
				.not_before_s = TEST_TIME_S - 1,
				.not_after_s = TEST_TIME_S + 86400,
				.issued_s = TEST_TIME_S,
				.revoked_s = index % 3 == 0 ? TEST_TIME_S : 0,
				.reason = REASON_UNSPECIFIED,
				.der = span_text("x") };
			for (int b = 0; b < 7; b++) {
				k[i].serial[1 + b] = (uint8_t)(index >> (48 - 8 * b));
			}
			sha256(SPAN_ARRAY(k[i].serial), k[i].fingerprint);
			memcpy(k[i].key_hash, k[i].fingerprint, 32);
			memcpy(k[i].issuer_hash, ca.name_hash, 32);
			change_certificate_add(c, &k[i]);
		}
		assert_ok(store_commit(h.store, c, NULL, &d), d);
	}
}

static void
shards_hold_their_own(void **state)
{
	/* 1 .. 9999; 10000 .. 19999; 20000 .. 25000; and the next one ready. */
	static const size_t expected[] = { 3333, 3333, 1667, 0 };
	size_t of_shards = 0;
	const char *text;

	(void)state;
	add_rows(25000);
	publish(&ca);
	for (int k = 0; k < 4; k++) {
		char name[32];

		snprintf(name, sizeof(name), "ca/%d.crl", k);
		text = text_of(name);
		assert_int_equal(expected[k], entries(text));
		of_shards += entries(text);
	}
	assert_int_equal(8333, of_shards);
	assert_int_equal(8333, entries(text_of("ca/full.crl")));
}

static void *
publish_too(void *argument)
{
	struct session s = h.session;
	struct diag d = { 0 };

	(void)argument;
	s.arena = arena_new(16 << 20);
	assert_ok(reader_open(h.store, &s.reader, &d), d);
	for (int k = 0; k < 5; k++) {
		assert_ok(crl_publish(&s, ca.row, &d), d);
	}
	reader_close(s.reader);
	arena_free(s.arena);
	return NULL;
}

static void
publications_at_once_take_turns(void **state)
{
	struct authority back;
	pthread_t threads[4];

	(void)state;
	for (int k = 0; k < 4; k++) {
		assert_int_equal(0, pthread_create(&threads[k], NULL, publish_too, NULL));
	}
	for (int k = 0; k < 4; k++) {
		pthread_join(threads[k], NULL);
	}
	assert_int_equal(OK, read_authority(h.reader, h.arena, ca.row, &back));
	assert_int_equal(20, back.crl_number);
	assert_non_null(
		strstr(text_of("ca/full.crl"), "X509v3 CRL Number: \n                20\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			revoked_is_on_the_list_and_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			numbers_grow_and_are_never_used_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			superseded_ones_by_the_fleets_policy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_suspended_device_is_on_hold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(held_and_revoked_is_listed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_expired_entry_leaves_after_a_list_beyond_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_entry_stays_for_a_day_beyond_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_factory_signer_lists_what_has_no_index, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			others_lists_are_not_ours_to_publish, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_ledger_has_each_list_that_says_something_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shards_hold_their_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(publications_at_once_take_turns, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
