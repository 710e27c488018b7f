#pragma once
/*
 * What the agent does next: a pure function of what stands on disk, the last
 * answer of the server, the time, and how often it failed.
 *
 *   nothing --MAKE_REQUEST--> key in a free slot, request on disk
 *           --SEND----------> certificate on disk, waiting ("next")
 *           --CONFIRM-------> the server has seen it in use
 *           --ADOPT---------> it is the identity; the former key's slot is free
 *
 * Each arrow ends with something durable, and each can be repeated: a process
 * that dies anywhere goes on from what stands on disk. The birth identity is never given up. An
 * operational identity that is refused is kept (a suspension ends), but the birth identity asks
 * and enrols meanwhile. Slots that are locked are passed over; where none is left, the present identity stays in use, unless the
 * server has ended it: then its own slot is free again. No memory is allocated, nothing is read or written.
 */
#include <stdbool.h>
#include <stdint.h>

/* Slots of the element: 0 the birth key; 2 to 4 operational keys (current, next, spare). */
#define SLOT_BIRTH 0
#define SLOT_FIRST 2
#define SLOT_LAST 4
#define SLOT_NONE 0 /* a new key is never made in the birth key's */

/* As which of its identities the device speaks. */
enum plan_who { WHO_BIRTH, WHO_OPERATIONAL, WHO_NEXT };

/* How far the server lets the asking identity in (docs/api.md, "access"). */
enum plan_access { ADMITTED_STATE, ADMITTED_ENROLMENT, ADMITTED_FULL };

/* What stands on disk. */
struct plan_held {
	bool has_birth, has_identity, has_next, has_request;
	unsigned identity_slot, next_slot, request_slot;
	int64_t identity_ends_s, next_ends_s; /* notAfter */
	bool request_is_renewal;
	unsigned closed; /* a bit for each slot in which no new key can be made */
};

/* What of a state answer decides. */
struct plan_seen {
	bool is_known;
	enum plan_who by;
	enum plan_access access;
	bool renew_now;
	int64_t renew_after_s; /* 0: none */
	int64_t version;       /* 1 and up */
};

struct plan_limits {
	int64_t poll_s;		  /* the longest wait of a long poll; 0: ask without waiting */
	int64_t retry_least_ms;	  /* after the first failure */
	int64_t retry_most_ms;	  /* the back-off's end */
	int64_t retry_honoured_s; /* of a server's Retry-After, at the most */
};

struct plan {
	struct plan_limits limits;
	struct plan_held held;
	struct plan_seen seen;
	int64_t version; /* of the device's record, of the last answer; 0: none */
	bool identity_is_refused, next_is_refused; /* since the record last changed */
	int64_t refused_version; /* which the record had when the identity was last refused; 0: unknown */
	bool renewal_is_wanted; /* by the one at the device */
	unsigned failures;	/* in a row */
	unsigned bad_requests;	/* in a row, whatever was asked between them: each costs a key */
	int64_t retry_at_ms;	/* nothing before (monotonic) */
};

enum plan_action {
	PLAN_ASK,	   /* the state, as `who`, waiting at the server for `wait_s` */
	PLAN_MAKE_REQUEST, /* a key in `slot`, then the request, `is_renewal` or not */
	PLAN_SEND,	   /* the request on disk, as `who` */
	PLAN_ADOPT,	   /* next becomes the identity */
	PLAN_DROP_NEXT,
	PLAN_DROP_REQUEST,
	PLAN_WAIT, /* `wait_ms` */
	PLAN_STUCK /* no identity at all: the element was never given its birth certificate */
};

struct plan_step {
	enum plan_action action;
	enum plan_who who;
	unsigned slot;
	bool is_renewal;
	bool lacks_slot; /* PLAN_ASK: a new key is wanted, and there is no slot for it */
	int64_t wait_s, wait_ms;
};

const char *plan_who_name(enum plan_who who); /* "birth", "operational", "next" */

void plan_init(struct plan *p, const struct plan_limits *limits, const struct plan_held *held);
/* `now_s` by the server's clock as far as it is known. */
struct plan_step plan_next(const struct plan *p, int64_t now_s, int64_t now_ms);

/* --- what came of the step; `random` is any number, for the jitter --- */

/* A state answer. An unchanged one that comes back much earlier than it was asked to is followed by a pause. */
void plan_take_state(struct plan *p, const struct plan_step *step, const struct plan_seen *seen,
	int64_t asked_ms, int64_t now_ms, uint32_t random);
/* What stands on disk has changed by the step (request made, certificate stored, adopted, dropped). */
void plan_take_held(struct plan *p, const struct plan_step *step, const struct plan_held *held);
/* The server does not let this identity in (401, 403), with its Retry-After or 0. */
void plan_take_refusal(struct plan *p, const struct plan_step *step, int64_t retry_after_s,
	int64_t now_ms, uint32_t random);
/* The request itself is wrong to the server, or its answer to us: another key must be made. */
void plan_take_bad_request(struct plan *p, int64_t retry_after_s, int64_t now_ms, uint32_t random);
/* Nobody answered, or with "later". */
void plan_take_failure(struct plan *p, int64_t retry_after_s, int64_t now_ms, uint32_t random);

/* The back-off alone: exponential from least to most, the upper half of it by `random`. At least what
 * the server asked for, spread by a quarter of it so that a fleet does not come back at one instant. */
int64_t plan_back_off_ms(const struct plan_limits *limits, unsigned failures, int64_t retry_after_s,
	uint32_t random);
/* The first open one of slots 2 to 4 that holds neither the identity's nor the waiting key. SLOT_NONE: there is none. */
unsigned plan_free_slot(const struct plan_held *held);
