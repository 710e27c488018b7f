#pragma once
/*
 * X.509 certificates (RFC 5280 4.1), read by our own cursor: what we compare,
 * store and show. Whether a chain of them is to be trusted is pki/chain.h's.
 */
#include "pki/key.h"
#include "pki/name.h"

/* keyUsage bits by their numbers in RFC 5280 4.2.1.3. */
#define KEY_USAGE_DIGITAL_SIGNATURE (1u << 0)
#define KEY_USAGE_KEY_ENCIPHERMENT (1u << 2)
#define KEY_USAGE_KEY_AGREEMENT (1u << 4)
#define KEY_USAGE_KEY_CERT_SIGN (1u << 5)
#define KEY_USAGE_CRL_SIGN (1u << 6)

/* Bits of the extended usages that we know. */
#define EKU_SERVER (1u << 0)
#define EKU_CLIENT (1u << 1)
#define EKU_OCSP (1u << 2)
#define EKU_CMC_RA (1u << 3)
#define EKU_ANY (1u << 4)
#define EKU_OTHER (1u << 5)

/* Spans are borrowed from the input. */
struct certificate_view {
	span der, tbs;
	span serial; /* content of the INTEGER, as encoded */
	struct name issuer, subject;
	int64_t not_before_s, not_after_s;
	struct public_key key;
	enum signature_kind signature_kind;
	span signature;
	bool has_basic_constraints, is_ca, has_path_len;
	uint32_t path_len;
	bool has_key_usage, has_ext_key_usage;
	uint32_t key_usage, ext_key_usage;
	span subject_key_id, authority_key_id; /* empty where absent */
	span alt_names;			       /* content of GeneralNames */
	bool has_unknown_critical;
};

MUST_USE status certificate_read(span der, struct certificate_view *out, struct diag *d);
/* Only the TBSCertificate, before it is signed; `der`, `signature` and `signature_kind` stay empty. */
MUST_USE status tbs_certificate_read(span tbs, struct certificate_view *out, struct diag *d);
void certificate_fingerprint(span der, uint8_t out[32]);
/* Signed by this key, whatever else: names, dates and usages are the caller's. */
MUST_USE status certificate_signed_by(
	const struct certificate_view *c, const struct certificate_view *issuer, struct diag *d);
