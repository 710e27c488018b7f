#pragma once
/*
 * One unit on the factory line: a folder with an element whose keys are files.
 *
 *   DIR/<serial>/element/serial, slot0.key .. slot4.key   made first; attests nothing
 *                        entry.json, birth.pem            the factory's answer; birth.pem last
 *
 * They go through a file_batch of the line's folder: there once it is settled.
 */
#include "base/buffer.h"
#include "cli/file_batch.h"

#define UNIT_SLOTS 5
#define UNIT_SERIAL_LEN 18 /* hex digits: 0123, 12 more, 01, as the chip has them */

struct factory_folder {
	char serial[UNIT_SERIAL_LEN + 1];
	bool is_born; /* it has its birth certificate */
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
/* The factory's answer. */
MUST_USE status unit_born(
	struct file_batch *b, const char *serial, span entry, span birth_pem, struct diag *d);
/* Appends its manifest entry. */
MUST_USE status unit_entry(
	const char *folder, const char *serial, struct buffer *out, struct diag *d);
