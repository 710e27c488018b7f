#include "cli/nouns.h"

static const struct field authority_fields[] = {
	{ "name", "NAME", FIELD_TEXT, true },
	{ "hierarchy", "HIERARCHY", FIELD_TEXT, true },
	{ "kind", "KIND", FIELD_TEXT, true },
	{ "phase", "PHASE", FIELD_TEXT, true },
	{ "parent", "PARENT", FIELD_TEXT, true },
	{ "has_key", "KEY HERE", FIELD_YES_NO, true },
	{ "fingerprint", "FINGERPRINT", FIELD_HASH, false },
	{ "key_id", "KEY ID", FIELD_TEXT, false },
	{ "not_before", "NOT BEFORE", FIELD_TIME, false },
	{ "not_after", "NOT AFTER", FIELD_TIME, true },
	{ "crl_number", "CRL NUMBER", FIELD_TEXT, false },
	{ "created", "CREATED", FIELD_TIME, false },
	{ "pem", "PEM", FIELD_HIDDEN, false },
	{ 0 },
};
static const struct view authority_view = { "authority", authority_fields };

static const struct flag create_arguments[] = {
	{ "NAME", VALUE_TEXT, NULL, "the authority's name: a-z 0-9 - . _", "name", 0 },
	{ 0 },
};
static const struct flag create_flags[] = {
	{ "kind", VALUE_CHOICE, "root|issuing|factory-signer", "what it may sign", "kind",
		FLAG_NEEDED },
	{ "phase", VALUE_CHOICE, PHASES, "nothing of one phase is accepted in another", "phase",
		FLAG_NEEDED },
	{ "hierarchy", VALUE_TEXT, "NAME", "a root's: the new hierarchy", "hierarchy", 0 },
	{ "parent", VALUE_TEXT, "NAME", "the root that signs it", "parent", 0 },
	{ "organization", VALUE_TEXT, "WORDS",
		"O in its subject (else the maker's, or the hierarchy)", "organization", 0 },
	{ "common-name", VALUE_TEXT, "WORDS", "CN in its subject (else NAME)", "common_name", 0 },
	{ "lifetime", VALUE_DURATION, "TIME", "of its certificate", "lifetime", 0 },
	{ "p384", VALUE_NONE, NULL, "a P-384 key (roots only)", "p384", 0 },
	{ 0 },
};
static const struct flag import_flags[] = {
	{ "hierarchy", VALUE_TEXT, "NAME", "whose PKI it belongs to", "hierarchy", FLAG_NEEDED },
	{ "phase", VALUE_CHOICE, PHASES, "for whose devices it is believed", "phase", FLAG_NEEDED },
	{ "pem", VALUE_CONTENT, "FILE", "its certificate, PEM (-: standard input)", "pem",
		FLAG_NEEDED },
	{ 0 },
};
static const struct flag crl_flags[] = {
	{ "pem", VALUE_CONTENT, "FILE", "its CRL, PEM (-: standard input)", "pem", FLAG_NEEDED },
	{ 0 },
};
static const struct flag authority_argument[] = {
	{ "AUTHORITY", VALUE_TEXT, NULL, "its name", NULL, 0 },
	{ 0 },
};

static const struct command hierarchy_commands[] = {
	{ "create", "an authority of our own", NULL, create_arguments, create_flags,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS, remote_act,
		{ "POST", "/api/v1/authorities", &authority_view, NULL } },
	{ "import", "trust somebody else's authority for birth certificates", NULL,
		create_arguments, import_flags, COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS,
		remote_act, { "POST", "/api/v1/authorities", &authority_view, NULL } },
	{ "list", "the authorities of all hierarchies", NULL, NULL, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, remote_list,
		{ "GET", "/api/v1/authorities", &authority_view, NULL } },
	{ "show", "one authority", NULL, authority_argument, NULL, COMMAND_SERVER | COMMAND_JSON,
		remote_show, { "GET", "/api/v1/authorities/{AUTHORITY}", &authority_view, NULL } },
	{ "publish", "publish its CRLs now", NULL, authority_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS | COMMAND_REPEATABLE, remote_act,
		{ "POST", "/api/v1/authorities/{AUTHORITY}/publish", &authority_view, NULL } },
	{ "crl", "publish a list that was signed elsewhere",
		"For an imported authority, whose key is offline or another company's: the list "
		"must be signed by it "
		"and follow the one before it. `tenure status` warns when half of its life is "
		"over.",
		authority_argument, crl_flags,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS | COMMAND_REPEATABLE, remote_act,
		{ "POST", "/api/v1/authorities/{AUTHORITY}/crl", &authority_view, NULL } },
	{ 0 },
};
const struct noun noun_hierarchy = { "hierarchy", "roots, issuing CAs and factory signers",
	hierarchy_commands };
