/*
 * A certificate's end stands in three places: its own row (CRL and OCSP read it), the deny feed, and the device's
 * record (who opens which door). Each function here changes all that apply in one transaction, also when
 * it makes a reason worse.
 */
#include "lifecycle/revoke.h"

#include "lifecycle/effect.h"
#include "lifecycle/look.h"

/* --- reasons ------------------------------------------------------------------ */

static status
check_reason(enum revocation_reason reason, struct diag *d)
{
	if (revocation_severity(reason) > 0) {
		return OK;
	}
	return diag_set(d, BAD_INPUT, "RFC 5280 5.3.1",
		"reason %s: give keyCompromise, affiliationChanged, superseded, "
		"cessationOfOperation or privilegeWithdrawn (to hold a device, suspend it)",
		revocation_reason_name(reason));
}

/* EXISTS, without words: it is revoked for this reason already. */
static status
check_worse(const struct certificate *k, enum revocation_reason reason, struct diag *d)
{
	if (k->status != CERTIFICATE_REVOKED) {
		return OK;
	}
	if (k->reason == reason) {
		return EXISTS;
	}
	if (revocation_severity(reason) > revocation_severity(k->reason)) {
		return OK;
	}
	return diag_set(d, CONFLICT, NULL,
		"the certificate is revoked for %s already, which is worse than %s",
		revocation_reason_name(k->reason), revocation_reason_name(reason));
}

/* --- the device's -------------------------------------------------------------- */

static status
revoke_at(struct session *s, const struct device *looked, enum device_event event,
	enum revocation_reason reason, struct outcome *o, struct diag *d)
{
	struct decision decision = {
		.request = { .event = event }, .version = looked->version, .reason = reason
	};

	return decide(s, looked->row, &decision, o, d);
}

status
revoke_operational(struct session *s, int64_t device, enum revocation_reason reason,
	struct outcome *o, struct diag *d)
{
	struct decision decision = { .request = { .event = EVENT_REVOKE_OPERATIONAL },
		.reason = reason };
	status result = check_reason(reason, d);

	return result == OK ? decide(s, device, &decision, o, d) : result;
}

status
revoke_birth(struct session *s, int64_t device, enum revocation_reason reason, struct outcome *o,
	struct diag *d)
{
	struct device looked = { 0 };
	status result = check_reason(reason, d);

	if (result == OK) {
		result = look_device(s, device, &looked, d);
	}
	if (result != OK) {
		return result;
	}
	if (looked.birth_certificate == 0) {
		return diag_set(d, CONFLICT, NULL,
			"the device has no birth identity: revoke its operational key, or retire "
			"it");
	}
	if (looked.birth_is_denied) {
		return revoke_certificate(s, looked.birth_certificate, reason, o, d);
	}
	return revoke_at(s, &looked, EVENT_REVOKE_BIRTH, reason, o, d);
}

/* --- a certificate that waits for its first use ------------------------------------- */

struct taking_back {
	struct certificate certificate;
	enum revocation_reason reason;
};

static status
take_back(struct session *s, void *context, struct device *device, struct change *c, struct diag *d)
{
	struct taking_back *t = context;
	struct fleet fleet;
	status result = read_fleet(s->reader, device->fleet, &fleet);

	if (result != OK) {
		return diag_set(d, result, NULL, "the device's fleet cannot be read");
	}
	if ((session_roles(s, device, fleet.maker) & machine_roles(EVENT_REVOKE_OPERATIONAL)) ==
		0) {
		return diag_set(d, DENIED, NULL, "not for this asker");
	}
	if (device->pending_certificate != t->certificate.row) {
		return diag_set(
			d, CONFLICT, NULL, "the certificate does not wait for its first use");
	}
	device->pending_certificate = 0;
	change_certificate_status(c, t->certificate.row, 1u << CERTIFICATE_PENDING,
		CERTIFICATE_REVOKED, s->now_s, t->reason);
	return session_deny(s, c, &t->certificate, DENY_REVOKE, t->reason, d);
}

static status
end_pending(struct session *s, struct taking_back *t, struct outcome *o, struct diag *d)
{
	struct step step = { .event = "revoke-certificate",
		.reason_word = revocation_reason_name(t->reason),
		.certificate = &t->certificate,
		.apply = take_back,
		.context = t };
	status result = decide_step(s, t->certificate.device, &step, o, d);

	if (result == OK && o != NULL) {
		o->certificate = t->certificate;
		o->certificate.status = CERTIFICATE_REVOKED;
		o->certificate.reason = t->reason;
		o->certificate.revoked_s = s->now_s;
	}
	return result;
}

/* --- any certificate ------------------------------------------------------------------ */

struct looked {
	struct certificate certificate;
	struct device device; /* row 0: none */
};

static status
no_such_certificate(struct diag *d)
{
	return diag_set(d, NOT_FOUND, NULL, "there is no such certificate");
}

static status
look_certificate(struct session *s, int64_t row, struct looked *out, struct diag *d)
{
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	result = read_certificate(s->reader, s->arena, row, &out->certificate);
	if (result == OK && out->certificate.device != 0) {
		result = read_device(s->reader, out->certificate.device, &out->device);
	}
	reader_end(s->reader);
	if (result == NOT_FOUND ||
		(result == OK && out->device.row != 0 && !session_may_see(s, &out->device))) {
		return no_such_certificate(d);
	}
	if (result == OK && out->device.row == 0) {
		return session_need_maker(s, "certificates that are no device's", d);
	}
	return result == OK ? OK : diag_set(d, result, NULL, "the certificate cannot be read");
}

/* The rows that say it: its own, the deny feed, and the operator who came in by it. */
static status
mark_revoked(struct session *s, const struct certificate *k, enum revocation_reason reason,
	struct change *c, struct diag *d)
{
	struct operator_account *who;

	if (k->status == CERTIFICATE_REVOKED) {
		change_certificate_reason(c, k->row, k->reason, reason);
	} else {
		/* One that ended before keeps its date: it was refused since then. */
		change_certificate_status(c, k->row, 1u << k->status, CERTIFICATE_REVOKED,
			k->revoked_s != 0 ? k->revoked_s : s->now_s, reason);
	}
	if (k->kind == CERTIFICATE_OPERATOR) {
		who = ARENA_NEW(s->arena, struct operator_account);
		if (who == NULL) {
			return diag_set(d, NO_MEMORY, NULL, "no memory for a revocation");
		}
		if (read_operator_by_certificate(s->reader, k->fingerprint, who) == OK) {
			memset(who->certificate_fingerprint, 0,
				sizeof(who->certificate_fingerprint));
			change_operator_set(c, who);
		}
	}
	return session_deny(s, c, k, DENY_REVOKE, reason, d);
}

struct marking {
	struct certificate certificate;
	enum revocation_reason reason;
};

static status
mark_of_device(
	struct session *s, void *context, struct device *device, struct change *c, struct diag *d)
{
	struct marking *m = context;
	status result = session_need_maker(s, "revoke a certificate", d);

	if (result == OK) {
		result = read_certificate(s->reader, s->arena, m->certificate.row, &m->certificate);
	}
	if (result == OK) {
		result = check_worse(&m->certificate, m->reason, d);
	}
	if (result != OK) {
		return result;
	}
	if (device->last_good_certificate == m->certificate.row &&
		m->reason == REASON_KEY_COMPROMISE) {
		device->last_good_certificate = 0; /* a compromised key is no way in */
	}
	return mark_revoked(s, &m->certificate, m->reason, c, d);
}

static status
mark_alone(struct session *s, struct marking *m, struct outcome *o, struct diag *d)
{
	const struct certificate *k = &m->certificate;
	struct change *c = change_new(s->arena);
	struct ledger_entry e;
	status result = check_worse(k, m->reason, d);

	if (result == OK && c == NULL) {
		result = diag_set(d, NO_MEMORY, NULL, "no memory for a revocation");
	}
	if (result == OK) {
		result = reader_begin(s->reader, d);
	}
	if (result != OK) {
		return result;
	}
	result = mark_revoked(s, k, m->reason, c, d);
	reader_end(s->reader);
	if (result != OK) {
		return result;
	}
	session_entry(s, "revoke-certificate", &e);
	e.certificate = k->fingerprint;
	e.serial = span_of(k->serial, k->serial_len);
	e.object = certificate_kind_name(k->kind);
	e.reason = revocation_reason_name(m->reason);
	return session_record(s, c, &e, o, d);
}

static status
mark(struct session *s, const struct looked *looked, enum revocation_reason reason,
	struct outcome *o, struct diag *d)
{
	struct marking m = { .certificate = looked->certificate, .reason = reason };
	struct step step = { .event = "revoke-certificate",
		.reason_word = revocation_reason_name(reason),
		.certificate = &m.certificate,
		.apply = mark_of_device,
		.context = &m };
	status result;

	o->certificate = looked->certificate;
	o->certificate.status = CERTIFICATE_REVOKED;
	o->certificate.reason = reason;
	if (o->certificate.revoked_s == 0) {
		o->certificate.revoked_s = s->now_s;
	}
	result = looked->device.row != 0 ? decide_step(s, looked->device.row, &step, o, d)
					 : mark_alone(s, &m, o, d);
	if (result == EXISTS && m.certificate.status == CERTIFICATE_REVOKED &&
		m.certificate.reason == reason) {
		o->device = looked->device;
		return OK; /* the same again: said already */
	}
	return result;
}

status
revoke_certificate(struct session *s, int64_t certificate, enum revocation_reason reason,
	struct outcome *o, struct diag *d)
{
	struct outcome unwanted = { 0 };
	struct looked looked = { 0 };
	const struct certificate *k = &looked.certificate;
	status result = check_reason(reason, d);
	bool is_alive;

	o = o != NULL ? o : &unwanted;
	if (result == OK) {
		result = look_certificate(s, certificate, &looked, d);
	}
	if (result != OK) {
		return result;
	}
	is_alive = k->status == CERTIFICATE_PENDING || k->status == CERTIFICATE_CURRENT;
	if (k->kind == CERTIFICATE_OPERATIONAL && looked.device.row != 0 && is_alive) {
		struct taking_back t = { .certificate = *k, .reason = reason };

		/* Nothing is in use yet that could end: only the new one is taken back. */
		return looked.device.state == DEVICE_AWAITING_DEVICE
			       ? end_pending(s, &t, o, d)
			       : revoke_at(
					 s, &looked.device, EVENT_REVOKE_OPERATIONAL, reason, o, d);
	}
	if (k->kind == CERTIFICATE_BIRTH && looked.device.birth_certificate == k->row &&
		!looked.device.birth_is_denied) {
		return revoke_at(s, &looked.device, EVENT_REVOKE_BIRTH, reason, o, d);
	}
	return mark(s, &looked, reason, o, d);
}

/* --- for a while, and beside the state -------------------------------------------------- */

status
suspend_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	struct decision decision = { .request = { .event = EVENT_SUSPEND } };

	return decide(s, device, &decision, o, d);
}

status
resume_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	struct decision decision = { .request = { .event = EVENT_RESUME } };

	return decide(s, device, &decision, o, d);
}

status
mark_device(struct session *s, int64_t device, enum mark mark, bool is_set, struct outcome *o,
	struct diag *d)
{
	struct decision decision = { .request = { .event = is_set ? EVENT_MARK : EVENT_UNMARK,
					     .mark = mark } };

	if (mark != MARK_STOLEN && mark != MARK_DISPUTED && mark != MARK_LEGAL_HOLD) {
		return diag_set(
			d, BAD_INPUT, NULL, "a mark is one of stolen, disputed and legal-hold");
	}
	return decide(s, device, &decision, o, d);
}
