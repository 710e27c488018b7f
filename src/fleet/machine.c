#include "fleet/machine.h"

enum rank
machine_rank(unsigned roles)
{
	if ((roles & ROLE_MAKER) != 0) {
		return RANK_MAKER;
	}
	if ((roles & ROLE_WATCH) != 0) {
		return RANK_WATCH;
	}
	/* The desk swaps the board of a device that its owner suspended, not of one that the maker did. */
	return (roles & (ROLE_OWNER | ROLE_SUPPORT)) != 0 ? RANK_OWNER : RANK_NONE;
}

static status
refuse(status s, const struct device *before, const struct machine_request *r, struct diag *d,
	const char *why)
{
	char text[ID_TEXT_LEN + 1];

	return diag_set(d, s, NULL, "device %s is %s: %s refused, %s", id_text(text, &before->id),
		device_state_name(before->state), device_event_name(r->event), why);
}

/* While a mark stands, what would let the device slip away is for the maker alone. */
static bool
mark_forbids(enum device_event e)
{
	switch (e) {
	case EVENT_OFFER:
	case EVENT_ACCEPT:
	case EVENT_CLAIM:
	case EVENT_RETURN:
	case EVENT_REFURBISH:
	case EVENT_RETIRE:
		return true;
	default:
		return false;
	}
}

static status
judge_asker(const struct device *before, const struct machine_request *r, struct diag *d)
{
	if ((machine_roles(r->event) & r->roles) == 0) {
		return refuse(DENIED, before, r, d, "not for this asker");
	}
	if (before->marks != 0 && mark_forbids(r->event) && (r->roles & ROLE_MAKER) == 0) {
		return refuse(
			DENIED, before, r, d, "a mark stands that only the maker may pass over");
	}
	return OK;
}

static status
judge_suspension(const struct device *before, const struct machine_request *r, struct diag *d)
{
	if (before->state != DEVICE_SUSPENDED) {
		return OK;
	}
	if (r->event == EVENT_RESUME && before->birth_is_denied) {
		return refuse(CONFLICT, before, r, d,
			"its birth key is revoked: it can only be replaced or retired");
	}
	if ((r->event == EVENT_RESUME || r->event == EVENT_REPLACE) &&
		machine_rank(r->roles) < before->suspend_rank) {
		return refuse(DENIED, before, r, d, "it was suspended by a higher rank");
	}
	return OK;
}

static status
judge_facts(const struct device *before, const struct machine_request *r, struct diag *d)
{
	bool ends_offer = r->event == EVENT_CANCEL || r->event == EVENT_DECLINE ||
			  r->event == EVENT_TIME_OUT || r->event == EVENT_ACCEPT;

	if (ends_offer && before->offer == 0) {
		return refuse(CONFLICT, before, r, d, "no offer is open");
	}
	if ((r->event == EVENT_ACCEPT || r->event == EVENT_DECLINE) && !r->has_offer_right) {
		return refuse(DENIED, before, r, d, "the offer is for somebody else");
	}
	if (r->event == EVENT_OFFER && before->offer != 0) {
		return refuse(CONFLICT, before, r, d, "it is offered already");
	}
	if (r->event == EVENT_HOLD && before->owner != r->maker) {
		return refuse(CONFLICT, before, r, d, "it is sold");
	}
	if (r->event == EVENT_RETURN && !r->has_consent) {
		return refuse(DENIED, before, r, d,
			"neither the owner's consent nor the device's own proof is at hand");
	}
	if (r->event == EVENT_REFURBISH && before->birth_is_denied) {
		return refuse(CONFLICT, before, r, d,
			"its birth key is revoked: replace the element first, or retire it");
	}
	if ((r->event == EVENT_CLAIM || r->event == EVENT_ACCEPT) && r->coming_owner == 0) {
		return refuse(DENIED, before, r, d, "nobody is named as its owner to be");
	}
	return judge_suspension(before, r, d);
}

/* Back from SUSPENDED. An offer that ended meanwhile leaves ACTIVE, a dead identity AWAITING_DEVICE. */
static enum device_state
state_after_suspension(const struct device *before, bool needs_new_key)
{
	bool was_in_use =
		before->state_before == DEVICE_ACTIVE || before->state_before == DEVICE_IN_TRANSFER;

	return was_in_use && needs_new_key ? DEVICE_AWAITING_DEVICE : before->state_before;
}

static void
enter_suspension(const struct device *before, const struct machine_request *r, struct device *after)
{
	enum rank rank = machine_rank(r->roles);

	if (before->state != DEVICE_SUSPENDED) {
		after->state_before = before->state;
		after->suspend_rank = rank;
	} else if (rank > before->suspend_rank) {
		after->suspend_rank = rank;
	}
}

/* What the event does to the state that a suspended device will come back to. */
static void
change_way_back(const struct machine_request *r, unsigned effects, struct device *after)
{
	bool offer_ends = (effects & (EFFECT_VOID_OFFER | EFFECT_END_OFFER)) != 0;

	if (after->state != DEVICE_SUSPENDED) {
		return;
	}
	if (offer_ends && after->state_before == DEVICE_IN_TRANSFER) {
		after->state_before = DEVICE_ACTIVE;
	}
	if ((effects & EFFECT_REVOKE_OPERATIONAL) != 0 && after->state_before == DEVICE_ACTIVE) {
		after->state_before = DEVICE_AWAITING_DEVICE;
	}
	(void)r;
}

static void
apply_effects(const struct device *before, const struct machine_request *r, unsigned effects,
	struct device *after)
{
	if ((effects & EFFECT_OWNER_COMES) != 0) {
		after->owner = r->coming_owner;
	}
	if ((effects & EFFECT_OWNER_IS_MAKER) != 0) {
		after->owner = r->maker;
	}
	if ((effects & EFFECT_DENY_BIRTH) != 0) {
		after->birth_is_denied = true;
	}
	if ((effects & EFFECT_SWAP_ELEMENT) != 0) {
		after->birth_is_denied =
			false; /* the new element's own birth certificate is good */
	}
	if ((effects & (EFFECT_VOID_OFFER | EFFECT_END_OFFER | EFFECT_TAKE_OFFER)) != 0) {
		after->offer = 0;
	}
	if (r->event == EVENT_MARK) {
		after->marks |= (unsigned)r->mark;
	}
	if (r->event == EVENT_UNMARK) {
		after->marks &= ~(unsigned)r->mark;
	}
	(void)before;
}

static void
move(const struct device *before, const struct machine_request *r, struct machine_cell cell,
	unsigned *effects, struct device *after)
{
	if (cell.next >= NEXT_STATE) {
		after->state = (enum device_state)(cell.next - NEXT_STATE);
	} else if (cell.next == NEXT_BACK) {
		after->state = state_after_suspension(before, r->identity_is_expired);
		if (after->state == DEVICE_AWAITING_DEVICE &&
			before->state_before != after->state) {
			*effects = (*effects & ~(unsigned)EFFECT_RESTORE) |
				   EFFECT_REVOKE_OPERATIONAL | EFFECT_VOID_OFFER;
		}
	} else if (cell.next == NEXT_BACK_NEW_KEY) {
		after->state = state_after_suspension(before, true);
	}
	if (after->state == DEVICE_SUSPENDED &&
		(r->event == EVENT_SUSPEND || r->event == EVENT_REVOKE_BIRTH)) {
		enter_suspension(before, r, after);
	}
	if (after->state != DEVICE_SUSPENDED) {
		after->state_before = after->state;
		after->suspend_rank = RANK_NONE;
	}
}

/* Issuing a certificate, or ordering a rotation: the state and the present identity stay. */
static bool
is_only_a_step(const struct machine_request *r)
{
	return (r->event == EVENT_PROVE || r->event == EVENT_ROTATE) && !r->is_confirmed;
}

status
machine_apply(const struct device *before, const struct machine_request *r, struct device *after,
	unsigned *effects, struct diag *d)
{
	struct machine_cell cell = machine_cell(r->event, before->state);
	status s;

	if (cell.next == NEXT_REFUSED) {
		return refuse(CONFLICT, before, r, d, "not in this state");
	}
	s = judge_asker(before, r, d);
	if (s == OK) {
		s = judge_facts(before, r, d);
	}
	if (s != OK) {
		return s;
	}
	*after = *before;
	*effects = cell.effects;
	if (is_only_a_step(r)) {
		*effects = (r->roles & ROLE_DEVICE) != 0 ? 0 : EFFECT_ORDER_RENEWAL;
		return OK;
	}
	if ((*effects & EFFECT_CONFIRM_PENDING) != 0 && before->pending_certificate == 0) {
		return refuse(CONFLICT, before, r, d, "no new certificate waits for its first use");
	}
	move(before, r, cell, effects, after);
	apply_effects(before, r, *effects, after);
	change_way_back(r, *effects, after);
	return OK;
}
