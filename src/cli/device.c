#include "cli/element_record.h"
#include "cli/nouns.h"

#define DEVICE "/api/v1/devices/{DEVICE}"
#define STATES "MANUFACTURED|HELD|AWAITING_DEVICE|ACTIVE|SUSPENDED|IN_TRANSFER|RETURNED|RETIRED"
#define MARKS "stolen|disputed|legal-hold"

static const struct field device_fields[] = {
	{ "serial", "SERIAL", FIELD_TEXT, true },
	{ "id", "ID", FIELD_TEXT, true },
	{ "fleet", "FLEET", FIELD_TEXT, true },
	{ "phase", "PHASE", FIELD_TEXT, false },
	{ "state", "STATE", FIELD_STATE, true },
	{ "suspended_from", "SUSPENDED FROM", FIELD_STATE, false },
	{ "suspended_by", "SUSPENDED BY", FIELD_TEXT, false },
	{ "marks", "MARKS", FIELD_TEXT, true },
	{ "owner", "OWNER", FIELD_TEXT, true },
	{ "attestation", "ATTESTATION", FIELD_TEXT, false },
	{ "birth_denied", "BIRTH DENIED", FIELD_YES_NO, false },
	{ "key_generation", "KEY GENERATION", FIELD_TEXT, false },
	{ "certificate", "CERTIFICATE", FIELD_HASH, true },
	{ "pending", "PENDING CERTIFICATE", FIELD_HASH, false },
	{ "offer", "OFFER", FIELD_TEXT, false },
	{ "renew_after", "RENEW AFTER", FIELD_TIME, true },
	{ "seen", "SEEN", FIELD_TIME, true },
	{ "version", "VERSION", FIELD_TEXT, false },
	{ "created", "CREATED", FIELD_TIME, false },
	{ "changed", "CHANGED", FIELD_TIME, false },
	{ "code", "CLAIM CODE", FIELD_SECRET, false },
	{ 0 },
};
const struct view device_view = { "device", device_fields };

const struct flag device_argument[] = {
	{ "DEVICE", VALUE_TEXT, NULL, "a device's id or its element's serial", NULL, 0 },
	{ 0 },
};
static const struct flag list_flags[] = {
	{ "fleet", VALUE_TEXT, "NAME", "only of this fleet", "fleet", 0 },
	{ "owner", VALUE_TEXT, "NAME", "only of this owner", "owner", 0 },
	{ "state", VALUE_CHOICE, STATES, "only in this state", "state", 0 },
	{ 0 },
};
static const struct flag claim_flags[] = {
	{ "code-file", VALUE_SECRET, "FILE",
		"the claim code, in a file (-: standard input); asked for on a terminal", "code",
		FLAG_ASKED },
	{ "owner", VALUE_TEXT, "NAME", "for this owner (the maker's operators only)", "owner", 0 },
	{ 0 },
};
static const struct flag mark_arguments[] = {
	{ "DEVICE", VALUE_TEXT, NULL, "a device's id or its element's serial", NULL, 0 },
	{ "MARK", VALUE_CHOICE, MARKS, "stolen, disputed or legal-hold", "mark", 0 },
	{ 0 },
};
static const struct flag return_flags[] = {
	{ "consent", VALUE_CHOICE, "owner|device-proof",
		"whose consent: the owner's, or the device's own proof at the desk", "consent",
		FLAG_NEEDED },
	{ "reason", VALUE_TEXT, "WORD", "of the return: a-z 0-9 - . _", "reason", FLAG_NEEDED },
	{ "note", VALUE_TEXT, "WORDS", "free words; not in the ledger", "note", 0 },
	{ 0 },
};
static const struct flag replace_flags[] = {
	{ "element", VALUE_TEXT, "SERIAL", "of the new board's element", "element", FLAG_NEEDED },
	{ 0 },
};
static const struct flag note_arguments[] = {
	{ "DEVICE", VALUE_TEXT, NULL, "a device's id or its element's serial", NULL, 0 },
	{ "CHANGE", VALUE_CHOICE, "lock-slots|user-extra|address|counter|retire-keys",
		"what was done to its element", NULL, 0 },
	{ 0 },
};
static const struct flag note_flags[] = {
	{ "slots", VALUE_TEXT, "N,N", "which slots: of lock-slots and retire-keys", NULL, 0 },
	{ "counter", VALUE_NUMBER, "N", "which counter, 0 or 1", NULL, 0 },
	{ "before", VALUE_TEXT, "VALUE", "the counter's value before; of a byte 00", NULL, 0 },
	{ "after", VALUE_TEXT, "VALUE", "the counter's value now; the byte in hex", NULL, 0 },
	{ 0 },
};
static const struct flag revoke_flags[] = {
	{ "key", VALUE_CHOICE, "operational|birth", "which of its keys", "key", FLAG_NEEDED },
	{ "reason", VALUE_CHOICE, REVOCATION_REASONS, "RFC 5280 5.3.1", "reason", FLAG_NEEDED },
	{ 0 },
};

/* A verb on a device that takes nothing else. */
#define PLAIN_VERB(verb, summary, details)                                                    \
	{                                                                                     \
		verb, summary, details, device_argument, NULL, COMMAND_SERVER | COMMAND_JSON, \
			remote_act,                                                           \
		{                                                                             \
			"POST", DEVICE "/" verb, &device_view, NULL                           \
		}                                                                             \
	}

static const struct command device_commands[] = {
	{ "list", "the devices", NULL, NULL, list_flags,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, remote_list,
		{ "GET", "/api/v1/devices", &device_view, NULL } },
	{ "show", "one device", NULL, device_argument, NULL, COMMAND_SERVER | COMMAND_JSON,
		remote_show, { "GET", DEVICE, &device_view, NULL } },
	{ "timeline", "what the ledger says of a device", NULL, device_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES, remote_list,
		{ "GET", DEVICE "/timeline", &entry_view, NULL } },
	{ "claim", "take a device by the code in its box", NULL, device_argument, claim_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", DEVICE "/claim", &device_view, NULL } },
	PLAIN_VERB("code", "a new claim code; the old one is void",
		"The code is shown once and kept nowhere."),
	PLAIN_VERB("hold", "back on the shelf, of an unsold device", NULL),
	PLAIN_VERB("release", "give up ownership", NULL),
	PLAIN_VERB("suspend", "deny it everywhere, restorable", NULL),
	PLAIN_VERB("resume", "lift a suspension", NULL),
	{ "mark", "put a mark beside its state",
		"While a mark stands, only the maker may offer, return, refurbish or retire it.",
		mark_arguments, NULL, COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", DEVICE "/mark", &device_view, NULL } },
	{ "unmark", "take a mark away", NULL, mark_arguments, NULL, COMMAND_SERVER | COMMAND_JSON,
		remote_act, { "POST", DEVICE "/unmark", &device_view, NULL } },
	{ "return", "take it back at the shop", NULL, device_argument, return_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", DEVICE "/return", &device_view, NULL } },
	PLAIN_VERB("refurbish", "a returned device back to the shelf, with a new claim code", NULL),
	{ "replace", "a new board takes the device's record", NULL, device_argument, replace_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", DEVICE "/replace", &device_view, NULL } },
	{ "note-element", "record what was changed for good on its element",
		"For what tenure element policy or retire did while no server could be told.",
		note_arguments, note_flags, COMMAND_SERVER | COMMAND_JSON, device_note_element,
		{ 0 } },
	PLAIN_VERB("rotate", "have it make a new key soon", NULL),
	{ "revoke", "revoke its operational or its birth key", NULL, device_argument, revoke_flags,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", DEVICE "/revoke", &device_view, NULL } },
	PLAIN_VERB("retire", "for good: all that was issued to it is revoked", NULL),
	{ 0 },
};
const struct noun noun_device = { "device", "devices and what happens to them", device_commands };

static const struct command rotate_commands[] = {
	{ "", "have a device make a new key soon (as device rotate)", NULL, device_argument, NULL,
		COMMAND_SERVER | COMMAND_JSON, remote_act,
		{ "POST", DEVICE "/rotate", &device_view, NULL } },
	{ 0 },
};
const struct noun noun_rotate = { "rotate", "have a device make a new key soon", rotate_commands };
