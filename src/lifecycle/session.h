#pragma once
/*
 * What every use case is handed: the parts of the server that it works with, and who asks.
 *
 * lifecycle/ is the only code that changes anything. Whatever a use case decides goes into one
 * `struct change`, with its ledger entry, and is committed by session_commit: OK means durable.
 */
#include "fleet/claim.h"
#include "fleet/machine.h"
#include "ledger/entry.h"
#include "ledger/sequencer.h"
#include "signer/client.h"
#include "store/store.h"

struct ocsp_memory;

/* The long-lived parts; one a process. */
struct life {
	struct store *store;
	struct signer *signer;
	struct sequencer *sequencer; /* NULL while a home is founded */
	struct ocsp_memory *ocsp;    /* lifecycle/ocsp.h; NULL where nobody asks for OCSP */
	const struct clock *clock;
	uint8_t challenge_key[32]; /* by challenge_key_load */
	const char *plain_url;	   /* what certificates point to */
	const char *crl_folder;
	int64_t crl_lifetime_s;
	int64_t withdraw_after_s;
	unsigned threads; /* that a bulk job may use besides its own */
	/* Told after a commit; must not block; may be NULL. */
	void (*on_device)(void *context, int64_t device);	 /* it changed: long polls */
	void (*on_revocation)(void *context, int64_t authority); /* its CRL is out of date */
	void *context;
};

enum actor_kind {
	ACTOR_SERVER,	/* a schedule of the server's own: role W */
	ACTOR_OPERATOR, /* by token or certificate */
	ACTOR_DEVICE,	/* by proof of one of its keys */
};

struct actor {
	enum actor_kind kind;
	/* Of an operator; of a device, the registration authority that speaks for it (row 0: it speaks for itself). */
	struct operator_account account;
	int64_t device; /* row */
};

/* What came of a decision: for the answer to it. Fields that do not apply are zero. */
struct outcome {
	struct device device;
	struct offer offer;
	struct certificate certificate;
	struct warranty_case warranty;
	char code
		[CLAIM_CODE_TEXT_MAX]; /* a claim or offer code in clear: shown once, kept nowhere */
	/* Of a check of its element (lifecycle/element_check.h). */
	struct {
		enum attestation_level level;
		int slot; /* -1: none */
		bool slot_is_locked;
		uint8_t evidence_hash[32];
	} element;
	int64_t ledger; /* sequence number of the entry */
};

/* An API write whose answer is kept in the same transaction (Idempotency-Key). */
struct answer {
	struct idempotency
		record; /* operator_row, key, request_hash: the caller's; the rest is filled */
	/* The answer as it will be repeated: without the code. Called just before the commit. */
	status (*write)(void *context, const struct outcome *o, int *http_status,
		struct buffer *body, struct diag *d);
	void *context;
};

#define SESSION_AUTHORITIES_MAX 8 /* one change ends a handful of certificates */

/* One request. Belongs to one thread. */
struct session {
	const struct life *life;
	struct reader
		*reader; /* the thread's; use cases begin and end their snapshots themselves */
	struct arena *arena;
	struct actor actor;
	int64_t now_s;
	const char *request;   /* the request's id; "" for none */
	struct answer *answer; /* NULL: none is kept */
	/* Authorities whose certificates the present change ends or denies: told after the commit. Zero at first. */
	int64_t touched[SESSION_AUTHORITIES_MAX];
	size_t touched_count;
};

/*
 * The actor's roles towards this device, as bits of enum role; `maker` is the owner that makes its fleet.
 *
 *   admin     M B S, and O where the maker still owns the device
 *   maker     M B,   and O where the maker still owns the device
 *   owner     B,     and O where the device is his
 *   support   S          watch  W          auditor  none
 *   the server's own schedules  W          a device  D, towards itself
 *
 * B, the coming owner, counts for claim, accept and decline only; a maker's operator names the owner he acts for.
 */
unsigned session_roles(const struct session *s, const struct device *d, int64_t maker);
/* The actor may do what is the maker's (or an admin's) alone; the server itself may. DENIED in words else. */
MUST_USE status session_need_maker(const struct session *s, const char *what, struct diag *d);
MUST_USE status session_need_admin(const struct session *s, const char *what, struct diag *d);
/* Whether the actor may see the device: an owner's operator and a device only see their own. */
bool session_may_see(const struct session *s, const struct device *d);

/* Actor, operator's commitment, request id and time of a ledger entry; texts live in the arena. */
void session_entry(const struct session *s, const char *event, struct ledger_entry *e);
/* Encodes and adds it. `device_row` as change_ledger wants it. */
MUST_USE status session_ledger(const struct session *s, struct change *c,
	const struct ledger_entry *e, const int64_t *device_row, struct diag *d);

/* What stands for an owner in the ledger, in the arena; NULL when that is full or the owner's salt is erased. */
const char *session_owner_commitment(const struct session *s, const struct owner *o);

/*
 * One record of the deny feed about this certificate, and a note that its authority's CRL is out of
 * date. NO_MEMORY.
 */
MUST_USE status session_deny(struct session *s, struct change *c, const struct certificate *k,
	enum deny_action action, enum revocation_reason reason, struct diag *d);

/* OK while decisions can be published. A ledger that has stopped ends them: UNAVAILABLE, with its reason. */
MUST_USE status session_check_ledger(const struct life *life, struct diag *d);

/*
 * The one commit. Adds the kept answer (if the session has one), commits, fills o->ledger, wakes the
 * sequencer and whoever waits for the device or for the CRLs of an authority. `o` may be NULL where nothing is
 * answered. The answer's writer is called again if a change is refused and made anew.
 */
MUST_USE status session_commit(
	struct session *s, struct change *c, struct outcome *o, struct diag *d);
/*
 * The same of many changes, by one commit of all, each kept or refused by itself. The sessions are one thread's, each
 * change has its own.
 */
struct committing {
	struct session *session;
	struct change *change;
	struct outcome *outcome; /* or NULL */
	status status;
	struct diag diag;
};
void session_commit_many(struct committing *list, size_t count);
/* The entry, durable by now, as a line of the operators' log; nothing while a home is founded. */
void session_log(const struct session *s, const struct ledger_entry *e);
/* All of it for a change that is no device's decision and has this one entry: session_ledger, session_commit, session_log. */
MUST_USE status session_record(struct session *s, struct change *c, const struct ledger_entry *e,
	struct outcome *o, struct diag *d);
