#pragma once
/* Records of the domain to parameters and from columns, in the order of statements.c. Inside store/ only. */
#include "store/sqlite.h"
#include "store/store.h"

/* Binds every column of the record, its row first. */
void bind_owner(struct query *q, const struct owner *o);
void bind_authority(struct query *q, const struct authority *a);
void bind_fleet(struct query *q, const struct fleet *f, int64_t version);
void bind_operator(struct query *q, const struct operator_account *o);
void bind_manifest(struct query *q, const struct manifest_record *m);
void bind_pin(struct query *q, const struct pinned_signer *p);
void bind_element(struct query *q, const struct element *e);
void bind_device(struct query *q, const struct device *d);
void bind_device_unindexed(struct query *q, const struct device *d, int64_t version);
void bind_device_indexed(struct query *q, const struct device *d);
void bind_certificate(struct query *q, const struct certificate *k, int64_t issuer);
void bind_offer(struct query *q, const struct offer *o);
void bind_case(struct query *q, const struct warranty_case *w);
void bind_claim_code(struct query *q, const struct claim_code *k);
void bind_deny(struct query *q, const struct deny_record *r, int64_t issuer, int64_t sequence);

/* Reads the row that the query stands on into the (zeroed) record; NO_MEMORY when the arena
 * is full. `a` may be NULL where the record borrows nothing. */
typedef status read_row(struct query *q, struct arena *a, void *record);
read_row row_owner, row_authority, row_fleet, row_operator, row_manifest, row_pin, row_element,
	row_device, row_certificate, row_offer, row_case, row_claim_code, row_attempt, row_deny,
	row_outbox, row_evidence, row_idempotency, row_ledger, row_revoked, row_value;
