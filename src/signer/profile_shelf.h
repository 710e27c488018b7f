#pragma once
/*
 * The operator's own profiles as they were last read: a request costs one stat, and the file is read again when it is another one or
 * was changed (device, inode, size, times). Any thread may call.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "pki/profile.h"

#define PROFILE_SHELF_ROOM 16 /* more than a fleet's; beyond it they take turns */

struct profile_kept {
	struct stat found; /* of the file, before it was read */
	struct profile profile;
};

struct profile_shelf {
	const char *folder; /* borrowed; may be missing, or NULL */
	const struct clock *clock;
	pthread_mutex_t mutex;
	struct profile_kept kept[PROFILE_SHELF_ROOM];
	size_t next;  /* to be given away */
	size_t reads; /* of files so far */
};

void profile_shelf_init(struct profile_shelf *s, const char *folder, const struct clock *clock);
void profile_shelf_wipe(struct profile_shelf *s);
/* As profile_load: NOT_FOUND where there is no such file, BAD_INPUT for one that widens. */
MUST_USE status profile_shelf_find(
	struct profile_shelf *s, const char *name, struct profile *out, struct diag *d);
