/*
 * tenure-demo BUILD FOLDER REPORT [REAL-DATA]: a fleet's whole life against the real server, by the programs that a person would
 * use. Exit status 0 only if every check held.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "demo/steps.h"

#define DEVICES 200
#define START_LIMIT_S 20
#define ARENA_MAX (256 << 20)

static bool
make_home(struct world *w)
{
	struct child_result r;
	int code;

	run_program(w, &r, program_tenure(w), "init", "--home", w->home, "--company", "Demo Lamps",
		"--maker", "demo-lamps", "--fleet", "lamps", "--phase", "production", "--guard",
		world_path(w, "guard/ledger.guard"), "--passphrase-file",
		secret_file(w, "passphrase", "correct horse battery staple\n"), "--listen",
		w->address, "--listen-plain", w->plain, NULL);
	code = r.exit_status;
	if (code != 0) {
		fprintf(stderr, "demo: tenure init: %s\n", (const char *)r.err.data);
	}
	child_result_wipe(&r);
	return code == 0;
}

/* Its socket is there when the parts are. */
static bool
start_elements(struct world *w)
{
	const char *program = arena_printf(w->arena, "%s/device/tenure-element", w->programs);
	const char *count = arena_printf(w->arena, "%zu", w->count);
	const char *const argv[] = { program, "--socket", w->elements, "--state",
		world_path(w, "elements"), "--profile", "trustflex-tls", "--count", count, NULL };
	double began = seconds_now();
	struct diag d = { 0 };

	if (child_start(argv, world_path(w, "elements.log"), &w->element, &d) != OK) {
		fprintf(stderr, "demo: %s\n", d.text);
		return false;
	}
	while (access(w->elements, F_OK) != 0 && seconds_now() - began < START_LIMIT_S) {
		const struct timespec pause = { .tv_nsec = 20000000 };

		nanosleep(&pause, NULL);
	}
	if (access(w->elements, F_OK) != 0) {
		fprintf(stderr, "demo: the virtual elements are not there; see %s\n",
			world_path(w, "elements.log"));
		return false;
	}
	return true;
}

static bool
start_server(struct world *w)
{
	const char *program = arena_printf(w->arena, "%s/src/server/tenured", w->programs);
	const char *const argv[] = { program, "--home", w->home, NULL };
	double began = seconds_now();
	struct diag d = { 0 };
	int code = 1;

	if (child_start(argv, world_path(w, "tenured.log"), &w->server, &d) != OK) {
		fprintf(stderr, "demo: %s\n", d.text);
		return false;
	}
	while (code != 0 && seconds_now() - began < START_LIMIT_S) {
		const struct timespec pause = { .tv_nsec = 50000000 };
		struct child_result r;

		nanosleep(&pause, NULL);
		code = run_tenure(w, NULL, &r, "status", NULL);
		if (code != 0 && seconds_now() - began >= START_LIMIT_S - 1) {
			fprintf(stderr, "demo: the server is not there: %s\n",
				(const char *)r.err.data);
		}
		child_result_wipe(&r);
	}
	return code == 0;
}

static void
live(struct world *w, const char *real_data)
{
	step_factory(w);
	step_onboard(w, real_data);
	step_claim(w);
	step_use(w);
	step_rotate(w);
	step_transfer(w);
	step_revoke(w);
	step_return(w);
	step_retire(w);
	step_audit(w);
}

static bool
prepare(struct world *w, const char *programs, const char *folder)
{
	w->arena = arena_new(ARENA_MAX);
	if (w->arena == NULL) {
		return false;
	}
	snprintf(w->programs, sizeof(w->programs), "%s", programs);
	snprintf(w->folder, sizeof(w->folder), "%s", folder);
	snprintf(w->home, sizeof(w->home), "%s", world_path(w, "home"));
	snprintf(w->devices, sizeof(w->devices), "%s", world_path(w, "devices"));
	snprintf(w->client, sizeof(w->client), "%s", world_path(w, "home/client.conf"));
	snprintf(w->ca, sizeof(w->ca), "%s", world_path(w, "home/ca.pem"));
	snprintf(w->elements, sizeof(w->elements), "%s", world_path(w, "elements.sock"));
	snprintf(w->address, sizeof(w->address), "127.0.0.1:%u", child_free_port());
	snprintf(w->plain, sizeof(w->plain), "127.0.0.1:%u", child_free_port());
	w->count = DEVICES;
	w->report.devices = DEVICES;
	return true;
}

int
main(int argc, char **argv)
{
	static struct world w;
	struct diag d = { 0 };
	const char *report;
	bool ok;

	if (argc < 4 || !prepare(&w, argv[1], argv[2])) {
		fprintf(stderr, "usage: tenure-demo BUILD FOLDER REPORT [REAL-DATA]\n");
		return 2;
	}
	report = argv[3];
	printf("A fleet's life: %d devices with ATECC608 secure elements, virtual at packet level, "
	       "against "
	       "a real server.\n",
		DEVICES);
	ok = make_home(&w) && start_elements(&w) && start_server(&w);
	if (ok) {
		live(&w, argc > 4 ? argv[4] : "");
	}
	if (w.server > 0 && child_stop(w.server, SIGTERM, 30) != 0) {
		fprintf(stderr, "demo: the server did not end well; see %s\n",
			world_path(&w, "tenured.log"));
		ok = false;
	}
	if (w.element > 0 && child_stop(w.element, SIGTERM, 30) != 0) {
		fprintf(stderr, "demo: the virtual elements did not end well; see %s\n",
			world_path(&w, "elements.log"));
		ok = false;
	}
	ok = ok && report_is_ok(&w.report);
	if (report_write(&w.report, report, &d) != OK) {
		fprintf(stderr, "demo: %s\n", d.text);
		ok = false;
	}
	report_summary(&w.report, report);
	arena_free(w.arena);
	return ok ? 0 : 1;
}
