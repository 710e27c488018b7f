#pragma once
/*
 * The machine of a device's life: which event is allowed in which state, to
 * whom, and what follows. Pure. The table is fleet/machine_table.c; the
 * documents' table (docs/states.md) and the model's are printed from it.
 */
#include "base/buffer.h"
#include "fleet/device.h"

/* What the caller of machine_apply must bring about in the same transaction. A bit each. */
enum machine_effect {
	EFFECT_REVOKE_OPERATIONAL = 1 << 0, /* every operational certificate ends */
	EFFECT_DENY_OPERATIONAL = 1 << 1,   /* they stay, but are refused: suspension */
	EFFECT_RESTORE = 1 << 2,	    /* they are let in again */
	EFFECT_DENY_BIRTH = 1 << 3,
	EFFECT_VOID_OFFER = 1 << 4, /* the open offer, if any, ends as void */
	EFFECT_END_OFFER = 1 << 5,  /* as cancelled, declined or timed out */
	EFFECT_TAKE_OFFER = 1 << 6, /* as accepted */
	EFFECT_OPEN_OFFER = 1 << 7,
	EFFECT_OWNER_COMES = 1 << 8,	/* the owner is the request's coming owner */
	EFFECT_OWNER_IS_MAKER = 1 << 9, /* back to the fleet's maker */
	EFFECT_BURN_CLAIM_CODE = 1 << 10,
	EFFECT_NEW_CLAIM_CODE = 1 << 11,
	EFFECT_CONFIRM_PENDING = 1 << 12, /* pending becomes current, the old current superseded */
	EFFECT_SWAP_ELEMENT = 1 << 13,
	EFFECT_OPEN_CASE = 1 << 14,
	EFFECT_CLOSE_CASE = 1 << 15,
	EFFECT_ORDER_RENEWAL = 1 << 16, /* the device is told to renew now */
};

/* Where a cell of the table leads, where it is not simply a state. */
enum machine_next {
	NEXT_REFUSED = 0, /* so that an empty cell refuses */
	NEXT_STAYS,
	NEXT_BACK, /* resume: where it was suspended from, by the rules of the resume column */
	NEXT_BACK_NEW_KEY, /* replace while suspended: the same, but never into use with a dead key */
	NEXT_STATE,	   /* + enum device_state */
};
#define NEXT(state) ((unsigned)NEXT_STATE + (unsigned)(state))

struct machine_cell {
	unsigned next;	  /* enum machine_next or NEXT(state) */
	unsigned effects; /* bits of enum machine_effect */
};

/* The table. */
struct machine_cell machine_cell(enum device_event e, enum device_state s);
/* Who may bring the event about: bits of enum role. */
unsigned machine_roles(enum device_event e);

struct machine_request {
	enum device_event event;
	unsigned roles;		  /* the asker's towards this device */
	int64_t coming_owner;	  /* claim, accept: row of the owner to be */
	int64_t maker;		  /* row of the fleet's maker: where ownership falls back to */
	enum mark mark;		  /* mark, unmark */
	bool is_confirmed;	  /* prove, rotate: the new certificate was seen in use */
	bool identity_is_expired; /* resume: the current certificate is over its time */
	bool has_consent;	  /* return: the owner's consent or the device's proof is at hand */
	bool has_offer_right;	  /* accept, decline: the asker is whom the offer is for */
};

/*
 * Judges the event and gives the device as it is afterwards (state, owner,
 * marks, suspension; certificates' and offers' rows are the caller's part by
 * the effects). DENIED: not for the asker; CONFLICT: not in this state. The
 * diag says the event, the state and the reason.
 */
MUST_USE status machine_apply(const struct device *before, const struct machine_request *r,
	struct device *after, unsigned *effects, struct diag *d);

/* The rank with which a role suspends and resumes. */
enum rank machine_rank(unsigned roles);

/* The documents' table in Markdown; the model's in Promela. */

void machine_print_markdown(struct buffer *out);
void machine_print_promela(struct buffer *out);
