#include "server/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "http/syntax.h"

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define KINDS 2

static const char *const names[KINDS] = { "tls", "plain" };

/* --- taking --- */

static bool
is_number(const char *text, int64_t *out)
{
	return text != NULL && number_parse(span_text(text), out) == OK;
}

/* The part of the list that belongs to descriptor number `at`; empty where there is none. */
static span
name_at(const char *list, int64_t at)
{
	span rest = span_text(list), name = { NULL, 0 };

	for (int64_t i = 0; span_split(&rest, ':', &name); i++) {
		if (i == at) {
			return name;
		}
	}
	return span_of(NULL, 0);
}

static status
take_one(int64_t at, const char *list, struct handed_sockets *out, struct diag *d)
{
	int *places[KINDS] = { &out->tls, &out->plain };
	span name = list != NULL ? name_at(list, at) : span_text(names[at]);

	for (size_t i = 0; i < KINDS; i++) {
		if (!span_is(name, names[i])) {
			continue;
		}
		if (*places[i] >= 0) {
			return diag_set(d, BAD_INPUT, NULL,
				"LISTEN_FDNAMES: two sockets are named \"%s\"", names[i]);
		}
		*places[i] = FIRST + (int)at;
		return OK;
	}
	return diag_set(d, BAD_INPUT, NULL,
		"LISTEN_FDNAMES: a socket is named \"%.*s\"; they are \"tls\" and \"plain\" "
		"(FileDescriptorName= of a socket unit)",
		(int)(name.len < 64 ? name.len : 64), name.len > 0 ? (const char *)name.data : "");
}

static status
take_all(int64_t count, const char *list, struct handed_sockets *out, struct diag *d)
{
	status st = OK;

	if (count > KINDS) {
		return diag_set(d, BAD_INPUT, NULL,
			"LISTEN_FDS: %lld sockets; there are two: tls and plain", (long long)count);
	}
	for (int64_t i = 0; st == OK && i < count; i++) {
		if (fcntl(FIRST + (int)i, F_SETFD, FD_CLOEXEC) != 0) {
			return diag_set(d, BAD_INPUT, NULL, "LISTEN_FDS: descriptor %d is not open",
				FIRST + (int)i);
		}
		st = take_one(i, list, out, d);
	}
	return st;
}

status
sockets_take(struct handed_sockets *out, struct diag *d)
{
	const char *list = getenv("LISTEN_FDNAMES");
	int64_t pid, count;
	status st = OK;

	*out = (struct handed_sockets){ -1, -1 };
	if (is_number(getenv("LISTEN_PID"), &pid) && pid == getpid()) {
		st = is_number(getenv("LISTEN_FDS"), &count)
			     ? take_all(count, list, out, d)
			     : diag_set(d, BAD_INPUT, NULL, "LISTEN_FDS is not a number");
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return st;
}

/* --- handing on --- */

/* First out of the way of where they are to go, or one would close the other. */
static status
place(int fds[KINDS], int count, struct diag *d)
{
	for (int i = 0; i < count; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST + KINDS);
		if (fds[i] < 0) {
			return diag_set(
				d, IO, NULL, "a socket cannot be kept: %s", strerror(errno));
		}
	}
	for (int i = 0; i < count; i++) {
		if (dup2(fds[i], FIRST + i) < 0) { /* without FD_CLOEXEC */
			return diag_set(
				d, IO, NULL, "a socket cannot be kept: %s", strerror(errno));
		}
	}
	return OK;
}

status
sockets_hand_on(const struct handed_sockets *s, struct diag *d)
{
	const int given[KINDS] = { s->tls, s->plain };
	char list[32] = "", pid[24], number[8];
	int fds[KINDS], count = 0;
	status st;

	for (size_t i = 0; i < KINDS; i++) {
		if (given[i] >= 0) {
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				count > 0 ? ":" : "", names[i]);
			fds[count++] = given[i];
		}
	}
	st = place(fds, count, d);
	if (st != OK) {
		return st;
	}
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(number, sizeof(number), "%d", count);
	if (setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", number, 1) != 0 ||
		setenv("LISTEN_FDNAMES", list, 1) != 0) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the environment");
	}
	return OK;
}
