#pragma once
/*
 * The one gate through which a device changes.
 *
 *   read the device -> machine_apply (may it? what follows?) -> the effects: certificates, deny records,
 *   offer, claim code, case, outbox, ledger -> one commit
 *
 * Use cases fill a `struct decision`, call decide(), and nothing else writes to a device that exists.
 */
#include "lifecycle/session.h"

struct decision {
	/* What is asked. `roles` and `maker` of the request are filled by decide(). */
	struct machine_request request;
	/* The version at which the use case looked at the device; 0: it looked at nothing that can have
	 * changed, and decide() tries again by itself when somebody else was quicker. */
	int64_t version;
	/*
	 * What it saw at that version, if it keeps that: the device is not read again, as the commit is refused unless the store
	 * has this very version still. NULL: decide() reads it.
	 */
	const struct device *seen;
	/* The fleet whose policy the use case went by; NULL: none. Another version of it at the commit: CONFLICT. */
	const struct fleet *policy;
	enum revocation_reason reason; /* of certificates that end by it */
	const char *reason_word;       /* in the ledger: from a fixed list, or NULL */

	/* What effects need, where they can occur; NULL else (BUG when an effect wants it). */
	struct offer *offer;		   /* OPEN_OFFER: all but device and from_owner filled */
	const struct claim_code *new_code; /* NEW_CLAIM_CODE: sealed; device is filled */
	struct warranty_case *new_case;	   /* OPEN_CASE */
	struct element *new_element;	   /* SWAP_ELEMENT: stored already, in no device */
	int64_t new_birth_certificate;	   /* SWAP_ELEMENT: row, or 0 */

	/* A certificate to be added by this decision: prove, rotate, not yet confirmed. */
	struct certificate *issued;
	const uint8_t *evidence; /* SHA-256 of the attestation evidence, or NULL */

	/* Adds to the change before it is committed; may be NULL. */
	status (*extend)(
		void *context, const struct decision *d, struct change *c, struct diag *diag);
	void *context;

	/* What came of it. */
	struct device before;
	unsigned effects;
};

/*
 * What decide() fills by itself besides roles and maker: whether the identity that a suspended device would come back
 * to is over; a new certificate's kind, status, device and owner (a certificate that still waits for its
 * first use is withdrawn by a newer one); offers' device and former owner; cases' device, owner and time;
 * the ledger entry. `reason` REASON_UNSPECIFIED: the event's own (accept: affiliationChanged, retire:
 * cessationOfOperation ...). A birth certificate that is denied is marked REVOKED, a foreign one too: there it means
 * "by us".
 *
 * `o` may be NULL. With an answer in the session, its writer is called for each try. `extend` is called before
 * the device's own rows are added.
 *
 * NOT_FOUND (also for who may not see it), DENIED, CONFLICT (state or version),  and what a commit can say.
 */
MUST_USE status decide(struct session *s, int64_t device, struct decision *d, struct outcome *o,
	struct diag *diag);

/*
 * Many devices' decisions, judged in one snapshot and kept by one commit, each allowed or refused by itself. The
 * sessions are one thread's, with one reader, and each decision has its own. Nothing is tried again: of two about one
 * device the second is told CONFLICT.
 */
struct deciding {
	struct session *session;
	int64_t device;
	struct decision *decision;
	struct outcome *outcome;
	/* What came of it, in the words of decide(). */
	status status;
	struct diag diag;
};
void decide_many(struct deciding *list, size_t count); /* at least one */

/*
 * A step beside the machine: state and owner stay. For what no event of the table stands for (a new claim code, a
 * certificate taken back). One ledger entry, at the version at which it was judged, tried again when somebody
 * else was quicker.
 */
struct step {
	const char *event;	 /* in the ledger */
	const char *reason_word; /* of a fixed list, or NULL */
	const struct certificate
		*certificate; /* named in the ledger, or NULL; may be filled by `apply` */
	/* The ledger's own words about an element, or NULL; `object` may be filled by `apply`. */
	const char *object, *part, *value_before, *value_after;
	const uint8_t *evidence; /* SHA-256 of what it went by, with its level; or NULL */
	enum attestation_level level;
	bool leaves_device; /* its record and its version stay: it is in nobody's way */
	/* In the snapshot: judges the device (also whether the actor may), changes it, adds the other rows. */
	status (*apply)(struct session *s, void *context, struct device *device, struct change *c,
		struct diag *d);
	void *context;
};
MUST_USE status decide_step(struct session *s, int64_t device, const struct step *step,
	struct outcome *o, struct diag *diag);
