/*
 * Certification requests against libcrypto: bodies as they come over HTTP. A structure that is read whole, whatever
 * its signature, is one for libcrypto too, with the same subject, key and attributes; the two agree on the signature.
 * The values of attributes are opaque to us: what libcrypto does not take there, it need not take in a request.
 */
#define FUZZ_MAX_LEN 9000
#include <openssl/err.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "pki/csr.h"

/* The encoding that libcrypto made is this one; it is freed. */
static void
same_bytes(int len, uint8_t **theirs, span ours)
{
	HOLDS(len >= 0 && span_equal(span_of(*theirs, (size_t)len), ours));
	OPENSSL_free(*theirs);
	*theirs = NULL;
}

/* libcrypto's own reading of our bytes is what it has read in the request. */
static void
same_value(const ASN1_TYPE *theirs, span ours)
{
	const uint8_t *p = ours.data;
	ASN1_TYPE *read = d2i_ASN1_TYPE(NULL, &p, (long)ours.len);

	HOLDS(read != NULL && p == ours.data + ours.len);
	HOLDS(ASN1_TYPE_cmp(theirs, read) == 0);
	ASN1_TYPE_free(read);
}

static void
same_attributes(const X509_REQ *theirs, const struct csr *ours)
{
	HOLDS(X509_REQ_get_attr_count(theirs) == (int)ours->attribute_count);
	for (size_t i = 0; i < ours->attribute_count; i++) {
		int at = 0, found = 0;

		/* libcrypto may have brought the set into order. */
		for (; at < X509_REQ_get_attr_count(theirs); at++) {
			X509_ATTRIBUTE *a = X509_REQ_get_attr(theirs, at);
			ASN1_OBJECT *type = X509_ATTRIBUTE_get0_object(a);

			if (span_equal(span_of(OBJ_get0_data(type), OBJ_length(type)),
				    ours->attributes[i].oid)) {
				HOLDS(X509_ATTRIBUTE_count(a) == 1);
				same_value(
					X509_ATTRIBUTE_get0_type(a, 0), ours->attributes[i].value);
				found++;
			}
		}
		HOLDS(found == 1);
	}
}

static bool
values_are_known(const struct csr *ours)
{
	bool all = true;

	for (size_t i = 0; i < ours->attribute_count; i++) {
		span value = ours->attributes[i].value;
		const uint8_t *p = value.data;
		ASN1_TYPE *theirs = d2i_ASN1_TYPE(NULL, &p, (long)value.len);

		all = all && theirs != NULL;
		ASN1_TYPE_free(theirs);
	}
	return all;
}

static void
agree(span der, const struct csr *ours, status s)
{
	const uint8_t *p = der.data;
	X509_REQ *theirs = d2i_X509_REQ(NULL, &p, (long)der.len);
	EVP_PKEY *key;
	uint8_t *bytes = NULL;

	if (theirs == NULL && !values_are_known(ours)) {
		return;
	}
	HOLDS(theirs != NULL && p == der.data + der.len);
	same_bytes(i2d_X509_NAME(X509_REQ_get_subject_name(theirs), &bytes), &bytes,
		ours->subject.der);
	key = X509_REQ_get0_pubkey(theirs);
	HOLDS(key != NULL);
	same_bytes(
		i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(theirs), &bytes), &bytes, ours->key.spki);
	same_attributes(theirs, ours);
	HOLDS((X509_REQ_verify(theirs, key) == 1) == (s == OK));
	X509_REQ_free(theirs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(1 << 20);
	char text[NAME_TEXT_MAX];
	struct csr ours;
	span der;
	status s;

	HOLDS(a != NULL);
	if (csr_unwrap(a, span_of(data, len), &der, NULL) == OK) {
		s = csr_read(der, &ours, NULL);
		if (s == OK || s == CRYPTO) {
			agree(der, &ours, s);
			HOLDS(name_equal(&ours.subject, &ours.subject));
			HOLDS(strlen(name_text(text, sizeof(text), &ours.subject)) < sizeof(text));
		}
	}
	arena_free(a);
	ERR_clear_error();
	return 0;
}
