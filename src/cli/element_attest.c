/* tenure element attest: a key, its proof, and the server's own check of it, all on the bench. */
#include <stdio.h>

#include <openssl/rand.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/element.h"
#include "cli/element_check.h"
#include "cli/manifest_file.h"
#include "element/attestation.h"
#include "pki/key.h"
#include "pki/pem.h"

#define CHALLENGE_LEN 32
#define SIGNER_FILE_MAX 65536
#define ENTRY_ARENA_MAX (4 << 20)
#define ROOTS_MAX 8

static const struct field attest_fields[] = {
	{ "serial", "SERIAL", FIELD_TEXT, true },
	{ "slot", "SLOT", FIELD_TEXT, true },
	{ "verdict", "VERDICT", FIELD_STATE, true },
	{ "anchor", "CHECKED AGAINST", FIELD_TEXT, true },
	{ "slot_is_locked", "SLOT IS LOCKED", FIELD_YES_NO, true },
	{ "key", "KEY", FIELD_HASH, true },
	{ "point", "POINT", FIELD_HIDDEN, true },
	{ "challenge", "CHALLENGE", FIELD_TEXT, true },
	{ "evidence", "EVIDENCE", FIELD_HIDDEN, true },
	{ 0 },
};
static const struct view attest_view = { "attestation", attest_fields };

struct attesting {
	struct call *call;
	struct element *element;
	unsigned slot;
	char serial[ELEMENT_SERIAL_MAX + 1];
	struct element_info info;
	uint8_t challenge[CHALLENGE_MAX], point[64];
	size_t challenge_len;
	struct buffer evidence;
	struct attestation_anchor anchor;
	struct attestation result;
	struct check_verdict verdict; /* with --record: the server's */
};

/* --- the manifest's word --- */

static status
read_signer(const char *path, struct manifest_pin *out, struct diag *d)
{
	struct buffer text;
	status s;

	buffer_init(&text, SIGNER_FILE_MAX);
	s = file_read(path, SIGNER_FILE_MAX, &text, d);
	if (s == OK) {
		s = manifest_pin_read(buffer_span(&text), out, d);
	}
	buffer_wipe(&text);
	return s;
}

/* NULL where none is given. */
static status
read_roots(const char *path, struct arena *a, struct trust_set **out, struct diag *d)
{
	span list[ROOTS_MAX], copy;
	size_t count = 0;
	struct buffer text;
	status s;

	if (path == NULL) {
		return OK;
	}
	buffer_init(&text, SIGNER_FILE_MAX);
	s = file_read(path, SIGNER_FILE_MAX, &text, d);
	copy = arena_copy(a, buffer_span(&text));
	buffer_wipe(&text);
	if (s == OK) {
		s = pem_read_all(a, copy, "CERTIFICATE", list, ROOTS_MAX, &count, d);
	}
	return s == OK ? trust_set_new(list, count, false, out, d) : s;
}

/* The entry of this serial number, judged whole. NOT_FOUND. */
static status
find_entry(struct attesting *a, struct manifest_reader *r, const struct manifest_trust *trust,
	struct arena *arena, struct diag *d)
{
	char label[ELEMENT_SERIAL_MAX + 1];
	struct manifest_entry entry;
	uint64_t number;
	span text;
	status s;

	for (;;) {
		struct diag fault = { 0 };

		s = manifest_reader_next(r, &text, &number, &fault);
		if (s == NOT_FOUND) {
			return diag_set(
				d, NOT_FOUND, NULL, "the manifest has no entry for %s", a->serial);
		}
		if (s == LIMIT) {
			continue;
		}
		if (s != OK) {
			return diag_set(d, s, NULL, "the manifest: %s", fault.text);
		}
		manifest_entry_label(text, label);
		if (strcmp(label, a->serial) == 0) {
			break;
		}
	}
	s = manifest_entry_verify(arena, text, trust, NULL, &entry, d);
	if (s == OK && strcmp(entry.unique_id, a->serial) != 0) {
		s = diag_set(d, BAD_INPUT, NULL, "the entry is another element's inside");
	}
	if (s == OK && !entry.has_attestation_key) {
		s = diag_set(d, DENIED, NULL, "the entry has no key of slot 1 to check against");
	}
	if (s == OK) {
		memcpy(a->anchor.key, entry.attestation_key, sizeof(a->anchor.key));
	}
	return s;
}

static status
take_manifest(struct attesting *a, const char *path, struct diag *d)
{
	struct manifest_file file = { .fd = -1 };
	struct manifest_pin pin;
	struct manifest_trust trust = { .pins = &pin, .pin_count = 1 };
	struct trust_set *roots = NULL;
	struct arena *arena = arena_new(ENTRY_ARENA_MAX);
	status s = arena != NULL ? read_signer(call_text(a->call, "signer"), &pin, d)
				 : diag_set(d, NO_MEMORY, NULL, "no memory");

	if (s == OK) {
		s = read_roots(call_text(a->call, "root"), arena, &roots, d);
		trust.roots = roots;
	}
	if (s == OK) {
		s = manifest_file_open(path, &file, d);
	}
	if (s == OK) {
		s = find_entry(a, file.reader, &trust, arena, d);
	}
	manifest_file_close(&file);
	trust_set_free(roots);
	arena_free(arena);
	return s;
}

/* --- the proof --- */

static span
challenge_of(const struct attesting *a)
{
	return span_of(a->challenge, a->challenge_len);
}

static status
new_challenge(struct attesting *a, struct diag *d)
{
	a->challenge_len = CHALLENGE_LEN;
	return RAND_bytes(a->challenge, CHALLENGE_LEN) == 1
		       ? OK
		       : diag_set(d, CRYPTO, NULL, "no random challenge");
}

static status
attest(struct attesting *a, struct diag *d)
{
	return a->element->operations->attest(
		a->element, a->slot, challenge_of(a), a->point, &a->evidence, d);
}

/* By the server, over its challenge, against what it has on record. */
static status
prove_to_server(struct attesting *a, struct diag *d)
{
	status s = check_challenge(a->call, a->serial, a->challenge, &a->challenge_len, d);

	if (s == OK) {
		s = attest(a, d);
	}
	return s == OK ? check_send(a->call, a->serial, buffer_span(&a->evidence), a->point,
				 &a->verdict, d)
		       : s;
}

/* Here, as the server would. */
static status
prove_here(struct attesting *a, struct diag *d)
{
	const char *manifest = call_text(a->call, "manifest");
	struct evidence e;
	status s = manifest != NULL
			   ? take_manifest(a, manifest, d)
			   : a->element->operations->point(a->element, 1, a->anchor.key, d);

	if (s == OK) {
		s = new_challenge(a, d);
	}
	if (s == OK) {
		s = attest(a, d);
	}
	if (s == OK) {
		s = evidence_read(buffer_span(&a->evidence), &e, d);
	}
	if (s != OK) {
		return s;
	}
	a->anchor.kind = EVIDENCE_ATECC608;
	a->anchor.serial = a->serial;
	a->anchor.model = a->info.model;
	a->anchor.profile = a->info.profile;
	return attestation_check(&e, &a->anchor, a->point, &a->result, d);
}

static status
prove(struct attesting *a, struct diag *d)
{
	const struct element_operations *o = a->element->operations;
	status s = o->serial(a->element, a->serial, d);

	if (s == OK) {
		s = o->info(a->element, &a->info, d);
	}
	if (s != OK) {
		return s;
	}
	return call_has(a->call, "record") ? prove_to_server(a, d) : prove_here(a, d);
}

static const char *
anchor_text(const struct attesting *a)
{
	if (call_has(a->call, "record")) {
		return "what the server has on record, and recorded there";
	}
	return call_has(a->call, "manifest") ? "slot 1's key in the manifest"
					     : "slot 1's key, by the part's own word";
}

static cJSON *
describe(struct attesting *a)
{
	char key[BENCH_KEY_TEXT], point[2 * sizeof(a->point) + 1];
	char challenge[2 * sizeof(a->challenge)];
	char *evidence = base64_encode(a->call->arena, buffer_span(&a->evidence));
	bool is_server = call_has(a->call, "record");
	bool is_locked = is_server ? a->verdict.slot_is_locked : a->result.slot_is_locked;
	cJSON *o = cJSON_CreateObject();

	if (evidence == NULL || cJSON_AddStringToObject(o, "serial", a->serial) == NULL ||
		cJSON_AddNumberToObject(o, "slot", a->slot) == NULL ||
		cJSON_AddStringToObject(o, "verdict", is_server ? a->verdict.level : "proven") ==
			NULL ||
		cJSON_AddStringToObject(o, "anchor", anchor_text(a)) == NULL ||
		cJSON_AddBoolToObject(o, "slot_is_locked", is_locked) == NULL ||
		cJSON_AddStringToObject(o, "key", bench_key_text(key, a->point)) == NULL ||
		cJSON_AddStringToObject(o, "point", hex_encode(point, SPAN_ARRAY(a->point))) ==
			NULL ||
		cJSON_AddStringToObject(
			o, "challenge", base64url_encode(challenge, challenge_of(a))) == NULL ||
		cJSON_AddStringToObject(o, "evidence", evidence) == NULL) {
		cJSON_Delete(o);
		return NULL;
	}
	return o;
}

static status
check_usage(struct call *c, int64_t slot, struct diag *d)
{
	if (slot < ATTESTED_SLOT_FIRST || slot > ATTESTED_SLOT_LAST) {
		return call_usage(
			c, d, "--slot: %d to %d", ATTESTED_SLOT_FIRST, ATTESTED_SLOT_LAST);
	}
	if (call_has(c, "manifest") != call_has(c, "signer")) {
		return call_usage(c, d, "--manifest and --signer go together");
	}
	if (call_has(c, "record") && call_has(c, "manifest")) {
		return call_usage(
			c, d, "--record: the server goes by its own record, not by --manifest");
	}
	if (!call_has(c, "yes")) {
		return call_usage(c, d,
			"the key in slot %d would be replaced by a new one; --yes to do it",
			(int)slot);
	}
	return OK;
}

status
element_attest(struct call *c, struct diag *d)
{
	struct attesting a = { .call = c, .slot = (unsigned)call_number(c, "slot", 0) };
	status s = check_usage(c, call_number(c, "slot", 0), d);

	buffer_init(&a.evidence, EVIDENCE_MAX);
	if (s == OK) {
		s = bench_open(c, &a.element, d);
	}
	if (s == OK && (a.element->operations->attest == NULL ||
			       element_atecc608_driver(a.element) == NULL)) {
		s = diag_set(d, DENIED, NULL, "this element cannot prove where its keys come from");
	}
	if (s == OK) {
		s = prove(&a, d);
	}
	if (s == OK) {
		s = bench_show(c, &attest_view, describe(&a), d);
	}
	buffer_wipe(&a.evidence);
	element_close(a.element);
	return s;
}
