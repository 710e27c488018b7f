/*
 * Bundles of ledger entries: entries are the input's own bytes, in order, and written out again they are its beginning.
 * The first byte is the width that the reader expects.
 */
#define FUZZ_MAX_LEN 8192
#include "fuzz.h"
#include "ledger/tile.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	span input = span_of(data, len), entries[TILE_WIDTH];
	unsigned width = fuzz_choice(&input, TILE_WIDTH) + 1;
	struct frontier f = { 0 };
	struct buffer again;

	if (bundle_parse(input, width, entries, NULL) != OK) {
		return 0;
	}
	buffer_init(&again, len + 1);
	for (unsigned i = 0; i < width; i++) {
		hash leaf = tree_leaf(entries[i]);

		HOLDS(entries[i].len <= 0xffff);
		buffer_put_byte(&again, (uint8_t)(entries[i].len >> 8));
		buffer_put_byte(&again, (uint8_t)entries[i].len);
		buffer_put(&again, entries[i]);
		frontier_append(&f, &leaf);
	}
	HOLDS(f.size == width);
	HOLDS(!buffer_failed(&again) && again.len <= input.len);
	HOLDS(span_equal(buffer_span(&again), span_slice(input, 0, again.len)));
	buffer_wipe(&again);
	return 0;
}
