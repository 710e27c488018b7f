#include "home/home.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/check.h"
#include "base/file.h"

#define PID_TEXT_MAX 32

static void
read_pid(const char *path, char out[PID_TEXT_MAX])
{
	struct diag ignored = { 0 };
	struct buffer b;
	buffer_init(&b, PID_TEXT_MAX);
	out[0] = '\0';
	if (file_read(path, PID_TEXT_MAX - 1, &b, &ignored) == OK && b.len > 0) {
		size_t digits = 0;
		while (digits < b.len && b.data[digits] >= '0' && b.data[digits] <= '9') {
			out[digits] = (char)b.data[digits];
			digits++;
		}
		out[digits] = '\0';
	}
	buffer_wipe(&b);
}

/* For the words of the next one who tries; the lock does not depend on it. */
static status
write_pid(int fd, const char *path, struct diag *d)
{
	char text[PID_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0) {
		return diag_set(d, IO, NULL, "%s: cannot be written", path);
	}
	return write_all(fd, span_of(text, (size_t)len), d);
}

status
home_take(const char *home, int *fd, struct diag *d)
{
	char path[PATH_MAX];
	struct stat st;
	struct diag why = { 0 };
	if (stat(home, &st) != 0 || !S_ISDIR(st.st_mode)) {
		return diag_set(
			d, NOT_FOUND, NULL, "%s: there is no such folder; run tenure init", home);
	}
	snprintf(path, sizeof(path), "%.4000s/run", home);
	status s = folder_make(path, 0700, d);
	if (s != OK) {
		return s;
	}
	snprintf(path, sizeof(path), "%.4000s/run/lock", home);
	s = file_lock(path, fd, &why);
	if (s == CONFLICT) {
		char pid[PID_TEXT_MAX];
		read_pid(path, pid);
		return diag_set(d, CONFLICT, NULL, "%s: another tenured (process %s) works on it",
			home, pid[0] ? pid : "?");
	}
	if (s != OK) {
		return diag_set(d, s, NULL, "%s", why.text);
	}
	s = write_pid(*fd, path, d);
	if (s != OK) {
		close(*fd);
	}
	return s;
}

const char *
home_signer_program(struct arena *a, const char *configured)
{
	static const char *const places[] = { "tenure-signer", "../signer/tenure-signer",
		"../libexec/tenure/tenure-signer" };
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (configured[0] != '\0') {
		return configured;
	}
	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < COUNT_OF(places); i++) {
		const char *path = arena_printf(a, "%.*s/%s", (int)(slash - self), self, places[i]);

		if (path != NULL && access(path, X_OK) == 0) {
			return path;
		}
	}
	return "tenure-signer";
}
