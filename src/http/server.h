#pragma once
/*
 * The HTTP server: event loops that only move bytes (TLS, HTTP framing) and a pool of workers that run
 * each complete request to its reply.
 *
 * Client certificates are asked for and never judged by the handshake: any well-formed one that proves
 * possession of its key comes through to the handler, so that a refused device is known by name.
 * Sessions are resumed from a bounded cache in memory (one stateful ticket); the handler judges the
 * certificate again on each request, so resumption skips nothing.
 */
#include <openssl/evp.h>

#include "http/refusal.h"
#include "http/router.h"

struct http_server;

struct http_listen {
	const char *address; /* "127.0.0.1:8443", "[::]:8443"; port 0: any free one */
	bool is_tls;
	const struct router *router;
	/* Balancers that speak the PROXY protocol's version 2 here ("127.0.0.1, 10.0.0.0/8"): they must, and nobody else is
	 * let in. NULL: it is not spoken. */
	const char *proxies;
	bool has_socket; /* `socket` listens already: it is taken, and `address` not looked at */
	int socket;
};

/* What is 0 or NULL gets its default. */
struct http_options {
	struct http_listen listens[4];
	size_t listen_count;
	bool is_held; /* nobody is taken before http_server_open: who connects waits in the kernel's queue */
	unsigned loops;	  /* 0: one a core */
	unsigned workers; /* 0: two a core */
	size_t queue_max; /* HTTP_QUEUE_MAX; more get 503 */
	/* HTTP_CONNECTIONS_MAX. For one more the connection is closed that has been without a request for the longest; is there
	 * none, the new one is closed at once. */
	size_t connections_max;
	size_t address_max; /* of them from one address: half (HTTP_ADDRESS_DIVISOR), HTTP_ADDRESS_MIN at least */
	int backlog; /* HTTP_BACKLOG; connections that the kernel holds until they are taken */
	size_t bodies_max;   /* HTTP_BODIES_MAX; bytes of all bodies under way, over it 503 */
	size_t header_max;   /* HTTP_HEADER_MAX, which is also the most */
	size_t body_unasked; /* HTTP_BODY_UNASKED; see router.admits */
	int64_t handshake_timeout_ms; /* HTTP_HANDSHAKE_MS for the handshake, with the PROXY protocol before it */
	int64_t header_timeout_ms; /* HTTP_HEADER_MS for a header section */
	/* HTTP_BODY_MS without a byte of a body, the request's or the reply's; and this is the slowest over all. */
	int64_t body_timeout_ms;
	uint64_t rate_min;	 /* HTTP_RATE_MIN, bytes a second */
	int64_t linger_ms;	 /* HTTP_LINGER_MS, so that a refusal reaches its sender */
	uint64_t linger_max;	 /* HTTP_LINGER_MAX, bytes thrown away meanwhile */
	long sessions_max;	 /* TLS_SESSIONS_MAX, kept for resumption */
	long session_lifetime_s; /* TLS_SESSION_LIFETIME_S */
	int64_t idle_timeout_ms; /* HTTP_IDLE_MS between requests */
	int64_t gather_gap_ms;	 /* GATHER_GAP_MS; tests have more time than devices */
	const struct clock
		*clock; /* clock_system; wall time for Date; time-outs use the monotonic one */
};

/* Binds and starts. IO: the address is taken or not ours. BAD_INPUT, LIMIT: an address, a socket or a list of balancers
 * that is none. The options' routers must outlive it. */
MUST_USE status http_server_start(
	const struct http_options *o, struct http_server **out, struct diag *d);
/* Takes connections from now on; once, for a server that is_held. */
void http_server_open(struct http_server *s);
/* The port that listen number `at` got. */
unsigned http_server_port(const struct http_server *s, size_t at);
/* Where it listens: "127.0.0.1:8443". */
const char *http_server_address(const struct http_server *s, size_t at);
/*
 * The listener's certificates (leaf first, DER) and key, for handshakes from now on; needed once before
 * TLS is served (until then handshakes are refused). Any thread.
 */
MUST_USE status http_server_identity(
	struct http_server *s, const span *chain, size_t count, EVP_PKEY *key, struct diag *d);
/*
 * Runs parked exchanges of this topic again. Any thread; never blocks. Wake after the change can be seen: a
 * handler that has read before the change and parks after the wake is run again too.
 */
void http_server_wake(struct http_server *s, uint64_t topic);
/*
 * No new connections; requests under way end, those that have just arrived too, idle connections close (one that has not
 * asked yet: after a second), parked ones are answered; at most
 * drain_ms, then what is left is cut (a handler that is running is waited for). Frees the server: nobody may
 * call it any more. NULL is fine.
 */
void http_server_stop(struct http_server *s, int64_t drain_ms);
/*
 * The same, but the listening sockets stay open for whoever goes on with them: `sockets` gets them in the order of
 * the options. Who connects meanwhile waits in the kernel's queue, and is taken by the next.
 */
void http_server_stop_keeping(struct http_server *s, int64_t drain_ms, int sockets[4]);

/* Counters since the start; any thread. */
struct http_counters {
	uint64_t connections, connections_open, connections_refused, connections_evicted;
	uint64_t handshakes, handshakes_resumed, handshakes_failed;
	uint64_t requests, requests_bad, timeouts, queue_full;
	uint64_t parked;
	uint64_t refusals[REFUSAL_COUNT];
};
void http_server_counters(const struct http_server *s, struct http_counters *out);
