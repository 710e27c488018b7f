#pragma once
/*
 * One request on its way: read by its connection's loop, run by a worker, sent by the loop. Exactly one
 * of these holds it at a time:
 *
 *   the loop --(pool)--> a worker --(the loop's mail)--> the loop --> released
 *                                                         |  ^
 *                                              (parked)   v  | (the loop's mail)
 *                                                      the topics
 *
 * What a loop has released is kept for its next request, memory and all.
 */
#include "http/router.h"

struct connection;
struct http_server;

enum work_news {
	WORK_DONE, /* a worker has run it: answered, or to be parked */
	WORK_WOKEN /* its topic was woken; it is off the topic's list */
};

struct work {
	struct work *next;     /* in the mail, or among the spare ones */
	struct work *together; /* of those that gather, or that one worker runs; NULL: the last */
	struct connection *connection;
	struct http_server *server;
	enum work_news news;

	struct http_request request;
	struct exchange exchange;
	struct buffer
		text; /* of the header section, where it had to leave the connection's buffer */
	struct buffer body;
	size_t charged; /* bytes of `body` in the server's account */
	const struct router *router;
	const struct route *route; /* NULL: refused */
	char allow[64];		   /* for a 405 */
	int refused_with;	   /* an HTTP status: no handler runs, `refusal` says why */
	struct diag refusal;

	struct buffer head; /* of the reply */
	bool is_asking;	  /* whether the body is to be read: router->admits runs, not the handler */
	bool is_admitted; /* it was, and said yes */
	bool must_close;  /* what follows on the connection is not a request */
	bool keeps;	  /* the connection, after the reply */
	bool is_first;	  /* request of its connection, behind a handshake with a certificate */

	int64_t since_us, took_us; /* with queue and workers, without its time parked */

	bool has_deadline; /* set by its first park, so that being woken does not wait anew */
	int64_t deadline_ms;
	uint64_t seen; /* wakes that came before its handler ran */
	uint64_t topic;
	bool is_listed;
	struct work *older, *newer; /* on the topic's list */
};

/* NULL: no memory. */
struct work *work_new(struct http_server *s);
void work_free(struct work *w);
/* Forgets request and reply; keeps small buffers and the arena's first block. */
void work_reset(struct work *w);
/* Frees the body, and gives back what it counted for towards all bodies' limit. */
void work_drop_body(struct work *w);
/* To a worker. LIMIT: the queue is full. */
MUST_USE status work_submit(struct work *w);
/* On a worker: the whole chain (`together`), which is of one handler, and of any loops. */
void work_run_together(struct work *first, unsigned worker);
/* Its drain is over: it is refused by whoever takes it up. */
bool work_must_end(const struct work *w);
/* A duration for the statistics: no decision of the product's hangs on it, so it is not the tests' clock. */
int64_t stopwatch_us(void);
/* Answers here and now, on the loop's thread, where the route can. False: nothing has happened. */
bool work_at_once(struct work *w);
/* Answers here and now, without handler. */
void work_refuse(struct work *w, int http_status, const char *words);
/* The same, with a 503, and counted: the workers' queue is full. */
void work_turn_away(struct work *w);
/*
 * Before it waits long: everything that its run needed is dropped, and the header section moves
 * from the connection's buffer at `from` to memory of its own. False: no memory, nothing moved.
 */
bool work_settle(struct work *w, span from);
