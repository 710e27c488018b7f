#include "idle.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

static void
ask_once(struct wire *w, struct buffer *body)
{
	static const char request[] =
		"GET /ca/" STAGE_ISSUER ".cer HTTP/1.1\r\nHost: localhost\r\n\r\n";

	wire_send(w, span_text(request));
	bench_check(wire_receive(w, body) == 200, "an idle connection got no answer");
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

struct holding {
	const struct crowd *crowd;
	size_t count;
};

/* The holder: says what one costs when all are open; its exit status, whether they still were at the end. */
static int
hold(void *context, int in, int out)
{
	const struct holding *h = context;
	const struct crowd *c = h->crowd;
	struct wire *wires = calloc(h->count, sizeof(*wires));
	double before, each;
	struct buffer body;

	bench_check(wires != NULL, "no memory");
	SSL_CTX_set_mode(c->context, SSL_MODE_RELEASE_BUFFERS);
	buffer_init(&body, 1 << 20);
	before = stage_resident_mib(getpid());
	for (size_t i = 0; i < h->count; i++) {
		crowd_connect(c, i % c->count, &wires[i]);
		ask_once(&wires[i], &body);
	}
	each = 1024 * (stage_resident_mib(getpid()) - before) / (double)h->count;
	helper_ready(in, out, &each, sizeof(each));
	return all_are_open(wires, h->count) ? 0 : 1;
}

void
idle_open(struct idle *i, const struct crowd *c, size_t count)
{
	struct holding h = { c, count };

	helper_open(&i->holder, hold, &h, &i->client_kib, sizeof(i->client_kib));
}

void
idle_close(struct idle *i)
{
	bench_check(helper_close(&i->holder) == 0, "an idle connection was closed meanwhile");
}
