#pragma once
/* Certificate revocation lists (RFC 5280 5): full, one shard, or for CA certificates only. */
#include "base/buffer.h"
#include "pki/certificate.h"

enum crl_scope {
	CRL_FULL = 0,  /* no issuingDistributionPoint: what brokers want */
	CRL_SHARD = 1, /* critical IDP with the shard's address, onlyContainsUserCerts */
	CRL_CA = 2,    /* critical IDP, onlyContainsCACerts */
};

struct crl_entry {
	uint8_t serial[SERIAL_MAX_LEN];
	uint8_t serial_len;
	uint8_t reason; /* 0 is left out (RFC 5280 5.3.1) */
	int64_t revoked_s;
};

struct crl_draft {
	enum signature_kind signature;
	span issuer; /* Name, DER */
	span issuer_key_id;
	int64_t this_update_s, next_update_s;
	uint64_t number;
	enum crl_scope scope;
	const char *shard_url; /* CRL_SHARD: the same text as in the certificates */
	const struct crl_entry *entries;
	size_t count;
};

/* The TBSCertList, appended to `out`. BAD_INPUT: dates the wrong way round, a reason that is not on the list. */
MUST_USE status tbs_crl_write(const struct crl_draft *c, struct buffer *out, struct diag *d);
