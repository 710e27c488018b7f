#pragma once
/*
 * The evidence that a new key was made inside an element: one attribute of the device's certification
 * request, id-aa-evidence (1.2.840.113549.1.9.16.2.59), after draft-ietf-lamps-csr-attestation. Its value:
 *
 *   EvidenceBundle    ::= SEQUENCE { evidences SEQUENCE SIZE (1) OF EvidenceStatement }
 *   EvidenceStatement ::= SEQUENCE { type OBJECT IDENTIFIER, stmt ANY DEFINED BY type }
 *
 * Types are arcs of our own below 2.25.305030647290410459873825239964802379215, which is UUID
 * e57ac408-aaa8-416c-b809-65a293646dcf (Rec. ITU-T X.667 7): the draft leaves them to whoever defines them.
 *
 *   .1  Atecc608Statement ::= SEQUENCE {          a key made by GenKey mode 0C, attested by slot 1
 *         challenge  OCTET STRING,                  the server's, whole
 *         slot       INTEGER (0..15),
 *         random     OCTET STRING (SIZE (32)),      the chip's answer to Nonce
 *         signature  OCTET STRING (SIZE (64)) }     R || S of Sign, internal, with the whole serial number
 *       NumIn = the first 20 bytes of SHA-256(challenge)
 *
 *   .2  Tpm2Statement ::= SEQUENCE {              a key certified by an attestation key
 *         challenge  OCTET STRING,
 *         public     OCTET STRING,                  TPMT_PUBLIC of the key
 *         certify    OCTET STRING, certifySignature OCTET STRING,   TPMS_ATTEST of TPM2_CertifyCreation, TPMT_SIGNATURE
 *         creation   OCTET STRING,                  TPMS_CREATION_DATA: its hash stands in `certify`
 *         quote      OCTET STRING, quoteSignature OCTET STRING,     over the same challenge
 *         akPublic   OCTET STRING }                 TPMT_PUBLIC of the attestation key
 *       qualifyingData of both, and outsideInfo of the key's TPM2_Create, = SHA-256(challenge)
 *
 *   .3  TokenStatement ::= SEQUENCE {             a PKCS#11 token's word about its own key; nobody signs it
 *         challenge  OCTET STRING,
 *         model      UTF8String,                    of CK_TOKEN_INFO
 *         serial     UTF8String,
 *         isLocal    BOOLEAN, isNeverExtractable BOOLEAN, isSensitive BOOLEAN }
 *
 * The key itself is that of the request. Unknown types and anything left over are BAD_INPUT. For people: docs/attestation.md.
 */
#include "base/buffer.h"
#include "pki/der.h"

#define CHALLENGE_MAX 64       /* bytes of a challenge; ours have fewer */
#define EVIDENCE_MAX 4096      /* bytes of a whole bundle: TPM structures take 1.5 KiB */
#define TPM_STRUCTURE_MAX 1024 /* TPMT_PUBLIC, TPMS_ATTEST, TPMS_CREATION_DATA */
#define TOKEN_TEXT_MAX 64      /* bytes; CK_TOKEN_INFO has 16 */
#define ATECC608_SLOTS 16
#define NUM_IN_LEN 20

enum evidence_kind { EVIDENCE_ATECC608 = 1, EVIDENCE_TPM2 = 2, EVIDENCE_TOKEN = 3 };

struct evidence_atecc608 {
	unsigned slot;
	uint8_t random[32];
	uint8_t signature[64];
};

struct evidence_tpm2 {
	span public, certify, certify_signature, creation, quote, quote_signature, ak_public;
};

struct evidence_token {
	span model, serial; /* UTF-8 */
	bool is_local, is_never_extractable, is_sensitive;
};

struct evidence {
	enum evidence_kind kind;
	span challenge;
	union {
		struct evidence_atecc608 atecc608;
		struct evidence_tpm2 tpm2;
		struct evidence_token token;
	};
};

/* The value of the attribute. Spans point into it. BAD_INPUT, LIMIT. */
MUST_USE status evidence_read(span der, struct evidence *out, struct diag *d);
/* For the device: appends the value. BAD_INPUT, LIMIT for what would not be read back; NO_MEMORY. */
MUST_USE status evidence_write(const struct evidence *e, struct buffer *out, struct diag *d);
/* What an ATECC608 is given of a challenge. */
void evidence_num_in(span challenge, uint8_t out[NUM_IN_LEN]);
/* What a TPM is given of it. */
void evidence_qualifying(span challenge, uint8_t out[32]);
