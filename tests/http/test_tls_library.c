/* The listeners' own library context: what it knows, that nothing is lost by it, and when it is not used. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "fixture.h"

#include "base/check.h"
#include "base/text.h"
#include "http/tls_library.h"
#include "pki/key.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* Under TLS 1.2 a client's curve must be one of the listener's groups (RFC 8422 5.1). */
static const struct kind {
	const char *type, *group;
	bool is_of_1_3_alone;
} kinds[] = {
	{ "RSA", NULL, false },
	{ "RSA-PSS", NULL, false },
	{ "EC", "P-256", false },
	{ "EC", "P-384", true },
	{ "EC", "P-521", true },
	{ "ED25519", NULL, false },
	{ "ED448", NULL, false },
};

static EVP_PKEY *
key_of(const struct kind *k)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, k->type, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(c), 1);
	if (k->group != NULL) {
		assert_int_equal(EVP_PKEY_CTX_set_group_name(c, k->group), 1);
	}
	assert_int_equal(EVP_PKEY_generate(c, &key), 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static bool
is_slow_version(void)
{
	return OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
}

/* One request with this certificate, which the handler must see. */
static void
ask_as(const struct fixture *f, const struct credential *device, int version)
{
	const struct client_tls t = { .version = version, .credential = device };
	char fingerprint[65], wanted[160];
	uint8_t digest[32];
	struct client c;

	sha256(credential_span(device), digest);
	hex_encode(fingerprint, SPAN_ARRAY(digest));
	snprintf(wanted, sizeof(wanted), "0 %s 0 %s %d", fingerprint,
		version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3",
		version == TLS1_2_VERSION ? 12 : 0);
	client_open(&c, f->tls);
	assert_true(client_secure(&c, &t));
	client_ask(&c, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n", 200, wanted);
	client_close(&c);
}

static void
clients_show_any_kind_of_key(void **state)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct credential device;

		credential_make_of(&device, "device", 0, key_of(&kinds[i]));
		if (!kinds[i].is_of_1_3_alone) {
			ask_as(*state, &device, TLS1_2_VERSION);
		}
		ask_as(*state, &device, TLS1_3_VERSION);
		credential_wipe(&device);
	}
}

static void
listeners_have_any_kind_of_key(void **state)
{
	struct fixture *f = *state;
	struct credential device;

	credential_make(&device, "device", 0);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct credential identity;
		struct diag d = { 0 };
		span chain;

		credential_make_of(&identity, "server", 0, key_of(&kinds[i]));
		chain = credential_span(&identity);
		assert_ok(http_server_identity(f->server, &chain, 1, identity.key, &d), d);
		for (size_t j = 0; j < COUNT_OF(versions); j++) {
			ask_as(f, &device, versions[j]);
		}
		credential_wipe(&identity);
	}
	credential_wipe(&device);
}

static void
add_one(OSSL_DECODER *decoder, void *total)
{
	(void)decoder;
	++*(int *)total;
}

static void
only_what_a_handshake_needs_is_there(void **state)
{
	static const char *const absent[] = { "SM3", "MD5", "SHA3-256" };
	OSSL_LIB_CTX *l = tls_library();
	int decoders = 0;

	(void)state;
	if (l == NULL) {
		assert_false(is_slow_version());
		SKIP_TEST("OpenSSL %s needs no context of the listeners' own",
			OpenSSL_version(OPENSSL_VERSION_STRING));
	}
	assert_true(is_slow_version());
	assert_ptr_equal(l, tls_library());
	OSSL_DECODER_do_all_provided(l, add_one, &decoders);
	assert_int_equal(decoders, 5);
	for (size_t i = 0; i < COUNT_OF(absent); i++) {
		assert_null(EVP_MD_fetch(l, absent[i], NULL));
	}
	/* The process's own context is as it was. */
	for (size_t i = 0; i < COUNT_OF(absent); i++) {
		EVP_MD *digest = EVP_MD_fetch(NULL, absent[i], NULL);

		assert_non_null(digest);
		EVP_MD_free(digest);
	}
}

/* Before the first use of the context in this process. */
static int
is_used_beside_another(void)
{
	int ended;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		_exit(OSSL_PROVIDER_load(NULL, "base") == NULL ? 2 : tls_library() != NULL);
	}
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_true(WIFEXITED(ended));
	return WEXITSTATUS(ended);
}

static void
configured_providers_are_not_passed_by(void **state)
{
	(void)state;
	assert_int_equal(is_used_beside_another(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configured_providers_are_not_passed_by),
		cmocka_unit_test(only_what_a_handshake_needs_is_there),
		cmocka_unit_test_setup_teardown(
			clients_show_any_kind_of_key, fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
			listeners_have_any_kind_of_key, fixture_set_up, fixture_tear_down),
	};

	return cmocka_run_group_tests_name("http tls_library", tests, NULL, NULL);
}
