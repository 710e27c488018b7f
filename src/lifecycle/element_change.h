#pragma once
/*
 * What was changed for good on a device's element, at the bench or in the field. The element did it already and nobody can
 * undo it: this is the record. The device stays in its state, and nothing is judged by it.
 */
#include "lifecycle/session.h"

enum element_change_kind {
	CHANGE_LOCK_SLOTS,  /* "lock-slots": no new key, no other content any more */
	CHANGE_USER_EXTRA,  /* "user-extra": the byte that can be set once */
	CHANGE_ADDRESS,	    /* "address": another bus address, 8-bit form */
	CHANGE_COUNTER,	    /* "counter": stepped */
	CHANGE_RETIRE_KEYS, /* "retire-keys": keys and secrets of these slots were overwritten */
	ELEMENT_CHANGE_COUNT
};

#define ELEMENT_SLOTS 16
#define ELEMENT_COUNTERS 2

struct element_change {
	enum element_change_kind kind;
	unsigned slots; /* a bit each: lock-slots, retire-keys; else 0 */
	/* counter only: which, its value before and after. user-extra and address: the bytes. Else -1. */
	int64_t counter, before, after;
};

const char *element_change_name(enum element_change_kind kind);
/* BAD_INPUT for an unknown name. */
MUST_USE status element_change_parse(span name, enum element_change_kind *out);

/*
 * One ledger entry "element-change", about the element that the device carries now. For the maker and the support desk.
 * BAD_INPUT: numbers that do not belong to this kind of change, or cannot be; DENIED; NOT_FOUND.
 */
MUST_USE status element_changed(struct session *s, int64_t device,
	const struct element_change *change, struct outcome *o, struct diag *d);
