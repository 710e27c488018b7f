#pragma once
/* Checks a ledger's folder offline: recomputes everything from the entries up. */
#include "ledger/checkpoint.h"

struct verify_result {
	uint64_t size;
	hash root;
	char origin[256];
	bool is_signed; /* by the key that was given */
};

/*
 * Every bundle and tile that a ledger of the checkpoint's size has is read and held
 * against what the entries give, to the byte. CRYPTO, IO or NOT_FOUND name the first file that is
 * wrong. `key` NULL: the signature is not checked, and the result says so.
 */
MUST_USE status ledger_verify(
	const char *folder, const struct note_key *key, struct verify_result *out, struct diag *d);

/* The proof of one entry, out of the folder's files; the entry itself into `entry`. */
MUST_USE status ledger_prove(const char *folder, uint64_t index, struct buffer *proof,
	struct buffer *entry, struct diag *d);

/* The folder's checkpoint, parsed; `note` keeps the bytes. NOT_FOUND: an empty ledger. */
MUST_USE status ledger_checkpoint(const char *folder, struct arena *a, struct buffer *note,
	struct checkpoint *out, struct diag *d);
