#include "http/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/crowd.h"

#define EVENTS 256
#define ACCEPTS 64	    /* in one go */
#define ACCEPT_PAUSE_MS 200 /* when descriptors or memory are out */

#define FULL_PAUSE_MS 5 /* when the workers' queue is full */

/* --- the mail --- */

/* Under the lock. One ring until the loop has looked. */
static bool
needs_ring(struct loop *l)
{
	bool needs = !l->was_rung;

	l->was_rung = true;
	return needs;
}

static void
ring(struct loop *l)
{
	uint64_t one = 1;

	/* Can only fail when the counter is full, after 2^64 rings. */
	if (write(l->bell, &one, sizeof(one)) < 0 && errno != EAGAIN) {
		log_event(LOG_ERROR, "loop_bell", "error=\"%s\"", strerror(errno));
	}
}

void
loop_post(struct work *w, enum work_news news)
{
	struct loop *l = w->connection->loop;
	bool rings;

	w->news = news;
	w->next = NULL;
	pthread_mutex_lock(&l->lock);
	if (l->last_mail != NULL) {
		l->last_mail->next = w;
	} else {
		l->mail = w;
	}
	l->last_mail = w;
	rings = needs_ring(l);
	pthread_mutex_unlock(&l->lock);
	if (rings) {
		ring(l);
	}
}

void
loop_stop(struct loop *l, int64_t drain_until_ms)
{
	pthread_mutex_lock(&l->lock);
	l->must_stop = true;
	l->drain_until_ms = drain_until_ms;
	l->was_rung = true;
	pthread_mutex_unlock(&l->lock);
	ring(l);
}

void
loop_open(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->must_open = true;
	l->was_rung = true;
	pthread_mutex_unlock(&l->lock);
	ring(l);
}

void
loop_evict(struct loop *l)
{
	bool rings;

	atomic_fetch_add(&l->evictions, 1);
	pthread_mutex_lock(&l->lock);
	rings = needs_ring(l);
	pthread_mutex_unlock(&l->lock);
	if (rings) {
		ring(l);
	}
}

static void
send_arrival(struct loop *l, struct connection *c)
{
	bool rings;

	c->loop = l;
	pthread_mutex_lock(&l->lock);
	c->next = l->arrivals;
	l->arrivals = c;
	rings = needs_ring(l);
	pthread_mutex_unlock(&l->lock);
	if (rings) {
		ring(l);
	}
}

/* --- accepting --- */

static struct loop *
emptiest(struct http_server *s)
{
	struct loop *best = s->loops[0];

	for (unsigned i = 1; i < s->loop_count; i++) {
		if (atomic_load(&s->loops[i]->open) < atomic_load(&best->open)) {
			best = s->loops[i];
		}
	}
	return best;
}

static void
admit(struct loop *l, const struct listener *from, int fd, const struct sockaddr_storage *address,
	const char *text)
{
	struct http_server *s = l->server;
	struct connection *c;
	struct loop *to;
	uint32_t slot;

	count(&s->counters.connections);
	if (from->is_proxied && !address_list_has(&from->proxies, address)) {
		count(&s->counters.connections_refused);
		count_refusal(s, REFUSAL_PROXY_FROM);
		close(fd);
		return;
	}
	if (!crowd_enter(s, from->is_proxied ? NULL : address, &slot)) {
		count(&s->counters.connections_refused);
		close(fd);
		return;
	}
	c = connection_new(fd, from, text);
	if (c == NULL) {
		count(&s->counters.connections_refused);
		crowd_leave(s, slot);
		return;
	}
	c->crowd_slot = slot;
	to = atomic_load(&s->is_stopping) ? l : emptiest(s); /* the others may have ended */
	atomic_fetch_add(&to->open, 1);
	if (to == l) {
		c->loop = l;
		connection_begin(c);
	} else {
		send_arrival(to, c);
	}
}

static void
listen_again(struct loop *l, bool accepts)
{
	struct http_server *s = l->server;

	for (size_t i = 0; i < s->listener_count; i++) {
		struct epoll_event event = { .events = accepts ? EPOLLIN : 0,
			.data.ptr = &s->listeners[i] };

		epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->listeners[i].fd, &event);
	}
	l->accepts_again_ms = accepts ? 0 : l->now_ms + ACCEPT_PAUSE_MS;
}

static void
accept_some(struct loop *l, struct listener *from)
{
	for (int i = 0; i < ACCEPTS && from->fd >= 0; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t len = sizeof(address);
		char text[ADDRESS_TEXT_MAX];
		int fd = accept4(
			from->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			address_text(&address, text);
			admit(l, from, fd, &address, text);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* The listener stays readable: not to look at it for a while is not to spin. */
			log_event(LOG_WARNING, "accept_paused", "error=\"%s\"", strerror(errno));
			listen_again(l, false);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void
close_listeners(struct loop *l)
{
	struct http_server *s = l->server;

	for (size_t i = 0; l->is_first && i < s->listener_count; i++) {
		if (atomic_load(&s->keeps_listeners)) {
			(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->listeners[i].fd, NULL);
			continue;
		}
		close(s->listeners[i].fd);
		s->listeners[i].fd = -1;
	}
	l->accepts = false;
}

static void
begin_stop(struct loop *l)
{
	struct connection *older;

	l->is_stopping = true;
	/* Who stands in the queue of the kernel believes that he is connected; unless somebody else takes him. */
	bool takes = l->accepts && !atomic_load(&l->server->keeps_listeners);

	for (size_t i = 0; takes && i < l->server->listener_count; i++) {
		accept_some(l, &l->server->listeners[i]);
	}
	close_listeners(l);
	for (struct connection *c = l->connections; c != NULL; c = older) {
		older = c->older;
		connection_stop(c);
	}
}

static void
read_mail(struct loop *l)
{
	struct connection *arrivals;
	struct work *mail;
	bool must_stop, must_open;

	pthread_mutex_lock(&l->lock);
	mail = l->mail;
	arrivals = l->arrivals;
	must_stop = l->must_stop;
	must_open = l->must_open;
	l->must_open = false;
	l->mail = l->last_mail = NULL;
	l->arrivals = NULL;
	l->was_rung = false;
	pthread_mutex_unlock(&l->lock);
	while (arrivals != NULL) {
		struct connection *c = arrivals;

		arrivals = c->next;
		connection_begin(c);
		if (l->is_stopping) {
			connection_stop(c);
		}
	}
	while (mail != NULL) {
		struct work *w = mail;

		mail = w->next;
		connection_mail(w->connection, w);
	}
	if (must_open && !l->is_stopping) {
		l->accepts = true;
		listen_again(l, true);
	}
	if (must_stop && !l->is_stopping) {
		begin_stop(l);
	}
}

/* --- rounds --- */

static void
handle(struct loop *l, const struct epoll_event *event)
{
	struct source *source = event->data.ptr;

	switch (source->kind) {
	case SOURCE_CONNECTION:
		connection_event((struct connection *)source, event->events);
		break;
	case SOURCE_LISTENER:
		accept_some(l, (struct listener *)source);
		break;
	case SOURCE_BELL:
		break; /* the mail is read in every round */
	}
}

static void
run_again(struct loop *l)
{
	struct connection *list = l->again;

	l->again = NULL;
	while (list != NULL) {
		struct connection *c = list;

		list = c->next;
		c->is_again = false;
		connection_turn(c);
	}
}

static void
run_waiting(struct loop *l)
{
	while (l->waiting != NULL && l->reruns < l->reruns_max) {
		struct connection *c = l->waiting;
		struct connection *next = c->next_waiting;

		if (!connection_rerun(c)) {
			return;
		}
		l->waiting = next;
		if (next == NULL) {
			l->last_waiting = NULL;
		}
	}
}

static void
fire_timers(struct loop *l)
{
	struct timer *t;

	while ((t = wheel_due(&l->wheel, l->now_ms)) != NULL) {
		connection_timeout(
			(struct connection *)((char *)t - offsetof(struct connection, timer)));
	}
	if (l->accepts_again_ms != 0 && l->now_ms >= l->accepts_again_ms && l->accepts) {
		listen_again(l, true);
	}
}

static void
free_dead(struct loop *l)
{
	struct connection *list = l->dead;

	l->dead = NULL;
	while (list != NULL) {
		struct connection *c = list;

		list = c->older;
		if (c->is_again) {
			c->older = l->dead; /* still on the other list: next round */
			l->dead = c;
		} else {
			free(c->peer_block);
			free(c);
		}
	}
}

static int64_t
smaller_wait(int64_t a, int64_t b)
{
	if (a < 0) {
		return b;
	}
	return b >= 0 && b < a ? b : a;
}

static int
wait_ms(const struct loop *l)
{
	int64_t wait = wheel_wait_ms(&l->wheel, l->now_ms);

	if (l->again != NULL) {
		return 0;
	}
	if (l->server->options.clock != &clock_system && wait > WHEEL_TICK_MS) {
		wait = WHEEL_TICK_MS; /* a clock that others move can jump */
	}
	if (l->waiting != NULL && l->reruns < l->reruns_max) {
		wait = smaller_wait(wait, FULL_PAUSE_MS);
	}
	if (l->accepts_again_ms != 0) {
		wait = smaller_wait(wait, ACCEPT_PAUSE_MS);
	}
	if (l->is_stopping) {
		int64_t left = l->drain_until_ms - clock_system.monotonic_ms(&clock_system);

		wait = smaller_wait(wait, left > 0 ? left : 0);
	}
	return (int)wait;
}

static bool
has_ended(const struct loop *l)
{
	return l->is_stopping &&
	       (l->connections == NULL ||
		       clock_system.monotonic_ms(&clock_system) >= l->drain_until_ms);
}

static void *
run(void *argument)
{
	struct loop *l = argument;
	struct epoll_event events[EVENTS];

	while (!has_ended(l)) {
		int n = epoll_wait(l->epoll, events, EVENTS, wait_ms(l));

		l->now_ms = l->server->options.clock->monotonic_ms(l->server->options.clock);
		for (int i = 0; i < n; i++) {
			handle(l, &events[i]);
		}
		read_mail(l);
		run_again(l);
		fire_timers(l);
		run_waiting(l);
		crowd_evict(l);
		free_dead(l);
	}
	return NULL;
}

/* --- what connections borrow --- */

uint8_t *
loop_input_take(struct loop *l)
{
	return l->spare_input_count > 0 ? l->spare_inputs[--l->spare_input_count]
					: malloc(INPUT_ROOM);
}

void
loop_input_give(struct loop *l, uint8_t *input)
{
	if (l->spare_input_count < SPARE_MAX) {
		l->spare_inputs[l->spare_input_count++] = input;
	} else {
		free(input);
	}
}

struct work *
loop_work_take(struct loop *l)
{
	struct work *w = l->spare_works;

	if (w == NULL) {
		return work_new(l->server);
	}
	l->spare_works = w->next;
	l->spare_work_count--;
	return w;
}

void
loop_work_give(struct loop *l, struct work *w)
{
	if (l->spare_work_count == SPARE_MAX) {
		work_free(w);
		return;
	}
	work_reset(w);
	w->next = l->spare_works;
	l->spare_works = w;
	l->spare_work_count++;
}

/* --- beginning and end --- */

static status
watch_listeners(struct loop *l)
{
	struct http_server *s = l->server;

	for (size_t i = 0; i < s->listener_count; i++) {
		struct epoll_event event = { .events = s->options.is_held ? 0 : EPOLLIN,
			.data.ptr = &s->listeners[i] };

		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->listeners[i].fd, &event) != 0) {
			return IO;
		}
	}
	l->accepts = !s->options.is_held;
	return OK;
}

status
loop_start(struct loop *l)
{
	if (pthread_create(&l->thread, NULL, run, l) != 0) {
		return UNAVAILABLE;
	}
	l->is_started = true;
	return OK;
}

void
loop_join(struct loop *l)
{
	if (l->is_started) {
		pthread_join(l->thread, NULL);
		l->is_started = false;
	}
}

void
loop_free(struct loop *l)
{
	struct connection *older;

	if (l == NULL) {
		return;
	}
	/* No worker is there any more: what comes back finds its connection closed. */
	l->is_stopping = true;
	for (struct connection *c = l->connections; c != NULL; c = older) {
		older = c->older;
		connection_drop(c);
	}
	read_mail(l);
	l->reruns_max = SIZE_MAX;
	run_waiting(l);
	run_again(l);
	free_dead(l);
	for (unsigned i = 0; i < l->spare_input_count; i++) {
		free(l->spare_inputs[i]);
	}
	while (l->spare_works != NULL) {
		struct work *w = l->spare_works;

		l->spare_works = w->next;
		work_free(w);
	}
	if (l->epoll >= 0) {
		close(l->epoll);
	}
	if (l->bell >= 0) {
		close(l->bell);
	}
	pthread_mutex_destroy(&l->lock);
	free(l->scratch);
	free(l);
}

status
loop_new(struct http_server *s, bool is_first, struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct epoll_event bell = { .events = EPOLLIN |
					      EPOLLET }; /* each ring wakes; it need not be read */

	if (l == NULL) {
		return NO_MEMORY;
	}
	l->server = s;
	l->is_first = is_first;
	l->reruns_max = s->options.queue_max / 2 / s->options.loops + 1;
	l->bell_source.kind = SOURCE_BELL;
	pthread_mutex_init(&l->lock, NULL);
	l->now_ms = s->options.clock->monotonic_ms(s->options.clock);
	wheel_init(&l->wheel, l->now_ms);
	l->scratch = malloc(SCRATCH_ROOM);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bell.data.ptr = &l->bell_source;
	if (l->scratch == NULL || l->epoll < 0 || l->bell < 0 ||
		epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->bell, &bell) != 0 ||
		(is_first && watch_listeners(l) != OK)) {
		loop_free(l);
		return IO;
	}
	*out = l;
	return OK;
}
