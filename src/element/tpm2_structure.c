#include "element/tpm2_structure.h"

#include "element/evidence.h"
#include "pki/key.h"

#define TPM2_GENERATED UINT32_C(0xff544347)
#define TPM2_BANKS_MAX 16 /* HASH_COUNT of the largest TPMs */
#define TPM2_SELECT_MAX 4 /* 24 registers have 3 */
#define TPM2_NAME_MAX 66  /* of other objects, whose names may be SHA-512's */

#define TPM2_ATTRIBUTES                                                                          \
	(TPM2_FIXED_TPM | TPM2_CLEAR_AT_START | TPM2_FIXED_PARENT | TPM2_SENSITIVE_DATA_ORIGIN | \
		TPM2_USER_WITH_AUTH | TPM2_ADMIN_WITH_POLICY | TPM2_NO_DA |                      \
		TPM2_ENCRYPTED_DUPLICATION | TPM2_RESTRICTED | TPM2_DECRYPT | TPM2_SIGN |        \
		TPM2_X509_SIGN)

/* Errors stick: after the first one every read gives zeros and empty spans, and the end says it. */
struct reader {
	span in;
	size_t at;
	status status;
	const char *clause;
	struct diag *diag;
};

static struct reader
reader_of(span in, const char *clause, struct diag *d)
{
	struct reader r = { .in = in, .clause = clause, .diag = d };

	if (in.len > TPM_STRUCTURE_MAX) {
		r.status = diag_set(d, LIMIT, clause, "a structure of %zu bytes, at most %d",
			in.len, TPM_STRUCTURE_MAX);
	}
	return r;
}

static void
refuse(struct reader *r, const char *what)
{
	if (r->status == OK) {
		r->status = diag_set_at(r->diag, BAD_INPUT, r->clause, r->at, "%s", what);
	}
}

static span
take(struct reader *r, size_t len)
{
	span s = span_slice(r->in, r->at, len);

	if (r->status == OK && s.len < len) {
		refuse(r, "cut short");
	}
	if (r->status != OK) {
		return (span){ NULL, 0 };
	}
	r->at += len;
	return s;
}

/* Of at most eight bytes. */
static uint64_t
take_number(struct reader *r, size_t len)
{
	span s = take(r, len);
	uint64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		n = n << 8 | s.data[i];
	}
	return n;
}

static uint16_t
take_u16(struct reader *r)
{
	return (uint16_t)take_number(r, 2);
}

static uint32_t
take_u32(struct reader *r)
{
	return (uint32_t)take_number(r, 4);
}

/* A TPM2B of at most `max` bytes. */
static span
take_sized(struct reader *r, size_t max, const char *what)
{
	size_t len = take_u16(r);

	if (len > max) {
		refuse(r, what);
	}
	return take(r, len);
}

static void
expect_u16(struct reader *r, uint16_t wanted, const char *what)
{
	size_t at = r->at;

	if (take_u16(r) != wanted && r->status == OK) {
		r->at = at;
		refuse(r, what);
	}
}

/* A number of the curve. Older TPMs leave leading zeros away, so that it may be shorter. */
static void
take_coordinate(struct reader *r, uint8_t out[32], const char *what)
{
	span s = take_sized(r, 32, what);

	memset(out, 0, 32);
	if (s.len == 0) {
		refuse(r, what);
	} else {
		memcpy(out + 32 - s.len, s.data, s.len);
	}
}

static status
finish(struct reader *r)
{
	if (r->at != r->in.len) {
		refuse(r, "bytes left over");
	}
	return r->status;
}

/* TPMT_ECC_SCHEME: none, or ECDSA with SHA-256. */
static bool
take_scheme(struct reader *r)
{
	uint16_t scheme = take_u16(r);

	if (scheme == TPM_ALG_NULL) {
		return false;
	}
	if (scheme != TPM_ALG_ECDSA) {
		refuse(r, "the key's scheme is not ECDSA");
	}
	expect_u16(r, TPM_ALG_SHA256, "the key's scheme is not with SHA-256");
	return true;
}

status
tpm2_public_read(span in, struct tpm2_public *out, struct diag *d)
{
	struct reader r = reader_of(in, "TPM 2.0 Part 2 TPMT_PUBLIC", d);
	struct public_key on_curve;
	status s;

	*out = (struct tpm2_public){ 0 };
	expect_u16(&r, TPM_ALG_ECC, "the key is not on an elliptic curve");
	expect_u16(&r, TPM_ALG_SHA256, "the key's name is not made with SHA-256");
	out->attributes = take_u32(&r);
	if ((out->attributes & ~TPM2_ATTRIBUTES) != 0) {
		refuse(&r, "reserved attributes are set");
	}
	take_sized(&r, 32, "authPolicy is longer than SHA-256");
	expect_u16(&r, TPM_ALG_NULL, "a signing key has no symmetric algorithm");
	out->has_scheme = take_scheme(&r);
	expect_u16(&r, TPM_CURVE_P256, "the key is not on P-256");
	expect_u16(&r, TPM_ALG_NULL, "a signing key has no key derivation");
	take_coordinate(&r, out->point, "x is no number of P-256");
	take_coordinate(&r, out->point + 32, "y is no number of P-256");
	s = finish(&r);
	if (s == OK && public_key_of_point(out->point, &on_curve, NULL) != OK) {
		s = diag_set(d, BAD_INPUT, r.clause, "the key's point is not on P-256");
	}
	if (s == OK) {
		out->name[0] = TPM_ALG_SHA256 >> 8;
		out->name[1] = TPM_ALG_SHA256 & 0xff;
		sha256(in, out->name + 2);
	}
	return s;
}

static span
take_pcr_selection(struct reader *r)
{
	size_t from = r->at;
	uint32_t banks = take_u32(r);

	if (banks > TPM2_BANKS_MAX) {
		refuse(r, "more banks of registers than there are hashes");
	}
	for (uint32_t i = 0; i < banks && r->status == OK; i++) {
		take_u16(r);
		size_t len = (size_t)take_number(r, 1);

		if (len > TPM2_SELECT_MAX) {
			refuse(r, "more registers than a TPM has");
		}
		take(r, len);
	}
	return span_slice(r->in, from, r->at - from);
}

status
tpm2_attest_read(span in, uint16_t type, struct tpm2_attest *out, struct diag *d)
{
	struct reader r = reader_of(in, "TPM 2.0 Part 2 TPMS_ATTEST", d);
	uint32_t magic = take_u32(&r);
	uint64_t safe;

	*out = (struct tpm2_attest){ 0 };
	if (magic != TPM2_GENERATED) {
		refuse(&r, "magic is not TPM_GENERATED_VALUE: no TPM made this");
	}
	expect_u16(&r, type,
		type == TPM_ST_ATTEST_QUOTE ? "not of TPM2_Quote" : "not of TPM2_CertifyCreation");
	out->qualified_signer = take_sized(&r, TPM2_NAME_MAX, "qualifiedSigner is no name");
	out->extra = take_sized(&r, 64, "extraData is too long");
	out->clock_ms = take_number(&r, 8);
	out->reset_count = take_u32(&r);
	out->restart_count = take_u32(&r);
	safe = take_number(&r, 1);
	if (safe > 1) {
		refuse(&r, "safe is neither yes nor no");
	}
	out->firmware = take_number(&r, 8);
	if (type == TPM_ST_ATTEST_QUOTE) {
		out->pcr_select = take_pcr_selection(&r);
		out->pcr_digest = take_sized(&r, 64, "pcrDigest is too long");
	} else {
		out->name = take_sized(&r, TPM2_NAME_MAX, "objectName is no name");
		out->creation_hash = take_sized(&r, 64, "creationHash is too long");
	}
	return finish(&r);
}

status
tpm2_creation_read(span in, struct tpm2_creation *out, struct diag *d)
{
	struct reader r = reader_of(in, "TPM 2.0 Part 2 TPMS_CREATION_DATA", d);

	*out = (struct tpm2_creation){ 0 };
	take_pcr_selection(&r);
	take_sized(&r, 64, "pcrDigest is too long");
	out->locality = (uint8_t)take_number(&r, 1);
	take_u16(&r);
	out->parent_name = take_sized(&r, TPM2_NAME_MAX, "parentName is no name");
	out->parent_qualified_name =
		take_sized(&r, TPM2_NAME_MAX, "parentQualifiedName is no name");
	out->outside_info = take_sized(&r, 64, "outsideInfo is too long");
	return finish(&r);
}

status
tpm2_signature_read(span in, uint8_t out[64], struct diag *d)
{
	struct reader r = reader_of(in, "TPM 2.0 Part 2 TPMT_SIGNATURE", d);

	expect_u16(&r, TPM_ALG_ECDSA, "not by ECDSA");
	expect_u16(&r, TPM_ALG_SHA256, "not with SHA-256");
	take_coordinate(&r, out, "r is no number of P-256");
	take_coordinate(&r, out + 32, "s is no number of P-256");
	return finish(&r);
}

status
tpm2_public_is_attestation_key(const struct tpm2_public *p, struct diag *d)
{
	static const uint32_t needed = TPM2_FIXED_TPM | TPM2_FIXED_PARENT |
				       TPM2_SENSITIVE_DATA_ORIGIN | TPM2_RESTRICTED | TPM2_SIGN;
	static const uint32_t forbidden =
		TPM2_DECRYPT | TPM2_ENCRYPTED_DUPLICATION | TPM2_X509_SIGN;

	if ((p->attributes & needed) != needed || (p->attributes & forbidden) != 0) {
		return diag_set(d, BAD_INPUT, "TPM 2.0 Part 2 TPMA_OBJECT",
			"the attestation key is not restricted to signing what its TPM says, or "
			"may "
			"leave it (attributes %08x)",
			p->attributes);
	}
	if (!p->has_scheme) {
		return diag_set(d, BAD_INPUT, "TPM 2.0 Part 2 TPMT_ECC_SCHEME",
			"the attestation key has no scheme of its own");
	}
	return OK;
}
