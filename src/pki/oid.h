#pragma once
/*
 * Object identifiers, as the content bytes of their DER encoding, and their names.
 * Compare with oid_is(span, OID_X); write with der_put_oid(w, oid(OID_X)).
 */
#include "base/span.h"
#include "base/status.h"

enum oid_known {
	/* keys and curves */
	OID_EC_PUBLIC_KEY,
	OID_P256,
	OID_P384,
	OID_RSA,
	OID_ED25519,
	/* signature algorithms */
	OID_ECDSA_SHA256,
	OID_ECDSA_SHA384,
	OID_ECDSA_SHA512,
	OID_RSA_SHA256,
	OID_RSA_SHA384,
	OID_RSA_SHA512,
	OID_SHA1,
	OID_SHA256,
	/* attribute types of names */
	OID_COMMON_NAME,
	OID_SERIAL_NUMBER,
	OID_COUNTRY,
	OID_LOCALITY,
	OID_STATE,
	OID_ORGANIZATION,
	OID_ORGANIZATIONAL_UNIT,
	OID_TITLE,
	OID_DN_QUALIFIER,
	OID_GIVEN_NAME,
	OID_SURNAME,
	OID_STREET,
	OID_DOMAIN_COMPONENT,
	OID_USER_ID,
	OID_EMAIL_ADDRESS,
	/* certificate and CRL extensions */
	OID_SUBJECT_KEY_IDENTIFIER,
	OID_AUTHORITY_KEY_IDENTIFIER,
	OID_KEY_USAGE,
	OID_SUBJECT_ALT_NAME,
	OID_ISSUER_ALT_NAME,
	OID_BASIC_CONSTRAINTS,
	OID_NAME_CONSTRAINTS,
	OID_CRL_NUMBER,
	OID_REASON_CODE,
	OID_INVALIDITY_DATE,
	OID_DELTA_CRL_INDICATOR,
	OID_ISSUING_DISTRIBUTION_POINT,
	OID_CRL_DISTRIBUTION_POINTS,
	OID_CERTIFICATE_POLICIES,
	OID_POLICY_MAPPINGS,
	OID_POLICY_CONSTRAINTS,
	OID_INHIBIT_ANY_POLICY,
	OID_EXT_KEY_USAGE,
	OID_FRESHEST_CRL,
	OID_AUTHORITY_INFO_ACCESS,
	OID_NO_REV_AVAIL,
	OID_OCSP_NO_CHECK,
	OID_MS_TEMPLATE_NAME, /* seen in requests; ignored */
	/* extended key usages */
	OID_EKU_ANY,
	OID_EKU_SERVER_AUTH,
	OID_EKU_CLIENT_AUTH,
	OID_EKU_CODE_SIGNING,
	OID_EKU_EMAIL,
	OID_EKU_TIME_STAMPING,
	OID_EKU_OCSP_SIGNING,
	OID_EKU_CMC_RA,
	/* access methods */
	OID_AD_OCSP,
	OID_AD_CA_ISSUERS,
	/* PKCS#9 and evidence */
	OID_CHALLENGE_PASSWORD,
	OID_EXTENSION_REQUEST,
	OID_UNSTRUCTURED_NAME,
	OID_EVIDENCE, /* id-aa-evidence of draft-ietf-lamps-csr-attestation: 1.2.840.113549.1.9.16.2.59 */
	OID_REQUEST_TEMPLATE,	  /* RFC 9908 3.4 */
	OID_DECRYPT_KEY_ID,	  /* RFC 7030 4.4.1.1 */
	OID_ASYMMETRIC_KEY_ID,	  /* RFC 7030 4.4.1.2 */
	OID_HARDWARE_MODULE_NAME, /* otherName, RFC 4108 5 */
	OID_PERMANENT_IDENTIFIER, /* otherName, RFC 4043 */
	/* CMS */
	OID_CMS_DATA,
	OID_CMS_SIGNED_DATA,
	/* OCSP */
	OID_OCSP_BASIC,
	OID_OCSP_NONCE,
	OID_OCSP_PREFERRED_ALGORITHMS,
	OID_OCSP_SERVICE_LOCATOR,
	/* encrypted keys */
	OID_PBES2,
	OID_PBKDF2,
	OID_SCRYPT,
	OID_HMAC_SHA256,
	OID_AES_256_CBC,
	OID_KNOWN_COUNT,
	OID_UNKNOWN = OID_KNOWN_COUNT
};

/* The content bytes; static. */
span oid(enum oid_known which);
/* "commonName", "extKeyUsage"; static. "unknown" for OID_UNKNOWN. */
const char *oid_name(enum oid_known which);
/* Which one of the table, or OID_UNKNOWN. */
enum oid_known oid_find(span content);

static inline bool
oid_is(span content, enum oid_known which)
{
	return span_equal(content, oid(which));
}

/* "2.5.4.3"; at most OID_TEXT_MAX bytes with the NUL, cut with ".." if longer. Returns out. */
#define OID_TEXT_MAX 128
char *oid_text(char out[OID_TEXT_MAX], span content);
/* "2.5.4.3" -> content bytes, at most `room`. BAD_INPUT, LIMIT. */
MUST_USE status oid_parse(span text, uint8_t *out, size_t room, size_t *len);
