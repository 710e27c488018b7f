/*
 * Invariants kept here:
 *   - a device changes only by what the machine allows, at the version at which it was judged;
 *   - what went by its fleet's policy is kept only while that policy stands, to the commit;
 *   - each decision has exactly one ledger entry, in the same transaction;
 *   - what a refused change leaves behind is nothing.
 */
#include "lifecycle/decide.h"

#include "base/log.h"
#include "lifecycle/effect.h"

#define TRIES 4 /* against others who change the same device at the same time */

/* --- judging, in one snapshot ------------------------------------------------ */

static status
no_such_device(struct diag *d)
{
	return diag_set(d, NOT_FOUND, NULL, "there is no such device");
}

/* Whoever brings a code or an offer need not see the device before it is his. */
static bool
may_ask(const struct session *s, const struct ruling *r)
{
	enum device_event e = r->decision->request.event;
	bool is_coming = e == EVENT_CLAIM || e == EVENT_ACCEPT || e == EVENT_DECLINE;

	return session_may_see(s, &r->before) ||
	       (is_coming && (r->decision->request.roles & ROLE_COMING_OWNER) != 0);
}

static status
check_version(const struct device *before, int64_t version, struct diag *d)
{
	char text[ID_TEXT_LEN + 1];

	if (version == 0 || version == before->version) {
		return OK;
	}
	return diag_set(d, CONFLICT, NULL,
		"device %s was changed by somebody else meanwhile; look again",
		id_text(text, &before->id));
}

static status
read_device_and_fleet(const struct session *s, int64_t device, const struct device *seen,
	struct device *out, struct fleet *fleet, struct diag *d)
{
	status result = OK;

	if (seen != NULL) {
		*out = *seen;
	} else {
		result = read_device(s->reader, device, out);
	}
	if (result == NOT_FOUND) {
		return no_such_device(d);
	}
	if (result == OK) {
		result = read_fleet(s->reader, out->fleet, fleet);
	}
	return result == OK ? OK
			    : diag_set(d, result == NOT_FOUND ? BUG : result, NULL,
				      "the device's record cannot be read");
}

/* Whether what it would come back to is dead: then resume makes it prove a new key. */
static bool
identity_is_over(const struct session *s, const struct certificate *current)
{
	return current->row == 0 || current->status != CERTIFICATE_CURRENT ||
	       s->now_s > current->not_after_s;
}

static status
read_owners(const struct session *s, struct ruling *r, struct diag *d)
{
	status result = OK;

	if (r->before.owner != 0) {
		result = read_owner(s->reader, r->before.owner, &r->owner);
	}
	if (result == OK && r->after.owner != 0) {
		result = read_owner(s->reader, r->after.owner, &r->coming);
	}
	return result == OK ? OK : diag_set(d, result, NULL, "there is no such owner");
}

static status
judge(struct session *s, int64_t device, struct ruling *r, struct diag *d)
{
	struct machine_request *request = &r->decision->request;
	const struct device *seen = r->decision->seen;
	status result;

	if (seen != NULL && (seen->row != device || seen->version != r->decision->version)) {
		return diag_set(d, BUG, NULL, "a decision about another device than was looked at");
	}
	result = read_device_and_fleet(s, device, seen, &r->before, &r->fleet, d);

	if (result != OK) {
		return result;
	}
	request->roles = session_roles(s, &r->before, r->fleet.maker);
	request->maker = r->fleet.maker;
	if (!may_ask(s, r)) {
		return no_such_device(d);
	}
	result = check_version(&r->before, r->decision->version, d);
	if (result == OK) {
		result = effect_read(s, r, d);
	}
	if (result != OK) {
		return result;
	}
	if (request->event == EVENT_RESUME) {
		request->identity_is_expired = identity_is_over(s, &r->current);
	}
	result = machine_apply(&r->before, request, &r->after, &r->effects, d);
	return result == OK ? read_owners(s, r, d) : result;
}

/* --- the ledger entry ------------------------------------------------------------ */

static enum revocation_reason
default_reason(enum device_event e)
{
	switch (e) {
	case EVENT_ACCEPT:
	case EVENT_CLAIM:
	case EVENT_RELEASE:
		return REASON_AFFILIATION_CHANGED;
	case EVENT_HOLD:
	case EVENT_RETURN:
	case EVENT_REPLACE:
	case EVENT_RETIRE:
		return REASON_CESSATION_OF_OPERATION;
	case EVENT_REVOKE_OPERATIONAL:
	case EVENT_REVOKE_BIRTH:
		return REASON_PRIVILEGE_WITHDRAWN;
	default:
		return REASON_SUPERSEDED;
	}
}

static const char *
reason_word(const struct ruling *r)
{
	const struct decision *d = r->decision;

	if (d->reason_word != NULL) {
		return d->reason_word;
	}
	switch (d->request.event) {
	case EVENT_REVOKE_OPERATIONAL:
	case EVENT_REVOKE_BIRTH:
		return revocation_reason_name(r->reason);
	case EVENT_MARK:
	case EVENT_UNMARK:
		return mark_name(d->request.mark);
	case EVENT_PROVE:
	case EVENT_ROTATE:
		return d->request.is_confirmed ? "confirmed"
		       : d->issued != NULL     ? "issued"
					       : "ordered";
	default:
		return NULL;
	}
}

/* What every entry about a device says. */
static status
begin_entry(const struct session *s, const char *event, struct ruling *r, struct diag *d)
{
	char *name = arena_alloc(s->arena, ID_TEXT_LEN + 1);
	struct ledger_entry *e = &r->entry;

	if (name == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a ledger entry");
	}
	session_entry(s, event, e);
	e->device = id_text(name, &r->before.id);
	e->from = device_state_name(r->before.state);
	e->to = device_state_name(r->after.state);
	e->fleet = r->fleet.name;
	return OK;
}

static void
name_certificate(struct ledger_entry *e, const struct certificate *k)
{
	e->certificate = k->fingerprint;
	e->serial = span_of(k->serial, k->serial_len);
}

static status
write_entry(const struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	struct ledger_entry *e = &r->entry;
	status st = begin_entry(s, device_event_name(r->decision->request.event), r, d);

	if (st != OK) {
		return st;
	}
	e->reason = reason_word(r);
	e->evidence = r->decision->evidence;
	if (r->coming.row != 0) {
		e->owner = session_owner_commitment(s, &r->coming);
	}
	if (r->owner.row != 0 && r->owner.row != r->coming.row) {
		e->previous_owner = session_owner_commitment(s, &r->owner);
	}
	if (r->subject != NULL) {
		name_certificate(e, r->subject);
		e->level = attestation_level_name(r->subject->level);
	}
	if ((r->effects & EFFECT_SWAP_ELEMENT) != 0) {
		e->object = r->decision->new_element->serial;
	}
	return session_ledger(s, c, e, CHANGE_REF(&r->before), d);
}

/* --- the gate ------------------------------------------------------------------------ */

static void
fill_outcome(const struct ruling *r, struct outcome *o)
{
	const struct decision *d = r->decision;

	o->device = r->after;
	o->device.version = r->before.version + 1;
	o->offer = d->offer != NULL ? *d->offer : r->offer;
	if (r->subject != NULL) {
		o->certificate = *r->subject;
	}
	o->warranty = d->new_case != NULL ? *d->new_case : r->warranty;
}

static status
bring_about(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	struct decision *decision = r->decision;
	status result = OK;

	r->reason = decision->reason != REASON_UNSPECIFIED
			    ? decision->reason
			    : default_reason(decision->request.event);
	decision->before = r->before;
	decision->effects = r->effects;
	if (decision->extend != NULL) {
		/* First: it may clear the place that the device's new row takes. */
		result = decision->extend(decision->context, decision, c, d);
	}
	if (result == OK && decision->policy != NULL) {
		change_fleet_expect(c, decision->policy);
	}
	if (result == OK) {
		result = effect_write(s, r, c, d);
	}
	return result == OK ? write_entry(s, r, c, d) : result;
}

/* One of those that are decided together, from its judgement to what came of its commit. */
struct gate {
	struct deciding *asked;
	struct ruling *ruling;
};

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for a decision");
}

static void
refuse_all(struct deciding *list, size_t count, const struct diag *fault)
{
	for (size_t i = 0; i < count; i++) {
		list[i].status = fault->status;
		list[i].diag = *fault;
	}
}

/* In the snapshot of all. */
static void
judge_one(struct gate *g)
{
	struct deciding *asked = g->asked;
	struct session *s = asked->session;

	g->ruling = ARENA_NEW(s->arena, struct ruling);
	s->touched_count = 0;
	if (g->ruling == NULL) {
		asked->status = no_memory(&asked->diag);
		return;
	}
	g->ruling->decision = asked->decision;
	asked->status = judge(s, asked->device, g->ruling, &asked->diag);
}

static status
judge_all(struct gate *gates, size_t count, struct diag *d)
{
	struct reader *reader = gates[0].asked->session->reader;
	status result = reader_begin(reader, d);

	if (result != OK) {
		return result;
	}
	for (size_t i = 0; i < count; i++) {
		judge_one(&gates[i]);
	}
	reader_end(reader);
	return OK;
}

/* True: it is to be committed. */
static bool
prepare(struct gate *g, struct committing *out)
{
	struct deciding *asked = g->asked;

	if (asked->status != OK) {
		return false;
	}
	*out = (struct committing){ .session = asked->session,
		.change = change_new(asked->session->arena),
		.outcome = asked->outcome };
	asked->status = out->change != NULL
				? bring_about(asked->session, g->ruling, out->change, &asked->diag)
				: no_memory(&asked->diag);
	if (asked->status != OK) {
		return false;
	}
	fill_outcome(g->ruling, asked->outcome);
	return true;
}

static void
conclude(struct gate *g, const struct committing *done)
{
	g->asked->status = done->status;
	g->asked->diag = done->diag;
	if (done->status == OK) {
		fill_outcome(g->ruling, g->asked->outcome); /* with the rows that only now exist */
		session_log(g->asked->session, &g->ruling->entry);
	}
}

void
decide_many(struct deciding *list, size_t count)
{
	struct arena *a = list[0].session->arena;
	struct gate *gates = arena_array(a, count, sizeof(*gates));
	struct committing *changes = arena_array(a, count, sizeof(*changes));
	struct log_batch lines;
	struct diag fault = { 0 };
	size_t going = 0;

	if (gates == NULL || changes == NULL) {
		(void)no_memory(&fault);
		refuse_all(list, count, &fault);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		diag_clear(&list[i].diag);
		gates[i].asked = &list[i];
	}
	if (judge_all(gates, count, &fault) != OK) {
		refuse_all(list, count, &fault);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (prepare(&gates[i], &changes[going])) {
			gates[going++] = gates[i];
		}
	}
	session_commit_many(changes, going);
	log_batch_begin(&lines);
	for (size_t i = 0; i < going; i++) {
		conclude(&gates[i], &changes[i]);
	}
	log_batch_end(&lines);
}

status
decide(struct session *s, int64_t device, struct decision *d, struct outcome *o, struct diag *diag)
{
	struct outcome unwanted = { 0 };
	struct deciding one = { .session = s,
		.device = device,
		.decision = d,
		.outcome = o != NULL ? o : &unwanted,
		.status = CONFLICT };

	/* A conflict with the state comes back from the judgement each time, one with others does not. */
	for (int i = 0; one.status == CONFLICT && i < (d->version == 0 ? TRIES : 1); i++) {
		decide_many(&one, 1);
	}
	if (one.status != OK) {
		(void)diag_copy(diag, &one.diag);
	}
	return one.status;
}

/* --- steps beside the machine ------------------------------------------------------------ */

static status
write_step_entry(const struct session *s, const struct step *step, struct ruling *r,
	struct change *c, struct diag *d)
{
	struct ledger_entry *e = &r->entry;
	status st = begin_entry(s, step->event, r, d);

	if (st != OK) {
		return st;
	}
	e->reason = step->reason_word;
	e->object = step->object;
	e->part = step->part;
	e->before = step->value_before;
	e->after = step->value_after;
	if (step->evidence != NULL) {
		e->evidence = step->evidence;
		e->level = attestation_level_name(step->level);
	}
	if (step->certificate != NULL) {
		name_certificate(e, step->certificate);
	}
	return session_ledger(s, c, e, CHANGE_REF(&r->before), d);
}

static status
step_once(struct session *s, int64_t device, const struct step *step, struct outcome *o,
	struct diag *d)
{
	struct ruling *r = ARENA_NEW(s->arena, struct ruling);
	struct change *c = change_new(s->arena);
	status result;

	if (r == NULL || c == NULL) {
		return no_memory(d);
	}
	s->touched_count = 0;
	result = reader_begin(s->reader, d);
	if (result != OK) {
		return result;
	}
	result = read_device_and_fleet(s, device, NULL, &r->before, &r->fleet, d);
	r->after = r->before;
	if (result == OK && !session_may_see(s, &r->before)) {
		result = no_such_device(d);
	}
	if (result == OK) {
		result = step->apply(s, step->context, &r->after, c, d);
	}
	reader_end(s->reader);
	if (result == OK &&
		(r->after.state != r->before.state || r->after.owner != r->before.owner)) {
		return diag_set(
			d, BUG, NULL, "a step changes state or owner: only the machine may");
	}
	if (result == OK && !step->leaves_device) {
		r->after.changed_s = device_changed_s(&r->before, &r->after, s->now_s);
		change_device_set(c, &r->after);
	}
	if (result == OK) {
		result = write_step_entry(s, step, r, c, d);
	}
	if (result == OK) {
		o->device = r->after;
		o->device.version += !step->leaves_device;
		result = session_commit(s, c, o, d);
	}
	if (result == OK) {
		session_log(s, &r->entry);
	}
	return result;
}

status
decide_step(struct session *s, int64_t device, const struct step *step, struct outcome *o,
	struct diag *diag)
{
	struct outcome unwanted = { 0 };
	struct diag fault = { 0 };
	status result = CONFLICT;

	if (o == NULL) {
		o = &unwanted;
	}
	for (int i = 0; result == CONFLICT && i < TRIES; i++) {
		diag_clear(&fault);
		result = step_once(s, device, step, o, &fault);
	}
	if (result != OK) {
		(void)diag_copy(diag, &fault);
	}
	return result;
}
