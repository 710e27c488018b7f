#pragma once
/*
 * How tenured asks tenure-signer: typed requests over a few channels, each a
 * socket pair that the signer inherited. Calls block; any thread; each takes
 * a free channel, so as many calls run at a time as there are channels. Certificates
 * that are asked for while none is free wait, and go together in the next one's message.
 *
 * No request carries a digest or DER to be signed: the signer encodes, checks
 * and signs by itself. The message table is signer/message.h.
 *
 * All calls: UNAVAILABLE when the signer is not there (it is started again by
 * the next call where its passphrase can be read again), else the signer's own
 * answer: NOT_FOUND for a key it does not hold, DENIED for one that may not do this,
 * BAD_INPUT for what the profile forbids. Results are in the arena given.
 */
#include "base/arena.h"
#include "fleet/device.h"
#include "pki/ocsp_answer.h"
#include "pki/tbs_crl.h"

/* What a key of the signer is for; it is used for nothing else. */
enum key_role {
	KEY_ROLE_ROOT = 0,
	KEY_ROLE_ISSUING = 1,
	KEY_ROLE_FACTORY = 2, /* factory signer: birth certificates */
	KEY_ROLE_OCSP = 3,
	KEY_ROLE_MANIFEST = 4,
	KEY_ROLE_LEDGER = 5,
	KEY_ROLE_COUNT
};
const char *key_role_name(enum key_role r); /* "issuing" */

struct signer;

struct signer_options {
	const char *program;  /* path of tenure-signer */
	const char *keys;     /* its folder */
	const char *profiles; /* folder of own profiles; need not exist */
	const char
		*passphrase_file; /* NULL or "": systemd's credential "passphrase", else a prompt */
	unsigned channels;	  /* 1..64 */
	bool create;		  /* an empty keys folder is fine: for `init` */
};

MUST_USE status signer_start(const struct signer_options *o, struct signer **out, struct diag *d);
void signer_stop(struct signer *s); /* waits for calls under way */
/* OK, or UNAVAILABLE in words. Starts it again where that is possible. */
MUST_USE status signer_health(struct signer *s, struct diag *d);
int signer_pid(struct signer *s); /* 0: not running */

struct signer_alt_name {
	enum alt_name_kind kind;
	char text[URL_MAX_LEN + 1]; /* of DNS names and URIs */
	uint8_t address[16];
	size_t address_len;
};

struct issue_request {
	char authority[NAME_MAX_LEN + 1];
	char profile[NAME_MAX_LEN + 1];
	enum phase phase; /* must be the authority's */
	struct simple_name subject;
	span spki; /* DER of the subject's public key */
	int64_t not_before_s, not_after_s;
	int64_t index; /* dense per issuing authority, from 1 */
	struct signer_alt_name alt_names[ALT_NAMES_MAX];
	size_t alt_name_count;
	char url_base[128]; /* "http://pki.example": CRL, OCSP and CA certificate stand below it */
};

struct issue_result {
	status status;
	struct diag diag;
	span der;
};

#define ISSUE_BATCH_MAX 256

/* OK: each request has its own result. */
MUST_USE status signer_issue(struct signer *s, struct arena *a,
	const struct issue_request *requests, size_t count, struct issue_result *results,
	struct diag *d);

/*
 * A birth certificate in the shape that an ATECC608's compressed template can carry
 * (hour-granular dates, whole years, serial made from key and dates).
 */
struct birth_request {
	char authority[NAME_MAX_LEN + 1]; /* a factory signer */
	enum phase phase;
	char unique_id[ELEMENT_SERIAL_MAX + 1]; /* lower-case hex; printed upper-case in CN=sn... */
	char organization[65];
	uint8_t point[64];
	int64_t not_before_s; /* cut to the hour */
	int64_t years;	      /* of life; cut to the authority's end */
};
MUST_USE status signer_issue_birth(struct signer *s, struct arena *a,
	const struct birth_request *requests, size_t count, struct issue_result *results,
	struct diag *d);

struct create_request {
	char name[NAME_MAX_LEN + 1]; /* of the key: a-z 0-9 - . _ */
	enum key_role role;
	enum phase phase;
	enum key_kind key_kind;
	char parent[NAME_MAX_LEN + 1]; /* "" for a root, a manifest signer, a ledger */
	struct simple_name subject;
	int64_t not_before_s, not_after_s;
	char url_base[128];
};
/*
 * Makes the key, durably, and its certificate (a ledger's: the 32 bytes of its public key). A factory signer's that begins with
 * an hour and lasts whole years, 31 at most, has a serial number made of key and dates, so that an element can hold it. EXISTS.
 */
MUST_USE status signer_create(struct signer *s, struct arena *a, const struct create_request *r,
	span *certificate, struct diag *d);

struct crl_request {
	char authority[NAME_MAX_LEN + 1];
	uint64_t number;
	int64_t this_update_s, next_update_s;
	enum crl_scope scope;
	char shard_url[URL_MAX_LEN + 1];
	const struct crl_entry *entries;
	size_t count;
};
MUST_USE status signer_crl(
	struct signer *s, const struct crl_request *r, struct buffer *out, struct diag *d);

struct ocsp_sign_request {
	char responder[NAME_MAX_LEN + 1]; /* the key: the authority's name + ".ocsp" */
	struct ocsp_draft draft;	  /* responder_key_id is the signer's to fill */
};
/* All in one message. OK: each has its own result; the answer of one that is OK is appended to its `out`. */
#define OCSP_BATCH_MAX 256
struct ocsp_sign_result {
	struct buffer *out;
	status status;
	struct diag diag;
};
MUST_USE status signer_ocsp_many(struct signer *s, const struct ocsp_sign_request *const *requests,
	size_t count, struct ocsp_sign_result *results, struct diag *d);

/* A signed note (C2SP checkpoint). CONFLICT: a smaller size, or another root at the same size, than was
 * signed before for this origin. */
MUST_USE status signer_checkpoint(struct signer *s, const char *origin, int64_t size,
	const uint8_t root[32], struct buffer *note, struct diag *d);
/* The same as what a sequencer asks (ledger/sequencer.h); borrows the signer. */
struct checkpoint_signer;
struct checkpoint_signer signer_for_ledger(struct signer *s);

/* One signed entry of a manifest of our own, in the chip maker's form (JWS, flattened JSON). */
struct manifest_entry_request {
	char signer[NAME_MAX_LEN + 1];
	char unique_id[ELEMENT_SERIAL_MAX + 1];
	char model[NAME_MAX_LEN + 1], part_number[NAME_MAX_LEN + 1];
	char manufacturer[65];
	int64_t provisioned_s;
	uint8_t points[5][64]; /* slots 0..4 */
	size_t point_count;
	span leaf, issuer; /* certificates of slot 0 */
};
MUST_USE status signer_manifest_entry(struct signer *s, struct arena *a,
	const struct manifest_entry_request *r, span *json, struct diag *d);

struct held_key {
	char name[NAME_MAX_LEN + 1];
	enum key_role role;
	enum phase phase;
	span certificate; /* or the ledger's 32 bytes */
};
MUST_USE status signer_keys(
	struct signer *s, struct arena *a, struct held_key **out, size_t *count, struct diag *d);
