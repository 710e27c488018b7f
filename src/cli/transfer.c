#include <stdio.h>
#include <string.h>

#include "cli/nouns.h"
#include "cli/settings.h"

#define TRANSFER "/api/v1/transfers/{TRANSFER}"

static const struct field transfer_fields[] = {
	{ "id", "ID", FIELD_TEXT, true },
	{ "device", "DEVICE", FIELD_TEXT, true },
	{ "from", "FROM", FIELD_TEXT, true },
	{ "to", "TO", FIELD_TEXT, true },
	{ "status", "STATUS", FIELD_STATE, true },
	{ "expires", "EXPIRES", FIELD_TIME, true },
	{ "created", "CREATED", FIELD_TIME, false },
	{ "code", "TRANSFER CODE", FIELD_SECRET, false },
	{ 0 },
};
const struct view transfer_view = { "transfer", transfer_fields };

static const struct flag offer_flags[] = {
	{ "to", VALUE_TEXT, "OWNER", "to this owner; without it to whoever brings the code", "to",
		0 },
	{ "lifetime", VALUE_DURATION, "TIME", "how long the offer stands (default: the fleet's)",
		"lifetime", 0 },
	{ 0 },
};
static const struct flag transfer_argument[] = {
	{ "TRANSFER", VALUE_TEXT, NULL, "the transfer's id", NULL, 0 },
	{ 0 },
};
static const struct flag accept_flags[] = {
	{ "code-file", VALUE_SECRET, "FILE",
		"the offer's code, in a file (-: standard input), where it is by code", "code", 0 },
	{ "owner", VALUE_TEXT, "NAME", "for this owner (the maker's operators only)", "owner", 0 },
	{ 0 },
};
static const struct flag list_flags[] = {
	{ "device", VALUE_TEXT, "DEVICE", "only of this device", "device", 0 },
	{ "owner", VALUE_TEXT, "NAME", "only from or to this owner", "owner", 0 },
	{ 0 },
};

struct search {
	const char *id;
	cJSON *found;
};

static status
compare(void *context, const cJSON *item, struct diag *d)
{
	struct search *search = context;
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, "id");

	if (search->found == NULL && cJSON_IsString(id) &&
		strcmp(id->valuestring, search->id) == 0) {
		search->found = cJSON_Duplicate(item, 1);
		if (search->found == NULL) {
			return diag_set(d, NO_MEMORY, NULL, "no memory for a transfer");
		}
	}
	return OK;
}

/* The server lists open transfers and has no page for a single one. */
static status
show(struct call *c, struct diag *d)
{
	struct search search = { .id = call_argument(c, "TRANSFER") };
	struct paging p = {
		.path = "/api/v1/transfers", .take = compare, .context = &search, .arena = c->arena
	};
	status s = call_client(c, &p.client, d);

	if (s == OK) {
		s = remote_pages(&p, d);
	}
	if (s == OK && search.found == NULL) {
		s = diag_set(d, NOT_FOUND, NULL,
			"there is no open transfer %.60s (its device's timeline says how it ended)",
			search.id);
	}
	if (s == OK && call_has(c, "json")) {
		char *text = cJSON_PrintUnformatted(search.found);

		s = text != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a transfer");
		printf("%s\n", text != NULL ? text : "");
		cJSON_free(text);
	} else if (s == OK) {
		view_show(stdout, &transfer_view, search.found);
	}
	cJSON_Delete(search.found);
	client_free(p.client);
	return s;
}

static const struct command transfer_commands[] = {
	{ "offer", "offer a device to its next owner",
		"Without --to the code that is shown (once) accepts it.", device_argument,
		offer_flags, COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", "/api/v1/devices/{DEVICE}/offer", &transfer_view, NULL } },
	{ "accept", "take what was offered: the previous owner is out at once", NULL,
		transfer_argument, accept_flags, COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", TRANSFER "/accept", &device_view, NULL } },
	{ "decline", "say no to an offer", NULL, transfer_argument, accept_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", TRANSFER "/decline", &device_view, NULL } },
	{ "cancel", "take an offer back", NULL, transfer_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", TRANSFER "/cancel", &device_view, NULL } },
	{ "list", "the open transfers", NULL, NULL, list_flags,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, remote_list,
		{ "GET", "/api/v1/transfers", &transfer_view, NULL } },
	{ "show", "one open transfer", NULL, transfer_argument, NULL, COMMAND_SERVER | COMMAND_JSON,
		show, { 0 } },
	{ 0 },
};
const struct noun noun_transfer = { "transfer", "handing devices over between owners",
	transfer_commands };
