#pragma once
/*
 * Whether a new key was made in the element, freshly, and cannot leave it: judged from evidence.h's evidence and what
 * the server knows of the element. Pure: no I/O, no clock. Whether the challenge is ours, fresh and unused, and whether the
 * key was seen before, is lifecycle/'s.
 */
#include "element/evidence.h"
#include "element/part_profile.h"

/* Operational keys live in these; evidence of another slot is refused. */
#define ATTESTED_SLOT_FIRST 2
#define ATTESTED_SLOT_LAST 4

/* What is known of the element, from its manifest or its factory line. */
struct attestation_anchor {
	enum evidence_kind
		kind; /* that its key can check; EVIDENCE_TOKEN: none, the vendor's word is all there is */
	uint8_t key[64];     /* X || Y of slot 1, or of the TPM's attestation key */
	const char *serial;  /* hex */
	const char *model;   /* "ATECC608B" */
	const char *profile; /* a part_profile's name, "" unknown */
	bool is_vendors_word; /* its manifest entry was signed by the chip maker, not by a factory of our own */
};

struct attestation {
	bool is_proven;	     /* false: a token's own word, which nobody can check */
	int slot;	     /* -1: none */
	bool slot_is_locked; /* nobody can make another key in it */
};

/* Kinds of problem (struct diag), each its own reason, stable: what programs may look for. */
#define ATTESTATION_MALFORMED \
	"attestation-malformed" /* not the format, or a slot that is none of 2 to 4 */
#define ATTESTATION_IMPOSSIBLE \
	"attestation-impossible" /* this element cannot attest, or not this way */
#define ATTESTATION_NOT_THIS_KEY "attestation-not-this-key" /* the key is no point of the curve */
#define ATTESTATION_FAILED \
	"attestation-failed" /* the signature does not hold, and none of the reasons below shows */
#define ATTESTATION_OLD_KEY \
	"attestation-old-key" /* GenKey mode 08: digest of a key that was there before */
#define ATTESTATION_STORED_KEY \
	"attestation-stored-key" /* GenKey mode 10: a public key that was written into a slot */
#define ATTESTATION_OTHER_SLOT \
	"attestation-other-slot" /* the key is of another slot than the evidence says */
#define ATTESTATION_SHORT_SERIAL \
	"attestation-short-serial" /* Sign mode 00: without the whole serial number */
#define ATTESTATION_CONTRADICTION \
	"attestation-contradiction" /* a token's word is not what the manifest says, or admits too much */

/*
 * Models without an open way to attest: for these, with the chip maker's signature on the manifest entry, a
 * token's own word counts as `vendor-unverified`. For every other model it counts for nothing.
 */
bool attestation_model_is_closed(const char *model);
/* Whether any evidence could be worth something: there is a key to check it by, or a word that is taken. */
bool attestation_can_count(const struct attestation_anchor *anchor);

/*
 * `point`: X || Y of the request's key. CRYPTO: a signature does not hold, so that it is another chip's, another
 * key's, other policy bytes, or another challenge. BAD_INPUT: what it says cannot be (a slot that is none of 2 to 4,
 * a malformed structure). DENIED: the element cannot attest this way (no anchor in its manifest, a kind
 * that is not its own, a profile that is not known, a token's word that nobody vouches for). The diag says which, and its kind. A
 * good one of an ATECC608 costs one verification (two where the slot is locked), one that fails up to ten, so that its reason
 * is found; one of a TPM two.
 */
MUST_USE status attestation_check(const struct evidence *e, const struct attestation_anchor *anchor,
	const uint8_t point[64], struct attestation *out, struct diag *d);

/* The parts, for tests, benches and the device's self-test. */
struct atecc608_claim {
	uint8_t serial[9];
	unsigned slot;
	uint16_t slot_config, key_config; /* of the slot */
	bool slot_is_locked;
};
/* The digest that slot 1 signs when the key was made by GenKey mode 0C after this Nonce. */
void atecc608_attestation_digest(const struct atecc608_claim *c, const uint8_t num_in[NUM_IN_LEN],
	const uint8_t random[32], const uint8_t point[64], uint8_t out[32]);
/* TPM 2.0: evidence's structures against the anchor (the attestation key's point) and the key. Statuses as above. */
MUST_USE status tpm2_attestation_check(const struct evidence_tpm2 *e, span challenge,
	const uint8_t ak_point[64], const uint8_t point[64], struct diag *d);
