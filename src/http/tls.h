#pragma once
/*
 * The TLS side of the server (RFC 8446, RFC 5246, RFC 9325): 1.2 and 1.3, ephemeral keys and AEAD only, no
 * tickets that outlive us, no renegotiation, no compression, no early data.
 *
 * Each identity has a libssl context of its own, and with it its own session cache: a change of identity
 * makes every peer shake hands once in full again. That happens a few times a year and costs less than sharing
 * a cache would cost to understand.
 */
#include <openssl/ssl.h>

#include "http/exchange.h"

struct tls;

/* At most `sessions` are kept for resumption, each for so long. */
MUST_USE status tls_new(long sessions, long lifetime_s, struct tls **out);
void tls_free(struct tls *t);
/* Any thread. BAD_INPUT: a certificate cannot be read. CRYPTO: the key is not the leaf's. */
MUST_USE status tls_identity(
	struct tls *t, const span *chain, size_t count, EVP_PKEY *key, struct diag *d);
/* A server's SSL of the present identity; NULL: there is none yet, or no memory. Any thread. */
SSL *tls_ssl_new(struct tls *t);

/*
 * After the handshake: who is there. `*block` gets the memory that the certificates stand in (NULL: none were
 * given); free it after the peer's last use. NO_MEMORY.
 */
MUST_USE status tls_peer_read(SSL *ssl, struct http_peer *out, uint8_t **block);
/* For a route that is linked: fills in tls_exporter, where it has not been before (RFC 9266; TLS 1.3 has no tls-unique). */
void tls_peer_link(SSL *ssl, struct http_peer *peer);
