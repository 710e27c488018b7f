#pragma once
/* Certificate revocation lists (RFC 5280 5) that exist: what is to be known of one before it is handed on. */
#include "pki/certificate.h"

/* Its dates, out of the first bytes of the DER (up to and with nextUpdate: CRL_HEAD_MAX are enough for ours; the
 * entries need not be read). BAD_INPUT, also for one without nextUpdate. */
#define CRL_HEAD_MAX 2048
MUST_USE status crl_dates_read(span head, int64_t *this_update_s, int64_t *next_update_s);

/* A whole list, of somebody's making. Spans are borrowed from the input. */
struct crl_view {
	span der, tbs;
	struct name issuer;
	enum signature_kind signature_kind;
	span signature;
	int64_t this_update_s, next_update_s;
	uint64_t number;
	bool has_number;
	span authority_key_id; /* empty where absent */
	bool has_scope;	       /* issuingDistributionPoint */
	bool is_for_cas;       /* it says onlyContainsCACerts, and nothing else */
	size_t count;	       /* of entries; each is well-formed */
};
/*
 * BAD_INPUT with the clause: also for version 1, without nextUpdate, for a delta, an indirect list, a critical extension that
 * is not known. LIMIT: a number over 8 bytes.
 */
MUST_USE status crl_read(span der, struct crl_view *out, struct diag *d);
/* Signed by this key, by the name that stands in it. CRYPTO, BAD_INPUT: another issuer. */
MUST_USE status crl_signed_by(
	const struct crl_view *c, const struct certificate_view *issuer, struct diag *d);
