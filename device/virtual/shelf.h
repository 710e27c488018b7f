#pragma once
/*
 * The parts of one process, each with its bus, and the folder that keeps them. One thread; the folder is locked as long
 * as the shelf lives.
 *
 * A file of the folder that holds no part's state any more stops its own part only: that part is damaged. It is not
 * served, it counts as there, and its file stays as it is: no part is made in its place.
 */
#include "device/virtual/wire.h"

#define SHELF_PARTS_MAX 100000 /* some 250 MB */

struct shelf;
struct shelf_bus {
	struct wire wire; /* first: what keeps it finds the rest */
	char profile[NAME_MAX_LEN + 1];
	struct shelf *shelf;
	bool is_unkept; /* its last change could not be written, which has been said */
	/* bus_server's */
	void *holder, *first_waiting, *last_waiting;
};

/* `folder` is made if it is not there, and every part in it put on the shelf; NULL: nothing is kept. What is damaged is
 * logged. BAD_INPUT: there are parts and all are damaged, a file is named; CONFLICT: another process has the folder. */
MUST_USE status shelf_open(const char *folder, bool has_delays, struct shelf **out, struct diag *d);
void shelf_close(struct shelf *s);

/*
 * New parts of a profile, as shipped. `serials`: 9 bytes each; NULL: random ones. Those that are there already, damaged or
 * not, stay as they are. All are durable when this returns; killed meanwhile, some are there. LIMIT, CRYPTO, IO.
 */
MUST_USE status shelf_make(struct shelf *s, const struct part_profile *profile,
	const uint8_t (*serials)[9], size_t count, struct diag *d);

size_t shelf_count(const struct shelf *s);
/* In order of serial numbers. */
struct shelf_bus *shelf_at(struct shelf *s, size_t i);
/* NULL: none. */
struct shelf_bus *shelf_find(struct shelf *s, const uint8_t serial[9]);

size_t shelf_damaged_count(const struct shelf *s);
/* Which file is damaged, and what is wrong with it. NULL: this part is not damaged, or not there. */
const char *shelf_damage(const struct shelf *s, const uint8_t serial[9]);
