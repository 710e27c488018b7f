#include "device/posix/agent.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/file.h"
#include "base/log.h"
#include "device/posix/challenge.h"
#include "device/posix/slot_key.h"

#define STEP_ARENA_MAX (2 << 20)
#define KEPT_ARENA_MAX (1 << 20)

static int64_t
now_ms(const struct agent *a)
{
	return a->options.clock->monotonic_ms(a->options.clock);
}

static int64_t
now_s(const struct agent *a)
{
	return clock_now_s(a->options.clock) + a->ahead_s;
}

static uint32_t
random_number(void)
{
	uint32_t n = 0;

	(void)RAND_bytes((unsigned char *)&n, sizeof(n)); /* jitter: nothing hangs on it */
	return n;
}

const struct kept_identity *
agent_identity(const struct agent *a, enum plan_who who)
{
	const struct kept_identity *i = who == WHO_BIRTH	 ? &a->kept.birth
					: who == WHO_OPERATIONAL ? &a->kept.identity
								 : &a->kept.next;

	return i->is_there ? i : NULL;
}

static status
look_for_closed(struct agent *a, unsigned *mask, struct diag *d)
{
	*mask = 0;
	return a->element->operations->closed != NULL
		       ? a->element->operations->closed(a->element, mask, d)
		       : OK;
}

static status
reload(struct agent *a, struct plan_held *held, struct diag *d)
{
	status s;

	arena_reset(a->kept_arena);
	s = kept_read(a->options.folder, a->element, a->kept_arena, &a->kept, d);
	kept_held(&a->kept, held);
	return s == OK ? look_for_closed(a, &held->closed, d) : s;
}

/* Something on disk was changed by the step, or not (`s`): what stands there now is what counts. */
static status
take_change(struct agent *a, const struct plan_step *step, status s, struct diag *d)
{
	struct plan_held held;

	if (s == OK) {
		s = reload(a, &held, d);
	}
	if (s == OK) {
		plan_take_held(&a->plan, step, &held);
	} else {
		plan_take_failure(&a->plan, 0, now_ms(a), random_number());
	}
	return s;
}

static status
present(struct agent *a, enum plan_who who, struct diag *d)
{
	const struct kept_identity *i = agent_identity(a, who);

	if (i == NULL) {
		return diag_set(d, NOT_FOUND, NULL, "there is no %s identity", plan_who_name(who));
	}
	return client_present(
		a->client, who == WHO_BIRTH ? SLOT_BIRTH : i->slot, i->chain, i->count, d);
}

static status
ask(struct agent *a, const struct plan_step *step, struct diag *d)
{
	int64_t asked_ms = now_ms(a);
	status s = present(a, step->who, d);

	a->last = (struct state_answer){ 0 };
	if (s == OK) {
		s = state_ask(a->client, a->arena, step->wait_s, a->plan.version, &a->last, d);
	}
	if (s == OK) {
		a->last.seen.by = step->who;
		if (a->last.time_s != 0) {
			a->ahead_s = a->last.time_s - clock_now_s(a->options.clock);
		}
		plan_take_state(
			&a->plan, step, &a->last.seen, asked_ms, now_ms(a), random_number());
	} else if (s == DENIED) {
		plan_take_refusal(
			&a->plan, step, a->last.retry_after_s, now_ms(a), random_number());
	} else {
		plan_take_failure(&a->plan, a->last.retry_after_s, now_ms(a), random_number());
	}
	return s;
}

/* The names of the request: those of the identity that it renews (RFC 7030 4.2.2), else the element's. */
static void
name_request(const struct agent *a, bool is_renewal, struct simple_name *out)
{
	static const enum oid_known types[] = { OID_COMMON_NAME, OID_ORGANIZATION,
		OID_ORGANIZATIONAL_UNIT, OID_SERIAL_NUMBER };
	char *const fields[] = { out->common_name, out->organization, out->organizational_unit,
		out->serial_number };

	*out = (struct simple_name){ 0 };
	if (!is_renewal || !a->kept.identity.is_there) {
		snprintf(out->common_name, sizeof(out->common_name), "%s", a->serial);
		snprintf(out->serial_number, sizeof(out->serial_number), "%s", a->serial);
		return;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		span value = name_get(&a->kept.identity.leaf.subject, types[i]);

		snprintf(fields[i], sizeof(out->common_name), "%.*s", (int)value.len,
			value.len > 0 ? (const char *)value.data : "");
	}
}

/* An element's refusal is not the server's: it is no reason to speak as another identity. */
static status
of_the_element(status s)
{
	return s == DENIED || s == CONFLICT ? UNAVAILABLE : s;
}

/*
 * A new key in the slot, with the element's proof of it where it can give one and the server asks for such: else
 * `evidence` stays empty. `*retry_after_s`: when the server wants to be asked again.
 */
static status
make_key(struct agent *a, const struct plan_step *step, uint8_t point[64], struct buffer *evidence,
	int64_t *retry_after_s, struct diag *d)
{
	const struct element_operations *element = a->element->operations;
	struct challenge challenge;
	status s;

	if (element->attest == NULL) {
		return of_the_element(element->generate(a->element, step->slot, point, d));
	}
	s = present(a, step->who, d);
	if (s == OK) {
		s = challenge_ask(a->client, a->arena, &challenge, d);
		*retry_after_s = challenge.retry_after_s;
	}
	if (s == NOT_FOUND || (s == OK && challenge.is_useless)) {
		diag_clear(d);
		log_event(LOG_DEBUG, "no_challenge",
			"what=\"the server asks for no proof of a key\"");
		return of_the_element(element->generate(a->element, step->slot, point, d));
	}
	if (s != OK) {
		return s;
	}
	s = element->attest(a->element, step->slot, span_of(challenge.bytes, challenge.len), point,
		evidence, d);
	return of_the_element(s);
}

static status
write_request(struct agent *a, const struct plan_step *step, const uint8_t point[64], span evidence,
	struct diag *d)
{
	struct slot_signer by = { .element = a->element, .slot = step->slot };
	const struct csr_signer signer = { .sign = slot_sign, .context = &by };
	struct kept_request request = { .is_renewal = step->is_renewal,
		.slot = step->slot,
		.generation = a->kept.identity.generation + 1 };
	struct simple_name subject;
	struct public_key key;
	struct buffer der;
	status s = public_key_of_point(point, &key, d);

	buffer_init(&der, CSR_SIZE_MAX);
	name_request(a, step->is_renewal, &subject);
	if (s == OK) {
		s = csr_write(&subject, &key, evidence.len > 0 ? OID_EVIDENCE : OID_UNKNOWN,
			evidence, &signer, &der, d);
	}
	if (s == OK) {
		request.der = buffer_span(&der);
		s = kept_put_request(a->options.folder, &request, d);
	}
	buffer_wipe(&der);
	return s;
}

static status
make_request(struct agent *a, const struct plan_step *step, struct diag *d)
{
	struct buffer evidence;
	uint8_t point[64];
	int64_t retry_after_s = 0;
	status s = kept_drop_request(a->options.folder, d);

	buffer_init(&evidence, EVIDENCE_MAX);
	if (s == OK) {
		s = make_key(a, step, point, &evidence, &retry_after_s, d);
	}
	if (s == OK) {
		s = write_request(a, step, point, buffer_span(&evidence), d);
	}
	buffer_wipe(&evidence);
	if (s != OK) {
		struct diag unseen = { 0 };
		unsigned closed = 0;

		/* It may have been locked at the bench meanwhile: then another slot, the next time. */
		if (look_for_closed(a, &closed, &unseen) == OK) {
			a->plan.held.closed = closed;
		}
	}
	if (s == DENIED) {
		plan_take_refusal(&a->plan, step, retry_after_s, now_ms(a), random_number());
		return s;
	}
	if (s != OK && retry_after_s > 0) {
		plan_take_failure(&a->plan, retry_after_s, now_ms(a), random_number());
		return s;
	}
	return take_change(a, step, s, d);
}

/* The certificate is durable here before it is ever used. */
static status
keep_issued(struct agent *a, const struct issued *issued, struct diag *d)
{
	struct kept_identity next = { .slot = a->kept.request.slot,
		.generation = a->kept.request.generation,
		.count = issued->count };

	memcpy(next.chain, issued->chain, sizeof(next.chain));
	return kept_put_next(a->options.folder, &next, d);
}

static status
send_request(struct agent *a, const struct plan_step *step, struct diag *d)
{
	const struct kept_request *r = &a->kept.request;
	struct est est = { .client = a->client, .fleet = a->options.fleet, .arena = a->arena };
	struct issued_expected expected = { .serial = a->serial, .now_s = now_s(a) };
	struct plan_step dropped = { .action = PLAN_DROP_REQUEST };
	struct issued issued;
	uint8_t point[64];
	status s = a->element->operations->point(a->element, r->slot, point, d);

	expected.point = point;
	if (s == OK) {
		s = present(a, step->who, d);
	}
	if (s == OK) {
		s = est_enrol(&est, r->der, step->is_renewal, &expected, &issued, d);
	}
	/* Its challenge is of another time: the same request would be refused for ever, a new one need not be. */
	if (s == DENIED && est.wants_another_proof && a->element->operations->attest != NULL) {
		s = CONFLICT;
	}
	switch (s) {
	case OK:
		return take_change(a, step, keep_issued(a, &issued, d), d);
	case DENIED:
		plan_take_refusal(&a->plan, step, est.retry_after_s, now_ms(a), random_number());
		return s;
	case CONFLICT: {
		struct diag disk = { 0 };

		(void)take_change(a, &dropped, kept_drop_request(a->options.folder, &disk), &disk);
		plan_take_bad_request(&a->plan, est.retry_after_s, now_ms(a), random_number());
		return s;
	}
	default:
		plan_take_failure(&a->plan, est.retry_after_s, now_ms(a), random_number());
		return s;
	}
}

static void
sleep_ms(int64_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

status
agent_lacks_slot(const struct agent *a, struct diag *d)
{
	const struct plan_held *held = &a->plan.held;
	char words[48] = "";
	size_t len = 0;

	for (unsigned slot = SLOT_FIRST; slot <= SLOT_LAST; slot++) {
		if ((held->closed >> slot & 1) != 0) {
			len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%u",
				len > 0 ? ", " : "", slot);
		}
	}
	return diag_set(d, DENIED, NULL,
		"a new key is wanted, but no slot is left for it: of slots 2 to 4 these are "
		"locked: %s%s",
		words,
		held->has_identity ? "; the present identity stays in use while it lasts" : "");
}

struct plan_step
agent_next(const struct agent *a)
{
	return plan_next(&a->plan, now_s(a), now_ms(a));
}

status
agent_do(struct agent *a, const struct plan_step *step, struct diag *d)
{
	const char *folder = a->options.folder;

	arena_reset(a->arena);
	switch (step->action) {
	case PLAN_ASK:
		return ask(a, step, d);
	case PLAN_MAKE_REQUEST:
		return make_request(a, step, d);
	case PLAN_SEND:
		return send_request(a, step, d);
	case PLAN_ADOPT:
		return take_change(a, step, kept_adopt(folder, d), d);
	case PLAN_DROP_NEXT:
		return take_change(a, step, kept_drop_next(folder, d), d);
	case PLAN_DROP_REQUEST:
		return take_change(a, step, kept_drop_request(folder, d), d);
	case PLAN_WAIT:
		sleep_ms(step->wait_ms);
		return OK;
	case PLAN_STUCK:
		break;
	}
	return diag_set(d, NOT_FOUND, NULL,
		"the element has no birth certificate and there is no other identity: it must go "
		"back to the factory line");
}

status
agent_lock(const char *folder, int *fd, struct diag *d)
{
	char path[PATH_MAX];
	status s;

	snprintf(path, sizeof(path), "%s/lock", folder);
	s = file_lock(path, fd, d);
	if (s == CONFLICT) {
		diag_clear(d);
		return diag_set(d, CONFLICT, NULL, "another tenure-agent is at work in %s", folder);
	}
	return s;
}

status
agent_element_open(const struct agent_options *o, struct element **out, struct diag *d)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/element", o->folder) >= (int)sizeof(path) - 64) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", o->folder);
	}
	return element_open(o->element != NULL ? o->element : "file:", path, out, d);
}

status
agent_open(struct agent *a, const struct agent_options *o, struct diag *d)
{
	struct plan_held held = { 0 };
	status s = OK;

	*a = (struct agent){ .options = *o, .lock = -1 };
	a->arena = arena_new(STEP_ARENA_MAX);
	a->kept_arena = arena_new(KEPT_ARENA_MAX);
	if (a->arena == NULL || a->kept_arena == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the agent");
	}
	if (!o->is_reader) {
		s = agent_lock(o->folder, &a->lock, d);
		if (s == OK) {
			kept_sweep(o->folder);
		}
	}
	if (s == OK) {
		s = agent_element_open(o, &a->element, d);
	}
	if (s == OK) {
		s = a->element->operations->serial(a->element, a->serial, d);
	}
	if (s == OK) {
		s = reload(a, &held, d);
	}
	if (s == OK) {
		s = client_new(o->server, o->ca, a->element, &a->client, d);
	}
	plan_init(&a->plan, &o->limits, &held);
	return s;
}

void
agent_close(struct agent *a)
{
	client_free(a->client);
	element_close(a->element);
	arena_free(a->arena);
	arena_free(a->kept_arena);
	if (a->lock >= 0) {
		close(a->lock);
	}
	*a = (struct agent){ .lock = -1 };
}
