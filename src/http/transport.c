#include "http/transport.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/err.h>

#define HELD_MAX 1024 /* a ticket of ours has 200 bytes */

/* --- the socket --- */

static ssize_t
socket_read(struct transport *t, void *out, size_t room)
{
	ssize_t n;

	if (!t->may_read) {
		errno = EAGAIN;
		return -1;
	}
	do {
		n = recv(t->fd, out, room, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0) {
		t->has_ended = true;
	}
	/* A short count means that the socket is empty (epoll(7)), unless an end is to be read behind it. */
	if ((n < 0 && errno == EAGAIN) || (n > 0 && (size_t)n < room && !t->has_ended)) {
		t->may_read = false;
	}
	return n;
}

static ssize_t
socket_write(struct transport *t, const void *bytes, size_t len)
{
	ssize_t n;

	if (!t->may_write) {
		errno = EAGAIN;
		return -1;
	}
	do {
		n = send(t->fd, bytes, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if ((n < 0 && errno == EAGAIN) || (n >= 0 && (size_t)n < len)) {
		t->may_write = false;
	}
	return n;
}

/* What was held goes first, in the same call. The count is that of `bytes` alone. */
static ssize_t
socket_write_held(struct transport *t, const void *bytes, size_t len)
{
	struct iovec parts[] = { { t->held, t->held_len }, { (void *)(uintptr_t)bytes, len } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (!t->may_write) {
		errno = EAGAIN;
		return -1;
	}
	do {
		n = sendmsg(t->fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if ((n < 0 && errno == EAGAIN) || (n >= 0 && (size_t)n < t->held_len + len)) {
		t->may_write = false;
	}
	if (n < 0) {
		return n;
	}
	if ((size_t)n < t->held_len) {
		t->held_len -= (size_t)n;
		memmove(t->held, t->held + n, t->held_len);
		errno = EAGAIN;
		return -1;
	}
	n -= (ssize_t)t->held_len;
	free(t->held);
	t->held = NULL;
	t->held_len = 0;
	if (n == 0 && len > 0) {
		errno = EAGAIN;
		return -1;
	}
	return n;
}

/* False: it cannot be kept, and goes out at once. */
static bool
hold(struct transport *t, const void *bytes, size_t len)
{
	if (!t->holds || len > HELD_MAX - t->held_len) {
		return false;
	}
	if (t->held == NULL) {
		t->held = malloc(HELD_MAX);
	}
	if (t->held == NULL) {
		return false;
	}
	memcpy(t->held + t->held_len, bytes, len);
	t->held_len += len;
	return true;
}

/* Sends what was held, as far as it is taken; a fault shows at the next read or write. */
static void
let_go(struct transport *t)
{
	if (t->held_len > 0) {
		(void)socket_write_held(t, NULL, 0);
	}
}

static ssize_t
outcome(ssize_t n)
{
	if (n > 0) {
		return n;
	}
	return n < 0 && errno == EAGAIN ? TRANSPORT_WAIT : TRANSPORT_END;
}

/* --- the socket, for libssl: the two functions above instead of its own BIO's read and write --- */

static int
bio_read(BIO *bio, char *out, int room)
{
	ssize_t n = socket_read(BIO_get_data(bio), out, (size_t)room);

	BIO_clear_retry_flags(bio);
	if (n < 0 && errno == EAGAIN) {
		BIO_set_retry_read(bio);
	}
	return (int)n;
}

static int
bio_write(BIO *bio, const char *bytes, int len)
{
	struct transport *t = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (hold(t, bytes, (size_t)len)) {
		return len;
	}
	n = t->held_len > 0 ? socket_write_held(t, bytes, (size_t)len)
			    : socket_write(t, bytes, (size_t)len);
	if (n < 0 && errno == EAGAIN) {
		BIO_set_retry_write(bio);
	}
	return (int)n;
}

static long
bio_control(BIO *bio, int command, long number, void *pointer)
{
	const struct transport *t = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF) {
		return t->has_ended;
	}
	return command == BIO_CTRL_FLUSH;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void
make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
	if (method != NULL) {
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_control);
	}
}

bool
transport_secure(struct transport *t, SSL *ssl)
{
	BIO *bio;

	pthread_once(&once, make_method);
	bio = method != NULL ? BIO_new(method) : NULL;
	if (bio == NULL) {
		SSL_free(ssl);
		return false;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	t->ssl = ssl;
	return true;
}

/* --- both --- */

static int
judge(struct transport *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		t->has_ended = true;
		return TRANSPORT_END;
	case SSL_ERROR_SYSCALL:
		/* The connection is gone, nothing was wrong with TLS: the session may be resumed, as after a goodbye. */
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		t->is_broken = true;
		return TRANSPORT_END;
	default:
		t->is_broken = true;
		return TRANSPORT_END;
	}
}

int
transport_accept(struct transport *t)
{
	int n;

	ERR_clear_error();
	t->holds = true;
	n = SSL_do_handshake(t->ssl);
	t->holds = false;
	if (n == 1) {
		/* Only from here on: while hands are shaken each record would take and give its buffer anew. */
		SSL_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
		return 1;
	}
	let_go(t);
	return judge(t, n);
}

ssize_t
transport_read(struct transport *t, uint8_t *out, size_t room)
{
	int n;

	if (t->ssl == NULL) {
		return outcome(socket_read(t, out, room));
	}
	ERR_clear_error();
	n = SSL_read(t->ssl, out, room < INT_MAX ? (int)room : INT_MAX);
	if (n > 0) {
		return n;
	}
	n = judge(t, n);
	if (n == TRANSPORT_WAIT) {
		let_go(t);
	}
	return n;
}

ssize_t
transport_write(struct transport *t, span bytes)
{
	int n;

	if (t->ssl == NULL) {
		return outcome(socket_write(t, bytes.data, bytes.len));
	}
	ERR_clear_error();
	n = SSL_write(t->ssl, bytes.data, bytes.len < INT_MAX ? (int)bytes.len : INT_MAX);
	return n > 0 ? n : judge(t, n);
}

static void
say_goodbye(struct transport *t)
{
	if (t->ssl == NULL || t->is_broken || !SSL_is_init_finished(t->ssl)) {
		return;
	}
	ERR_clear_error();
	let_go(t);
	if (t->has_ended && (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN) != 0) {
		/* He has said goodbye and gone: a last word would only be answered by a reset. The session stays good for resumption. */
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	} else if ((SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) == 0) {
		SSL_shutdown(t->ssl);
	}
}

void
transport_finish(struct transport *t)
{
	say_goodbye(t);
	shutdown(t->fd, SHUT_WR);
}

ssize_t
transport_discard(struct transport *t, uint8_t *scratch, size_t room)
{
	return outcome(socket_read(t, scratch, room));
}

void
transport_close(struct transport *t)
{
	say_goodbye(t);
	SSL_free(t->ssl);
	t->ssl = NULL;
	free(t->held);
	t->held = NULL;
	t->held_len = 0;
	if (t->fd >= 0) {
		close(t->fd);
	}
	t->fd = -1;
	ERR_clear_error();
}
