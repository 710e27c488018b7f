#pragma once
/*
 * Microchip's secure element manifests: a JSON array of JWS in flattened form (RFC 7515 7.2.2), each the
 * signed word of the chip maker (or of a factory of our own) about one element.
 *
 *   [ { "payload": b64url, "protected": b64url, "header": {"uniqueId": hex}, "signature": b64url }, ... ]
 *
 * Signed bytes: protected "." payload, exactly as they stand in the file. What is not signed
 * (`header`) is an index and never believed.
 */
#include "base/arena.h"
#include "base/limits.h"
#include "pki/chain.h"

#define MANIFEST_KEYS_MAX 16
#define MANIFEST_CHAIN_MAX 3

/* --- the file: entry by entry, whatever its length ------------------------ */

/* Gives up to `room` bytes, 0 at the end; what it answers instead of OK ends the reading. */
typedef status manifest_source(
	void *context, uint8_t *out, size_t room, size_t *len, struct diag *d);

struct manifest_reader;
/* A JSON array, or one entry a line (NDJSON); a UTF-8 byte order mark before it is passed over. Memory: one entry (MANIFEST_ENTRY_MAX) and a
 * block, never the file. */
MUST_USE status manifest_reader_new(
	manifest_source *source, void *context, struct manifest_reader **out, struct diag *d);
void manifest_reader_free(struct manifest_reader *r);
/*
 * The text of the next entry, borrowed until the next call, and its number from 0. NOT_FOUND at the end;
 * LIMIT for an entry over MANIFEST_ENTRY_MAX (skipped: the next call goes on behind it); BAD_INPUT when
 * the file itself is no manifest or is cut: then nothing more comes.
 */
MUST_USE status manifest_reader_next(
	struct manifest_reader *r, span *entry, uint64_t *number, struct diag *d);

/* --- whom we believe --------------------------------------------------------- */

/* One pinned signer. Found by kid AND x5t#S256, valid at the entry's provisioning time. */
struct manifest_pin {
	int64_t row;		/* of the store's pinned_signer */
	uint8_t kid[20];	/* subject key identifier */
	uint8_t x5t_sha256[32]; /* SHA-256 of the certificate */
	uint8_t point[64];
	int64_t not_before_s, not_after_s;
	bool is_vendor;
};
/* From the signer's certificate, DER or PEM. BAD_INPUT, CRYPTO (its own signature does not check). */
MUST_USE status manifest_pin_read(span certificate, struct manifest_pin *out, struct diag *d);

/* The chip maker's signers by key id and fingerprint (no certificates: those are the user's to bring). */
struct manifest_vendor_pin {
	const char *name; /* "Log Signer 004" */
	uint8_t kid[20];
	uint8_t x5t_sha256[32]; /* all zero where only the key id is known */
};
const struct manifest_vendor_pin *manifest_vendor_pins(size_t *count);
/* Whether the vendor's built-in table knows this certificate. */
bool manifest_pin_is_vendor(const struct manifest_pin *p);
/* The same of its birth certificates' roots, by the certificate's DER. */
bool manifest_root_is_vendor(span certificate);

struct manifest_trust {
	const struct manifest_pin *pins;
	size_t pin_count;
	const struct trust_set *roots; /* of the birth certificates; NULL: none is believed */
	bool wants_serial_name;	       /* leaf CN must be "sn" + upper-case uniqueId */
};

/* --- one entry ---------------------------------------------------------------- */

enum manifest_content {
	MANIFEST_FULL,		/* keys, perhaps certificates (versions 1 and 3) */
	MANIFEST_IDENTITY_ONLY, /* version 2: no keys: nothing to hold a device against */
};

struct manifest_entry {
	char unique_id[ELEMENT_SERIAL_MAX + 1]; /* lower-case hex */
	char model[NAME_MAX_LEN + 1], part_number[NAME_MAX_LEN + 1];
	int64_t version;
	enum manifest_content content;
	int64_t provisioned_s;
	struct {
		unsigned slot;
		uint8_t point[64];
	} keys[MANIFEST_KEYS_MAX];
	size_t key_count;
	bool has_attestation_key; /* slot 1's */
	uint8_t attestation_key[64];
	span leaf; /* birth certificate, DER, in the arena; empty: none */
	unsigned leaf_slot;
	span issuers[MANIFEST_CHAIN_MAX];
	size_t issuer_count;
	uint8_t payload_hash[32];
	const struct manifest_pin *pin;
};

/*
 * Everything of section RFC 7515 and the vendor's rules: four members, ES256 only, signature by a pin that
 * was valid at the provisioning time, uniqueId inside and outside alike, keys on the curve, x5c to a
 * root with the leaf's key equal to the slot's. BAD_INPUT (malformed), CRYPTO (signature or chain),
 * NOT_FOUND (no such signer pinned), DENIED (the signer was not valid at the time). Pure; any thread;
 * chains already judged are remembered in `cache` (may be NULL).
 */
struct manifest_cache; /* one thread's, and of one trust: to be freed with it */
MUST_USE status manifest_cache_new(struct manifest_cache **out);
void manifest_cache_free(struct manifest_cache *c);
MUST_USE status manifest_entry_verify(struct arena *a, span entry, const struct manifest_trust *t,
	struct manifest_cache *cache, struct manifest_entry *out, struct diag *d);
/* The unsigned index of an entry, for messages about one that cannot be read. "" where there is none. */
void manifest_entry_label(span entry, char out[ELEMENT_SERIAL_MAX + 1]);
