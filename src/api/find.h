#pragma once
/*
 * From what a request names to what the store has. Called outside a snapshot; false: a 404 (also for what the
 * asker may not see) or a fault is the reply.
 */
#include "api/call.h"

MUST_USE bool find_fleet(struct call *c, const char *name, struct fleet *out);
MUST_USE bool find_owner(struct call *c, const char *name, struct owner *out);
MUST_USE bool find_authority(struct call *c, const char *name, struct authority *out);
/* By the path's parameter 0: an id or an element's serial. `any`: also one of somebody else's (a claim). */
MUST_USE bool find_device(struct call *c, bool any, struct device *out);
/* By the path's parameter 0, an id. */
MUST_USE bool find_offer(struct call *c, bool any, struct offer *out);
/* By the path's parameter 0, a fingerprint. */
MUST_USE bool find_certificate(struct call *c, struct certificate *out);
