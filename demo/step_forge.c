/*
 * Keys that were not made in the device's own element, offered over a connection that its birth identity opened: what
 * malware on the device, or a counterfeiter with parts of his own, would try.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "demo/steps.h"
#include "device/posix/challenge.h"
#include "device/posix/slot_key.h"

#define VICTIM 0 /* whose connection it is */
#define OTHER 1	 /* a genuine part, of another device */
#define SLOT 2

struct forger {
	struct world *w;
	struct probe line;
	struct challenge challenge;
	struct private_key software;
};

/* The birth identity as the probe wants it. */
static status
connect_as_victim(struct forger *f, struct diag *d)
{
	struct world *w = f->w;
	const struct probe_identity who = { .file = world_path(w, "victim.pem"),
		.element = element_of(w, VICTIM) };
	struct buffer pem;
	status s;

	buffer_init(&pem, 1 << 16);
	buffer_put_text(&pem, "# slot: 0\n");
	s = file_read(arena_printf(w->arena, "%s/element/birth.pem", device_folder(w, VICTIM)),
		1 << 15, &pem, d);
	if (s == OK) {
		s = file_replace(who.file, buffer_span(&pem), 0600, d);
	}
	buffer_wipe(&pem);
	if (s == OK) {
		s = probe_open(&f->line, w->address, &who, w->ca, TLS1_3_VERSION, d);
	}
	return s == OK ? probe_connect(&f->line, false, d) : s;
}

static status
ask_challenge(struct forger *f, struct diag *d)
{
	struct probe_answer a;
	status s = probe_get(&f->line, "/device/v1/challenge?purpose=key", &a, d);

	if (s == OK && a.http_status != 200) {
		s = diag_set(
			d, UNAVAILABLE, NULL, "no challenge: %d %.200s", a.http_status, a.body);
	}
	return s == OK ? challenge_read(span_text(a.body), &f->challenge, d) : s;
}

/* A request by this key with this evidence, sent; the server's answer. */
static status
send_request(struct forger *f, const struct public_key *key, const struct csr_signer *signer,
	span evidence, struct probe_answer *out, struct diag *d)
{
	static const struct simple_name nobody;
	struct buffer der;
	status s;

	buffer_init(&der, CSR_SIZE_MAX);
	s = csr_write(&nobody, key, evidence.len > 0 ? OID_EVIDENCE : OID_UNKNOWN, evidence, signer,
		&der, d);
	if (s == OK) {
		const struct probe_body body = { .path = "/.well-known/est/lamps/simpleenroll",
			.type = "application/pkcs10",
			.text = base64_encode(f->w->arena, buffer_span(&der)) };

		s = probe_post(&f->line, &body, out, d);
	}
	buffer_wipe(&der);
	return s;
}

static void
check_refused(struct forger *f, status s, const struct diag *d, const struct probe_answer *a,
	const char *why, const char *name)
{
	bool ok = s == OK && a->http_status >= 400 && a->http_status < 500 &&
		  strcasestr(a->body, why) != NULL;

	report_check(&f->w->report, ok, name, "%d %.300s %.200s", a->http_status, a->body, d->text);
}

/* --- what is tried --- */

static status
try_software(struct forger *f, span evidence, struct probe_answer *a, struct diag *d)
{
	const struct csr_signer signer = { .sign = csr_sign_by_key, .context = &f->software };
	struct public_key key;
	uint8_t spki[600];
	status s = private_key_public(&f->software, spki, sizeof(spki), &key, d);

	return s == OK ? send_request(f, &key, &signer, evidence, a, d) : s;
}

/* Evidence in the right form, by a key of the forger's. */
static status
try_forged(struct forger *f, struct probe_answer *a, struct diag *d)
{
	struct evidence e = { .kind = EVIDENCE_ATECC608,
		.challenge = span_of(f->challenge.bytes, f->challenge.len),
		.atecc608 = { .slot = SLOT } };
	struct buffer der;
	status s = private_key_sign_raw(&f->software, e.challenge, e.atecc608.signature, d);

	buffer_init(&der, EVIDENCE_MAX);
	if (s == OK) {
		s = evidence_write(&e, &der, d);
	}
	if (s == OK) {
		s = try_software(f, buffer_span(&der), a, d);
	}
	buffer_wipe(&der);
	return s;
}

/* A genuine part makes and attests a key over the victim's challenge; `challenge` as it is put to the part. */
static status
try_part(struct forger *f, size_t at, span challenge, struct probe_answer *a, struct diag *d)
{
	struct slot_signer by = { .slot = SLOT };
	const struct csr_signer signer = { .sign = slot_sign, .context = &by };
	struct public_key key;
	uint8_t point[64];
	struct buffer der;
	status s = element_open(element_of(f->w, at), ".", &by.element, d);

	buffer_init(&der, EVIDENCE_MAX);
	if (s == OK) {
		s = by.element->operations->attest(by.element, SLOT, challenge, point, &der, d);
	}
	if (s == OK) {
		s = public_key_of_point(point, &key, d);
	}
	if (s == OK) {
		s = send_request(f, &key, &signer, buffer_span(&der), a, d);
	}
	buffer_wipe(&der);
	element_close(by.element);
	return s;
}

static void
try_all(struct forger *f)
{
	span challenge = span_of(f->challenge.bytes, f->challenge.len);
	struct probe_answer a = { 0 };
	struct diag d = { 0 };
	status s = try_software(f, span_of(NULL, 0), &a, &d);

	check_refused(f, s, &d, &a, "attestation is required",
		"a software key is refused: nothing says where it was made");
	s = try_forged(f, &a, &d);
	check_refused(f, s, &d, &a, "signature",
		"a software key with forged evidence is refused: slot 1 did not sign it");
	s = try_part(f, OTHER, challenge, &a, &d);
	check_refused(f, s, &d, &a, "signature",
		"a cloned device is refused: a genuine part attests, but another one");
	f->challenge.bytes[f->challenge.len - 1] ^= 1;
	s = try_part(f, VICTIM, challenge, &a, &d);
	check_refused(f, s, &d, &a, "challenge",
		"evidence over a challenge that is not the server's is refused");
}

void
try_forgeries(struct world *w)
{
	struct forger f = { .w = w };
	struct diag d = { 0 };
	status s = private_key_generate(KEY_P256, &f.software, &d);

	if (s == OK) {
		s = connect_as_victim(&f, &d);
	}
	if (s == OK) {
		s = ask_challenge(&f, &d);
	}
	report_check(&w->report, s == OK, "the birth identity is given a challenge", "%s", d.text);
	if (s == OK) {
		try_all(&f);
	}
	probe_close(&f.line);
	private_key_wipe(&f.software);
}
