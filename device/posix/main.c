/* tenure-agent: options and configuration; the commands are command.c's. See tenure-agent(8). */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/conf.h"
#include "base/log.h"
#include "device/posix/command.h"

#define DEFAULT_FOLDER "/var/lib/tenure-agent"
#define HOUR 3600
#define CONF_ARENA_MAX (1 << 20)
#define RETRY_HONOURED_S (24 * HOUR) /* a server may send everybody away for a day, not longer */
#define USAGE_STATUS 2

static const struct conf_key conf_keys[] = {
	{ "", "server", CONF_TEXT, "", 0, 0, "the server's address, https://HOST[:PORT]" },
	{ "", "ca", CONF_PATH, "ca.pem", 0, 0, "PEM file of the CA of the server's certificate" },
	{ "", "fleet", CONF_TEXT, "", 0, 0, "the fleet that this device belongs to" },
	{ "", "element", CONF_TEXT, "", 0, 0,
		"the secure element's address; empty: keys in files in DIR/element" },
	{ "", "poll", CONF_DURATION, "60s", 1, HOUR,
		"how long one question may wait at the server" },
	{ "", "retry_least", CONF_DURATION, "2s", 1, HOUR, "pause after the first failure" },
	{ "", "retry_most", CONF_DURATION, "15m", 1, 24 * HOUR, "the pause grows up to this" },
	{ "", "start_spread", CONF_DURATION, "10s", 0, HOUR,
		"run waits at most so long before its first request" },
	{ "", "log", CONF_TEXT, "info", 0, 0, "debug, info, warning or error" },
};

struct arguments {
	const char *folder, *server, *ca, *fleet, *element, *command;
	struct command_options options;
};

static void
print_help(FILE *to)
{
	const struct command *c;

	fprintf(to, "usage: tenure-agent [--dir DIR] [--server URL] [--ca FILE] [--fleet NAME] "
		    "[--element ADDRESS]\n                    COMMAND\n\n");
	for (size_t i = 0; (c = command_at(i)) != NULL; i++) {
		fprintf(to, "  %-8s %s\n", c->name, c->help);
	}
	fprintf(to, "  %-8s %s\n  %-8s %s\n\n", "version", "print it", "help", "print this");
	fprintf(to, "DIR is " DEFAULT_FOLDER " and holds agent.conf; see tenure-agent(8).\n");
}

static bool
take_option(int letter, struct arguments *a)
{
	switch (letter) {
	case 'd':
		a->folder = optarg;
		return true;
	case 's':
		a->server = optarg;
		return true;
	case 'c':
		a->ca = optarg;
		return true;
	case 'f':
		a->fleet = optarg;
		return true;
	case 'e':
		a->element = optarg;
		return true;
	case 'j':
		a->options.as_json = true;
		return true;
	case 'k':
		a->options.with_key = true;
		return true;
	case 'o':
		a->options.once = true;
		return true;
	case 'r':
		a->options.roots = optarg;
		return true;
	case 'u':
		a->options.until = optarg;
		return command_is_state(optarg);
	default:
		return false;
	}
}

static bool
parse_arguments(int argc, char **argv, struct arguments *out)
{
	static const struct option names[] = { { "dir", required_argument, NULL, 'd' },
		{ "server", required_argument, NULL, 's' }, { "ca", required_argument, NULL, 'c' },
		{ "fleet", required_argument, NULL, 'f' },
		{ "element", required_argument, NULL, 'e' }, { "json", no_argument, NULL, 'j' },
		{ "with-key", no_argument, NULL, 'k' }, { "once", no_argument, NULL, 'o' },
		{ "roots", required_argument, NULL, 'r' },
		{ "until", required_argument, NULL, 'u' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' }, { 0 } };
	int letter;

	*out = (struct arguments){ .folder = DEFAULT_FOLDER };
	opterr = 0;
	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (letter == 'h' || letter == 'v') {
			out->command = letter == 'h' ? "help" : "version";
			return true;
		}
		if (!take_option(letter, out)) {
			fprintf(stderr,
				"tenure-agent: wrong usage at \"%.60s\"; see tenure-agent help\n",
				argv[optind - 1]);
			return false;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "tenure-agent: one command is wanted; see tenure-agent help\n");
		return false;
	}
	out->command = argv[optind];
	return true;
}

/* [a-z0-9][a-z0-9._-]{0,62}: it becomes a part of a path. */
static bool
is_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return text[len] == '\0' && len > 0 && len <= NAME_MAX_LEN &&
	       strchr("._-", text[0]) == NULL;
}

static status
set_log_level(const char *name, struct diag *d)
{
	static const char *const names[] = { "debug", "info", "warning", "error" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			log_set_level((enum log_level)i);
			return OK;
		}
	}
	return diag_set(d, BAD_INPUT, NULL, "log: \"%.20s\" is no level", name);
}

/* DIR/agent.conf where it is there; what is given as an option counts more. */
static status
configure(struct arena *arena, bool is_offline, struct arguments *a, struct diag *d)
{
	struct agent_options *o = &a->options.agent;
	char path[PATH_MAX];
	struct conf *c = NULL;
	status s;

	snprintf(path, sizeof(path), "%s/agent.conf", a->folder);
	s = conf_load(arena, access(path, F_OK) == 0 ? path : NULL, a->folder, conf_keys,
		COUNT_OF(conf_keys), &c, d);
	if (s != OK) {
		return s;
	}
	o->folder = a->folder;
	o->clock = &clock_system;
	o->server = a->server != NULL ? a->server : conf_text(c, "", "server");
	o->ca = a->ca != NULL ? a->ca : conf_text(c, "", "ca");
	o->fleet = a->fleet != NULL ? a->fleet : conf_text(c, "", "fleet");
	o->element = a->element != NULL ? a->element : conf_text(c, "", "element");
	o->element = o->element[0] != '\0' ? o->element : NULL;
	o->limits.poll_s = conf_number(c, "", "poll");
	o->limits.retry_least_ms = 1000 * conf_number(c, "", "retry_least");
	o->limits.retry_most_ms = 1000 * conf_number(c, "", "retry_most");
	o->limits.retry_honoured_s = RETRY_HONOURED_S;
	a->options.start_spread_s = conf_number(c, "", "start_spread");
	if (!is_offline && (o->server[0] == '\0' || !is_name(o->fleet))) {
		return diag_set(d, BAD_INPUT, NULL,
			"server and fleet (a-z 0-9 . _ -) must be given, in %s or as --server and "
			"--fleet",
			path);
	}
	return set_log_level(conf_text(c, "", "log"), d);
}

static int
run(const struct command *command, struct arguments *a)
{
	struct arena *arena = arena_new(CONF_ARENA_MAX);
	struct diag d = { 0 };
	status s = arena != NULL ? configure(arena, command->is_offline, a, &d) : NO_MEMORY;

	if (s == OK) {
		s = command->run(&a->options, &d);
	}
	arena_free(arena);
	if (s != OK) {
		fprintf(stderr, "tenure-agent: %s%s%s%s\n",
			d.text[0] != '\0' ? d.text : status_name(s),
			d.clause[0] != '\0' ? " (" : "", d.clause, d.clause[0] != '\0' ? ")" : "");
	}
	return status_exit(s);
}

int
main(int argc, char **argv)
{
	const struct command *command;
	struct arguments a;

	log_set_program("tenure-agent");
	signal(SIGPIPE, SIG_IGN);
	if (!parse_arguments(argc, argv, &a)) {
		return USAGE_STATUS;
	}
	if (strcmp(a.command, "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(a.command, "version") == 0) {
		printf("tenure-agent " TENURE_VERSION "\n");
		return 0;
	}
	command = command_find(a.command);
	if (command == NULL) {
		fprintf(stderr, "tenure-agent: no command \"%.40s\"; see tenure-agent help\n",
			a.command);
		return USAGE_STATUS;
	}
	return run(command, &a);
}
