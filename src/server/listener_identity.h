#pragma once
/*
 * The listener's own certificate: its key is tenured's (HOME/tls/server.key, not a CA's), its certificate is issued
 * like any other, recorded, and renewed at two thirds of its life without a restart.
 */
#include "http/server.h"
#include "lifecycle/session.h"

struct listener_identity {
	const char *folder; /* HOME/tls */
	const char *authority, *names;
	int64_t lifetime_s;
	int64_t renew_at_s; /* 0: nothing is loaded yet */
};

/*
 * Takes what stands in the folder if it is still good, fits the names and has its key; else makes a new key and
 * certificate, keeps both in one file by atomic replacement, and hands them to the server. Called at the start and by
 * the schedule: cheap when nothing is due.
 */
MUST_USE status listener_identity_refresh(
	struct listener_identity *l, struct session *s, struct http_server *server, struct diag *d);
