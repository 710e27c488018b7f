#pragma once
/* What is not a device: owners, fleets, operators. Recorded like everything else. */
#include "lifecycle/session.h"

/* name: a-z 0-9 - . _ ; EXISTS. Maker. */
MUST_USE status owner_add(struct session *s, const char *name, const char *title,
	enum owner_kind kind, struct owner *out, struct diag *d);

struct fleet_request {
	char name[NAME_MAX_LEN + 1];
	enum phase phase;
	char authority[NAME_MAX_LEN + 1]; /* an issuing one of the same phase */
	char maker[NAME_MAX_LEN + 1];	  /* an owner of kind maker */
	char profile[NAME_MAX_LEN + 1];	  /* "": operational */
	int64_t lifetime_s;		  /* 0: 90 days */
	int64_t renew_after_percent;	  /* 0: 66 */
	enum attestation_level required_level;
	bool crl_lists_superseded;
	int64_t offer_lifetime_s; /* 0: 7 days */
	struct est_policy est;	  /* retry_after_s 0: a minute */
};
/* BAD_INPUT also for a name that is an operation of EST: it is the label in the fleet's EST paths (RFC 7030 3.2.2). */
MUST_USE status fleet_create(
	struct session *s, const struct fleet_request *r, struct fleet *out, struct diag *d);
/* Lifetime, renewal, required level, superseded, offers, EST; at f->version. Maker. */
MUST_USE status fleet_set(struct session *s, const struct fleet *f, struct diag *d);

#define TOKEN_TEXT_MAX 64
/* "tnr_" and 256 random bits in base64url, shown once; only its SHA-256 is kept. `owner` row for OPERATOR_OWNER. Admin. */
MUST_USE status operator_add(struct session *s, const char *name, enum operator_role role,
	int64_t owner, char token[TOKEN_TEXT_MAX], struct operator_account *out, struct diag *d);
/*
 * A registration authority: proven by this certificate alone (DER), which carries id-kp-cmcRA; it has no token and
 * may do nothing but speak for the devices of fleets that name it. EXISTS: somebody's certificate already. Admin.
 */
MUST_USE status operator_add_ra(struct session *s, const char *name, span certificate,
	struct operator_account *out, struct diag *d);
/* A new token; the old one is void at once. */
MUST_USE status operator_token(
	struct session *s, const char *name, char token[TOKEN_TEXT_MAX], struct diag *d);
MUST_USE status operator_remove(struct session *s, const char *name, struct diag *d);
