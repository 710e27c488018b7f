#include <pthread.h>
#include <stdlib.h>

#include <openssl/hmac.h>

#include "pki/key.h"

/* Fetched once: looking an algorithm up costs more than hashing a key. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md_sha256, *md_sha1;
static pthread_key_t contexts; /* each thread's own, freed when it ends */

static void
free_context(void *context)
{
	EVP_MD_CTX_free(context);
}

static void
fetch(void)
{
	md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	md_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (md_sha256 == NULL || md_sha1 == NULL ||
		pthread_key_create(&contexts, free_context) != 0) {
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

void
hmac_sha256(span key, span data, uint8_t out[32])
{
	unsigned len = 32;

	pthread_once(&once, fetch);
	if (HMAC(md_sha256, key.data, (int)key.len, data.data, data.len, out, &len) == NULL) {
		abort();
	}
}
