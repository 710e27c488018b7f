#include "pki/tbs_crl.h"

#include <stdlib.h>

/* keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold,
 * privilegeWithdrawn: the closed list of what we ever write. */
#define REASONS_ALLOWED \
	(1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 9)

#define ENTRY_ROOM 64
#define HEAD_ROOM 2048

static void
write_entry(struct der_writer *w, const struct crl_entry *e)
{
	der_open(w, DER_SEQUENCE);
	der_put(w, DER_INTEGER, span_of(e->serial, e->serial_len));
	der_put_time(w, e->revoked_s);
	if (e->reason != 0) {
		der_open(w, DER_SEQUENCE);
		der_open(w, DER_SEQUENCE);
		der_put_oid(w, oid(OID_REASON_CODE));
		der_open(w, DER_OCTET_STRING);
		der_put_number_as(w, DER_ENUMERATED, e->reason);
		der_close(w);
		der_close(w);
		der_close(w);
	}
	der_close(w);
}

static void
write_scope(struct der_writer *w, const struct crl_draft *c)
{
	static const uint8_t yes = 0xff;

	if (c->scope == CRL_FULL) {
		return;
	}
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_ISSUING_DISTRIBUTION_POINT));
	der_put_boolean(w, true);
	der_open(w, DER_OCTET_STRING);
	der_open(w, DER_SEQUENCE);
	if (c->scope == CRL_SHARD) {
		der_open(w, DER_CONTEXT_IN(0)); /* distributionPoint */
		der_open(w, DER_CONTEXT_IN(0)); /* fullName */
		der_put(w, DER_CONTEXT(6), span_text(c->shard_url));
		der_close(w);
		der_close(w);
	}
	der_put(w, c->scope == CRL_SHARD ? DER_CONTEXT(1) : DER_CONTEXT(2), span_of(&yes, 1));
	der_close(w);
	der_close(w);
	der_close(w);
}

static void
write_extensions(struct der_writer *w, const struct crl_draft *c)
{
	der_open(w, DER_CONTEXT_IN(0));
	der_open(w, DER_SEQUENCE);
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_AUTHORITY_KEY_IDENTIFIER));
	der_open(w, DER_OCTET_STRING);
	der_open(w, DER_SEQUENCE);
	der_put(w, DER_CONTEXT(0), c->issuer_key_id);
	der_close(w);
	der_close(w);
	der_close(w);
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_CRL_NUMBER));
	der_open(w, DER_OCTET_STRING);
	der_put_number(w, c->number);
	der_close(w);
	der_close(w);
	write_scope(w, c);
	der_close(w);
	der_close(w);
}

static status
judge(const struct crl_draft *c, struct diag *d)
{
	if (c->next_update_s <= c->this_update_s) {
		return diag_set(
			d, BAD_INPUT, "RFC 5280 5.1.2.5", "nextUpdate is not after thisUpdate");
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct crl_entry *e = &c->entries[i];

		if (e->reason > 9 || (REASONS_ALLOWED & 1u << e->reason) == 0) {
			return diag_set(d, BAD_INPUT, "RFC 5280 5.3.1",
				"reason %u is never written", e->reason);
		}
		if (e->serial_len == 0 || e->serial_len > SERIAL_MAX_LEN || e->serial[0] >= 0x80 ||
			(e->serial_len > 1 && e->serial[0] == 0 && e->serial[1] < 0x80)) {
			return diag_set(
				d, BAD_INPUT, "RFC 5280 4.1.2.2", "entry %zu: a bad serial", i);
		}
		if (e->revoked_s > c->this_update_s) {
			return diag_set(d, BAD_INPUT, "RFC 5280 5.1.2.6",
				"entry %zu is revoked after the list's own date", i);
		}
	}
	return OK;
}

status
tbs_crl_write(const struct crl_draft *c, struct buffer *out, struct diag *d)
{
	size_t size = HEAD_ROOM + c->issuer.len + c->count * ENTRY_ROOM;
	struct der_writer w;
	uint8_t *room;
	span tbs;
	status s = judge(c, d);

	if (s != OK) {
		return s;
	}
	room = malloc(size);
	if (room == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a CRL of %zu entries", c->count);
	}
	der_writer_init(&w, room, size);
	der_open(&w, DER_SEQUENCE);
	der_put_number(&w, 1);
	signature_kind_write(&w, c->signature);
	der_put_raw(&w, c->issuer);
	der_put_time(&w, c->this_update_s);
	der_put_time(&w, c->next_update_s);
	if (c->count > 0) { /* an empty list is left out: RFC 5280 5.1.2.6 */
		der_open(&w, DER_SEQUENCE);
		for (size_t i = 0; i < c->count; i++) {
			write_entry(&w, &c->entries[i]);
		}
		der_close(&w);
	}
	write_extensions(&w, c);
	der_close(&w);
	s = der_writer_finish(&w, &tbs, d);
	if (s == OK) {
		buffer_put(out, tbs);
		s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory for a CRL") : OK;
	}
	free(room);
	return s;
}
