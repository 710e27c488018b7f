#pragma once
/* The open store, as writer, readers and seen share it. Inside store/ only. */
#include <pthread.h>
#include "store/apply.h"
#include "store/index.h"
#include "store/kept.h"
#include "store/mark.h"
#include "store/mover.h"
#include "store/seen.h"

/* One caller of store_commit or store_commit_batch; lives on the caller's stack. */
struct waiting;

struct store {
	char *path;
	size_t cache_bytes;
	bool read_only;
	void (*on_commit)(void *context, int64_t ledger_size);
	void *context;

	/* The writer thread's own. */
	struct connection connection;
	struct applier applier;
	int64_t data_version; /* of the file when the counters were read */
	int wal_pages;	      /* of the log, as of the last commit */
	pthread_t thread;
	bool has_thread;

	struct mover mover;
	struct seen seen;
	struct index_table indexes;
	struct kept kept;
	struct marks marks;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t wake;
	struct waiting *first;
	struct waiting **end;
	bool is_closing;
	bool is_broken; /* a write or fsync failed: the state of the file is unknown */
	struct diag broken;
};

MUST_USE status writer_start(struct store *s, struct diag *d);
void writer_stop(struct store *s); /* after what waits is done */
/* A write or fsync failed: every further commit is refused. Any thread. */
void store_break(struct store *s, const struct diag *d);
