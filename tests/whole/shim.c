/*
 * Preloaded into a program of ours: kills it (or another) at the chosen durable call, fails the call, fills the disk, makes a
 * folder read-only; as the board says. Calls go to the kernel directly.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "board.h"

#define PATH_ROOM 4096

static struct board *board;

__attribute__((constructor)) static void
open_board(void)
{
	const char *path = getenv("TENURE_TEST_BOARD");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct board *b;

	if (fd < 0) {
		return;
	}
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (b != MAP_FAILED && strcmp(b->program, program_invocation_short_name) == 0) {
		board = b;
	}
}

static void
strike(void)
{
	int target = atomic_load(&board->target);

	atomic_store(&board->struck, 1);
	kill(target != 0 ? target : getpid(), SIGKILL);
	while (target == 0) {
		pause();
	}
}

enum answer { GO_ON, GO_ON_AND_STRIKE, REFUSE };

static enum answer
ask(unsigned kind)
{
	unsigned action;

	if (board == NULL || (atomic_load(&board->kinds) & kind) == 0 ||
		atomic_fetch_add(&board->count, 1) + 1 != atomic_load(&board->at)) {
		return GO_ON;
	}
	action = atomic_load(&board->action);
	if (action == BOARD_FAIL) {
		atomic_store(&board->struck, 1);
		return REFUSE;
	}
	if (action == BOARD_KILL_BEFORE) {
		strike();
		return GO_ON;
	}
	return GO_ON_AND_STRIKE;
}

static long
made(enum answer a, long result)
{
	if (a == GO_ON_AND_STRIKE) {
		int kept = errno;

		strike();
		errno = kept;
	}
	return result;
}

static int
refused(int code)
{
	errno = code;
	return -1;
}

static bool
is_below(const char *path)
{
	size_t len = strlen(board->folder);

	return len > 0 && strncmp(path, board->folder, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

static bool
is_regular(int fd)
{
	struct stat s;

	return fd > STDERR_FILENO && fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}

static void
path_of(int fd, char path[PATH_ROOM])
{
	char name[64];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, PATH_ROOM - 1);
	path[n > 0 ? n : 0] = '\0';
}

static bool
fd_is_below(int fd)
{
	char path[PATH_ROOM];

	path_of(fd, path);
	return is_below(path);
}

static enum answer
ask_sync(int fd)
{
	char path[PATH_ROOM];

	if (board != NULL && board->only[0] != '\0') {
		path_of(fd, path);
		return strstr(path, board->only) != NULL ? ask(BOARD_SYNC) : GO_ON;
	}
	return ask(BOARD_SYNC);
}

/* How many of `len` bytes still fit; -1 with ENOSPC when none does. */
static ssize_t
fitting(int fd, size_t len)
{
	long long room;

	if (board == NULL || atomic_load(&board->has_room) == 0 || !is_regular(fd) ||
		!fd_is_below(fd)) {
		return (ssize_t)len;
	}
	room = atomic_fetch_sub(&board->room, (long long)len);
	if (room <= 0) {
		return refused(ENOSPC);
	}
	return room < (long long)len ? (ssize_t)room : (ssize_t)len;
}

static bool
cannot_change(const char *path)
{
	return board != NULL && atomic_load(&board->read_only) != 0 && is_below(path);
}

/* --- what makes things durable --- */

int
fsync(int fd)
{
	enum answer a = ask_sync(fd);

	return a == REFUSE ? refused(EIO) : (int)made(a, syscall(SYS_fsync, fd));
}

int
fdatasync(int fd)
{
	enum answer a = ask_sync(fd);

	return a == REFUSE ? refused(EIO) : (int)made(a, syscall(SYS_fdatasync, fd));
}

int
renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	enum answer a;

	if (cannot_change(to)) {
		return refused(EROFS);
	}
	a = ask(BOARD_RENAME);
	return a == REFUSE ? refused(EIO)
			   : (int)made(a, syscall(SYS_renameat2, from_folder, from, to_folder, to,
						  flags));
}

int
rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	return renameat2(from_folder, from, to_folder, to, 0);
}

/* --- what changes files --- */

ssize_t
write(int fd, const void *bytes, size_t len)
{
	ssize_t room = fitting(fd, len);
	enum answer a;

	if (room < 0) {
		return room;
	}
	a = board != NULL && is_regular(fd) ? ask(BOARD_WRITE) : GO_ON;
	return a == REFUSE ? refused(EIO) : made(a, syscall(SYS_write, fd, bytes, (size_t)room));
}

static ssize_t
write_at(int fd, const void *bytes, size_t len, off_t offset)
{
	ssize_t room = fitting(fd, len);
	enum answer a;

	if (room < 0) {
		return room;
	}
	a = ask(BOARD_WRITE);
	return a == REFUSE ? refused(EIO)
			   : made(a, syscall(SYS_pwrite64, fd, bytes, (size_t)room, offset));
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return write_at(fd, bytes, len, offset);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	return write_at(fd, bytes, len, offset);
}

static int
truncate_to(int fd, off_t len)
{
	enum answer a = ask(BOARD_WRITE);

	return a == REFUSE ? refused(EIO) : (int)made(a, syscall(SYS_ftruncate, fd, len));
}

int
ftruncate(int fd, off_t len)
{
	return truncate_to(fd, len);
}

int
ftruncate64(int fd, off_t len)
{
	return truncate_to(fd, len);
}

int
unlink(const char *path)
{
	enum answer a;

	if (cannot_change(path)) {
		return refused(EROFS);
	}
	a = ask(BOARD_WRITE);
	return a == REFUSE ? refused(EIO) : (int)made(a, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int
mkdir(const char *path, mode_t mode)
{
	struct stat s;

	if (cannot_change(path)) {
		return refused(stat(path, &s) == 0 ? EEXIST : EROFS);
	}
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static int
open_path(int folder, const char *path, int flags, mode_t mode)
{
	struct stat s;
	bool changes =
		(flags & O_ACCMODE) != O_RDONLY || ((flags & O_CREAT) != 0 && stat(path, &s) != 0);

	if (changes && cannot_change(path)) {
		return refused(EROFS);
	}
	return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE_OF(flags)                                                            \
	va_list list;                                                             \
	mode_t mode;                                                              \
	va_start(list, flags);                                                    \
	mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0; \
	va_end(list)

int
open(const char *path, int flags, ...)
{
	MODE_OF(flags);

	return open_path(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	MODE_OF(flags);

	return open_path(AT_FDCWD, path, flags, mode);
}

int
openat(int folder, const char *path, int flags, ...)
{
	MODE_OF(flags);

	return open_path(folder, path, flags, mode);
}

int
openat64(int folder, const char *path, int flags, ...)
{
	MODE_OF(flags);

	return open_path(folder, path, flags, mode);
}

/* What the fortified headers make of an open without a mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open_path(AT_FDCWD, path, flags, 0);
}

int
__open64_2(const char *path, int flags)
{
	return open_path(AT_FDCWD, path, flags, 0);
}

static int
make_temporary(char *pattern, int flags)
{
	static atomic_uint number;
	size_t len = strlen(pattern);

	for (;;) {
		unsigned n = atomic_fetch_add(&number, 1);
		int fd;

		snprintf(
			pattern + len - 6, 7, "%06x", ((unsigned)getpid() * 4099U + n) & 0xffffffU);
		fd = open_path(AT_FDCWD, pattern, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
		if (fd >= 0 || errno != EEXIST) {
			return fd;
		}
	}
}

int
mkostemp(char *pattern, int flags)
{
	return make_temporary(pattern, flags);
}

int
mkostemp64(char *pattern, int flags)
{
	return make_temporary(pattern, flags);
}

/* --- requests to the signer --- */

ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
	struct sockaddr_storage name;
	socklen_t room = sizeof(name);
	enum answer a = GO_ON;

	if (board != NULL && getsockname(fd, (struct sockaddr *)&name, &room) == 0 &&
		name.ss_family == AF_UNIX) {
		a = ask(BOARD_SEND);
	}
	return a == REFUSE ? refused(EIO)
			   : made(a, syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0));
}
