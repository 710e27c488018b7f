#pragma once
/*
 * A manifest whose entries come each with the claim code that lies in the box of its device:
 *
 *	{"entry":{..},"code":"7K3MF-0QZ9T-A1B2C-D3E4F"}	one a line
 *
 * taken apart into a manifest as the chip maker writes it, and a table of codes by unique id.
 */
#include "base/arena.h"
#include "base/buffer.h"
#include "fleet/claim.h"

struct boxed;

/* Whether the body's first line is of this form. */
bool boxed_is(span body);
/* BAD_INPUT or LIMIT with the line's number: then nothing of it is used. Free with boxed_free. */
MUST_USE status boxed_read(span body, struct boxed **out, struct diag *d);
void boxed_free(struct boxed *b);
/* The manifest, one entry a line; borrowed. */
span boxed_manifest(const struct boxed *b);
/* manifest_import's code_of, with the boxed as its context. Any thread. */
bool boxed_code(void *context, const char *unique_id, char code[CLAIM_CODE_TEXT_MAX]);
