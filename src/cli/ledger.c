#include "ledger/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/ledger_copy.h"
#include "cli/nouns.h"
#include "cli/settings.h"
#include "ledger/tile.h"
#include "ledger/verify.h"

#define PROOF_MAX 65536
#define KEY_MAX 1024

static const struct field entry_fields[] = {
	{ "index", "INDEX", FIELD_TEXT, true },
	{ "entry.at", "AT", FIELD_TIME, true },
	{ "entry.event", "EVENT", FIELD_TEXT, true },
	{ "entry.actor", "ACTOR", FIELD_TEXT, true },
	{ "entry.device", "DEVICE", FIELD_TEXT, true },
	{ "entry.from", "FROM", FIELD_STATE, true },
	{ "entry.to", "TO", FIELD_STATE, true },
	{ "entry.reason", "REASON", FIELD_TEXT, true },
	{ "entry.part", "PART", FIELD_TEXT, true },
	{ "entry", "ENTRY", FIELD_HIDDEN, false },
	{ 0 },
};
const struct view entry_view = { "entry", entry_fields };

#define KEY_FLAGS                                                                         \
	{ "key", VALUE_TEXT, "VKEY",                                                      \
		"verifier key: name+hash+base64 (ledger.vkey, tenure status)", NULL, 0 }, \
	{                                                                                 \
		"key-file", VALUE_FILE, "FILE", "with the verifier key", NULL, 0          \
	}

static const struct flag verify_arguments[] = {
	{ "DIR", VALUE_FOLDER, NULL, "a copy of the ledger: checkpoint and tile/", NULL,
		FLAG_OPTIONAL },
	{ 0 },
};
static const struct flag verify_flags[] = {
	KEY_FLAGS,
	{ "proof", VALUE_FILE, "FILE", "instead of a copy: the proof of one entry", NULL, 0 },
	{ "entry", VALUE_FILE, "FILE", "and the entry itself, to the byte", NULL, 0 },
	{ 0 },
};
static const struct flag prove_arguments[] = {
	{ "INDEX", VALUE_NUMBER, NULL, "the entry's index, from 0", NULL, 0 },
	{ 0 },
};
static const struct flag prove_flags[] = {
	{ "dir", VALUE_FOLDER, "DIR", "offline, out of a copy of the ledger", NULL, 0 },
	{ "out", VALUE_FILE, "FILE", "write the proof there instead of to standard output", NULL,
		0 },
	{ "entry", VALUE_FILE, "FILE", "write the entry itself there", NULL, 0 },
	{ 0 },
};
static const struct flag export_arguments[] = {
	{ "DIR", VALUE_FOLDER, NULL, "where the copy is or shall be", NULL, 0 },
	{ 0 },
};
static const struct flag export_flags[] = { KEY_FLAGS, { 0 } };

/* The key that was given; `*key` stays NULL where none was. */
static status
take_key(struct call *c, struct note_key *room, const struct note_key **key, struct diag *d)
{
	const char *text = call_text(c, "key"), *path = call_text(c, "key-file");
	struct buffer content;
	span line;
	status s = OK;

	*key = NULL;
	if (text != NULL && path != NULL) {
		return call_usage(c, d, "--key or --key-file, not both");
	}
	if (text == NULL && path == NULL) {
		return OK;
	}
	buffer_init(&content, KEY_MAX + 1);
	if (path != NULL) {
		s = file_read(path, KEY_MAX, &content, d);
	} else {
		buffer_put_text(&content, text);
	}
	line = buffer_span(&content);
	while (line.len > 0 &&
		(line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r')) {
		line.len--;
	}
	if (s == OK) {
		s = note_key_parse(line, room, d);
	}
	if (s == OK) {
		*key = room;
	}
	buffer_wipe(&content);
	return s;
}

/* --- verify --- */

static status
verify_proof(struct call *c, const struct note_key *key, struct diag *d)
{
	const char *proof_path = call_text(c, "proof"), *entry_path = call_text(c, "entry");
	struct buffer proof, entry;
	struct log_proof p;
	status s;

	if (entry_path == NULL || key == NULL) {
		return call_usage(
			c, d, "--proof needs --entry FILE and the ledger's --key or --key-file");
	}
	buffer_init(&proof, PROOF_MAX + 1);
	buffer_init(&entry, LEDGER_ENTRY_MAX + 1);
	s = file_read(proof_path, PROOF_MAX, &proof, d);
	if (s == OK) {
		s = file_read(entry_path, LEDGER_ENTRY_MAX, &entry, d);
	}
	if (s == OK) {
		s = proof_parse(c->arena, buffer_span(&proof), &p, d);
	}
	if (s == OK) {
		s = proof_verify(c->arena, &p, buffer_span(&entry), key, d);
	}
	if (s == OK && call_has(c, "json")) {
		printf("{\"verified\":true,\"index\":%" PRIu64 ",\"signed\":true}\n", p.index);
	} else if (s == OK) {
		printf("verified: entry %" PRIu64 " stands in the ledger of %s\n", p.index,
			key->name);
	}
	buffer_wipe(&proof);
	buffer_wipe(&entry);
	return s;
}

static void
report_verified(struct call *c, const struct verify_result *r)
{
	char root[2 * HASH_LEN + 1];

	hex_encode(root, span_of(r->root.bytes, HASH_LEN));
	if (call_has(c, "json")) {
		struct json_writer w;
		struct buffer out;

		buffer_init(&out, 65536);
		json_begin(&w, &out);
		json_object_open(&w, NULL);
		json_bool(&w, "verified", true);
		json_text(&w, "origin", r->origin);
		json_number(&w, "size", (int64_t)r->size);
		json_text(&w, "root", root);
		json_bool(&w, "signed", r->is_signed);
		json_object_close(&w);
		printf("%.*s\n", (int)out.len, (const char *)out.data);
		buffer_wipe(&out);
		return;
	}
	printf("verified: %" PRIu64 " entries of ", r->size);
	print_text(stdout, r->origin);
	printf(", root %s\n%s\n", root,
		r->is_signed
			? "the checkpoint is signed by the key given"
			: "the checkpoint's signature was NOT checked: give --key or --key-file");
}

static status
verify(struct call *c, struct diag *d)
{
	const char *folder = call_argument(c, "DIR");
	struct verify_result result;
	struct note_key room;
	const struct note_key *key;
	status s = take_key(c, &room, &key, d);

	if (s != OK) {
		return s;
	}
	if ((folder != NULL) == call_has(c, "proof")) {
		return call_usage(
			c, d, "ledger verify needs a copy's DIR, or --proof FILE --entry FILE");
	}
	if (folder == NULL) {
		return verify_proof(c, key, d);
	}
	if (call_has(c, "entry")) {
		return call_usage(c, d, "--entry comes with --proof");
	}
	s = ledger_verify(folder, key, &result, d);
	if (s == OK) {
		report_verified(c, &result);
	}
	return s;
}

/* --- prove --- */

/* The entry's bytes as they were hashed: out of its bundle, not out of JSON that was read and written again. */
static status
fetch_entry(struct call *c, struct client *client, const struct buffer *proof, struct buffer *entry,
	struct diag *d)
{
	struct log_proof p;
	struct checkpoint point;
	status s = proof_parse(c->arena, buffer_span(proof), &p, d);

	if (s == OK) {
		s = checkpoint_parse(c->arena, p.checkpoint, &point, d);
	}
	return s == OK ? ledger_copy_entry(client, p.index, point.size, entry, d) : s;
}

static status
prove_online(
	struct call *c, uint64_t index, struct buffer *proof, struct buffer *entry, struct diag *d)
{
	struct client_reply reply = { 0 };
	struct client *client = NULL;
	char path[96];
	status s = call_client(c, &client, d);

	if (s == OK) {
		snprintf(path, sizeof(path), "/api/v1/ledger/%" PRIu64 "/proof", index);
		s = remote_send(client, "GET", path, span_of(NULL, 0), &reply, d);
	}
	if (s == OK) {
		buffer_put(proof, buffer_span(&reply.body));
		s = buffer_failed(proof)
			    ? diag_set(d, LIMIT, NULL, "the server's proof is too long")
			    : OK;
	}
	if (s == OK && call_has(c, "entry")) {
		s = fetch_entry(c, client, proof, entry, d);
	}
	client_reply_wipe(&reply);
	client_free(client);
	return s;
}

static status
prove(struct call *c, struct diag *d)
{
	const char *folder = call_text(c, "dir"), *out = call_text(c, "out");
	const char *entry_path = call_text(c, "entry");
	struct buffer proof, entry;
	int64_t index = 0;
	status s = number_parse(span_text(call_argument(c, "INDEX")), &index);

	if (s != OK) {
		return diag_set(d, BUG, NULL, "the index was not judged");
	}
	buffer_init(&proof, PROOF_MAX);
	buffer_init(&entry, LEDGER_ENTRY_MAX);
	s = folder != NULL ? ledger_prove(folder, (uint64_t)index, &proof, &entry, d)
			   : prove_online(c, (uint64_t)index, &proof, &entry, d);
	if (s == OK && entry_path != NULL) {
		s = file_replace(entry_path, buffer_span(&entry), 0644, d);
	}
	if (s == OK && out != NULL) {
		s = file_replace(out, buffer_span(&proof), 0644, d);
	} else if (s == OK && fwrite(proof.data, 1, proof.len, stdout) != proof.len) {
		s = diag_set(d, IO, NULL, "cannot write the proof");
	}
	buffer_wipe(&proof);
	buffer_wipe(&entry);
	return s;
}

static status export(struct call *c, struct diag *d)
{
	const char *folder = call_argument(c, "DIR");
	struct client *client = NULL;
	struct verify_result result;
	struct note_key room;
	const struct note_key *key;
	status s = take_key(c, &room, &key, d);

	if (s == OK) {
		s = call_client(c, &client, d);
	}
	if (s == OK) {
		s = ledger_copy(client, folder, key, d);
	}
	if (s == OK) {
		s = ledger_verify(folder, key, &result, d);
	}
	if (s == OK) {
		report_verified(c, &result);
	}
	client_free(client);
	return s;
}

static const struct command ledger_commands[] = {
	{ "show", "the entries", NULL, NULL, NULL, COMMAND_SERVER | COMMAND_JSON | COMMAND_PAGES,
		remote_list, { "GET", "/api/v1/ledger", &entry_view, NULL } },
	{ "prove", "the proof that one entry stands in the ledger",
		"A .tlog-proof (C2SP) that anybody can check offline with tenure ledger verify.",
		prove_arguments, prove_flags, COMMAND_SERVER, prove, { 0 } },
	{ "verify", "check a copy, or one entry's proof, offline",
		"Recomputes every hash from the entries up; with the key it also checks who "
		"signed.",
		verify_arguments, verify_flags, COMMAND_JSON, verify, { 0 } },
	{ "export", "make or bring up to date a copy, and check it",
		"Takes up what an interrupted one left. A ledger that does not go on from what the "
		"copy has is refused.",
		export_arguments, export_flags, COMMAND_SERVER | COMMAND_JSON, export, { 0 } },
	{ 0 },
};
const struct noun noun_ledger = { "ledger", "the record of every decision, with proofs",
	ledger_commands };
