#include "http/tls.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/check.h"
#include "base/log.h"
#include "http/tls_library.h"
#include "pki/certificate.h"

struct tls {
	pthread_mutex_t lock;
	SSL_CTX *context; /* of the present identity; connections hold references of their own */
	long sessions, lifetime_s;
};

/*
 * In the place of libssl's judgement: there is none here. What a handler cannot be given is refused: a certificate
 * or a chain over the limits. That the peer has the key is proven by the handshake itself.
 */
static int
accept_any(X509_STORE_CTX *store, void *nothing)
{
	STACK_OF(X509) *given = X509_STORE_CTX_get0_untrusted(store);

	(void)nothing;
	if (sk_X509_num(given) > CHAIN_LEN_MAX + 1) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
		return 0;
	}
	for (int i = 0; i < sk_X509_num(given); i++) {
		int len = i2d_X509(sk_X509_value(given, i), NULL);

		if (len <= 0 || len > CERTIFICATE_SIZE_MAX) {
			X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
			return 0;
		}
	}
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* RFC 7301: a client that names protocols and not ours is refused; one that names none is served. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *nothing)
{
	/* The old one as well: curl -0 names it alone. */
	static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
	unsigned char *chosen = NULL;

	(void)ssl;
	(void)nothing;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
		OPENSSL_NPN_NEGOTIATED) {
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void
configure_sessions(SSL_CTX *c, const struct tls *t)
{
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(c, t->sessions);
	SSL_CTX_set_timeout(c, t->lifetime_s);
	SSL_CTX_set_num_tickets(c, 1);
}

/*
 * Those with SHA-256 first: a handshake hashes and derives some fifty times, and processors have instructions for
 * SHA-256 where they have none for SHA-384. Who wants AES-256 offers it alone, or ChaCha20 first of all.
 */
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12 "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!SHA1"

static SSL_CTX *
context_in(OSSL_LIB_CTX *library, const struct tls *t)
{
	SSL_CTX *c = SSL_CTX_new_ex(library, NULL, TLS_server_method());

	if (c == NULL) {
		return NULL;
	}
	/* Devices go away without a goodbye, and their sessions are to outlive that; HTTP counts its bytes itself. */
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
				       SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* RELEASE_BUFFERS comes behind the handshake: transport.c. */
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c, 1); /* one read(2) a record, not two */
	SSL_CTX_set_max_cert_list(c, TLS_CERTIFICATES_MAX);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(c, accept_any, NULL);
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
	configure_sessions(c, t);
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_ciphersuites(c, SUITES_13) != 1 ||
		SSL_CTX_set_cipher_list(c, SUITES_12) != 1 ||
		/* Not P-384: an exchange costs the server a millisecond, which anybody may ask for. */
		SSL_CTX_set1_groups_list(c, "X25519:P-256") != 1 ||
		SSL_CTX_set_session_id_context(c, (const unsigned char *)"tenure", 6) != 1) {
		SSL_CTX_free(c);
		return NULL;
	}
	return c;
}

static SSL_CTX *
context_new(const struct tls *t)
{
	OSSL_LIB_CTX *library = tls_library();
	SSL_CTX *c = context_in(library, t);

	if (c == NULL && library != NULL) {
		log_event(LOG_WARNING, "listener_library",
			"error=\"libssl does not take it; handshakes cost more than they need\"");
		c = context_in(NULL, t);
	}
	return c;
}

static status
certificate_of(span der, X509 **out, struct diag *d)
{
	const unsigned char *p = der.data;

	*out = der.len <= CERTIFICATE_SIZE_MAX ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	if (*out == NULL || p != der.data + der.len) {
		X509_free(*out);
		*out = NULL;
		return diag_set(d, BAD_INPUT, "RFC 5280 4.1",
			"a certificate of the listener cannot be read");
	}
	return OK;
}

static status
use_chain(SSL_CTX *c, const span *chain, size_t count, struct diag *d)
{
	for (size_t i = 0; i < count; i++) {
		X509 *certificate = NULL;
		status s = certificate_of(chain[i], &certificate, d);
		int done;

		if (s != OK) {
			return s;
		}
		done = i == 0 ? SSL_CTX_use_certificate(c, certificate)
			      : (int)SSL_CTX_add1_chain_cert(c, certificate);
		X509_free(certificate);
		if (done != 1) {
			return diag_set(d, CRYPTO, NULL,
				"libssl does not take certificate %zu of the listener", i + 1);
		}
	}
	return OK;
}

status
tls_identity(struct tls *t, const span *chain, size_t count, EVP_PKEY *key, struct diag *d)
{
	SSL_CTX *c = NULL, *old;
	status s = OK;

	if (count == 0 || count > CHAIN_LEN_MAX + 1) {
		return diag_set(d, BAD_INPUT, NULL,
			"the listener needs 1 to %d certificates, not %zu", CHAIN_LEN_MAX + 1,
			count);
	}
	c = context_new(t);
	if (c == NULL) {
		s = diag_set(d, NO_MEMORY, NULL, "libssl gives no context");
		goto out;
	}
	s = use_chain(c, chain, count, d);
	if (s != OK) {
		goto out;
	}
	if (SSL_CTX_use_PrivateKey(c, key) != 1 || SSL_CTX_check_private_key(c) != 1) {
		s = diag_set(d, CRYPTO, NULL, "the listener's key is not its certificate's");
		goto out;
	}
	pthread_mutex_lock(&t->lock);
	old = t->context;
	t->context = c;
	pthread_mutex_unlock(&t->lock);
	c = old;
out:
	SSL_CTX_free(c);
	ERR_clear_error();
	return s;
}

SSL *
tls_ssl_new(struct tls *t)
{
	SSL_CTX *c;
	SSL *ssl = NULL;

	pthread_mutex_lock(&t->lock);
	c = t->context;
	if (c != NULL) {
		SSL_CTX_up_ref(c);
	}
	pthread_mutex_unlock(&t->lock);
	if (c != NULL) {
		ssl = SSL_new(c);
		SSL_CTX_free(c);
	}
	return ssl;
}

static bool
add_length(size_t *total, X509 *certificate)
{
	int len = i2d_X509(certificate, NULL);

	return len > 0 && size_add(*total, (size_t)len, total);
}

static span
write_certificate(uint8_t **at, X509 *certificate)
{
	uint8_t *from = *at;
	int len = i2d_X509(certificate, at);

	return span_of(from, len > 0 ? (size_t)len : 0);
}

/*
 * Parsed certificates take three times their bytes, and anybody may show some that he made himself: a session
 * with large ones would hold that for hours. Its peer shakes hands anew each time.
 */
static void
forget_large(SSL *ssl, size_t certificates)
{
	if (certificates > TLS_SESSION_CERTIFICATES_MAX) {
		SSL_CTX_remove_session(SSL_get_SSL_CTX(ssl), SSL_get_session(ssl));
	}
}

static status
read_certificates(SSL *ssl, X509 *leaf, struct http_peer *out, uint8_t **block)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl); /* without the leaf */
	int count = sk_X509_num(chain);
	size_t total = 0;
	uint8_t *at;

	if (count < 0) {
		count = 0;
	}
	if (count > CHAIN_LEN_MAX || !add_length(&total, leaf)) {
		return BUG;
	}
	for (int i = 0; i < count; i++) {
		if (!add_length(&total, sk_X509_value(chain, i))) {
			return BUG;
		}
	}
	forget_large(ssl, total);
	*block = at = malloc(total);
	if (at == NULL) {
		return NO_MEMORY;
	}
	out->certificate = write_certificate(&at, leaf);
	for (int i = 0; i < count; i++) {
		out->chain[i] = write_certificate(&at, sk_X509_value(chain, i));
	}
	out->chain_count = (size_t)count;
	certificate_fingerprint(out->certificate, out->fingerprint);
	return OK;
}

/*
 * What ties a message to this connection. RFC 5929 3.1: the first Finished of the handshake; a resumed one begins with
 * ours.
 */
static void
read_unique(SSL *ssl, struct http_peer *out)
{
	if (SSL_version(ssl) == TLS1_2_VERSION) {
		out->tls_unique_len = out->is_resumed ? SSL_get_finished(ssl, out->tls_unique,
								sizeof(out->tls_unique))
						      : SSL_get_peer_finished(ssl, out->tls_unique,
								sizeof(out->tls_unique));
	}
}

void
tls_peer_link(SSL *ssl, struct http_peer *peer)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (ssl == NULL || SSL_version(ssl) == TLS1_2_VERSION || peer->certificate.len == 0 ||
		peer->tls_exporter_len > 0) {
		return;
	}
	if (SSL_export_keying_material(ssl, peer->tls_exporter, sizeof(peer->tls_exporter), label,
		    sizeof(label) - 1, NULL, 0, 0) == 1) {
		peer->tls_exporter_len = sizeof(peer->tls_exporter);
	}
}

status
tls_peer_read(SSL *ssl, struct http_peer *out, uint8_t **block)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);

	*block = NULL;
	out->is_tls = true;
	out->is_resumed = SSL_session_reused(ssl) == 1;
	out->protocol = SSL_get_version(ssl);
	read_unique(ssl, out);
	return leaf != NULL ? read_certificates(ssl, leaf, out, block) : OK;
}

void
tls_free(struct tls *t)
{
	if (t == NULL) {
		return;
	}
	SSL_CTX_free(t->context);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

status
tls_new(long sessions, long lifetime_s, struct tls **out)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		return NO_MEMORY;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->sessions = sessions;
	t->lifetime_s = lifetime_s;
	*out = t;
	return OK;
}
