#pragma once
/* A certificate as the store keeps it, and the one judgement whether it opens a door. */
#include "fleet/device.h"

enum certificate_kind {
	CERTIFICATE_BIRTH = 0,
	CERTIFICATE_OPERATIONAL = 1,
	CERTIFICATE_SERVER = 2,
	CERTIFICATE_OPERATOR = 3,
	CERTIFICATE_OCSP = 4,
};

/* Stored: add at the end only. */
enum certificate_status {
	CERTIFICATE_PENDING = 0,    /* issued, not yet seen in use */
	CERTIFICATE_CURRENT = 1,    /* in use */
	CERTIFICATE_SUPERSEDED = 2, /* rotated away, not compromised */
	CERTIFICATE_REVOKED = 3,
	CERTIFICATE_WITHDRAWN = 4, /* never confirmed, taken back */
};

/* In words on every certificate record, in the API and the console. */
enum attestation_level {
	LEVEL_NONE = 0,		     /* a software key, or no proof asked */
	LEVEL_VENDOR_UNVERIFIED = 1, /* the vendor vouches, we cannot check */
	LEVEL_ATTESTED = 2,	     /* the element proved that it made the key, over our nonce */
};

/* RFC 5280 5.3.1; 7 is unused. */
enum revocation_reason {
	REASON_UNSPECIFIED = 0,
	REASON_KEY_COMPROMISE = 1,
	REASON_CA_COMPROMISE = 2,
	REASON_AFFILIATION_CHANGED = 3,
	REASON_SUPERSEDED = 4,
	REASON_CESSATION_OF_OPERATION = 5,
	REASON_CERTIFICATE_HOLD = 6,
	REASON_PRIVILEGE_WITHDRAWN = 9,
};

struct certificate {
	int64_t row;
	enum certificate_kind kind;
	enum certificate_status status;
	int64_t authority; /* row of our issuing CA; 0: foreign */
	int64_t index;	   /* dense per authority, from 1; 0: foreign or template-shaped */
	int64_t device;	   /* row, or 0 */
	int64_t owner;	   /* row of the owner at issuance, or 0 */
	uint8_t serial[SERIAL_MAX_LEN];
	size_t serial_len;
	uint8_t fingerprint[32]; /* SHA-256 of the DER */
	uint8_t key_hash[32];	 /* SHA-256 of the subjectPublicKeyInfo DER */
	uint8_t issuer_hash[32]; /* SHA-256 of the issuer's name DER */
	uint8_t request_hash
		[32]; /* SHA-256 of CSR and evidence: the same request, the same answer */
	int64_t not_before_s, not_after_s;
	int64_t issued_s;
	int64_t first_used_s; /* 0: not yet */
	int64_t revoked_s;    /* 0: not revoked or superseded */
	enum revocation_reason reason;
	enum attestation_level level;
	int64_t slot; /* of the element, -1 unknown */
	int64_t via; /* row of the registration authority that asked for it, or 0: the device itself */
	span der;    /* borrowed from the reader's arena */
};

const char *certificate_kind_name(enum certificate_kind k);
const char *certificate_status_name(enum certificate_status s);
const char *attestation_level_name(enum attestation_level l); /* "vendor-unverified" */
const char *revocation_reason_name(enum revocation_reason r); /* "keyCompromise" */
MUST_USE status revocation_reason_parse(span name, enum revocation_reason *out);
MUST_USE status attestation_level_parse(span name, enum attestation_level *out);

/* What a device's certificate opens at this moment. */
enum access {
	ACCESS_REFUSED,	   /* nothing; `why` says it */
	ACCESS_STATE_ONLY, /* may ask what it is (held, suspended ...), nothing else */
	ACCESS_ENROLMENT,  /* may prove a new key, nothing else */
	ACCESS_FULL,	   /* in use */
};

/*
 * Judges one presented certificate of one device: the only place where state,
 * certificate and time meet. Called on every request, on resumed sessions and
 * kept-alive connections alike. `why` (static text) is for the refused and the log.
 */
enum access identity_judge(
	const struct device *d, const struct certificate *c, int64_t now_s, const char **why);
