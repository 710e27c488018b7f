#pragma once
/*
 * The answer of a bulk write: lines of JSON, in memory while they are few, in an unlinked temporary file
 * when they are many. One thread's.
 */
#include "api/call.h"

#define SPOOL_MEMORY (1 << 20) /* what a worker may hold for one answer without harm */

struct spool {
	struct buffer lines; /* not yet in the file */
	int file;	     /* -1: none yet */
	uint64_t file_size;
	const char *folder; /* borrowed: where the file lies */
	struct diag diag;   /* the first fault */
};

void spool_init(struct spool *s, const char *folder);
void spool_wipe(struct spool *s);
/* One line: write by the writer, then spool_end. */
void spool_begin(struct spool *s, struct json_writer *w);
/* IO, NO_MEMORY: the answer cannot be kept. */
MUST_USE status spool_end(struct spool *s);
/* Replies 200 with all lines, or with the fault. */
void spool_reply(struct spool *s, struct call *c);
