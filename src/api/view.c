#include "api/view.h"

#include <string.h>

#include "pki/pem.h"

/* An object's name must be there: the store's foreign keys say so. */
static status
missing_row(struct call *c, status s, const char *what, int64_t row)
{
	if (s == NOT_FOUND) {
		s = BUG;
	}
	return diag_set(&c->diag, s, NULL, "cannot read %s %lld", what, (long long)row);
}

static status
write_fleet_name(struct call *c, struct json_writer *w, const char *member, int64_t row)
{
	struct fleet f;

	if (row == 0) {
		json_null(w, member);
		return OK;
	}
	if (c->fleet.row != row) {
		status s = read_fleet(c->session.reader, row, &f);
		if (s != OK) {
			return missing_row(c, s, "fleet", row);
		}
		c->fleet.row = row;
		memcpy(c->fleet.name, f.name, sizeof(f.name));
	}
	json_text(w, member, c->fleet.name);
	return OK;
}

static status
write_owner_name(struct call *c, struct json_writer *w, const char *member, int64_t row)
{
	struct owner o;

	if (row == 0) {
		json_null(w, member);
		return OK;
	}
	if (c->owner.row != row) {
		status s = read_owner(c->session.reader, row, &o);
		if (s != OK) {
			return missing_row(c, s, "owner", row);
		}
		c->owner.row = row;
		memcpy(c->owner.name, o.name, sizeof(o.name));
	}
	json_text(w, member, c->owner.name);
	return OK;
}

static status
write_authority_name(struct call *c, struct json_writer *w, const char *member, int64_t row)
{
	struct authority a;

	if (row == 0) {
		json_null(w, member);
		return OK;
	}
	if (c->authority.row != row) {
		status s = read_authority(c->session.reader, c->session.arena, row, &a);
		if (s != OK) {
			return missing_row(c, s, "authority", row);
		}
		c->authority.row = row;
		memcpy(c->authority.name, a.name, sizeof(a.name));
	}
	json_text(w, member, c->authority.name);
	return OK;
}

/* Who operates is the maker's business. */
static status
write_operator_name(struct call *c, struct json_writer *w, const char *member, int64_t row)
{
	struct operator_account o;

	if (row == 0 || (call_role(c) != OPERATOR_ADMIN && call_role(c) != OPERATOR_MAKER)) {
		json_null(w, member);
		return OK;
	}
	status s = read_operator(c->session.reader, row, &o);
	if (s != OK) {
		return missing_row(c, s, "operator", row);
	}
	json_text(w, member, o.name);
	return OK;
}

static status
write_device_id(struct call *c, struct json_writer *w, const char *member, int64_t row)
{
	struct device d;
	char text[ID_TEXT_LEN + 1];

	if (row == 0) {
		json_null(w, member);
		return OK;
	}
	status s = read_device(c->session.reader, row, &d);
	if (s != OK) {
		return missing_row(c, s, "device", row);
	}
	json_text(w, member, id_text(text, &d.id));
	return OK;
}

static void
write_id(struct json_writer *w, const char *member, const id *i)
{
	char text[ID_TEXT_LEN + 1];

	json_text(w, member, id_text(text, i));
}

static void
write_pem(struct json_writer *w, span der)
{
	struct buffer pem;

	buffer_init(&pem, 2 * CERTIFICATE_SIZE_MAX);
	pem_write(&pem, "CERTIFICATE", der);
	json_span(w, "pem", buffer_span(&pem));
	buffer_wipe(&pem);
}

void
view_once(struct call *c, struct json_writer *w, const char *name, const char *value)
{
	json_text(w, name, c->is_copy || value[0] == '\0' ? NULL : value);
}

/* --- devices --- */

/* The fingerprint of a certificate, null for none; its level. */
static status
write_fingerprint(struct call *c, struct json_writer *w, const char *member, int64_t row)
{
	struct certificate k;

	if (row == 0) {
		json_null(w, member);
		return OK;
	}
	status s = read_certificate(c->session.reader, c->session.arena, row, &k);
	if (s != OK) {
		return missing_row(c, s, "certificate", row);
	}
	json_hex(w, member, SPAN_ARRAY(k.fingerprint));
	return OK;
}

static status
write_level(struct call *c, struct json_writer *w, int64_t row)
{
	struct certificate k = { .level = LEVEL_NONE };

	if (row != 0) {
		status s = read_certificate(c->session.reader, c->session.arena, row, &k);
		if (s != OK) {
			return missing_row(c, s, "certificate", row);
		}
	}
	json_text(w, "attestation", attestation_level_name(k.level));
	return OK;
}

static status
write_offer_id(struct call *c, struct json_writer *w, int64_t row)
{
	struct offer o;

	if (row == 0) {
		json_null(w, "offer");
		return OK;
	}
	status s = read_offer(c->session.reader, row, &o);
	if (s != OK) {
		return missing_row(c, s, "transfer", row);
	}
	write_id(w, "offer", &o.id);
	return OK;
}

static void
write_state(struct json_writer *w, const struct device *d)
{
	bool is_suspended = d->state == DEVICE_SUSPENDED;

	json_text(w, "state", device_state_name(d->state));
	json_text(w, "suspended_from", is_suspended ? device_state_name(d->state_before) : NULL);
	json_text(w, "suspended_by", is_suspended ? rank_name(d->suspend_rank) : NULL);
	json_array_open(w, "marks");
	for (unsigned bit = MARK_STOLEN; bit <= MARK_LEGAL_HOLD; bit <<= 1) {
		if (d->marks & bit) {
			json_text(w, NULL, mark_name((enum mark)bit));
		}
	}
	json_array_close(w);
}

static status
write_device_identity(struct call *c, struct json_writer *w, const struct device *d)
{
	status s = write_level(c, w, d->current_certificate);

	json_bool(w, "birth_denied", d->birth_is_denied);
	json_number(w, "key_generation", d->key_generation);
	if (s == OK) {
		s = write_fingerprint(c, w, "certificate", d->current_certificate);
	}
	if (s == OK) {
		s = write_fingerprint(c, w, "pending", d->pending_certificate);
	}
	return s == OK ? write_offer_id(c, w, d->offer) : s;
}

status
view_device(struct call *c, struct json_writer *w, const struct device *d)
{
	int64_t seen_s = 0;
	status s;

	write_id(w, "id", &d->id);
	json_text(w, "serial", d->serial);
	s = write_fleet_name(c, w, "fleet", d->fleet);
	write_state(w, d);
	if (s == OK) {
		s = write_owner_name(c, w, "owner", d->owner);
	}
	json_text(w, "phase", phase_name(d->phase));
	if (s == OK) {
		s = write_device_identity(c, w, d);
	}
	if (s == OK) {
		s = read_device_seen(c->session.reader, d->row, &seen_s);
	}
	if (s != OK) {
		return s;
	}
	json_time(w, "renew_after", d->renew_after_s);
	json_time(w, "seen", seen_s);
	json_number(w, "version", d->version);
	json_time(w, "created", d->created_s);
	json_time(w, "changed", d->changed_s);
	return OK;
}

/* --- certificates and transfers --- */

void
view_slot(struct json_writer *w, const struct certificate *k)
{
	if (k->slot >= 0) {
		json_number(w, "slot", k->slot);
	} else {
		json_null(w, "slot");
	}
}

status
view_certificate(struct call *c, struct json_writer *w, const struct certificate *k)
{
	status s;

	json_hex(w, "fingerprint", SPAN_ARRAY(k->fingerprint));
	json_text(w, "kind", certificate_kind_name(k->kind));
	json_text(w, "status", certificate_status_name(k->status));
	json_hex(w, "serial", span_of(k->serial, k->serial_len));
	s = write_authority_name(c, w, "authority", k->authority);
	if (s == OK) {
		s = write_device_id(c, w, "device", k->device);
	}
	if (s != OK) {
		return s;
	}
	json_time(w, "not_before", k->not_before_s);
	json_time(w, "not_after", k->not_after_s);
	json_time(w, "issued", k->issued_s);
	json_time(w, "first_used", k->first_used_s);
	json_time(w, "revoked", k->revoked_s);
	json_text(w, "reason", k->revoked_s != 0 ? revocation_reason_name(k->reason) : NULL);
	json_text(w, "attestation", attestation_level_name(k->level));
	view_slot(w, k);
	s = write_operator_name(c, w, "via", k->via);
	write_pem(w, k->der);
	return s;
}

status
view_offer(struct call *c, struct json_writer *w, const struct offer *o)
{
	status s;

	write_id(w, "id", &o->id);
	s = write_device_id(c, w, "device", o->device);
	if (s == OK) {
		s = write_owner_name(c, w, "from", o->from_owner);
	}
	if (s == OK) {
		s = write_owner_name(c, w, "to", o->to_owner);
	}
	json_text(w, "status", offer_status_name(o->status));
	json_time(w, "expires", o->expires_s);
	json_time(w, "created", o->created_s);
	return s;
}

/* --- owners, fleets, authorities, operators --- */

bool
view_may_see_owner(const struct call *c, const struct owner *o)
{
	int64_t own = call_owner(c);

	return own == 0 || o->row == own || o->kind == OWNER_MAKER;
}

status
view_owner(struct call *c, struct json_writer *w, const struct owner *o)
{
	/* A title is a person's or a company's name: not for programs that only watch. */
	bool is_told = call_role(c) != OPERATOR_WATCH;

	json_text(w, "name", o->name);
	json_text(w, "title", is_told ? o->title : NULL);
	json_text(w, "kind", owner_kind_name(o->kind));
	json_time(w, "created", o->created_s);
	return OK;
}

status
view_fleet(struct call *c, struct json_writer *w, const struct fleet *f)
{
	status s;

	json_text(w, "name", f->name);
	json_text(w, "phase", phase_name(f->phase));
	s = write_authority_name(c, w, "authority", f->authority);
	if (s == OK) {
		s = write_owner_name(c, w, "maker", f->maker);
	}
	json_text(w, "profile", f->profile);
	json_number(w, "lifetime", f->lifetime_s);
	json_number(w, "renew_after_percent", f->renew_after_percent);
	json_text(w, "required_attestation", attestation_level_name(f->required_level));
	json_bool(w, "crl_lists_superseded", f->crl_lists_superseded);
	json_number(w, "offer_lifetime", f->offer_lifetime_s);
	json_text(w, "est_pending", est_pending_name(f->est.pending));
	json_number(w, "est_retry_after", f->est.retry_after_s);
	json_text(w, "est_link", est_link_name(f->est.link));
	json_text(w, "est_lines", est_lines_name(f->est.lines));
	json_bool(w, "est_server_keys", f->est.makes_keys);
	if (s == OK) {
		s = write_operator_name(c, w, "est_ra", f->est.ra);
	}
	json_number(w, "version", f->version);
	json_time(w, "created", f->created_s);
	return s;
}

status
view_authority(struct call *c, struct json_writer *w, const struct authority *a)
{
	status s;

	json_text(w, "name", a->name);
	json_text(w, "hierarchy", a->hierarchy);
	json_text(w, "kind", authority_kind_name(a->kind));
	json_text(w, "phase", phase_name(a->phase));
	s = write_authority_name(c, w, "parent", a->parent);
	json_bool(w, "has_key", a->has_key);
	json_hex(w, "fingerprint", SPAN_ARRAY(a->fingerprint));
	json_hex(w, "key_id", SPAN_ARRAY(a->key_id));
	json_time(w, "not_before", a->not_before_s);
	json_time(w, "not_after", a->not_after_s);
	json_number(w, "crl_number", a->crl_number);
	json_time(w, "created", a->created_s);
	write_pem(w, a->der);
	return s;
}

status
view_pin(struct call *c, struct json_writer *w, const struct pinned_signer *p)
{
	status s;

	json_text(w, "name", p->name);
	json_hex(w, "kid", SPAN_ARRAY(p->kid));
	json_hex(w, "fingerprint", SPAN_ARRAY(p->x5t_sha256));
	json_text(w, "trust", p->trust == PIN_VENDOR ? "vendor" : "self");
	s = write_fleet_name(c, w, "fleet", p->fleet);
	json_text(w, "phase", phase_name(p->phase));
	json_time(w, "created", p->created_s);
	return s;
}

status
view_operator(struct call *c, struct json_writer *w, const struct operator_account *o)
{
	status s;

	json_text(w, "name", o->name);
	json_text(w, "role", operator_role_name(o->role));
	s = write_owner_name(c, w, "owner", o->owner);
	json_bool(w, "disabled", o->is_disabled);
	json_time(w, "created", o->created_s);
	return s;
}

void
view_ledger_row(struct json_writer *w, const struct ledger_row *r)
{
	json_object_open(w, NULL);
	json_number(w, "index", r->sequence);
	json_raw(w, "entry", r->entry);
	json_object_close(w);
}
