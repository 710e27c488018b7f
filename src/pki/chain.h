#pragma once
/*
 * Whether a certificate leads to an authority that we trust: libcrypto's path
 * validation (RFC 5280 6) at a stated time, with the rules it leaves off by
 * default switched on. Used for foreign chains; our own certificates are known by fingerprint.
 */
#include "pki/certificate.h"

struct trust_set;

enum chain_purpose { CHAIN_ANY, CHAIN_CLIENT, CHAIN_SERVER };

/* Roots and, where partial chains are wanted, pinned intermediates. Borrowed only during the call. */
MUST_USE status trust_set_new(const span *anchors, size_t count, bool allow_partial,
	struct trust_set **out, struct diag *d);
void trust_set_free(struct trust_set *t);

/*
 * The leaf with the intermediates that came along (untrusted), at `at_s`. CRYPTO
 * with the depth, the subject and the reason in the diag. CHAIN_CLIENT wants a leaf that is
 * no CA and whose extended usages, where it has any, hold clientAuth. Any thread.
 */
MUST_USE status chain_judge(const struct trust_set *t, span leaf, const span *between, size_t count,
	enum chain_purpose purpose, int64_t at_s, struct diag *d);

/* What a judged path says of further leaves under the same issuers. */
struct chain_path {
	bool is_by_first;		/* the leaf's issuer in it is between[0], byte for byte */
	int64_t good_from_s, good_to_s; /* when every certificate above the leaf is valid */
};
/* CHAIN_ANY, and the path that was found. */
MUST_USE status chain_judge_path(const struct trust_set *t, span leaf, const span *between,
	size_t count, int64_t at_s, struct chain_path *out, struct diag *d);
