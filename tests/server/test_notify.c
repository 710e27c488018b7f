#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "server/notify.h"

static int
manager(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	memcpy(at.sun_path, name, len);
	if (name[0] == '@') {
		at.sun_path[0] = '\0';
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&at,
				    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
expect(int fd, const char *start)
{
	char got[256];
	ssize_t len = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_true(len > 0);
	got[len] = '\0';
	assert_memory_equal(start, got, strlen(start));
}

static void
test_both_kinds_of_address(void **state)
{
	char path[64], abstract[64];
	snprintf(path, sizeof(path), "/tmp/tenure-notify-%d", (int)getpid());
	snprintf(abstract, sizeof(abstract), "@tenure-notify-%d", (int)getpid());
	const char *names[] = { path, abstract };
	for (int i = 0; i < 2; i++) {
		int fd = manager(names[i]);
		notify("READY=1");
		expect(fd, "READY=1");
		notify_reloading();
		expect(fd, "RELOADING=1\nMONOTONIC_USEC=");
		close(fd);
	}
	unlink(path);
}

static void
test_nobody_listens(void **state)
{
	setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
	notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_kinds_of_address),
		cmocka_unit_test(test_nobody_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
