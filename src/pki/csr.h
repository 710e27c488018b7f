#pragma once
/*
 * Certification requests (PKCS#10, RFC 2986), read by our own cursor.
 *
 *   CertificationRequest { CertificationRequestInfo { version 0, subject,
 *     subjectPKInfo, [0] attributes }, signatureAlgorithm, signature }
 *
 * Nothing of a request is copied into a certificate but the public key: names
 * and extensions are read so that they can be compared with what is known.
 */
#include "base/arena.h"
#include "pki/key.h"
#include "pki/name.h"

#define CSR_ATTRIBUTES_MAX 16

struct csr {
	span der;
	span info; /* the signed part */
	struct name subject;
	struct public_key key;
	enum signature_kind signature_kind;
	span signature;
	struct {
		enum oid_known type;
		span oid;
		span value; /* the one value of the set, with its header */
	} attributes[CSR_ATTRIBUTES_MAX];
	size_t attribute_count;
	span extensions; /* the content of extensionRequest's Extensions, empty where absent */
};

/* Reads and checks the proof of possession. Spans point into `der`. BAD_INPUT, LIMIT, CRYPTO. */
MUST_USE status csr_read(span der, struct csr *out, struct diag *d);
/* The same without looking at the signature: where the request's own key does not count. */
MUST_USE status csr_read_unproven(span der, struct csr *out, struct diag *d);
/* From DER, PEM, or bare base64 with any white space: gives the DER, in the arena or borrowed. */
MUST_USE status csr_unwrap(struct arena *a, span body, span *der, struct diag *d);
/* The value of an attribute, empty where it is absent. */
span csr_attribute(const struct csr *r, enum oid_known type);

/* For the agent and the tests: a request by `key` with a subject and at most one attribute
 * (`attribute` empty: none; its value is DER). Signed by the callback over the info bytes. */
struct csr_signer {
	/* DER signature over `message` into out (SIGNATURE_MAX_LEN). */
	status (*sign)(void *context, span message, uint8_t *out, size_t *len, struct diag *d);
	void *context;
};
/* The `sign` of a signer whose context is a struct private_key. */
MUST_USE status csr_sign_by_key(void *key, span message, uint8_t *out, size_t *len, struct diag *d);
MUST_USE status csr_write(const struct simple_name *subject, const struct public_key *key,
	enum oid_known attribute, span value, const struct csr_signer *signer, struct buffer *out,
	struct diag *d);
