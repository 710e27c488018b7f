#pragma once
/*
 * tenured, put together: home, signer, store, ledger, HTTP, schedules; in this order up, in the opposite order down.
 */
#include "base/status.h"

struct server;

/*
 * Takes the home and serves. OK: ready. Else what is wrong with which part; nothing runs on. `adopts_ledger`: the guard is
 * lost, and the operator says that this home is the latest.
 */
MUST_USE status server_start(
	const char *home, bool adopts_ledger, struct server **out, struct diag *d);
/* Ends requests under way, publishes the last checkpoint. */
void server_stop(struct server *s);

/* OK, or why requests cannot be served in full. Any thread. */
MUST_USE status server_ready(struct server *s, struct diag *d);
/* "https://127.0.0.1:8443 http://127.0.0.1:8080", with the ports that were really taken. */
const char *server_addresses(const struct server *s);
const char *server_home(const struct server *s);
