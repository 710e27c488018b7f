/* One record each. */
#include "store/reader.h"
#include <stdio.h>

/* The record that a number, a text or bytes name. */
struct wanted {
	enum statement statement;
	read_row *row;
	size_t size;
};

static status
by_number(struct reader *r, struct arena *a, struct wanted w, int64_t number, void *out)
{
	struct query q = reader_query(r, w.statement);
	query_number(&q, number);
	return reader_one(&q, a, w.row, out, w.size);
}

static status
by_text(struct reader *r, struct arena *a, struct wanted w, const char *text, void *out)
{
	struct query q = reader_query(r, w.statement);
	query_text(&q, text);
	return reader_one(&q, a, w.row, out, w.size);
}

static status
by_bytes(struct reader *r, struct arena *a, struct wanted w, span bytes, void *out)
{
	struct query q = reader_query(r, w.statement);
	query_bytes(&q, bytes);
	return reader_one(&q, a, w.row, out, w.size);
}

#define WANTED(statement, row, out) ((struct wanted){ (statement), (row), sizeof(*(out)) })

status
read_device(struct reader *r, int64_t row, struct device *out)
{
	return by_number(r, NULL, WANTED(READ_DEVICE, row_device, out), row, out);
}

status
read_device_by_id(struct reader *r, const id *i, struct device *out)
{
	return by_bytes(
		r, NULL, WANTED(READ_DEVICE_BY_ID, row_device, out), SPAN_ARRAY(i->bytes), out);
}

status
read_device_by_serial(struct reader *r, const char *serial, struct device *out)
{
	return by_text(r, NULL, WANTED(READ_DEVICE_BY_SERIAL, row_device, out), serial, out);
}

status
read_element(struct reader *r, int64_t row, struct element *out)
{
	return by_number(r, NULL, WANTED(READ_ELEMENT, row_element, out), row, out);
}

status
read_element_by_serial(struct reader *r, const char *serial, struct element *out)
{
	return by_text(r, NULL, WANTED(READ_ELEMENT_BY_SERIAL, row_element, out), serial, out);
}

status
read_certificate(struct reader *r, struct arena *a, int64_t row, struct certificate *out)
{
	return by_number(r, a, WANTED(READ_CERTIFICATE, row_certificate, out), row, out);
}

status
read_certificate_by_fingerprint(
	struct reader *r, struct arena *a, const uint8_t fingerprint[32], struct certificate *out)
{
	return by_bytes(r, a, WANTED(READ_CERTIFICATE_BY_FINGERPRINT, row_certificate, out),
		span_of(fingerprint, 32), out);
}

/* --- those that are kept in memory --- */

/* Without a snapshot each read is one of its own. */
static uint64_t
generation_of(const struct reader *r)
{
	return r->has_snapshot ? r->generation : kept_generation(&r->store->kept);
}

static status
keep(struct reader *r, uint64_t generation, enum kept_kind kind, const void *record, status s)
{
	if (s == OK) {
		kept_put(&r->store->kept, generation, kind, record);
	}
	return s;
}

status
read_fleet(struct reader *r, int64_t row, struct fleet *out)
{
	uint64_t generation = generation_of(r);
	if (kept_get(&r->store->kept, generation, KEPT_FLEET, row, NULL, out)) {
		return OK;
	}
	return keep(r, generation, KEPT_FLEET, out,
		by_number(r, NULL, WANTED(READ_FLEET, row_fleet, out), row, out));
}

status
read_fleet_by_name(struct reader *r, const char *name, struct fleet *out)
{
	uint64_t generation = generation_of(r);
	if (kept_get_fleet(&r->store->kept, generation, name, out)) {
		return OK;
	}
	return keep(r, generation, KEPT_FLEET, out,
		by_text(r, NULL, WANTED(READ_FLEET_BY_NAME, row_fleet, out), name, out));
}

status
read_owner(struct reader *r, int64_t row, struct owner *out)
{
	uint64_t generation = generation_of(r);
	if (kept_get(&r->store->kept, generation, KEPT_OWNER, row, NULL, out)) {
		return OK;
	}
	return keep(r, generation, KEPT_OWNER, out,
		by_number(r, NULL, WANTED(READ_OWNER, row_owner, out), row, out));
}

status
read_owner_by_name(struct reader *r, const char *name, struct owner *out)
{
	return by_text(r, NULL, WANTED(READ_OWNER_BY_NAME, row_owner, out), name, out);
}

status
read_authority(struct reader *r, struct arena *a, int64_t row, struct authority *out)
{
	uint64_t generation = generation_of(r);
	if (kept_get(&r->store->kept, generation, KEPT_AUTHORITY, row, a, out)) {
		return OK;
	}
	return keep(r, generation, KEPT_AUTHORITY, out,
		by_number(r, a, WANTED(READ_AUTHORITY, row_authority, out), row, out));
}

status
read_authority_by_name(struct reader *r, struct arena *a, const char *name, struct authority *out)
{
	return by_text(r, a, WANTED(READ_AUTHORITY_BY_NAME, row_authority, out), name, out);
}

status
read_operator(struct reader *r, int64_t row, struct operator_account *out)
{
	return by_number(r, NULL, WANTED(READ_OPERATOR, row_operator, out), row, out);
}

status
read_operator_by_name(struct reader *r, const char *name, struct operator_account *out)
{
	return by_text(r, NULL, WANTED(READ_OPERATOR_BY_NAME, row_operator, out), name, out);
}

status
read_operator_by_token(struct reader *r, const uint8_t token_hash[32], struct operator_account *out)
{
	return by_bytes(r, NULL, WANTED(READ_OPERATOR_BY_TOKEN, row_operator, out),
		span_of(token_hash, 32), out);
}

status
read_operator_by_certificate(
	struct reader *r, const uint8_t fingerprint[32], struct operator_account *out)
{
	return by_bytes(r, NULL, WANTED(READ_OPERATOR_BY_CERTIFICATE, row_operator, out),
		span_of(fingerprint, 32), out);
}

status
read_offer(struct reader *r, int64_t row, struct offer *out)
{
	return by_number(r, NULL, WANTED(READ_OFFER, row_offer, out), row, out);
}

status
read_offer_by_id(struct reader *r, const id *i, struct offer *out)
{
	return by_bytes(
		r, NULL, WANTED(READ_OFFER_BY_ID, row_offer, out), SPAN_ARRAY(i->bytes), out);
}

status
read_claim_code(struct reader *r, int64_t device, struct claim_code *out)
{
	return by_number(r, NULL, WANTED(READ_CLAIM_CODE, row_claim_code, out), device, out);
}

status
read_attempt(struct reader *r, const char *subject, struct attempt *out)
{
	status s = by_text(r, NULL, WANTED(READ_ATTEMPT, row_attempt, out), subject, out);

	if (s == NOT_FOUND) {
		*out = (struct attempt){ 0 };
		snprintf(out->subject, sizeof(out->subject), "%s", subject);
		s = OK;
	}
	return s;
}

status
read_open_case(struct reader *r, int64_t device, struct warranty_case *out)
{
	return by_number(r, NULL, WANTED(READ_OPEN_CASE, row_case, out), device, out);
}

status
read_setting(struct reader *r, struct arena *a, const char *name, span *out)
{
	return by_text(r, a, WANTED(READ_SETTING, row_value, out), name, out);
}

status
read_certificate_by_index(struct reader *r, struct arena *a, int64_t authority, int64_t index,
	struct certificate *out)
{
	struct query q = reader_query(r, READ_CERTIFICATE_BY_INDEX);
	query_number(&q, authority);
	query_number(&q, index);
	return reader_one(&q, a, row_certificate, out, sizeof(*out));
}

status
read_certificate_by_serial(struct reader *r, struct arena *a, const uint8_t issuer_hash[32],
	span serial, struct certificate *out)
{
	struct query q = reader_query(r, READ_CERTIFICATE_BY_SERIAL);
	query_bytes(&q, span_of(issuer_hash, 32));
	query_bytes(&q, serial);
	return reader_one(&q, a, row_certificate, out, sizeof(*out));
}

status
read_certificate_by_request(struct reader *r, struct arena *a, int64_t device,
	const uint8_t request_hash[32], struct certificate *out)
{
	struct query q = reader_query(r, READ_CERTIFICATE_BY_REQUEST);
	query_number(&q, device);
	query_bytes(&q, span_of(request_hash, 32));
	return reader_one(&q, a, row_certificate, out, sizeof(*out));
}

status
read_manifest_by_hash(
	struct reader *r, const uint8_t file_hash[32], int64_t fleet, struct manifest_record *out)
{
	struct query q = reader_query(r, READ_MANIFEST_BY_HASH);
	query_bytes(&q, span_of(file_hash, 32));
	query_number(&q, fleet);
	return reader_one(&q, NULL, row_manifest, out, sizeof(*out));
}

status
read_idempotency(struct reader *r, struct arena *a, int64_t operator_row, const char *key,
	struct idempotency *out)
{
	struct query q = reader_query(r, READ_IDEMPOTENCY);
	query_number(&q, operator_row);
	query_text(&q, key);
	return reader_one(&q, a, row_idempotency, out, sizeof(*out));
}

static status
row_number(struct query *q, struct arena *a, void *record)
{
	*(int64_t *)record = query_get_number(q);
	return OK;
}

status
read_key_is_known(struct reader *r, const uint8_t key_hash[32], bool *is_known)
{
	struct query q = reader_query(r, READ_KEY_IS_KNOWN);
	int64_t known = 0;
	query_bytes(&q, span_of(key_hash, 32));
	status s = reader_one(&q, NULL, row_number, &known, sizeof(known));
	*is_known = known != 0;
	return s;
}

status
read_challenge_is_burnt(struct reader *r, span challenge, bool *is_burnt)
{
	int64_t burnt = 0;
	status s = by_bytes(
		r, NULL, WANTED(READ_CHALLENGE_IS_BURNT, row_number, &burnt), challenge, &burnt);

	*is_burnt = burnt != 0;
	return s;
}

status
read_evidence(struct reader *r, struct arena *a, int64_t certificate, struct kept_evidence *out)
{
	return by_number(r, a, WANTED(READ_EVIDENCE, row_evidence, out), certificate, out);
}

status
read_last_index(struct reader *r, int64_t authority, int64_t *out)
{
	struct query q = reader_query(r, READ_LAST_INDEX);
	query_number(&q, authority);
	status s = reader_one(&q, NULL, row_number, out, sizeof(*out));
	return s == NOT_FOUND ? OK : s; /* none yet: 0 */
}

status
read_device_seen(struct reader *r, int64_t device, int64_t *at_s)
{
	/* First what is in memory: between the two looks it may be written, not the other way round. */
	int64_t waiting = seen_find(&r->store->seen, device);
	struct query q = reader_query(r, READ_SEEN);
	query_number(&q, device);
	status s = reader_one(&q, NULL, row_number, at_s, sizeof(*at_s));
	*at_s = waiting > *at_s ? waiting : *at_s;
	return s == NOT_FOUND ? OK : s;
}

/* Where every table stands: rows are dense, so the last one is the number. */
static status
row_counts(struct query *q, struct arena *a, void *record)
{
	struct store_counts *n = record;
	n->owners = query_get_number(q);
	(void)query_get_number(q); /* authorities */
	n->fleets = query_get_number(q);
	(void)query_get_number(q); /* operators */
	(void)query_get_number(q); /* manifests */
	(void)query_get_number(q); /* pins */
	(void)query_get_number(q); /* elements */
	n->devices = query_get_number(q);
	n->certificates = query_get_number(q);
	(void)query_get_number(q); /* offers */
	(void)query_get_number(q); /* cases */
	n->ledger_entries = query_get_number(q) + 1;
	n->deny_records = query_get_number(q);
	return OK;
}

status
read_counts(struct reader *r, struct store_counts *out)
{
	struct query q = reader_query(r, READ_NEXT_ROWS);
	status s = reader_one(&q, NULL, row_counts, out, sizeof(*out));
	if (s != OK) {
		return s;
	}
	q = reader_query(r, READ_STATE_COUNTS);
	while ((s = query_step(&q, NULL)) == OK) {
		int64_t state = query_get_number(&q);
		if (state >= 0 && state < DEVICE_STATE_COUNT) {
			out->by_state[state] = query_get_number(&q);
		}
	}
	query_end(&q);
	return s == NOT_FOUND ? OK : s;
}

status
read_ledger_size(struct reader *r, int64_t *out)
{
	struct store_counts n;
	struct query q = reader_query(r, READ_NEXT_ROWS);
	status s = reader_one(&q, NULL, row_counts, &n, sizeof(n));
	*out = n.ledger_entries;
	return s;
}
