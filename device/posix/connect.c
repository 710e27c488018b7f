#include "device/posix/connect.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define ADDRESS_PATIENCE_MS 10000 /* for one address, while there are others */

status
connect_wait(int socket, bool to_write, int64_t until_ms, struct diag *d)
{
	struct pollfd p = { .fd = socket, .events = to_write ? POLLOUT : POLLIN };

	for (;;) {
		int64_t left = until_ms - clock_system.monotonic_ms(&clock_system);
		int n;

		if (left <= 0) {
			return diag_set(d, UNAVAILABLE, NULL, "the server did not answer in time");
		}
		n = poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX);
		if (n > 0) {
			return OK;
		}
		if (n < 0 && errno != EINTR) {
			return diag_set(
				d, IO, NULL, "cannot wait for the server: %s", strerror(errno));
		}
	}
}

static status
connect_address(const struct addrinfo *a, int64_t until_ms, int *out, struct diag *d)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, code = 0;
	socklen_t len = sizeof(code);
	status s = OK;

	if (fd < 0) {
		return diag_set(d, UNAVAILABLE, NULL, "no socket: %s", strerror(errno));
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A long poll over a mobile network: notice that the other side is gone. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
		if (errno != EINPROGRESS) {
			code = errno;
		} else {
			s = connect_wait(fd, true, until_ms, d);
		}
	}
	if (s == OK && code == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0) {
		code = errno;
	}
	if (s == OK && code != 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "%s", strerror(code));
	}
	if (s != OK) {
		close(fd);
		return s;
	}
	*out = fd;
	return OK;
}

/* RFC 6761 6.3: this name is the loopback's, wherever nobody resolves it. */
static const char *
name_to_ask(const char *host)
{
	return strcasecmp(host, "localhost") == 0 ? NULL : host;
}

status
connect_to(const struct server_url *url, int64_t until_ms, int *out, struct diag *d)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct diag last = { 0 };
	status s = UNAVAILABLE;
	int code = getaddrinfo(name_to_ask(url->host), url->port, &hints, &found);

	if (code != 0) {
		return diag_set(d, UNAVAILABLE, NULL, "%s: %s", url->host, gai_strerror(code));
	}
	for (const struct addrinfo *a = found; s != OK && a != NULL; a = a->ai_next) {
		int64_t one = clock_system.monotonic_ms(&clock_system) + ADDRESS_PATIENCE_MS;

		diag_clear(&last);
		s = connect_address(
			a, a->ai_next != NULL && one < until_ms ? one : until_ms, out, &last);
	}
	freeaddrinfo(found);
	return s == OK ? OK : diag_set(d, s, NULL, "%s:%s: %s", url->host, url->port, last.text);
}
