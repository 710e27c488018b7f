/* From the command line to the exit status. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/view.h"

#define CALL_ARENA_MAX (256 << 20)
#define EXIT_USAGE 2

static void
complain(const struct diag *d)
{
	fputs("tenure: ", stderr);
	print_text(stderr, d->text[0] != '\0' ? d->text : status_name(d->status));
	if (d->clause[0] != '\0') {
		fputs(" (", stderr);
		print_text(stderr, d->clause);
		fputc(')', stderr);
	}
	fputc('\n', stderr);
}

/* `tenure device list | head`: who reads no further needs no words. */
static bool
reader_is_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

static void
help(const struct call *c)
{
	if (c->command != NULL) {
		help_command(stdout, c->noun, c->command);
	} else if (c->noun != NULL) {
		help_noun(stdout, c->noun);
	} else {
		help_all(stdout);
	}
}

/* 3 says that the server cannot be reached: a command that asks none has no such end. */
static int
exit_of(const struct call *c, status s)
{
	bool asks = c->command != NULL && (c->command->traits & COMMAND_SERVER) != 0;

	return s == UNAVAILABLE && !asks ? 1 : status_exit(s);
}

int
cli_main(int argc, char *const *argv)
{
	struct call c = { .arena = arena_new(CALL_ARENA_MAX) };
	struct diag d = { 0 };
	status s = c.arena != NULL ? call_parse(&c, argc, argv, &d)
				   : diag_set(&d, NO_MEMORY, NULL, "no memory");
	int result;

	signal(SIGPIPE,
		SIG_IGN); /* a lost server must not end us; a closed pipe is seen when writing */
	if (s == OK && c.wants_help) {
		help(&c);
	} else if (s == OK) {
		s = c.command->run(&c, &d);
	}
	if (s == OK && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
		s = diag_set(&d, IO, NULL, "cannot write the output");
	}
	if (s != OK) {
		if (d.status == OK) {
			(void)!diag_set(&d, s, NULL, "%s", status_name(s));
		}
		if (s != IO || !reader_is_gone()) {
			complain(&d);
		}
	}
	result = c.is_usage ? EXIT_USAGE : exit_of(&c, s);
	arena_free(c.arena);
	return result;
}
