#pragma once
/*
 * The store: keeps what lifecycle/ decides. In the words of the domain; no SQL above it.
 *
 * Writing. One `struct change` holds everything that one decision changes:
 * devices, certificates, offers, ledger entries, deny records, outbox rows.
 * It is applied whole or not at all. Changes of many requests share one
 * fsync (group commit); `store_commit` returns after it.
 *
 * Reading. A `struct reader` belongs to one thread at a time and sees one snapshot between
 * `reader_begin` and `reader_end`. What it returns lives in the arena given.
 *
 * Invariants that every implementation keeps, and the conformance suite tests:
 *   1. a change with a stale device or fleet version is refused whole with CONFLICT;
 *   2. an element's serial, a certificate's fingerprint, (issuer_hash, serial), (authority, index)
 *      and, if operational, key_hash are unique, and an element is in one device at the most: a
 *      second one is refused with EXISTS;
 *   3. ledger sequence numbers and deny sequence numbers are dense from 0 and 1, in commit order;
 *   4. what store_commit answered OK survives the death of process and machine.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "fleet/identity.h"
#include "fleet/ownership.h"
#include "fleet/policy.h"

struct store;
struct reader;
struct change;
struct manifest_record;

/* --- opening ---------------------------------------------------------- */

struct store_options {
	const char *location; /* path of the SQLite file; later a postgresql:// address */
	size_t cache_bytes;   /* of the writer's pages, a quarter of it each reader's; 0 = 16 MiB */
	/* What is committed stands in the log at first, beside the file. From so many bytes on it is moved into the file;
	 * 0 = 32 MiB. At log_bytes_max commits wait for that, or are refused with UNAVAILABLE where it cannot be done (somebody
	 * reads in a transaction that he does not end, the disk is full), until it can; 0 = 1 GiB. */
	size_t log_bytes, log_bytes_max;
	bool create; /* make and migrate an empty one; else NOT_FOUND */
	bool read_only;
	/* Called on the writer thread after each group commit with the new number of ledger
	 * entries, so that the sequencer wakes. May be NULL. Must not block. */
	void (*on_commit)(void *context, int64_t ledger_size);
	void *context;
};

/* Runs the missing migrations. CONFLICT if the file is of a newer version, NOT_FOUND if there is
 * none, IO if it is damaged, not ours, or cannot be written. One process at a time writes. */
MUST_USE status store_open(const struct store_options *o, struct store **out, struct diag *d);
void store_close(
	struct store *s); /* waits for what is being committed, and moves the log into the file */
/* OK, or IO with the fault after which the store refuses every commit. Any thread. */
MUST_USE status store_health(struct store *s, struct diag *d);

/* --- changes ---------------------------------------------------------- */

/* A change lives in `a`; spans put into it must live until store_commit returns.
 * NULL when the arena is full. An append that fails marks the change; commit then says NO_MEMORY. */
struct change *change_new(struct arena *a);

/* New rows: the store fills ->row of the record given (and of those that name it) at commit,
 * through the pointer, so the record must live until then. A field that refers to a record added in
 * the same change takes its row by CHANGE_REF. */
void change_owner_add(struct change *c, struct owner *o);
void change_fleet_add(struct change *c, struct fleet *f);
void change_fleet_set(struct change *c, const struct fleet *f); /* at f->version, which grows */
/* Changes nothing: CONFLICT unless the fleet has f->version still. What was judged by its policy is refused if that changed. */
void change_fleet_expect(struct change *c, const struct fleet *f);
void change_authority_add(struct change *c, struct authority *a);
void change_authority_crl_number(struct change *c, int64_t authority, int64_t number);
void change_operator_add(struct change *c, struct operator_account *o);
/* NOT_FOUND also for one that is disabled: that is for good, whoever looked at him before. CONFLICT: it would leave no
 * admin that is not disabled, and without one nobody could ever make one again. */
void change_operator_set(struct change *c, const struct operator_account *o);
void change_element_add(struct change *c, struct element *e);
void change_element_device(struct change *c, int64_t element, int64_t device);
void change_manifest_add(struct change *c, struct manifest_record *m);
/* A new device begins at version 1: 0 is nobody's. */
void change_device_add(struct change *c, struct device *d);
/* All fields of `d`; refused unless the stored version is d->version; stored as d->version + 1. */
void change_device_set(struct change *c, const struct device *d);
void change_certificate_add(struct change *c, struct certificate *k);
/* Status, revoked_s and reason of `row`, if it is in one of the `from` statuses (bits 1 << status);
 * else the change is refused with CONFLICT. at_s and reason count only for an end, not for CURRENT. */
void change_certificate_status(struct change *c, int64_t row, unsigned from,
	enum certificate_status to, int64_t at_s, enum revocation_reason reason);
/* The reason of a revoked certificate becomes another; CONFLICT unless it is revoked for `from`. */
void change_certificate_reason(
	struct change *c, int64_t row, enum revocation_reason from, enum revocation_reason to);
/* It belongs to this device from now on: a board went into another record. */
void change_certificate_device(struct change *c, int64_t row, int64_t device);
void change_certificate_used(struct change *c, int64_t row, int64_t at_s);
/* Every PENDING and CURRENT operational certificate of the device; none is fine. */
void change_certificates_of_device(struct change *c, int64_t device, enum certificate_status to,
	int64_t at_s, enum revocation_reason reason);
/*
 * Every SUPERSEDED and WITHDRAWN operational certificate of the device that has not expired at now_s becomes REVOKED,
 * with the date and the reason that it ended with; none is fine.
 */
void change_certificates_list_ended(struct change *c, int64_t device, int64_t now_s);
void change_offer_add(struct change *c, struct offer *o); /* EXISTS: the device has an open one */
void change_offer_status(
	struct change *c, int64_t row, enum offer_status from, enum offer_status to);
void change_claim_code_put(
	struct change *c, const struct claim_code *k); /* replaces the device's */
/* Failures and lock of a claim code; CONFLICT unless the stored one is this code and has `from` failures. */
void change_claim_code_tried(struct change *c, const struct claim_code *k, int64_t from);
/*
 * Wrong secrets tried, by what they were tried on or who tried: durable, so that a restart frees nobody.
 * CONFLICT unless it stands at `from` failures (0: also where there is none yet).
 */
struct attempt {
	char subject[NAME_MAX_LEN + 1];
	int64_t failures;
	int64_t locked_until_s;
};
void change_attempt_put(struct change *c, const struct attempt *a, int64_t from);
/* EXISTS if this challenge was burnt before. Kept until expires_s. */
#define CHALLENGE_REPLAYED "attestation-replayed" /* the kind of that refusal's diag */
void change_challenge_burn(struct change *c, span challenge, int64_t expires_s);

/* The evidence that a certificate was issued on, as it came. */
struct kept_evidence {
	int64_t certificate; /* row */
	int64_t element;     /* row of the element that it was checked against */
	bool slot_is_locked; /* as it was proven */
	span der;
};
/* Of a certificate that the same change adds: its row is read at commit. */
void change_evidence(
	struct change *c, const struct kept_evidence *e, const int64_t *certificate_row);

/* Housekeeping: drops burnt challenges that expired before now_s, and kept answers (idempotency)
 * older than IDEMPOTENCY_KEPT_S. Nothing that a CRL, the ledger or a receipt needs. */
#define IDEMPOTENCY_KEPT_S 86400
void change_expire(struct change *c, int64_t now_s);

/* A key that may sign manifests. Unique by certificate and fleet. */
enum pin_trust {
	PIN_VENDOR = 0, /* known to be the chip maker's */
	PIN_SELF = 1,	/* our own factory's */
};
struct pinned_signer {
	int64_t row;
	char name[NAME_MAX_LEN + 1];
	uint8_t kid[20];	/* subject key identifier, as in the JWS header */
	uint8_t x5t_sha256[32]; /* SHA-256 of the certificate */
	span der;		/* the certificate; borrowed */
	enum pin_trust trust;
	int64_t fleet; /* row, 0: for every fleet of the phase */
	enum phase phase;
	int64_t created_s;
};
void change_pin_add(struct change *c, struct pinned_signer *p);

/* A device back at the shop. At most one open case a device (EXISTS). */
enum return_consent { CONSENT_OWNER = 0, CONSENT_DEVICE_PROOF = 1 };
struct warranty_case {
	int64_t row;
	id id;
	int64_t device;
	int64_t owner; /* row of the owner at the return */
	enum return_consent consent;
	char reason[NAME_MAX_LEN + 1];
	char note[REASON_TEXT_MAX + 1]; /* free words; personal data: never in the ledger */
	int64_t opened_s;
	int64_t closed_s; /* 0: open */
};
void change_case_add(struct change *c, struct warranty_case *w);
/* CONFLICT if the case is closed already. */
void change_case_close(struct change *c, int64_t row, int64_t at_s);

/* Records are read through their pointers at commit, so that a field can name a row that
 * only then exists. Rows are given to all additions of a change first, then the links are set, then
 * owners, authorities, fleets, operators, manifests, pins, elements and devices are added (in this order),
 * then everything else happens in the order of the calls. One change_device_set a device and change.
 *
 * The reference to a record that the same change adds: (p)->row is read at commit. */
#define CHANGE_REF(p) (&(p)->row)
/* Set `*field` (inside a record of this change) to the row that `*row` gets at commit. */
void change_link(struct change *c, int64_t *field, const int64_t *row);

/* One ledger entry: deterministic JSON, at most LEDGER_ENTRY_MAX bytes. `device_row` points
 * to the row of the device it is about (read at commit), or NULL. */
void change_ledger(struct change *c, span entry, const int64_t *device_row, int64_t at_s);

enum deny_action { DENY_REVOKE = 0, DENY_SUSPEND = 1, DENY_RESTORE = 2, DENY_SUPERSEDE = 3 };
struct deny_record {
	int64_t sequence; /* dense from 1, given by the store */
	enum deny_action action;
	uint8_t fingerprint[32];
	uint8_t issuer_hash[32];
	uint8_t serial[SERIAL_MAX_LEN];
	size_t serial_len;
	int64_t authority, index; /* 0 for foreign ones */
	int64_t device;
	enum revocation_reason reason;
	int64_t at_s;
	int64_t expires_s; /* of the certificate: the record may be dropped after it */
};
void change_deny(struct change *c, const struct deny_record *r);

struct outbox_row {
	int64_t row;
	char point[NAME_MAX_LEN + 1]; /* enforcement point, or "" for all of the device's fleet */
	char action[NAME_MAX_LEN + 1];
	int64_t device;
	span body; /* JSON */
	int64_t at_s;
};
void change_outbox(struct change *c, const struct outbox_row *o);
void change_outbox_done(struct change *c, int64_t row); /* drops it; NOT_FOUND if it is gone */

/* The answer of an API write, kept with it: the same key and request get it again. */
struct idempotency {
	int64_t operator_row;
	char key[NAME_MAX_LEN + 1];
	uint8_t request_hash[32];
	int http_status;
	span body;
	int64_t at_s;
};
void change_idempotency(struct change *c, const struct idempotency *i);

struct manifest_record {
	int64_t row;
	id id;
	int64_t fleet;
	enum phase phase;
	uint8_t file_hash[32];
	int64_t accepted, refused, known; /* entries */
	bool is_complete;
	int64_t at_s;
};
void change_manifest_counts(struct change *c, const struct manifest_record *m);

/* A small setting or counter of the program, by name ("ledger_origin"). */
void change_setting(struct change *c, const char *name, span value);

/*
 * Applies the change durably, together with whatever else is waiting. Any thread; blocks until the
 * fsync. `first_ledger` (may be NULL) gets the sequence number of its first ledger entry.
 */
/*
 * Besides the refusals named above: NOT_FOUND for a row that is not there, NO_MEMORY, and IO: the disk
 * is full or cannot be written; nothing was kept. After a failed write or fsync that leaves the state of
 * the file unknown, every further commit answers IO until the store is opened again.
 */
MUST_USE status store_commit(
	struct store *s, struct change *c, int64_t *first_ledger, struct diag *d);
/* Many changes in one transaction of their own, each applied or refused by itself.
 * OK: the transaction is durable, look at each result. Else nothing of it was kept. */
struct commit_result {
	status status;
	int64_t first_ledger;
	struct diag diag;
};
MUST_USE status store_commit_batch(struct store *s, struct change **changes, size_t count,
	struct commit_result *results, struct diag *d);

/*
 * The device was seen. Cheap (no I/O, any thread): kept in memory, the latest time wins, written with a later
 * commit or within SEEN_DELAY_S. The one thing here that a crash may lose: the return desk looks at it, and
 * then has the device connect once more.
 */
#define SEEN_DELAY_S 10
void store_seen(struct store *s, int64_t device, int64_t at_s);

/*
 * What was read may be kept and used again, without a look at the store, for as long as it is true:
 *
 *	changes = store_changes(store);
 *	reader_begin(); the certificate and its device are read; reader_end();
 *	if (store_mark(store, changes, certificate, device, &mark)) { it may be kept with its mark }
 *	...
 *	store_mark_stands(store, &mark): nothing that was read has changed
 *
 * A commit that changes the certificate's row, or its device's, is seen by store_mark_stands before store_commit returns. One
 * that changes authorities (more than a CRL's number), fleets or OCSP responders moves the epoch, and no older mark stands.
 * Any thread; never blocks.
 */
struct store_mark {
	uint64_t epoch;
	uint32_t certificate_slot, device_slot, certificate, device;
};
uint64_t store_changes(struct store *s);
uint64_t store_epoch(struct store *s);
/* Rows, 0 for none. False: something was committed since store_changes: what was read may be old already. */
MUST_USE bool store_mark(struct store *s, uint64_t changes, int64_t certificate, int64_t device,
	struct store_mark *out);
bool store_mark_stands(struct store *s, const struct store_mark *m);

/* --- reading ---------------------------------------------------------- */

MUST_USE status reader_open(struct store *s, struct reader **out, struct diag *d);
void reader_close(struct reader *r);
MUST_USE status reader_begin(struct reader *r, struct diag *d); /* one snapshot until reader_end */
void reader_end(struct reader *r);

/* One record each; NOT_FOUND without a diag, so that the caller says which object. */
MUST_USE status read_device(struct reader *r, int64_t row, struct device *out);
MUST_USE status read_device_by_id(struct reader *r, const id *i, struct device *out);
/* The device that carries the element of this serial. */
MUST_USE status read_device_by_serial(struct reader *r, const char *serial, struct device *out);
MUST_USE status read_element(struct reader *r, int64_t row, struct element *out);
MUST_USE status read_element_by_serial(struct reader *r, const char *serial, struct element *out);
MUST_USE status read_certificate(
	struct reader *r, struct arena *a, int64_t row, struct certificate *out);
MUST_USE status read_certificate_by_fingerprint(
	struct reader *r, struct arena *a, const uint8_t fingerprint[32], struct certificate *out);
MUST_USE status read_certificate_by_index(struct reader *r, struct arena *a, int64_t authority,
	int64_t index, struct certificate *out);
MUST_USE status read_certificate_by_serial(struct reader *r, struct arena *a,
	const uint8_t issuer_hash[32], span serial, struct certificate *out);
MUST_USE status read_certificate_by_request(struct reader *r, struct arena *a, int64_t device,
	const uint8_t request_hash[32], struct certificate *out);
MUST_USE status read_key_is_known(struct reader *r, const uint8_t key_hash[32], bool *is_known);
MUST_USE status read_challenge_is_burnt(struct reader *r, span challenge, bool *is_burnt);
/* NOT_FOUND for a certificate that was issued without. */
MUST_USE status read_evidence(
	struct reader *r, struct arena *a, int64_t certificate, struct kept_evidence *out);
MUST_USE status read_fleet(struct reader *r, int64_t row, struct fleet *out);
MUST_USE status read_fleet_by_name(struct reader *r, const char *name, struct fleet *out);
MUST_USE status read_owner(struct reader *r, int64_t row, struct owner *out);
MUST_USE status read_owner_by_name(struct reader *r, const char *name, struct owner *out);
MUST_USE status read_authority(
	struct reader *r, struct arena *a, int64_t row, struct authority *out);
MUST_USE status read_authority_by_name(
	struct reader *r, struct arena *a, const char *name, struct authority *out);
MUST_USE status read_operator(struct reader *r, int64_t row, struct operator_account *out);
MUST_USE status read_operator_by_name(
	struct reader *r, const char *name, struct operator_account *out);
MUST_USE status read_operator_by_token(
	struct reader *r, const uint8_t token_hash[32], struct operator_account *out);
MUST_USE status read_operator_by_certificate(
	struct reader *r, const uint8_t fingerprint[32], struct operator_account *out);
MUST_USE status read_offer(struct reader *r, int64_t row, struct offer *out);
MUST_USE status read_offer_by_id(struct reader *r, const id *i, struct offer *out);
MUST_USE status read_claim_code(struct reader *r, int64_t device, struct claim_code *out);
/* Zero, and OK, where nothing wrong was tried yet. */
MUST_USE status read_attempt(struct reader *r, const char *subject, struct attempt *out);
MUST_USE status read_open_case(struct reader *r, int64_t device, struct warranty_case *out);
/* The last store_seen of the device, written or not yet; 0: never seen. */
MUST_USE status read_device_seen(struct reader *r, int64_t device, int64_t *at_s);
MUST_USE status read_manifest_by_hash(
	struct reader *r, const uint8_t file_hash[32], int64_t fleet, struct manifest_record *out);
MUST_USE status read_idempotency(struct reader *r, struct arena *a, int64_t operator_row,
	const char *key, struct idempotency *out);
MUST_USE status read_setting(struct reader *r, struct arena *a, const char *name, span *out);

/* Lists: rows after `after` in row order, at most `max`, into an arena array. LIMIT where max is over
 * LIST_PAGE_MAX; revoked, ledger and deny entries come in pages of up to CRL_SHARD_SIZE. */
struct device_filter {
	int64_t fleet; /* 0: any */
	int64_t owner; /* 0: any */
	int state;     /* -1: any */
};
MUST_USE status list_devices(struct reader *r, struct arena *a, const struct device_filter *f,
	int64_t after, size_t max, struct device **out, size_t *count);
MUST_USE status list_certificates_of_device(struct reader *r, struct arena *a, int64_t device,
	int64_t after, size_t max, struct certificate **out, size_t *count);
MUST_USE status list_fleets(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct fleet **out, size_t *count);
MUST_USE status list_owners(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct owner **out, size_t *count);
MUST_USE status list_authorities(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct authority **out, size_t *count);
MUST_USE status list_operators(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct operator_account **out, size_t *count);
MUST_USE status list_pins(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct pinned_signer **out, size_t *count);
/* Open offers of a device (0: any), from or to an owner (0: any). */
MUST_USE status list_offers(struct reader *r, struct arena *a, int64_t device, int64_t owner,
	int64_t after, size_t max, struct offer **out, size_t *count);
/* Open offers whose time is over. */
MUST_USE status list_offers_expired(struct reader *r, struct arena *a, int64_t now_s, size_t max,
	struct offer **out, size_t *count);

/* Revoked (and, if asked, superseded and withdrawn) certificates of one authority with an index in
 * [index_from, index_to), that had not expired at `alive_at_s`, by index. */
struct revoked_entry {
	int64_t row;
	int64_t index;
	uint8_t serial[SERIAL_MAX_LEN];
	size_t serial_len;
	int64_t revoked_s;
	enum revocation_reason reason;
};
MUST_USE status list_revoked(struct reader *r, struct arena *a, int64_t authority,
	int64_t index_from, int64_t index_to, int64_t alive_at_s, bool with_superseded, size_t max,
	struct revoked_entry **out, size_t *count);
/* The same for what an authority issued without an index (birth certificates), by row behind `after`. */
MUST_USE status list_revoked_unnumbered(struct reader *r, struct arena *a, int64_t authority,
	int64_t after, int64_t alive_at_s, size_t max, struct revoked_entry **out, size_t *count);
MUST_USE status read_last_index(struct reader *r, int64_t authority, int64_t *out); /* 0: none */
/*
 * The index for the next certificate of this authority: never the same twice while the store is open, whatever is
 * committed meanwhile; beyond the last one that was committed before. An index that is not used is a hole. Any thread.
 */
MUST_USE status store_index_take(
	struct store *s, struct reader *r, int64_t authority, int64_t *out, struct diag *d);

struct ledger_row {
	int64_t sequence; /* from 0 */
	int64_t device;	  /* row, or 0 */
	int64_t at_s;
	span entry;
};
MUST_USE status list_ledger(struct reader *r, struct arena *a, int64_t from, size_t max,
	struct ledger_row **out, size_t *count);
MUST_USE status list_ledger_of_device(struct reader *r, struct arena *a, int64_t device,
	int64_t after, size_t max, struct ledger_row **out, size_t *count);
MUST_USE status read_ledger_size(struct reader *r, int64_t *out);

MUST_USE status list_deny(struct reader *r, struct arena *a, int64_t from, size_t max,
	struct deny_record **out, size_t *count);
MUST_USE status list_outbox(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct outbox_row **out, size_t *count);

struct store_counts {
	int64_t devices, certificates, owners, fleets, ledger_entries, deny_records;
	int64_t by_state[DEVICE_STATE_COUNT];
};
MUST_USE status read_counts(struct reader *r, struct store_counts *out);
/* PENDING certificates whose notBefore is before not_before_s: their confirmation time is over. */
MUST_USE status list_certificates_pending_before(struct reader *r, struct arena *a,
	int64_t not_before_s, size_t max, struct certificate **out, size_t *count);
