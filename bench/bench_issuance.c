/*
 * Issuance: what a certificate costs the shipped programs, durable and in the ledger, and how many a second they give.
 *
 * What is counted: first enrolments by claimed devices, each with a birth identity, a new key and a request made before, one
 * each over a mutual TLS connection that is open already. (A renewal would cost the first use of the former one too,
 * and the taking back of one that waits.) CPU is that of all threads of tenured and its signer: TLS records, HTTP, the request's
 * proof of possession, the signature, the store's commit, the ledger's tiles and checkpoints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "beside_cfssl.h"
#include "crowd.h"
#include "floor.h"
#include "round.h"
#include "scale.h"
#include "stage.h"

#define WARM 1000  /* first of all, not counted */
#define ONE 300	   /* one at a time */
#define ROUND 3000 /* certificates a round, over as many connections */
#define PAIRS 5	   /* of rounds on all cores and on one */
#define IN_FLIGHT 512
#define FEW 10000 /* devices in the store */
#define DEVICES (WARM + ONE + 2 * PAIRS * ROUND)

struct rounds {
	double cpu[PAIRS], floor[PAIRS], ratio[PAIRS], rate[PAIRS], rate_one_core[PAIRS];
	struct round one;
};

static void
measure(struct crowd *c, struct rounds *r)
{
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	size_t next = 0;

	(void)round_enrol(c, &next, WARM, IN_FLIGHT);
	r->one = round_enrol(c, &next, ONE, 1);
	for (size_t i = 0; i < PAIRS; i++) {
		double before = floor_verify_seconds() + floor_sign_seconds();
		struct round m = round_enrol(c, &next, ROUND, IN_FLIGHT);

		r->floor[i] = (before + floor_verify_seconds() + floor_sign_seconds()) / 2;
		r->cpu[i] = m.cpu_s;
		r->ratio[i] = m.cpu_s / r->floor[i];
		r->rate[i] = m.rate;
		stage_pin(c->stage, 1);
		r->rate_one_core[i] = round_enrol(c, &next, ROUND, IN_FLIGHT).rate;
		stage_pin(c->stage, cores);
	}
}

static void
report_cpu(struct bench *b, struct rounds *r)
{
	for (size_t i = 0; i < PAIRS; i++) {
		r->cpu[i] *= 1e6;
		r->floor[i] *= 1e6;
	}
	bench_add(b,
		&(struct bench_metric){ .name = "cpu_over_floor",
			.unit = "ratio",
			.target = 2.0,
			.better = BENCH_LOWER,
			.beside = "over one P-256 verify and one sign, same run" },
		r->ratio, PAIRS);
	bench_add(b,
		&(struct bench_metric){ .name = "cpu_per_certificate",
			.unit = "us",
			.better = BENCH_LOWER,
			.beside = "tenured and signer, 512 in flight" },
		r->cpu, PAIRS);
	bench_add(b,
		&(struct bench_metric){
			.name = "floor", .unit = "us", .better = BENCH_LOWER, .beside = "CPU" },
		r->floor, PAIRS);
	bench_add_one(b,
		&(struct bench_metric){ .name = "cpu_per_certificate_alone",
			.unit = "us",
			.better = BENCH_LOWER,
			.beside = "one in flight: a commit each" },
		r->one.cpu_s * 1e6);
}

static void
report_rate(struct bench *b, struct rounds *r)
{
	double scaling[PAIRS];

	for (size_t i = 0; i < PAIRS; i++) {
		scaling[i] = r->rate[i] / r->rate_one_core[i];
	}
	bench_add(b,
		&(struct bench_metric){ .name = "rate",
			.unit = "certs/s",
			.better = BENCH_HIGHER,
			.beside = "512 in flight, the client on the same cores" },
		r->rate, PAIRS);
	bench_add(b,
		&(struct bench_metric){ .name = "rate_one_core",
			.unit = "certs/s",
			.better = BENCH_HIGHER,
			.beside = "programs and client together on one core" },
		r->rate_one_core, PAIRS);
	bench_add(b,
		&(struct bench_metric){ .name = "all_cores_over_one",
			.unit = "ratio",
			.target = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1.6 : 0,
			.better = BENCH_HIGHER,
			.beside = "rate over rate_one_core; beyond the number of cores: others "
				  "used the machine" },
		scaling, PAIRS);
	bench_add_one(b,
		&(struct bench_metric){ .name = "rate_alone",
			.unit = "certs/s",
			.better = BENCH_HIGHER,
			.beside = "one connection at a time: the time to a durable certificate" },
		r->one.rate);
}

int
main(int argc, char **argv)
{
	static struct stage s;
	static struct rounds r;
	struct crowd c;
	struct bench b;

	(void)argc;
	stage_make(&s, argv[0], 0);
	crowd_seed(&c, &s, DEVICES, FEW);
	stage_start(&s);
	bench_begin(&b, "issuance");
	measure(&c, &r);
	report_cpu(&b, &r);
	report_rate(&b, &r);
	crowd_close(&c);
	if (stage_close(&s) != 0) {
		return 1;
	}
	/* Both are sorted by now. */
	cfssl_measure(&b, &(struct beside_ours){ .cpu_s = r.cpu[PAIRS / 2] * 1e-6,
				  .rate = r.rate[PAIRS / 2],
				  .in_flight = IN_FLIGHT });
	return scale_measure(&b, argv[0], IN_FLIGHT) != 0 ? 1 : bench_end(&b);
}
