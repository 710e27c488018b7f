#include "cli/element.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/element_record.h"
#include "cli/nouns.h"
#include "pki/key.h"

status
bench_open(struct call *c, struct element **out, struct diag *d)
{
	const char *folder = call_text(c, "folder");

	return element_open(call_text(c, "element"), folder != NULL ? folder : ".", out, d);
}

status
bench_driver(struct element *e, struct atecc608 **out, struct diag *d)
{
	*out = element_atecc608_driver(e);
	return *out != NULL ? OK
			    : diag_set(d, DENIED, NULL,
				      "an element of kind %s has nothing of this; an ATECC608 does",
				      e->operations->kind);
}

char *
bench_key_text(char out[BENCH_KEY_TEXT], const uint8_t point[64])
{
	uint8_t spki[SPKI_P256_LEN], digest[32];

	spki_of_point(point, spki);
	sha256(SPAN_ARRAY(spki), digest);
	return hex_encode(out, SPAN_ARRAY(digest));
}

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for the answer");
}

status
bench_show(struct call *c, const struct view *v, cJSON *o, struct diag *d)
{
	char *text = NULL;

	if (o == NULL) {
		return no_memory(d);
	}
	if (!call_has(c, "json")) {
		view_show(stdout, v, o);
		cJSON_Delete(o);
		return OK;
	}
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (text == NULL) {
		return no_memory(d);
	}
	printf("%s\n", text);
	cJSON_free(text);
	return OK;
}

status
bench_rows_begin(struct bench_rows *r, struct call *c, const struct view *v, struct diag *d)
{
	*r = (struct bench_rows){ .call = c };
	if (call_has(c, "json")) {
		array_begin(&r->array, stdout);
		return OK;
	}
	return table_new(stdout, v, &r->table) == OK ? OK : no_memory(d);
}

status
bench_row(struct bench_rows *r, cJSON *row, struct diag *d)
{
	status s = NO_MEMORY;

	if (row != NULL) {
		s = r->table != NULL ? table_row(r->table, row) : array_item(&r->array, row);
	}
	cJSON_Delete(row);
	return s == OK ? OK : no_memory(d);
}

void
bench_rows_end(struct bench_rows *r)
{
	if (r->table != NULL) {
		table_flush(r->table);
		table_free(r->table);
	} else {
		array_end(&r->array);
	}
}

/* --- the table ------------------------------------------------------------------- */

#define COMMON_FLAGS                                                                               \
	{ "element", VALUE_TEXT, "ADDRESS",                                                        \
		"where it is: atecc608:/dev/i2c-1, atecc608:unix:SOCKET#SERIAL, file:DIR, "        \
		"tpm2:..., pkcs11:...",                                                            \
		NULL, FLAG_NEEDED },                                                               \
	{                                                                                          \
		"folder", VALUE_FOLDER, "DIR", "what is kept beside it (default: this one)", NULL, \
			0                                                                          \
	}

static const struct flag common_flags[] = { COMMON_FLAGS, { 0 } };
static const struct flag attest_flags[] = { COMMON_FLAGS,
	{ "slot", VALUE_NUMBER, "N", "2 to 4: the key in it is replaced", NULL, FLAG_NEEDED },
	{ "manifest", VALUE_FILE, "FILE",
		"whose entry says which key may attest; else the part's own word", NULL, 0 },
	{ "signer", VALUE_FILE, "CERT", "of the manifest: its signer's certificate", NULL, 0 },
	{ "root", VALUE_FILE, "CERT", "of the birth certificates in the manifest, PEM", NULL, 0 },
	{ "record", VALUE_NONE, NULL,
		"have the server check the proof instead, and record it in the device's timeline",
		NULL, 0 },
	{ "yes", VALUE_NONE, NULL, "yes, replace the key", NULL, 0 }, { 0 } };
static const struct flag policy_arguments[] = {
	{ "CHANGE", VALUE_CHOICE, "lock|user-extra|address|counter",
		"lock a slot, set UserExtra, set the bus address (each once), step a counter", NULL,
		FLAG_OPTIONAL },
	{ "VALUE", VALUE_TEXT, NULL,
		"the slot, the byte in hex, the address in hex, counter 0 or 1", NULL,
		FLAG_OPTIONAL },
	{ 0 },
};
static const struct flag policy_flags[] = { COMMON_FLAGS,
	{ "yes", VALUE_NONE, NULL, "yes, it cannot be undone", NULL, 0 }, RECORD_FLAG, { 0 } };
static const struct flag retire_flags[] = { COMMON_FLAGS,
	{ "lock", VALUE_NONE, NULL, "lock slots 2 to 4 as well: nobody makes a key in them again",
		NULL, 0 },
	{ "yes", VALUE_NONE, NULL, "yes, it cannot be undone", NULL, 0 }, RECORD_FLAG, { 0 } };

static const struct command element_commands[] = {
	{ "info", "what it is: serial, model, revision, profile, counters, locks", NULL, NULL,
		common_flags, COMMAND_JSON, element_info, { 0 } },
	{ "slots", "each slot: what for, its policy in words, its lock, what it holds", NULL, NULL,
		common_flags, COMMAND_JSON, element_slots, { 0 } },
	{ "attest", "have it make a key, prove it, and check the proof here",
		"The key that was in the slot is gone. The proof is checked as the server would, "
		"against the slot-1 key of the manifest's entry; without --manifest against the "
		"one "
		"that the part itself gives, which proves that it works, not whose it is. With "
		"--record the server checks it, against what it has on record of this element, and "
		"the check stands in the timeline of the element's device.",
		NULL, attest_flags, COMMAND_JSON | COMMAND_RECORDS, element_attest, { 0 } },
	{ "selftest", "have it test itself", NULL, NULL, common_flags, COMMAND_JSON,
		element_selftest, { 0 } },
	{ "policy", "what can still change on it, and changing it",
		"Without CHANGE: what can. Changes are for good; each prints what was before and "
		"after, and is recorded in the timeline of the element's device where a server is "
		"known (client file, TENURE_SERVER, --server). A change that was done, but could "
		"not "
		"be recorded, ends with 1 and the command that records it later.",
		policy_arguments, policy_flags, COMMAND_JSON | COMMAND_RECORDS, element_policy,
		{ 0 } },
	{ "retire", "overwrite its keys and secrets, as far as it lets itself be",
		"New keys in slots 2 to 4, which nobody certifies, and on an ATECC608 random bytes "
		"or "
		"zeros in 5, 6, 8 and 9. Slot 0 keeps its key and signs for ever: retire the "
		"device "
		"on the server, too (tenure device retire). Recorded as policy's changes are.",
		NULL, retire_flags, COMMAND_JSON | COMMAND_RECORDS, element_retire, { 0 } },
	{ 0 },
};
const struct noun noun_element = { "element", "a secure element at the bench", element_commands };
