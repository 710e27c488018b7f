#pragma once
/*
 * The agent: takes the plan's next step, does it on disk and with the server, and tells the plan what came
 * of it. One process a folder changes things (the lock); it may be killed at any instruction.
 */
#include "base/clock.h"
#include "device/posix/est.h"
#include "device/posix/kept.h"
#include "device/posix/state.h"

struct agent_options {
	const char *folder, *server, *ca, *fleet;
	const char *element; /* device/element/element.h's address; NULL: files in FOLDER/element */
	struct plan_limits limits;
	const struct clock *clock;
	bool is_reader; /* asks and shows only: no lock, nothing is changed */
};

struct agent {
	struct agent_options options;
	struct element *element;
	struct client *client;
	struct arena *arena, *kept_arena; /* of one step; of `kept` */
	struct kept kept;
	struct plan plan;
	struct state_answer last; /* the last state answer; its `json` until the next step */
	char serial[ELEMENT_SERIAL_MAX + 1];
	int64_t ahead_s; /* the server's clock before ours */
	int lock;
};

/* Whoever changes things in a folder first locks it; close *fd to let it go. CONFLICT: another one is at work there. */
MUST_USE status agent_lock(const char *folder, int *fd, struct diag *d);
/* The options' element. LIMIT: FOLDER is too long. */
MUST_USE status agent_element_open(
	const struct agent_options *o, struct element **out, struct diag *d);

/* CONFLICT: another agent holds the folder. The server is not asked yet. Close also after a failure. */
MUST_USE status agent_open(struct agent *a, const struct agent_options *o, struct diag *d);
void agent_close(struct agent *a);

struct plan_step agent_next(const struct agent *a);
/* Does the step; the plan knows the outcome, whatever it is. PLAN_WAIT sleeps. */
MUST_USE status agent_do(struct agent *a, const struct plan_step *step, struct diag *d);
/* DENIED in words: why there is no slot for the key that is wanted (a step's lacks_slot). */
status agent_lacks_slot(const struct agent *a, struct diag *d);
/* The identity of a kind, or NULL where there is none. */
const struct kept_identity *agent_identity(const struct agent *a, enum plan_who who);
