#include "fleet/identity.h"

static enum access
refuse(const char **why, const char *reason)
{
	*why = reason;
	return ACCESS_REFUSED;
}

static enum access
judge_birth(const struct device *d, const struct certificate *c, const char **why)
{
	if (d->birth_is_denied || c->status == CERTIFICATE_REVOKED) {
		return refuse(why, "the birth identity is revoked");
	}
	if (d->birth_certificate != c->row) {
		return refuse(why, "the birth identity of an element that was replaced");
	}
	switch (d->state) {
	case DEVICE_MANUFACTURED:
		return refuse(why, "the device is not brought into service yet");
	case DEVICE_HELD:
		*why = "the device is held: nobody owns it yet";
		return ACCESS_STATE_ONLY;
	case DEVICE_SUSPENDED:
		*why = "the device is suspended";
		return ACCESS_STATE_ONLY;
	case DEVICE_RETURNED:
		*why = "the device is returned";
		return ACCESS_STATE_ONLY;
	case DEVICE_AWAITING_DEVICE:
	case DEVICE_ACTIVE:
	case DEVICE_IN_TRANSFER:
		*why = "the birth identity opens enrolment only";
		return ACCESS_ENROLMENT;
	default:
		return refuse(why, "the device is retired");
	}
}

/*
 * A device without a birth identity gets back in by the key that was good last, for enrolment only (promise 1):
 * in use, by its current certificate when that ran out; waiting for a new key, by the one that its record names.
 * That one may be superseded or revoked (an owner who is out must find it on every list): only a
 * compromise shuts this door.
 */
static bool
is_last_way_in(const struct device *d, const struct certificate *c, int64_t now_s)
{
	if (d->birth_certificate != 0) {
		return false;
	}
	if (d->state == DEVICE_ACTIVE || d->state == DEVICE_IN_TRANSFER) {
		return c->row == d->current_certificate && c->status == CERTIFICATE_CURRENT &&
		       now_s > c->not_after_s;
	}
	if (d->state != DEVICE_AWAITING_DEVICE || c->row != d->last_good_certificate) {
		return false;
	}
	return c->status == CERTIFICATE_SUPERSEDED ||
	       (c->status == CERTIFICATE_REVOKED && c->reason != REASON_KEY_COMPROMISE &&
		       c->reason != REASON_CA_COMPROMISE);
}

static enum access
judge_operational(const struct device *d, const struct certificate *c, const char **why)
{
	switch (c->status) {
	case CERTIFICATE_SUPERSEDED:
		return refuse(why, "the certificate is superseded by a newer one");
	case CERTIFICATE_REVOKED:
		return refuse(why, "the certificate is revoked");
	case CERTIFICATE_WITHDRAWN:
		return refuse(why, "the certificate was never used in time and is withdrawn");
	case CERTIFICATE_CURRENT:
	case CERTIFICATE_PENDING:
		break;
	}
	switch (d->state) {
	case DEVICE_SUSPENDED:
		return refuse(why, "the device is suspended");
	case DEVICE_ACTIVE:
	case DEVICE_IN_TRANSFER:
		break;
	case DEVICE_AWAITING_DEVICE:
		if (c->status == CERTIFICATE_PENDING) {
			break;
		}
		return refuse(why, "the device must prove a new key first");
	default:
		return refuse(why, "the device is not in use");
	}
	if (c->row != d->current_certificate && c->row != d->pending_certificate) {
		return refuse(why, "the certificate is not the device's present one");
	}
	*why = "in use";
	return ACCESS_FULL;
}

enum access
identity_judge(const struct device *d, const struct certificate *c, int64_t now_s, const char **why)
{
	if (d->state == DEVICE_RETIRED) {
		return refuse(why, "the device is retired");
	}
	if (c->device != d->row) {
		return refuse(why, "the certificate is another device's");
	}
	if (now_s < c->not_before_s) {
		return refuse(why, "the certificate is not valid yet");
	}
	if (c->kind == CERTIFICATE_BIRTH) {
		/* No date ends a birth identity: the device would be dead when its chain's ends (promise 1). */
		return judge_birth(d, c, why);
	}
	if (c->kind != CERTIFICATE_OPERATIONAL) {
		return refuse(why, "not a device's certificate");
	}
	if (is_last_way_in(d, c, now_s)) {
		*why = "the last good key opens enrolment only";
		return ACCESS_ENROLMENT;
	}
	if (now_s > c->not_after_s) {
		return refuse(why, "the certificate has expired");
	}
	return judge_operational(d, c, why);
}
