#include "lifecycle/admit.h"

#include "lifecycle/registry.h"
#include "pki/key.h"

#define TRIES 8 /* others change the device at the same time: each time it is judged anew */

/* --- devices --- */

/* Certificate and device, judged, in the caller's snapshot. */
static status
judge(struct session *s, const uint8_t fingerprint[32], struct admission *out, struct diag *d)
{
	status st;

	*out = (struct admission){ .access = ACCESS_REFUSED, .why = "not a device's certificate" };
	st = read_certificate_by_fingerprint(s->reader, s->arena, fingerprint, &out->certificate);
	if (st == OK && out->certificate.device != 0) {
		st = read_device(s->reader, out->certificate.device, &out->device);
		if (st == OK) {
			out->access = identity_judge(
				&out->device, &out->certificate, s->now_s, &out->why);
		} else {
			st = st == NOT_FOUND ? BUG : st;
		}
	}
	out->certificate.der = (span){ NULL, 0 };
	if (st == NOT_FOUND) {
		return diag_set(d, NOT_FOUND, NULL, "nobody here knows this certificate");
	}
	return st == OK ? OK : diag_set(d, st, NULL, "the certificate's record cannot be read");
}

/* Whether the fleet of the device that was judged names him, in the same snapshot. */
static status
judge_via(struct session *s, const struct operator_account *via, struct admission *out,
	struct diag *d)
{
	struct fleet fleet = { 0 };
	status st;

	if (out->device.row == 0) {
		return diag_set(d, NOT_FOUND, NULL, "nobody here knows this certificate");
	}
	st = read_fleet(s->reader, out->device.fleet, &fleet);
	if (st == OK && fleet.est.ra == via->row) {
		return OK;
	}
	out->access = ACCESS_REFUSED;
	if (st != OK) {
		return diag_set(d, st == NOT_FOUND ? BUG : st, NULL,
			"the fleet of the device cannot be read");
	}
	return diag_set(d, DENIED, NULL,
		"operator %s: does not speak for the devices of this fleet (est_ra)", via->name);
}

/* Of a certificate that is used for the first time. */
struct confirming {
	struct decision decision;
	struct outcome outcome;
	struct diag fault; /* of the last attempt */
};

/* One who is not let in yet. */
struct coming {
	struct arrival *arrival;
	struct actor before;	       /* of the session */
	struct confirming *confirming; /* NULL: there has been nothing to confirm */
};

/* True: it is to be confirmed first. */
static bool
judge_one(struct coming *c)
{
	static const struct operator_account nobody;
	struct arrival *a = c->arrival;
	struct session *s = a->session;

	s->actor = c->before;
	a->status = judge(s, a->fingerprint, a->out, &a->diag);
	if (a->status == OK && a->via != NULL) {
		a->status = judge_via(s, a->via, a->out, &a->diag);
	}
	if (a->status != OK || a->out->access == ACCESS_REFUSED) {
		return false;
	}
	/* Not before: a key that ended, or that of a board that was taken out, proves no device at the desk. */
	store_seen(s->life->store, a->out->device.row, s->now_s);
	s->actor = (struct actor){ .kind = ACTOR_DEVICE,
		.account = a->via != NULL ? *a->via : nobody,
		.device = a->out->device.row };
	return a->out->access == ACCESS_FULL && a->out->certificate.status == CERTIFICATE_PENDING;
}

/* In one snapshot. Those that are to be confirmed stay in the list; all others have their answer. */
static size_t
judge_all(struct coming **list, size_t count)
{
	struct reader *reader = list[0]->arrival->session->reader;
	struct diag fault = { 0 };
	status st = reader_begin(reader, &fault);
	size_t still = 0;

	for (size_t i = 0; i < count; i++) {
		struct coming *c = list[i];

		c->arrival->status = st;
		c->arrival->diag = fault;
		if (st == OK && judge_one(c)) {
			list[still++] = c;
		}
	}
	if (st == OK) {
		reader_end(reader);
	}
	return still;
}

static void
refuse(struct coming *c)
{
	static const struct diag no_memory = { .status = NO_MEMORY, .text = "no memory" };
	const struct diag *fault = c->confirming != NULL ? &c->confirming->fault : &no_memory;
	struct arrival *a = c->arrival;

	a->session->actor = c->before;
	a->out->access = ACCESS_REFUSED;
	a->status = diag_set(&a->diag,
		fault->status != OK && fault->status != CONFLICT ? fault->status : UNAVAILABLE,
		NULL, "the new certificate could not be confirmed: %s",
		fault->text[0] != '\0' ? fault->text
				       : "the device changes all the time; try again");
}

/*
 * The first use of a new certificate: it becomes the current one. At the version that was judged, so that it is
 * this certificate, and no newer one, that is confirmed.
 */
static struct deciding
confirmation(struct coming *c)
{
	const struct device *device = &c->arrival->out->device;
	struct confirming *k = c->confirming;

	k->decision = (struct decision){ .version = device->version, .seen = device };
	k->decision.request.event =
		device->state == DEVICE_AWAITING_DEVICE ? EVENT_PROVE : EVENT_ROTATE;
	k->decision.request.is_confirmed = true;
	return (struct deciding){ .session = c->arrival->session,
		.device = device->row,
		.decision = &k->decision,
		.outcome = &k->outcome };
}

/* Those for whom there is memory, to the front of the list; the others are refused. */
static size_t
make_room(struct coming **list, size_t count)
{
	size_t going = 0;

	for (size_t i = 0; i < count; i++) {
		struct coming *c = list[i];

		if (c->confirming == NULL) {
			c->confirming = ARENA_NEW(c->arrival->session->arena, struct confirming);
		}
		if (c->confirming != NULL) {
			list[going++] = c;
		} else {
			refuse(c);
		}
	}
	return going;
}

/* By one commit. Those that stay in the list are looked at again: done by us or, meanwhile, by somebody else. */
static size_t
confirm_all(struct coming **list, size_t count)
{
	struct deciding *all = arena_array(list[0]->arrival->session->arena, count, sizeof(*all));
	size_t still = 0;

	count = make_room(list, count);
	for (size_t i = 0; all != NULL && i < count; i++) {
		all[i] = confirmation(list[i]);
	}
	if (all != NULL && count > 0) {
		decide_many(all, count);
	}
	for (size_t i = 0; i < count; i++) {
		struct coming *c = list[i];
		struct diag *fault = &c->confirming->fault;

		diag_clear(fault);
		if (all == NULL) {
			(void)diag_set(fault, NO_MEMORY, NULL, "no memory");
		} else {
			*fault = all[i].diag;
		}
		if (all != NULL && (all[i].status == OK || all[i].status == CONFLICT)) {
			list[still++] = c;
		} else {
			refuse(c);
		}
	}
	return still;
}

static void
refuse_all(struct arrival *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		*list[i].out = (struct admission){ .access = ACCESS_REFUSED, .why = "no memory" };
		diag_clear(&list[i].diag);
		list[i].status = diag_set(&list[i].diag, NO_MEMORY, NULL, "no memory");
	}
}

void
admit_devices(struct arrival *list, size_t count)
{
	struct arena *a = list[0].session->arena;
	struct coming *all = arena_array(a, count, sizeof(*all));
	struct coming **still = arena_array(a, count, sizeof(struct coming *));

	if (all == NULL || still == NULL) {
		refuse_all(list, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		all[i].arrival = &list[i];
		all[i].before = list[i].session->actor;
		still[i] = &all[i];
	}
	for (int i = 0; count > 0 && i < TRIES; i++) {
		count = judge_all(still, count);
		if (count > 0) {
			count = confirm_all(still, count);
		}
	}
	for (size_t i = 0; i < count; i++) {
		refuse(still[i]);
	}
}

/* `via`: who speaks for it, or NULL. */
static status
admit(struct session *s, const uint8_t fingerprint[32], const struct operator_account *via,
	struct admission *out, struct diag *d)
{
	struct arrival one = { .session = s, .fingerprint = fingerprint, .via = via, .out = out };

	admit_devices(&one, 1);
	if (one.status != OK) {
		(void)diag_copy(d, &one.diag);
	}
	return one.status;
}

status
admit_device(
	struct session *s, const uint8_t fingerprint[32], struct admission *out, struct diag *d)
{
	return admit(s, fingerprint, NULL, out, d);
}

status
admit_device_through(
	struct session *s, const uint8_t fingerprint[32], struct admission *out, struct diag *d)
{
	const struct operator_account ra = s->actor.account;

	if (s->actor.kind != ACTOR_OPERATOR || ra.role != OPERATOR_RA || ra.row == 0) {
		return diag_set(
			d, DENIED, NULL, "only a registration authority speaks for devices");
	}
	return admit(s, fingerprint, &ra, out, d);
}

/* --- operators --- */

static status
take(struct session *s, status st, const struct operator_account *o, struct diag *d)
{
	if (st == NOT_FOUND) {
		return diag_set(d, NOT_FOUND, NULL, "no operator is known by this");
	}
	if (st != OK) {
		return diag_set(d, st, NULL, "the operators cannot be read");
	}
	if (o->is_disabled) {
		return diag_set(d, DENIED, NULL, "operator %s is disabled", o->name);
	}
	s->actor = (struct actor){ .kind = ACTOR_OPERATOR, .account = *o };
	return OK;
}

/* A certificate of ours that has ended opens nothing any more. NOT_FOUND: not one of ours, pinned by fingerprint alone. */
static status
judge_certificate(struct session *s, const uint8_t fingerprint[32], struct diag *d)
{
	struct certificate k;
	status st = read_certificate_by_fingerprint(s->reader, s->arena, fingerprint, &k);

	if (st != OK) {
		return st == NOT_FOUND ? OK : st;
	}
	if (k.status != CERTIFICATE_CURRENT && k.status != CERTIFICATE_PENDING) {
		return diag_set(d, DENIED, NULL, "the operator's certificate is %s",
			certificate_status_name(k.status));
	}
	if (s->now_s < k.not_before_s || s->now_s > k.not_after_s) {
		return diag_set(d, DENIED, NULL,
			"the operator's certificate has expired, or is not valid yet");
	}
	return OK;
}

status
admit_operator_certificate(struct session *s, const uint8_t fingerprint[32], struct diag *d)
{
	struct operator_account o = { 0 };
	status st = reader_begin(s->reader, d), judged = OK;

	if (st != OK) {
		return st;
	}
	st = read_operator_by_certificate(s->reader, fingerprint, &o);
	if (st == OK) {
		judged = judge_certificate(s, fingerprint, d);
	}
	reader_end(s->reader);
	return judged != OK ? judged : take(s, st, &o, d);
}

/*
 * Looked up by its hash: how long that takes tells nothing of a token, as nobody can steer the hash of a guess
 * towards a stored one.
 */
status
admit_operator_token(struct session *s, span token, struct diag *d)
{
	struct operator_account o = { 0 };
	uint8_t digest[32];
	status st;

	if (token.len >= TOKEN_TEXT_MAX || !span_is(span_slice(token, 0, 4), "tnr_")) {
		return diag_set(d, NOT_FOUND, NULL, "this is no operator's token");
	}
	sha256(token, digest);
	st = reader_begin(s->reader, d);
	if (st != OK) {
		return st;
	}
	st = read_operator_by_token(s->reader, digest, &o);
	reader_end(s->reader);
	return take(s, st, &o, d);
}
