/*
 * Invariants kept here: a stale version refuses the change; ledger and deny numbers are dense in the order
 * of commits, because the counters move only with a change that is kept; rows are given before anything is written.
 */
#include "store/apply.h"
#include <inttypes.h>
#include <string.h>
#include "store/rows.h"

typedef status apply_one(struct applier *ap, const struct operation *o, struct diag *d);

static struct query
query_of(struct applier *ap, enum statement statement)
{
	return query_new(ap->connection, statement);
}

/* Runs a statement that must touch a row. */
static status
run_on_one(struct query *q, status none, const char *words, int64_t row, struct diag *d)
{
	int changed = 0;
	status s = query_run(q, &changed, d);
	if (s == OK && changed == 0) {
		return diag_set(d, none, NULL, "%s (row %" PRId64 ")", words, row);
	}
	return s;
}

/* --- the names of issuers ---------------------------------------------- */

static void
keep_issuer(struct applier *ap, const uint8_t hash[32], int64_t row)
{
	size_t at = ap->next_issuer++ % ISSUERS_KEPT;
	ap->issuers[at].row = row;
	memcpy(ap->issuers[at].hash, hash, 32);
}

static status
find_issuer(struct applier *ap, const uint8_t hash[32], int64_t *row, struct diag *d)
{
	for (size_t i = 0; i < ISSUERS_KEPT; i++) {
		if (ap->issuers[i].row != 0 && memcmp(ap->issuers[i].hash, hash, 32) == 0) {
			*row = ap->issuers[i].row;
			return OK;
		}
	}
	struct query q = query_of(ap, READ_ISSUER);
	query_bytes(&q, span_of(hash, 32));
	status s = query_step(&q, d);
	if (s == OK) {
		*row = query_get_number(&q);
	}
	query_end(&q);
	if (s == NOT_FOUND) {
		q = query_of(ap, WRITE_ISSUER);
		query_bytes(&q, span_of(hash, 32));
		s = query_run(&q, NULL, d);
		*row = sqlite3_last_insert_rowid(ap->connection->db);
	}
	if (s == OK) {
		keep_issuer(ap, hash, *row);
	}
	return s;
}

/* --- the versions of fleets -------------------------------------------- */

static status
read_fleet_version(struct applier *ap, const struct fleet *f, int64_t *version, struct diag *d)
{
	struct query q = query_of(ap, READ_FLEET_VERSION);
	query_number(&q, f->row);
	status s = query_step(&q, d);
	*version = s == OK ? query_get_number(&q) : 0;
	query_end(&q);
	return s == NOT_FOUND
		       ? diag_set(d, NOT_FOUND, NULL, "fleet %s: is not in the store", f->name)
		       : s;
}

/* Asked with every certificate that is issued, and hardly ever another than before. */
static status
find_fleet_version(struct applier *ap, const struct fleet *f, int64_t *version, struct diag *d)
{
	size_t at = (size_t)f->row % FLEETS_KEPT;
	if (ap->fleets[at].row == f->row) {
		*version = ap->fleets[at].version;
		return OK;
	}
	status s = read_fleet_version(ap, f, version, d);
	if (s == OK) {
		ap->fleets[at].row = f->row;
		ap->fleets[at].version = *version;
	}
	return s;
}

/* What may be in the file no more, or not as it is kept here. */
static void
forget_what_is_kept(struct applier *ap)
{
	memset(ap->issuers, 0, sizeof(ap->issuers));
	memset(ap->fleets, 0, sizeof(ap->fleets));
}

/* --- additions ---------------------------------------------------------- */

static status
add_owner(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_OWNER);
	bind_owner(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_authority(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_AUTHORITY);
	bind_authority(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_fleet(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct fleet *f = o->record;
	struct query q = query_of(ap, WRITE_FLEET);
	bind_fleet(&q, f, f->version);
	return query_run(&q, NULL, d);
}

static status
add_operator(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_OPERATOR);
	bind_operator(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_manifest(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_MANIFEST);
	bind_manifest(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_pin(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_PIN);
	bind_pin(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_element(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_ELEMENT);
	bind_element(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_device(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct device *device = o->record;
	if ((unsigned)device->state >= DEVICE_STATE_COUNT) {
		return diag_set(d, BUG, NULL, "a device cannot be in state %d", (int)device->state);
	}
	struct query q = query_of(ap, WRITE_DEVICE);
	bind_device(&q, device);
	ap->counters.by_state[device->state]++;
	return query_run(&q, NULL, d);
}

static status
add_certificate(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct certificate *k = o->record;
	int64_t issuer = 0;
	if (k->serial_len > SERIAL_MAX_LEN) {
		return diag_set(d, BUG, NULL, "a serial of %zu bytes", k->serial_len);
	}
	status s = find_issuer(ap, k->issuer_hash, &issuer, d);
	if (s != OK) {
		return s;
	}
	struct query q = query_of(ap, WRITE_CERTIFICATE);
	bind_certificate(&q, k, issuer);
	return query_run(&q, NULL, d);
}

static status
add_offer(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_OFFER);
	bind_offer(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
add_case(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_CASE);
	bind_case(&q, o->record);
	return query_run(&q, NULL, d);
}

/* --- changes ------------------------------------------------------------- */

static status
set_fleet(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct fleet *f = o->record;
	int64_t version = 0;
	status s = read_fleet_version(ap, f, &version, d);
	if (s == OK && version != f->version) {
		return diag_set(d, CONFLICT, NULL,
			"fleet %s: was changed by somebody else meanwhile", f->name);
	}
	if (s != OK) {
		return s;
	}
	ap->changes_kept = true;
	ap->fleets[(size_t)f->row % FLEETS_KEPT].row = 0;
	struct query q = query_of(ap, SET_FLEET);
	bind_fleet(&q, f, f->version + 1);
	return query_run(&q, NULL, d);
}

static status
expect_fleet(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct fleet *f = o->record;
	int64_t version = 0;
	status s = find_fleet_version(ap, f, &version, d);
	return s != OK || version == f->version
		       ? s
		       : diag_set(d, CONFLICT, NULL,
				 "fleet %s: its policy was changed meanwhile; look again", f->name);
}

static status
set_crl_number(struct applier *ap, const struct operation *o, struct diag *d)
{
	ap->changes_kept = true;
	struct query q = query_of(ap, SET_AUTHORITY_CRL_NUMBER);
	query_number(&q, o->object);
	query_number(&q, o->number);
	return run_on_one(&q, NOT_FOUND, "the authority is not in the store", o->object, d);
}

/* Here, where changes come one after the other: two admins may remove each other at the same moment. */
static status
keep_an_admin(struct applier *ap, const struct operator_account *who, struct diag *d)
{
	if (who->role == OPERATOR_ADMIN && !who->is_disabled) {
		return OK;
	}
	struct query q = query_of(ap, READ_IS_LAST_ADMIN);
	query_number(&q, who->row);
	query_number(&q, OPERATOR_ADMIN);
	status s = query_step(&q, d);
	query_end(&q);
	if (s == NOT_FOUND) {
		return OK;
	}
	return s != OK ? s
		       : diag_set(d, CONFLICT, NULL,
				 "operator %s is the last admin: make another one first",
				 who->name);
}

static status
set_operator(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct operator_account *who = o->record;
	status s = keep_an_admin(ap, who, d);
	if (s != OK) {
		return s;
	}
	struct query q = query_of(ap, SET_OPERATOR);
	bind_operator(&q, who);
	return run_on_one(
		&q, NOT_FOUND, "the operator is not in the store, or no more", who->row, d);
}

static status
set_element_device(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_ELEMENT_DEVICE);
	query_number(&q, o->object);
	query_row(&q, o->number);
	return run_on_one(&q, NOT_FOUND, "the element is not in the store", o->object, d);
}

/* What of a stored device decides how it is written. */
struct stored_device {
	int64_t version, fleet, owner, state;
	char serial[ELEMENT_SERIAL_MAX + 1];
};

static status
read_stored_device(struct applier *ap, int64_t row, struct stored_device *out, struct diag *d)
{
	struct query q = query_of(ap, READ_DEVICE_VERSION);
	query_number(&q, row);
	status s = query_step(&q, d);
	if (s == OK) {
		out->version = query_get_number(&q);
		query_get_text(&q, out->serial, sizeof(out->serial));
		out->fleet = query_get_number(&q);
		out->owner = query_get_number(&q);
		out->state = query_get_number(&q);
	}
	query_end(&q);
	if (s == OK && (out->state < 0 || out->state >= DEVICE_STATE_COUNT)) {
		return diag_set(d, BUG, NULL, "device in row %" PRId64 " has no known state", row);
	}
	return s;
}

static bool
device_needs_index(const struct stored_device *old, const struct device *device)
{
	return old->fleet != device->fleet || old->owner != device->owner ||
	       old->state != (int64_t)device->state || strcmp(old->serial, device->serial) != 0;
}

static status
set_device(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct device *device = o->record;
	struct stored_device old;
	if ((unsigned)device->state >= DEVICE_STATE_COUNT) {
		return diag_set(d, BUG, NULL, "a device cannot be in state %d", (int)device->state);
	}
	status s = read_stored_device(ap, device->row, &old, d);
	if (s == NOT_FOUND) {
		return diag_set(
			d, NOT_FOUND, NULL, "device %s: is not in the store", device->serial);
	}
	if (s == OK && old.version != device->version) {
		return diag_set(d, CONFLICT, NULL,
			"device %s: was changed by somebody else meanwhile; look again",
			old.serial);
	}
	if (s != OK) {
		return s;
	}
	struct query q = query_of(ap, SET_DEVICE);
	bind_device_unindexed(&q, device, device->version + 1);
	s = query_run(&q, NULL, d);
	if (s != OK || !device_needs_index(&old, device)) {
		return s;
	}
	ap->counters.by_state[old.state]--;
	ap->counters.by_state[device->state]++;
	q = query_of(ap, SET_DEVICE_INDEXED);
	bind_device_indexed(&q, device);
	return query_run(&q, NULL, d);
}

/* Status, time and reason of an end; a certificate that lives has neither time nor reason. */
static void
bind_end(struct query *q, const struct operation *o)
{
	bool is_end = o->to != CERTIFICATE_PENDING && o->to != CERTIFICATE_CURRENT;
	query_number(q, o->to);
	query_number(q, is_end ? o->at_s : 0);
	query_number(q, is_end ? o->reason : REASON_UNSPECIFIED);
}

static status
set_certificate_status(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CERTIFICATE_STATUS);
	query_number(&q, o->object);
	query_number(&q, o->from);
	bind_end(&q, o);
	return run_on_one(
		&q, CONFLICT, "the certificate is in another status by now", o->object, d);
}

static status
set_certificate_reason(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CERTIFICATE_REASON);
	query_number(&q, o->object);
	query_number(&q, o->from);
	query_number(&q, o->reason);
	return run_on_one(
		&q, CONFLICT, "the certificate is revoked for another reason by now", o->object, d);
}

static status
set_certificate_device(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CERTIFICATE_DEVICE);
	query_number(&q, o->object);
	query_row(&q, o->number);
	return run_on_one(&q, NOT_FOUND, "the certificate is not in the store", o->object, d);
}

static status
set_certificate_used(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CERTIFICATE_USED);
	query_number(&q, o->object);
	query_number(&q, o->at_s);
	return query_run(&q, NULL, d);
}

static status
set_certificates_of_device(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CERTIFICATES_OF_DEVICE);
	query_number(&q, o->object);
	bind_end(&q, o);
	return query_run(&q, NULL, d);
}

static status
list_ended_certificates(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CERTIFICATES_LIST_ENDED);
	query_number(&q, o->object);
	query_number(&q, o->at_s);
	return query_run(&q, NULL, d);
}

static status
set_offer_status(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_OFFER_STATUS);
	query_number(&q, o->object);
	query_number(&q, o->from);
	query_number(&q, o->to);
	return run_on_one(&q, CONFLICT, "the offer is in another status by now", o->object, d);
}

static status
put_claim_code(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CLAIM_CODE);
	bind_claim_code(&q, o->record);
	return query_run(&q, NULL, d);
}

static status
set_claim_code_tried(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct claim_code *k = o->record;
	struct query q = query_of(ap, SET_CLAIM_CODE_TRIED);
	query_number(&q, k->device);
	query_bytes(&q, SPAN_ARRAY(k->salt));
	query_number(&q, k->failures);
	query_number(&q, k->locked_until_s);
	query_number(&q, o->number);
	return run_on_one(&q, CONFLICT, "somebody else tried a code meanwhile", k->device, d);
}

static status
put_attempt(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct attempt *a = o->record;
	struct query q = query_of(ap, SET_ATTEMPT);
	query_text(&q, a->subject);
	query_number(&q, a->failures);
	query_number(&q, a->locked_until_s);
	query_number(&q, o->number);
	return run_on_one(&q, CONFLICT, "somebody else tried a code meanwhile", 0, d);
}

static status
burn_challenge(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, WRITE_CHALLENGE);
	query_bytes(&q, o->bytes);
	query_number(&q, o->at_s);
	status s = query_run(&q, NULL, d);
	/* Two at the same time: whoever looked before found it unused. */
	return s == EXISTS ? diag_kind(d, s, CHALLENGE_REPLAYED) : s;
}

static status
write_evidence(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct kept_evidence *e = o->record;
	struct query q = query_of(ap, WRITE_EVIDENCE);
	query_number(&q, *o->row);
	query_row(&q, e->element);
	query_number(&q, e->slot_is_locked);
	query_bytes(&q, e->der);
	return query_run(&q, NULL, d);
}

static status
expire(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, DROP_CHALLENGES);
	query_number(&q, o->at_s);
	status s = query_run(&q, NULL, d);
	if (s != OK) {
		return s;
	}
	q = query_of(ap, DROP_IDEMPOTENCY);
	query_number(&q, o->at_s - IDEMPOTENCY_KEPT_S);
	return query_run(&q, NULL, d);
}

static status
close_case(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_CASE_CLOSED);
	query_number(&q, o->object);
	query_number(&q, o->at_s);
	return run_on_one(&q, CONFLICT, "the warranty case is closed already", o->object, d);
}

static status
write_ledger(struct applier *ap, const struct operation *o, struct diag *d)
{
	if (o->bytes.len > LEDGER_ENTRY_MAX) {
		return diag_set(d, LIMIT, NULL, "a ledger entry of %zu bytes, %d are allowed",
			o->bytes.len, LEDGER_ENTRY_MAX);
	}
	struct query q = query_of(ap, WRITE_LEDGER);
	query_number(&q, ap->counters.ledger_size++);
	query_row(&q, o->row ? *o->row : 0);
	query_number(&q, o->at_s);
	query_bytes(&q, o->bytes);
	return query_run(&q, NULL, d);
}

static status
write_deny(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct deny_record *r = o->record;
	int64_t issuer = 0;
	if (r->serial_len > SERIAL_MAX_LEN) {
		return diag_set(d, BUG, NULL, "a serial of %zu bytes", r->serial_len);
	}
	status s = find_issuer(ap, r->issuer_hash, &issuer, d);
	if (s != OK) {
		return s;
	}
	struct query q = query_of(ap, WRITE_DENY);
	bind_deny(&q, r, issuer, ++ap->counters.last_deny);
	return query_run(&q, NULL, d);
}

static status
write_outbox(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct outbox_row *row = o->record;
	struct query q = query_of(ap, WRITE_OUTBOX);
	query_number(&q, ++ap->counters.last_outbox);
	query_text(&q, row->point);
	query_text(&q, row->action);
	query_row(&q, row->device);
	query_bytes(&q, row->body);
	query_number(&q, row->at_s);
	return query_run(&q, NULL, d);
}

static status
drop_outbox(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, DROP_OUTBOX);
	query_number(&q, o->object);
	return run_on_one(&q, NOT_FOUND, "the outbox row is gone", o->object, d);
}

static status
write_idempotency(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct idempotency *i = o->record;
	struct query q = query_of(ap, WRITE_IDEMPOTENCY);
	query_number(&q, i->operator_row);
	query_text(&q, i->key);
	query_hash(&q, i->request_hash, sizeof(i->request_hash));
	query_number(&q, i->http_status);
	query_bytes(&q, i->body);
	query_number(&q, i->at_s);
	return query_run(&q, NULL, d);
}

static status
set_manifest_counts(struct applier *ap, const struct operation *o, struct diag *d)
{
	const struct manifest_record *m = o->record;
	struct query q = query_of(ap, SET_MANIFEST_COUNTS);
	query_number(&q, m->row);
	query_number(&q, m->accepted);
	query_number(&q, m->refused);
	query_number(&q, m->known);
	query_number(&q, m->is_complete);
	return run_on_one(&q, NOT_FOUND, "the manifest is not in the store", m->row, d);
}

static status
set_setting(struct applier *ap, const struct operation *o, struct diag *d)
{
	struct query q = query_of(ap, SET_SETTING);
	query_text(&q, o->name);
	query_bytes(&q, o->bytes);
	return query_run(&q, NULL, d);
}

static apply_one *const appliers[OPERATION_COUNT] = {
	[OPERATION_OWNER_ADD] = add_owner,
	[OPERATION_AUTHORITY_ADD] = add_authority,
	[OPERATION_FLEET_ADD] = add_fleet,
	[OPERATION_OPERATOR_ADD] = add_operator,
	[OPERATION_MANIFEST_ADD] = add_manifest,
	[OPERATION_PIN_ADD] = add_pin,
	[OPERATION_ELEMENT_ADD] = add_element,
	[OPERATION_DEVICE_ADD] = add_device,
	[OPERATION_CERTIFICATE_ADD] = add_certificate,
	[OPERATION_OFFER_ADD] = add_offer,
	[OPERATION_CASE_ADD] = add_case,
	[OPERATION_FLEET_SET] = set_fleet,
	[OPERATION_FLEET_EXPECT] = expect_fleet,
	[OPERATION_AUTHORITY_CRL_NUMBER] = set_crl_number,
	[OPERATION_OPERATOR_SET] = set_operator,
	[OPERATION_ELEMENT_DEVICE] = set_element_device,
	[OPERATION_DEVICE_SET] = set_device,
	[OPERATION_CERTIFICATE_STATUS] = set_certificate_status,
	[OPERATION_CERTIFICATE_REASON] = set_certificate_reason,
	[OPERATION_CERTIFICATE_DEVICE] = set_certificate_device,
	[OPERATION_CERTIFICATE_USED] = set_certificate_used,
	[OPERATION_CERTIFICATES_OF_DEVICE] = set_certificates_of_device,
	[OPERATION_CERTIFICATES_LIST_ENDED] = list_ended_certificates,
	[OPERATION_OFFER_STATUS] = set_offer_status,
	[OPERATION_CLAIM_CODE_PUT] = put_claim_code,
	[OPERATION_CLAIM_CODE_TRIED] = set_claim_code_tried,
	[OPERATION_ATTEMPT_PUT] = put_attempt,
	[OPERATION_CHALLENGE_BURN] = burn_challenge,
	[OPERATION_EVIDENCE] = write_evidence,
	[OPERATION_EXPIRE] = expire,
	[OPERATION_CASE_CLOSE] = close_case,
	[OPERATION_LEDGER] = write_ledger,
	[OPERATION_DENY] = write_deny,
	[OPERATION_OUTBOX] = write_outbox,
	[OPERATION_OUTBOX_DONE] = drop_outbox,
	[OPERATION_IDEMPOTENCY] = write_idempotency,
	[OPERATION_MANIFEST_COUNTS] = set_manifest_counts,
	[OPERATION_SETTING] = set_setting,
};

/* --- a whole change ------------------------------------------------------ */

static void
give_rows(struct applier *ap, const struct operations *list)
{
	for (struct operation *o = list->first; o; o = o->next) {
		if (o->new_row) {
			*o->new_row = ++ap->counters.last_row[o->kind];
		}
	}
}

static void
take_rows(const struct operations *list)
{
	for (struct operation *o = list->first; o; o = o->next) {
		if (o->new_row) {
			*o->new_row = 0;
		}
	}
}

static status
apply_list(struct applier *ap, const struct operations *list, struct diag *d)
{
	for (struct operation *o = list->first; o; o = o->next) {
		status s = appliers[o->kind](ap, o, d);
		if (s != OK) {
			return s;
		}
	}
	return OK;
}

status
applier_apply(struct applier *ap, struct change *c, int64_t *first_ledger, struct diag *d)
{
	if (c->failed) {
		return diag_set(d, NO_MEMORY, NULL, "the change is larger than its arena");
	}
	for (size_t i = 0; i < OPERATION_EARLY_COUNT; i++) {
		give_rows(ap, &c->early[i]);
	}
	give_rows(ap, &c->late);
	for (struct link *l = c->links; l; l = l->next) {
		*l->field = *l->row;
	}
	*first_ledger = ap->counters.ledger_size;
	status s = OK;
	for (size_t i = 0; s == OK && i < OPERATION_EARLY_COUNT; i++) {
		s = apply_list(ap, &c->early[i], d);
	}
	return s == OK ? apply_list(ap, &c->late, d) : s;
}

void
applier_undo(struct applier *ap, struct change *c, const struct counters *before)
{
	for (size_t i = 0; i < OPERATION_EARLY_COUNT; i++) {
		take_rows(&c->early[i]);
	}
	take_rows(&c->late);
	ap->counters = *before;
	forget_what_is_kept(ap);
}

status
applier_load(struct applier *ap, struct diag *d)
{
	struct counters *n = &ap->counters;
	memset(n, 0, sizeof(*n));
	forget_what_is_kept(ap);
	static const enum operation_kind order[] = { OPERATION_OWNER_ADD, OPERATION_AUTHORITY_ADD,
		OPERATION_FLEET_ADD, OPERATION_OPERATOR_ADD, OPERATION_MANIFEST_ADD,
		OPERATION_PIN_ADD, OPERATION_ELEMENT_ADD, OPERATION_DEVICE_ADD,
		OPERATION_CERTIFICATE_ADD, OPERATION_OFFER_ADD, OPERATION_CASE_ADD };
	struct query q = query_of(ap, READ_NEXT_ROWS);
	status s = query_step(&q, d);
	for (size_t i = 0; s == OK && i < sizeof(order) / sizeof(order[0]); i++) {
		n->last_row[order[i]] = query_get_number(&q);
	}
	if (s == OK) {
		n->ledger_size = query_get_number(&q) + 1;
		n->last_deny = query_get_number(&q);
		n->last_outbox = query_get_number(&q);
	}
	query_end(&q);
	q = query_of(ap, READ_STATE_COUNTS);
	while (s == OK && (s = query_step(&q, d)) == OK) {
		int64_t state = query_get_number(&q);
		if (state >= 0 && state < DEVICE_STATE_COUNT) {
			n->by_state[state] = query_get_number(&q);
		}
	}
	query_end(&q);
	ap->stored = *n;
	return s == NOT_FOUND ? OK : s;
}

status
applier_finish(struct applier *ap, struct diag *d)
{
	for (int i = 0; i < DEVICE_STATE_COUNT; i++) {
		if (ap->counters.by_state[i] == ap->stored.by_state[i]) {
			continue;
		}
		struct query q = query_of(ap, SET_STATE_COUNT);
		query_number(&q, i);
		query_number(&q, ap->counters.by_state[i]);
		status s = query_run(&q, NULL, d);
		if (s != OK) {
			return s;
		}
	}
	return OK;
}

void
applier_committed(struct applier *ap)
{
	ap->stored = ap->counters;
	ap->changes_kept = false;
}

void
applier_rolled_back(struct applier *ap)
{
	ap->counters = ap->stored;
	ap->changes_kept = false;
	forget_what_is_kept(ap);
}
