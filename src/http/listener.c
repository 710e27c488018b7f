#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/internal.h"

/* "127.0.0.1:8443", "[::]:8443", "localhost:8443". */
static bool
split_address(const char *address, char host[256], char port[8])
{
	const char *colon = strrchr(address, ':');
	const char *from = address;
	size_t len;

	if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) >= 8) {
		return false;
	}
	len = (size_t)(colon - address);
	if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
		from++;
		len -= 2;
	}
	if (len >= 256) {
		return false;
	}
	memcpy(host, from, len);
	host[len] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return true;
}

/* Fills port and address from the socket. */
static bool
read_bound(struct listener *l)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t len = sizeof(bound);
	const char *colon;

	if (getsockname(l->fd, (struct sockaddr *)&bound, &len) != 0 ||
		(bound.ss_family != AF_INET && bound.ss_family != AF_INET6)) {
		return false;
	}
	address_text(&bound, l->address);
	colon = strrchr(l->address, ':');
	l->port = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
	return colon != NULL;
}

/* Its connections inherit it (tcp(7)): a reply does not wait for the acknowledgement of what went before. */
static void
send_at_once(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static status
listen_at(struct listener *l, const struct addrinfo *at, const char *address, int backlog,
	struct diag *d)
{
	int on = 1, off = 0;

	l->fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0) {
		return diag_set(d, IO, NULL, "no socket for %s: %s", address, strerror(errno));
	}
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	send_at_once(l->fd);
	if (at->ai_family == AF_INET6) {
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (bind(l->fd, at->ai_addr, at->ai_addrlen) != 0 || listen(l->fd, backlog) != 0 ||
		!read_bound(l)) {
		diag_set(d, IO, NULL, "cannot listen on %s: %s", address, strerror(errno));
		close(l->fd);
		l->fd = -1;
		return IO;
	}
	return OK;
}

/* The value of a socket's own option, -1 where it has none. */
static int
option_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

status
listener_take(struct listener *l, int fd, struct diag *d)
{
	int flags = fcntl(fd, F_GETFL);

	l->fd = fd;
	if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1 ||
		!read_bound(l)) {
		return diag_set(d, BAD_INPUT, NULL,
			"descriptor %d is no listening TCP socket: it was to be one by whoever "
			"started the server",
			fd);
	}
	send_at_once(fd);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		return diag_set(d, IO, NULL, "descriptor %d: %s", fd, strerror(errno));
	}
	return OK;
}

status
listener_open(struct listener *l, const char *address, int backlog, struct diag *d)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[256], port[8];
	status s;
	int e;

	l->fd = -1;
	if (!split_address(address, host, port)) {
		return diag_set(d, BAD_INPUT, NULL,
			"\"%s\" is not an address and a port, as 127.0.0.1:8443", address);
	}
	e = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
	if (e != 0) {
		return diag_set(d, IO, NULL, "cannot listen on %s: %s", address, gai_strerror(e));
	}
	s = listen_at(l, found, address, backlog, d);
	freeaddrinfo(found);
	return s;
}
