#include <stdio.h>

#include "base/log.h"
#include "lifecycle/authority.h"
#include "lifecycle/policy.h"
#include "lifecycle/responder.h"

/* How long a relying party may keep an answer: with OCSP, a revocation is seen by then at the latest. */
#define ANSWER_LIFETIME_S 3600

static status
refuse(struct buffer *out, enum ocsp_error e, struct diag *d)
{
	buffer_put(out, ocsp_error_response(e));
	return buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
}

static bool
is_issuer(const struct authority *a, const struct ocsp_certificate_id *asked)
{
	if (a->kind != AUTHORITY_ISSUING || !a->has_key) {
		return false;
	}
	return asked->is_sha256
		       ? span_equal(asked->name_hash, SPAN_ARRAY(a->name_hash)) &&
				 span_equal(asked->key_hash, SPAN_ARRAY(a->key_hash_sha256))
		       : span_equal(asked->name_hash, SPAN_ARRAY(a->name_hash_sha1)) &&
				 span_equal(asked->key_hash, SPAN_ARRAY(a->key_hash_sha1));
}

/* The one issuer that all of the request is about: an answer has one responder. NOT_FOUND without a diag. */
static status
find_issuer(struct session *s, const struct ocsp_request *r, struct authority *out, struct diag *d)
{
	struct authority *all;
	size_t count;
	status st = list_authorities(s->reader, s->arena, 0, LIST_PAGE_MAX, &all, &count);

	if (st != OK) {
		return diag_set(d, st, NULL, "the authorities cannot be read");
	}
	for (size_t k = 0; k < count; k++) {
		bool fits = r->count > 0;

		for (size_t i = 0; fits && i < r->count; i++) {
			fits = is_issuer(&all[k], &r->ids[i]);
		}
		if (fits) {
			*out = all[k];
			return OK;
		}
	}
	return NOT_FOUND;
}

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

/* A certificate rotated away or never used: by the fleets' policy, as on the CRL. */
static status
judge_superseded(
	struct session *s, const struct certificate *k, struct ocsp_single *out, struct diag *d)
{
	bool is_listed;
	status st = policy_lists_superseded(s, k->authority, &is_listed, d);

	out->status = OCSP_GOOD;
	if (st == OK && is_listed) {
		set_revoked(out, k->revoked_s, k->reason);
	}
	return st;
}

static status
judge(struct session *s, const struct authority *a, const struct ocsp_certificate_id *asked,
	struct ocsp_single *out, struct diag *d)
{
	struct certificate k;
	status st =
		read_certificate_by_serial(s->reader, s->arena, a->name_hash, asked->serial, &k);

	*out = (struct ocsp_single){ .id = asked->der, .status = OCSP_UNKNOWN };
	if (st == NOT_FOUND || (st == OK && k.authority != a->row)) {
		return OK; /* never issued: "unknown", never "good" (RFC 6960 2.2) */
	}
	if (st != OK) {
		return diag_set(d, st, NULL, "a certificate cannot be read");
	}
	switch (k.status) {
	case CERTIFICATE_REVOKED:
		set_revoked(out, k.revoked_s, k.reason);
		return OK;
	case CERTIFICATE_SUPERSEDED:
	case CERTIFICATE_WITHDRAWN:
		return judge_superseded(s, &k, out, d);
	default:
		return judge_device(s, &k, out, d);
	}
}

/* Everything that the store has to say, in one snapshot. NOT_FOUND: the issuer is not one that we answer for. */
static status
look_up(struct session *s, const struct ocsp_request *r, struct ocsp_sign_request *answer,
	struct responder *responder, struct diag *d)
{
	struct authority issuer;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = find_issuer(s, r, &issuer, d);
	if (st == OK) {
		st = responder_read(s, &issuer, responder, d);
	}
	for (size_t k = 0; st == OK && k < r->count; k++) {
		st = judge(s, &issuer, &r->ids[k], &answer->draft.singles[k], d);
		answer->draft.count = k + 1;
	}
	reader_end(s->reader);
	return st;
}

/* A nonce makes the answer one asker's own; "unknown" may be different in a moment. */
static bool
is_cacheable(const struct ocsp_draft *a)
{
	bool all_known = true;

	for (size_t k = 0; k < a->count; k++) {
		all_known = all_known && a->singles[k].status != OCSP_UNKNOWN;
	}
	return all_known && a->nonce.len == 0;
}

static void
set_times(const struct session *s, const struct ocsp_request *r, const struct responder *responder,
	struct ocsp_draft *a)
{
	a->produced_s = a->this_update_s = s->now_s;
	a->next_update_s = s->now_s + ANSWER_LIFETIME_S;
	if (a->next_update_s > responder->not_after_s) {
		a->next_update_s = responder->not_after_s;
	}
	a->nonce = r->nonce;
}

status
ocsp_answer(struct session *s, const struct ocsp_request *r, struct buffer *out,
	int64_t *this_update_s, int64_t *fresh_until_s, struct diag *d)
{
	struct ocsp_sign_request answer = { 0 };
	struct responder responder = { 0 };
	struct diag fault = { 0 };
	status st = look_up(s, r, &answer, &responder, &fault);

	*this_update_s = s->now_s;
	*fresh_until_s = 0;
	if (st == NOT_FOUND) {
		return refuse(out, OCSP_UNAUTHORIZED, d);
	}
	if (st == OK && (responder.generation == 0 || responder.not_after_s <= s->now_s)) {
		st = diag_set(&fault, UNAVAILABLE, NULL, "its OCSP responder has expired");
	}
	if (st == OK) {
		size_t before = out->len;

		set_times(s, r, &responder, &answer.draft);
		snprintf(answer.responder, sizeof(answer.responder), "%s", responder.key);
		st = signer_ocsp(s->life->signer, &answer, out, &fault);
		out->len = st == OK ? out->len : before;
	}
	if (st != OK) {
		log_diag(LOG_ERROR, "ocsp_not_answered", &fault);
		return refuse(out, st == UNAVAILABLE ? OCSP_TRY_LATER : OCSP_INTERNAL, d);
	}
	*fresh_until_s = is_cacheable(&answer.draft) ? answer.draft.next_update_s : 0;
	return OK;
}
