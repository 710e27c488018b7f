#pragma once
/*
 * SQLite's door to the disk with faults: becomes the default one of the process, counts the calls that change
 * a file (write, sync, truncate), and fails or dies at a chosen one. Reads and locks pass through.
 */
#include <stdbool.h>

enum fault {
	FAULT_NONE,
	FAULT_FULL,	 /* writes fail, the disk is full; lasting */
	FAULT_SYNC,	 /* syncs fail; lasting */
	FAULT_WRITE,	 /* writes fail with an I/O error; lasting */
	FAULT_SYNC_ONCE, /* one sync fails, the next says all is well */
	FAULT_SHORT,	 /* half of one write is done, then the process dies */
	FAULT_DIE,	 /* the process dies before the call */
};

void fault_vfs_install(void);
/* From the `at`-th call (1: the next one) of its kind on. */
void fault_vfs_set(enum fault f, unsigned at);
/* Only calls on the database file itself count, not those on its log: what moves the log meets the fault. */
void fault_vfs_spare_log(bool is_spared);
/* Called at each write to the database file itself, before it; NULL: nothing is. */
void fault_vfs_on_move(void (*called)(void));
/* Calls since fault_vfs_set, of any kind. */
unsigned fault_vfs_calls(void);
/* Whether the fault has struck. */
bool fault_vfs_struck(void);
