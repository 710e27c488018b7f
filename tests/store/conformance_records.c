#include "bench.h"

/* Records come back as they were. */

static void
test_nothing_there(void **state)
{
	struct bench *b = *state;
	struct device d;
	struct certificate k;
	struct offer o;
	struct claim_code code;
	struct warranty_case w;
	struct idempotency i;
	struct operator_account who;
	uint8_t hash[32] = { 1 };
	id nobody = { { 9 } };
	span value;
	bool is_known = true;
	int64_t n = -1;
	assert_status(NOT_FOUND, read_device(b->reader, 1, &d));
	assert_status(NOT_FOUND, read_device_by_id(b->reader, &nobody, &d));
	assert_status(NOT_FOUND, read_device_by_serial(b->reader, "00", &d));
	assert_status(NOT_FOUND, read_certificate(b->reader, b->arena, 1, &k));
	assert_status(NOT_FOUND, read_certificate_by_fingerprint(b->reader, b->arena, hash, &k));
	assert_status(NOT_FOUND, read_certificate_by_index(b->reader, b->arena, 1, 1, &k));
	assert_status(NOT_FOUND,
		read_certificate_by_serial(b->reader, b->arena, hash, SPAN_ARRAY(hash), &k));
	assert_status(NOT_FOUND, read_certificate_by_request(b->reader, b->arena, 1, hash, &k));
	assert_status(NOT_FOUND, read_offer(b->reader, 1, &o));
	assert_status(NOT_FOUND, read_offer_by_id(b->reader, &nobody, &o));
	assert_status(NOT_FOUND, read_claim_code(b->reader, 1, &code));
	assert_status(NOT_FOUND, read_open_case(b->reader, 1, &w));
	assert_status(NOT_FOUND, read_idempotency(b->reader, b->arena, 1, "k", &i));
	assert_status(NOT_FOUND, read_operator_by_token(b->reader, hash, &who));
	assert_status(NOT_FOUND, read_setting(b->reader, b->arena, "none", &value));
	assert_status(OK, read_key_is_known(b->reader, hash, &is_known));
	assert_false(is_known);
	assert_status(OK, read_last_index(b->reader, b->base.issuing.row, &n));
	assert_int_equal(0, n);
	assert_int_equal(0, bench_ledger_size(b));
}

static void
test_base_comes_back(void **state)
{
	struct bench *b = *state;
	struct owner o;
	struct fleet f;
	struct authority a;
	assert_status(OK, read_owner(b->reader, b->base.maker.row, &o));
	assert_same(&b->base.maker, &o);
	assert_status(OK, read_owner_by_name(b->reader, "customer", &o));
	assert_same(&b->base.customer, &o);
	assert_status(OK, read_fleet(b->reader, b->base.fleet.row, &f));
	assert_same(&b->base.fleet, &f);
	assert_int_equal(b->base.issuing.row, f.authority);
	assert_status(OK, read_fleet_by_name(b->reader, "lamps", &f));
	assert_same(&b->base.fleet, &f);
	assert_status(OK, read_authority(b->reader, b->arena, b->base.issuing.row, &a));
	assert_int_equal(b->base.root.row, a.parent);
	assert_span(b->base.issuing.der, a.der);
	a.der = b->base.issuing.der;
	assert_same(&b->base.issuing, &a);
	assert_status(OK, read_authority_by_name(b->reader, b->arena, "root", &a));
	assert_int_equal(0, a.parent);
}

static void
test_unit_comes_back(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 7);
	struct device d;
	struct element e;
	struct certificate k;
	assert_true(u->device.row > 0);
	assert_int_equal(u->birth.row, u->device.birth_certificate);
	assert_status(OK, read_device_by_id(b->reader, &u->device.id, &d));
	assert_same(&u->device, &d);
	assert_status(OK, read_device_by_serial(b->reader, u->device.serial, &d));
	assert_same(&u->device, &d);
	assert_status(OK, read_element(b->reader, u->element.row, &e));
	assert_same(&u->element, &e);
	assert_int_equal(u->device.row, e.device);
	assert_status(OK, read_element_by_serial(b->reader, u->element.serial, &e));
	assert_same(&u->element, &e);
	assert_status(
		OK, read_certificate_by_fingerprint(b->reader, b->arena, u->birth.fingerprint, &k));
	assert_same_certificate(&u->birth, k);
	assert_status(OK, read_certificate_by_serial(b->reader, b->arena, u->birth.issuer_hash,
				  span_of(u->birth.serial, u->birth.serial_len), &k));
	assert_same_certificate(&u->birth, k);
}

static void
test_operational_comes_back(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct certificate *k = bench_issue(b, u->device.row, 42);
	struct certificate got;
	int64_t last = 0;
	assert_status(
		OK, read_certificate_by_index(b->reader, b->arena, b->base.issuing.row, 42, &got));
	assert_same_certificate(k, got);
	assert_status(OK, read_certificate_by_request(
				  b->reader, b->arena, u->device.row, k->request_hash, &got));
	assert_int_equal(k->row, got.row);
	assert_status(NOT_FOUND, read_certificate_by_request(b->reader, b->arena, u->device.row + 1,
					 k->request_hash, &got));
	assert_status(OK, read_last_index(b->reader, b->base.issuing.row, &last));
	assert_int_equal(42, last);
}

static void
test_operators(void **state)
{
	struct bench *b = *state;
	struct operator_account one, two, got;
	sample_operator(&one, "ada", 1);
	sample_operator(&two, "bob", 2);
	memset(two.token_hash, 0, 32);
	memset(two.certificate_fingerprint, 0, 32);
	two.owner = b->base.customer.row;
	struct change *c = bench_change(b);
	change_operator_add(c, &one);
	change_operator_add(c, &two);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_operator_by_token(b->reader, one.token_hash, &got));
	assert_same(&one, &got);
	assert_status(
		OK, read_operator_by_certificate(b->reader, one.certificate_fingerprint, &got));
	assert_same(&one, &got);
	/* No token is nobody's token. */
	assert_status(NOT_FOUND, read_operator_by_token(b->reader, two.token_hash, &got));
	assert_status(OK, read_operator_by_name(b->reader, "bob", &got));
	assert_same(&two, &got);
	two.is_disabled = true;
	memset(two.token_hash, 5, 32);
	c = bench_change(b);
	change_operator_set(c, &two);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_operator_by_token(b->reader, two.token_hash, &got));
	assert_true(got.is_disabled);
	two.is_disabled = false; /* by somebody who looked at him before */
	c = bench_change(b);
	change_operator_set(c, &two);
	assert_status(NOT_FOUND, bench_commit(b, c));
	two.row = 77;
	c = bench_change(b);
	change_operator_set(c, &two);
	assert_status(NOT_FOUND, bench_commit(b, c));
}

static void
test_manifest(void **state)
{
	struct bench *b = *state;
	static struct manifest_record m = {
		.phase = PHASE_PILOT, .file_hash = { 1, 2, 3 }, .at_s = SAMPLE_START_S
	};
	struct manifest_record got;
	m.fleet = b->base.fleet.row;
	sample_id(&m.id, 50, 1);
	struct change *c = bench_change(b);
	change_manifest_add(c, &m);
	assert_status(OK, bench_commit(b, c));
	m.accepted = 5;
	m.refused = 2;
	m.known = 1;
	m.is_complete = true;
	c = bench_change(b);
	change_manifest_counts(c, &m);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_manifest_by_hash(b->reader, m.file_hash, b->base.fleet.row, &got));
	assert_same(&m, &got);
	struct manifest_record again = m;
	sample_id(&again.id, 50, 2);
	c = bench_change(b);
	change_manifest_add(c, &again);
	assert_status(EXISTS, bench_commit(b, c));
	assert_int_equal(0, again.row);
}

static void
test_settings(void **state)
{
	struct bench *b = *state;
	span got;
	for (int i = 0; i < 2; i++) {
		struct change *c = bench_change(b);
		change_setting(c, "ledger_origin", span_text(i ? "second" : "first"));
		change_setting(c, "empty", span_of(NULL, 0));
		assert_status(OK, bench_commit(b, c));
		assert_status(OK, read_setting(b->reader, b->arena, "ledger_origin", &got));
		assert_true(span_is(got, i ? "second" : "first"));
	}
	assert_status(OK, read_setting(b->reader, b->arena, "empty", &got));
	assert_int_equal(0, got.len);
}

static void
test_claim_code(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct claim_code k = {
		.device = u->device.row, .salt = { 1 }, .hash = { 2 }, .created_s = SAMPLE_START_S
	};
	struct claim_code got;
	for (int i = 0; i < 2; i++) {
		k.failures = i;
		k.locked_until_s = i * 100;
		k.burnt_s = i * 200;
		struct change *c = bench_change(b);
		change_claim_code_put(c, &k);
		assert_status(OK, bench_commit(b, c));
		assert_status(OK, read_claim_code(b->reader, u->device.row, &got));
		assert_same(&k, &got);
	}
}

static void
test_pins(void **state)
{
	struct bench *b = *state;
	static struct pinned_signer p = { .name = "signer 1",
		.kid = { 1 },
		.x5t_sha256 = { 2 },
		.trust = PIN_SELF,
		.phase = PHASE_PILOT,
		.created_s = SAMPLE_START_S };
	struct pinned_signer q;
	struct pinned_signer *got;
	size_t count;
	p.der = span_text("der");
	q = p;
	q.fleet = b->base.fleet.row;
	struct change *c = bench_change(b);
	change_pin_add(c, &p);
	change_pin_add(c, &q);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, list_pins(b->reader, b->arena, 0, 10, &got, &count));
	assert_int_equal(2, count);
	assert_span(p.der, got[0].der);
	got[0].der = p.der;
	assert_same(&p, &got[0]);
	assert_int_equal(b->base.fleet.row, got[1].fleet);
	for (int i = 0; i < 2; i++) {
		struct pinned_signer twice = i ? q : p;
		c = bench_change(b);
		change_pin_add(c, &twice);
		assert_status(EXISTS, bench_commit(b, c));
	}
}

static void
test_cases(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	static struct warranty_case w = { .consent = CONSENT_DEVICE_PROOF,
		.reason = "defect",
		.note = "hums",
		.opened_s = SAMPLE_START_S };
	static struct warranty_case second;
	struct warranty_case got;
	w.device = u->device.row;
	w.owner = b->base.customer.row;
	sample_id(&w.id, 60, 1);
	second = w;
	sample_id(&second.id, 60, 2);
	struct change *c = bench_change(b);
	change_case_add(c, &w);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_open_case(b->reader, u->device.row, &got));
	assert_same(&w, &got);
	c = bench_change(b);
	change_case_add(c, &second);
	assert_status(EXISTS, bench_commit(b, c));
	c = bench_change(b);
	change_case_close(c, w.row, SAMPLE_START_S + 9);
	change_case_add(c, &second);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_open_case(b->reader, u->device.row, &got));
	assert_same(&second, &got);
	c = bench_change(b);
	change_case_close(c, w.row, SAMPLE_START_S + 10);
	assert_status(CONFLICT, bench_commit(b, c));
}

/* Tries are counted at the value that was read, so that none is lost. */
static void
test_tries_of_codes(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	struct claim_code k = { .device = u->device.row, .salt = { 1 }, .hash = { 2 } }, got;
	struct change *c = bench_change(b);
	change_claim_code_put(c, &k);
	assert_status(OK, bench_commit(b, c));
	k.failures = 1;
	k.locked_until_s = 500;
	c = bench_change(b);
	change_claim_code_tried(c, &k, 0);
	assert_status(OK, bench_commit(b, c));
	assert_status(OK, read_claim_code(b->reader, u->device.row, &got));
	assert_int_equal(1, got.failures);
	assert_int_equal(500, got.locked_until_s);
	c = bench_change(b);
	change_claim_code_tried(c, &k, 0); /* it stands at 1 by now */
	assert_status(CONFLICT, bench_commit(b, c));
	k.salt[0] = 9; /* another code by now */
	c = bench_change(b);
	change_claim_code_tried(c, &k, 1);
	assert_status(CONFLICT, bench_commit(b, c));
	k.device = 999;
	c = bench_change(b);
	change_claim_code_tried(c, &k, 1);
	assert_status(CONFLICT, bench_commit(b, c));
	assert_status(OK, read_claim_code(b->reader, u->device.row, &got));
	assert_int_equal(1, got.failures);
}

static void
test_attempts(void **state)
{
	static const struct {
		int64_t from, to;
		status want;
	} rows[] = { { 0, 1, OK }, { 0, 1, CONFLICT }, { 1, 2, OK }, { 1, 2, CONFLICT },
		{ 2, 0, OK }, { 0, 1, OK } };
	struct bench *b = *state;
	struct attempt got;
	assert_status(OK, read_attempt(b->reader, "offer:1", &got));
	assert_string_equal("offer:1", got.subject);
	assert_int_equal(0, got.failures + got.locked_until_s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct attempt a = { .subject = "offer:1",
			.failures = rows[i].to,
			.locked_until_s = 100 + rows[i].to };
		struct change *c = bench_change(b);
		change_attempt_put(c, &a, rows[i].from);
		assert_status(rows[i].want, bench_commit(b, c));
	}
	bench_reopen(b);
	assert_status(OK, read_attempt(b->reader, "offer:1", &got));
	assert_int_equal(1, got.failures);
	assert_int_equal(101, got.locked_until_s);
	assert_status(OK, read_attempt(b->reader, "offer:2", &got));
	assert_int_equal(0, got.failures);
}

static void
test_devices_begin_at_version_1(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = bench_onboard(b, 1);
	assert_int_equal(1, u->device.version);
	assert_int_equal(1, bench_device(b, u->device.row).version);
}

const struct CMUnitTest conformance_records[] = {
	BENCH_TEST(test_nothing_there),
	BENCH_TEST(test_base_comes_back),
	BENCH_TEST(test_unit_comes_back),
	BENCH_TEST(test_operational_comes_back),
	BENCH_TEST(test_operators),
	BENCH_TEST(test_manifest),
	BENCH_TEST(test_settings),
	BENCH_TEST(test_claim_code),
	BENCH_TEST(test_pins),
	BENCH_TEST(test_cases),
	BENCH_TEST(test_tries_of_codes),
	BENCH_TEST(test_attempts),
	BENCH_TEST(test_devices_begin_at_version_1),
	{ 0 },
};
