#pragma once
/*
 * A client for the benchmarks: connections over loopback that stay open, HTTP/1.1 on them, many requests in flight from
 * one thread. It asks as little of the machine as it can: no check of the server's chain. Faults end the benchmark.
 */
#include <openssl/ssl.h>

#include "base/buffer.h"
#include "base/span.h"

struct wire {
	int socket;
	SSL *tls;      /* NULL: plain */
	bool is_asked; /* wire_go has sent its request */
};

/* TLS 1.3 on P-256, AES-128 and SHA-256. Free with SSL_CTX_free. */
SSL_CTX *wire_context(void);
/* To 127.0.0.1; `context` NULL: plain; certificate and key NULL: nobody. */
void wire_open(struct wire *w, unsigned port, SSL_CTX *context, X509 *certificate, EVP_PKEY *key);
void wire_close(struct wire *w);
/* The same, of TLS, begun only: it waits for nothing. */
void wire_dial(struct wire *w, unsigned port, SSL_CTX *context, X509 *certificate, EVP_PKEY *key);
/*
 * Goes on with one that was dialled as far as it can: handshake, request, answer into `answer`, which is empty at first. The
 * answer's status; 0: not yet, to be called again when the socket is ready for `events` (of epoll).
 */
int wire_go(struct wire *w, span request, struct buffer *answer, uint32_t *events);

void wire_send(struct wire *w, span request);
/* One whole answer: its status, its body into `body` in place of what was there. Needs a Content-Length. */
int wire_receive(struct wire *w, struct buffer *body);

/* Request i is requests[i % request_count], on wires[i % wire_count]. Every answer must be 2xx. */
struct wire_load {
	struct wire *wires;
	size_t wire_count;
	const span *requests;
	size_t request_count;
	size_t count;
	size_t in_flight;				      /* at most wire_count */
	void (*answered)(void *context, size_t i, span body); /* may be NULL */
	void *context;
};
void wire_drive(const struct wire_load *l);
