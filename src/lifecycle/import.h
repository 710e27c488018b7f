#pragma once
/*
 * Inside the import of a manifest (lifecycle/onboard.h): what its steps hand to each other.
 *
 *   caller: read a batch        import_read.c
 *   workers: judge its entries  import_judge.c   verified, looked up, codes hashed, records prepared
 *   caller: commit and tell     import_commit.c  one transaction a batch, then its lines in order
 *
 * Two batches take turns: while one is judged, the other is read or committed. Memory is these two, whatever
 * the file's length.
 */
#include "base/pool.h"
#include "lifecycle/onboard.h"

#define IMPORT_BATCH 256 /* entries in one transaction: fsync and hand-over cost little each */
#define IMPORT_BATCH_BYTES \
	(2 << 20)	/* of entries' text: 256 of the vendor's usual ones have 1 MiB */
#define IMPORT_PIECE 16 /* entries a worker takes at once */
#define IMPORT_PIECES (IMPORT_BATCH / IMPORT_PIECE)
#define IMPORT_PIECE_BYTES \
	(16 << 20) /* cap of a piece's arena; 16 entries at their limit need 5 MiB */

#define IMPORT_CHANGES_BYTES (8 << 20) /* a change with its ledger entry has some 5 KiB */

enum import_fate {
	FATE_REFUSED, /* line.status and line.diag say why */
	FATE_KNOWN,
	FATE_NEW,     /* element, device and certificate come */
	FATE_ONBOARD, /* made on our own factory line: its device comes to the shelf */
};

#define IMPORT_TEXT_ROOM (IMPORT_BATCH_BYTES + MANIFEST_ENTRY_MAX)

struct import_item {
	struct import_line line;
	span text; /* of the entry, in the batch; empty: it could not be read */
	struct manifest_entry entry;
	enum import_fate fate;
	bool has_wanted_code;
	char wanted_code[CLAIM_CODE_TEXT_MAX];
	/* Prepared for the change. */
	struct element element;
	struct device before, device;
	struct certificate leaf;
	struct claim_code code;
};

struct import_batch {
	struct import *import;
	struct import_item items[IMPORT_BATCH];
	size_t count;
	uint8_t *text;			     /* of the entries, one behind the other */
	struct arena *arena;		     /* the changes */
	struct arena *pieces[IMPORT_PIECES]; /* what each piece's entries decode to */
};

struct import_worker {
	struct manifest_cache *cache;
	struct reader *reader;
};

/* Who of ours may have issued a birth certificate. */
struct import_issuer {
	int64_t row;
	uint8_t fingerprint[32];
};

struct import_key {
	char unique_id[ELEMENT_SERIAL_MAX + 1];
	uint8_t hash[32];
};

struct import {
	struct session *session;
	const struct import_request *request;
	struct import_counts *counts;
	struct fleet fleet;
	struct owner maker;
	struct manifest_trust trust; /* of the next two */
	struct manifest_pin *pins;
	struct trust_set *roots;
	struct import_issuer *issuers;
	size_t issuer_count;
	struct import_worker *workers;
	unsigned worker_count;
	struct pool *pool;
	struct manifest_reader *reader;
	struct manifest_record record; /* row 0: not stored yet */
	uint8_t digest[32];	       /* of what was accepted, in order */
	/* Birth keys of the batch before: its successor was judged before they were in the store. */
	struct import_key last_keys[IMPORT_BATCH];
	size_t last_key_count;
	struct import_batch *batches[2];
};

/* Fleet, maker, pins, roots, own factory signers: from the store, in the session's snapshot. */
MUST_USE status import_trust_read(struct import *im, struct diag *d);
void import_trust_wipe(struct import *im);

/* The next entries into `b`. OK (perhaps none), or what ends the file: NOT_FOUND at its end, BAD_INPUT, IO. */
MUST_USE status import_batch_read(struct import *im, struct import_batch *b, struct diag *d);

/* One entry, on a worker's thread. Never fails: an item whose fate could not be found out is refused. */
void import_judge(
	struct import *im, struct import_worker *w, struct arena *a, struct import_item *item);
/* What the store says to a verified entry: KNOWN, NEW, ONBOARD, or REFUSED with its reason. */
MUST_USE status import_look_up(
	const struct import *im, struct reader *r, struct import_item *item, struct diag *d);

/* Commits what is to be, tells every line. */
MUST_USE status import_batch_settle(struct import *im, struct import_batch *b, struct diag *d);
/* The manifest's own record and ledger entry. */
MUST_USE status import_finish(struct import *im, bool is_complete, struct diag *d);
