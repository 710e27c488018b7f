#include "element/evidence.h"

#include "base/text.h"
#include "pki/key.h"
#include "pki/oid.h"

#define DRAFT "draft-ietf-lamps-csr-attestation 5"
#define OURS "evidence.h" /* the statements are our own: their grammar stands there */

/* 2.25.305030647290410459873825239964802379215, which is UUID e57ac408-aaa8-416c-b809-65a293646dcf. */
static const uint8_t arc[] = { 0x69, 0x83, 0xca, 0xfa, 0xe2, 0x82, 0x95, 0xaa, 0xc2, 0x85, 0xd9,
	0xb8, 0x84, 0xd9, 0xb4, 0xa9, 0x9b, 0x91, 0xdb, 0x4f };

/* --- reading --- */

static status
read_octets(struct der_cursor *c, const char *what, size_t max, span *out)
{
	status s = der_read(c, DER_OCTET_STRING, what, out);

	if (s == OK && (out->len == 0 || out->len > max)) {
		s = der_refuse(c, "%s: %zu bytes, where 1 to %zu belong", what, out->len, max);
	}
	return s;
}

static status
read_array(struct der_cursor *c, const char *what, uint8_t *out, size_t len)
{
	span octets;
	status s = der_read(c, DER_OCTET_STRING, what, &octets);

	if (s == OK && octets.len != len) {
		s = der_refuse(c, "%s: %zu bytes, where %zu belong", what, octets.len, len);
	}
	if (s == OK) {
		memcpy(out, octets.data, len);
	}
	return s;
}

static status
read_text(struct der_cursor *c, const char *what, span *out)
{
	status s = der_read(c, DER_UTF8_STRING, what, out);

	if (s == OK && (out->len > TOKEN_TEXT_MAX || !utf8_is_printable(*out))) {
		s = der_refuse(
			c, "%s: not a printable text of at most %d bytes", what, TOKEN_TEXT_MAX);
	}
	return s;
}

static status
read_atecc608(struct der_cursor *c, struct evidence_atecc608 *out)
{
	uint32_t slot = 0;
	status s = der_read_number(c, DER_INTEGER, "slot", ATECC608_SLOTS - 1, &slot);

	if (s == OK) {
		out->slot = slot;
		s = read_array(c, "random", out->random, sizeof(out->random));
	}
	if (s == OK) {
		s = read_array(c, "signature", out->signature, sizeof(out->signature));
	}
	return s;
}

static status
read_tpm2(struct der_cursor *c, struct evidence_tpm2 *out)
{
	const struct {
		const char *what;
		span *field;
	} fields[] = { { "public", &out->public }, { "certify", &out->certify },
		{ "certifySignature", &out->certify_signature }, { "creation", &out->creation },
		{ "quote", &out->quote }, { "quoteSignature", &out->quote_signature },
		{ "akPublic", &out->ak_public } };
	status s = OK;

	for (size_t i = 0; s == OK && i < sizeof(fields) / sizeof(fields[0]); i++) {
		s = read_octets(c, fields[i].what, TPM_STRUCTURE_MAX, fields[i].field);
	}
	return s;
}

static status
read_token(struct der_cursor *c, struct evidence_token *out)
{
	status s = read_text(c, "model", &out->model);

	if (s == OK) {
		s = read_text(c, "serial", &out->serial);
	}
	if (s == OK) {
		s = der_read_boolean(c, "isLocal", &out->is_local);
	}
	if (s == OK) {
		s = der_read_boolean(c, "isNeverExtractable", &out->is_never_extractable);
	}
	return s == OK ? der_read_boolean(c, "isSensitive", &out->is_sensitive) : s;
}

/* stmt ANY DEFINED BY type: all of ours are a SEQUENCE that begins with the challenge. */
static status
read_stmt(struct der_cursor *statement, struct evidence *out)
{
	struct der_cursor c;
	status s = der_enter(statement, DER_SEQUENCE, "stmt", &c);

	if (s != OK) {
		return s;
	}
	c.clause = OURS;
	s = read_octets(&c, "challenge", CHALLENGE_MAX, &out->challenge);
	if (s != OK) {
		return s;
	}
	switch (out->kind) {
	case EVIDENCE_ATECC608:
		s = read_atecc608(&c, &out->atecc608);
		break;
	case EVIDENCE_TPM2:
		s = read_tpm2(&c, &out->tpm2);
		break;
	case EVIDENCE_TOKEN:
		s = read_token(&c, &out->token);
		break;
	}
	return s == OK ? der_end(&c, "stmt") : s;
}

static status
read_type(struct der_cursor *statement, enum evidence_kind *out)
{
	char text[OID_TEXT_MAX];
	span type;
	status s = der_read_oid(statement, "type", &type);

	if (s != OK) {
		return s;
	}
	if (type.len == sizeof(arc) + 1 && memcmp(type.data, arc, sizeof(arc)) == 0 &&
		type.data[sizeof(arc)] >= EVIDENCE_ATECC608 &&
		type.data[sizeof(arc)] <= EVIDENCE_TOKEN) {
		*out = (enum evidence_kind)type.data[sizeof(arc)];
		return OK;
	}
	return der_refuse(
		statement, "type: evidence of type %s is not known here", oid_text(text, type));
}

static status
read_statement(struct der_cursor *evidences, struct evidence *out)
{
	struct der_cursor statement;
	status s = der_enter(evidences, DER_SEQUENCE, "EvidenceStatement", &statement);

	if (s == OK) {
		s = read_type(&statement, &out->kind);
	}
	if (s == OK) {
		s = read_stmt(&statement, out);
	}
	return s == OK ? der_end(&statement, "EvidenceStatement") : s;
}

status
evidence_read(span der, struct evidence *out, struct diag *d)
{
	struct der_cursor c = der_cursor_of(der, DRAFT, d), bundle, evidences;
	status s;

	*out = (struct evidence){ .kind = EVIDENCE_ATECC608 };
	if (der.len > EVIDENCE_MAX) {
		return diag_set(d, LIMIT, NULL, "evidence of %zu bytes, at most %d are read",
			der.len, EVIDENCE_MAX);
	}
	s = der_enter(&c, DER_SEQUENCE, "EvidenceBundle", &bundle);
	if (s == OK) {
		s = der_end(&c, "the evidence");
	}
	if (s == OK) {
		s = der_enter(&bundle, DER_SEQUENCE, "evidences", &evidences);
	}
	if (s == OK) {
		s = der_end(&bundle, "EvidenceBundle");
	}
	if (s == OK) {
		s = read_statement(&evidences, out);
	}
	return s == OK ? der_end(&evidences, "evidences: one is taken") : s;
}

/* --- writing --- */

static void
write_tpm2(struct der_writer *w, const struct evidence_tpm2 *e)
{
	der_put_octets(w, e->public);
	der_put_octets(w, e->certify);
	der_put_octets(w, e->certify_signature);
	der_put_octets(w, e->creation);
	der_put_octets(w, e->quote);
	der_put_octets(w, e->quote_signature);
	der_put_octets(w, e->ak_public);
}

static void
write_token(struct der_writer *w, const struct evidence_token *e)
{
	der_put_string(w, DER_UTF8_STRING, e->model);
	der_put_string(w, DER_UTF8_STRING, e->serial);
	der_put_boolean(w, e->is_local);
	der_put_boolean(w, e->is_never_extractable);
	der_put_boolean(w, e->is_sensitive);
}

static void
write_stmt(struct der_writer *w, const struct evidence *e)
{
	der_open(w, DER_SEQUENCE);
	der_put_octets(w, e->challenge);
	switch (e->kind) {
	case EVIDENCE_ATECC608:
		der_put_number(w, e->atecc608.slot);
		der_put_octets(w, SPAN_ARRAY(e->atecc608.random));
		der_put_octets(w, SPAN_ARRAY(e->atecc608.signature));
		break;
	case EVIDENCE_TPM2:
		write_tpm2(w, &e->tpm2);
		break;
	case EVIDENCE_TOKEN:
		write_token(w, &e->token);
		break;
	}
	der_close(w);
}

status
evidence_write(const struct evidence *e, struct buffer *out, struct diag *d)
{
	uint8_t type[sizeof(arc) + 1], whole[EVIDENCE_MAX];
	struct evidence again;
	struct der_writer w;
	span der;
	status s;

	memcpy(type, arc, sizeof(arc));
	type[sizeof(arc)] = (uint8_t)e->kind;
	der_writer_init(&w, whole, sizeof(whole));
	der_open(&w, DER_SEQUENCE);
	der_open(&w, DER_SEQUENCE);
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, SPAN_ARRAY(type));
	write_stmt(&w, e);
	der_close(&w);
	der_close(&w);
	der_close(&w);
	if (der_writer_finish(&w, &der, NULL) != OK) {
		return diag_set(d, BAD_INPUT, NULL,
			"evidence of over %d bytes, or with a text that is none", EVIDENCE_MAX);
	}
	s = evidence_read(der, &again, d);
	if (s == OK) {
		buffer_put(out, der);
		s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory for evidence")
				       : OK;
	}
	return s;
}

/* --- what elements are given of a challenge --- */

void
evidence_qualifying(span challenge, uint8_t out[32])
{
	sha256(challenge, out);
}

void
evidence_num_in(span challenge, uint8_t out[NUM_IN_LEN])
{
	uint8_t digest[32];

	sha256(challenge, digest);
	memcpy(out, digest, NUM_IN_LEN);
}
