#pragma once
/* Runs `tenure` inside the test, as main would, and keeps what it printed. */
#include <stddef.h>

struct ran {
	int exit;
	char *out, *err; /* free with ran_free */
};

/* What HOME and TENURE_HOME say; NULL at first: HOME is a folder that is not there, and TENURE_HOME is not set. */
extern const char *command_home, *command_tenure_home;

/* Words by spaces; "..." in double quotes is one word. The environment has no other TENURE_ variables. */
struct ran run_command(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ran_free(struct ran *r);
/* Exit status and a piece that must stand on stdout ("" any) and stderr. Ends the test otherwise. */
void expect(int exit, const char *out, const char *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
