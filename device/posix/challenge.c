#include "device/posix/challenge.h"

#include "base/json.h"
#include "base/text.h"
#include "device/posix/reply.h"

#define ANSWER_MAX 2048
#define PATIENCE_S 30
#define CHALLENGE_LEAST 8 /* fewer bytes come again by chance */
#define TEXT_MAX ((CHALLENGE_MAX * 4 + 2) / 3)

static status
read_members(const cJSON *o, struct challenge *out, struct diag *d)
{
	uint8_t bytes[3 * TEXT_MAX / 4 + 3];
	span text = { NULL, 0 }, purpose = { NULL, 0 };
	status s = json_get_text(o, "challenge", &text, d);

	if (s == OK) {
		s = json_get_text(o, "purpose", &purpose, d);
	}
	if (s != OK) {
		return s;
	}
	if (!span_is(purpose, "key")) {
		return diag_set(d, BAD_INPUT, NULL, "\"purpose\" is not \"key\"");
	}
	if (text.len > TEXT_MAX || base64url_decode(text, bytes, sizeof(bytes), &out->len) != OK ||
		out->len < CHALLENGE_LEAST || out->len > CHALLENGE_MAX) {
		return diag_set(d, BAD_INPUT, "RFC 4648 5",
			"\"challenge\" is not base64url of %d to %d bytes", CHALLENGE_LEAST,
			CHALLENGE_MAX);
	}
	memcpy(out->bytes, bytes, out->len);
	/* Servers that do not say it check what comes. */
	out->is_useless = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(o, "counts"));
	return OK;
}

status
challenge_read(span json, struct challenge *out, struct diag *d)
{
	cJSON *o = NULL;
	status s = json_parse(json, ANSWER_MAX, &o, d);

	if (s == OK) {
		s = read_members(o, out, d);
	}
	cJSON_Delete(o);
	if (s == OK) {
		return OK;
	}
	diag_prefix(d, "the server's challenge: ");
	return s == NO_MEMORY ? s : BAD_INPUT;
}

status
challenge_ask(struct client *c, struct arena *a, struct challenge *out, struct diag *d)
{
	const struct client_request r = { .method = "GET",
		.target = "/device/v1/challenge?purpose=key",
		.patience_s = PATIENCE_S };
	struct client_answer answer;
	status s = client_ask(c, a, &r, &answer, d);

	*out = (struct challenge){ 0 };
	if (s != OK) {
		return s;
	}
	out->retry_after_s = answer.http.retry_after_s;
	s = reply_judge(&answer, d);
	if (s == OK && !http_is_type(answer.http.content_type, "application/json")) {
		s = diag_set(d, BAD_INPUT, "RFC 8259 11", "the server's challenge is no JSON");
	}
	return s == OK ? challenge_read(answer.body, out, d) : s;
}
