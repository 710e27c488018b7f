#include "base/check.h"
#include "base/text.h"
#include "http/service.h"
#include "lifecycle/challenge.h"
#include "lifecycle/element_check.h"
#include "proto/routes.h"

/*
 * What a device may know of itself, by any certificate of its own. With `wait` it is a long poll: the answer comes
 * when the device's version is another one than the device saw last, or at the end of the wait. The certificate is
 * judged again each time: a revoked device hears so at once.
 */

#define CHECK_BODY_MAX (8 << 10) /* evidence of EVIDENCE_MAX bytes in base64, and a point */

static const char *
access_name(enum access a)
{
	return a == ACCESS_FULL ? "full" : a == ACCESS_ENROLMENT ? "enrolment" : "state";
}

struct state {
	const struct admission *who;
	struct fleet fleet;
	uint8_t current[32]; /* fingerprint of the one in use */
	bool has_current;
};

static status
read_state(struct session *s, struct state *out, struct diag *d)
{
	const struct device *device = &out->who->device;
	struct certificate k;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = read_fleet(s->reader, device->fleet, &out->fleet);
	if (st == OK && device->current_certificate != 0) {
		st = read_certificate(s->reader, s->arena, device->current_certificate, &k);
		out->has_current = st == OK;
		memcpy(out->current, k.fingerprint, sizeof(out->current));
	}
	reader_end(s->reader);
	return st == OK ? OK : diag_set(d, st, NULL, "the device's state cannot be read");
}

static void
reply_state(struct exchange *x, const struct session *s, const struct state *state)
{
	const struct device *device = &state->who->device;
	char name[ID_TEXT_LEN + 1];
	struct json_writer w;

	reply_json(x, 200, &w);
	json_object_open(&w, NULL);
	json_text(&w, "device", id_text(name, &device->id));
	json_text(&w, "serial", device->serial);
	json_text(&w, "fleet", state->fleet.name);
	json_text(&w, "state", device_state_name(device->state));
	json_text(&w, "access", access_name(state->who->access));
	json_text(&w, "why", state->who->why);
	json_number(&w, "version", device->version);
	json_time(&w, "renew_after", device->renew_after_s);
	json_bool(&w, "renew_now", device->renew_after_s > 0 && device->renew_after_s <= s->now_s);
	if (state->has_current) {
		json_hex(&w, "certificate", SPAN_ARRAY(state->current));
	} else {
		json_null(&w, "certificate");
	}
	json_time(&w, "time", s->now_s);
	json_object_close(&w);
	reply_header(x, "Cache-Control", "no-store");
}

/* A number of the query; 0 where it is absent. False: the reply is a 400. */
static bool
query_number(struct exchange *x, const char *name, int64_t *out)
{
	struct diag d = { 0 };
	span text;
	status st = http_query_get(x->request, x->arena, name, &text, &d);

	*out = 0;
	if (st == NOT_FOUND) {
		return true;
	}
	if (st == OK && number_parse(text, out) != OK) {
		st = diag_set(&d, BAD_INPUT, NULL, "%s: a number is meant", name);
	}
	if (st != OK) {
		reply_problem(x, &d);
	}
	return st == OK;
}

/* When there will be something new by itself: the time from which the device is told to renew. */
static int64_t
wait_at_most(const struct session *s, const struct device *device, int64_t wait_s)
{
	int64_t until_renewal_s = device->renew_after_s - s->now_s;

	return until_renewal_s > 0 && until_renewal_s < wait_s ? until_renewal_s : wait_s;
}

static void
device_state(struct exchange *x)
{
	const struct configuration *c = service_of(x)->configuration;
	struct admission who;
	struct state state = { .who = &who };
	int64_t wait_s, version;
	struct diag d = { 0 };
	struct session s;

	if (!service_session(x, &s) || !query_number(x, "wait", &wait_s) ||
		!query_number(x, "version", &version) || !service_device(x, &s, &who)) {
		return;
	}
	wait_s = wait_s < c->poll_max_s ? wait_s : c->poll_max_s;
	if (wait_s > 0 && version == who.device.version && !x->is_last_try) {
		reply_park(x, service_topic(who.device.row),
			wait_at_most(&s, &who.device, wait_s) * 1000);
		return;
	}
	if (read_state(&s, &state, &d) != OK) {
		reply_problem(x, &d);
		return;
	}
	reply_state(x, &s, &state);
}

/* --- a challenge to attest over --- */

static const struct {
	const char *name;
	enum challenge_purpose purpose;
} purposes[] = { { "key", CHALLENGE_KEY }, { "element", CHALLENGE_ELEMENT } };

/* Which row of `purposes` the query names. False: the reply is a 400. */
static bool
query_purpose(struct exchange *x, size_t *out)
{
	struct diag d = { 0 };
	span text;
	status st = http_query_get(x->request, x->arena, "purpose", &text, &d);

	for (size_t i = 0; st == OK && i < COUNT_OF(purposes); i++) {
		if (span_is(text, purposes[i].name)) {
			*out = i;
			return true;
		}
	}
	if (st == OK || st == NOT_FOUND) {
		diag_clear(&d);
		diag_set(&d, BAD_INPUT, NULL, "purpose: \"key\" or \"element\" is meant");
	}
	reply_problem(x, &d);
	return false;
}

static void
reply_challenge(
	struct exchange *x, span challenge, const char *purpose, int64_t expires_s, bool counts)
{
	char text[2 * CHALLENGE_LEN];
	struct json_writer w;

	reply_json(x, 200, &w);
	json_object_open(&w, NULL);
	json_text(&w, "challenge", base64url_encode(text, challenge));
	json_text(&w, "purpose", purpose);
	json_time(&w, "expires", expires_s);
	json_bool(&w, "counts", counts);
	json_object_close(&w);
	reply_header(x, "Cache-Control", "no-store");
}

/* Whoever may enrol may ask: nothing is stored, and the answer is good for this device alone. */
static void
device_challenge(struct exchange *x)
{
	uint8_t challenge[CHALLENGE_LEN];
	struct admission who;
	struct diag d = { 0 };
	struct session s;
	bool counts = false;
	int64_t expires_s;
	size_t i;

	if (!service_session(x, &s) || !service_device(x, &s, &who) || !query_purpose(x, &i)) {
		return;
	}
	if (who.access != ACCESS_ENROLMENT && who.access != ACCESS_FULL) {
		reply_problem_as(x, 403, who.why);
	} else if (challenge_new(&s, &who.device.id, purposes[i].purpose, challenge, &expires_s,
			   &d) != OK ||
		   challenge_counts(&s, &who.device, &counts, &d) != OK) {
		reply_problem(x, &d);
	} else {
		reply_challenge(x, SPAN_ARRAY(challenge), purposes[i].name, expires_s, counts);
	}
}

/* --- what the element proves without a certificate --- */

static status
take_members(struct arena *a, const cJSON *o, struct element_check *out, struct diag *d)
{
	const cJSON *evidence = cJSON_GetObjectItemCaseSensitive(o, "evidence");
	const cJSON *point = cJSON_GetObjectItemCaseSensitive(o, "point");
	status st;

	if (!cJSON_IsString(evidence) || !cJSON_IsString(point) || cJSON_GetArraySize(o) != 2) {
		return diag_set(d, BAD_INPUT, NULL,
			"an object of two texts is meant, \"evidence\" and \"point\"");
	}
	st = base64_decode(a, span_text(evidence->valuestring), &out->evidence);
	if (st != OK) {
		return diag_set(d, st, NULL, "member \"evidence\": %s",
			st == NO_MEMORY ? "no memory" : "no base64");
	}
	if (hex_decode(span_text(point->valuestring), out->point, sizeof(out->point)) != OK) {
		return diag_set(d, BAD_INPUT, NULL, "member \"point\" is not 64 bytes in hex");
	}
	return OK;
}

static status
read_check(struct exchange *x, struct element_check *out, struct diag *d)
{
	cJSON *o = NULL;
	status st = json_parse(x->request->body, CHECK_BODY_MAX, &o, d);

	if (st == OK) {
		st = take_members(x->arena, o, out, d);
	}
	cJSON_Delete(o);
	return st;
}

static void
reply_check(struct exchange *x, const struct outcome *o)
{
	struct json_writer w;

	reply_json(x, 200, &w);
	json_object_open(&w, NULL);
	json_text(&w, "attestation", attestation_level_name(o->element.level));
	if (o->element.slot >= 0) {
		json_number(&w, "slot", o->element.slot);
		json_bool(&w, "slot_locked", o->element.slot_is_locked);
	} else {
		json_null(&w, "slot");
		json_null(&w, "slot_locked");
	}
	json_hex(&w, "sha256", SPAN_ARRAY(o->element.evidence_hash));
	json_object_close(&w);
	reply_header(x, "Cache-Control", "no-store");
}

static void
device_element(struct exchange *x)
{
	struct element_check check = { 0 };
	struct outcome o = { 0 };
	struct admission who;
	struct diag d = { 0 };
	struct session s;

	if (!service_session(x, &s) || !service_device(x, &s, &who)) {
		return;
	}
	check.who = &who;
	if (who.access != ACCESS_ENROLMENT && who.access != ACCESS_FULL) {
		reply_problem_as(x, 403, who.why);
	} else if (!http_content_is(x->request, "application/json")) {
		reply_problem_as(x, 415, "the body is to be application/json");
	} else if (read_check(x, &check, &d) != OK ||
		   element_check(&s, who.device.row, &check, &o, &d) != OK) {
		reply_problem(x, &d);
	} else {
		reply_check(x, &o);
	}
}

const struct route device_routes[] = {
	{ HTTP_GET, "/device/v1/state", device_state, 0 },
	{ HTTP_GET, "/device/v1/challenge", device_challenge, 0 },
	{ HTTP_POST, "/device/v1/element", device_element, CHECK_BODY_MAX },
	{ 0 },
};
