#include "arrivals.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

#define ANSWER_MAX (1 << 20)
#define EVENTS 64
#define WAIT_MS 30000 /* nothing comes for so long: the server is stuck */

/* One that is under way. */
struct arrival {
	struct wire wire;
	size_t unit;
	struct buffer answer;
	uint32_t waits_for;
};

struct drive {
	const struct arrivals *asked;
	struct arrival *places;
	int watch;
	size_t begun, ended;
};

static void
watch(struct drive *d, struct arrival *a, int operation, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = a };

	bench_check(epoll_ctl(d->watch, operation, a->wire.socket, &e) == 0, "epoll_ctl");
	a->waits_for = events;
}

static span
request_of(const struct drive *d, const struct arrival *a)
{
	const struct arrivals *asked = d->asked;

	return asked->request.len > 0 ? asked->request : asked->crowd->units[a->unit].enrol;
}

static void
begin(struct drive *d, struct arrival *a)
{
	const struct arrivals *asked = d->asked;

	a->unit = asked->first + d->begun++;
	buffer_clear(&a->answer);
	crowd_dial(asked->crowd, a->unit, &a->wire);
	watch(d, a, EPOLL_CTL_ADD, EPOLLOUT);
}

/* What it got; its place is free for the next one. */
static void
end(struct drive *d, struct arrival *a, int http_status)
{
	const struct arrivals *asked = d->asked;

	bench_check(http_status == 200, "an answer that is not 200");
	if (asked->request.len == 0) {
		crowd_enrolled(asked->crowd, a->unit, buffer_span(&a->answer));
	}
	wire_close(&a->wire);
	d->ended++;
	if (d->begun < asked->count) {
		begin(d, a);
	}
}

static void
go_on(struct drive *d, struct arrival *a)
{
	uint32_t events;
	int http_status = wire_go(&a->wire, request_of(d, a), &a->answer, &events);

	if (http_status != 0) {
		end(d, a, http_status);
	} else if (events != a->waits_for) {
		watch(d, a, EPOLL_CTL_MOD, events);
	}
}

void
arrivals_drive(const struct arrivals *asked)
{
	size_t places = asked->in_flight < asked->count ? asked->in_flight : asked->count;
	struct drive d = { .asked = asked,
		.places = calloc(places, sizeof(*d.places)),
		.watch = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event ready[EVENTS];

	bench_check(d.places != NULL && d.watch >= 0, "no memory for the arrivals");
	for (size_t i = 0; i < places; i++) {
		buffer_init(&d.places[i].answer, ANSWER_MAX);
		begin(&d, &d.places[i]);
	}
	while (d.ended < asked->count) {
		int n = epoll_wait(d.watch, ready, EVENTS, WAIT_MS);

		bench_check(n > 0, "no answer comes");
		for (int i = 0; i < n; i++) {
			go_on(&d, ready[i].data.ptr);
		}
	}
	for (size_t i = 0; i < places; i++) {
		buffer_wipe(&d.places[i].answer);
	}
	free(d.places);
	close(d.watch);
}
