#include "element/attestation.h"

#include <strings.h>

#include "base/check.h"
#include "base/text.h"
#include "pki/key.h"

/*
 * An ATECC608's slot 1 signs only what the chip composed itself. What that was is rebuilt here, and
 * the signature tells whether it was so:
 *
 *   Nonce 16    TempKey = SHA-256( RandOut(32) | NumIn(20) | 16 | 00 | 00 )
 *   GenKey 40   TempKey = SHA-256( TempKey(32) | 40 | mode | slot(2, LE) | SN[8] | SN[0..1] | 25 x 00 | X | Y )
 *   Sign 41     SHA-256 of   0 TempKey(32)   32 41         33 mode       34 01 00        36 SlotConfig   38 KeyConfig
 *                           40 flags         41 00 00      43 SN[8]      44 SN[4..7]     48 SN[0..1]
 *                           50 SN[2..3]      52 is unlocked  53 00        54 00            55 bytes
 *
 * GenKey mode 0C makes and digests a key in one command; 08 digests what was there, 10 what somebody wrote.
 * Only mode 0C is taken, with flags 40 | slot: "TempKey is GenKey's, of this slot, over a random nonce". Policy
 * bytes are those of the part's profile and never the device's word.
 */
#define GENKEY_MAKE_AND_DIGEST 0x0c
#define GENKEY_DIGEST 0x08
#define GENKEY_DIGEST_STORED 0x10
#define SIGN_WITH_SERIAL 0x40
#define SIGN_WITHOUT_SERIAL 0x00
#define FLAG_GENKEY 0x40
#define SERIAL_LEN 9
#define NONCE_DIGEST_LEN 55
#define GENKEY_DIGEST_LEN 128
#define SIGN_MESSAGE_LEN 55

/* What the chip was told to do, as far as it goes into what it signs. */
struct composition {
	const struct atecc608_claim *claim;
	const uint8_t *nonce; /* TempKey after Nonce */
	uint8_t genkey_mode,
		genkey_slot; /* as GenKey digests them: its mode 10 takes both from the caller */
	uint8_t sign_mode;
};

static void
nonce_digest(const uint8_t num_in[NUM_IN_LEN], const uint8_t random[32], uint8_t out[32])
{
	uint8_t m[NONCE_DIGEST_LEN];

	memcpy(m, random, 32);
	memcpy(m + 32, num_in, NUM_IN_LEN);
	m[52] = 0x16;
	m[53] = 0x00;
	m[54] = 0x00;
	sha256(SPAN_ARRAY(m), out);
}

static void
genkey_digest(const struct composition *c, const uint8_t point[64], uint8_t out[32])
{
	uint8_t m[GENKEY_DIGEST_LEN] = { 0 };

	memcpy(m, c->nonce, 32);
	m[32] = 0x40;
	m[33] = c->genkey_mode;
	m[34] = c->genkey_slot;
	m[36] = c->claim->serial[8];
	memcpy(m + 37, c->claim->serial, 2);
	memcpy(m + 64, point, 64);
	sha256(SPAN_ARRAY(m), out);
}

static void
put_le16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t)value;
	out[1] = (uint8_t)(value >> 8);
}

static void
sign_digest(const struct composition *c, const uint8_t point[64], uint8_t out[32])
{
	const struct atecc608_claim *claim = c->claim;
	uint8_t m[SIGN_MESSAGE_LEN] = { 0 };

	genkey_digest(c, point, m);
	m[32] = 0x41;
	m[33] = c->sign_mode;
	put_le16(m + 34, 1);
	put_le16(m + 36, claim->slot_config);
	put_le16(m + 38, claim->key_config);
	m[40] = (uint8_t)(FLAG_GENKEY | claim->slot);
	m[43] = claim->serial[8];
	memcpy(m + 48, claim->serial, 2);
	if (c->sign_mode == SIGN_WITH_SERIAL) {
		memcpy(m + 44, claim->serial + 4, 4);
		memcpy(m + 50, claim->serial + 2, 2);
	}
	m[52] = claim->slot_is_locked ? 0 : 1;
	sha256(SPAN_ARRAY(m), out);
}

void
atecc608_attestation_digest(const struct atecc608_claim *c, const uint8_t num_in[NUM_IN_LEN],
	const uint8_t random[32], const uint8_t point[64], uint8_t out[32])
{
	uint8_t nonce[32];
	const struct composition good = { .claim = c,
		.nonce = nonce,
		.genkey_mode = GENKEY_MAKE_AND_DIGEST,
		.genkey_slot = (uint8_t)c->slot,
		.sign_mode = SIGN_WITH_SERIAL };

	nonce_digest(num_in, random, nonce);
	sign_digest(&good, point, out);
}

/* --- ATECC608 --- */

/* One evidence under judgement. */
struct judging {
	const struct evidence_atecc608 *evidence;
	const struct part_profile *profile;
	const uint8_t *point;
	uint8_t nonce[32];
	struct atecc608_claim claim;
	struct verifier *slot1;
};

static struct composition
composition_of(const struct judging *j, const struct atecc608_claim *claim)
{
	return (struct composition){ .claim = claim,
		.nonce = j->nonce,
		.genkey_mode = GENKEY_MAKE_AND_DIGEST,
		.genkey_slot = (uint8_t)claim->slot,
		.sign_mode = SIGN_WITH_SERIAL };
}

static struct atecc608_claim
claim_of_slot(const struct judging *j, unsigned slot)
{
	struct atecc608_claim claim = j->claim;

	claim.slot = slot;
	claim.slot_config = part_slot_config(j->profile->config, slot);
	claim.key_config = part_key_config(j->profile->config, slot);
	return claim;
}

static bool
was_signed(const struct judging *j, const struct composition *c)
{
	uint8_t digest[32];

	sign_digest(c, j->point, digest);
	return verifier_check_digest(j->slot1, digest, j->evidence->signature) == OK;
}

/* --- why it does not hold: for the log and whoever reads it, as far as a known trick shows --- */

static bool
is_of_other_mode(const struct judging *j, uint8_t genkey_mode, uint8_t sign_mode)
{
	struct composition c = composition_of(j, &j->claim);

	c.genkey_mode = genkey_mode;
	c.sign_mode = sign_mode;
	return was_signed(j, &c);
}

static bool
is_of_other_slot(const struct judging *j, unsigned *slot)
{
	for (*slot = ATTESTED_SLOT_FIRST; *slot <= ATTESTED_SLOT_LAST; (*slot)++) {
		struct atecc608_claim claim = claim_of_slot(j, *slot);
		struct composition c = composition_of(j, &claim);

		if (*slot != j->claim.slot && was_signed(j, &c)) {
			return true;
		}
	}
	return false;
}

/* KeyConfig: bit 0 private, bits 2 to 4 the type, 4 for P-256. */
static bool
holds_public_key(const struct judging *j, unsigned slot)
{
	uint16_t key_config = part_key_config(j->profile->config, slot);

	return (key_config & 1) == 0 && (key_config >> 2 & 7) == 4;
}

/* GenKey mode 10 digests three bytes of the caller's in place of its own mode and slot: 0C and ours, if he is clever. */
static bool
is_of_stored_key(const struct judging *j, unsigned *slot)
{
	for (*slot = 0; *slot < PART_SLOTS; (*slot)++) {
		struct atecc608_claim claim = claim_of_slot(j, *slot);
		struct composition c = composition_of(j, &claim);

		c.genkey_slot = (uint8_t)j->claim.slot;
		if (holds_public_key(j, *slot) && was_signed(j, &c)) {
			return true;
		}
	}
	return false;
}

static status
refuse_signature(struct judging *j, const struct attestation_anchor *anchor, struct diag *d)
{
	unsigned slot = 0;

	j->claim.slot_is_locked = false;
	if (is_of_other_mode(j, GENKEY_DIGEST, SIGN_WITH_SERIAL)) {
		return diag_kind(d,
			diag_set(d, CRYPTO, "ATECC608 GenKey mode 0C",
				"slot %u of element %s signed for a key that was there before "
				"(GenKey mode 08): make a new one, with mode 0C",
				j->claim.slot, anchor->serial),
			ATTESTATION_OLD_KEY);
	}
	if (is_of_other_mode(j, GENKEY_MAKE_AND_DIGEST, SIGN_WITHOUT_SERIAL)) {
		return diag_kind(d,
			diag_set(d, CRYPTO, "ATECC608 Sign mode 40",
				"element %s signed without its whole serial number (Sign mode 00): "
				"use mode 40",
				anchor->serial),
			ATTESTATION_SHORT_SERIAL);
	}
	if (is_of_other_slot(j, &slot)) {
		return diag_kind(d,
			diag_set(d, CRYPTO, "ATECC608 GenKey mode 0C",
				"the key of element %s is in slot %u, the evidence says slot %u",
				anchor->serial, slot, j->claim.slot),
			ATTESTATION_OTHER_SLOT);
	}
	if (is_of_stored_key(j, &slot)) {
		return diag_kind(d,
			diag_set(d, CRYPTO, "ATECC608 GenKey mode 0C",
				"the key was written into slot %u of element %s, not made there "
				"(GenKey mode 10)",
				slot, anchor->serial),
			ATTESTATION_STORED_KEY);
	}
	return diag_kind(d,
		diag_set(d, CRYPTO, "ATECC608 Sign internal",
			"the signature is not slot 1's of element %s over this key, in slot %u by "
			"profile %s, after this challenge: another chip's, another key's, another "
			"challenge's, or of other policy bytes",
			anchor->serial, j->claim.slot, j->profile->name),
		ATTESTATION_FAILED);
}

static status
check_signature(struct judging *j, const struct attestation_anchor *anchor, struct attestation *out,
	struct diag *d)
{
	const struct composition c = composition_of(j, &j->claim);

	if (verifier_new(anchor->key, &j->slot1) != OK) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"element %s: the key that its manifest names for slot 1 is none",
				anchor->serial),
			ATTESTATION_IMPOSSIBLE);
	}
	/* Nearly always it is unlocked: GenKey has just written to it. */
	if (!was_signed(j, &c)) {
		j->claim.slot_is_locked = true;
		if (!was_signed(j, &c)) {
			return refuse_signature(j, anchor, d);
		}
	}
	*out = (struct attestation){ .is_proven = true,
		.slot = (int)j->claim.slot,
		.slot_is_locked = j->claim.slot_is_locked };
	return OK;
}

/*
 * What the proof is worth hangs on the policy that it covers: a private P-256 key (KeyConfig bit 0, type 4), secret (SlotConfig
 * bit 7), made anew by GenKey (13) and never written from outside (14), on a part whose zones are locked.
 */
static bool
keeps_its_key(const struct part_profile *p, const struct atecc608_claim *claim)
{
	return p->config_is_locked && p->data_is_locked && (claim->key_config & 0x1d) == 0x11 &&
	       (claim->slot_config & 0x6080) == 0x2080;
}

static status
prepare(struct judging *j, const struct evidence *e, const struct attestation_anchor *anchor,
	struct diag *d)
{
	uint8_t num_in[NUM_IN_LEN];
	unsigned slot = e->atecc608.slot;

	if (slot < ATTESTED_SLOT_FIRST || slot > ATTESTED_SLOT_LAST) {
		return diag_kind(d,
			diag_set(d, BAD_INPUT, NULL,
				"slot %u: operational keys are made in slots %d to %d", slot,
				ATTESTED_SLOT_FIRST, ATTESTED_SLOT_LAST),
			ATTESTATION_MALFORMED);
	}
	j->profile = part_profile_find(anchor->profile);
	if (j->profile == NULL ||
		hex_decode(span_text(anchor->serial), j->claim.serial, SERIAL_LEN) != OK) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"element %s (%s): no profile of its slots' policies is known, so "
				"that nothing can be checked against it",
				anchor->serial, anchor->model),
			ATTESTATION_IMPOSSIBLE);
	}
	j->evidence = &e->atecc608;
	j->claim = claim_of_slot(j, slot);
	if (!keeps_its_key(j->profile, &j->claim)) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"element %s: slot %u of a %s part is not bound to keep a key that "
				"was made in it",
				anchor->serial, slot, j->profile->name),
			ATTESTATION_IMPOSSIBLE);
	}
	evidence_num_in(e->challenge, num_in);
	nonce_digest(num_in, e->atecc608.random, j->nonce);
	return OK;
}

static status
check_atecc608(const struct evidence *e, const struct attestation_anchor *anchor,
	const uint8_t point[64], struct attestation *out, struct diag *d)
{
	struct judging j = { .point = point };
	status s = prepare(&j, e, anchor, d);

	if (s == OK) {
		s = check_signature(&j, anchor, out, d);
	}
	verifier_free(j.slot1);
	return s;
}

/* --- TPM 2.0 --- */

static status
check_tpm2(const struct evidence *e, const struct attestation_anchor *anchor,
	const uint8_t point[64], struct attestation *out, struct diag *d)
{
	status s = tpm2_attestation_check(&e->tpm2, e->challenge, anchor->key, point, d);

	*out = (struct attestation){ .is_proven = s == OK, .slot = -1 };
	if (s == OK) {
		return OK;
	}
	return diag_kind(d, s, s == CRYPTO ? ATTESTATION_FAILED : ATTESTATION_MALFORMED);
}

/* --- a token's own word --- */

bool
attestation_model_is_closed(const char *model)
{
	/* TA100, TA101: commands under NDA. ECC20x, TA010: no internal signature in their command set. */
	static const char *const models[] = { "TA100", "TA101", "ECC204", "ECC206", "TA010" };

	for (size_t i = 0; i < COUNT_OF(models); i++) {
		if (strcasecmp(models[i], model) == 0) {
			return true;
		}
	}
	return false;
}

bool
attestation_can_count(const struct attestation_anchor *anchor)
{
	switch (anchor->kind) {
	case EVIDENCE_ATECC608:
		return part_profile_find(anchor->profile) != NULL;
	case EVIDENCE_TPM2:
		return true;
	case EVIDENCE_TOKEN:
		return anchor->is_vendors_word && attestation_model_is_closed(anchor->model);
	}
	return false;
}

/* "0123ABCD" of the token is the element 0123abcd...; tokens cut what is longer than their field. */
static bool
begins_serial(span said, const char *serial)
{
	return said.len <= strlen(serial) &&
	       strncasecmp((const char *)said.data, serial, said.len) == 0;
}

static status
contradict(struct diag *d, const struct attestation_anchor *anchor, const char *what)
{
	return diag_kind(d,
		diag_set(d, BAD_INPUT, NULL, "element %s (%s): the token %s", anchor->serial,
			anchor->model, what),
		ATTESTATION_CONTRADICTION);
}

static status
check_token(const struct evidence_token *t, const struct attestation_anchor *anchor,
	struct attestation *out, struct diag *d)
{
	if (!attestation_model_is_closed(anchor->model) || !anchor->is_vendors_word) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"element %s (%s): a token's own word counts only for models that "
				"cannot attest openly, in a manifest that the chip maker signed",
				anchor->serial, anchor->model),
			ATTESTATION_IMPOSSIBLE);
	}
	if (t->model.len != strlen(anchor->model) ||
		strncasecmp((const char *)t->model.data, anchor->model, t->model.len) != 0) {
		return contradict(d, anchor, "says that it is another model than the manifest");
	}
	if (!begins_serial(t->serial, anchor->serial)) {
		return contradict(d, anchor, "says another serial number than the manifest");
	}
	if (!t->is_local || !t->is_never_extractable || !t->is_sensitive) {
		return contradict(
			d, anchor, "says itself that its key was not made in it, or may leave it");
	}
	*out = (struct attestation){ .is_proven = false, .slot = -1 };
	return OK;
}

/* --- all of them --- */

static const char *
kind_name(enum evidence_kind k)
{
	static const char *const names[] = { [EVIDENCE_ATECC608] = "an ATECC608's slot 1",
		[EVIDENCE_TPM2] = "a TPM's attestation key",
		[EVIDENCE_TOKEN] = "a token's own word" };

	return names[k];
}

/* The anchor can check this kind. A token's word needs no anchor, and has its own rules. */
static status
check_kind(const struct evidence *e, const struct attestation_anchor *anchor, struct diag *d)
{
	if (e->kind == EVIDENCE_TOKEN || e->kind == anchor->kind) {
		return OK;
	}
	if (anchor->kind == EVIDENCE_TOKEN) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"element %s (%s) cannot attest here: its manifest names no key "
				"that "
				"it would attest with (a version 2 entry, as TrustMANAGER parts "
				"have, or none of slot 1)",
				anchor->serial, anchor->model),
			ATTESTATION_IMPOSSIBLE);
	}
	return diag_kind(d,
		diag_set(d, DENIED, NULL, "element %s (%s) attests by %s, the evidence is of %s",
			anchor->serial, anchor->model, kind_name(anchor->kind), kind_name(e->kind)),
		ATTESTATION_IMPOSSIBLE);
}

status
attestation_check(const struct evidence *e, const struct attestation_anchor *anchor,
	const uint8_t point[64], struct attestation *out, struct diag *d)
{
	struct public_key key;
	status s = check_kind(e, anchor, d);

	*out = (struct attestation){ .slot = -1 };
	if (s != OK) {
		return s;
	}
	if (public_key_of_point(point, &key, NULL) != OK) {
		return diag_kind(d,
			diag_set(d, BAD_INPUT, "RFC 5480 2.2", "the key is no point of P-256"),
			ATTESTATION_NOT_THIS_KEY);
	}
	switch (e->kind) {
	case EVIDENCE_ATECC608:
		return check_atecc608(e, anchor, point, out, d);
	case EVIDENCE_TPM2:
		return check_tpm2(e, anchor, point, out, d);
	case EVIDENCE_TOKEN:
		return check_token(&e->token, anchor, out, d);
	}
	return diag_set(d, BUG, NULL, "evidence of no kind");
}
