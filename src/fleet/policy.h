#pragma once
/* A fleet: one product line under one policy. And our own issuing authorities. */
#include "fleet/identity.h"

/* Numbers are stored: add at the end only. */
enum est_pending {
	EST_PENDING_REFUSE = 0, /* a device that nobody owns yet is refused */
	EST_PENDING_WAIT = 1,	/* it is told to come again (RFC 7030 4.2.3) */
};
enum est_link {
	EST_LINK_OPTIONAL = 0, /* a request that is linked to its connection must be so rightly */
	EST_LINK_REQUIRED = 1, /* every request is (RFC 7030 3.5) */
};
enum est_lines {
	EST_LINES_AUTO = 0, /* as the client that asks is known to read */
	EST_LINES_ONE = 1,
	EST_LINES_WRAPPED = 2, /* of 64 characters */
};

/* How EST (RFC 7030) treats the devices of a fleet. */
struct est_policy {
	enum est_pending pending;
	int64_t retry_after_s; /* of an answer 202, at the least; a quarter more at the most */
	enum est_link link;
	enum est_lines lines; /* of the base64 in answers */
	bool makes_keys;      /* serverkeygen is offered */
	int64_t ra; /* row of the operator of role ra that may speak for its devices; 0: nobody */
};

struct fleet {
	int64_t row;
	id id;
	char name[NAME_MAX_LEN + 1]; /* unique; the EST label */
	enum phase phase;
	int64_t authority;		/* row: issues operational certificates */
	char profile[NAME_MAX_LEN + 1]; /* certificate profile, "operational" */
	int64_t lifetime_s;		/* of an operational certificate */
	int64_t renew_after_percent;	/* of its life; the device is told */
	enum attestation_level required_level;
	bool crl_lists_superseded; /* superseded ones on CRL and OCSP too */
	int64_t offer_lifetime_s;
	struct est_policy est;
	int64_t maker; /* row of the owner that makes it */
	int64_t version;
	int64_t created_s;
};

enum authority_kind {
	AUTHORITY_ROOT = 0,
	AUTHORITY_INTERMEDIATE = 1,
	AUTHORITY_ISSUING = 2,
	AUTHORITY_FACTORY_SIGNER = 3,
	AUTHORITY_FOREIGN = 4
};

/* One CA certificate that we hold the key of, or trust. */
struct authority {
	int64_t row;
	id id;
	char name[NAME_MAX_LEN + 1]; /* unique; in URLs: /crl/<name>/..., /ocsp/<name> */
	char hierarchy[NAME_MAX_LEN + 1];
	enum authority_kind kind;
	enum phase phase;
	int64_t parent; /* row, 0 for a root */
	bool has_key;	/* the signer holds it */
	uint8_t fingerprint[32];
	uint8_t key_id[20];    /* SKI */
	uint8_t name_hash[32]; /* SHA-256 of the subject DER */
	uint8_t name_hash_sha1[20], key_hash_sha1[20], key_hash_sha256[32]; /* OCSP CertID */
	int64_t not_before_s, not_after_s;
	int64_t crl_number; /* last published */
	int64_t created_s;
	span der; /* borrowed */
};

/* Who may use the API. */
enum operator_role {
	OPERATOR_ADMIN = 0,
	OPERATOR_MAKER = 1,
	OPERATOR_SUPPORT = 2,
	OPERATOR_OWNER = 3,
	OPERATOR_AUDITOR = 4,
	OPERATOR_WATCH = 5,
	OPERATOR_RA =
		6, /* a registration authority: speaks for devices of fleets that name it, nothing else */
	OPERATOR_ROLE_COUNT
};

struct operator_account {
	int64_t row;
	id id;
	char name[NAME_MAX_LEN + 1];
	enum operator_role role;
	int64_t owner;			     /* row: whose devices it speaks for (OPERATOR_OWNER) */
	uint8_t token_hash[32];		     /* SHA-256 of 256 random bits; zero: no token */
	uint8_t certificate_fingerprint[32]; /* zero: none */
	bool is_disabled;
	int64_t created_s;
};

const char *authority_kind_name(enum authority_kind k);
const char *est_pending_name(enum est_pending p); /* "wait" */
const char *est_link_name(enum est_link l);	  /* "required" */
const char *est_lines_name(enum est_lines l);	  /* "wrapped" */
MUST_USE status est_pending_parse(span name, enum est_pending *out);
MUST_USE status est_link_parse(span name, enum est_link *out);
MUST_USE status est_lines_parse(span name, enum est_lines *out);
const char *operator_role_name(enum operator_role r);
MUST_USE status operator_role_parse(span name, enum operator_role *out);
