#pragma once
/*
 * tenured, put together: home, signer, store, ledger, HTTP, schedules; in this order up, in the opposite order down.
 */
#include "server/sockets.h"

struct server;

/*
 * Takes the home and serves. OK: ready. Else what is wrong with which part; nothing runs on. `adopts_ledger`: the guard is
 * lost, and the operator says that this home is the latest. `handed`: sockets to listen on instead of opening some.
 */
MUST_USE status server_start(const char *home, bool adopts_ledger,
	const struct handed_sockets *handed, struct server **out, struct diag *d);
/* Ends requests under way, publishes the last checkpoint. */
void server_stop(struct server *s);
/*
 * The same, but the listening sockets stay open: whoever connects from now on waits in their queues for the server that
 * goes on with them. Only one at a time works on a home, so it can begin when this returns, and not before.
 */
void server_stop_keeping(struct server *s, struct handed_sockets *kept);
/* Whether the home's configuration would be taken now. BAD_INPUT in words; CONFLICT: it listens elsewhere, which needs a stop. */
MUST_USE status server_may_restart(const struct server *s, struct diag *d);

/* OK, or why requests cannot be served in full. Any thread. */
MUST_USE status server_ready(struct server *s, struct diag *d);
/* "https://127.0.0.1:8443 http://127.0.0.1:8080", with the ports that were really taken. */
const char *server_addresses(const struct server *s);
const char *server_home(const struct server *s);
