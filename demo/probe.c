#include "demo/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>

#define LIMIT_S 10

static status
tls_fault(struct diag *d, const char *what)
{
	char text[160];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return diag_set(d, UNAVAILABLE, NULL, "%s: %s", what, text);
}

/* Under TLS 1.3 the session comes after the handshake. */
static int
keep_session(SSL *tls, SSL_SESSION *session)
{
	struct probe *p = SSL_get_app_data(tls);

	SSL_SESSION_free(p->session);
	p->session = session;
	return 1; /* we keep the reference */
}

status
probe_open(struct probe *p, const char *host_port, const char *identity, const char *ca,
	int version, struct diag *d)
{
	const char *colon = strrchr(host_port, ':');

	*p = (struct probe){ .socket = -1 };
	if (colon == NULL || (size_t)(colon - host_port) >= sizeof(p->host)) {
		return diag_set(d, BAD_INPUT, NULL, "%s: no HOST:PORT", host_port);
	}
	snprintf(p->host, sizeof(p->host), "%.*s", (int)(colon - host_port), host_port);
	p->port = (unsigned)strtoul(colon + 1, NULL, 10);
	p->context = SSL_CTX_new(TLS_client_method());
	if (p->context == NULL || SSL_CTX_set_min_proto_version(p->context, version) != 1 ||
		SSL_CTX_set_max_proto_version(p->context, version) != 1 ||
		SSL_CTX_load_verify_locations(p->context, ca, NULL) != 1 ||
		SSL_CTX_use_certificate_chain_file(p->context, identity) != 1 ||
		SSL_CTX_use_PrivateKey_file(p->context, identity, SSL_FILETYPE_PEM) != 1) {
		return tls_fault(d, identity);
	}
	SSL_CTX_set_verify(p->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(
		p->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p->context, keep_session);
	return OK;
}

void
probe_disconnect(struct probe *p)
{
	if (p->tls != NULL) {
		(void)SSL_shutdown(p->tls);
		SSL_free(p->tls);
		p->tls = NULL;
	}
	if (p->socket >= 0) {
		close(p->socket);
		p->socket = -1;
	}
	ERR_clear_error();
}

void
probe_close(struct probe *p)
{
	probe_disconnect(p);
	SSL_SESSION_free(p->session);
	SSL_CTX_free(p->context);
	*p = (struct probe){ .socket = -1 };
}

static status
connect_socket(struct probe *p, struct diag *d)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p->port) };
	const struct timeval limit = { .tv_sec = LIMIT_S };
	int on = 1;

	if (inet_pton(AF_INET, p->host, &to.sin_addr) != 1) {
		return diag_set(d, BAD_INPUT, NULL, "%s: no IPv4 address", p->host);
	}
	p->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->socket < 0 || connect(p->socket, (struct sockaddr *)&to, sizeof(to)) != 0) {
		return diag_set(
			d, UNAVAILABLE, NULL, "%s:%u: %s", p->host, p->port, strerror(errno));
	}
	(void)setsockopt(p->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(p->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return OK;
}

status
probe_connect(struct probe *p, bool resume, struct diag *d)
{
	status s;

	probe_disconnect(p);
	s = p->context != NULL
		    ? connect_socket(p, d)
		    : diag_set(d, CONFLICT, NULL, "there is no identity to connect with");
	if (s != OK) {
		return s;
	}
	p->tls = SSL_new(p->context);
	if (p->tls == NULL || SSL_set_fd(p->tls, p->socket) != 1) {
		return tls_fault(d, "no TLS connection");
	}
	SSL_set_app_data(p->tls, p);
	if (resume && (p->session == NULL || SSL_set_session(p->tls, p->session) != 1)) {
		return diag_set(d, CONFLICT, NULL, "there is no session to resume");
	}
	return SSL_connect(p->tls) == 1 ? OK : tls_fault(d, "the handshake was refused");
}

/* The whole answer is there once its Content-Length is. */
static bool
is_whole(const char *text, size_t len)
{
	const char *body = memmem(text, len, "\r\n\r\n", 4);
	const char *length = strcasestr(text, "\r\ncontent-length:");

	return body != NULL && length != NULL && length < body &&
	       len - (size_t)(body + 4 - text) >= strtoul(length + 17, NULL, 10);
}

status
probe_get(struct probe *p, const char *path, struct probe_answer *out, struct diag *d)
{
	char request[512], text[8192] = "";
	size_t len = 0;
	int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s:%u\r\n\r\n", path,
		p->host, p->port);
	const char *body;

	*out = (struct probe_answer){ 0 };
	if (p->tls == NULL) {
		return diag_set(d, UNAVAILABLE, NULL, "there is no connection");
	}
	out->was_resumed = SSL_session_reused(p->tls) == 1;
	if (n < 0 || (size_t)n >= sizeof(request) || SSL_write(p->tls, request, n) != n) {
		return tls_fault(d, "the request was not taken");
	}
	while (len < sizeof(text) - 1 && !is_whole(text, len)) {
		n = SSL_read(p->tls, text + len, (int)(sizeof(text) - 1 - len));
		if (n <= 0) {
			return tls_fault(d, "the connection ended before the answer");
		}
		len += (size_t)n;
		text[len] = '\0';
	}
	if (strncmp(text, "HTTP/1.1 ", 9) != 0) {
		return diag_set(d, UNAVAILABLE, NULL, "no HTTP answer");
	}
	out->http_status = (int)strtol(text + 9, NULL, 10);
	body = strstr(text, "\r\n\r\n");
	snprintf(out->body, sizeof(out->body), "%s", body != NULL ? body + 4 : "");
	return OK;
}
