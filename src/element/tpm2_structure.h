#pragma once
/*
 * Inside element/: the few structures of TPM 2.0 (Library Part 2) that evidence and registration consist of, read strictly:
 * big-endian, every size against what is left, every selector of the one kind that we use, nothing left over.
 * Spans point into the input. All answer OK, BAD_INPUT or LIMIT, with the offset in the diag.
 */
#include "base/span.h"
#include "base/status.h"

#define TPM2_NAME_LEN 34 /* nameAlg || SHA-256 of the public area */

/* TPM_ALG_ID, TPM_ECC_CURVE, TPM_ST: those that occur. */
enum {
	TPM_ALG_RSA = 0x0001,
	TPM_ALG_AES = 0x0006,
	TPM_ALG_SHA256 = 0x000b,
	TPM_ALG_NULL = 0x0010,
	TPM_ALG_ECDSA = 0x0018,
	TPM_ALG_ECC = 0x0023,
	TPM_CURVE_P256 = 0x0003,
	TPM_ST_ATTEST_QUOTE = 0x8018,
	TPM_ST_ATTEST_CREATION = 0x801a,
};

/* TPMA_OBJECT. */
#define TPM2_FIXED_TPM (UINT32_C(1) << 1)
#define TPM2_CLEAR_AT_START (UINT32_C(1) << 2)
#define TPM2_FIXED_PARENT (UINT32_C(1) << 4)
#define TPM2_SENSITIVE_DATA_ORIGIN (UINT32_C(1) << 5)
#define TPM2_USER_WITH_AUTH (UINT32_C(1) << 6)
#define TPM2_ADMIN_WITH_POLICY (UINT32_C(1) << 7)
#define TPM2_NO_DA (UINT32_C(1) << 10)
#define TPM2_ENCRYPTED_DUPLICATION (UINT32_C(1) << 11)
#define TPM2_RESTRICTED (UINT32_C(1) << 16)
#define TPM2_DECRYPT (UINT32_C(1) << 17)
#define TPM2_SIGN (UINT32_C(1) << 18)
#define TPM2_X509_SIGN (UINT32_C(1) << 19)

/* TPMT_PUBLIC of a signing key on P-256 with SHA-256 as its name's hash. */
struct tpm2_public {
	uint32_t attributes; /* none of the reserved ones */
	bool has_scheme;     /* bound to ECDSA with SHA-256; else it signs by any scheme */
	uint8_t point[64];
	uint8_t name[TPM2_NAME_LEN];
};

/* TPMS_ATTEST that a TPM made (TPM_GENERATED), of one of the two kinds. */
struct tpm2_attest {
	span qualified_signer;
	span extra; /* qualifyingData */
	uint64_t clock_ms;
	uint32_t reset_count, restart_count;
	uint64_t firmware;
	span name, creation_hash; /* CREATION: objectName, creationHash */
	span pcr_select;	  /* QUOTE: the TPML_PCR_SELECTION as it stands */
	span pcr_digest;
};

/* TPMS_CREATION_DATA. */
struct tpm2_creation {
	uint8_t locality;
	span parent_name, parent_qualified_name;
	span outside_info;
};

MUST_USE status tpm2_public_read(span in, struct tpm2_public *out, struct diag *d);
/* `type`: TPM_ST_ATTEST_CREATION or _QUOTE; another one is BAD_INPUT. */
MUST_USE status tpm2_attest_read(span in, uint16_t type, struct tpm2_attest *out, struct diag *d);
MUST_USE status tpm2_creation_read(span in, struct tpm2_creation *out, struct diag *d);
/* TPMT_SIGNATURE, ECDSA with SHA-256, as R || S. */
MUST_USE status tpm2_signature_read(span in, uint8_t out[64], struct diag *d);
/*
 * What an attestation key must be: made in this TPM, never to leave it, and restricted to what the TPM itself says, by
 * ECDSA with SHA-256. BAD_INPUT names what it lacks.
 */
MUST_USE status tpm2_public_is_attestation_key(const struct tpm2_public *p, struct diag *d);
