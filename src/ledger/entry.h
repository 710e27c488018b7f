#pragma once
/*
 * One ledger entry: a JSON object in RFC 8785 form, at most LEDGER_ENTRY_MAX bytes.
 *
 *   {"actor":"maker","at":"2026-11-23T12:00:00Z","certificate":"<hex>","device":"<id>",
 *    "event":"prove","from":"AWAITING_DEVICE","reason":"confirmed","serial":"<hex>","to":"ACTIVE","v":1, ...}
 *
 * No personal data stands in it: people and companies appear as commitments
 * (HMAC-SHA256 under a salt that the store keeps and can forget), free words of operators not at all.
 * Absent fields are left out. docs/ledger.md has every field and event; a test holds it against this file.
 */
#include "base/buffer.h"
#include "fleet/identity.h"

struct ledger_entry {
	const char *event; /* required: a device's (device_event_name), or one of ledger_events */
	int64_t at_s;
	const char *actor;		 /* the role's name */
	const char *operator_commitment; /* hex; the member "operator" */
	const char *device;		 /* id text */
	const char *from, *to;		 /* states */
	const char *owner;		 /* commitment of the owner, after the event */
	const char *previous_owner;
	const uint8_t *certificate; /* fingerprint, 32 bytes */
	span serial;
	const char *authority, *fleet;
	const char *reason;	    /* a word of a fixed list */
	const char *level;	    /* of attestation */
	const uint8_t *evidence;    /* SHA-256 of the evidence */
	const char *request;	    /* the request's id */
	int64_t count;		    /* of a bulk act */
	const uint8_t *digest;	    /* of a file, a manifest entry, a CRL */
	const char *object;	    /* another object's name: an authority, an element's serial */
	const char *part;	    /* of an element: "slot 3" */
	const char *before, *after; /* its values */
	const char *via; /* commitment of the registration authority that spoke for the device */
};

/* The events that are no decision by the table of a device's life; ends with NULL. */
extern const char *const ledger_events[];

/* Appends. BUG for one without a time or with an event that nobody knows, LIMIT if too long. */
MUST_USE status ledger_entry_write(
	const struct ledger_entry *e, struct buffer *out, struct diag *d);

/* hex(HMAC-SHA256(salt, kind ":" name)): what stands for a person or a company. */
#define COMMITMENT_TEXT_LEN 64
char *ledger_commitment(char out[COMMITMENT_TEXT_LEN + 1], const uint8_t salt[32], const char *kind,
	const char *name);
