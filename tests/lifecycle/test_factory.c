#include "line.h"

#include <stdio.h>

#include "pki/chain.h"

static struct line_home l;

static int
set_up(void **state)
{
	(void)state;
	line_open(&l);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	line_close(&l);
	return 0;
}

static struct device
device_of(const struct factory_unit *u)
{
	struct device d;

	assert_int_equal(OK, read_device_by_serial(l.home.reader, u->unique_id, &d));
	return d;
}

static status
make(const struct factory_unit *u, size_t count, struct factory_result *r, struct diag *d)
{
	return factory_make(
		&l.home.session, l.fleet.fleet.row, "factory", "manifest", u, count, r, d);
}

/* The entry by the one who will import it. */
static struct manifest_entry
verified(span json)
{
	static struct manifest_pin pin;
	struct manifest_trust t = { .pins = &pin, .pin_count = 1, .wants_serial_name = true };
	struct pinned_signer *pins;
	struct trust_set *roots;
	struct manifest_entry e;
	struct diag d = { 0 };
	size_t count;

	assert_int_equal(OK, list_pins(l.home.reader, l.home.arena, 0, 10, &pins, &count));
	assert_int_equal(1, count);
	assert_ok(manifest_pin_read(pins[0].der, &pin, &d), d);
	assert_ok(trust_set_new(&l.root.der, 1, false, &roots, &d), d);
	t.roots = roots;
	assert_ok(manifest_entry_verify(l.home.arena, json, &t, NULL, &e, &d), d);
	trust_set_free(roots);
	return e;
}

static void
what_leaves_is_recorded(void **state)
{
	struct factory_unit u = line_unit(1);
	struct factory_result r;
	struct manifest_entry e;
	struct element element;
	struct certificate leaf;
	struct device d;
	int64_t size = home_ledger_size(&l.home);

	(void)state;
	r = line_make(&l, &u);
	d = device_of(&u);
	assert_int_equal(DEVICE_MANUFACTURED, d.state);
	assert_int_equal(l.fleet.maker.row, d.owner);
	assert_int_equal(OK, read_element(l.home.reader, d.element, &element));
	assert_int_equal(d.row, element.device);
	assert_int_equal(ATTESTATION_ATECC608, element.attestation);
	assert_memory_equal(u.points[1], element.attestation_key, 64);
	assert_int_equal(
		OK, read_certificate(l.home.reader, l.home.arena, d.birth_certificate, &leaf));
	assert_true(span_equal(leaf.der, r.certificate));
	assert_int_equal(CERTIFICATE_BIRTH, leaf.kind);
	assert_int_equal(l.factory.row, leaf.authority);
	assert_int_equal(0, leaf.index);
	assert_int_equal(d.row, leaf.device);
	assert_true(span_equal(r.issuer, l.factory.der));
	e = verified(r.manifest_entry);
	assert_string_equal(u.unique_id, e.unique_id);
	assert_memory_equal(element.entry_hash, e.payload_hash, 32);
	assert_true(span_equal(e.leaf, r.certificate));
	assert_int_equal(5, e.key_count);
	assert_int_equal(size + 1, home_ledger_size(&l.home));
	span entry = home_ledger_last(&l.home);
	assert_non_null(memmem(entry.data, entry.len, "\"event\":\"manufacture\"", 21));
	assert_non_null(memmem(entry.data, entry.len, u.unique_id, 18));
}

static void
the_same_unit_again_gives_what_was_made(void **state)
{
	struct factory_unit u = line_unit(2);
	struct factory_result first = line_make(&l, &u), again;
	struct manifest_entry a = verified(first.manifest_entry), b;
	int64_t size = home_ledger_size(&l.home);

	(void)state;
	home_add_s(&l.home, 40 * 86400);
	home_reopen(&l.home);
	again = line_make(&l, &u);
	assert_true(span_equal(first.certificate, again.certificate));
	assert_true(span_equal(first.issuer, again.issuer));
	b = verified(again.manifest_entry);
	assert_memory_equal(a.payload_hash, b.payload_hash, 32);
	assert_int_equal(a.provisioned_s, b.provisioned_s);
	assert_int_equal(size, home_ledger_size(&l.home));
}

static void
another_key_is_another_unit(void **state)
{
	struct factory_unit u = line_unit(3), changed;
	struct factory_result r;
	struct diag d = { 0 };

	(void)state;
	line_make(&l, &u);
	/* Every slot counts, and so does how many there are. */
	for (size_t i = 0; i < 5; i++) {
		changed = u;
		memcpy(changed.points[i], u.points[(i + 1) % 5], 64);
		assert_ok(make(&changed, 1, &r, &d), d);
		assert_int_equal(EXISTS, r.status);
		assert_int_equal(0, r.certificate.len);
		assert_int_equal(0, r.manifest_entry.len);
	}
	changed = u;
	changed.point_count = 4;
	assert_ok(make(&changed, 1, &r, &d), d);
	assert_int_equal(EXISTS, r.status);
	/* One key in two elements. */
	changed = u;
	changed.unique_id[4] = 'f';
	assert_ok(make(&changed, 1, &r, &d), d);
	assert_int_equal(EXISTS, r.status);
}

static void
units_of_a_batch_are_judged_one_by_one(void **state)
{
	struct factory_unit u[6];
	struct factory_result r[6];
	struct diag d = { 0 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		u[i] = line_unit(100 + i);
	}
	u[1] = u[0];					       /* the same twice */
	u[2].points[0][5] ^= 1;				       /* not on the curve */
	u[3].unique_id[3] = '4';			       /* not the maker's */
	memcpy(u[4].points, u[0].points, sizeof(u[4].points)); /* a clone */
	assert_ok(make(u, 6, r, &d), d);
	assert_ok(r[0].status, r[0].diag);
	assert_ok(r[1].status, r[1].diag);
	assert_true(span_equal(r[0].certificate, r[1].certificate));
	assert_int_equal(BAD_INPUT, r[2].status);
	assert_int_equal(BAD_INPUT, r[3].status);
	assert_int_equal(EXISTS, r[4].status);
	assert_ok(r[5].status, r[5].diag);
	assert_memory_equal(verified(r[0].manifest_entry).payload_hash,
		verified(r[1].manifest_entry).payload_hash, 32);
}

static void
bad_units_are_refused(void **state)
{
	static const char *const ids[] = { "", "0123", "0123AABBCCDDEEFF01", "0123aabbccddeeff0",
		"0123aabbccddeeff0101", "0124aabbccddeeff01", "0123aabbccddeegg01" };
	struct factory_unit u = line_unit(7);
	struct factory_result r;
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		snprintf(u.unique_id, sizeof(u.unique_id), "%s", ids[i]);
		assert_ok(make(&u, 1, &r, &d), d);
		assert_int_equal(BAD_INPUT, r.status);
		assert_true(r.diag.text[0] != '\0');
	}
	u = line_unit(7);
	for (size_t n = 0; n < 7; n += 6) {
		u.point_count = n;
		assert_ok(make(&u, 1, &r, &d), d);
		assert_int_equal(BAD_INPUT, r.status);
	}
}

static void
who_and_by_whom(void **state)
{
	struct factory_unit u = line_unit(8);
	struct factory_result r;
	struct session *s = &l.home.session;
	struct diag d = { 0 };
	int64_t fleet = l.fleet.fleet.row;

	(void)state;
	assert_int_equal(NOT_FOUND, factory_make(s, 99, "factory", "manifest", &u, 1, &r, NULL));
	assert_int_equal(NOT_FOUND, factory_make(s, fleet, "nobody", "manifest", &u, 1, &r, NULL));
	assert_int_equal(NOT_FOUND, factory_make(s, fleet, "issuing", "manifest", &u, 1, &r, NULL));
	assert_int_equal(NOT_FOUND, factory_make(s, fleet, "factory", "nobody", &u, 1, &r, NULL));
	assert_int_equal(NOT_FOUND, factory_make(s, fleet, "factory", "factory", &u, 1, &r, NULL));
	s->actor.account.role = OPERATOR_OWNER;
	assert_int_equal(DENIED, make(&u, 1, &r, NULL));
	s->actor.account.role = OPERATOR_SUPPORT;
	assert_int_equal(DENIED, make(&u, 1, &r, NULL));
	s->actor.account.role = OPERATOR_ADMIN;
	assert_ok(make(&u, 1, &r, &d), d);
	assert_ok(r.status, r.diag);
}

/* --- other models, and what they attest by --- */

static struct element
element_of(const struct factory_unit *u)
{
	struct element e;

	assert_int_equal(OK, read_element_by_serial(l.home.reader, u->unique_id, &e));
	return e;
}

static void
name_part(struct factory_unit *u, const char *model, const char *part_number)
{
	snprintf(u->model, sizeof(u->model), "%s", model);
	snprintf(u->part_number, sizeof(u->part_number), "%s", part_number);
}

static void
units_say_what_they_are(void **state)
{
	struct factory_unit flex = line_unit(20), go = line_unit(21), tpm = line_unit(22),
			    token = line_unit(23);
	struct factory_result r;
	struct element e;

	(void)state;
	r = line_make(&l, &flex);
	e = element_of(&flex);
	assert_string_equal("ATECC608B-TFLXTLS", e.part_number);
	assert_string_equal("trustflex-tls", e.profile);
	assert_false(e.is_vendors_word);
	name_part(&go, "ATECC608C", "ATECC608C-TNGTLSU-B");
	r = line_make(&l, &go);
	e = element_of(&go);
	assert_string_equal("ATECC608C", e.model);
	assert_string_equal("trustngo-tls", e.profile);
	assert_int_equal(ATTESTATION_ATECC608, e.attestation);
	assert_string_equal("ATECC608C-TNGTLSU-B", verified(r.manifest_entry).part_number);
	name_part(&tpm, "TPM 2.0", "SLB9672");
	tpm.point_count = 1;
	tpm.has_tpm2_key = true;
	memcpy(tpm.tpm2_key, go.points[3], 64);
	r = line_make(&l, &tpm);
	e = element_of(&tpm);
	assert_int_equal(ATTESTATION_TPM2, e.attestation);
	assert_memory_equal(tpm.tpm2_key, e.attestation_key, 64);
	assert_string_equal("", e.profile);
	assert_string_equal("TPM 2.0", verified(r.manifest_entry).model);
	/* The same again gives the same, whatever it is. */
	assert_true(span_equal(r.certificate, line_make(&l, &tpm).certificate));
	/* A key in slot 1 of another element is nothing to attest by. */
	name_part(&token, "TA100", "TA100-T");
	line_make(&l, &token);
	assert_int_equal(ATTESTATION_NONE, element_of(&token).attestation);
}

static void
what_units_cannot_be(void **state)
{
	static const struct {
		const char *model, *part_number;
		bool has_tpm2_key;
		status expected;
	} rows[] = {
		{ "ATECC608B", "", false, BAD_INPUT },
		{ "", "ATECC608B-TFLXTLS", false, BAD_INPUT },
		{ "ATECC608B", "ATECC608B-UNHEARD", false, BAD_INPUT },
		{ "ATECC608A", "ATECC608B-TFLXTLS", false, BAD_INPUT },
		{ "ATECC608", "TFLXTLS", false, BAD_INPUT },
		{ "ATECC608B", "ATECC608B-TFLXTLS", true, BAD_INPUT },
		{ "", "", true, BAD_INPUT },
		{ "TPM\t2.0", "x", false, BAD_INPUT },
		{ "TPM \"2\"", "x", false, BAD_INPUT },
		{ "TPM 2.0", "g\xc3\xa4", false, BAD_INPUT },
	};
	struct factory_unit u = line_unit(30), changed;
	struct factory_result r;
	struct diag d = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		changed = u;
		name_part(&changed, rows[i].model, rows[i].part_number);
		changed.has_tpm2_key = rows[i].has_tpm2_key;
		memcpy(changed.tpm2_key, u.points[2], 64);
		assert_ok(make(&changed, 1, &r, &d), d);
		if (r.status != rows[i].expected) {
			fail_msg("%zu: %s %s", i, status_name(r.status), r.diag.text);
		}
	}
	/* A TPM's key that is no point; and once it is made, it is not another. */
	changed = u;
	name_part(&changed, "TPM 2.0", "x");
	changed.has_tpm2_key = true;
	assert_ok(make(&changed, 1, &r, &d), d);
	assert_int_equal(BAD_INPUT, r.status);
	memcpy(changed.tpm2_key, u.points[2], 64);
	assert_ok(make(&changed, 1, &r, &d), d);
	assert_int_equal(OK, r.status);
	memcpy(changed.tpm2_key, u.points[3], 64);
	assert_ok(make(&changed, 1, &r, &d), d);
	assert_int_equal(EXISTS, r.status);
	changed.has_tpm2_key = false;
	assert_ok(make(&changed, 1, &r, &d), d);
	assert_int_equal(EXISTS, r.status);
	assert_ok(make(&u, 1, &r, &d), d);
	assert_int_equal(EXISTS, r.status);
	assert_memory_equal(u.points[2], element_of(&u).attestation_key, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_leaves_is_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_same_unit_again_gives_what_was_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_key_is_another_unit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			units_of_a_batch_are_judged_one_by_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_units_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(units_say_what_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_units_cannot_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_and_by_whom, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("factory", tests, NULL, NULL);
}
