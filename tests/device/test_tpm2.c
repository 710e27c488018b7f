/* A TPM as a device's element, against Debian's swtpm. */
#include "swtpm.h"
#include "sound_element.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "device/element/tpm2.h"
#include "device/element/tpm2_session.h"
#include "element/attestation.h"
#include "pki/key.h"

static const char challenge_text[] = "0123456789abcdef0123456789abcdef";

struct bench {
	struct swtpm tpm;
	struct element *e;
	char folder[200];
	struct diag d;
};

static void
bench_open(struct bench *b)
{
	*b = (struct bench){ 0 };
	swtpm_start(&b->tpm);
	snprintf(b->folder, sizeof(b->folder), "%s/element", b->tpm.folder);
	assert_ok(element_tpm2_open(b->tpm.tcti, b->folder, &b->e, &b->d), b->d);
}

static void
bench_close(struct bench *b)
{
	element_close(b->e);
	swtpm_end(&b->tpm);
}

#define WANTS_SWTPM()                                        \
	do {                                                 \
		if (!swtpm_is_there()) {                     \
			SKIP_TEST("swtpm is not installed"); \
		}                                            \
	} while (0)

static void
keys_are_made_and_sign(void **state)
{
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	assert_element_makes_keys(b.e);
	bench_close(&b);
	(void)state;
}

static void
keys_outlive_the_power(void **state)
{
	uint8_t birth[64], point[64];
	char serial[ELEMENT_SERIAL_MAX + 1], later[ELEMENT_SERIAL_MAX + 1];
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	assert_ok(b.e->operations->serial(b.e, serial, &b.d), b.d);
	assert_int_equal(strlen(serial), 40);
	assert_ok(b.e->operations->generate(b.e, 0, birth, &b.d), b.d);
	assert_ok(b.e->operations->generate(b.e, 4, point, &b.d), b.d);
	swtpm_kill(&b.tpm);
	assert_int_equal(b.e->operations->sign(b.e, 4, point, point, NULL), UNAVAILABLE);
	swtpm_again(&b.tpm);
	assert_element_signs(b.e, 0, birth);
	assert_ok(b.e->operations->point(b.e, 4, point, &b.d), b.d);
	assert_element_signs(b.e, 4, point);
	element_close(b.e);
	assert_ok(element_tpm2_open(b.tpm.tcti, b.folder, &b.e, &b.d), b.d);
	assert_ok(b.e->operations->serial(b.e, later, &b.d), b.d);
	assert_string_equal(serial, later);
	assert_element_signs(b.e, 4, point);
	bench_close(&b);
	(void)state;
}

static void
slots_are_for_what_they_are_for(void **state)
{
	const span challenge = span_text(challenge_text);
	uint8_t point[64], raw[64], digest[32] = { 0 };
	struct buffer evidence;
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	buffer_init(&evidence, EVIDENCE_MAX);
	assert_int_equal(b.e->operations->generate(b.e, 1, point, NULL), DENIED);
	assert_int_equal(b.e->operations->generate(b.e, 5, point, NULL), DENIED);
	assert_int_equal(b.e->operations->point(b.e, 5, point, NULL), BAD_INPUT);
	assert_int_equal(
		b.e->operations->attest(b.e, 0, challenge, point, &evidence, NULL), DENIED);
	assert_int_equal(
		b.e->operations->attest(b.e, 1, challenge, point, &evidence, NULL), DENIED);
	assert_int_equal(
		b.e->operations->attest(b.e, 2, span_text(""), point, &evidence, NULL), BAD_INPUT);
	assert_ok(b.e->operations->generate(b.e, 0, point, &b.d), b.d);
	assert_int_equal(b.e->operations->generate(b.e, 0, point, NULL), DENIED);
	assert_ok(b.e->operations->attest(b.e, 2, challenge, point, &evidence, &b.d), b.d);
	assert_ok(b.e->operations->point(b.e, 1, point, &b.d), b.d);
	assert_int_equal(b.e->operations->sign(b.e, 1, digest, raw, NULL), DENIED);
	assert_null(b.e->operations->reveal);
	buffer_wipe(&evidence);
	bench_close(&b);
	(void)state;
}

static void
assert_attested(struct bench *b, unsigned slot, span challenge)
{
	uint8_t point[64], ak[64], other[64] = { 0 };
	struct buffer evidence;
	struct evidence read;

	buffer_init(&evidence, EVIDENCE_MAX);
	assert_ok(b->e->operations->attest(b->e, slot, challenge, point, &evidence, &b->d), b->d);
	assert_ok(evidence_read(buffer_span(&evidence), &read, &b->d), b->d);
	assert_int_equal(read.kind, EVIDENCE_TPM2);
	assert_true(span_equal(read.challenge, challenge));
	assert_ok(b->e->operations->point(b->e, 1, ak, &b->d), b->d);
	assert_ok(tpm2_attestation_check(&read.tpm2, challenge, ak, point, &b->d), b->d);
	assert_int_equal(
		tpm2_attestation_check(&read.tpm2, span_text("stale"), ak, point, NULL), CRYPTO);
	assert_int_equal(tpm2_attestation_check(&read.tpm2, challenge, other, point, NULL), CRYPTO);
	assert_int_equal(tpm2_attestation_check(&read.tpm2, challenge, ak, other, NULL), CRYPTO);
	assert_element_signs(b->e, slot, point);
	buffer_wipe(&evidence);
}

/* More often than a TPM has room for objects or sessions. */
static void
new_keys_are_attested_again_and_again(void **state)
{
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	for (unsigned i = 0; i < 24; i++) {
		assert_attested(&b, 2 + i % 3, span_text(challenge_text));
	}
	bench_close(&b);
	(void)state;
}

/* Whoever was killed while its objects were loaded has left them there, where no resource manager cleans up. */
static void
what_the_dead_left_is_flushed(void **state)
{
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	for (int i = 0; i < 5; i++) {
		struct tpm2_session t;
		TPM2B_PUBLIC public;
		ESYS_TR key;

		assert_ok(tpm2_session_open(b.tpm.tcti, &t, &b.d), b.d);
		for (int n = 0; n < 3; n++) {
			assert_ok(tpm2_endorsement_key(&t, TPM2_ALG_ECC, &key, &public, &b.d), b.d);
		}
		t.loaded_count = 0;
		tpm2_session_close(&t);
	}
	assert_attested(&b, 2, span_text(challenge_text));
	bench_close(&b);
	(void)state;
}

static void
counters_only_go_up(void **state)
{
	uint32_t first, value, other;
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	assert_ok(b.e->operations->counter(b.e, 0, false, &first, &b.d), b.d);
	assert_ok(b.e->operations->counter(b.e, 0, false, &value, &b.d), b.d);
	assert_int_equal(value, first);
	assert_ok(b.e->operations->counter(b.e, 1, false, &other, &b.d), b.d);
	assert_ok(b.e->operations->counter(b.e, 0, true, &value, &b.d), b.d);
	assert_int_equal(value, first + 1);
	swtpm_kill(&b.tpm);
	swtpm_again(&b.tpm);
	assert_ok(b.e->operations->counter(b.e, 0, false, &value, &b.d), b.d);
	/* After a power loss a TPM may go on from a later value, never from an earlier one (Part 1 37.7). */
	assert_true(value >= first + 1);
	assert_int_equal(b.e->operations->counter(b.e, 2, true, &value, NULL), BAD_INPUT);
	bench_close(&b);
	(void)state;
}

static void
a_locked_slot_stays_locked(void **state)
{
	const span challenge = span_text(challenge_text);
	uint8_t point[64], same[64];
	unsigned closed = 0xFF;
	struct buffer evidence;
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	buffer_init(&evidence, EVIDENCE_MAX);
	assert_ok(b.e->operations->closed(b.e, &closed, &b.d), b.d);
	assert_int_equal(closed, 0);
	assert_ok(b.e->operations->generate(b.e, 3, point, &b.d), b.d);
	assert_ok(b.e->operations->lock(b.e, 3, &b.d), b.d);
	assert_ok(b.e->operations->closed(b.e, &closed, &b.d), b.d);
	assert_int_equal(closed, 1u << 3);
	assert_int_equal(b.e->operations->lock(b.e, 3, NULL), EXISTS);
	assert_int_equal(b.e->operations->lock(b.e, 0, NULL), DENIED);
	swtpm_kill(&b.tpm);
	swtpm_again(&b.tpm);
	assert_int_equal(b.e->operations->generate(b.e, 3, same, NULL), DENIED);
	assert_int_equal(b.e->operations->attest(b.e, 3, challenge, same, &evidence, NULL), DENIED);
	assert_element_signs(b.e, 3, point);
	assert_ok(b.e->operations->generate(b.e, 2, same, &b.d), b.d);
	buffer_wipe(&evidence);
	bench_close(&b);
	(void)state;
}

static void
another_tpm_cannot_use_the_files(void **state)
{
	uint8_t point[64], raw[64];
	char serial[ELEMENT_SERIAL_MAX + 1], other_serial[ELEMENT_SERIAL_MAX + 1];
	struct element *e = NULL;
	struct bench b, other;

	WANTS_SWTPM();
	bench_open(&b);
	bench_open(&other);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	assert_ok(element_tpm2_open(other.tpm.tcti, b.folder, &e, &b.d), b.d);
	assert_int_equal(e->operations->sign(e, 2, point, raw, &b.d), CRYPTO);
	assert_non_null(strstr(b.d.text, "another TPM"));
	diag_clear(&b.d);
	assert_ok(b.e->operations->serial(b.e, serial, &b.d), b.d);
	assert_ok(e->operations->serial(e, other_serial, &b.d), b.d);
	assert_string_not_equal(serial, other_serial);
	element_close(e);
	bench_close(&other);
	bench_close(&b);
	(void)state;
}

static void
cut_and_edited_files_are_refused(void **state)
{
	uint8_t point[64], raw[64];
	char path[300];
	struct buffer whole;
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	buffer_init(&whole, 8192);
	snprintf(path, sizeof(path), "%s/slot2.tss2", b.folder);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	assert_ok(file_read(path, 8192, &whole, &b.d), b.d);
	for (size_t len = 0; len + 1 < whole.len; len += 7) {
		assert_ok(file_replace(path, span_of(whole.data, len), 0600, &b.d), b.d);
		assert_int_equal(b.e->operations->point(b.e, 2, raw, &b.d), BAD_INPUT);
		assert_int_equal(b.d.status, BAD_INPUT);
		assert_non_null(strstr(b.d.text, path));
		diag_clear(&b.d);
		assert_int_equal(b.e->operations->sign(b.e, 2, point, raw, NULL), BAD_INPUT);
	}
	for (size_t at = 30; at < whole.len - 30; at += 11) {
		uint8_t was = whole.data[at];
		status s;

		whole.data[at] = was == 'A' ? 'B' : 'A';
		assert_ok(file_replace(path, buffer_span(&whole), 0600, &b.d), b.d);
		s = b.e->operations->sign(b.e, 2, point, raw, NULL);
		assert_true(was == '\n' || s != OK);
		whole.data[at] = was;
	}
	buffer_wipe(&whole);
	bench_close(&b);
	(void)state;
}

/* The storage key at its usual place, and a password on the owner. */
static void
provision(struct bench *b, bool with_storage_key)
{
	const TPM2B_AUTH password = { .size = 3, .buffer = "abc" };
	struct tpm2_session t;
	TPM2B_PUBLIC template = {
		.publicArea = { .type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN |
					    TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
					    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA,
			.parameters.eccDetail = { .symmetric = { .algorithm = TPM2_ALG_AES,
							  .keyBits.aes = 128,
							  .mode.aes = TPM2_ALG_CFB },
				.scheme.scheme = TPM2_ALG_NULL,
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL } }
	};
	const TPM2B_SENSITIVE_CREATE none = { 0 };
	const TPM2B_DATA nothing = { 0 };
	const TPML_PCR_SELECTION no_registers = { 0 };
	ESYS_TR key, kept;

	assert_ok(tpm2_session_open(b->tpm.tcti, &t, &b->d), b->d);
	if (with_storage_key) {
		assert_int_equal(Esys_CreatePrimary(t.esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
					 ESYS_TR_NONE, ESYS_TR_NONE, &none, &template, &nothing,
					 &no_registers, &key, NULL, NULL, NULL, NULL),
			0);
		assert_int_equal(Esys_EvictControl(t.esys, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD,
					 ESYS_TR_NONE, ESYS_TR_NONE, TPM2_STORAGE_KEY, &kept),
			0);
		assert_int_equal(Esys_FlushContext(t.esys, key), 0);
	}
	assert_int_equal(Esys_HierarchyChangeAuth(t.esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
				 ESYS_TR_NONE, ESYS_TR_NONE, &password),
		0);
	tpm2_session_close(&t);
}

static void
an_owner_with_a_password(void **state)
{
	uint8_t point[64];
	struct bench b, provisioned;
	uint32_t value;

	WANTS_SWTPM();
	bench_open(&b);
	provision(&b, false);
	assert_int_equal(b.e->operations->generate(b.e, 2, point, &b.d), DENIED);
	assert_non_null(strstr(b.d.text, "81000001"));
	assert_int_equal(b.e->operations->counter(b.e, 0, true, &value, NULL), DENIED);
	bench_close(&b);

	bench_open(&provisioned);
	provision(&provisioned, true);
	assert_attested(&provisioned, 2, span_text(challenge_text));
	bench_close(&provisioned);
	(void)state;
}

static void
it_says_what_it_is(void **state)
{
	struct element_info info;
	struct buffer pem;
	struct bench b;

	WANTS_SWTPM();
	bench_open(&b);
	buffer_init(&pem, 4096);
	assert_ok(b.e->operations->info(b.e, &info, &b.d), b.d);
	assert_non_null(strstr(info.model, "IBM"));
	assert_string_equal(info.where, b.tpm.tcti);
	assert_int_equal(strlen(info.revision), 16);
	assert_int_equal(b.e->operations->birth(b.e, &pem, NULL), NOT_FOUND);
	assert_string_equal(b.e->operations->attestation, "attested");
	buffer_wipe(&pem);
	bench_close(&b);
	(void)state;
}

static void
bad_addresses_are_refused(void **state)
{
	static const char *const addresses[] = { "swtpm:path=/nowhere/at/all", "device:/dev/null",
		"nosuchtcti:x" };
	struct element *e = NULL;
	struct diag d = { 0 };
	char long_one[400];

	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		diag_clear(&d);
		assert_int_equal(element_tpm2_open(addresses[i], "/tmp", &e, &d), UNAVAILABLE);
		assert_string_not_equal(d.text, "");
	}
	assert_int_equal(element_tpm2_open("", "/tmp", &e, NULL), BAD_INPUT);
	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	assert_int_equal(element_tpm2_open(long_one, "/tmp", &e, NULL), LIMIT);
	assert_null(e);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(keys_are_made_and_sign, swtpm_end_all),
		cmocka_unit_test_teardown(keys_outlive_the_power, swtpm_end_all),
		cmocka_unit_test_teardown(slots_are_for_what_they_are_for, swtpm_end_all),
		cmocka_unit_test_teardown(new_keys_are_attested_again_and_again, swtpm_end_all),
		cmocka_unit_test_teardown(what_the_dead_left_is_flushed, swtpm_end_all),
		cmocka_unit_test_teardown(counters_only_go_up, swtpm_end_all),
		cmocka_unit_test_teardown(a_locked_slot_stays_locked, swtpm_end_all),
		cmocka_unit_test_teardown(another_tpm_cannot_use_the_files, swtpm_end_all),
		cmocka_unit_test_teardown(cut_and_edited_files_are_refused, swtpm_end_all),
		cmocka_unit_test_teardown(an_owner_with_a_password, swtpm_end_all),
		cmocka_unit_test_teardown(it_says_what_it_is, swtpm_end_all),
		cmocka_unit_test_teardown(bad_addresses_are_refused, swtpm_end_all),
	};

	return cmocka_run_group_tests_name("tpm2", tests, NULL, NULL);
}
