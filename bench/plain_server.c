#include "plain_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "http/server.h"

static void
fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static bool
answer_at_once(struct exchange *x)
{
	const span *body = x->context;

	reply_bytes(x, 200, "application/ocsp-response", *body);
	return true;
}

static void
answer(struct exchange *x)
{
	(void)answer_at_once(x);
}

static void __attribute__((noreturn)) serve(span body, int in, int out)
{
	static const struct route routes[] = {
		{ HTTP_POST, "/same", answer, 4096, answer_at_once },
		{ 0 },
	};
	static const struct route *const tables[] = { routes };
	const struct router router = { .tables = tables, .table_count = 1, .context = &body };
	const struct http_options o = { .listens = { { "127.0.0.1:0", false, &router } },
		.listen_count = 1,
		.clock = &clock_system };
	struct http_server *server;
	struct diag d = { 0 };
	unsigned port;
	char byte;

	bench_must(http_server_start(&o, &server, &d), &d);
	port = http_server_port(server, 0);
	if (write(out, &port, sizeof(port)) != sizeof(port) || read(in, &byte, 1) != 0) {
		fail("the plain server was left alone");
	}
	http_server_stop(server, 1000);
	_exit(0);
}

void
plain_server_open(struct plain_server *p, span body)
{
	int to[2], from[2];

	fflush(stdout);
	if (pipe(to) != 0 || pipe(from) != 0 || (p->pid = fork()) < 0) {
		fail("no process for the plain server");
	}
	if (p->pid == 0) {
		close(to[1]);
		close(from[0]);
		serve(body, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	p->pipe = to[1];
	if (read(from[0], &p->port, sizeof(p->port)) != sizeof(p->port)) {
		fail("the plain server ended");
	}
	close(from[0]);
}

void
plain_server_close(struct plain_server *p)
{
	close(p->pipe);
	(void)waitpid(p->pid, NULL, 0);
}
