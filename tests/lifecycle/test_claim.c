#include "world.h"

#include <pthread.h>
#include <stdio.h>

#include "base/check.h"

static struct world w;
static struct outcome o;

static int
set_up(void **state)
{
	(void)state;
	world_open(&w);
	o = (struct outcome){ 0 };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

#define WRONG "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ"

static status
claim(enum who who, int64_t device, const char *code, int64_t owner)
{
	o = (struct outcome){ 0 };
	return claim_device(as(&w, who), device, span_text(code), owner, &o, &w.d);
}

static void
the_code_in_the_box(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	int64_t before = world_ledger_size(&w);
	struct claim_code k;

	(void)state;
	/* As a person types it. */
	assert_status(OK, &w, claim(ANNA, device, " 7k3mf oqz9t-aib2c d3e4f", 0));
	assert_int_equal(DEVICE_AWAITING_DEVICE, o.device.state);
	assert_int_equal(w.anna.row, o.device.owner);
	assert_int_equal(before + 1, world_ledger_size(&w));
	assert_int_equal(before, o.ledger);
	assert_true(world_entry_has(&w, "\"event\":\"claim\""));
	assert_true(world_entry_has(&w, "\"previous_owner\":"));
	assert_null(strstr(world_entry(&w), "anna"));
	assert_int_equal(OK, read_claim_code(w.reader, device, &k));
	assert_int_equal(TEST_TIME_S, k.burnt_s);
	assert_int_equal(device, w.told_device);
	world_check(&w, device, false);
	/* He sees it now, so he is told; the others are told nothing. */
	assert_status(CONFLICT, &w, claim(ANNA, device, BOX_CODE, 0));
	assert_status(DENIED, &w, claim(BERT, device, BOX_CODE, 0));
	assert_status(CONFLICT, &w, claim(MAKER, device, BOX_CODE, w.bert.row));
	assert_int_equal(before + 1, world_ledger_size(&w));
}

static void
who_may(void **state)
{
	static const struct {
		enum who who;
		status want;
	} rows[] = { { SUPPORT, DENIED }, { AUDITOR, DENIED }, { WATCH, DENIED }, { MAKER, DENIED },
		{ ADMIN, DENIED } }; /* the last two: they name no owner */
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_status(rows[i].want, &w, claim(rows[i].who, device, BOX_CODE, 0));
	}
	assert_status(DENIED, &w, claim(ANNA, device, BOX_CODE, w.bert.row));
	assert_status(DENIED, &w,
		claim_device(as_device(&w, device), device, span_text(BOX_CODE), 0, &o, &w.d));
	assert_status(NOT_FOUND, &w, claim(MAKER, device, BOX_CODE, 99));
	assert_status(NOT_FOUND, &w, claim(MAKER, 99, BOX_CODE, w.bert.row));
	w.operators[ANNA].is_disabled = true;
	assert_status(DENIED, &w, claim(ANNA, device, BOX_CODE, 0));
	assert_status(OK, &w, claim(MAKER, device, BOX_CODE, w.bert.row));
	assert_int_equal(w.bert.row, world_now(&w, device).owner);
}

static void
codes_that_no_code_can_be(void **state)
{
	static const char *const rows[] = { "", "-", "7K3MF-0QZ9T-A1B2C-D3E4",
		"U0000-00000-00000-00000", "7K3MF-0QZ9T-A1B2C-D3E4F-0", "\xff\xff",
		"7K3MF_0QZ9T_A1B2C_D3E4F" };
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		status s = claim(BERT, device, rows[i], 0);

		assert_true(s == DENIED || s == LIMIT);
	}
	assert_int_equal(DEVICE_HELD, world_now(&w, device).state);
}

/* The words and kinds of answers to four wrong tries, and of the fifth, right one. */
static void
note_answers(int64_t device, enum who who, char *out, size_t room)
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		status s = claim(who, device, WRONG, 0);

		at += (size_t)snprintf(out + at, room - at, "%s: %s\n", status_name(s), w.d.text);
	}
	snprintf(out + at, room - at, "%s: %s\n", status_name(claim(who, device, WRONG, 0)),
		w.d.text);
}

static void
no_oracle_for_serials(void **state)
{
	char texts[5][2000];
	int64_t held = world_device(&w, 1, FOREIGN_BIRTH);
	int64_t used = world_active(&w, 2, FOREIGN_BIRTH);
	int64_t codeless = world_device(&w, 3, FOREIGN_BIRTH);
	int64_t all[] = { held, 0, 4711, used, codeless };

	(void)state;
	assert_status(OK, &w, release_device(as(&w, ANNA), used, &o, &w.d));
	assert_status(OK, &w, suspend_device(as(&w, MAKER), used, &o, &w.d));
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		note_answers(all[i], BERT, texts[i], sizeof(texts[i]));
		assert_string_equal(texts[0], texts[i]);
		world_add_s(&w, 86400);
		/* A right claim begins anew. */
		assert_status(OK, &w,
			claim(BERT, world_device(&w, 10 + (unsigned)i, FOREIGN_BIRTH), BOX_CODE,
				0));
	}
	assert_non_null(strstr(texts[0], "limit: too many wrong codes: wait 60 seconds"));
}

/* Locked by others: to one who may not see it a device gives no sign of it, even to the right code. */
static void
a_lock_is_no_oracle_either(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	char words[sizeof(w.d.text)];

	(void)state;
	for (int i = 0; i < 4; i++) {
		status s = claim(BERT, device, WRONG, 0);

		assert_true(s == DENIED || s == LIMIT);
	}
	assert_status(DENIED, &w, claim(SHOP, 4711, WRONG, 0));
	memcpy(words, w.d.text, sizeof(words));
	assert_status(DENIED, &w, claim(ANNA, device, BOX_CODE, 0));
	assert_string_equal(words, w.d.text);
	/* The maker's operators are told. */
	assert_status(LIMIT, &w, claim(MAKER, device, BOX_CODE, w.anna.row));
	world_add_s(&w, 60);
	assert_status(OK, &w, claim(ANNA, device, BOX_CODE, 0));
}

static void
wrong_codes_lock_by_the_clock(void **state)
{
	static const int64_t locks[] = { 0, 0, 0, 60, 120, 240, 480 };
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	struct claim_code k;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(locks); i++) {
		status want = locks[i] == 0 ? DENIED : LIMIT;

		assert_status(want, &w, claim(MAKER, device, WRONG, w.anna.row));
		assert_int_equal(OK, read_claim_code(w.reader, device, &k));
		assert_int_equal(i + 1, k.failures);
		assert_int_equal(locks[i] == 0 ? 0 : w.session.now_s + locks[i], k.locked_until_s);
		if (locks[i] == 0) {
			continue;
		}
		world_reopen(&w); /* a restart frees nobody */
		assert_status(LIMIT, &w, claim(MAKER, device, BOX_CODE, w.anna.row));
		world_add_s(&w, locks[i] - 1);
		assert_status(LIMIT, &w, claim(MAKER, device, WRONG, w.anna.row));
		assert_int_equal(OK, read_claim_code(w.reader, device, &k));
		assert_int_equal(i + 1, k.failures); /* a try against a lock is none */
		world_add_s(&w, 1);
	}
	assert_status(OK, &w, claim(MAKER, device, BOX_CODE, w.anna.row));
}

static void
an_asker_is_locked_wherever_he_tries(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	struct attempt a;
	char subject[64];

	(void)state;
	for (int64_t i = 0; i < 3; i++) {
		assert_status(DENIED, &w, claim(BERT, 1000 + i, WRONG, 0));
	}
	assert_status(LIMIT, &w, claim(BERT, 2000, WRONG, 0));
	world_reopen(&w);
	assert_status(LIMIT, &w, claim(BERT, device, BOX_CODE, 0));
	snprintf(subject, sizeof(subject), "claim:%d", (int)w.operators[BERT].row);
	assert_int_equal(OK, read_attempt(w.reader, subject, &a));
	assert_int_equal(4, a.failures);
	world_add_s(&w, 60);
	assert_status(OK, &w, claim(BERT, device, BOX_CODE, 0));
	assert_int_equal(OK, read_attempt(w.reader, subject, &a));
	assert_int_equal(0, a.failures);
}

static void
a_new_code(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	int64_t active = world_active(&w, 2, FOREIGN_BIRTH);
	int64_t before = world_ledger_size(&w);
	char code[CLAIM_CODE_TEXT_MAX];

	(void)state;
	assert_status(DENIED, &w, claim_code_renew(as(&w, ANNA), device, &o, &w.d));
	assert_status(DENIED, &w, claim_code_renew(as(&w, SUPPORT), device, &o, &w.d));
	assert_status(CONFLICT, &w, claim_code_renew(as(&w, MAKER), active, &o, &w.d));
	assert_status(NOT_FOUND, &w, claim_code_renew(as(&w, MAKER), 99, &o, &w.d));
	assert_int_equal(before, world_ledger_size(&w));
	assert_status(OK, &w, claim_code_renew(as(&w, MAKER), device, &o, &w.d));
	assert_int_equal(before + 1, world_ledger_size(&w));
	assert_int_equal(23, strlen(o.code));
	memcpy(code, o.code, sizeof(code));
	assert_null(strstr(world_entry(&w), code));
	assert_status(DENIED, &w, claim(ANNA, device, BOX_CODE, 0));
	assert_status(OK, &w, claim(ANNA, device, code, 0));
}

static void
a_mark_stops_claims(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);

	(void)state;
	assert_status(OK, &w, mark_device(as(&w, MAKER), device, MARK_STOLEN, true, &o, &w.d));
	assert_status(DENIED, &w, claim(ANNA, device, BOX_CODE, 0));
	assert_int_equal(DEVICE_HELD, world_now(&w, device).state);
	assert_status(OK, &w, claim(MAKER, device, BOX_CODE, w.anna.row));
}

/* --- at the same time -------------------------------------------------------------- */

#define HANDS 6

struct hand {
	pthread_t thread;
	struct world *world;
	enum who who;
	const char *code;
	int64_t device, owner;
	unsigned tries, denied, limited, taken, other;
};

/* A session of its own, as each of the server's threads has. */
static void *
grab(void *context)
{
	struct hand *h = context;
	struct session s = h->world->session;
	struct diag d = { 0 };

	s.arena = arena_new(8 << 20);
	if (s.arena == NULL || reader_open(h->world->store, &s.reader, &d) != OK) {
		h->other++;
		return NULL;
	}
	s.actor = (struct actor){ .kind = ACTOR_OPERATOR, .account = h->world->operators[h->who] };
	for (unsigned i = 0; i < h->tries; i++) {
		struct outcome out = { 0 };
		status got = claim_device(&s, h->device, span_text(h->code), h->owner, &out, &d);

		h->denied += got == DENIED;
		h->limited += got == LIMIT;
		h->taken += got == OK;
		h->other += got != DENIED && got != LIMIT && got != OK;
		diag_clear(&d);
		arena_reset(s.arena);
	}
	reader_close(s.reader);
	arena_free(s.arena);
	return NULL;
}

static void
grab_all(struct hand hands[HANDS])
{
	for (size_t i = 0; i < HANDS; i++) {
		hands[i].world = &w;
		assert_int_equal(0, pthread_create(&hands[i].thread, NULL, grab, &hands[i]));
	}
	for (size_t i = 0; i < HANDS; i++) {
		assert_int_equal(0, pthread_join(hands[i].thread, NULL));
	}
}

static void
many_hands_one_device(void **state)
{
	static const enum who who[] = { ANNA, BERT, SHOP };

	(void)state;
	w.life.on_device = NULL; /* the world's note-taker is for one thread */
	for (unsigned n = 0; n < 12; n++) {
		int64_t device = world_device(&w, n, FOREIGN_BIRTH),
			entries = world_ledger_size(&w);
		struct hand hands[HANDS] = { 0 };
		unsigned taken = 0;

		for (size_t i = 0; i < HANDS; i++) {
			hands[i] = (struct hand){
				.who = who[i % 3], .code = BOX_CODE, .device = device, .tries = 1
			};
		}
		grab_all(hands);
		for (size_t i = 0; i < HANDS; i++) {
			taken += hands[i].taken;
		}
		assert_int_equal(1, taken);
		assert_int_equal(entries + 1, world_ledger_size(&w));
		world_check(&w, device, false);
		world_add_s(&w, 86400);
	}
}

static void
no_wrong_try_is_lost(void **state)
{
	int64_t device = world_device(&w, 1, FOREIGN_BIRTH);
	struct hand hands[HANDS];
	struct claim_code k;
	unsigned denied = 0, limited = 0;

	(void)state;
	for (size_t i = 0; i < HANDS; i++) {
		hands[i] = (struct hand){ .who = MAKER,
			.code = WRONG,
			.device = device,
			.owner = w.anna.row,
			.tries = 5 };
	}
	grab_all(hands);
	for (size_t i = 0; i < HANDS; i++) {
		denied += hands[i].denied;
		limited += hands[i].limited;
		assert_int_equal(0, hands[i].taken + hands[i].other);
	}
	/* Whoever raced: three are denied, then the lock stands. */
	assert_int_equal(3, denied);
	assert_int_equal(HANDS * 5 - 3, limited);
	assert_int_equal(OK, read_claim_code(w.reader, device, &k));
	assert_int_equal(4, k.failures);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_code_in_the_box),
		T(who_may),
		T(codes_that_no_code_can_be),
		T(no_oracle_for_serials),
		T(a_lock_is_no_oracle_either),
		T(wrong_codes_lock_by_the_clock),
		T(an_asker_is_locked_wherever_he_tries),
		T(a_new_code),
		T(a_mark_stops_claims),
		T(many_hands_one_device),
		T(no_wrong_try_is_lost),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
