#include "device/posix/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "pki/pem.h"

bool
command_is_state(const char *name)
{
	static const char *const states[] = { "MANUFACTURED", "HELD", "AWAITING_DEVICE", "ACTIVE",
		"SUSPENDED", "IN_TRANSFER", "RETURNED", "RETIRED" };

	for (size_t i = 0; i < COUNT_OF(states); i++) {
		if (strcmp(states[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static const char *
access_name(enum plan_access a)
{
	return a == ADMITTED_FULL ? "full" : a == ADMITTED_ENROLMENT ? "enrolment" : "state";
}

static void
print_state(const struct agent *a, bool as_json)
{
	char until[TIME_TEXT_MAX];

	if (as_json) {
		printf("%.*s\n", (int)a->last.json.len, (const char *)a->last.json.data);
		return;
	}
	printf("element %s\nstate   %s\naccess  %s, as the %s identity: %s\n", a->serial,
		a->last.state, access_name(a->last.seen.access), plan_who_name(a->last.seen.by),
		a->last.why);
	if (a->kept.identity.is_there) {
		printf("identity generation %lld in slot %u, until %s\n",
			(long long)a->kept.identity.generation, a->kept.identity.slot,
			time_text(until, a->kept.identity.leaf.not_after_s));
	}
	if (a->last.seen.renew_now || a->last.seen.renew_after_s != 0) {
		printf("renew   %s\n", a->last.seen.renew_now
					       ? "now"
					       : time_text(until, a->last.seen.renew_after_s));
	}
}

/* By the operational identity where there is one that is let in, else by the birth identity. */
static status
run_state(const struct command_options *o, struct diag *d)
{
	struct agent_options options = o->agent;
	struct plan_step step = { .action = PLAN_ASK, .who = WHO_OPERATIONAL };
	struct agent a;
	status s;

	options.is_reader = true;
	s = agent_open(&a, &options, d);
	if (s == OK) {
		s = agent_identity(&a, WHO_OPERATIONAL) != NULL ? agent_do(&a, &step, d) : DENIED;
	}
	if (s == DENIED && agent_identity(&a, WHO_BIRTH) != NULL) {
		diag_clear(d);
		step.who = WHO_BIRTH;
		s = agent_do(&a, &step, d);
	} else if (s == DENIED) {
		s = diag_set(d, NOT_FOUND, NULL, "there is no identity to ask with");
	}
	if (s == OK) {
		print_state(&a, o->as_json);
	}
	agent_close(&a);
	return s;
}

static status
send_fresh_or_kept(struct agent *a, struct diag *d)
{
	struct plan_step make = { .action = PLAN_MAKE_REQUEST };
	struct plan_step send = { .action = PLAN_SEND, .who = WHO_BIRTH };
	status s = OK;
	bool is_kept = a->plan.held.has_request && !a->plan.held.request_is_renewal;

	if (agent_identity(a, WHO_BIRTH) == NULL) {
		send.who = WHO_OPERATIONAL; /* the last good key */
	}
	if (is_kept) {
		s = agent_do(a, &send, d);
		if (s != CONFLICT) {
			return s;
		}
		diag_clear(d); /* it was of another time; now a new one */
	}
	make.who = send.who;
	make.slot = plan_free_slot(&a->plan.held);
	if (make.slot == SLOT_NONE) {
		return agent_lacks_slot(a, d);
	}
	s = agent_do(a, &make, d);
	return s == OK ? agent_do(a, &send, d) : s;
}

static status
run_enrol(const struct command_options *o, struct diag *d)
{
	struct agent a;
	status s = agent_open(&a, &o->agent, d);

	if (s == OK && agent_identity(&a, WHO_NEXT) == NULL) {
		s = send_fresh_or_kept(&a, d);
	}
	if (s == OK) {
		printf("certificate of generation %lld is in slot %u; its first use confirms it\n",
			(long long)a.kept.next.generation, a.kept.next.slot);
	}
	agent_close(&a);
	return s;
}

static status
use(struct agent *a, struct diag *d)
{
	struct plan_step step = { .action = PLAN_ASK, .who = WHO_OPERATIONAL };
	status s;

	if (agent_identity(a, WHO_NEXT) != NULL) {
		step.who = WHO_NEXT;
	} else if (agent_identity(a, WHO_OPERATIONAL) == NULL) {
		return diag_set(
			d, NOT_FOUND, NULL, "there is no operational identity; enrol first");
	}
	s = agent_do(a, &step, d);
	if (s == OK && a->last.seen.access != ADMITTED_FULL) {
		s = diag_set(d, DENIED, NULL, "access is %s only: %s",
			access_name(a->last.seen.access), a->last.why);
	}
	if (s == OK && step.who == WHO_NEXT) {
		step.action = PLAN_ADOPT;
		s = agent_do(a, &step, d);
	}
	return s;
}

static status
run_use(const struct command_options *o, struct diag *d)
{
	struct agent a;
	status s = agent_open(&a, &o->agent, d);

	if (s == OK) {
		s = use(&a, d);
	}
	if (s == OK) {
		printf("in use: generation %lld in slot %u\n",
			(long long)a.kept.identity.generation, a.kept.identity.slot);
	}
	agent_close(&a);
	return s;
}

/* Steps of the plan until another identity is in use; what cannot be done now is a fault. */
static status
renew(struct agent *a, struct diag *d)
{
	const int64_t before = a->kept.identity.generation;
	status s = OK;

	if (agent_identity(a, WHO_OPERATIONAL) == NULL) {
		return diag_set(
			d, NOT_FOUND, NULL, "there is no operational identity; enrol first");
	}
	a->plan.renewal_is_wanted = true;
	while (s == OK && a->kept.identity.generation == before) {
		struct plan_step step = agent_next(a);

		if (step.lacks_slot) {
			return agent_lacks_slot(a, d);
		}
		/* Only a question is left to ask, or the birth identity to ask it: nothing to renew. */
		if (step.action == PLAN_WAIT ||
			(step.action == PLAN_ASK && (step.wait_s > 0 || step.who == WHO_BIRTH))) {
			return diag_set(d, DENIED, NULL, "not now: %s", a->last.why);
		}
		s = agent_do(a, &step, d);
	}
	return s;
}

static status
run_renew(const struct command_options *o, struct diag *d)
{
	struct agent a;
	status s = agent_open(&a, &o->agent, d);

	if (s == OK) {
		s = renew(&a, d);
	}
	if (s == OK) {
		printf("renewed: generation %lld in slot %u\n",
			(long long)a.kept.identity.generation, a.kept.identity.slot);
	}
	agent_close(&a);
	return s;
}

static void
report(const struct agent *a, const struct plan_step *step, status s, const struct diag *d)
{
	static const char *const events[] = { [PLAN_ASK] = "asked",
		[PLAN_MAKE_REQUEST] = "key_made",
		[PLAN_SEND] = "certificate_stored",
		[PLAN_ADOPT] = "identity_in_use",
		[PLAN_DROP_NEXT] = "waiting_certificate_dropped",
		[PLAN_DROP_REQUEST] = "request_dropped",
		[PLAN_WAIT] = "waited",
		[PLAN_STUCK] = "stuck" };
	bool is_quiet = step->action == PLAN_WAIT || step->action == PLAN_ASK;

	if (s != OK) {
		log_diag(LOG_WARNING, events[step->action], d);
	} else if (step->action == PLAN_ASK) {
		log_event(LOG_DEBUG, "state", "state=%s access=%s as=%s version=%lld",
			a->last.state, access_name(a->last.seen.access), plan_who_name(step->who),
			(long long)a->last.seen.version);
	} else {
		log_event(is_quiet ? LOG_DEBUG : LOG_INFO, events[step->action],
			"generation=%lld slot=%u", (long long)a->kept.identity.generation,
			step->action == PLAN_ADOPT ? a->kept.identity.slot : step->slot);
	}
}

/* A new state is news; the same one again is not. */
static void
report_change(const struct agent *a, char before[32])
{
	char why[LOG_QUOTED_MAX];

	if (a->last.state[0] != '\0' && strcmp(a->last.state, before) != 0) {
		log_event(LOG_INFO, "state_changed", "from=%s to=%s why=%s",
			before[0] != '\0' ? before : "-", a->last.state,
			log_quote(why, a->last.why));
		snprintf(before, 32, "%s", a->last.state);
	}
}

/* Once, not at each question that is asked meanwhile. */
static void
report_lack(const struct agent *a, bool lacks_slot, bool *was_told)
{
	struct diag d = { 0 };

	if (lacks_slot && !*was_told) {
		(void)!agent_lacks_slot(a, &d);
		log_diag(LOG_ERROR, "no_free_slot", &d);
	}
	*was_told = lacks_slot;
}

/* ACTIVE counts when the device itself is: its operational identity has full access. */
static bool
is_reached(const struct agent *a, const char *until)
{
	if (until == NULL || strcmp(a->last.state, until) != 0) {
		return false;
	}
	return strcmp(until, "ACTIVE") != 0 ||
	       (a->plan.seen.is_known && a->plan.seen.by == WHO_OPERATIONAL &&
		       a->plan.seen.access == ADMITTED_FULL);
}

/* After a power cut a whole fleet starts at once (EN 303 645 5.9-3): it need not ask at once. */
static void
wait_before_start(struct agent *a, int64_t spread_s)
{
	uint32_t n = 0;
	struct plan_step wait = { .action = PLAN_WAIT };
	struct diag ignored = { 0 };

	(void)RAND_bytes((unsigned char *)&n, sizeof(n));
	wait.wait_ms = spread_s > 0 ? n % (spread_s * 1000) : 0;
	(void)!agent_do(a, &wait, &ignored);
}

static status
run_steps(struct agent *a, const struct command_options *o, struct diag *d)
{
	char before[32] = "";
	bool lack_is_told = false;
	status s = OK;

	while (!is_reached(a, o->until)) {
		struct plan_step step = agent_next(a);

		if (step.action != PLAN_WAIT) {
			report_lack(a, step.lacks_slot, &lack_is_told);
		}
		if (o->once && step.lacks_slot) {
			return agent_lacks_slot(a, d);
		}
		if (o->once && (step.action == PLAN_WAIT || step.wait_s > 0)) {
			return s;
		}
		diag_clear(d);
		s = agent_do(a, &step, d);
		report(a, &step, s, d);
		report_change(a, before);
		if (step.action == PLAN_STUCK) {
			return s;
		}
	}
	return OK;
}

static status
run_run(const struct command_options *o, struct diag *d)
{
	struct agent a;
	status s = agent_open(&a, &o->agent, d);

	if (s == OK) {
		if (!o->once && o->until == NULL) {
			wait_before_start(&a, o->start_spread_s);
		}
		s = run_steps(&a, o, d);
	}
	agent_close(&a);
	return s;
}

static status
write_export(const struct agent *a, const struct kept_identity *i, bool with_key, struct diag *d)
{
	const struct element_operations *element = a->element->operations;
	struct buffer out;
	status s = OK;

	buffer_init(&out, 128 << 10);
	if (with_key && element->reveal == NULL) {
		s = diag_set(d, DENIED, NULL, "keys of an element of kind %s never leave it",
			element->kind);
	} else if (with_key) {
		s = element->reveal(a->element, i->slot, &out, d);
	}
	for (size_t k = 0; s == OK && k < i->count; k++) {
		pem_write(&out, "CERTIFICATE", i->chain[k]);
	}
	if (s == OK && (buffer_failed(&out) || fwrite(out.data, 1, out.len, stdout) != out.len ||
			       fflush(stdout) != 0)) {
		s = diag_set(d, IO, NULL, "the identity cannot be written to standard output");
	}
	buffer_wipe(&out);
	return s;
}

static status
run_export(const struct command_options *o, struct diag *d)
{
	struct agent_options options = o->agent;
	const struct kept_identity *i = NULL;
	struct agent a;
	status s;

	options.is_reader = true;
	s = agent_open(&a, &options, d);
	if (s == OK) {
		i = agent_identity(&a, WHO_OPERATIONAL);
		i = i != NULL ? i : agent_identity(&a, WHO_NEXT);
		s = i != NULL ? write_export(&a, i, o->with_key, d)
			      : diag_set(d, NOT_FOUND, NULL,
					"there is no operational identity; enrol first");
	}
	agent_close(&a);
	return s;
}

static const struct command commands[] = {
	{ "state", run_state, "what the server says this device is; --json: as it says it" },
	{ "enrol", run_enrol, "get a certificate for a new key, by the birth identity" },
	{ "use", run_use, "one request with the operational identity; its first use confirms it" },
	{ "renew", run_renew, "another key and certificate now, then change over to them" },
	{ "run", run_run, "stay: enrol when claimed, renew when told; --once, --until STATE" },
	{ "export", run_export, "print the certificate chain; --with-key: the key before it" },
	{ "unit", command_unit, "at the factory: make a TPM's or token's birth key, print its line",
		true },
};

const struct command *
command_at(size_t i)
{
	return i < COUNT_OF(commands) ? &commands[i] : NULL;
}

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}
