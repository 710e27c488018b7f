#include "cli/file_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define PATH_ROOM 4200
#define PATHS_ARENA_MAX (64 << 20)
#define SUFFIX ".new"

status
file_batch_open(struct file_batch *b, const char *folder, struct diag *d)
{
	*b = (struct file_batch){ .folder = folder, .arena = arena_new(PATHS_ARENA_MAX) };
	return b->arena != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for files");
}

static status
remember(struct file_batch *b, const char *path, struct diag *d)
{
	char *copy = arena_string(b->arena, span_text(path));

	if (copy != NULL && b->count == b->room) {
		size_t room = b->room > 0 ? 2 * b->room : 256;
		char **more = reallocarray(b->paths, room, sizeof(*more));

		if (more != NULL) {
			b->paths = more;
			b->room = room;
		}
	}
	if (copy == NULL || b->count == b->room) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for files");
	}
	b->paths[b->count++] = copy;
	return OK;
}

status
file_batch_put(struct file_batch *b, const char *path, span content, unsigned mode, struct diag *d)
{
	char temporary[PATH_ROOM];
	status s;
	int fd;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s" SUFFIX, path) >=
		sizeof(temporary)) {
		return diag_set(d, LIMIT, NULL, "path too long: %.80s...", path);
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0) {
		return diag_set(d, IO, NULL, "cannot write %s: %s", temporary, strerror(errno));
	}
	s = write_all(fd, content, d);
	if (close(fd) != 0 && s == OK) {
		s = diag_set(d, IO, NULL, "cannot write %s: %s", temporary, strerror(errno));
	}
	return s == OK ? remember(b, path, d) : s;
}

static status
sync_all(const char *folder, struct diag *d)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && syncfs(fd) == 0;

	if (fd >= 0) {
		close(fd);
	}
	return done ? OK : diag_set(d, IO, NULL, "cannot sync %s: %s", folder, strerror(errno));
}

/* Synced before they get their names, and again so that the names last. */
status
file_batch_settle(struct file_batch *b, struct diag *d)
{
	status s = b->count > 0 ? sync_all(b->folder, d) : OK;

	if (b->count == 0) {
		return OK;
	}
	for (size_t i = 0; s == OK && i < b->count; i++) {
		char temporary[PATH_ROOM];

		snprintf(temporary, sizeof(temporary), "%s" SUFFIX, b->paths[i]);
		if (rename(temporary, b->paths[i]) != 0) {
			s = diag_set(d, IO, NULL, "cannot put %s in its place: %s", b->paths[i],
				strerror(errno));
		}
	}
	b->count = 0;
	arena_reset(b->arena);
	return s == OK ? sync_all(b->folder, d) : s;
}

void
file_batch_close(struct file_batch *b)
{
	arena_free(b->arena);
	free(b->paths);
	*b = (struct file_batch){ 0 };
}
