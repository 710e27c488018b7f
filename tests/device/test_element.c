/* The element of files, its keys as libssl sees them, and the state answer's reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "device/element/element.h"
#include "device/posix/command.h"
#include "device/posix/slot_key.h"
#include "device/posix/state.h"
#include "folder.h"

static int
set_up(void **state)
{
	folder_fresh(state);
	folder_put("serial", span_text("0123ABcd01\n"));
	return 0;
}

static struct element *
open_element(void)
{
	struct element *e = NULL;
	struct diag d = { 0 };

	assert_ok(element_file_open(folder, &e, &d), d);
	return e;
}

static void
test_serials(void **state)
{
	static const struct {
		const char *content, *serial; /* NULL: refused */
	} table[] = { { "0123abcd01\n", "0123abcd01" }, { "0123ABCD01", "0123abcd01" },
		{ "", NULL }, { "\n", NULL }, { "0123 01\n", NULL }, { "0123\n\n", NULL },
		{ "../x\n", NULL },
		{ "00000000000000000000000000000000000000000000000000000000000000000\n", NULL } };
	struct element *e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char serial[ELEMENT_SERIAL_MAX + 1];
		struct diag d = { 0 };
		status s;

		folder_put("serial", span_text(table[i].content));
		s = element_file_open(folder, &e, &d);
		assert_int_equal(s == OK, table[i].serial != NULL);
		if (s == OK) {
			assert_ok(e->operations->serial(e, serial, &d), d);
			assert_string_equal(serial, table[i].serial);
			element_close(e);
		}
	}
	folder_put("serial", span_text("0123ABcd01\n"));
	assert_int_equal(element_file_open("/nonexistent", &e, NULL), NOT_FOUND);
}

static void
test_slots(void **state)
{
	struct element *e = open_element();
	uint8_t first[64], second[64], again[64], raw[64], digest[32];
	struct diag d = { 0 };
	struct stat found;
	char path[600];

	(void)state;
	assert_int_equal(e->operations->point(e, 2, first, NULL), NOT_FOUND);
	assert_int_equal(e->operations->sign(e, 2, (const uint8_t[32]){ 0 }, raw, NULL), NOT_FOUND);
	assert_int_equal(e->operations->generate(e, 0, first, NULL), DENIED);
	assert_int_equal(e->operations->generate(e, 5, first, NULL), BAD_INPUT);
	assert_ok(e->operations->generate(e, 2, first, &d), d);
	assert_ok(e->operations->generate(e, 3, second, &d), d);
	assert_memory_not_equal(first, second, 64);
	assert_ok(e->operations->point(e, 2, again, &d), d);
	assert_memory_equal(first, again, 64);
	sha256(span_text("message"), digest);
	assert_ok(e->operations->sign(e, 2, digest, raw, &d), d);
	assert_int_equal(signature_verify_raw(first, span_text("message"), raw), OK);
	assert_int_equal(signature_verify_raw(second, span_text("message"), raw), CRYPTO);
	snprintf(path, sizeof(path), "%s/slot2.key", folder);
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	folder_put("slot3.key", span_text("rubbish"));
	assert_int_equal(e->operations->point(e, 3, again, NULL), BAD_INPUT);
	folder_put("slot3.key",
		span_text("-----BEGIN PRIVATE KEY-----\n"
			  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
			  "-----END PRIVATE KEY-----\n")); /* RFC 8032 7.1, Ed25519 */
	assert_int_equal(e->operations->point(e, 3, again, NULL), BAD_INPUT);
	assert_string_equal(e->operations->attestation, "none");
	element_close(e);
}

/* libcrypto signs by the element, with whatever digest the other side wanted. */
static void
test_slot_key(void **state)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512", "SHA224" };
	struct element *e = open_element();
	EVP_PKEY *key = NULL, *public;
	uint8_t point[64], spki[SPKI_P256_LEN];
	const uint8_t *at = spki;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(slot_key_new(e, 4, &key, NULL), NOT_FOUND);
	assert_ok(e->operations->generate(e, 4, point, &d), d);
	assert_ok(slot_key_new(e, 4, &key, &d), d);
	spki_of_point(point, spki);
	public = d2i_PUBKEY(NULL, &at, sizeof(spki));
	for (size_t i = 0; i < COUNT_OF(digests); i++) {
		EVP_MD_CTX *c = EVP_MD_CTX_new();
		uint8_t signature[80];
		size_t len = sizeof(signature);

		assert_int_equal(
			EVP_DigestSignInit_ex(c, NULL, digests[i], NULL, NULL, key, NULL), 1);
		assert_int_equal(EVP_DigestSign(c, signature, &len, (const uint8_t *)"abc", 3), 1);
		EVP_MD_CTX_reset(c);
		assert_int_equal(
			EVP_DigestVerifyInit_ex(c, NULL, digests[i], NULL, NULL, public, NULL), 1);
		assert_int_equal(EVP_DigestVerify(c, signature, len, (const uint8_t *)"abc", 3), 1);
		EVP_MD_CTX_free(c);
	}
	/* Nothing of the private key is in it. */
	assert_int_equal(i2d_PrivateKey(key, NULL) > 0 &&
				 EVP_PKEY_get_bn_param(key, "priv", &(BIGNUM *){ NULL }) == 1,
		0);
	EVP_PKEY_free(public);
	EVP_PKEY_free(key);
	element_close(e);
}

#define BEFORE "{\"device\":\"x\",\"serial\":\"01\",\"fleet\":\"f\","
#define AFTER "\"certificate\":null,\"time\":\"2026-11-23T12:00:00Z\"}"
#define WHOLE                                                                               \
	BEFORE "\"state\":\"ACTIVE\",\"access\":\"full\",\"why\":\"in use\",\"version\":7," \
	       "\"renew_after\":\"2027-01-12T00:00:00Z\",\"renew_now\":false," AFTER

static void
test_state_read(void **state)
{
	static const char *const bad[] = { "", "[]", "null", "{}", "\"ACTIVE\"", BEFORE AFTER,
		BEFORE "\"state\":1,\"access\":\"full\",\"version\":7,\"renew_now\":false," AFTER,
		BEFORE
		"\"state\":\"A\",\"access\":\"all\",\"version\":7,\"renew_now\":false," AFTER,
		BEFORE
		"\"state\":\"A\",\"access\":\"full\",\"version\":0,\"renew_now\":false," AFTER,
		BEFORE
		"\"state\":\"A\",\"access\":\"full\",\"version\":\"7\",\"renew_now\":false," AFTER,
		BEFORE "\"state\":\"A\",\"access\":\"full\",\"version\":7,\"renew_now\":0," AFTER,
		BEFORE "\"state\":\"A\",\"access\":\"full\",\"version\":7,\"renew_now\":true,"
		       "\"renew_after\":\"soon\"," AFTER,
		BEFORE
		"\"state\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"access\":\"full\","
		"\"version\":7,\"renew_now\":false," AFTER,
		BEFORE "\"state\":\"A\",\"state\":\"B\",\"access\":\"full\",\"version\":7,"
		       "\"renew_now\":false," AFTER };
	struct state_answer a = { 0 };
	struct diag d = { 0 };

	(void)state;
	assert_ok(state_read(span_text(WHOLE), &a, &d), d);
	assert_string_equal(a.state, "ACTIVE");
	assert_string_equal(a.why, "in use");
	assert_int_equal(a.seen.access, ADMITTED_FULL);
	assert_int_equal(a.seen.version, 7);
	assert_int_equal(a.seen.renew_after_s, 1799712000);
	assert_int_equal(a.time_s, TEST_TIME_S);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (state_read(span_text(bad[i]), &a, NULL) != BAD_INPUT) {
			fail_msg("bad state %zu is taken", i);
		}
	}
	/* Cut anywhere it is none. */
	for (size_t len = 0; len < sizeof(WHOLE) - 1; len++) {
		assert_int_equal(state_read(span_of(WHOLE, len), &a, NULL), BAD_INPUT);
	}
}

/* Two at the bench of one unit would make it two birth keys. */
static void
test_one_bench_at_a_time(void **state)
{
	char place[300], element[400];
	const struct command_options o = { .agent = { .folder = place, .element = element } };
	struct diag d = { 0 };
	int lock = -1;

	(void)state;
	snprintf(place, sizeof(place), "%s/unit", folder);
	snprintf(element, sizeof(element), "file:%s", folder);
	assert_ok(folder_make(place, 0700, &d), d);
	assert_ok(agent_lock(place, &lock, &d), d);
	assert_int_equal(command_unit(&o, &d), CONFLICT);
	assert_non_null(strstr(d.text, "another tenure-agent"));
	diag_clear(&d);
	close(lock);
	assert_int_equal(command_unit(&o, &d), DENIED); /* files have their keys already */
	assert_non_null(strstr(d.text, "of kind file"));
	assert_ok(agent_lock(place, &lock, NULL), d); /* let go */
	close(lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_slot_key),
		cmocka_unit_test(test_state_read),
		cmocka_unit_test(test_one_bench_at_a_time),
	};

	return cmocka_run_group_tests(tests, set_up, folder_clear);
}
