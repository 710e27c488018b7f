#pragma once
/*
 * HTTPS to the one server: TLS 1.2 or 1.3, the server's chain verified to the
 * given anchors only and its name to the address asked for; one connection,
 * kept while the identity stays; answers bounded; redirects are answers like others.
 *
 * On libssl directly, not libcurl: keys that only sign must reach libssl anyway, and libcurl would bring
 * some thirty libraries onto a small device for one GET and one POST.
 * One thread.
 */
#include "base/arena.h"
#include "base/limits.h"
#include "device/core/http_answer.h"
#include "device/element/element.h"

#define ANSWER_BODY_MAX \
	(128 << 10) /* a CMS of CMS_CERTIFICATES_MAX certificates in base64, well filled */

struct client;

/* `ca`: PEM file of the anchors. `e` is borrowed as long as the client lives. */
MUST_USE status client_new(
	const char *url, const char *ca, struct element *e, struct client **out, struct diag *d);
void client_free(struct client *c);

/*
 * Speak from now on by this slot's key and this chain (DER, leaf first), whatever
 * connection was open before. Nothing happens if it is the same as before.
 */
MUST_USE status client_present(
	struct client *c, unsigned slot, const span *chain, size_t count, struct diag *d);
void client_disconnect(struct client *c);

struct client_request {
	const char *method;	  /* "GET", "POST" */
	const char *target;	  /* "/device/v1/state" */
	const char *content_type; /* NULL: no body */
	span body;
	int64_t patience_s; /* in all, from the first byte sent to the last read */
};

struct client_answer {
	struct http_answer http; /* its spans are in the arena */
	span body;		 /* in the arena */
};

/*
 * OK whatever the status code is. UNAVAILABLE: not reached, or no whole answer in time; DENIED: the server refused our
 * certificate in the handshake; CRYPTO: its own certificate is not one of the anchors' or of another name; BAD_INPUT,
 * LIMIT: its answer. Repeats by itself once, on a new connection, when a kept one was found closed: requests
 * must be such that a repetition does no harm.
 */
MUST_USE status client_ask(struct client *c, struct arena *a, const struct client_request *r,
	struct client_answer *out, struct diag *d);
