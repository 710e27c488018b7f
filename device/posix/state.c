#include "device/posix/state.h"

#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "device/posix/reply.h"

#define STATE_SIZE_MAX 8192
#define PATIENCE_S 30

static status
read_access(const cJSON *o, enum plan_access *out, struct diag *d)
{
	static const char *const names[] = { [ADMITTED_STATE] = "state",
		[ADMITTED_ENROLMENT] = "enrolment",
		[ADMITTED_FULL] = "full" };
	span text = { NULL, 0 };
	status s = json_get_text(o, "access", &text, d);

	for (size_t i = 0; s == OK && i < COUNT_OF(names); i++) {
		if (span_is(text, names[i])) {
			*out = (enum plan_access)i;
			return OK;
		}
	}
	return s != OK ? s : diag_set(d, BAD_INPUT, NULL, "\"access\" is none that is known");
}

/* Text that may be null or missing. */
static status
read_optional(const cJSON *o, const char *name, span *out, struct diag *d)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(o, name);

	*out = span_of(NULL, 0);
	return member == NULL || cJSON_IsNull(member) ? OK : json_get_text(o, name, out, d);
}

static status
read_time(const cJSON *o, const char *name, int64_t *out, struct diag *d)
{
	span text;
	status s = read_optional(o, name, &text, d);

	*out = 0;
	if (s == OK && text.len > 0 && time_parse(text, out) != OK) {
		s = diag_set(d, BAD_INPUT, "RFC 3339 5.6", "\"%s\" is no time", name);
	}
	return s;
}

static status
read_members(const cJSON *o, struct state_answer *out, struct diag *d)
{
	span why = { NULL, 0 };
	status s = json_copy_text(o, "state", out->state, sizeof(out->state), d);

	if (s == OK) {
		s = read_access(o, &out->seen.access, d);
	}
	if (s == OK) {
		s = json_get_number(o, "version", &out->seen.version, d);
	}
	if (s == OK && out->seen.version < 1) {
		s = diag_set(d, BAD_INPUT, NULL, "\"version\" is 1 or more");
	}
	if (s == OK) {
		s = json_get_bool(o, "renew_now", &out->seen.renew_now, d);
	}
	if (s == OK) {
		s = read_time(o, "renew_after", &out->seen.renew_after_s, d);
	}
	if (s == OK) {
		s = read_time(o, "time", &out->time_s, d);
	}
	if (s == OK) {
		s = read_optional(o, "why", &why, d);
	}
	snprintf(out->why, sizeof(out->why), "%.*s", (int)span_slice(why, 0, 255).len,
		why.data != NULL ? (const char *)why.data : "");
	return s;
}

status
state_read(span json, struct state_answer *out, struct diag *d)
{
	cJSON *o = NULL;
	status s = json_parse(json, STATE_SIZE_MAX, &o, d);

	if (s == OK) {
		s = read_members(o, out, d);
	}
	cJSON_Delete(o);
	if (s == OK) {
		out->seen.is_known = true;
		return OK;
	}
	diag_prefix(d, "the server's state answer: ");
	return s == NO_MEMORY ? s : BAD_INPUT;
}

status
state_ask(struct client *c, struct arena *a, int64_t wait_s, int64_t version,
	struct state_answer *out, struct diag *d)
{
	char target[96];
	struct client_request r = {
		.method = "GET", .target = target, .patience_s = PATIENCE_S + wait_s
	};
	struct client_answer answer;
	status s;

	*out = (struct state_answer){ 0 };
	snprintf(target, sizeof(target), "/device/v1/state");
	if (wait_s > 0) {
		snprintf(target, sizeof(target), "/device/v1/state?wait=%lld&version=%lld",
			(long long)wait_s, (long long)version);
	}
	s = client_ask(c, a, &r, &answer, d);
	out->retry_after_s = s == OK ? answer.http.retry_after_s : 0;
	if (s == OK) {
		s = reply_judge(&answer, d);
	}
	if (s == OK && !http_is_type(answer.http.content_type, "application/json")) {
		s = diag_set(d, BAD_INPUT, "RFC 8259 11", "the server's state answer is no JSON");
	}
	if (s == OK) {
		out->json = answer.body;
		s = state_read(answer.body, out, d);
	}
	return s;
}
