#pragma once
/*
 * The mover: a thread that moves the log (SQLite's WAL) into the file, on a connection of its own, while the writer goes on
 * committing. Inside store/ only.
 *
 * The writer tells the length of the log behind each transaction. From `pages_begin` on the thread moves it, most of it beside
 * the writer; for the last pages, without which the log cannot begin anew, the writer waits a moment.
 *
 * The log holds pages_max and one transaction more at the most. There the writer waits for the thread; where that cannot
 * help either, as a snapshot that was never ended still needs the log, or as the file cannot be written, commits are refused.
 */
#include <pthread.h>
#include "store/sqlite.h"

struct store;

struct mover {
	struct connection connection; /* the thread's own, as is what follows up to the mutex */
	bool is_failing;	      /* said once, until it works again */
	bool is_held_told;
	int64_t held_since_ms; /* a snapshot needs the log; 0: none does */

	pthread_t thread;
	bool has_thread;
	int pages_begin, pages_max;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t wake;   /* the thread's */
	pthread_cond_t turn;   /* whoever waits for the other */
	int pages;	   /* of the log, as of the last commit; 0: all are moved, it begins anew */
	bool is_writing;   /* the writer is between mover_enter and mover_leave */
	bool is_finishing; /* the thread wants the writer to wait, or has it wait */
	bool is_closing;
	status refusal; /* beyond pages_max: why that cannot be helped */
	struct diag why;
};

void mover_init(struct mover *m);
void mover_wipe(struct mover *m);
/* Behind the migrations. 0: the bytes that store.h names. */
MUST_USE status mover_start(
	struct store *s, size_t log_bytes, size_t log_bytes_max, struct diag *d);
/* Behind the writer's end. What is under way is brought to its end. */
void mover_stop(struct store *s);

/* The writer's, around each transaction; no mover_leave where it is refused. May wait. */
MUST_USE status mover_enter(struct mover *m, struct diag *d);
void mover_leave(struct mover *m, int pages);
