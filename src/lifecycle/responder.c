#include "lifecycle/responder.h"

#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "lifecycle/authorities.h"
#include "lifecycle/authority.h"
#include "lifecycle/issued.h"

static bool
setting_name(char *out, size_t room, const struct authority *a)
{
	int n = snprintf(out, room, "responder.%s", a->name);

	return n > 0 && (size_t)n < room;
}

static void
set_key_name(struct responder *r, const struct authority *a)
{
	if (r->generation == 1) {
		snprintf(r->key, sizeof(r->key), "%.51s.ocsp", a->name);
	} else {
		snprintf(r->key, sizeof(r->key), "%.51s.ocsp-%lld", a->name,
			(long long)r->generation);
	}
}

/* "2 1795435200" */
static status
parse(span value, struct responder *out, struct diag *d)
{
	const uint8_t *blank = value.len > 0 ? memchr(value.data, ' ', value.len) : NULL;
	size_t first = blank != NULL ? (size_t)(blank - value.data) : 0;

	if (blank == NULL || number_parse(span_slice(value, 0, first), &out->generation) != OK ||
		number_parse(span_slice(value, first + 1, value.len), &out->not_after_s) != OK) {
		return diag_set(d, BUG, NULL, "the record of an OCSP responder is damaged");
	}
	return OK;
}

status
responder_read(struct session *s, const struct authority *a, struct responder *out, struct diag *d)
{
	char name[NAME_MAX_LEN + 16];
	span value;
	status st;

	*out = (struct responder){ 0 };
	if (!setting_name(name, sizeof(name), a)) {
		return diag_set(d, BUG, NULL, "the name of authority %s is too long", a->name);
	}
	st = read_setting(s->reader, s->arena, name, &value);
	if (st == NOT_FOUND) {
		return OK;
	}
	if (st != OK) {
		return diag_set(d, st, NULL, "the responder of %s cannot be read", a->name);
	}
	st = parse(value, out, d);
	if (st == OK) {
		set_key_name(out, a);
	}
	return st;
}

status
responder_make(struct session *s, const struct authority *a, struct responder *out, struct diag *d)
{
	struct create_request r = { .role = KEY_ROLE_OCSP,
		.phase = a->phase,
		.key_kind = KEY_P256,
		.not_before_s = s->now_s - CLOCK_SKEW_S };
	span der;
	status st;

	if (strlen(a->name) + RESPONDER_SUFFIX_MAX > NAME_MAX_LEN || out->generation > 999999) {
		return diag_set(
			d, LIMIT, NULL, "authority %s: a name too long for a responder's", a->name);
	}
	set_key_name(out, a);
	r.not_after_s = r.not_before_s + RESPONDER_LIFETIME_S - 1;
	if (r.not_after_s > a->not_after_s) {
		r.not_after_s = a->not_after_s;
	}
	snprintf(r.name, sizeof(r.name), "%s", out->key);
	snprintf(r.parent, sizeof(r.parent), "%s", a->name);
	snprintf(r.subject.common_name, sizeof(r.subject.common_name), "%s", out->key);
	st = key_make(s, &r, &der, d);
	if (st == OK) {
		st = certificate_measure(der, &out->certificate, d);
	}
	out->not_after_s = out->certificate.not_after_s;
	return st;
}

status
responder_record(struct session *s, struct change *c, const struct authority *a,
	struct responder *out, struct diag *d)
{
	struct certificate *k = &out->certificate;
	struct ledger_entry e;
	char name[NAME_MAX_LEN + 16];
	char *value = arena_printf(
		s->arena, "%lld %lld", (long long)out->generation, (long long)out->not_after_s);

	if (value == NULL || !setting_name(name, sizeof(name), a)) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	k->kind = CERTIFICATE_OCSP;
	k->status = CERTIFICATE_CURRENT;
	k->issued_s = s->now_s;
	k->slot = -1;
	change_link(c, &k->authority, CHANGE_REF(a));
	change_certificate_add(c, k);
	change_setting(c, arena_string(s->arena, span_text(name)), span_text(value));
	session_entry(s, "responder", &e);
	e.authority = a->name;
	e.object = out->key;
	e.certificate = k->fingerprint;
	e.serial = span_of(k->serial, k->serial_len);
	return session_ledger(s, c, &e, NULL, d);
}

/* --- the schedule's --- */

/* One that ends with its authority cannot be renewed any further. */
static bool
is_due(const struct session *s, const struct authority *a, const struct responder *r)
{
	return r->generation == 0 ||
	       (r->not_after_s - s->now_s < RESPONDER_RENEW_S && r->not_after_s < a->not_after_s);
}

static status
renew(struct session *s, const struct authority *a, struct responder *r, struct diag *d)
{
	struct change *c = change_new(s->arena);
	status st;

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	r->generation++;
	st = responder_make(s, a, r, d);
	if (st == OK) {
		st = responder_record(s, c, a, r, d);
	}
	if (st == OK) {
		st = session_commit(s, c, NULL, d);
	}
	if (st == OK) {
		log_event(LOG_INFO, "responder_renewed", "authority=%s key=%s", a->name, r->key);
	}
	return st;
}

static status
renew_if_due(struct session *s, const struct authority *a, void *nothing, struct diag *d)
{
	struct responder r;
	struct diag fault = { 0 };
	status st;

	(void)nothing;
	if (!a->has_key || a->kind != AUTHORITY_ISSUING || a->not_after_s <= s->now_s) {
		return OK;
	}
	st = reader_begin(s->reader, &fault);
	if (st == OK) {
		st = responder_read(s, a, &r, &fault);
		reader_end(s->reader);
	}
	if (st == OK && is_due(s, a, &r)) {
		st = renew(s, a, &r, &fault);
	}
	return st == OK ? OK : diag_set(d, st, NULL, "responder of %s: %s", a->name, fault.text);
}

status
authority_renew_responders(struct session *s, struct diag *d)
{
	return authorities_do(s, renew_if_due, NULL, d);
}
