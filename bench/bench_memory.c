/*
 * Memory: what the server and its signer hold when nothing happens, right after the start and after work. Resident set
 * (VmRSS), in MiB, of the shipped programs on a home made by `tenure init`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "stage.h"

#define SETTLE_S 3 /* the jobs of the start are over */
#define ASKED 2000

static void
settle(void)
{
	const struct timespec pause = { .tv_sec = SETTLE_S };

	nanosleep(&pause, NULL);
}

static void
measure(struct bench *b, const struct stage *w, const char *server, const char *signer)
{
	settle();
	bench_add_one(b,
		&(struct bench_metric){ .name = server,
			.unit = "MiB",
			.target = 64,
			.better = BENCH_LOWER,
			.beside = "resident, of which the programs' own pages are shared" },
		stage_resident_mib(w->server));
	bench_add_one(b,
		&(struct bench_metric){ .name = signer,
			.unit = "MiB",
			.target = 16,
			.better = BENCH_LOWER,
			.beside = "resident; scrypt's 16 MiB for a key are given back" },
		stage_resident_mib(w->signer));
}

/* A batch of births, CRLs and answers, so that what work leaves behind is seen. */
static void
work(const struct stage *w)
{
	char folder[STAGE_ROOM + 32], manifest[STAGE_ROOM + 64], count[16];

	snprintf(folder, sizeof(folder), "%s/units", bench_folder());
	snprintf(manifest, sizeof(manifest), "%s/manifest.json", folder);
	snprintf(count, sizeof(count), "%d", ASKED);
	stage_run((const char *const[]){ w->tenure, "factory", "run", "--fleet", STAGE_FLEET,
		"--count", count, "--out", folder, "--client", w->client, NULL });
	stage_run((const char *const[]){ w->tenure, "manifest", "import", manifest, "--fleet",
		STAGE_FLEET, "--client", w->client, NULL });
}

int
main(int argc, char **argv)
{
	struct stage w;
	struct bench b;

	(void)argc;
	stage_open(&w, argv[0]);
	bench_begin(&b, "memory");
	measure(&b, &w, "tenured_idle", "signer_idle");
	work(&w);
	measure(&b, &w, "tenured_idle_after_2000_devices", "signer_idle_after_2000_devices");
	return stage_close(&w) != 0 ? 1 : bench_end(&b);
}
