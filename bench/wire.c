#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "bench.h"

#define ANSWER_MAX (1 << 20)
#define READ_ROOM 16384

static void
fail(const char *what)
{
	int why = errno;

	ERR_print_errors_fp(stderr);
	bench_fail("%s: %s", what, strerror(why));
}

SSL_CTX *
wire_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL || SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
		SSL_CTX_set1_groups_list(c, "P-256") != 1 ||
		SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256") != 1) {
		fail("no TLS context");
	}
	return c;
}

/* `extra`: of the socket's kind. */
static void
dial(struct wire *w, unsigned port, int extra)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	*w = (struct wire){ .socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | extra, 0) };
	if (w->socket < 0 || (connect(w->socket, (struct sockaddr *)&to, sizeof(to)) != 0 &&
				     errno != EINPROGRESS)) {
		fail("no connection");
	}
	(void)setsockopt(w->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
begin_tls(struct wire *w, SSL_CTX *context, X509 *certificate, EVP_PKEY *key)
{
	w->tls = SSL_new(context);
	if (w->tls == NULL || SSL_set_fd(w->tls, w->socket) != 1 ||
		(certificate != NULL && (SSL_use_certificate(w->tls, certificate) != 1 ||
						SSL_use_PrivateKey(w->tls, key) != 1))) {
		fail("no TLS");
	}
	SSL_set_connect_state(w->tls);
}

void
wire_open(struct wire *w, unsigned port, SSL_CTX *context, X509 *certificate, EVP_PKEY *key)
{
	dial(w, port, 0);
	if (context == NULL) {
		return;
	}
	begin_tls(w, context, certificate, key);
	if (SSL_do_handshake(w->tls) != 1) {
		fail("the handshake went wrong");
	}
}

void
wire_dial(struct wire *w, unsigned port, SSL_CTX *context, X509 *certificate, EVP_PKEY *key)
{
	dial(w, port, SOCK_NONBLOCK);
	begin_tls(w, context, certificate, key);
}

void
wire_close(struct wire *w)
{
	if (w->tls != NULL) {
		(void)SSL_shutdown(w->tls);
		SSL_free(w->tls);
	}
	close(w->socket);
	*w = (struct wire){ .socket = -1 };
}

void
wire_send(struct wire *w, span request)
{
	ssize_t sent = w->tls != NULL ? SSL_write(w->tls, request.data, (int)request.len)
				      : write(w->socket, request.data, request.len);

	if (sent != (ssize_t)request.len) {
		fail("a request was not taken");
	}
}

/* Where the body begins and ends once all of the head is there; else false. */
static bool
measure(const struct buffer *b, size_t *head, size_t *whole)
{
	static const char field[] = "\r\nContent-Length:";
	const uint8_t *end = memmem(b->data, b->len, "\r\n\r\n", 4), *length;

	if (end == NULL) {
		return false;
	}
	*head = (size_t)(end - b->data) + 4;
	length = memmem(b->data, *head, field, sizeof(field) - 1);
	if (length == NULL) {
		errno = EPROTO;
		fail("an answer without a length");
	}
	/* A digit of the length is followed by CR: strtoul ends there. */
	*whole = *head + strtoul((const char *)length + sizeof(field) - 1, NULL, 10);
	return true;
}

/* All of it is there, `head` bytes and the body behind: the status; its body alone stays. */
static int
take_whole(struct buffer *body, size_t head, size_t whole)
{
	int http_status;

	if (buffer_failed(body) || body->len != whole || head < 13) {
		fail("an answer of another length than it says");
	}
	http_status = (int)strtol((const char *)body->data + 9, NULL, 10);
	memmove(body->data, body->data + head, whole - head);
	body->len = whole - head;
	return http_status;
}

int
wire_receive(struct wire *w, struct buffer *body)
{
	uint8_t room[READ_ROOM];
	size_t head = 0, whole = SIZE_MAX;

	buffer_clear(body);
	while (body->len < whole) {
		ssize_t n = w->tls != NULL ? SSL_read(w->tls, room, sizeof(room))
					   : read(w->socket, room, sizeof(room));

		if (n <= 0) {
			fail("the connection ended before the answer");
		}
		buffer_put(body, span_of(room, (size_t)n));
		if (whole == SIZE_MAX && !measure(body, &head, &whole)) {
			continue;
		}
	}
	return take_whole(body, head, whole);
}

/* 0: the socket has to be ready first, for `events`. */
static int
go(struct wire *w, int n, uint32_t *events)
{
	int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(w->tls, n);

	if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
		fail("the connection ended before the answer");
	}
	*events = why == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN;
	return n > 0 ? n : 0;
}

int
wire_go(struct wire *w, span request, struct buffer *answer, uint32_t *events)
{
	uint8_t room[READ_ROOM];
	size_t head = 0, whole = SIZE_MAX;

	ERR_clear_error();
	if (!w->is_asked) {
		w->is_asked = go(w, SSL_write(w->tls, request.data, (int)request.len), events) > 0;
	}
	while (w->is_asked && answer->len < whole) {
		int n = go(w, SSL_read(w->tls, room, sizeof(room)), events);

		if (n == 0) {
			return 0;
		}
		buffer_put(answer, span_of(room, (size_t)n));
		(void)measure(answer, &head, &whole);
	}
	return w->is_asked ? take_whole(answer, head, whole) : 0;
}

static void
take(const struct wire_load *l, size_t i, struct buffer *body)
{
	int http_status = wire_receive(&l->wires[i % l->wire_count], body);

	if (http_status / 100 != 2) {
		fprintf(stderr, "bench: request %zu: %d %.*s\n", i, http_status, (int)body->len,
			(const char *)body->data);
		exit(1);
	}
	if (l->answered != NULL) {
		l->answered(l->context, i, buffer_span(body));
	}
}

void
wire_drive(const struct wire_load *l)
{
	struct buffer body;

	buffer_init(&body, ANSWER_MAX);
	for (size_t i = 0; i < l->count + l->in_flight; i++) {
		if (i >= l->in_flight) {
			take(l, i - l->in_flight, &body);
		}
		if (i < l->count) {
			wire_send(&l->wires[i % l->wire_count], l->requests[i % l->request_count]);
		}
	}
	buffer_wipe(&body);
}
