#pragma once
/*
 * CMS for one reader: `openssl cms -decrypt` opens it again. AES-256-GCM (RFC 5083, 5084), to a certificate's key (RSA by OAEP, EC
 * by ECDH), or to a passphrase (PBKDF2, RFC 3211).
 */
#include "base/buffer.h"

struct seal;

/* One of the two. BAD_INPUT, NOT_FOUND, DENIED (a passphrase file that others can read). */
MUST_USE status seal_open(
	const char *recipient, const char *passphrase_file, struct seal **out, struct diag *d);
/* DER, appended. */
MUST_USE status seal_close(struct seal *s, span content, struct buffer *out, struct diag *d);
void seal_free(struct seal *s);
