#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "ledger/tile.h"

#define PATH_ROOM 4096
#define BUNDLE_MAX (TILE_WIDTH * (LEDGER_ENTRY_MAX + 2))
#define PENDING_MAX 64 /* files that wait for their fsync */
#define PARENTS_MAX 8  /* folders that got new names since */

struct level {
	hash hashes[TILE_WIDTH]; /* of the tile that is not full yet */
	unsigned width;
	uint64_t number; /* of that tile */
	bool is_changed;
	uint64_t partial; /* the tile of which flush wrote partial files last */
	uint64_t stale;	  /* one of which there are partial files although it is full */
	bool has_partial, has_stale;
};

struct tile_writer {
	char folder[PATH_ROOM];
	struct level levels[TILE_LEVELS_MAX];
	struct buffer bundle; /* entries of the level 0 tile that is not full yet */
	struct frontier frontier;
	int pending[PENDING_MAX];
	size_t pending_count;
	char parents[PARENTS_MAX][PATH_ROOM];
	size_t parent_count;
};

static status
sync_pending(struct tile_writer *w, struct diag *d)
{
	status s = OK;

	for (size_t i = 0; i < w->pending_count; i++) {
		if (fdatasync(w->pending[i]) != 0 && s == OK) {
			s = diag_set(d, IO, NULL, "cannot sync a tile: %s", strerror(errno));
		}
		close(w->pending[i]);
	}
	w->pending_count = 0;
	for (size_t i = 0; i < w->parent_count && s == OK; i++) {
		s = folder_sync(w->parents[i], d);
	}
	w->parent_count = 0;
	return s;
}

static void
parent_folder(const char *path, char out[PATH_ROOM])
{
	const char *slash = strrchr(path, '/');

	size_t len = (size_t)(slash - path);

	memmove(out, path, len);
	out[len] = '\0';
}

static void
note_parent(struct tile_writer *w, const char *folder)
{
	for (size_t i = 0; i < w->parent_count; i++) {
		if (strcmp(w->parents[i], folder) == 0) {
			return;
		}
	}
	snprintf(w->parents[w->parent_count++], PATH_ROOM, "%s", folder);
}

/* A folder that is new is named in its own parent, up to the ledger's. */
static status
make_folder(struct tile_writer *w, const char *folder, struct diag *d)
{
	status s = folder_make(folder, 0755, d);
	char above[PATH_ROOM];

	snprintf(above, sizeof(above), "%s", folder);
	while (s == OK && strlen(above) > strlen(w->folder)) {
		parent_folder(above, above);
		s = folder_sync(above, d);
	}
	return s;
}

/* Written and left open: many files share the wait for the disk. */
static status
write_file(struct tile_writer *w, int level, uint64_t number, unsigned width, span content,
	struct diag *d)
{
	char path[PATH_ROOM + TILE_PATH_MAX + 2], part[TILE_PATH_MAX], folder[PATH_ROOM];
	status s = OK;
	int fd;

	if (w->pending_count == PENDING_MAX || w->parent_count == PARENTS_MAX) {
		s = sync_pending(w, d);
	}
	snprintf(path, sizeof(path), "%s/%s", w->folder, tile_path(part, level, number, width));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 && errno == ENOENT && s == OK) {
		parent_folder(path, folder);
		s = make_folder(w, folder, d);
		fd = s == OK ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	}
	if (fd < 0) {
		return s != OK ? s
			       : diag_set(d, errno == ENOSPC || errno == EDQUOT ? UNAVAILABLE : IO,
					 NULL, "cannot write %s: %s", path, strerror(errno));
	}
	s = s == OK ? write_all(fd, content, d) : s;
	if (s != OK) {
		diag_prefix(d, "%s: ", path);
		close(fd);
		return s;
	}
	w->pending[w->pending_count++] = fd;
	parent_folder(path, folder);
	note_parent(w, folder);
	return OK;
}

/* A level's tile is full: it is written, and its root goes one level up. */
static status
complete(struct tile_writer *w, unsigned at, struct diag *d)
{
	struct level *l = &w->levels[at];
	hash folded[TILE_WIDTH], root;
	status s = write_file(w, (int)at, l->number, TILE_WIDTH, SPAN_ARRAY(l->hashes), d);

	if (s == OK && at == 0) {
		s = write_file(w, -1, l->number, TILE_WIDTH, buffer_span(&w->bundle), d);
		buffer_clear(&w->bundle);
	}
	if (s != OK) {
		return s;
	}
	memcpy(folded, l->hashes, sizeof(folded));
	root = tree_fold(folded, TILE_WIDTH);
	l->number++;
	l->width = 0;
	l->is_changed = false;
	if (at + 1 == TILE_LEVELS_MAX) {
		return OK;
	}
	l = &w->levels[at + 1];
	l->hashes[l->width++] = root;
	l->is_changed = true;
	return l->width == TILE_WIDTH ? complete(w, at + 1, d) : OK;
}

status
tile_writer_append(struct tile_writer *w, span entry, struct diag *d)
{
	const uint8_t len[2] = { (uint8_t)(entry.len >> 8), (uint8_t)entry.len };
	struct level *l = &w->levels[0];
	hash leaf;

	if (entry.len > LEDGER_ENTRY_MAX) {
		return diag_set(d, LIMIT, NULL, "a ledger entry of %zu bytes", entry.len);
	}
	leaf = tree_leaf(entry);
	buffer_put(&w->bundle, SPAN_ARRAY(len));
	buffer_put(&w->bundle, entry);
	if (buffer_failed(&w->bundle)) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a bundle of entries");
	}
	frontier_append(&w->frontier, &leaf);
	l->hashes[l->width++] = leaf;
	l->is_changed = true;
	return l->width == TILE_WIDTH ? complete(w, 0, d) : OK;
}

/* Which partial files there will be: those of the tile before are stale once it is full. */
static void
note_partial(struct level *l)
{
	if (l->has_partial && l->partial != l->number) {
		l->stale = l->partial;
		l->has_stale = true;
		l->has_partial = false;
	}
	if (l->width > 0) {
		l->partial = l->number;
		l->has_partial = true;
	}
}

/* The folder of partial files of a full tile. What cannot be removed stays: it is in nobody's way. */
static void
remove_partials(const struct tile_writer *w, int level, uint64_t number)
{
	char path[PATH_ROOM + TILE_PATH_MAX + 2], part[TILE_PATH_MAX];
	struct dirent *e;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/%s.p", w->folder,
		tile_path(part, level, number, TILE_WIDTH));
	folder = opendir(path);
	while (folder != NULL && (e = readdir(folder)) != NULL) {
		(void)unlinkat(dirfd(folder), e->d_name, 0);
	}
	if (folder != NULL) {
		closedir(folder);
		(void)rmdir(path);
	}
}

void
tile_writer_tidy(struct tile_writer *w)
{
	for (unsigned at = 0; at < TILE_LEVELS_MAX; at++) {
		struct level *l = &w->levels[at];

		if (!l->has_stale) {
			continue;
		}
		remove_partials(w, (int)at, l->stale);
		if (at == 0) {
			remove_partials(w, -1, l->stale);
		}
		l->has_stale = false;
	}
}

status
tile_writer_flush(struct tile_writer *w, struct diag *d)
{
	status s = OK;

	for (unsigned at = 0; at < TILE_LEVELS_MAX && s == OK; at++) {
		struct level *l = &w->levels[at];

		note_partial(l);
		if (!l->is_changed || l->width == 0) {
			continue;
		}
		s = write_file(w, (int)at, l->number, l->width,
			span_of(l->hashes, l->width * sizeof(hash)), d);
		if (s == OK && at == 0) {
			s = write_file(w, -1, l->number, l->width, buffer_span(&w->bundle), d);
		}
		l->is_changed = s != OK;
	}
	return s == OK ? sync_pending(w, d) : s;
}

uint64_t
tile_writer_size(const struct tile_writer *w)
{
	return w->frontier.size;
}

hash
tile_writer_root(const struct tile_writer *w)
{
	return frontier_root(&w->frontier);
}

void
tile_writer_close(struct tile_writer *w)
{
	if (w == NULL) {
		return;
	}
	for (size_t i = 0; i < w->pending_count; i++) {
		close(w->pending[i]);
	}
	buffer_wipe(&w->bundle);
	free(w);
}

static status
load_level(struct tile_writer *w, unsigned at, uint64_t size, struct diag *d)
{
	struct level *l = &w->levels[at];
	unsigned width;

	l->number = (size >> 8 * at) / TILE_WIDTH;
	l->width = tile_partial_width(size, at);
	l->partial = l->number;
	l->has_partial = l->width > 0;
	/* A crash may have come between the full tile and the tidying. */
	l->stale = l->number - 1;
	l->has_stale = l->number > 0;
	return l->width > 0 ? tile_read(w->folder, at, l->number, size, l->hashes, &width, d) : OK;
}

static status
load_bundle(struct tile_writer *w, uint64_t size, struct diag *d)
{
	struct buffer whole;
	struct bundle b = { .bytes = &whole };
	status s;

	if (size % TILE_WIDTH == 0) {
		return OK;
	}
	buffer_init(&whole, BUNDLE_MAX);
	s = bundle_read(w->folder, size / TILE_WIDTH, size, &b, d);
	for (unsigned i = 0; s == OK && i < b.count; i++) {
		const uint8_t len[2] = { (uint8_t)(b.entries[i].len >> 8),
			(uint8_t)b.entries[i].len };
		hash leaf = tree_leaf(b.entries[i]);

		buffer_put(&w->bundle, SPAN_ARRAY(len));
		buffer_put(&w->bundle, b.entries[i]);
		if (memcmp(leaf.bytes, w->levels[0].hashes[i].bytes, HASH_LEN) != 0) {
			s = diag_set(d, IO, NULL,
				"entry %u of the last bundle is not the one in its tile", i);
		}
	}
	buffer_wipe(&whole);
	return s;
}

status
tile_writer_open(const char *folder, uint64_t size, struct tile_writer **out, struct diag *d)
{
	struct tile_writer *w = calloc(1, sizeof(*w));
	struct tile_reader tiles = { folder, size };
	struct tree_reader nodes = tile_tree_reader(&tiles);
	status s = OK;

	if (w == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the ledger");
	}
	snprintf(w->folder, sizeof(w->folder), "%s", folder);
	buffer_init(&w->bundle, BUNDLE_MAX);
	for (unsigned at = 0; at < TILE_LEVELS_MAX && s == OK; at++) {
		s = load_level(w, at, size, d);
	}
	if (s == OK) {
		s = load_bundle(w, size, d);
	}
	/* The frontier: the complete subtree of each bit of the size, from left to right. */
	for (unsigned level = 64; s == OK && level-- > 0;) {
		uint64_t above = level == 63 ? 0 : size >> (level + 1) << (level + 1);

		if ((size >> level & 1) != 0) {
			s = nodes.node(
				nodes.context, level, above >> level, &w->frontier.roots[level], d);
		}
	}
	w->frontier.size = size;
	if (s != OK) {
		tile_writer_close(w);
		return s;
	}
	*out = w;
	return OK;
}
