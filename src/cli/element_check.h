#pragma once
/* The server's check of what an element at the bench proved: tenure element attest --record. */
#include "cli/command.h"
#include "element/evidence.h"

/* For this element's device, to attest over. DENIED: the server could check nothing that it proves. */
MUST_USE status check_challenge(struct call *c, const char *serial, uint8_t out[CHALLENGE_MAX],
	size_t *len, struct diag *d);

struct check_verdict {
	char level[NAME_MAX_LEN + 1]; /* "attested" */
	bool slot_is_locked;
};
/* Checked and recorded, or refused with the server's reason. */
MUST_USE status check_send(struct call *c, const char *serial, span evidence,
	const uint8_t point[64], struct check_verdict *out, struct diag *d);
