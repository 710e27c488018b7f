#pragma once
/* What the signer does with each request: judge, encode, lint, sign. Called on channel threads. */
#include "signer/key_store.h"
#include "signer/profile_shelf.h"

struct issuer {
	struct key_store *keys;
	struct profile_shelf profiles;
	const struct clock *clock;
};

/* Each appends the result to `out` (DER or text) or says why not. */
MUST_USE status issue_certificate(
	struct issuer *i, const struct issue_request *r, struct buffer *out, struct diag *d);
MUST_USE status issue_birth(
	struct issuer *i, const struct birth_request *r, struct buffer *out, struct diag *d);
MUST_USE status issue_key(
	struct issuer *i, const struct create_request *r, struct buffer *out, struct diag *d);
MUST_USE status issue_crl(
	struct issuer *i, const struct crl_request *r, struct buffer *out, struct diag *d);
MUST_USE status issue_ocsp(
	struct issuer *i, struct ocsp_sign_request *r, struct buffer *out, struct diag *d);
MUST_USE status issue_checkpoint(struct issuer *i, const char *origin, int64_t size,
	const uint8_t root[32], struct buffer *out, struct diag *d);
MUST_USE status issue_manifest_entry(struct issuer *i, const struct manifest_entry_request *r,
	struct buffer *out, struct diag *d);

/* The key of this name, if the message may use it: NOT_FOUND, DENIED. */
MUST_USE status issuer_key(struct issuer *i, const char *name, unsigned message,
	const struct signing_key **out, struct diag *d);
/* Encoded, linted, signed. `key` NULL and `self` given: self-signed. */
MUST_USE status issuer_sign_object(
	const struct signing_key *key, span tbs, struct buffer *out, struct diag *d);
