#pragma once
/*
 * Bytes in and out of one non-blocking socket, plain or TLS. No system call is made
 * that the last event or a short count says is in vain: with edge-triggered events the flags below are
 * all the state that there is. SIGPIPE cannot happen. One thread at a time.
 */
#include <openssl/ssl.h>

#include "base/span.h"

struct transport {
	int fd;
	SSL *ssl;		  /* NULL: plain */
	bool may_read, may_write; /* set by events, cleared by a short count */
	bool has_ended; /* the peer has sent its last byte (or the connection is broken) */
	bool is_broken; /* TLS failed: no orderly end any more */
	/*
	 * What the handshake said last (a ticket, under TLS 1.2 its Finished) waits for the reply to go out with, or for the
	 * next moment in which nothing comes: one system call and one packet less.
	 */
	bool holds; /* what is written now may wait */
	uint8_t *held;
	size_t held_len;
};

/* What a call came to, where it is not a count of bytes above 0. */
enum { TRANSPORT_WAIT = 0, TRANSPORT_END = -1 };

/* Puts the SSL on the socket. `t` must not move from now on. False: no memory. */
bool transport_secure(struct transport *t, SSL *ssl);
/* 1: the handshake is done. */
int transport_accept(struct transport *t);
ssize_t transport_read(struct transport *t, uint8_t *out, size_t room);
/* After TRANSPORT_WAIT the same bytes must be offered again. */
ssize_t transport_write(struct transport *t, span bytes);
/* Says that nothing will follow (close_notify, FIN); what still comes may be thrown away below. */
void transport_finish(struct transport *t);
/* Reads what is there past TLS, into nowhere. */
ssize_t transport_discard(struct transport *t, uint8_t *scratch, size_t room);
/* Closes the socket; frees the SSL. */
void transport_close(struct transport *t);
