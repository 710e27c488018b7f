#pragma once
/* Locks tenure-element in once it listens. */
#include "base/status.h"

/* No new privileges and a seccomp allow-list: its sockets, files of its folder, memory, time, randomness. Any other system
 * call ends the process. UNAVAILABLE where the kernel has no seccomp. */
MUST_USE status element_sandbox_enter(struct diag *d);
