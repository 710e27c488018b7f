#include <stdio.h>

#include "base/log.h"
#include "lifecycle/enrol.h"
#include "pki/cms.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "proto/est_label.h"
#include "proto/routes.h"

/*
 * Enrolment over Secure Transport (RFC 7030, 8951): base64 bodies both ways, whatever their transfer encoding says
 * (RFC 8951 3.2 ignores it); certificates as certs-only CMS.
 *
 * The manners towards clients that read less than the standard says:
 *   - Content-Transfer-Encoding is always sent, never read;
 *   - the base64 stands on one line with one line feed, but in lines of 64 for libest, which reads no long line;
 *   - enrolment answers with smime-type=certs-only, cacerts without.
 */

#define CERTIFICATES_PLAIN "application/pkcs7-mime"
#define CERTIFICATES_ENROLLED "application/pkcs7-mime; smime-type=certs-only"
#define CSR_BODY_MAX (2 * CSR_SIZE_MAX) /* base64 in lines, or PEM */

static bool
is_libest(const struct exchange *x)
{
	span agent = http_header_get(x->request, "User-Agent");

	return span_is(span_slice(agent, 0, 6), "libest");
}

static void
reply_base64(struct exchange *x, const char *content_type, span der)
{
	struct buffer text;

	buffer_init(&text, 1 << 20);
	base64_write(&text, der, is_libest(x) ? 64 : 0);
	if (buffer_failed(&text)) {
		reply_problem_as(x, 500, "no memory for the answer");
	} else {
		reply_bytes(x, 200, content_type, buffer_span(&text));
		reply_header(x, "Content-Transfer-Encoding", "base64");
	}
	buffer_wipe(&text);
}

static void
reply_certificates(struct exchange *x, const char *content_type, const span *list, size_t count)
{
	struct buffer cms;
	struct diag d = { 0 };

	buffer_init(&cms, 1 << 20);
	if (cms_certificates_write(list, count, &cms, &d) == OK) {
		reply_base64(x, content_type, buffer_span(&cms));
	} else {
		reply_problem(x, &d);
	}
	buffer_wipe(&cms);
}

/* --- cacerts: RFC 7030 4.1 --- */

/* The issuing CA of the fleet and what is above it, up to the root. */
static status
read_chain(struct session *s, const struct fleet *f, span chain[CHAIN_LEN_MAX], size_t *count,
	struct diag *d)
{
	struct authority a = { .parent = f->authority };
	status st = reader_begin(s->reader, d);

	*count = 0;
	while (st == OK && a.parent != 0 && *count < CHAIN_LEN_MAX) {
		st = read_authority(s->reader, s->arena, a.parent, &a);
		chain[*count] = a.der;
		*count += st == OK;
	}
	reader_end(s->reader);
	return st == OK ? OK : diag_set(d, st, NULL, "the fleet's authorities cannot be read");
}

static void
est_cacerts(struct exchange *x)
{
	span chain[CHAIN_LEN_MAX];
	struct diag d = { 0 };
	struct session s;
	struct fleet f;
	size_t count;

	if (!service_session(x, &s) || !est_fleet(x, &s, &f)) {
		return;
	}
	if (read_chain(&s, &f, chain, &count, &d) != OK) {
		reply_problem(x, &d);
		return;
	}
	reply_certificates(x, CERTIFICATES_PLAIN, chain, count);
}

/* --- csrattrs: RFC 7030 4.5 --- */

/*
 * CsrAttrs with what a request should be made by: a P-256 key (RFC 7030 4.5.2: an Attribute of the key's type with its
 * curve as the value) and a signature with SHA-256. Names are not asked for: they are ours to give.
 */
static status
write_attributes(struct der_writer *w, span *out, struct diag *d)
{
	der_open(w, DER_SEQUENCE);
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_EC_PUBLIC_KEY));
	der_open(w, DER_SET);
	der_put_oid(w, oid(OID_P256));
	der_close_set_of(w);
	der_close(w);
	der_put_oid(w, oid(OID_ECDSA_SHA256));
	der_close(w);
	return der_writer_finish(w, out, d);
}

static void
est_csrattrs(struct exchange *x)
{
	uint8_t room[128];
	struct der_writer w;
	struct diag d = { 0 };
	struct session s;
	struct fleet f;
	span der;

	if (!service_session(x, &s) || !est_fleet(x, &s, &f)) {
		return;
	}
	der_writer_init(&w, room, sizeof(room));
	if (write_attributes(&w, &der, &d) != OK) {
		reply_problem(x, &d);
		return;
	}
	reply_base64(x, "application/csrattrs", der);
}

/* --- simpleenroll, simplereenroll: RFC 7030 4.2 --- */

/* The fleet in the path is the device's own. Another one is told as one that is not there. */
static bool
is_own_fleet(struct exchange *x, const struct fleet *f, const struct admission *who)
{
	if (who->device.fleet == f->row) {
		return true;
	}
	reply_problem_as(x, 404, "the device is not of this fleet");
	return false;
}

static void
reply_refused(struct exchange *x, const struct admission *who, const struct diag *d)
{
	char what[LOG_QUOTED_MAX];

	/* Evidence that does not hold is somebody trying, more often than not. */
	log_event(d->kind != NULL ? LOG_WARNING : LOG_INFO, "enrolment_refused",
		"serial=%s status=\"%s\" kind=%s what=%s", who->device.serial,
		status_name(d->status), d->kind != NULL ? d->kind : "-", log_quote(what, d->text));
	reply_problem(x, d);
}

static void
answer_enrolment(struct exchange *x, struct session *s, const struct enrolment *e)
{
	struct diag d = { 0 };
	struct outcome o;
	status st = enrol_device(s, e, &o, &d);

	if (st != OK) {
		reply_refused(x, e->who, &d);
		return;
	}
	reply_certificates(x, CERTIFICATES_ENROLLED, &o.certificate.der, 1);
}

static void
enrol(struct exchange *x, bool is_reenroll)
{
	struct admission who;
	struct enrolment e = { .who = &who,
		.channel = span_of(x->peer->tls_unique, x->peer->tls_unique_len) };
	struct diag d = { 0 };
	struct session s;
	struct fleet f;

	if (!service_session(x, &s) || !est_fleet(x, &s, &f) || !service_device(x, &s, &who) ||
		!is_own_fleet(x, &f, &who)) {
		return;
	}
	if (who.access == ACCESS_STATE_ONLY) {
		reply_problem_as(x, 403, who.why);
		return;
	}
	if (!http_content_is(x->request, "application/pkcs10")) {
		reply_problem_as(x, 415, "a request is application/pkcs10 (RFC 7030 4.2.1)");
		return;
	}
	/* strongSwan presents a client certificate at simplereenroll alone, the birth identity too: that is a first one. */
	e.is_renewal = is_reenroll && who.access == ACCESS_FULL;
	if (csr_unwrap(x->arena, x->request->body, &e.csr, &d) != OK) {
		reply_refused(x, &who, &d);
		return;
	}
	answer_enrolment(x, &s, &e);
}

static void
est_simpleenroll(struct exchange *x)
{
	enrol(x, false);
}

static void
est_simplereenroll(struct exchange *x)
{
	enrol(x, true);
}

/* RFC 7030 4.3, 4.4: optional, and not offered. Keys are made where they stay: in the element. */
static void
est_not_offered(struct exchange *x)
{
	reply_problem_as(x, 501, "this operation is not offered");
}

#define EST "/.well-known/est/"
#define LABEL "{fleet}/"

const struct route est_routes[] = {
	{ HTTP_GET, EST "cacerts", est_cacerts, 0 },
	{ HTTP_GET, EST LABEL "cacerts", est_cacerts, 0 },
	{ HTTP_GET, EST "csrattrs", est_csrattrs, 0 },
	{ HTTP_GET, EST LABEL "csrattrs", est_csrattrs, 0 },
	{ HTTP_POST, EST "simpleenroll", est_simpleenroll, CSR_BODY_MAX },
	{ HTTP_POST, EST LABEL "simpleenroll", est_simpleenroll, CSR_BODY_MAX },
	{ HTTP_POST, EST "simplereenroll", est_simplereenroll, CSR_BODY_MAX },
	{ HTTP_POST, EST LABEL "simplereenroll", est_simplereenroll, CSR_BODY_MAX },
	{ HTTP_POST, EST "serverkeygen", est_not_offered, CSR_BODY_MAX },
	{ HTTP_POST, EST LABEL "serverkeygen", est_not_offered, CSR_BODY_MAX },
	{ HTTP_POST, EST "fullcmc", est_not_offered, CSR_BODY_MAX },
	{ HTTP_POST, EST LABEL "fullcmc", est_not_offered, CSR_BODY_MAX },
	{ 0 },
};
