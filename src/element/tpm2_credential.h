#pragma once
/*
 * Registering a TPM: how the server comes to believe that an attestation key is in a genuine one.
 *
 *   1. The maker's certificate of the endorsement key leads to a root that the operator pinned (tpm2_endorsement_check).
 *   2. A secret is wrapped so that only the TPM with that endorsement key takes it out, and only where the named
 *      attestation key is in it too (tpm2_credential_make; TPM 2.0 Part 1, 24).
 *   3. The TPM gives the secret back (TPM2_ActivateCredential): the attestation key is its own, and has the attributes of its name.
 *
 * From then on the point of the attestation key is the anchor that evidence is checked against (attestation.h). No TPM
 * library is needed here.
 */
#include "pki/chain.h"

#define TPM2_SECRET_LEN 32
#define TPM2_SERIAL_LEN 40 /* hex digits */

struct tpm2_credential {
	uint8_t id_object[128]; /* TPM2B_ID_OBJECT without its size */
	size_t id_object_len;
	uint8_t encrypted_secret[256]; /* TPM2B_ENCRYPTED_SECRET without its size */
	size_t encrypted_secret_len;
};

/* The element's serial: the first 20 bytes of SHA-256 of the endorsement key's subjectPublicKeyInfo. */
void tpm2_serial_of_key(const struct public_key *endorsement, char out[TPM2_SERIAL_LEN + 1]);

/*
 * The certificate (DER) with the issuers that came along leads to one of `roots` at `at_s`, and is of a key that
 * decrypts, RSA-2048 or P-256. `out` is read from it and borrows it. CRYPTO: the chain; BAD_INPUT: the certificate.
 */
struct tpm2_endorsement {
	span certificate;
	const span *issuers;
	size_t issuer_count;
};
MUST_USE status tpm2_endorsement_check(const struct trust_set *roots,
	const struct tpm2_endorsement *e, int64_t at_s, struct certificate_view *out,
	struct diag *d);

/*
 * `ak_public`: TPMT_PUBLIC, as evidence has it; BAD_INPUT where it is no restricted signing key of P-256. `secret` is
 * the caller's: random, for one try, compared with span_equal_secret.
 */
MUST_USE status tpm2_credential_make(const struct public_key *endorsement, span ak_public,
	const uint8_t secret[TPM2_SECRET_LEN], struct tpm2_credential *out, struct diag *d);
/* For tpm2_activatecredential(1): magic, version and both structures with their sizes, appended. */
void tpm2_credential_write(const struct tpm2_credential *c, struct buffer *out);
