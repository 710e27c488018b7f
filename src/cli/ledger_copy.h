#pragma once
/* A copy of the server's ledger: C2SP tlog-tiles fetched into a folder, resumably. */
#include "cli/client.h"
#include "ledger/checkpoint.h"

/*
 * Fetches what the checkpoint of now needs and the folder has not, the checkpoint last. CONFLICT when the
 * folder's own checkpoint is of a longer ledger; CRYPTO when this one does not go on from it, or `key` (may be NULL) did
 * not sign it.
 */
MUST_USE status ledger_copy(
	struct client *c, const char *folder, const struct note_key *key, struct diag *d);
/* One entry's bytes, out of its bundle in a ledger of `size`. */
MUST_USE status ledger_copy_entry(
	struct client *c, uint64_t index, uint64_t size, struct buffer *entry, struct diag *d);
