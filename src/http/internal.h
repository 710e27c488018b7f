#pragma once
/* The server's own parts: what its loops, its workers and its callers share. */
#include <stdatomic.h>

#include "base/pool.h"
#include "http/address.h"
#include "http/park.h"
#include "http/server.h"
#include "http/tls.h"

/* What epoll hands back; the first member of what it stands for. */
enum source_kind { SOURCE_BELL, SOURCE_LISTENER, SOURCE_CONNECTION };
struct source {
	enum source_kind kind;
};

struct listener {
	struct source source;
	int fd; /* -1 after it was closed */
	unsigned port;
	char address[ADDRESS_TEXT_MAX]; /* that it is bound to */
	bool is_tls;
	bool is_proxied;	     /* each connection begins with the PROXY protocol */
	struct address_list proxies; /* who may speak it */
	const struct router *router;
};

struct counters {
	_Atomic uint64_t connections, connections_open, connections_refused, connections_evicted;
	_Atomic uint64_t handshakes, handshakes_resumed, handshakes_failed;
	_Atomic uint64_t requests, requests_bad, timeouts, queue_full;
	_Atomic uint64_t parked;
	_Atomic uint64_t refusals[REFUSAL_COUNT];
};

#define CROWD_SLOTS 16384 /* a power of two; two addresses share a slot by chance only */

struct loop;
struct gatherings;

struct http_server {
	struct http_options options; /* defaults filled in */
	struct listener listeners[4];
	size_t listener_count;
	struct tls *tls;
	struct parks *parks;
	struct pool *pool;
	struct gatherings *gatherings;
	struct loop **loops;
	unsigned loop_count;
	_Atomic size_t bodies; /* bytes that requests' bodies hold */
	atomic_bool is_stopping;
	atomic_bool keeps_listeners; /* at the stop: somebody else goes on with them */
	atomic_bool is_ending;	     /* the drain is over: no more handlers */
	struct counters counters;
	uint64_t crowd_seed; /* so that nobody can choose whom he shares a slot with */
	_Atomic uint32_t crowd[CROWD_SLOTS]; /* connections by their peer's address */
};

static inline void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline void
count_down(_Atomic uint64_t *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

static inline void
count_refusal(struct http_server *s, enum refusal r)
{
	count(&s->counters.refusals[r]);
}

/* IO with the reason. Fills fd, port and address. */
MUST_USE status listener_open(struct listener *l, const char *address, int backlog, struct diag *d);
/* Takes one that somebody else has opened and that listens; BAD_INPUT: it is none. */
MUST_USE status listener_take(struct listener *l, int fd, struct diag *d);
