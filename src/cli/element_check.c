#include "cli/element_check.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/remote.h"
#include "cli/settings.h"

#define BODY_MAX 8192

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for a check");
}

static const char *
path_of(struct call *c, const char *serial, const char *what)
{
	const char *name = remote_encode(c->arena, serial);

	return name != NULL ? arena_printf(c->arena, "/api/v1/devices/%s/%s", name, what) : NULL;
}

static status
take_challenge(const cJSON *o, uint8_t out[CHALLENGE_MAX], size_t *len, struct diag *d)
{
	span text;
	status s = json_get_text(o, "challenge", &text, d);

	if (s == OK && !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "counts"))) {
		return diag_set(d, DENIED, NULL,
			"the server knows nothing by which this element's proof could be checked");
	}
	if (s == OK && base64url_decode(text, out, CHALLENGE_MAX, len) != OK) {
		s = diag_set(d, UNAVAILABLE, NULL, "the server's challenge is none");
	}
	return s;
}

status
check_challenge(
	struct call *c, const char *serial, uint8_t out[CHALLENGE_MAX], size_t *len, struct diag *d)
{
	const char *path = path_of(c, serial, "challenge");
	struct client *client = NULL;
	cJSON *o = NULL;
	status s = path != NULL ? call_client(c, &client, d) : no_memory(d);

	if (s == OK) {
		s = remote_get(client, path, &o, d);
	}
	if (s == OK) {
		s = take_challenge(o, out, len, d);
	}
	cJSON_Delete(o);
	client_free(client);
	return s;
}

static status
take_verdict(span body, struct check_verdict *out, struct diag *d)
{
	cJSON *o = NULL;
	span level;
	status s = json_parse(body, BODY_MAX, &o, d);

	if (s == OK) {
		s = json_get_text(o, "attestation", &level, d);
	}
	if (s == OK) {
		snprintf(out->level, sizeof(out->level), "%.*s", (int)level.len,
			(const char *)level.data);
		out->slot_is_locked =
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "slot_locked"));
	}
	cJSON_Delete(o);
	return s;
}

static status
write_body(struct call *c, struct buffer *out, span evidence, const uint8_t point[64])
{
	struct json_writer w;
	char *text = base64_encode(c->arena, evidence);

	json_begin(&w, out);
	json_object_open(&w, NULL);
	json_text(&w, "evidence", text);
	json_hex(&w, "point", span_of(point, 64));
	json_object_close(&w);
	return text != NULL && !buffer_failed(out) ? OK : NO_MEMORY;
}

status
check_send(struct call *c, const char *serial, span evidence, const uint8_t point[64],
	struct check_verdict *out, struct diag *d)
{
	const char *path = path_of(c, serial, "element-check");
	struct client_reply reply = { 0 };
	struct client *client = NULL;
	struct buffer body;
	status s = path != NULL ? call_client(c, &client, d) : no_memory(d);

	buffer_init(&body, BODY_MAX);
	if (s == OK && write_body(c, &body, evidence, point) != OK) {
		s = no_memory(d);
	}
	if (s == OK) {
		s = remote_send(client, "POST", path, buffer_span(&body), &reply, d);
	}
	if (s == OK) {
		s = take_verdict(buffer_span(&reply.body), out, d);
	}
	client_reply_wipe(&reply);
	buffer_wipe(&body);
	client_free(client);
	return s;
}
