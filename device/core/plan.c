#include "device/core/plan.h"

/* An unchanged answer before half of the wait has passed came too early: the server cannot hold polls now. */
#define EARLY_PAUSE_S 5

const char *
plan_who_name(enum plan_who who)
{
	return who == WHO_BIRTH ? "birth" : who == WHO_OPERATIONAL ? "operational" : "next";
}

static bool
is_closed(const struct plan_held *held, unsigned slot)
{
	return (held->closed >> slot & 1) != 0;
}

unsigned
plan_free_slot(const struct plan_held *held)
{
	for (unsigned slot = SLOT_FIRST; slot <= SLOT_LAST; slot++) {
		bool is_taken = (held->has_identity && held->identity_slot == slot) ||
				(held->has_next && held->next_slot == slot);

		if (!is_taken && !is_closed(held, slot)) {
			return slot;
		}
	}
	return SLOT_NONE;
}

/* Between `low` and `high`, both included. */
static int64_t
spread(int64_t low, int64_t high, uint32_t random)
{
	return low + (int64_t)((uint64_t)random % ((uint64_t)(high - low) + 1));
}

int64_t
plan_back_off_ms(
	const struct plan_limits *limits, unsigned failures, int64_t retry_after_s, uint32_t random)
{
	int64_t delay = limits->retry_least_ms, most = limits->retry_most_ms, asked;

	for (unsigned i = 1; i < failures && delay < most; i++) {
		delay *= 2;
	}
	delay = delay < most ? delay : most;
	delay = spread(delay / 2, delay, random);
	if (retry_after_s <= 0) {
		return delay;
	}
	asked = retry_after_s < limits->retry_honoured_s ? retry_after_s : limits->retry_honoured_s;
	asked = spread(asked * 1000, asked * 1250, random);
	return asked > delay ? asked : delay;
}

void
plan_init(struct plan *p, const struct plan_limits *limits, const struct plan_held *held)
{
	*p = (struct plan){ .limits = *limits, .held = *held };
}

static bool
identity_is_usable(const struct plan *p, int64_t now_s)
{
	return p->held.has_identity && !p->identity_is_refused && now_s <= p->held.identity_ends_s;
}

static bool
renewal_is_due(const struct plan *p, int64_t now_s)
{
	return p->renewal_is_wanted || p->seen.renew_now ||
	       (p->seen.renew_after_s != 0 && now_s >= p->seen.renew_after_s);
}

static struct plan_step
poll(const struct plan *p, enum plan_who who, int64_t now_s)
{
	int64_t wait_s = p->limits.poll_s;

	if (p->seen.access == ADMITTED_FULL && p->seen.renew_after_s > now_s &&
		p->seen.renew_after_s - now_s < wait_s) {
		wait_s = p->seen.renew_after_s - now_s;
	}
	return (struct plan_step){ .action = PLAN_ASK, .who = who, .wait_s = wait_s };
}

/*
 * No other slot is left. The identity's own is free again once the server has ended it: it is expired, or was refused at the very
 * version of the record at which the birth identity may enrol. Where that is not known yet, it is asked once more.
 */
static struct plan_step
request_without_slot(
	const struct plan *p, enum plan_who who, struct plan_step wanted, int64_t now_s)
{
	const struct plan_held *held = &p->held;
	struct plan_step waits = poll(p, who, now_s);
	bool is_over = now_s > held->identity_ends_s || p->refused_version == p->seen.version;

	if (who == WHO_BIRTH && held->has_identity && !is_closed(held, held->identity_slot)) {
		wanted.slot = held->identity_slot;
		return is_over ? wanted
			       : (struct plan_step){ .action = PLAN_ASK, .who = WHO_OPERATIONAL };
	}
	waits.lacks_slot = true;
	return waits;
}

/* The request on disk if it is of the kind that is wanted, else a new one. */
static struct plan_step
request(const struct plan *p, enum plan_who who, bool is_renewal, int64_t now_s)
{
	bool fits = p->held.has_request && p->held.request_is_renewal == is_renewal &&
		    !(p->held.has_identity && p->held.request_slot == p->held.identity_slot);
	const struct plan_step step = { .action = fits ? PLAN_SEND : PLAN_MAKE_REQUEST,
		.who = who,
		.slot = fits ? p->held.request_slot : plan_free_slot(&p->held),
		.is_renewal = is_renewal };

	return step.slot != SLOT_NONE ? step : request_without_slot(p, who, step, now_s);
}

/* A certificate waits for its first use. False: leave it for now. */
static bool
next_step(const struct plan *p, int64_t now_s, struct plan_step *out)
{
	*out = (struct plan_step){ .action = PLAN_ASK, .who = WHO_NEXT };
	if (!p->held.has_next) {
		return false;
	}
	if (p->seen.is_known && p->seen.by == WHO_NEXT && p->seen.access == ADMITTED_FULL) {
		out->action = PLAN_ADOPT;
		return true;
	}
	/*
	 * Without a birth identity: the server had seen it in use, the answer was lost, and now it is the last
	 * good key. The former identity opens nothing any more.
	 */
	if (!p->held.has_birth && p->seen.is_known && p->seen.by == WHO_NEXT &&
		p->seen.access == ADMITTED_ENROLMENT) {
		out->action = PLAN_ADOPT;
		return true;
	}
	if (now_s > p->held.next_ends_s && p->held.has_birth) {
		out->action = PLAN_DROP_NEXT;
		return true;
	}
	if (!p->next_is_refused) {
		return true;
	}
	/* Another identity may enrol or is in full use: the refusal will not go away. */
	out->action = PLAN_DROP_NEXT;
	return p->seen.is_known && p->seen.by != WHO_NEXT && p->seen.access != ADMITTED_STATE;
}

struct plan_step
plan_next(const struct plan *p, int64_t now_s, int64_t now_ms)
{
	enum plan_who who =
		identity_is_usable(p, now_s) || !p->held.has_birth ? WHO_OPERATIONAL : WHO_BIRTH;
	struct plan_step step;

	if (!p->held.has_birth && !p->held.has_identity && !p->held.has_next) {
		return (struct plan_step){ .action = PLAN_STUCK };
	}
	if (now_ms < p->retry_at_ms) {
		return (struct plan_step){ .action = PLAN_WAIT,
			.wait_ms = p->retry_at_ms - now_ms };
	}
	if (next_step(p, now_s, &step)) {
		return step;
	}
	if (who == WHO_OPERATIONAL && !p->held.has_identity) {
		return (struct plan_step){ .action = PLAN_ASK, .who = WHO_NEXT };
	}
	if (!p->seen.is_known || p->seen.by != who) {
		return (struct plan_step){ .action = PLAN_ASK, .who = who };
	}
	if (p->seen.access == ADMITTED_ENROLMENT) {
		return request(p, who, false, now_s);
	}
	if (p->seen.access == ADMITTED_FULL && p->held.has_request && !p->held.request_is_renewal) {
		return (struct plan_step){ .action = PLAN_DROP_REQUEST };
	}
	/* What was begun is ended, due or not: the server may have issued it already. */
	if (p->seen.access == ADMITTED_FULL && (p->held.has_request || renewal_is_due(p, now_s))) {
		return request(p, who, true, now_s);
	}
	return poll(p, who, now_s);
}

void
plan_take_failure(struct plan *p, int64_t retry_after_s, int64_t now_ms, uint32_t random)
{
	if (p->failures < UINT32_MAX) {
		p->failures++;
	}
	p->retry_at_ms = now_ms + plan_back_off_ms(&p->limits, p->failures, retry_after_s, random);
}

void
plan_take_state(struct plan *p, const struct plan_step *step, const struct plan_seen *seen,
	int64_t asked_ms, int64_t now_ms, uint32_t random)
{
	bool is_same = p->version == seen->version;

	if (p->version != 0 && !is_same) {
		p->identity_is_refused = p->next_is_refused = false;
		p->bad_requests = 0;
	}
	p->version = seen->version;
	p->seen = *seen;
	p->seen.is_known = true;
	p->seen.by = step->who;
	p->failures = 0;
	p->retry_at_ms = 0;
	if (step->who == WHO_NEXT && seen->access != ADMITTED_FULL) {
		p->next_is_refused = true;
	}
	if (is_same && step->wait_s > 0 && now_ms - asked_ms < step->wait_s * 500) {
		p->retry_at_ms = now_ms + spread(EARLY_PAUSE_S * 500, EARLY_PAUSE_S * 1000, random);
	}
}

void
plan_take_held(struct plan *p, const struct plan_step *step, const struct plan_held *held)
{
	p->held = *held;
	switch (step->action) {
	case PLAN_SEND:
		p->next_is_refused = false;
		p->failures = p->bad_requests = 0;
		break;
	case PLAN_ADOPT:
		p->identity_is_refused = p->next_is_refused = false;
		p->refused_version = 0;
		p->renewal_is_wanted = false;
		p->seen.by = WHO_OPERATIONAL;
		/* A fresh one is renewed when the server says so anew, not by what it said before. */
		p->seen.renew_now = false;
		p->seen.renew_after_s = 0;
		break;
	default:
		break;
	}
}

void
plan_take_refusal(struct plan *p, const struct plan_step *step, int64_t retry_after_s,
	int64_t now_ms, uint32_t random)
{
	bool is_news = false;

	p->seen.is_known = false; /* whatever was known has changed */
	if (step->action == PLAN_ASK && step->who == WHO_NEXT) {
		is_news = !p->next_is_refused;
		p->next_is_refused = true;
	} else if (step->action == PLAN_ASK && step->who == WHO_OPERATIONAL) {
		is_news = !p->identity_is_refused && p->held.has_birth;
		p->identity_is_refused = true;
		p->refused_version = p->version;
		if (!p->held.has_birth) {
			p->next_is_refused = false; /* nobody tells when that ends: each in turn */
		}
	}
	/* The first refusal of an identity says: ask as another, at once. */
	if (!is_news) {
		plan_take_failure(p, retry_after_s, now_ms, random);
	}
}

void
plan_take_bad_request(struct plan *p, int64_t retry_after_s, int64_t now_ms, uint32_t random)
{
	p->seen.is_known = false;
	p->held.has_request = false;
	/* The answers to questions in between are no progress. */
	if (p->failures < p->bad_requests) {
		p->failures = p->bad_requests;
	}
	if (p->bad_requests < UINT32_MAX) {
		p->bad_requests++;
	}
	plan_take_failure(p, retry_after_s, now_ms, random);
}
