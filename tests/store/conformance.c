#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "conformance.h"
#include "sample.h"

/* One test's store, with what most need. */
struct bench {
	struct store *store;
	struct reader *reader;
	struct arena *arena;
	struct diag d;
	struct sample_base base;
};

static const struct conformance *how;

#define assert_status(want, expression) assert_int_equal((want), (expression))

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->arena = arena_new(32 << 20);
	b->store = how->open_empty();
	assert_non_null(b->store);
	assert_status(OK, sample_base_store(b->store, &b->base, &b->d));
	assert_status(OK, reader_open(b->store, &b->reader, &b->d));
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;
	reader_close(b->reader);
	store_close(b->store);
	arena_free(b->arena);
	free(b);
	return 0;
}

static void
reopen(struct bench *b)
{
	reader_close(b->reader);
	store_close(b->store);
	b->store = how->open_again();
	assert_non_null(b->store);
	assert_status(OK, reader_open(b->store, &b->reader, &b->d));
}

static status
commit(struct bench *b, struct change *c)
{
	diag_clear(&b->d);
	return store_commit(b->store, c, NULL, &b->d);
}

static struct change *
new_change(struct bench *b)
{
	struct change *c = change_new(b->arena);
	assert_non_null(c);
	return c;
}

static struct sample_unit *
onboard(struct bench *b, unsigned number)
{
	struct sample_unit *u = ARENA_NEW(b->arena, struct sample_unit);
	assert_non_null(u);
	sample_unit_fill(u, &b->base, number);
	assert_status(OK, commit(b, sample_unit_change(b->arena, u)));
	return u;
}

static struct certificate *
issue(struct bench *b, int64_t device, unsigned number)
{
	struct certificate *k = ARENA_NEW(b->arena, struct certificate);
	assert_non_null(k);
	sample_operational(k, &b->base, number);
	k->device = device;
	struct change *c = new_change(b);
	change_certificate_add(c, k);
	assert_status(OK, commit(b, c));
	return k;
}

static struct device
device_now(struct bench *b, int64_t row)
{
	struct device d;
	assert_status(OK, read_device(b->reader, row, &d));
	return d;
}

static struct certificate
certificate_now(struct bench *b, int64_t row)
{
	struct certificate k;
	assert_status(OK, read_certificate(b->reader, b->arena, row, &k));
	return k;
}

static int64_t
ledger_size(struct bench *b)
{
	int64_t size = -1;
	assert_status(OK, read_ledger_size(b->reader, &size));
	return size;
}

#define assert_same(a, b) assert_memory_equal((a), (b), sizeof(*(a)))
#define assert_span(a, b) assert_true(span_equal((a), (b)))

/* All but the DER, which lies elsewhere. */
static void
assert_same_certificate(const struct certificate *a, struct certificate b)
{
	assert_span(a->der, b.der);
	b.der = a->der;
	assert_same(a, &b);
}

/* --- records come back as they were ------------------------------------ */

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
	struct operator who;
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
	assert_int_equal(0, ledger_size(b));
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
	struct sample_unit *u = onboard(b, 7);
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
	struct sample_unit *u = onboard(b, 1);
	struct certificate *k = issue(b, u->device.row, 42);
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
	struct operator one, two, got;
	sample_operator(&one, "ada", 1);
	sample_operator(&two, "bob", 2);
	memset(two.token_hash, 0, 32);
	memset(two.certificate_fingerprint, 0, 32);
	two.owner = b->base.customer.row;
	struct change *c = new_change(b);
	change_operator_add(c, &one);
	change_operator_add(c, &two);
	assert_status(OK, commit(b, c));
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
	c = new_change(b);
	change_operator_set(c, &two);
	assert_status(OK, commit(b, c));
	assert_status(OK, read_operator_by_token(b->reader, two.token_hash, &got));
	assert_true(got.is_disabled);
	two.row = 77;
	c = new_change(b);
	change_operator_set(c, &two);
	assert_status(NOT_FOUND, commit(b, c));
}

static void
test_manifest(void **state)
{
	struct bench *b = *state;
	struct manifest_record m = { .fleet = b->base.fleet.row,
		.phase = PHASE_PILOT,
		.file_hash = { 1, 2, 3 },
		.at_s = SAMPLE_START_S };
	struct manifest_record got;
	sample_id(&m.id, 50, 1);
	struct change *c = new_change(b);
	change_manifest_add(c, &m);
	assert_status(OK, commit(b, c));
	m.accepted = 5;
	m.refused = 2;
	m.known = 1;
	m.is_complete = true;
	c = new_change(b);
	change_manifest_counts(c, &m);
	assert_status(OK, commit(b, c));
	assert_status(OK, read_manifest_by_hash(b->reader, m.file_hash, b->base.fleet.row, &got));
	assert_same(&m, &got);
	struct manifest_record again = m;
	sample_id(&again.id, 50, 2);
	c = new_change(b);
	change_manifest_add(c, &again);
	assert_status(EXISTS, commit(b, c));
	assert_int_equal(0, again.row);
}

static void
test_settings(void **state)
{
	struct bench *b = *state;
	span got;
	for (int i = 0; i < 2; i++) {
		struct change *c = new_change(b);
		change_setting(c, "ledger_origin", span_text(i ? "second" : "first"));
		change_setting(c, "empty", span_of(NULL, 0));
		assert_status(OK, commit(b, c));
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
	struct sample_unit *u = onboard(b, 1);
	struct claim_code k = {
		.device = u->device.row, .salt = { 1 }, .hash = { 2 }, .created_s = SAMPLE_START_S
	};
	struct claim_code got;
	for (int i = 0; i < 2; i++) {
		k.failures = i;
		k.locked_until_s = i * 100;
		k.burnt_s = i * 200;
		struct change *c = new_change(b);
		change_claim_code_put(c, &k);
		assert_status(OK, commit(b, c));
		assert_status(OK, read_claim_code(b->reader, u->device.row, &got));
		assert_same(&k, &got);
	}
}

static void
test_pins(void **state)
{
	struct bench *b = *state;
	struct pinned_signer p = { .name = "signer 1",
		.kid = { 1 },
		.x5t_sha256 = { 2 },
		.der = span_text("der"),
		.trust = PIN_SELF,
		.phase = PHASE_PILOT,
		.created_s = SAMPLE_START_S };
	struct pinned_signer q = p;
	struct pinned_signer *got;
	size_t count;
	q.fleet = b->base.fleet.row;
	struct change *c = new_change(b);
	change_pin_add(c, &p);
	change_pin_add(c, &q);
	assert_status(OK, commit(b, c));
	assert_status(OK, list_pins(b->reader, b->arena, 0, 10, &got, &count));
	assert_int_equal(2, count);
	assert_span(p.der, got[0].der);
	got[0].der = p.der;
	assert_same(&p, &got[0]);
	assert_int_equal(b->base.fleet.row, got[1].fleet);
	for (int i = 0; i < 2; i++) {
		struct pinned_signer twice = i ? q : p;
		c = new_change(b);
		change_pin_add(c, &twice);
		assert_status(EXISTS, commit(b, c));
	}
}

static void
test_cases(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct warranty_case w = { .device = u->device.row,
		.owner = b->base.customer.row,
		.consent = CONSENT_DEVICE_PROOF,
		.reason = "defect",
		.note = "hums",
		.opened_s = SAMPLE_START_S };
	struct warranty_case got, second = w;
	sample_id(&w.id, 60, 1);
	sample_id(&second.id, 60, 2);
	struct change *c = new_change(b);
	change_case_add(c, &w);
	assert_status(OK, commit(b, c));
	assert_status(OK, read_open_case(b->reader, u->device.row, &got));
	assert_same(&w, &got);
	c = new_change(b);
	change_case_add(c, &second);
	assert_status(EXISTS, commit(b, c));
	c = new_change(b);
	change_case_close(c, w.row, SAMPLE_START_S + 9);
	change_case_add(c, &second);
	assert_status(OK, commit(b, c));
	assert_status(OK, read_open_case(b->reader, u->device.row, &got));
	assert_same(&second, &got);
	c = new_change(b);
	change_case_close(c, w.row, SAMPLE_START_S + 10);
	assert_status(CONFLICT, commit(b, c));
}

/* --- whole or not at all -------------------------------------------------- */

static void
test_stale_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct device mine = device_now(b, u->device.row);
	struct device theirs = mine;
	struct change *c = new_change(b);
	theirs.state = DEVICE_SUSPENDED;
	change_device_set(c, &theirs);
	assert_status(OK, commit(b, c));
	assert_int_equal(mine.version + 1, device_now(b, mine.row).version);

	struct certificate k;
	struct deny_record deny = { .serial_len = 1, .fingerprint = { 1 }, .issuer_hash = { 1 } };
	sample_operational(&k, &b->base, 1);
	c = new_change(b);
	change_certificate_add(c, &k);
	change_ledger(c, span_text("{}"), NULL, 1);
	change_deny(c, &deny);
	mine.state = DEVICE_ACTIVE;
	change_device_set(c, &mine);
	assert_status(CONFLICT, commit(b, c));
	assert_true(b->d.text[0] != '\0');
	assert_int_equal(DEVICE_SUSPENDED, device_now(b, mine.row).state);
	assert_int_equal(1, ledger_size(b));
	assert_int_equal(0, k.row);
	struct certificate got;
	struct deny_record *list;
	size_t count;
	assert_status(NOT_FOUND,
		read_certificate_by_fingerprint(b->reader, b->arena, k.fingerprint, &got));
	assert_status(OK, list_deny(b->reader, b->arena, 0, 10, &list, &count));
	assert_int_equal(0, count);
	mine.row = 999;
	c = new_change(b);
	change_device_set(c, &mine);
	assert_status(NOT_FOUND, commit(b, c));
}

static void
test_every_field_of_a_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct element board;
	sample_element(&board, 2);
	struct device d = device_now(b, u->device.row);
	snprintf(d.serial, sizeof(d.serial), "%s", board.serial);
	d.state = DEVICE_SUSPENDED;
	d.state_before = DEVICE_ACTIVE;
	d.suspend_rank = RANK_MAKER;
	d.marks = MARK_STOLEN | MARK_LEGAL_HOLD;
	d.owner = b->base.customer.row;
	d.offer = 5;
	d.birth_is_denied = true;
	d.current_certificate = 6;
	d.pending_certificate = 7;
	d.last_good_certificate = 8;
	d.key_generation = 9;
	d.changed_s += 100;
	struct change *c = new_change(b);
	change_element_add(c, &board);
	change_link(c, &d.element, CHANGE_REF(&board));
	change_device_set(c, &d);
	assert_status(OK, commit(b, c));
	d.version++;
	struct device got = device_now(b, d.row);
	assert_same(&d, &got);
	assert_status(OK, read_device_by_serial(b->reader, board.serial, &got));
	assert_int_equal(d.row, got.row);
	assert_status(NOT_FOUND, read_device_by_serial(b->reader, u->element.serial, &got));
}

static void
test_stale_fleet(void **state)
{
	struct bench *b = *state;
	struct fleet f = b->base.fleet;
	struct change *c = new_change(b);
	f.lifetime_s = 5;
	change_fleet_set(c, &f);
	assert_status(OK, commit(b, c));
	c = new_change(b);
	change_fleet_set(c, &f);
	assert_status(CONFLICT, commit(b, c));
	assert_status(OK, read_fleet(b->reader, f.row, &f));
	assert_int_equal(5, f.lifetime_s);
	assert_int_equal(b->base.fleet.version + 1, f.version);
	f.row = 999;
	c = new_change(b);
	change_fleet_set(c, &f);
	assert_status(NOT_FOUND, commit(b, c));
}

enum clash { CLASH_FINGERPRINT, CLASH_SERIAL, CLASH_INDEX, CLASH_KEY, CLASH_COUNT };

static void
test_unique_certificates(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct certificate *first = issue(b, u->device.row, 1);
	for (int i = 0; i < CLASH_COUNT; i++) {
		struct certificate k;
		sample_operational(&k, &b->base, (unsigned)(2 + i));
		switch ((enum clash)i) {
		case CLASH_FINGERPRINT:
			memcpy(k.fingerprint, first->fingerprint, 32);
			break;
		case CLASH_SERIAL:
			memcpy(k.serial, first->serial, sizeof(k.serial));
			break;
		case CLASH_INDEX:
			k.index = first->index;
			break;
		default:
			memcpy(k.key_hash, first->key_hash, 32);
		}
		struct change *c = new_change(b);
		change_ledger(c, span_text("{}"), NULL, 1);
		change_certificate_add(c, &k);
		assert_status(EXISTS, commit(b, c));
		assert_non_null(strstr(b->d.text, "certificate"));
		assert_int_equal(1, ledger_size(b));
	}
}

static void
test_same_values_that_may_be(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct certificate *first = issue(b, u->device.row, 1);
	struct certificate other_issuer, other_kind;
	bool is_known = false;
	sample_operational(&other_issuer, &b->base, 2);
	memcpy(other_issuer.serial, first->serial, sizeof(first->serial));
	other_issuer.issuer_hash[0] ^= 1;
	/* The same key in a certificate that gives no access: chain certificates, birth. */
	sample_birth(&other_kind, 3);
	memcpy(other_kind.key_hash, first->key_hash, 32);
	struct change *c = new_change(b);
	change_certificate_add(c, &other_issuer);
	change_certificate_add(c, &other_kind);
	assert_status(OK, commit(b, c));
	assert_status(OK, read_key_is_known(b->reader, first->key_hash, &is_known));
	assert_true(is_known);
	assert_status(OK, read_key_is_known(b->reader, u->birth.key_hash, &is_known));
	assert_true(is_known);
}

static void
test_unique_names(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct owner o;
	struct fleet f;
	struct authority a;
	struct element e = u->element;
	struct device d;
	sample_owner(&o, "maker", 9);
	sample_fleet(&f, "lamps", &b->base, 9);
	sample_authority(&a, "root", 9);
	sample_device(&d, &b->base, 9);
	d.element = u->element.row;
	e.device = 0;
	struct change *c[5];
	for (size_t i = 0; i < 5; i++) {
		c[i] = new_change(b);
	}
	change_owner_add(c[0], &o);
	change_fleet_add(c[1], &f);
	change_authority_add(c[2], &a);
	change_element_add(c[3], &e);
	change_device_add(c[4], &d);
	for (size_t i = 0; i < 5; i++) {
		assert_status(EXISTS, commit(b, c[i]));
	}
}

static void
test_unknown_rows(void **state)
{
	struct bench *b = *state;
	struct device d;
	struct certificate k;
	struct offer o;
	sample_device(&d, &b->base, 1);
	d.fleet = 99;
	sample_operational(&k, &b->base, 1);
	k.device = 99;
	sample_offer(&o, &b->base, 99, 1);
	struct change *c[5];
	for (size_t i = 0; i < 5; i++) {
		c[i] = new_change(b);
		change_ledger(c[i], span_text("{}"), NULL, 1);
	}
	change_device_add(c[0], &d);
	change_certificate_add(c[1], &k);
	change_offer_add(c[2], &o);
	change_authority_crl_number(c[3], 99, 1);
	change_element_device(c[4], 99, 1);
	for (size_t i = 0; i < 5; i++) {
		assert_status(NOT_FOUND, commit(b, c[i]));
	}
	assert_int_equal(0, ledger_size(b));
	assert_int_equal(0, d.row);
}

static void
test_change_over_its_arena(void **state)
{
	struct bench *b = *state;
	struct arena *small = arena_new(2000);
	struct change *c = change_new(small);
	assert_non_null(c);
	for (int i = 0; i < 100; i++) {
		change_ledger(c, span_text("{}"), NULL, 1);
	}
	assert_status(NO_MEMORY, commit(b, c));
	assert_int_equal(0, ledger_size(b));
	arena_free(small);
}

static void
test_batch_with_refused_ones(void **state)
{
	struct bench *b = *state;
	enum { COUNT = 50 };
	struct sample_unit *u = arena_array(b->arena, COUNT, sizeof(*u));
	struct change *changes[COUNT];
	struct commit_result results[COUNT];
	onboard(b, 1000);
	for (unsigned i = 0; i < COUNT; i++) {
		/* Every seventh one is the same device again. */
		sample_unit_fill(&u[i], &b->base, i % 7 == 3 ? 1000 : i);
		changes[i] = sample_unit_change(b->arena, &u[i]);
	}
	assert_status(OK, store_commit_batch(b->store, changes, COUNT, results, &b->d));
	int64_t next_ledger = 1;
	int64_t last_row = 1;
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 7 == 3) {
			assert_status(EXISTS, results[i].status);
			assert_true(results[i].diag.text[0] != '\0');
			assert_int_equal(0, u[i].device.row);
			continue;
		}
		assert_status(OK, results[i].status);
		assert_int_equal(next_ledger++, results[i].first_ledger);
		assert_int_equal(++last_row, u[i].device.row);
		struct device got = device_now(b, u[i].device.row);
		assert_same(&u[i].device, &got);
	}
	assert_int_equal(next_ledger, ledger_size(b));
	struct store_counts n;
	assert_status(OK, read_counts(b->reader, &n));
	assert_int_equal(next_ledger, n.devices);
	assert_int_equal(next_ledger, n.by_state[DEVICE_HELD]);
	assert_status(OK, store_commit_batch(b->store, changes, 0, results, &b->d));
}

/* --- sequences -------------------------------------------------------------- */

static void
test_ledger(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	char text[25][16];
	for (unsigned i = 1; i < 25; i++) {
		struct change *c = new_change(b);
		int64_t first = -1;
		snprintf(text[i], sizeof(text[i]), "{\"n\":%u}", i);
		change_ledger(c, span_text(text[i]), i % 2 ? &u->device.row : NULL, 100 + i);
		if (i % 5 == 0) {
			/* refused, so its number is given again */
			change_case_close(c, 999, 1);
			assert_status(CONFLICT, commit(b, c));
			c = new_change(b);
			change_ledger(
				c, span_text(text[i]), i % 2 ? &u->device.row : NULL, 100 + i);
		}
		assert_status(OK, store_commit(b->store, c, &first, &b->d));
		assert_int_equal(i, first);
	}
	struct ledger_row *rows;
	size_t count;
	assert_status(OK, list_ledger(b->reader, b->arena, 20, 100, &rows, &count));
	assert_int_equal(5, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(20 + i, rows[i].sequence);
		assert_int_equal(120 + i, rows[i].at_s);
		assert_true(span_is(rows[i].entry, text[20 + i]));
		assert_int_equal(i % 2 ? u->device.row : 0, rows[i].device);
	}
	assert_status(OK,
		list_ledger_of_device(b->reader, b->arena, u->device.row, 20, 100, &rows, &count));
	assert_int_equal(2, count);
	assert_int_equal(21, rows[0].sequence);
	uint8_t large[LEDGER_ENTRY_MAX + 1] = { 0 };
	struct change *c = new_change(b);
	change_ledger(c, SPAN_ARRAY(large), NULL, 1);
	assert_status(LIMIT, commit(b, c));
	reopen(b);
	assert_int_equal(25, ledger_size(b));
}

static void
test_deny(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct deny_record r = { .action = DENY_SUSPEND,
		.fingerprint = { 1 },
		.issuer_hash = { 2 },
		.serial = { 3, 4 },
		.serial_len = 2,
		.authority = b->base.issuing.row,
		.index = 5,
		.device = u->device.row,
		.reason = REASON_KEY_COMPROMISE,
		.at_s = 6,
		.expires_s = 7 };
	for (int64_t i = 1; i <= 12; i++) {
		struct change *c = new_change(b);
		change_deny(c, &r);
		if (i % 3 == 0) {
			change_case_close(c, 999, 1);
			assert_status(CONFLICT, commit(b, c));
			continue;
		}
		assert_status(OK, commit(b, c));
	}
	reopen(b);
	struct change *c = new_change(b);
	change_deny(c, &r);
	assert_status(OK, commit(b, c));
	struct deny_record *list;
	size_t count;
	assert_status(OK, list_deny(b->reader, b->arena, 3, 100, &list, &count));
	assert_int_equal(7, count);
	for (size_t i = 0; i < count; i++) {
		r.sequence = 3 + (int64_t)i;
		assert_same(&r, &list[i]);
	}
}

static void
test_outbox(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct outbox_row o = { .point = "broker",
		.action = "disconnect",
		.device = u->device.row,
		.body = span_text("{}"),
		.at_s = 5 };
	struct outbox_row *list;
	size_t count;
	for (int i = 0; i < 3; i++) {
		struct change *c = new_change(b);
		change_outbox(c, &o);
		assert_status(OK, commit(b, c));
	}
	assert_status(OK, list_outbox(b->reader, b->arena, 1, 100, &list, &count));
	assert_int_equal(2, count);
	assert_string_equal("broker", list[0].point);
	assert_string_equal("disconnect", list[0].action);
	assert_int_equal(u->device.row, list[0].device);
	assert_true(span_is(list[0].body, "{}"));
	assert_int_equal(5, list[0].at_s);
	for (int64_t row = 1; row <= 3; row++) {
		struct change *c = new_change(b);
		change_outbox_done(c, row);
		assert_status(OK, commit(b, c));
	}
	struct change *c = new_change(b);
	change_outbox_done(c, 3);
	assert_status(NOT_FOUND, commit(b, c));
	/* A number once given means one thing for ever. */
	reopen(b);
	c = new_change(b);
	change_outbox(c, &o);
	assert_status(OK, commit(b, c));
	assert_status(OK, list_outbox(b->reader, b->arena, 0, 100, &list, &count));
	assert_int_equal(1, count);
	assert_int_equal(4, list[0].row);
}

/* --- certificates over their life --------------------------------------------- */

static void
test_certificate_status(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct certificate *k = issue(b, u->device.row, 1);
	struct change *c = new_change(b);
	change_certificate_status(
		c, k->row, 1 << CERTIFICATE_CURRENT, CERTIFICATE_SUPERSEDED, 9, REASON_SUPERSEDED);
	assert_status(CONFLICT, commit(b, c));
	c = new_change(b);
	change_certificate_status(
		c, k->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_CURRENT, 9, REASON_UNSPECIFIED);
	change_certificate_used(c, k->row, 10);
	assert_status(OK, commit(b, c));
	struct certificate got = certificate_now(b, k->row);
	assert_int_equal(CERTIFICATE_CURRENT, got.status);
	assert_int_equal(0, got.revoked_s);
	assert_int_equal(10, got.first_used_s);
	c = new_change(b);
	change_certificate_used(c, k->row, 99);
	change_certificate_status(c, k->row, 1 << CERTIFICATE_CURRENT | 1 << CERTIFICATE_PENDING,
		CERTIFICATE_REVOKED, 20, REASON_KEY_COMPROMISE);
	assert_status(OK, commit(b, c));
	got = certificate_now(b, k->row);
	assert_int_equal(CERTIFICATE_REVOKED, got.status);
	assert_int_equal(20, got.revoked_s);
	assert_int_equal(REASON_KEY_COMPROMISE, got.reason);
	assert_int_equal(10, got.first_used_s); /* the first stays */
}

static void
test_certificates_of_device(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	struct sample_unit *other = onboard(b, 2);
	struct certificate *k[4];
	for (unsigned i = 0; i < 3; i++) {
		k[i] = issue(b, u->device.row, i + 1);
	}
	k[3] = issue(b, other->device.row, 4);
	struct change *c = new_change(b);
	change_certificate_status(c, k[0]->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_SUPERSEDED, 5,
		REASON_SUPERSEDED);
	change_certificate_status(
		c, k[1]->row, 1 << CERTIFICATE_PENDING, CERTIFICATE_CURRENT, 5, REASON_UNSPECIFIED);
	/* One added in the order of the calls behind it is not touched. */
	struct certificate fresh;
	sample_operational(&fresh, &b->base, 9);
	fresh.device = u->device.row;
	change_certificates_of_device(
		c, u->device.row, CERTIFICATE_REVOKED, 30, REASON_CESSATION_OF_OPERATION);
	change_certificate_add(c, &fresh);
	assert_status(OK, commit(b, c));
	static const enum certificate_status want[] = { CERTIFICATE_SUPERSEDED, CERTIFICATE_REVOKED,
		CERTIFICATE_REVOKED, CERTIFICATE_PENDING };
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(want[i], certificate_now(b, k[i]->row).status);
	}
	assert_int_equal(CERTIFICATE_PENDING, certificate_now(b, fresh.row).status);
	assert_int_equal(CERTIFICATE_CURRENT, certificate_now(b, u->birth.row).status);
	c = new_change(b);
	change_certificates_of_device(c, 999, CERTIFICATE_REVOKED, 30, REASON_UNSPECIFIED);
	assert_status(OK, commit(b, c)); /* none is fine */
}

static void
end_certificate(struct bench *b, int64_t row, enum certificate_status to, int64_t at_s)
{
	struct change *c = new_change(b);
	change_certificate_status(c, row, 1 << CERTIFICATE_PENDING, to, at_s, REASON_SUPERSEDED);
	assert_status(OK, commit(b, c));
}

static void
test_revoked(void **state)
{
	struct bench *b = *state;
	struct revoked_entry *list;
	size_t count;
	const int64_t authority = b->base.issuing.row;
	const int64_t end_s = SAMPLE_START_S + 100000;
	static const enum certificate_status to[] = { CERTIFICATE_REVOKED, CERTIFICATE_SUPERSEDED,
		CERTIFICATE_WITHDRAWN, CERTIFICATE_CURRENT, CERTIFICATE_REVOKED };
	for (unsigned i = 1; i <= 5; i++) {
		struct certificate *k = issue(b, 0, i);
		end_certificate(b, k->row, to[i - 1], 1000 + i);
	}
	assert_status(OK, list_revoked(b->reader, b->arena, authority, 1, 100, end_s - 1, false,
				  100, &list, &count));
	assert_int_equal(2, count);
	assert_int_equal(1, list[0].index);
	assert_int_equal(5, list[1].index);
	assert_int_equal(1005, list[1].revoked_s);
	assert_int_equal(REASON_SUPERSEDED, list[1].reason);
	struct certificate k;
	sample_operational(&k, &b->base, 5);
	assert_int_equal(k.serial_len, list[1].serial_len);
	assert_memory_equal(k.serial, list[1].serial, k.serial_len);
	/* There until the certificate expires, gone with it. */
	assert_status(OK, list_revoked(b->reader, b->arena, authority, 1, 100, end_s, false, 100,
				  &list, &count));
	assert_int_equal(0, count);
	assert_status(OK,
		list_revoked(b->reader, b->arena, authority, 1, 100, 0, true, 100, &list, &count));
	assert_int_equal(4, count);
	assert_status(OK,
		list_revoked(b->reader, b->arena, authority, 2, 5, 0, true, 100, &list, &count));
	assert_int_equal(2, count);
	assert_status(OK,
		list_revoked(b->reader, b->arena, authority, 1, 100, 0, true, 1, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK, list_revoked(b->reader, b->arena, authority + 1, 1, 100, 0, true, 100,
				  &list, &count));
	assert_int_equal(0, count);
}

static void
test_pending(void **state)
{
	struct bench *b = *state;
	struct certificate *list;
	size_t count;
	for (unsigned i = 1; i <= 4; i++) {
		issue(b, 0, i); /* notBefore = start + i */
	}
	end_certificate(b, 2, CERTIFICATE_CURRENT, 0);
	assert_status(OK, list_certificates_pending_before(
				  b->reader, b->arena, SAMPLE_START_S + 4, 10, &list, &count));
	assert_int_equal(2, count);
	assert_int_equal(1, list[0].index);
	assert_int_equal(3, list[1].index);
}

static void
test_challenges_and_answers_expire(void **state)
{
	struct bench *b = *state;
	struct idempotency i = { .operator= 3,
		.key = "k1",
		.request_hash = { 1 },
		.http_status = 201,
		.body = span_text("{}"),
		.at_s = 1000 };
	struct idempotency got;
	struct change *c = new_change(b);
	change_challenge_burn(c, span_text("nonce"), 5000);
	change_idempotency(c, &i);
	assert_status(OK, commit(b, c));
	assert_status(OK, read_idempotency(b->reader, b->arena, 3, "k1", &got));
	assert_true(span_is(got.body, "{}"));
	got.body = i.body;
	assert_same(&i, &got);
	assert_status(NOT_FOUND, read_idempotency(b->reader, b->arena, 4, "k1", &got));
	c = new_change(b);
	change_idempotency(c, &i);
	assert_status(EXISTS, commit(b, c));
	for (int at_s = 5000; at_s <= 5001; at_s++) {
		c = new_change(b);
		change_expire(c, at_s);
		assert_status(OK, commit(b, c));
		c = new_change(b);
		change_challenge_burn(c, span_text("nonce"), 9000);
		assert_status(at_s == 5000 ? EXISTS : OK, commit(b, c));
	}
	assert_status(OK, read_idempotency(b->reader, b->arena, 3, "k1", &got));
	c = new_change(b);
	change_expire(c, 1001 + IDEMPOTENCY_KEPT_S);
	assert_status(OK, commit(b, c));
	assert_status(NOT_FOUND, read_idempotency(b->reader, b->arena, 3, "k1", &got));
}

static void
test_offers(void **state)
{
	struct bench *b = *state;
	struct offer o[4], got, *list;
	size_t count;
	for (unsigned i = 0; i < 4; i++) {
		struct sample_unit *u = onboard(b, i + 1);
		sample_offer(&o[i], &b->base, u->device.row, i + 1);
		if (i == 1) {
			o[i].from_owner = b->base.customer.row;
			o[i].to_owner = 0;
		}
		struct change *c = new_change(b);
		change_offer_add(c, &o[i]);
		assert_status(OK, commit(b, c));
	}
	assert_status(OK, read_offer_by_id(b->reader, &o[1].id, &got));
	assert_same(&o[1], &got);
	struct offer second = o[2];
	sample_id(&second.id, 70, 1);
	struct change *c = new_change(b);
	change_offer_add(c, &second);
	assert_status(EXISTS, commit(b, c));
	assert_status(OK, list_offers(b->reader, b->arena, 0, 0, 0, 10, &list, &count));
	assert_int_equal(4, count);
	assert_status(OK, list_offers(b->reader, b->arena, o[3].device, 0, 0, 10, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK,
		list_offers(b->reader, b->arena, 0, b->base.customer.row, 0, 10, &list, &count));
	assert_int_equal(4, count); /* to him, and one from him */
	assert_status(OK,
		list_offers(b->reader, b->arena, 0, b->base.maker.row, o[0].row, 1, &list, &count));
	assert_int_equal(1, count);
	assert_int_equal(o[2].row, list[0].row);
	assert_status(OK, list_offers(b->reader, b->arena, o[1].device, b->base.maker.row, 0, 10,
				  &list, &count));
	assert_int_equal(0, count);
	assert_status(OK,
		list_offers_expired(b->reader, b->arena, SAMPLE_START_S + 2, 10, &list, &count));
	assert_int_equal(2, count);
	c = new_change(b);
	change_offer_status(c, o[0].row, OFFER_OPEN, OFFER_TIMED_OUT);
	assert_status(OK, commit(b, c));
	c = new_change(b);
	change_offer_status(c, o[0].row, OFFER_OPEN, OFFER_ACCEPTED);
	assert_status(CONFLICT, commit(b, c));
	assert_status(OK,
		list_offers_expired(b->reader, b->arena, SAMPLE_START_S + 2, 10, &list, &count));
	assert_int_equal(1, count);
	assert_status(OK, read_offer(b->reader, o[0].row, &got));
	assert_int_equal(OFFER_TIMED_OUT, got.status);
}

/* --- lists ---------------------------------------------------------------------- */

static void
test_device_pages(void **state)
{
	struct bench *b = *state;
	struct fleet second;
	sample_fleet(&second, "locks", &b->base, 2);
	struct change *c = new_change(b);
	change_fleet_add(c, &second);
	assert_status(OK, commit(b, c));
	for (unsigned i = 0; i < 60; i++) {
		struct sample_unit u;
		sample_unit_fill(&u, &b->base, i);
		u.device.fleet = i % 2 ? second.row : b->base.fleet.row;
		u.device.owner = i % 3 ? b->base.maker.row : b->base.customer.row;
		u.device.state = i % 5 ? DEVICE_HELD : DEVICE_ACTIVE;
		assert_status(OK, commit(b, sample_unit_change(b->arena, &u)));
	}
	for (unsigned mask = 0; mask < 8; mask++) {
		struct device_filter f = { .fleet = mask & 1 ? second.row : 0,
			.owner = mask & 2 ? b->base.customer.row : 0,
			.state = mask & 4 ? DEVICE_ACTIVE : -1 };
		int64_t after = 0;
		unsigned found = 0, want = 0;
		for (unsigned i = 0; i < 60; i++) {
			want += (!(mask & 1) || i % 2) && (!(mask & 2) || i % 3 == 0) &&
				(!(mask & 4) || i % 5 == 0);
		}
		for (;;) {
			struct device *list;
			size_t count;
			assert_status(
				OK, list_devices(b->reader, b->arena, &f, after, 7, &list, &count));
			assert_true(count <= 7);
			for (size_t i = 0; i < count; i++) {
				assert_true(list[i].row > after);
				after = list[i].row;
				assert_true(!(mask & 1) || list[i].fleet == second.row);
				assert_true(!(mask & 2) || list[i].owner == b->base.customer.row);
				assert_true(!(mask & 4) || list[i].state == DEVICE_ACTIVE);
			}
			found += (unsigned)count;
			if (count < 7) {
				break;
			}
		}
		assert_int_equal(want, found);
	}
}

static void
test_other_pages(void **state)
{
	struct bench *b = *state;
	struct owner *owners;
	struct fleet *fleets;
	struct authority *authorities;
	struct operator* operators;
	struct certificate *certificates;
	size_t count;
	struct sample_unit *u = onboard(b, 1);
	for (unsigned i = 1; i <= 3; i++) {
		issue(b, u->device.row, i);
	}
	struct operator who;
	sample_operator(&who, "ada", 1);
	struct change *c = new_change(b);
	change_operator_add(c, &who);
	change_authority_crl_number(c, b->base.issuing.row, 17);
	assert_status(OK, commit(b, c));
	assert_status(OK, list_owners(b->reader, b->arena, 1, 10, &owners, &count));
	assert_int_equal(1, count);
	assert_same(&b->base.customer, &owners[0]);
	assert_status(OK, list_fleets(b->reader, b->arena, 0, 10, &fleets, &count));
	assert_int_equal(1, count);
	assert_same(&b->base.fleet, &fleets[0]);
	assert_status(OK, list_authorities(b->reader, b->arena, 0, 10, &authorities, &count));
	assert_int_equal(2, count);
	assert_int_equal(17, authorities[1].crl_number);
	assert_status(OK, list_operators(b->reader, b->arena, 0, 10, &operators, &count));
	assert_int_equal(1, count);
	assert_same(&who, &operators[0]);
	assert_status(OK, list_certificates_of_device(b->reader, b->arena, u->device.row,
				  u->birth.row, 2, &certificates, &count));
	assert_int_equal(2, count);
	assert_int_equal(1, certificates[0].index);
	assert_int_equal(2, certificates[1].index);
	assert_status(
		LIMIT, list_owners(b->reader, b->arena, 0, LIST_PAGE_MAX + 1, &owners, &count));
	struct ledger_row *rows;
	assert_status(OK, list_ledger(b->reader, b->arena, 0, CRL_SHARD_SIZE, &rows, &count));
	assert_status(
		LIMIT, list_ledger(b->reader, b->arena, 0, CRL_SHARD_SIZE + 1, &rows, &count));
}

static void
test_counts(void **state)
{
	struct bench *b = *state;
	for (unsigned i = 0; i < 5; i++) {
		onboard(b, i);
	}
	for (int64_t row = 1; row <= 2; row++) {
		struct device d = device_now(b, row);
		d.state = DEVICE_ACTIVE;
		struct change *c = new_change(b);
		change_device_set(c, &d);
		assert_status(OK, commit(b, c));
	}
	reopen(b);
	struct device d = device_now(b, 1);
	d.state = DEVICE_RETIRED;
	struct change *c = new_change(b);
	change_device_set(c, &d);
	assert_status(OK, commit(b, c));
	struct store_counts n;
	assert_status(OK, read_counts(b->reader, &n));
	assert_int_equal(5, n.devices);
	assert_int_equal(5, n.certificates);
	assert_int_equal(2, n.owners);
	assert_int_equal(1, n.fleets);
	assert_int_equal(5, n.ledger_entries);
	assert_int_equal(0, n.deny_records);
	assert_int_equal(3, n.by_state[DEVICE_HELD]);
	assert_int_equal(1, n.by_state[DEVICE_ACTIVE]);
	assert_int_equal(1, n.by_state[DEVICE_RETIRED]);
}

/* --- readers ----------------------------------------------------------------------- */

static void
test_snapshot(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	assert_status(OK, reader_begin(b->reader, &b->d));
	struct device before = device_now(b, u->device.row);
	struct device next = before;
	next.state = DEVICE_ACTIVE;
	struct change *c = new_change(b);
	change_device_set(c, &next);
	change_ledger(c, span_text("{}"), NULL, 1);
	assert_status(OK, commit(b, c));
	assert_int_equal(DEVICE_HELD, device_now(b, before.row).state);
	assert_int_equal(1, ledger_size(b));
	reader_end(b->reader);
	assert_int_equal(DEVICE_ACTIVE, device_now(b, before.row).state);
	assert_int_equal(2, ledger_size(b));
}

static void
test_seen(void **state)
{
	struct bench *b = *state;
	int64_t at_s = -1;
	struct sample_unit *u[300];
	for (unsigned i = 0; i < 300; i++) {
		u[i] = onboard(b, i);
	}
	assert_status(OK, read_device_seen(b->reader, u[0]->device.row, &at_s));
	assert_int_equal(0, at_s);
	for (unsigned i = 0; i < 300; i++) {
		store_seen(b->store, u[i]->device.row, 100 + i);
	}
	store_seen(b->store, u[0]->device.row, 50); /* an older look does not count */
	store_seen(b->store, 99999, 1);		    /* nobody */
	for (int i = 0; i < 2; i++) {
		assert_status(OK, read_device_seen(b->reader, u[0]->device.row, &at_s));
		assert_int_equal(100, at_s);
		assert_status(OK, read_device_seen(b->reader, u[299]->device.row, &at_s));
		assert_int_equal(399, at_s);
		reopen(b);
	}
	store_seen(b->store, u[0]->device.row, 70);
	assert_status(OK, read_device_seen(b->reader, u[0]->device.row, &at_s));
	assert_int_equal(100, at_s);
}

static void
test_open_again(void **state)
{
	struct bench *b = *state;
	struct sample_unit *u = onboard(b, 1);
	reopen(b);
	struct device got = device_now(b, u->device.row);
	assert_same(&u->device, &got);
	struct sample_unit *next = onboard(b, 2);
	assert_int_equal(u->device.row + 1, next->device.row);
	assert_int_equal(u->birth.row + 1, next->birth.row);
	assert_int_equal(2, ledger_size(b));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
conformance_run(const char *name, const struct conformance *c)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_there),
		TEST(test_base_comes_back),
		TEST(test_unit_comes_back),
		TEST(test_operational_comes_back),
		TEST(test_operators),
		TEST(test_manifest),
		TEST(test_settings),
		TEST(test_claim_code),
		TEST(test_pins),
		TEST(test_cases),
		TEST(test_stale_device),
		TEST(test_every_field_of_a_device),
		TEST(test_stale_fleet),
		TEST(test_unique_certificates),
		TEST(test_same_values_that_may_be),
		TEST(test_unique_names),
		TEST(test_unknown_rows),
		TEST(test_change_over_its_arena),
		TEST(test_batch_with_refused_ones),
		TEST(test_ledger),
		TEST(test_deny),
		TEST(test_outbox),
		TEST(test_certificate_status),
		TEST(test_certificates_of_device),
		TEST(test_revoked),
		TEST(test_pending),
		TEST(test_challenges_and_answers_expire),
		TEST(test_offers),
		TEST(test_device_pages),
		TEST(test_other_pages),
		TEST(test_counts),
		TEST(test_snapshot),
		TEST(test_seen),
		TEST(test_open_again),
	};
	how = c;
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
