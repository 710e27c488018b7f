#include "lifecycle/element_check.h"

#include "base/log.h"
#include "lifecycle/prove.h"
#include "pki/key.h"

#define MAY_CHECK (ROLE_MAKER | ROLE_SUPPORT | ROLE_DEVICE)

struct checking {
	const struct element_check *check;
	struct outcome *out;
	struct proof proof;
	char serial[ELEMENT_SERIAL_MAX + 1];
	struct step step;
};

/* As it is now: it may have been suspended since it came in. */
static status
need_way_in(
	struct session *s, const struct device *device, const struct admission *who, struct diag *d)
{
	struct certificate presented;
	const char *why = "";
	enum access access;
	status st;

	if (who == NULL) {
		return diag_set(d, BUG, NULL, "a device's own check without its admission");
	}
	st = read_certificate(s->reader, s->arena, who->certificate.row, &presented);

	if (st != OK) {
		return diag_set(d, st, NULL, "the device's certificate cannot be read");
	}
	access = identity_judge(device, &presented, s->now_s, &why);
	return access == ACCESS_ENROLMENT || access == ACCESS_FULL
		       ? OK
		       : diag_set(d, DENIED, NULL, "%s", why);
}

static status
need_rights(struct session *s, const struct device *device, struct diag *d)
{
	struct fleet fleet;
	status st = read_fleet(s->reader, device->fleet, &fleet);

	if (st != OK) {
		return diag_set(d, st, NULL, "the device's fleet cannot be read");
	}
	return (session_roles(s, device, fleet.maker) & MAY_CHECK) != 0
		       ? OK
		       : diag_set(d, DENIED, NULL,
				 "an element is checked by the maker, the support desk or the "
				 "device itself");
}

/* In words of the ledger. */
static status
fill_step(struct session *s, struct checking *c, struct diag *d)
{
	const struct proof *p = &c->proof;

	c->step.level = p->level;
	if (p->slot < 0) {
		return OK;
	}
	c->step.part = arena_printf(s->arena, "slot %d", p->slot);
	c->step.value_after = p->evidence.slot_is_locked ? "locked" : "open";
	return c->step.part != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a record");
}

static void
fill_outcome(struct checking *c)
{
	c->out->element.level = c->proof.level;
	c->out->element.slot = c->proof.slot;
	c->out->element.slot_is_locked = c->proof.evidence.slot_is_locked;
}

static status
judge(struct session *s, void *context, struct device *device, struct change *change,
	struct diag *d)
{
	struct checking *c = context;
	status st = need_rights(s, device, d);

	memcpy(c->serial, device->serial, sizeof(c->serial));
	c->proof = (struct proof){ .level = LEVEL_NONE, .slot = -1, .point = c->check->point };
	c->proof.evidence.der = c->check->evidence;
	if (st == OK && s->actor.kind == ACTOR_DEVICE) {
		st = need_way_in(s, device, c->check->who, d);
	}
	if (st == OK) {
		st = prove_evidence(s, device, CHALLENGE_ELEMENT, &c->proof, d);
	}
	if (st == OK) {
		st = fill_step(s, c, d);
	}
	if (st == OK) {
		change_challenge_burn(change, c->proof.challenge, c->proof.expires_s);
		fill_outcome(c);
	}
	return st;
}

status
element_check(struct session *s, int64_t device, const struct element_check *check,
	struct outcome *o, struct diag *d)
{
	struct checking c = { .check = check, .out = o };
	struct diag fault = { 0 };
	char what[LOG_QUOTED_MAX];
	status st;

	sha256(check->evidence, o->element.evidence_hash);
	c.step = (struct step){ .event = "element-check",
		.object = c.serial,
		.evidence = o->element.evidence_hash,
		.leaves_device = true,
		.apply = judge,
		.context = &c };
	st = decide_step(s, device, &c.step, o, &fault);
	if (fault.kind != NULL) {
		/* What did not hold: another chip on the board, or somebody who tries. */
		log_event(LOG_WARNING, "element_check_refused",
			"serial=%s status=\"%s\" kind=%s what=%s", c.serial, status_name(st),
			fault.kind, log_quote(what, fault.text));
	}
	if (st != OK) {
		(void)diag_copy(d, &fault);
	}
	return st;
}
