#pragma once
/* Policy that is read off fleets for one authority. Inside lifecycle/ only. */
#include "lifecycle/session.h"

/*
 * Whether superseded certificates of this authority stand on its CRL and are revoked in OCSP's answers. The lists are the
 * authority's, the wish is a fleet's: one fleet that wants it decides for all that share the authority, so that CRL
 * and OCSP never disagree. Within the session's snapshot.
 */
MUST_USE status policy_lists_superseded(
	struct session *s, int64_t authority, bool *out, struct diag *d);
/* Calls `each` for every authority that they stand on; one may be named more than once. */
MUST_USE status policy_each_superseded(struct session *s,
	void (*each)(void *context, int64_t authority), void *context, struct diag *d);
