#include "pki/certificate.h"

#include "pki/extension.h"

static status
read_basic_constraints(struct der_cursor *v, struct certificate_view *out)
{
	struct der_cursor inside;
	status s = der_enter(v, DER_SEQUENCE, "BasicConstraints", &inside);

	out->has_basic_constraints = true;
	if (s == OK && der_next_is(&inside, DER_BOOLEAN)) {
		s = der_read_boolean(&inside, "cA", &out->is_ca);
		if (s == OK && !out->is_ca) {
			s = der_refuse(&inside, "cA: the default is written out (X.690 11.5)");
		}
	}
	if (s == OK && der_next_is(&inside, DER_INTEGER)) {
		out->has_path_len = true;
		s = der_read_number(&inside, DER_INTEGER, "pathLenConstraint", 255, &out->path_len);
	}
	return s == OK ? der_end(&inside, "BasicConstraints") : s;
}

static status
read_ext_key_usage(struct der_cursor *v, struct certificate_view *out)
{
	static const struct {
		enum oid_known oid;
		uint32_t bit;
	} known[] = { { OID_EKU_SERVER_AUTH, EKU_SERVER }, { OID_EKU_CLIENT_AUTH, EKU_CLIENT },
		{ OID_EKU_OCSP_SIGNING, EKU_OCSP }, { OID_EKU_CMC_RA, EKU_CMC_RA },
		{ OID_EKU_ANY, EKU_ANY } };
	struct der_cursor list;
	span one;
	status s = der_enter(v, DER_SEQUENCE, "ExtKeyUsageSyntax", &list);

	out->has_ext_key_usage = true;
	if (s == OK && der_at_end(&list)) {
		return der_refuse(&list, "ExtKeyUsageSyntax: empty");
	}
	while (s == OK && !der_at_end(&list)) {
		uint32_t bit = EKU_OTHER;

		s = der_read_oid(&list, "KeyPurposeId", &one);
		for (size_t i = 0; s == OK && i < sizeof(known) / sizeof(known[0]); i++) {
			if (oid_is(one, known[i].oid)) {
				bit = known[i].bit;
			}
		}
		out->ext_key_usage |= bit;
	}
	return s;
}

static status
read_extension_value(
	enum oid_known type, bool critical, struct der_cursor *v, struct certificate_view *out)
{
	struct der_cursor names;
	status s;

	switch (type) {
	case OID_BASIC_CONSTRAINTS:
		v->clause = "RFC 5280 4.2.1.9";
		return read_basic_constraints(v, out);
	case OID_KEY_USAGE:
		v->clause = "RFC 5280 4.2.1.3";
		out->has_key_usage = true;
		return der_read_named_bits(v, DER_BIT_STRING, "KeyUsage", &out->key_usage);
	case OID_EXT_KEY_USAGE:
		v->clause = "RFC 5280 4.2.1.12";
		return read_ext_key_usage(v, out);
	case OID_SUBJECT_KEY_IDENTIFIER:
		v->clause = "RFC 5280 4.2.1.2";
		return der_read(v, DER_OCTET_STRING, "SubjectKeyIdentifier", &out->subject_key_id);
	case OID_AUTHORITY_KEY_IDENTIFIER:
		v->clause = "RFC 5280 4.2.1.1";
		return authority_key_id_read(v, &out->authority_key_id);
	case OID_SUBJECT_ALT_NAME:
		v->clause = "RFC 5280 4.2.1.6";
		s = der_enter(v, DER_SEQUENCE, "SubjectAltName", &names);
		out->alt_names = s == OK ? der_rest(&names) : out->alt_names;
		return s;
	default:
		out->has_unknown_critical =
			out->has_unknown_critical || (critical && type == OID_UNKNOWN);
		v->at = v->end;
		return OK;
	}
}

#define EXTENSIONS_MAX 32

static status
read_extensions(struct der_cursor *tbs, struct certificate_view *out)
{
	struct der_cursor wrapped, list;
	struct extension e;
	span seen[EXTENSIONS_MAX];
	size_t count = 0;
	status s = der_enter(tbs, DER_CONTEXT_IN(3), "extensions", &wrapped);

	if (s == OK) {
		s = der_enter(&wrapped, DER_SEQUENCE, "Extensions", &list);
	}
	while (s == OK && !der_at_end(&list)) {
		if (count == EXTENSIONS_MAX) {
			return diag_set(
				tbs->diag, LIMIT, NULL, "more than %d extensions", EXTENSIONS_MAX);
		}
		s = extension_read(&list, &e);
		seen[count] = e.type;
		for (size_t i = 0; s == OK && i < count; i++) {
			if (span_equal(seen[i], seen[count])) {
				e.whole.clause = "RFC 5280 4.2";
				s = der_refuse(&e.whole, "an extension stands twice");
			}
		}
		if (s == OK) {
			s = read_extension_value(oid_find(e.type), e.is_critical, &e.value, out);
		}
		if (s == OK) {
			s = der_end(&e.value, "extnValue");
		}
		count++;
	}
	return s == OK ? der_end(&wrapped, "extensions") : s;
}

static status
read_validity(struct der_cursor *tbs, struct certificate_view *out)
{
	struct der_cursor validity;
	status s = der_enter(tbs, DER_SEQUENCE, "validity", &validity);

	if (s == OK) {
		s = der_read_any_time(&validity, "notBefore", &out->not_before_s);
	}
	if (s == OK) {
		s = der_read_any_time(&validity, "notAfter", &out->not_after_s);
	}
	return s == OK ? der_end(&validity, "validity") : s;
}

static status
read_tbs(struct der_cursor *tbs, span *inner_algorithm, void *view)
{
	struct certificate_view *out = view;
	struct der_cursor version;
	uint32_t number = 0;
	span skip;
	status s = der_enter(tbs, DER_CONTEXT_IN(0), "version", &version);

	if (s == OK) {
		s = der_read_number(&version, DER_INTEGER, "version", 2, &number);
	}
	if (s == OK && number != 2) {
		s = der_refuse(&version, "version: not 3");
	}
	if (s == OK) {
		s = der_end(&version, "version");
	}
	if (s == OK) {
		s = der_read_integer(tbs, "serialNumber", &out->serial);
	}
	if (s == OK && (out->serial.len > SERIAL_MAX_LEN || out->serial.data[0] >= 0x80)) {
		s = der_refuse(tbs, "serialNumber: negative or over %d bytes", SERIAL_MAX_LEN);
	}
	if (s == OK) {
		s = der_read_whole(tbs, DER_SEQUENCE, "signature", inner_algorithm);
	}
	if (s == OK) {
		s = name_read(tbs, "issuer", &out->issuer);
	}
	if (s == OK) {
		s = read_validity(tbs, out);
	}
	if (s == OK) {
		s = name_read(tbs, "subject", &out->subject);
	}
	if (s == OK) {
		s = public_key_read(tbs, &out->key);
	}
	for (uint8_t n = 1; s == OK && n <= 2; n++) {
		if (der_next_is(tbs, DER_CONTEXT(n))) {
			s = der_read(tbs, DER_CONTEXT(n), "uniqueID", &skip);
			if (s == OK && (skip.len == 0 || skip.data[0] > 7)) {
				s = der_refuse(tbs, "uniqueID: not a bit string");
			}
		}
	}
	if (s == OK && !der_at_end(tbs)) {
		s = read_extensions(tbs, out);
	}
	return s == OK ? der_end(tbs, "TBSCertificate") : s;
}

status
tbs_certificate_read(span tbs, struct certificate_view *out, struct diag *d)
{
	struct der_cursor c = der_cursor_of(tbs, "RFC 5280 4.1", d), inside;
	span algorithm;
	status s = der_enter(&c, DER_SEQUENCE, "TBSCertificate", &inside);

	*out = (struct certificate_view){ .tbs = tbs };
	if (s == OK) {
		s = read_tbs(&inside, &algorithm, out);
	}
	return s == OK ? der_end(&c, "TBSCertificate") : s;
}

status
certificate_read(span der, struct certificate_view *out, struct diag *d)
{
	static const struct signed_kind kind = { "Certificate", "TBSCertificate", "RFC 5280 4.1",
		"RFC 5280 4.1.1.2", read_tbs };
	struct signed_frame frame;
	status s;

	*out = (struct certificate_view){ .der = der };
	if (der.len > CERTIFICATE_SIZE_MAX) {
		return diag_set(d, LIMIT, NULL, "a certificate of %zu bytes", der.len);
	}
	s = signed_read(der, &kind, &frame, out, d);
	out->tbs = frame.tbs;
	out->signature_kind = frame.signature_kind;
	out->signature = frame.signature;
	return s;
}

void
certificate_fingerprint(span der, uint8_t out[32])
{
	sha256(der, out);
}

status
certificate_signed_by(
	const struct certificate_view *c, const struct certificate_view *issuer, struct diag *d)
{
	return signature_verify(&issuer->key, c->signature_kind, c->tbs, c->signature, d);
}
