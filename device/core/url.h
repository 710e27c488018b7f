#pragma once
/* The server's address: https://HOST or https://HOST:PORT, HOST a name, an IPv4 address or [an IPv6 address]. */
#include "base/span.h"
#include "base/status.h"

struct server_url {
	char host
		[254]; /* without brackets; a DNS name has at most 253 characters (RFC 1035 2.3.4) */
	char port[6];
	bool is_ip6;
};

/* BAD_INPUT for everything else: a path, a user, another scheme. */
MUST_USE status server_url_read(span text, struct server_url *out, struct diag *d);
