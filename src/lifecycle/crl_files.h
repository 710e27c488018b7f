#pragma once
/*
 * The files of an authority's lists, in FOLDER/NAME: full.crl, SHARD.crl, ca.crl, bundle.pem. Each is replaced whole; the first
 * line of bundle.pem says until when all that is in it is good. Inside lifecycle/ only.
 */
#include "lifecycle/session.h"

#define CRL_BUNDLE_MAX (512 << 20) /* PEM of all shards: 60 MB for a million entries */

struct crl_files {
	struct session *session;
	struct authority authority;
	struct buffer bundle; /* PEM, behind the room for its first line */
	int64_t good_until_s; /* of all in the bundle */
};

/* Makes the folder. Wipe in any case. */
MUST_USE status crl_files_init(
	struct crl_files *f, struct session *s, const struct authority *a, struct diag *d);
void crl_files_wipe(struct crl_files *f);

MUST_USE status crl_file_put(
	const struct crl_files *f, const char *name, span content, struct diag *d);
/* NOT_FOUND where there is none. */
MUST_USE status crl_file_get(const struct crl_files *f, const char *name, struct buffer *out);
void crl_bundle_add(struct crl_files *f, span der, int64_t next_update_s);
/* Adds the parents' lists (whoever checks whole chains, nginx does, needs them) and puts the file. */
MUST_USE status crl_bundle_finish(struct crl_files *f, uint64_t number, struct diag *d);

/* One publication runs at a time, and no import beside it. */
void crl_publication_lock(void);
void crl_publication_unlock(void);
