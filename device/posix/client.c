#include "device/posix/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "device/core/url.h"
#include "device/posix/connect.h"
#include "device/posix/slot_key.h"
#include "pki/key.h"

struct client {
	struct server_url url;
	struct element *element;
	SSL_CTX *context;
	SSL *tls; /* the connection, or NULL */
	int socket;
	uint8_t presented[32]; /* SHA-256 of the leaf in use */
	bool has_presented;
	int64_t until_ms; /* monotonic: when patience ends */
	struct buffer in;
};

static int64_t
now_ms(void)
{
	return clock_system.monotonic_ms(&clock_system);
}

/* An alert that says: not with this certificate. */
static bool
is_refusal_alert(unsigned long code)
{
	switch (ERR_GET_REASON(code)) {
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		return ERR_GET_LIB(code) == ERR_LIB_SSL;
	default:
		return false;
	}
}

/* Of our own key's methods (slot_key.c), behind libssl's words; the others come off the queue before it. */
static bool
element_fault(char *out, size_t room)
{
	const char *text;
	unsigned long code;
	int flags;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &text, &flags)) != 0) {
		if (ERR_GET_LIB(code) == ERR_LIB_USER && (flags & ERR_TXT_STRING) != 0) {
			snprintf(out, room, "%s", text);
			return true;
		}
	}
	return false;
}

static status
tls_fault(struct client *c, const char *what, struct diag *d)
{
	unsigned long code = ERR_peek_last_error();
	long verdict = c->tls != NULL ? SSL_get_verify_result(c->tls) : X509_V_OK;
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	char why[sizeof(((struct diag *)NULL)->text)];
	bool is_element = element_fault(why, sizeof(why));

	ERR_clear_error();
	if (is_element) {
		return diag_set(d, UNAVAILABLE, NULL, "the element does not sign: %s", why);
	}
	if (verdict != X509_V_OK) {
		return diag_set(d, CRYPTO, "RFC 9525 6",
			"%s:%s is not the server that is trusted: %s", c->url.host, c->url.port,
			X509_verify_cert_error_string(verdict));
	}
	if (is_refusal_alert(code)) {
		return diag_set(d, DENIED, NULL, "%s:%s refused our certificate: %s", c->url.host,
			c->url.port, reason != NULL ? reason : "no reason given");
	}
	return diag_set(d, UNAVAILABLE, NULL, "%s:%s: %s: %s", c->url.host, c->url.port, what,
		reason != NULL ? reason : "the connection ended");
}

/* What SSL_get_error says, waited for. OK: try again. */
static status
wait_for(struct client *c, int result, const char *what, struct diag *d)
{
	switch (SSL_get_error(c->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return connect_wait(c->socket, false, c->until_ms, d);
	case SSL_ERROR_WANT_WRITE:
		return connect_wait(c->socket, true, c->until_ms, d);
	default:
		return tls_fault(c, what, d);
	}
}

void
client_disconnect(struct client *c)
{
	if (c->tls != NULL) {
		(void)SSL_shutdown(c->tls);
		SSL_free(c->tls);
		c->tls = NULL;
	}
	if (c->socket >= 0) {
		close(c->socket);
		c->socket = -1;
	}
	ERR_clear_error();
}

/* RFC 9525: a DNS name or an address, as the URL has it; SNI for names only (RFC 6066 3). */
static bool
expect_name(struct client *c)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(c->tls);

	if (X509_VERIFY_PARAM_set1_ip_asc(p, c->url.host) == 1) {
		return true;
	}
	ERR_clear_error();
	SSL_set_hostflags(c->tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(c->tls, c->url.host) == 1 &&
	       SSL_set_tlsext_host_name(c->tls, c->url.host) == 1;
}

static status
open_connection(struct client *c, struct diag *d)
{
	status s = connect_to(&c->url, c->until_ms, &c->socket, d);
	int result;

	if (s != OK) {
		return s;
	}
	c->tls = SSL_new(c->context);
	if (c->tls == NULL || SSL_set_fd(c->tls, c->socket) != 1 || !expect_name(c)) {
		return tls_fault(c, "no TLS connection can be made", d);
	}
	while (s == OK) {
		ERR_clear_error();
		result = SSL_connect(c->tls);
		if (result == 1) {
			return OK;
		}
		s = wait_for(c, result, "the TLS handshake failed", d);
	}
	return s;
}

static status
send_bytes(struct client *c, span bytes, struct diag *d)
{
	status s = OK;

	while (s == OK && bytes.len > 0) {
		int n;

		ERR_clear_error();
		n = SSL_write(c->tls, bytes.data, (int)(bytes.len < 16384 ? bytes.len : 16384));
		if (n > 0) {
			bytes = span_slice(bytes, (size_t)n, SIZE_MAX);
		} else {
			s = wait_for(c, n, "the request was not taken", d);
		}
	}
	return s;
}

/* Some more bytes of the answer. */
static status
receive(struct client *c, struct diag *d)
{
	uint8_t chunk[4096];
	status s = OK;
	int n = 0;

	while (s == OK && n <= 0) {
		ERR_clear_error();
		n = SSL_read(c->tls, chunk, sizeof(chunk));
		if (n <= 0) {
			s = wait_for(c, n, "no whole answer", d);
		}
	}
	if (s == OK) {
		buffer_put(&c->in, span_of(chunk, (size_t)n));
		if (buffer_failed(&c->in)) {
			s = diag_set(d, LIMIT, NULL, "the server's answer is larger than %d bytes",
				HTTP_HEADER_MAX + ANSWER_BODY_MAX);
		}
	}
	return s;
}

static status
receive_head(struct client *c, size_t *head_len, struct http_answer *out, struct diag *d)
{
	status s = OK;

	while (s == OK && (*head_len = http_answer_head_len(buffer_span(&c->in))) == 0) {
		if (c->in.len > HTTP_HEADER_MAX) {
			return diag_set(d, LIMIT, NULL,
				"the head of the server's answer is larger "
				"than %d bytes",
				HTTP_HEADER_MAX);
		}
		s = receive(c, d);
	}
	return s == OK ? http_answer_read(span_slice(buffer_span(&c->in), 0, *head_len), out, d)
		       : s;
}

static status
receive_body(struct client *c, size_t head_len, const struct http_answer *http, span *body,
	struct diag *d)
{
	bool is_whole = false;
	size_t len = http->length;
	status s = OK;

	if (!http->is_chunked && len > ANSWER_BODY_MAX) {
		return diag_set(d, LIMIT, NULL,
			"the server's answer has %zu bytes, at most %d are taken", len,
			ANSWER_BODY_MAX);
	}
	while (s == OK && !is_whole) {
		if (http->is_chunked) {
			s = http_chunks_join(
				c->in.data + head_len, c->in.len - head_len, &len, &is_whole, d);
		} else {
			is_whole = c->in.len - head_len >= len;
		}
		if (s == OK && !is_whole) {
			s = receive(c, d);
		}
	}
	if (s == OK && !http->is_chunked && c->in.len - head_len > len) {
		s = diag_set(d, BAD_INPUT, "RFC 9112 6.3", "the server sent more than one answer");
	}
	*body = span_slice(buffer_span(&c->in), head_len, len);
	return s;
}

static status
receive_answer(struct client *c, struct client_answer *out, struct diag *d)
{
	size_t head_len = 0;
	status s = receive_head(c, &head_len, &out->http, d);

	if (s == OK) {
		s = receive_body(c, head_len, &out->http, &out->body, d);
	}
	/* Once more: the bytes that the head's spans borrow have moved. */
	return s == OK ? http_answer_read(
				 span_slice(buffer_span(&c->in), 0, head_len), &out->http, d)
		       : s;
}

/* The answer's spans point into c->in. CONFLICT: the kept connection was closed before it answered. */
static status
exchange(struct client *c, span head, span body, struct client_answer *out, struct diag *d)
{
	const bool is_kept = c->tls != NULL;
	status s = is_kept ? OK : open_connection(c, d);

	buffer_clear(&c->in);
	if (s == OK) {
		s = send_bytes(c, head, d);
	}
	if (s == OK) {
		s = send_bytes(c, body, d);
	}
	if (s == OK) {
		s = receive_answer(c, out, d);
	}
	if (s != OK || out->http.closes) {
		bool is_stale = s == UNAVAILABLE && is_kept && c->in.len == 0;

		client_disconnect(c);
		return is_stale ? CONFLICT : s;
	}
	return OK;
}

static status
keep_answer(struct arena *a, struct client_answer *out, struct diag *d)
{
	span type = arena_copy(a, out->http.content_type), body = arena_copy(a, out->body);

	if ((type.data == NULL && out->http.content_type.len > 0) ||
		(body.data == NULL && out->body.len > 0)) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the server's answer");
	}
	out->http.content_type = type;
	out->body = body;
	return OK;
}

static void
write_head(const struct client *c, const struct client_request *r, struct buffer *out)
{
	bool has_port = strcmp(c->url.port, "443") != 0;

	buffer_printf(out, "%s %s HTTP/1.1\r\nHost: %s%s%s%s%s\r\nUser-Agent: tenure-agent\r\n",
		r->method, r->target, c->url.is_ip6 ? "[" : "", c->url.host,
		c->url.is_ip6 ? "]" : "", has_port ? ":" : "", has_port ? c->url.port : "");
	if (r->content_type != NULL) {
		buffer_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", r->content_type,
			r->body.len);
	}
	buffer_put_text(out, "\r\n");
}

status
client_ask(struct client *c, struct arena *a, const struct client_request *r,
	struct client_answer *out, struct diag *d)
{
	struct diag first = { 0 };
	struct buffer head;
	status s;

	buffer_init(&head, 4096);
	write_head(c, r, &head);
	c->until_ms = now_ms() + r->patience_s * 1000;
	*out = (struct client_answer){ 0 };
	if (buffer_failed(&head)) {
		s = diag_set(d, LIMIT, NULL, "the request's head is too long");
		goto out;
	}
	s = exchange(c, buffer_span(&head), r->body, out, &first);
	if (s == CONFLICT) {
		s = exchange(c, buffer_span(&head), r->body, out, d);
	} else if (s != OK) {
		s = diag_set(d, s, first.clause, "%s", first.text);
	}
	if (s == OK) {
		s = keep_answer(a, out, d);
	}
out:
	buffer_wipe(&head);
	buffer_wipe(&c->in);
	return s;
}

static status
set_chain(struct client *c, EVP_PKEY *key, const span *chain, size_t count, struct diag *d)
{
	bool is_set = SSL_CTX_clear_extra_chain_certs(c->context) == 1;

	for (size_t i = 0; is_set && i < count; i++) {
		const uint8_t *p = chain[i].data;
		X509 *x = d2i_X509(NULL, &p, (long)chain[i].len);

		if (i == 0) {
			is_set = x != NULL && SSL_CTX_use_certificate(c->context, x) == 1;
			X509_free(x);
		} else if (x == NULL || SSL_CTX_add_extra_chain_cert(c->context, x) != 1) {
			X509_free(x);
			is_set = false;
		}
	}
	if (!is_set || SSL_CTX_use_PrivateKey(c->context, key) != 1) {
		return tls_fault(c, "the identity cannot be used", d);
	}
	return OK;
}

status
client_present(struct client *c, unsigned slot, const span *chain, size_t count, struct diag *d)
{
	uint8_t leaf[32];
	EVP_PKEY *key = NULL;
	status s;

	if (count == 0) {
		return diag_set(d, BUG, NULL, "an identity without a certificate");
	}
	sha256(chain[0], leaf);
	if (c->has_presented && memcmp(leaf, c->presented, sizeof(leaf)) == 0) {
		return OK;
	}
	client_disconnect(c);
	c->has_presented = false;
	s = slot_key_new(c->element, slot, &key, d);
	if (s == OK) {
		s = set_chain(c, key, chain, count, d);
	}
	EVP_PKEY_free(key);
	if (s == OK) {
		memcpy(c->presented, leaf, sizeof(leaf));
		c->has_presented = true;
	}
	return s;
}

static status
make_context(struct client *c, const char *ca, struct diag *d)
{
	c->context = SSL_CTX_new(TLS_client_method());
	if (c->context == NULL || SSL_CTX_set_min_proto_version(c->context, TLS1_2_VERSION) != 1) {
		return tls_fault(c, "no TLS", d);
	}
	if (SSL_CTX_load_verify_file(c->context, ca) != 1) {
		ERR_clear_error();
		return diag_set(d, BAD_INPUT, "RFC 7468 5",
			"%s: no certificates of the server's CA can be read from it", ca);
	}
	SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c->context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(c->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return OK;
}

status
client_new(const char *url, const char *ca, struct element *e, struct client **out, struct diag *d)
{
	struct client *c = calloc(1, sizeof(*c));
	status s;

	if (c == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for a client");
	}
	c->socket = -1;
	c->element = e;
	buffer_init(&c->in, HTTP_HEADER_MAX + ANSWER_BODY_MAX);
	s = server_url_read(span_text(url), &c->url, d);
	if (s == OK) {
		s = make_context(c, ca, d);
	}
	if (s != OK) {
		client_free(c);
		return s;
	}
	*out = c;
	return OK;
}

void
client_free(struct client *c)
{
	if (c != NULL) {
		client_disconnect(c);
		SSL_CTX_free(c->context);
		buffer_wipe(&c->in);
		free(c);
	}
}
