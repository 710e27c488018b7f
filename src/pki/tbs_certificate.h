#pragma once
/* Encodes what will be signed: certificates by a profile, from our own fields only. */
#include "base/buffer.h"
#include "pki/certificate.h"
#include "pki/profile.h"

#define ALT_NAMES_MAX 8
#define URL_MAX_LEN 255

enum alt_name_kind { ALT_DNS = 2, ALT_URI = 6, ALT_IP = 7 }; /* their tags in GeneralName */

struct certificate_draft {
	const struct profile *profile;
	span serial;		       /* big-endian, positive */
	enum signature_kind signature; /* of the issuer's key */
	span issuer;		       /* Name, DER */
	struct simple_name subject;
	span subject_der; /* instead of `subject` where not empty: a factory signer's fixed name */
	int64_t not_before_s, not_after_s;
	span spki;	    /* DER */
	span issuer_key_id; /* empty: self-signed, the subject's own */
	struct {
		enum alt_name_kind kind;
		span value; /* text of DNS and URI, 4 or 16 bytes of an address */
	} alt_names[ALT_NAMES_MAX];
	size_t alt_name_count;
	char crl_url[URL_MAX_LEN + 1], ocsp_url[URL_MAX_LEN + 1], ca_url[URL_MAX_LEN + 1];
};

/* The TBSCertificate into `room`; borrows it. BAD_INPUT for fields that the profile forbids. */
MUST_USE status tbs_certificate_write(
	const struct certificate_draft *c, uint8_t *room, size_t size, span *out, struct diag *d);
/* SEQUENCE { tbs, algorithm, signature }: for certificates, CRLs and OCSP's BasicOCSPResponse alike. */
MUST_USE status signed_object_write(
	span tbs, enum signature_kind kind, span signature, struct buffer *out, struct diag *d);

/*
 * The last look before the signature (RFC 5280 and the profile): reads the encoded bytes back and holds each
 * field against what was asked. BUG with the rule's clause: our encoder or a caller is wrong.
 */
MUST_USE status tbs_certificate_lint(span tbs, const struct certificate_draft *asked,
	const struct certificate_view *issuer, struct diag *d);
