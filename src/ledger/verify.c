#include "ledger/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "ledger/tile.h"

#define PATH_ROOM 4096
#define BUNDLE_MAX (TILE_WIDTH * (LEDGER_ENTRY_MAX + 2))

struct level {
	hash hashes[TILE_WIDTH];
	unsigned width;
	uint64_t number;
};

struct checking {
	const char *folder;
	uint64_t size;
	struct level levels[TILE_LEVELS_MAX];
	struct frontier frontier;
	struct diag *diag;
};

status
ledger_checkpoint(const char *folder, struct arena *a, struct buffer *note, struct checkpoint *out,
	struct diag *d)
{
	char path[PATH_ROOM];
	status s;

	snprintf(path, sizeof(path), "%s/checkpoint", folder);
	s = file_read(path, CHECKPOINT_MAX, note, d);
	return s == OK ? checkpoint_parse(a, buffer_span(note), out, d) : s;
}

/* The file of this tile holds exactly these hashes. */
static status
compare_tile(struct checking *c, unsigned at)
{
	struct level *l = &c->levels[at];
	char path[PATH_ROOM], part[TILE_PATH_MAX];
	struct buffer b;
	status s;

	snprintf(path, sizeof(path), "%s/%s", c->folder,
		tile_path(part, (int)at, l->number, l->width));
	buffer_init(&b, BUNDLE_MAX);
	s = file_read(path, TILE_WIDTH * HASH_LEN, &b, c->diag);
	if (s == OK && !span_equal(buffer_span(&b), span_of(l->hashes, l->width * sizeof(hash)))) {
		s = diag_set(c->diag, CRYPTO, "C2SP tlog-tiles",
			"%s does not hold what the entries below it give", part);
	}
	buffer_wipe(&b);
	return s;
}

static status
add_hash(struct checking *c, unsigned at, const hash *h)
{
	struct level *l = &c->levels[at];
	hash folded[TILE_WIDTH], root;
	status s;

	l->hashes[l->width++] = *h;
	if (l->width < TILE_WIDTH) {
		return OK;
	}
	s = compare_tile(c, at);
	if (s != OK || at + 1 == TILE_LEVELS_MAX) {
		return s;
	}
	memcpy(folded, l->hashes, sizeof(folded));
	root = tree_fold(folded, TILE_WIDTH);
	l->width = 0;
	l->number++;
	return add_hash(c, at + 1, &root);
}

static status
check_bundle(struct checking *c, uint64_t number)
{
	struct buffer bytes;
	struct bundle b = { .bytes = &bytes };
	char part[TILE_PATH_MAX];
	size_t total = 0;
	status s;

	buffer_init(&bytes, BUNDLE_MAX);
	s = bundle_read(c->folder, number, c->size, &b, c->diag);
	for (unsigned i = 0; s == OK && i < b.count; i++) {
		hash leaf = tree_leaf(b.entries[i]);

		total += 2 + b.entries[i].len;
		frontier_append(&c->frontier, &leaf);
		s = add_hash(c, 0, &leaf);
	}
	if (s == OK && b.count == TILE_WIDTH && total != bytes.len) {
		s = diag_set(c->diag, CRYPTO, "C2SP tlog-tiles",
			"%s has bytes behind its last entry",
			tile_path(part, -1, number, TILE_WIDTH));
	}
	if (s != OK) {
		diag_prefix(c->diag, "bundle %" PRIu64 ": ", number);
	}
	buffer_wipe(&bytes);
	return s;
}

status
ledger_verify(
	const char *folder, const struct note_key *key, struct verify_result *out, struct diag *d)
{
	struct checking *c = calloc(1, sizeof(*c));
	struct arena *a = arena_new(1 << 20);
	struct checkpoint point;
	struct buffer note;
	status s = c != NULL && a != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");

	buffer_init(&note, CHECKPOINT_MAX);
	*out = (struct verify_result){ 0 };
	if (s == OK) {
		s = ledger_checkpoint(folder, a, &note, &point, d);
	}
	if (s == OK && key != NULL) {
		s = checkpoint_verify(&point, key, d);
		out->is_signed = s == OK;
	}
	if (s != OK) {
		goto out;
	}
	c->folder = folder;
	c->size = point.size;
	c->diag = d;
	for (uint64_t n = 0; s == OK && n < (point.size + TILE_WIDTH - 1) / TILE_WIDTH; n++) {
		s = check_bundle(c, n);
	}
	for (unsigned at = 0; s == OK && at < TILE_LEVELS_MAX; at++) {
		s = c->levels[at].width > 0 ? compare_tile(c, at) : OK;
	}
	out->root = frontier_root(&c->frontier);
	out->size = c->frontier.size;
	snprintf(out->origin, sizeof(out->origin), "%.*s", (int)point.origin.len,
		(const char *)point.origin.data);
	if (s == OK && memcmp(out->root.bytes, point.root.bytes, HASH_LEN) != 0) {
		s = diag_set(d, CRYPTO, "RFC 6962 2.1",
			"the entries give another root than the checkpoint names");
	}
out:
	buffer_wipe(&note);
	arena_free(a);
	free(c);
	return s;
}

status
ledger_prove(const char *folder, uint64_t index, struct buffer *proof, struct buffer *entry,
	struct diag *d)
{
	struct arena *a = arena_new(1 << 20);
	struct tile_reader tiles = { .folder = folder };
	struct tree_reader nodes = tile_tree_reader(&tiles);
	struct log_proof p = { .index = index };
	struct buffer note, bytes;
	struct bundle b = { .bytes = &bytes };
	struct checkpoint point;
	status s = a != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");

	buffer_init(&note, CHECKPOINT_MAX);
	buffer_init(&bytes, BUNDLE_MAX);
	if (s == OK) {
		s = ledger_checkpoint(folder, a, &note, &point, d);
	}
	if (s == OK) {
		tiles.size = point.size;
		s = tree_inclusion_proof(&nodes, index, point.size, p.hashes, &p.count, d);
	}
	if (s == OK) {
		s = bundle_read(folder, index / TILE_WIDTH, point.size, &b, d);
	}
	if (s == OK) {
		p.checkpoint = buffer_span(&note);
		proof_write(&p, proof);
		buffer_put(entry, b.entries[index % TILE_WIDTH]);
		s = buffer_failed(proof) || buffer_failed(entry)
			    ? diag_set(d, NO_MEMORY, NULL, "no memory for a proof")
			    : OK;
	}
	buffer_wipe(&bytes);
	buffer_wipe(&note);
	arena_free(a);
	return s;
}
