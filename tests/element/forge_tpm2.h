#pragma once
/* A TPM of software: the structures of one key's evidence, with every field open to lies before they are made and signed. */
#include "element/attestation.h"
#include "support.h"
#include "pki/key.h"

#define FORGED_CHALLENGE "a challenge of this test, 32 B. "

struct forged_tpm {
	struct private_key ak, key;
	uint8_t ak_point[64], point[64];

	/* As an honest TPM has them after forge_tpm2_init; a test changes what it likes. */
	struct forged_public {
		uint16_t type, name_alg, symmetric, scheme, scheme_hash, curve, kdf;
		uint32_t attributes;
		uint8_t point[64];
		size_t coordinate_len; /* 32 */
	} public, ak_public;
	struct forged_attest {
		uint32_t magic;
		uint16_t type;
		uint8_t signer[34], extra[32], safe;
		uint32_t banks;
		uint8_t select_len;
		bool is_of_other_name, is_of_other_hash;
		const struct private_key *by;
		uint16_t signature_alg, signature_hash;
	} certify, quote;
	uint8_t outside[32];

	struct buffer bytes[7]; /* in the order of evidence.h's fields */
	struct evidence_tpm2 evidence;
};

void forge_tpm2_init(struct forged_tpm *f);
/* Makes `evidence` of what stands there. */
void forge_tpm2_make(struct forged_tpm *f);
void forge_tpm2_wipe(struct forged_tpm *f);
