#pragma once
/* A folder for one test's database files, under TMPDIR or /tmp, removed at the end. */

/* Makes it; the path stays until folder_remove. */
const char *folder_path(void);
/* A file in it, in static memory of the call. */
const char *folder_file(const char *name);
void folder_remove(void);
