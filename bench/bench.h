#pragma once
/*
 * What every benchmark shares: rows of one area, a table on the screen with what was asked beside what was
 * seen, and build/bench/AREA.json. A benchmark is a program of its own; bench/run builds and runs it.
 *
 *	struct bench b;
 *	bench_begin(&b, "ledger");
 *	... measure `runs` times into values[] ...
 *	bench_add(&b, &(struct bench_metric){ .name = "append", .unit = "entries/s", .target = 100000,
 *		.better = BENCH_HIGHER, .beside = "..." }, values, runs);
 *	return bench_end(&b);
 *
 * Whether a target is met is printed, and does not change the exit status: machines differ. One thread.
 */
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROWS_MAX 64
#define BENCH_RUNS_MAX 64

enum bench_better { BENCH_HIGHER, BENCH_LOWER };

struct bench_metric {
	const char *name; /* a-z 0-9 _ ; static text, as all here */
	const char *unit; /* "entries/s", "s", "ratio" */
	double target;	  /* 0: none, the row is information */
	enum bench_better better;
	const char *beside; /* what the figure stands beside, or was measured over; NULL: nothing */
};

struct bench_row {
	struct bench_metric metric;
	size_t runs;
	double median, min, max;
};

struct bench {
	const char *area;
	struct bench_row rows[BENCH_ROWS_MAX];
	size_t count;
};

void bench_begin(struct bench *b, const char *area);
/* A row out of 1 .. BENCH_RUNS_MAX values: median, least and greatest. `values` is sorted. */
void bench_add(struct bench *b, const struct bench_metric *m, double *values, size_t runs);
/* A row of one value: a quotient of two medians, a size. */
void bench_add_one(struct bench *b, const struct bench_metric *m, double value);
/* The table and the JSON file (below BENCH_FOLDER, default build/bench). The exit status of the program. */
int bench_end(const struct bench *b);

/* Ends the program with the diag's words unless the call answered OK. */
void bench_must(status s, const struct diag *d);
/* Ends the program with these words. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The same unless it is so. */
void bench_check(bool is_so, const char *what);

double bench_seconds(void);	/* monotonic */
double bench_cpu_seconds(void); /* of the whole process */

/*
 * A new folder below TMPDIR (bench/run sets it to the build folder: on a disk, not in memory), removed at the
 * end of the program.
 */
const char *bench_folder(void);
/* Removes what is in a folder below bench_folder(), and the folder. */
void bench_remove(const char *path);
