#pragma once
/* What authorities share: names checked, keys of the signer made, records filled from certificates. Inside lifecycle/ only. */
#include "lifecycle/session.h"

/* Clocks of devices go wrong by this much: what is issued is valid this long before now. */
#define CLOCK_SKEW_S 60

/* [a-z0-9][a-z0-9._-]{0,62}; BAD_INPUT names `what`. */
MUST_USE status name_check(const char *name, const char *what, struct diag *d);

/* DER, or one PEM block: gives the DER. BAD_INPUT, NO_MEMORY. */
MUST_USE status certificate_unwrap(struct arena *a, span given, span *der, struct diag *d);

/* Fingerprint, serial, key, issuer, dates, der: all that the certificate itself says. */
MUST_USE status certificate_measure(span der, struct certificate *out, struct diag *d);
/* Likewise of an authority, with the hashes that OCSP asks by. */
MUST_USE status authority_measure(span der, struct authority *out, struct diag *d);

/*
 * The key and its certificate, made by the signer; or, where a crash came between that and our record, taken
 * up: a key of this name, role and phase that the same parent certified. EXISTS for any other of the name.
 */
MUST_USE status key_make(
	struct session *s, const struct create_request *r, span *certificate, struct diag *d);
