#pragma once
/* Which handler serves which path. One table a port; looked up without allocation. */
#include "http/exchange.h"

typedef void http_handler(struct exchange *x);

struct route {
	enum http_method method;
	/* "/api/v1/devices/{id}/claim": a {..} is one segment; a last "*" takes the raw rest. */
	const char *pattern;
	http_handler *handler;
	size_t body_max; /* 0: a body is refused; over it: 413 before it is read */
	/*
	 * Tried first, on the loop's own thread: for what can be answered from memory. It must never block, not for the store
	 * and not for the signer, and `worker` is not set. True: the reply is there. False: what is there of it is
	 * dropped, and a worker runs the handler. NULL: the handler always is.
	 */
	bool (*at_once)(struct exchange *x);
	/*
	 * Instead of the handler: by one worker, all those of routes with this `together` that came while the ones before
	 * them were away, at most HTTP_TOGETHER_MAX (http/gather.h). Each reply must be there, none parked. For what is cheaper in
	 * one message than in many. NULL: each by itself.
	 */
	void (*together)(struct exchange *const *x, size_t count);
	bool is_linked; /* the handler asks for the peer's tls_exporter, which costs a little */
};

struct router {
	const struct route *const *tables; /* several tables, each ended by a NULL pattern */
	size_t table_count;
	void *context; /* for every exchange */
	/*
	 * Whether a body of over http_options.body_unasked (or one in chunks, for a route that takes so much) is read at
	 * all from whoever asks: called before it, on a worker, without a body. False: the reply is there, and the connection ends
	 * with it. True: nothing of the reply is. NULL: from anybody.
	 */
	bool (*admits)(struct exchange *x);
	/* Counts and logs each finished exchange, refused ones among them (what could not be read has an empty
	 * path); any worker. Not the 503s of a full
	 * queue: those are counted by the server. May be NULL. took_us: in the queue and with workers, without the time parked. */
	void (*finished)(void *context, const struct exchange *x, int64_t took_us);
};

/*
 * Fills parameters and rest. NULL: `*http_status` says 404 or 405 (then `allow` gets the methods that the
 * path has). HEAD finds GET's. Literal segments win over {..}.
 */
const struct route *router_find(const struct router *r, const struct http_request *request,
	struct exchange *x, int *http_status, char *allow, size_t allow_room);
