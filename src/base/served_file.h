#pragma once
/* Files of ours that are handed out as they lie, and looked at without reading them whole. */
#include <stdint.h>

#include "base/status.h"

struct served_file {
	int fd;
	uint64_t size;
	int64_t changed_ns; /* of its content: another one after each replacement */
};

/* A regular file, no link; the fd is the caller's to close. NOT_FOUND, IO. */
MUST_USE status served_file_open(const char *path, struct served_file *out);
/* At most `room` bytes of its beginning; `*len` of them. */
MUST_USE status served_file_head(
	const struct served_file *f, uint8_t *out, size_t room, size_t *len);
