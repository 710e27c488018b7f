#include "forge_tpm2.h"
#include "tpm2_vector.h"

#include <stdlib.h>

#include "base/check.h"
#include "element/tpm2_structure.h"

/* --- what a real TPM made --- */

static struct evidence_tpm2
vector(void)
{
	return (struct evidence_tpm2){ SPAN_ARRAY(vector_public), SPAN_ARRAY(vector_certify),
		SPAN_ARRAY(vector_certify_signature), SPAN_ARRAY(vector_creation),
		SPAN_ARRAY(vector_quote), SPAN_ARRAY(vector_quote_signature),
		SPAN_ARRAY(vector_ak_public) };
}

/* The last 68 bytes of a public area are the two coordinates with their lengths. */
static void
point_of(span public, uint8_t out[64])
{
	memcpy(out, public.data + public.len - 66, 32);
	memcpy(out + 32, public.data + public.len - 32, 32);
}

static status
check_vector(const struct evidence_tpm2 *e, struct diag *d)
{
	uint8_t ak[64], point[64];

	point_of(SPAN_ARRAY(vector_ak_public), ak);
	point_of(SPAN_ARRAY(vector_public), point);
	return tpm2_attestation_check(e, SPAN_ARRAY(vector_challenge), ak, point, d);
}

static void
a_real_tpm_is_believed(void **state)
{
	const struct evidence_tpm2 e = vector();
	struct tpm2_attest quote;
	struct diag d = { 0 };

	assert_ok(check_vector(&e, &d), d);
	assert_ok(tpm2_attest_read(e.quote, TPM_ST_ATTEST_QUOTE, &quote, &d), d);
	assert_memory_equal(quote.pcr_select.data, "\0\0\0\1\0\x0b\3\xff\0\0", 10);
	assert_int_equal(quote.pcr_digest.len, 32);
	(void)state;
}

static void
every_cut_is_refused(void **state)
{
	struct evidence_tpm2 e = vector();
	span *const fields[] = { &e.public, &e.certify, &e.certify_signature, &e.creation, &e.quote,
		&e.quote_signature, &e.ak_public };

	for (size_t f = 0; f < COUNT_OF(fields); f++) {
		const span whole = *fields[f];

		for (size_t len = 0; len < whole.len; len++) {
			/* A copy of its own size, so that a byte read too many is seen. */
			uint8_t *copy = malloc(len > 0 ? len : 1);
			struct diag d = { 0 };

			assert_non_null(copy);
			memcpy(copy, whole.data, len);
			*fields[f] = span_of(copy, len);
			assert_int_equal(check_vector(&e, &d), BAD_INPUT);
			assert_string_not_equal(d.text, "");
			assert_string_not_equal(d.clause, "");
			free(copy);
		}
		*fields[f] = whole;
	}
	(void)state;
}

static void
bytes_behind_are_refused(void **state)
{
	struct evidence_tpm2 e = vector();
	span *const fields[] = { &e.public, &e.certify, &e.certify_signature, &e.creation, &e.quote,
		&e.quote_signature, &e.ak_public };

	for (size_t f = 0; f < COUNT_OF(fields); f++) {
		const span whole = *fields[f];
		uint8_t more[TPM_STRUCTURE_MAX + 1] = { 0 };
		struct diag d = { 0 };

		memcpy(more, whole.data, whole.len);
		*fields[f] = span_of(more, whole.len + 1);
		assert_int_equal(check_vector(&e, &d), BAD_INPUT);
		assert_non_null(strstr(d.text, "left over"));
		diag_clear(&d);
		*fields[f] = SPAN_ARRAY(more);
		assert_int_equal(check_vector(&e, &d), LIMIT);
		*fields[f] = whole;
	}
	(void)state;
}

static void
every_changed_bit_is_seen(void **state)
{
	struct evidence_tpm2 e = vector();
	/* akPublic is not among them: of it counts its point, and that it says no bad thing. */
	span *const fields[] = { &e.public, &e.certify, &e.certify_signature, &e.creation, &e.quote,
		&e.quote_signature };

	for (size_t f = 0; f < COUNT_OF(fields); f++) {
		const span whole = *fields[f];
		uint8_t changed[256];

		memcpy(changed, whole.data, whole.len);
		*fields[f] = span_of(changed, whole.len);
		for (size_t bit = 0; bit < whole.len * 8; bit++) {
			status s;

			changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			s = check_vector(&e, NULL);
			assert_true(s == BAD_INPUT || s == CRYPTO);
			changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		*fields[f] = whole;
	}
	(void)state;
}

/* --- what an attacker may send --- */

static void
honest(struct forged_tpm *f)
{
	(void)f;
}

static void
without_own_scheme(struct forged_tpm *f)
{
	f->public.scheme = TPM_ALG_NULL;
}

static void
other_tpm(struct forged_tpm *f)
{
	f->certify.by = &f->key;
	f->quote.by = &f->key;
	memcpy(f->ak_public.point, f->point, 64);
}

static void
other_tpm_with_our_public(struct forged_tpm *f)
{
	f->certify.by = &f->key;
}

static void
quote_of_other_tpm(struct forged_tpm *f)
{
	f->quote.by = &f->key;
}

static void
quote_by_other_name(struct forged_tpm *f)
{
	f->quote.signer[33] ^= 1;
}

static void
other_key(struct forged_tpm *f)
{
	memcpy(f->public.point, f->ak_point, 64);
}

static void
other_name(struct forged_tpm *f)
{
	f->certify.is_of_other_name = true;
}

static void
other_creation(struct forged_tpm *f)
{
	f->certify.is_of_other_hash = true;
}

static void
stale_certify(struct forged_tpm *f)
{
	f->certify.extra[0] ^= 1;
}

static void
stale_quote(struct forged_tpm *f)
{
	f->quote.extra[31] ^= 1;
}

/* An old key, certified anew. */
static void
stale_key(struct forged_tpm *f)
{
	f->outside[16] ^= 1;
}

static void
wrong_magic(struct forged_tpm *f)
{
	f->certify.magic ^= 1;
}

static void
wrong_magic_of_quote(struct forged_tpm *f)
{
	f->quote.magic = 0;
}

static void
certify_in_place_of_creation(struct forged_tpm *f)
{
	f->certify.type = 0x8017;
}

static void
quote_twice(struct forged_tpm *f)
{
	f->certify.type = TPM_ST_ATTEST_QUOTE;
}

static void
creation_twice(struct forged_tpm *f)
{
	f->quote.type = TPM_ST_ATTEST_CREATION;
}

static void
may_be_duplicated(struct forged_tpm *f)
{
	f->public.attributes &= ~TPM2_FIXED_PARENT;
}

static void
may_leave(struct forged_tpm *f)
{
	f->public.attributes &= ~(TPM2_FIXED_TPM | TPM2_FIXED_PARENT);
}

static void
was_imported(struct forged_tpm *f)
{
	f->public.attributes &= ~TPM2_SENSITIVE_DATA_ORIGIN;
}

static void
does_not_sign(struct forged_tpm *f)
{
	f->public.attributes &= ~TPM2_SIGN;
}

static void
decrypts(struct forged_tpm *f)
{
	f->public.attributes |= TPM2_DECRYPT;
}

static void
is_restricted(struct forged_tpm *f)
{
	f->public.attributes |= TPM2_RESTRICTED;
}

static void
signs_certificates_only(struct forged_tpm *f)
{
	f->public.attributes |= TPM2_X509_SIGN;
}

static void
leaves_encrypted(struct forged_tpm *f)
{
	f->public.attributes |= TPM2_ENCRYPTED_DUPLICATION;
}

static void
reserved_attribute(struct forged_tpm *f)
{
	f->public.attributes |= UINT32_C(1) << 31;
}

static void
ak_signs_anything(struct forged_tpm *f)
{
	f->ak_public.attributes &= ~TPM2_RESTRICTED;
}

static void
ak_may_leave(struct forged_tpm *f)
{
	f->ak_public.attributes &= ~TPM2_FIXED_TPM;
}

static void
ak_without_scheme(struct forged_tpm *f)
{
	f->ak_public.scheme = TPM_ALG_NULL;
}

static void
point_off_the_curve(struct forged_tpm *f)
{
	f->public.point[63] ^= 1;
}

static void
short_coordinates(struct forged_tpm *f)
{
	f->public.coordinate_len = 31;
}

static void
no_coordinates(struct forged_tpm *f)
{
	f->public.coordinate_len = 0;
}

static void
rsa(struct forged_tpm *f)
{
	f->public.type = TPM_ALG_RSA;
}

static void
name_by_sha1(struct forged_tpm *f)
{
	f->public.name_alg = 0x0004;
}

static void
symmetric(struct forged_tpm *f)
{
	f->public.symmetric = TPM_ALG_AES;
}

static void
schnorr(struct forged_tpm *f)
{
	f->public.scheme = 0x001c;
}

static void
scheme_of_sha1(struct forged_tpm *f)
{
	f->public.scheme_hash = 0x0004;
}

static void
p384(struct forged_tpm *f)
{
	f->public.curve = 0x0004;
}

static void
key_derivation(struct forged_tpm *f)
{
	f->public.kdf = 0x0020;
}

static void
signature_of_sha1(struct forged_tpm *f)
{
	f->certify.signature_hash = 0x0004;
}

static void
signature_of_schnorr(struct forged_tpm *f)
{
	f->quote.signature_alg = 0x001c;
}

static void
safe_is_two(struct forged_tpm *f)
{
	f->certify.safe = 2;
}

static void
too_many_banks(struct forged_tpm *f)
{
	f->quote.banks = 17;
}

static void
banks_without_end(struct forged_tpm *f)
{
	f->quote.banks = UINT32_MAX;
}

static void
too_many_registers(struct forged_tpm *f)
{
	f->quote.select_len = 5;
}

static const struct {
	const char *name;
	void (*change)(struct forged_tpm *f);
	status wanted;
	const char *word;
} attacks[] = {
	{ "nothing is wrong", honest, OK, "" },
	{ "a key bound to no scheme is as good", without_own_scheme, OK, "" },
	{ "another TPM", other_tpm, CRYPTO, "another attestation key" },
	{ "another TPM that shows our public", other_tpm_with_our_public, CRYPTO,
		"certifySignature" },
	{ "another TPM's quote", quote_of_other_tpm, CRYPTO, "quoteSignature" },
	{ "a quote by another name", quote_by_other_name, CRYPTO, "quote" },
	{ "another key", other_key, CRYPTO, "another key" },
	{ "another name", other_name, CRYPTO, "objectName" },
	{ "another creation", other_creation, CRYPTO, "creation" },
	{ "a stale certify", stale_certify, CRYPTO, "certify: made for another challenge" },
	{ "a stale quote", stale_quote, CRYPTO, "quote: made for another challenge" },
	{ "an old key certified anew", stale_key, CRYPTO, "outsideInfo" },
	{ "magic", wrong_magic, BAD_INPUT, "magic" },
	{ "the quote's magic", wrong_magic_of_quote, BAD_INPUT, "magic" },
	{ "TPM2_Certify", certify_in_place_of_creation, BAD_INPUT, "TPM2_CertifyCreation" },
	{ "two quotes", quote_twice, BAD_INPUT, "TPM2_CertifyCreation" },
	{ "two certifications", creation_twice, BAD_INPUT, "TPM2_Quote" },
	{ "can be duplicated", may_be_duplicated, BAD_INPUT, "may leave" },
	{ "can leave", may_leave, BAD_INPUT, "may leave" },
	{ "was imported", was_imported, BAD_INPUT, "may leave" },
	{ "does not sign", does_not_sign, BAD_INPUT, "may leave" },
	{ "decrypts", decrypts, BAD_INPUT, "plain signing key" },
	{ "restricted", is_restricted, BAD_INPUT, "plain signing key" },
	{ "x509sign", signs_certificates_only, BAD_INPUT, "plain signing key" },
	{ "encryptedDuplication", leaves_encrypted, BAD_INPUT, "plain signing key" },
	{ "reserved attribute", reserved_attribute, BAD_INPUT, "reserved" },
	{ "the AK signs anything", ak_signs_anything, BAD_INPUT, "restricted" },
	{ "the AK may leave", ak_may_leave, BAD_INPUT, "leave" },
	{ "the AK has no scheme", ak_without_scheme, BAD_INPUT, "scheme" },
	{ "off the curve", point_off_the_curve, BAD_INPUT, "not on P-256" },
	{ "short coordinates", short_coordinates, BAD_INPUT, "not on P-256" },
	{ "no coordinates", no_coordinates, BAD_INPUT, "no number" },
	{ "RSA", rsa, BAD_INPUT, "elliptic" },
	{ "name by SHA-1", name_by_sha1, BAD_INPUT, "SHA-256" },
	{ "symmetric", symmetric, BAD_INPUT, "symmetric" },
	{ "Schnorr", schnorr, BAD_INPUT, "not ECDSA" },
	{ "SHA-1 scheme", scheme_of_sha1, BAD_INPUT, "not with SHA-256" },
	{ "P-384", p384, BAD_INPUT, "not on P-256" },
	{ "key derivation", key_derivation, BAD_INPUT, "key derivation" },
	{ "SHA-1 signature", signature_of_sha1, BAD_INPUT, "not with SHA-256" },
	{ "Schnorr signature", signature_of_schnorr, BAD_INPUT, "not by ECDSA" },
	{ "safe is two", safe_is_two, BAD_INPUT, "safe" },
	{ "17 banks", too_many_banks, BAD_INPUT, "banks" },
	{ "banks without end", banks_without_end, BAD_INPUT, "banks" },
	{ "5 bytes of registers", too_many_registers, BAD_INPUT, "registers" },
};

static void
attacks_are_refused(void **state)
{
	for (size_t i = 0; i < COUNT_OF(attacks); i++) {
		struct forged_tpm f;
		struct diag d = { 0 };
		status s;

		forge_tpm2_init(&f);
		attacks[i].change(&f);
		forge_tpm2_make(&f);
		s = tpm2_attestation_check(
			&f.evidence, span_text(FORGED_CHALLENGE), f.ak_point, f.point, &d);
		if (s != attacks[i].wanted || strstr(d.text, attacks[i].word) == NULL ||
			(s == BAD_INPUT && d.clause[0] == '\0')) {
			fail_msg("%s: %s, %s", attacks[i].name, status_name(s), d.text);
		}
		forge_tpm2_wipe(&f);
	}
	(void)state;
}

static void
another_challenge_is_refused(void **state)
{
	struct forged_tpm f;
	struct diag d = { 0 };

	forge_tpm2_init(&f);
	forge_tpm2_make(&f);
	assert_int_equal(
		tpm2_attestation_check(&f.evidence, span_text("another"), f.ak_point, f.point, &d),
		CRYPTO);
	assert_int_equal(tpm2_attestation_check(
				 &f.evidence, span_text(FORGED_CHALLENGE), f.point, f.point, NULL),
		CRYPTO);
	forge_tpm2_wipe(&f);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_tpm_is_believed),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(bytes_behind_are_refused),
		cmocka_unit_test(every_changed_bit_is_seen),
		cmocka_unit_test(attacks_are_refused),
		cmocka_unit_test(another_challenge_is_refused),
	};

	return cmocka_run_group_tests_name("tpm2", tests, NULL, NULL);
}
