#pragma once
/*
 * From the factory's manifest to devices on the shelf (HELD), and the factory line of our own.
 */
#include "element/manifest.h"
#include "lifecycle/session.h"

enum import_verdict {
	IMPORT_ACCEPTED, /* a new device, HELD */
	IMPORT_KNOWN,	 /* the same entry stood here before: nothing to do */
	IMPORT_REFUSED,
	IMPORT_VERDICT_COUNT
};
const char *import_verdict_name(enum import_verdict v); /* "accepted" */

struct import_line {
	uint64_t number; /* of the entry, from 0 */
	enum import_verdict verdict;
	char unique_id[ELEMENT_SERIAL_MAX + 1]; /* as far as it could be read */
	id device;				/* accepted and known */
	bool is_identity_only;			/* no keys in it: cannot enrol by itself */
	char code[CLAIM_CODE_TEXT_MAX];		/* accepted, where codes were asked for */
	status status;				/* refused: why */
	struct diag diag;
};

struct import_request {
	int64_t fleet; /* row; its phase is the import's */
	manifest_source *source;
	void *source_context;
	uint8_t file_hash[32]; /* of the whole file, or zero */
	/* New claim codes for accepted devices; else they have none yet. A code costs scrypt's 3 ms of a core,
	 * thirty times the rest. One whose line was lost (a crash between) is known to nobody: make a new one. */
	bool wants_codes;
	/* The code for this element instead of a new one (the caller made it); NULL or false: a new one, if wanted. Called
	 * on the caller's thread, also for elements that are then refused. */
	bool (*code_of)(void *context, const char *unique_id, char code[CLAIM_CODE_TEXT_MAX]);
	void *code_context;
	/* Judge only: against the store, not against the other entries of the file. */
	bool is_dry_run;
	/* Told of each entry, in the file's order, after it is durable. Not OK ends the import. */
	status (*line)(void *context, const struct import_line *l);
	void *line_context;
};

struct import_counts {
	uint64_t entries, accepted, known, refused;
};

/*
 * Streams: verification on several threads, batches into the store, memory bounded. What was told to `line` is durable;
 * again after an interruption: the rest. BAD_INPUT when the file itself is broken (what stood before is kept). Maker.
 */
MUST_USE status manifest_import(struct session *s, const struct import_request *r,
	struct import_counts *counts, struct diag *d);

/* --- the factory line --- */

struct factory_unit {
	/* Of an ATECC608 18 lower-case hex digits, begins 0123; of others 8 to 64, an even number. */
	char unique_id[ELEMENT_SERIAL_MAX + 1];
	uint8_t points[5][64]; /* slots 0 .. 4 */
	size_t point_count;    /* at least 1 */
	/* Both or none ("": ATECC608B, ATECC608B-TFLXTLS). An ATECC608's part number is one that element/part_profile.h knows;
	 * those of other elements are words. */
	char model[NAME_MAX_LEN + 1], part_number[NAME_MAX_LEN + 1];
	/* What an element that is no ATECC608 attests by: a TPM's attestation key. (An ATECC608 does by slot 1.) */
	bool has_tpm2_key;
	uint8_t tpm2_key[64];
};
struct factory_result {
	status status;
	struct diag diag;
	span certificate;    /* birth, DER */
	span issuer;	     /* the factory signer's */
	span manifest_entry; /* JSON */
};
#define FACTORY_BATCH_MAX 256
/*
 * Birth certificates by a factory signer and manifest entries by a manifest signer; each element, device
 * (MANUFACTURED) and certificate recorded before it leaves. The same unit again gives what was made; EXISTS for the
 * same id with another key. Results in the arena. Maker.
 */
MUST_USE status factory_make(struct session *s, int64_t fleet, const char *factory_signer,
	const char *manifest_signer, const struct factory_unit *units, size_t count,
	struct factory_result *results, struct diag *d);
