#include "pki/csr.h"

#include "base/text.h"
#include "pki/extension.h"
#include "pki/pem.h"

static status
read_extensions(struct der_cursor *value, struct csr *out)
{
	struct extension extension;
	struct der_cursor list;
	span content;
	status s = der_enter(value, DER_SEQUENCE, "Extensions", &list);

	if (s != OK) {
		return s;
	}
	content = der_rest(&list);
	while (s == OK && !der_at_end(&list)) {
		s = extension_read(&list, &extension);
	}
	out->extensions = content;
	return s;
}

static status
read_attribute(struct der_cursor *list, struct csr *out)
{
	struct der_cursor attribute, values, value;
	size_t at = out->attribute_count;
	status s;

	if (at == CSR_ATTRIBUTES_MAX) {
		return diag_set(list->diag, LIMIT, NULL, "a request with more than %d attributes",
			CSR_ATTRIBUTES_MAX);
	}
	s = der_enter(list, DER_SEQUENCE, "Attribute", &attribute);
	if (s == OK) {
		s = der_read_oid(&attribute, "type", &out->attributes[at].oid);
	}
	if (s == OK) {
		s = der_enter(&attribute, DER_SET, "values", &values);
	}
	if (s == OK) {
		s = der_end(&attribute, "Attribute");
	}
	if (s == OK) {
		s = der_read_any(&values, "values", &out->attributes[at].value);
	}
	if (s == OK) {
		s = der_end(&values, "values");
	}
	if (s != OK) {
		return s;
	}
	for (size_t i = 0; i < at; i++) {
		if (span_equal(out->attributes[i].oid, out->attributes[at].oid)) {
			return der_refuse(list, "an attribute stands twice");
		}
	}
	out->attributes[at].type = oid_find(out->attributes[at].oid);
	out->attribute_count++;
	if (out->attributes[at].type != OID_EXTENSION_REQUEST) {
		return OK;
	}
	value = der_cursor_of(out->attributes[at].value, "RFC 2985 5.4.2", list->diag);
	return read_extensions(&value, out);
}

static status
read_info(struct der_cursor *request, struct csr *out)
{
	const uint8_t *begin = request->at;
	struct der_cursor info, list;
	uint32_t version;
	status s = der_enter(request, DER_SEQUENCE, "CertificationRequestInfo", &info);

	out->info = span_of(begin, (size_t)(request->at - begin));
	if (s == OK) {
		s = der_read_number(&info, DER_INTEGER, "version", 0, &version);
	}
	if (s == OK) {
		s = name_read(&info, "subject", &out->subject);
	}
	if (s == OK) {
		s = public_key_read(&info, &out->key);
	}
	if (s == OK) {
		s = der_enter(&info, DER_CONTEXT_IN(0), "attributes", &list);
	}
	while (s == OK && !der_at_end(&list)) {
		s = read_attribute(&list, out);
	}
	return s == OK ? der_end(&info, "CertificationRequestInfo") : s;
}

status
csr_read_unproven(span der, struct csr *out, struct diag *d)
{
	struct der_cursor c = der_cursor_of(der, "RFC 2986 4.1", d), request;
	status s;

	*out = (struct csr){ .der = der };
	if (der.len > CSR_SIZE_MAX) {
		return diag_set(d, LIMIT, NULL, "a request of %zu bytes, at most %d are read",
			der.len, CSR_SIZE_MAX);
	}
	s = der_enter(&c, DER_SEQUENCE, "CertificationRequest", &request);
	if (s == OK) {
		request.clause = "RFC 2986 4.1";
		s = read_info(&request, out);
	}
	if (s == OK) {
		request.clause = "RFC 2986 4.2";
		s = signature_kind_read(&request, &out->signature_kind);
	}
	if (s == OK) {
		s = der_read_bit_octets(&request, "signature", &out->signature);
	}
	if (s == OK) {
		s = der_end(&request, "CertificationRequest");
	}
	if (s == OK) {
		s = der_end(&c, "the request");
	}
	return s;
}

status
csr_read(span der, struct csr *out, struct diag *d)
{
	status s = csr_read_unproven(der, out, d);

	if (s != OK) {
		return s;
	}
	if (!signature_fits(out->signature_kind, out->key.kind)) {
		return diag_set(d, BAD_INPUT, "RFC 2986 4.2",
			"signatureAlgorithm: not one of the request's own key");
	}
	if (signature_verify(&out->key, out->signature_kind, out->info, out->signature, NULL) !=
		OK) {
		return diag_set(d, CRYPTO, "RFC 2986 4.2",
			"the request is not signed by the key it names: no proof of possession");
	}
	return OK;
}

span
csr_attribute(const struct csr *r, enum oid_known type)
{
	for (size_t i = 0; i < r->attribute_count; i++) {
		if (r->attributes[i].type == type) {
			return r->attributes[i].value;
		}
	}
	return (span){ NULL, 0 };
}

status
csr_unwrap(struct arena *a, span body, span *der, struct diag *d)
{
	if (body.len > 2 * CSR_SIZE_MAX) {
		return diag_set(d, LIMIT, NULL, "a request of %zu bytes", body.len);
	}
	if (body.len > 0 && body.data[0] == DER_SEQUENCE && body.len > 1 && body.data[1] >= 0x80) {
		*der = body;
		return OK;
	}
	if (span_find(body, span_text("-----BEGIN")) != SIZE_MAX) {
		return pem_read(a, body, NULL, der, d);
	}
	if (base64_decode(a, body, der) != OK || der->len == 0) {
		return diag_set(d, BAD_INPUT, "RFC 8951 3.1", "the body is neither base64 nor DER");
	}
	return OK;
}

static void
write_info(struct der_writer *w, const struct simple_name *subject, const struct public_key *key,
	enum oid_known attribute, span value)
{
	der_open(w, DER_SEQUENCE);
	der_put_number(w, 0);
	simple_name_write(w, subject);
	public_key_write(w, key);
	der_open(w, DER_CONTEXT_IN(0));
	if (value.len > 0) {
		der_open(w, DER_SEQUENCE);
		der_put_oid(w, oid(attribute));
		der_open(w, DER_SET);
		der_put_raw(w, value);
		der_close(w);
		der_close(w);
	}
	der_close(w);
	der_close(w);
}

status
csr_sign_by_key(void *key, span message, uint8_t *out, size_t *len, struct diag *d)
{
	return private_key_sign(key, message, out, len, d);
}

status
csr_write(const struct simple_name *subject, const struct public_key *key, enum oid_known attribute,
	span value, const struct csr_signer *signer, struct buffer *out, struct diag *d)
{
	uint8_t info[CSR_SIZE_MAX], whole[CSR_SIZE_MAX], signature[SIGNATURE_MAX_LEN];
	struct der_writer w;
	size_t signature_len;
	span signed_part, request;
	status s;

	der_writer_init(&w, info, sizeof(info));
	write_info(&w, subject, key, attribute, value);
	s = der_writer_finish(&w, &signed_part, d);
	if (s == OK) {
		s = signer->sign(signer->context, signed_part, signature, &signature_len, d);
	}
	if (s != OK) {
		return s;
	}
	der_writer_init(&w, whole, sizeof(whole));
	der_open(&w, DER_SEQUENCE);
	der_put_raw(&w, signed_part);
	signature_kind_write(&w, key->kind == KEY_P256	 ? SIGNATURE_ECDSA_SHA256
				 : key->kind == KEY_P384 ? SIGNATURE_ECDSA_SHA384
							 : SIGNATURE_RSA_SHA256);
	der_put_bits(&w, span_of(signature, signature_len));
	der_close(&w);
	s = der_writer_finish(&w, &request, d);
	if (s == OK) {
		buffer_put(out, request);
		s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
	}
	return s;
}
