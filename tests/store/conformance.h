#pragma once
/*
 * What every store must do, whatever keeps the rows: written against store.h alone. A program gives the
 * way to open an empty store and to open the same one again, and runs the suite on it.
 */
#include "store/store.h"

struct conformance {
	/* An empty store; whatever an earlier one left is gone. */
	struct store *(*open_empty)(void);
	/* The same store again, after store_close. */
	struct store *(*open_again)(void);
};

/* The number of failed tests. */
int conformance_run(const char *name, const struct conformance *c);
