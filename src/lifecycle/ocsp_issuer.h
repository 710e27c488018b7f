#pragma once
/*
 * The authorities as OCSP asks for them: by name (in the URL), by the SHA-1 and SHA-256 hashes of name and key (in a CertID). All
 * in memory, read anew when the store's epoch has moved. Inside lifecycle/ only.
 */
#include <pthread.h>

#include "lifecycle/session.h"
#include "pki/ocsp_request.h"

struct ocsp_issuer {
	int64_t authority;
	char name[NAME_MAX_LEN + 1];
	bool is_answered; /* we are its responder */
	uint8_t name_hash_sha1[20], key_hash_sha1[20], name_hash[32], key_hash[32];
	char responder[NAME_MAX_LEN + 1]; /* key */
	int64_t responder_not_after_s;	  /* 0: there is none */
	bool lists_superseded;
	uint64_t epoch; /* of the store, that this was true in */
};

struct ocsp_issuers {
	struct store *store;
	pthread_rwlock_t lock; /* guards what follows */
	bool is_read;
	uint64_t epoch; /* that `all` was read in */
	struct ocsp_issuer *all;
	size_t count, answered;
	const struct ocsp_issuer **by_name, **by_sha1, **by_sha256;
};

void ocsp_issuers_init(struct ocsp_issuers *i, struct store *s);
void ocsp_issuers_wipe(struct ocsp_issuers *i);

/* The issuer by a CertID's hashes. NOT_FOUND; UNAVAILABLE: to be read anew first. Never waits for the store. */
MUST_USE status ocsp_issuer_find(
	struct ocsp_issuers *i, const struct ocsp_certificate_id *asked, struct ocsp_issuer *out);
/* OK, NOT_FOUND or UNAVAILABLE, as above. */
MUST_USE status ocsp_issuer_named(struct ocsp_issuers *i, span name);
/* Reads them anew where they are out of date, in a snapshot of its own. */
MUST_USE status ocsp_issuers_refresh(struct ocsp_issuers *i, struct session *s, struct diag *d);
