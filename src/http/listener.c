#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/internal.h"

#define BACKLOG 1024

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

static status
listen_at(struct listener *l, const struct addrinfo *at, const char *address, struct diag *d)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = { .v6 = { 0 } };
	socklen_t len = sizeof(bound);
	int on = 1, off = 0;

	l->fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0) {
		return diag_set(d, IO, NULL, "no socket for %s: %s", address, strerror(errno));
	}
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->ai_family == AF_INET6) {
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (bind(l->fd, at->ai_addr, at->ai_addrlen) != 0 || listen(l->fd, BACKLOG) != 0 ||
		getsockname(l->fd, &bound.any, &len) != 0) {
		diag_set(d, IO, NULL, "cannot listen on %s: %s", address, strerror(errno));
		close(l->fd);
		l->fd = -1;
		return IO;
	}
	l->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	return OK;
}

status
listener_open(struct listener *l, const char *address, struct diag *d)
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
	s = listen_at(l, found, address, d);
	freeaddrinfo(found);
	return s;
}
