#include "cli/nouns.h"

static const struct field entry_fields[] = {
	{ "index", "INDEX", FIELD_TEXT, true },
	{ "entry.at", "AT", FIELD_TIME, true },
	{ "entry.event", "EVENT", FIELD_TEXT, true },
	{ "entry.actor", "ACTOR", FIELD_TEXT, true },
	{ "entry.device", "DEVICE", FIELD_TEXT, true },
	{ "entry.from", "FROM", FIELD_STATE, true },
	{ "entry.to", "TO", FIELD_STATE, true },
	{ "entry.reason", "REASON", FIELD_TEXT, true },
	{ "entry", "ENTRY", FIELD_HIDDEN, false },
	{ 0 },
};
const struct view entry_view = { "entry", entry_fields };

static const struct command ledger_commands[] = {
	{ "show", "the entries", NULL, NULL, NULL, COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES,
		remote_list, { "GET", "/api/v1/ledger", &entry_view, NULL } },
	{ 0 },
};
const struct noun noun_ledger = { "ledger", "the record of every decision, with proofs",
	ledger_commands };
