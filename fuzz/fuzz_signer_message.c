/*
 * The signer's messages. Each body has one encoding: what is read whole and written again is the same to the byte.
 * The signer answers every frame that it takes; what it signs is what libcrypto reads, and by the key that was named.
 *
 *   input = type (u8) body
 */
#define FUZZ_MAX_LEN 4096
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "base/json.h"
#include "fuzz.h"
#include "pki/certificate.h"
#include "signer/message.h"
#include "signer/serve.h"
#include "signer_home.h"

union request {
	struct issue_request issue;
	struct birth_request birth;
	struct create_request create;
	struct crl_request crl;
	struct ocsp_sign_request ocsp;
	struct manifest_entry_request entry;
};

static void
get(unsigned type, struct wire_reader *w, union request *r)
{
	switch (type) {
	case MESSAGE_ISSUE:
		message_get_issue(w, &r->issue);
		break;
	case MESSAGE_BIRTH:
		message_get_birth(w, &r->birth);
		break;
	case MESSAGE_CREATE:
		message_get_create(w, &r->create);
		break;
	case MESSAGE_CRL:
		message_get_crl(w, &r->crl);
		break;
	case MESSAGE_OCSP:
		message_get_ocsp(w, &r->ocsp);
		break;
	default:
		message_get_manifest_entry(w, &r->entry);
	}
}

static void
put(unsigned type, struct buffer *b, const union request *r)
{
	switch (type) {
	case MESSAGE_ISSUE:
		message_put_issue(b, &r->issue);
		break;
	case MESSAGE_BIRTH:
		message_put_birth(b, &r->birth);
		break;
	case MESSAGE_CREATE:
		message_put_create(b, &r->create);
		break;
	case MESSAGE_CRL:
		message_put_crl(b, &r->crl);
		break;
	case MESSAGE_OCSP:
		message_put_ocsp(b, &r->ocsp);
		break;
	default:
		message_put_manifest_entry(b, &r->entry);
	}
}

/* One body in its one encoding. */
static void
check_encoding(unsigned type, span body)
{
	struct wire_reader w = { .rest = body };
	union request r = { 0 };
	struct buffer again;

	if (message_is_batch(type)) {
		(void)wire_u16(&w); /* how many follow */
		body = wire_bytes(&w, SIGNER_FRAME_MAX);
		w.rest = body;
	}
	if (w.failed || type == MESSAGE_CHECKPOINT || type == MESSAGE_KEYS) {
		return;
	}
	get(type, &w, &r);
	if (!w.failed) {
		buffer_init(&again, body.len + 1);
		put(type, &again, &r);
		HOLDS(!buffer_failed(&again));
		HOLDS(span_equal(buffer_span(&again), span_slice(body, 0, body.len - w.rest.len)));
		buffer_wipe(&again);
	}
	if (type == MESSAGE_CRL) {
		free((void *)(uintptr_t)r.crl.entries);
	}
}

static void
check_certificate(span der)
{
	struct issuer *home = signer_home();
	struct certificate_view c;
	const uint8_t *p = der.data;
	X509 *theirs = d2i_X509(NULL, &p, (long)der.len);
	bool is_signed = false;

	HOLDS(theirs != NULL && p == der.data + der.len);
	HOLDS(certificate_read(der, &c, NULL) == OK);
	HOLDS(!c.is_ca && c.not_before_s <= c.not_after_s);
	for (size_t i = 0; i < key_store_count(home->keys); i++) {
		const struct signing_key *k = key_store_at(home->keys, i);

		if ((k->role == KEY_ROLE_ISSUING || k->role == KEY_ROLE_FACTORY) &&
			name_equal(&k->view.subject, &c.issuer)) {
			is_signed = certificate_signed_by(&c, &k->view, NULL) == OK;
		}
	}
	HOLDS(is_signed);
	X509_free(theirs);
}

static void
check_result(unsigned type, span result)
{
	const uint8_t *p = result.data;
	OCSP_RESPONSE *response;
	X509_CRL *crl;
	cJSON *json;

	switch (type) {
	case MESSAGE_ISSUE:
	case MESSAGE_BIRTH:
		check_certificate(result);
		break;
	case MESSAGE_OCSP:
		response = d2i_OCSP_RESPONSE(NULL, &p, (long)result.len);
		HOLDS(response != NULL && p == result.data + result.len);
		OCSP_RESPONSE_free(response);
		break;
	case MESSAGE_CRL:
		crl = d2i_X509_CRL(NULL, &p, (long)result.len);
		HOLDS(crl != NULL && p == result.data + result.len);
		X509_CRL_free(crl);
		break;
	case MESSAGE_MANIFEST_ENTRY:
		HOLDS(json_parse(result, SIZE_MAX, &json, NULL) == OK);
		cJSON_Delete(json);
		break;
	default:
		break;
	}
}

/* status, then a result, or words and clause */
static void
check_answer(unsigned type, span answer)
{
	struct wire_reader w = { .rest = answer };

	if (message_is_batch(type)) {
		HOLDS(wire_u8(&w) == OK);
	}
	while (!w.failed && w.rest.len > 0) {
		uint8_t s = wire_u8(&w);
		span words = wire_bytes(&w, SIGNER_FRAME_MAX), clause;

		HOLDS(s < STATUS_COUNT);
		if (s == OK) {
			check_result(type, words);
			continue;
		}
		HOLDS(words.len > 0);
		clause = wire_bytes(&w, 64);
		/* The lint never objects to our own encoding; dates outside the issuer's life are the asker's. */
		HOLDS(s != BUG || span_is(clause, "RFC 5280 6.1"));
	}
	HOLDS(!w.failed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	span body = span_of(data, len);
	unsigned type = fuzz_choice(&body, MESSAGE_END);
	struct buffer answer;

	if (message_rule(type) == NULL || len > FUZZ_MAX_LEN) {
		return 0;
	}
	check_encoding(type, body);
	if (type == MESSAGE_CREATE) {
		return 0; /* makes files, and spends a tenth of a second on scrypt */
	}
	buffer_init(&answer, SIGNER_FRAME_MAX + 16);
	if (serve_frame(signer_home(), type, body, &answer)) {
		HOLDS(!buffer_failed(&answer));
		check_answer(type, buffer_span(&answer));
	}
	buffer_wipe(&answer);
	ERR_clear_error();
	return 0;
}
