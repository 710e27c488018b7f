/*
 * The context's only provider is ours. It has no algorithm of its own: it answers each question with the default
 * provider's answer, less what is not listed below, and names that one's context as its own, so that the functions
 * which it hands out find what they expect.
 *
 * What is listed is what libssl asks for: the suites and groups of tls.c, the signatures of TLS 1.2 and 1.3, and the kinds of
 * keys that these know (RFC 8446 4.2.3; not DSA, which 1.3 has dropped). What the functions themselves need of libcrypto (the
 * cipher of the random numbers' generator, the digest of a signature) they find in the default provider's own context.
 */
#include "http/tls_library.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "base/check.h"
#include "base/log.h"

#define SHOWN_MAX 16 /* algorithms of one operation */

static const char *const digests[] = { "SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512",
	NULL };
static const char *const ciphers[] = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", NULL };
static const char *const macs[] = { "HMAC", NULL };
static const char *const derivations[] = { "HKDF", "TLS13-KDF", "TLS1-PRF", NULL };
static const char *const generators[] = { "CTR-DRBG", "SEED-SRC", NULL };
/* HMAC is the key of a resumed session's proof. */
static const char *const keys[] = { "RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519", "HMAC",
	NULL };
static const char *const exchanges[] = { "ECDH", "X25519", NULL };
static const char *const signatures[] = { "RSA", "ECDSA", "ED25519", "ED448", "HMAC", NULL };
static const char *const decoders[] = { "RSA", "RSA-PSS", "EC", "ED25519", "ED448", NULL };
static const char *const nothing[] = { NULL };

/* An operation that is not here, as one of a later version, is shown whole. */
static struct operation {
	int number;
	const char *const *names;
	const char *const of[2]; /* in the algorithm's properties; NULL: any */
	OSSL_ALGORITHM shown[SHOWN_MAX + 1];
	int is_not_kept; /* what the default provider says of its answer */
} operations[] = {
	{ .number = OSSL_OP_DIGEST, .names = digests },
	{ .number = OSSL_OP_CIPHER, .names = ciphers },
	{ .number = OSSL_OP_MAC, .names = macs },
	{ .number = OSSL_OP_KDF, .names = derivations },
	{ .number = OSSL_OP_RAND, .names = generators },
	{ .number = OSSL_OP_KEYMGMT, .names = keys },
	{ .number = OSSL_OP_KEYEXCH, .names = exchanges },
	{ .number = OSSL_OP_SIGNATURE, .names = signatures },
	{ .number = OSSL_OP_ASYM_CIPHER, .names = nothing },
	{ .number = OSSL_OP_ENCODER, .names = nothing },
	{ .number = OSSL_OP_DECODER,
		.names = decoders,
		.of = { "input=der", "structure=SubjectPublicKeyInfo" } },
	{ .number = OSSL_OP_STORE, .names = nothing },
};

static OSSL_PROVIDER *source; /* the default provider in the process's own context */

/* --- what is shown --- */

/* "EC:id-ecPublicKey:1.2.840.10045.2.1": the first name counts. */
static bool
is_named(const OSSL_ALGORITHM *a, const char *name)
{
	size_t len = strlen(name);

	return strncmp(a->algorithm_names, name, len) == 0 &&
	       (a->algorithm_names[len] == '\0' || a->algorithm_names[len] == ':');
}

static bool
is_shown(const struct operation *o, const OSSL_ALGORITHM *a)
{
	for (size_t i = 0; i < COUNT_OF(o->of); i++) {
		if (o->of[i] != NULL && strstr(a->property_definition, o->of[i]) == NULL) {
			return false;
		}
	}
	for (const char *const *name = o->names; *name != NULL; name++) {
		if (is_named(a, *name)) {
			return true;
		}
	}
	return false;
}

/* The names and functions stay the default provider's, which is never unloaded. */
static bool
choose(struct operation *o)
{
	const OSSL_ALGORITHM *all =
		OSSL_PROVIDER_query_operation(source, o->number, &o->is_not_kept);
	size_t count = 0;

	for (const OSSL_ALGORITHM *a = all; a != NULL && a->algorithm_names != NULL; a++) {
		if (!is_shown(o, a)) {
			continue;
		}
		if (count == SHOWN_MAX) {
			return false;
		}
		o->shown[count++] = *a;
	}
	OSSL_PROVIDER_unquery_operation(source, o->number, all);
	return true;
}

/* --- the provider --- */

static struct operation *
operation_of(int number)
{
	for (size_t i = 0; i < COUNT_OF(operations); i++) {
		if (operations[i].number == number) {
			return &operations[i];
		}
	}
	return NULL;
}

static const OSSL_ALGORITHM *
query(void *context, int number, int *is_not_kept)
{
	const struct operation *o = operation_of(number);

	(void)context;
	if (o == NULL) {
		return OSSL_PROVIDER_query_operation(source, number, is_not_kept);
	}
	*is_not_kept = o->is_not_kept;
	return o->shown;
}

static void
unquery(void *context, int number, const OSSL_ALGORITHM *algorithms)
{
	(void)context;
	if (operation_of(number) == NULL) {
		OSSL_PROVIDER_unquery_operation(source, number, algorithms);
	}
}

static const OSSL_PARAM *
gettable_params(void *context)
{
	(void)context;
	return OSSL_PROVIDER_gettable_params(source);
}

static int
get_params(void *context, OSSL_PARAM params[])
{
	(void)context;
	return OSSL_PROVIDER_get_params(source, params);
}

/* The groups of TLS. libssl leaves out those whose keys nobody can make. */
static int
get_capabilities(void *context, const char *capability, OSSL_CALLBACK *found, void *argument)
{
	(void)context;
	return OSSL_PROVIDER_get_capabilities(source, capability, found, argument);
}

static int
self_test(void *context)
{
	(void)context;
	return OSSL_PROVIDER_self_test(source);
}

typedef void function(void); /* libcrypto's dispatch tables hold them without their types */

static const OSSL_DISPATCH functions[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (function *)query },
	{ OSSL_FUNC_PROVIDER_UNQUERY_OPERATION, (function *)unquery },
	{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (function *)gettable_params },
	{ OSSL_FUNC_PROVIDER_GET_PARAMS, (function *)get_params },
	{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (function *)get_capabilities },
	{ OSSL_FUNC_PROVIDER_SELF_TEST, (function *)self_test },
	{ 0, NULL },
};

static int
begin(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **out,
	void **context)
{
	(void)handle;
	(void)core;
	*out = functions;
	*context = OSSL_PROVIDER_get0_provider_ctx(source);
	return 1;
}

/* --- the context --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *library;

/* Those versions that collect anew for every key. */
static bool
is_slow_version(void)
{
	return OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
}

static int
note_other(OSSL_PROVIDER *p, void *is_alone)
{
	if (strcmp(OSSL_PROVIDER_get0_name(p), "default") != 0) {
		*(bool *)is_alone = false;
	}
	return 1;
}

/* Whoever configures other providers for the machine wants them here as well. */
static bool
is_default_alone(void)
{
	bool is_alone = true;

	return OSSL_PROVIDER_do_all(NULL, note_other, &is_alone) == 1 && is_alone &&
	       OSSL_PROVIDER_available(NULL, "default") == 1 &&
	       EVP_default_properties_is_fips_enabled(NULL) != 1;
}

static const char *
make(OSSL_LIB_CTX *l)
{
	source = OSSL_PROVIDER_try_load(NULL, "default", 1);
	if (source == NULL) {
		return "the default provider does not load";
	}
	for (size_t i = 0; i < COUNT_OF(operations); i++) {
		if (!choose(&operations[i])) {
			return "the default provider has more algorithms of a name than are "
			       "expected";
		}
	}
	if (OSSL_PROVIDER_add_builtin(l, "tenure-listener", begin) != 1 ||
		OSSL_PROVIDER_load(l, "tenure-listener") == NULL) {
		return "the listeners' provider does not load";
	}
	return NULL;
}

static void
make_once(void)
{
	OSSL_LIB_CTX *l;
	const char *fault;

	if (!is_slow_version() || !is_default_alone()) {
		return;
	}
	l = OSSL_LIB_CTX_new();
	fault = l != NULL ? make(l) : "no memory";
	if (fault != NULL) {
		log_event(LOG_WARNING, "listener_library",
			"error=\"%s; handshakes cost more than they need\"", fault);
		OSSL_LIB_CTX_free(l);
		l = NULL;
	}
	library = l;
	ERR_clear_error();
}

OSSL_LIB_CTX *
tls_library(void)
{
	pthread_once(&once, make_once);
	return library;
}
