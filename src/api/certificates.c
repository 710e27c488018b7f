#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/verb.h"
#include "api/view.h"

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
