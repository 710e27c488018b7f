/*
 * Client-Cert (RFC 9440 2.2): a byte sequence of RFC 9651 3.3.5, ":" base64 ":", with the DER of the certificate
 * whose key the device has proven to whoever ended its TLS connection. Its chain (Client-Cert-Chain) is not looked at: a
 * certificate is known here by its fingerprint.
 */
#include "base/text.h"
#include "http/service.h"
#include "http/syntax.h"
#include "pki/certificate.h"

static status
read_header(struct exchange *x, span client, span *der, struct diag *d)
{
	span text = span_slice(client, 1, client.len > 2 ? client.len - 2 : 0);
	bool is_sequence =
		client.len > 2 && client.data[0] == ':' && client.data[client.len - 1] == ':';

	/* base64_decode passes over white space, which no path has: here there is none. */
	if (!is_sequence || !letters_are(text, LETTER_PATH) ||
		base64_decode(x->arena, text, der) != OK || der->len == 0 ||
		der->len > CERTIFICATE_SIZE_MAX) {
		return diag_set(d, BAD_INPUT, "RFC 9440 2.2",
			"Client-Cert: not a certificate's DER between colons, in base64");
	}
	return OK;
}

/* By its certificate, never by a token: whoever speaks for devices has proven a key on this connection. */
static status
admit_authority(struct exchange *x, struct session *s, struct diag *d)
{
	struct certificate_view view;
	struct diag ignored = { 0 };
	status st = admit_operator_certificate(s, x->peer->fingerprint, &ignored);

	if (st != OK && st != NOT_FOUND && st != DENIED) {
		return diag_set(d, st, NULL, "%s", ignored.text);
	}
	if (st != OK || s->actor.account.role != OPERATOR_RA) {
		return diag_set(d, DENIED, "RFC 9440 4",
			"Client-Cert: taken from a registration authority only, which this client "
			"is not");
	}
	st = certificate_read(x->peer->certificate, &view, d);
	if (st == OK && (s->now_s < view.not_before_s || s->now_s > view.not_after_s)) {
		st = diag_set(d, DENIED, "RFC 5280 4.1.2.5",
			"the registration authority's certificate has expired, or is not valid "
			"yet");
	}
	return st;
}

status
service_admit_through(
	struct exchange *x, struct session *s, span client, struct admission *out, struct diag *d)
{
	uint8_t fingerprint[32];
	span der;
	status st = admit_authority(x, s, d);

	if (st == OK) {
		st = read_header(x, client, &der, d);
	}
	if (st != OK) {
		return st;
	}
	certificate_fingerprint(der, fingerprint);
	return admit_device_through(s, fingerprint, out, d);
}
