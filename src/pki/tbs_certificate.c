#include "pki/tbs_certificate.h"

static void
open_extension(struct der_writer *w, enum oid_known type, bool critical)
{
	der_open(w, DER_SEQUENCE);
	der_put_oid(w, oid(type));
	if (critical) {
		der_put_boolean(w, true);
	}
	der_open(w, DER_OCTET_STRING);
}

static void
close_extension(struct der_writer *w)
{
	der_close(w);
	der_close(w);
}

static void
write_basic_constraints(struct der_writer *w, const struct profile *p)
{
	open_extension(w, OID_BASIC_CONSTRAINTS, true);
	der_open(w, DER_SEQUENCE);
	if (p->is_ca) {
		der_put_boolean(w, true);
	}
	if (p->is_ca && p->path_len >= 0) {
		der_put_number(w, (uint64_t)p->path_len);
	}
	der_close(w);
	close_extension(w);
}

static void
write_usages(struct der_writer *w, const struct profile *p)
{
	static const struct {
		uint32_t bit;
		enum oid_known oid;
	} extended[] = { { EKU_SERVER, OID_EKU_SERVER_AUTH }, { EKU_CLIENT, OID_EKU_CLIENT_AUTH },
		{ EKU_OCSP, OID_EKU_OCSP_SIGNING } };

	if (p->key_usage != 0) {
		open_extension(w, OID_KEY_USAGE, true);
		der_put_named_bits(w, p->key_usage);
		close_extension(w);
	}
	if (p->ext_key_usage == 0) {
		return;
	}
	open_extension(w, OID_EXT_KEY_USAGE, false);
	der_open(w, DER_SEQUENCE);
	for (size_t i = 0; i < sizeof(extended) / sizeof(extended[0]); i++) {
		if ((p->ext_key_usage & extended[i].bit) != 0) {
			der_put_oid(w, oid(extended[i].oid));
		}
	}
	der_close(w);
	close_extension(w);
}

static void
write_key_ids(struct der_writer *w, const struct public_key *key, span issuer_key_id)
{
	uint8_t own[20];

	public_key_id(key, own);
	open_extension(w, OID_SUBJECT_KEY_IDENTIFIER, false);
	der_put_octets(w, SPAN_ARRAY(own));
	close_extension(w);
	open_extension(w, OID_AUTHORITY_KEY_IDENTIFIER, false);
	der_open(w, DER_SEQUENCE);
	der_put(w, DER_CONTEXT(0), issuer_key_id.len > 0 ? issuer_key_id : SPAN_ARRAY(own));
	der_close(w);
	close_extension(w);
}

static void
write_alt_names(struct der_writer *w, const struct certificate_draft *c)
{
	if (c->alt_name_count == 0) {
		return;
	}
	open_extension(w, OID_SUBJECT_ALT_NAME, false);
	der_open(w, DER_SEQUENCE);
	for (size_t i = 0; i < c->alt_name_count; i++) {
		der_put(w, DER_CONTEXT(c->alt_names[i].kind), c->alt_names[i].value);
	}
	der_close(w);
	close_extension(w);
}

static void
write_access(struct der_writer *w, enum oid_known method, const char *url)
{
	if (url[0] != '\0') {
		der_open(w, DER_SEQUENCE);
		der_put_oid(w, oid(method));
		der_put(w, DER_CONTEXT(6), span_text(url));
		der_close(w);
	}
}

static void
write_status(struct der_writer *w, const struct certificate_draft *c)
{
	if (!c->profile->has_status) {
		return;
	}
	if (c->crl_url[0] != '\0') {
		open_extension(w, OID_CRL_DISTRIBUTION_POINTS, false);
		der_open(w, DER_SEQUENCE);
		der_open(w, DER_SEQUENCE);
		der_open(w, DER_CONTEXT_IN(0)); /* distributionPoint */
		der_open(w, DER_CONTEXT_IN(0)); /* fullName */
		der_put(w, DER_CONTEXT(6), span_text(c->crl_url));
		der_close(w);
		der_close(w);
		der_close(w);
		der_close(w);
		close_extension(w);
	}
	if (c->ocsp_url[0] != '\0' || c->ca_url[0] != '\0') {
		open_extension(w, OID_AUTHORITY_INFO_ACCESS, false);
		der_open(w, DER_SEQUENCE);
		write_access(w, OID_AD_OCSP, c->ocsp_url);
		write_access(w, OID_AD_CA_ISSUERS, c->ca_url);
		der_close(w);
		close_extension(w);
	}
}

static status
judge_alt_names(const struct certificate_draft *c, struct diag *d)
{
	if (c->alt_name_count > ALT_NAMES_MAX) {
		return diag_set(d, LIMIT, NULL, "more than %d alternative names", ALT_NAMES_MAX);
	}
	for (size_t i = 0; i < c->alt_name_count; i++) {
		enum alt_name_kind kind = c->alt_names[i].kind;
		span value = c->alt_names[i].value;
		bool allowed = kind == ALT_DNS	 ? c->profile->allows_dns
			       : kind == ALT_IP	 ? c->profile->allows_ip
			       : kind == ALT_URI ? c->profile->allows_uri
						 : false;

		if (!allowed) {
			return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.6",
				"profile %s allows no alternative name of this kind",
				c->profile->name);
		}
		if (value.len == 0 || value.len > URL_MAX_LEN ||
			(kind == ALT_IP && value.len != 4 && value.len != 16) ||
			(kind != ALT_IP && !der_string_is_valid(DER_IA5_STRING, value))) {
			return diag_set(d, BAD_INPUT, "RFC 5280 4.2.1.6",
				"alternative name %zu is malformed", i + 1);
		}
	}
	return OK;
}

static void
write_tbs(struct der_writer *w, const struct certificate_draft *c, const struct public_key *key)
{
	der_open(w, DER_SEQUENCE);
	der_open(w, DER_CONTEXT_IN(0));
	der_put_number(w, 2);
	der_close(w);
	der_put_unsigned(w, c->serial);
	signature_kind_write(w, c->signature);
	if (c->issuer.len > 0) {
		der_put_raw(w, c->issuer);
	} else {
		simple_name_write(w, &c->subject);
	}
	der_open(w, DER_SEQUENCE);
	der_put_time(w, c->not_before_s);
	der_put_time(w, c->not_after_s);
	der_close(w);
	if (c->subject_der.len > 0) {
		der_put_raw(w, c->subject_der);
	} else {
		simple_name_write(w, &c->subject);
	}
	der_put_raw(w, c->spki);
	der_open(w, DER_CONTEXT_IN(3));
	der_open(w, DER_SEQUENCE);
	write_basic_constraints(w, c->profile);
	write_usages(w, c->profile);
	write_key_ids(w, key, c->issuer_key_id);
	write_alt_names(w, c);
	write_status(w, c);
	if (c->profile->has_ocsp_no_check) {
		open_extension(w, OID_OCSP_NO_CHECK, false);
		der_put_null(w);
		close_extension(w);
	}
	der_close(w);
	der_close(w);
	der_close(w);
}

status
tbs_certificate_write(
	const struct certificate_draft *c, uint8_t *room, size_t size, span *out, struct diag *d)
{
	struct der_cursor cursor = der_cursor_of(c->spki, "RFC 5280 4.1.2.7", d);
	struct public_key key;
	struct der_writer w;
	status s = judge_alt_names(c, d);

	if (s == OK) {
		s = public_key_read(&cursor, &key);
	}
	if (s != OK) {
		return s;
	}
	if (key.kind != KEY_P256 && !(key.kind == KEY_P384 && c->profile->allows_p384)) {
		return diag_set(d, BAD_INPUT, NULL, "profile %s: a key of kind %s is not certified",
			c->profile->name, key_kind_name(key.kind));
	}
	der_writer_init(&w, room, size);
	write_tbs(&w, c, &key);
	return der_writer_finish(&w, out, d);
}

status
signed_object_write(
	span tbs, enum signature_kind kind, span signature, struct buffer *out, struct diag *d)
{
	size_t size = tbs.len + signature.len + 128;
	uint8_t *room = buffer_grow(out, size);
	struct der_writer w;
	span whole;
	status s;

	if (room == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a signed object");
	}
	out->len -= size;
	der_writer_init(&w, room, size);
	der_open(&w, DER_SEQUENCE);
	der_put_raw(&w, tbs);
	signature_kind_write(&w, kind);
	der_put_bits(&w, signature);
	der_close(&w);
	s = der_writer_finish(&w, &whole, d);
	if (s == OK) {
		out->len += whole.len;
	}
	return s;
}

/* --- lint --- */

static status
wrong(struct diag *d, const char *clause, const char *what)
{
	return diag_set(d, BUG, clause, "lint: %s", what);
}

static status
lint_dates(const struct certificate_view *v, const struct certificate_draft *asked,
	const struct certificate_view *issuer, struct diag *d)
{
	if (v->not_before_s != asked->not_before_s || v->not_after_s != asked->not_after_s) {
		return wrong(d, "RFC 5280 4.1.2.5", "other dates than asked");
	}
	if (v->not_after_s < v->not_before_s) {
		return wrong(d, "RFC 5280 4.1.2.5", "it ends before it begins");
	}
	/* notAfter is part of the life: a certificate of one day ends at 23:59:59. */
	if (v->not_after_s - v->not_before_s + 1 > asked->profile->lifetime_max_s) {
		return wrong(d, "RFC 5280 4.1.2.5", "it lives longer than its profile allows");
	}
	if (issuer != NULL &&
		(v->not_after_s > issuer->not_after_s || v->not_before_s < issuer->not_before_s)) {
		return wrong(d, "RFC 5280 6.1", "its issuer does not live as long");
	}
	return OK;
}

static status
lint_issuer(const struct certificate_view *v, const struct certificate_view *issuer, struct diag *d)
{
	if (issuer == NULL) {
		return name_equal(&v->issuer, &v->subject) &&
				       span_equal(v->authority_key_id, v->subject_key_id)
			       ? OK
			       : wrong(d, "RFC 5280 3.2",
					 "self-signed, but issuer and subject differ");
	}
	if (!span_equal(v->issuer.der, issuer->subject.der)) {
		return wrong(d, "RFC 5280 4.1.2.4", "the issuer's name is not the authority's");
	}
	if (!span_equal(v->authority_key_id, issuer->subject_key_id)) {
		return wrong(d, "RFC 5280 4.2.1.1", "authorityKeyIdentifier is not the issuer's");
	}
	if (!issuer->is_ca || (issuer->has_path_len && issuer->path_len == 0 && v->is_ca)) {
		return wrong(d, "RFC 5280 4.2.1.9", "the issuer may not issue this");
	}
	return OK;
}

static status
lint_extensions(const struct certificate_view *v, const struct profile *p, struct diag *d)
{
	uint8_t key_id[20];

	if (!v->has_basic_constraints || v->is_ca != p->is_ca ||
		v->has_path_len != (p->is_ca && p->path_len >= 0) ||
		(v->has_path_len && v->path_len != (uint32_t)p->path_len)) {
		return wrong(d, "RFC 5280 4.2.1.9", "basicConstraints are not the profile's");
	}
	if (v->key_usage != p->key_usage || v->has_key_usage != (p->key_usage != 0)) {
		return wrong(d, "RFC 5280 4.2.1.3", "keyUsage is not the profile's");
	}
	if (v->ext_key_usage != p->ext_key_usage ||
		v->has_ext_key_usage != (p->ext_key_usage != 0)) {
		return wrong(d, "RFC 5280 4.2.1.12", "extKeyUsage is not the profile's");
	}
	public_key_id(&v->key, key_id);
	if (!span_equal(v->subject_key_id, SPAN_ARRAY(key_id))) {
		return wrong(d, "RFC 5280 4.2.1.2", "subjectKeyIdentifier is not the key's");
	}
	if (v->has_unknown_critical) {
		return wrong(d, "RFC 5280 4.2", "a critical extension that is not known");
	}
	return OK;
}

status
tbs_certificate_lint(span tbs, const struct certificate_draft *asked,
	const struct certificate_view *issuer, struct diag *d)
{
	struct certificate_view v;
	status s = tbs_certificate_read(tbs, &v, d);

	if (s != OK) {
		return s;
	}
	if (v.serial.len > SERIAL_MAX_LEN || (v.serial.len == 1 && v.serial.data[0] == 0)) {
		return wrong(d, "RFC 5280 4.1.2.2", "serialNumber is zero or over 20 bytes");
	}
	if (!span_equal(v.key.spki, asked->spki)) {
		return wrong(d, "RFC 5280 4.1.2.7", "another key than asked");
	}
	if (v.subject.count == 0) {
		return wrong(d, "RFC 5280 4.1.2.6", "the subject is empty");
	}
	s = lint_dates(&v, asked, issuer, d);
	if (s == OK) {
		s = lint_issuer(&v, issuer, d);
	}
	if (s == OK) {
		s = lint_extensions(&v, asked->profile, d);
	}
	if (s == OK && (v.alt_names.len > 0) != (asked->alt_name_count > 0)) {
		s = wrong(d, "RFC 5280 4.2.1.6", "alternative names are not those asked");
	}
	return s;
}
