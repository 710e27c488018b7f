#pragma once
/* A factory line to test with: fleet, signers, units with keys of their own, and manifests of what it made. */
#include "home.h"

#include "lifecycle/onboard.h"

struct line_home {
	struct home home;
	struct authority root, issuing, factory;
	struct home_fleet fleet;
};

/* Root, issuing CA, factory signer "factory", manifest signer "manifest", a fleet; the asker is a maker's operator. */
void line_open(struct line_home *l);
void line_close(struct line_home *l);

/* Unit `number` with fresh keys in slots 0 to 4. */
struct factory_unit line_unit(unsigned number);
/* The same by factory_make, which must go well; the result's spans live in the home's arena. */
struct factory_result line_make(struct line_home *l, const struct factory_unit *u);
/*
 * A manifest entry signed by the line's own signers for a unit that the store has never seen: as of a
 * factory elsewhere that is trusted.
 */
span line_foreign_entry(struct line_home *l, const struct factory_unit *u);

/* Bytes as a manifest_source, `step` at a time (0: as many as are wanted). */
struct line_source {
	span bytes;
	size_t step;
};
status line_source_read(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d);

/* The lines of an import, as they were told. */
#define LINES_MAX 2000
struct line_log {
	struct import_line lines[LINES_MAX];
	size_t count;
	size_t stop_at; /* not 0: breaks the import off at so many lines */
};
status line_told(void *context, const struct import_line *l);
