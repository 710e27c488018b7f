#pragma once
/*
 * A witness outside the store: the numbers of the sample units whose commit was answered OK. Whatever happens,
 * after opening again all of them are there, and every device that is there is whole.
 */
#include "sample.h"

#define WITNESS_COMMITS 12
#define WITNESS_BATCH 40
#define WITNESS_WORK (WITNESS_COMMITS + WITNESS_BATCH)
#define WITNESS_NUMBERS (8 * WITNESS_WORK)

/* A new store without units in the test's folder, closed; nothing is acknowledged. */
void witness_make(void);
/* Opens it; the limits of the log as in struct store_options. NULL, with the reason on stderr. */
struct store *witness_open(size_t log_bytes, size_t log_bytes_max);
void witness_note(unsigned number); /* it was acknowledged */
/* One unit, which is noted by the caller. */
status witness_commit(struct store *s, unsigned number, struct diag *d);
/* WITNESS_COMMITS units, one by one, and one batch; `acknowledged` is called for each that is answered OK. */
status witness_work(
	struct store *s, unsigned from, void (*acknowledged)(unsigned number), struct diag *d);
/* Opens the store, which is closed, and looks: everything acknowledged is there, nothing is half there, the sequences have no
 * gap, and work goes on. Numbers from WITNESS_NUMBERS on may have been committed without being noted. */
void witness_check(void);
