#pragma once
/* The parts of the manual pages that stand in tables of the program, as roff. */
#include <stdio.h>

#include "base/conf.h"

/* Every command with its arguments and flags: tenure(1). */
void manual_commands(FILE *out);
/* The flags that many commands share: tenure(1). */
void manual_common_flags(FILE *out);
/* A table of configuration: tenure.conf(5), and the client file in tenure(1). */
void manual_keys(FILE *out, const struct conf_key *keys, size_t count);

/*
 * The page with what stands between the lines
 *   .\" BEGIN name
 *   .\" END name
 * made anew for each name that is known here (commands, flags, configuration, client). NULL when memory is out; free it.
 */
char *manual_page(const char *page);
