#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define FOLDER_NAME "tenure-test-"
#define FILE_MAX (64 << 20)

void
support_assert_ok(status s, const struct diag *d, const char *call, const char *file, int line)
{
	if (s != OK) {
		print_error("%s answered %s: %s %s\n", call, status_name(s), d->text, d->clause);
		_fail(file, line);
	}
}

char *
temporary_folder(void)
{
	const char *base = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/" FOLDER_NAME "XXXXXX", base != NULL ? base : "/tmp") < 0 ||
		mkdtemp(path) == NULL) {
		fail_msg("no temporary folder");
	}
	return path;
}

static int
remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s;
	(void)type;
	(void)f;
	return remove(path);
}

void
temporary_folder_remove(char *path)
{
	if (strstr(path, "/" FOLDER_NAME) == NULL) {
		fail_msg("%s is not a temporary folder of the tests", path);
	}
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

span
bytes_of_hex(struct arena *a, const char *hex)
{
	char *digits = arena_string(a, span_text(hex));
	size_t n = 0;
	uint8_t *bytes;

	for (const char *c = hex; *c != '\0'; c++) {
		if (strchr(" \t\n", *c) == NULL) {
			digits[n++] = *c;
		}
	}
	bytes = arena_alloc(a, n / 2);
	if (hex_decode(span_of(digits, n), bytes, n / 2) != OK) {
		fail_msg("not hex: %s", hex);
	}
	return span_of(bytes, n / 2);
}

span
bytes_of_file(struct arena *a, const char *path)
{
	struct diag d = { 0 };
	struct buffer b;
	span copy;

	buffer_init(&b, FILE_MAX);
	assert_ok(file_read(path, FILE_MAX, &b, &d), d);
	copy = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return copy;
}

void
spawn_program(struct spawned *p, const char *const argv[])
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		fail_msg("no pipe: %s", strerror(errno));
	}
	p->pid = fork();
	if (p->pid < 0) {
		fail_msg("cannot fork: %s", strerror(errno));
	}
	if (p->pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	p->out = ends[0];
}

bool
spawned_line(struct spawned *p, char *out, size_t room, int limit_ms)
{
	int64_t end = clock_system.monotonic_ms(&clock_system) + limit_ms;
	size_t n = 0;

	for (;;) {
		int64_t left = end - clock_system.monotonic_ms(&clock_system);
		struct pollfd wait = { .fd = p->out, .events = POLLIN };
		char c;

		if (left < 0 || poll(&wait, 1, (int)left) <= 0 || read(p->out, &c, 1) != 1) {
			out[n] = '\0';
			return false;
		}
		if (c == '\n') {
			out[n] = '\0';
			return true;
		}
		if (n + 1 < room) {
			out[n++] = c;
		}
	}
}

int
spawned_end(struct spawned *p, int signal, int limit_ms)
{
	int64_t end = clock_system.monotonic_ms(&clock_system) + limit_ms;
	int wait_status = 0;

	if (signal != 0) {
		kill(p->pid, signal);
	}
	while (waitpid(p->pid, &wait_status, WNOHANG) == 0) {
		if (clock_system.monotonic_ms(&clock_system) > end) {
			kill(p->pid, SIGKILL);
			end = INT64_MAX;
		}
		poll(NULL, 0, 5);
	}
	close(p->out);
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}
