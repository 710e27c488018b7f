#pragma once
/* One TLS connection of a device to the stand, by libssl itself: for what curl cannot say. */
#include <openssl/ssl.h>

#include "stand.h"

struct talk {
	struct stand *stand;
	SSL_CTX *context;
	SSL *ssl;
};

/* `version`: TLS1_2_VERSION or TLS1_3_VERSION, and no other. */
void talk_open(struct talk *t, struct stand *s, const char *identity, int version);
void talk_close(struct talk *t);

enum talk_link { LINK_NONE, LINK_UNIQUE, LINK_EXPORTER, LINK_WRONG };
/* What ties a request to this connection; 0: nothing. */
size_t talk_binding(struct talk *t, enum talk_link link, uint8_t out[64]);
/* The HTTP status; the whole answer in the stand's arena. The connection can be closed then. */
int talk_post(struct talk *t, const char *path, const char *type, span body, const char **answer);
/* The two halves of it, for many at the same time. */
void talk_send(struct talk *t, const char *path, const char *type, span body);
int talk_receive(struct talk *t, const char **answer);
