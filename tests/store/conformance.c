#include "conformance.h"

#include "bench.h"

#define TESTS_MAX 64

int
conformance_run(const char *name, const struct conformance *c)
{
	const struct CMUnitTest *const parts[] = { conformance_records, conformance_refusals,
		conformance_sequences, conformance_lives, conformance_lists };
	struct CMUnitTest tests[TESTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (const struct CMUnitTest *t = parts[i]; t->name != NULL; t++) {
			assert_true(count < TESTS_MAX);
			tests[count++] = *t;
		}
	}
	bench_how = c;
	return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}
