#include "ledger/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>

#include <openssl/evp.h>

#include "base/text.h"
#include "pki/key.h"

#define SIGNED_NOTE "C2SP signed-note"
#define CHECKPOINT_CLAUSE "C2SP tlog-checkpoint"
#define EM_DASH "\xe2\x80\x94 "

/* The one base64 text of its bytes: no white space, padded. */
static bool
decode_strictly(struct arena *a, span text, span *bytes)
{
	const char *again;

	if (base64_decode(a, text, bytes) != OK) {
		return false;
	}
	again = base64_encode(a, *bytes);
	return again != NULL && span_is(text, again);
}

static status
bad(struct diag *d, const char *clause, const char *what)
{
	return diag_set(d, BAD_INPUT, clause, "not a checkpoint: %s", what);
}

static bool
name_is_sound(span name)
{
	if (name.len == 0 || name.len > 255 || !utf8_is_printable(name)) {
		return false;
	}
	return memchr(name.data, ' ', name.len) == NULL && memchr(name.data, '+', name.len) == NULL;
}

static status
parse_signature(struct arena *a, span line, struct note_signature *out, struct diag *d)
{
	const uint8_t *space;
	span rest, bytes;

	if (line.len < 4 || memcmp(line.data, EM_DASH, 4) != 0) {
		return bad(d, SIGNED_NOTE, "a signature line without its dash");
	}
	rest = span_slice(line, 4, SIZE_MAX);
	space = rest.len > 0 ? memchr(rest.data, ' ', rest.len) : NULL;
	if (space == NULL) {
		return bad(d, SIGNED_NOTE, "a signature line without a key name");
	}
	out->name = span_of(rest.data, (size_t)(space - rest.data));
	rest = span_slice(rest, out->name.len + 1, SIZE_MAX);
	if (!name_is_sound(out->name) || !decode_strictly(a, rest, &bytes) || bytes.len < 5) {
		return bad(d, SIGNED_NOTE, "a signature line of no right form");
	}
	memcpy(out->key_id, bytes.data, 4);
	out->signature = span_slice(bytes, 4, SIZE_MAX);
	return OK;
}

static status
parse_text(struct arena *a, struct checkpoint *out, struct diag *d)
{
	span rest = out->text, size, root, bytes;
	int64_t number;

	if (!span_take_line(&rest, &out->origin) || !span_take_line(&rest, &size) ||
		!span_take_line(&rest, &root)) {
		return bad(d, CHECKPOINT_CLAUSE, "fewer than three lines");
	}
	if (!name_is_sound(out->origin)) {
		return bad(d, CHECKPOINT_CLAUSE, "its origin");
	}
	if (number_parse(size, &number) != OK || (size.len > 1 && size.data[0] == '0')) {
		return bad(d, CHECKPOINT_CLAUSE, "its size");
	}
	if (!decode_strictly(a, root, &bytes) || bytes.len != HASH_LEN) {
		return bad(d, CHECKPOINT_CLAUSE, "its root");
	}
	out->size = (uint64_t)number;
	memcpy(out->root.bytes, bytes.data, HASH_LEN);
	return OK;
}

status
checkpoint_parse(struct arena *a, span note, struct checkpoint *out, struct diag *d)
{
	span rest, line;
	size_t gap;
	status s;

	*out = (struct checkpoint){ 0 };
	if (note.len > CHECKPOINT_MAX || !utf8_is_valid(note)) {
		return bad(d, SIGNED_NOTE, "too long, or no UTF-8");
	}
	gap = span_find(note, span_text("\n\n" EM_DASH));
	if (gap == SIZE_MAX) {
		return bad(d, SIGNED_NOTE, "no signatures");
	}
	out->text = span_slice(note, 0, gap + 1);
	rest = span_slice(note, out->text.len + 1, SIZE_MAX);
	s = parse_text(a, out, d);
	while (s == OK && span_take_line(&rest, &line)) {
		if (out->signature_count == CHECKPOINT_SIGNATURES_MAX) {
			return diag_set(d, LIMIT, SIGNED_NOTE, "more than %d signatures",
				CHECKPOINT_SIGNATURES_MAX);
		}
		s = parse_signature(a, line, &out->signatures[out->signature_count++], d);
	}
	return s == OK && rest.len > 0 ? bad(d, SIGNED_NOTE, "the last line has no end") : s;
}

void
note_key_make(const char *name, uint8_t type, const uint8_t ed25519[32], struct note_key *out)
{
	uint8_t typed[33], digest[32];
	char line[258];

	*out = (struct note_key){ .type = type };
	snprintf(out->name, sizeof(out->name), "%s", name);
	memcpy(out->ed25519, ed25519, 32);
	typed[0] = type;
	memcpy(typed + 1, ed25519, 32);
	snprintf(line, sizeof(line), "%s\n", out->name);
	sha256_two(span_text(line), SPAN_ARRAY(typed), digest);
	memcpy(out->id, digest, 4);
}

status
note_key_parse(span text, struct note_key *out, struct diag *d)
{
	struct arena *a = arena_new(4096);
	const uint8_t *plus = text.len > 0 ? memchr(text.data, '+', text.len) : NULL;
	span name, rest, key;
	uint8_t id[4];
	char copy[256];
	status s = BAD_INPUT;

	if (a == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	if (plus != NULL) {
		name = span_of(text.data, (size_t)(plus - text.data));
		rest = span_slice(text, name.len + 1, SIZE_MAX);
		if (name_is_sound(name) && rest.len > 9 && rest.data[8] == '+' &&
			hex_decode(span_slice(rest, 0, 8), id, 4) == OK &&
			decode_strictly(a, span_slice(rest, 9, SIZE_MAX), &key) && key.len == 33 &&
			(key.data[0] == 1 || key.data[0] == 4)) {
			snprintf(
				copy, sizeof(copy), "%.*s", (int)name.len, (const char *)name.data);
			note_key_make(copy, key.data[0], key.data + 1, out);
			s = memcmp(out->id, id, 4) == 0 ? OK : BAD_INPUT;
		}
	}
	arena_free(a);
	return s == OK ? OK : diag_set(d, s, SIGNED_NOTE, "not a verifier key (name+hash+key)");
}

char *
note_key_text(char *out, size_t room, const struct note_key *k)
{
	struct arena *a = arena_new(4096);
	uint8_t typed[33];
	char id[9];

	typed[0] = k->type;
	memcpy(typed + 1, k->ed25519, 32);
	snprintf(out, room, "%s+%s+%s", k->name, hex_encode(id, SPAN_ARRAY(k->id)),
		a != NULL ? base64_encode(a, SPAN_ARRAY(typed)) : "");
	arena_free(a);
	return out;
}

static bool
ed25519_checks(const uint8_t key[32], span message, span signature)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key, 32);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = k != NULL && c != NULL && signature.len == 64 &&
		  EVP_DigestVerifyInit_ex(c, NULL, NULL, NULL, NULL, k, NULL) == 1 &&
		  EVP_DigestVerify(c, signature.data, 64, message.data, message.len) == 1;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return ok;
}

/* A witness signs its time and the whole text (C2SP tlog-cosignature). */
static bool
cosignature_checks(const struct note_key *k, span text, span signature)
{
	uint64_t when = 0;
	struct buffer message;
	bool ok;

	if (signature.len != 72) {
		return false;
	}
	for (int i = 0; i < 8; i++) {
		when = when << 8 | signature.data[i];
	}
	buffer_init(&message, CHECKPOINT_MAX + 64);
	buffer_printf(&message, "cosignature/v1\ntime %" PRIu64 "\n", when);
	buffer_put(&message, text);
	ok = !buffer_failed(&message) &&
	     ed25519_checks(k->ed25519, buffer_span(&message), span_slice(signature, 8, 64));
	buffer_wipe(&message);
	return ok;
}

status
checkpoint_verify(const struct checkpoint *c, const struct note_key *k, struct diag *d)
{
	for (size_t i = 0; i < c->signature_count; i++) {
		const struct note_signature *n = &c->signatures[i];

		if (memcmp(n->key_id, k->id, 4) != 0 || !span_is(n->name, k->name)) {
			continue;
		}
		if (k->type == 4 ? cosignature_checks(k, c->text, n->signature)
				 : ed25519_checks(k->ed25519, c->text, n->signature)) {
			return OK;
		}
		return diag_set(
			d, CRYPTO, SIGNED_NOTE, "the signature of %s does not check", k->name);
	}
	return diag_set(d, NOT_FOUND, SIGNED_NOTE, "%s has not signed this checkpoint", k->name);
}

/* --- proofs --- */

void
proof_write(const struct log_proof *p, struct buffer *out)
{
	struct arena *a = arena_new(65536);

	buffer_printf(out, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", p->index);
	for (size_t i = 0; i < p->count && a != NULL; i++) {
		buffer_printf(out, "%s\n", base64_encode(a, SPAN_ARRAY(p->hashes[i].bytes)));
	}
	buffer_put_byte(out, '\n');
	buffer_put(out, p->checkpoint);
	out->failed = out->failed || a == NULL;
	arena_free(a);
}

status
proof_parse(struct arena *a, span text, struct log_proof *out, struct diag *d)
{
	static const char clause[] = "C2SP tlog-proof";
	span rest = text, line, bytes;
	int64_t index;

	*out = (struct log_proof){ 0 };
	if (!span_take_line(&rest, &line) || !span_is(line, "c2sp.org/tlog-proof@v1") ||
		!span_take_line(&rest, &line)) {
		return diag_set(d, BAD_INPUT, clause, "not a ledger proof");
	}
	if (line.len > 6 && memcmp(line.data, "extra ", 6) == 0 && !span_take_line(&rest, &line)) {
		return diag_set(d, BAD_INPUT, clause, "the proof is cut");
	}
	if (line.len < 7 || memcmp(line.data, "index ", 6) != 0 ||
		number_parse(span_slice(line, 6, SIZE_MAX), &index) != OK) {
		return diag_set(d, BAD_INPUT, clause, "the proof names no index");
	}
	out->index = (uint64_t)index;
	while (span_take_line(&rest, &line) && line.len > 0) {
		if (out->count == TREE_PROOF_MAX || !decode_strictly(a, line, &bytes) ||
			bytes.len != HASH_LEN) {
			return diag_set(
				d, BAD_INPUT, clause, "hash %zu of the proof", out->count + 1);
		}
		memcpy(out->hashes[out->count++].bytes, bytes.data, HASH_LEN);
	}
	out->checkpoint = rest;
	return rest.len > 0 ? OK : diag_set(d, BAD_INPUT, clause, "the proof has no checkpoint");
}

status
proof_verify(struct arena *a, const struct log_proof *p, span entry, const struct note_key *k,
	struct diag *d)
{
	struct checkpoint c;
	hash leaf = tree_leaf(entry);
	status s = checkpoint_parse(a, p->checkpoint, &c, d);

	if (s == OK) {
		s = checkpoint_verify(&c, k, d);
	}
	if (s == OK && tree_inclusion_verify(
			       &leaf, p->index, c.size, p->hashes, p->count, &c.root) != OK) {
		s = diag_set(d, CRYPTO, "RFC 9162 2.1.3.2",
			"the proof does not lead from the entry to the checkpoint's root");
	}
	return s;
}
