/*
 * A change is a list of operations in the caller's arena. Additions that others
 * refer to are kept apart by kind, so that parents are stored before children.
 */
#include "store/change.h"

struct change *
change_new(struct arena *a)
{
	struct change *c = ARENA_NEW(a, struct change);
	if (!c) {
		return NULL;
	}
	c->arena = a;
	for (size_t i = 0; i < OPERATION_EARLY_COUNT; i++) {
		c->early[i].end = &c->early[i].first;
	}
	c->late.end = &c->late.first;
	c->links_end = &c->links;
	return c;
}

/* Never NULL: when the arena is full, something to write into that is thrown away. */
static struct operation *
append(struct change *c, enum operation_kind kind, const void *record)
{
	static _Thread_local struct operation nowhere;
	struct operation *o = ARENA_NEW(c->arena, struct operation);
	if (!o) {
		c->failed = true;
		return &nowhere;
	}
	struct operations *list = kind < OPERATION_EARLY_COUNT ? &c->early[kind] : &c->late;
	*list->end = o;
	list->end = &o->next;
	o->kind = kind;
	o->record = record;
	c->count++;
	return o;
}

static void
append_new(struct change *c, enum operation_kind kind, const void *record, int64_t *row)
{
	append(c, kind, record)->new_row = row;
}

void
change_owner_add(struct change *c, struct owner *o)
{
	append_new(c, OPERATION_OWNER_ADD, o, &o->row);
}

void
change_fleet_add(struct change *c, struct fleet *f)
{
	append_new(c, OPERATION_FLEET_ADD, f, &f->row);
}

void
change_fleet_set(struct change *c, const struct fleet *f)
{
	append(c, OPERATION_FLEET_SET, f);
}

void
change_fleet_expect(struct change *c, const struct fleet *f)
{
	append(c, OPERATION_FLEET_EXPECT, f);
}

void
change_authority_add(struct change *c, struct authority *a)
{
	append_new(c, OPERATION_AUTHORITY_ADD, a, &a->row);
}

void
change_authority_crl_number(struct change *c, int64_t authority, int64_t number)
{
	struct operation *o = append(c, OPERATION_AUTHORITY_CRL_NUMBER, NULL);
	o->object = authority;
	o->number = number;
}

void
change_operator_add(struct change *c, struct operator_account *o)
{
	append_new(c, OPERATION_OPERATOR_ADD, o, &o->row);
}

void
change_operator_set(struct change *c, const struct operator_account *o)
{
	append(c, OPERATION_OPERATOR_SET, o);
}

void
change_element_add(struct change *c, struct element *e)
{
	append_new(c, OPERATION_ELEMENT_ADD, e, &e->row);
}

void
change_element_device(struct change *c, int64_t element, int64_t device)
{
	struct operation *o = append(c, OPERATION_ELEMENT_DEVICE, NULL);
	o->object = element;
	o->number = device;
}

void
change_manifest_add(struct change *c, struct manifest_record *m)
{
	append_new(c, OPERATION_MANIFEST_ADD, m, &m->row);
}

void
change_manifest_counts(struct change *c, const struct manifest_record *m)
{
	append(c, OPERATION_MANIFEST_COUNTS, m);
}

void
change_pin_add(struct change *c, struct pinned_signer *p)
{
	append_new(c, OPERATION_PIN_ADD, p, &p->row);
}

void
change_device_add(struct change *c, struct device *d)
{
	if (d->version == 0) {
		d->version = 1;
	}
	append_new(c, OPERATION_DEVICE_ADD, d, &d->row);
}

void
change_device_set(struct change *c, const struct device *d)
{
	append(c, OPERATION_DEVICE_SET, d);
}

void
change_certificate_add(struct change *c, struct certificate *k)
{
	append_new(c, OPERATION_CERTIFICATE_ADD, k, &k->row);
}

void
change_certificate_status(struct change *c, int64_t row, unsigned from, enum certificate_status to,
	int64_t at_s, enum revocation_reason reason)
{
	struct operation *o = append(c, OPERATION_CERTIFICATE_STATUS, NULL);
	o->object = row;
	o->from = from;
	o->to = to;
	o->at_s = at_s;
	o->reason = reason;
}

void
change_certificate_reason(
	struct change *c, int64_t row, enum revocation_reason from, enum revocation_reason to)
{
	struct operation *o = append(c, OPERATION_CERTIFICATE_REASON, NULL);
	o->object = row;
	o->from = from;
	o->reason = to;
}

void
change_certificate_device(struct change *c, int64_t row, int64_t device)
{
	struct operation *o = append(c, OPERATION_CERTIFICATE_DEVICE, NULL);
	o->object = row;
	o->number = device;
}

void
change_certificate_used(struct change *c, int64_t row, int64_t at_s)
{
	struct operation *o = append(c, OPERATION_CERTIFICATE_USED, NULL);
	o->object = row;
	o->at_s = at_s;
}

void
change_certificates_of_device(struct change *c, int64_t device, enum certificate_status to,
	int64_t at_s, enum revocation_reason reason)
{
	struct operation *o = append(c, OPERATION_CERTIFICATES_OF_DEVICE, NULL);
	o->object = device;
	o->to = to;
	o->at_s = at_s;
	o->reason = reason;
}

void
change_certificates_list_ended(struct change *c, int64_t device, int64_t now_s)
{
	struct operation *o = append(c, OPERATION_CERTIFICATES_LIST_ENDED, NULL);
	o->object = device;
	o->at_s = now_s;
}

void
change_offer_add(struct change *c, struct offer *o)
{
	append_new(c, OPERATION_OFFER_ADD, o, &o->row);
}

void
change_offer_status(struct change *c, int64_t row, enum offer_status from, enum offer_status to)
{
	struct operation *o = append(c, OPERATION_OFFER_STATUS, NULL);
	o->object = row;
	o->from = from;
	o->to = to;
}

void
change_claim_code_put(struct change *c, const struct claim_code *k)
{
	append(c, OPERATION_CLAIM_CODE_PUT, k);
}

void
change_claim_code_tried(struct change *c, const struct claim_code *k, int64_t from)
{
	append(c, OPERATION_CLAIM_CODE_TRIED, k)->number = from;
}

void
change_attempt_put(struct change *c, const struct attempt *a, int64_t from)
{
	append(c, OPERATION_ATTEMPT_PUT, a)->number = from;
}

void
change_challenge_burn(struct change *c, span challenge, int64_t expires_s)
{
	struct operation *o = append(c, OPERATION_CHALLENGE_BURN, NULL);
	o->bytes = challenge;
	o->at_s = expires_s;
}

void
change_evidence(struct change *c, const struct kept_evidence *e, const int64_t *certificate_row)
{
	append(c, OPERATION_EVIDENCE, e)->row = certificate_row;
}

void
change_expire(struct change *c, int64_t now_s)
{
	append(c, OPERATION_EXPIRE, NULL)->at_s = now_s;
}

void
change_case_add(struct change *c, struct warranty_case *w)
{
	append_new(c, OPERATION_CASE_ADD, w, &w->row);
}

void
change_case_close(struct change *c, int64_t row, int64_t at_s)
{
	struct operation *o = append(c, OPERATION_CASE_CLOSE, NULL);
	o->object = row;
	o->at_s = at_s;
}

void
change_link(struct change *c, int64_t *field, const int64_t *row)
{
	struct link *l = ARENA_NEW(c->arena, struct link);
	if (!l) {
		c->failed = true;
		return;
	}
	*l = (struct link){ .field = field, .row = row };
	*c->links_end = l;
	c->links_end = &l->next;
}

void
change_ledger(struct change *c, span entry, const int64_t *device_row, int64_t at_s)
{
	struct operation *o = append(c, OPERATION_LEDGER, NULL);
	o->bytes = entry;
	o->row = device_row;
	o->at_s = at_s;
}

void
change_deny(struct change *c, const struct deny_record *r)
{
	append(c, OPERATION_DENY, r);
}

void
change_outbox(struct change *c, const struct outbox_row *o)
{
	append(c, OPERATION_OUTBOX, o);
}

void
change_outbox_done(struct change *c, int64_t row)
{
	append(c, OPERATION_OUTBOX_DONE, NULL)->object = row;
}

void
change_idempotency(struct change *c, const struct idempotency *i)
{
	append(c, OPERATION_IDEMPOTENCY, i);
}

void
change_setting(struct change *c, const char *name, span value)
{
	struct operation *o = append(c, OPERATION_SETTING, NULL);
	o->name = name;
	o->bytes = value;
}
