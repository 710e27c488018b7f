/* Where a connection goes: what the resolver is asked, with a resolver that knows no name. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

#include "base/clock.h"
#include "device/posix/connect.h"

int __real_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);

int
__wrap_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	return node != NULL ? EAI_NONAME : __real_getaddrinfo(node, service, hints, out);
}

static int
listen_on_loopback(char port[8])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(port, 8, "%u", (unsigned)ntohs(a.sin_port));
	return fd;
}

static status
reach(const char *host, const char *port)
{
	int64_t until_ms = clock_system.monotonic_ms(&clock_system) + 5000;
	struct server_url url = { 0 };
	struct diag d = { 0 };
	int fd = -1;
	status s;

	snprintf(url.host, sizeof(url.host), "%s", host);
	snprintf(url.port, sizeof(url.port), "%s", port);
	s = connect_to(&url, until_ms, &fd, &d);
	if (fd >= 0) {
		close(fd);
	}
	return s;
}

static void
localhost_needs_no_resolver(void **state)
{
	char port[8];
	int fd = listen_on_loopback(port);

	(void)state;
	assert_int_equal(reach("localhost", port), OK);
	assert_int_equal(reach("LocalHost", port), OK);
	assert_int_equal(reach("localhost.example", port), UNAVAILABLE);
	assert_int_equal(reach("else", port), UNAVAILABLE);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(localhost_needs_no_resolver) };

	return cmocka_run_group_tests_name("device connect", tests, NULL, NULL);
}
