#include "pki/crl.h"

#include "pki/der.h"
#include "pki/extension.h"
#include "pki/oid.h"

/* Behind tag and length of a SEQUENCE that may go on behind the end of what was read. */
static bool
enter_sequence(span *rest)
{
	size_t header = 2;

	if (rest->len < 6 || rest->data[0] != DER_SEQUENCE) {
		return false;
	}
	if (rest->data[1] >= 0x80) {
		size_t bytes = rest->data[1] & 0x7fu;

		if (bytes < 1 || bytes > 4) {
			return false;
		}
		header += bytes;
	}
	*rest = span_slice(*rest, header, rest->len);
	return true;
}

status
crl_dates_read(span head, int64_t *this_update_s, int64_t *next_update_s)
{
	struct der_cursor c;
	uint32_t version;
	span skipped;
	status s;

	for (int depth = 0; depth < 2; depth++) { /* CertificateList, TBSCertList */
		if (!enter_sequence(&head)) {
			return BAD_INPUT;
		}
	}
	c = der_cursor_of(head, "RFC 5280 5.1.2", NULL);
	s = der_read_number(&c, DER_INTEGER, "version", 1, &version);
	if (s == OK) {
		s = der_read_whole(&c, DER_SEQUENCE, "signature", &skipped);
	}
	if (s == OK) {
		s = der_read_whole(&c, DER_SEQUENCE, "issuer", &skipped);
	}
	if (s == OK) {
		s = der_read_time(&c, "thisUpdate", this_update_s);
	}
	if (s == OK) {
		s = der_read_time(&c, "nextUpdate", next_update_s);
	}
	return s == OK ? OK : BAD_INPUT;
}

/* --- a whole list ------------------------------------------------------------ */

/* Entries may have extensions; a critical one (certificateIssuer, of an indirect list) changes what the entry means. */
static status
read_entry_extensions(struct der_cursor *entry)
{
	struct extension e;
	struct der_cursor list;
	status s = der_enter(entry, DER_SEQUENCE, "crlEntryExtensions", &list);

	while (s == OK && !der_at_end(&list)) {
		s = extension_read(&list, &e);
		if (s == OK && e.is_critical) {
			e.whole.clause = "RFC 5280 5.3";
			s = der_refuse(&e.whole, "an entry with a critical extension");
		}
	}
	return s;
}

static status
read_entries(struct der_cursor *tbs, struct crl_view *out)
{
	struct der_cursor list, entry;
	int64_t when_s;
	span serial;
	status s = der_enter(tbs, DER_SEQUENCE, "revokedCertificates", &list);

	while (s == OK && !der_at_end(&list)) {
		s = der_enter(&list, DER_SEQUENCE, "entry", &entry);
		if (s == OK) {
			s = der_read_integer(&entry, "userCertificate", &serial);
		}
		if (s == OK && serial.len > SERIAL_MAX_LEN + 1) {
			s = der_refuse(&entry, "userCertificate: over %d bytes", SERIAL_MAX_LEN);
		}
		if (s == OK) {
			s = der_read_any_time(&entry, "revocationDate", &when_s);
		}
		if (s == OK && !der_at_end(&entry)) {
			s = read_entry_extensions(&entry);
		}
		if (s == OK) {
			s = der_end(&entry, "entry");
		}
		out->count++;
	}
	return s;
}

static status
read_number(struct der_cursor *value, struct crl_view *out)
{
	span number;
	status s = der_read_unsigned(value, "cRLNumber", &number);

	if (s != OK) {
		return s;
	}
	if (number.len > sizeof(out->number) || (number.len == 8 && number.data[0] >= 0x80)) {
		return diag_set(value->diag, LIMIT, NULL, "a CRL number of %zu bytes", number.len);
	}
	for (size_t k = 0; k < number.len; k++) {
		out->number = out->number << 8 | number.data[k];
	}
	out->has_number = true;
	return OK;
}

static status
read_scope(struct der_cursor *value, struct crl_view *out)
{
	struct der_cursor scope;
	status s = der_enter(value, DER_SEQUENCE, "issuingDistributionPoint", &scope);
	span flag;

	out->has_scope = true;
	if (s == OK && der_next_is(&scope, DER_CONTEXT(2))) {
		s = der_read(&scope, DER_CONTEXT(2), "onlyContainsCACerts", &flag);
		out->is_for_cas =
			s == OK && flag.len == 1 && flag.data[0] == 0xff && der_at_end(&scope);
	}
	return s;
}

static status
read_extension_value(enum oid_known type, struct der_cursor *value, struct crl_view *out)
{
	switch (type) {
	case OID_AUTHORITY_KEY_IDENTIFIER:
		value->clause = "RFC 5280 5.2.1";
		return authority_key_id_read(value, &out->authority_key_id);
	case OID_CRL_NUMBER:
		return read_number(value, out);
	case OID_ISSUING_DISTRIBUTION_POINT:
		return read_scope(value, out);
	case OID_DELTA_CRL_INDICATOR:
		value->clause = "RFC 5280 5.2.4";
		return der_refuse(value, "a delta: the whole list is wanted");
	default:
		value->at = value->end;
		return OK;
	}
}

static status
read_extension(struct der_cursor *list, unsigned *seen, struct crl_view *out)
{
	struct extension e;
	enum oid_known known;
	status s = extension_read(list, &e);

	if (s != OK) {
		return s;
	}
	known = oid_find(e.type);
	for (unsigned k = 0; k < 4; k++) {
		static const enum oid_known once[] = { OID_AUTHORITY_KEY_IDENTIFIER, OID_CRL_NUMBER,
			OID_ISSUING_DISTRIBUTION_POINT, OID_DELTA_CRL_INDICATOR };

		if (known == once[k] && (*seen & 1u << k) != 0) {
			return der_refuse(&e.whole, "an extension stands twice");
		}
		*seen |= known == once[k] ? 1u << k : 0;
	}
	if (e.is_critical && known != OID_ISSUING_DISTRIBUTION_POINT &&
		known != OID_DELTA_CRL_INDICATOR) {
		e.whole.clause = "RFC 5280 5.2";
		return der_refuse(&e.whole, "a critical extension that is not known");
	}
	s = read_extension_value(known, &e.value, out);
	return s == OK ? der_end(&e.value, "extnValue") : s;
}

static status
read_extensions(struct der_cursor *tbs, struct crl_view *out)
{
	struct der_cursor wrapped, list;
	unsigned seen = 0;
	status s = der_enter(tbs, DER_CONTEXT_IN(0), "crlExtensions", &wrapped);

	if (s == OK) {
		s = der_enter(&wrapped, DER_SEQUENCE, "Extensions", &list);
	}
	while (s == OK && !der_at_end(&list)) {
		s = read_extension(&list, &seen, out);
	}
	return s == OK ? der_end(&wrapped, "crlExtensions") : s;
}

static status
read_tbs(struct der_cursor *tbs, span *algorithm, void *view)
{
	struct crl_view *out = view;
	uint32_t version;
	status s = der_read_number(tbs, DER_INTEGER, "version", 1, &version);

	if (s == OK && version != 1) {
		s = der_refuse(tbs, "version: not 2");
	}
	if (s == OK) {
		s = der_read_whole(tbs, DER_SEQUENCE, "signature", algorithm);
	}
	if (s == OK) {
		s = name_read(tbs, "issuer", &out->issuer);
	}
	if (s == OK) {
		s = der_read_any_time(tbs, "thisUpdate", &out->this_update_s);
	}
	if (s == OK) {
		s = der_read_any_time(tbs, "nextUpdate", &out->next_update_s);
	}
	if (s == OK && der_next_is(tbs, DER_SEQUENCE)) {
		s = read_entries(tbs, out);
	}
	if (s == OK && !der_at_end(tbs)) {
		s = read_extensions(tbs, out);
	}
	return s == OK ? der_end(tbs, "TBSCertList") : s;
}

status
crl_read(span der, struct crl_view *out, struct diag *d)
{
	static const struct signed_kind kind = { "CertificateList", "TBSCertList", "RFC 5280 5.1",
		"RFC 5280 5.1.1.2", read_tbs };
	struct signed_frame frame;
	status s;

	*out = (struct crl_view){ .der = der };
	s = signed_read(der, &kind, &frame, out, d);
	out->tbs = frame.tbs;
	out->signature_kind = frame.signature_kind;
	out->signature = frame.signature;
	return s;
}

status
crl_signed_by(const struct crl_view *c, const struct certificate_view *issuer, struct diag *d)
{
	if (!name_equal(&c->issuer, &issuer->subject)) {
		return diag_set(d, BAD_INPUT, "RFC 5280 6.3.3", "the list is another issuer's");
	}
	if (c->authority_key_id.len > 0 && issuer->subject_key_id.len > 0 &&
		!span_equal(c->authority_key_id, issuer->subject_key_id)) {
		return diag_set(
			d, BAD_INPUT, "RFC 5280 5.2.1", "the list names another key of its issuer");
	}
	if (issuer->has_key_usage && (issuer->key_usage & KEY_USAGE_CRL_SIGN) == 0) {
		return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.3",
			"the issuer's key may not sign lists (keyUsage)");
	}
	if (!signature_fits(c->signature_kind, issuer->key.kind)) {
		return diag_set(d, BAD_INPUT, "RFC 5280 5.1.1.2",
			"a signature of another kind than the issuer's key");
	}
	return signature_verify(&issuer->key, c->signature_kind, c->tbs, c->signature, d);
}
