#pragma once
/* RFC 7030 as a device speaks it, with RFC 8951's base64: /cacerts, /simpleenroll, /simplereenroll. */
#include "device/posix/client.h"
#include "device/posix/issued.h"

struct est {
	struct client *client;
	const char *fleet; /* the EST label */
	struct arena *arena;
	int64_t retry_after_s;	  /* of the last answer that was none; 0: not said */
	bool wants_another_proof; /* it was one that another key's proof may get over */
};

/*
 * Sends the request (DER) as whoever the client presents, and judges what comes back against /cacerts. Statuses of
 * client_ask, reply_judge and issued_judge; an answer that is no certificate is BAD_INPUT. CONFLICT alone says
 * that this request will never do. The spans of `out` are in the arena.
 */
MUST_USE status est_enrol(struct est *e, span csr, bool is_renewal, const struct issued_expected *x,
	struct issued *out, struct diag *d);
