#include "lifecycle/ocsp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "lifecycle/ocsp_issuer.h"
#include "lifecycle/ocsp_shelf.h"

/* How long a relying party may keep an answer: with OCSP, a revocation is seen by then at the latest. */
#define ANSWER_LIFETIME_S 3600

struct ocsp_memory {
	struct ocsp_issuers issuers;
	struct ocsp_shelf shelf;
};

static status
refuse(struct buffer *out, enum ocsp_error e, struct diag *d)
{
	buffer_put(out, ocsp_error_response(e));
	return buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
}

/* The one issuer that all of the request is about: an answer has one responder. NOT_FOUND: none that we answer for.
 * UNAVAILABLE: they must be read anew. */
static status
find_issuer(struct ocsp_memory *m, const struct ocsp_request *r, struct ocsp_issuer *out)
{
	status st = r->count > 0 ? OK : NOT_FOUND;

	for (size_t k = 0; st == OK && k < r->count; k++) {
		struct ocsp_issuer one;

		st = ocsp_issuer_find(&m->issuers, &r->ids[k], &one);
		if (st == OK && k > 0 && one.authority != out->authority) {
			return NOT_FOUND;
		}
		if (st == OK) {
			*out = one;
		}
	}
	return st;
}

/* --- what is known already --------------------------------------------------------- */

int
ocsp_knows_authority(struct ocsp_memory *m, span name)
{
	switch (ocsp_issuer_named(&m->issuers, name)) {
	case OK:
		return 1;
	case NOT_FOUND:
		return 0;
	default:
		return -1;
	}
}

enum ocsp_at_once
ocsp_answer_at_once(
	struct ocsp_memory *m, int64_t now_s, const struct ocsp_request *r, struct ocsp_given *out)
{
	struct ocsp_issuer issuer = { 0 };
	status st = find_issuer(m, r, &issuer);

	if (st == NOT_FOUND) {
		buffer_put(out->answer, ocsp_error_response(OCSP_UNAUTHORIZED));
		return OCSP_REFUSED;
	}
	if (st == OK && r->count == 1 && r->nonce.len == 0 &&
		ocsp_shelf_answer(&m->shelf, r->ids[0].der, now_s, out)) {
		return OCSP_KEPT;
	}
	return OCSP_ASK;
}

/* --- what the store says -------------------------------------------------------------- */

static void
set_revoked(struct ocsp_single *out, int64_t at_s, enum revocation_reason reason)
{
	out->status = OCSP_REVOKED;
	out->revoked_s = at_s;
	out->reason = (uint32_t)reason;
}

/* A certificate that nobody ended: but its device may be suspended. */
static status
judge_device(
	struct session *s, const struct certificate *k, struct ocsp_single *out, struct diag *d)
{
	struct device device;
	status st;

	out->status = OCSP_GOOD;
	if (k->device == 0 || k->kind != CERTIFICATE_OPERATIONAL) {
		return OK;
	}
	st = read_device(s->reader, k->device, &device);
	if (st != OK) {
		return diag_set(d, st, NULL, "the device of a certificate cannot be read");
	}
	if (device.state == DEVICE_SUSPENDED) {
		set_revoked(out, device.changed_s, REASON_CERTIFICATE_HOLD);
	}
	return OK;
}

static status
judge(struct session *s, const struct ocsp_issuer *issuer, const struct ocsp_certificate_id *asked,
	struct certificate *k, struct ocsp_single *out, struct diag *d)
{
	status st = read_certificate_by_serial(
		s->reader, s->arena, issuer->name_hash, asked->serial, k);

	*out = (struct ocsp_single){ .id = asked->der, .status = OCSP_UNKNOWN };
	if (st == NOT_FOUND || (st == OK && k->authority != issuer->authority)) {
		return OK; /* never issued: "unknown", never "good" (RFC 6960 2.2) */
	}
	if (st != OK) {
		return diag_set(d, st, NULL, "a certificate cannot be read");
	}
	switch (k->status) {
	case CERTIFICATE_REVOKED:
		set_revoked(out, k->revoked_s, k->reason);
		return OK;
	case CERTIFICATE_SUPERSEDED:
	case CERTIFICATE_WITHDRAWN:
		/* Rotated away or never used: by the fleets' policy, as on the CRL. */
		out->status = OCSP_GOOD;
		if (issuer->lists_superseded) {
			set_revoked(out, k->revoked_s, k->reason);
		}
		return OK;
	default:
		return judge_device(s, k, out, d);
	}
}

static bool
was_judged(struct ocsp_memory *m, const struct ocsp_request *r, struct ocsp_draft *draft,
	struct ocsp_made *made)
{
	if (r->count != 1 || !ocsp_shelf_verdict(&m->shelf, r->ids[0].der, &made->verdict)) {
		return false;
	}
	made->may_be_kept = true;
	draft->singles[0] = (struct ocsp_single){ .id = r->ids[0].der,
		.status = made->verdict.status,
		.revoked_s = made->verdict.revoked_s,
		.reason = made->verdict.reason };
	draft->count = 1;
	return true;
}

/* Everything that the store has to say, in one snapshot, which is younger than `changes`. */
static status
judge_all(struct session *s, const struct ocsp_issuer *issuer, const struct ocsp_request *r,
	struct ocsp_draft *draft, struct certificate *last, struct diag *d)
{
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	for (size_t k = 0; st == OK && k < r->count; k++) {
		st = judge(s, issuer, &r->ids[k], last, &draft->singles[k], d);
		draft->count = k + 1;
	}
	reader_end(s->reader);
	return st;
}

/* One that was never issued may be issued in a moment; and whoever makes up serials gets no room here. */
static void
note_verdict(struct session *s, uint64_t changes, const struct ocsp_draft *draft,
	const struct certificate *k, struct ocsp_made *made)
{
	const struct ocsp_single *one = &draft->singles[0];

	if (draft->count != 1 || one->status == OCSP_UNKNOWN) {
		return;
	}
	made->verdict = (struct ocsp_verdict){
		.status = one->status, .revoked_s = one->revoked_s, .reason = one->reason
	};
	made->may_be_kept =
		store_mark(s->life->store, changes, k->row, k->device, &made->verdict.mark);
}

static status
look_up(struct session *s, const struct ocsp_request *r, struct ocsp_issuer *issuer,
	struct ocsp_draft *draft, struct ocsp_made *made, struct diag *d)
{
	struct ocsp_memory *m = s->life->ocsp;
	uint64_t changes = store_changes(s->life->store);
	struct certificate last = { 0 };
	status st = find_issuer(m, r, issuer);

	if (st == UNAVAILABLE) {
		st = ocsp_issuers_refresh(&m->issuers, s, d);
		changes = store_changes(s->life->store);
		if (st == OK) {
			st = find_issuer(m, r, issuer);
		}
	}
	if (st == UNAVAILABLE) {
		return diag_set(d, st, NULL, "the authorities change all the time");
	}
	if (st != OK || was_judged(m, r, draft, made)) {
		return st;
	}
	st = judge_all(s, issuer, r, draft, &last, d);
	if (st == OK) {
		note_verdict(s, changes, draft, &last, made);
		/* A mark of a later epoch would make the policy of before outlast its change. */
		made->may_be_kept = made->may_be_kept && made->verdict.mark.epoch == issuer->epoch;
	}
	return st;
}

/* --- the answer --------------------------------------------------------------------------- */

static void
set_dates(const struct session *s, const struct ocsp_request *r, const struct ocsp_issuer *issuer,
	struct ocsp_draft *a, struct ocsp_made *made)
{
	bool all_known = true;

	for (size_t k = 0; k < a->count; k++) {
		all_known = all_known && a->singles[k].status != OCSP_UNKNOWN;
	}
	a->produced_s = a->this_update_s = s->now_s;
	a->next_update_s = s->now_s + ANSWER_LIFETIME_S;
	if (a->next_update_s > issuer->responder_not_after_s) {
		a->next_update_s = issuer->responder_not_after_s;
	}
	a->nonce = r->nonce;
	made->dates = (struct ocsp_dates){ .this_update_s = a->this_update_s,
		.next_update_s = a->next_update_s,
		.renewed_s = a->this_update_s + (a->next_update_s - a->this_update_s) / 2 };
	/* A nonce makes the answer one asker's own; "unknown" may be different in a moment. */
	if (!all_known || a->nonce.len > 0) {
		made->dates.next_update_s = 0;
	}
}

/* One on its way: judged, signed with the others, finished. */
struct asked {
	struct ocsp_sign_request sign;
	size_t before; /* bytes in its buffer */
	status status;
	struct diag fault;
};

static void
prepare(struct session *s, const struct ocsp_ask *ask, struct asked *a)
{
	struct ocsp_issuer issuer = { 0 };

	*ask->made = (struct ocsp_made){ .id = ask->request->ids[0].der };
	a->before = ask->out->len;
	a->status = look_up(s, ask->request, &issuer, &a->sign.draft, ask->made, &a->fault);
	if (a->status != OK) {
		return;
	}
	if (issuer.responder_not_after_s <= s->now_s) {
		a->status = diag_set(&a->fault, UNAVAILABLE, NULL,
			"the OCSP responder of %s has expired", issuer.name);
		return;
	}
	set_dates(s, ask->request, &issuer, &a->sign.draft, ask->made);
	snprintf(a->sign.responder, sizeof(a->sign.responder), "%s", issuer.responder);
}

static void
sign_all(struct session *s, const struct ocsp_ask *asks, struct asked *all, size_t count)
{
	const struct ocsp_sign_request **requests =
		arena_array(s->arena, count, sizeof(const void *));
	struct ocsp_sign_result *results = arena_array(s->arena, count, sizeof(*results));
	size_t *which = arena_array(s->arena, count, sizeof(*which)), n = 0;
	bool has_memory = requests != NULL && results != NULL && which != NULL;
	struct diag fault = { 0 };
	status st;

	for (size_t k = 0; k < count; k++) {
		if (!has_memory && all[k].status == OK) {
			all[k].status =
				diag_set(&all[k].fault, NO_MEMORY, NULL, "no memory for an answer");
		} else if (all[k].status == OK) {
			which[n] = k;
			requests[n] = &all[k].sign;
			results[n++] = (struct ocsp_sign_result){ .out = asks[k].out };
		}
	}
	st = n > 0 ? signer_ocsp_many(s->life->signer, requests, n, results, &fault) : OK;
	for (size_t k = 0; k < n; k++) {
		struct asked *a = &all[which[k]];

		a->status = st != OK ? st : results[k].status;
		a->fault = st != OK ? fault : results[k].diag;
	}
}

static status
finish(struct session *s, const struct ocsp_ask *ask, struct asked *a, struct diag *d)
{
	struct ocsp_made *made = ask->made;

	if (a->status != OK) {
		*made = (struct ocsp_made){ 0 };
		ask->out->len = a->before;
	}
	if (a->status == NOT_FOUND) {
		return refuse(ask->out, OCSP_UNAUTHORIZED, d);
	}
	if (a->status != OK) {
		log_diag(LOG_ERROR, "ocsp_not_answered", &a->fault);
		return refuse(
			ask->out, a->status == UNAVAILABLE ? OCSP_TRY_LATER : OCSP_INTERNAL, d);
	}
	if (made->may_be_kept && made->dates.next_update_s == 0) {
		ocsp_shelf_put(&s->life->ocsp->shelf, made, span_of(NULL, 0), span_of(NULL, 0));
		made->may_be_kept = false;
	}
	return OK;
}

status
ocsp_answer_many(struct session *s, const struct ocsp_ask *asks, size_t count, struct diag *d)
{
	struct asked *all;
	status st = OK;

	if (count > OCSP_BATCH_MAX) {
		return diag_set(d, BUG, NULL, "over %d OCSP answers at once", OCSP_BATCH_MAX);
	}
	all = arena_array(s->arena, count, sizeof(*all));
	if (all == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for OCSP answers");
	}
	for (size_t k = 0; k < count; k++) {
		prepare(s, &asks[k], &all[k]);
	}
	sign_all(s, asks, all, count);
	for (size_t k = 0; k < count; k++) {
		status one = finish(s, &asks[k], &all[k], d);

		st = st == OK ? one : st;
	}
	return st;
}

void
ocsp_keep(struct ocsp_memory *m, const struct ocsp_made *made, span answer, span note)
{
	if (made->may_be_kept) {
		ocsp_shelf_put(&m->shelf, made, answer, note);
	}
}

/* --- beginning and end ---------------------------------------------------------------------- */

void
ocsp_memory_free(struct ocsp_memory *m)
{
	if (m == NULL) {
		return;
	}
	ocsp_issuers_wipe(&m->issuers);
	ocsp_shelf_wipe(&m->shelf);
	free(m);
}

status
ocsp_memory_new(struct store *s, struct ocsp_memory **out, struct diag *d)
{
	struct ocsp_memory *m = calloc(1, sizeof(*m));
	status st;

	if (m == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for OCSP");
	}
	ocsp_issuers_init(&m->issuers, s);
	st = ocsp_shelf_init(&m->shelf, s, d);
	if (st != OK) {
		ocsp_memory_free(m);
		return st;
	}
	*out = m;
	return OK;
}
