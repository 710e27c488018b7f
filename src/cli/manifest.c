#include "cli/manifest.h"

#include "cli/nouns.h"

static const struct field signer_fields[] = {
	{ "name", "NAME", FIELD_TEXT, true },
	{ "trust", "TRUST", FIELD_TEXT, true },
	{ "fleet", "FLEET", FIELD_TEXT, true },
	{ "phase", "PHASE", FIELD_TEXT, true },
	{ "kid", "KEY ID", FIELD_TEXT, true },
	{ "fingerprint", "FINGERPRINT", FIELD_HASH, true },
	{ "created", "CREATED", FIELD_TIME, true },
	{ 0 },
};
static const struct view signer_view = { "signer", signer_fields };

static const struct flag file_argument[] = {
	{ "FILE", VALUE_FILE, NULL,
		"the manifest: a JSON array, or an entry a line (-: standard input)", NULL, 0 },
	{ 0 },
};
static const struct flag verify_flags[] = {
	{ "signer", VALUE_FILE, "CERT", "whom to believe: a manifest signer's certificate", NULL,
		FLAG_MANY },
	{ "root", VALUE_FILE, "CERT", "root of the birth certificates in it", NULL, FLAG_MANY },
	{ 0 },
};
static const struct flag import_flags[] = {
	{ "fleet", VALUE_TEXT, "NAME", "the devices' fleet", NULL, FLAG_NEEDED },
	{ "codes", VALUE_FILE, "SHEET", "make claim codes, and write them encrypted to this file",
		NULL, 0 },
	{ "recipient", VALUE_FILE, "CERT", "who can read the sheet: a certificate, PEM", NULL, 0 },
	{ "passphrase-file", VALUE_FILE, "FILE", "or by a passphrase", NULL, 0 },
	{ "dry-run", VALUE_NONE, NULL, "have the server judge only", NULL, 0 },
	{ 0 },
};
static const struct flag trust_arguments[] = {
	{ "CERT", VALUE_CONTENT, NULL, "the signer's certificate, PEM (-: standard input)", "pem",
		0 },
	{ 0 },
};
static const struct flag trust_flags[] = {
	{ "fleet", VALUE_TEXT, "NAME", "for this fleet's manifests only; or", "fleet", 0 },
	{ "phase", VALUE_CHOICE, PHASES, "for every fleet of the phase", "phase", 0 },
	{ 0 },
};
static const struct flag create_arguments[] = {
	{ "NAME", VALUE_TEXT, NULL, "its name: a-z 0-9 - . _", "name", 0 },
	{ 0 },
};
static const struct flag create_flags[] = {
	{ "phase", VALUE_CHOICE, PHASES, "of the fleets that believe it", "phase", FLAG_NEEDED },
	{ 0 },
};

static const struct command manifest_commands[] = {
	{ "verify", "judge a manifest here, without a server",
		"Exits with 1 when any entry is refused. Without --signer no signer is believed.",
		file_argument, verify_flags, COMMAND_JSON, manifest_verify, { 0 } },
	{ "import", "bring a manifest's devices in",
		"Can be interrupted and run again: what was accepted is known then. With --codes "
		"each new device gets a claim code; the sheet (CSV in CMS: serial,code,device) is "
		"written at the end and opens with openssl cms -decrypt; until then SHEET.partial "
		"keeps what is needed to finish it.",
		file_argument, import_flags, COMMAND_SERVER | COMMAND_JSON, manifest_bring, { 0 } },
	{ "signers", "the manifest signers that are believed", NULL, NULL, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, remote_list,
		{ "GET", "/api/v1/manifest-signers", &signer_view, NULL } },
	{ "trust", "believe a manifest signer from now on", NULL, trust_arguments, trust_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", "/api/v1/manifest-signers", &signer_view, NULL } },
	{ "create-signer", "a manifest signer of our own", NULL, create_arguments, create_flags,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_KEYLESS, remote_act,
		{ "POST", "/api/v1/manifest-signers", &signer_view, NULL } },
	{ 0 },
};
const struct noun noun_manifest = { "manifest", "lists of elements, and who signs them",
	manifest_commands };
