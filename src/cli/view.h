#pragma once
/*
 * What people see: tables, one object's fields, messages. Text from the server is shown escaped where it
 * is not fit for a terminal; colour only on a terminal, and never with NO_COLOR.
 */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

enum field_kind {
	FIELD_TEXT,
	FIELD_TIME,	/* RFC 3339 -> 2026-11-23 12:00:00Z */
	FIELD_DURATION, /* seconds -> 90d */
	FIELD_HASH,	/* the first 16 digits in a table */
	FIELD_STATE,	/* coloured */
	FIELD_YES_NO,
	FIELD_SECRET, /* a code or token: at the end, with a word that it is shown once */
	FIELD_HIDDEN, /* JSON only */
};

struct field {
	const char *member; /* "state"; of a member's object "entry.at" */
	const char *title;
	enum field_kind kind;
	bool in_table;
};

struct view {
	const char *what;	    /* "device" */
	const struct field *fields; /* ended by a NULL member */
};

/* One object, a member a line; those unknown to the view come last, by their own names. */
void view_show(FILE *out, const struct view *v, const cJSON *object);

/* --- a table: rows are gathered and aligned page by page --- */

struct table;
MUST_USE status table_new(FILE *out, const struct view *v, struct table **out_table);
/* Borrows nothing. NO_MEMORY. */
MUST_USE status table_row(struct table *t, const cJSON *object);
/* Prints what has been gathered; the header before the first row. */
void table_flush(struct table *t);
void table_free(struct table *t);

/* --- JSON: one array, an item a line --- */
struct array_writer {
	FILE *out;
	bool has_items;
};
void array_begin(struct array_writer *w, FILE *out);
MUST_USE status array_item(struct array_writer *w, const cJSON *item);
void array_end(struct array_writer *w);

/* One member as a person reads it, in the arena. `is_short` as in a table. NULL when memory is out. */
const char *view_text(struct arena *a, const struct field *f, const cJSON *value, bool is_short);
/* Printed escaped: control characters, bidi overrides and bad UTF-8 as \x... */
void print_text(FILE *out, const char *text);
/* Whether `out` takes colour. */
bool has_colour(FILE *out);
