#pragma once
/* GET /device/v1/challenge: what a new key's proof is made over (docs/api.md, Devices). */
#include "device/posix/client.h"
#include "element/evidence.h"

struct challenge {
	uint8_t bytes[CHALLENGE_MAX];
	size_t len;
	bool is_useless; /* the server has nothing to check a proof by: the request goes without */
	int64_t retry_after_s; /* of an answer that was none; 0: not said */
};

/*
 * For a key. NOT_FOUND: an older server, which takes requests without proof. Statuses of client_ask and reply_judge; BAD_INPUT
 * also for an answer that is no challenge. retry_after_s is set whatever the status.
 */
MUST_USE status challenge_ask(
	struct client *c, struct arena *a, struct challenge *out, struct diag *d);
/* From the JSON. BAD_INPUT. */
MUST_USE status challenge_read(span json, struct challenge *out, struct diag *d);
