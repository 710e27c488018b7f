#pragma once
/*
 * libcrypto's library context for the listeners: OpenSSL's default provider, but of it only what a handshake of ours needs.
 *
 * For every public key in a certificate that a client shows, OpenSSL 3.0 goes through all algorithms that its library
 * context has met, 300 of the default provider's, to find the decoder and the key manager: a sixth of the
 * server's work in a mutual handshake, and under locks that all threads share. In this context there are 35.
 * Later versions keep what they found, and need none of this.
 */
#include <openssl/types.h>

/*
 * One for the process, which lasts as long as it does: keys that were used in it keep parts of it. NULL: the
 * process's own context is to be used, because this version of OpenSSL is no slower with it, because the system's
 * configuration says what providers there are (FIPS), or because it could not be made, which is logged. Any thread.
 */
OSSL_LIB_CTX *tls_library(void);
