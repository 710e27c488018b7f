#include "lifecycle/transfer.h"

#include <openssl/crypto.h>

#include "lifecycle/look.h"

/* --- offers ------------------------------------------------------------------- */

static status
offer_lifetime(struct session *s, const struct device *device, int64_t asked_s, int64_t *out,
	struct diag *d)
{
	struct fleet fleet;
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	result = read_fleet(s->reader, device->fleet, &fleet);
	reader_end(s->reader);
	if (result != OK) {
		return diag_set(d, result, NULL, "the device's fleet cannot be read");
	}
	*out = asked_s != 0 ? asked_s : fleet.offer_lifetime_s;
	if (*out < OFFER_LIFETIME_MIN_S || *out > OFFER_LIFETIME_MAX_S) {
		return diag_set(d, BAD_INPUT, NULL, "an offer lives %d seconds to %d days",
			OFFER_LIFETIME_MIN_S, OFFER_LIFETIME_MAX_S / 86400);
	}
	return OK;
}

static status
check_recipient(struct session *s, const struct device *device, int64_t owner, struct diag *d)
{
	struct owner who;
	status result;

	if (owner == 0) {
		return OK;
	}
	if (owner == device->owner) {
		return diag_set(d, CONFLICT, NULL, "the device is theirs already");
	}
	result = reader_begin(s->reader, d);
	if (result == OK) {
		result = read_owner(s->reader, owner, &who);
		reader_end(s->reader);
	}
	return result == OK ? OK : diag_set(d, result, NULL, "there is no such owner");
}

/* A one-time code where the offer is to whoever brings it. */
static status
seal_offer(struct session *s, struct offer *offer, char code[CLAIM_CODE_TEXT_MAX], struct diag *d)
{
	struct claim_code sealed;
	status result;

	if (offer->to_owner != 0) {
		return OK;
	}
	result = look_new_code(s, code, &sealed, d);
	if (result == OK) {
		memcpy(offer->code_hash, sealed.hash, sizeof(offer->code_hash));
		memcpy(offer->code_salt, sealed.salt, sizeof(offer->code_salt));
	}
	return result;
}

status
offer_device(struct session *s, int64_t device, int64_t to_owner, int64_t lifetime_s,
	struct outcome *o, struct diag *d)
{
	struct offer offer = { .to_owner = to_owner, .created_s = s->now_s };
	struct decision decision = { .request = { .event = EVENT_OFFER }, .offer = &offer };
	struct device looked = { 0 };
	char code[CLAIM_CODE_TEXT_MAX] = "";
	status result = look_device(s, device, &looked, d);

	if (result == OK) {
		result = check_recipient(s, &looked, to_owner, d);
	}
	if (result == OK) {
		result = offer_lifetime(s, &looked, lifetime_s, &lifetime_s, d);
	}
	if (result == OK && id_new(s->life->clock, &offer.id) != OK) {
		result = diag_set(d, BUG, NULL, "the system has no randomness");
	}
	if (result == OK) {
		result = seal_offer(s, &offer, code, d);
	}
	if (result == OK) {
		decision.version = looked.version;
		offer.expires_s = s->now_s + lifetime_s;
		result = decide(s, device, &decision, o, d);
	}
	if (result == OK) {
		memcpy(o->code, code, sizeof(o->code));
	}
	OPENSSL_cleanse(code, sizeof(code));
	return result;
}

status
offers_time_out(struct session *s, size_t max, size_t *count, struct diag *d)
{
	struct offer *offers;
	size_t found;
	status result = reader_begin(s->reader, d);

	*count = 0;
	if (result != OK) {
		return result;
	}
	result = list_offers_expired(s->reader, s->arena, s->now_s, max, &offers, &found);
	reader_end(s->reader);
	if (result != OK) {
		return diag_set(d, result, NULL, "the offers that are over cannot be listed");
	}
	for (size_t i = 0; i < found; i++) {
		struct decision decision = { .request = { .event = EVENT_TIME_OUT } };
		struct outcome outcome = { 0 };
		struct device device = { 0 };
		struct diag fault = { 0 };

		result = look_device(s, offers[i].device, &device, d);
		if (result != OK) {
			return result;
		}
		if (device.offer != offers[i].row) {
			continue; /* it ended meanwhile */
		}
		decision.version = device.version;
		result = decide(s, device.row, &decision, &outcome, &fault);
		*count += result == OK;
		if (result != OK && result != CONFLICT) {
			(void)diag_copy(d, &fault);
			return result;
		}
	}
	return OK;
}

/* --- back to the shelf ----------------------------------------------------------- */

/* An event that ends with a new code in the box. */
static status
decide_with_code(struct session *s, int64_t device, enum device_event event, struct outcome *o,
	struct diag *d)
{
	char code[CLAIM_CODE_TEXT_MAX] = "";
	struct claim_code sealed;
	struct decision decision = { .request = { .event = event }, .new_code = &sealed };
	status result = look_new_code(s, code, &sealed, d);

	if (result == OK) {
		result = decide(s, device, &decision, o, d);
	}
	if (result == OK) {
		memcpy(o->code, code, sizeof(o->code));
	}
	OPENSSL_cleanse(code, sizeof(code));
	return result;
}

status
release_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	return decide_with_code(s, device, EVENT_RELEASE, o, d);
}

status
hold_device(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	return decide_with_code(s, device, EVENT_HOLD, o, d);
}

static status
put_new_code(
	struct session *s, void *context, struct device *device, struct change *c, struct diag *d)
{
	struct claim_code *sealed = context;
	char name[ID_TEXT_LEN + 1];

	if (device->state != DEVICE_HELD) {
		return diag_set(d, CONFLICT, NULL,
			"device %s is %s: only a held device has a claim code",
			id_text(name, &device->id), device_state_name(device->state));
	}
	sealed->device = device->row;
	change_claim_code_put(c, sealed);
	return OK;
}

status
claim_code_renew(struct session *s, int64_t device, struct outcome *o, struct diag *d)
{
	char code[CLAIM_CODE_TEXT_MAX] = "";
	struct claim_code sealed;
	struct step step = { .event = "claim-code", .apply = put_new_code, .context = &sealed };
	status result = session_need_maker(s, "a new claim code", d);

	if (result == OK) {
		result = look_new_code(s, code, &sealed, d);
	}
	if (result == OK) {
		result = decide_step(s, device, &step, o, d);
	}
	if (result == OK) {
		memcpy(o->code, code, sizeof(o->code));
	}
	OPENSSL_cleanse(code, sizeof(code));
	return result;
}
