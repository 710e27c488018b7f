#pragma once
/* Locks the signer in, once its keys are loaded and its threads stand. */
#include "base/status.h"

/*
 * No new privileges, no core dumps, not traceable, and a seccomp allow-list: any other system call
 * ends the process. What stays allowed: reading and writing what is open, memory, locks,
 * time, randomness, and files (new keys and the last signed head are written; seccomp cannot
 * tell paths apart, so the folder's permissions are the bound). No sockets, no programs, no
 * tracing. UNAVAILABLE where the kernel has no seccomp.
 */
MUST_USE status sandbox_enter(struct diag *d);
