#include "cli/ledger_copy.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "cli/file_batch.h"
#include "cli/progress.h"
#include "cli/remote.h"
#include "ledger/tile.h"
#include "ledger/verify.h"

/*
 * Invariant: a file in the folder is whole (see cli/file_batch.h), and the folder's checkpoint is
 * written after everything that it names.
 */
#define PATH_ROOM 4096
#define ENTRIES (-1) /* the level of bundles in tile_path */
#define SETTLE_AT 256

struct copying {
	struct client *client;
	const char *folder;
	uint64_t size, done;
	struct file_batch files;
	struct progress progress;
};

static status
get(struct client *c, const char *part, struct client_reply *reply, struct diag *d)
{
	char path[TILE_PATH_MAX + 16];

	snprintf(path, sizeof(path), "/ledger/%s", part);
	return remote_send(c, "GET", path, span_of(NULL, 0), reply, d);
}

/* How many of them there are at this size, and how wide the last one is. */
static unsigned
width_of(uint64_t size, int level, uint64_t number)
{
	uint64_t count = size >> 8 * (level < 0 ? 0 : level);

	return number < count / TILE_WIDTH ? TILE_WIDTH : (unsigned)(count % TILE_WIDTH);
}

/* A partial tile may have been tidied away since: then the full one begins with it. `*width` is what came. */
static status
get_tile(struct client *c, int level, uint64_t number, unsigned *width, struct client_reply *reply,
	struct diag *d)
{
	char part[TILE_PATH_MAX];
	struct diag fault = { 0 };
	status s = get(c, tile_path(part, level, number, *width), reply, &fault);

	if (s == NOT_FOUND && *width < TILE_WIDTH) {
		client_reply_wipe(reply);
		*width = TILE_WIDTH;
		fault = (struct diag){ 0 };
		s = get(c, tile_path(part, level, number, TILE_WIDTH), reply, &fault);
	}
	return s == OK ? OK : diag_set(d, s, NULL, "%s: %s", part, fault.text);
}

/* The first `width` of what came, which has `came`: nothing else is kept. */
static status
cut_tile(int level, unsigned width, unsigned came, span *content, struct diag *d)
{
	span entries[TILE_WIDTH];
	status s;

	if (level < 0) {
		s = bundle_parse(*content, came, entries, d);
		if (s == OK) {
			const span *last = &entries[width - 1];

			content->len = (size_t)(last->data + last->len - content->data);
		}
		return s;
	}
	if (content->len != (size_t)came * HASH_LEN) {
		return diag_set(d, BAD_INPUT, "C2SP tlog-tiles",
			"a tile of %zu bytes, %zu expected", content->len, (size_t)came * HASH_LEN);
	}
	content->len = (size_t)width * HASH_LEN;
	return OK;
}

static status
store_file(struct copying *k, const char *part, span content, struct diag *d)
{
	char path[PATH_ROOM], folder[PATH_ROOM];
	status s;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", k->folder, part) >= sizeof(path)) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", k->folder);
	}
	snprintf(folder, sizeof(folder), "%s", path);
	s = folder_make(dirname(folder), 0755, d);
	if (s == OK) {
		s = file_batch_put(&k->files, path, content, 0644, d);
	}
	return s == OK && k->files.count >= SETTLE_AT ? file_batch_settle(&k->files, d) : s;
}

static bool
has_file(const struct copying *k, const char *part)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/%s", k->folder, part);
	return access(path, F_OK) == 0;
}

static status
copy_tile(struct copying *k, int level, uint64_t number, struct diag *d)
{
	unsigned width = width_of(k->size, level, number), came = width;
	struct client_reply reply = { 0 };
	char part[TILE_PATH_MAX];
	span content = { 0 };
	status s;

	if (has_file(k, tile_path(part, level, number, width))) {
		return OK;
	}
	s = get_tile(k->client, level, number, &came, &reply, d);
	if (s == OK) {
		content = buffer_span(&reply.body);
		s = cut_tile(level, width, came, &content, d);
	}
	if (s == OK) {
		s = store_file(k, tile_path(part, level, number, width), content, d);
	}
	client_reply_wipe(&reply);
	return s;
}

static status
copy_level(struct copying *k, int level, struct diag *d)
{
	uint64_t count = k->size >> 8 * (level < 0 ? 0 : level);
	status s = OK;

	for (uint64_t n = 0; s == OK && n * TILE_WIDTH < count; n++) {
		s = copy_tile(k, level, n, d);
		progress_step(&k->progress, ++k->done);
	}
	return s;
}

/* What the folder had before: the ledger of now must go on from it. */
static status
check_goes_on(struct copying *k, const struct checkpoint *old, const struct checkpoint *new,
	struct diag *d)
{
	struct tile_reader tiles = { k->folder, new->size };
	struct tree_reader nodes = tile_tree_reader(&tiles);
	hash proof[TREE_PROOF_MAX];
	size_t count = 0;
	status s;

	if (old->size == 0) {
		return OK;
	}
	s = tree_consistency_proof(&nodes, old->size, new->size, proof, &count, d);
	if (s != OK) {
		return s;
	}
	s = tree_consistency_verify(old->size, &old->root, new->size, &new->root, proof, count);
	return s == OK ? OK
		       : diag_set(d, CRYPTO, "RFC 9162 2.1.4",
				 "the server's ledger does not go on from the copy's %" PRIu64
				 " entries: it was rewritten; keep the copy as evidence",
				 old->size);
}

static status
read_old(struct copying *k, struct arena *a, struct buffer *note, struct checkpoint *old,
	struct diag *d)
{
	struct diag fault = { 0 };
	status s = ledger_checkpoint(k->folder, a, note, old, &fault);

	*old = s == OK ? *old : (struct checkpoint){ 0 };
	return s == OK || s == NOT_FOUND ? OK : diag_set(d, s, fault.clause, "%s", fault.text);
}

static status
copy_files(struct copying *k, const struct checkpoint *old, const struct checkpoint *new,
	struct diag *d)
{
	status s = OK;

	if (old->size > new->size) {
		return diag_set(d, CONFLICT, NULL,
			"the server's ledger has %" PRIu64 " entries, the copy %" PRIu64
			": the server was set back; keep the copy as evidence",
			new->size, old->size);
	}
	if (old->origin.len > 0 && !span_equal(old->origin, new->origin)) {
		return diag_set(d, CONFLICT, NULL, "%s is a copy of another ledger: %.*s",
			k->folder, (int)old->origin.len, (const char *)old->origin.data);
	}
	k->size = new->size;
	for (int level = ENTRIES; s == OK && level < TILE_LEVELS_MAX; level++) {
		s = copy_level(k, level, d);
	}
	if (s == OK) {
		s = file_batch_settle(&k->files, d);
	}
	return s == OK ? check_goes_on(k, old, new, d) : s;
}

status
ledger_copy(struct client *c, const char *folder, const struct note_key *key, struct diag *d)
{
	struct copying k = { .client = c, .folder = folder };
	struct arena *a = arena_new(1 << 20);
	struct client_reply reply = { 0 };
	struct checkpoint old, new;
	struct buffer old_note;
	status s = a != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");

	buffer_init(&old_note, CHECKPOINT_MAX);
	progress_begin(&k.progress, "tile", 0);
	if (s == OK) {
		s = folder_make(folder, 0755, d);
	}
	if (s == OK) {
		s = file_batch_open(&k.files, folder, d);
	}
	if (s == OK) {
		s = get(c, "checkpoint", &reply, d);
	}
	if (s == OK) {
		s = checkpoint_parse(a, buffer_span(&reply.body), &new, d);
	}
	if (s == OK && key != NULL) {
		s = checkpoint_verify(&new, key, d);
	}
	if (s == OK) {
		s = read_old(&k, a, &old_note, &old, d);
	}
	if (s == OK) {
		s = copy_files(&k, &old, &new, d);
	}
	progress_end(&k.progress);
	if (s == OK) {
		s = store_file(&k, "checkpoint", buffer_span(&reply.body), d);
	}
	if (s == OK) {
		s = file_batch_settle(&k.files, d);
	}
	file_batch_close(&k.files);
	buffer_wipe(&old_note);
	client_reply_wipe(&reply);
	arena_free(a);
	return s;
}

status
ledger_copy_entry(
	struct client *c, uint64_t index, uint64_t size, struct buffer *entry, struct diag *d)
{
	unsigned width = width_of(size, ENTRIES, index / TILE_WIDTH);
	struct client_reply reply = { 0 };
	span entries[TILE_WIDTH];
	status s = index < size ? OK
				: diag_set(d, NOT_FOUND, NULL,
					  "entry %" PRIu64 " is not in a ledger of %" PRIu64, index,
					  size);

	if (s == OK) {
		s = get_tile(c, ENTRIES, index / TILE_WIDTH, &width, &reply, d);
	}
	if (s == OK) {
		s = bundle_parse(buffer_span(&reply.body), width, entries, d);
	}
	if (s == OK) {
		buffer_put(entry, entries[index % TILE_WIDTH]);
		s = buffer_failed(entry) ? diag_set(d, LIMIT, NULL, "the entry is too long") : OK;
	}
	client_reply_wipe(&reply);
	return s;
}
