/*
 * tenured is killed at its durable calls, one after the other, in each use case of a device's life: what was acknowledged
 * stands, what was not can be asked again and comes out as wanted, and nothing is half done. The same with the signer.
 *
 * A run is known by its numbers: life, act, call. TENURE_FULL=1 goes on until no use case is reached by the blow any
 * more; else acts and calls are drawn until the time is up, from TENURE_SEED where it is given.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "life.h"

#define SAMPLE_MS 15000 /* of blows; then the life is led to its end in peace */
#define SETTLE_MS 10000
#define LIVES_MAX 400
#define ONE_IN 3      /* acts of a sampled life are struck */
#define CALLS_DRAWN 8 /* at one of the first so many calls */

static struct stage stage;
static uint64_t seed;
static int64_t sample_end;
static bool has_struck; /* in this sample: one blow at the least */

struct blow {
	const char *name;
	unsigned kinds;
	bool at_signer;	     /* the signer falls, at a call of the server */
	const char *program; /* whose calls count */
};

/* 0 .. below - 1, the same again for the same seed. */
static unsigned
draw(unsigned below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % below;
}

static bool
is_full(void)
{
	return getenv("TENURE_FULL") != NULL;
}

/* After an answer the ledger is still to be published: the blow may fall there. */
static void
let_it_fall(struct stage *s)
{
	if (program_runs(s->server)) {
		(void)stage_settles(s, SETTLE_MS);
	}
}

static void
check_after(struct life *l, const struct act *a, const char *when)
{
	struct stage *s = l->stage;

	check_home(s, when);
	if (a->has_device) {
		check_way_in(
			s, stage_path(s, "line-%u/%s", l->number, l->units[0]), l->fleet, when);
	}
	if (a->revokes) {
		check_relying(s, l->authority, when);
	}
}

/* Brings about what the act wants, whatever the blow left; each step is checked. */
static void
repair(struct life *l, const struct act *a, bool was_acknowledged, const char *when)
{
	bool holds = a->holds(l);

	if (was_acknowledged && !holds) {
		fail_msg("%s: it was acknowledged, and is not there", when);
	}
	check_after(l, a, when);
	if (!a->run(l) && !a->holds(l)) {
		fail_msg("%s: asked again, it does not go on: %s", when, life_words());
	}
	if (!a->holds(l)) {
		fail_msg("%s: asked again, it says yes, and is not there: %s; state %lld, key %lld",
			when, life_words(),
			(long long)stage_number(l->stage,
				"SELECT state FROM device WHERE row = %lld",
				(long long)l->device[0]),
			(long long)stage_number(l->stage,
				"SELECT key_generation FROM device WHERE row = %lld",
				(long long)l->device[0]));
	}
	check_home(l->stage, when);
}

/* Up again; now and then killed once more on the way, while it repairs what the first blow left. */
static void
start_again(struct stage *s, const char *when)
{
	int code = 0;

	if (draw(3) == 0) {
		unsigned call = 1 + draw(CALLS_DRAWN);

		stage_arm(s, BOARD_DURABLE, call,
			draw(2) == 0 ? BOARD_KILL_BEFORE : BOARD_KILL_AFTER);
		if (stage_try(s, &code, NULL)) {
			stage_disarm(s);
			if (atomic_load(&s->board->struck) == 0) {
				return;
			}
			assert_true(stage_has_ended(s, SETTLE_MS, &code));
		}
		stage_disarm(s);
		if (code != 128 + SIGKILL || atomic_load(&s->board->struck) == 0) {
			fail_msg("%s: it does not come up, exit status %d: %s", when, code,
				stage_log(s));
		}
	}
	stage_start(s);
}

/* True when the blow fell. */
static bool
strike(struct life *l, const struct act *a, const struct blow *b, unsigned at)
{
	enum board_action action = l->number % 2 == 0 ? BOARD_KILL_BEFORE : BOARD_KILL_AFTER;
	struct stage *s = l->stage;
	char when[160];
	int signer = b->at_signer ? program_child(s->server, "tenure-signer") : 0;
	bool acknowledged;
	int code = 0;

	if (b->at_signer && signer == 0) {
		at = 0; /* it died of the last blow, and comes back with whoever asks next */
	}
	snprintf(when, sizeof(when), "%s killed %s call %u of \"%s\" in life %u", b->name,
		action == BOARD_KILL_BEFORE ? "before" : "after", at, a->name, l->number);
	atomic_store(&s->board->target, signer);
	stage_arm(s, b->kinds, at, action);
	acknowledged = a->run(l);
	if (at > 0) {
		let_it_fall(s);
	}
	stage_disarm(s);
	if (atomic_load(&s->board->struck) == 0) {
		if (!acknowledged || !a->holds(l)) {
			fail_msg("%s: not struck, and not done: %s", when, life_words());
		}
		if (at > 0 && getenv("TENURE_VERBOSE") != NULL) {
			print_message("# %s: %u calls\n", a->name, atomic_load(&s->board->count));
		}
		return false;
	}
	if (strcmp(b->name, "tenured") == 0) {
		if (!stage_has_ended(s, SETTLE_MS, &code)) {
			fail_msg("%s: it lives on", when);
		}
		start_again(s, when);
	} else if (!program_runs(s->server)) {
		fail_msg("%s: the server went with it: %s", when, stage_log(s));
	}
	has_struck = true;
	repair(l, a, acknowledged, when);
	return true;
}

/* The call that is struck in a sampled act; 0: none. */
static unsigned
draw_call(void)
{
	unsigned one = draw(ONE_IN), call = 1 + draw(CALLS_DRAWN);

	bool is_time = !has_struck || clock_system.monotonic_ms(&clock_system) < sample_end;

	return one == 0 && is_time ? call : 0;
}

/* A life in which each act is struck at its call number `at`, as far as it has so many; 0: some acts, at some. How many were. */
static unsigned
lead(unsigned number, const struct blow *b, unsigned kinds, unsigned at)
{
	unsigned struck = 0;
	struct life l;

	life_begin(&l, &stage, number);
	for (size_t i = 0; i < life_act_count; i++) {
		unsigned here = at > 0 ? at : draw_call();

		struck += strike(&l, &life_acts[i], &b[at > 0 ? 0 : draw(kinds)], here);
	}
	check_after(&l, &life_acts[life_act_count - 1], "at the end of a life");
	return struck;
}

static void
sweep(const struct blow *b, unsigned kinds, int64_t sample_ms)
{
	static unsigned next;
	unsigned struck = 0, quiet = 0;

	if (strcmp(stage.board->program, b->program) != 0) {
		stage_stop(&stage);
		snprintf(stage.board->program, sizeof(stage.board->program), "%s", b->program);
		stage_start(&stage);
	}
	has_struck = false;
	sample_end = clock_system.monotonic_ms(&clock_system) + sample_ms;
	next += next % 2; /* an even one begins */
	for (unsigned life = 0; life < LIVES_MAX && quiet < 2; life++) {
		unsigned now;

		if (!is_full() && has_struck &&
			clock_system.monotonic_ms(&clock_system) > sample_end) {
			break;
		}
		now = lead(next++, b, kinds, is_full() ? life / 2 + 1 : 0);
		quiet = now == 0 ? quiet + 1 : 0;
		struck += now;
	}
	print_message("# %s: %u blows\n", b->name, struck);
	assert_true(struck > 0);
	assert_true(!is_full() || quiet == 2);
}

/* What is killed, and when. In the order of the sweeps. */
static const struct blow blows[] = {
	{ "tenured", BOARD_DURABLE, false, "tenured" },
	{ "tenured", BOARD_SEND, false, "tenured" },
	{ "tenure-signer", BOARD_SEND | BOARD_DURABLE, true, "tenured" },
	/* Whole and half files, and not only those that were waited for. */
	{ "tenured", BOARD_DURABLE | BOARD_WRITE, false, "tenured" },
	/* Its own files: keys of a new authority, and the last signed head. */
	{ "tenure-signer", BOARD_DURABLE, false, "tenure-signer" },
};
#define BLOW(i) ((void *)(uintptr_t)&blows[i])
#define OF_SERVER 4 /* the first so many strike at calls of the server */

static void
a_sample_at_calls_of_the_server(void **state)
{
	(void)state;
	sweep(blows, OF_SERVER, SAMPLE_MS);
}

static void
a_sample_at_calls_of_the_signer(void **state)
{
	(void)state;
	sweep(&blows[OF_SERVER], 1, SAMPLE_MS / 3);
}

static void
every_call(void **state)
{
	sweep(*state, 1, 0);
}

static int
set_up(void **state)
{
	(void)state;
	seed = getenv("TENURE_SEED") != NULL ? strtoull(getenv("TENURE_SEED"), NULL, 10)
					     : (uint64_t)clock_now_s(&clock_system);
	print_message("# TENURE_SEED=%llu\n", (unsigned long long)seed);
	stage_open(&stage);
	stage_start(&stage);
	life_prepare(&stage);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest sample[] = {
		cmocka_unit_test(a_sample_at_calls_of_the_server),
		cmocka_unit_test(a_sample_at_calls_of_the_signer),
	};
	const struct CMUnitTest all[] = {
		{ "the server is killed when it syncs", every_call, NULL, NULL, BLOW(0) },
		{ "the server is killed when it asks the signer", every_call, NULL, NULL, BLOW(1) },
		{ "the signer is killed", every_call, NULL, NULL, BLOW(2) },
		{ "the server is killed when it writes", every_call, NULL, NULL, BLOW(3) },
		{ "the signer is killed when it syncs", every_call, NULL, NULL, BLOW(4) },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return is_full() ? cmocka_run_group_tests(all, set_up, tear_down)
			 : cmocka_run_group_tests(sample, set_up, tear_down);
}
