#include "lifecycle/enrol.h"

#include "base/text.h"
#include "lifecycle/enrolling.h"
#include "pki/certificate.h"

/*
 * Read and judge in one snapshot -> the signer signs -> one decision commits certificate, device and ledger entry ->
 * only then the answer. A certificate that was signed and not committed never leaves the server: its index is a hole.
 */
#define TRIES \
	4 /* against others who change the device, or send the same request, at the same time */

/* --- the request by itself --- */

/* Who has the key sits at this end of this connection (RFC 7030 3.5): nobody forwards another's request. */
static status
judge_link(const struct enrolling *e, struct diag *d)
{
	const struct enrolment *asked = e->enrolment;
	bool is_unique = asked->tls_unique.len > 0;
	span attribute = csr_attribute(&e->csr, OID_CHALLENGE_PASSWORD), password;
	struct der_cursor c = der_cursor_of(attribute, "RFC 2985 5.4.1", d);
	const char *name = is_unique ? "tls-unique" : "tls-exporter (RFC 9266)";
	const char *wanted;
	uint8_t tag;
	status st;

	if (!asked->must_link && (attribute.len == 0 || !is_unique)) {
		return OK;
	}
	if (attribute.len == 0 || (!is_unique && asked->tls_exporter.len == 0)) {
		return diag_set(d, BAD_INPUT, "RFC 7030 3.5",
			"this fleet wants a request to be linked to its connection: by base64 of "
			"%s as "
			"its challengePassword",
			name);
	}
	st = der_read_string(&c, "challengePassword", &tag, &password);
	if (st != OK) {
		return st;
	}
	wanted = base64_encode(
		e->session->arena, is_unique ? asked->tls_unique : asked->tls_exporter);
	if (wanted == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an enrolment");
	}
	return span_equal_secret(password, span_text(wanted))
		       ? OK
		       : diag_set(d, BAD_INPUT, "RFC 7030 3.5",
				 "the request's challengePassword is not this connection's %s: %s",
				 name, asked->must_link ? "link it" : "leave it out, or link it");
}

static status
read_request(struct enrolling *e, struct diag *d)
{
	const struct public_key *made = e->enrolment->made;
	status st = made != NULL ? csr_read_unproven(e->enrolment->csr, &e->csr, d)
				 : csr_read(e->enrolment->csr, &e->csr, d);

	if (st != OK) {
		return st;
	}
	if (made != NULL) {
		e->csr.key = *made;
	}
	if (e->csr.key.kind != KEY_P256) {
		return diag_set(d, BAD_INPUT, "RFC 5480 2.1.1.1",
			"the request's key is %s: operational keys are P-256",
			key_kind_name(e->csr.key.kind));
	}
	public_key_hash(&e->csr.key, e->key_hash);
	sha256_two(
		e->enrolment->csr, made != NULL ? made->spki : span_of(NULL, 0), e->request_hash);
	sha256(csr_attribute(&e->csr, OID_EVIDENCE), e->evidence_hash);
	return judge_link(e, d);
}

/* The GeneralNames asked for by extensionRequest, empty where there are none. */
static status
requested_alt_names(const struct csr *csr, span *out, struct diag *d)
{
	struct der_cursor list = der_cursor_of(csr->extensions, "RFC 5280 4.1", d), extension;
	span type, value;
	status st = OK;

	*out = span_of(NULL, 0);
	while (st == OK && !der_at_end(&list)) {
		bool critical;

		st = der_enter(&list, DER_SEQUENCE, "Extension", &extension);
		if (st == OK) {
			st = der_read_oid(&extension, "extnID", &type);
		}
		if (st == OK && der_next_is(&extension, DER_BOOLEAN)) {
			st = der_read_boolean(&extension, "critical", &critical);
		}
		if (st == OK) {
			st = der_read(&extension, DER_OCTET_STRING, "extnValue", &value);
		}
		if (st == OK && oid_is(type, OID_SUBJECT_ALT_NAME)) {
			struct der_cursor names = der_cursor_of(value, "RFC 5280 4.2.1.6", d);

			st = der_read(&names, DER_SEQUENCE, "SubjectAltName", out);
		}
	}
	return st;
}

/* Where a renewal names itself, it names what it is (RFC 7030 4.2.2). What is issued has our names in any case. */
static status
judge_names(const struct enrolling *e, struct diag *d)
{
	struct session *s = e->session;
	struct certificate_view view;
	struct certificate presented;
	span asked;
	status st = read_certificate(s->reader, s->arena, e->presented.row, &presented);

	if (st != OK) {
		return diag_set(d, st, NULL, "the certificate that is renewed cannot be read");
	}
	st = certificate_read(presented.der, &view, d);
	if (st == OK) {
		st = requested_alt_names(&e->csr, &asked, d);
	}
	if (st != OK) {
		return st;
	}
	if (e->csr.subject.count > 0 && !name_equal(&e->csr.subject, &view.subject)) {
		return diag_set(d, BAD_INPUT, "RFC 7030 4.2.2",
			"the request's subject is not that of the certificate which it renews; "
			"leave it empty "
			"or repeat it");
	}
	if (asked.len > 0 && !span_equal(asked, view.alt_names)) {
		return diag_set(d, BAD_INPUT, "RFC 7030 4.2.2",
			"the request's subjectAltName is not that of the certificate which it "
			"renews; leave it "
			"out or repeat it");
	}
	return OK;
}

/* --- one look at what is stored --- */

static status
read_policy(struct enrolling *e, struct diag *d)
{
	struct session *s = e->session;
	status st = read_fleet(s->reader, e->device.fleet, &e->fleet);

	if (st == OK) {
		st = read_authority(s->reader, s->arena, e->fleet.authority, &e->issuer);
	}
	if (st == OK && e->fleet.maker != 0) {
		st = read_owner(s->reader, e->fleet.maker, &e->maker);
	}
	return st == OK ? OK : diag_set(d, st, NULL, "the fleet of the device cannot be read");
}

/*
 * Who asks. At first as admission saw him: whatever ends a device's right changes the device, and the commit holds only for
 * the version that was looked at. Who was too late for that is read anew, as is who has his answer without a commit.
 */
static status
read_asking(struct enrolling *e, bool anew)
{
	struct session *s = e->session;
	const struct admission *who = e->enrolment->who;
	status st;

	if (!anew) {
		e->device = who->device;
		e->presented = who->certificate;
		return OK;
	}
	st = read_device(s->reader, who->device.row, &e->device);
	return st == OK ? read_certificate(s->reader, s->arena, who->certificate.row, &e->presented)
			: st;
}

static status
read_presented(struct enrolling *e, bool anew, struct diag *d)
{
	struct session *s = e->session;
	const char *why = "";
	enum access access;
	status st = read_asking(e, anew);

	if (st != OK) {
		return diag_set(d, st, NULL, "the device's record cannot be read");
	}
	access = identity_judge(&e->device, &e->presented, s->now_s, &why);
	if (access != ACCESS_ENROLMENT && access != ACCESS_FULL) {
		return diag_set(d, DENIED, NULL, "enrolment is not open: %s", why);
	}
	if (e->enrolment->is_renewal && access != ACCESS_FULL) {
		return diag_set(d, DENIED, "RFC 7030 4.2.2",
			"a renewal is asked for with the operational identity; with another one "
			"use simpleenroll");
	}
	/* With the operational identity it is a renewal, whatever the path that it came by. */
	return access == ACCESS_FULL ? judge_names(e, d) : OK;
}

/* The very same request: its certificate, while that may be used. */
static status
read_stored(struct enrolling *e, struct diag *d)
{
	struct session *s = e->session;
	status st = read_certificate_by_request(
		s->reader, s->arena, e->device.row, e->request_hash, &e->stored);

	if (st == NOT_FOUND || (st == OK && e->stored.status != CERTIFICATE_PENDING &&
				       e->stored.status != CERTIFICATE_CURRENT)) {
		e->stored.row = 0;
		return OK;
	}
	return st == OK ? OK : diag_set(d, st, NULL, "the device's certificates cannot be read");
}

/* What the fleet let somebody do when he came it lets him do still; and he is somebody still. */
static status
judge_way(const struct enrolling *e, struct diag *d)
{
	struct operator_account speaker = { 0 };
	int64_t via = e->session->actor.account.row;
	status st = via != 0 ? read_operator(e->session->reader, via, &speaker) : OK;

	if (st != OK) {
		return diag_set(d, st, NULL, "the operator's record cannot be read");
	}
	if (via != 0 && (e->fleet.est.ra != via || speaker.is_disabled)) {
		return diag_set(d, DENIED, NULL,
			"operator %s: does not speak for the devices of this fleet (est_ra)",
			e->session->actor.account.name);
	}
	if (e->enrolment->made != NULL && !e->fleet.est.makes_keys) {
		return diag_set(d, DENIED, "RFC 7030 4.4",
			"keys of this fleet's devices are made where they stay");
	}
	return OK;
}

static status
judge_new(struct enrolling *e, struct diag *d)
{
	struct session *s = e->session;
	bool is_known = true;
	status st = judge_way(e, d);

	if (st == OK) {
		st = prove_key(s, &e->device, &e->fleet, &e->csr, &e->proof, d);
	}
	if (st != OK) {
		return st;
	}
	st = read_key_is_known(s->reader, e->key_hash, &is_known);
	if (st != OK) {
		return diag_set(d, st, NULL, "the known keys cannot be read");
	}
	if (is_known) {
		return diag_set(d, EXISTS, NULL,
			"the request's key was seen before: make a new one for each certificate");
	}
	if (e->issuer.kind != AUTHORITY_ISSUING || !e->issuer.has_key) {
		return diag_set(d, CONFLICT, NULL, "authority %s of fleet %s does not issue here",
			e->issuer.name, e->fleet.name);
	}
	return store_index_take(s->life->store, s->reader, e->issuer.row, &e->index, d);
}

static status
look(struct enrolling *e, struct diag *d)
{
	bool is_first = e->seen_version < 0;
	status st = read_presented(e, !is_first, d);

	if (st == OK) {
		st = read_stored(e, d);
	}
	if (st == OK && e->stored.row != 0 && is_first) {
		st = read_presented(e, true, d);
	}
	if (st == OK && e->stored.row == 0) {
		st = read_policy(e, d);
		if (st == OK) {
			st = judge_new(e, d);
		}
	}
	return st;
}

/* All of them in one snapshot. */
static void
look_all(struct enrolling *const *list, size_t count)
{
	struct reader *reader = list[0]->session->reader;
	struct diag fault = { 0 };
	status st = reader_begin(reader, &fault);

	for (size_t i = 0; i < count; i++) {
		struct enrolling *e = list[i];

		e->fault = fault;
		e->status = st == OK ? look(e, &e->fault) : st;
	}
	if (st == OK) {
		reader_end(reader);
	}
}

/* --- the decision --- */

static struct deciding
decision_of(struct enrolling *e)
{
	e->decision = (struct decision){ .version = e->device.version,
		.seen = &e->device,
		.policy = &e->fleet,
		.issued = &e->certificate,
		.extend = prove_extend,
		.context = &e->proof };
	e->decision.request.event =
		e->device.state == DEVICE_AWAITING_DEVICE ? EVENT_PROVE : EVENT_ROTATE;
	e->decision.evidence = e->proof.evidence.der.len > 0 ? e->evidence_hash : NULL;
	return (struct deciding){ .session = e->session,
		.device = e->device.row,
		.decision = &e->decision,
		.outcome = e->outcome };
}

static void
record_all(struct enrolling *const *list, size_t count)
{
	struct deciding *all = arena_array(list[0]->session->arena, count, sizeof(*all));

	for (size_t i = 0; all != NULL && i < count; i++) {
		all[i] = decision_of(list[i]);
	}
	if (all != NULL) {
		decide_many(all, count);
	}
	for (size_t i = 0; i < count; i++) {
		struct enrolling *e = list[i];

		if (all != NULL) {
			e->fault = all[i].diag;
		} else {
			(void)diag_set(&e->fault, NO_MEMORY, NULL, "no memory for an enrolment");
		}
		e->status = all != NULL ? all[i].status : NO_MEMORY;
	}
}

/* --- all of it --- */

/* What has its answer by the look alone leaves the list. */
static size_t
answer_known(struct enrolling **list, size_t count)
{
	size_t going = 0;

	for (size_t i = 0; i < count; i++) {
		struct enrolling *e = list[i];

		if (e->stored.row == 0) {
			list[going++] = e;
			continue;
		}
		e->outcome->device = e->device;
		e->outcome->certificate = e->stored;
	}
	return going;
}

/* Each once. The list is used up. */
static void
try_all(struct enrolling **list, size_t count)
{
	look_all(list, count);
	count = enrolling_keep(list, count);
	count = answer_known(list, count);
	if (count > 0) {
		count = enrolling_sign(list, count);
	}
	if (count > 0) {
		record_all(list, count);
	}
}

/*
 * Somebody was quicker: another request of the device, this very one a second time, or the fleet's policy is another. The
 * next look sees what came of it. Nothing new to see: the refusal is meant.
 */
static bool
must_try_again(struct enrolling *e)
{
	bool is_late = (e->status == CONFLICT || e->status == EXISTS) &&
		       (e->device.version != e->seen_version || e->fleet.version != e->seen_policy);

	e->seen_version = e->device.version;
	e->seen_policy = e->fleet.version;
	return is_late;
}

/* Again all together, so that one who asks many times for one device does not hold up the others. */
static void
try_until_settled(struct enrolling **list, size_t count, struct enrolling **trying)
{
	for (int i = 0; count > 0 && i < TRIES; i++) {
		size_t late = 0;

		memcpy(trying, list, count * sizeof(struct enrolling *));
		try_all(trying, count);
		for (size_t k = 0; k < count; k++) {
			if (must_try_again(list[k])) {
				list[late++] = list[k];
			}
		}
		count = late;
	}
}

/* NULL: its request is refused by itself. */
static struct enrolling *
begin(struct applicant *a)
{
	struct enrolling *e = ARENA_NEW(a->session->arena, struct enrolling);

	*a->outcome = (struct outcome){ 0 };
	diag_clear(&a->diag);
	if (e == NULL) {
		a->status = diag_set(&a->diag, NO_MEMORY, NULL, "no memory for an enrolment");
		return NULL;
	}
	e->session = a->session;
	e->enrolment = a->enrolment;
	e->outcome = a->outcome;
	e->seen_version = -1;
	a->status = read_request(e, &a->diag);
	return a->status == OK ? e : NULL;
}

static void
refuse_all(struct applicant *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		diag_clear(&list[i].diag);
		list[i].status =
			diag_set(&list[i].diag, NO_MEMORY, NULL, "no memory for an enrolment");
	}
}

void
enrol_devices(struct applicant *list, size_t count)
{
	struct arena *a = list[0].session->arena;
	struct enrolling **all = arena_array(a, count, sizeof(struct enrolling *));
	/* Twice as many: whoever is on his way, and whoever is of the present try. */
	struct enrolling **going = arena_array(a, 2 * count, sizeof(struct enrolling *));
	size_t going_count = 0;

	if (all == NULL || going == NULL) {
		refuse_all(list, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		all[i] = begin(&list[i]);
		if (all[i] != NULL) {
			going[going_count++] = all[i];
		}
	}
	try_until_settled(going, going_count, going + count);
	for (size_t i = 0; i < count; i++) {
		if (all[i] != NULL) {
			list[i].status = all[i]->status;
			list[i].diag = all[i]->fault;
		}
	}
}

status
enrol_device(
	struct session *s, const struct enrolment *enrolment, struct outcome *o, struct diag *d)
{
	struct applicant one = { .session = s, .enrolment = enrolment, .outcome = o };

	enrol_devices(&one, 1);
	if (one.status != OK) {
		(void)diag_copy(d, &one.diag);
	}
	return one.status;
}
