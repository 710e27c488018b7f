#pragma once
/*
 * A process beside the benchmark: what it uses, descriptors and time, is its own. It says one thing when it is ready, and ends
 * when the benchmark does.
 */
#include <sys/types.h>

struct helper {
	pid_t pid;
	int pipe; /* it ends when this is closed */
};

/* Runs in the new process: sends what it has to say with helper_ready, and then returns its exit status. */
typedef int helper_run(void *context, int in, int out);
/* Returns when it is ready: `said` is what it said, `len` bytes. Ends the benchmark where it does not come to that. */
void helper_open(struct helper *h, helper_run *run, void *context, void *said, size_t len);
/* For the new process: says it, and waits until the benchmark lets go. */
void helper_ready(int in, int out, const void *said, size_t len);
/* Its exit status; -1: it was killed. */
int helper_close(struct helper *h);
