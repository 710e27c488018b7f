#include "floor.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "bench.h"

#define TIMES 2000

struct signing {
	EVP_PKEY *key;
	EVP_PKEY_CTX *context;
	uint8_t digest[32], signature[80];
	size_t len;
};

static void
must(int answer)
{
	bench_check(answer == 1, "libcrypto refuses to sign or verify");
}

static void
signing_begin(struct signing *s, bool verifies)
{
	*s = (struct signing){ .key = EVP_EC_gen("P-256"), .digest = { 1, 2, 3 } };
	must(s->key != NULL);
	s->context = EVP_PKEY_CTX_new(s->key, NULL);
	must(s->context != NULL);
	must(EVP_PKEY_sign_init(s->context));
	s->len = sizeof(s->signature);
	must(EVP_PKEY_sign(s->context, s->signature, &s->len, s->digest, sizeof(s->digest)));
	must(verifies ? EVP_PKEY_verify_init(s->context) : 1);
}

static void
signing_end(struct signing *s)
{
	EVP_PKEY_CTX_free(s->context);
	EVP_PKEY_free(s->key);
}

double
floor_sign_seconds(void)
{
	struct signing s;
	double began, used;

	signing_begin(&s, false);
	began = bench_cpu_seconds();
	for (unsigned i = 0; i < TIMES; i++) {
		s.len = sizeof(s.signature);
		must(EVP_PKEY_sign(s.context, s.signature, &s.len, s.digest, sizeof(s.digest)));
	}
	used = bench_cpu_seconds() - began;
	signing_end(&s);
	return used / TIMES;
}

double
floor_verify_seconds(void)
{
	struct signing s;
	double began, used;

	signing_begin(&s, true);
	began = bench_cpu_seconds();
	for (unsigned i = 0; i < TIMES; i++) {
		must(EVP_PKEY_verify(s.context, s.signature, s.len, s.digest, sizeof(s.digest)));
	}
	used = bench_cpu_seconds() - began;
	signing_end(&s);
	return used / TIMES;
}
