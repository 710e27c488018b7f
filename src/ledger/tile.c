#include "ledger/tile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"

#define PATH_ROOM 4096
#define BUNDLE_MAX (TILE_WIDTH * (LEDGER_ENTRY_MAX + 2))

char *
tile_path(char out[TILE_PATH_MAX], int level, uint64_t number, unsigned width)
{
	unsigned groups[8], count = 0;
	size_t n;

	do {
		groups[count++] = (unsigned)(number % 1000);
		number /= 1000;
	} while (number > 0 && count < 8);
	n = level < 0 ? (size_t)snprintf(out, TILE_PATH_MAX, "tile/entries")
		      : (size_t)snprintf(out, TILE_PATH_MAX, "tile/%d", level);
	while (count > 0) {
		count--;
		n += (size_t)snprintf(
			out + n, TILE_PATH_MAX - n, count > 0 ? "/x%03u" : "/%03u", groups[count]);
	}
	if (width < TILE_WIDTH) {
		snprintf(out + n, TILE_PATH_MAX - n, ".p/%u", width);
	}
	return out;
}

unsigned
tile_partial_width(uint64_t size, unsigned level)
{
	return (unsigned)(level >= 8 ? 0 : (size >> 8 * level) % TILE_WIDTH);
}

/* How wide tile `number` is at this size: full, partial, or 0 where it does not exist. */
static unsigned
width_at(uint64_t size, unsigned level, uint64_t number)
{
	uint64_t count = size >> 8 * level;

	if (number < count / TILE_WIDTH) {
		return TILE_WIDTH;
	}
	return number == count / TILE_WIDTH ? (unsigned)(count % TILE_WIDTH) : 0;
}

static status
read_one(const char *folder, int level, uint64_t number, unsigned width, struct buffer *out,
	struct diag *d)
{
	char path[PATH_ROOM], part[TILE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, tile_path(part, level, number, width));
	return file_read(path, BUNDLE_MAX, out, d);
}

/* The partial file, or, where it was tidied away, the full one that has come since: its beginning. */
static status
read_tile_file(const char *folder, int level, uint64_t number, unsigned width, struct buffer *out,
	struct diag *d)
{
	struct diag first = { 0 };
	status s = read_one(folder, level, number, width, out, &first);

	if (s == NOT_FOUND && width < TILE_WIDTH) {
		s = read_one(folder, level, number, TILE_WIDTH, out, NULL);
	}
	return s == OK ? OK : diag_set(d, s, NULL, "%s", first.text);
}

status
tile_read(const char *folder, unsigned level, uint64_t number, uint64_t size, hash out[TILE_WIDTH],
	unsigned *width, struct diag *d)
{
	char part[TILE_PATH_MAX];
	struct buffer b;
	status s;

	*width = width_at(size, level, number);
	if (*width == 0) {
		return diag_set(d, NOT_FOUND, NULL, "no tile %s in a ledger of %" PRIu64,
			tile_path(part, (int)level, number, TILE_WIDTH), size);
	}
	buffer_init(&b, BUNDLE_MAX);
	s = read_tile_file(folder, (int)level, number, *width, &b, d);
	if (s == OK && b.len < (size_t)*width * HASH_LEN) {
		s = diag_set(d, IO, NULL, "%s is cut: %zu bytes",
			tile_path(part, (int)level, number, *width), b.len);
	}
	if (s == OK) {
		memcpy(out, b.data, (size_t)*width * HASH_LEN);
	}
	buffer_wipe(&b);
	return s;
}

status
bundle_parse(span bytes, unsigned width, span entries[TILE_WIDTH], struct diag *d)
{
	for (unsigned i = 0; i < width; i++) {
		size_t len;

		if (bytes.len < 2) {
			return diag_set(
				d, BAD_INPUT, "C2SP tlog-tiles", "a bundle of entries is cut");
		}
		len = (size_t)bytes.data[0] << 8 | bytes.data[1];
		if (len > bytes.len - 2) {
			return diag_set(
				d, BAD_INPUT, "C2SP tlog-tiles", "a bundle of entries is cut");
		}
		entries[i] = span_slice(bytes, 2, len);
		bytes = span_slice(bytes, 2 + len, SIZE_MAX);
	}
	return OK;
}

status
bundle_read(const char *folder, uint64_t number, uint64_t size, struct bundle *out, struct diag *d)
{
	status s;

	out->count = width_at(size, 0, number);
	if (out->count == 0) {
		return diag_set(d, NOT_FOUND, NULL, "no bundle %" PRIu64 " in a ledger of %" PRIu64,
			number, size);
	}
	s = read_tile_file(folder, -1, number, out->count, out->bytes, d);
	return s == OK ? bundle_parse(buffer_span(out->bytes), out->count, out->entries, d) : s;
}

/* --- nodes for proofs --- */

static status
read_node(void *context, unsigned level, uint64_t index, hash *out, struct diag *d)
{
	const struct tile_reader *r = context;
	unsigned tile_level = level / 8, within = level % 8, width;
	uint64_t first = index << within; /* of the hashes of level 8 * tile_level */
	hash hashes[TILE_WIDTH];
	unsigned at = (unsigned)(first % TILE_WIDTH), count = 1u << within;
	status s = tile_read(r->folder, tile_level, first / TILE_WIDTH, r->size, hashes, &width, d);

	if (s != OK) {
		return s;
	}
	if (at + count > width) {
		return diag_set(d, BUG, NULL, "a node that is not complete in this tree");
	}
	*out = tree_fold(hashes + at, count);
	return OK;
}

struct tree_reader
tile_tree_reader(struct tile_reader *r)
{
	return (struct tree_reader){ read_node, r };
}
