#pragma once
/*
 * The PROXY protocol, version 2, by which a load balancer says for whom it connects. Read strictly, and only from
 * balancers that the configuration names; version 1, which is text, is not spoken.
 *
 *   0  signature 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
 *  12  version (4 bits: 2) and command (0: LOCAL, 1: PROXY)
 *  13  family (4 bits: 0 UNSPEC, 1 INET, 2 INET6, 3 UNIX) and transport (0 UNSPEC, 1 STREAM, 2 DGRAM)
 *  14  length of what follows, 16 bits: the addresses of the family, then TLVs
 */
#include <sys/socket.h>

#include "base/span.h"
#include "base/status.h"

#define PROXY_HEADER_FIXED 16

struct proxy_header {
	/* The balancer speaks for itself (its health check), or cannot say for whom: the connection's own address counts. */
	bool is_own;
	struct sockaddr_storage from; /* unless is_own */
};

/* How many bytes the header has, as far as `bytes` tell: PROXY_HEADER_FIXED until they do. */
size_t proxy_header_len(span bytes);
/*
 * UNAVAILABLE: not all there, and nothing wrong so far. BAD_INPUT; LIMIT: over PROXY_HEADER_MAX. `bytes` may hold more;
 * the header has proxy_header_len.
 */
MUST_USE status proxy_header_read(span bytes, struct proxy_header *out, struct diag *d);
