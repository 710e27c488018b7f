/*
 * Becoming the owner: claim by the code in the box, accept and decline of an offer.
 *
 * A code is checked at a version of the device; the decision is made at the same version or not at all. Wrong
 * codes are counted before they are answered. A device that the asker may not see answers as one that does
 * not exist: the same words, the same scrypt, the same commit.
 */
#include "lifecycle/transfer.h"

#include <openssl/crypto.h>

#include "lifecycle/look.h"
#include "lifecycle/tries.h"

#define TRIES 8 /* against others who try or change at the same time */

/* Compared with where there is nothing to compare with: no code has this hash. */
static const uint8_t no_hash[32], no_salt[16];

/* What is looked at in one snapshot. */
struct look {
	struct device device; /* row 0: none */
	struct claim_code code;
	struct offer offer;
	struct attempt attempt;
	bool may_see;
};

/* --- claim --------------------------------------------------------------------- */

static status
look_at_claim(struct session *s, int64_t device, struct look *l, struct diag *d)
{
	char subject[NAME_MAX_LEN + 1];
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	tries_subject(subject, "claim", s->actor.account.row);
	result = read_attempt(s->reader, subject, &l->attempt);
	if (result == OK && device != 0) {
		result = read_device(s->reader, device, &l->device);
	}
	if (result == OK && device != 0) {
		result = read_claim_code(s->reader, device, &l->code);
	}
	reader_end(s->reader);
	if (result == NOT_FOUND) {
		result = OK; /* no device, or no code of it */
	}
	/* The maker's operators see every device, those that do not exist too: they are told so. */
	l->may_see = s->actor.account.role != OPERATOR_OWNER ||
		     (l->device.row != 0 && session_may_see(s, &l->device));
	return result == OK ? OK : diag_set(d, result, NULL, "the device cannot be read");
}

/* For those who may see the device: what stands in the way, in words. */
static status
check_openly(const struct session *s, const struct look *l, struct diag *d)
{
	char name[ID_TEXT_LEN + 1];

	if (!l->may_see) {
		return tries_check(s, l->attempt.locked_until_s, d);
	}
	if (l->device.row == 0) {
		return diag_set(d, NOT_FOUND, NULL, "there is no such device");
	}
	if (l->device.state != DEVICE_HELD) {
		return diag_set(d, CONFLICT, NULL,
			"device %s is %s: only a held one can be claimed",
			id_text(name, &l->device.id), device_state_name(l->device.state));
	}
	if (l->code.device == 0 || l->code.burnt_s != 0) {
		return diag_set(d, CONFLICT, NULL, "device %s has no claim code: make one first",
			id_text(name, &l->device.id));
	}
	return tries_check(s, l->code.locked_until_s, d);
}

static bool
is_claimable(const struct session *s, const struct look *l)
{
	return l->device.row != 0 && l->device.state == DEVICE_HELD && l->code.device != 0 &&
	       l->code.burnt_s == 0 && l->code.locked_until_s <= s->now_s;
}

/* Always one scrypt, whatever there is to compare with. */
static status
check_code(span typed, const uint8_t salt[16], const uint8_t sealed[32], struct diag *d)
{
	char code[CLAIM_CODE_TEXT_MAX] = "";
	status shape = claim_code_normalize(typed, code);
	status result = claim_code_check(code, salt, sealed);

	OPENSSL_cleanse(code, sizeof(code));
	if (result != OK && result != DENIED) {
		return diag_set(d, result, NULL, "a code could not be checked");
	}
	return shape == OK ? result : DENIED;
}

static status
count_wrong_claim(struct session *s, struct look *l, struct diag *d)
{
	struct tries t = { 0 };
	status result;

	/* A locked code counts no further: the lock must not grow under those who wait for its end. */
	if (l->code.device != 0 && l->code.locked_until_s <= s->now_s) {
		t.code = &l->code;
	}
	if (!l->may_see) {
		t.attempt = &l->attempt;
	}
	result = tries_count(s, &t, d);
	if (result != OK) {
		return result;
	}
	result = tries_check(s, l->may_see ? l->code.locked_until_s : l->attempt.locked_until_s, d);
	if (result != OK) {
		return result;
	}
	return diag_set(d, DENIED, NULL,
		"no device can be claimed with this name and this code; after several wrong codes "
		"wait before the next");
}

static status
forget_tries(void *context, const struct decision *decision, struct change *c, struct diag *d)
{
	(void)decision;
	(void)d;
	tries_forget(c, context);
	return OK;
}

struct claim {
	int64_t device;
	span typed_code;
	int64_t coming_owner;
};

/* CONFLICT with `*again`: somebody else tried or changed at the same time. */
static status
claim_once(struct session *s, const struct claim *claim, struct outcome *o, bool *again,
	struct diag *d)
{
	struct look l = { 0 };
	struct decision decision = { .request = { .event = EVENT_CLAIM,
					     .coming_owner = claim->coming_owner },
		.extend = forget_tries,
		.context = &l.attempt };
	bool may_be;
	status result = look_at_claim(s, claim->device, &l, d);

	*again = false;
	if (result == OK) {
		result = check_openly(s, &l, d);
	}
	if (result != OK) {
		return result;
	}
	may_be = is_claimable(s, &l);
	result = check_code(claim->typed_code, may_be ? l.code.salt : no_salt,
		may_be ? l.code.hash : no_hash, d);
	if (result == DENIED || (result == OK && !may_be)) {
		result = count_wrong_claim(s, &l, d);
		*again = result == CONFLICT;
		return result;
	}
	if (result != OK) {
		return result;
	}
	decision.version = l.device.version;
	result = decide(s, claim->device, &decision, o, d);
	*again = result == CONFLICT;
	return result;
}

status
claim_device(struct session *s, int64_t device, span typed_code, int64_t owner, struct outcome *o,
	struct diag *d)
{
	struct claim claim = { .device = device, .typed_code = typed_code };
	struct diag fault = { 0 };
	bool again = true;
	status result = look_coming_owner(s, owner, &claim.coming_owner, d);

	if (result != OK) {
		return result;
	}
	for (int i = 0; again && i < TRIES; i++) {
		diag_clear(&fault);
		result = claim_once(s, &claim, o, &again, &fault);
	}
	if (result != OK) {
		(void)diag_copy(d, &fault);
	}
	return result;
}

/* --- offers ---------------------------------------------------------------------- */

static status
no_such_offer(struct diag *d)
{
	return diag_set(d, NOT_FOUND, NULL, "there is no such offer");
}

/* Whom it is from, whom it is to, and, of one by code, whoever knows its id. */
static bool
may_see_offer(const struct session *s, const struct look *l)
{
	const struct operator_account *o = &s->actor.account;

	if (session_may_see(s, &l->device)) {
		return true;
	}
	return s->actor.kind == ACTOR_OPERATOR && !o->is_disabled && o->role == OPERATOR_OWNER &&
	       (l->offer.to_owner == 0 || l->offer.to_owner == o->owner);
}

static status
look_at_offer(struct session *s, const id *offer, struct look *l, struct diag *d)
{
	char subject[NAME_MAX_LEN + 1];
	status result = reader_begin(s->reader, d);

	if (result != OK) {
		return result;
	}
	result = read_offer_by_id(s->reader, offer, &l->offer);
	if (result == OK) {
		result = read_device(s->reader, l->offer.device, &l->device);
	}
	if (result == OK) {
		tries_subject(subject, "offer", l->offer.row);
		result = read_attempt(s->reader, subject, &l->attempt);
	}
	reader_end(s->reader);
	if (result == NOT_FOUND || (result == OK && !may_see_offer(s, l))) {
		return no_such_offer(d);
	}
	return result == OK ? OK : diag_set(d, result, NULL, "the offer cannot be read");
}

static status
check_open(const struct session *s, const struct look *l, struct diag *d)
{
	if (l->offer.status != OFFER_OPEN || l->device.offer != l->offer.row) {
		return diag_set(d, CONFLICT, NULL, "the offer is over: %s",
			offer_status_name(l->offer.status));
	}
	if (l->offer.expires_s <= s->now_s) {
		return diag_set(d, CONFLICT, NULL, "the offer is over: its time has run out");
	}
	return OK;
}

/* By code: a wrong one is counted. CONFLICT with `*again`: somebody else tried at the same time. */
static status
check_offer_code(struct session *s, struct look *l, span typed_code, bool *again, struct diag *d)
{
	struct tries t = { .attempt = &l->attempt };
	status result = tries_check(s, l->attempt.locked_until_s, d);

	if (result == OK) {
		result = check_code(typed_code, l->offer.code_salt, l->offer.code_hash, d);
	}
	if (result != DENIED) {
		return result;
	}
	result = tries_count(s, &t, d);
	*again = result == CONFLICT;
	if (result == OK) {
		result = tries_check(s, l->attempt.locked_until_s, d);
	}
	return result == OK ? diag_set(d, DENIED, NULL, "the code is not that of the offer")
			    : result;
}

struct taking {
	const id *offer;
	span typed_code;
	enum device_event event; /* accept or decline */
	int64_t owner;		 /* as asked */
};

/* Who accepts or declines a named offer: its addressee, or the maker for him. */
static status
check_taker(const struct session *s, const struct look *l, const struct taking *t, int64_t *coming,
	struct diag *d)
{
	int64_t asked = t->owner;
	status result;

	if (t->event == EVENT_DECLINE && asked == 0 && s->actor.account.role != OPERATOR_OWNER) {
		asked = l->offer.to_owner != 0 ? l->offer.to_owner : l->device.owner;
	}
	result = look_coming_owner(s, asked, coming, d);
	if (result != OK) {
		return result;
	}
	if (l->offer.to_owner != 0 && *coming != l->offer.to_owner) {
		return diag_set(d, DENIED, NULL, "the offer is for somebody else");
	}
	if (t->event == EVENT_ACCEPT && *coming == l->device.owner) {
		return diag_set(
			d, CONFLICT, NULL, "the device is theirs already: cancel the offer");
	}
	return OK;
}

static status
take_once(struct session *s, const struct taking *t, struct outcome *o, bool *again, struct diag *d)
{
	struct look l = { 0 };
	struct decision decision = { .request = { .event = t->event, .has_offer_right = true },
		.extend = forget_tries,
		.context = &l.attempt };
	int64_t coming = 0;
	status result = look_at_offer(s, t->offer, &l, d);

	*again = false;
	if (result == OK) {
		result = check_open(s, &l, d);
	}
	if (result == OK) {
		result = check_taker(s, &l, t, &coming, d);
	}
	if (result == OK && l.offer.to_owner == 0) {
		result = check_offer_code(s, &l, t->typed_code, again, d);
	}
	if (result != OK) {
		return result;
	}
	decision.version = l.device.version;
	decision.request.coming_owner = t->event == EVENT_ACCEPT ? coming : 0;
	result = decide(s, l.device.row, &decision, o, d);
	*again = result == CONFLICT;
	return result;
}

static status
take(struct session *s, const struct taking *t, struct outcome *o, struct diag *d)
{
	struct diag fault = { 0 };
	bool again = true;
	status result = OK;

	for (int i = 0; again && i < TRIES; i++) {
		diag_clear(&fault);
		result = take_once(s, t, o, &again, &fault);
	}
	if (result != OK) {
		(void)diag_copy(d, &fault);
	}
	return result;
}

status
offer_accept(struct session *s, const id *offer, span typed_code, int64_t owner, struct outcome *o,
	struct diag *d)
{
	struct taking t = {
		.offer = offer, .typed_code = typed_code, .event = EVENT_ACCEPT, .owner = owner
	};

	return take(s, &t, o, d);
}

status
offer_decline(
	struct session *s, const id *offer, span typed_code, struct outcome *o, struct diag *d)
{
	struct taking t = { .offer = offer, .typed_code = typed_code, .event = EVENT_DECLINE };

	return take(s, &t, o, d);
}

status
offer_cancel(struct session *s, const id *offer, struct outcome *o, struct diag *d)
{
	struct decision decision = { .request = { .event = EVENT_CANCEL } };
	struct look l = { 0 };
	status result = look_at_offer(s, offer, &l, d);

	if (result == OK && (l.offer.status != OFFER_OPEN || l.device.offer != l.offer.row)) {
		result = diag_set(d, CONFLICT, NULL, "the offer is over: %s",
			offer_status_name(l.offer.status));
	}
	if (result != OK) {
		return result;
	}
	if (!session_may_see(s, &l.device)) {
		return diag_set(d, DENIED, NULL, "only who made the offer can cancel it");
	}
	decision.version = l.device.version;
	return decide(s, l.device.row, &decision, o, d);
}
