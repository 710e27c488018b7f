#include "pki/ocsp_request.h"

#include "base/text.h"
#include "pki/extension.h"
#include "pki/oid.h"

static status
read_id(struct der_cursor *request, struct ocsp_certificate_id *out)
{
	const uint8_t *begin = request->at;
	struct der_cursor id, algorithm = { 0 };
	span type = { NULL, 0 };
	status s = der_enter(request, DER_SEQUENCE, "CertID", &id);

	out->der = span_of(begin, (size_t)(request->at - begin));
	if (s == OK) {
		s = der_enter(&id, DER_SEQUENCE, "hashAlgorithm", &algorithm);
	}
	if (s == OK) {
		s = der_read_oid(&algorithm, "algorithm", &type);
	}
	if (s == OK && der_next_is(&algorithm, DER_NULL)) {
		s = der_read_null(&algorithm, "parameters");
	}
	if (s == OK) {
		s = der_end(&algorithm, "hashAlgorithm");
	}
	if (s == OK && !oid_is(type, OID_SHA1) && !oid_is(type, OID_SHA256)) {
		s = der_refuse(&algorithm, "hashAlgorithm: neither SHA-1 nor SHA-256");
	}
	if (s == OK) {
		out->is_sha256 = oid_is(type, OID_SHA256);
		s = der_read(&id, DER_OCTET_STRING, "issuerNameHash", &out->name_hash);
	}
	if (s == OK) {
		s = der_read(&id, DER_OCTET_STRING, "issuerKeyHash", &out->key_hash);
	}
	if (s == OK && (out->name_hash.len != (out->is_sha256 ? 32u : 20u) ||
			       out->key_hash.len != out->name_hash.len)) {
		s = der_refuse(&id, "CertID: hashes of another length than their algorithm's");
	}
	if (s == OK) {
		s = der_read_integer(&id, "serialNumber", &out->serial);
	}
	if (s == OK && out->serial.len > SERIAL_MAX_LEN) {
		s = der_refuse(&id, "serialNumber: over %d bytes", SERIAL_MAX_LEN);
	}
	return s == OK ? der_end(&id, "CertID") : s;
}

static status
read_extensions(struct der_cursor *holder, uint8_t tag, struct ocsp_request *nonce_into)
{
	struct der_cursor wrapped, list;
	struct extension e;
	status s = der_enter(holder, tag, "extensions", &wrapped);

	if (s == OK) {
		s = der_enter(&wrapped, DER_SEQUENCE, "Extensions", &list);
	}
	while (s == OK && !der_at_end(&list)) {
		s = extension_read(&list, &e);
		if (s == OK && nonce_into != NULL && oid_is(e.type, OID_OCSP_NONCE)) {
			span value = der_rest(&e.value), octets;
			struct der_cursor inside =
				der_cursor_of(value, "RFC 9654 2.1", holder->diag);

			s = der_read(&inside, DER_OCTET_STRING, "Nonce", &octets);
			if (s == OK) {
				s = der_end(&inside, "Nonce");
			}
			if (s == OK && nonce_into->nonce.len > 0) {
				s = der_refuse(&e.whole, "the nonce stands twice");
			}
			if (s == OK && (octets.len == 0 || octets.len > OCSP_NONCE_MAX)) {
				s = der_refuse(&inside, "Nonce: %zu octets, 1 to %d are taken",
					octets.len, OCSP_NONCE_MAX);
			}
			nonce_into->nonce = value;
		} else if (s == OK && e.is_critical && oid_find(e.type) == OID_UNKNOWN) {
			e.whole.clause = "RFC 6960 4.4";
			s = der_refuse(&e.whole, "a critical extension that is not known");
		}
	}
	return s == OK ? der_end(&wrapped, "extensions") : s;
}

static status
read_tbs(struct der_cursor *tbs, struct ocsp_request *out)
{
	struct der_cursor list, one, version;
	uint32_t number;
	span skip;
	status s = OK;

	if (der_next_is(tbs, DER_CONTEXT_IN(0))) {
		s = der_enter(tbs, DER_CONTEXT_IN(0), "version", &version);
		if (s == OK) {
			s = der_read_number(&version, DER_INTEGER, "version", 0, &number);
		}
		if (s == OK) {
			s = der_end(&version, "version");
		}
	}
	if (s == OK && der_next_is(tbs, DER_CONTEXT_IN(1))) {
		s = der_read_whole(tbs, DER_CONTEXT_IN(1), "requestorName", &skip);
	}
	if (s == OK) {
		s = der_enter(tbs, DER_SEQUENCE, "requestList", &list);
	}
	while (s == OK && !der_at_end(&list)) {
		if (out->count == OCSP_REQUESTS_MAX) {
			return diag_set(tbs->diag, LIMIT, NULL, "more than %d requests in one",
				OCSP_REQUESTS_MAX);
		}
		s = der_enter(&list, DER_SEQUENCE, "Request", &one);
		if (s == OK) {
			s = read_id(&one, &out->ids[out->count]);
		}
		if (s == OK && der_next_is(&one, DER_CONTEXT_IN(0))) {
			s = read_extensions(&one, DER_CONTEXT_IN(0), NULL);
		}
		if (s == OK) {
			s = der_end(&one, "Request");
		}
		out->count += s == OK;
	}
	if (s == OK && out->count == 0) {
		s = der_refuse(tbs, "requestList: empty");
	}
	if (s == OK && der_next_is(tbs, DER_CONTEXT_IN(2))) {
		s = read_extensions(tbs, DER_CONTEXT_IN(2), out);
	}
	return s == OK ? der_end(tbs, "TBSRequest") : s;
}

status
ocsp_request_read(span der, struct ocsp_request *out, struct diag *d)
{
	struct der_cursor c = der_cursor_of(der, "RFC 6960 4.1.1", d), request, tbs;
	span skip;
	status s;

	*out = (struct ocsp_request){ 0 };
	if (der.len > OCSP_REQUEST_MAX) {
		return diag_set(d, LIMIT, NULL, "an OCSP request of %zu bytes", der.len);
	}
	s = der_enter(&c, DER_SEQUENCE, "OCSPRequest", &request);
	if (s == OK) {
		s = der_enter(&request, DER_SEQUENCE, "tbsRequest", &tbs);
	}
	if (s == OK) {
		s = read_tbs(&tbs, out);
	}
	/* A signature of the asker's is allowed and of no use to us. */
	if (s == OK && der_next_is(&request, DER_CONTEXT_IN(0))) {
		s = der_read_whole(&request, DER_CONTEXT_IN(0), "optionalSignature", &skip);
	}
	if (s == OK) {
		s = der_end(&request, "OCSPRequest");
	}
	return s == OK ? der_end(&c, "the request") : s;
}

status
ocsp_path_decode(struct arena *a, span path, span *der, struct diag *d)
{
	uint8_t *text = arena_alloc(a, path.len + 1);
	size_t n = 0;

	if (text == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	if (path.len > 2 * OCSP_REQUEST_MAX) {
		return diag_set(d, LIMIT, NULL, "an OCSP path of %zu bytes", path.len);
	}
	while (path.len > 0 && path.data[0] == '/') {
		path = span_slice(path, 1, SIZE_MAX);
	}
	for (size_t i = 0; i < path.len; i++) {
		uint8_t c = path.data[i];

		if (c == '%') {
			if (hex_decode(span_slice(path, i + 1, 2), &c, 1) != OK) {
				return diag_set(d, BAD_INPUT, "RFC 3986 2.1", "a bad %%-escape");
			}
			i += 2;
		}
		text[n++] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	if (base64_decode(a, span_of(text, n), der) != OK || der->len == 0) {
		return diag_set(d, BAD_INPUT, "RFC 6960 A.1", "the path holds no base64");
	}
	return OK;
}
