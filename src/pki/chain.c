#include "pki/chain.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

struct trust_set {
	X509_STORE *store;
};

static X509 *
decode(span der)
{
	const uint8_t *p = der.data;
	X509 *x = der.len <= CERTIFICATE_SIZE_MAX ? d2i_X509(NULL, &p, (long)der.len) : NULL;

	if (x != NULL && p != der.data + der.len) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x;
}

status
trust_set_new(const span *anchors, size_t count, bool allow_partial, struct trust_set **out,
	struct diag *d)
{
	struct trust_set *t = calloc(1, sizeof(*t));
	unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE;

	if (t == NULL || (t->store = X509_STORE_new()) == NULL) {
		free(t);
		return diag_set(d, NO_MEMORY, NULL, "no memory for a trust set");
	}
	X509_STORE_set_flags(t->store, flags | (allow_partial ? X509_V_FLAG_PARTIAL_CHAIN : 0));
	for (size_t i = 0; i < count; i++) {
		X509 *x = decode(anchors[i]);
		bool added = x != NULL && X509_STORE_add_cert(t->store, x) == 1;

		X509_free(x);
		if (!added) {
			trust_set_free(t);
			return diag_set(d, BAD_INPUT, "RFC 5280 4.1",
				"trust anchor %zu is not a certificate", i + 1);
		}
	}
	*out = t;
	return OK;
}

void
trust_set_free(struct trust_set *t)
{
	if (t != NULL) {
		X509_STORE_free(t->store);
		free(t);
	}
}

static status
refused(X509_STORE_CTX *c, struct diag *d)
{
	X509 *at = X509_STORE_CTX_get_current_cert(c);
	char subject[200] = "";

	if (at != NULL) {
		X509_NAME_oneline(X509_get_subject_name(at), subject, sizeof(subject));
	}
	return diag_set(d, CRYPTO, "RFC 5280 6.1", "chain refused at depth %d, %s: %s",
		X509_STORE_CTX_get_error_depth(c), subject,
		X509_verify_cert_error_string(X509_STORE_CTX_get_error(c)));
}

/* What libcrypto's purposes leave to the application (CVE-2024-45159's lesson). */
static status
judge_leaf(span leaf, enum chain_purpose purpose, struct diag *d)
{
	struct certificate_view v;
	status s = certificate_read(leaf, &v, d);

	if (s != OK || purpose == CHAIN_ANY) {
		return s;
	}
	if (v.is_ca) {
		return diag_set(
			d, CRYPTO, "RFC 5280 4.2.1.9", "a CA certificate used as an end entity's");
	}
	if (v.has_key_usage && (v.key_usage & KEY_USAGE_DIGITAL_SIGNATURE) == 0) {
		return diag_set(d, CRYPTO, "RFC 5280 4.2.1.3", "keyUsage lacks digitalSignature");
	}
	if (v.has_ext_key_usage &&
		(v.ext_key_usage & (purpose == CHAIN_CLIENT ? EKU_CLIENT : EKU_SERVER)) == 0) {
		return diag_set(d, CRYPTO, "RFC 5280 4.2.1.12", "extKeyUsage lacks %s",
			purpose == CHAIN_CLIENT ? "clientAuth" : "serverAuth");
	}
	return OK;
}

status
chain_judge(const struct trust_set *t, span leaf, const span *between, size_t count,
	enum chain_purpose purpose, int64_t at_s, struct diag *d)
{
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	X509 *x = decode(leaf);
	status s = judge_leaf(leaf, purpose, d);

	if (s == OK && (c == NULL || untrusted == NULL || count > CHAIN_LEN_MAX)) {
		s = diag_set(d, count > CHAIN_LEN_MAX ? LIMIT : NO_MEMORY, NULL,
			"a chain of %zu certificates", count);
	}
	for (size_t i = 0; s == OK && i < count; i++) {
		X509 *one = decode(between[i]);

		if (one == NULL || sk_X509_push(untrusted, one) <= 0) {
			X509_free(one);
			s = diag_set(d, BAD_INPUT, "RFC 5280 4.1",
				"certificate %zu of the chain cannot be read", i + 2);
		}
	}
	if (s == OK && (x == NULL || X509_STORE_CTX_init(c, t->store, x, untrusted) != 1)) {
		s = diag_set(d, BAD_INPUT, "RFC 5280 4.1", "the certificate cannot be read");
	}
	if (s == OK) {
		X509_STORE_CTX_set_time(c, 0, (time_t)at_s);
		X509_STORE_CTX_set_depth(c, CHAIN_LEN_MAX);
		s = X509_verify_cert(c) == 1 ? OK : refused(c, d);
	}
	X509_free(x);
	sk_X509_pop_free(untrusted, X509_free);
	X509_STORE_CTX_free(c);
	ERR_clear_error();
	return s;
}
