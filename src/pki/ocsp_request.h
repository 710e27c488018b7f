#pragma once
/* OCSP requests (RFC 6960 4.1), from a POST body or from the path of a GET. */
#include "base/arena.h"
#include "pki/der.h"

#define OCSP_REQUESTS_MAX 16

struct ocsp_certificate_id {
	span der;	/* the CertID as asked: echoed byte for byte */
	bool is_sha256; /* else SHA-1 */
	span name_hash, key_hash;
	span serial; /* INTEGER content */
};

struct ocsp_request {
	struct ocsp_certificate_id ids[OCSP_REQUESTS_MAX];
	size_t count;
	span nonce; /* extnValue's content: echoed byte for byte. Empty where absent */
};

/* BAD_INPUT answers malformedRequest, LIMIT too. Spans point into `der`. */
MUST_USE status ocsp_request_read(span der, struct ocsp_request *out, struct diag *d);
/*
 * The request in a GET path behind the responder's prefix: raw, not decoded by
 * anybody. %XX is unescaped, '+' stays, slashes may be doubled or leading,
 * padding may be missing, base64url is taken too (RFC 6960 A.1, RFC 5019 5).
 */
MUST_USE status ocsp_path_decode(struct arena *a, span path, span *der, struct diag *d);
