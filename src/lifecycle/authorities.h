#pragma once
/* All authorities, however many there are, with the memory of a few. */
#include "lifecycle/session.h"

/*
 * What is done with one. `s` is the caller's session with an arena that lasts for this call; the authority likewise. To the caller's
 * own arena goes what is to stay.
 */
typedef status authority_step(
	struct session *s, const struct authority *a, void *context, struct diag *d);

/* Each, by row, within the session's snapshot where it has one. The first status but OK ends it, and is the answer. */
MUST_USE status authorities_each(
	struct session *s, authority_step *step, void *context, struct diag *d);

/*
 * Each, by row, outside of any snapshot: for steps with snapshots and commits of their own. One that fails does not keep the others
 * from theirs; the first fault is the answer.
 */
MUST_USE status authorities_do(
	struct session *s, authority_step *step, void *context, struct diag *d);
