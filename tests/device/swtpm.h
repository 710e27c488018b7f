#pragma once
/* A TPM of software (Debian's swtpm) beside the test, on a Unix socket in a folder of its own. */
#include "support.h"

struct swtpm {
	struct spawned process;
	char *folder;
	char tcti[200];
	bool is_running;
};

/* Whether the program is installed. */
bool swtpm_is_there(void);
/* A new TPM, in a folder that the test may use too. */
void swtpm_start(struct swtpm *t);
/*
 * The same, with an endorsement certificate (RSA-2048) by swtpm's own factory, whose authorities are
 * swtpm-localca-rootca-cert.pem and issuercert.pem in the folder. False: swtpm-tools is not installed.
 */
bool swtpm_start_manufactured(struct swtpm *t);
/* The power goes: killed. Its state is on the disk. */
void swtpm_kill(struct swtpm *t);
/* And comes back. */
void swtpm_again(struct swtpm *t);
/* Ends it and removes its folder. */
void swtpm_end(struct swtpm *t);
/* For cmocka's teardown: ends what a failed test left. Its folder stays, to be looked at. */
int swtpm_end_all(void **state);
