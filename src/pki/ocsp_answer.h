#pragma once
/* OCSP answers (RFC 6960 4.2): the part that is signed, and the wrapping around it. */
#include "base/buffer.h"
#include "pki/ocsp_request.h"
#include "pki/tbs_certificate.h"

enum ocsp_status { OCSP_GOOD = 0, OCSP_REVOKED = 1, OCSP_UNKNOWN = 2 };

struct ocsp_single {
	span id; /* CertID, DER, as asked */
	enum ocsp_status status;
	int64_t revoked_s;
	uint32_t reason; /* 0 is left out */
};

struct ocsp_draft {
	span responder_key_id; /* byKey: SHA-1 of the responder's key */
	int64_t produced_s, this_update_s, next_update_s;
	struct ocsp_single singles[OCSP_REQUESTS_MAX];
	size_t count;
	span nonce; /* extnValue's content as asked, or empty */
};

/* ResponseData, appended. */
MUST_USE status ocsp_data_write(const struct ocsp_draft *a, struct buffer *out, struct diag *d);
/* OCSPResponse around signed data, with the responder's certificate inside. */
MUST_USE status ocsp_response_write(span data, enum signature_kind kind, span signature,
	span responder, struct buffer *out, struct diag *d);

/* An unsigned refusal (RFC 6960 4.2.1): 1 malformedRequest, 2 internalError, 3 tryLater, 6 unauthorized. */
enum ocsp_error {
	OCSP_MALFORMED = 1,
	OCSP_INTERNAL = 2,
	OCSP_TRY_LATER = 3,
	OCSP_UNAUTHORIZED = 6
};
span ocsp_error_response(enum ocsp_error e); /* static DER */
