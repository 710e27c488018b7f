#include "lifecycle/effect.h"

#include "fleet/rotation.h"

#define BIT(status) (1u << (status))
#define NOT_REVOKED                                                                          \
	(BIT(CERTIFICATE_PENDING) | BIT(CERTIFICATE_CURRENT) | BIT(CERTIFICATE_SUPERSEDED) | \
		BIT(CERTIFICATE_WITHDRAWN))

int
revocation_severity(enum revocation_reason r)
{
	switch (r) {
	case REASON_SUPERSEDED:
		return 1;
	case REASON_CESSATION_OF_OPERATION:
		return 2;
	case REASON_AFFILIATION_CHANGED:
		return 3;
	case REASON_PRIVILEGE_WITHDRAWN:
		return 4;
	case REASON_KEY_COMPROMISE:
		return 5;
	default:
		return 0;
	}
}

/* --- reading ------------------------------------------------------------------ */

static status
read_one_certificate(const struct session *s, int64_t row, struct certificate *out, struct diag *d)
{
	status result;

	if (row == 0) {
		return OK;
	}
	result = read_certificate(s->reader, s->arena, row, out);
	return result == OK ? OK
			    : diag_set(d, result == NOT_FOUND ? BUG : result, NULL,
				      "a certificate of the device cannot be read");
}

/* The one kind of event that comes from every device, again and again: it touches no birth identity and no claim code. */
static bool
is_rotation(const struct ruling *r)
{
	enum device_event e = r->decision->request.event;

	return e == EVENT_PROVE || e == EVENT_ROTATE;
}

static status
read_certificates(const struct session *s, struct ruling *r, struct diag *d)
{
	status result = read_one_certificate(s, r->before.current_certificate, &r->current, d);

	if (result == OK) {
		result = read_one_certificate(s, r->before.pending_certificate, &r->pending, d);
	}
	if (result == OK && !is_rotation(r)) {
		result = read_one_certificate(s, r->before.birth_certificate, &r->birth, d);
	}
	if (result == OK) {
		result = read_one_certificate(
			s, r->decision->new_birth_certificate, &r->new_birth, d);
	}
	return result;
}

/* What may be absent. */
static status
may_lack(status s, struct diag *d)
{
	return s == OK || s == NOT_FOUND
		       ? OK
		       : diag_set(d, s, NULL, "the device's records cannot be read");
}

status
effect_read(const struct session *s, struct ruling *r, struct diag *d)
{
	status result = read_certificates(s, r, d);

	if (result == OK && r->before.offer != 0) {
		result = may_lack(read_offer(s->reader, r->before.offer, &r->offer), d);
	}
	if (result == OK && !is_rotation(r)) {
		result = may_lack(read_claim_code(s->reader, r->before.row, &r->code), d);
	}
	if (result == OK && r->before.state == DEVICE_RETURNED) {
		result = may_lack(read_open_case(s->reader, r->before.row, &r->warranty), d);
	}
	return result;
}

/* --- certificates ---------------------------------------------------------------- */

/* The same word about the two that the device may hold. */
static status
deny_operational(struct session *s, struct ruling *r, struct change *c, enum deny_action action,
	struct diag *d)
{
	enum revocation_reason reason = action == DENY_REVOKE ? r->reason : REASON_CERTIFICATE_HOLD;
	status result = OK;

	if (r->current.row != 0) {
		result = session_deny(s, c, &r->current, action, reason, d);
	}
	if (result == OK && r->pending.row != 0) {
		result = session_deny(s, c, &r->pending, action, reason, d);
	}
	return result;
}

/*
 * What a device had before goes on the lists now, whatever its fleet says of rotations: that policy trusts the device with
 * its own old keys. A former owner, or the finder of a suspended device, may hold one of them, and whoever goes by
 * CRL or OCSP alone would let it in until it expires.
 */
static void
list_former(const struct session *s, const struct ruling *r, struct change *c)
{
	change_certificates_list_ended(c, r->before.row, s->now_s);
}

static status
end_operational(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	struct device *after = &r->after;

	after->current_certificate = 0;
	after->pending_certificate = 0;
	after->renew_after_s = 0;
	/* A compromised key is no way in; the one before it may still be. */
	if (r->current.row != 0 && r->reason != REASON_KEY_COMPROMISE) {
		after->last_good_certificate = r->current.row;
	}
	list_former(s, r, c);
	if (r->current.row == 0 && r->pending.row == 0) {
		return OK;
	}
	change_certificates_of_device(c, after->row, CERTIFICATE_REVOKED, s->now_s, r->reason);
	return deny_operational(s, r, c, DENY_REVOKE, d);
}

/* Its first use makes the new one current, and only then the former one ends. */
static status
confirm(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	struct device *after = &r->after;

	change_certificate_status(c, r->pending.row, BIT(CERTIFICATE_PENDING), CERTIFICATE_CURRENT,
		0, REASON_UNSPECIFIED);
	change_certificate_used(c, r->pending.row, s->now_s);
	after->current_certificate = r->pending.row;
	after->pending_certificate = 0;
	after->last_good_certificate = r->current.row;
	after->renew_after_s = rotation_renew_after(
		&r->fleet, after, r->pending.not_before_s, r->pending.not_after_s);
	if (r->current.row == 0) {
		return OK;
	}
	change_certificate_status(c, r->current.row, BIT(CERTIFICATE_CURRENT),
		CERTIFICATE_SUPERSEDED, s->now_s, REASON_SUPERSEDED);
	return session_deny(s, c, &r->current, DENY_SUPERSEDE, REASON_SUPERSEDED, d);
}

/* At most one certificate waits for its first use: an older one is taken back. */
static status
add_issued(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	struct certificate *issued = r->decision->issued;

	issued->kind = CERTIFICATE_OPERATIONAL;
	issued->status = CERTIFICATE_PENDING;
	issued->device = r->before.row;
	issued->owner = r->before.owner;
	change_certificate_add(c, issued);
	change_link(c, &r->after.pending_certificate, CHANGE_REF(issued));
	r->after.key_generation++;
	if (r->pending.row == 0) {
		return OK;
	}
	change_certificate_status(c, r->pending.row, BIT(CERTIFICATE_PENDING),
		CERTIFICATE_WITHDRAWN, s->now_s, REASON_SUPERSEDED);
	return session_deny(s, c, &r->pending, DENY_REVOKE, REASON_SUPERSEDED, d);
}

static status
deny_birth(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	const struct certificate *k = &r->birth;

	if (k->row == 0) {
		return OK;
	}
	if (k->status != CERTIFICATE_REVOKED) {
		change_certificate_status(
			c, k->row, NOT_REVOKED, CERTIFICATE_REVOKED, s->now_s, r->reason);
	} else if (revocation_severity(r->reason) > revocation_severity(k->reason)) {
		change_certificate_reason(c, k->row, k->reason, r->reason);
	} else {
		return OK; /* denied already, for as bad a reason */
	}
	return session_deny(s, c, k, DENY_REVOKE, r->reason, d);
}

static status
write_certificates(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	status result = OK;

	if ((r->effects & EFFECT_REVOKE_OPERATIONAL) != 0) {
		result = end_operational(s, r, c, d);
	}
	if (result == OK && (r->effects & EFFECT_DENY_OPERATIONAL) != 0) {
		list_former(s, r, c);
		result = deny_operational(s, r, c, DENY_SUSPEND, d);
	}
	if (result == OK && (r->effects & EFFECT_RESTORE) != 0) {
		result = deny_operational(s, r, c, DENY_RESTORE, d);
	}
	if (result == OK && (r->effects & EFFECT_DENY_BIRTH) != 0) {
		result = deny_birth(s, r, c, d);
	}
	if (result == OK && (r->effects & EFFECT_CONFIRM_PENDING) != 0) {
		result = confirm(s, r, c, d);
	}
	if (result == OK && r->decision->issued != NULL) {
		result = add_issued(s, r, c, d);
	}
	if ((r->effects & EFFECT_ORDER_RENEWAL) != 0) {
		r->after.renew_after_s = s->now_s;
	}
	if (r->after.state == DEVICE_RETIRED) {
		r->after.last_good_certificate = 0;
	}
	return result;
}

/* --- ownership --------------------------------------------------------------------- */

static enum offer_status
offer_end(const struct ruling *r)
{
	if ((r->effects & EFFECT_TAKE_OFFER) != 0) {
		return OFFER_ACCEPTED;
	}
	switch ((r->effects & EFFECT_END_OFFER) != 0 ? r->decision->request.event
						     : DEVICE_EVENT_COUNT) {
	case EVENT_CANCEL:
		return OFFER_CANCELLED;
	case EVENT_DECLINE:
		return OFFER_DECLINED;
	case EVENT_TIME_OUT:
		return OFFER_TIMED_OUT;
	default:
		return OFFER_VOID;
	}
}

static status
write_offer(struct ruling *r, struct change *c, struct diag *d)
{
	struct offer *new_offer = r->decision->offer;

	if ((r->effects & EFFECT_OPEN_OFFER) != 0) {
		if (new_offer == NULL) {
			return diag_set(
				d, BUG, NULL, "an offer is to be opened, and none is given");
		}
		new_offer->device = r->before.row;
		new_offer->from_owner = r->before.owner;
		new_offer->status = OFFER_OPEN;
		change_offer_add(c, new_offer);
		change_link(c, &r->after.offer, CHANGE_REF(new_offer));
	}
	if ((r->effects & (EFFECT_VOID_OFFER | EFFECT_END_OFFER | EFFECT_TAKE_OFFER)) != 0 &&
		r->before.offer != 0) {
		r->offer.status = offer_end(r);
		change_offer_status(c, r->before.offer, OFFER_OPEN, r->offer.status);
	}
	return OK;
}

static status
write_claim_code(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	const struct claim_code *code = r->decision->new_code;

	if ((r->effects & EFFECT_NEW_CLAIM_CODE) != 0) {
		if (code == NULL) {
			return diag_set(d, BUG, NULL, "a new claim code is due, and none is given");
		}
		r->code = *code;
		r->code.device = r->before.row;
		change_claim_code_put(c, &r->code);
	} else if ((r->effects & EFFECT_BURN_CLAIM_CODE) != 0 && r->code.device != 0 &&
		   r->code.burnt_s == 0) {
		r->code.burnt_s = s->now_s;
		r->code.failures = 0;
		r->code.locked_until_s = 0;
		change_claim_code_put(c, &r->code);
	}
	return OK;
}

/* --- the bench ------------------------------------------------------------------------ */

static status
write_case(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	struct warranty_case *opened = r->decision->new_case;

	if ((r->effects & EFFECT_OPEN_CASE) != 0) {
		if (opened == NULL) {
			return diag_set(d, BUG, NULL, "a warranty case is due, and none is given");
		}
		opened->device = r->before.row;
		opened->owner = r->before.owner;
		opened->opened_s = s->now_s;
		change_case_add(c, opened);
	}
	if ((r->effects & EFFECT_CLOSE_CASE) != 0 && r->warranty.row != 0) {
		r->warranty.closed_s = s->now_s;
		change_case_close(c, r->warranty.row, s->now_s);
	}
	return OK;
}

/* The old board keeps its birth certificate's row, denied; whatever key it made is no way in any more. */
static status
swap_element(struct ruling *r, struct change *c, struct diag *d)
{
	const struct element *e = r->decision->new_element;

	if (e == NULL || e->row == 0 || r->new_birth.row == 0) {
		return diag_set(d, BUG, NULL, "an element is to be swapped, and none is given");
	}
	if (r->before.element != 0) {
		change_element_device(c, r->before.element, 0);
	}
	change_element_device(c, e->row, r->before.row);
	change_certificate_device(c, r->new_birth.row, r->before.row);
	r->after.element = e->row;
	memcpy(r->after.serial, e->serial, sizeof(r->after.serial));
	r->after.birth_certificate = r->new_birth.row;
	r->after.last_good_certificate = 0;
	return OK;
}

/* --- all ---------------------------------------------------------------------------------- */

static const struct certificate *
subject_of(const struct ruling *r)
{
	if (r->decision->issued != NULL) {
		return r->decision->issued;
	}
	if ((r->effects & EFFECT_SWAP_ELEMENT) != 0) {
		return &r->new_birth;
	}
	if ((r->effects & EFFECT_CONFIRM_PENDING) != 0) {
		return &r->pending;
	}
	if (r->decision->request.event == EVENT_REVOKE_BIRTH) {
		return r->birth.row != 0 ? &r->birth : NULL;
	}
	if ((r->effects & (EFFECT_REVOKE_OPERATIONAL | EFFECT_DENY_OPERATIONAL | EFFECT_RESTORE)) ==
		0) {
		return NULL;
	}
	return r->current.row != 0 ? &r->current : r->pending.row != 0 ? &r->pending : NULL;
}

status
effect_write(struct session *s, struct ruling *r, struct change *c, struct diag *d)
{
	status result = OK;

	if (is_rotation(r) && (r->effects & (EFFECT_DENY_BIRTH | EFFECT_NEW_CLAIM_CODE |
						    EFFECT_BURN_CLAIM_CODE)) != 0) {
		return diag_set(d, BUG, NULL, "a rotation touches what was not read for it");
	}
	result = write_certificates(s, r, c, d);
	if (result == OK) {
		result = write_offer(r, c, d);
	}
	if (result == OK) {
		result = write_claim_code(s, r, c, d);
	}
	if (result == OK) {
		result = write_case(s, r, c, d);
	}
	if (result == OK && (r->effects & EFFECT_SWAP_ELEMENT) != 0) {
		result = swap_element(r, c, d);
	}
	r->subject = subject_of(r);
	r->after.changed_s = device_changed_s(&r->before, &r->after, s->now_s);
	change_device_set(c, &r->after);
	return result;
}
