#pragma once
/* Beyond element.h: what a TPM does once, when it is registered (src/element/tpm2_credential.h is the other side). */
#include "device/element/element.h"

/*
 * The certificate of its endorsement key (DER) and its attestation key (TPMT_PUBLIC), each appended to its own
 * buffer. NOT_FOUND: its maker put no certificate in; the operator may have it from elsewhere.
 */
MUST_USE status element_tpm2_endorsement(
	struct element *e, struct buffer *certificate, struct diag *d);
MUST_USE status element_tpm2_attestation_key(
	struct element *e, struct buffer *public, struct diag *d);
/* What the server makes for one TPM alone. */
struct element_credential {
	bool is_by_ecc; /* for the endorsement key of P-256; else that of RSA */
	span id_object; /* TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET without their sizes */
	span encrypted_secret;
};
/*
 * TPM2_ActivateCredential: the secret, appended, comes out only where both keys are in one TPM. CRYPTO: the credential
 * is another TPM's, or for another attestation key.
 */
MUST_USE status element_tpm2_activate(struct element *e, const struct element_credential *c,
	struct buffer *secret, struct diag *d);
