#pragma once
/* A folder of a test's own: cmocka's set-up and tear-down for those that need no more, or as the first of what they need. */
#include "base/span.h"

extern char *folder;

int folder_fresh(void **state);
int folder_clear(void **state);
/* A file in it, mode 0600. */
void folder_put(const char *name, span content);
