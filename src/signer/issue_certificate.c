#include <stdio.h>

#include <openssl/rand.h>

#include "base/limits.h"
#include "base/text.h"
#include "signer/issue.h"
#include "signer/message.h"

#define TBS_ROOM 8192
#define COMPRESSED_YEAR_FIRST 2000
#define COMPRESSED_YEAR_LAST 2031 /* five bits */
#define COMPRESSED_YEARS_MAX 31
#define BIRTH_YEARS_MAX 28 /* what the profile "birth" allows in any 28 years, leap days included */
#define SERIAL_FIRST_BYTE 0x41 /* positive, and never a leading zero */

status
issuer_key(struct issuer *i, const char *name, unsigned message, const struct signing_key **out,
	struct diag *d)
{
	const struct signing_key *k = key_store_find(i->keys, name);
	const struct message_rule *rule = message_rule(message);

	if (k == NULL) {
		return diag_set(d, NOT_FOUND, NULL, "the signer holds no key \"%.60s\"", name);
	}
	if (rule == NULL || (rule->roles & 1u << k->role) == 0) {
		return diag_set(d, DENIED, NULL, "key %s is for %s: it may not be used to %s", name,
			key_role_name(k->role), rule != NULL ? rule->name : "do this");
	}
	*out = k;
	return OK;
}

status
issuer_sign_object(const struct signing_key *key, span tbs, struct buffer *out, struct diag *d)
{
	uint8_t signature[SIGNATURE_MAX_LEN];
	size_t len;
	status s = key->holder->sign(key->key, tbs, signature, &len, d);

	return s != OK ? s
		       : signed_object_write(tbs, key->signature, span_of(signature, len), out, d);
}

/* An online CA's serial: one fixed byte, the dense index, 64 random bits. Others: 127 random bits. */
static status
make_serial(int64_t index, uint8_t out[16], size_t *len, struct diag *d)
{
	if (index < 0 || index >> 40 != 0) {
		return diag_set(
			d, LIMIT, NULL, "index %lld does not fit five bytes", (long long)index);
	}
	if (RAND_bytes(out, 16) != 1) {
		return diag_set(d, CRYPTO, NULL, "no randomness");
	}
	*len = 16;
	out[0] = (uint8_t)((out[0] & 0x7f) | 0x40);
	if (index > 0) {
		*len = 14;
		out[0] = SERIAL_FIRST_BYTE;
		for (int k = 0; k < 5; k++) {
			out[1 + k] = (uint8_t)(index >> (32 - 8 * k));
		}
	}
	return OK;
}

static status
find_profile(struct issuer *i, const char *name, struct profile *out, struct diag *d)
{
	const struct profile *builtin = profile_builtin(name);
	struct diag fault = { 0 };
	status s = profile_shelf_find(&i->profiles, name, out, &fault);

	if (s == NOT_FOUND && builtin != NULL) {
		*out = *builtin;
		return OK;
	}
	return s == OK ? OK : diag_set(d, s, NULL, "%s", fault.text);
}

static bool
fits(int printed, size_t room)
{
	return printed >= 0 && (size_t)printed < room;
}

/* Where the certificate's status is found: below the base, plain HTTP. */
static status
set_urls(struct certificate_draft *c, const char *base, const char *authority, int64_t index,
	struct diag *d)
{
	bool ok = true;

	if (!c->profile->has_status || base[0] == '\0') {
		return OK;
	}
	if (index > 0) {
		ok = fits(snprintf(c->crl_url, sizeof(c->crl_url), "%s/crl/%s/%lld.crl", base,
				  authority, (long long)(index / CRL_SHARD_SIZE)),
			     sizeof(c->crl_url)) &&
		     fits(snprintf(c->ocsp_url, sizeof(c->ocsp_url), "%s/ocsp/%s", base, authority),
			     sizeof(c->ocsp_url));
	} else {
		ok = fits(snprintf(c->crl_url, sizeof(c->crl_url), "%s/crl/%s/ca.crl", base,
				  authority),
			sizeof(c->crl_url));
	}
	ok = ok && fits(snprintf(c->ca_url, sizeof(c->ca_url), "%s/ca/%s.cer", base, authority),
			   sizeof(c->ca_url));
	return ok ? OK : diag_set(d, LIMIT, NULL, "the address %.60s is too long", base);
}

static status
encode_and_sign(const struct certificate_draft *c, const struct signing_key *by, struct buffer *out,
	struct diag *d)
{
	uint8_t room[TBS_ROOM];
	span tbs;
	status s = tbs_certificate_write(c, room, sizeof(room), &tbs, d);

	if (s == OK) {
		s = tbs_certificate_lint(tbs, c, &by->view, d);
	}
	return s == OK ? issuer_sign_object(by, tbs, out, d) : s;
}

/* Both ends count (RFC 5280 4.1.2.5). The dates are whatever stood in a frame. */
static bool
life_fits(int64_t not_before_s, int64_t not_after_s, int64_t lifetime_max_s)
{
	int64_t between;

	return !__builtin_sub_overflow(not_after_s, not_before_s, &between) && between >= 0 &&
	       between < lifetime_max_s;
}

/*
 * For keys that others made: devices, servers, operators. What speaks for an authority (a CA, its OCSP responder) and
 * births have messages of their own, under whatever name the folder of profiles narrows them: the first are
 * made here with their keys, so that whoever runs tenured cannot have his own certified as one.
 */
static bool
is_for_outside_keys(const struct profile *p)
{
	return !p->is_ca && !p->is_self_signed && (p->ext_key_usage & EKU_OCSP) == 0 &&
	       (p->ext_key_usage & (EKU_CLIENT | EKU_SERVER)) != 0;
}

static status
judge_issue(const struct issue_request *r, const struct profile *p, const struct signing_key *by,
	struct diag *d)
{
	if (!is_for_outside_keys(p)) {
		return diag_set(d, DENIED, NULL, "profile %s is not issued this way", p->name);
	}
	if (r->index <= 0) {
		return diag_set(d, BAD_INPUT, NULL, "an end entity's certificate needs an index");
	}
	if (r->phase != by->phase) {
		return diag_set(d, DENIED, NULL, "%s is of phase %s: it issues nothing of phase %s",
			by->name, phase_name(by->phase), phase_name(r->phase));
	}
	if (r->subject.common_name[0] == '\0') {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.6", "the subject has no common name");
	}
	if (!life_fits(r->not_before_s, r->not_after_s, p->lifetime_max_s)) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1.2.5",
			"profile %s: a life from %lld to %lld asked, at most %lld s are given",
			p->name, (long long)r->not_before_s, (long long)r->not_after_s,
			(long long)p->lifetime_max_s);
	}
	if (r->not_after_s > by->view.not_after_s) {
		return diag_set(
			d, BAD_INPUT, "RFC 5280 6.1", "it would outlive its issuer %s", by->name);
	}
	return OK;
}

status
issue_certificate(
	struct issuer *i, const struct issue_request *r, struct buffer *out, struct diag *d)
{
	struct certificate_draft c = { 0 };
	const struct signing_key *by;
	struct profile profile;
	uint8_t serial[16];
	size_t serial_len;
	status s = issuer_key(i, r->authority, MESSAGE_ISSUE, &by, d);

	if (s == OK) {
		s = find_profile(i, r->profile, &profile, d);
	}
	if (s == OK) {
		s = judge_issue(r, &profile, by, d);
	}
	if (s == OK) {
		s = make_serial(r->index, serial, &serial_len, d);
	}
	if (s != OK) {
		return s;
	}
	c = (struct certificate_draft){ .profile = &profile,
		.serial = span_of(serial, serial_len),
		.signature = by->signature,
		.issuer = by->view.subject.der,
		.subject = r->subject,
		.not_before_s = r->not_before_s,
		.not_after_s = r->not_after_s,
		.spki = r->spki,
		.issuer_key_id = by->view.subject_key_id };
	for (size_t k = 0; k < r->alt_name_count; k++) {
		const struct signer_alt_name *n = &r->alt_names[k];

		c.alt_names[k].kind = n->kind;
		c.alt_names[k].value = n->kind == ALT_IP ? span_of(n->address, n->address_len)
							 : span_text(n->text);
	}
	c.alt_name_count = r->alt_name_count;
	s = set_urls(&c, r->url_base, by->name, r->index, d);
	return s == OK ? encode_and_sign(&c, by, out, d) : s;
}

/* --- what an element can rebuild --- */

/* The 24 bits of dates in a compressed certificate: year 5, month 4, day 5, hour 5, years of life 5. */
static void
pack_dates(struct civil from, int64_t years, uint8_t out[3])
{
	uint32_t bits = (uint32_t)(from.year - COMPRESSED_YEAR_FIRST) << 19 |
			(uint32_t)from.month << 15 | (uint32_t)from.day << 10 |
			(uint32_t)from.hour << 5 | (uint32_t)years;

	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
}

static int64_t
years_later(struct civil from, int64_t years)
{
	from.year += (int)years;
	return civil_to_time(from);
}

/* Source A of src/element/compressed.h: whoever has the key and the dates has the number. */
static void
hashed_serial(const uint8_t point[64], const uint8_t dates[3], uint8_t out[16])
{
	uint8_t hash[32];

	sha256_two(span_of(point, 64), span_of(dates, 3), hash);
	memcpy(out, hash, 16);
	out[0] = (uint8_t)((out[0] & 0x7f) | 0x40);
}

/* --- birth certificates --- */

/* Hour-granular, and no later than the issuer's own end. */
static status
birth_dates(const struct birth_request *r, const struct signing_key *by, struct civil *from,
	int64_t *years, struct diag *d)
{
	*from = civil_from_time(r->not_before_s);
	from->minute = from->second = 0;
	if (from->year < COMPRESSED_YEAR_FIRST || from->year > COMPRESSED_YEAR_LAST ||
		r->years < 1 || r->years > BIRTH_YEARS_MAX) {
		return diag_set(d, BAD_INPUT, NULL,
			"a birth certificate is from %d to %d, for 1 to %d years",
			COMPRESSED_YEAR_FIRST, COMPRESSED_YEAR_LAST, BIRTH_YEARS_MAX);
	}
	for (*years = r->years; *years > 0; (*years)--) {
		if (years_later(*from, *years) <= by->view.not_after_s) {
			return OK;
		}
	}
	return diag_set(d, BAD_INPUT, "RFC 5280 6.1", "%s ends within a year", by->name);
}

static status
birth_name(const struct birth_request *r, struct simple_name *out, struct diag *d)
{
	size_t len = strlen(r->unique_id);

	snprintf(out->organization, sizeof(out->organization), "%s", r->organization);
	if (len == 0 || len + 2 >= sizeof(out->common_name)) {
		return diag_set(d, BAD_INPUT, NULL, "a unique id of %zu digits", len);
	}
	memcpy(out->common_name, "sn", 3);
	for (size_t k = 0; k < len; k++) {
		char c = r->unique_id[k];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return diag_set(
				d, BAD_INPUT, NULL, "a unique id that is not lower-case hex");
		}
		out->common_name[2 + k] = (char)(c >= 'a' ? c - 'a' + 'A' : c);
		out->common_name[3 + k] = '\0';
	}
	return OK;
}

status
issue_birth(struct issuer *i, const struct birth_request *r, struct buffer *out, struct diag *d)
{
	uint8_t spki[SPKI_P256_LEN], serial[16], dates[3];
	struct certificate_draft c = { .profile = profile_builtin("birth") };
	const struct signing_key *by;
	struct civil from;
	int64_t years;
	status s = issuer_key(i, r->authority, MESSAGE_BIRTH, &by, d);

	if (s == OK && r->phase != by->phase) {
		s = diag_set(d, DENIED, NULL, "%s is of phase %s: it issues nothing of phase %s",
			by->name, phase_name(by->phase), phase_name(r->phase));
	}
	if (s == OK) {
		s = birth_dates(r, by, &from, &years, d);
	}
	if (s == OK) {
		s = birth_name(r, &c.subject, d);
	}
	if (s != OK) {
		return s;
	}
	pack_dates(from, years, dates);
	hashed_serial(r->point, dates, serial);
	spki_of_point(r->point, spki);
	c.serial = SPAN_ARRAY(serial);
	c.signature = by->signature;
	c.issuer = by->view.subject.der;
	c.issuer_key_id = by->view.subject_key_id;
	c.spki = SPAN_ARRAY(spki);
	c.not_before_s = civil_to_time(from);
	c.not_after_s = years_later(from, years);
	return encode_and_sign(&c, by, out, d);
}

/* --- new keys --- */

static const char *const role_profiles[KEY_ROLE_COUNT] = {
	[KEY_ROLE_ROOT] = "root",
	[KEY_ROLE_ISSUING] = "issuing-ca",
	[KEY_ROLE_FACTORY] = "factory-signer",
	[KEY_ROLE_OCSP] = "ocsp",
	[KEY_ROLE_MANIFEST] = "manifest-signer",
	[KEY_ROLE_LEDGER] = NULL,
};

static status
find_parent(struct issuer *i, const struct create_request *r, const struct signing_key **out,
	struct diag *d)
{
	bool needs_parent = r->role == KEY_ROLE_ISSUING || r->role == KEY_ROLE_FACTORY ||
			    r->role == KEY_ROLE_OCSP;
	status s;

	*out = NULL;
	if (needs_parent != (r->parent[0] != '\0')) {
		return diag_set(d, BAD_INPUT, NULL, "a key for %s %s a parent",
			key_role_name(r->role), needs_parent ? "needs" : "has not");
	}
	if (!needs_parent) {
		return OK;
	}
	s = issuer_key(i, r->parent, MESSAGE_CREATE, out, d);
	if (s == OK && r->role != KEY_ROLE_OCSP && (*out)->role != KEY_ROLE_ROOT) {
		s = diag_set(d, DENIED, NULL, "%s is a %s: only a root certifies CAs", r->parent,
			key_role_name((*out)->role));
	}
	if (s == OK && (*out)->phase != r->phase) {
		s = diag_set(d, DENIED, NULL, "%s is of phase %s: it certifies nothing of phase %s",
			r->parent, phase_name((*out)->phase), phase_name(r->phase));
	}
	return s;
}

static status
self_sign(const struct certificate_draft *c, const struct private_key *key, struct buffer *out,
	struct diag *d)
{
	uint8_t room[TBS_ROOM], signature[SIGNATURE_MAX_LEN];
	size_t len;
	span tbs;
	status s = tbs_certificate_write(c, room, sizeof(room), &tbs, d);

	if (s == OK) {
		s = tbs_certificate_lint(tbs, c, NULL, d);
	}
	if (s == OK) {
		s = private_key_sign(key, tbs, signature, &len, d);
	}
	return s == OK ? signed_object_write(tbs, c->signature, span_of(signature, len), out, d)
		       : s;
}

/* False: from no full hour on, or not for whole years, or not of this time. */
static bool
has_compressed_dates(const struct create_request *r, uint8_t out[3])
{
	struct civil from = civil_from_time(r->not_before_s), to = civil_from_time(r->not_after_s);
	int64_t years = (int64_t)to.year - from.year;

	if (from.minute != 0 || from.second != 0 || from.year < COMPRESSED_YEAR_FIRST ||
		from.year > COMPRESSED_YEAR_LAST || years < 1 || years > COMPRESSED_YEARS_MAX ||
		years_later(from, years) != r->not_after_s) {
		return false;
	}
	pack_dates(from, years, out);
	return true;
}

/*
 * A factory signer's is made of its key and its dates where these let the part itself hold the certificate (slot 12). No two are
 * alike for all that: the key was made a moment ago, here, and is certified this once.
 */
static status
key_serial(const struct create_request *r, const struct public_key *key, uint8_t out[16],
	size_t *len, struct diag *d)
{
	uint8_t dates[3];

	if (r->role == KEY_ROLE_FACTORY && has_compressed_dates(r, dates)) {
		hashed_serial(key->point, dates, out);
		*len = 16;
		return OK;
	}
	return make_serial(0, out, len, d);
}

static status
certify_key(struct issuer *i, const struct create_request *r, const struct private_key *key,
	struct buffer *out, struct diag *d)
{
	uint8_t spki[600], serial[16];
	struct certificate_draft c = { .profile = profile_builtin(role_profiles[r->role]) };
	const struct signing_key *by;
	struct public_key public;
	size_t serial_len;
	status s = find_parent(i, r, &by, d);

	if (s == OK) {
		s = private_key_public(key, spki, sizeof(spki), &public, d);
	}
	if (s == OK) {
		s = key_serial(r, &public, serial, &serial_len, d);
	}
	if (s != OK) {
		return s;
	}
	c.serial = span_of(serial, serial_len);
	c.subject = r->subject;
	c.not_before_s = r->not_before_s;
	c.not_after_s = r->not_after_s;
	c.spki = public.spki;
	if (by == NULL) {
		c.signature = private_key_signature(key);
		return self_sign(&c, key, out, d);
	}
	c.signature = by->signature;
	c.issuer = by->view.subject.der;
	c.issuer_key_id = by->view.subject_key_id;
	s = set_urls(&c, r->url_base, by->name, 0, d);
	return s == OK ? encode_and_sign(&c, by, out, d) : s;
}

status
issue_key(struct issuer *i, const struct create_request *r, struct buffer *out, struct diag *d)
{
	bool is_ledger = r->role == KEY_ROLE_LEDGER;
	struct private_key key = { 0 };
	uint8_t spki[600];
	struct public_key public;
	size_t before = out->len;
	status s = OK;

	if (is_ledger != (r->key_kind == KEY_ED25519) || r->key_kind == KEY_RSA ||
		(r->key_kind == KEY_P384 && r->role != KEY_ROLE_ROOT)) {
		return diag_set(d, BAD_INPUT, NULL,
			"keys are P-256 (a root's may be P-384), a ledger's Ed25519: not %s for %s",
			key_kind_name(r->key_kind), key_role_name(r->role));
	}
	if (key_store_find(i->keys, r->name) != NULL) {
		return diag_set(d, EXISTS, NULL, "a key \"%.60s\" is there already", r->name);
	}
	s = private_key_generate(r->key_kind, &key, d);
	if (s == OK && is_ledger) {
		s = private_key_public(&key, spki, sizeof(spki), &public, d);
		if (s == OK) {
			buffer_put(out, span_of(public.point, 32));
		}
	} else if (s == OK) {
		s = certify_key(i, r, &key, out, d);
	}
	if (s == OK && buffer_failed(out)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for the answer");
	}
	if (s == OK) {
		s = key_store_add(i->keys, r->name, r->role, r->phase, &key,
			span_of(out->data + before, out->len - before), d);
	}
	private_key_wipe(&key);
	return s;
}
