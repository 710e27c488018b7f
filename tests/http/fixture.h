#pragma once
/* A server with handlers for every kind of reply, plain and TLS, on ports of the kernel's choice. */
#include <stdatomic.h>

#include "client.h"

#include "http/server.h"

struct fixture {
	struct http_server *server;
	struct credential identity;
	unsigned plain, tls;	   /* ports */
	_Atomic uint64_t value;	   /* what /wait waits for: its query has v=<the last one seen> */
	_Atomic int blocked, runs; /* /block: handlers inside; runs of /wait */
	atomic_bool gate;	   /* /block waits until it is open */
	_Atomic int finished, last_status;
	_Atomic int together; /* calls of /together, which waits for the gate too */
	_Atomic int asked;    /* how often a body was asked for */
	_Atomic char order
		[8]; /* the first letters of the methods that were answered, one after the other */
	char *folder;
};

/* The defaults of the tests; then the caller changes what it is about. */
struct http_options fixture_options(struct fixture *f);
void fixture_start(struct fixture *f, const struct http_options *o);
/* From now on large bodies are only read of those who say `Authorization: me`. Before fixture_start. */
void fixture_admits(void);
void fixture_stop(struct fixture *f);
/* For tests that want a server with the defaults: *state is the fixture; NULL when the test has stopped it. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
struct http_counters fixture_counters(const struct fixture *f);
/* For fixture_wait. */
uint64_t fixture_connections_open(const struct fixture *f);
uint64_t fixture_parked(const struct fixture *f);
uint64_t fixture_requests(const struct fixture *f);
uint64_t fixture_timeouts(const struct fixture *f);
uint64_t fixture_blocked(const struct fixture *f); /* handlers inside /block */
/* Until the counter that `read` finds is `wanted`; fails after ten seconds. */
void fixture_wait(
	const struct fixture *f, uint64_t (*read)(const struct fixture *), uint64_t wanted);
