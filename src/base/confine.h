#pragma once
/* Locks a process in, once it has opened and started what it needs. A library of its own (`confine` in the build). */
#include <stddef.h>

#include "base/status.h"

/*
 * No new privileges, and of the system calls only those named, for all threads at once: any other ends the process. A name that
 * a kernel or C library does not know is passed over. For good. UNAVAILABLE where the kernel has no seccomp.
 */
MUST_USE status confine(const char *const *allowed, size_t count, struct diag *d);
