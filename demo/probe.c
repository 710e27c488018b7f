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

#include "device/posix/slot_key.h"

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

/* The line "# slot: N" at the head of the file. */
static status
read_slot(const char *file, unsigned *slot, struct diag *d)
{
	FILE *in = fopen(file, "re");
	char line[128];
	bool found = false;

	while (in != NULL && !found && fgets(line, sizeof(line), in) != NULL) {
		found = sscanf(line, "# slot: %u", slot) == 1;
	}
	if (in != NULL) {
		fclose(in);
	}
	return found ? OK : diag_set(d, NOT_FOUND, NULL, "%s names no slot", file);
}

/* The private half stays where it is: the context's key only asks the element. */
static status
take_identity(struct probe *p, const struct probe_identity *who, struct diag *d)
{
	EVP_PKEY *key = NULL;
	unsigned slot = 0;
	status s = read_slot(who->file, &slot, d);

	if (s == OK) {
		s = element_open(who->element, ".", &p->element, d);
	}
	if (s == OK) {
		s = slot_key_new(p->element, slot, &key, d);
	}
	if (s == OK && (SSL_CTX_use_certificate_chain_file(p->context, who->file) != 1 ||
			       SSL_CTX_use_PrivateKey(p->context, key) != 1)) {
		s = tls_fault(d, who->file);
	}
	EVP_PKEY_free(key);
	return s;
}

status
probe_open(struct probe *p, const char *host_port, const struct probe_identity *who, const char *ca,
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
		SSL_CTX_load_verify_locations(p->context, ca, NULL) != 1) {
		return tls_fault(d, ca);
	}
	SSL_CTX_set_verify(p->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(
		p->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p->context, keep_session);
	return take_identity(p, who, d);
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
	element_close(p->element);
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

static status
read_answer(struct probe *p, struct probe_answer *out, struct diag *d)
{
	char text[8192] = "";
	const char *body;
	size_t len = 0;

	while (len < sizeof(text) - 1 && !is_whole(text, len)) {
		int n = SSL_read(p->tls, text + len, (int)(sizeof(text) - 1 - len));

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

static status
ask(struct probe *p, const char *request, int len, struct probe_answer *out, struct diag *d)
{
	*out = (struct probe_answer){ 0 };
	if (p->tls == NULL) {
		return diag_set(d, UNAVAILABLE, NULL, "there is no connection");
	}
	out->was_resumed = SSL_session_reused(p->tls) == 1;
	return len > 0 && SSL_write(p->tls, request, len) == len
		       ? read_answer(p, out, d)
		       : tls_fault(d, "the request was not taken");
}

status
probe_get(struct probe *p, const char *path, struct probe_answer *out, struct diag *d)
{
	char request[512];
	int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s:%u\r\n\r\n", path,
		p->host, p->port);

	return ask(p, request, n < (int)sizeof(request) ? n : -1, out, d);
}

status
probe_post(struct probe *p, const struct probe_body *body, struct probe_answer *out, struct diag *d)
{
	char request[8192];
	int n = snprintf(request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: %s:%u\r\nContent-Type: %s\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		body->path, p->host, p->port, body->type, strlen(body->text), body->text);

	return ask(p, request, n < (int)sizeof(request) ? n : -1, out, d);
}
