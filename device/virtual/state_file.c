#include "device/virtual/state_file.h"

#include <stdio.h>

#include "base/text.h"
#include "pki/key.h"

static const char magic[8] = { 'T', 'E', 'N', 'U', 'R', 'E', 'P', '1' };

#define AT_PROFILE sizeof(magic)
#define AT_MEMORY (AT_PROFILE + NAME_MAX_LEN + 1)
#define AT_SUM (AT_MEMORY + sizeof(struct part_memory))

#define WHAT_TO_DO "; bring back a copy, or take the file away: then this part is gone"

_Static_assert(sizeof(struct part_memory) == PART_CONFIG_LEN + PART_DATA_LEN + PART_OTP_LEN,
	"bytes only, without gaps");

status
state_file_path(const char *folder, const uint8_t serial[9], char *out, size_t room, struct diag *d)
{
	char digits[19];
	int n = snprintf(out, room, "%s/%s" STATE_FILE_SUFFIX, folder,
		hex_encode(digits, span_of(serial, 9)));

	return n > 0 && (size_t)n < room
		       ? OK
		       : diag_set(d, LIMIT, NULL, "path too long: %.80s...", folder);
}

void
state_file_write(const struct part_memory *m, const char *profile, uint8_t out[STATE_FILE_LEN])
{
	memset(out, 0, STATE_FILE_LEN);
	memcpy(out, magic, sizeof(magic));
	memcpy(out + AT_PROFILE, profile, strnlen(profile, NAME_MAX_LEN));
	memcpy(out + AT_MEMORY, m, sizeof(*m));
	sha256(span_of(out, AT_SUM), out + AT_SUM);
}

/* A name, and only 00 behind it. */
static bool
take_name(const uint8_t *bytes, char out[NAME_MAX_LEN + 1])
{
	size_t len = strnlen((const char *)bytes, NAME_MAX_LEN + 1);

	for (size_t i = len; i < NAME_MAX_LEN + 1; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	if (len > NAME_MAX_LEN || !utf8_is_printable(span_of(bytes, len))) {
		return false;
	}
	memcpy(out, bytes, len);
	out[len] = '\0';
	return true;
}

status
state_file_read(span content, const uint8_t *serial, struct part *out,
	char profile[NAME_MAX_LEN + 1], struct diag *d)
{
	struct part_memory memory;
	uint8_t sum[32], own[9];
	status s;

	if (content.len != STATE_FILE_LEN) {
		return diag_set(d, BAD_INPUT, NULL,
			"%zu bytes, a part's state has %d: it was %s" WHAT_TO_DO, content.len,
			STATE_FILE_LEN, content.len < STATE_FILE_LEN ? "cut" : "lengthened");
	}
	if (memcmp(content.data, magic, sizeof(magic)) != 0) {
		return diag_set(d, BAD_INPUT, NULL, "not the state of a part of this version");
	}
	sha256(span_of(content.data, AT_SUM), sum);
	if (memcmp(sum, content.data + AT_SUM, sizeof(sum)) != 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"its sum does not hold: it was changed or damaged" WHAT_TO_DO);
	}
	if (!take_name(content.data + AT_PROFILE, profile)) {
		return diag_set(d, BAD_INPUT, NULL, "its profile's name is none");
	}
	memcpy(&memory, content.data + AT_MEMORY, sizeof(memory));
	s = part_restore(&memory, out, d);
	part_serial(out, own);
	if (s == OK && serial != NULL && memcmp(own, serial, 9) != 0) {
		s = diag_set(d, BAD_INPUT, NULL,
			"the state of another part than its name says: two would have one serial "
			"number");
	}
	return s;
}
