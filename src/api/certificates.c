#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/verb.h"
#include "api/view.h"
#include "base/text.h"
#include "pki/key.h"

static status
write_certificate(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_certificate(c, w, context);
	json_object_close(w);
	return s;
}

void
certificates_show(struct exchange *x)
{
	struct call c;
	struct certificate certificate;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0) &&
		lookup_certificate(&c, &certificate)) {
		call_show(&c, 200, write_certificate, &certificate);
	}
}

/* --- what it was issued on --- */

struct proven {
	struct certificate certificate;
	struct kept_evidence evidence;
	struct element element;
};

static void
write_element(struct json_writer *w, const struct element *e)
{
	json_object_open(w, "element");
	json_text(w, "serial", e->serial);
	json_text(w, "model", e->model);
	json_text(w, "part_number", e->part_number);
	json_text(w, "profile", e->profile[0] != '\0' ? e->profile : NULL);
	json_text(w, "attests_by", attestation_kind_name(e->attestation));
	if (e->attestation != ATTESTATION_NONE) {
		json_hex(w, "key", SPAN_ARRAY(e->attestation_key));
	} else {
		json_null(w, "key");
	}
	json_hex(w, "manifest_entry", SPAN_ARRAY(e->entry_hash));
	json_object_close(w);
}

static status
write_evidence(struct call *c, struct json_writer *w, void *context)
{
	const struct proven *p = context;
	char *text = base64_encode(c->session.arena, p->evidence.der);
	uint8_t digest[32];

	if (text == NULL) {
		return diag_set(&c->diag, NO_MEMORY, NULL, "no memory for the evidence");
	}
	sha256(p->evidence.der, digest);
	json_object_open(w, NULL);
	json_hex(w, "certificate", SPAN_ARRAY(p->certificate.fingerprint));
	json_text(w, "attestation", attestation_level_name(p->certificate.level));
	view_slot(w, &p->certificate);
	json_bool(w, "slot_locked", p->evidence.slot_is_locked);
	json_text(w, "evidence", text);
	json_hex(w, "sha256", SPAN_ARRAY(digest));
	write_element(w, &p->element);
	json_object_close(w);
	return OK;
}

void
certificates_evidence(struct exchange *x)
{
	struct call c;
	struct proven p;
	status s;

	if (!call_begin(&c, x, BY_ALL) || !query_allow(&c, NULL, 0) ||
		!lookup_certificate(&c, &p.certificate)) {
		return;
	}
	s = read_evidence(c.session.reader, c.session.arena, p.certificate.row, &p.evidence);
	if (s == NOT_FOUND) {
		(void)call_missing(&c, "evidence of certificate", x->parameters[0]);
		return;
	}
	if (s == OK) {
		s = read_element(c.session.reader, p.evidence.element, &p.element);
	}
	if (s == OK) {
		call_show(&c, 200, write_evidence, &p);
	} else {
		diag_set(&c.diag, s, NULL, "the evidence cannot be read");
		(void)call_refuse(&c, s);
	}
}

/* The certificate as it was found, ended as the decision says. */
struct ended {
	struct certificate certificate;
	enum revocation_reason reason;
};

static status
write_ended(struct call *c, struct json_writer *w, void *context)
{
	const struct ended *ended = context;
	struct certificate k = ended->certificate;

	k.status = CERTIFICATE_REVOKED;
	k.reason = ended->reason;
	if (k.revoked_s == 0) { /* one that ended before was refused since then */
		k.revoked_s = c->session.now_s;
	}
	return write_certificate(c, w, &k);
}

static const struct field revoke_fields[] = {
	{ "reason", FIELD_WORD, true, VERB_FIELD(reason), .word = word_reason },
};

void
certificates_revoke(struct exchange *x)
{
	struct call c;
	struct verb_body b = { 0 };
	struct outcome o = { 0 };
	struct ended ended;

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, revoke_fields, COUNT_OF(revoke_fields), &b, NULL) ||
		!call_once(&c, 200, write_ended, &ended) ||
		!lookup_certificate(&c, &ended.certificate)) {
		return;
	}
	ended.reason = (enum revocation_reason)b.reason;
	call_end(&c, USE_CERTIFICATE_REVOKE,
		revoke_certificate(&c.session, ended.certificate.row, ended.reason, &o, &c.diag));
}
