/*
 * CsrAttrs ::= SEQUENCE OF (OID or Attribute), in both styles, so that old and new clients are told the same:
 *
 *   the list of RFC 7030 4.5.2    a P-256 key: the key's type with its curve as the value; a signature with SHA-256;
 *                                 challengePassword where the fleet requires the link of RFC 7030 3.5; the evidence
 *                                 where it requires an attestation
 *   the template of RFC 9908 3.4  the same; a client that knows it looks at nothing else
 *
 *   CertificationRequestInfoTemplate ::= SEQUENCE {
 *     version 0, subject absent, subjectPKInfo [0] { algorithm ecPublicKey, secp256r1 }, attributes [1] SET OF Attribute }
 *
 * No subject and no extensions are asked for (therefore no id-aa-extensionReqTemplate): names are ours to give. An
 * attribute whose value only the client can know has an empty set of values.
 */
#include "proto/est_attributes.h"

#include "pki/oid.h"

static void
put_empty_attribute(struct der_writer *w, enum oid_known type)
{
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(type));
	der_open(w, DER_SET);
	der_close(w);
	der_close(w);
}

static void
put_key_type(struct der_writer *w)
{
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_EC_PUBLIC_KEY));
	der_open(w, DER_SET);
	der_put_oid(w, oid(OID_P256));
	der_close_set_of(w);
	der_close(w);
}

static void
put_template(struct der_writer *w, bool wants_link, bool wants_evidence)
{
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_REQUEST_TEMPLATE));
	der_open(w, DER_SET);
	der_open(w, DER_SEQUENCE);
	der_put_number(w, 0);
	der_open(w, DER_CONTEXT_IN(0));
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(OID_EC_PUBLIC_KEY));
	der_put_oid(w, oid(OID_P256));
	der_close(w);
	der_close(w);
	der_open(w, DER_CONTEXT_IN(1));
	if (wants_link) {
		put_empty_attribute(w, OID_CHALLENGE_PASSWORD);
	}
	if (wants_evidence) {
		put_empty_attribute(w, OID_EVIDENCE);
	}
	der_close_set_of(w);
	der_close(w);
	der_close_set_of(w);
	der_close(w);
}

status
est_attributes_write(const struct fleet *f, uint8_t *room, span *out, struct diag *d)
{
	bool wants_link = f->est.link == EST_LINK_REQUIRED;
	bool wants_evidence = f->required_level > LEVEL_NONE;
	struct der_writer w;

	der_writer_init(&w, room, EST_ATTRIBUTES_MAX);
	der_open(&w, DER_SEQUENCE);
	put_key_type(&w);
	der_put_oid(&w, oid(OID_ECDSA_SHA256));
	if (wants_link) {
		der_put_oid(&w, oid(OID_CHALLENGE_PASSWORD));
	}
	if (wants_evidence) {
		der_put_oid(&w, oid(OID_EVIDENCE));
	}
	put_template(&w, wants_link, wants_evidence);
	der_close(&w);
	return der_writer_finish(&w, out, d);
}
