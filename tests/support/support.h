#pragma once
/* What every test wants: cmocka, temporary folders, bytes from hex, a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/span.h"
#include "base/status.h"

/* Ends the test as not run, with the reason: what the count at the end calls skipped. (cmocka 1.1.5's own skip() is a
 * failure to whoever reads TAP.) */
#define SKIP_TEST(...)                                    \
	do {                                              \
		print_message("# skipped: " __VA_ARGS__); \
		print_message("\n");                      \
		return;                                   \
	} while (0)

/* Ends the test with the diag's words unless the call answered OK. `d` is a struct diag. */
#define assert_ok(call, d) support_assert_ok((call), &(d), #call, __FILE__, __LINE__)
void support_assert_ok(
	status s, const struct diag *d, const char *call, const char *file, int line);

/* A new folder under TMPDIR or /tmp. Free with temporary_folder_remove. */
char *temporary_folder(void);
/* Removes it and what is in it; refuses anything temporary_folder did not make. */
void temporary_folder_remove(char *path);

/* "01 02 0a" -> bytes, in the arena; white space is passed over. Ends the test on other letters. */
span bytes_of_hex(struct arena *a, const char *hex);

/* The whole file. Ends the test when it cannot be read. */
span bytes_of_file(struct arena *a, const char *path);

/* Noon of 23 November 2026: when the tests' clocks start. */
#define TEST_TIME_S INT64_C(1795435200)

/* A program beside the tests, with its output through a pipe. argv ends with NULL. */
struct spawned {
	int pid;
	int out; /* its standard output */
};
void spawn_program(struct spawned *p, const char *const argv[]);
/* The next line of its output, without the newline, into `out`; false at the end or after limit_ms. */
bool spawned_line(struct spawned *p, char *out, size_t room, int limit_ms);
/* Sends the signal (0: none), waits at most limit_ms, then kills. Exit status, 128 + signal. */
int spawned_end(struct spawned *p, int signal, int limit_ms);
