/*
 * TPM structures: what is accepted is what was read, so that writing its fields again gives the same bytes; it stands
 * inside the input; and nothing that a fuzzer can make is evidence under a key that it has not.
 */
#include "base/buffer.h"
#include "element/attestation.h"
#include "element/tpm2_structure.h"
#include "fuzz.h"
#include "pki/key.h"

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
check_public(span in)
{
	struct tpm2_public p;
	struct public_key on_curve;
	uint8_t hash[32];

	if (tpm2_public_read(in, &p, NULL) != OK) {
		return;
	}
	HOLDS(public_key_of_point(p.point, &on_curve, NULL) == OK);
	sha256(in, hash);
	HOLDS(memcmp(p.name + 2, hash, 32) == 0);
	HOLDS(tpm2_public_is_attestation_key(&p, NULL) != OK ||
		(p.attributes & (TPM2_RESTRICTED | TPM2_FIXED_TPM | TPM2_DECRYPT)) ==
			(TPM2_RESTRICTED | TPM2_FIXED_TPM));
}

static void
check_attest(span in, uint16_t type)
{
	struct tpm2_attest a;
	struct buffer b;

	if (tpm2_attest_read(in, type, &a, NULL) != OK) {
		return;
	}
	buffer_init(&b, 4096);
	put_number(&b, 0xff544347, 4);
	put_number(&b, type, 2);
	put_sized(&b, a.qualified_signer);
	put_sized(&b, a.extra);
	put_number(&b, a.clock_ms, 8);
	put_number(&b, a.reset_count, 4);
	put_number(&b, a.restart_count, 4);
	buffer_put_byte(&b, in.data[b.len] & 1);
	put_number(&b, a.firmware, 8);
	if (type == TPM_ST_ATTEST_QUOTE) {
		buffer_put(&b, a.pcr_select);
		put_sized(&b, a.pcr_digest);
	} else {
		put_sized(&b, a.name);
		put_sized(&b, a.creation_hash);
	}
	HOLDS(!buffer_failed(&b) && span_equal(buffer_span(&b), in));
	buffer_wipe(&b);
}

static void
check_creation(span in)
{
	struct tpm2_creation c;

	if (tpm2_creation_read(in, &c, NULL) == OK) {
		HOLDS(c.outside_info.len == 0 ||
			c.outside_info.data + c.outside_info.len == in.data + in.len);
		HOLDS(c.parent_name.len + c.parent_qualified_name.len + c.outside_info.len <=
			in.len);
	}
}

static void
check_signature(span in)
{
	uint8_t raw[64];
	status s = tpm2_signature_read(in, raw, NULL);

	HOLDS(s == OK || s == BAD_INPUT || s == LIMIT);
	HOLDS(s != OK || in.len <= 72);
}

/* The generator of P-256: a key whose private half everybody knows, and no fuzzer signs with. */
static const uint8_t base_point[64] = { 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc,
	0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
	0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
	0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e,
	0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5 };

static void
check_evidence(span in)
{
	struct evidence e;

	if (evidence_read(in, &e, NULL) == OK && e.kind == EVIDENCE_TPM2) {
		HOLDS(tpm2_attestation_check(&e.tpm2, e.challenge, base_point, base_point, NULL) !=
			OK);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	span input = span_of(data, len);

	switch (fuzz_choice(&input, 6)) {
	case 0:
		check_public(input);
		break;
	case 1:
		check_attest(input, TPM_ST_ATTEST_CREATION);
		break;
	case 2:
		check_attest(input, TPM_ST_ATTEST_QUOTE);
		break;
	case 3:
		check_creation(input);
		break;
	case 4:
		check_signature(input);
		break;
	default:
		check_evidence(input);
	}
	return 0;
}
