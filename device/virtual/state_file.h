#pragma once
/*
 * One part's memory in one file, SERIAL.part (18 hex digits), mode 0600:
 *
 *	"TENUREP1" | profile's name, 64 bytes, 00 behind it | configuration 128 | data 1208 | OTP 64 | SHA-256 of all before
 *
 * It is replaced as a whole, durably, so that after a crash the old or the new memory stands. The sum is against
 * accidents: whoever can write the file can also forge it, and whoever can read it has the keys.
 */
#include "device/virtual/part.h"

#define STATE_FILE_LEN \
	(8 + (NAME_MAX_LEN + 1) + PART_CONFIG_LEN + PART_DATA_LEN + PART_OTP_LEN + 32)
#define STATE_FILE_SUFFIX ".part"

/* The file of a part in a folder. LIMIT: the path is too long. */
MUST_USE status state_file_path(
	const char *folder, const uint8_t serial[9], char *out, size_t room, struct diag *d);
void state_file_write(
	const struct part_memory *m, const char *profile, uint8_t out[STATE_FILE_LEN]);
/*
 * A file's content back into a part that is asleep. BAD_INPUT, with what is wrong: cut, too long, changed, no part's memory, or
 * one of another serial number than `serial` (NULL: any).
 */
MUST_USE status state_file_read(span content, const uint8_t *serial, struct part *out,
	char profile[NAME_MAX_LEN + 1], struct diag *d);
