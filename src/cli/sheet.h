#pragma once
/*
 * The sheet of claim codes that goes to where boxes are printed: CSV (serial,code,device), in CMS, readable only by the
 * one certificate or passphrase that it was made for.
 *
 * The codes are made here, from a secret of the sheet's own: an import that was cut and is run again gives every device
 * the same code. Until the sheet is whole, SHEET.partial (0600) holds that secret and the serials whose codes
 * were, or may have been, given to the server.
 */
#include <stdbool.h>

#include "base/span.h"
#include "base/status.h"
#include "fleet/claim.h"

struct sheet;

struct sheet_options {
	const char *path;
	const char *fleet;	     /* the partial one belongs to this fleet */
	const char *recipient;	     /* PEM file of a certificate; or */
	const char *passphrase_file; /* readable by its owner alone */
};

/* EXISTS: a whole sheet is there. CONFLICT: the partial one is another fleet's, or another process works on it. */
MUST_USE status sheet_open(const struct sheet_options *o, struct sheet **out, struct diag *d);
/* The partial one stays for the next run, unless the sheet was finished. */
void sheet_close(struct sheet *s);

/* The code of this element. */
MUST_USE status sheet_code(
	const struct sheet *s, const char *serial, char code[CLAIM_CODE_TEXT_MAX]);
/* Whether its code is, or may be, one of this sheet's; then it counts as met in this run. */
bool sheet_has(struct sheet *s, const char *serial);
/* About to be given to the server; durable after sheet_sync. */
MUST_USE status sheet_note(struct sheet *s, const char *serial, struct diag *d);
/* It was not taken after all. */
MUST_USE status sheet_drop(struct sheet *s, const char *serial, struct diag *d);
MUST_USE status sheet_sync(struct sheet *s, struct diag *d);

/* A line of the sheet. */
MUST_USE status sheet_add(struct sheet *s, const char *serial, span device, struct diag *d);
/*
 * Writes the sheet and takes the partial one away. CONFLICT when devices of the partial one were not
 * met in this run: their codes would be lost.
 */
MUST_USE status sheet_finish(struct sheet *s, size_t *lines, struct diag *d);
