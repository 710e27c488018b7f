#pragma once
/*
 * Connections that do nothing, held by a process of their own: descriptors are a process's, and what the client's end costs
 * is not the server's. Each is mutual TLS 1.3 and has had one answer.
 */
#include "crowd.h"
#include "helper.h"

struct idle {
	struct helper holder;
	double client_kib; /* what one costs the holder */
};

/* Returns when all are open. */
void idle_open(struct idle *i, const struct crowd *c, size_t count);
/* Fails the benchmark unless all are open still. */
void idle_close(struct idle *i);
