#pragma once
/* Whether a certificate that the server issued may become our identity. */
#include "base/arena.h"
#include "base/limits.h"
#include "pki/certificate.h"
#include "pki/cms.h"

struct issued {
	span chain[CHAIN_LEN_MAX]; /* leaf first, without the root; borrowed from what was given */
	size_t count;
	struct certificate_view leaf;
};

struct issued_expected {
	const uint8_t *point; /* of the key in our slot */
	const char *serial;   /* of the element: the subject must name it */
	int64_t now_s;
};

/*
 * `answer`: the certificates of the enrolment's answer, among them exactly one for our key; `authorities`: what
 * /cacerts gave. The chain must lead to a self-signed one of `authorities`, or, where they hold none,
 * to any of them. BAD_INPUT: not for our key, or not for this device; CRYPTO: no chain, or not valid yet; CONFLICT:
 * it has expired, and asking again for the same would give the same.
 */
MUST_USE status issued_judge(const struct issued_expected *x, const span *answer,
	size_t answer_count, const span *authorities, size_t authority_count, struct issued *out,
	struct diag *d);
