#include "lifecycle/enrolling.h"

#include <stdio.h>

#include "base/text.h"
#include "lifecycle/issued.h"

/* What the device is, never what it says: nothing of the request's names, nothing of the person who owns it. */
static void
set_names(const struct enrolling *e, struct issue_request *r)
{
	struct simple_name *n = &r->subject;
	const struct owner *maker = &e->maker;
	bool title_fits = strlen(maker->title) < sizeof(n->organization) &&
			  utf8_is_printable(span_text(maker->title));
	char text[ID_TEXT_LEN + 1];

	id_text(text, &e->device.id);
	snprintf(n->common_name, sizeof(n->common_name), "%s", e->device.serial);
	snprintf(n->serial_number, sizeof(n->serial_number), "%s", text);
	snprintf(n->organization, sizeof(n->organization), "%.64s",
		title_fits ? maker->title : maker->name);
	r->alt_name_count = 1;
	r->alt_names[0] = (struct signer_alt_name){ .kind = ALT_URI };
	snprintf(r->alt_names[0].text, sizeof(r->alt_names[0].text), "urn:tenure:device:%s", text);
}

static status
set_dates(const struct enrolling *e, struct issue_request *r, struct diag *d)
{
	int64_t now_s = e->session->now_s;

	r->not_before_s = now_s - CLOCK_SKEW_S;
	if (r->not_before_s < e->issuer.not_before_s) {
		r->not_before_s = e->issuer.not_before_s;
	}
	r->not_after_s = r->not_before_s + e->fleet.lifetime_s - 1;
	if (r->not_after_s > e->issuer.not_after_s) {
		r->not_after_s = e->issuer.not_after_s;
	}
	return r->not_after_s > now_s
		       ? OK
		       : diag_set(d, CONFLICT, NULL, "authority %s has expired: it issues no more",
				 e->issuer.name);
}

static status
fill_request(const struct enrolling *e, struct issue_request *r, struct diag *d)
{
	status st = set_dates(e, r, d);

	if (st != OK) {
		return st;
	}
	snprintf(r->authority, sizeof(r->authority), "%s", e->issuer.name);
	snprintf(r->profile, sizeof(r->profile), "%s",
		e->fleet.profile[0] != '\0' ? e->fleet.profile : "operational");
	if (snprintf(r->url_base, sizeof(r->url_base), "%s", e->session->life->plain_url) >=
		(int)sizeof(r->url_base)) {
		return diag_set(d, LIMIT, NULL, "plain_url is too long for certificates");
	}
	r->index = e->index;
	r->phase = e->issuer.phase;
	r->spki = e->csr.key.spki;
	set_names(e, r);
	return OK;
}

static status
take_certificate(struct enrolling *e, const struct issue_result *result, struct diag *d)
{
	struct session *s = e->session;
	span der;

	if (result->status != OK) {
		return diag_copy(d, &result->diag);
	}
	der = arena_copy(s->arena, result->der);
	if (der.data == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a certificate");
	}
	e->certificate = (struct certificate){ .authority = e->issuer.row,
		.index = e->index,
		.issued_s = s->now_s,
		.level = e->proof.level,
		.slot = e->proof.slot,
		.via = s->actor.account.row };
	memcpy(e->certificate.request_hash, e->request_hash, sizeof(e->request_hash));
	return certificate_measure(der, &e->certificate, d);
}

static status
sign_requests(struct enrolling *const *list, size_t count, const struct issue_request *requests,
	struct diag *d)
{
	const struct session *s = list[0]->session;
	struct issue_result *results = arena_array(s->arena, count, sizeof(*results));
	status st;

	if (results == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an enrolment");
	}
	st = signer_issue(s->life->signer, s->arena, requests, count, results, d);
	for (size_t i = 0; st == OK && i < count; i++) {
		list[i]->status = take_certificate(list[i], &results[i], &list[i]->fault);
	}
	return st;
}

size_t
enrolling_sign(struct enrolling **list, size_t count)
{
	struct issue_request *requests =
		arena_array(list[0]->session->arena, count, sizeof(*requests));
	struct diag fault = { 0 };
	size_t going = 0;
	status st = OK;

	for (size_t i = 0; requests != NULL && i < count; i++) {
		list[i]->status = fill_request(list[i], &requests[going], &list[i]->fault);
		going += list[i]->status == OK;
	}
	if (requests == NULL) {
		st = diag_set(&fault, NO_MEMORY, NULL, "no memory for an enrolment");
	} else {
		count = enrolling_keep(list, count);
		st = count > 0 ? sign_requests(list, count, requests, &fault) : OK;
	}
	for (size_t i = 0; st != OK && i < count; i++) {
		list[i]->status = st;
		list[i]->fault = fault;
	}
	return enrolling_keep(list, count);
}
