#include "store/rows.h"

static void
bind_id(struct query *q, const id *i)
{
	query_bytes(q, SPAN_ARRAY(i->bytes));
}

static void
get_id(struct query *q, id *i)
{
	query_get_bytes(q, i->bytes, sizeof(i->bytes));
}

#define BIND_ARRAY(q, field) query_hash((q), (field), sizeof(field))
#define GET_ARRAY(q, field) query_get_bytes((q), (field), sizeof(field))
#define GET_TEXT(q, field) query_get_text((q), (field), sizeof(field))

void
bind_owner(struct query *q, const struct owner *o)
{
	query_number(q, o->row);
	bind_id(q, &o->id);
	query_text(q, o->name);
	query_text(q, o->title);
	query_number(q, o->kind);
	BIND_ARRAY(q, o->salt);
	query_number(q, o->created_s);
}

status
row_owner(struct query *q, struct arena *a, void *record)
{
	struct owner *o = record;
	o->row = query_get_number(q);
	get_id(q, &o->id);
	GET_TEXT(q, o->name);
	GET_TEXT(q, o->title);
	o->kind = (enum owner_kind)query_get_number(q);
	GET_ARRAY(q, o->salt);
	o->created_s = query_get_number(q);
	return OK;
}

void
bind_authority(struct query *q, const struct authority *a)
{
	query_number(q, a->row);
	bind_id(q, &a->id);
	query_text(q, a->name);
	query_text(q, a->hierarchy);
	query_number(q, a->kind);
	query_number(q, a->phase);
	query_row(q, a->parent);
	query_number(q, a->has_key);
	query_bytes(q, SPAN_ARRAY(a->fingerprint));
	BIND_ARRAY(q, a->key_id);
	BIND_ARRAY(q, a->name_hash);
	BIND_ARRAY(q, a->name_hash_sha1);
	BIND_ARRAY(q, a->key_hash_sha1);
	BIND_ARRAY(q, a->key_hash_sha256);
	query_number(q, a->not_before_s);
	query_number(q, a->not_after_s);
	query_number(q, a->crl_number);
	query_number(q, a->created_s);
	query_bytes(q, a->der);
}

status
row_authority(struct query *q, struct arena *a, void *record)
{
	struct authority *o = record;
	o->row = query_get_number(q);
	get_id(q, &o->id);
	GET_TEXT(q, o->name);
	GET_TEXT(q, o->hierarchy);
	o->kind = (enum authority_kind)query_get_number(q);
	o->phase = (enum phase)query_get_number(q);
	o->parent = query_get_number(q);
	o->has_key = query_get_number(q) != 0;
	GET_ARRAY(q, o->fingerprint);
	GET_ARRAY(q, o->key_id);
	GET_ARRAY(q, o->name_hash);
	GET_ARRAY(q, o->name_hash_sha1);
	GET_ARRAY(q, o->key_hash_sha1);
	GET_ARRAY(q, o->key_hash_sha256);
	o->not_before_s = query_get_number(q);
	o->not_after_s = query_get_number(q);
	o->crl_number = query_get_number(q);
	o->created_s = query_get_number(q);
	return query_get_span(q, a, &o->der);
}

void
bind_fleet(struct query *q, const struct fleet *f, int64_t version)
{
	query_number(q, f->row);
	bind_id(q, &f->id);
	query_text(q, f->name);
	query_number(q, f->phase);
	query_row(q, f->authority);
	query_text(q, f->profile);
	query_number(q, f->lifetime_s);
	query_number(q, f->renew_after_percent);
	query_number(q, f->required_level);
	query_number(q, f->crl_lists_superseded);
	query_number(q, f->offer_lifetime_s);
	query_number(q, f->est.pending);
	query_number(q, f->est.retry_after_s);
	query_number(q, f->est.link);
	query_number(q, f->est.lines);
	query_number(q, f->est.makes_keys);
	query_row(q, f->est.ra);
	query_row(q, f->maker);
	query_number(q, version);
	query_number(q, f->created_s);
}

status
row_fleet(struct query *q, struct arena *a, void *record)
{
	struct fleet *f = record;
	f->row = query_get_number(q);
	get_id(q, &f->id);
	GET_TEXT(q, f->name);
	f->phase = (enum phase)query_get_number(q);
	f->authority = query_get_number(q);
	GET_TEXT(q, f->profile);
	f->lifetime_s = query_get_number(q);
	f->renew_after_percent = query_get_number(q);
	f->required_level = (enum attestation_level)query_get_number(q);
	f->crl_lists_superseded = query_get_number(q) != 0;
	f->offer_lifetime_s = query_get_number(q);
	f->est.pending = (enum est_pending)query_get_number(q);
	f->est.retry_after_s = query_get_number(q);
	f->est.link = (enum est_link)query_get_number(q);
	f->est.lines = (enum est_lines)query_get_number(q);
	f->est.makes_keys = query_get_number(q) != 0;
	f->est.ra = query_get_number(q);
	f->maker = query_get_number(q);
	f->version = query_get_number(q);
	f->created_s = query_get_number(q);
	return OK;
}

void
bind_operator(struct query *q, const struct operator_account *o)
{
	query_number(q, o->row);
	bind_id(q, &o->id);
	query_text(q, o->name);
	query_number(q, o->role);
	query_row(q, o->owner);
	BIND_ARRAY(q, o->token_hash);
	BIND_ARRAY(q, o->certificate_fingerprint);
	query_number(q, o->is_disabled);
	query_number(q, o->created_s);
}

status
row_operator(struct query *q, struct arena *a, void *record)
{
	struct operator_account *o = record;
	o->row = query_get_number(q);
	get_id(q, &o->id);
	GET_TEXT(q, o->name);
	o->role = (enum operator_role)query_get_number(q);
	o->owner = query_get_number(q);
	GET_ARRAY(q, o->token_hash);
	GET_ARRAY(q, o->certificate_fingerprint);
	o->is_disabled = query_get_number(q) != 0;
	o->created_s = query_get_number(q);
	return OK;
}

void
bind_manifest(struct query *q, const struct manifest_record *m)
{
	query_number(q, m->row);
	bind_id(q, &m->id);
	query_row(q, m->fleet);
	query_number(q, m->phase);
	query_bytes(q, SPAN_ARRAY(m->file_hash));
	query_number(q, m->accepted);
	query_number(q, m->refused);
	query_number(q, m->known);
	query_number(q, m->is_complete);
	query_number(q, m->at_s);
}

status
row_manifest(struct query *q, struct arena *a, void *record)
{
	struct manifest_record *m = record;
	m->row = query_get_number(q);
	get_id(q, &m->id);
	m->fleet = query_get_number(q);
	m->phase = (enum phase)query_get_number(q);
	GET_ARRAY(q, m->file_hash);
	m->accepted = query_get_number(q);
	m->refused = query_get_number(q);
	m->known = query_get_number(q);
	m->is_complete = query_get_number(q) != 0;
	m->at_s = query_get_number(q);
	return OK;
}

void
bind_pin(struct query *q, const struct pinned_signer *p)
{
	query_number(q, p->row);
	query_text(q, p->name);
	BIND_ARRAY(q, p->kid);
	query_bytes(q, SPAN_ARRAY(p->x5t_sha256));
	query_bytes(q, p->der);
	query_number(q, p->trust);
	query_row(q, p->fleet);
	query_number(q, p->phase);
	query_number(q, p->created_s);
}

status
row_pin(struct query *q, struct arena *a, void *record)
{
	struct pinned_signer *p = record;
	p->row = query_get_number(q);
	GET_TEXT(q, p->name);
	GET_ARRAY(q, p->kid);
	GET_ARRAY(q, p->x5t_sha256);
	status s = query_get_span(q, a, &p->der);
	p->trust = (enum pin_trust)query_get_number(q);
	p->fleet = query_get_number(q);
	p->phase = (enum phase)query_get_number(q);
	p->created_s = query_get_number(q);
	return s;
}

void
bind_element(struct query *q, const struct element *e)
{
	query_number(q, e->row);
	query_text(q, e->serial);
	query_text(q, e->model);
	query_text(q, e->part_number);
	query_text(q, e->profile);
	query_number(q, e->attestation);
	BIND_ARRAY(q, e->attestation_key);
	query_row(q, e->manifest);
	BIND_ARRAY(q, e->entry_hash);
	query_number(q, e->phase);
	query_row(q, e->device);
	query_number(q, e->is_vendors_word);
}

status
row_element(struct query *q, struct arena *a, void *record)
{
	struct element *e = record;
	e->row = query_get_number(q);
	GET_TEXT(q, e->serial);
	GET_TEXT(q, e->model);
	GET_TEXT(q, e->part_number);
	GET_TEXT(q, e->profile);
	e->attestation = (enum attestation_kind)query_get_number(q);
	GET_ARRAY(q, e->attestation_key);
	e->manifest = query_get_number(q);
	GET_ARRAY(q, e->entry_hash);
	e->phase = (enum phase)query_get_number(q);
	e->device = query_get_number(q);
	e->is_vendors_word = query_get_number(q) != 0;
	return OK;
}

void
bind_device(struct query *q, const struct device *d)
{
	query_number(q, d->row);
	bind_id(q, &d->id);
	query_text(q, d->serial);
	query_row(q, d->fleet);
	query_row(q, d->element);
	query_number(q, d->phase);
	query_number(q, d->state);
	query_number(q, d->state_before);
	query_number(q, d->suspend_rank);
	query_number(q, d->marks);
	query_row(q, d->owner);
	query_row(q, d->offer);
	query_row(q, d->birth_certificate);
	query_number(q, d->birth_is_denied);
	query_row(q, d->current_certificate);
	query_row(q, d->pending_certificate);
	query_row(q, d->last_good_certificate);
	query_number(q, d->key_generation);
	query_number(q, d->renew_after_s);
	query_number(q, d->version);
	query_number(q, d->created_s);
	query_number(q, d->changed_s);
}

void
bind_device_unindexed(struct query *q, const struct device *d, int64_t version)
{
	query_number(q, d->row);
	query_row(q, d->element);
	query_number(q, d->phase);
	query_number(q, d->state_before);
	query_number(q, d->suspend_rank);
	query_number(q, d->marks);
	query_row(q, d->offer);
	query_row(q, d->birth_certificate);
	query_number(q, d->birth_is_denied);
	query_row(q, d->current_certificate);
	query_row(q, d->pending_certificate);
	query_row(q, d->last_good_certificate);
	query_number(q, d->key_generation);
	query_number(q, d->renew_after_s);
	query_number(q, version);
	query_number(q, d->changed_s);
}

void
bind_device_indexed(struct query *q, const struct device *d)
{
	query_number(q, d->row);
	query_text(q, d->serial);
	query_row(q, d->fleet);
	query_row(q, d->owner);
	query_number(q, d->state);
}

status
row_device(struct query *q, struct arena *a, void *record)
{
	struct device *d = record;
	d->row = query_get_number(q);
	get_id(q, &d->id);
	GET_TEXT(q, d->serial);
	d->fleet = query_get_number(q);
	d->element = query_get_number(q);
	d->phase = (enum phase)query_get_number(q);
	d->state = (enum device_state)query_get_number(q);
	d->state_before = (enum device_state)query_get_number(q);
	d->suspend_rank = (enum rank)query_get_number(q);
	d->marks = (unsigned)query_get_number(q);
	d->owner = query_get_number(q);
	d->offer = query_get_number(q);
	d->birth_certificate = query_get_number(q);
	d->birth_is_denied = query_get_number(q) != 0;
	d->current_certificate = query_get_number(q);
	d->pending_certificate = query_get_number(q);
	d->last_good_certificate = query_get_number(q);
	d->key_generation = query_get_number(q);
	d->renew_after_s = query_get_number(q);
	d->version = query_get_number(q);
	d->created_s = query_get_number(q);
	d->changed_s = query_get_number(q);
	return OK;
}

void
bind_certificate(struct query *q, const struct certificate *k, int64_t issuer)
{
	query_number(q, k->row);
	query_number(q, issuer);
	query_number(q, k->kind);
	query_number(q, k->status);
	query_row(q, k->authority);
	query_row(q, k->index);
	query_row(q, k->device);
	query_row(q, k->owner);
	query_bytes(q, span_of(k->serial, k->serial_len));
	query_bytes(q, SPAN_ARRAY(k->fingerprint));
	query_bytes(q, SPAN_ARRAY(k->key_hash));
	BIND_ARRAY(q, k->request_hash);
	query_number(q, k->not_before_s);
	query_number(q, k->not_after_s);
	query_number(q, k->issued_s);
	query_number(q, k->first_used_s);
	query_number(q, k->revoked_s);
	query_number(q, k->reason);
	query_number(q, k->level);
	query_number(q, k->slot);
	query_row(q, k->via);
	query_bytes(q, k->der);
}

status
row_certificate(struct query *q, struct arena *a, void *record)
{
	struct certificate *k = record;
	k->row = query_get_number(q);
	GET_ARRAY(q, k->issuer_hash);
	k->kind = (enum certificate_kind)query_get_number(q);
	k->status = (enum certificate_status)query_get_number(q);
	k->authority = query_get_number(q);
	k->index = query_get_number(q);
	k->device = query_get_number(q);
	k->owner = query_get_number(q);
	k->serial_len = query_get_some(q, k->serial, sizeof(k->serial));
	GET_ARRAY(q, k->fingerprint);
	GET_ARRAY(q, k->key_hash);
	GET_ARRAY(q, k->request_hash);
	k->not_before_s = query_get_number(q);
	k->not_after_s = query_get_number(q);
	k->issued_s = query_get_number(q);
	k->first_used_s = query_get_number(q);
	k->revoked_s = query_get_number(q);
	k->reason = (enum revocation_reason)query_get_number(q);
	k->level = (enum attestation_level)query_get_number(q);
	k->slot = query_get_number(q);
	k->via = query_get_number(q);
	return query_get_span(q, a, &k->der);
}

void
bind_offer(struct query *q, const struct offer *o)
{
	query_number(q, o->row);
	bind_id(q, &o->id);
	query_row(q, o->device);
	query_row(q, o->from_owner);
	query_row(q, o->to_owner);
	BIND_ARRAY(q, o->code_hash);
	BIND_ARRAY(q, o->code_salt);
	query_number(q, o->expires_s);
	query_number(q, o->status);
	query_number(q, o->created_s);
}

status
row_offer(struct query *q, struct arena *a, void *record)
{
	struct offer *o = record;
	o->row = query_get_number(q);
	get_id(q, &o->id);
	o->device = query_get_number(q);
	o->from_owner = query_get_number(q);
	o->to_owner = query_get_number(q);
	GET_ARRAY(q, o->code_hash);
	GET_ARRAY(q, o->code_salt);
	o->expires_s = query_get_number(q);
	o->status = (enum offer_status)query_get_number(q);
	o->created_s = query_get_number(q);
	return OK;
}

void
bind_case(struct query *q, const struct warranty_case *w)
{
	query_number(q, w->row);
	bind_id(q, &w->id);
	query_row(q, w->device);
	query_row(q, w->owner);
	query_number(q, w->consent);
	query_text(q, w->reason);
	query_text(q, w->note);
	query_number(q, w->opened_s);
	query_number(q, w->closed_s);
}

status
row_case(struct query *q, struct arena *a, void *record)
{
	struct warranty_case *w = record;
	w->row = query_get_number(q);
	get_id(q, &w->id);
	w->device = query_get_number(q);
	w->owner = query_get_number(q);
	w->consent = (enum return_consent)query_get_number(q);
	GET_TEXT(q, w->reason);
	GET_TEXT(q, w->note);
	w->opened_s = query_get_number(q);
	w->closed_s = query_get_number(q);
	return OK;
}

void
bind_claim_code(struct query *q, const struct claim_code *k)
{
	query_row(q, k->device);
	BIND_ARRAY(q, k->salt);
	BIND_ARRAY(q, k->hash);
	query_number(q, k->created_s);
	query_number(q, k->burnt_s);
	query_number(q, k->failures);
	query_number(q, k->locked_until_s);
}

status
row_claim_code(struct query *q, struct arena *a, void *record)
{
	struct claim_code *k = record;
	k->device = query_get_number(q);
	GET_ARRAY(q, k->salt);
	GET_ARRAY(q, k->hash);
	k->created_s = query_get_number(q);
	k->burnt_s = query_get_number(q);
	k->failures = query_get_number(q);
	k->locked_until_s = query_get_number(q);
	return OK;
}

status
row_attempt(struct query *q, struct arena *a, void *record)
{
	struct attempt *o = record;
	GET_TEXT(q, o->subject);
	o->failures = query_get_number(q);
	o->locked_until_s = query_get_number(q);
	return OK;
}

void
bind_deny(struct query *q, const struct deny_record *r, int64_t issuer, int64_t sequence)
{
	query_number(q, issuer);
	query_number(q, sequence);
	query_number(q, r->action);
	query_bytes(q, SPAN_ARRAY(r->fingerprint));
	query_bytes(q, span_of(r->serial, r->serial_len));
	query_row(q, r->authority);
	query_row(q, r->index);
	query_row(q, r->device);
	query_number(q, r->reason);
	query_number(q, r->at_s);
	query_number(q, r->expires_s);
}

status
row_deny(struct query *q, struct arena *a, void *record)
{
	struct deny_record *r = record;
	GET_ARRAY(q, r->issuer_hash);
	r->sequence = query_get_number(q);
	r->action = (enum deny_action)query_get_number(q);
	GET_ARRAY(q, r->fingerprint);
	r->serial_len = query_get_some(q, r->serial, sizeof(r->serial));
	r->authority = query_get_number(q);
	r->index = query_get_number(q);
	r->device = query_get_number(q);
	r->reason = (enum revocation_reason)query_get_number(q);
	r->at_s = query_get_number(q);
	r->expires_s = query_get_number(q);
	return OK;
}

status
row_outbox(struct query *q, struct arena *a, void *record)
{
	struct outbox_row *o = record;
	o->row = query_get_number(q);
	GET_TEXT(q, o->point);
	GET_TEXT(q, o->action);
	o->device = query_get_number(q);
	status s = query_get_span(q, a, &o->body);
	o->at_s = query_get_number(q);
	return s;
}

status
row_idempotency(struct query *q, struct arena *a, void *record)
{
	struct idempotency *i = record;
	i->operator_row = query_get_number(q);
	GET_TEXT(q, i->key);
	GET_ARRAY(q, i->request_hash);
	i->http_status = (int)query_get_number(q);
	status s = query_get_span(q, a, &i->body);
	i->at_s = query_get_number(q);
	return s;
}

status
row_ledger(struct query *q, struct arena *a, void *record)
{
	struct ledger_row *l = record;
	l->sequence = query_get_number(q);
	l->device = query_get_number(q);
	l->at_s = query_get_number(q);
	return query_get_span(q, a, &l->entry);
}

status
row_revoked(struct query *q, struct arena *a, void *record)
{
	struct revoked_entry *r = record;
	r->row = query_get_number(q);
	r->index = query_get_number(q);
	r->serial_len = query_get_some(q, r->serial, sizeof(r->serial));
	r->revoked_s = query_get_number(q);
	r->reason = (enum revocation_reason)query_get_number(q);
	return OK;
}

status
row_evidence(struct query *q, struct arena *a, void *record)
{
	struct kept_evidence *e = record;

	e->certificate = query_get_number(q);
	e->element = query_get_number(q);
	e->slot_is_locked = query_get_number(q) != 0;
	return query_get_span(q, a, &e->der);
}

status
row_value(struct query *q, struct arena *a, void *record)
{
	return query_get_span(q, a, record);
}
