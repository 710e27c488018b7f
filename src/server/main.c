/* tenured: see tenured(8). Starts the parts, tells the service manager, waits for a signal, stops them. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "server/notify.h"
#include "server/server.h"

static void
usage(FILE *to)
{
	fprintf(to, "usage: tenured [--home DIR] [--adopt-ledger]\n"
		    "  --home DIR      the home that tenure init made (TENURE_HOME, else ./home)\n"
		    "  --adopt-ledger  go on from this home's ledger although the guard is lost\n"
		    "  --version       print the version\n"
		    "tenured(8) tells the rest.\n");
}

struct options {
	const char *home;
	bool adopts_ledger;
};

/* False: the program ends with *code. */
static bool
parse(int argc, char **argv, struct options *o, int *code)
{
	static const struct option names[] = { { "home", required_argument, NULL, 'd' },
		{ "adopt-ledger", no_argument, NULL, 'a' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	const char *fallback = getenv("TENURE_HOME");
	int letter;

	o->home = fallback != NULL && fallback[0] != '\0' ? fallback : "home";
	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (letter) {
		case 'd':
			o->home = optarg;
			break;
		case 'a':
			o->adopts_ledger = true;
			break;
		case 'v':
			printf("tenured %s\n", TENURE_VERSION);
			*code = 0;
			return false;
		default:
			*code = letter == 'h' ? 0 : 2;
			usage(letter == 'h' ? stdout : stderr);
			return false;
		}
	}
	if (optind < argc) {
		usage(stderr);
		*code = 2;
		return false;
	}
	return true;
}

/* Every thread inherits the mask: signals are taken here only. */
static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR2);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A configuration that would not be taken must not end what runs. */
static bool
may_restart(const struct server *server)
{
	struct diag d = { 0 };

	if (server_may_restart(server, &d) == OK) {
		return true;
	}
	log_diag(LOG_ERROR, "restart_refused", &d);
	return false;
}

/* True: another tenured shall go on in this process. */
static bool
serve(const sigset_t *set, const struct server *server)
{
	for (;;) {
		int number = 0;

		if (sigwait(set, &number) != 0) {
			continue;
		}
		if (number == SIGUSR2 && !may_restart(server)) {
			continue;
		}
		if (number != SIGHUP) {
			log_event(LOG_INFO, number == SIGUSR2 ? "restarting" : "stopping",
				"signal=%d", number);
			return number == SIGUSR2;
		}
		/* What can change without a restart changes by itself; the manager gets its answer. */
		notify_reloading();
		notify("READY=1");
	}
}

/*
 * Becomes the program that is installed now, with the listening sockets: in the same process, so that the service manager
 * sees none end. The former one has let go of home, database and signer; who connected meanwhile waits in the sockets'
 * queues.
 */
static int
go_on(const char *program, const char *home, struct server *server)
{
	struct handed_sockets kept = { -1, -1 };
	struct diag d = { 0 };
	const char *const argv[] = { program, "--home", home, NULL };

	notify_reloading();
	server_stop_keeping(server, &kept);
	if (sockets_hand_on(&kept, &d) == OK) {
		execvp(program, (char *const *)(uintptr_t)argv);
		(void)diag_set(&d, IO, NULL, "%s cannot be run: %s", program, strerror(errno));
	}
	log_diag(LOG_ERROR, "restart_failed", &d);
	return 1;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct handed_sockets handed;
	struct server *server = NULL;
	struct diag d = { 0 };
	char home[LOG_QUOTED_MAX];
	sigset_t set;
	int code = 1;

	if (!parse(argc, argv, &o, &code)) {
		return code;
	}
	log_set_program("tenured");
	/* Large answers come and go: their memory is given back, and threads share few heaps. */
	(void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	(void)mallopt(M_ARENA_MAX, 2);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	secret_harden_process();
	block_signals(&set);
	if (sockets_take(&handed, &d) != OK ||
		server_start(o.home, o.adopts_ledger, &handed, &server, &d) != OK) {
		fprintf(stderr, "tenured: %s%s%s%s\n", d.text, d.clause[0] != '\0' ? " (" : "",
			d.clause, d.clause[0] != '\0' ? ")" : "");
		return 1;
	}
	log_event(LOG_INFO, "ready", "home=%s listen=\"%s\"", log_quote(home, server_home(server)),
		server_addresses(server));
	notify("READY=1");
	if (serve(&set, server)) {
		return go_on(argv[0], o.home, server);
	}
	notify("STOPPING=1");
	server_stop(server);
	log_event(LOG_INFO, "stopped", "lost_log_lines=%llu", (unsigned long long)log_lost());
	return 0;
}
