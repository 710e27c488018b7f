#pragma once
/* What use cases look at before they decide. Inside lifecycle/ only. */
#include "lifecycle/session.h"

/* The device in a snapshot of its own. NOT_FOUND in words where there is none that the actor may see. */
MUST_USE status look_device(struct session *s, int64_t row, struct device *out, struct diag *d);

/*
 * Who is to be the owner: an owner's operator acts for himself (`owner` 0 or his own), the maker's for the one that
 * he names. DENIED in words.
 */
MUST_USE status look_coming_owner(
	const struct session *s, int64_t owner, int64_t *out, struct diag *d);

/* A new code in clear and sealed. CRYPTO, BUG. */
MUST_USE status look_new_code(const struct session *s, char code[CLAIM_CODE_TEXT_MAX],
	struct claim_code *sealed, struct diag *d);

/* Names of the program's objects: a-z 0-9 - . _, not beginning with a mark, at most NAME_MAX_LEN. BAD_INPUT. */
MUST_USE status look_name(const char *what, const char *name, struct diag *d);
/* Free words of an operator: valid UTF-8 without control characters, at most `max` bytes. NULL is fine. BAD_INPUT. */
MUST_USE status look_words(const char *what, const char *words, size_t max, struct diag *d);
