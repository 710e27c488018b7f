#pragma once
/*
 * Checkpoints: signed notes (C2SP signed-note, tlog-checkpoint).
 *
 *   origin LF size LF base64(root) LF [extension lines] LF
 *   EM-DASH SP key-name SP base64(key-id || signature) LF ...
 */
#include "base/buffer.h"
#include "ledger/tree.h"

#define CHECKPOINT_MAX 16384
#define CHECKPOINT_SIGNATURES_MAX 32

struct note_signature {
	span name;
	uint8_t key_id[4];
	span signature; /* what follows the key id; in the arena */
};

struct checkpoint {
	span text; /* what is signed: up to and with the LF before the empty line; borrowed */
	span origin;
	uint64_t size;
	hash root;
	struct note_signature signatures[CHECKPOINT_SIGNATURES_MAX];
	size_t signature_count;
};

/* Strict: anything else than the above is BAD_INPUT. Signatures are read, not checked. */
MUST_USE status checkpoint_parse(
	struct arena *a, span note, struct checkpoint *out, struct diag *d);

/* A verifier key: name+hash+base64(type || key), type 1 (Ed25519) or 4 (witness cosignature). */
struct note_key {
	char name[256];
	uint8_t id[4];
	uint8_t type;
	uint8_t ed25519[32];
};
MUST_USE status note_key_parse(span text, struct note_key *out, struct diag *d);
/* `out` of at least 400 bytes. */
char *note_key_text(char *out, size_t room, const struct note_key *k);
void note_key_make(const char *name, uint8_t type, const uint8_t ed25519[32], struct note_key *out);

/* OK when one of its signatures is this key's and checks; NOT_FOUND when the key did not sign; CRYPTO. */
MUST_USE status checkpoint_verify(
	const struct checkpoint *c, const struct note_key *k, struct diag *d);

/* c2sp.org/tlog-proof@v1: index, inclusion proof, checkpoint. */
struct log_proof {
	uint64_t index;
	hash hashes[TREE_PROOF_MAX];
	size_t count;
	span checkpoint; /* the note; borrowed */
};
void proof_write(const struct log_proof *p, struct buffer *out);
MUST_USE status proof_parse(struct arena *a, span text, struct log_proof *out, struct diag *d);
/* The entry stands in the log that this key signs. */
MUST_USE status proof_verify(struct arena *a, const struct log_proof *p, span entry,
	const struct note_key *k, struct diag *d);
