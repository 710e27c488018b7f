#include "pki/ocsp_answer.h"

#define ANSWER_ROOM 8192

static void
write_single(struct der_writer *w, const struct ocsp_single *s, const struct ocsp_draft *a)
{
	der_open(w, DER_SEQUENCE);
	der_put_raw(w, s->id);
	if (s->status == OCSP_REVOKED) {
		der_open(w, DER_CONTEXT_IN(1));
		der_put_generalized_time(w, s->revoked_s);
		if (s->reason != 0) {
			der_open(w, DER_CONTEXT_IN(0));
			der_put_number_as(w, DER_ENUMERATED, s->reason);
			der_close(w);
		}
		der_close(w);
	} else {
		der_put(w, s->status == OCSP_GOOD ? DER_CONTEXT(0) : DER_CONTEXT(2),
			(span){ NULL, 0 });
	}
	der_put_generalized_time(w, a->this_update_s);
	der_open(w, DER_CONTEXT_IN(0));
	der_put_generalized_time(w, a->next_update_s);
	der_close(w);
	der_close(w);
}

status
ocsp_data_write(const struct ocsp_draft *a, struct buffer *out, struct diag *d)
{
	uint8_t room[ANSWER_ROOM];
	struct der_writer w;
	span data;
	status s;

	if (a->count == 0 || a->next_update_s <= a->this_update_s) {
		return diag_set(
			d, BAD_INPUT, "RFC 6960 4.2.2.1", "an OCSP answer without content or time");
	}
	der_writer_init(&w, room, sizeof(room));
	der_open(&w, DER_SEQUENCE);
	der_open(&w, DER_CONTEXT_IN(2)); /* responderID byKey */
	der_put_octets(&w, a->responder_key_id);
	der_close(&w);
	der_put_generalized_time(&w, a->produced_s);
	der_open(&w, DER_SEQUENCE);
	for (size_t i = 0; i < a->count; i++) {
		write_single(&w, &a->singles[i], a);
	}
	der_close(&w);
	if (a->nonce.len > 0) {
		der_open(&w, DER_CONTEXT_IN(1));
		der_open(&w, DER_SEQUENCE);
		der_open(&w, DER_SEQUENCE);
		der_put_oid(&w, oid(OID_OCSP_NONCE));
		der_put_octets(&w, a->nonce);
		der_close(&w);
		der_close(&w);
		der_close(&w);
	}
	der_close(&w);
	s = der_writer_finish(&w, &data, d);
	if (s == OK) {
		buffer_put(out, data);
		s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
	}
	return s;
}

status
ocsp_response_write(span data, enum signature_kind kind, span signature, span responder,
	struct buffer *out, struct diag *d)
{
	uint8_t room[ANSWER_ROOM + CERTIFICATE_SIZE_MAX];
	struct der_writer w;
	span response;
	status s;

	der_writer_init(&w, room, sizeof(room));
	der_open(&w, DER_SEQUENCE);
	der_put_number_as(&w, DER_ENUMERATED, 0); /* successful */
	der_open(&w, DER_CONTEXT_IN(0));
	der_open(&w, DER_SEQUENCE);
	der_put_oid(&w, oid(OID_OCSP_BASIC));
	der_open(&w, DER_OCTET_STRING);
	der_open(&w, DER_SEQUENCE);
	der_put_raw(&w, data);
	signature_kind_write(&w, kind);
	der_put_bits(&w, signature);
	if (responder.len > 0) {
		der_open(&w, DER_CONTEXT_IN(0));
		der_open(&w, DER_SEQUENCE);
		der_put_raw(&w, responder);
		der_close(&w);
		der_close(&w);
	}
	der_close(&w);
	der_close(&w);
	der_close(&w);
	der_close(&w);
	der_close(&w);
	s = der_writer_finish(&w, &response, d);
	if (s == OK) {
		buffer_put(out, response);
		s = buffer_failed(out) ? diag_set(d, NO_MEMORY, NULL, "no memory") : OK;
	}
	return s;
}

span
ocsp_error_response(enum ocsp_error e)
{
	static const uint8_t malformed[] = { 0x30, 0x03, 0x0a, 0x01, 0x01 };
	static const uint8_t internal[] = { 0x30, 0x03, 0x0a, 0x01, 0x02 };
	static const uint8_t try_later[] = { 0x30, 0x03, 0x0a, 0x01, 0x03 };
	static const uint8_t unauthorized[] = { 0x30, 0x03, 0x0a, 0x01, 0x06 };

	switch (e) {
	case OCSP_MALFORMED:
		return SPAN_ARRAY(malformed);
	case OCSP_TRY_LATER:
		return SPAN_ARRAY(try_later);
	case OCSP_UNAUTHORIZED:
		return SPAN_ARRAY(unauthorized);
	default:
		return SPAN_ARRAY(internal);
	}
}
