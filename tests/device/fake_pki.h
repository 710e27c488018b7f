#pragma once
/* A small PKI for the agent's tests: two roots, an issuing CA, a factory; made anew in each run. */
#include <openssl/x509.h>

#include "base/arena.h"
#include "base/span.h"

struct fake_authority {
	EVP_PKEY *key;
	X509 *certificate;
};

struct fake_pki {
	struct fake_authority root, issuing, factory, stranger;
	struct fake_authority server; /* no authority: 127.0.0.1's key and certificate */
};

struct fake_subject {
	const char *common_name, *serial; /* serial NULL: none */
	EVP_PKEY *key;			  /* only its public half is used */
	long from_s, to_s;		  /* from now */
	bool is_ca;
	const char *usage, *extended_usage, *alt_names; /* as openssl.cnf has them, or NULL */
};

void fake_pki_make(struct fake_pki *p);
void fake_pki_free(struct fake_pki *p);
/* Signed by `by`, or by itself where that is NULL. */
X509 *fake_certificate(const struct fake_subject *s, const struct fake_authority *by);
/* An operational certificate of the issuing CA. */
X509 *fake_operational(const struct fake_authority *by, EVP_PKEY *key, const char *serial);
span fake_der(struct arena *a, X509 *x);
/* PEM of certificates, ended by NULL, to a file. */
void fake_write_pem(const char *path, X509 *const *list);
