#include <pthread.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "pki/key.h"

/* Fetched once: looking an algorithm up costs more than hashing a key. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md_sha256, *md_sha1;
static EVP_MAC *mac_hmac;
static pthread_key_t contexts, mac_contexts; /* each thread's own, freed when it ends */

static void
free_context(void *context)
{
	EVP_MD_CTX_free(context);
}

static void
free_mac_context(void *context)
{
	EVP_MAC_CTX_free(context);
}

static void
fetch(void)
{
	md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	md_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	mac_hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (md_sha256 == NULL || md_sha1 == NULL || mac_hmac == NULL ||
		pthread_key_create(&contexts, free_context) != 0 ||
		pthread_key_create(&mac_contexts, free_mac_context) != 0) {
		abort(); /* a libcrypto without SHA-256 can do nothing for us */
	}
}

static void
digest(EVP_MD *const *md, span first, span second, uint8_t *out)
{
	static _Thread_local EVP_MD_CTX *context;

	pthread_once(&once, fetch);
	if (context == NULL) {
		context = EVP_MD_CTX_new();
		(void)pthread_setspecific(contexts, context);
	}
	if (context == NULL || EVP_DigestInit_ex2(context, *md, NULL) != 1 ||
		EVP_DigestUpdate(context, first.data, first.len) != 1 ||
		EVP_DigestUpdate(context, second.data, second.len) != 1 ||
		EVP_DigestFinal_ex(context, out, NULL) != 1) {
		abort(); /* a hash cannot fail but for want of memory at start */
	}
}

void
sha256(span data, uint8_t out[32])
{
	digest(&md_sha256, data, (span){ NULL, 0 }, out);
}

void
sha256_two(span first, span second, uint8_t out[32])
{
	digest(&md_sha256, first, second, out);
}

void
sha1(span data, uint8_t out[20])
{
	digest(&md_sha1, data, (span){ NULL, 0 }, out);
}

/* It keeps its digest from one key to the next. */
static EVP_MAC_CTX *
mac_context_new(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(
						  OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac_hmac);

	if (c != NULL && EVP_MAC_CTX_set_params(c, parameters) != 1) {
		EVP_MAC_CTX_free(c);
		c = NULL;
	}
	(void)pthread_setspecific(mac_contexts, c);
	return c;
}

void
hmac_sha256(span key, span data, uint8_t out[32])
{
	static _Thread_local EVP_MAC_CTX *context;
	/* Without a key it would take the one before. */
	const uint8_t *given = key.len > 0 ? key.data : (const uint8_t *)"";
	size_t len = 0;

	pthread_once(&once, fetch);
	if (context == NULL) {
		context = mac_context_new();
	}
	if (context == NULL || EVP_MAC_init(context, given, key.len, NULL) != 1 ||
		EVP_MAC_update(context, data.data, data.len) != 1 ||
		EVP_MAC_final(context, out, &len, 32) != 1 || len != 32) {
		abort();
	}
}
