#pragma once
/* A passphrase that a person gives once and another process reads: kept in memory alone, never on a disk. */
#include "base/status.h"

struct passphrase {
	int fd;	       /* of the memory; valid where `path` is not empty */
	char path[64]; /* by which a process of the same user opens it while we live */
};

/* Asks twice. BAD_INPUT when the two differ; UNAVAILABLE without a terminal. */
MUST_USE status passphrase_ask(struct passphrase *p, const char *prompt, struct diag *d);
void passphrase_forget(struct passphrase *p);
