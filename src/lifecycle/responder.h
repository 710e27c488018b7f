#pragma once
/*
 * The OCSP responder of an issuing CA: a key of the signer that only answers, with a short-lived certificate.
 *
 * The signer never makes a key of the same name twice, so a renewed responder is a new key: "NAME.ocsp", then
 * "NAME.ocsp-2", ... Which one answers now is the setting "responder.NAME": generation and end of life. Inside lifecycle/ only.
 */
#include "lifecycle/session.h"

#define RESPONDER_LIFETIME_S (INT64_C(365) * 86400)
#define RESPONDER_RENEW_S (RESPONDER_LIFETIME_S / 3) /* before its end */
#define RESPONDER_SUFFIX_MAX 12			     /* ".ocsp-999999" */

struct responder {
	char key[NAME_MAX_LEN + 1];
	int64_t generation; /* from 1; 0: there is none */
	int64_t not_after_s;
	struct certificate certificate; /* of one just made */
};

/* The one that answers; generation 0 where there is none. Within the session's snapshot. */
MUST_USE status responder_read(
	struct session *s, const struct authority *a, struct responder *out, struct diag *d);
/* Makes the key and certificate of out->generation. */
MUST_USE status responder_make(
	struct session *s, const struct authority *a, struct responder *out, struct diag *d);
/* Adds it to the change with its ledger entry; `out` and `a` (whose row may come with the same change) must live until the commit. */
MUST_USE status responder_record(struct session *s, struct change *c, const struct authority *a,
	struct responder *out, struct diag *d);
