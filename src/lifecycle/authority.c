#include "lifecycle/authority.h"

#include <stdio.h>

#include "base/text.h"
#include "lifecycle/authorities.h"
#include "lifecycle/issued.h"
#include "lifecycle/responder.h"
#include "pki/certificate.h"

#define YEAR_S (INT64_C(31557600))
#define SHORT_YEAR_S (INT64_C(365) * 86400)
#define DAY_S INT64_C(86400)	/* a leap day in four years */
#define COMPRESSED_YEARS_MAX 31 /* of a certificate that a part holds: element/compressed.h */

static const struct {
	enum key_role role;
	int64_t lifetime_s;
} kinds[] = {
	[AUTHORITY_ROOT] = { KEY_ROLE_ROOT, 40 * YEAR_S },
	[AUTHORITY_ISSUING] = { KEY_ROLE_ISSUING, 15 * YEAR_S },
	[AUTHORITY_FACTORY_SIGNER] = { KEY_ROLE_FACTORY, 31 * YEAR_S },
};

static bool
is_kind_of_ours(enum authority_kind k)
{
	return k == AUTHORITY_ROOT || k == AUTHORITY_ISSUING || k == AUTHORITY_FACTORY_SIGNER;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static status
judge_request(const struct authority_request *r, struct diag *d)
{
	status st = name_check(r->name, "authority", d);

	if (st != OK) {
		return st;
	}
	if (strlen(r->name) + RESPONDER_SUFFIX_MAX > NAME_MAX_LEN || ends_with(r->name, ".ocsp")) {
		return diag_set(d, BAD_INPUT, NULL,
			"authority: a name of at most %d letters that does not end in .ocsp",
			NAME_MAX_LEN - RESPONDER_SUFFIX_MAX);
	}
	if (!is_kind_of_ours(r->kind)) {
		return diag_set(d, BAD_INPUT, NULL,
			"authority %s: a %s is not made here; roots, issuing CAs and factory "
			"signers are",
			r->name, authority_kind_name(r->kind));
	}
	if ((r->kind == AUTHORITY_ROOT) != (r->parent[0] == '\0')) {
		return diag_set(d, BAD_INPUT, NULL, "authority %s: %s", r->name,
			r->kind == AUTHORITY_ROOT ? "a root has no parent" : "it needs a parent");
	}
	if (r->is_p384 && r->kind != AUTHORITY_ROOT) {
		return diag_set(d, BAD_INPUT, NULL, "authority %s: P-384 is for roots", r->name);
	}
	if (!utf8_is_printable(span_text(r->organization)) ||
		!utf8_is_printable(span_text(r->common_name))) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.4",
			"authority %s: names of printable letters", r->name);
	}
	if (r->lifetime_s < 0 || r->lifetime_s > 100 * YEAR_S) {
		return diag_set(d, BAD_INPUT, NULL, "authority %s: a life of %lld s", r->name,
			(long long)r->lifetime_s);
	}
	return r->kind == AUTHORITY_ROOT ? name_check(r->hierarchy, "hierarchy", d) : OK;
}

/* Only a root of ours, of the same phase, that will outlive today certifies others. */
static status
judge_parent(const struct session *s, const struct authority_request *r,
	const struct authority *parent, struct diag *d)
{
	if (parent->kind != AUTHORITY_ROOT || !parent->has_key) {
		return diag_set(d, CONFLICT, NULL, "authority %s: %s is no root of ours", r->name,
			r->parent);
	}
	if (parent->phase != r->phase) {
		return diag_set(d, CONFLICT, NULL,
			"authority %s: its parent %s is of phase %s, nothing of phase %s comes of "
			"it",
			r->name, r->parent, phase_name(parent->phase), phase_name(r->phase));
	}
	if (parent->not_after_s <= s->now_s) {
		return diag_set(d, CONFLICT, NULL, "authority %s: its parent %s has expired",
			r->name, r->parent);
	}
	return OK;
}

/* The name must be free; the parent, where there is one, is read. */
static status
look_around(struct session *s, const struct authority_request *r, struct authority *parent,
	struct diag *d)
{
	struct authority same;
	status st = reader_begin(s->reader, d);

	if (st != OK) {
		return st;
	}
	st = read_authority_by_name(s->reader, s->arena, r->name, &same);
	if (st == OK) {
		st = diag_set(d, EXISTS, NULL, "there is an authority %s already", r->name);
	} else if (st == NOT_FOUND && r->parent[0] == '\0') {
		st = OK;
	} else if (st == NOT_FOUND) {
		st = read_authority_by_name(s->reader, s->arena, r->parent, parent);
		st = st != OK ? diag_set(d, st, NULL, "authority %s: there is no parent %s",
					r->name, r->parent)
			      : judge_parent(s, r, parent, d);
	} else {
		st = diag_set(d, st, NULL, "authorities cannot be read");
	}
	reader_end(s->reader);
	return st;
}

/* The company behind a hierarchy is the maker of its name, as `tenure init` founds them; else the hierarchy stands for it. */
static status
complete_names(struct session *s, const struct authority *parent, struct authority_request *r,
	struct diag *d)
{
	const char *hierarchy = parent->row != 0 ? parent->hierarchy : r->hierarchy;
	struct owner maker = { 0 };
	bool fits;
	status st;

	if (r->common_name[0] == '\0') {
		snprintf(r->common_name, sizeof(r->common_name), "%s", r->name);
	}
	if (r->organization[0] != '\0') {
		return OK;
	}
	st = reader_begin(s->reader, d);
	if (st != OK) {
		return st;
	}
	st = read_owner_by_name(s->reader, hierarchy, &maker);
	reader_end(s->reader);
	if (st != OK && st != NOT_FOUND) {
		return diag_set(d, st, NULL, "owners cannot be read");
	}
	fits = st == OK && maker.kind == OWNER_MAKER && maker.title[0] != '\0' &&
	       strlen(maker.title) < sizeof(r->organization);
	snprintf(r->organization, sizeof(r->organization), "%.64s", fits ? maker.title : hierarchy);
	return OK;
}

/* Where whole years are asked for: by the calendar, as many of them as the parent lives. As asked where they are not whole, or too
 * many to be carried. */
static int64_t
end_of_years(int64_t begin_s, int64_t lifetime_s, int64_t parent_end_s)
{
	int64_t years = lifetime_s / SHORT_YEAR_S;

	if (lifetime_s % SHORT_YEAR_S > (years / 4 + 1) * DAY_S) {
		return begin_s + lifetime_s - 1;
	}
	for (; years > 0 && years <= COMPRESSED_YEARS_MAX; years--) {
		struct civil end = civil_from_time(begin_s);

		end.year += (int)years;
		if (civil_to_time(end) <= parent_end_s) {
			return civil_to_time(end);
		}
	}
	return begin_s + lifetime_s - 1;
}

static status
make_key(struct session *s, const struct authority_request *r, const struct authority *parent,
	span *der, struct diag *d)
{
	struct create_request k = { .role = kinds[r->kind].role,
		.phase = r->phase,
		.key_kind = r->is_p384 ? KEY_P384 : KEY_P256,
		/* Begins with the hour: a birth certificate's dates have no minutes, and must not begin before. */
		.not_before_s = s->now_s - CLOCK_SKEW_S - (s->now_s - CLOCK_SKEW_S) % 3600 };
	int64_t lifetime_s = r->lifetime_s > 0 ? r->lifetime_s : kinds[r->kind].lifetime_s;
	int n = snprintf(k.url_base, sizeof(k.url_base), "%s", s->life->plain_url);

	if (n < 0 || (size_t)n >= sizeof(k.url_base)) {
		return diag_set(d, LIMIT, NULL, "the address %.60s... is too long for certificates",
			s->life->plain_url);
	}
	if (parent->row != 0 && k.not_before_s < parent->not_before_s) {
		k.not_before_s = parent->not_before_s;
	}
	k.not_after_s = k.not_before_s + lifetime_s - 1;
	if (r->kind == AUTHORITY_FACTORY_SIGNER) {
		k.not_after_s = end_of_years(k.not_before_s, lifetime_s, parent->not_after_s);
	}
	if (parent->row != 0 && k.not_after_s > parent->not_after_s) {
		k.not_after_s = parent->not_after_s;
	}
	snprintf(k.name, sizeof(k.name), "%s", r->name);
	snprintf(k.parent, sizeof(k.parent), "%s", r->parent);
	snprintf(k.subject.organization, sizeof(k.subject.organization), "%s", r->organization);
	snprintf(k.subject.common_name, sizeof(k.subject.common_name), "%s", r->common_name);
	return key_make(s, &k, der, d);
}

static status
fill(struct session *s, const struct authority_request *r, const struct authority *parent, span der,
	struct authority *out, struct diag *d)
{
	status st = id_new(s->life->clock, &out->id);

	if (st != OK) {
		return diag_set(d, st, NULL, "no randomness");
	}
	snprintf(out->name, sizeof(out->name), "%s", r->name);
	snprintf(out->hierarchy, sizeof(out->hierarchy), "%s",
		parent->row != 0 ? parent->hierarchy : r->hierarchy);
	out->kind = r->kind;
	out->phase = r->phase;
	out->parent = parent->row;
	out->has_key = true;
	out->created_s = s->now_s;
	return authority_measure(der, out, d);
}

/* Record, responder and their ledger entries: one commit. */
static status
record(struct session *s, const struct authority_request *r, struct authority *a,
	struct responder *responder, struct diag *d)
{
	struct change *c = change_new(s->arena);
	struct ledger_entry e;
	status st;

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_authority_add(c, a);
	session_entry(s, "authority-create", &e);
	e.authority = a->name;
	e.object = r->parent;
	e.certificate = a->fingerprint;
	st = session_ledger(s, c, &e, NULL, d);
	if (st == OK && responder->generation > 0) {
		st = responder_record(s, c, a, responder, d);
	}
	if (st == OK) {
		st = session_commit(s, c, NULL, d);
	}
	if (st == OK) {
		session_log(s, &e);
	}
	return st;
}

status
authority_create(
	struct session *s, const struct authority_request *r, struct authority *out, struct diag *d)
{
	struct authority_request named = *r;
	struct responder responder = { 0 };
	struct authority parent = { 0 };
	span der;
	status st = session_need_admin(s, "making an authority", d);

	*out = (struct authority){ 0 };
	if (st == OK) {
		st = judge_request(r, d);
	}
	if (st == OK) {
		st = look_around(s, r, &parent, d);
	}
	if (st == OK) {
		st = complete_names(s, &parent, &named, d);
	}
	if (st == OK) {
		st = make_key(s, &named, &parent, &der, d);
	}
	if (st == OK) {
		st = fill(s, r, &parent, der, out, d);
	}
	if (st == OK && r->kind == AUTHORITY_ISSUING) {
		responder.generation = 1;
		st = responder_make(s, out, &responder, d);
	}
	return st == OK ? record(s, r, out, &responder, d) : st;
}

/* --- somebody else's --- */

/* It must be a CA's, and not over. */
static status
judge_foreign(const struct session *s, span der, const char *name, struct diag *d)
{
	struct certificate_view view;
	status st = certificate_read(der, &view, d);

	if (st != OK) {
		return st;
	}
	if (!view.has_basic_constraints || !view.is_ca) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.9",
			"authority %s: the certificate is no CA's (basicConstraints)", name);
	}
	if (view.has_key_usage && (view.key_usage & KEY_USAGE_KEY_CERT_SIGN) == 0) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.3",
			"authority %s: its key may not sign certificates (keyUsage)", name);
	}
	if (view.not_after_s <= s->now_s) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.5",
			"authority %s: the certificate has expired", name);
	}
	return OK;
}

struct child {
	struct authority *authority;
	struct certificate_view view;
};

static status
take_parent(struct session *s, const struct authority *a, void *context, struct diag *d)
{
	struct child *c = context;
	struct certificate_view view;

	(void)s;
	(void)d;
	if (c->authority->parent == 0 && a->phase == c->authority->phase &&
		strcmp(a->hierarchy, c->authority->hierarchy) == 0 &&
		certificate_read(a->der, &view, NULL) == OK &&
		name_equal(&c->view.issuer, &view.subject) &&
		certificate_signed_by(&c->view, &view, NULL) == OK) {
		c->authority->parent = a->row;
	}
	return OK;
}

/*
 * The one that signed it, if we know it: a verifier of whole chains needs the lists of both. Of the same hierarchy and
 * phase; a root is its own.
 */
static status
find_foreign_parent(struct session *s, struct authority *a, struct diag *d)
{
	struct child c = { .authority = a };
	status st = certificate_read(a->der, &c.view, d);

	if (st != OK || name_equal(&c.view.issuer, &c.view.subject)) {
		return st;
	}
	st = reader_begin(s->reader, d);
	if (st != OK) {
		return st;
	}
	st = authorities_each(s, take_parent, &c, d);
	reader_end(s->reader);
	return st;
}

static status
record_foreign(struct session *s, struct authority *a, struct diag *d)
{
	struct change *c = change_new(s->arena);
	struct ledger_entry e;

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_authority_add(c, a);
	session_entry(s, "authority-import", &e);
	e.authority = a->name;
	e.object = a->hierarchy;
	e.certificate = a->fingerprint;
	return session_record(s, c, &e, NULL, d);
}

status
authority_import(struct session *s, const char *name, const char *hierarchy, enum phase phase,
	span certificate, struct authority *out, struct diag *d)
{
	span der;
	status st = session_need_admin(s, "trusting an authority", d);

	*out = (struct authority){ .kind = AUTHORITY_FOREIGN, .phase = phase };
	if (st == OK) {
		st = name_check(name, "authority", d);
	}
	if (st == OK) {
		st = name_check(hierarchy, "hierarchy", d);
	}
	if (st == OK) {
		st = certificate_unwrap(s->arena, certificate, &der, d);
	}
	if (st == OK) {
		st = judge_foreign(s, der, name, d);
	}
	if (st == OK && id_new(s->life->clock, &out->id) != OK) {
		st = diag_set(d, BUG, NULL, "no randomness");
	}
	if (st != OK) {
		return st;
	}
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->hierarchy, sizeof(out->hierarchy), "%s", hierarchy);
	out->created_s = s->now_s;
	st = authority_measure(der, out, d);
	if (st == OK) {
		st = find_foreign_parent(s, out, d);
	}
	return st == OK ? record_foreign(s, out, d) : st;
}
