#pragma once
/*
 * A device's TLS client laid bare: what a fleet engineer would do with s_client, to see that a revocation bites on new,
 * resumed and kept-alive connections.
 */
#include <openssl/ssl.h>

#include "device/element/element.h"

struct probe {
	SSL_CTX *context;
	struct element *element; /* signs for it */
	SSL *tls;		 /* the connection under way, or NULL */
	SSL_SESSION *session;	 /* of the last connection, for resumption */
	int socket;
	char host[64];
	unsigned port;
};

struct probe_answer {
	int http_status; /* 0: the connection was refused before an answer */
	bool was_resumed;
	char body[2048];
};

/* As the agent keeps it: "# slot: N" and the chain, PEM; and the element with that slot. */
struct probe_identity {
	const char *file, *element;
};
/* `ca`: PEM of the server's root. `version`: TLS1_2_VERSION or TLS1_3_VERSION. */
MUST_USE status probe_open(struct probe *p, const char *host_port, const struct probe_identity *who,
	const char *ca, int version, struct diag *d);
void probe_close(struct probe *p);

/* A new connection; resumes the last session if `resume`. */
MUST_USE status probe_connect(struct probe *p, bool resume, struct diag *d);
/* GET on the open connection; it stays open where the server keeps it. */
MUST_USE status probe_get(
	struct probe *p, const char *path, struct probe_answer *out, struct diag *d);
/* POST of a body that is text. */
struct probe_body {
	const char *path, *type, *text;
};
MUST_USE status probe_post(
	struct probe *p, const struct probe_body *body, struct probe_answer *out, struct diag *d);
void probe_disconnect(struct probe *p);
