#pragma once
/*
 * Files: whole reads with a limit, durable atomic replacement. Names are plain paths.
 *
 * What cannot be written because the disk is full is UNAVAILABLE, for it passes; what could not be synced is IO.
 */
#include "base/arena.h"
#include "base/buffer.h"

/* LIMIT if larger than `max`; NOT_FOUND; IO. `out` is appended to. */
MUST_USE status file_read(const char *path, size_t max, struct buffer *out, struct diag *d);
/*
 * Replaces `path` so that after a crash either the old or the new content
 * stands whole: temporary beside it, fsync, rename, fsync of the folder.
 */
MUST_USE status file_replace(const char *path, span content, unsigned mode, struct diag *d);
/* Creates the file; EXISTS if there is one. Durable like the above. */
MUST_USE status file_create(const char *path, span content, unsigned mode, struct diag *d);
/* Makes the folder and its parents, mode as given; OK if it is there. */
MUST_USE status folder_make(const char *path, unsigned mode, struct diag *d);
MUST_USE status folder_sync(const char *path, struct diag *d);
/* Exclusive lock of the file, made if absent; held until the process ends or close(*fd).
 * CONFLICT if another process holds it, and goes on holding it for half a second. */
MUST_USE status file_lock(const char *path, int *fd, struct diag *d);
/* write(2) until all is written. */
MUST_USE status write_all(int fd, span content, struct diag *d);
/* read(2) until `len` bytes; UNAVAILABLE at an end of file at a boundary (0 bytes), IO else. */
MUST_USE status read_all(int fd, uint8_t *out, size_t len, struct diag *d);
