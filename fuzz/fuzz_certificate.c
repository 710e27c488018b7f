/* Certificates against libcrypto: what our reader takes, libcrypto takes, and reads the same in each field. */
#define FUZZ_MAX_LEN 4096
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "fuzz.h"
#include "pki/certificate.h"

/* The encoding that libcrypto made is this one; it is freed. */
static void
same_bytes(int len, uint8_t **theirs, span ours)
{
	HOLDS(len >= 0 && span_equal(span_of(*theirs, (size_t)len), ours));
	OPENSSL_free(*theirs);
	*theirs = NULL;
}

static void
same_string(const ASN1_STRING *theirs, span ours)
{
	HOLDS(theirs != NULL);
	HOLDS(span_equal(
		span_of(ASN1_STRING_get0_data(theirs), (size_t)ASN1_STRING_length(theirs)), ours));
}

static void
same_time(const ASN1_TIME *theirs, int64_t ours)
{
	struct civil c = civil_from_time(ours);
	struct tm tm;

	HOLDS(ASN1_TIME_to_tm(theirs, &tm) == 1);
	HOLDS(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday &&
		c.hour == tm.tm_hour && c.minute == tm.tm_min && c.second == tm.tm_sec);
}

/* The extension, decoded; NULL where there is none. One that we have read must not be broken to them. */
static void *
extension(const X509 *theirs, int nid, bool is_ours)
{
	int how;
	void *value = X509_get_ext_d2i(theirs, nid, &how, NULL);

	HOLDS(is_ours == (value != NULL));
	HOLDS(value != NULL || how == -1);
	return value;
}

static void
same_basic_constraints(const X509 *theirs, const struct certificate_view *ours)
{
	BASIC_CONSTRAINTS *b =
		extension(theirs, NID_basic_constraints, ours->has_basic_constraints);

	if (b != NULL) {
		HOLDS((b->ca != 0) == ours->is_ca);
		HOLDS((b->pathlen != NULL) == ours->has_path_len);
		HOLDS(b->pathlen == NULL || ASN1_INTEGER_get(b->pathlen) == (long)ours->path_len);
	}
	BASIC_CONSTRAINTS_free(b);
}

static void
same_usages(const X509 *theirs, const struct certificate_view *ours)
{
	ASN1_BIT_STRING *bits = extension(theirs, NID_key_usage, ours->has_key_usage);
	EXTENDED_KEY_USAGE *uses = extension(theirs, NID_ext_key_usage, ours->has_ext_key_usage);
	uint32_t found = 0;

	for (int i = 0; bits != NULL && i < 32; i++) {
		HOLDS(ASN1_BIT_STRING_get_bit(bits, i) == (int)(ours->key_usage >> i & 1));
	}
	for (int i = 0; uses != NULL && i < sk_ASN1_OBJECT_num(uses); i++) {
		switch (OBJ_obj2nid(sk_ASN1_OBJECT_value(uses, i))) {
		case NID_server_auth:
			found |= EKU_SERVER;
			break;
		case NID_client_auth:
			found |= EKU_CLIENT;
			break;
		case NID_OCSP_sign:
			found |= EKU_OCSP;
			break;
		case NID_cmcRA:
			found |= EKU_CMC_RA;
			break;
		case NID_anyExtendedKeyUsage:
			found |= EKU_ANY;
			break;
		default:
			found |= EKU_OTHER;
		}
	}
	HOLDS(found == ours->ext_key_usage);
	ASN1_BIT_STRING_free(bits);
	EXTENDED_KEY_USAGE_free(uses);
}

static void
same_key_ids(const X509 *theirs, const struct certificate_view *ours)
{
	ASN1_OCTET_STRING *subject =
		X509_get_ext_d2i(theirs, NID_subject_key_identifier, NULL, NULL);
	AUTHORITY_KEYID *authority =
		X509_get_ext_d2i(theirs, NID_authority_key_identifier, NULL, NULL);

	if (subject != NULL || ours->subject_key_id.len > 0) {
		same_string(subject, ours->subject_key_id);
	}
	if (ours->authority_key_id.len > 0) {
		HOLDS(authority != NULL);
		same_string(authority->keyid, ours->authority_key_id);
	}
	ASN1_OCTET_STRING_free(subject);
	AUTHORITY_KEYID_free(authority);
}

static void
agree(span der, const struct certificate_view *ours)
{
	const uint8_t *p = der.data;
	X509 *theirs = d2i_X509(NULL, &p, (long)der.len);
	const ASN1_BIT_STRING *signature;
	uint8_t *bytes = NULL;

	HOLDS(theirs != NULL && p == der.data + der.len);
	HOLDS(X509_get_version(theirs) == 2);
	HOLDS(ours->serial.len + 2 ==
		(size_t)i2d_ASN1_INTEGER(X509_get_serialNumber(theirs), &bytes));
	HOLDS(memcmp(bytes + 2, ours->serial.data, ours->serial.len) == 0);
	OPENSSL_free(bytes);
	bytes = NULL;
	same_bytes(i2d_X509_NAME(X509_get_issuer_name(theirs), &bytes), &bytes, ours->issuer.der);
	same_bytes(i2d_X509_NAME(X509_get_subject_name(theirs), &bytes), &bytes, ours->subject.der);
	same_time(X509_get0_notBefore(theirs), ours->not_before_s);
	same_time(X509_get0_notAfter(theirs), ours->not_after_s);
	HOLDS(X509_get0_pubkey(theirs) != NULL);
	same_bytes(i2d_X509_PUBKEY(X509_get_X509_PUBKEY(theirs), &bytes), &bytes, ours->key.spki);
	X509_get0_signature(&signature, NULL, theirs);
	same_string(signature, ours->signature);
	same_basic_constraints(theirs, ours);
	same_usages(theirs, ours);
	same_key_ids(theirs, ours);
	X509_free(theirs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct certificate_view ours, tbs;
	span der = span_of(data, len);
	char text[NAME_TEXT_MAX];

	if (certificate_read(der, &ours, NULL) == OK) {
		agree(der, &ours);
		HOLDS(tbs_certificate_read(ours.tbs, &tbs, NULL) == OK);
		HOLDS(tbs.not_after_s == ours.not_after_s && tbs.is_ca == ours.is_ca);
		HOLDS(name_equal(&ours.issuer, &tbs.issuer));
		HOLDS(strlen(name_text(text, sizeof(text), &ours.issuer)) < sizeof(text));
	}
	ERR_clear_error();
	return 0;
}
