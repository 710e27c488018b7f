#pragma once
/*
 * One thread that moves bytes: epoll, edge-triggered, over the connections that it was given. It never blocks but
 * in epoll_wait(2) and, for replies that are files, in the page cache.
 *
 * The first loop accepts for all and gives each connection to the loop that has the fewest. Connections live
 * long here (devices hold polls open), so they must be spread exactly; SO_REUSEPORT spreads by chance, loses
 * what waits in a closed listener's queue, and would let a second server take the same port unseen.
 */
#include "http/connection.h"
#include "http/internal.h"
#include "http/wheel.h"

#define INPUT_ROOM (2 * HTTP_HEADER_MAX) /* a header section, and a piece of body behind it */
#define SCRATCH_ROOM (64 << 10)
#define SPARE_MAX 64 /* input blocks and works that a loop keeps */

struct loop {
	struct source bell_source;
	struct http_server *server;
	pthread_t thread;
	bool is_started;
	int epoll, bell;

	/* What others put in, under the lock; the bell is rung when it was empty. */
	pthread_mutex_t lock;
	struct work *mail, *last_mail;
	struct connection *arrivals;
	bool must_stop, must_open, was_rung;
	int64_t drain_until_ms; /* of the system's monotonic clock */

	/* Its own. */
	struct wheel wheel;
	int64_t now_ms;
	struct connection *connections;
	struct connection *again;		   /* have used up their turn */
	struct connection *waiting, *last_waiting; /* to be run again, first come first */
	size_t reruns, reruns_max;		   /* of them with workers */
	struct connection *dead; /* freed at the end of the round: an event may still name them */
	struct work *spare_works;
	uint8_t *spare_inputs[SPARE_MAX];
	unsigned spare_input_count, spare_work_count;
	struct http_request draft; /* being read */
	uint8_t *scratch;	   /* SCRATCH_ROOM */
	bool is_stopping, accepts, is_first;
	int64_t accepts_again_ms; /* after descriptors ran out; 0: it accepts */

	/* Those without a request, by how long; see crowd.h. */
	struct connection *longest_idle, *shortest_idle;
	_Atomic int64_t idle_since_ms; /* of the longest idle one; others read it */
	_Atomic size_t idle;
	_Atomic size_t evictions; /* still to be done */

	_Atomic size_t open; /* its connections, also those on their way to it */
};

MUST_USE status loop_new(struct http_server *s, bool is_first, struct loop **out);
MUST_USE status loop_start(struct loop *l);
/* The first loop begins to accept. Any thread. */
void loop_open(struct loop *l);
/* Any thread. */
void loop_stop(struct loop *l, int64_t drain_until_ms);
/* Waits for the thread's end. */
void loop_join(struct loop *l);
/* After all loops and workers have ended. Closes what is still open. */
void loop_free(struct loop *l);

/* Mail for the loop of the work's connection. Any thread. */
void loop_post(struct work *w, enum work_news news);

/* Has it end its longest idle connection, at the end of its round. Any thread. */
void loop_evict(struct loop *l);

/* For connections, on the loop's thread. NULL: no memory. */
uint8_t *loop_input_take(struct loop *l);
void loop_input_give(struct loop *l, uint8_t *input);
struct work *loop_work_take(struct loop *l);
void loop_work_give(struct loop *l, struct work *w);
