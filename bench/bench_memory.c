/*
 * Memory: what the server and its signer hold when nothing happens, right after the start and after work. Resident set
 * (VmRSS), in MiB, of the shipped programs on a home made by `tenure init`.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "bench.h"
#include "demo/child.h"

#define ROOM 4096
#define LIMIT_S 60
#define SETTLE_S 3 /* the jobs of the start are over */
#define ASKED 2000

struct world {
	char programs[ROOM]; /* the release build */
	char home[ROOM], guard[ROOM], passphrase[ROOM], log[ROOM], client[ROOM];
	char tenure[ROOM + 64], tenured[ROOM + 64];
	pid_t server;
};

static void
run(const char *const argv[])
{
	struct child_result r;
	struct diag d = { 0 };

	child_result_init(&r);
	bench_must(child_run(argv, LIMIT_S, &r, &d), &d);
	if (r.exit_status != 0) {
		fprintf(stderr, "%s: %.*s\n", argv[0], (int)r.err.len, (const char *)r.err.data);
		exit(1);
	}
	child_result_wipe(&r);
}

static void
set_paths(struct world *w, const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *folder = bench_folder();

	/* Beside the build's bench folder; the benchmark may be called by a relative path. */
	snprintf(w->programs, sizeof(w->programs), "%.*s/..", (int)(slash ? slash - program : 0),
		slash ? program : "");
	snprintf(w->tenure, sizeof(w->tenure), "%s/src/cli/tenure", w->programs);
	snprintf(w->tenured, sizeof(w->tenured), "%s/src/server/tenured", w->programs);
	snprintf(w->home, sizeof(w->home), "%s/home", folder);
	snprintf(w->guard, sizeof(w->guard), "%s/guard/ledger.guard", folder);
	snprintf(w->passphrase, sizeof(w->passphrase), "%s/passphrase", folder);
	snprintf(w->log, sizeof(w->log), "%s/tenured.log", folder);
	snprintf(w->client, sizeof(w->client), "%s/home/client.conf", folder);
}

/* Port 0 would not do: the client file names the port. */
static void
make_home(struct world *w)
{
	struct diag d = { 0 };
	char listen[64];
	unsigned port = 20000 + (unsigned)getpid() % 20000;

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	bench_must(file_replace(w->passphrase, span_text("a passphrase\n"), 0600, &d), &d);
	run((const char *const[]){ w->tenure, "init", "--home", w->home, "--company", "Bench",
		"--fleet", "bench", "--guard", w->guard, "--passphrase-file", w->passphrase,
		"--listen", listen, "--listen-plain", "127.0.0.1:0", NULL });
}

static void
await_server(struct world *w)
{
	double began = bench_seconds();
	int code = 1;

	while (code != 0 && bench_seconds() - began < LIMIT_S) {
		const char *const argv[] = { w->tenure, "status", "--client", w->client, NULL };
		const struct timespec pause = { .tv_nsec = 100000000 };
		struct child_result r;
		struct diag d = { 0 };

		nanosleep(&pause, NULL);
		child_result_init(&r);
		bench_must(child_run(argv, LIMIT_S, &r, &d), &d);
		code = r.exit_status;
		child_result_wipe(&r);
	}
	if (code != 0) {
		fprintf(stderr, "bench: tenured does not answer; see %s\n", w->log);
		exit(1);
	}
}

static double
resident_mib(pid_t pid)
{
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0) {
			kib = strtod(line + 6, NULL);
		}
	}
	if (f != NULL) {
		fclose(f);
	}
	return kib / 1024;
}

/* The signer is the server's only child. */
static pid_t
signer_of(pid_t server)
{
	char path[96];
	long pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)server, (int)server);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%ld", &pid) != 1) {
		fprintf(stderr, "bench: tenured has no signer\n");
		exit(1);
	}
	fclose(f);
	return (pid_t)pid;
}

static void
settle(void)
{
	const struct timespec pause = { .tv_sec = SETTLE_S };

	nanosleep(&pause, NULL);
}

static void
measure(struct bench *b, const struct world *w, const char *server, const char *signer)
{
	settle();
	bench_add_one(b,
		&(struct bench_metric){ .name = server,
			.unit = "MiB",
			.target = 64,
			.better = BENCH_LOWER,
			.beside = "resident, of which the programs' own pages are shared" },
		resident_mib(w->server));
	bench_add_one(b,
		&(struct bench_metric){ .name = signer,
			.unit = "MiB",
			.target = 16,
			.better = BENCH_LOWER,
			.beside = "resident; scrypt's 16 MiB for a key are given back" },
		resident_mib(signer_of(w->server)));
}

/* A batch of births, CRLs and answers, so that what work leaves behind is seen. */
static void
work(struct world *w)
{
	char folder[ROOM + 32], manifest[ROOM + 64], count[16];

	snprintf(folder, sizeof(folder), "%s/units", bench_folder());
	snprintf(manifest, sizeof(manifest), "%s/manifest.json", folder);
	snprintf(count, sizeof(count), "%d", ASKED);
	run((const char *const[]){ w->tenure, "factory", "run", "--fleet", "bench", "--count",
		count, "--out", folder, "--client", w->client, NULL });
	run((const char *const[]){ w->tenure, "manifest", "import", manifest, "--fleet", "bench",
		"--client", w->client, NULL });
}

int
main(int argc, char **argv)
{
	struct world w = { 0 };
	struct diag d = { 0 };
	struct bench b;

	(void)argc;
	set_paths(&w, argv[0]);
	make_home(&w);
	bench_must(child_start((const char *const[]){ w.tenured, "--home", w.home, NULL }, w.log,
			   &w.server, &d),
		&d);
	await_server(&w);
	bench_begin(&b, "memory");
	measure(&b, &w, "tenured_idle", "signer_idle");
	work(&w);
	measure(&b, &w, "tenured_idle_after_2000_devices", "signer_idle_after_2000_devices");
	if (child_stop(w.server, SIGTERM, LIMIT_S) != 0) {
		fprintf(stderr, "bench: tenured did not end well; see %s\n", w.log);
		return 1;
	}
	return bench_end(&b);
}
