#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "lifecycle/authorities.h"
#include "lifecycle/authority.h"
#include "lifecycle/crl_files.h"
#include "lifecycle/issued.h"
#include "pki/crl.h"
#include "pki/pem.h"

/*
 * The lists of authorities whose key is elsewhere: a root in a safe, another company's CAs. They come as files, are judged,
 * and stand where those of our own stand.
 *
 * Invariant: the number of an authority's lists never goes back (RFC 5280 5.2.3), and two lists of one number are one list.
 */

struct imported {
	struct session *session;
	struct authority authority;
	struct crl_view list;
	uint8_t digest[32];
	bool is_again; /* the same list as the last one: only the files are put anew */
};

/* --- what is remembered of the last one -------------------------------------------- */

struct remembered {
	bool is_there;
	int64_t this_update_s, next_update_s;
	uint8_t digest[32];
};

static const char *
setting_name(struct arena *a, const struct authority *of)
{
	return arena_printf(a, "crl-file.%s", of->name);
}

/* "1795435200 1827000000 <hex>" */
static status
parse(span value, struct remembered *out)
{
	span parts[3], rest = value;

	for (int k = 0; k < 3; k++) {
		size_t at = span_find(rest, span_text(" "));

		parts[k] = span_slice(rest, 0, at);
		rest = at < rest.len ? span_slice(rest, at + 1, SIZE_MAX) : span_of(NULL, 0);
	}
	out->is_there = number_parse(parts[0], &out->this_update_s) == OK &&
			number_parse(parts[1], &out->next_update_s) == OK &&
			hex_decode(parts[2], out->digest, sizeof(out->digest)) == OK;
	return out->is_there ? OK : BUG;
}

/* Within the snapshot. */
static status
read_remembered(
	struct session *s, const struct authority *a, struct remembered *out, struct diag *d)
{
	const char *name = setting_name(s->arena, a);
	span value;
	status st;

	*out = (struct remembered){ 0 };
	if (name == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	st = read_setting(s->reader, s->arena, name, &value);
	if (st == NOT_FOUND) {
		return OK;
	}
	if (st == OK) {
		st = parse(value, out);
	}
	return st == OK ? OK
			: diag_set(d, st, NULL, "the record of the last CRL of %s cannot be read",
				  a->name);
}

/* --- judging -------------------------------------------------------------------------- */

static status
unwrap(struct session *s, span given, span *der, struct diag *d)
{
	status st;

	if (given.len > 0 && given.data[0] == DER_SEQUENCE) {
		*der = given;
		return OK;
	}
	st = pem_read(s->arena, given, "X509 CRL", der, NULL);
	if (st == NO_MEMORY) {
		return diag_set(d, st, NULL, "no memory for a list");
	}
	return st == OK ? OK
			: diag_set(d, BAD_INPUT, "RFC 7468 6",
				  "neither a DER nor a PEM list (X509 CRL) was given");
}

static status
judge_dates(const struct imported *im, struct diag *d)
{
	int64_t now_s = im->session->now_s;
	char when[TIME_TEXT_MAX];

	if (im->list.this_update_s > now_s + CLOCK_SKEW_S) {
		return diag_set(d, BAD_INPUT, "RFC 5280 5.1.2.4",
			"the list of %s begins in the future, at %s", im->authority.name,
			time_text(when, im->list.this_update_s));
	}
	if (im->list.next_update_s <= now_s || im->list.next_update_s <= im->list.this_update_s) {
		return diag_set(d, BAD_INPUT, "RFC 5280 5.1.2.5",
			"the list of %s ended at %s: have a new one signed", im->authority.name,
			time_text(when, im->list.next_update_s));
	}
	return OK;
}

static status
judge_number(struct imported *im, const struct remembered *last, struct diag *d)
{
	uint64_t before = (uint64_t)im->authority.crl_number;

	if (!im->list.has_number) {
		return diag_set(d, BAD_INPUT, "RFC 5280 5.2.3",
			"the list of %s has no number: whether it is the newest cannot be told",
			im->authority.name);
	}
	im->is_again = last->is_there && memcmp(last->digest, im->digest, sizeof(im->digest)) == 0;
	if (im->is_again || !last->is_there) {
		return OK;
	}
	if (im->list.number <= before || im->list.this_update_s < last->this_update_s) {
		return diag_set(d, CONFLICT, "RFC 5280 5.2.3",
			"the list of %s has number %" PRIu64 ", and one of number %" PRIu64
			" was published: an older list does not follow a newer one",
			im->authority.name, im->list.number, before);
	}
	return OK;
}

/* Within the snapshot. */
static status
judge(struct imported *im, int64_t authority, struct diag *d)
{
	struct session *s = im->session;
	struct certificate_view issuer;
	struct remembered last;
	status st = read_authority(s->reader, s->arena, authority, &im->authority);

	if (st != OK) {
		return diag_set(d, st, NULL, "the authority of a CRL is not there");
	}
	if (im->authority.has_key) {
		return diag_set(d, CONFLICT, NULL,
			"the key of %s is here: its lists are published by \"publish\"",
			im->authority.name);
	}
	st = certificate_read(im->authority.der, &issuer, d);
	if (st == OK) {
		st = crl_signed_by(&im->list, &issuer, d);
	}
	if (st == OK && im->list.has_scope && !im->list.is_for_cas) {
		st = diag_set(d, BAD_INPUT, "RFC 5280 5.2.5",
			"a list of a part of %s's certificates: the full one is wanted, or the one "
			"of CAs",
			im->authority.name);
	}
	if (st == OK) {
		st = judge_dates(im, d);
	}
	if (st == OK) {
		st = read_remembered(s, &im->authority, &last, d);
	}
	return st == OK ? judge_number(im, &last, d) : st;
}

/* --- keeping ------------------------------------------------------------------------------ */

static status
record(struct imported *im, struct diag *d)
{
	struct session *s = im->session;
	struct change *c = change_new(s->arena);
	const char *name = setting_name(s->arena, &im->authority);
	char hex[2 * 32 + 1];
	const char *value =
		arena_printf(s->arena, "%lld %lld %s", (long long)im->list.this_update_s,
			(long long)im->list.next_update_s, hex_encode(hex, SPAN_ARRAY(im->digest)));
	struct ledger_entry e;

	if (c == NULL || name == NULL || value == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_authority_crl_number(c, im->authority.row, (int64_t)im->list.number);
	change_setting(c, name, span_text(value));
	session_entry(s, "crl-import", &e);
	e.authority = im->authority.name;
	e.count = (int64_t)im->list.count;
	e.digest = im->digest;
	return session_record(s, c, &e, NULL, d);
}

/* Without a scope it speaks of CA certificates too. */
static status
put_files(struct imported *im, struct diag *d)
{
	struct crl_files f;
	status st = crl_files_init(&f, im->session, &im->authority, d);

	if (st == OK && !im->list.has_scope) {
		st = crl_file_put(&f, "full.crl", im->list.der, d);
	}
	if (st == OK) {
		st = crl_file_put(&f, "ca.crl", im->list.der, d);
	}
	if (st == OK) {
		crl_bundle_add(&f, im->list.der, im->list.next_update_s);
		st = crl_bundle_finish(&f, im->list.number, d);
	}
	crl_files_wipe(&f);
	return st;
}

/* --- the bundles below ------------------------------------------------------------------------ */

static status
remake_bundle(struct session *s, const struct authority *a, struct diag *d)
{
	int64_t this_s, next_s;
	struct buffer list;
	struct crl_files f;
	status st = crl_files_init(&f, s, a, d);

	buffer_init(&list, SIGNER_FRAME_MAX);
	if (st == OK && crl_file_get(&f, "ca.crl", &list) == OK &&
		crl_dates_read(span_slice(buffer_span(&list), 0, CRL_HEAD_MAX), &this_s, &next_s) ==
			OK) {
		crl_bundle_add(&f, buffer_span(&list), next_s);
		st = crl_bundle_finish(&f, (uint64_t)a->crl_number, d);
	}
	buffer_wipe(&list);
	crl_files_wipe(&f);
	return st;
}

static status
read_is_below(
	struct session *s, const struct authority *a, int64_t above, bool *out, struct diag *d)
{
	int64_t parent = a->parent;
	status st = reader_begin(s->reader, d);

	*out = false;
	if (st != OK) {
		return st;
	}
	for (int depth = 0; st == OK && parent != 0 && depth < CHAIN_LEN_MAX; depth++) {
		struct authority next;

		*out = *out || parent == above;
		st = read_authority(s->reader, s->arena, parent, &next);
		parent = st == OK ? next.parent : 0;
	}
	reader_end(s->reader);
	return st == OK ? OK
			: diag_set(d, st, NULL, "the authorities above %s cannot be read", a->name);
}

static status
renew_if_below(struct session *s, const struct authority *a, void *above, struct diag *d)
{
	bool is_below;
	status st = read_is_below(s, a, *(const int64_t *)above, &is_below, d);

	if (st != OK || !is_below) {
		return st;
	}
	if (!a->has_key) {
		return remake_bundle(s, a, d);
	}
	if (s->life->on_revocation != NULL) {
		s->life->on_revocation(s->life->context, a->row);
	}
	return OK;
}

/* --- the whole ---------------------------------------------------------------------------------- */

status
crl_import(struct session *s, int64_t authority, span given, struct diag *d)
{
	struct imported im = { .session = s };
	span der;
	status st = session_need_admin(s, "giving an authority's CRL", d);

	if (st == OK) {
		st = unwrap(s, given, &der, d);
	}
	if (st == OK) {
		st = crl_read(der, &im.list, d);
	}
	if (st != OK) {
		return st;
	}
	sha256(der, im.digest);
	crl_publication_lock();
	st = reader_begin(s->reader, d);
	if (st == OK) {
		st = judge(&im, authority, d);
		reader_end(s->reader);
	}
	if (st == OK && !im.is_again) {
		st = record(&im, d);
	}
	if (st == OK) {
		st = put_files(&im, d);
	}
	crl_publication_unlock();
	if (st == OK) {
		/* Their bundles hold this list: ours are published anew, the others put together again. */
		st = authorities_do(s, renew_if_below, &authority, d);
	}
	if (st == OK) {
		log_event(LOG_INFO, "crl_imported", "authority=%s number=%" PRIu64 " entries=%zu",
			im.authority.name, im.list.number, im.list.count);
	}
	return st;
}

struct dues {
	struct crl_due *out;
	size_t max, count;
};

static status
take_due(struct session *s, const struct authority *a, void *context, struct diag *d)
{
	struct dues *dues = context;
	struct crl_due *one = &dues->out[dues->count];
	struct remembered last = { 0 };
	status st = a->has_key || dues->count == dues->max ? OK : read_remembered(s, a, &last, d);

	if (st != OK || !last.is_there ||
		s->now_s < last.this_update_s + (last.next_update_s - last.this_update_s) / 2) {
		return st;
	}
	one->next_update_s = last.next_update_s;
	snprintf(one->authority, sizeof(one->authority), "%s", a->name);
	dues->count++;
	return OK;
}

status
crl_files_due(struct session *s, struct crl_due *out, size_t max, size_t *count, struct diag *d)
{
	struct dues dues = { .out = out, .max = max };
	status st = authorities_each(s, take_due, &dues, d);

	*count = dues.count;
	return st;
}
