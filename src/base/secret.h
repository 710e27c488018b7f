#pragma once
/*
 * Bytes that must not leak: passphrases, private keys, tokens in clear.
 * Locked in memory, out of core dumps, overwritten on wipe. There is no way to print one.
 */
#include "base/span.h"
#include "base/status.h"

struct secret {
	uint8_t *data;
	size_t len;
	size_t room; /* of the mapping */
};

MUST_USE status secret_init(struct secret *s, size_t len); /* zero-filled, len bytes */
void secret_wipe(struct secret *s);
/* One line (without its newline) or all of the descriptor, at most `max` bytes. */
MUST_USE status secret_read(struct secret *s, int fd, size_t max, struct diag *d);
/* From a prompt on the terminal, echo off. UNAVAILABLE without a terminal. */
MUST_USE status secret_prompt(struct secret *s, const char *prompt, size_t max, struct diag *d);

/* For a process that holds secrets: no core dumps, not dumpable, no ptrace by others. */
void secret_harden_process(void);
