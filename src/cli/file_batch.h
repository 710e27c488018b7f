#pragma once
/*
 * Many files made durable together: each is written beside its place, all are synced at once, then they are put in
 * their places in the order in which they were written. A file in its place is whole, whatever happens. One fsync a
 * file would take a provisioning line or a copy of a ledger most of its time.
 */
#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

struct file_batch {
	const char *folder; /* of all of them; borrowed */
	struct arena *arena;
	char **paths; /* places; the files are at PATH.new */
	size_t count, room;
};

/* The folder must be there. NO_MEMORY. */
MUST_USE status file_batch_open(struct file_batch *b, const char *folder, struct diag *d);
/* The file's folder must be there. */
MUST_USE status file_batch_put(
	struct file_batch *b, const char *path, span content, unsigned mode, struct diag *d);
MUST_USE status file_batch_settle(struct file_batch *b, struct diag *d);
/* What was not settled stays at PATH.new and is written over another time. */
void file_batch_close(struct file_batch *b);
