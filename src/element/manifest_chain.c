#include "element/manifest_chain.h"

#include <stdlib.h>

/*
 * A factory signer has certified thousands of elements in a row. Its chain is judged by libcrypto once, together
 * with the first leaf under it; a further leaf is then held against what RFC 5280 6.1 asks of the last step: name,
 * key identifier, validity, usage, no unknown critical extension, signature.
 *
 * Invariant: the issuers of a slot are the very path that libcrypto found from a leaf to one of these roots, and all of
 * that path is valid from `good_from_s` to `good_to_s`. Only issuers without name constraints are
 * remembered: those would have to be held against each leaf's names.
 *
 * `chain` and `issuer` borrow from `der`. Slots are taken round robin: at worst a judgement is made again.
 */
#define ISSUERS_MAX 8
#define VERIFIERS_MAX 16
#define HEADER_MAX 512 /* the vendor's has 166 characters */

struct known_issuers {
	const struct trust_set *roots;
	int64_t good_from_s, good_to_s;
	uint8_t *
		der; /* owned: the chain without its leaf, one behind the other; NULL: a free slot */
	span chain[MANIFEST_CHAIN_MAX];
	size_t count;
	struct certificate_view issuer; /* chain[0] */
};

struct known_verifier {
	uint8_t point[64];
	struct verifier *verifier; /* owned */
};

struct manifest_cache {
	struct known_issuers issuers[ISSUERS_MAX];
	struct known_verifier verifiers[VERIFIERS_MAX];
	size_t next_issuer, next_verifier;
	/* All entries of one signer carry the same protected header. */
	uint8_t header[HEADER_MAX];
	size_t header_len; /* 0: none */
	const struct manifest_trust *header_trust;
	const struct manifest_pin *pin;
};

/* --- pins --- */

const struct manifest_pin *
manifest_cache_pin(
	const struct manifest_cache *c, const struct manifest_trust *t, span protected_header)
{
	bool is_it = c != NULL && c->header_len > 0 && c->header_trust == t &&
		     span_equal(span_of(c->header, c->header_len), protected_header);

	return is_it ? c->pin : NULL;
}

void
manifest_cache_remember_pin(struct manifest_cache *c, const struct manifest_trust *t,
	span protected_header, const struct manifest_pin *pin)
{
	if (c != NULL && protected_header.len <= sizeof(c->header)) {
		memcpy(c->header, protected_header.data, protected_header.len);
		c->header_len = protected_header.len;
		c->header_trust = t;
		c->pin = pin;
	}
}

/* --- verifiers --- */

/* NULL where none can be made: the slow way is left. */
static struct verifier *
find_verifier(struct manifest_cache *c, const uint8_t point[64])
{
	struct known_verifier *k;

	if (c == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < VERIFIERS_MAX; i++) {
		k = &c->verifiers[i];
		if (k->verifier != NULL && memcmp(k->point, point, sizeof(k->point)) == 0) {
			return k->verifier;
		}
	}
	k = &c->verifiers[c->next_verifier];
	c->next_verifier = (c->next_verifier + 1) % VERIFIERS_MAX;
	verifier_free(k->verifier);
	memcpy(k->point, point, sizeof(k->point));
	return verifier_new(point, &k->verifier) == OK ? k->verifier : NULL;
}

status
manifest_cache_verify(struct manifest_cache *cache, const uint8_t point[64],
	const uint8_t digest[32], const uint8_t raw[SIGNATURE_RAW_LEN])
{
	struct verifier *kept = find_verifier(cache, point), *own = NULL;
	status s = OK;

	if (kept == NULL) {
		s = verifier_new(point, &own);
	}
	if (s == OK) {
		s = verifier_check_digest(kept != NULL ? kept : own, digest, raw);
	}
	verifier_free(own);
	return s;
}

static status
verify_leaf(struct manifest_cache *c, const struct certificate_view *leaf,
	const struct certificate_view *issuer, struct diag *d)
{
	struct verifier *v = NULL;

	if (issuer->key.kind == KEY_P256 && leaf->signature_kind == SIGNATURE_ECDSA_SHA256) {
		v = find_verifier(c, issuer->key.point);
	}
	if (v == NULL) {
		return certificate_signed_by(leaf, issuer, d);
	}
	return verifier_check(v, leaf->tbs, leaf->signature) == OK
		       ? OK
		       : diag_set(d, CRYPTO, "RFC 5280 6.1.3",
				 "the birth certificate's signature does not check");
}

/* --- issuers --- */

/* Compared byte for byte: cheaper than any digest of them. */
static bool
is_chain(const struct known_issuers *k, const span *issuers, size_t count)
{
	for (size_t i = 0; i < k->count && k->count == count; i++) {
		if (!span_equal(k->chain[i], issuers[i])) {
			return false;
		}
	}
	return k->count == count;
}

static struct known_issuers *
find_issuers(
	struct manifest_cache *c, const struct trust_set *roots, const span *issuers, size_t count)
{
	for (size_t i = 0; c != NULL && i < ISSUERS_MAX; i++) {
		struct known_issuers *k = &c->issuers[i];

		if (k->der != NULL && k->roots == roots && is_chain(k, issuers, count)) {
			return k;
		}
	}
	return NULL;
}

static bool
has_name_constraints(span der)
{
	static const uint8_t oid[] = { 0x06, 0x03, 0x55, 0x1d, 0x1e };

	return span_find(der, SPAN_ARRAY(oid)) != SIZE_MAX;
}

/* Best effort: without memory nothing is remembered. */
static void
remember(struct manifest_cache *c, const struct trust_set *roots, const span *issuers, size_t count,
	const struct chain_path *path)
{
	struct known_issuers *k = &c->issuers[c->next_issuer];
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		len += issuers[i].len;
	}
	free(k->der);
	*k = (struct known_issuers){ .roots = roots,
		.good_from_s = path->good_from_s,
		.good_to_s = path->good_to_s,
		.count = count };
	k->der = malloc(len);
	if (k->der == NULL) {
		return;
	}
	len = 0;
	for (size_t i = 0; i < count; i++) {
		memcpy(k->der + len, issuers[i].data, issuers[i].len);
		k->chain[i] = span_of(k->der + len, issuers[i].len);
		len += issuers[i].len;
	}
	if (certificate_read(k->chain[0], &k->issuer, NULL) != OK) {
		free(k->der);
		k->der = NULL;
		return;
	}
	c->next_issuer = (c->next_issuer + 1) % ISSUERS_MAX;
}

/* The issuers that came along are the path that was found, and bind further leaves in no other way than this one. */
static bool
can_remember(const span *issuers, size_t count, const struct chain_path *path)
{
	for (size_t i = 0; i < count; i++) {
		if (has_name_constraints(issuers[i])) {
			return false;
		}
	}
	return path->is_by_first;
}

/* What libcrypto would ask of the last step of a path. */
static status
judge_leaf(const struct certificate_view *leaf, const struct certificate_view *issuer, int64_t at_s,
	struct diag *d)
{
	bool is_named = span_equal(leaf->issuer.der, issuer->subject.der) ||
			name_equal(&leaf->issuer, &issuer->subject);

	if (!is_named || (leaf->authority_key_id.len > 0 && issuer->subject_key_id.len > 0 &&
				 !span_equal(leaf->authority_key_id, issuer->subject_key_id))) {
		return diag_set(d, CRYPTO, "RFC 5280 6.1.3",
			"the birth certificate is not of the issuer that came with it");
	}
	if (at_s < leaf->not_before_s || at_s > leaf->not_after_s) {
		return diag_set(d, CRYPTO, "RFC 5280 6.1.3",
			"the birth certificate was not valid at the provisioning time");
	}
	if (leaf->has_unknown_critical) {
		return diag_set(d, CRYPTO, "RFC 5280 4.2",
			"the birth certificate has a critical extension that is not known");
	}
	return OK;
}

/* Of every leaf, whichever way its chain was judged. */
static status
judge_usage(const struct certificate_view *leaf, struct diag *d)
{
	if (leaf->is_ca) {
		return diag_set(d, CRYPTO, "RFC 5280 4.2.1.9", "the birth certificate is a CA's");
	}
	if (leaf->has_key_usage && (leaf->key_usage & KEY_USAGE_DIGITAL_SIGNATURE) == 0) {
		return diag_set(d, CRYPTO, "RFC 5280 4.2.1.3",
			"the birth certificate's keyUsage lacks digitalSignature");
	}
	return OK;
}

status
manifest_chain_verify(const struct manifest_trust *t, struct manifest_cache *cache,
	const span *chain, size_t count, int64_t at_s, struct certificate_view *out, struct diag *d)
{
	const struct known_issuers *k = NULL;
	struct chain_path path;
	status s = certificate_read(chain[0], out, d);

	if (s == OK) {
		s = judge_usage(out, d);
	}
	if (s != OK) {
		return s;
	}
	if (t->roots == NULL) {
		return diag_set(d, CRYPTO, "RFC 5280 6.1",
			"no root is trusted for birth certificates: import the chip maker's or "
			"your own");
	}
	if (cache != NULL && count > 1) {
		k = find_issuers(cache, t->roots, chain + 1, count - 1);
	}
	if (k != NULL && at_s >= k->good_from_s && at_s <= k->good_to_s) {
		s = judge_leaf(out, &k->issuer, at_s, d);
		return s == OK ? verify_leaf(cache, out, &k->issuer, d) : s;
	}
	s = chain_judge_path(t->roots, chain[0], chain + 1, count - 1, at_s, &path, d);
	if (s == OK && k == NULL && cache != NULL && count > 1 &&
		can_remember(chain + 1, count - 1, &path)) {
		remember(cache, t->roots, chain + 1, count - 1, &path);
	}
	return s;
}

status
manifest_cache_new(struct manifest_cache **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? OK : NO_MEMORY;
}

void
manifest_cache_free(struct manifest_cache *c)
{
	if (c == NULL) {
		return;
	}
	for (size_t i = 0; i < ISSUERS_MAX; i++) {
		free(c->issuers[i].der);
	}
	for (size_t i = 0; i < VERIFIERS_MAX; i++) {
		verifier_free(c->verifiers[i].verifier);
	}
	free(c);
}
