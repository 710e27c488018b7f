#include "lifecycle/session.h"

#include "base/log.h"
#include "pki/key.h"

static unsigned
operator_roles(const struct operator_account *o, const struct device *d, int64_t maker)
{
	unsigned unsold = d->owner != 0 && d->owner == maker ? ROLE_OWNER : 0;

	if (o->is_disabled) {
		return 0;
	}
	switch (o->role) {
	case OPERATOR_ADMIN:
		return ROLE_MAKER | ROLE_COMING_OWNER | ROLE_SUPPORT | unsold;
	case OPERATOR_MAKER:
		return ROLE_MAKER | ROLE_COMING_OWNER | unsold;
	case OPERATOR_SUPPORT:
		return ROLE_SUPPORT;
	case OPERATOR_OWNER:
		if (o->owner == 0) {
			return 0;
		}
		return ROLE_COMING_OWNER | (d->owner == o->owner ? ROLE_OWNER : 0);
	case OPERATOR_WATCH:
		return ROLE_WATCH;
	case OPERATOR_AUDITOR:
	case OPERATOR_RA:
	case OPERATOR_ROLE_COUNT:
		break;
	}
	return 0;
}

unsigned
session_roles(const struct session *s, const struct device *d, int64_t maker)
{
	switch (s->actor.kind) {
	case ACTOR_SERVER:
		return ROLE_WATCH;
	case ACTOR_OPERATOR:
		return operator_roles(&s->actor.account, d, maker);
	case ACTOR_DEVICE:
		return s->actor.device != 0 && s->actor.device == d->row ? ROLE_DEVICE : 0;
	}
	return 0;
}

bool
session_may_see(const struct session *s, const struct device *d)
{
	const struct operator_account *o = &s->actor.account;

	switch (s->actor.kind) {
	case ACTOR_SERVER:
		return true;
	case ACTOR_DEVICE:
		return s->actor.device != 0 && s->actor.device == d->row;
	case ACTOR_OPERATOR:
		break;
	}
	if (o->is_disabled || o->role == OPERATOR_RA) {
		return false;
	}
	return o->role != OPERATOR_OWNER || (o->owner != 0 && o->owner == d->owner);
}

static bool
is_operator_of(const struct session *s, bool wants_admin)
{
	const struct operator_account *o = &s->actor.account;

	if (s->actor.kind == ACTOR_SERVER) {
		return true;
	}
	return s->actor.kind == ACTOR_OPERATOR && !o->is_disabled &&
	       (o->role == OPERATOR_ADMIN || (!wants_admin && o->role == OPERATOR_MAKER));
}

status
session_need_maker(const struct session *s, const char *what, struct diag *d)
{
	return is_operator_of(s, false)
		       ? OK
		       : diag_set(d, DENIED, NULL, "%s: only for the maker's operators", what);
}

status
session_need_admin(const struct session *s, const char *what, struct diag *d)
{
	return is_operator_of(s, true) ? OK
				       : diag_set(d, DENIED, NULL, "%s: only for an admin", what);
}

/* --- the ledger ------------------------------------------------------------ */

static const char *
actor_name(const struct session *s)
{
	switch (s->actor.kind) {
	case ACTOR_SERVER:
		return "server";
	case ACTOR_DEVICE:
		return "device";
	case ACTOR_OPERATOR:
		break;
	}
	return operator_role_name(s->actor.account.role);
}

/*
 * An operator has no salt of his own: the hash of his id serves, which holds 80 random bits, stands in no
 * answer and no ledger, and goes with his record.
 */
static const char *
operator_commitment(const struct session *s)
{
	const struct operator_account *o = &s->actor.account;
	char *text = arena_alloc(s->arena, COMMITMENT_TEXT_LEN + 1);
	uint8_t salt[32];

	if (text == NULL) {
		return NULL;
	}
	sha256_two(span_text("operator"), SPAN_ARRAY(o->id.bytes), salt);
	return ledger_commitment(text, salt, "operator", o->name);
}

const char *
session_owner_commitment(const struct session *s, const struct owner *o)
{
	static const uint8_t erased[32];
	char *text;

	if (memcmp(o->salt, erased, sizeof(erased)) == 0) {
		return NULL;
	}
	text = arena_alloc(s->arena, COMMITMENT_TEXT_LEN + 1);
	return text != NULL ? ledger_commitment(text, o->salt, "owner", o->name) : NULL;
}

void
session_entry(const struct session *s, const char *event, struct ledger_entry *e)
{
	*e = (struct ledger_entry){
		.event = event, .at_s = s->now_s, .actor = actor_name(s), .request = s->request
	};
	if (s->actor.kind == ACTOR_OPERATOR) {
		e->operator_commitment = operator_commitment(s);
	} else if (s->actor.kind == ACTOR_DEVICE && s->actor.account.row != 0) {
		e->via = operator_commitment(s);
	}
}

status
session_ledger(const struct session *s, struct change *c, const struct ledger_entry *e,
	const int64_t *device_row, struct diag *d)
{
	struct buffer text;
	span kept = { 0 };
	bool is_told = s->actor.kind == ACTOR_OPERATOR
			       ? e->operator_commitment != NULL
			       : s->actor.account.row == 0 || e->via != NULL;
	status result;

	if (!is_told) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a ledger entry");
	}
	buffer_init(&text, LEDGER_ENTRY_MAX);
	result = ledger_entry_write(e, &text, d);
	if (result == OK) {
		kept = arena_copy(s->arena, buffer_span(&text));
		if (kept.data == NULL) {
			result = diag_set(d, NO_MEMORY, NULL, "no memory for a ledger entry");
		}
	}
	if (result == OK) {
		change_ledger(c, kept, device_row, e->at_s);
	}
	buffer_wipe(&text);
	return result;
}

/* --- the deny feed ----------------------------------------------------------- */

static status
note_authority(struct session *s, int64_t authority, struct diag *d)
{
	if (authority == 0) {
		return OK; /* a foreign one: its CRL is not ours */
	}
	for (size_t i = 0; i < s->touched_count; i++) {
		if (s->touched[i] == authority) {
			return OK;
		}
	}
	if (s->touched_count == SESSION_AUTHORITIES_MAX) {
		return diag_set(d, BUG, NULL, "one change touches more than %d authorities",
			SESSION_AUTHORITIES_MAX);
	}
	s->touched[s->touched_count++] = authority;
	return OK;
}

status
session_deny(struct session *s, struct change *c, const struct certificate *k,
	enum deny_action action, enum revocation_reason reason, struct diag *d)
{
	struct deny_record *r = ARENA_NEW(s->arena, struct deny_record);

	if (r == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a deny record");
	}
	r->action = action;
	memcpy(r->fingerprint, k->fingerprint, sizeof(r->fingerprint));
	memcpy(r->issuer_hash, k->issuer_hash, sizeof(r->issuer_hash));
	memcpy(r->serial, k->serial, sizeof(r->serial));
	r->serial_len = k->serial_len;
	r->authority = k->authority;
	r->index = k->index;
	r->device = k->device;
	r->reason = reason;
	r->at_s = s->now_s;
	r->expires_s = k->not_after_s;
	change_deny(c, r);
	/* Rotations make no CRL by themselves: where the policy lists them, the hourly one does. */
	return action == DENY_SUPERSEDE ? OK : note_authority(s, k->authority, d);
}

/* --- the commit ------------------------------------------------------------------ */

static status
keep_answer(struct session *s, struct change *c, const struct outcome *o, struct diag *d)
{
	static const struct outcome nothing;
	struct answer *a = s->answer;
	struct buffer body;
	status result;

	buffer_init(&body, JSON_BODY_MAX);
	result = a->write(a->context, o != NULL ? o : &nothing, &a->record.http_status, &body, d);
	if (result == OK) {
		a->record.body = arena_copy(s->arena, buffer_span(&body));
		if (buffer_failed(&body) || (body.len > 0 && a->record.body.data == NULL)) {
			result = diag_set(d, NO_MEMORY, NULL, "no memory for the answer");
		}
	}
	if (result == OK) {
		a->record.at_s = s->now_s;
		change_idempotency(c, &a->record);
	}
	buffer_wipe(&body);
	return result;
}

static void
tell(const struct session *s, const struct outcome *o)
{
	const struct life *life = s->life;

	if (life->sequencer != NULL) {
		sequencer_wake(life->sequencer);
	}
	if (life->on_device != NULL && o != NULL && o->device.row != 0) {
		life->on_device(life->context, o->device.row);
	}
	for (size_t i = 0; life->on_revocation != NULL && i < s->touched_count; i++) {
		life->on_revocation(life->context, s->touched[i]);
	}
}

status
session_check_ledger(const struct life *life, struct diag *d)
{
	uint64_t published;

	return life->sequencer != NULL ? sequencer_health(life->sequencer, &published, d) : OK;
}

static void
prepare(struct committing *c)
{
	diag_clear(&c->diag);
	c->status = OK;
	if (c->session->answer != NULL) {
		c->status = keep_answer(c->session, c->change, c->outcome, &c->diag);
	}
	if (c->status == OK) {
		c->status = session_check_ledger(c->session->life, &c->diag);
	}
}

static void
conclude(struct committing *c, int64_t first_ledger)
{
	if (c->status == OK) {
		if (c->outcome != NULL) {
			c->outcome->ledger = first_ledger;
		}
		tell(c->session, c->outcome);
	}
	c->session->touched_count = 0;
}

/* One shares its transaction with whoever else commits at this time. */
static void
commit_one(struct committing *c)
{
	int64_t first = 0;

	if (c->status == OK) {
		c->status = store_commit(c->session->life->store, c->change, &first, &c->diag);
	}
	conclude(c, first);
}

static void
conclude_all(struct committing *list, size_t count, const struct commit_result *results)
{
	for (size_t i = 0; i < count; i++) {
		int64_t first = 0;

		if (list[i].status == OK) {
			list[i].status = results->status;
			list[i].diag = results->diag;
			first = results->first_ledger;
			results++;
		}
		conclude(&list[i], first);
	}
}

static void
refuse_all(struct committing *list, size_t count, status st, const struct diag *fault)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].status == OK) {
			list[i].status = st;
			list[i].diag = *fault;
		}
		conclude(&list[i], 0);
	}
}

static void
commit_batch(struct committing *list, size_t count)
{
	const struct session *s = list[0].session;
	struct change **changes = arena_array(s->arena, count, sizeof(struct change *));
	struct commit_result *results = arena_array(s->arena, count, sizeof(*results));
	struct diag fault = { 0 };
	size_t going = 0;
	status st;

	for (size_t i = 0; changes != NULL && i < count; i++) {
		if (list[i].status == OK) {
			changes[going++] = list[i].change;
		}
	}
	st = changes != NULL && results != NULL
		     ? store_commit_batch(s->life->store, changes, going, results, &fault)
		     : diag_set(&fault, NO_MEMORY, NULL, "no memory for a commit");
	if (st == OK) {
		conclude_all(list, count, results);
	} else {
		refuse_all(list, count, st, &fault);
	}
}

void
session_commit_many(struct committing *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		prepare(&list[i]);
	}
	if (count == 1) {
		commit_one(&list[0]);
	} else if (count > 1) {
		commit_batch(list, count);
	}
}

status
session_commit(struct session *s, struct change *c, struct outcome *o, struct diag *d)
{
	struct committing one = { .session = s, .change = c, .outcome = o };

	session_commit_many(&one, 1);
	if (one.status != OK) {
		(void)diag_copy(d, &one.diag);
	}
	return one.status;
}

static const char *
or_none(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "-";
}

void
session_log(const struct session *s, const struct ledger_entry *e)
{
	if (s->life->sequencer == NULL) {
		return;
	}
	if (e->device != NULL) {
		log_event(LOG_INFO, "decided",
			"event=%s device=%s from=%s to=%s reason=%s actor=%s request=%s", e->event,
			e->device, or_none(e->from), or_none(e->to), or_none(e->reason),
			or_none(e->actor), or_none(e->request));
	} else {
		log_event(LOG_INFO, "decided",
			"event=%s fleet=%s authority=%s object=%s reason=%s actor=%s request=%s",
			e->event, or_none(e->fleet), or_none(e->authority), or_none(e->object),
			or_none(e->reason), or_none(e->actor), or_none(e->request));
	}
}

status
session_record(struct session *s, struct change *c, const struct ledger_entry *e, struct outcome *o,
	struct diag *d)
{
	status result = session_ledger(s, c, e, NULL, d);

	if (result == OK) {
		result = session_commit(s, c, o, d);
	}
	if (result == OK) {
		session_log(s, e);
	}
	return result;
}
