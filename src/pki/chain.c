#include "pki/chain.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/text.h"

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

/*
 * X509_V_FLAG_X509_STRICT holds every certificate of a path to the form of RFC 5280 4.2, anchors too. An anchor was
 * chosen by a person, and RFC 5280 6.1.1 takes nothing but name and key of it; real ones (the secure elements'
 * makers' roots) lack the keyUsage that a strict eye wants. So form, and form alone, is forgiven to anchors.
 */
static int
forgive_anchors(int is_good, X509_STORE_CTX *c)
{
	int depth = X509_STORE_CTX_get_error_depth(c);
	const STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(c);

	if (is_good || depth != sk_X509_num(path) - 1 ||
		depth < X509_STORE_CTX_get_num_untrusted(c)) {
		return is_good;
	}
	switch (X509_STORE_CTX_get_error(c)) {
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
	case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
		X509_STORE_CTX_set_error(c, X509_V_OK);
		return 1;
	default:
		return 0;
	}
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
	X509_STORE_set_verify_cb(t->store, forgive_anchors);
	for (size_t i = 0; i < count; i++) {
		X509 *x = decode(anchors[i]);
		bool added = x != NULL && X509_STORE_add_cert(t->store, x) == 1;

		if (added) {
			/* Its extensions are read now, not by the first threads that judge by it. */
			(void)X509_check_purpose(x, -1, 0);
		}
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

static int64_t
time_of(const ASN1_TIME *t, int64_t otherwise)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1) {
		return otherwise;
	}
	return civil_to_time((struct civil){
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec });
}

static bool
is_same(X509 *x, span der)
{
	uint8_t *own = NULL;
	int len = i2d_X509(x, &own);
	bool is = len > 0 && span_equal(span_of(own, (size_t)len), der);

	OPENSSL_free(own);
	return is;
}

/* An unreadable time makes the period empty. */
static void
describe_path(const STACK_OF(X509) * path, span first, struct chain_path *out)
{
	*out = (struct chain_path){ .good_from_s = INT64_MIN, .good_to_s = INT64_MAX };
	out->is_by_first = sk_X509_num(path) > 1 && is_same(sk_X509_value(path, 1), first);
	for (int i = 1; i < sk_X509_num(path); i++) {
		const X509 *x = sk_X509_value(path, i);
		int64_t from = time_of(X509_get0_notBefore(x), INT64_MAX);
		int64_t to = time_of(X509_get0_notAfter(x), INT64_MIN);

		out->good_from_s = from > out->good_from_s ? from : out->good_from_s;
		out->good_to_s = to < out->good_to_s ? to : out->good_to_s;
	}
}

static status
judge(const struct trust_set *t, span leaf, const span *between, size_t count, int64_t at_s,
	struct chain_path *path, struct diag *d)
{
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	X509 *x = decode(leaf);
	status s = OK;

	if ((c == NULL || untrusted == NULL || count > CHAIN_LEN_MAX)) {
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
	if (s == OK && path != NULL) {
		describe_path(X509_STORE_CTX_get0_chain(c),
			count > 0 ? between[0] : span_of(NULL, 0), path);
	}
	X509_free(x);
	sk_X509_pop_free(untrusted, X509_free);
	X509_STORE_CTX_free(c);
	ERR_clear_error();
	return s;
}

status
chain_judge(const struct trust_set *t, span leaf, const span *between, size_t count,
	enum chain_purpose purpose, int64_t at_s, struct diag *d)
{
	status s = judge_leaf(leaf, purpose, d);

	return s == OK ? judge(t, leaf, between, count, at_s, NULL, d) : s;
}

status
chain_judge_path(const struct trust_set *t, span leaf, const span *between, size_t count,
	int64_t at_s, struct chain_path *out, struct diag *d)
{
	status s = judge_leaf(leaf, CHAIN_ANY, d);

	return s == OK ? judge(t, leaf, between, count, at_s, out, d) : s;
}
