#include "enrolling.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chip_model.h"
#include "element/attestation.h"
#include "fault_vfs.h"
#include "forge_tpm2.h"
#include "lifecycle/challenge.h"
#include "lifecycle/prove.h"

/* Challenges, levels by the kind of element and of fleet, and that proof, burnt challenge and certificate come together. */

static struct element like;

static void
require_level(enum attestation_level level)
{
	struct change *c = change_new(h.arena);
	struct diag d = { 0 };

	assert_int_equal(OK, read_fleet(h.reader, fleet.fleet.row, &fleet.fleet));
	fleet.fleet.required_level = level;
	change_fleet_set(c, &fleet.fleet);
	assert_ok(store_commit(h.store, c, NULL, &d), d);
}

/* A device whose element is `like`. */
static struct unit
unit_like(unsigned number)
{
	struct unit u;

	h.like = &like;
	u = unit_new(number, DEVICE_AWAITING_DEVICE);
	h.like = NULL;
	return u;
}

static struct unit
unit_with(struct chip *c, unsigned number)
{
	char serial[19];

	snprintf(serial, sizeof(serial), "0123%012x01", number);
	chip_open(c, serial);
	for (unsigned slot = 2; slot <= 4; slot++) {
		chip_make_key(c, slot);
	}
	like = (struct element){ .model = "ATECC608B",
		.part_number = "ATECC608B-TFLXTLS",
		.profile = "trustflex-tls",
		.attestation = ATTESTATION_ATECC608 };
	memcpy(like.attestation_key, c->points[1], 64);
	return unit_like(number);
}

static span
new_challenge(const struct unit *u)
{
	uint8_t *c = arena_alloc(h.arena, CHALLENGE_LEN);
	struct diag d = { 0 };
	int64_t expires_s;

	assert_ok(challenge_new(&h.session, &u->device.id, CHALLENGE_KEY, c, &expires_s, &d), d);
	return span_of(c, CHALLENGE_LEN);
}

static span
attested_request(struct chip *c, unsigned slot, span challenge)
{
	struct chip_attest how = chip_honest(c, slot, challenge);

	return chip_request(h.arena, c, slot, chip_attest(h.arena, c, &how));
}

static void
refused(const struct unit *u, span csr, status expected, const char *kind)
{
	struct outcome o;
	struct diag d;
	status s = enrol(u->birth, csr, false, &o, &d);

	if (s != expected || d.kind == NULL || strcmp(d.kind, kind) != 0) {
		fail_msg("%s wanted, got %s %s \"%s\"", kind, status_name(s), d.kind, d.text);
	}
}

/* --- challenges --- */

static status
judge(const id *device, enum challenge_purpose purpose, span challenge, const char **kind)
{
	struct diag d = { 0 };
	int64_t expires_s = 0;
	status s = challenge_check(&h.session, device, purpose, challenge, &expires_s, &d);

	*kind = d.kind;
	assert_true((s == OK) == (d.kind == NULL));
	return s;
}

static void
a_challenge_is_for_one(void **state)
{
	struct unit u = unit_new(1, DEVICE_AWAITING_DEVICE), other = unit_new(2, DEVICE_HELD);
	uint8_t c[CHALLENGE_LEN], changed[CHALLENGE_LEN + 1];
	struct diag d = { 0 };
	const char *kind;
	int64_t expires_s;

	(void)state;
	assert_ok(challenge_new(&h.session, &u.device.id, CHALLENGE_ELEMENT, c, &expires_s, &d), d);
	assert_int_equal(h.session.now_s + CHALLENGE_LIFETIME_S, expires_s);
	assert_int_equal(OK, judge(&u.device.id, CHALLENGE_ELEMENT, SPAN_ARRAY(c), &kind));
	assert_int_equal(DENIED, judge(&u.device.id, CHALLENGE_KEY, SPAN_ARRAY(c), &kind));
	assert_string_equal(CHALLENGE_PURPOSE, kind);
	assert_int_equal(DENIED, judge(&other.device.id, CHALLENGE_ELEMENT, SPAN_ARRAY(c), &kind));
	assert_string_equal(CHALLENGE_FOREIGN, kind);
	/* Every byte of it, and its length. */
	for (size_t i = 0; i < CHALLENGE_LEN; i++) {
		memcpy(changed, c, CHALLENGE_LEN);
		changed[i] ^= 1;
		assert_int_equal(DENIED, judge(&u.device.id, CHALLENGE_ELEMENT,
						 span_of(changed, CHALLENGE_LEN), &kind));
		assert_string_equal(CHALLENGE_FOREIGN, kind);
		assert_int_equal(
			DENIED, judge(&u.device.id, CHALLENGE_ELEMENT, span_of(c, i), &kind));
	}
	memcpy(changed, c, CHALLENGE_LEN);
	changed[CHALLENGE_LEN] = 0;
	assert_int_equal(
		DENIED, judge(&u.device.id, CHALLENGE_ELEMENT, SPAN_ARRAY(changed), &kind));
	/* To the second, and through a new start; not in another home. */
	home_add_s(&h, CHALLENGE_LIFETIME_S);
	home_reopen(&h);
	assert_int_equal(OK, judge(&u.device.id, CHALLENGE_ELEMENT, SPAN_ARRAY(c), &kind));
	home_add_s(&h, 1);
	assert_int_equal(DENIED, judge(&u.device.id, CHALLENGE_ELEMENT, SPAN_ARRAY(c), &kind));
	assert_string_equal(CHALLENGE_EXPIRED, kind);
	h.life.challenge_key[0] ^= 1;
	assert_int_equal(DENIED, judge(&u.device.id, CHALLENGE_ELEMENT, SPAN_ARRAY(c), &kind));
	assert_string_equal(CHALLENGE_FOREIGN, kind);
}

/* --- levels --- */

static span
tpm_request(struct forged_tpm *t, span evidence)
{
	struct simple_name nobody = { 0 };

	return csr_by(&t->key, &nobody, OID_EVIDENCE, evidence);
}

static span
write_evidence(const struct evidence *e)
{
	struct buffer b;
	struct diag d = { 0 };
	span der;

	buffer_init(&b, EVIDENCE_MAX);
	assert_ok(evidence_write(e, &b, &d), d);
	der = arena_copy(h.arena, buffer_span(&b));
	buffer_wipe(&b);
	return der;
}

static void
a_tpm_attests_by_its_key(void **state)
{
	struct evidence e = { .kind = EVIDENCE_TPM2 };
	struct forged_tpm t;
	struct outcome o;
	struct unit u, other;

	(void)state;
	forge_tpm2_init(&t);
	like = (struct element){
		.model = "TPM 2.0", .part_number = "SLB 9672", .attestation = ATTESTATION_TPM2
	};
	memcpy(like.attestation_key, t.ak_point, 64);
	u = unit_like(1);
	memset(like.attestation_key, 0, 64);
	memcpy(like.attestation_key, t.point, 64); /* another TPM's */
	other = unit_like(2);
	require_level(LEVEL_ATTESTED);
	e.challenge = new_challenge(&u);
	sha256(e.challenge, t.certify.extra);
	sha256(e.challenge, t.quote.extra);
	sha256(e.challenge, t.outside);
	forge_tpm2_make(&t);
	e.tpm2 = t.evidence;
	o = enrolled(u.birth, tpm_request(&t, write_evidence(&e)), false);
	assert_int_equal(LEVEL_ATTESTED, o.certificate.level);
	assert_int_equal(-1, o.certificate.slot);
	/* Over another challenge than the structures hold; on another TPM's device; for a software key. */
	e.challenge = new_challenge(&u);
	refused(&u, tpm_request(&t, write_evidence(&e)), CRYPTO, ATTESTATION_FAILED);
	e.challenge = new_challenge(&other);
	refused(&other, tpm_request(&t, write_evidence(&e)), CRYPTO, ATTESTATION_FAILED);
	e.challenge = new_challenge(&u);
	{
		struct simple_name nobody = { 0 };

		refused(&u, csr_by(&t.ak, &nobody, OID_EVIDENCE, write_evidence(&e)), CRYPTO,
			ATTESTATION_FAILED);
	}
	forge_tpm2_wipe(&t);
}

static span
token_request(const struct unit *u, const char *model)
{
	struct evidence e = { .kind = EVIDENCE_TOKEN, .challenge = new_challenge(u) };
	struct simple_name nobody = { 0 };
	struct private_key key;
	struct diag d = { 0 };
	span csr;

	e.token = (struct evidence_token){ span_text(model), span_of(NULL, 0), true, true, true };
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	csr = csr_by(&key, &nobody, OID_EVIDENCE, write_evidence(&e));
	private_key_wipe(&key);
	return csr;
}

static void
a_tokens_word_by_the_vendors(void **state)
{
	struct outcome o;
	struct unit vendors, ours;

	(void)state;
	like = (struct element){
		.model = "TA100", .part_number = "TA100-T", .is_vendors_word = true
	};
	vendors = unit_like(1);
	like.is_vendors_word = false;
	ours = unit_like(2);
	require_level(LEVEL_ATTESTED);
	refused(&vendors, token_request(&vendors, "TA100"), DENIED, ATTESTATION_REQUIRED);
	require_level(LEVEL_VENDOR_UNVERIFIED);
	o = enrolled(vendors.birth, token_request(&vendors, "TA100"), false);
	assert_int_equal(LEVEL_VENDOR_UNVERIFIED, o.certificate.level);
	assert_true(holds(home_ledger_last(&h), "\"level\":\"vendor-unverified\""));
	refused(&vendors, csr_new(KEY_P256, ""), DENIED, ATTESTATION_REQUIRED);
	require_level(LEVEL_NONE);
	refused(&vendors, token_request(&vendors, "TA101"), BAD_INPUT, ATTESTATION_CONTRADICTION);
	refused(&ours, token_request(&ours, "TA100"), DENIED, ATTESTATION_IMPOSSIBLE);
	o = enrolled(ours.birth, csr_new(KEY_P256, ""), false);
	assert_int_equal(LEVEL_NONE, o.certificate.level);
	{
		struct kept_evidence kept;

		assert_int_equal(
			NOT_FOUND, read_evidence(h.reader, h.arena, o.certificate.row, &kept));
	}
}

/* An attested device in a fleet that wants nothing is recorded as what it proved. */
static void
more_than_is_wanted(void **state)
{
	struct chip c;
	struct unit u = unit_with(&c, 1);
	struct outcome o;

	(void)state;
	o = enrolled(u.birth, attested_request(&c, 4, new_challenge(&u)), false);
	assert_int_equal(LEVEL_ATTESTED, o.certificate.level);
	assert_int_equal(4, o.certificate.slot);
	chip_close(&c);
}

/* --- three requests over one challenge, at once --- */

struct racer {
	pthread_barrier_t *start;
	const struct unit *unit;
	span csr;
	status status;
	char kind[64];
};

static void *
race(void *argument)
{
	struct racer *r = argument;
	struct session s = h.session;
	struct admission who;
	struct enrolment e = { .who = &who, .csr = r->csr };
	struct outcome o;
	struct diag d = { 0 };

	s.arena = arena_new(64 << 20);
	assert_ok(reader_open(h.store, &s.reader, &d), d);
	assert_ok(admit_device(&s, r->unit->birth, &who, &d), d);
	pthread_barrier_wait(r->start);
	r->status = enrol_device(&s, &e, &o, &d);
	snprintf(r->kind, sizeof(r->kind), "%s", d.kind != NULL ? d.kind : "");
	reader_close(s.reader);
	arena_free(s.arena);
	return NULL;
}

static void
one_challenge_one_certificate(void **state)
{
	pthread_barrier_t start;
	struct racer racers[3];
	pthread_t threads[3];
	unsigned good = 0;
	struct chip c;
	struct unit u = unit_with(&c, 1);
	span challenge = new_challenge(&u);

	(void)state;
	pthread_barrier_init(&start, NULL, 3);
	for (unsigned i = 0; i < 3; i++) {
		racers[i] = (struct racer){
			.start = &start, .unit = &u, .csr = attested_request(&c, 2 + i, challenge)
		};
		assert_int_equal(0, pthread_create(&threads[i], NULL, race, &racers[i]));
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		good += racers[i].status == OK;
		if (racers[i].status != OK) {
			assert_int_equal(EXISTS, racers[i].status);
			assert_string_equal(CHALLENGE_REPLAYED, racers[i].kind);
		}
	}
	assert_int_equal(1, good);
	pthread_barrier_destroy(&start);
	chip_close(&c);
}

/* --- killed between --- */

/* The certificate of the device's enrolment, row 0 where there is none; its evidence and the burnt challenge are there too, or are not. */
static struct certificate
issued_of(const struct unit *u, span challenge)
{
	struct certificate *list, found = { 0 };
	struct kept_evidence kept;
	bool is_burnt = false;
	size_t count;

	assert_int_equal(OK, list_certificates_of_device(
				     h.reader, h.arena, u->device.row, 0, 10, &list, &count));
	assert_in_range(count, 1, 2);
	for (size_t i = 0; i < count; i++) {
		if (list[i].kind == CERTIFICATE_OPERATIONAL) {
			found = list[i];
			assert_int_equal(OK, read_evidence(h.reader, h.arena, found.row, &kept));
		}
	}
	assert_int_equal(OK, read_challenge_is_burnt(h.reader, challenge, &is_burnt));
	assert_int_equal(found.row != 0, is_burnt);
	assert_int_equal(found.row != 0, device_now(u->device.row).pending_certificate != 0);
	return found;
}

/* Whether it died at this call to the disk. */
static bool
dies_at(unsigned at)
{
	struct chip c;
	struct unit u = unit_with(&c, at);
	span challenge = new_challenge(&u), csr = attested_request(&c, 2, challenge);
	struct certificate before;
	struct outcome o;
	int how;
	pid_t pid;

	home_stop(&h);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct diag d;

		home_start(&h);
		fault_vfs_set(FAULT_DIE, at);
		_exit(enrol(u.birth, csr, false, &o, &d) == OK ? 0 : 3);
	}
	assert_int_equal(pid, waitpid(pid, &how, 0));
	home_start(&h);
	before = issued_of(&u, challenge);
	assert_true(WIFSIGNALED(how) || (WEXITSTATUS(how) == 0 && before.row != 0));
	/* The device never heard, and asks again. */
	o = enrolled(u.birth, csr, false);
	assert_true(before.row == 0 || before.row == o.certificate.row);
	assert_int_equal(o.certificate.row, issued_of(&u, challenge).row);
	chip_close(&c);
	return WIFSIGNALED(how);
}

static void
killed_at_any_step(void **state)
{
	unsigned at = 1;

	(void)state;
	require_level(LEVEL_ATTESTED);
	while (dies_at(at)) {
		at++;
		assert_in_range(at, 1, 60);
	}
	assert_true(at > 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ENROLLING_TEST(a_challenge_is_for_one),
		ENROLLING_TEST(a_tpm_attests_by_its_key),
		ENROLLING_TEST(a_tokens_word_by_the_vendors),
		ENROLLING_TEST(more_than_is_wanted),
		ENROLLING_TEST(one_challenge_one_certificate),
		ENROLLING_TEST(killed_at_any_step),
	};

	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
