#include "pki/oid.h"

#include <stdio.h>

#include "base/check.h"

/* Content bytes as C strings. */
#define ID_CE "\x55\x1d"
#define ID_AT "\x55\x04"
#define ID_KP "\x2b\x06\x01\x05\x05\x07\x03"
#define ID_AD "\x2b\x06\x01\x05\x05\x07\x30"
#define PKCS "\x2a\x86\x48\x86\xf7\x0d\x01"
#define ANSI_X962 "\x2a\x86\x48\xce\x3d"

/* Lengths by the compiler: content may hold zero bytes, and is compared often. */
#define OID(content, name)                         \
	{                                          \
		content, sizeof(content) - 1, name \
	}

static const struct {
	const char *content;
	size_t len;
	const char *name;
} table[OID_KNOWN_COUNT] = {
	[OID_EC_PUBLIC_KEY] = OID(ANSI_X962 "\x02\x01", "ecPublicKey"),
	[OID_P256] = OID(ANSI_X962 "\x03\x01\x07", "secp256r1"),
	[OID_P384] = OID("\x2b\x81\x04\x00\x22", "secp384r1"),
	[OID_RSA] = OID(PKCS "\x01\x01", "rsaEncryption"),
	[OID_ED25519] = OID("\x2b\x65\x70", "Ed25519"),
	[OID_ECDSA_SHA256] = OID(ANSI_X962 "\x04\x03\x02", "ecdsa-with-SHA256"),
	[OID_ECDSA_SHA384] = OID(ANSI_X962 "\x04\x03\x03", "ecdsa-with-SHA384"),
	[OID_ECDSA_SHA512] = OID(ANSI_X962 "\x04\x03\x04", "ecdsa-with-SHA512"),
	[OID_RSA_SHA256] = OID(PKCS "\x01\x0b", "sha256WithRSAEncryption"),
	[OID_RSA_SHA384] = OID(PKCS "\x01\x0c", "sha384WithRSAEncryption"),
	[OID_RSA_SHA512] = OID(PKCS "\x01\x0d", "sha512WithRSAEncryption"),
	[OID_SHA1] = OID("\x2b\x0e\x03\x02\x1a", "sha1"),
	[OID_SHA256] = OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01", "sha256"),
	[OID_COMMON_NAME] = OID(ID_AT "\x03", "commonName"),
	[OID_SERIAL_NUMBER] = OID(ID_AT "\x05", "serialNumber"),
	[OID_COUNTRY] = OID(ID_AT "\x06", "countryName"),
	[OID_LOCALITY] = OID(ID_AT "\x07", "localityName"),
	[OID_STATE] = OID(ID_AT "\x08", "stateOrProvinceName"),
	[OID_ORGANIZATION] = OID(ID_AT "\x0a", "organizationName"),
	[OID_ORGANIZATIONAL_UNIT] = OID(ID_AT "\x0b", "organizationalUnitName"),
	[OID_TITLE] = OID(ID_AT "\x0c", "title"),
	[OID_DN_QUALIFIER] = OID(ID_AT "\x2e", "dnQualifier"),
	[OID_GIVEN_NAME] = OID(ID_AT "\x2a", "givenName"),
	[OID_SURNAME] = OID(ID_AT "\x04", "surname"),
	[OID_STREET] = OID(ID_AT "\x09", "streetAddress"),
	[OID_DOMAIN_COMPONENT] = OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "domainComponent"),
	[OID_USER_ID] = OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "userId"),
	[OID_EMAIL_ADDRESS] = OID(PKCS "\x09\x01", "emailAddress"),
	[OID_SUBJECT_KEY_IDENTIFIER] = OID(ID_CE "\x0e", "subjectKeyIdentifier"),
	[OID_AUTHORITY_KEY_IDENTIFIER] = OID(ID_CE "\x23", "authorityKeyIdentifier"),
	[OID_KEY_USAGE] = OID(ID_CE "\x0f", "keyUsage"),
	[OID_SUBJECT_ALT_NAME] = OID(ID_CE "\x11", "subjectAltName"),
	[OID_ISSUER_ALT_NAME] = OID(ID_CE "\x12", "issuerAltName"),
	[OID_BASIC_CONSTRAINTS] = OID(ID_CE "\x13", "basicConstraints"),
	[OID_NAME_CONSTRAINTS] = OID(ID_CE "\x1e", "nameConstraints"),
	[OID_CRL_NUMBER] = OID(ID_CE "\x14", "cRLNumber"),
	[OID_REASON_CODE] = OID(ID_CE "\x15", "reasonCode"),
	[OID_INVALIDITY_DATE] = OID(ID_CE "\x18", "invalidityDate"),
	[OID_DELTA_CRL_INDICATOR] = OID(ID_CE "\x1b", "deltaCRLIndicator"),
	[OID_ISSUING_DISTRIBUTION_POINT] = OID(ID_CE "\x1c", "issuingDistributionPoint"),
	[OID_CRL_DISTRIBUTION_POINTS] = OID(ID_CE "\x1f", "cRLDistributionPoints"),
	[OID_CERTIFICATE_POLICIES] = OID(ID_CE "\x20", "certificatePolicies"),
	[OID_POLICY_MAPPINGS] = OID(ID_CE "\x21", "policyMappings"),
	[OID_POLICY_CONSTRAINTS] = OID(ID_CE "\x24", "policyConstraints"),
	[OID_INHIBIT_ANY_POLICY] = OID(ID_CE "\x36", "inhibitAnyPolicy"),
	[OID_EXT_KEY_USAGE] = OID(ID_CE "\x25", "extKeyUsage"),
	[OID_FRESHEST_CRL] = OID(ID_CE "\x2e", "freshestCRL"),
	[OID_AUTHORITY_INFO_ACCESS] =
		OID("\x2b\x06\x01\x05\x05\x07\x01\x01", "authorityInfoAccess"),
	[OID_NO_REV_AVAIL] = OID(ID_CE "\x38", "noRevAvail"),
	[OID_OCSP_NO_CHECK] = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x05", "ocsp-nocheck"),
	[OID_MS_TEMPLATE_NAME] =
		OID("\x2b\x06\x01\x04\x01\x82\x37\x14\x02", "certificateTemplateName"),
	[OID_EKU_ANY] = OID(ID_CE "\x25\x00", "anyExtendedKeyUsage"),
	[OID_EKU_SERVER_AUTH] = OID(ID_KP "\x01", "serverAuth"),
	[OID_EKU_CLIENT_AUTH] = OID(ID_KP "\x02", "clientAuth"),
	[OID_EKU_CODE_SIGNING] = OID(ID_KP "\x03", "codeSigning"),
	[OID_EKU_EMAIL] = OID(ID_KP "\x04", "emailProtection"),
	[OID_EKU_TIME_STAMPING] = OID(ID_KP "\x08", "timeStamping"),
	[OID_EKU_OCSP_SIGNING] = OID(ID_KP "\x09", "OCSPSigning"),
	[OID_EKU_CMC_RA] = OID(ID_KP "\x1c", "cmcRA"),
	[OID_AD_OCSP] = OID(ID_AD "\x01", "ocsp"),
	[OID_AD_CA_ISSUERS] = OID(ID_AD "\x02", "caIssuers"),
	[OID_CHALLENGE_PASSWORD] = OID(PKCS "\x09\x07", "challengePassword"),
	[OID_EXTENSION_REQUEST] = OID(PKCS "\x09\x0e", "extensionRequest"),
	[OID_UNSTRUCTURED_NAME] = OID(PKCS "\x09\x02", "unstructuredName"),
	[OID_REQUEST_TEMPLATE] = OID(PKCS "\x09\x10\x02\x3d", "certificationRequestInfoTemplate"),
	[OID_DECRYPT_KEY_ID] = OID(PKCS "\x09\x10\x02\x25", "decryptKeyID"),
	[OID_ASYMMETRIC_KEY_ID] = OID(PKCS "\x09\x10\x02\x36", "asymmDecryptKeyID"),
	[OID_EVIDENCE] = OID(PKCS "\x09\x10\x02\x3b", "evidence"),
	[OID_HARDWARE_MODULE_NAME] = OID("\x2b\x06\x01\x05\x05\x07\x08\x04", "hardwareModuleName"),
	[OID_PERMANENT_IDENTIFIER] = OID("\x2b\x06\x01\x05\x05\x07\x08\x03", "permanentIdentifier"),
	[OID_CMS_DATA] = OID(PKCS "\x07\x01", "data"),
	[OID_CMS_SIGNED_DATA] = OID(PKCS "\x07\x02", "signedData"),
	[OID_OCSP_BASIC] = OID(ID_AD "\x01\x01", "ocsp-basic"),
	[OID_OCSP_NONCE] = OID(ID_AD "\x01\x02", "ocsp-nonce"),
	[OID_OCSP_PREFERRED_ALGORITHMS] = OID(ID_AD "\x01\x08", "ocsp-pref-sig-algs"),
	[OID_OCSP_SERVICE_LOCATOR] = OID(ID_AD "\x01\x07", "ocsp-service-locator"),
	[OID_PBES2] = OID(PKCS "\x05\x0d", "PBES2"),
	[OID_PBKDF2] = OID(PKCS "\x05\x0c", "PBKDF2"),
	[OID_SCRYPT] = OID("\x2b\x06\x01\x04\x01\xda\x47\x04\x0b", "scrypt"),
	[OID_HMAC_SHA256] = OID("\x2a\x86\x48\x86\xf7\x0d\x02\x09", "hmacWithSHA256"),
	[OID_AES_256_CBC] = OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a", "aes256-CBC"),
};

span
oid(enum oid_known which)
{
	return span_of(table[which].content, table[which].len);
}

const char *
oid_name(enum oid_known which)
{
	return which < OID_KNOWN_COUNT ? table[which].name : "unknown";
}

enum oid_known
oid_find(span content)
{
	for (unsigned i = 0; i < OID_KNOWN_COUNT; i++) {
		/* The last byte differs most. */
		if (content.len > 0 && content.len == table[i].len &&
			content.data[content.len - 1] ==
				(uint8_t)table[i].content[content.len - 1] &&
			oid_is(content, (enum oid_known)i)) {
			return (enum oid_known)i;
		}
	}
	return OID_UNKNOWN;
}

char *
oid_text(char out[OID_TEXT_MAX], span content)
{
	uint64_t part = 0;
	size_t n = 0, i = 0;
	bool is_first = true;

	for (; i < content.len && n < OID_TEXT_MAX - 24; i++) {
		if (part >> 57 != 0) {
			break; /* an arc of over 64 bits: cut, never another OID's text */
		}
		part = part << 7 | (content.data[i] & 0x7f);
		if (content.data[i] >= 0x80) {
			continue;
		}
		if (is_first) {
			uint64_t top = part < 80 ? part / 40 : 2;

			n += (size_t)snprintf(out + n, OID_TEXT_MAX - n, "%llu.%llu",
				(unsigned long long)top, (unsigned long long)(part - 40 * top));
			is_first = false;
		} else {
			n += (size_t)snprintf(
				out + n, OID_TEXT_MAX - n, ".%llu", (unsigned long long)part);
		}
		part = 0;
	}
	snprintf(out + n, OID_TEXT_MAX - n, "%s", i < content.len ? ".." : "");
	return out;
}

static status
put_part(uint64_t part, uint8_t *out, size_t room, size_t *len)
{
	unsigned groups = 1;

	while (groups < 10 && part >> 7 * groups != 0) {
		groups++;
	}
	if (groups > room - *len) {
		return LIMIT;
	}
	while (groups-- > 0) {
		out[(*len)++] = (uint8_t)((part >> 7 * groups & 0x7f) | (groups > 0 ? 0x80 : 0));
	}
	return OK;
}

status
oid_parse(span text, uint8_t *out, size_t room, size_t *len)
{
	uint64_t top = 0;
	size_t parts = 0, at = 0;
	status s = OK;

	*len = 0;
	while (at <= text.len && s == OK) {
		uint64_t part = 0;
		size_t begin = at;

		for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
			if (part > (UINT64_MAX >> 8)) {
				return LIMIT;
			}
			part = part * 10 + (text.data[at] - '0');
		}
		if (at == begin || (at - begin > 1 && text.data[begin] == '0') ||
			(at < text.len && text.data[at] != '.')) {
			return BAD_INPUT;
		}
		if (parts == 0) {
			top = part;
		} else if (parts == 1) {
			if (top > 2 || (top < 2 && part > 39)) {
				return BAD_INPUT;
			}
			s = put_part(top * 40 + part, out, room, len);
		} else {
			s = put_part(part, out, room, len);
		}
		parts++;
		at++;
	}
	return s != OK ? s : parts >= 2 ? OK : BAD_INPUT;
}
