#pragma once
/* GET /device/v1/state: what the server says the device is (docs/api.md, Devices). */
#include "device/core/plan.h"
#include "device/posix/client.h"

struct state_answer {
	struct plan_seen seen; /* `by` is the caller's to fill */
	char state[32];	       /* "ACTIVE" */
	char why[256];
	int64_t time_s;	       /* the server's clock; 0: not said */
	int64_t retry_after_s; /* of an answer that was none */
	span json;	       /* the whole, in the arena */
};

/*
 * `wait_s` > 0: a long poll for a version other than `version`. Statuses of client_ask and reply_judge; BAD_INPUT
 * also for an answer that is no state. retry_after_s is set whatever the status.
 */
MUST_USE status state_ask(struct client *c, struct arena *a, int64_t wait_s, int64_t version,
	struct state_answer *out, struct diag *d);
/* From the JSON. BAD_INPUT. */
MUST_USE status state_read(span json, struct state_answer *out, struct diag *d);
