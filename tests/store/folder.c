#include "folder.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[256];

const char *
folder_path(void)
{
	if (path[0] == '\0') {
		const char *top = getenv("TMPDIR");
		snprintf(path, sizeof(path), "%s/tenure-store-XXXXXX", top ? top : "/tmp");
		if (!mkdtemp(path)) {
			perror(path);
			abort();
		}
	}
	return path;
}

const char *
folder_file(const char *name)
{
	static char file[512];
	snprintf(file, sizeof(file), "%s/%s", folder_path(), name);
	return file;
}

static int
drop(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(name);
}

void
folder_remove(void)
{
	if (path[0] != '\0') {
		nftw(path, drop, 8, FTW_DEPTH | FTW_PHYS);
		path[0] = '\0';
	}
}
