#include "demo/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

#define REPORT_SIZE_MAX (1 << 20)

double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *
mark(bool ok)
{
	if (!isatty(STDOUT_FILENO)) {
		return ok ? "ok  " : "FAIL";
	}
	return ok ? "\033[32m\u2713\033[0m" : "\033[31m\u2717\033[0m";
}

static struct report_step *
current(struct report *r)
{
	return &r->steps[r->step_count - 1];
}

void
report_step_begin(struct report *r, const char *name, const char *title)
{
	if (r->step_count == REPORT_STEPS_MAX) {
		abort(); /* more steps than the demo has: a mistake in the demo itself */
	}
	r->steps[r->step_count++] = (struct report_step){ .name = name, .title = title };
	r->began_s = seconds_now();
	printf("\n%-9s %s\n", name, title);
	fflush(stdout);
}

void
report_check(struct report *r, bool ok, const char *name, const char *detail, ...)
{
	struct report_step *s = current(r);
	struct report_check *c;
	va_list list;

	if (s->check_count == REPORT_CHECKS_MAX) {
		abort();
	}
	c = &s->checks[s->check_count++];
	c->ok = ok;
	snprintf(c->name, sizeof(c->name), "%s", name);
	va_start(list, detail);
	vsnprintf(c->detail, sizeof(c->detail), detail, list);
	va_end(list);
	printf("    %s %s", mark(ok), name);
	if (!ok && c->detail[0] != '\0') {
		printf("\n         %s", c->detail);
	}
	putchar('\n');
	fflush(stdout);
}

void
report_step_end(struct report *r, size_t count)
{
	struct report_step *s = current(r);

	s->seconds = seconds_now() - r->began_s;
	s->count = count;
	printf("    %zu in %.2f s", count, s->seconds);
	if (count > 1) {
		printf(", %.1f ms each", s->seconds * 1000 / (double)count);
	}
	putchar('\n');
	fflush(stdout);
}

void
report_deny(struct report *r, double milliseconds)
{
	if (r->deny_count < REPORT_DENY_MAX) {
		r->deny_ms[r->deny_count++] = milliseconds;
	}
}

bool
report_is_ok(const struct report *r)
{
	for (size_t i = 0; i < r->step_count; i++) {
		for (size_t k = 0; k < r->steps[i].check_count; k++) {
			if (!r->steps[i].checks[k].ok) {
				return false;
			}
		}
	}
	return r->step_count > 0;
}

static int
compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
deny_percentile(const struct report *r, size_t percent)
{
	double sorted[REPORT_DENY_MAX];
	size_t at;

	if (r->deny_count == 0) {
		return 0;
	}
	memcpy(sorted, r->deny_ms, r->deny_count * sizeof(sorted[0]));
	qsort(sorted, r->deny_count, sizeof(sorted[0]), compare_double);
	at = r->deny_count * percent / 100;
	return sorted[at < r->deny_count ? at : r->deny_count - 1];
}

static void
write_steps(struct json_writer *w, const struct report *r)
{
	json_array_open(w, "steps");
	for (size_t i = 0; i < r->step_count; i++) {
		const struct report_step *s = &r->steps[i];

		json_object_open(w, NULL);
		json_text(w, "name", s->name);
		json_double(w, "seconds", s->seconds, 3);
		json_number(w, "count", (int64_t)s->count);
		json_array_open(w, "checks");
		for (size_t k = 0; k < s->check_count; k++) {
			json_object_open(w, NULL);
			json_text(w, "name", s->checks[k].name);
			json_bool(w, "ok", s->checks[k].ok);
			if (!s->checks[k].ok) {
				json_text(w, "detail", s->checks[k].detail);
			}
			json_object_close(w);
		}
		json_array_close(w);
		json_object_close(w);
	}
	json_array_close(w);
}

static void
write_deny(struct json_writer *w, const struct report *r)
{
	json_object_open(w, "deny");
	json_double(w, "p50_ms", deny_percentile(r, 50), 3);
	json_double(w, "p99_ms", deny_percentile(r, 99), 3);
	json_array_open(w, "points");
	if (r->deny_count > 0) {
		json_object_open(w, NULL);
		json_text(w, "name", r->deny_point);
		json_double(w, "p99_ms", deny_percentile(r, 99), 3);
		json_number(w, "receipts", (int64_t)r->deny_count);
		json_object_close(w);
	}
	json_array_close(w);
	json_object_close(w);
}

status
report_write(const struct report *r, const char *path, struct diag *d)
{
	struct buffer out;
	struct json_writer w;
	status s;

	buffer_init(&out, REPORT_SIZE_MAX);
	json_begin(&w, &out);
	json_object_open(&w, NULL);
	json_number(&w, "version", 1);
	json_number(&w, "devices", (int64_t)r->devices);
	json_bool(&w, "ok", report_is_ok(r));
	write_steps(&w, r);
	write_deny(&w, r);
	json_object_open(&w, "ledger");
	json_number(&w, "size", r->ledger_size);
	json_text(&w, "root", r->ledger_root);
	json_bool(&w, "verified", r->ledger_is_verified);
	json_object_close(&w);
	json_object_close(&w);
	buffer_put_byte(&out, '\n');
	if (buffer_failed(&out)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for the report");
	} else {
		s = file_replace(path, buffer_span(&out), 0644, d);
	}
	buffer_wipe(&out);
	return s;
}

void
report_summary(const struct report *r, const char *path)
{
	double total = 0;
	size_t checks = 0, failed = 0;

	printf("\n%-9s %8s %8s   %s\n", "step", "count", "seconds", "checks");
	for (size_t i = 0; i < r->step_count; i++) {
		const struct report_step *s = &r->steps[i];
		size_t bad = 0;

		for (size_t k = 0; k < s->check_count; k++) {
			bad += !s->checks[k].ok;
		}
		printf("%-9s %8zu %8.2f   %zu of %zu\n", s->name, s->count, s->seconds,
			s->check_count - bad, s->check_count);
		total += s->seconds;
		checks += s->check_count;
		failed += bad;
	}
	if (r->deny_count > 0) {
		printf("\nrevoked until refused: p50 %.1f ms, p99 %.1f ms (%zu devices, %s)\n",
			deny_percentile(r, 50), deny_percentile(r, 99), r->deny_count,
			r->deny_point);
	}
	printf("%zu devices, %zu checks, %zu failed, %.1f s; %s\n", r->devices, checks, failed,
		total, path);
}
