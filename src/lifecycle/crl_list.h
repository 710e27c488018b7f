#pragma once
/*
 * The entries of a CRL, gathered from the store: what is revoked, and what a suspended device holds (certificateHold,
 * removed again by not being on the next list). Inside lifecycle/ only.
 */
#include "lifecycle/session.h"

struct crl_hold {
	int64_t index;
	struct crl_entry entry;
};

struct crl_list {
	struct session *session; /* the rest is read through its reader, in snapshots of our own */
	struct arena *page;	 /* for one page of rows; reset between pages */
	int64_t authority;
	int64_t alive_at_s; /* expired before this: dropped */
	int64_t this_update_s;
	bool with_superseded;

	struct crl_hold *holds; /* by index */
	size_t hold_count, hold_room;
	struct crl_entry *entries; /* by index; behind `numbered` those without one */
	int64_t *indexes;	   /* of the first `numbered` */
	size_t count, room, index_room, numbered;
};

/* NO_MEMORY. Everything but `session` is the caller's to fill behind it. */
MUST_USE status crl_list_init(struct crl_list *l, struct session *s, struct diag *d);
void crl_list_wipe(struct crl_list *l);

/*
 * Gathers everything, once for all lists of a publication: revoked ones and, of suspended devices, what they hold, in one
 * snapshot, so that no list of it says what another does not.
 */
MUST_USE status crl_list_gather(struct crl_list *l, struct diag *d);
/* Those with an index in [from, to). */
struct crl_slice {
	const struct crl_entry *entries;
	size_t count;
};
struct crl_slice crl_list_slice(const struct crl_list *l, int64_t from, int64_t to);
