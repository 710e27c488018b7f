#include "stage.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "demo/child.h"

#define LIMIT_S 60
#define REST_S 0.3    /* looked at for so long */
#define REST_CPU 0.01 /* of that time at the most is rest */
#define REST_LIMIT_S 10

void
stage_run(const char *const argv[])
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
set_paths(struct stage *s, const char *program, unsigned number)
{
	const char *slash = strrchr(program, '/');
	const char *top = bench_folder();
	char folder[STAGE_ROOM - 64];
	struct diag d = { 0 };

	if (snprintf(folder, sizeof(folder), number > 0 ? "%s/%u" : "%s", top, number) >=
		(int)sizeof(folder)) {
		fprintf(stderr, "bench: %s is too long\n", top);
		exit(1);
	}
	bench_must(folder_make(folder, 0700, &d), &d);

	/* Beside the build's bench folder; the benchmark may be called by a relative path. */
	snprintf(s->programs, sizeof(s->programs), "%.*s/..", (int)(slash ? slash - program : 0),
		slash ? program : "");
	snprintf(s->tenure, sizeof(s->tenure), "%s/src/cli/tenure", s->programs);
	snprintf(s->tenured, sizeof(s->tenured), "%s/src/server/tenured", s->programs);
	snprintf(s->home, sizeof(s->home), "%s/home", folder);
	snprintf(s->guard, sizeof(s->guard), "%s/guard/ledger.guard", folder);
	snprintf(s->passphrase, sizeof(s->passphrase), "%s/passphrase", folder);
	snprintf(s->log, sizeof(s->log), "%s/tenured.log", folder);
	snprintf(s->client, sizeof(s->client), "%s/home/client.conf", folder);
	snprintf(s->database, sizeof(s->database), "%s/tenure.db", s->home);
	s->port = 20000 + (unsigned)getpid() % 2000 + 4000 * number;
	s->plain_port = s->port + 2000;
}

/* Port 0 would not do: the client file names the port. */
static void
make_home(struct stage *s)
{
	struct diag d = { 0 };
	char listen[64], listen_plain[64];

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", s->port);
	snprintf(listen_plain, sizeof(listen_plain), "127.0.0.1:%u", s->plain_port);
	bench_must(file_replace(s->passphrase, span_text("a passphrase\n"), 0600, &d), &d);
	stage_run((const char *const[]){ s->tenure, "init", "--home", s->home, "--company", "Bench",
		"--fleet", STAGE_FLEET, "--guard", s->guard, "--passphrase-file", s->passphrase,
		"--listen", listen, "--listen-plain", listen_plain, NULL });
}

static void
pause_s(double seconds)
{
	const struct timespec pause = { .tv_sec = (time_t)seconds,
		.tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds)) };

	nanosleep(&pause, NULL);
}

static void
await_server(struct stage *s)
{
	double began = bench_seconds();
	int code = 1;

	while (code != 0 && bench_seconds() - began < LIMIT_S) {
		const char *const argv[] = { s->tenure, "status", "--client", s->client, NULL };
		struct child_result r;
		struct diag d = { 0 };

		pause_s(0.1);
		child_result_init(&r);
		bench_must(child_run(argv, LIMIT_S, &r, &d), &d);
		code = r.exit_status;
		child_result_wipe(&r);
	}
	if (code != 0) {
		fprintf(stderr, "bench: tenured does not answer; see %s\n", s->log);
		exit(1);
	}
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

/* Connections are opened first, all of them, and on a busy machine that takes longer than a stranger is given. */
static void
be_patient(const struct stage *s)
{
	char path[STAGE_ROOM + 64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tenure.conf", s->home);
	f = fopen(path, "a");
	if (f == NULL || fputs("\n[http]\nheader_timeout = 10m\n", f) < 0 || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

void
stage_make(struct stage *s, const char *argv0, unsigned number)
{
	*s = (struct stage){ 0 };
	set_paths(s, argv0, number);
	make_home(s);
	be_patient(s);
}

/* --- what a benchmark leaves behind that ends in the middle --- */

#define STAGES_MAX 3

static pid_t servers[STAGES_MAX]; /* that run; 0: none */
static pid_t owner;		  /* whose they are: a child of ours stops nobody */

static void
stop_servers(void)
{
	for (size_t i = 0; getpid() == owner && i < STAGES_MAX; i++) {
		if (servers[i] > 0) {
			(void)child_stop(servers[i], SIGTERM, LIMIT_S);
		}
	}
}

/* `to` in place of `from`. */
static void
note_server(pid_t from, pid_t to)
{
	size_t i = 0;

	if (owner == 0) {
		owner = getpid();
		bench_check(atexit(stop_servers) == 0, "no room for what is to be done at the end");
	}
	while (i < STAGES_MAX && servers[i] != from) {
		i++;
	}
	bench_check(i < STAGES_MAX, "too many stages at once");
	servers[i] = to;
}

void
stage_start(struct stage *s)
{
	struct diag d = { 0 };

	bench_must(child_start((const char *const[]){ s->tenured, "--home", s->home, NULL }, s->log,
			   &s->server, &d),
		&d);
	note_server(0, s->server);
	await_server(s);
	s->signer = signer_of(s->server);
}

void
stage_open(struct stage *s, const char *argv0)
{
	stage_make(s, argv0, 0);
	stage_start(s);
}

int
stage_close(struct stage *s)
{
	note_server(s->server, 0);
	if (child_stop(s->server, SIGTERM, LIMIT_S) != 0) {
		fprintf(stderr, "bench: tenured did not end well; see %s\n", s->log);
		return 1;
	}
	return 0;
}

/* --- what they use --- */

double
stage_resident_mib(pid_t pid)
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

/* utime and stime of the process, by the clock that counts in ns what /proc/PID/stat counts in ticks. */
double
stage_process_cpu_seconds(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
		fprintf(stderr, "bench: process %d is gone\n", (int)pid);
		exit(1);
	}
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double
stage_cpu_seconds(const struct stage *s)
{
	return stage_process_cpu_seconds(s->server) + stage_process_cpu_seconds(s->signer);
}

void
stage_rest(const struct stage *s)
{
	double began = bench_seconds(), used;

	do {
		used = stage_cpu_seconds(s);
		pause_s(REST_S);
		used = stage_cpu_seconds(s) - used;
	} while (used > REST_CPU * REST_S && bench_seconds() - began < REST_LIMIT_S);
}

static void
pin_process(pid_t pid, const cpu_set_t *cores)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

		if (thread > 0 && sched_setaffinity(thread, sizeof(*cores), cores) != 0) {
			perror("bench: sched_setaffinity");
			exit(1);
		}
	}
	if (tasks != NULL) {
		closedir(tasks);
	}
}

void
stage_pin(const struct stage *s, unsigned cores)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned k = 0; k < cores; k++) {
		CPU_SET(k, &set);
	}
	pin_process(s->server, &set);
	pin_process(s->signer, &set);
	pin_process(getpid(), &set);
}
