#include "cli/nouns.h"

static const struct field owner_fields[] = {
	{ "name", "NAME", FIELD_TEXT, true },
	{ "title", "TITLE", FIELD_TEXT, true },
	{ "kind", "KIND", FIELD_TEXT, true },
	{ "created", "CREATED", FIELD_TIME, true },
	{ 0 },
};
static const struct view owner_view = { "owner", owner_fields };

static const struct flag add_arguments[] = {
	{ "NAME", VALUE_TEXT, NULL, "short name: a-z 0-9 - . _", "name", 0 },
	{ 0 },
};
static const struct flag add_flags[] = {
	{ "title", VALUE_TEXT, "WORDS", "as people call it", "title", FLAG_NEEDED },
	{ "kind", VALUE_CHOICE, "maker|reseller|customer", "what it is to the devices", "kind",
		FLAG_NEEDED },
	{ 0 },
};
static const struct flag owner_argument[] = {
	{ "OWNER", VALUE_TEXT, NULL, "its short name", NULL, 0 },
	{ 0 },
};

static const struct command owner_commands[] = {
	{ "add", "a new owner", NULL, add_arguments, add_flags, COMMAND_SERVER | COMMAND_JSON,
		remote_act, { "POST", "/api/v1/owners", &owner_view, NULL } },
	{ "list", "the owners", NULL, NULL, NULL, COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES,
		remote_list, { "GET", "/api/v1/owners", &owner_view, NULL } },
	{ "show", "one owner", NULL, owner_argument, NULL, COMMAND_SERVER | COMMAND_JSON,
		remote_show, { "GET", "/api/v1/owners/{OWNER}", &owner_view, NULL } },
	{ 0 },
};
const struct noun noun_owner = { "owner", "who has rights over devices", owner_commands };
