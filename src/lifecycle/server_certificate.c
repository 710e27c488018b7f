#include <arpa/inet.h>
#include <stdio.h>

#include "lifecycle/authorities.h"
#include "lifecycle/authority.h"
#include "lifecycle/issued.h"
#include "pki/profile.h"

#define SERVER_LIFETIME_S (INT64_C(90) * 86400)

/* One name of the list: an address where it reads as one, else a DNS name. */
static status
add_name(struct issue_request *r, span one, struct diag *d)
{
	struct signer_alt_name *n;
	int printed;

	while (one.len > 0 && one.data[0] == ' ') {
		one = span_slice(one, 1, one.len);
	}
	while (one.len > 0 && one.data[one.len - 1] == ' ') {
		one = span_slice(one, 0, one.len - 1);
	}
	if (one.len == 0) {
		return OK;
	}
	if (r->alt_name_count == ALT_NAMES_MAX) {
		return diag_set(d, LIMIT, NULL, "more than %d names of the server", ALT_NAMES_MAX);
	}
	n = &r->alt_names[r->alt_name_count++];
	printed = snprintf(n->text, sizeof(n->text), "%.*s", (int)one.len, (const char *)one.data);
	if (printed < 0 || (size_t)printed >= sizeof(n->text)) {
		return diag_set(
			d, LIMIT, "RFC 1035 2.3.4", "a name of the server of %d letters", printed);
	}
	if (r->subject.common_name[0] == '\0') {
		snprintf(r->subject.common_name, sizeof(r->subject.common_name), "%.64s", n->text);
	}
	n->kind = ALT_DNS;
	if (inet_pton(AF_INET, n->text, n->address) == 1) {
		n->kind = ALT_IP;
		n->address_len = 4;
	} else if (inet_pton(AF_INET6, n->text, n->address) == 1) {
		n->kind = ALT_IP;
		n->address_len = 16;
	}
	return OK;
}

static status
add_names(struct issue_request *r, const char *names, struct diag *d)
{
	span rest = span_text(names);
	status st = OK;

	while (st == OK && rest.len > 0) {
		const uint8_t *comma = memchr(rest.data, ',', rest.len);
		size_t len = comma != NULL ? (size_t)(comma - rest.data) : rest.len;

		st = add_name(r, span_slice(rest, 0, len), d);
		rest = span_slice(rest, len + (comma != NULL), rest.len);
	}
	if (st == OK && r->alt_name_count == 0) {
		return diag_set(d, BAD_INPUT, "RFC 9525 6.3",
			"the server has no name: set `names` in tenure.conf");
	}
	return st;
}

struct first {
	struct arena *arena; /* for what is found */
	struct authority *out;
	bool is_found;
};

static status
take_first(struct session *s, const struct authority *a, void *context, struct diag *d)
{
	struct first *f = context;

	(void)s;
	if (f->is_found || a->kind != AUTHORITY_ISSUING || !a->has_key) {
		return OK;
	}
	f->is_found = true;
	*f->out = *a;
	f->out->der = arena_copy(f->arena, a->der);
	return f->out->der.data != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory");
}

/* The named one, or the first of ours that issues. */
static status
find_issuer(struct session *s, const char *name, struct authority *out, struct diag *d)
{
	struct first f = { .arena = s->arena, .out = out };
	status st;

	if (name[0] != '\0') {
		st = read_authority_by_name(s->reader, s->arena, name, out);
		if (st == OK && (out->kind != AUTHORITY_ISSUING || !out->has_key)) {
			return diag_set(
				d, CONFLICT, NULL, "authority %s is no issuing CA of ours", name);
		}
		return st == OK ? OK : diag_set(d, st, NULL, "there is no authority %s", name);
	}
	st = authorities_each(s, take_first, &f, d);
	return st != OK || f.is_found ? st
				      : diag_set(d, NOT_FOUND, NULL, "there is no issuing CA yet");
}

/* The issuer, and the index that the certificate gets. */
static status
prepare(struct session *s, const char *name, struct authority *issuer, int64_t *index,
	struct diag *d)
{
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = find_issuer(s, name, issuer, d);
	if (st == OK) {
		st = store_index_take(s->life->store, s->reader, issuer->row, index, d);
	}
	reader_end(s->reader);
	return st;
}

static status
set_dates(const struct session *s, const struct authority *issuer, int64_t lifetime_s,
	struct issue_request *r, struct diag *d)
{
	int64_t longest = profile_builtin("server")->lifetime_max_s;

	lifetime_s = lifetime_s > 0 ? lifetime_s : SERVER_LIFETIME_S;
	r->not_before_s = s->now_s - CLOCK_SKEW_S;
	if (r->not_before_s < issuer->not_before_s) {
		r->not_before_s = issuer->not_before_s;
	}
	r->not_after_s = r->not_before_s + (lifetime_s < longest ? lifetime_s : longest) - 1;
	if (r->not_after_s > issuer->not_after_s) {
		r->not_after_s = issuer->not_after_s;
	}
	return r->not_after_s > s->now_s
		       ? OK
		       : diag_set(d, CONFLICT, NULL, "authority %s has expired", issuer->name);
}

static status
record(struct session *s, const struct authority *issuer, int64_t index, span der, struct diag *d)
{
	struct change *c = change_new(s->arena);
	struct certificate k = { .kind = CERTIFICATE_SERVER,
		.status = CERTIFICATE_CURRENT,
		.authority = issuer->row,
		.index = index,
		.issued_s = s->now_s,
		.slot = -1 };
	struct ledger_entry e;
	status st = certificate_measure(der, &k, d);

	if (st != OK || c == NULL) {
		return st != OK ? st : diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_certificate_add(c, &k);
	session_entry(s, "server-certificate", &e);
	e.authority = issuer->name;
	e.certificate = k.fingerprint;
	e.serial = span_of(k.serial, k.serial_len);
	return session_record(s, c, &e, NULL, d);
}

status
server_certificate_issue(struct session *s, const struct server_certificate_request *r, span *chain,
	size_t *count, struct diag *d)
{
	struct issue_request request = { .profile = "server", .spki = r->spki };
	struct issue_result result = { 0 };
	struct authority issuer;
	status st = add_names(&request, r->names, d);

	if (st == OK) {
		st = prepare(s, r->authority, &issuer, &request.index, d);
	}
	if (st == OK) {
		st = set_dates(s, &issuer, r->lifetime_s, &request, d);
	}
	if (st != OK) {
		return st;
	}
	snprintf(request.authority, sizeof(request.authority), "%s", issuer.name);
	request.phase = issuer.phase;
	st = signer_issue(s->life->signer, s->arena, &request, 1, &result, d);
	if (st == OK && result.status != OK) {
		st = diag_copy(d, &result.diag);
	}
	if (st == OK) {
		st = record(s, &issuer, request.index, result.der, d);
	}
	if (st == OK) {
		/* The root is what the other side must have already. */
		chain[0] = result.der;
		chain[1] = issuer.der;
		*count = 2;
	}
	return st;
}
