#include "idle.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void
fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static void
ask_once(struct wire *w, struct buffer *body)
{
	static const char request[] =
		"GET /ca/" STAGE_ISSUER ".cer HTTP/1.1\r\nHost: localhost\r\n\r\n";

	wire_send(w, span_text(request));
	if (wire_receive(w, body) != 200) {
		fail("an idle connection got no answer");
	}
}

static bool
all_are_open(struct wire *wires, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pollfd p = { .fd = wires[i].socket, .events = POLLRDHUP };

		if (poll(&p, 1, 0) != 0) {
			return false;
		}
	}
	return true;
}

/* The holder: one byte when all are open, one more when they still were at the end. */
static void __attribute__((noreturn)) hold(const struct crowd *c, size_t count, int in, int out)
{
	struct wire *wires = calloc(count, sizeof(*wires));
	double before, each;
	struct buffer body;
	char byte;

	if (wires == NULL) {
		fail("no memory");
	}
	SSL_CTX_set_mode(c->context, SSL_MODE_RELEASE_BUFFERS);
	buffer_init(&body, 1 << 20);
	before = stage_resident_mib(getpid());
	for (size_t i = 0; i < count; i++) {
		crowd_connect(c, i % c->count, &wires[i]);
		ask_once(&wires[i], &body);
	}
	each = 1024 * (stage_resident_mib(getpid()) - before) / (double)count;
	if (write(out, &each, sizeof(each)) != sizeof(each) || read(in, &byte, 1) != 0) {
		fail("the holder of connections was left alone");
	}
	_exit(all_are_open(wires, count) ? 0 : 1);
}

void
idle_open(struct idle *i, const struct crowd *c, size_t count)
{
	int to[2], from[2];

	fflush(stdout);
	if (pipe(to) != 0 || pipe(from) != 0 || (i->pid = fork()) < 0) {
		fail("no process for connections");
	}
	if (i->pid == 0) {
		close(to[1]);
		close(from[0]);
		hold(c, count, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	i->pipe = to[1];
	if (read(from[0], &i->client_kib, sizeof(i->client_kib)) != sizeof(i->client_kib)) {
		fail("the holder of connections ended");
	}
	close(from[0]);
}

void
idle_close(struct idle *i)
{
	int how = 0;

	close(i->pipe);
	if (waitpid(i->pid, &how, 0) != i->pid || !WIFEXITED(how) || WEXITSTATUS(how) != 0) {
		fail("an idle connection was closed meanwhile");
	}
}
