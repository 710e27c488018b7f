#pragma once
/* A manifest on the disk, for the reader of element/manifest.h. */
#include "element/manifest.h"

struct manifest_file {
	int fd;
	uint64_t size, done; /* bytes; size 0: not known */
	struct manifest_reader *reader;
};

/* "-": standard input. NOT_FOUND, IO. */
MUST_USE status manifest_file_open(const char *path, struct manifest_file *out, struct diag *d);
void manifest_file_close(struct manifest_file *f);
