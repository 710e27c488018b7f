/* A PKCS#11 token as a device's element: SoftHSM2, and what a module may do wrong. */
#include "softhsm.h"
#include "sound_element.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include "base/check.h"
#include "base/file.h"
#include "device/element/element.h"
#include "element/evidence.h"
#include "pki/key.h"

static const char challenge_text[] = "0123456789abcdef0123456789abcdef";

struct bench {
	struct softhsm hsm;
	struct element *e;
	struct faulty_plan *plan;
	void *module;
	struct diag d;
};

static void
bench_open(struct bench *b)
{
	*b = (struct bench){ 0 };
	softhsm_start(&b->hsm);
	b->module = dlopen(getenv("TENURE_TEST_MODULE"), RTLD_NOW | RTLD_LOCAL);
	assert_non_null(b->module);
	b->plan = dlsym(b->module, "faulty_plan");
	assert_non_null(b->plan);
	*b->plan = (struct faulty_plan){ 0 };
	assert_ok(element_pkcs11_open(b->hsm.address, b->hsm.folder, &b->e, &b->d), b->d);
}

static void
bench_close(struct bench *b)
{
	*b->plan = (struct faulty_plan){ 0 };
	element_close(b->e);
	dlclose(b->module);
	softhsm_end(&b->hsm);
}

#define WANTS_SOFTHSM()                                         \
	do {                                                    \
		if (!softhsm_is_there()) {                      \
			SKIP_TEST("softhsm2 is not installed"); \
		}                                               \
	} while (0)

static void
keys_are_made_and_sign(void **state)
{
	uint8_t made[64];
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	assert_element_makes_keys(b.e);
	assert_ok(b.e->operations->point(b.e, 2, made, &b.d), b.d);
	element_close(b.e);
	assert_ok(element_pkcs11_open(b.hsm.address, b.hsm.folder, &b.e, &b.d), b.d);
	assert_element_signs(b.e, 2, made);
	bench_close(&b);
	(void)state;
}

static void
slots_are_for_what_they_are_for(void **state)
{
	const span challenge = span_text(challenge_text);
	struct buffer evidence;
	uint8_t point[64];
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	buffer_init(&evidence, EVIDENCE_MAX);
	assert_int_equal(b.e->operations->generate(b.e, 1, point, NULL), DENIED);
	assert_int_equal(b.e->operations->generate(b.e, 5, point, NULL), BAD_INPUT);
	assert_ok(b.e->operations->generate(b.e, 0, point, &b.d), b.d);
	assert_int_equal(b.e->operations->generate(b.e, 0, point, NULL), DENIED);
	assert_int_equal(
		b.e->operations->attest(b.e, 0, challenge, point, &evidence, NULL), DENIED);
	assert_int_equal(
		b.e->operations->attest(b.e, 2, span_text(""), point, &evidence, NULL), BAD_INPUT);
	assert_null(b.e->operations->reveal);
	assert_null(b.e->operations->counter);
	buffer_wipe(&evidence);
	bench_close(&b);
	(void)state;
}

static void
it_gives_its_word(void **state)
{
	const span challenge = span_text(challenge_text);
	char serial[ELEMENT_SERIAL_MAX + 1];
	uint8_t point[64];
	struct buffer evidence;
	struct evidence read;
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	buffer_init(&evidence, EVIDENCE_MAX);
	assert_ok(b.e->operations->attest(b.e, 3, challenge, point, &evidence, &b.d), b.d);
	assert_ok(evidence_read(buffer_span(&evidence), &read, &b.d), b.d);
	assert_int_equal(read.kind, EVIDENCE_TOKEN);
	assert_true(span_equal(read.challenge, challenge));
	assert_true(span_is(read.token.model, "SoftHSM v2"));
	assert_ok(b.e->operations->serial(b.e, serial, &b.d), b.d);
	assert_true(span_is(read.token.serial, serial));
	assert_true(
		read.token.is_local && read.token.is_never_extractable && read.token.is_sensitive);
	assert_element_signs(b.e, 3, point);

	buffer_clear(&evidence);
	b.plan->key_admits_all = true;
	assert_ok(b.e->operations->attest(b.e, 3, challenge, point, &evidence, &b.d), b.d);
	assert_ok(evidence_read(buffer_span(&evidence), &read, &b.d), b.d);
	assert_false(read.token.is_never_extractable);
	buffer_wipe(&evidence);
	bench_close(&b);
	(void)state;
}

/* Whatever is said, and where it goes away, once is borne. */
static void
a_token_that_comes_back_is_used_again(void **state)
{
	static const unsigned long gone[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
		CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN,
		CKR_DEVICE_ERROR };
	uint8_t point[64];
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	for (size_t i = 0; i < COUNT_OF(gone); i++) {
		b.plan->calls[FAULTY_SIGN].rv = gone[i];
		b.plan->calls[FAULTY_SIGN].count = 1;
		assert_element_signs(b.e, 2, point);
		b.plan->calls[FAULTY_FIND].rv = gone[i];
		b.plan->calls[FAULTY_FIND].count = 1;
		assert_element_signs(b.e, 2, point);
		b.plan->calls[FAULTY_GENERATE].rv = gone[i];
		b.plan->calls[FAULTY_GENERATE].count = 1;
		assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
		assert_element_signs(b.e, 2, point);
	}
	/* Twice is a token that is gone; when it is there again, all is well. */
	b.plan->calls[FAULTY_SIGN].count = 2;
	assert_int_equal(b.e->operations->sign(b.e, 2, point, point, &b.d), UNAVAILABLE);
	diag_clear(&b.d);
	assert_ok(b.e->operations->point(b.e, 2, point, &b.d), b.d);
	assert_element_signs(b.e, 2, point);
	bench_close(&b);
	(void)state;
}

/* Cut at every call: the slot has one key afterwards, which signs, and what a cut left goes with the next key. */
static void
a_cut_leaves_a_key_that_works(void **state)
{
	static const enum faulty_call places[] = { FAULTY_FIND, FAULTY_GET, FAULTY_GENERATE,
		FAULTY_DESTROY };
	uint8_t made[64], point[64];
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	assert_ok(b.e->operations->generate(b.e, 2, made, &b.d), b.d);
	for (size_t p = 0; p < COUNT_OF(places); p++) {
		for (unsigned after = 0; after < 6; after++) {
			*b.plan = (struct faulty_plan){ 0 };
			b.plan->calls[places[p]].rv = CKR_GENERAL_ERROR;
			b.plan->calls[places[p]].count = 1;
			b.plan->calls[places[p]].after = after;
			(void)!b.e->operations->generate(b.e, 2, made, NULL);
			*b.plan = (struct faulty_plan){ 0 };
			assert_ok(b.e->operations->point(b.e, 2, point, &b.d), b.d);
			assert_element_signs(b.e, 2, point);
		}
	}
	bench_close(&b);
	(void)state;
}

static void
what_a_module_answers_is_not_believed(void **state)
{
	uint8_t point[64], raw[64];
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	b.plan->sign_is_short = true;
	assert_int_equal(b.e->operations->sign(b.e, 2, point, raw, NULL), CRYPTO);
	b.plan->sign_is_short = false;
	b.plan->length_is_wild = true;
	assert_int_equal(b.e->operations->sign(b.e, 2, point, raw, NULL), IO);
	assert_int_equal(b.e->operations->point(b.e, 2, raw, NULL), IO);
	assert_int_equal(b.e->operations->generate(b.e, 2, raw, NULL), IO);
	b.plan->length_is_wild = false;
	b.plan->calls[FAULTY_GENERATE].rv = CKR_DEVICE_MEMORY;
	b.plan->calls[FAULTY_GENERATE].count = 1;
	assert_int_equal(b.e->operations->generate(b.e, 2, raw, NULL), LIMIT);
	b.plan->calls[FAULTY_GENERATE].rv = CKR_TOKEN_WRITE_PROTECTED;
	b.plan->calls[FAULTY_GENERATE].count = 1;
	assert_int_equal(b.e->operations->generate(b.e, 2, raw, NULL), DENIED);
	bench_close(&b);
	(void)state;
}

static void
a_locked_slot_stays_locked(void **state)
{
	uint8_t point[64], same[64];
	unsigned closed = 0xFF;
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	assert_ok(b.e->operations->closed(b.e, &closed, &b.d), b.d);
	assert_int_equal(closed, 0);
	assert_ok(b.e->operations->generate(b.e, 4, point, &b.d), b.d);
	assert_ok(b.e->operations->lock(b.e, 4, &b.d), b.d);
	assert_ok(b.e->operations->closed(b.e, &closed, &b.d), b.d);
	assert_int_equal(closed, 1u << 4);
	assert_int_equal(b.e->operations->lock(b.e, 4, NULL), EXISTS);
	assert_int_equal(b.e->operations->lock(b.e, 0, NULL), DENIED);
	assert_int_equal(b.e->operations->generate(b.e, 4, same, NULL), DENIED);
	assert_element_signs(b.e, 4, point);
	assert_ok(b.e->operations->generate(b.e, 2, same, &b.d), b.d);
	bench_close(&b);
	(void)state;
}

/* `module`: NULL the usual one. */
static status
open_with(struct bench *b, const char *module, const char *query, const char *value, struct diag *d)
{
	struct element *e = NULL;
	char address[700];
	status s;

	snprintf(address, sizeof(address), "%s%s%s",
		module != NULL ? module : getenv("TENURE_TEST_MODULE"), query, value);
	diag_clear(d);
	s = element_pkcs11_open(address, b->hsm.folder, &e, d);
	element_close(e);
	return s;
}

static void
a_wrong_pin_is_tried_once(void **state)
{
	char wrong[200];
	uint8_t point[64];
	struct diag d = { 0 };
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	snprintf(wrong, sizeof(wrong), "%s/wrong", b.hsm.folder);
	assert_ok(file_replace(wrong, span_text("secret-word\n"), 0600, &d), d);
	element_close(b.e);
	b.e = NULL;
	assert_int_equal(open_with(&b, NULL, "?token=tenure&pin-file=", wrong, &d), DENIED);
	assert_null(strstr(d.text, "secret-word"));
	assert_int_equal(chmod(wrong, 0644), 0);
	assert_int_equal(open_with(&b, NULL, "?token=tenure&pin-file=", wrong, &d), DENIED);
	assert_non_null(strstr(d.text, "0600"));
	assert_int_equal(open_with(&b, NULL, "?token=tenure&pin-file=", "/nowhere", &d), NOT_FOUND);
	assert_int_equal(open_with(&b, NULL, "?token=tenure", "", &d), BAD_INPUT);

	/* Within one element: the session is lost, and the PIN was changed meanwhile. */
	assert_ok(element_pkcs11_open(b.hsm.address, b.hsm.folder, &b.e, &b.d), b.d);
	b.plan->calls[FAULTY_SIGN].rv = CKR_SESSION_CLOSED;
	b.plan->calls[FAULTY_SIGN].count = 1;
	b.plan->calls[FAULTY_LOGIN].rv = CKR_PIN_INCORRECT;
	b.plan->calls[FAULTY_LOGIN].count = 100;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(b.e->operations->sign(b.e, 2, point, point, NULL), DENIED);
	}
	assert_int_equal(b.plan->calls[FAULTY_LOGIN].seen, 1);
	bench_close(&b);
	(void)state;
}

static void
bad_addresses_are_refused(void **state)
{
	static const struct {
		const char *module, *query;
		status wanted;
	} cases[] = {
		{ NULL, "?token=other&pin-file=/x", UNAVAILABLE },
		{ NULL, "?label=tenure", BAD_INPUT },
		{ NULL, "?pin=1234", BAD_INPUT },
		{ NULL, "?token=", BAD_INPUT },
		{ NULL, "?token=%zz", BAD_INPUT },
		{ NULL, "?token=%0", BAD_INPUT },
		{ NULL, "?token=%00", BAD_INPUT },
		{ NULL, "?token=a%20name%20of%20more%20than%20thirty-two%20bytes", BAD_INPUT },
		{ NULL, "?", BAD_INPUT },
		{ NULL, "?token=tenure&", BAD_INPUT },
		{ "no/path", "", BAD_INPUT },
		{ "", "", BAD_INPUT },
		{ "/nowhere/module.so", "", NOT_FOUND },
		{ "/usr/bin/true", "", NOT_FOUND },
	};
	struct diag d = { 0 };
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		status s;

		s = open_with(&b, cases[i].module, cases[i].query, "", &d);
		if (s != cases[i].wanted) {
			fail_msg("%zu: %s, %s", i, status_name(s), d.text);
		}
	}
	bench_close(&b);
	(void)state;
}

/* OpenSC's pkcs11-tool sees the same objects, and that none can leave. */
static void
pkcs11_tool_reads_the_same(void **state)
{
	const char *const arguments[] = { "/usr/bin/pkcs11-tool", "--module",
		"/usr/lib/softhsm/libsofthsm2.so", "--token-label", "tenure", "--login", "--pin",
		SOFTHSM_PIN, "--list-objects", NULL };
	bool has_private = false, has_access = false;
	uint8_t point[64];
	char line[400];
	struct spawned p;
	struct bench b;

	WANTS_SOFTHSM();
	if (access(arguments[0], X_OK) != 0 || access(arguments[2], R_OK) != 0) {
		SKIP_TEST("opensc is not installed");
	}
	bench_open(&b);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	assert_ok(b.e->operations->generate(b.e, 2, point, &b.d), b.d);
	spawn_program(&p, arguments);
	for (unsigned labels = 0; spawned_line(&p, line, sizeof(line), 10000);) {
		has_private = has_private || strstr(line, "Private Key Object; EC") != NULL;
		has_access = has_access ||
			     strstr(line, "sensitive, always sensitive, never extractable, local");
		labels += strstr(line, "tenure slot 2") != NULL;
		assert_true(labels <= 2);
	}
	assert_int_equal(spawned_end(&p, 0, 10000), 0);
	assert_true(has_private && has_access);
	bench_close(&b);
	(void)state;
}

static void
it_says_what_it_is(void **state)
{
	struct element_info info;
	struct buffer pem;
	struct bench b;

	WANTS_SOFTHSM();
	bench_open(&b);
	buffer_init(&pem, 4096);
	assert_ok(b.e->operations->info(b.e, &info, &b.d), b.d);
	assert_string_equal(info.model, "SoftHSM v2");
	assert_non_null(strstr(info.where, "tenure"));
	assert_string_equal(b.e->operations->attestation, "vendor-unverified");
	assert_int_equal(b.e->operations->birth(b.e, &pem, NULL), NOT_FOUND);
	buffer_wipe(&pem);
	bench_close(&b);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_made_and_sign),
		cmocka_unit_test(slots_are_for_what_they_are_for),
		cmocka_unit_test(it_gives_its_word),
		cmocka_unit_test(a_token_that_comes_back_is_used_again),
		cmocka_unit_test(a_cut_leaves_a_key_that_works),
		cmocka_unit_test(what_a_module_answers_is_not_believed),
		cmocka_unit_test(a_locked_slot_stays_locked),
		cmocka_unit_test(a_wrong_pin_is_tried_once),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(pkcs11_tool_reads_the_same),
		cmocka_unit_test(it_says_what_it_is),
	};

	return cmocka_run_group_tests_name("pkcs11", tests, NULL, NULL);
}
