#pragma once
/*
 * Takes the ledger rows that the store committed, in order, writes them into
 * the ledger's files, and publishes checkpoints.
 *
 * One round: rows -> bundles and tiles, durable -> checkpoint signed -> guard, durable, outside
 * the home -> `checkpoint` replaced. A crash between any two steps is repaired by the
 * next start from the same rows: files come out the same to the byte. A state that cannot be
 * explained stops the sequencer (and readiness, and every further decision) instead of being papered over. A signer
 * that is away or a full disk is waited for. While it runs it holds a lock beside the guard: one server a guard.
 */
#include "ledger/checkpoint.h"
#include "store/store.h"

struct sequencer;

struct checkpoint_signer {
	/* The signed note for this tree, appended. */
	status (*sign)(void *context, const char *origin, uint64_t size, const hash *root,
		struct buffer *note, struct diag *d);
	void *context;
};

struct sequencer_options {
	struct store *store;
	const char *folder; /* of the ledger */
	const char *guard;  /* path of the guard's file */
	const char *origin;
	struct checkpoint_signer signer;
	int64_t publish_every_ms; /* at the most so often; 0: 200 */
	bool adopt; /* there is no guard though the ledger is not empty: the operator says it is the latest */
};

/*
 * Checks ledger, store and guard against each other, writes what is missing,
 * publishes, and goes on in a thread. CONFLICT: the home is older than what it published (restored from a
 * backup), or a fork; the diag says which and what to do.
 */
MUST_USE status sequencer_start(
	const struct sequencer_options *o, struct sequencer **out, struct diag *d);
void sequencer_stop(struct sequencer *s); /* publishes what is there first */
/* There is more to do. Any thread; cheap. */
void sequencer_wake(struct sequencer *s);
/* Until a published checkpoint covers entry `sequence`. UNAVAILABLE after limit_ms or when it has stopped. */
MUST_USE status sequencer_wait(
	struct sequencer *s, int64_t sequence, int64_t limit_ms, struct diag *d);
/* OK, or why it has stopped. */
MUST_USE status sequencer_health(struct sequencer *s, uint64_t *published, struct diag *d);
