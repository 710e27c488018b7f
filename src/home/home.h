#pragma once
/* The home folder: one server at a time works on it. */
#include "base/arena.h"
#include "base/status.h"

/*
 * Takes the home for this process, until it ends or closes *fd. NOT_FOUND: there is no such folder;
 * CONFLICT: another server has it (its pid is in the words); IO: it cannot be written.
 */
MUST_USE status home_take(const char *home, int *fd, struct diag *d);

/*
 * The path of tenure-signer: `configured` where that is not empty, else beside the running program, in the build's
 * folder, or where `make install` puts it. In the arena, or static: then the search path decides.
 */
const char *home_signer_program(struct arena *a, const char *configured);
