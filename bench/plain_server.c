#include "plain_server.h"

#include "bench.h"
#include "http/server.h"

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

static int
serve(void *context, int in, int out)
{
	static const struct route routes[] = {
		{ HTTP_POST, "/same", answer, 4096, answer_at_once },
		{ 0 },
	};
	static const struct route *const tables[] = { routes };
	const struct router router = { .tables = tables, .table_count = 1, .context = context };
	const struct http_options o = { .listens = { { "127.0.0.1:0", false, &router } },
		.listen_count = 1,
		.clock = &clock_system };
	struct http_server *server;
	struct diag d = { 0 };
	unsigned port;

	bench_must(http_server_start(&o, &server, &d), &d);
	port = http_server_port(server, 0);
	helper_ready(in, out, &port, sizeof(port));
	http_server_stop(server, 1000);
	return 0;
}

void
plain_server_open(struct plain_server *p, span body)
{
	helper_open(&p->process, serve, &body, &p->port, sizeof(p->port));
}

void
plain_server_close(struct plain_server *p)
{
	(void)helper_close(&p->process);
}
