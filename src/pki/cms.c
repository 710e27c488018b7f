#include "pki/cms.h"

#include <stdlib.h>

#include "pki/oid.h"

status
cms_certificates_write(const span *certificates, size_t count, struct buffer *out, struct diag *d)
{
	size_t room = 128;
	struct der_writer w;
	uint8_t *data;
	span der;
	status s;

	for (size_t i = 0; i < count; i++) {
		room += certificates[i].len + 8;
	}
	data = malloc(room);
	if (data == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory");
	}
	der_writer_init(&w, data, room);
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, oid(OID_CMS_SIGNED_DATA));
	der_open(&w, DER_CONTEXT_IN(0));
	der_open(&w, DER_SEQUENCE);
	der_put_number(&w, 1);
	der_put(&w, DER_SET, (span){ NULL, 0 });
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, oid(OID_CMS_DATA));
	der_close(&w);
	der_open(&w, DER_CONTEXT_IN(0));
	for (size_t i = 0; i < count; i++) {
		der_put_raw(&w, certificates[i]);
	}
	der_close_set_of(&w);
	der_put(&w, DER_SET, (span){ NULL, 0 });
	der_close(&w);
	der_close(&w);
	der_close(&w);
	s = der_writer_finish(&w, &der, d);
	if (s == OK) {
		buffer_put(out, der);
		s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
	}
	free(data);
	return s;
}

static status
enter_signed_data(struct der_cursor *c, struct der_cursor *signed_data)
{
	struct der_cursor info, wrapped;
	span type;
	status s = der_enter(c, DER_SEQUENCE, "ContentInfo", &info);

	if (s == OK) {
		s = der_read_oid(&info, "contentType", &type);
	}
	/* Anything else is refused before it is looked at further. */
	if (s == OK && !oid_is(type, OID_CMS_SIGNED_DATA)) {
		s = der_refuse(&info, "contentType: not signedData");
	}
	if (s == OK) {
		s = der_enter(&info, DER_CONTEXT_IN(0), "content", &wrapped);
	}
	return s == OK ? der_enter(&wrapped, DER_SEQUENCE, "SignedData", signed_data) : s;
}

status
cms_certificates_read(span der, span out[CMS_CERTIFICATES_MAX], size_t *count, struct diag *d)
{
	struct der_cursor c = der_cursor_of(der, "RFC 5652 5.1", d), data, list;
	uint32_t version;
	span skip;
	status s = enter_signed_data(&c, &data);

	*count = 0;
	if (s == OK) {
		s = der_read_number(&data, DER_INTEGER, "version", 5, &version);
	}
	if (s == OK) {
		s = der_read_whole(&data, DER_SET, "digestAlgorithms", &skip);
	}
	if (s == OK) {
		s = der_read_whole(&data, DER_SEQUENCE, "encapContentInfo", &skip);
	}
	if (s == OK) {
		s = der_enter(&data, DER_CONTEXT_IN(0), "certificates", &list);
	}
	while (s == OK && !der_at_end(&list)) {
		if (*count == CMS_CERTIFICATES_MAX) {
			return diag_set(
				d, LIMIT, NULL, "more than %d certificates", CMS_CERTIFICATES_MAX);
		}
		s = der_read_whole(&list, DER_SEQUENCE, "certificate", &out[*count]);
		*count += s == OK;
	}
	return s == OK ? der_end(&c, "ContentInfo") : s;
}
