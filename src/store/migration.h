#pragma once
/*
 * The shape of the SQLite file, step by step. A step once released is never
 * changed; the next one is added behind it. Inside store/ only.
 */
#include "store/sqlite.h"

/* How many steps this program knows: the PRAGMA user_version of a file that is up to date. */
extern const int64_t migration_latest;

enum migration_mode { MIGRATION_CHECK, MIGRATION_RUN, MIGRATION_CREATE };

/* Brings an open file to migration_latest. CONFLICT if it is beyond that, or, for
 * MIGRATION_CHECK, behind it; NOT_FOUND if it is empty and not to be created; IO if it is somebody else's. */
MUST_USE status migration_run(struct connection *c, enum migration_mode mode, struct diag *d);
