#pragma once
/* Inside the driver: what several commands together need. */
#include <string.h>

#include "device/element/atecc608.h"

/*
 * A sequence that hands TempKey on begins again when the wire or a sleeping part may have lost it. A refusal is
 * given a second try, for a part that slept unseen says just that; policies refuse twice.
 *
 *	unsigned patience = SEQUENCE_PATIENCE;
 *	do { s = try_it(...); } while (sequence_again(s, &patience));
 */
#define SEQUENCE_PATIENCE 6
#define SEQUENCE_PRICE 2 /* three tries */
#define SEQUENCE_PRICE_REFUSED 3

static inline bool
sequence_again(enum atecc608_status s, unsigned *patience)
{
	unsigned price = s == ATECC608_REFUSED ? SEQUENCE_PRICE_REFUSED : SEQUENCE_PRICE;
	bool may_pass = s == ATECC608_REFUSED || s == ATECC608_GARBLED || s == ATECC608_LATE ||
			s == ATECC608_ASLEEP;

	if (!may_pass || *patience <= price) {
		return false;
	}
	*patience -= price;
	return true;
}

/* Whether the command may have been done although the answer says nothing. */
static inline bool
is_uncertain(enum atecc608_status s)
{
	return s == ATECC608_GARBLED || s == ATECC608_LATE;
}

static inline struct atecc608_piece
piece(const uint8_t *bytes, size_t len)
{
	return (struct atecc608_piece){ bytes, bytes != NULL ? len : 0 };
}
