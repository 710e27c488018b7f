#pragma once
/* When each device was last seen, until the writer writes it. Any thread. Inside store/ only. */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_entry {
	int64_t device; /* 0: free */
	int64_t at_s;
};

struct seen_table {
	struct seen_entry *entries;
	size_t room; /* a power of two, or 0 */
	size_t count;
};

struct seen {
	pthread_mutex_t mutex;
	struct seen_table gathering;
	struct seen_table writing; /* the writer's, read-only meanwhile */
};

void seen_init(struct seen *s);
void seen_wipe(struct seen *s);
/* Whether this one was the first to wait: then the writer should set its timer. */
bool seen_note(struct seen *s, int64_t device, int64_t at_s);
/* The latest time that is not known to be written; 0: none. */
int64_t seen_find(struct seen *s, int64_t device);
bool seen_is_empty(struct seen *s);
/* What waits becomes `writing`; seen_written drops it. The writer thread only. */
const struct seen_table *seen_take(struct seen *s);
void seen_written(struct seen *s);
