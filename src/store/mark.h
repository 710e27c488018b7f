#pragma once
/* What store_mark and its kind stand on: counters that the writer moves on behind each commit. Inside store/ only. */
#include <stdatomic.h>

#include "store/store.h"

#define MARK_SLOTS \
	(1 << 16) /* 256 KiB; two rows share a slot by chance, and then one is read anew in vain */

struct marks {
	_Atomic uint64_t changes; /* of any slot or the epoch */
	_Atomic uint64_t epoch;
	_Atomic uint32_t slots[MARK_SLOTS];
};

/* On the writer's thread, behind the commit and before anybody is told of it. */
void marks_change(struct marks *m, const struct change *c);
/* What changed cannot be told: all that was read is old. */
void marks_all(struct marks *m);
