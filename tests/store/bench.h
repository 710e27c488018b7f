#pragma once
/* What the parts of the conformance suite share: one test's store, and what most tests do with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "conformance.h"
#include "sample.h"

struct bench {
	struct store *store;
	struct reader *reader;
	struct arena *arena;
	struct diag d;
	struct sample_base base;
};

/* How the store under test is opened. */
extern const struct conformance *bench_how;

int bench_set_up(void **state);
int bench_tear_down(void **state);
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_set_up, bench_tear_down)

/* The same store closed and opened again. */
void bench_reopen(struct bench *b);
MUST_USE status bench_commit(struct bench *b, struct change *c);
struct change *bench_change(struct bench *b);
/* A device with its element and birth certificate, stored. In the bench's arena. */
struct sample_unit *bench_onboard(struct bench *b, unsigned number);
/* An operational certificate of the device, stored. */
struct certificate *bench_issue(struct bench *b, int64_t device, unsigned number);
/* What the store says now. */
struct device bench_device(struct bench *b, int64_t row);
struct certificate bench_certificate(struct bench *b, int64_t row);
int64_t bench_ledger_size(struct bench *b);

#define assert_status(want, expression) assert_int_equal((want), (expression))
/*
 * Of two whole records, padding included: what a test fills itself is static, and so zero between
 * its fields.
 */
#define assert_same(a, b) assert_memory_equal((a), (b), sizeof(*(a)))
#define assert_span(a, b) assert_true(span_equal((a), (b)))
void assert_same_certificate(const struct certificate *a, struct certificate b);

/* The parts of the suite; each ends with a test of no name. */
extern const struct CMUnitTest conformance_records[], conformance_refusals[],
	conformance_sequences[], conformance_lives[], conformance_lists[];
