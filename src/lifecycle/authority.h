#pragma once
/* Our own CAs, and what they say: certificates of the listener, CRLs. */
#include "lifecycle/session.h"

struct authority_request {
	char name[NAME_MAX_LEN + 1];
	char hierarchy[NAME_MAX_LEN + 1]; /* a root's: new; else the parent's is taken */
	char parent[NAME_MAX_LEN + 1];	  /* "" for a root */
	enum authority_kind kind;	  /* ROOT, ISSUING, FACTORY_SIGNER */
	enum phase phase;
	/* O; "": the title of the maker who is named as the hierarchy is, else the hierarchy. CN; "": the name. */
	char organization[65], common_name[65];
	/* 0: root 40 years, issuing 15, factory signer 31: births live 28. A factory signer of 1 to 31 whole years lives them by the
	 * calendar: then an element can hold its certificate (element/compressed.h). */
	int64_t lifetime_s;
	bool is_p384; /* roots only */
};
/* Key and certificate by the signer, then the record; again after a crash between the two: taken up where it stood. An
 * issuing CA also gets its OCSP responder ("NAME.ocsp"), which authority_renew_responders keeps alive. Admin. */
MUST_USE status authority_create(struct session *s, const struct authority_request *r,
	struct authority *out, struct diag *d);
/* A CA of somebody else's that we trust for birth certificates of this phase. Admin. */
MUST_USE status authority_import(struct session *s, const char *name, const char *hierarchy,
	enum phase phase, span certificate, struct authority *out, struct diag *d);
/* A signer of our own manifests, made and pinned (PIN_SELF) for the phase. */
MUST_USE status manifest_signer_create(
	struct session *s, const char *name, enum phase phase, struct diag *d);
/* A pinned signer of manifests from its certificate (DER or PEM); fleet 0: every fleet of the phase. Admin. */
MUST_USE status manifest_pin_add(struct session *s, span certificate, int64_t fleet,
	enum phase phase, struct pinned_signer *out, struct diag *d);
/* OCSP responder keys and certificates that are near their end, or missing. */
MUST_USE status authority_renew_responders(struct session *s, struct diag *d);

struct server_certificate_request {
	const char *authority; /* "": the first issuing one */
	const char *names;     /* DNS names and addresses, by comma */
	span spki;	       /* of tenured's own key */
	int64_t lifetime_s;
};
/* A listener's certificate, recorded before it is given: chain (leaf first, at most CHAIN_LEN_MAX) in the arena. */
MUST_USE status server_certificate_issue(struct session *s,
	const struct server_certificate_request *r, span *chain, size_t *count, struct diag *d);

/*
 * All CRLs of one authority as files in FOLDER/NAME: full.crl, SHARD.crl, ca.crl, bundle.pem, each replaced
 * atomically, the number recorded. A shard without change is made anew too: nextUpdate moves on.
 */
MUST_USE status crl_publish(struct session *s, int64_t authority, struct diag *d);

/*
 * A list of an authority whose key is elsewhere (an offline root, another company's CA), DER or PEM, published as our own are:
 * full.crl and ca.crl (one with a scope of CA certificates: ca.crl alone), bundle.pem, and in the bundles of those below it. The
 * same list again puts the files anew. BAD_INPUT with the clause: not signed by it, over, without a number, of another
 * scope. CONFLICT: older than the last one; the key is here. Admin.
 */
MUST_USE status crl_import(struct session *s, int64_t authority, span list, struct diag *d);
/* Which of them are over half of their life, at most `max`; somebody has to have new ones signed. Within the session's
 * snapshot. */
struct crl_due {
	char authority[NAME_MAX_LEN + 1];
	int64_t next_update_s;
};
MUST_USE status crl_files_due(
	struct session *s, struct crl_due *out, size_t max, size_t *count, struct diag *d);
