#include "enrolling.h"

#include <stdio.h>

#include "chip_model.h"
#include "element/attestation.h"
#include "lifecycle/challenge.h"
#include "lifecycle/element_check.h"

/* A check of an element: what holds is recorded with its level, what does not leaves nothing, and neither makes a certificate. */

static struct chip chip, other;
static struct unit unit;

/* A device whose element is this one. */
static struct unit
unit_like(unsigned number, struct element *like, enum device_state in)
{
	struct unit u;

	h.like = like;
	u = unit_new(number, in);
	h.like = NULL;
	return u;
}

static struct unit
unit_with(struct chip *c, unsigned number, enum device_state in)
{
	struct element *like = ARENA_NEW(h.arena, struct element);
	char serial[19];

	snprintf(serial, sizeof(serial), "0123%012x01", number);
	chip_open(c, serial);
	chip_make_key(c, 3);
	chip_make_key(c, 4);
	*like = (struct element){ .model = "ATECC608B",
		.part_number = "ATECC608B-TFLXTLS",
		.profile = "trustflex-tls",
		.attestation = ATTESTATION_ATECC608 };
	memcpy(like->attestation_key, c->points[1], 64);
	return unit_like(number, like, in);
}

static int
set_up(void **state)
{
	int result = enrolling_set_up(state);

	unit = unit_with(&chip, 1, DEVICE_HELD);
	(void)unit_with(&other, 2, DEVICE_HELD);
	return result;
}

static int
tear_down(void **state)
{
	chip_close(&chip);
	chip_close(&other);
	return enrolling_tear_down(state);
}

static span
challenge_of(const struct unit *u, enum challenge_purpose purpose)
{
	uint8_t *c = arena_alloc(h.arena, CHALLENGE_LEN);
	struct diag d = { 0 };
	int64_t expires_s;

	assert_ok(challenge_new(&h.session, &u->device.id, purpose, c, &expires_s, &d), d);
	return span_of(c, CHALLENGE_LEN);
}

static status
check_by_support(
	const struct unit *u, const struct element_check *check, struct outcome *o, struct diag *d)
{
	struct session s = h.session;

	s.actor = (struct actor){ .kind = ACTOR_OPERATOR,
		.account = { .row = 9, .role = OPERATOR_SUPPORT } };
	*o = (struct outcome){ 0 };
	return element_check(&s, u->device.row, check, o, d);
}

/* What the slot's key proves over the challenge, as `how` changes it. */
static struct element_check
check_of(struct chip *c, const struct chip_attest *how)
{
	struct element_check check = { .evidence = chip_attest(h.arena, c, how) };

	memcpy(check.point, c->points[how->slot], sizeof(check.point));
	return check;
}

static struct chip_attest
honest(unsigned slot)
{
	return chip_honest(&chip, slot, challenge_of(&unit, CHALLENGE_ELEMENT));
}

static void
what_holds_is_recorded(void **state)
{
	static const enum device_state states[] = { DEVICE_HELD, DEVICE_SUSPENDED, DEVICE_RETIRED };
	struct certificate *list;
	size_t count, certificates;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct chip c;
		struct unit u = unit_with(&c, 10 + i, states[i]);
		struct device before = device_now(u.device.row), after;
		struct chip_attest how = chip_honest(&c, 4, challenge_of(&u, CHALLENGE_ELEMENT));
		struct element_check check;
		struct outcome o = { 0 };
		struct diag d = { 0 };
		char hex[65];
		span entry;

		assert_int_equal(OK, list_certificates_of_device(h.reader, h.arena, u.device.row, 0,
					     10, &list, &certificates));
		if (i == 2) {
			how.is_locked = true;
		}
		check = check_of(&c, &how);
		home_add_s(&h, 30);
		assert_ok(check_by_support(&u, &check, &o, &d), d);
		assert_int_equal(LEVEL_ATTESTED, o.element.level);
		assert_int_equal(4, o.element.slot);
		assert_int_equal(how.is_locked, o.element.slot_is_locked);
		entry = home_ledger_last(&h);
		assert_true(holds(entry, "\"event\":\"element-check\""));
		assert_true(holds(entry, "\"level\":\"attested\""));
		assert_true(holds(entry, "\"part\":\"slot 4\""));
		assert_true(holds(
			entry, how.is_locked ? "\"after\":\"locked\"" : "\"after\":\"open\""));
		assert_true(
			holds(entry, arena_printf(h.arena, "\"object\":\"%s\"", c.serial_text)));
		assert_true(holds(
			entry, arena_printf(h.arena, "\"evidence\":\"%s\"",
				       hex_encode(hex, SPAN_ARRAY(o.element.evidence_hash)))));
		/* It stays what it is, with the certificates that it has. */
		after = device_now(u.device.row);
		assert_int_equal(before.version, after.version);
		assert_int_equal(before.version, o.device.version);
		assert_int_equal(before.changed_s, after.changed_s);
		assert_int_equal(before.state, after.state);
		assert_int_equal(before.pending_certificate, after.pending_certificate);
		assert_int_equal(OK, list_certificates_of_device(h.reader, h.arena, u.device.row, 0,
					     10, &list, &count));
		assert_int_equal(certificates, count);
		chip_close(&c);
	}
}

static void
refused(const struct element_check *check, status want, const char *kind)
{
	int64_t entries = home_ledger_size(&h), version = device_now(unit.device.row).version;
	struct outcome o = { 0 };
	struct diag d = { 0 };
	status st = check_by_support(&unit, check, &o, &d);

	if (st != want || d.kind == NULL || strcmp(d.kind, kind) != 0) {
		fail_msg("%s wanted, got %s %s \"%s\"", kind, status_name(st), d.kind, d.text);
	}
	assert_int_equal(entries, home_ledger_size(&h));
	assert_int_equal(version, device_now(unit.device.row).version);
}

static void
what_does_not_hold_leaves_nothing(void **state)
{
	struct chip_attest how = honest(4);
	struct element_check check;
	uint8_t key[64];

	(void)state;
	/* Another chip's, another key's, an old key's, one in a slot of another kind; nonsense. */
	how.signer = &other;
	check = check_of(&chip, &how);
	refused(&check, CRYPTO, ATTESTATION_FAILED);
	how = honest(4);
	check = check_of(&chip, &how);
	memcpy(key, check.point, sizeof(key));
	memcpy(check.point, chip.points[3], sizeof(check.point));
	refused(&check, CRYPTO, ATTESTATION_FAILED);
	how = honest(4);
	how.genkey[0] = 0x08;
	check = check_of(&chip, &how);
	refused(&check, CRYPTO, ATTESTATION_OLD_KEY);
	check.evidence = span_text("nonsense");
	refused(&check, BAD_INPUT, ATTESTATION_MALFORMED);
	check.evidence = span_of(NULL, 0);
	refused(&check, BAD_INPUT, ATTESTATION_MALFORMED);
	/* Over a challenge for a key, for another device, too old, of nobody's. */
	how = chip_honest(&chip, 4, challenge_of(&unit, CHALLENGE_KEY));
	check = check_of(&chip, &how);
	refused(&check, DENIED, CHALLENGE_PURPOSE);
	how = chip_honest(&chip, 4, span_text("0123456789abcdef0123456789abcdef0123456789"));
	check = check_of(&chip, &how);
	refused(&check, DENIED, CHALLENGE_FOREIGN);
	how = honest(4);
	check = check_of(&chip, &how);
	home_add_s(&h, CHALLENGE_LIFETIME_S + 1);
	refused(&check, DENIED, CHALLENGE_EXPIRED);
}

static void
a_challenge_serves_once(void **state)
{
	struct chip_attest how = honest(4);
	struct element_check check = check_of(&chip, &how);
	struct outcome o = { 0 };
	struct diag d = { 0 };

	(void)state;
	assert_ok(check_by_support(&unit, &check, &o, &d), d);
	refused(&check, EXISTS, CHALLENGE_REPLAYED);
	/* With another key too. */
	how = chip_honest(&chip, 3, how.challenge);
	check = check_of(&chip, &how);
	refused(&check, EXISTS, CHALLENGE_REPLAYED);
}

/* Nobody gets a certificate by it: its purpose is another. */
static void
no_certificate_by_a_check(void **state)
{
	struct chip c;
	struct unit u = unit_with(&c, 20, DEVICE_AWAITING_DEVICE);
	struct chip_attest how = chip_honest(&c, 4, challenge_of(&u, CHALLENGE_ELEMENT));
	span csr = chip_request(h.arena, &c, 4, chip_attest(h.arena, &c, &how));
	struct outcome o;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(DENIED, enrol(u.birth, csr, false, &o, &d));
	assert_string_equal(CHALLENGE_PURPOSE, d.kind);
	chip_close(&c);
}

static void
a_tokens_word(void **state)
{
	struct element like = {
		.model = "TA100", .part_number = "TA100-T", .is_vendors_word = true
	};
	struct unit u = unit_like(30, &like, DEVICE_HELD);
	struct evidence e = { .kind = EVIDENCE_TOKEN,
		.challenge = challenge_of(&u, CHALLENGE_ELEMENT) };
	struct element_check check = { 0 };
	struct outcome o = { 0 };
	struct diag d = { 0 };
	struct buffer b;

	(void)state;
	e.token = (struct evidence_token){ span_text("TA100"), span_of(NULL, 0), true, true, true };
	buffer_init(&b, EVIDENCE_MAX);
	assert_ok(evidence_write(&e, &b, &d), d);
	check.evidence = buffer_span(&b);
	memcpy(check.point, chip.points[3], sizeof(check.point));
	assert_ok(check_by_support(&u, &check, &o, &d), d);
	assert_int_equal(LEVEL_VENDOR_UNVERIFIED, o.element.level);
	assert_int_equal(-1, o.element.slot);
	assert_true(holds(home_ledger_last(&h), "\"level\":\"vendor-unverified\""));
	assert_false(holds(home_ledger_last(&h), "\"part\""));
	buffer_wipe(&b);
}

static void
who_may(void **state)
{
	static const struct {
		enum operator_role role;
		status want;
	} rows[] = { { OPERATOR_ADMIN, OK }, { OPERATOR_MAKER, OK }, { OPERATOR_SUPPORT, OK },
		{ OPERATOR_WATCH, DENIED }, { OPERATOR_AUDITOR, DENIED },
		{ OPERATOR_OWNER, NOT_FOUND }, { OPERATOR_RA, NOT_FOUND } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chip_attest how = honest(4);
		struct element_check check = check_of(&chip, &how);
		struct outcome o = { 0 };
		struct session s = h.session;

		s.actor = (struct actor){ .kind = ACTOR_OPERATOR,
			.account = { .row = 9, .role = rows[i].role, .owner = 77 } };
		assert_int_equal(
			rows[i].want, element_check(&s, unit.device.row, &check, &o, NULL));
	}
}

static void
set_state(const struct unit *u, enum device_state state)
{
	struct device device = device_now(u->device.row);
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };

	device.state = state;
	change_device_set(c, &device);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
}

/* The device itself, by the way in that it has at that moment. */
static void
a_device_checks_its_own(void **state)
{
	struct chip c;
	struct unit u = unit_with(&c, 40, DEVICE_AWAITING_DEVICE);
	struct chip_attest how = chip_honest(&c, 4, challenge_of(&u, CHALLENGE_ELEMENT));
	struct element_check check = check_of(&c, &how);
	struct outcome o = { 0 };
	struct admission who;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(ACCESS_ENROLMENT, admit(u.birth, &who));
	assert_int_equal(BUG, element_check(&h.session, u.device.row, &check, &o, &d));
	check.who = &who;
	assert_ok(element_check(&h.session, u.device.row, &check, &o, &d), d);
	assert_true(holds(home_ledger_last(&h), "\"actor\":\"device\""));
	/* Another device's record. */
	assert_int_equal(NOT_FOUND, element_check(&h.session, unit.device.row, &check, &o, &d));
	/* It was let in, and is suspended before it is judged. */
	how = chip_honest(&c, 4, challenge_of(&u, CHALLENGE_ELEMENT));
	check = check_of(&c, &how);
	check.who = &who;
	set_state(&u, DEVICE_SUSPENDED);
	diag_clear(&d);
	assert_int_equal(DENIED, element_check(&h.session, u.device.row, &check, &o, &d));
	set_state(&u, DEVICE_AWAITING_DEVICE);
	assert_ok(element_check(&h.session, u.device.row, &check, &o, &d), d);
	chip_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_holds_is_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_does_not_hold_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_challenge_serves_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_certificate_by_a_check, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_tokens_word, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_may, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_checks_its_own, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
