#pragma once
/*
 * What follows from an event (bits of enum machine_effect), as rows of one change. Inside lifecycle/ only: decide.c
 * calls it.
 *
 * Invariants kept here:
 *   - a device's PENDING and CURRENT operational certificates are those that its record points to;
 *   - each certificate that ends, is held or let in again has its record in the deny feed in the same change;
 *   - a device whose identity is ended or held has no superseded certificate that only its fleet's policy lists;
 *   - a device without a birth identity keeps the certificate that was good last, for enrolment only
 *     (fleet/identity.h), unless its key is compromised, its element is gone, or the device is retired.
 */
#include "lifecycle/decide.h"

/* One decision under way. Lives in the arena until the commit. */
struct ruling {
	struct decision *decision;
	struct device before, after;
	struct fleet fleet;
	struct owner owner, coming; /* before and after; row 0: none */
	unsigned effects;
	enum revocation_reason reason;
	/* What stands in the store now; row 0: none. */
	struct certificate current, pending, birth, new_birth;
	struct offer offer;
	struct claim_code code; /* device 0: none */
	struct warranty_case warranty;
	/* The certificate that the ledger names, or NULL. */
	const struct certificate *subject;
	struct ledger_entry entry; /* what the ledger says of it */
};

/* Reads what effects can need, in the caller's snapshot, into a ruling whose `before` is read. */
MUST_USE status effect_read(const struct session *s, struct ruling *r, struct diag *d);
/* Adds the rows of r->effects; r->after goes into the change too. BUG for an effect whose needs are not there. */
MUST_USE status effect_write(struct session *s, struct ruling *r, struct change *c, struct diag *d);

/* How bad a reason is: the worse one counts. 0 for those that nobody may give. */
int revocation_severity(enum revocation_reason r);
