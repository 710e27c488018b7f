#pragma once
/*
 * The parts on the line: elements that are there already, one a unit, whose keys never leave them. What they need beside
 * them is written as for any unit:
 *
 *   DIR/<serial>/agent.conf, ca.pem  for the agent: nothing more is needed for it to run
 *                element/entry.json, birth.template, birth-issuers.pem, birth.pem
 */
#include "base/limits.h"
#include "cli/factory_unit.h"

struct factory_part {
	char serial[UNIT_SERIAL_LEN + 1];
	char *address; /* of element_open; a socket's path is whole, whoever opens it from wherever */
};

/*
 * What is behind an element's address: every part of a virtual element's socket, or the one that it names. Free with
 * parts_free. BAD_INPUT, UNAVAILABLE, NOT_FOUND, LIMIT (an address that is too long).
 */
MUST_USE status parts_find(
	const char *address, struct factory_part **out, size_t *count, struct diag *d);
void parts_free(struct factory_part *parts, size_t count);

/* What the line's server is told of it. */
struct part_keys {
	uint8_t points[UNIT_SLOTS][64];
	char model[NAME_MAX_LEN + 1], part_number[NAME_MAX_LEN + 1];
};
/* CONFLICT: another part answers at this address. BAD_INPUT: none of a profile that is known. */
MUST_USE status part_read_keys(const struct factory_part *p, struct part_keys *out, struct diag *d);
/*
 * Whether it is the one whose birth certificate is in `folder` (DIR/<serial>/element): serial numbers can be copied, keys
 * cannot. CONFLICT: it is another.
 */
MUST_USE status part_is_known(const struct factory_part *p, const char *folder, struct diag *d);
/*
 * The factory's certificates (PEM, leaf first) into the part where its slots may be written, and what rebuilds them from there beside
 * it, in `folder` (DIR/<serial>/element). Once more does no harm.
 */
MUST_USE status part_give_birth(
	const struct factory_part *p, const char *folder, span pem, struct diag *d);
