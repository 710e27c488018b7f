#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#include "base/check.h"
#include "base/file.h"
#include "fleet/machine.h"

/*
 * The table once more, copied from the specification by hand and in another form: a letter
 * a state. M H W A S T R X = MANUFACTURED HELD AWAITING_DEVICE ACTIVE SUSPENDED
 * IN_TRANSFER RETURNED RETIRED, '.' = refused, '=' = stays, 'b' = resume's way
 * back, 'n' = replace's. Columns in that order, RETIRED last.
 */
static const struct {
	const char *roles, *cells;
} expected[DEVICE_EVENT_COUNT] = {
	[EVENT_ONBOARD] = { "M", "H......." },
	[EVENT_CLAIM] = { "B", ".W......" },
	[EVENT_PROVE] = { "D", "..A....." },
	[EVENT_ROTATE] = { "MOWD", "...=.=.." },
	[EVENT_REVOKE_OPERATIONAL] = { "MOW", "...W=W.." },
	[EVENT_REVOKE_BIRTH] = { "M", "SSSS=S=." },
	[EVENT_SUSPEND] = { "MOW", "SSSS=S.." },
	[EVENT_RESUME] = { "MOW", "....b..." },
	[EVENT_OFFER] = { "O", ".=.T...." },
	[EVENT_CANCEL] = { "O", ".=..=A.." },
	[EVENT_DECLINE] = { "B", ".=..=A.." },
	[EVENT_TIME_OUT] = { "W", ".=..=A.." },
	[EVENT_ACCEPT] = { "B", ".=...W.." },
	[EVENT_RELEASE] = { "O", "..HH...." },
	[EVENT_HOLD] = { "M", "...H...." },
	[EVENT_RETURN] = { "S", ".RRRRR.." },
	[EVENT_REFURBISH] = { "S", "......H." },
	[EVENT_REPLACE] = { "SM", ".==WnW=." },
	[EVENT_RETIRE] = { "MO", "XXXXXXX." },
	[EVENT_MARK] = { "MOS", "=======." },
	[EVENT_UNMARK] = { "M", "=======." },
};
static const char letters[] = "MHWASTRX";
static const char role_letters[] = "MOBSWD";

#define MAKER 1
#define SELLER 2
#define BUYER 3

static struct device
device_in(enum device_state s)
{
	struct device d = { .row = 1,
		.state = s,
		.state_before = s,
		.owner = SELLER,
		.birth_certificate = 5,
		.pending_certificate = 8 };

	d.id.bytes[0] = 1;
	if (s == DEVICE_SUSPENDED) {
		d.state_before = DEVICE_ACTIVE;
		d.suspend_rank = RANK_OWNER;
	}
	if (s == DEVICE_IN_TRANSFER) {
		d.offer = 7;
	}
	if (s == DEVICE_ACTIVE || s == DEVICE_IN_TRANSFER || s == DEVICE_SUSPENDED) {
		d.current_certificate = 6;
	}
	return d;
}

/* A request with which nothing but state and role can be wrong. */
static struct machine_request
request_for(struct device *d, enum device_event e, unsigned roles)
{
	if (e == EVENT_CANCEL || e == EVENT_DECLINE || e == EVENT_TIME_OUT || e == EVENT_ACCEPT) {
		d->offer = 7;
	}
	if (e == EVENT_HOLD) {
		d->owner = MAKER;
	}
	return (struct machine_request){ .event = e,
		.roles = roles,
		.coming_owner = BUYER,
		.maker = MAKER,
		.mark = MARK_STOLEN,
		.is_confirmed = true,
		.has_consent = true,
		.has_offer_right = true };
}

static bool
state_is(char cell, enum device_state before, enum device_state after)
{
	if (cell == '=') {
		return after == before;
	}
	if (cell == 'b') {
		return after == DEVICE_ACTIVE; /* where device_in's suspended one came from */
	}
	if (cell == 'n') {
		return after == DEVICE_AWAITING_DEVICE;
	}
	return letters[after] == cell;
}

static void
the_full_product(void **state)
{
	unsigned allowed = 0;

	(void)state;
	for (unsigned e = 0; e < DEVICE_EVENT_COUNT; e++) {
		for (unsigned s = 0; s < DEVICE_STATE_COUNT; s++) {
			for (unsigned r = 0; r < 6; r++) {
				struct device d = device_in((enum device_state)s), after;
				struct machine_request q =
					request_for(&d, (enum device_event)e, 1u << r);
				char cell = expected[e].cells[s];
				bool may = strchr(expected[e].roles, role_letters[r]) != NULL;
				unsigned effects;
				struct diag diag = { 0 };
				status got = machine_apply(&d, &q, &after, &effects, &diag);
				status want = cell == '.' ? CONFLICT : may ? OK : DENIED;

				if (got != want ||
					(got == OK && !state_is(cell, (enum device_state)s,
							      after.state))) {
					fail_msg("%s in %s by %c: %s %s -> %s",
						device_event_name((enum device_event)e),
						device_state_name((enum device_state)s),
						role_letters[r], status_name(got), diag.text,
						device_state_name(after.state));
				}
				assert_true(got == OK || diag.text[0] != '\0');
				allowed += got == OK;
			}
		}
	}
	assert_true(allowed > 80);
}

static void
marks_bind_all_but_the_maker(void **state)
{
	static const struct {
		enum device_event event;
		enum device_state in;
		unsigned role;
		status want;
	} rows[] = {
		{ EVENT_OFFER, DEVICE_ACTIVE, ROLE_OWNER, DENIED },
		{ EVENT_RETURN, DEVICE_ACTIVE, ROLE_SUPPORT, DENIED },
		{ EVENT_REFURBISH, DEVICE_RETURNED, ROLE_SUPPORT, DENIED },
		{ EVENT_RETIRE, DEVICE_ACTIVE, ROLE_OWNER, DENIED },
		{ EVENT_RETIRE, DEVICE_ACTIVE, ROLE_MAKER, OK },
		{ EVENT_CLAIM, DEVICE_HELD, ROLE_COMING_OWNER, DENIED },
		{ EVENT_ACCEPT, DEVICE_IN_TRANSFER, ROLE_COMING_OWNER, DENIED },
		{ EVENT_SUSPEND, DEVICE_ACTIVE, ROLE_OWNER, OK },
		{ EVENT_RETURN, DEVICE_ACTIVE, ROLE_SUPPORT | ROLE_MAKER, OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct device d = device_in(rows[i].in), after;
		struct machine_request q = request_for(&d, rows[i].event, rows[i].role);
		unsigned effects;

		d.marks = MARK_STOLEN;
		assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), rows[i].want);
	}
}

static void
ranks_of_suspension(void **state)
{
	static const struct {
		enum rank by;
		unsigned resumer;
		status want;
	} rows[] = {
		{ RANK_OWNER, ROLE_OWNER, OK },
		{ RANK_OWNER, ROLE_WATCH, OK },
		{ RANK_WATCH, ROLE_OWNER, DENIED },
		{ RANK_WATCH, ROLE_WATCH, OK },
		{ RANK_MAKER, ROLE_OWNER, DENIED },
		{ RANK_MAKER, ROLE_WATCH, DENIED },
		{ RANK_MAKER, ROLE_MAKER, OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct device d = device_in(DEVICE_SUSPENDED), after;
		struct machine_request q = request_for(&d, EVENT_RESUME, rows[i].resumer);
		unsigned effects;

		d.suspend_rank = rows[i].by;
		assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), rows[i].want);
	}
	/* A second suspension may raise the rank, never lower it. */
	struct device d = device_in(DEVICE_SUSPENDED), after;
	struct machine_request q = request_for(&d, EVENT_SUSPEND, ROLE_MAKER);
	unsigned effects;

	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), OK);
	assert_int_equal(after.suspend_rank, RANK_MAKER);
	q.roles = ROLE_OWNER;
	assert_int_equal(machine_apply(&after, &q, &d, &effects, NULL), OK);
	assert_int_equal(d.suspend_rank, RANK_MAKER);
	assert_int_equal(d.state_before, DEVICE_ACTIVE);
}

static void
ways_back_from_suspension(void **state)
{
	struct device d = device_in(DEVICE_SUSPENDED), after;
	struct machine_request q = request_for(&d, EVENT_RESUME, ROLE_MAKER);
	unsigned effects;

	(void)state;
	q.identity_is_expired = true;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), OK);
	assert_int_equal(after.state, DEVICE_AWAITING_DEVICE);
	assert_true((effects & EFFECT_REVOKE_OPERATIONAL) != 0);
	d.birth_is_denied = true;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), CONFLICT);
	/* Replacing the element opens the way again. */
	q = request_for(&d, EVENT_REPLACE, ROLE_MAKER);
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), OK);
	assert_int_equal(after.state, DEVICE_AWAITING_DEVICE);
	assert_false(after.birth_is_denied);
	/* Revoked meanwhile: it comes back to prove a new key. */
	d = device_in(DEVICE_SUSPENDED);
	q = request_for(&d, EVENT_REVOKE_OPERATIONAL, ROLE_MAKER);
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), OK);
	assert_int_equal(after.state, DEVICE_SUSPENDED);
	assert_int_equal(after.state_before, DEVICE_AWAITING_DEVICE);
	/* The offer kept through a suspension, ended there: it comes back ACTIVE. */
	d = device_in(DEVICE_SUSPENDED);
	d.state_before = DEVICE_IN_TRANSFER;
	q = request_for(&d, EVENT_CANCEL, ROLE_OWNER);
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), OK);
	assert_int_equal(after.state_before, DEVICE_ACTIVE);
	assert_int_equal(after.offer, 0);
}

static void
facts_that_must_hold(void **state)
{
	struct device d = device_in(DEVICE_IN_TRANSFER), after;
	struct machine_request q = request_for(&d, EVENT_ACCEPT, ROLE_COMING_OWNER);
	unsigned effects;

	(void)state;
	q.has_offer_right = false;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), DENIED);
	q.has_offer_right = true;
	q.coming_owner = 0;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), DENIED);
	d = device_in(DEVICE_HELD);
	q = request_for(&d, EVENT_OFFER, ROLE_OWNER);
	d.offer = 7;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), CONFLICT);
	d.offer = 0;
	q = (struct machine_request){ .event = EVENT_CANCEL, .roles = ROLE_OWNER };
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), CONFLICT);
	d = device_in(DEVICE_ACTIVE);
	q = request_for(&d, EVENT_RETURN, ROLE_SUPPORT);
	q.has_consent = false;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), DENIED);
	q = request_for(&d, EVENT_HOLD, ROLE_MAKER);
	d.owner = BUYER;
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), CONFLICT);
	d = device_in(DEVICE_RETURNED);
	d.birth_is_denied = true;
	q = request_for(&d, EVENT_REFURBISH, ROLE_SUPPORT);
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), CONFLICT);
	d = device_in(DEVICE_AWAITING_DEVICE);
	d.pending_certificate = 0;
	q = request_for(&d, EVENT_PROVE, ROLE_DEVICE);
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), CONFLICT);
	q.is_confirmed = false; /* issuing: a step, no change of state */
	assert_int_equal(machine_apply(&d, &q, &after, &effects, NULL), OK);
	assert_int_equal(after.state, DEVICE_AWAITING_DEVICE);
}

/* --- promises 1 and 2, by walking everything that can be reached --- */

struct point {
	struct device d;
};

#define POINTS_MAX 4096
static struct point points[POINTS_MAX];
static size_t point_count;

static bool
same(const struct device *a, const struct device *b)
{
	return a->state == b->state && a->state_before == b->state_before &&
	       a->suspend_rank == b->suspend_rank && a->marks == b->marks && a->owner == b->owner &&
	       (a->offer != 0) == (b->offer != 0) && a->birth_is_denied == b->birth_is_denied;
}

static size_t
point_of(const struct device *d)
{
	for (size_t i = 0; i < point_count; i++) {
		if (same(&points[i].d, d)) {
			return i;
		}
	}
	assert_true(point_count < POINTS_MAX);
	points[point_count].d = *d;
	return point_count++;
}

/* Who the askers are to this device: the maker, the present owner, a coming one ... */
static unsigned
roles_of(const struct device *d, unsigned who)
{
	unsigned roles = 1u << who;

	if (who == 0 && d->owner == MAKER) {
		roles |= ROLE_OWNER;
	}
	return roles;
}

static size_t edges[POINTS_MAX][80];
static size_t edge_count[POINTS_MAX];

static void
walk_from(size_t at)
{
	for (unsigned e = 0; e < DEVICE_EVENT_COUNT; e++) {
		for (unsigned who = 0; who < 6; who++) {
			for (unsigned expired = 0; expired < 2; expired++) {
				struct device after, d = points[at].d;
				struct machine_request q = { .event = (enum device_event)e,
					.roles = roles_of(&d, who),
					.coming_owner = BUYER,
					.maker = MAKER,
					.mark = MARK_STOLEN,
					.is_confirmed = true,
					.identity_is_expired = expired != 0,
					.has_consent = true,
					.has_offer_right = true };
				unsigned effects;
				size_t to;

				d.pending_certificate = 8;
				if (machine_apply(&d, &q, &after, &effects, NULL) != OK) {
					continue;
				}
				if ((effects & EFFECT_OPEN_OFFER) != 0) {
					after.offer = 7;
				}
				/* Promise 2: an owner at every instant, and a new one only with a fence. */
				assert_true(after.owner != 0);
				if (after.owner != d.owner && d.state != DEVICE_HELD &&
					d.state != DEVICE_RETURNED) {
					assert_true((effects & EFFECT_REVOKE_OPERATIONAL) != 0);
				}
				if (d.state == DEVICE_RETIRED) {
					fail_msg("a way out of RETIRED");
				}
				to = point_of(&after);
				if (edge_count[at] < COUNT_OF(edges[0])) {
					edges[at][edge_count[at]++] = to;
				}
			}
		}
	}
}

static void
every_device_finds_a_way_back(void **state)
{
	static bool reaches[POINTS_MAX];
	struct device first = {
		.row = 1, .state = DEVICE_MANUFACTURED, .owner = MAKER, .birth_certificate = 5
	};
	bool grew = true;

	(void)state;
	point_of(&first);
	for (size_t i = 0; i < point_count; i++) {
		walk_from(i);
	}
	for (size_t i = 0; i < point_count; i++) {
		reaches[i] = points[i].d.state == DEVICE_ACTIVE;
	}
	while (grew) {
		grew = false;
		for (size_t i = 0; i < point_count; i++) {
			for (size_t k = 0; !reaches[i] && k < edge_count[i]; k++) {
				if (reaches[edges[i][k]]) {
					reaches[i] = grew = true;
				}
			}
		}
	}
	assert_true(point_count > 50);
	for (size_t i = 0; i < point_count; i++) {
		if (!reaches[i] && points[i].d.state != DEVICE_RETIRED) {
			fail_msg("no way back from %s (from %s, birth denied %d)",
				device_state_name(points[i].d.state),
				device_state_name(points[i].d.state_before),
				points[i].d.birth_is_denied);
		}
	}
}

/* --- the documents say what the code does --- */

static void
held_against(const char *file, void (*print)(struct buffer *out))
{
	const char *root = getenv("TENURE_SOURCE");
	struct arena *a = arena_new(1 << 20);
	struct diag d = { 0 };
	struct buffer b;
	char path[1024];
	span found;

	if (root == NULL) {
		SKIP_TEST("no TENURE_SOURCE");
	}
	snprintf(path, sizeof(path), "%s/%s", root, file);
	buffer_init(&b, 1 << 20);
	print(&b);
	if (getenv("TENURE_PRINT_TABLES") != NULL) {
		assert_ok(file_replace(path, buffer_span(&b), 0644, &d), d);
	}
	found = bytes_of_file(a, path);
	if (!span_equal(found, buffer_span(&b))) {
		fail_msg("%s is not what the table prints: run with TENURE_PRINT_TABLES=1", file);
	}
	buffer_wipe(&b);
	arena_free(a);
}

static void
print_states(struct buffer *out)
{
	buffer_put_text(out,
		"# States and events\n\n"
		"Printed from `src/fleet/machine_table.c`; a test holds this page against it.\n"
		"Empty: refused, with the reason. Who: M maker's operator, O present owner, B the "
		"coming "
		"owner,\nS support desk, W the watch by policy, D the device by proof.\n\n"
		"`prove` and `rotate` issue a certificate first, while the state stays; what "
		"stands here "
		"is what its\nfirst use brings. `cancel`, `decline` and `time-out` need an open "
		"offer, which "
		"outlives a suspension\nand can stand on the shelf (HELD). While a mark stands "
		"(stolen, "
		"disputed, legal-hold), claim, offer,\naccept, return, refurbish and retire are "
		"refused to "
		"all but M. A suspended device is resumed or\nreplaced only by the rank that "
		"suspended it or "
		"a higher one (owner < watch < maker).\n\n");
	machine_print_markdown(out);
}

static void
the_page_of_states(void **state)
{
	(void)state;
	held_against("docs/states.md", print_states);
}

static void
the_table_of_the_model(void **state)
{
	(void)state;
	held_against("model/table.pml", machine_print_promela);
}

static void
names_both_ways(void **state)
{
	(void)state;
	for (unsigned s = 0; s < DEVICE_STATE_COUNT; s++) {
		enum device_state back;

		assert_int_equal(device_state_parse(
					 span_text(device_state_name((enum device_state)s)), &back),
			OK);
		assert_int_equal(back, s);
	}
	for (unsigned m = 0; m < 3; m++) {
		enum mark back;

		assert_int_equal(mark_parse(span_text(mark_name((enum mark)(1u << m))), &back), OK);
		assert_int_equal(back, 1u << m);
	}
	enum phase p;

	assert_int_equal(phase_parse(span_text("Production"), &p), BAD_INPUT);
	assert_int_equal(phase_parse(span_text(""), &p), BAD_INPUT);
	assert_string_equal(device_state_name((enum device_state)99), "unknown");
	assert_string_equal(role_name((enum role)0), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_full_product),
		cmocka_unit_test(marks_bind_all_but_the_maker),
		cmocka_unit_test(ranks_of_suspension),
		cmocka_unit_test(ways_back_from_suspension),
		cmocka_unit_test(facts_that_must_hold),
		cmocka_unit_test(every_device_finds_a_way_back),
		cmocka_unit_test(the_page_of_states),
		cmocka_unit_test(the_table_of_the_model),
		cmocka_unit_test(names_both_ways),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
