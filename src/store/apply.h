#pragma once
/* A change becomes rows, inside the writer's transaction. Inside store/ only; writer thread only. */
#include "store/change.h"
#include "store/sqlite.h"

/* What the next addition gets. Taken back when a change is refused, so that sequences stay dense. */
struct counters {
	int64_t last_row[OPERATION_ADD_COUNT]; /* by the kind of addition */
	int64_t ledger_size;
	int64_t last_deny;
	int64_t last_outbox;
	int64_t by_state[DEVICE_STATE_COUNT];
};

#define ISSUERS_KEPT 16
#define FLEETS_KEPT 64 /* by the row's last bits: the latest stays */

struct applier {
	struct connection *connection;
	struct counters counters;
	struct counters stored; /* as of the last commit */
	struct {
		int64_t row; /* 0: free */
		uint8_t hash[32];
	} issuers[ISSUERS_KEPT];
	size_t next_issuer;
	struct {
		int64_t row; /* 0: free */
		int64_t version;
	} fleets[FLEETS_KEPT];
	bool changes_kept; /* since BEGIN: a record of store/kept.h */
};

/* Reads the counters; again whenever another connection wrote. */
MUST_USE status applier_load(struct applier *ap, struct diag *d);
/* Runs every operation of the change. Where it fails the caller rolls back and calls applier_undo. */
MUST_USE status applier_apply(
	struct applier *ap, struct change *c, int64_t *first_ledger, struct diag *d);
/* The change was rolled back: its records have no rows, the counters are those given. */
void applier_undo(struct applier *ap, struct change *c, const struct counters *before);
/* Before COMMIT: the kept counts. */
MUST_USE status applier_finish(struct applier *ap, struct diag *d);
/* After COMMIT, or after ROLLBACK of everything since the last one. */
void applier_committed(struct applier *ap);
void applier_rolled_back(struct applier *ap);
