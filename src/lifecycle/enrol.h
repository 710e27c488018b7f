#pragma once
/*
 * Operational certificates: the first, and each rotation. Issued as PENDING; the first use on a connection
 * (lifecycle/admit) makes it the current one, and only then ends the former one: make before break.
 */
#include "lifecycle/admit.h"

struct enrolment {
	const struct admission *who;
	span csr;	 /* DER */
	bool is_renewal; /* simplereenroll: by the operational identity, names must match */
	/*
	 * What ties a request to its connection by its challengePassword (RFC 7030 3.5): tls-unique (RFC 5929 3), or, under
	 * TLS 1.3, tls-exporter (RFC 9266). A request that carries another tls-unique is refused. Where the fleet
	 * requires the link, so is one that carries neither. Under 1.3 a password that need not be a link is not looked at:
	 * no rule says what it means there.
	 */
	span tls_unique, tls_exporter;
	bool must_link;
	/* Of a key that was made for the device (RFC 7030 4.4), with its SPKI: the request's own and its signature count
	 * for nothing, and no request is the same as another. NULL: the request's. */
	const struct public_key *made;
};

/*
 * o->certificate with its DER in the arena. The same request again (same CSR, with the evidence in it, while its certificate is
 * pending or current) gives the stored one. DENIED: not in this state, or the fleet wants an attestation (lifecycle/prove.h);
 * EXISTS: the key or the challenge was seen before; BAD_INPUT, CRYPTO: the request; UNAVAILABLE: the signer.
 */
MUST_USE status enrol_device(
	struct session *s, const struct enrolment *e, struct outcome *o, struct diag *d);
/*
 * Many of them, each answered by itself as if it were alone: one snapshot, one message to the signer, one commit. The sessions
 * are one thread's, with one reader. Where another was quicker (two requests of one device, the same request twice) it
 * is looked at again, with the others of that kind. 1 .. ISSUE_BATCH_MAX.
 */
struct applicant {
	struct session *session;
	const struct enrolment *enrolment;
	struct outcome *outcome;
	status status;
	struct diag diag;
};
void enrol_devices(struct applicant *list, size_t count);
/* The device is told to renew at once (its state's `renew_after` is now). */
MUST_USE status rotate_device(struct session *s, int64_t device, struct outcome *o, struct diag *d);
/* The schedule's: pending certificates that were never used in time are taken back. */
MUST_USE status certificates_withdraw(struct session *s, size_t max, size_t *count, struct diag *d);
