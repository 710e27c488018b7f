/* The agent's decisions: by tables, and by a random walk against a model of the server with kills. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include "base/check.h"
#include "device/core/plan.h"

static const struct plan_limits limits = {
	.poll_s = 60, .retry_least_ms = 1000, .retry_most_ms = 60000, .retry_honoured_s = 3600
};

#define NOW 1000000
#define ENDS (NOW + 1000)

#define BIRTH .has_birth = true
#define IDENTITY .has_identity = true, .identity_slot = 2, .identity_ends_s = ENDS
#define OLD_IDENTITY .has_identity = true, .identity_slot = 2, .identity_ends_s = NOW - 1
#define NEXT .has_next = true, .next_slot = 3, .next_ends_s = ENDS
#define OLD_NEXT .has_next = true, .next_slot = 3, .next_ends_s = NOW - 1
#define REQUEST(slot, renewal) \
	.has_request = true, .request_slot = (slot), .request_is_renewal = (renewal)
#define CLOSED(a, b) .closed = 1u << (a) | 1u << (b)
#define SEEN(who, how) .is_known = true, .by = (who), .access = (how), .version = 7

struct row {
	const char *what;
	struct plan_held held;
	struct plan_seen seen;
	bool identity_is_refused, next_is_refused, renewal_is_wanted;
	struct plan_step expected;
};

static const struct row table[] = {
	{ "nothing at all", { 0 }, { 0 }, .expected = { PLAN_STUCK } },
	{ "new", { BIRTH }, { 0 }, .expected = { PLAN_ASK, WHO_BIRTH } },
	{ "held", { BIRTH }, { SEEN(WHO_BIRTH, ADMITTED_STATE) },
		.expected = { PLAN_ASK, WHO_BIRTH, .wait_s = 60 } },
	{ "claimed", { BIRTH }, { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_MAKE_REQUEST, WHO_BIRTH, 2, false } },
	{ "request made", { BIRTH, REQUEST(2, false) }, { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_SEND, WHO_BIRTH, 2, false } },
	{ "a renewal's request does not enrol", { BIRTH, REQUEST(2, true) },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_MAKE_REQUEST, WHO_BIRTH, 2, false } },
	{ "certificate came", { BIRTH, NEXT }, { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_ASK, WHO_NEXT } },
	{ "started again with one", { BIRTH, NEXT }, { 0 }, .expected = { PLAN_ASK, WHO_NEXT } },
	{ "confirmed", { BIRTH, NEXT }, { SEEN(WHO_NEXT, ADMITTED_FULL) },
		.expected = { PLAN_ADOPT, WHO_NEXT } },
	{ "next let in, not in use", { BIRTH, NEXT }, { SEEN(WHO_NEXT, ADMITTED_STATE) },
		.next_is_refused = true, .expected = { PLAN_ASK, WHO_BIRTH } },
	{ "next refused", { BIRTH, NEXT }, { 0 }, .next_is_refused = true,
		.expected = { PLAN_ASK, WHO_BIRTH } },
	{ "next refused while suspended", { BIRTH, NEXT }, { SEEN(WHO_BIRTH, ADMITTED_STATE) },
		.next_is_refused = true, .expected = { PLAN_ASK, WHO_BIRTH, .wait_s = 60 } },
	{ "next refused for good", { BIRTH, NEXT }, { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.next_is_refused = true, .expected = { PLAN_DROP_NEXT, WHO_NEXT } },
	{ "next refused, the former one good", { BIRTH, IDENTITY, NEXT },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL) }, .next_is_refused = true,
		.expected = { PLAN_DROP_NEXT, WHO_NEXT } },
	{ "next expired", { BIRTH, OLD_NEXT }, { 0 }, .expected = { PLAN_DROP_NEXT, WHO_NEXT } },
	{ "only next, refused", { NEXT }, { 0 }, .next_is_refused = true,
		.expected = { PLAN_ASK, WHO_NEXT } },
	{ "in use", { BIRTH, IDENTITY }, { 0 }, .expected = { PLAN_ASK, WHO_OPERATIONAL } },
	{ "in use, known", { BIRTH, IDENTITY }, { SEEN(WHO_OPERATIONAL, ADMITTED_FULL) },
		.expected = { PLAN_ASK, WHO_OPERATIONAL, .wait_s = 60 } },
	{ "poll no longer than to the renewal", { BIRTH, IDENTITY },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL), .renew_after_s = NOW + 7 },
		.expected = { PLAN_ASK, WHO_OPERATIONAL, .wait_s = 7 } },
	{ "renewal due", { BIRTH, IDENTITY },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL), .renew_after_s = NOW },
		.expected = { PLAN_MAKE_REQUEST, WHO_OPERATIONAL, 3, true } },
	{ "renewal told", { BIRTH, IDENTITY },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL), .renew_now = true },
		.expected = { PLAN_MAKE_REQUEST, WHO_OPERATIONAL, 3, true } },
	{ "renewal wanted", { BIRTH, IDENTITY }, { SEEN(WHO_OPERATIONAL, ADMITTED_FULL) },
		.renewal_is_wanted = true,
		.expected = { PLAN_MAKE_REQUEST, WHO_OPERATIONAL, 3, true } },
	{ "a renewal begun is ended", { BIRTH, IDENTITY, REQUEST(3, true) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL) },
		.expected = { PLAN_SEND, WHO_OPERATIONAL, 3, true } },
	{ "an enrolment's request is over", { BIRTH, IDENTITY, REQUEST(3, false) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL) }, .expected = { PLAN_DROP_REQUEST } },
	{ "past a locked slot", { BIRTH, IDENTITY, CLOSED(3, 3) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL), .renew_now = true },
		.expected = { PLAN_MAKE_REQUEST, WHO_OPERATIONAL, 4, true } },
	{ "enrolment past locked slots", { BIRTH, CLOSED(2, 3) },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_MAKE_REQUEST, WHO_BIRTH, 4, false } },
	{ "renewal due, no slot left: it stays, and asks at its pace",
		{ BIRTH, IDENTITY, CLOSED(3, 4) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL), .renew_now = true },
		.expected = { PLAN_ASK, WHO_OPERATIONAL, .wait_s = 60, .lacks_slot = true } },
	{ "no slot left, but none is wanted", { BIRTH, IDENTITY, CLOSED(3, 4) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL) },
		.expected = { PLAN_ASK, WHO_OPERATIONAL, .wait_s = 60 } },
	{ "locked behind its request", { BIRTH, IDENTITY, REQUEST(3, true), CLOSED(3, 4) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL) },
		.expected = { PLAN_SEND, WHO_OPERATIONAL, 3, true } },
	{ "expired: its own slot is free again", { BIRTH, OLD_IDENTITY, CLOSED(3, 4) },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_MAKE_REQUEST, WHO_BIRTH, 2, false } },
	{ "refused: was it before enrolment was open?", { BIRTH, IDENTITY, CLOSED(3, 4) },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) }, .identity_is_refused = true,
		.expected = { PLAN_ASK, WHO_OPERATIONAL } },
	{ "but not where it is locked", { BIRTH, IDENTITY, CLOSED(3, 4) | 1u << 2 },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) }, .identity_is_refused = true,
		.expected = { PLAN_ASK, WHO_BIRTH, .wait_s = 60, .lacks_slot = true } },
	{ "nor the last good key's", { IDENTITY, CLOSED(3, 4) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_ENROLMENT) },
		.expected = { PLAN_ASK, WHO_OPERATIONAL, .wait_s = 60, .lacks_slot = true } },
	{ "all locked", { BIRTH, CLOSED(3, 4) | 1u << 2 }, { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_ASK, WHO_BIRTH, .wait_s = 60, .lacks_slot = true } },
	{ "a request in the slot in use is none", { BIRTH, IDENTITY, REQUEST(2, true) },
		{ SEEN(WHO_OPERATIONAL, ADMITTED_FULL), .renew_now = true },
		.expected = { PLAN_MAKE_REQUEST, WHO_OPERATIONAL, 3, true } },
	{ "identity expired", { BIRTH, OLD_IDENTITY }, { 0 }, .expected = { PLAN_ASK, WHO_BIRTH } },
	{ "identity refused", { BIRTH, IDENTITY }, { 0 }, .identity_is_refused = true,
		.expected = { PLAN_ASK, WHO_BIRTH } },
	{ "identity refused, transferred", { BIRTH, IDENTITY },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) }, .identity_is_refused = true,
		.expected = { PLAN_MAKE_REQUEST, WHO_BIRTH, 3, false } },
	{ "what another identity heard does not count", { BIRTH, IDENTITY },
		{ SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) },
		.expected = { PLAN_ASK, WHO_OPERATIONAL } },
	{ "the last good key enrols", { IDENTITY }, { SEEN(WHO_OPERATIONAL, ADMITTED_ENROLMENT) },
		.identity_is_refused = true,
		.expected = { PLAN_MAKE_REQUEST, WHO_OPERATIONAL, 3, false } },
	{ "the last good key, expired, asks", { OLD_IDENTITY }, { 0 },
		.expected = { PLAN_ASK, WHO_OPERATIONAL } },
	{ "a next that is the last good key by now", { OLD_IDENTITY, NEXT },
		{ SEEN(WHO_NEXT, ADMITTED_ENROLMENT) }, .next_is_refused = true,
		.expected = { PLAN_ADOPT, WHO_NEXT } },
	{ "a next that ran out, and may be the last good key", { OLD_IDENTITY, OLD_NEXT }, { 0 },
		.expected = { PLAN_ASK, WHO_NEXT } },
};

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct plan p;
		struct plan_step step;

		plan_init(&p, &limits, &table[i].held);
		p.seen = table[i].seen;
		p.identity_is_refused = table[i].identity_is_refused;
		p.next_is_refused = table[i].next_is_refused;
		p.renewal_is_wanted = table[i].renewal_is_wanted;
		step = plan_next(&p, NOW, 0);
		if (step.action != table[i].expected.action || step.who != table[i].expected.who ||
			step.slot != table[i].expected.slot ||
			step.lacks_slot != table[i].expected.lacks_slot ||
			step.is_renewal != table[i].expected.is_renewal ||
			step.wait_s != table[i].expected.wait_s) {
			fail_msg("%s: action %d as %d, slot %u, renewal %d, wait %d", table[i].what,
				step.action, step.who, step.slot, step.is_renewal,
				(int)step.wait_s);
		}
	}
}

/* Without a birth identity nobody tells when a suspension ends: both keys are tried for as long as it takes. */
static void
test_each_in_turn(void **state)
{
	const struct plan_held held = { IDENTITY, NEXT };
	const struct plan_seen full = { .access = ADMITTED_FULL, .version = 9 };
	unsigned asked_as_next = 0;
	int64_t now_ms = 0;
	struct plan p;

	(void)state;
	plan_init(&p, &limits, &held);
	while (asked_as_next < 3) {
		struct plan_step step = plan_next(&p, NOW, now_ms);

		if (step.action == PLAN_WAIT) {
			now_ms += step.wait_ms;
			continue;
		}
		assert_int_equal(step.action, PLAN_ASK);
		assert_in_range(now_ms, 0, 3600000);
		asked_as_next += step.who == WHO_NEXT;
		if (asked_as_next < 3) {
			plan_take_refusal(&p, &step, 0, now_ms, 1);
		} else {
			plan_take_state(&p, &step, &full, now_ms, now_ms, 1);
		}
	}
	assert_int_equal(plan_next(&p, NOW, now_ms).action, PLAN_ADOPT);
}

static void
check_free_slot(unsigned identity, unsigned next, unsigned closed)
{
	const struct plan_held h = { .has_identity = identity > 1,
		.identity_slot = identity,
		.has_next = next > 1,
		.next_slot = next,
		.closed = closed };
	unsigned slot = plan_free_slot(&h), taken = closed | 1u << identity | 1u << next;

	if (slot == SLOT_NONE) {
		assert_int_equal(taken & 0x1C, 0x1C);
		return;
	}
	assert_in_range(slot, SLOT_FIRST, SLOT_LAST);
	assert_int_equal(taken >> slot & 1, 0);
	for (unsigned before = SLOT_FIRST; before < slot; before++) {
		assert_int_equal(taken >> before & 1, 1); /* the first one */
	}
}

static void
test_free_slot(void **state)
{
	(void)state;
	for (unsigned identity = 1; identity <= 4; identity++) {
		for (unsigned next = 1; next <= 4; next++) {
			for (unsigned closed = 0; closed < 32; closed++) {
				check_free_slot(identity, next, closed);
			}
		}
	}
}

/* The only slot is the identity's own: it is given up only when it was refused while enrolment is open. */
static void
test_own_slot(void **state)
{
	const struct plan_held held = { BIRTH, IDENTITY, CLOSED(3, 4) };
	const struct plan_seen suspended = { SEEN(WHO_BIRTH, ADMITTED_STATE) };
	struct plan_seen open = { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) };
	struct plan_step step;
	struct plan p;

	(void)state;
	open.version = 8;
	plan_init(&p, &limits, &held);
	step = plan_next(&p, NOW, 0);
	assert_int_equal(step.who, WHO_OPERATIONAL);
	plan_take_refusal(&p, &step, 0, 0, 0);
	step = plan_next(&p, NOW, 0);
	assert_int_equal(step.who, WHO_BIRTH);
	plan_take_state(&p, &step, &suspended, 0, 0, 0);
	step = plan_next(&p, NOW, 0);
	plan_take_state(&p, &step, &open, 0, 60000, 0); /* resumed, or transferred: who knows */
	step = plan_next(&p, NOW, 60000);
	assert_int_equal(step.action, PLAN_ASK);
	assert_int_equal(step.who, WHO_OPERATIONAL);
	plan_take_refusal(&p, &step, 0, 60000, 0);
	step = plan_next(&p, NOW, 60000);
	assert_int_equal(step.who, WHO_BIRTH);
	plan_take_state(&p, &step, &open, 60000, 60000, 0);
	step = plan_next(&p, NOW, 60000);
	assert_int_equal(step.action, PLAN_MAKE_REQUEST);
	assert_int_equal(step.slot, 2);
}

static void
test_back_off(void **state)
{
	static const struct {
		unsigned failures;
		int64_t retry_after_s, low, high;
	} rows[] = { { 1, 0, 500, 1000 }, { 2, 0, 1000, 2000 }, { 3, 0, 2000, 4000 },
		{ 7, 0, 30000, 60000 }, { 1000000, 0, 30000, 60000 },
		{ UINT32_MAX, 0, 30000, 60000 }, { 1, 30, 30000, 37500 }, { 7, 1, 30000, 60000 },
		{ 1, 99999999, 3600000, 4500000 }, { 1, -5, 500, 1000 } };
	static const uint32_t randoms[] = { 0, 1, 499, 500, 12345, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t k = 0; k < COUNT_OF(randoms); k++) {
			int64_t ms = plan_back_off_ms(
				&limits, rows[i].failures, rows[i].retry_after_s, randoms[k]);

			if (ms < rows[i].low || ms > rows[i].high) {
				fail_msg("row %zu: %lld ms", i, (long long)ms);
			}
		}
	}
	/* Not all at one instant. */
	assert_int_not_equal(
		plan_back_off_ms(&limits, 7, 0, 1), plan_back_off_ms(&limits, 7, 0, 2));
}

static void
test_waits(void **state)
{
	const struct plan_held held = { BIRTH };
	const struct plan_seen seen = { SEEN(WHO_BIRTH, ADMITTED_STATE) };
	struct plan_step step = { PLAN_ASK, WHO_BIRTH };
	struct plan p;

	(void)state;
	plan_init(&p, &limits, &held);
	plan_take_failure(&p, 0, 5000, 0);
	assert_int_equal(plan_next(&p, NOW, 5000).action, PLAN_WAIT);
	assert_int_equal(plan_next(&p, NOW, 5000).wait_ms, 500);
	assert_int_equal(plan_next(&p, NOW, 5499).action, PLAN_WAIT);
	assert_int_equal(plan_next(&p, NOW, 5500).action, PLAN_ASK);
	plan_take_state(&p, &step, &seen, 5500, 5600, 0);
	assert_int_equal(p.failures, 0);
	assert_int_equal(plan_next(&p, NOW, 5600).wait_s, 60);

	/* The same again, much too early: a pause. In time, or with news: none. */
	step.wait_s = 60;
	plan_take_state(&p, &step, &seen, 5600, 5700, 0);
	assert_int_equal(plan_next(&p, NOW, 5700).action, PLAN_WAIT);
	plan_take_state(&p, &step, &seen, 10000, 70000, 0);
	assert_int_equal(plan_next(&p, NOW, 70000).action, PLAN_ASK);
	p.version = 6;
	plan_take_state(&p, &step, &seen, 70000, 70001, 0);
	assert_int_equal(plan_next(&p, NOW, 70001).action, PLAN_ASK);
}

/* --- the walk --- */

enum fate { UNSEEN, PENDING, CURRENT, DEAD };

struct model {
	struct plan_held disk;
	unsigned slot_key[5];			      /* number of the key in each slot */
	unsigned identity_key, next_key, request_key; /* of what is on disk */
	unsigned keys_made;
	enum fate fate[4096];
	bool is_claimed, is_suspended, is_active;
	bool renew_now;
	int64_t version, now_ms;
	uint32_t random;
};

static uint32_t
next_random(struct model *m)
{
	m->random = m->random * 1664525 + 1013904223;
	return m->random >> 8;
}

static bool
chance(struct model *m, unsigned percent)
{
	return next_random(m) % 100 < percent;
}

/* Whether this identity is let in, and how far; first use confirms. */
static bool
model_admits(struct model *m, enum plan_who who, struct plan_seen *out)
{
	unsigned key = who == WHO_OPERATIONAL ? m->identity_key : m->next_key;

	*out = (struct plan_seen){ .is_known = true, .by = who, .access = ADMITTED_FULL };
	if (who == WHO_BIRTH) {
		out->access =
			m->is_claimed && !m->is_suspended ? ADMITTED_ENROLMENT : ADMITTED_STATE;
	} else if (m->is_suspended || m->fate[key] == DEAD ||
		   (!m->is_active && m->fate[key] != PENDING)) {
		return false;
	} else if (m->fate[key] == PENDING) {
		for (unsigned i = 0; i < m->keys_made + 1; i++) {
			m->fate[i] = m->fate[i] == CURRENT ? DEAD : m->fate[i];
		}
		m->fate[key] = CURRENT;
		m->is_active = true;
		m->renew_now = false;
		m->version++;
	}
	out->renew_now = m->renew_now;
	out->version = m->version;
	return true;
}

static void
model_ask(struct model *m, struct plan *p, const struct plan_step *step)
{
	struct plan_seen seen;
	bool is_in = model_admits(m, step->who, &seen);

	if (chance(m, 20)) {
		plan_take_failure(p, chance(m, 30) ? 3 : 0, m->now_ms, next_random(m));
	} else if (is_in) {
		plan_take_state(
			p, step, &seen, m->now_ms, m->now_ms + step->wait_s * 1000, next_random(m));
	} else {
		plan_take_refusal(p, step, 0, m->now_ms, next_random(m));
	}
}

/* Killed between key and request, half of the time. */
static void
model_make_request(struct model *m, struct plan *p, const struct plan_step *step)
{
	assert_in_range(step->slot, SLOT_FIRST, SLOT_LAST);
	assert_int_equal(m->disk.closed >> step->slot & 1, 0);
	if (m->disk.has_identity && step->slot == m->disk.identity_slot) {
		assert_int_equal(step->who, WHO_BIRTH);
		assert_int_equal(m->fate[m->identity_key], DEAD);
		assert_int_equal((m->disk.closed | 1u << step->slot) & 0x1C, 0x1C);
		m->disk.has_identity = false; /* its certificate is of a key that is no more */
	}
	assert_false(m->disk.has_next && step->slot == m->disk.next_slot);
	m->disk.has_request = false;
	m->slot_key[step->slot] = ++m->keys_made;
	assert_true(m->keys_made < COUNT_OF(m->fate) - 1);
	if (chance(m, 10)) {
		plan_init(p, &limits, &m->disk);
		return;
	}
	m->disk.has_request = true;
	m->disk.request_slot = step->slot;
	m->disk.request_is_renewal = step->is_renewal;
	m->request_key = m->keys_made;
	plan_take_held(p, step, &m->disk);
}

/* At most one waits at the server. */
static void
kill_pending(struct model *m)
{
	for (unsigned i = 0; i <= m->keys_made; i++) {
		m->fate[i] = m->fate[i] == PENDING ? DEAD : m->fate[i];
	}
}

static void
model_send(struct model *m, struct plan *p, const struct plan_step *step)
{
	struct plan_seen seen;
	bool is_in = model_admits(m, step->who, &seen);

	assert_true(m->disk.has_request);
	assert_int_equal(step->is_renewal, step->who == WHO_OPERATIONAL);
	if (!is_in || seen.access == ADMITTED_STATE) {
		plan_take_refusal(p, step, 0, m->now_ms, next_random(m));
		return;
	}
	if (m->fate[m->request_key] == DEAD) { /* the key was seen before */
		m->disk.has_request = false;
		plan_take_held(p, &(struct plan_step){ .action = PLAN_DROP_REQUEST }, &m->disk);
		plan_take_bad_request(p, 0, m->now_ms, next_random(m));
		return;
	}
	if (m->fate[m->request_key] == UNSEEN) {
		kill_pending(m);
		m->fate[m->request_key] = PENDING;
	}
	if (chance(m, 25)) { /* the reply is lost */
		plan_take_failure(p, 0, m->now_ms, next_random(m));
		return;
	}
	m->disk.has_next = true;
	m->disk.next_slot = m->disk.request_slot;
	m->disk.next_ends_s = INT64_MAX;
	m->next_key = m->request_key;
	m->disk.has_request = false;
	plan_take_held(p, step, &m->disk);
}

static void
model_do(struct model *m, struct plan *p, const struct plan_step *step)
{
	switch (step->action) {
	case PLAN_ASK:
		model_ask(m, p, step);
		break;
	case PLAN_MAKE_REQUEST:
		model_make_request(m, p, step);
		break;
	case PLAN_SEND:
		model_send(m, p, step);
		break;
	case PLAN_ADOPT:
		/* Confirmed, and perhaps over again since. */
		assert_true(m->fate[m->next_key] == CURRENT || m->fate[m->next_key] == DEAD);
		m->disk.has_identity = true;
		m->disk.identity_slot = m->disk.next_slot;
		m->disk.identity_ends_s = INT64_MAX;
		m->identity_key = m->next_key;
		m->disk.has_next = false;
		plan_take_held(p, step, &m->disk);
		break;
	case PLAN_DROP_NEXT:
		m->disk.has_next = false;
		plan_take_held(p, step, &m->disk);
		break;
	case PLAN_DROP_REQUEST:
		m->disk.has_request = false;
		plan_take_held(p, step, &m->disk);
		break;
	case PLAN_WAIT:
		assert_in_range(step->wait_ms, 1, 75000);
		m->now_ms += step->wait_ms;
		break;
	case PLAN_STUCK:
		fail_msg("stuck");
	}
}

/* Something happens to the device at the server. */
static void
model_event(struct model *m)
{
	switch (next_random(m) % 4) {
	case 0:
		m->renew_now = m->is_active;
		break;
	case 1:
		m->is_suspended = !m->is_suspended;
		break;
	case 2: /* transferred: whatever was before is over */
		m->is_active = false;
		m->is_claimed = true;
		for (unsigned i = 0; i <= m->keys_made; i++) {
			m->fate[i] = m->fate[i] == UNSEEN ? UNSEEN : DEAD;
		}
		break;
	default:
		m->is_claimed = true;
		break;
	}
	m->version++;
}

/* One at the least is open. */
static const unsigned closed_slots[] = { 0, 0, 1 << 2, 1 << 3, 1 << 4, 3 << 2, 3 << 3, 5 << 2 };

static void
walk(uint32_t seed)
{
	static struct model m;
	struct plan p;
	int quiet = 0;

	m = (struct model){ .disk = { BIRTH }, .version = 1, .random = seed };
	m.disk.closed = closed_slots[seed % COUNT_OF(closed_slots)];
	plan_init(&p, &limits, &m.disk);
	for (int i = 0; i < 4000 && quiet < 3; i++) {
		bool is_end = i > 2000; /* from here on nothing more happens to it */
		struct plan_step step;

		if (!is_end && chance(&m, 5)) {
			model_event(&m);
		}
		if (is_end && (m.is_suspended || !m.is_claimed)) {
			m.is_suspended = false;
			m.is_claimed = true;
			m.version++;
		}
		if (!is_end && chance(&m, 10)) {
			plan_init(&p, &limits, &m.disk); /* killed, started again */
		}
		step = plan_next(&p, NOW, m.now_ms);
		model_do(&m, &p, &step);
		quiet = is_end && step.action == PLAN_ASK && step.who == WHO_OPERATIONAL &&
					p.seen.is_known && p.seen.access == ADMITTED_FULL
				? quiet + 1
				: quiet;
	}
	if (quiet < 3 || !m.is_active || m.fate[m.identity_key] != CURRENT) {
		fail_msg("seed %u: not in use in the end", seed);
	}
}

static void
test_walks(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++) {
		walk(seed * 2654435761u);
	}
}

/* Each bad request costs a key: the pauses between them grow although the questions in between are answered. */
static void
test_bad_requests_are_paced(void **state)
{
	const struct plan_held held = { BIRTH };
	const struct plan_seen seen = { SEEN(WHO_BIRTH, ADMITTED_ENROLMENT) };
	struct plan_step step;
	struct plan p;
	int64_t now_ms = 0, last_ms = 0;

	(void)state;
	plan_init(&p, &limits, &held);
	for (int i = 0; i < 10; i++) {
		step = plan_next(&p, NOW, now_ms);
		assert_int_equal(step.action, PLAN_ASK);
		plan_take_state(&p, &step, &seen, now_ms, now_ms, 0);
		step = plan_next(&p, NOW, now_ms);
		assert_int_equal(step.action, PLAN_MAKE_REQUEST);
		plan_take_held(&p, &step, &(struct plan_held){ BIRTH, REQUEST(2, false) });
		step = plan_next(&p, NOW, now_ms);
		assert_int_equal(step.action, PLAN_SEND);
		plan_take_held(&p, &(struct plan_step){ .action = PLAN_DROP_REQUEST }, &held);
		plan_take_bad_request(&p, 0, now_ms, 0);
		step = plan_next(&p, NOW, now_ms);
		assert_int_equal(step.action, PLAN_WAIT);
		assert_true(
			step.wait_ms >= 2 * last_ms || step.wait_ms == limits.retry_most_ms / 2);
		last_ms = step.wait_ms;
		now_ms += step.wait_ms;
	}
	assert_int_equal(last_ms, limits.retry_most_ms / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_requests_are_paced),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_each_in_turn),
		cmocka_unit_test(test_free_slot),
		cmocka_unit_test(test_own_slot),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
