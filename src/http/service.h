#pragma once
/*
 * What the handlers of proto/ and api/ stand on: exchange.context is a `struct service`. From it they
 * get a session of lifecycle/ for their exchange, and whoever asks, proven.
 *
 *	struct session s;
 *	if (!service_session(x, &s) || !service_operator(x, &s)) {
 *		return; // the reply is there
 *	}
 */
#include "home/configuration.h"
#include "http/router.h"
#include "http/server.h"
#include "lifecycle/admit.h"

/* The long-lived parts; one a process. Filled by server/, borrowed by the handlers. */
struct service {
	const struct life *life;
	const struct configuration *configuration;
	struct http_server *server; /* for its counters; NULL before it has started */
	const char *version;	    /* of the program */
	const char *ledger_key;	    /* verifier key (C2SP), "" while there is none */
	/* OK, or why the server is not ready, in words. NULL: always ready. Any thread. */
	status (*ready)(void *context, struct diag *d);
	void *context;

	struct reader **readers; /* by the worker's number */
	unsigned reader_count;
};

/* Opens a reader for each of the workers 0 .. count - 1 on life's store. NO_MEMORY, IO. */
MUST_USE status service_open(struct service *v, unsigned workers, struct diag *d);
void service_close(struct service *v);

static inline struct service *
service_of(const struct exchange *x)
{
	return x->context;
}

/*
 * Fills a session for this exchange: the worker's reader, the exchange's arena and id, the clock's now. Nobody
 * has been asked for yet: the actor is a device that does not exist, who sees nothing and may do nothing.
 * False: the reply says why (500).
 */
MUST_USE bool service_session(struct exchange *x, struct session *out);

/* The operator, by `Authorization: Bearer` or, without one, by the client certificate, as s->actor. False: the reply is
 * a 401 (nobody known), 403 (disabled) or 503. */
MUST_USE bool service_operator(struct exchange *x, struct session *s);

/* router.admits of the server: a large body is an operator's. False: the reply is that of service_operator. */
MUST_USE bool service_admits(struct exchange *x);

/*
 * The device, by the client certificate, or by the Client-Cert header of its registration authority, as s->actor; a first use of a new certificate is confirmed on the way.
 * True for ACCESS_STATE_ONLY and above. False: the reply is a 401 (no certificate, or one that nobody
 * knows), a 403 with the reason in words, or a 503.
 */
MUST_USE bool service_device(struct exchange *x, struct session *s, struct admission *out);

/* Many of them, each by itself: those that come together are admitted together (lifecycle/admit.h). */
struct caller {
	struct exchange *x;
	struct session *session;
	struct admission *out;
	bool is_admitted; /* false: the reply is there */
};
void service_devices(struct caller *list, size_t count); /* at least one */

/*
 * The device that a registration authority speaks for, by `client`, the Client-Cert header of its request (RFC 9440):
 * the peer is an operator of role ra, by its certificate, and the device's fleet names it. BAD_INPUT; DENIED: from
 * anybody else the header is not taken. Part of service_device.
 */
MUST_USE status service_admit_through(
	struct exchange *x, struct session *s, span client, struct admission *out, struct diag *d);

/* The topic of reply_park that is woken when the device changes (life.on_device). */
static inline uint64_t
service_topic(int64_t device)
{
	return (uint64_t)device;
}
