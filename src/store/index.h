#pragma once
/* Which index each issuing authority's next certificate gets. Any thread. Inside store/ only. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct index_of {
	int64_t authority;
	int64_t last; /* given out */
};

struct index_table {
	pthread_mutex_t mutex;
	struct index_of *of;
	size_t count;
};

void index_table_init(struct index_table *t);
void index_table_wipe(struct index_table *t);
