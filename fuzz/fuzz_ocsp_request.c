/*
 * OCSP requests, as a POST's body and as a GET's path, against libcrypto (requestorName and optionalSignature apart,
 * which are of no use to us and passed over). And what is echoed into an answer is one
 * DER element within the bounds that the signer sets: else anybody could make tenured send it a frame that it
 * closes the channel for.
 */
#define FUZZ_MAX_LEN 4200
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "fuzz.h"
#include "pki/ocsp_request.h"

static void
is_one_element(span der, size_t max)
{
	struct der_cursor c = der_cursor_of(der, "", NULL);
	span whole;

	HOLDS(der.len <= max);
	HOLDS(der_read_any(&c, "", &whole) == OK && der_at_end(&c));
}

static void
same_string(const ASN1_STRING *theirs, span ours)
{
	HOLDS(span_equal(
		span_of(ASN1_STRING_get0_data(theirs), (size_t)ASN1_STRING_length(theirs)), ours));
}

static void
same_id(OCSP_CERTID *theirs, const struct ocsp_certificate_id *ours)
{
	ASN1_OCTET_STRING *name, *key;
	ASN1_OBJECT *algorithm;
	ASN1_INTEGER *serial;
	uint8_t *der = NULL;
	int len;

	HOLDS(OCSP_id_get0_info(&name, &algorithm, &key, &serial, theirs) == 1);
	same_string(name, ours->name_hash);
	same_string(key, ours->key_hash);
	HOLDS((OBJ_obj2nid(algorithm) == NID_sha256) == ours->is_sha256);
	len = i2d_ASN1_INTEGER(serial, &der);
	HOLDS(len > 2 && span_equal(span_of(der + 2, (size_t)len - 2), ours->serial));
	OPENSSL_free(der);
}

static void
same_nonce(OCSP_REQUEST *theirs, span ours)
{
	int at = OCSP_REQUEST_get_ext_by_NID(theirs, NID_id_pkix_OCSP_Nonce, -1);

	HOLDS((at >= 0) == (ours.len > 0));
	if (at >= 0) {
		same_string(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(theirs, at)), ours);
		is_one_element(ours, OCSP_NONCE_MAX + 8);
	}
}

/* The parts that are passed over: [1] of the TBSRequest, [0] behind it. */
static bool
has_unread_parts(span der)
{
	struct der_cursor c = der_cursor_of(der, "", NULL), request, tbs;
	span skip;

	HOLDS(der_enter(&c, DER_SEQUENCE, "", &request) == OK);
	HOLDS(der_enter(&request, DER_SEQUENCE, "", &tbs) == OK);
	if (der_next_is(&tbs, DER_CONTEXT_IN(0))) {
		HOLDS(der_read_any(&tbs, "", &skip) == OK);
	}
	return der_next_is(&tbs, DER_CONTEXT_IN(1)) || der_next_is(&request, DER_CONTEXT_IN(0));
}

static void
check(span der)
{
	const uint8_t *p = der.data;
	struct ocsp_request ours;
	OCSP_REQUEST *theirs;

	if (ocsp_request_read(der, &ours, NULL) != OK) {
		return;
	}
	theirs = d2i_OCSP_REQUEST(NULL, &p, (long)der.len);
	if (theirs == NULL && has_unread_parts(der)) {
		return;
	}
	HOLDS(theirs != NULL && p == der.data + der.len);
	HOLDS(OCSP_request_onereq_count(theirs) == (int)ours.count);
	for (size_t i = 0; i < ours.count; i++) {
		same_id(OCSP_onereq_get0_id(OCSP_request_onereq_get0(theirs, (int)i)),
			&ours.ids[i]);
		is_one_element(ours.ids[i].der, 256);
	}
	same_nonce(theirs, ours.nonce);
	OCSP_REQUEST_free(theirs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(1 << 20);
	span input = span_of(data, len), der;

	HOLDS(a != NULL);
	check(input);
	if (ocsp_path_decode(a, input, &der, NULL) == OK) {
		check(der);
	}
	arena_free(a);
	ERR_clear_error();
	return 0;
}
