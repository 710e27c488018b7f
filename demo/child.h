#pragma once
/*
 * The programs that the demo runs, as a person would at a shell: their
 * output is read, their exit status looked at, their time bounded.
 */
#include <sys/types.h>

#include "base/buffer.h"
#include "base/status.h"

struct child_result {
	int exit_status;   /* 128 + signal where it was killed, 124 at the time limit */
	struct buffer out; /* standard output */
	struct buffer err; /* standard error */
};

void child_result_init(struct child_result *r);
void child_result_wipe(struct child_result *r);

/* argv[0] is a path; argv ends with NULL. OK whenever the program ran, whatever it answered. */
MUST_USE status child_run(
	const char *const argv[], unsigned limit_s, struct child_result *r, struct diag *d);

/* Many runs of up to `width` programs at a time. */
struct child_batch {
	/* The arguments of run number `at`, ended by NULL; written into argv[0..room-1]. The texts
	 * must live until the next call for the same `lane` (0 .. width-1). */
	void (*arguments)(void *context, size_t at, size_t lane, const char **argv, size_t room);
	/* Told when run `at` has ended. */
	void (*ended)(void *context, size_t at, const struct child_result *r);
	void *context;
	size_t count;
	size_t width;	  /* at most 16 */
	unsigned limit_s; /* for each run */
};
MUST_USE status child_run_many(const struct child_batch *b, struct diag *d);

/* A server in the background: its output goes to the file `log`. */
MUST_USE status child_start(const char *const argv[], const char *log, pid_t *pid, struct diag *d);
/* Waits until it ended, at most `limit_s`; then kills it. The exit status as above. */
int child_stop(pid_t pid, int signal, unsigned limit_s);
/* For a server that is told its port: the kernel's choice on the loopback, taken and given back. Somebody could take it before the
 * server does. 0: none. */
unsigned child_free_port(void);
