#pragma once
/*
 * A birth certificate that the part itself holds: 72 bytes in slot 10 (src/element/compressed.h). Beside it, for readers who have
 * no folder, its issuer's public key in slot 11 and, where it has the shape, the issuer's certificate in slot 12 (our factory
 * signers' have it, below a P-256 root). What all units of a production have in common stays in the element's folder:
 *
 *   birth.template      the rest of the certificate
 *   birth-issuers.pem   its issuers, nearest first
 *
 * Where the part holds none, or a certificate does not have the template's shape: birth.pem in the same folder, whole.
 */
#include "device/element/atecc608.h"
#include "base/buffer.h"

struct birth_place {
	struct atecc608 *driver; /* not begun */
	const char *folder;
};

/*
 * PEM, leaf first, appended. What is rebuilt is taken only if its issuer has signed it. NOT_FOUND: neither is there;
 * UNAVAILABLE: the part does not answer; CRYPTO, BAD_INPUT: what is there is no certificate of this part.
 */
MUST_USE status birth_read(const struct birth_place *p, struct buffer *pem, struct diag *d);
/*
 * Into the part, with the files beside it. `pem`: leaf first, at least one issuer. BAD_INPUT: the 72 bytes cannot carry it, nothing is
 * changed; DENIED: the slot is not written any more.
 */
MUST_USE status birth_write(const struct birth_place *p, span pem, struct diag *d);
