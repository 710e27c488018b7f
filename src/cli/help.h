#pragma once
/* What the table says, for people and for shells. */
#include <stdio.h>

#include "cli/command.h"

/* All commands, one line each. */
void help_all(FILE *out);
void help_noun(FILE *out, const struct noun *n);
void help_command(FILE *out, const struct noun *n, const struct command *m);
/* "tenure device mark DEVICE MARK [--json] ..." with the flags of its own. */
void help_usage(FILE *out, const struct noun *n, const struct command *m);
/* What stands for a flag's value: "FILE", "maker|reseller". */
const char *help_value(const struct flag *f);
