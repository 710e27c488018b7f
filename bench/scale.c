#include "scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crowd.h"
#include "fill.h"
#include "round.h"

#define FEW 10000
#define MANY 1000000
#define MANY_LEAST 10000
#define WARM 1000
/* With many, the log is moved into the file every thousand or so: each round has its share. */
#define ROUND 2500
#define ROUNDS 9 /* of each, in turn */
#define UNITS (WARM + ROUNDS * ROUND)
#define LABEL_ROOM 128

/* One stage with its fleet and the devices that enrol. */
struct side {
	struct stage stage;
	struct crowd crowd;
	size_t next;
	double rate[ROUNDS], cpu[ROUNDS];
};

static size_t
devices_wanted(void)
{
	const char *text = getenv("BENCH_DEVICES");
	long wanted = text != NULL ? strtol(text, NULL, 10) : MANY;

	if (wanted < MANY_LEAST) {
		fprintf(stderr, "bench: BENCH_DEVICES is a number from %d on\n", MANY_LEAST);
		exit(2);
	}
	return (size_t)wanted;
}

static void
side_open(struct side *x, const char *argv0, unsigned number, size_t devices)
{
	stage_make(&x->stage, argv0, number);
	crowd_seed(&x->crowd, &x->stage, UNITS, 1);
	fill_store(&x->stage, devices);
}

static void
side_start(struct side *x, size_t in_flight)
{
	stage_start(&x->stage);
	(void)round_enrol(&x->crowd, &x->next, WARM, in_flight);
}

static void
side_round(struct side *x, size_t at, size_t in_flight)
{
	struct round r = round_enrol(&x->crowd, &x->next, ROUND, in_flight);

	x->rate[at] = r.rate;
	x->cpu[at] = r.cpu_s;
}

static int
side_close(struct side *x)
{
	crowd_close(&x->crowd);
	return stage_close(&x->stage);
}

static void
report(struct bench *b, const struct side *few, const struct side *many, size_t devices)
{
	static char beside[LABEL_ROOM];
	double rate[ROUNDS], cpu[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		rate[i] = many->rate[i] / few->rate[i];
		cpu[i] = few->cpu[i] / many->cpu[i];
	}
	snprintf(beside, sizeof(beside),
		"with %zu devices in the store over with %d, rounds in turn", devices, FEW);
	bench_add(b,
		&(struct bench_metric){ .name = "rate_many_over_few",
			.unit = "ratio",
			.target = 0.9,
			.better = BENCH_HIGHER,
			.beside = beside },
		rate, ROUNDS);
	bench_add(b,
		&(struct bench_metric){ .name = "cpu_few_over_many",
			.unit = "ratio",
			.better = BENCH_HIGHER,
			.beside = "the same of the CPU of a certificate, with few over with "
				  "many" },
		cpu, ROUNDS);
}

static void
report_filling(struct bench *b, const struct side *many, double seconds)
{
	struct stat found = { 0 };

	if (stat(many->stage.database, &found) != 0) {
		perror(many->stage.database);
		exit(1);
	}
	bench_add_one(b,
		&(struct bench_metric){ .name = "many_filled",
			.unit = "s",
			.better = BENCH_LOWER,
			.beside = "by SQL behind the store's back: the bench's own time" },
		seconds);
	bench_add_one(b,
		&(struct bench_metric){ .name = "many_database",
			.unit = "MiB",
			.better = BENCH_LOWER,
			.beside = "an element, a birth and an operational certificate a device" },
		(double)found.st_size / (1 << 20));
}

int
scale_measure(struct bench *b, const char *argv0, size_t in_flight)
{
	static struct side few, many;
	size_t devices = devices_wanted();
	double seconds;
	int code;

	side_open(&few, argv0, 1, FEW);
	seconds = bench_seconds();
	side_open(&many, argv0, 2, devices);
	report_filling(b, &many, bench_seconds() - seconds);
	side_start(&few, in_flight);
	side_start(&many, in_flight);
	for (size_t i = 0; i < ROUNDS; i++) {
		/* Who is first changes: what the one leaves to be written falls on the other. */
		side_round(i % 2 == 0 ? &few : &many, i, in_flight);
		side_round(i % 2 == 0 ? &many : &few, i, in_flight);
	}
	report(b, &few, &many, devices);
	code = side_close(&few);
	return side_close(&many) != 0 ? 1 : code;
}
