#pragma once
/* Inside element/: birth certificates of manifest entries, and what one thread remembers of signers. */
#include "element/manifest.h"

/*
 * `chain`: leaf first, then its issuers, without the root. It leads to a root of `t` at `at_s`; `leaf` is read
 * into `out`. With a cache (may be NULL) issuers that were judged good for this time cost nothing
 * more, and a leaf costs one signature verification.
 */
MUST_USE status manifest_chain_verify(const struct manifest_trust *t, struct manifest_cache *cache,
	const span *chain, size_t count, int64_t at_s, struct certificate_view *out,
	struct diag *d);

/* A signature over a SHA-256 digest by a P-256 point that comes again and again. OK, CRYPTO. */
MUST_USE status manifest_cache_verify(struct manifest_cache *cache, const uint8_t point[64],
	const uint8_t digest[32], const uint8_t raw[SIGNATURE_RAW_LEN]);

/* The pin that this protected header (base64url, as in the file) named before; NULL: not remembered. */
const struct manifest_pin *manifest_cache_pin(
	const struct manifest_cache *cache, const struct manifest_trust *t, span protected_header);
void manifest_cache_remember_pin(struct manifest_cache *cache, const struct manifest_trust *t,
	span protected_header, const struct manifest_pin *pin);
