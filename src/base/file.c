#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM 4096
#define LOCK_TRIES 25 /* in half a second */

/* It passes: somebody makes room. */
static bool
is_full(int code)
{
	return code == ENOSPC || code == EDQUOT;
}

static status
system_fault(struct diag *d, const char *what, const char *path)
{
	int code = errno;
	status s = code == ENOENT   ? NOT_FOUND
		   : code == EEXIST ? EXISTS
		   : is_full(code)  ? UNAVAILABLE
				    : IO;

	return diag_set(d, s, NULL, "cannot %s %s: %s", what, path, strerror(code));
}

/* What a sync leaves behind is not known, whatever its reason: never one that passes. */
static status
sync_fault(struct diag *d, const char *what, const char *path)
{
	return diag_set(d, IO, NULL, "cannot %s %s: %s", what, path, strerror(errno));
}

status
write_all(int fd, span content, struct diag *d)
{
	size_t done = 0;

	while (done < content.len) {
		ssize_t n = write(fd, content.data + done, content.len - done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return diag_set(d, n < 0 && is_full(errno) ? UNAVAILABLE : IO, NULL,
				"cannot write: %s", strerror(errno));
		}
		done += (size_t)n;
	}
	return OK;
}

status
read_all(int fd, uint8_t *out, size_t len, struct diag *d)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, out + done, len - done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n == 0 && done == 0) {
			return diag_set(d, UNAVAILABLE, NULL, "the other side has closed");
		}
		if (n <= 0) {
			return diag_set(d, IO, NULL, "cannot read: %s",
				n == 0 ? "ends too early" : strerror(errno));
		}
		done += (size_t)n;
	}
	return OK;
}

status
file_read(const char *path, size_t max, struct buffer *out, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t total = 0;
	status s = OK;

	if (fd < 0) {
		return system_fault(d, "open", path);
	}
	for (;;) {
		uint8_t chunk[16384];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			s = system_fault(d, "read", path);
			break;
		}
		if (n == 0) {
			break;
		}
		total += (size_t)n;
		if (total > max) {
			s = diag_set(d, LIMIT, NULL, "%s is larger than %zu bytes", path, max);
			break;
		}
		buffer_put(out, span_of(chunk, (size_t)n));
	}
	close(fd);
	if (s == OK && buffer_failed(out)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory to read %s", path);
	}
	return s;
}

static status
parent_of(const char *path, char *out)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;

	if (len >= PATH_ROOM) {
		return LIMIT;
	}
	if (slash == NULL) {
		strncpy(out, ".", PATH_ROOM);
	} else if (len == 0) {
		strncpy(out, "/", PATH_ROOM);
	} else {
		memcpy(out, path, len);
		out[len] = '\0';
	}
	return OK;
}

status
folder_sync(const char *path, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status s = OK;

	if (fd < 0) {
		return system_fault(d, "open the folder", path);
	}
	if (fsync(fd) != 0) {
		s = sync_fault(d, "sync the folder", path);
	}
	close(fd);
	return s;
}

static status
write_durably(int fd, const char *path, span content, struct diag *d)
{
	status s = write_all(fd, content, d);

	if (s != OK) {
		diag_prefix(d, "%s: ", path);
	} else if (fsync(fd) != 0) {
		s = sync_fault(d, "sync", path);
	}
	if (close(fd) != 0 && s == OK) {
		s = system_fault(d, "close", path);
	}
	return s;
}

status
file_replace(const char *path, span content, unsigned mode, struct diag *d)
{
	char temporary[PATH_ROOM], folder[PATH_ROOM];
	int fd, n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	status s;

	if (n < 0 || (size_t)n >= sizeof(temporary) || parent_of(path, folder) != OK) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", path);
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		return system_fault(d, "make a file beside", path);
	}
	if (fchmod(fd, mode) != 0) {
		s = system_fault(d, "set the mode of", temporary);
		close(fd);
	} else {
		s = write_durably(fd, temporary, content, d);
	}
	if (s == OK && rename(temporary, path) != 0) {
		s = system_fault(d, "replace", path);
	}
	if (s != OK) {
		unlink(temporary);
		return s;
	}
	return folder_sync(folder, d);
}

status
file_create(const char *path, span content, unsigned mode, struct diag *d)
{
	char folder[PATH_ROOM];
	int fd;
	status s;

	if (parent_of(path, folder) != OK) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", path);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		return system_fault(d, "create", path);
	}
	s = write_durably(fd, path, content, d);
	if (s != OK) {
		unlink(path);
		return s;
	}
	return folder_sync(folder, d);
}

status
folder_make(const char *path, unsigned mode, struct diag *d)
{
	char part[PATH_ROOM];
	size_t len = strlen(path);
	struct stat found;

	if (len == 0 || len >= sizeof(part)) {
		return diag_set(d, LIMIT, NULL, "path empty or too long: %.80s", path);
	}
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0') {
			continue;
		}
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST) {
			return system_fault(d, "make the folder", part);
		}
	}
	if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode)) {
		return diag_set(d, IO, NULL, "%s is not a folder", path);
	}
	return OK;
}

/*
 * Waits a moment for one who holds it: a process that was killed may leave a child that has not come to its exec yet, and
 * with it the lock.
 */
static bool
take_lock(int lock)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
			return true;
		}
		if (errno != EWOULDBLOCK && errno != EINTR) {
			return false;
		}
		nanosleep(&pause, NULL);
	}
	errno = EWOULDBLOCK;
	return false;
}

status
file_lock(const char *path, int *fd, struct diag *d)
{
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (lock < 0) {
		return system_fault(d, "open", path);
	}
	if (!take_lock(lock)) {
		status s = errno == EWOULDBLOCK ? diag_set(d, CONFLICT, NULL,
							  "%s is held by another process", path)
						: system_fault(d, "lock", path);

		close(lock);
		return s;
	}
	*fd = lock;
	return OK;
}
