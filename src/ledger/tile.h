#pragma once
/*
 * The ledger's files, as C2SP tlog-tiles lays them out below one folder:
 *
 *   checkpoint                      signed note
 *   tile/<L>/<N>[.p/<W>]            hashes of level 8*L, 256 (or W) of 32 bytes
 *   tile/entries/<N>[.p/<W>]        entries, each with its length as u16 before it
 *
 * <N> in groups of three digits, all but the last with an x: x001/x234/067.
 * A level 0 .. 7 hash of tile (L, N) is computed from the tile.
 */
#include "base/buffer.h"
#include "ledger/tree.h"

#define TILE_WIDTH 256
#define TILE_LEVELS_MAX 8
#define TILE_PATH_MAX 96

/* The path below the folder. `level` -1: entries. width 256: the full tile. */
char *tile_path(char out[TILE_PATH_MAX], int level, uint64_t number, unsigned width);
/* How many hashes (or entries) the last, partial tile of this level has at this size: 0 .. 255. */
unsigned tile_partial_width(uint64_t size, unsigned level);

/* Reads hashes of a tile for a tree of `size`: the full file or the partial one. IO, NOT_FOUND. */
MUST_USE status tile_read(const char *folder, unsigned level, uint64_t number, uint64_t size,
	hash out[TILE_WIDTH], unsigned *width, struct diag *d);
/* A whole bundle of entries, and where each begins and ends. BAD_INPUT if it is not well-formed. */
struct bundle {
	struct buffer *bytes;
	span entries[TILE_WIDTH];
	unsigned count;
};
MUST_USE status bundle_read(
	const char *folder, uint64_t number, uint64_t size, struct bundle *out, struct diag *d);
MUST_USE status bundle_parse(span bytes, unsigned width, span entries[TILE_WIDTH], struct diag *d);

/* Reads nodes for proofs out of the tiles of a ledger of this size. */
struct tile_reader {
	const char *folder;
	uint64_t size;
};
struct tree_reader tile_tree_reader(struct tile_reader *r);

/*
 * Appends to the ledger's files. Invariant: `frontier` and the partial tiles
 * in memory are those of `size`; files are written at tile_writer_flush only, full
 * ones once, so that a crash leaves files which the same rows write again to the byte.
 */
struct tile_writer;
/* For a ledger whose published size is `size`: loads the partial tiles; the caller compares the root. */
MUST_USE status tile_writer_open(
	const char *folder, uint64_t size, struct tile_writer **out, struct diag *d);
void tile_writer_close(struct tile_writer *w);
MUST_USE status tile_writer_append(struct tile_writer *w, span entry, struct diag *d);
/* Everything appended so far is durable in files. */
MUST_USE status tile_writer_flush(struct tile_writer *w, struct diag *d);
/*
 * Removes the partial files of tiles that are full: after the checkpoint is published that no longer needs them. The full
 * file serves whoever still asks for a partial one (C2SP tlog-tiles).
 */
void tile_writer_tidy(struct tile_writer *w);
uint64_t tile_writer_size(const struct tile_writer *w);
hash tile_writer_root(const struct tile_writer *w);
