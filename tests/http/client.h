#pragma once
/* A client of the tests: sends what it is told, right or wrong, and reads strictly. Fails the test on any surprise. */
#include <openssl/ssl.h>

#include "support.h"

struct credential {
	EVP_PKEY *key;
	uint8_t *der;
	size_t der_len;
};
/* A self-signed P-256 certificate; `padding` bytes of an extension make it large. */
void credential_make(struct credential *c, const char *name, size_t padding);
/* The same of any key, which it takes. */
void credential_make_of(struct credential *c, const char *name, size_t padding, EVP_PKEY *key);
void credential_wipe(struct credential *c);
span credential_span(const struct credential *c);

struct client {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	char in[1 << 16];
	size_t len;
	int limit_ms;
};

struct client_tls {
	int version;			     /* TLS1_2_VERSION, TLS1_3_VERSION */
	const struct credential *credential; /* NULL: none */
	const struct credential *chain;
	size_t chain_count;
	SSL_SESSION *session; /* to be resumed; NULL: none */
};

void client_open(struct client *c, unsigned port);
/* From another address of the loopback network, as 127.0.0.2. */
void client_open_from(struct client *c, const char *source, unsigned port);
/* False: the handshake failed. */
bool client_secure(struct client *c, const struct client_tls *t);
void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, const void *bytes, size_t len);
/* Whatever of the bytes is taken; false when the peer has closed. */
bool client_send_some(struct client *c, const void *bytes, size_t len);

struct answer {
	int status;
	char head[8192]; /* with its last empty line */
	char *body;	 /* NUL-ended, on the heap */
	size_t body_len;
};
/* One whole reply; false at the end of the connection before its first byte. */
bool client_read(struct client *c, struct answer *a);
/* The same of a HEAD: no body follows. */
bool client_read_head(struct client *c, struct answer *a);
void answer_wipe(struct answer *a);
/* Sends and expects the status; the answer's body is compared unless NULL. */
void client_ask(struct client *c, const char *request, int status, const char *body);
bool answer_has(const struct answer *a, const char *line);
/* True: the server has closed, without a further byte. */
bool client_has_ended(struct client *c);
void client_close(struct client *c);
