/*
 * Memory: what the server and its signer hold when nothing happens, right after the start and after work. Resident set
 * (VmRSS), in MiB, of the shipped programs on a home made by `tenure init`. And what each further idle connection costs,
 * mutual TLS 1.3 with the certificate of a device, while enrolments go on beside them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "idle.h"
#include "round.h"

#define SETTLE_S 3 /* the jobs of the start are over */
#define ASKED 2000
#define IDLE 15000 /* descriptors of a process often end at 20,000 */
#define ROUND 1000 /* enrolments a round */
#define RUNS 3
#define WARM 500
#define IN_FLIGHT 64

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

/* --- idle connections ------------------------------------------------------- */

/* A round, apart as the report has it. */
static void
enrol(struct crowd *c, size_t *next, double *rate, double *cpu)
{
	struct round r = round_enrol(c, next, ROUND, IN_FLIGHT);

	*rate = r.rate;
	*cpu = r.cpu_s;
}

struct idling {
	double server_kib, client_kib;
	double rate[RUNS], rate_beside[RUNS], cpu[RUNS], cpu_beside[RUNS];
};

static void
idle(struct crowd *c, struct idling *m)
{
	struct idle holder = { 0 };
	size_t next = 0;
	double before;

	(void)round_enrol(c, &next, WARM, IN_FLIGHT);
	for (size_t i = 0; i < RUNS; i++) {
		enrol(c, &next, &m->rate[i], &m->cpu[i]);
	}
	before = 1024 * stage_resident_mib(c->stage->server);
	idle_open(&holder, c, IDLE);
	m->server_kib = (1024 * stage_resident_mib(c->stage->server) - before) / IDLE;
	m->client_kib = holder.client_kib;
	for (size_t i = 0; i < RUNS; i++) {
		enrol(c, &next, &m->rate_beside[i], &m->cpu_beside[i]);
	}
	idle_close(&holder);
}

static void
report_idle(struct bench *b, struct idling *m)
{
	double kept[RUNS], kept_cpu[RUNS];

	for (size_t i = 0; i < RUNS; i++) {
		kept[i] = m->rate_beside[i] / m->rate[i];
		kept_cpu[i] = m->cpu[i] / m->cpu_beside[i];
	}
	bench_add_one(b,
		&(struct bench_metric){ .name = "idle_connection",
			.unit = "KiB",
			.target = 32,
			.better = BENCH_LOWER,
			.beside = "tenured's resident set for each of 15,000, mutual TLS 1.3" },
		m->server_kib);
	bench_add_one(b,
		&(struct bench_metric){ .name = "idle_connection_client",
			.unit = "KiB",
			.better = BENCH_LOWER,
			.beside = "what the same costs the bench's own end" },
		m->client_kib);
	bench_add(b,
		&(struct bench_metric){ .name = "rate_beside_15000_idle",
			.unit = "ratio",
			.target = 0.9,
			.better = BENCH_HIGHER,
			.beside = "enrolments a second with them over without, 64 in flight" },
		kept, RUNS);
	bench_add(b,
		&(struct bench_metric){ .name = "cpu_beside_15000_idle",
			.unit = "ratio",
			.better = BENCH_HIGHER,
			.beside = "the same of the CPU of an enrolment, without over with" },
		kept_cpu, RUNS);
}

/* They come from one address, and stay for longer than a device is left alone for. */
static void
allow_many(const struct stage *s)
{
	char path[STAGE_ROOM + 64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tenure.conf", s->home);
	f = fopen(path, "a");
	if (f == NULL || fputs("connections = 40000\nidle_timeout = 1h\n", f) < 0 ||
		fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static int
measure_idle(struct bench *b, const char *argv0)
{
	static struct idling m;
	static struct stage s;
	struct crowd c;

	stage_make(&s, argv0, 1);
	allow_many(&s); /* in [http], which stands last */
	crowd_seed(&c, &s, WARM + (size_t)2 * RUNS * ROUND, 0);
	stage_start(&s);
	idle(&c, &m);
	report_idle(b, &m);
	crowd_close(&c);
	return stage_close(&s);
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
	if (stage_close(&w) != 0 || measure_idle(&b, argv[0]) != 0) {
		return 1;
	}
	return bench_end(&b);
}
