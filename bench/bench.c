#include "bench.h"

#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/file.h"
#include "base/json.h"

#define PATH_ROOM 4096

static char folder[PATH_ROOM];

void
bench_begin(struct bench *b, const char *area)
{
	*b = (struct bench){ .area = area };
	printf("%s\n", area);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool
is_met(const struct bench_row *r)
{
	return r->metric.better == BENCH_HIGHER ? r->median >= r->metric.target
						: r->median <= r->metric.target;
}

/* As many decimals as leave about four digits. */
static int
decimals(double value)
{
	double size = fabs(value);

	return size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
}

static void
print_row(const struct bench_row *r)
{
	char target[64] = "";

	if (r->metric.target != 0) {
		snprintf(target, sizeof(target), "%s %.*f: %s",
			r->metric.better == BENCH_HIGHER ? ">=" : "<=", decimals(r->metric.target),
			r->metric.target, is_met(r) ? "met" : "NOT MET");
	}
	printf("  %-36s %12.*f %-10s %-20s", r->metric.name, decimals(r->median), r->median,
		r->metric.unit, target);
	if (r->runs > 1) {
		printf(" %.*f .. %.*f in %zu runs", decimals(r->min), r->min, decimals(r->max),
			r->max, r->runs);
	}
	if (r->metric.beside != NULL) {
		printf("%s%s", r->runs > 1 ? "; " : " ", r->metric.beside);
	}
	printf("\n");
	fflush(stdout);
}

void
bench_add(struct bench *b, const struct bench_metric *m, double *values, size_t runs)
{
	struct bench_row *r = &b->rows[b->count];

	if (b->count == BENCH_ROWS_MAX || runs == 0 || runs > BENCH_RUNS_MAX) {
		fprintf(stderr, "bench: too many rows, or no runs, at %s\n", m->name);
		exit(2);
	}
	qsort(values, runs, sizeof(*values), compare);
	*r = (struct bench_row){ .metric = *m,
		.runs = runs,
		.median = runs % 2 == 1 ? values[runs / 2]
					: (values[runs / 2 - 1] + values[runs / 2]) / 2,
		.min = values[0],
		.max = values[runs - 1] };
	b->count++;
	print_row(r);
}

void
bench_add_one(struct bench *b, const struct bench_metric *m, double value)
{
	bench_add(b, m, &value, 1);
}

/* --- the machine, and the file --- */

static void
cpu_name(char *out, size_t room)
{
	struct utsname u;
	char line[512];
	FILE *f = fopen("/proc/cpuinfo", "r");

	snprintf(out, room, "%s", uname(&u) == 0 ? u.machine : "unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) == 0 && value != NULL) {
			value += 1 + strspn(value + 1, " \t");
			value[strcspn(value, "\n")] = '\0';
			snprintf(out, room, "%s", value);
			break;
		}
	}
	if (f != NULL) {
		fclose(f);
	}
}

static void
write_row(struct json_writer *w, const struct bench_row *r)
{
	const struct bench_metric *m = &r->metric;

	json_object_open(w, NULL);
	json_text(w, "metric", m->name);
	json_double(w, "value", r->median, decimals(r->median));
	json_text(w, "unit", m->unit);
	if (m->target != 0) {
		json_double(w, "target", m->target, decimals(m->target));
	}
	json_text(w, "better", m->better == BENCH_HIGHER ? "higher" : "lower");
	json_number(w, "runs", (int64_t)r->runs);
	json_double(w, "min", r->min, decimals(r->min));
	json_double(w, "max", r->max, decimals(r->max));
	if (m->beside != NULL) {
		json_text(w, "beside", m->beside);
	}
	json_object_close(w);
}

static void
write_document(const struct bench *b, struct buffer *out)
{
	struct json_writer w;
	char cpu[256];

	cpu_name(cpu, sizeof(cpu));
	json_begin(&w, out);
	json_object_open(&w, NULL);
	json_number(&w, "version", 1);
	json_text(&w, "area", b->area);
	json_object_open(&w, "machine");
	json_number(&w, "cores", sysconf(_SC_NPROCESSORS_ONLN));
	json_text(&w, "cpu", cpu);
	json_text(&w, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
	json_object_close(&w);
	json_array_open(&w, "rows");
	for (size_t i = 0; i < b->count; i++) {
		write_row(&w, &b->rows[i]);
	}
	json_array_close(&w);
	json_object_close(&w);
	buffer_put_byte(out, '\n');
}

int
bench_end(const struct bench *b)
{
	const char *below = getenv("BENCH_FOLDER");
	char path[PATH_ROOM];
	struct diag d = { 0 };
	struct buffer out;
	size_t missed = 0;

	for (size_t i = 0; i < b->count; i++) {
		missed += b->rows[i].metric.target != 0 && !is_met(&b->rows[i]);
	}
	buffer_init(&out, 1 << 20);
	write_document(b, &out);
	below = below != NULL ? below : "build/bench";
	bench_must(folder_make(below, 0755, &d), &d);
	snprintf(path, sizeof(path), "%s/%s.json", below, b->area);
	bench_must(file_replace(path, buffer_span(&out), 0644, &d), &d);
	buffer_wipe(&out);
	printf("  %zu rows, %zu targets not met, %s\n", b->count, missed, path);
	return 0;
}

/* --- helpers --- */

void
bench_must(status s, const struct diag *d)
{
	if (s != OK) {
		bench_fail("%s: %s %s", status_name(s), d->text, d->clause);
	}
}

void
bench_fail(const char *format, ...)
{
	va_list arguments;

	fputs("bench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void
bench_check(bool is_so, const char *what)
{
	if (!is_so) {
		bench_fail("%s", what);
	}
}

double
bench_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double
bench_cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int
remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s;
	(void)type;
	(void)f;
	return remove(path);
}

void
bench_remove(const char *path)
{
	if (folder[0] != '\0' && strncmp(path, folder, strlen(folder)) == 0) {
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static void
remove_folder(void)
{
	bench_remove(folder);
}

const char *
bench_folder(void)
{
	const char *below = getenv("TMPDIR");

	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "%s/tenure-bench-XXXXXX",
			below != NULL ? below : "/tmp");
		if (mkdtemp(folder) == NULL) {
			perror(folder);
			exit(1);
		}
		atexit(remove_folder);
	}
	return folder;
}
