#pragma once
/* A completion script out of the table of commands. */
#include <stdio.h>

void completion_bash(FILE *out);
