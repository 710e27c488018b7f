#include "cli/manifest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static status
read_some(void *context, uint8_t *out, size_t room, size_t *len, struct diag *d)
{
	struct manifest_file *f = context;
	ssize_t n;

	do {
		n = read(f->fd, out, room);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return diag_set(d, IO, NULL, "cannot read the manifest: %s", strerror(errno));
	}
	*len = (size_t)n;
	f->done += (uint64_t)n;
	return OK;
}

status
manifest_file_open(const char *path, struct manifest_file *out, struct diag *d)
{
	struct stat st;
	status s;

	*out = (struct manifest_file){ .fd = STDIN_FILENO };
	if (strcmp(path, "-") != 0) {
		out->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (out->fd < 0) {
		s = errno == ENOENT ? NOT_FOUND : IO;
		return diag_set(d, s, NULL, "cannot open %s: %s", path, strerror(errno));
	}
	if (fstat(out->fd, &st) == 0 && S_ISREG(st.st_mode)) {
		out->size = (uint64_t)st.st_size;
	}
	s = manifest_reader_new(read_some, out, &out->reader, d);
	if (s != OK) {
		manifest_file_close(out);
	}
	return s;
}

void
manifest_file_close(struct manifest_file *f)
{
	if (f->reader != NULL) {
		manifest_reader_free(f->reader);
	}
	if (f->fd > STDERR_FILENO) {
		close(f->fd);
	}
	*f = (struct manifest_file){ .fd = -1 };
}
