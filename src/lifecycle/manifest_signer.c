#include <stdio.h>

#include "base/text.h"
#include "element/manifest.h"
#include "lifecycle/authority.h"
#include "lifecycle/issued.h"
#include "pki/certificate.h"

/* As the profile's longest life is 40 years; a shipped manifest is checked long after it was signed. */
#define MANIFEST_SIGNER_LIFETIME_S (INT64_C(35) * 31557600)

/* kid and x5t as entries name their signer; only what entries can be verified with is taken. */
static status
measure(span der, struct pinned_signer *out, struct diag *d)
{
	struct certificate_view view;
	struct manifest_pin pin;
	status st = manifest_pin_read(der, &pin, d);

	if (st == OK) {
		st = certificate_read(der, &view, d);
	}
	if (st != OK) {
		return st;
	}
	memcpy(out->kid, pin.kid, sizeof(out->kid));
	memcpy(out->x5t_sha256, pin.x5t_sha256, sizeof(out->x5t_sha256));
	out->der = der;
	if (out->name[0] == '\0') {
		span cn = name_get(&view.subject, OID_COMMON_NAME);

		if (cn.len == 0 || !utf8_is_printable(cn)) {
			cn = span_text("manifest signer");
		}
		snprintf(out->name, sizeof(out->name), "%.*s", (int)cn.len, (const char *)cn.data);
	}
	return OK;
}

static status
record(struct session *s, struct pinned_signer *p, struct diag *d)
{
	struct change *c = change_new(s->arena);
	struct ledger_entry e;

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	change_pin_add(c, p);
	session_entry(
		s, p->trust == PIN_SELF ? "manifest-signer-create" : "manifest-signer-pin", &e);
	e.object = p->trust == PIN_SELF ? p->name : phase_name(p->phase);
	e.certificate = p->x5t_sha256;
	return session_record(s, c, &e, NULL, d);
}

status
manifest_signer_create(struct session *s, const char *name, enum phase phase, struct diag *d)
{
	struct create_request r = { .role = KEY_ROLE_MANIFEST,
		.phase = phase,
		.key_kind = KEY_P256,
		.not_before_s = s->now_s - CLOCK_SKEW_S,
		.not_after_s = s->now_s - CLOCK_SKEW_S + MANIFEST_SIGNER_LIFETIME_S - 1 };
	struct pinned_signer pin = { .trust = PIN_SELF, .phase = phase, .created_s = s->now_s };
	span der;
	status st = session_need_admin(s, "making a manifest signer", d);

	if (st == OK) {
		st = name_check(name, "manifest signer", d);
	}
	if (st != OK) {
		return st;
	}
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(pin.name, sizeof(pin.name), "%s", name);
	snprintf(r.subject.common_name, sizeof(r.subject.common_name), "%s", name);
	st = key_make(s, &r, &der, d);
	if (st == OK) {
		st = measure(der, &pin, d);
	}
	return st == OK ? record(s, &pin, d) : st;
}

/* A fleet takes signers of its own phase only. */
static status
judge_fleet(struct session *s, int64_t fleet, enum phase phase, struct diag *d)
{
	struct fleet f;
	status st;

	if (fleet == 0) {
		return OK;
	}
	st = reader_begin(s->reader, d);
	if (st != OK) {
		return st;
	}
	st = read_fleet(s->reader, fleet, &f);
	reader_end(s->reader);
	if (st != OK) {
		return diag_set(d, st, NULL, "the fleet of the manifest signer is not there");
	}
	return f.phase == phase ? OK
				: diag_set(d, CONFLICT, NULL, "fleet %s is of phase %s, not of %s",
					  f.name, phase_name(f.phase), phase_name(phase));
}

status
manifest_pin_add(struct session *s, span certificate, int64_t fleet, enum phase phase,
	struct pinned_signer *out, struct diag *d)
{
	span der;
	status st = session_need_admin(s, "pinning a manifest signer", d);

	*out = (struct pinned_signer){
		.trust = PIN_VENDOR, .fleet = fleet, .phase = phase, .created_s = s->now_s
	};
	if (st == OK) {
		st = judge_fleet(s, fleet, phase, d);
	}
	if (st == OK) {
		st = certificate_unwrap(s->arena, certificate, &der, d);
	}
	if (st == OK) {
		st = measure(der, out, d);
	}
	return st == OK ? record(s, out, d) : st;
}
