#pragma once
/* Newline-delimited JSON, as bulk writes answer. */
#include <stdio.h>

#include "base/json.h"

/* Each line parsed and handed over; BAD_INPUT for one that is no JSON object. */
MUST_USE status lines_read(span text, status (*take)(void *context, const cJSON *o, struct diag *d),
	void *context, struct diag *d);
/* Words from outside, escaped for a terminal. */
void lines_print(FILE *out, span text);
