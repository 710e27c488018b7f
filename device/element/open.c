#include "device/element/element.h"

#include <limits.h>
#include <stdio.h>

#include "base/check.h"
#include "base/file.h"

#define BIRTH_FILE_MAX (64 << 10)

static status
open_file(const char *rest, const char *folder, struct element **out, struct diag *d)
{
	return element_file_open(rest[0] != '\0' ? rest : folder, out, d);
}

/* By the address's first word. */
static const struct {
	const char *kind;
	status (*open)(const char *rest, const char *folder, struct element **out, struct diag *d);
} kinds[] = {
	{ "file:", open_file },
	{ "atecc608:", element_atecc608_open },
	{ "tpm2:", element_tpm2_open },
	{ "pkcs11:", element_pkcs11_open },
};

status
element_open(const char *address, const char *folder, struct element **out, struct diag *d)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t len = strlen(kinds[i].kind);

		if (strncmp(address, kinds[i].kind, len) == 0) {
			return kinds[i].open(address + len, folder, out, d);
		}
	}
	return diag_set(d, BAD_INPUT, NULL,
		"\"%.80s\" is no element's address: it begins with file:, atecc608:, tpm2: or "
		"pkcs11:",
		address);
}

void
element_close(struct element *e)
{
	if (e != NULL) {
		e->operations->close(e);
	}
}

status
element_slot_check(unsigned slot, struct diag *d)
{
	return slot < ELEMENT_SLOTS
		       ? OK
		       : diag_set(d, BAD_INPUT, NULL, "the element has slots 0 to %d, not %u",
				 ELEMENT_SLOTS - 1, slot);
}

status
element_lock_check(unsigned slot, struct diag *d)
{
	return slot >= 2 && slot < ELEMENT_SLOTS
		       ? OK
		       : diag_set(d, DENIED, NULL, "slots 2 to %d can be locked, not %u",
				 ELEMENT_SLOTS - 1, slot);
}

status
element_birth_file(const char *folder, struct buffer *pem, struct diag *d)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/birth.pem", folder);
	return file_read(path, BIRTH_FILE_MAX, pem, d);
}
