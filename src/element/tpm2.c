/*
 * What must hold together, so that the request's key is one that the registered TPM made for this challenge:
 *
 *   anchor's point = akPublic.point ---- signs ----> certify, quote
 *   certify.extraData = quote.extraData = creation.outsideInfo = SHA-256(challenge)
 *   certify.objectName = SHA-256(public)        certify.creationHash = SHA-256(creation)
 *   public.point = the request's key
 *
 * outsideInfo is what dates the key itself: it is given at TPM2_Create, while extraData only dates the signature.
 * That the attestation key is restricted, so that what begins with TPM_GENERATED is the TPM's own word, was proven when it
 * was registered (tpm2_credential.h); the registers of the quote are kept with the request and judged by nobody here.
 */
#include "element/attestation.h"

#include "element/tpm2_structure.h"
#include "pki/key.h"

/* The key's own attributes: born in this TPM, unable to leave it, a plain signing key. */
static status
check_key(span public, const uint8_t point[64], struct tpm2_public *out, struct diag *d)
{
	static const uint32_t needed =
		TPM2_FIXED_TPM | TPM2_FIXED_PARENT | TPM2_SENSITIVE_DATA_ORIGIN | TPM2_SIGN;
	static const uint32_t forbidden =
		TPM2_RESTRICTED | TPM2_DECRYPT | TPM2_ENCRYPTED_DUPLICATION | TPM2_X509_SIGN;
	static const char clause[] = "TPM 2.0 Part 2 TPMA_OBJECT";
	status s = tpm2_public_read(public, out, d);

	if (s != OK) {
		diag_prefix(d, "public: ");
		return s;
	}
	if (memcmp(out->point, point, 64) != 0) {
		return diag_set(
			d, CRYPTO, NULL, "the evidence is of another key than the request's");
	}
	if ((out->attributes & needed) != needed) {
		return diag_set(d, BAD_INPUT, clause,
			"the key was not made in its TPM, or may leave it (attributes %08x)",
			out->attributes);
	}
	if ((out->attributes & forbidden) != 0) {
		return diag_set(d, BAD_INPUT, clause,
			"the key is no plain signing key (attributes %08x)", out->attributes);
	}
	return OK;
}

static status
check_attestation_key(span public, const uint8_t ak_point[64], struct diag *d)
{
	struct tpm2_public ak;
	status s = tpm2_public_read(public, &ak, d);

	if (s != OK) {
		diag_prefix(d, "akPublic: ");
		return s;
	}
	if (memcmp(ak.point, ak_point, 64) != 0) {
		return diag_set(d, CRYPTO, NULL,
			"the evidence is by another attestation key than the one registered for "
			"this "
			"element");
	}
	return tpm2_public_is_attestation_key(&ak, d);
}

/* The creation data are those of `certify`, and were made for the challenge. */
static status
check_creation(span creation, span hash, span qualifying, struct diag *d)
{
	struct tpm2_creation data;
	uint8_t own[32];
	status s = tpm2_creation_read(creation, &data, d);

	if (s != OK) {
		diag_prefix(d, "creation: ");
		return s;
	}
	sha256(creation, own);
	if (!span_equal(hash, SPAN_ARRAY(own))) {
		return diag_set(d, CRYPTO, NULL, "creation: not what was certified");
	}
	if (!span_equal(data.outside_info, qualifying)) {
		return diag_set(d, CRYPTO, NULL,
			"creation: the key was not made for this challenge (outsideInfo)");
	}
	return OK;
}

static status
check_certify(const struct evidence_tpm2 *e, span qualifying, const struct tpm2_public *key,
	struct tpm2_attest *out, struct diag *d)
{
	status s = tpm2_attest_read(e->certify, TPM_ST_ATTEST_CREATION, out, d);

	if (s != OK) {
		diag_prefix(d, "certify: ");
		return s;
	}
	if (!span_equal(out->extra, qualifying)) {
		return diag_set(d, CRYPTO, NULL, "certify: made for another challenge (extraData)");
	}
	if (!span_equal(out->name, SPAN_ARRAY(key->name))) {
		return diag_set(d, CRYPTO, NULL,
			"certify: of another key, or the key's attributes were changed "
			"(objectName)");
	}
	return check_creation(e->creation, out->creation_hash, qualifying, d);
}

static status
check_quote(span quote, span qualifying, span signer, struct diag *d)
{
	struct tpm2_attest a;
	status s = tpm2_attest_read(quote, TPM_ST_ATTEST_QUOTE, &a, d);

	if (s != OK) {
		diag_prefix(d, "quote: ");
		return s;
	}
	if (!span_equal(a.extra, qualifying)) {
		return diag_set(d, CRYPTO, NULL, "quote: made for another challenge (extraData)");
	}
	if (!span_equal(a.qualified_signer, signer)) {
		return diag_set(d, CRYPTO, NULL, "quote: by another key than certify");
	}
	return OK;
}

static status
check_signature(
	const char *what, const uint8_t ak_point[64], span message, span signature, struct diag *d)
{
	uint8_t raw[SIGNATURE_RAW_LEN];
	status s = tpm2_signature_read(signature, raw, d);

	if (s != OK) {
		diag_prefix(d, "%sSignature: ", what);
		return s;
	}
	if (signature_verify_raw(ak_point, message, raw) != OK) {
		return diag_set(d, CRYPTO, NULL,
			"%sSignature: not by the attestation key registered for this element",
			what);
	}
	return OK;
}

status
tpm2_attestation_check(const struct evidence_tpm2 *e, span challenge, const uint8_t ak_point[64],
	const uint8_t point[64], struct diag *d)
{
	uint8_t hash[32];
	span qualifying = SPAN_ARRAY(hash);
	struct tpm2_attest certify;
	struct tpm2_public key;
	status s;

	evidence_qualifying(challenge, hash);
	s = check_attestation_key(e->ak_public, ak_point, d);
	if (s == OK) {
		s = check_key(e->public, point, &key, d);
	}
	if (s == OK) {
		s = check_certify(e, qualifying, &key, &certify, d);
	}
	if (s == OK) {
		s = check_quote(e->quote, qualifying, certify.qualified_signer, d);
	}
	if (s == OK) {
		s = check_signature("certify", ak_point, e->certify, e->certify_signature, d);
	}
	if (s == OK) {
		s = check_signature("quote", ak_point, e->quote, e->quote_signature, d);
	}
	return s;
}
