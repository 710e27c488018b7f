#pragma once
/* Newline-delimited JSON in a request's body. */
#include "base/span.h"

/* The next line that is not empty, without its end; false when there is none. `*number` counts from 1. */
bool lines_next(span *rest, span *line, size_t *number);
