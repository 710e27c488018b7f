/*
 * Lives at random: seeded, bounded. Anybody asks for anything; after each step every device is held against the
 * invariants, and the ledger against the number of decisions. TENURE_SEED tries another life.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#define DEVICES 6
#define STEPS 3000
#define SPARES 40

static struct world w;
static uint64_t random_state;

static unsigned
random_below(unsigned n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(random_state >> 33) % n;
}

/* What the people around a device have in their hands. */
struct life_of {
	int64_t row;
	enum birth birth;
	char code[CLAIM_CODE_TEXT_MAX];	      /* of the box */
	char offer_code[CLAIM_CODE_TEXT_MAX]; /* of the last offer */
	id offer;
	bool is_lost; /* without a birth identity, and its keys are compromised */
};

static struct life_of lives[DEVICES];
static unsigned spares_taken;
static int64_t entries; /* that the ledger must have */
static struct outcome o;

/* --- the acts ---------------------------------------------------------------------- */

typedef status act(struct life_of *l, struct session *s);

static enum revocation_reason
random_reason(void)
{
	static const enum revocation_reason all[] = { REASON_SUPERSEDED,
		REASON_CESSATION_OF_OPERATION, REASON_AFFILIATION_CHANGED,
		REASON_PRIVILEGE_WITHDRAWN, REASON_KEY_COMPROMISE };

	return all[random_below(COUNT_OF(all))];
}

static int64_t
random_owner(void)
{
	const int64_t all[] = { 0, w.anna.row, w.bert.row, w.shop.row };

	return all[random_below(COUNT_OF(all))];
}

static status
act_claim(struct life_of *l, struct session *s)
{
	const char *code = random_below(8) == 0 ? "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ" : l->code;

	return claim_device(s, l->row, span_text(code), random_owner(), &o, &w.d);
}

static status
act_offer(struct life_of *l, struct session *s)
{
	status got = offer_device(s, l->row, random_owner(), 0, &o, &w.d);

	if (got == OK) {
		l->offer = o.offer.id;
		memcpy(l->offer_code, o.code, sizeof(o.code));
	}
	return got;
}

static status
act_accept(struct life_of *l, struct session *s)
{
	return offer_accept(s, &l->offer, span_text(l->offer_code), random_owner(), &o, &w.d);
}

static status
act_decline(struct life_of *l, struct session *s)
{
	return offer_decline(s, &l->offer, span_text(l->offer_code), &o, &w.d);
}

static status
act_cancel(struct life_of *l, struct session *s)
{
	return offer_cancel(s, &l->offer, &o, &w.d);
}

static status
keep_code(struct life_of *l, status got)
{
	if (got == OK) {
		memcpy(l->code, o.code, sizeof(o.code));
	}
	return got;
}

static status
act_release(struct life_of *l, struct session *s)
{
	return keep_code(l, release_device(s, l->row, &o, &w.d));
}

static status
act_hold(struct life_of *l, struct session *s)
{
	return keep_code(l, hold_device(s, l->row, &o, &w.d));
}

static status
act_refurbish(struct life_of *l, struct session *s)
{
	return keep_code(l, refurbish_device(s, l->row, &o, &w.d));
}

static status
act_code(struct life_of *l, struct session *s)
{
	return keep_code(l, claim_code_renew(s, l->row, &o, &w.d));
}

static status
act_return(struct life_of *l, struct session *s)
{
	return random_below(6) == 0
		       ? return_device(s, l->row, CONSENT_OWNER, "defect", NULL, &o, &w.d)
		       : DENIED;
}

static status
act_suspend(struct life_of *l, struct session *s)
{
	return suspend_device(s, l->row, &o, &w.d);
}

static status
act_resume(struct life_of *l, struct session *s)
{
	return resume_device(s, l->row, &o, &w.d);
}

static status
act_mark(struct life_of *l, struct session *s)
{
	return mark_device(s, l->row, MARK_STOLEN, random_below(3) == 0, &o, &w.d);
}

static status
act_revoke(struct life_of *l, struct session *s)
{
	return revoke_operational(s, l->row, random_reason(), &o, &w.d);
}

static status
act_revoke_birth(struct life_of *l, struct session *s)
{
	/* Seldom: it ends in a new board. */
	return random_below(4) == 0 ? revoke_birth(s, l->row, random_reason(), &o, &w.d) : DENIED;
}

static status
act_revoke_any(struct life_of *l, struct session *s)
{
	struct certificate *list;
	size_t count;

	assert_int_equal(OK, list_certificates_of_device(
				     w.reader, w.arena, l->row, 0, LIST_PAGE_MAX, &list, &count));
	if (count == 0) {
		return NOT_FOUND;
	}
	return revoke_certificate(
		s, list[random_below((unsigned)count)].row, random_reason(), &o, &w.d);
}

static status
act_withdraw(struct life_of *l, struct session *s)
{
	(void)l;
	(void)s;
	entries += (int64_t)world_withdraw(&w);
	return DENIED; /* counted by itself */
}

static status
act_replace(struct life_of *l, struct session *s)
{
	char serial[ELEMENT_SERIAL_MAX + 1];
	status got;

	if (spares_taken == SPARES || random_below(3) != 0) {
		return DENIED;
	}
	snprintf(serial, sizeof(serial), "0123%012x01", 1000 + spares_taken);
	got = replace_element(s, l->row, serial, &o, &w.d);
	if (got == OK) {
		spares_taken++;
		entries++; /* the board's own record ends too */
		l->birth = OWN_BIRTH;
		l->is_lost = false;
	}
	return got;
}

static status
act_retire(struct life_of *l, struct session *s)
{
	return random_below(8) == 0 ? retire_device(s, l->row, &o, &w.d) : DENIED;
}

/* Let in as at the door: by a certificate that is judged so at this instant. */
static bool
is_let_in(const struct life_of *l, bool wants_pending)
{
	struct certificate *list;
	size_t count;

	assert_int_equal(OK, list_certificates_of_device(
				     w.reader, w.arena, l->row, 0, LIST_PAGE_MAX, &list, &count));
	for (size_t i = 0; i < count; i++) {
		enum access a = world_judge(&w, l->row, list[i].row);

		if (wants_pending ? a == ACCESS_FULL && list[i].status == CERTIFICATE_PENDING
				  : a >= ACCESS_ENROLMENT) {
			return true;
		}
	}
	return false;
}

static status
act_enrol(struct life_of *l, struct session *s)
{
	int64_t before = world_ledger_size(&w);

	(void)s;
	if (!is_let_in(l, false) || world_enrol(&w, l->row) == 0) {
		return DENIED;
	}
	o.ledger = before;
	return OK;
}

static status
act_confirm(struct life_of *l, struct session *s)
{
	int64_t before = world_ledger_size(&w);

	(void)s;
	if (!is_let_in(l, true) || world_confirm(&w, l->row) != OK) {
		return DENIED;
	}
	o.ledger = before;
	l->is_lost = false;
	return OK;
}

static status
act_time(struct life_of *l, struct session *s)
{
	size_t count = 0;

	(void)l;
	(void)s;
	world_add_s(&w, (int64_t)random_below(20) * 86400);
	assert_status(OK, &w, offers_time_out(as_server(&w), 100, &count, &w.d));
	entries += (int64_t)count;
	return OK;
}

static act *const acts[] = { act_claim, act_claim, act_offer, act_offer, act_offer, act_offer,
	act_accept, act_accept, act_accept, act_decline, act_cancel, act_release, act_hold,
	act_refurbish, act_refurbish, act_refurbish, act_code, act_return, act_suspend, act_resume,
	act_resume, act_resume, act_mark, act_revoke, act_revoke_birth, act_revoke_any,
	act_withdraw, act_replace, act_retire, act_enrol, act_enrol, act_enrol, act_enrol,
	act_confirm, act_confirm, act_confirm, act_confirm, act_time };

/* --- a life ----------------------------------------------------------------------------- */

static bool
compromises(act *a, status got, const struct life_of *l)
{
	struct device d = world_now(&w, l->row);

	/* Of a device without a birth identity: as far as its record says, nothing good is left. */
	return got == OK && l->birth == NO_BIRTH && (a == act_revoke || a == act_revoke_any) &&
	       d.last_good_certificate == 0 && d.current_certificate == 0;
}

/* Who would ask, where something is to come of it. */
static enum who
likely(const struct life_of *l)
{
	int64_t owner = world_now(&w, l->row).owner;

	switch (random_below(4)) {
	case 0:
		return ADMIN;
	case 1:
		return BERT;
	default:
		return owner == w.anna.row   ? ANNA
		       : owner == w.bert.row ? BERT
		       : owner == w.shop.row ? SHOP
					     : MAKER;
	}
}

static void
step(void)
{
	struct life_of *l = &lives[random_below(DEVICES)];
	act *a = acts[random_below(COUNT_OF(acts))];
	enum who who = random_below(2) == 0 ? likely(l) : (enum who)random_below(WHO_COUNT);
	struct session *s = random_below(10) == 0 ? as_server(&w) : as(&w, who);
	status got;

	o = (struct outcome){ 0 };
	arena_reset(w.arena);
	got = a(l, s);
	/* The same revocation again is OK without an entry. */
	entries += got == OK && o.ledger != 0;
	assert_int_not_equal(BUG, got);
	assert_int_equal(entries, world_ledger_size(&w));
	if (got == OK && o.ledger != 0 && o.device.row != 0) {
		assert_int_equal(world_now(&w, l->row).version, o.device.version);
		assert_int_equal(world_now(&w, l->row).state, o.device.state);
	}
	l->is_lost |= compromises(a, got, l);
	for (size_t i = 0; i < DEVICES; i++) {
		world_check(&w, lives[i].row, lives[i].is_lost);
	}
}

/* A retired one makes room for the next. */
static void
be_born(struct life_of *l, unsigned number)
{
	*l = (struct life_of){ .birth = (enum birth)(number % 3) };
	l->row = l->birth == NO_BIRTH ? world_active(&w, number, NO_BIRTH)
				      : world_device(&w, number, l->birth);
	snprintf(l->code, sizeof(l->code), "%s", BOX_CODE);
}

static void
live(uint64_t seed)
{
	unsigned number = 0, seen[DEVICE_STATE_COUNT] = { 0 };

	random_state = seed;
	spares_taken = 0;
	world_open(&w);
	for (size_t i = 0; i < DEVICES; i++) {
		be_born(&lives[i], number++);
	}
	for (unsigned i = 0; i < SPARES; i++) {
		(void)world_device(&w, 1000 + i, OWN_BIRTH);
	}
	/* So that no entry that follows has the number 0. */
	assert_status(OK, &w, mark_device(as(&w, ADMIN), 1, MARK_STOLEN, false, &o, &w.d));
	entries = world_ledger_size(&w);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		for (size_t j = 0; j < DEVICES; j++) {
			enum device_state state = world_now(&w, lives[j].row).state;

			seen[state]++;
			if (state == DEVICE_RETIRED) {
				be_born(&lives[j], number++);
			}
		}
		if (i % 200 == 199) {
			world_reopen(&w);
		}
	}
	for (int s = DEVICE_HELD; s < DEVICE_STATE_COUNT; s++) {
		print_message("# %u times %s\n", seen[s], device_state_name((enum device_state)s));
		assert_true(seen[s] > 0); /* else the test looks at too little */
	}
	world_close(&w);
}

static void
lives_at_random(void **state)
{
	const char *given = getenv("TENURE_SEED");

	(void)state;
	if (given != NULL) {
		live(strtoull(given, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= 3; seed++) {
		print_message("# seed %d\n", (int)seed);
		live(seed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lives_at_random) };

	return cmocka_run_group_tests_name("lives", tests, NULL, NULL);
}
