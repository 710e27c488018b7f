#pragma once
/*
 * Asks the server: one connection, kept; TLS checked against the given root only; HTTP/1.1.
 *
 * A write carries an Idempotency-Key of its own making, so that one whose answer was lost on the way is
 * asked again without being done twice. 503 and 429 are waited for as the server says.
 */
#include "base/buffer.h"
#include "base/secret.h"
#include "base/span.h"

#define CLIENT_REPLY_MAX \
	(256 << 20) /* of one answer: a bulk answer to a thousand entries is 1 MiB */

struct client;

struct client_options {
	const char *server;	 /* https://host:port */
	const char *ca;		 /* PEM file */
	const char *token_file;	 /* or NULL */
	const char *certificate; /* PEM file, or NULL */
	const char *key;
	long timeout_s;	 /* of one request */
	long backoff_ms; /* before the second try; doubled each time; 0: 200 */
};

/* DENIED: a token file that others can read; BAD_INPUT, NOT_FOUND, IO in words. */
MUST_USE status client_new(const struct client_options *o, struct client **out, struct diag *d);
void client_free(struct client *c);

struct client_request {
	const char *method;
	const char *path;	  /* with its query */
	const char *content_type; /* NULL without a body: application/json with one */
	span body;
	/* The server keeps no answer to this write, so that it takes no Idempotency-Key (authorities, operators, bulk).
	 * Then it is asked again after a lost connection only if doing it twice does no harm. */
	bool is_keyless, is_repeatable;
	long timeout_s; /* 0: the client's */
};

struct client_reply {
	int http_status;
	struct buffer body;
	bool was_repeated; /* an earlier try may have been done: its codes are not shown again */
};

/*
 * OK for a 2xx answer. Else the answer's problem (RFC 9457) as status and words; UNAVAILABLE when the server cannot be
 * reached or keeps saying so; CRYPTO when its certificate is not the root's. Wipe the reply in any case.
 */
MUST_USE status client_send(
	struct client *c, const struct client_request *r, struct client_reply *out, struct diag *d);
void client_reply_wipe(struct client_reply *r);

/* Refuses a file that others can read: what it holds must be secret. `what` is "token". */
MUST_USE status secret_file_read(
	const char *path, const char *what, size_t max, struct secret *out, struct diag *d);
