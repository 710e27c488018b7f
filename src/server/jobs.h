#pragma once
/* What the server does by itself: CRLs, responders, its own certificate, offers and certificates whose time is over. */
#include <pthread.h>

#include "http/service.h"
#include "server/listener_identity.h"
#include "server/schedule.h"

#define DIRTY_MAX 64

struct jobs {
	const struct life *life;
	const struct configuration *configuration;
	struct http_server *server;
	struct listener_identity identity;

	struct reader *reader; /* the schedule thread's own */
	struct arena *arena;
	struct schedule *schedule;

	/* Authorities with a revocation that no CRL shows yet. */
	pthread_mutex_t lock;
	int64_t dirty[DIRTY_MAX];
	size_t dirty_count;
	bool all_are_dirty; /* more than DIRTY_MAX */
};

/* `lock` must be initialised, all else zero or the parts. Opens what the jobs work with; they run once the schedule
 * starts. */
MUST_USE status jobs_open(struct jobs *j, struct diag *d);
/* The listener's certificate, now: nothing can be served before it. */
MUST_USE status jobs_identity(struct jobs *j, struct diag *d);
MUST_USE status jobs_start(struct jobs *j, struct diag *d);
/* OK, or which job is stale and why. Any thread. */
MUST_USE status jobs_health(struct jobs *j, int64_t now_s, struct diag *d);
void jobs_close(struct jobs *j); /* waits for the one under way; jobs_revoked may still be called */
/* A certificate of this authority ended: its CRL is made at once. Any thread, never blocks. */
void jobs_revoked(struct jobs *j, int64_t authority);
