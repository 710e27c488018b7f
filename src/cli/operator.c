#include "cli/nouns.h"

static const struct field operator_fields[] = {
	{ "name", "NAME", FIELD_TEXT, true },
	{ "role", "ROLE", FIELD_TEXT, true },
	{ "owner", "OWNER", FIELD_TEXT, true },
	{ "disabled", "DISABLED", FIELD_YES_NO, true },
	{ "created", "CREATED", FIELD_TIME, true },
	{ "token", "TOKEN", FIELD_SECRET, false },
	{ 0 },
};
static const struct view operator_view = { "operator", operator_fields };

static const struct flag add_arguments[] = {
	{ "NAME", VALUE_TEXT, NULL, "short name: a-z 0-9 - . _", "name", 0 },
	{ 0 },
};
static const struct flag add_flags[] = {
	{ "role", VALUE_CHOICE, "admin|maker|support|owner|auditor|watch|ra", "what he may do",
		"role", FLAG_NEEDED },
	{ "owner", VALUE_TEXT, "NAME", "whose devices he speaks for (role owner)", "owner", 0 },
	{ "certificate", VALUE_CONTENT, "FILE",
		"PEM; what a registration authority is known by (role ra)", "certificate", 0 },
	{ 0 },
};
static const struct flag operator_argument[] = {
	{ "OPERATOR", VALUE_TEXT, NULL, "his short name", NULL, 0 },
	{ 0 },
};

static const struct command operator_commands[] = {
	{ "add", "a new operator and his token",
		"The token is shown once. Put it into a file that only its user can read. A "
		"registration authority (role ra) has none: it speaks for the devices of fleets "
		"that "
		"name it (fleet set --est-ra), with its client certificate, which has id-kp-cmcRA, "
		"and "
		"the device's in the header Client-Cert (RFC 9440).",
		add_arguments, add_flags, COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS,
		remote_act, { "POST", "/api/v1/operators", &operator_view, NULL } },
	{ "list", "the operators", NULL, NULL, NULL, COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES,
		remote_list, { "GET", "/api/v1/operators", &operator_view, NULL } },
	{ "token", "a new token; the old one is void at once", NULL, operator_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS | COMMAND_REPEATABLE, remote_act,
		{ "POST", "/api/v1/operators/{OPERATOR}/token", &operator_view, NULL } },
	{ "remove", "take his access away", NULL, operator_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS | COMMAND_REPEATABLE, remote_act,
		{ "DELETE", "/api/v1/operators/{OPERATOR}", &operator_view, "is removed" } },
	{ 0 },
};
const struct noun noun_operator = { "operator", "who may use this interface", operator_commands };
