/* Sockets that come from somebody else, in a process of its own each: descriptors 3 and 4 are theirs. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "base/check.h"
#include "server/sockets.h"

static const struct row {
	const char *name;
	const char *count, *names; /* NULL: not there */
	bool is_other_pid;
	status wanted;
	int tls, plain;
} rows[] = {
	{ "nothing said", NULL, NULL, false, BAD_INPUT, -1, -1 },
	{ "somebody else is meant", "2", "tls:plain", true, OK, -1, -1 },
	{ "both", "2", "tls:plain", false, OK, 3, 4 },
	{ "the other way round", "2", "plain:tls", false, OK, 4, 3 },
	{ "by their order", "2", NULL, false, OK, 3, 4 },
	{ "one by its order", "1", NULL, false, OK, 3, -1 },
	{ "the plain one alone", "1", "plain", false, OK, -1, 3 },
	{ "none", "0", NULL, false, OK, -1, -1 },
	{ "three", "3", "tls:plain:more", false, BAD_INPUT, -1, -1 },
	{ "a name of nothing", "1", "tenured.socket", false, BAD_INPUT, -1, -1 },
	{ "an empty name", "2", "tls:", false, BAD_INPUT, 3, -1 },
	{ "a name too few", "2", "tls", false, BAD_INPUT, 3, -1 },
	{ "the same twice", "2", "tls:tls", false, BAD_INPUT, 3, -1 },
	{ "a number that is none", "two", NULL, false, BAD_INPUT, -1, -1 },
	{ "a negative one", "-1", NULL, false, BAD_INPUT, -1, -1 },
	{ "an endless one", "99999999999999999999", NULL, false, BAD_INPUT, -1, -1 },
};

static void
say(const char *name, const char *value)
{
	if (value != NULL) {
		setenv(name, value, 1);
	} else {
		unsetenv(name);
	}
}

static bool
is_right(const struct row *row)
{
	struct handed_sockets got;
	struct diag d = { 0 };
	char pid[24];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid() + (row->is_other_pid ? 1 : 0));
	say("LISTEN_PID", pid);
	say("LISTEN_FDS", row->count);
	say("LISTEN_FDNAMES", row->names);
	if (sockets_take(&got, &d) != row->wanted || got.tls != row->tls ||
		got.plain != row->plain) {
		return false;
	}
	if (row->wanted != OK && d.text[0] == '\0') {
		return false;
	}
	if (got.tls >= 0 && fcntl(got.tls, F_GETFD) != FD_CLOEXEC) {
		return false;
	}
	return getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
	       getenv("LISTEN_FDNAMES") == NULL;
}

/* Two sockets at 3 and 4, whatever was there. */
static void
open_two(void)
{
	for (int at = 3; at < 5; at++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd != at) {
			dup2(fd, at);
			close(fd);
		}
	}
}

static void
in_a_process(bool (*right)(const struct row *), const struct row *row)
{
	pid_t pid = fork();
	int how = 0;

	if (pid == 0) {
		open_two();
		_exit(right(row) ? 0 : 1);
	}
	assert_int_equal(pid, waitpid(pid, &how, 0));
	if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) {
		fail_msg("%s", row->name);
	}
}

static void
what_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		in_a_process(is_right, &rows[i]);
	}
}

static bool
is_missing(const struct row *row)
{
	close(4);
	return is_right(row);
}

static void
one_that_is_not_open(void **state)
{
	static const struct row row = { "not open", "2", "tls:plain", false, BAD_INPUT, 3, -1 };

	(void)state;
	in_a_process(is_missing, &row);
}

static unsigned
port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &len) == 0 ? ntohs(at.sin_port) : 0;
}

/* Sockets that stand where the others are to go. */
static bool
comes_back(const struct row *row)
{
	struct handed_sockets given = { row->tls, row->plain }, got;
	unsigned ports[2];
	struct diag d = { 0 };

	listen(3, 1);
	listen(4, 1);
	ports[0] = given.tls >= 0 ? port_of(given.tls) : 0;
	ports[1] = given.plain >= 0 ? port_of(given.plain) : 0;
	if (sockets_hand_on(&given, &d) != OK) {
		return false;
	}
	if (given.tls >= 0 && fcntl(3, F_GETFD) != 0) {
		return false; /* would not survive */
	}
	if (sockets_take(&got, &d) != OK) {
		return false;
	}
	return (got.tls >= 0 ? port_of(got.tls) : 0) == ports[0] &&
	       (got.plain >= 0 ? port_of(got.plain) : 0) == ports[1];
}

static void
what_is_handed_on_is_taken(void **state)
{
	static const struct row hands[] = {
		{ "as they are", NULL, NULL, false, OK, 3, 4 },
		{ "crosswise", NULL, NULL, false, OK, 4, 3 },
		{ "one", NULL, NULL, false, OK, 4, -1 },
		{ "the plain one", NULL, NULL, false, OK, -1, 3 },
		{ "none", NULL, NULL, false, OK, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(hands); i++) {
		in_a_process(comes_back, &hands[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(one_that_is_not_open),
		cmocka_unit_test(what_is_handed_on_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
