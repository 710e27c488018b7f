#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* --- credentials --- */

static void
add_padding(X509 *x, size_t padding)
{
	ASN1_OBJECT *kind = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	uint8_t *bytes = calloc(1, padding);
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(value, bytes, (int)padding);
	e = X509_EXTENSION_create_by_OBJ(NULL, kind, 0, value);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(kind);
	free(bytes);
}

/* Ed25519 and Ed448 have theirs within. */
static const EVP_MD *
digest_for(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256();
}

void
credential_make_of(struct credential *c, const char *name, size_t padding, EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	int len;

	c->key = key;
	c->der = NULL;
	assert_non_null(c->key);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, subject);
	X509_set_pubkey(x, c->key);
	if (padding > 0) {
		add_padding(x, padding);
	}
	assert_true(X509_sign(x, c->key, digest_for(c->key)) > 0);
	len = i2d_X509(x, &c->der);
	assert_true(len > 0);
	c->der_len = (size_t)len;
	X509_free(x);
}

void
credential_make(struct credential *c, const char *name, size_t padding)
{
	credential_make_of(c, name, padding, EVP_EC_gen("P-256"));
}

void
credential_wipe(struct credential *c)
{
	EVP_PKEY_free(c->key);
	OPENSSL_free(c->der);
}

span
credential_span(const struct credential *c)
{
	return span_of(c->der, c->der_len);
}

static X509 *
certificate_of(const struct credential *c)
{
	const unsigned char *p = c->der;

	return d2i_X509(NULL, &p, (long)c->der_len);
}

/* --- the connection --- */

static void
set_limit(int fd, int limit_ms)
{
	struct timeval t = { limit_ms / 1000, limit_ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

void
client_open_from(struct client *c, const char *source, unsigned port)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	c->context = NULL;
	c->ssl = NULL;
	c->len = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_limit(c->fd, 10000);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&from, sizeof(from)), 0);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		fail_msg("cannot connect: %s", strerror(errno));
	}
}

void
client_open(struct client *c, unsigned port)
{
	client_open_from(c, "127.0.0.1", port);
}

static void
use_credential(SSL_CTX *context, const struct client_tls *t)
{
	X509 *x = certificate_of(t->credential);

	SSL_CTX_use_certificate(context, x);
	SSL_CTX_use_PrivateKey(context, t->credential->key);
	X509_free(x);
	for (size_t i = 0; i < t->chain_count; i++) {
		x = certificate_of(&t->chain[i]);
		SSL_CTX_add1_chain_cert(context, x);
		X509_free(x);
	}
}

bool
client_secure(struct client *c, const struct client_tls *t)
{
	/* libssl writes without MSG_NOSIGNAL, and who is turned away writes to nobody. */
	signal(SIGPIPE, SIG_IGN);
	c->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(c->context, t->version);
	SSL_CTX_set_max_proto_version(c->context, t->version);
	SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
	if (t->credential != NULL) {
		use_credential(c->context, t);
	}
	c->ssl = SSL_new(c->context);
	if (t->session != NULL) {
		SSL_set_session(c->ssl, t->session);
	}
	SSL_set_fd(c->ssl, c->fd);
	ERR_clear_error();
	return SSL_connect(c->ssl) == 1;
}

bool
client_send_some(struct client *c, const void *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)len)
					   : send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0) {
			return false;
		}
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
	}
	return true;
}

void
client_send_bytes(struct client *c, const void *bytes, size_t len)
{
	if (!client_send_some(c, bytes, len)) {
		fail_msg("cannot send");
	}
}

void
client_send(struct client *c, const char *text)
{
	client_send_bytes(c, text, strlen(text));
}

/* More bytes into c->in; false at the end. */
static bool
fill(struct client *c)
{
	ssize_t n;

	if (c->len == sizeof(c->in)) {
		fail_msg("the client's buffer is full");
	}
	ERR_clear_error();
	n = c->ssl != NULL ? SSL_read(c->ssl, c->in + c->len, (int)(sizeof(c->in) - c->len))
			   : recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		fail_msg("no answer in time");
	}
	if (n <= 0) {
		return false;
	}
	c->len += (size_t)n;
	return true;
}

static void
take(struct client *c, void *out, size_t len)
{
	memcpy(out, c->in, len);
	memmove(c->in, c->in + len, c->len - len);
	c->len -= len;
}

static size_t
read_header(struct client *c, struct answer *a)
{
	const char *end;
	size_t len;

	while ((end = memmem(c->in, c->len, "\r\n\r\n", 4)) == NULL) {
		if (!fill(c)) {
			assert_int_equal(c->len, 0);
			return 0;
		}
	}
	len = (size_t)(end - c->in) + 4;
	assert_true(len < sizeof(a->head));
	take(c, a->head, len);
	a->head[len] = '\0';
	assert_memory_equal(a->head, "HTTP/1.1 ", 9);
	a->status = (int)strtol(a->head + 9, NULL, 10);
	return len;
}

static size_t
length_of(const struct answer *a)
{
	const char *line = strstr(a->head, "\r\nContent-Length: ");

	if (line == NULL) {
		assert_true(a->status == 100 || a->status == 204 || a->status == 304);
		return 0;
	}
	assert_null(strstr(line + 2, "\r\nContent-Length: "));
	return strtoul(line + 18, NULL, 10);
}

bool
client_read_head(struct client *c, struct answer *a)
{
	*a = (struct answer){ 0 };
	return read_header(c, a) > 0;
}

bool
client_read(struct client *c, struct answer *a)
{
	size_t have = 0;

	if (!client_read_head(c, a)) {
		return false;
	}
	a->body_len = length_of(a);
	a->body = calloc(1, a->body_len + 1);
	while (have < a->body_len) {
		size_t part = c->len < a->body_len - have ? c->len : a->body_len - have;

		take(c, a->body + have, part);
		have += part;
		if (have < a->body_len && !fill(c)) {
			fail_msg("the body ends after %zu of %zu bytes", have, a->body_len);
		}
	}
	return true;
}

void
answer_wipe(struct answer *a)
{
	free(a->body);
	a->body = NULL;
}

bool
answer_has(const struct answer *a, const char *line)
{
	const char *at = strstr(a->head, line);

	return at != NULL && at[-1] == '\n' && strncmp(at + strlen(line), "\r\n", 2) == 0;
}

void
client_ask(struct client *c, const char *request, int status_wanted, const char *body)
{
	struct answer a;

	client_send(c, request);
	assert_true(client_read(c, &a));
	if (a.status != status_wanted) {
		fail_msg("%d instead of %d: %s", a.status, status_wanted, a.body);
	}
	if (body != NULL) {
		assert_string_equal(a.body, body);
	}
	answer_wipe(&a);
}

bool
client_has_ended(struct client *c)
{
	return c->len == 0 && !fill(c);
}

void
client_close(struct client *c)
{
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
	}
	SSL_free(c->ssl);
	SSL_CTX_free(c->context);
	close(c->fd);
}
