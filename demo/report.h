#pragma once
/*
 * What the demo saw: steps, each with its checks, on the screen as they happen
 * and in report.json at the end. A step that was not run is absent from both.
 *
 *   { "version": 1, "devices": N, "ok": true,
 *     "steps": [ { "name": "", "seconds": 0, "count": 0,
 *                  "checks": [ { "name": "", "ok": true } ] } ],
 *     "deny":   { "p50_ms": 0, "p99_ms": 0, "points": [ { "name": "", "p99_ms": 0, "receipts": 0 } ] },
 *     "ledger": { "size": 0, "root": "", "verified": true } }
 */
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_STEPS_MAX 16
#define REPORT_CHECKS_MAX 24
#define REPORT_DENY_MAX 512

struct report_check {
	char name[120];
	char detail[400];
	bool ok;
};

struct report_step {
	const char *name; /* static text */
	const char *title;
	double seconds;
	size_t count;
	struct report_check checks[REPORT_CHECKS_MAX];
	size_t check_count;
};

struct report {
	size_t devices;
	struct report_step steps[REPORT_STEPS_MAX];
	size_t step_count;
	double began_s;
	double deny_ms[REPORT_DENY_MAX]; /* from the decision's answer to the refusal seen */
	size_t deny_count;
	char deny_point[64];
	int64_t ledger_size;
	char ledger_root[65]; /* hex */
	bool ledger_is_verified;
};

void report_step_begin(struct report *r, const char *name, const char *title);
/* Notes one check of the step under way; `detail` (printf) is shown where the check failed. */
void report_check(struct report *r, bool ok, const char *name, const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
/* Ends the step: `count` things were done in it. */
void report_step_end(struct report *r, size_t count);
void report_deny(struct report *r, double milliseconds);

bool report_is_ok(const struct report *r);
MUST_USE status report_write(const struct report *r, const char *path, struct diag *d);
void report_summary(const struct report *r, const char *path);

double seconds_now(void); /* monotonic */
