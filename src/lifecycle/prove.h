#pragma once
/*
 * What evidence proves of a key, against what is known of the device's element. Inside lifecycle/ only: enrol.c calls it for a
 * request, element_check.c for a key that nobody certifies. The fleet's policy says what is needed at the least; evidence that is there and does not
 * hold is refused whatever the policy.
 */
#include "lifecycle/challenge.h"
#include "lifecycle/decide.h"
#include "pki/csr.h"

/* Kind of the refusal of what proves too little (beside those of element/attestation.h and challenge.h). */
#define ATTESTATION_REQUIRED "attestation-required"

struct proof {
	enum attestation_level level;
	int slot;	      /* -1: none */
	const uint8_t *point; /* X || Y of the key that it is of, 64 bytes */
	/* Kept with the certificate; der empty: no evidence came, the rest does not apply. */
	struct kept_evidence evidence;
	span challenge;
	int64_t expires_s; /* of the challenge */
};

/*
 * In the session's snapshot. The spans are the request's. OK; BAD_INPUT, LIMIT (malformed), CRYPTO (it does not hold), DENIED (the
 * challenge is not good, the element cannot attest, the fleet wants more), EXISTS (a replay): the diag has its kind.
 */
MUST_USE status prove_key(struct session *s, const struct device *device, const struct fleet *fleet,
	const struct csr *request, struct proof *out, struct diag *d);
/* The evidence alone, for this purpose: evidence.der and point are the caller's, the rest is filled. Statuses as above. */
MUST_USE status prove_evidence(struct session *s, const struct device *device,
	enum challenge_purpose purpose, struct proof *p, struct diag *d);
/* decision.extend, with the proof as its context: burns the challenge and keeps the evidence of d->issued. */
MUST_USE status prove_extend(
	void *proof, const struct decision *decision, struct change *c, struct diag *d);
