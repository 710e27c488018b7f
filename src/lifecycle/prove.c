#include "lifecycle/prove.h"

#include "lifecycle/anchor.h"

/*
 * Cheap things first: the form, the MAC of the challenge, whether it was burnt, and only then the signatures. Invariant: a
 * certificate of a level above `none` has its evidence in the same change, and that evidence's challenge is burnt by it.
 */

static status
require(const struct fleet *fleet, const struct proof *p, struct diag *d)
{
	if (p->level >= fleet->required_level) {
		return OK;
	}
	if (p->evidence.der.len == 0) {
		return diag_kind(d,
			diag_set(d, DENIED, NULL,
				"fleet %s: attestation is required (%s), and none came with the "
				"request",
				fleet->name, attestation_level_name(fleet->required_level)),
			ATTESTATION_REQUIRED);
	}
	return diag_kind(d,
		diag_set(d, DENIED, NULL,
			"fleet %s: attestation is required (%s), what came with the request is "
			"%s only",
			fleet->name, attestation_level_name(fleet->required_level),
			attestation_level_name(p->level)),
		ATTESTATION_REQUIRED);
}

status
prove_evidence(struct session *s, const struct device *device, enum challenge_purpose purpose,
	struct proof *p, struct diag *d)
{
	struct anchor anchor;
	struct attestation found = { .slot = -1 };
	struct evidence evidence;
	status st = evidence_read(p->evidence.der, &evidence, d);

	if (st != OK) {
		return diag_kind(d, st, ATTESTATION_MALFORMED);
	}
	p->challenge = evidence.challenge;
	st = challenge_redeem(s, &device->id, purpose, p->challenge, &p->expires_s, d);
	if (st == OK) {
		st = anchor_read(s, device, &anchor, d);
	}
	if (st == OK) {
		st = attestation_check(&evidence, &anchor.known, p->point, &found, d);
	}
	if (st == OK) {
		p->level = found.is_proven ? LEVEL_ATTESTED : LEVEL_VENDOR_UNVERIFIED;
		p->slot = found.slot;
		p->evidence.element = anchor.element.row;
		p->evidence.slot_is_locked = found.slot_is_locked;
	}
	return st;
}

status
prove_key(struct session *s, const struct device *device, const struct fleet *fleet,
	const struct csr *request, struct proof *out, struct diag *d)
{
	status st = OK;

	*out = (struct proof){ .level = LEVEL_NONE, .slot = -1 };
	out->evidence.der = csr_attribute(request, OID_EVIDENCE);
	if (out->evidence.der.len > 0) {
		out->point = request->key.point;
		st = prove_evidence(s, device, CHALLENGE_KEY, out, d);
	}
	return st == OK ? require(fleet, out, d) : st;
}

status
prove_extend(void *proof, const struct decision *decision, struct change *c, struct diag *d)
{
	const struct proof *p = proof;

	(void)d;
	if (p->evidence.der.len > 0) {
		change_challenge_burn(c, p->challenge, p->expires_s);
		change_evidence(c, &p->evidence, CHANGE_REF(decision->issued));
	}
	return OK;
}
