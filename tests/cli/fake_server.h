#pragma once
/*
 * A server of the tests' own: TLS on a free port of 127.0.0.1, each request
 * answered by the next step of a script. What was asked is kept to be looked at.
 */
#include "base/arena.h"

#define FAKE_REQUESTS_MAX 64

struct fake_step {
	const char *
		answer; /* the whole answer, header and body; NULL: close without one: the answer is lost */
};

struct fake_request {
	char method[16], path[512], key[128], authorization[128], content_type[64];
	char *body;
	size_t body_len;
};

struct fake_server;

/* Answers `steps` in their order; a request after the last one gets 500. `folder` gets root.pem and other.pem
 * (a root that did not sign the server's certificate). */
struct fake_server *fake_start(const char *folder, const struct fake_step *steps, size_t count);
/* Another way: a function answers. The whole answer is freed by the server; NULL: close. */
typedef char *fake_handler(void *context, const struct fake_request *r);
struct fake_server *fake_start_handler(const char *folder, fake_handler *handler, void *context);
const char *fake_url(const struct fake_server *s); /* https://127.0.0.1:port */
size_t fake_request_count(struct fake_server *s);
const struct fake_request *fake_request(struct fake_server *s, size_t at);
void fake_stop(struct fake_server *s);

/* NAME.pem in the folder, a certificate of its own making, and NAME.key; kind "EC" or "RSA". */
void fake_certificate(const char *folder, const char *name, const char *kind);

/* "HTTP/1.1 200 ..." with length and content type, on the heap. */
char *fake_bytes(int http_status, const char *content_type, span body);
char *fake_answer(int http_status, const char *content_type, const char *headers, const char *body);
