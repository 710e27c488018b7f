#pragma once
/*
 * Why somebody was refused before a handler saw him: one counter each, under names that stay. What handlers refuse
 * is counted by its status (api/count.h).
 */
#include "base/status.h"

/* In the order of the table of names in refusal.c. */
enum refusal {
	/* layer "http": a request that cannot be read, or is too much */
	REFUSAL_LINE_END,
	REFUSAL_REQUEST_LINE,
	REFUSAL_METHOD,
	REFUSAL_VERSION,
	REFUSAL_TARGET,
	REFUSAL_TARGET_SIZE,
	REFUSAL_HOST,
	REFUSAL_HEADER_LINE,
	REFUSAL_HEADER_FOLDED,
	REFUSAL_HEADER_NAME,
	REFUSAL_HEADER_VALUE,
	REFUSAL_HEADER_TWICE,
	REFUSAL_HEADER_SIZE,
	REFUSAL_LENGTH,
	REFUSAL_TRANSFER_CODING,
	REFUSAL_EXPECTATION,
	REFUSAL_CHUNK,
	REFUSAL_BODY_SIZE,
	REFUSAL_REQUEST_OTHER,
	/* layer "tls": a handshake that failed */
	REFUSAL_TLS_NONE,    /* it was not TLS */
	REFUSAL_TLS_VERSION, /* older than 1.2 */
	REFUSAL_TLS_TERMS, /* no cipher suite or group in common; P-384 is not spoken for the exchange */
	REFUSAL_TLS_PROTOCOL, /* ALPN without HTTP/1.1 */
	REFUSAL_TLS_CERTIFICATE,
	REFUSAL_TLS_ALERT, /* the client gave up */
	REFUSAL_TLS_CLOSED,
	REFUSAL_TLS_IDENTITY, /* we have none yet, or no memory */
	REFUSAL_TLS_OTHER,
	/* layer "proxy" */
	REFUSAL_PROXY_FROM, /* not one of the balancers that are named */
	REFUSAL_PROXY_HEADER,
	REFUSAL_PROXY_CLOSED,
	/* layer "limit" */
	REFUSAL_LIMIT_CONNECTIONS,
	REFUSAL_LIMIT_ADDRESS,
	REFUSAL_LIMIT_BODIES,
	REFUSAL_LIMIT_QUEUE,
	REFUSAL_LIMIT_EVICTED,
	/* layer "timeout" */
	REFUSAL_TIMEOUT_PROXY,
	REFUSAL_TIMEOUT_HANDSHAKE,
	REFUSAL_TIMEOUT_HEADER,
	REFUSAL_TIMEOUT_BODY,
	REFUSAL_TIMEOUT_REPLY,
	REFUSAL_COUNT
};

/* "tls", "version"; static. */
const char *refusal_layer(enum refusal r);
const char *refusal_kind(enum refusal r);

/* Of a request that was refused in these words. */
enum refusal refusal_of_request(const struct diag *d);
/* Of a handshake that has just failed on this thread, by what libssl left in its queue. */
enum refusal refusal_of_handshake(void);
