#include <inttypes.h>
#include <stdio.h>

#include "cli/nouns.h"
#include "cli/settings.h"

static const struct field status_fields[] = {
	{ "version", "VERSION", FIELD_TEXT, false },
	{ "time", "SERVER'S TIME", FIELD_TIME, false },
	{ "ready", "READY", FIELD_YES_NO, false },
	{ "problem", "PROBLEM", FIELD_TEXT, false },
	{ "warning", "WARNING", FIELD_TEXT, false },
	{ "fleets", "FLEETS", FIELD_TEXT, false },
	{ "owners", "OWNERS", FIELD_TEXT, false },
	{ "certificates", "CERTIFICATES", FIELD_TEXT, false },
	{ "devices", "DEVICES", FIELD_HIDDEN, false },
	{ "ledger", "LEDGER", FIELD_HIDDEN, false },
	{ "ledger.origin", "LEDGER", FIELD_TEXT, false },
	{ "ledger.size", "LEDGER ENTRIES", FIELD_TEXT, false },
	{ "ledger.published", "LEDGER PUBLISHED", FIELD_TEXT, false },
	{ "ledger.key", "LEDGER KEY", FIELD_TEXT, false },
	{ 0 },
};
static const struct view status_view = { "status", status_fields };

static void
print_devices(const cJSON *status_object)
{
	const cJSON *devices = cJSON_GetObjectItemCaseSensitive(status_object, "devices"), *count;
	struct buffer line;

	buffer_init(&line, 4096);
	cJSON_ArrayForEach(count, devices)
	{
		if (cJSON_IsNumber(count) && count->valuedouble > 0) {
			buffer_printf(&line, "%s%.0f %s", line.len > 0 ? ", " : "",
				count->valuedouble, count->string);
		}
	}
	buffer_put_byte(&line, 0);
	printf("%-23s", "DEVICES:");
	print_text(
		stdout, buffer_failed(&line) || line.len == 1 ? "none" : (const char *)line.data);
	printf("\n");
	buffer_wipe(&line);
}

static status
show(struct call *c, struct diag *d)
{
	struct client_reply reply = { 0 };
	struct client *client = NULL;
	cJSON *object = NULL;
	bool ready = true;
	status s = call_client(c, &client, d);

	if (s == OK) {
		s = remote_send(client, "GET", "/api/v1/status", span_of(NULL, 0), &reply, d);
	}
	if (s == OK) {
		s = json_parse(buffer_span(&reply.body), CLIENT_REPLY_MAX, &object, d);
	}
	if (s == OK) {
		s = remote_print(c, &status_view, &reply, d);
	}
	if (s == OK && !call_has(c, "json")) {
		print_devices(object);
	}
	if (s == OK && json_get_bool(object, "ready", &ready, NULL) == OK && !ready) {
		s = diag_set(d, CONFLICT, NULL, "the server is not ready; see PROBLEM");
	}
	cJSON_Delete(object);
	client_reply_wipe(&reply);
	client_free(client);
	return s;
}

static const struct command status_commands[] = {
	{ "", "one screen: is it well, how many devices in which state",
		"Exits with 1 when the server says that it is not ready.", NULL, NULL,
		COMMAND_SERVER | COMMAND_JSON, show, { 0 } },
	{ 0 },
};
const struct noun noun_status = { "status", "one screen: health, devices, ledger",
	status_commands };
