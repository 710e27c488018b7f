#pragma once
/*
 * Who is at the door: from a proven certificate to a device, and what it may do at this instant. Called on
 * every request of a device, on new, resumed and kept-alive connections alike.
 */
#include "lifecycle/decide.h"

struct admission {
	struct device device;		/* zero where none is known */
	struct certificate certificate; /* der left out */
	enum access access;
	const char *why; /* static text */
};

/*
 * By the fingerprint of the certificate whose key the TLS peer has proven. An ACCESS_FULL one that is
 * PENDING is confirmed here (its first use makes it current, the former one is superseded), durably, before this
 * returns. Notes that the device was seen, unless it is refused. OK with ACCESS_REFUSED for one that is known and refused; NOT_FOUND
 * for a certificate that nobody knows. Sets s->actor to the device where access is above REFUSED.
 */
MUST_USE status admit_device(
	struct session *s, const uint8_t fingerprint[32], struct admission *out, struct diag *d);

/*
 * Many of them, each by itself: by one snapshot, and by one commit for all that are to be confirmed. The sessions are one
 * thread's, with one reader.
 */
struct arrival {
	struct session *session;
	const uint8_t *fingerprint;
	/* Who speaks for it, proven; whether its fleet names him is judged here. NULL: it does by itself. */
	const struct operator_account *via;
	struct admission *out;
	status status;
	struct diag diag;
};
void admit_devices(struct arrival *list, size_t count); /* at least one */

/*
 * The same for a device that s->actor speaks for: an operator of role ra, proven, whom the device's fleet names
 * (est_policy.ra); what the device did is recorded as having come through him. Sets s->actor to the device with the
 * operator beside it. DENIED: he is none, or the fleet names another one, or nobody: through him nothing is done.
 */
MUST_USE status admit_device_through(
	struct session *s, const uint8_t fingerprint[32], struct admission *out, struct diag *d);

/* An operator by his certificate or by his token (in clear, "tnr_..."): sets s->actor. NOT_FOUND, DENIED (disabled). */
MUST_USE status admit_operator_certificate(
	struct session *s, const uint8_t fingerprint[32], struct diag *d);
MUST_USE status admit_operator_token(struct session *s, span token, struct diag *d);
