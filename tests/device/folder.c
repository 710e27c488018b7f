#include "folder.h"

#include <stdio.h>

#include "support.h"

#include "base/file.h"

char *folder;

int
folder_fresh(void **state)
{
	(void)state;
	folder = temporary_folder();
	return 0;
}

int
folder_clear(void **state)
{
	(void)state;
	temporary_folder_remove(folder);
	return 0;
}

void
folder_put(const char *name, span content)
{
	struct diag d = { 0 };
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_ok(file_replace(path, content, 0600, &d), d);
}
