/* Lists, a page at a time. */
#include "store/reader.h"

#define ALL(q, a, row, out, count) reader_all((q), (a), (row), sizeof(**(out)), (out), (count))

/* A list of rows after `after`: the parameters 1 and 2 of its statement. */
static status
page(struct reader *r, struct query *q, enum statement statement, int64_t after, size_t max)
{
	if (max > LIST_PAGE_MAX) {
		return LIMIT;
	}
	*q = reader_query(r, statement);
	query_number(q, after);
	query_number(q, (int64_t)max);
	return OK;
}

/* The same from a sequence number on, with longer pages. */
static status
long_page(struct reader *r, struct query *q, enum statement statement, int64_t from, size_t max)
{
	if (max > CRL_SHARD_SIZE) {
		return LIMIT;
	}
	*q = reader_query(r, statement);
	query_number(q, from);
	query_number(q, (int64_t)max);
	return OK;
}

status
list_devices(struct reader *r, struct arena *a, const struct device_filter *f, int64_t after,
	size_t max, struct device **out, size_t *count)
{
	enum statement statement = f->owner	   ? LIST_DEVICES_OF_OWNER
				   : f->fleet	   ? LIST_DEVICES_OF_FLEET
				   : f->state >= 0 ? LIST_DEVICES_IN_STATE
						   : LIST_DEVICES;
	struct query q;
	status s = page(r, &q, statement, after, max);
	if (s != OK) {
		return s;
	}
	if (f->owner) {
		query_number(&q, f->owner);
	}
	if (f->owner || f->fleet) {
		query_number(&q, f->fleet);
	}
	if (statement != LIST_DEVICES) {
		query_number(&q, f->state);
	}
	return ALL(&q, a, row_device, out, count);
}

status
list_offers(struct reader *r, struct arena *a, int64_t device, int64_t owner, int64_t after,
	size_t max, struct offer **out, size_t *count)
{
	enum statement statement = device  ? LIST_OFFERS_OF_DEVICE
				   : owner ? LIST_OFFERS_OF_OWNER
					   : LIST_OFFERS;
	struct query q;
	status s = page(r, &q, statement, after, max);
	if (s != OK) {
		return s;
	}
	if (device) {
		query_number(&q, device);
	}
	if (statement != LIST_OFFERS) {
		query_number(&q, owner);
	}
	return ALL(&q, a, row_offer, out, count);
}

status
list_revoked(struct reader *r, struct arena *a, int64_t authority, int64_t index_from,
	int64_t index_to, int64_t alive_at_s, bool with_superseded, size_t max,
	struct revoked_entry **out, size_t *count)
{
	if (max > CRL_SHARD_SIZE) {
		return LIMIT;
	}
	struct query q = reader_query(r, LIST_REVOKED);
	query_number(&q, authority);
	query_number(&q, index_from);
	query_number(&q, index_to);
	query_number(&q, alive_at_s);
	query_number(&q, with_superseded);
	query_number(&q, (int64_t)max);
	return ALL(&q, a, row_revoked, out, count);
}

status
list_revoked_unnumbered(struct reader *r, struct arena *a, int64_t authority, int64_t after,
	int64_t alive_at_s, size_t max, struct revoked_entry **out, size_t *count)
{
	if (max > CRL_SHARD_SIZE) {
		return LIMIT;
	}
	struct query q = reader_query(r, LIST_REVOKED_UNNUMBERED);
	query_number(&q, authority);
	query_number(&q, after);
	query_number(&q, alive_at_s);
	query_number(&q, (int64_t)max);
	return ALL(&q, a, row_revoked, out, count);
}

status
list_certificates_of_device(struct reader *r, struct arena *a, int64_t device, int64_t after,
	size_t max, struct certificate **out, size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_CERTIFICATES_OF_DEVICE, after, max);
	if (s != OK) {
		return s;
	}
	query_number(&q, device);
	return ALL(&q, a, row_certificate, out, count);
}

status
list_certificates_pending_before(struct reader *r, struct arena *a, int64_t not_before_s,
	size_t max, struct certificate **out, size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_CERTIFICATES_PENDING_BEFORE, not_before_s, max);
	return s == OK ? ALL(&q, a, row_certificate, out, count) : s;
}

status
list_fleets(struct reader *r, struct arena *a, int64_t after, size_t max, struct fleet **out,
	size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_FLEETS, after, max);
	return s == OK ? ALL(&q, a, row_fleet, out, count) : s;
}

status
list_owners(struct reader *r, struct arena *a, int64_t after, size_t max, struct owner **out,
	size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_OWNERS, after, max);
	return s == OK ? ALL(&q, a, row_owner, out, count) : s;
}

status
list_authorities(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct authority **out, size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_AUTHORITIES, after, max);
	return s == OK ? ALL(&q, a, row_authority, out, count) : s;
}

status
list_operators(struct reader *r, struct arena *a, int64_t after, size_t max,
	struct operator_account **out, size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_OPERATORS, after, max);
	return s == OK ? ALL(&q, a, row_operator, out, count) : s;
}

status
list_pins(struct reader *r, struct arena *a, int64_t after, size_t max, struct pinned_signer **out,
	size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_PINS, after, max);
	return s == OK ? ALL(&q, a, row_pin, out, count) : s;
}

status
list_offers_expired(struct reader *r, struct arena *a, int64_t now_s, size_t max,
	struct offer **out, size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_OFFERS_EXPIRED, now_s, max);
	return s == OK ? ALL(&q, a, row_offer, out, count) : s;
}

status
list_ledger(struct reader *r, struct arena *a, int64_t from, size_t max, struct ledger_row **out,
	size_t *count)
{
	struct query q;
	status s = long_page(r, &q, LIST_LEDGER, from, max);
	return s == OK ? ALL(&q, a, row_ledger, out, count) : s;
}

status
list_ledger_of_device(struct reader *r, struct arena *a, int64_t device, int64_t after, size_t max,
	struct ledger_row **out, size_t *count)
{
	struct query q;
	status s = long_page(r, &q, LIST_LEDGER_OF_DEVICE, after, max);
	if (s != OK) {
		return s;
	}
	query_number(&q, device);
	return ALL(&q, a, row_ledger, out, count);
}

status
list_deny(struct reader *r, struct arena *a, int64_t from, size_t max, struct deny_record **out,
	size_t *count)
{
	struct query q;
	status s = long_page(r, &q, LIST_DENY, from, max);
	return s == OK ? ALL(&q, a, row_deny, out, count) : s;
}

status
list_outbox(struct reader *r, struct arena *a, int64_t after, size_t max, struct outbox_row **out,
	size_t *count)
{
	struct query q;
	status s = page(r, &q, LIST_OUTBOX, after, max);
	return s == OK ? ALL(&q, a, row_outbox, out, count) : s;
}
