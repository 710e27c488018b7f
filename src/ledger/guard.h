#pragma once
/*
 * The record of the last published checkpoint, kept outside the home: a home
 * restored from a backup, or a second copy of it, is older than its own past and must not go
 * on as if nothing had been.
 *
 *   origin LF size LF hex(root) LF
 */
#include "ledger/tree.h"

struct guard {
	char origin[256];
	uint64_t size;
	hash root;
};

/* NOT_FOUND: there is none yet. */
MUST_USE status guard_read(const char *path, struct guard *out, struct diag *d);
/*
 * Durably. CONFLICT when the file does not say `expected` (what this process wrote or read last; NULL:
 * there must be none), or is being written: somebody else publishes for this ledger. The lock is PATH.lock.
 */
MUST_USE status guard_write(
	const char *path, const struct guard *expected, const struct guard *g, struct diag *d);
