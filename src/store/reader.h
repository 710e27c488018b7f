#pragma once
/* The reader, and how one record or a list of them is read. Inside store/ only. */
#include "store/internal.h"
#include "store/rows.h"

struct reader {
	struct store *store;
	struct connection connection;
	uint64_t generation; /* of what is kept in memory, as of its snapshot */
	bool has_snapshot;
};

struct query reader_query(struct reader *r, enum statement statement);

/* Runs the bound query, reads its first row into the record (`size` bytes, zeroed first), ends it.
 * NOT_FOUND where there is none. Faults of the file are logged. */
MUST_USE status reader_one(
	struct query *q, struct arena *a, read_row *row, void *record, size_t size);
/* All rows of the bound query into an arena array of records. */
MUST_USE status reader_all(
	struct query *q, struct arena *a, read_row *row, size_t size, void *array, size_t *count);
