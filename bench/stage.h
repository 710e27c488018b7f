#pragma once
/*
 * The shipped programs on a home of their own, for the benchmarks that ask them over loopback: `tenure init`, then
 * tenured with its signer, until stage_close. Whatever goes wrong ends the benchmark.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "bench.h"

#define STAGE_ROOM 4096
#define STAGE_FLEET "bench"
#define STAGE_ISSUER "issuing-production" /* the CA that `tenure init` makes for the fleet */

struct stage {
	char programs[STAGE_ROOM]; /* the release build */
	char home[STAGE_ROOM], guard[STAGE_ROOM], passphrase[STAGE_ROOM], log[STAGE_ROOM],
		client[STAGE_ROOM];
	char tenure[STAGE_ROOM + 64], tenured[STAGE_ROOM + 64], database[STAGE_ROOM + 64];
	unsigned port, plain_port; /* on 127.0.0.1 */
	pid_t server, signer;
};

/* argv0: the benchmark's, which lies in the build's bench folder. */
void stage_open(struct stage *s, const char *argv0);
/* The same in two steps, between which the database may be filled. Stages 0 to 2 of one benchmark stand beside each other. */
void stage_make(struct stage *s, const char *argv0, unsigned number);
void stage_start(struct stage *s);
/* Runs a program to its end, which must be a good one. */
void stage_run(const char *const argv[]);
/* The exit status for main; 1 where tenured did not end well. */
int stage_close(struct stage *s);

/* CPU time of tenured and its signer so far, of all their threads. */
double stage_cpu_seconds(const struct stage *s);
double stage_process_cpu_seconds(pid_t pid); /* of any process of ours */
double stage_resident_mib(pid_t pid);	     /* VmRSS of any process */
/* Until both are at rest: what was put off (CRLs, checkpoints) is done. */
void stage_rest(const struct stage *s);
/* Both of them, and the benchmark, on the first `cores` cores alone. */
void stage_pin(const struct stage *s, unsigned cores);
