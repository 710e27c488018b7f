#include "forge_tpm2.h"

#include "element/tpm2_structure.h"

static void
put_number(struct buffer *b, uint64_t n, size_t len)
{
	for (size_t i = len; i-- > 0;) {
		buffer_put_byte(b, (uint8_t)(n >> 8 * i));
	}
}

static void
put_sized(struct buffer *b, span s)
{
	put_number(b, s.len, 2);
	buffer_put(b, s);
}

static void
make_key(struct private_key *k, uint8_t point[64])
{
	struct public_key public;
	struct diag d = { 0 };
	uint8_t spki[600];

	assert_ok(private_key_generate(KEY_P256, k, &d), d);
	assert_ok(private_key_public(k, spki, sizeof(spki), &public, &d), d);
	memcpy(point, public.point, 64);
}

static void
put_public(struct buffer *b, const struct forged_public *p)
{
	put_number(b, p->type, 2);
	put_number(b, p->name_alg, 2);
	put_number(b, p->attributes, 4);
	put_number(b, 0, 2);
	put_number(b, p->symmetric, 2);
	put_number(b, p->scheme, 2);
	if (p->scheme != TPM_ALG_NULL) {
		put_number(b, p->scheme_hash, 2);
	}
	put_number(b, p->curve, 2);
	put_number(b, p->kdf, 2);
	put_sized(b, span_of(p->point, p->coordinate_len));
	put_sized(b, span_of(p->point + 32, p->coordinate_len));
}

static void
put_creation(struct buffer *b, const struct forged_tpm *f)
{
	put_number(b, 0, 4);
	put_sized(b, span_of(f->outside, 0));
	put_number(b, 1, 1);
	put_number(b, TPM_ALG_SHA256, 2);
	put_sized(b, SPAN_ARRAY(f->certify.signer));
	put_sized(b, SPAN_ARRAY(f->certify.signer));
	put_sized(b, SPAN_ARRAY(f->outside));
}

static void
put_head(struct buffer *b, const struct forged_attest *a)
{
	put_number(b, a->magic, 4);
	put_number(b, a->type, 2);
	put_sized(b, SPAN_ARRAY(a->signer));
	put_sized(b, SPAN_ARRAY(a->extra));
	put_number(b, 1234567, 8);
	put_number(b, 3, 4);
	put_number(b, 0, 4);
	put_number(b, a->safe, 1);
	put_number(b, UINT64_C(0x2019102300163636), 8);
}

static void
put_certify(struct buffer *b, const struct forged_attest *a, span public, span creation)
{
	uint8_t name[34] = { 0, TPM_ALG_SHA256 }, hash[32];

	put_head(b, a);
	sha256(public, name + 2);
	sha256(creation, hash);
	name[33] ^= a->is_of_other_name;
	hash[31] ^= a->is_of_other_hash;
	put_sized(b, SPAN_ARRAY(name));
	put_sized(b, SPAN_ARRAY(hash));
}

static void
put_quote(struct buffer *b, const struct forged_attest *a)
{
	static const uint8_t registers[8] = { 0xff };
	uint8_t digest[32] = { 7 };

	put_head(b, a);
	put_number(b, a->banks, 4);
	for (uint32_t i = 0; i < a->banks && i < 32; i++) {
		put_number(b, TPM_ALG_SHA256, 2);
		put_number(b, a->select_len, 1);
		buffer_put(b, span_of(registers, a->select_len));
	}
	put_sized(b, SPAN_ARRAY(digest));
}

static void
put_signature(struct buffer *b, const struct forged_attest *a, span message)
{
	struct diag d = { 0 };
	uint8_t raw[64];

	assert_ok(private_key_sign_raw(a->by, message, raw, &d), d);
	put_number(b, a->signature_alg, 2);
	put_number(b, a->signature_hash, 2);
	put_sized(b, span_of(raw, 32));
	put_sized(b, span_of(raw + 32, 32));
}

void
forge_tpm2_make(struct forged_tpm *f)
{
	struct buffer *b = f->bytes;

	put_public(&b[0], &f->public);
	put_creation(&b[3], f);
	put_certify(&b[1], &f->certify, buffer_span(&b[0]), buffer_span(&b[3]));
	put_signature(&b[2], &f->certify, buffer_span(&b[1]));
	put_quote(&b[4], &f->quote);
	put_signature(&b[5], &f->quote, buffer_span(&b[4]));
	put_public(&b[6], &f->ak_public);
	for (size_t i = 0; i < 7; i++) {
		assert_false(buffer_failed(&b[i]));
	}
	f->evidence = (struct evidence_tpm2){ buffer_span(&b[0]), buffer_span(&b[1]),
		buffer_span(&b[2]), buffer_span(&b[3]), buffer_span(&b[4]), buffer_span(&b[5]),
		buffer_span(&b[6]) };
}

void
forge_tpm2_init(struct forged_tpm *f)
{
	const struct forged_public key = { .type = TPM_ALG_ECC,
		.name_alg = TPM_ALG_SHA256,
		.symmetric = TPM_ALG_NULL,
		.scheme = TPM_ALG_ECDSA,
		.scheme_hash = TPM_ALG_SHA256,
		.curve = TPM_CURVE_P256,
		.kdf = TPM_ALG_NULL,
		.attributes = TPM2_FIXED_TPM | TPM2_FIXED_PARENT | TPM2_SENSITIVE_DATA_ORIGIN |
			      TPM2_USER_WITH_AUTH | TPM2_SIGN | TPM2_NO_DA,
		.coordinate_len = 32 };
	const struct forged_attest attest = { .magic = UINT32_C(0xff544347),
		.signer = { 0, TPM_ALG_SHA256, 1, 2, 3 },
		.banks = 1,
		.select_len = 3,
		.by = &f->ak,
		.signature_alg = TPM_ALG_ECDSA,
		.signature_hash = TPM_ALG_SHA256 };

	*f = (struct forged_tpm){ 0 };
	make_key(&f->ak, f->ak_point);
	make_key(&f->key, f->point);
	f->public = key;
	memcpy(f->public.point, f->point, 64);
	f->ak_public = key;
	f->ak_public.attributes |= TPM2_RESTRICTED;
	memcpy(f->ak_public.point, f->ak_point, 64);
	f->certify = attest;
	f->certify.type = TPM_ST_ATTEST_CREATION;
	f->quote = attest;
	f->quote.type = TPM_ST_ATTEST_QUOTE;
	evidence_qualifying(span_text(FORGED_CHALLENGE), f->certify.extra);
	memcpy(f->quote.extra, f->certify.extra, 32);
	memcpy(f->outside, f->certify.extra, 32);
	for (size_t i = 0; i < 7; i++) {
		buffer_init(&f->bytes[i], 4096);
	}
}

void
forge_tpm2_wipe(struct forged_tpm *f)
{
	for (size_t i = 0; i < 7; i++) {
		buffer_wipe(&f->bytes[i]);
	}
	private_key_wipe(&f->ak);
	private_key_wipe(&f->key);
}
