#pragma once
/*
 * What a handler sees: the request, who sent it, and the reply that it fills. A handler runs on a worker
 * thread, from top to bottom, may block for the store and the signer, and returns with the reply complete.
 *
 * Waiting (a long poll) is not blocking: the handler says `reply_park` with a topic and a time and
 * returns; it runs again from the top when somebody wakes the topic or the time is over.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "http/address.h"
#include "http/request.h"

/* The other side. Lives as long as the exchange. */
struct http_peer {
	bool is_tls;
	bool is_resumed;
	const char *protocol;		/* "TLSv1.3"; "" without TLS */
	char address[ADDRESS_TEXT_MAX]; /* "192.0.2.1:40000" */
	span certificate;	   /* the leaf, DER; empty: none was given. Possession is proven */
	uint8_t fingerprint[32];   /* its SHA-256 */
	span chain[CHAIN_LEN_MAX]; /* what came with it, DER, the leaf not among them */
	size_t chain_count;
	uint8_t tls_unique[64]; /* RFC 5929 3, TLS 1.2 only */
	size_t tls_unique_len;
	uint8_t tls_exporter[32]; /* RFC 9266: TLS 1.3 with a client certificate, where the */
	size_t tls_exporter_len;  /* route is linked */
};

struct http_reply {
	int status;
	const char *content_type; /* static, or in the arena */
	struct buffer headers;	  /* whole further lines, each ended by CR LF */
	struct buffer body;
	int file; /* -1, or a file whose first `file_size` bytes are the body; closed by the server */
	uint64_t file_size;
	bool closes;	/* the connection, after this reply */
	bool is_secret; /* the body is not to stay in any memory that it passed through */
	bool is_parked;
	uint64_t park_topic;
	int64_t park_until_ms; /* on the monotonic clock */
};

#define HTTP_TOGETHER_MAX 256 /* exchanges of one call; bounds the wait of the first */
#define ROUTE_PARAMETERS_MAX 4

struct exchange {
	const struct http_request *request;
	const struct http_peer *peer;
	struct arena *arena; /* REQUEST_ARENA_MAX; dropped after the reply */
	unsigned worker;     /* number of the thread: per-thread readers and the like */
	const struct clock *clock;
	bool is_last_try;		       /* the time of its park is over: answer now */
	char id[ID_TEXT_LEN + 1];	       /* of the request; also in the reply's Request-Id */
	span parameters[ROUTE_PARAMETERS_MAX]; /* of the route's {..}, decoded, in order */
	span rest;     /* of a route that ends in "*": the raw rest of the path */
	void *context; /* the router's */
	struct http_reply reply;
};

/* A value with a line break or another control character makes the reply a 500. */
void reply_header(struct exchange *x, const char *name, const char *value);
/* Copies the body. `content_type` static or in the arena; NULL: none. */
void reply_bytes(struct exchange *x, int status, const char *content_type, span body);
/* The same, for a body that is appended to what is returned. */
struct buffer *reply_open(struct exchange *x, int status, const char *content_type);
/* A 204 or another without a body. */
void reply_empty(struct exchange *x, int status);
/* Starts a JSON body: write by w (it appends to the reply's body). */
void reply_json(struct exchange *x, int status, struct json_writer *w);
/* Takes the descriptor. */
void reply_file(struct exchange *x, int status, const char *content_type, int file, uint64_t size);
/* RFC 9457: type "/problems/<the diag's kind, or the status's name with dashes>", title, status, detail, and "clause" where a standard
 * speaks; the HTTP status by status_http. */
void reply_problem(struct exchange *x, const struct diag *d);
/* The same with an HTTP status of its own (401, 405, 415 ...). 429 and 503 get `Retry-After: 1`, where the handler has not
 * set another one before. */
void reply_problem_as(struct exchange *x, int http_status, const char *detail);
/*
 * Run me again when `topic` is woken, at the latest after wait_ms; also when the client is gone or the server
 * stops. The first park of an exchange sets its end; a later wait_ms changes nothing. The arena and what the reply
 * had are dropped between the runs. On the last try the exchange must be answered.
 */
void reply_park(struct exchange *x, uint64_t topic, int64_t wait_ms);
