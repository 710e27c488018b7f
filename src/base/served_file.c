#include "base/served_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

status
served_file_open(const char *path, struct served_file *out)
{
	struct stat about;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? NOT_FOUND : IO;
	}
	if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size < 0) {
		close(fd);
		return NOT_FOUND;
	}
	*out = (struct served_file){ .fd = fd,
		.size = (uint64_t)about.st_size,
		.changed_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec };
	return OK;
}

status
served_file_head(const struct served_file *f, uint8_t *out, size_t room, size_t *len)
{
	*len = 0;
	while (*len < room) {
		ssize_t n = pread(f->fd, out + *len, room - *len, (off_t)*len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return IO;
		}
		if (n == 0) {
			break;
		}
		*len += (size_t)n;
	}
	return OK;
}
