/*
 * A key made here, for a device that cannot make one; where its fleet offers that. It is sent once and kept nowhere:
 * whoever asks again, also with the very same request, gets another key and another certificate. The request's own
 * key and signature count for nothing (RFC 7030 4.4.1).
 *
 * The answer is a multipart/mixed of two parts in base64: application/pkcs8, then the certificate as certs-only CMS.
 * Lines end in CR LF, as MIME wants (RFC 2046 4.1.1) and libest reads. That a key travels is why it is for TLS alone;
 * a key that is encrypted besides (4.4.1.1, 4.4.1.2) is not offered.
 *
 * The private key passes through buffers that are overwritten, never through the request's arena.
 */
#include "proto/est_keys.h"

#include "pki/cms.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include "proto/est_label.h"
#include "proto/est_reply.h"
#include "proto/est_request.h"

#define SPKI_ROOM 600
#define PART_MAX (1 << 16)
/* No line of base64 begins with a dash. */
#define BOUNDARY "estServerKeyGenBoundary"

/* Whoever wants the key encrypted is not to get it in the clear; and nothing attests a key that is made here. */
static status
judge_wishes(span der, struct diag *d)
{
	struct csr csr;
	status st = csr_read_unproven(der, &csr, d);

	if (st != OK) {
		return st;
	}
	if (csr_attribute(&csr, OID_EVIDENCE).len > 0) {
		return diag_set(d, BAD_INPUT, "RFC 7030 4.4.1",
			"evidence of attestation is about a key of the device's own: use "
			"simpleenroll");
	}
	return csr_attribute(&csr, OID_DECRYPT_KEY_ID).len == 0 &&
			       csr_attribute(&csr, OID_ASYMMETRIC_KEY_ID).len == 0
		       ? OK
		       : diag_set(d, BAD_INPUT, "RFC 7030 4.4.1",
				 "a key that is encrypted besides TLS is not offered: leave the "
				 "DecryptKeyIdentifier out");
}

/* base64 in lines that end as a part's do. */
static void
put_base64(struct buffer *out, span bytes)
{
	struct buffer text;
	span rest, line;

	buffer_init(&text, PART_MAX);
	base64_write(&text, bytes, EST_LINE_WIDTH);
	rest = buffer_span(&text);
	while (span_take_line(&rest, &line)) {
		buffer_put(out, line);
		buffer_put_text(out, "\r\n");
	}
	out->failed = out->failed || buffer_failed(&text);
	buffer_wipe(&text);
}

static void
put_part(struct buffer *out, const char *content_type, span bytes)
{
	buffer_put_text(out, "--" BOUNDARY "\r\n");
	buffer_printf(
		out, "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n", content_type);
	put_base64(out, bytes);
}

static status
write_parts(struct buffer *out, const struct private_key *key, span certificate, struct diag *d)
{
	struct buffer secret, cms;
	status st;

	buffer_init(&secret, PART_MAX);
	buffer_init(&cms, PART_MAX);
	st = private_key_write_info(key, &secret, d);
	if (st == OK) {
		st = cms_certificates_write(&certificate, 1, &cms, d);
	}
	if (st == OK) {
		put_part(out, "application/pkcs8", buffer_span(&secret));
		put_part(out, EST_CERTIFICATES_ENROLLED, buffer_span(&cms));
		buffer_put_text(out, "--" BOUNDARY "--\r\n");
	}
	if (st == OK && buffer_failed(out)) {
		st = diag_set(d, NO_MEMORY, NULL, "no memory for the answer");
	}
	buffer_wipe(&secret);
	buffer_wipe(&cms);
	return st;
}

static status
answer(struct exchange *x, struct est_request *r, const struct private_key *key, struct diag *d)
{
	uint8_t spki[SPKI_ROOM];
	struct enrolment e = r->enrolment;
	struct public_key made;
	struct outcome o;
	struct buffer body;
	status st = private_key_public(key, spki, sizeof(spki), &made, d);

	if (st != OK) {
		return st;
	}
	e.made = &made;
	st = enrol_device(&r->session, &e, &o, d);
	if (st != OK) {
		return st;
	}
	buffer_init(&body, 4 * PART_MAX);
	st = write_parts(&body, key, o.certificate.der, d);
	if (st == OK) {
		reply_bytes(x, 200, "multipart/mixed; boundary=" BOUNDARY, buffer_span(&body));
		reply_header(x, "Cache-Control", "no-store");
		x->reply.is_secret = true;
	}
	buffer_wipe(&body);
	return st;
}

void
est_serverkeygen(struct exchange *x)
{
	struct est_request r = { 0 };
	struct private_key key = { 0 };
	struct diag d = { 0 };
	status st;

	if (!service_session(x, &r.session) || !est_fleet(x, &r.session, &r.fleet)) {
		return;
	}
	if (!r.fleet.est.makes_keys) {
		reply_problem_as(x, 501,
			"keys of this fleet's devices are made where they stay (RFC 7030 4.4)");
		return;
	}
	if (!service_device(x, &r.session, &r.who) || !est_request_read(x, &r, false)) {
		return;
	}
	st = judge_wishes(r.enrolment.csr, &d);
	if (st == OK) {
		st = private_key_generate(KEY_P256, &key, &d);
	}
	if (st == OK) {
		st = answer(x, &r, &key, &d);
	}
	if (st != OK) {
		est_request_refuse(x, &r, &d);
	}
	private_key_wipe(&key);
}
