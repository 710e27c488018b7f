/* The gate itself: every event by everybody in every state, versions, answers, faults of the disk. */
#include "world.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "fault_vfs.h"

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
	fault_vfs_set(FAULT_NONE, 0);
	world_close(&w);
	return 0;
}

/* --- events, states and askers ---------------------------------------------------- */

/* A device of Anna's in the state, by the events that lead there. */
static int64_t
device_in(enum device_state s, unsigned number)
{
	int64_t device = s == DEVICE_HELD ? world_device(&w, number, OWN_BIRTH)
					  : world_active(&w, number, OWN_BIRTH);

	switch (s) {
	case DEVICE_AWAITING_DEVICE:
		assert_status(OK, &w,
			revoke_operational(as(&w, ANNA), device, REASON_SUPERSEDED, &o, &w.d));
		break;
	case DEVICE_SUSPENDED:
		assert_status(OK, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));
		break;
	case DEVICE_IN_TRANSFER:
		assert_status(OK, &w, offer_device(as(&w, ANNA), device, w.bert.row, 0, &o, &w.d));
		break;
	case DEVICE_RETURNED:
		assert_status(OK, &w,
			return_device(
				as(&w, SUPPORT), device, CONSENT_OWNER, "defect", NULL, &o, &w.d));
		break;
	case DEVICE_RETIRED:
		assert_status(OK, &w, retire_device(as(&w, ANNA), device, &o, &w.d));
		break;
	default:
		break;
	}
	assert_int_equal(s, world_now(&w, device).state);
	return device;
}

/* What the design says of an asker, written once more: the roles of lifecycle.md, of Anna's device. */
static const char *const letters_of[WHO_COUNT] = { [ADMIN] = "MBS",
	[MAKER] = "MB",
	[SUPPORT] = "S",
	[ANNA] = "OB",
	[BERT] = "B",
	[SHOP] = "B",
	[AUDITOR] = "",
	[WATCH] = "W" };
static const struct {
	enum device_event event;
	const char *roles;
	bool is_coming; /* of those who need not see the device */
} events[] = {
	{ EVENT_CLAIM, "B", true },
	{ EVENT_PROVE, "D", false },
	{ EVENT_ROTATE, "MOWD", false },
	{ EVENT_REVOKE_OPERATIONAL, "MOW", false },
	{ EVENT_REVOKE_BIRTH, "M", false },
	{ EVENT_SUSPEND, "MOW", false },
	{ EVENT_RESUME, "MOW", false },
	{ EVENT_OFFER, "O", false },
	{ EVENT_CANCEL, "O", false },
	{ EVENT_DECLINE, "B", true },
	{ EVENT_TIME_OUT, "W", false },
	{ EVENT_ACCEPT, "B", true },
	{ EVENT_RELEASE, "O", false },
	{ EVENT_HOLD, "M", false },
	{ EVENT_RETURN, "S", false },
	{ EVENT_REFURBISH, "S", false },
	{ EVENT_RETIRE, "MO", false },
	{ EVENT_MARK, "MOS", false },
	{ EVENT_UNMARK, "M", false },
};

static bool
shares_a_letter(const char *a, const char *b)
{
	return strpbrk(a, b) != NULL && a[0] != '\0';
}

/* On the shelf it is the maker's, and Anna is a stranger. */
static const char *
roles_of(enum who who, enum device_state s)
{
	if (s == DEVICE_HELD) {
		return who == ANNA    ? "B"
		       : who == ADMIN ? "MBSO"
		       : who == MAKER ? "MBO"
				      : letters_of[who];
	}
	return letters_of[who];
}

static bool
may_see(enum who who, enum device_state s)
{
	return who != BERT && who != SHOP && (who != ANNA || s != DEVICE_HELD);
}

/* With all that an event can need, so that only state and asker decide. */
static status
fire(enum who who, int64_t device, enum device_event event)
{
	struct claim_code sealed = { .created_s = 1 };
	struct offer offer = { .to_owner = w.bert.row, .expires_s = w.session.now_s + 10 };
	struct warranty_case opened = { 0 };
	struct decision d = { .request = { .event = event,
				      .coming_owner = w.bert.row,
				      .mark = MARK_STOLEN,
				      .has_consent = true,
				      .has_offer_right = true },
		.new_code = &sealed,
		.offer = &offer,
		.new_case = &opened };

	assert_int_equal(OK, id_new(&w.clock.clock, &offer.id));
	assert_int_equal(OK, id_new(&w.clock.clock, &opened.id));
	o = (struct outcome){ 0 };
	return decide(as(&w, who), device, &d, &o, &w.d);
}

static status
expected(enum who who, enum device_state s, size_t event)
{
	if (!may_see(who, s) && !events[event].is_coming) {
		return NOT_FOUND;
	}
	if (machine_cell(events[event].event, s).next == NEXT_REFUSED) {
		return CONFLICT;
	}
	return shares_a_letter(roles_of(who, s), events[event].roles) ? OK : DENIED;
}

static void
every_event_by_everybody(void **state)
{
	unsigned number = 0, allowed = 0, refused = 0;

	(void)state;
	for (size_t e = 0; e < COUNT_OF(events); e++) {
		for (int s = DEVICE_HELD; s < DEVICE_STATE_COUNT; s++) {
			for (int who = 0; who < WHO_COUNT; who++) {
				int64_t device = device_in((enum device_state)s, ++number);
				struct device before = world_now(&w, device);
				int64_t entries = world_ledger_size(&w);
				status want = expected((enum who)who, (enum device_state)s, e);
				status got = fire((enum who)who, device, events[e].event);
				bool is_fact = got == CONFLICT && want == OK;

				/* Facts beside state and asker: no offer is open, it is sold. */
				if (got != want && !is_fact) {
					fail_msg("%s in %s by %d: %s, not %s: %s",
						device_event_name(events[e].event),
						device_state_name((enum device_state)s), who,
						status_name(got), status_name(want), w.d.text);
				}
				assert_int_equal(entries + (got == OK), world_ledger_size(&w));
				assert_int_equal(before.version + (got == OK),
					world_now(&w, device).version);
				assert_true(got == OK || w.d.text[0] != '\0');
				world_check(&w, device, false);
				allowed += got == OK;
				refused += got != OK;
			}
		}
	}
	assert_true(allowed > 100 && refused > 700);
}

/* --- versions --------------------------------------------------------------------- */

static void
a_stale_version_is_refused(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH);
	struct decision d = { .request = { .event = EVENT_SUSPEND },
		.version = world_now(&w, device).version - 1 };
	int64_t entries = world_ledger_size(&w);

	(void)state;
	assert_status(CONFLICT, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	d.version += 2;
	assert_status(CONFLICT, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	assert_int_equal(entries, world_ledger_size(&w));
	d.version--;
	assert_status(OK, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	assert_int_equal(d.version + 1, o.device.version);
	assert_int_equal(d.version + 1, world_now(&w, device).version);
}

/* Somebody else is quicker, `left` times. */
static status
interfere(void *context, const struct decision *decision, struct change *c, struct diag *d)
{
	int *left = context;
	struct device device = world_now(&w, decision->before.row);
	struct change *other = change_new(w.arena);

	(void)c;
	if (*left == 0) {
		return OK;
	}
	--*left;
	device.marks ^= MARK_DISPUTED;
	change_device_set(other, &device);
	return store_commit(w.store, other, NULL, d);
}

static void
somebody_else_was_quicker(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), entries = world_ledger_size(&w);
	int left = 2;
	struct decision d = {
		.request = { .event = EVENT_SUSPEND }, .extend = interfere, .context = &left
	};

	(void)state;
	assert_status(OK, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	assert_int_equal(0, left);
	assert_int_equal(entries + 1, world_ledger_size(&w));
	world_check(&w, device, false);
	/* Not for ever; and not at all where it matters what was looked at. */
	left = 1000;
	d.request.event = EVENT_RESUME;
	assert_status(CONFLICT, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	assert_true(left > 900);
	left = 1;
	d.version = world_now(&w, device).version;
	assert_status(CONFLICT, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, device).state);
	assert_int_equal(entries + 1, world_ledger_size(&w));
}

static void
what_is_not_given_is_a_bug(void **state)
{
	static const enum device_event rows[] = { EVENT_OFFER, EVENT_RELEASE };
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), entries = world_ledger_size(&w);
	struct decision d = { .request = { .has_consent = true } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		d.request.event = rows[i];
		assert_status(BUG, &w, decide(as(&w, ANNA), device, &d, &o, &w.d));
	}
	d.request.event = EVENT_RETURN;
	assert_status(BUG, &w, decide(as(&w, SUPPORT), device, &d, &o, &w.d));
	d.request.event = EVENT_REPLACE;
	assert_status(BUG, &w, decide(as(&w, SUPPORT), device, &d, &o, &w.d));
	assert_status(NOT_FOUND, &w, decide(as(&w, SUPPORT), 99, &d, &o, &w.d));
	assert_int_equal(entries, world_ledger_size(&w));
}

/* --- certificates ------------------------------------------------------------------- */

static void
make_before_break(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), next;
	struct device before = world_now(&w, device), after;

	(void)state;
	assert_int_equal(1, before.key_generation);
	assert_true(before.renew_after_s > w.session.now_s + 59 * 86400);
	assert_true(before.renew_after_s < w.session.now_s + 90 * 86400);
	world_add_s(&w, 100);
	struct decision order = { .request = { .event = EVENT_ROTATE } };

	assert_status(OK, &w, decide(as(&w, ANNA), device, &order, &o, &w.d));
	assert_true(world_entry_has(&w, "\"reason\":\"ordered\""));
	assert_int_equal(w.session.now_s, world_now(&w, device).renew_after_s);
	next = world_enrol(&w, device);
	assert_true(world_entry_has(&w, "\"reason\":\"issued\""));
	assert_true(world_entry_has(&w, "\"level\":\"none\""));
	assert_int_equal(ACCESS_FULL, world_judge(&w, device, before.current_certificate));
	assert_int_equal(ACCESS_FULL, world_judge(&w, device, next));
	world_check(&w, device, false);
	assert_status(OK, &w, world_confirm(&w, device));
	assert_true(world_entry_has(&w, "\"reason\":\"confirmed\""));
	after = world_now(&w, device);
	assert_int_equal(next, after.current_certificate);
	assert_int_equal(0, after.pending_certificate);
	assert_int_equal(before.current_certificate, after.last_good_certificate);
	assert_int_equal(2, after.key_generation);
	assert_true(after.renew_after_s > w.session.now_s + 59 * 86400);
	assert_int_equal(w.session.now_s, world_certificate(&w, next).first_used_s);
	assert_int_equal(
		CERTIFICATE_SUPERSEDED, world_certificate(&w, before.current_certificate).status);
	assert_int_equal(DENY_SUPERSEDE, world_denied(&w, before.current_certificate, NULL));
	assert_int_equal(ACCESS_REFUSED, world_judge(&w, device, before.current_certificate));
	assert_status(CONFLICT, &w, world_confirm(&w, device));
	world_check(&w, device, false);
}

/* --- kept answers --------------------------------------------------------------------- */

static status
write_answer(
	void *context, const struct outcome *out, int *http, struct buffer *body, struct diag *d)
{
	(void)context;
	(void)d;
	*http = 200;
	buffer_printf(body, "%s by %lld", device_state_name(out->device.state),
		(long long)out->device.version);
	return OK;
}

static void
an_answer_is_kept_with_its_decision(void **state)
{
	int64_t device = world_active(&w, 1, FOREIGN_BIRTH), entries = world_ledger_size(&w);
	struct answer a = { .record = { .operator_row = w.operators[ANNA].row, .key = "key-1" },
		.write = write_answer };
	struct idempotency kept;
	char want[64];

	(void)state;
	w.session.answer = &a;
	/* Refused: nothing is kept. */
	assert_status(CONFLICT, &w, resume_device(as(&w, ANNA), device, &o, &w.d));
	assert_int_equal(NOT_FOUND,
		read_idempotency(w.reader, w.arena, w.operators[ANNA].row, "key-1", &kept));
	assert_status(OK, &w, suspend_device(as(&w, ANNA), device, &o, &w.d));
	assert_int_equal(
		OK, read_idempotency(w.reader, w.arena, w.operators[ANNA].row, "key-1", &kept));
	snprintf(want, sizeof(want), "SUSPENDED by %lld", (long long)world_now(&w, device).version);
	assert_true(span_is(kept.body, want));
	assert_int_equal(200, kept.http_status);
	/* The same key at the same time: the second one changes nothing. */
	assert_status(EXISTS, &w, resume_device(as(&w, ANNA), device, &o, &w.d));
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, device).state);
	assert_int_equal(entries + 1, world_ledger_size(&w));
	w.session.answer = NULL;
}

/* --- the disk ---------------------------------------------------------------------------- */

/* Whether the fault struck. */
static bool
retire_on_a_bad_disk(int64_t device, enum fault fault, unsigned at)
{
	struct device before = world_now(&w, device), after;
	int64_t entries = world_ledger_size(&w);
	unsigned devices = w.told_devices, authorities = w.told_authorities;
	status s;
	bool is_done;

	fault_vfs_set(fault, at);
	s = retire_device(as(&w, MAKER), device, &o, &w.d);
	if (!fault_vfs_struck()) {
		fault_vfs_set(FAULT_NONE, 0);
		assert_int_equal(OK, s);
		return false;
	}
	fault_vfs_set(FAULT_NONE, 0);
	assert_int_equal(fault == FAULT_FULL ? UNAVAILABLE : IO, s);
	assert_int_equal(devices, w.told_devices);
	assert_int_equal(authorities, w.told_authorities);
	world_reopen(&w);
	after = world_now(&w, device);
	/* Where not even a sync's failure says what the disk holds: all of it, or nothing. */
	is_done = after.version != before.version;
	assert_int_equal(entries + is_done, world_ledger_size(&w));
	assert_int_equal(is_done ? DEVICE_RETIRED : DEVICE_ACTIVE, after.state);
	assert_int_equal(
		is_done ? DENY_REVOKE : -1, world_denied(&w, before.current_certificate, NULL));
	world_check(&w, device, false);
	return true;
}

static void
a_failed_commit_leaves_nothing(void **state)
{
	static const enum fault faults[] = { FAULT_FULL, FAULT_WRITE, FAULT_SYNC };
	unsigned number = 0, struck = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		bool has_struck = true;

		for (unsigned at = 1; has_struck && at < 60; at++) {
			has_struck = retire_on_a_bad_disk(
				world_active(&w, ++number, OWN_BIRTH), faults[i], at);
			struck += has_struck;
		}
		assert_false(has_struck);
	}
	assert_true(struck >= 10);
}

/* --- many together ------------------------------------------------------------------------ */

struct group {
	struct session sessions[4];
	struct decision decisions[4];
	struct outcome outcomes[4];
	struct deciding list[4];
};

/* The same event for each device, by one person. */
static void
group_fill(struct group *g, enum who who, enum device_event event, const int64_t devices[4])
{
	*g = (struct group){ 0 };
	for (size_t i = 0; i < 4; i++) {
		g->sessions[i] = *as(&w, who);
		g->decisions[i].request.event = event;
		g->list[i] = (struct deciding){ .session = &g->sessions[i],
			.device = devices[i],
			.decision = &g->decisions[i],
			.outcome = &g->outcomes[i] };
	}
}

static void
each_of_many_by_itself(void **state)
{
	int64_t a = world_active(&w, 1, OWN_BIRTH), b = world_active(&w, 2, OWN_BIRTH);
	int64_t held = world_device(&w, 3, OWN_BIRTH), entries = world_ledger_size(&w);
	struct group g;
	unsigned told = w.told_devices;

	(void)state;
	group_fill(&g, ANNA, EVENT_SUSPEND, (int64_t[]){ a, held, a, b });
	decide_many(g.list, 4);
	assert_int_equal(OK, g.list[0].status);
	assert_int_equal(NOT_FOUND, g.list[1].status); /* not hers: she does not see it */
	assert_int_equal(CONFLICT, g.list[2].status);  /* the first was quicker */
	assert_int_equal(OK, g.list[3].status);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(g.list[i].status, g.list[i].diag.status);
	}
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, a).state);
	assert_int_equal(DEVICE_HELD, world_now(&w, held).state);
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, b).state);
	assert_int_equal(entries, g.outcomes[0].ledger);
	assert_int_equal(entries + 1, g.outcomes[3].ledger);
	assert_int_equal(entries + 2, world_ledger_size(&w));
	assert_int_equal(told + 2, w.told_devices);
	assert_int_equal(b, w.told_device);
	world_check(&w, a, false);
	world_check(&w, b, false);
}

/* --- the policy that was gone by --------------------------------------------------------- */

static void
change_the_policy(void)
{
	struct change *c = change_new(w.arena);
	struct fleet f;

	assert_int_equal(OK, read_fleet(w.reader, w.fleet.row, &f));
	f.required_level = f.required_level == LEVEL_NONE ? LEVEL_ATTESTED : LEVEL_NONE;
	change_fleet_set(c, &f);
	assert_status(OK, &w, store_commit(w.store, c, NULL, &w.d));
}

/* Behind the judgement, before the commit: as late as somebody else can come. */
static status
change_it_meanwhile(void *context, const struct decision *d, struct change *c, struct diag *diag)
{
	(void)context;
	(void)d;
	(void)c;
	(void)diag;
	change_the_policy();
	return OK;
}

static status
fire_by_policy(int64_t device, const struct fleet *policy, bool meanwhile)
{
	struct decision d = { .request = { .event = EVENT_SUSPEND },
		.version = world_now(&w, device).version,
		.policy = policy,
		.extend = meanwhile ? change_it_meanwhile : NULL };

	return decide(as(&w, ANNA), device, &d, &o, &w.d);
}

static void
a_policy_counts_up_to_the_commit(void **state)
{
	int64_t first = world_active(&w, 1, OWN_BIRTH), second = world_active(&w, 2, OWN_BIRTH);
	int64_t entries = world_ledger_size(&w);
	struct fleet seen;

	(void)state;
	assert_int_equal(OK, read_fleet(w.reader, w.fleet.row, &seen));
	/* The policy first, however late: refused whole. */
	assert_status(CONFLICT, &w, fire_by_policy(first, &seen, true));
	assert_non_null(strstr(w.d.text, "its policy was changed meanwhile"));
	assert_status(CONFLICT, &w, fire_by_policy(first, &seen, false));
	assert_int_equal(DEVICE_ACTIVE, world_now(&w, first).state);
	assert_int_equal(entries, world_ledger_size(&w));
	/* Whoever goes by no policy has nothing to do with it. */
	assert_status(OK, &w, fire_by_policy(second, NULL, true));
	/* The decision first: it stands, whatever the policy becomes behind it. */
	assert_int_equal(OK, read_fleet(w.reader, w.fleet.row, &seen));
	assert_status(OK, &w, fire_by_policy(first, &seen, false));
	change_the_policy();
	assert_int_equal(DEVICE_SUSPENDED, world_now(&w, first).state);
	assert_int_equal(entries + 2, world_ledger_size(&w));
}

/* One commit of four, of which one went by what is no more. */
static void
a_policy_of_one_of_many(void **state)
{
	struct fleet seen, stale;
	int64_t devices[4];
	struct group g;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		devices[i] = world_active(&w, 1 + i, OWN_BIRTH);
	}
	assert_int_equal(OK, read_fleet(w.reader, w.fleet.row, &stale));
	change_the_policy();
	assert_int_equal(OK, read_fleet(w.reader, w.fleet.row, &seen));
	group_fill(&g, ANNA, EVENT_SUSPEND, devices);
	for (size_t i = 0; i < 4; i++) {
		g.decisions[i].policy = i == 2 ? &stale : &seen;
	}
	decide_many(g.list, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(i == 2 ? CONFLICT : OK, g.list[i].status);
		assert_int_equal(
			i == 2 ? DEVICE_ACTIVE : DEVICE_SUSPENDED, world_now(&w, devices[i]).state);
	}
}

/* Whether the fault struck. */
static bool
suspend_many_on_a_bad_disk(const int64_t devices[4], enum fault fault, unsigned at)
{
	int64_t entries = world_ledger_size(&w);
	unsigned told = w.told_devices;
	struct group g;
	bool has_struck, is_done;

	group_fill(&g, ANNA, EVENT_SUSPEND, devices);
	fault_vfs_set(fault, at);
	decide_many(g.list, 4);
	has_struck = fault_vfs_struck();
	fault_vfs_set(FAULT_NONE, 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(!has_struck	       ? OK
				 : fault == FAULT_FULL ? UNAVAILABLE
						       : IO,
			g.list[i].status);
	}
	if (!has_struck) {
		return false;
	}
	assert_int_equal(told, w.told_devices);
	world_reopen(&w);
	/* All of the group, or nothing of it. */
	is_done = world_now(&w, devices[0]).state == DEVICE_SUSPENDED;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(is_done ? DEVICE_SUSPENDED : DEVICE_ACTIVE,
			world_now(&w, devices[i]).state);
		world_check(&w, devices[i], false);
	}
	assert_int_equal(entries + (is_done ? 4 : 0), world_ledger_size(&w));
	return true;
}

static void
a_failed_commit_of_many_leaves_nothing(void **state)
{
	static const enum fault faults[] = { FAULT_FULL, FAULT_WRITE, FAULT_SYNC };
	unsigned number = 0, struck = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		for (unsigned at = 1; at <= 3; at++) {
			int64_t devices[4];

			for (size_t k = 0; k < 4; k++) {
				devices[k] = world_active(&w, ++number, OWN_BIRTH);
			}
			struck += suspend_many_on_a_bad_disk(devices, faults[i], at);
		}
	}
	assert_true(struck >= 3);
}

/* A child accepts the offer on a disk that ends it; its exit status, or -1 when it was killed. */
static int
accept_in_a_child(const id *offer, enum fault fault, unsigned at)
{
	struct store_options so = { .location = "tenure.db" };
	int how;
	pid_t pid;

	reader_close(w.reader);
	store_close(w.store); /* a database does not pass through a fork */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(w.folder) != 0 || store_open(&so, &w.store, &w.d) != OK ||
			reader_open(w.store, &w.reader, &w.d) != OK) {
			_exit(2);
		}
		w.life.store = w.store;
		w.session.reader = w.reader;
		fault_vfs_set(fault, at);
		_exit(offer_accept(as(&w, BERT), offer, span_of("", 0), 0, &o, &w.d) == OK ? 0 : 3);
	}
	assert_int_equal(pid, waitpid(pid, &how, 0));
	world_start_again(&w);
	assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
	return WIFSIGNALED(how) ? -1 : WEXITSTATUS(how);
}

/* Whether it died. After it all of the decision is there, or nothing. */
static bool
dies_at(enum fault fault, unsigned at, unsigned number)
{
	int64_t device = world_active(&w, number, OWN_BIRTH), entries;
	int64_t k = world_now(&w, device).current_certificate;
	bool is_done;
	int how;
	id offer;

	assert_status(OK, &w, offer_device(as(&w, ANNA), device, w.bert.row, 0, &o, &w.d));
	offer = o.offer.id;
	entries = world_ledger_size(&w);
	how = accept_in_a_child(&offer, fault, at);
	is_done = world_now(&w, device).owner == w.bert.row;
	assert_true(is_done || how != 0);
	assert_int_equal(entries + is_done, world_ledger_size(&w));
	assert_int_equal(is_done ? DENY_REVOKE : -1, world_denied(&w, k, NULL));
	assert_int_equal(
		is_done ? DEVICE_AWAITING_DEVICE : DEVICE_IN_TRANSFER, world_now(&w, device).state);
	world_check(&w, device, false);
	return how != 0;
}

static void
killed_at_any_step(void **state)
{
	static const enum fault faults[] = { FAULT_DIE, FAULT_SHORT };
	unsigned number = 0, died = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		bool has_died = true;

		for (unsigned at = 1; has_died && at < 100; at++) {
			has_died = dies_at(faults[i], at, ++number);
			died += has_died;
		}
		assert_false(has_died);
	}
	assert_true(died >= 10);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_event_by_everybody),
		T(a_stale_version_is_refused),
		T(somebody_else_was_quicker),
		T(what_is_not_given_is_a_bug),
		T(make_before_break),
		T(an_answer_is_kept_with_its_decision),
		T(a_failed_commit_leaves_nothing),
		T(each_of_many_by_itself),
		T(a_policy_counts_up_to_the_commit),
		T(a_policy_of_one_of_many),
		T(a_failed_commit_of_many_leaves_nothing),
		T(killed_at_any_step),
	};

	fault_vfs_install();
	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
