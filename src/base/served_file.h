#pragma once
/* Files of ours that are handed out as they lie. Inside proto/ only. */
#include "http/exchange.h"

struct served_file {
	int fd;
	uint64_t size;
	int64_t changed_ns; /* of its content: another one after each replacement */
};

/* A regular file, no link. NOT_FOUND, IO. */
MUST_USE status served_file_open(const char *path, struct served_file *out);
/* At most `room` bytes of its beginning; `*len` of them. */
MUST_USE status served_file_head(
	const struct served_file *f, uint8_t *out, size_t room, size_t *len);
