#pragma once
/*
 * From what a request names to what the store has. Called outside a snapshot; false: a 404 (also for what the
 * asker may not see) or a fault is the reply.
 */
#include "api/call.h"

MUST_USE bool lookup_fleet(struct call *c, const char *name, struct fleet *out);
MUST_USE bool lookup_owner(struct call *c, const char *name, struct owner *out);
MUST_USE bool lookup_authority(struct call *c, const char *name, struct authority *out);
/* By the path's parameter 0: an id or an element's serial. */
MUST_USE bool lookup_device(struct call *c, struct device *out);
/*
 * The same for a claim, which is by one who may not see the device yet: for an owner's operator one that is not
 * there has row 0, and lifecycle/ answers as for a wrong code.
 */
MUST_USE bool lookup_claimed(struct call *c, struct device *out);
/* By the path's parameter 0, an id. `any`: also one of other people, for whoever brings its code. */
MUST_USE bool lookup_offer(struct call *c, bool any, struct offer *out);
/* By the path's parameter 0, a fingerprint. */
MUST_USE bool lookup_certificate(struct call *c, struct certificate *out);
