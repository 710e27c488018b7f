#pragma once
/*
 * The INI-like configuration file. A program gives its table of keys; a file
 * with an unknown section or key, a bad value, or a key twice is refused with
 * the line and, for unknown keys, the nearest known one.
 */
#include "base/arena.h"
#include "base/status.h"

enum conf_type { CONF_TEXT, CONF_PATH, CONF_NUMBER, CONF_BOOL, CONF_DURATION, CONF_SIZE };

struct conf_key {
	const char *section; /* "" for the part before the first [section] */
	const char *name;
	enum conf_type type;
	const char *fallback; /* textual default; NULL: must be given */
	int64_t min, max;     /* for numbers, durations (seconds) and sizes (bytes) */
	const char *help; /* one line, for the manual page and the file that `tenure init` writes */
};

struct conf; /* parsed values, in the arena */

/* Reads the file, or only defaults when path is NULL. Paths are taken relative to `base_folder`. */
MUST_USE status conf_load(struct arena *a, const char *path, const char *base_folder,
	const struct conf_key *keys, size_t key_count, struct conf **out, struct diag *d);

/* The same of a text at hand; "text line 3: ..." is what a refusal begins with. */
MUST_USE status conf_read(struct arena *a, span text, const struct conf_key *keys, size_t key_count,
	struct conf **out, struct diag *d);

/* The key must be in the table; asking for another is a programming error (aborts). */
const char *conf_text(const struct conf *c, const char *section, const char *name);
int64_t conf_number(const struct conf *c, const char *section, const char *name);
bool conf_bool(const struct conf *c, const char *section, const char *name);
