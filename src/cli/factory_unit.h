#pragma once
/*
 * One unit on the factory line: a folder, with an element whose keys are files, or with what belongs beside a part
 * (factory_part.h).
 *
 *   DIR/<serial>/agent.conf, ca.pem                       for tenure-agent; an operator's own stay
 *   DIR/<serial>/element/serial, slot0.key .. slot4.key   made first; attests nothing
 *                        entry.json, birth.pem            the factory's answer; birth.pem last
 *
 * They go through a file_batch of the line's folder: there once it is settled.
 */
#include "base/buffer.h"
#include "cli/file_batch.h"

#define UNIT_SLOTS 5
#define UNIT_SERIAL_LEN 18 /* hex digits: 0123, 12 more, 01, as the chip has them */

struct factory_part;
struct factory_folder {
	char serial[UNIT_SERIAL_LEN + 1];
	bool is_born;			 /* it has its birth certificate */
	bool is_of_part;		 /* its keys are in a part, here now or not */
	const struct factory_part *part; /* on the line now; NULL: not, or its keys are files */
};

/* Whether the name is an element's serial of that form. */
bool unit_serial_is_sound(const char *name);
/* A new random one with this prefix (which begins with 0123). */
MUST_USE status unit_serial_new(const char *prefix, char out[UNIT_SERIAL_LEN + 1], struct diag *d);
/* Every unit of the folder, by serial; free *out. The folder is made if it is not there. */
MUST_USE status unit_list(
	const char *folder, struct factory_folder **out, size_t *count, struct diag *d);
/* The keys' points: of those that are there, or of new ones where the unit is not whole. */
MUST_USE status unit_keys(
	struct file_batch *b, const char *serial, uint8_t points[UNIT_SLOTS][64], struct diag *d);
/* What a unit is told of the world; all borrowed. */
struct unit_world {
	const char *server, *fleet;
	span ca; /* PEM of the root that the server's certificate leads to */
};
/* agent.conf and ca.pem of a unit whose keys are files, where there are none yet. */
MUST_USE status unit_of_files(
	struct file_batch *b, const char *serial, const struct unit_world *world, struct diag *d);
/* The folder of a unit with a part, and in it agent.conf (with the part's address) and ca.pem where there are none yet. */
MUST_USE status unit_of_part(const char *folder, const char *serial, const char *address,
	const struct unit_world *world, struct diag *d);
/* DIR/<serial>/element. LIMIT. */
#define UNIT_PATH_MAX 4096
MUST_USE status unit_element_folder(
	const char *folder, const char *serial, char out[UNIT_PATH_MAX], struct diag *d);
/* The factory's answer. */
MUST_USE status unit_born(
	struct file_batch *b, const char *serial, span entry, span birth_pem, struct diag *d);
/* Appends its manifest entry. */
MUST_USE status unit_entry(
	const char *folder, const char *serial, struct buffer *out, struct diag *d);
