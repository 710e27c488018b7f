#include "http/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/pool.h"
#include "http/crowd.h"
#include "http/gather.h"
#include "http/internal.h"
#include "http/loop.h"

/* One address cannot shut out the others. */
static size_t
address_share(size_t connections_max)
{
	size_t share = connections_max / HTTP_ADDRESS_DIVISOR;

	return share > HTTP_ADDRESS_MIN ? share : HTTP_ADDRESS_MIN;
}

static void
fill_in(struct http_options *o)
{
	o->loops = o->loops > 0 ? o->loops : processors();
	o->workers = o->workers > 0 ? o->workers : 2 * processors();
	o->queue_max = o->queue_max > 0 ? o->queue_max : HTTP_QUEUE_MAX;
	o->connections_max = o->connections_max > 0 ? o->connections_max : HTTP_CONNECTIONS_MAX;
	o->bodies_max = o->bodies_max > 0 ? o->bodies_max : HTTP_BODIES_MAX;
	o->address_max = o->address_max > 0 ? o->address_max : address_share(o->connections_max);
	o->backlog = o->backlog > 0 ? o->backlog : HTTP_BACKLOG;
	o->header_max = o->header_max > 0 && o->header_max < HTTP_HEADER_MAX ? o->header_max
									     : HTTP_HEADER_MAX;
	o->body_unasked = o->body_unasked > 0 ? o->body_unasked : HTTP_BODY_UNASKED;
	o->handshake_timeout_ms =
		o->handshake_timeout_ms > 0 ? o->handshake_timeout_ms : HTTP_HANDSHAKE_MS;
	o->rate_min = o->rate_min > 0 ? o->rate_min : HTTP_RATE_MIN;
	o->linger_ms = o->linger_ms > 0 ? o->linger_ms : HTTP_LINGER_MS;
	o->linger_max = o->linger_max > 0 ? o->linger_max : HTTP_LINGER_MAX;
	o->sessions_max = o->sessions_max > 0 ? o->sessions_max : TLS_SESSIONS_MAX;
	o->session_lifetime_s =
		o->session_lifetime_s > 0 ? o->session_lifetime_s : TLS_SESSION_LIFETIME_S;
	o->header_timeout_ms = o->header_timeout_ms > 0 ? o->header_timeout_ms : HTTP_HEADER_MS;
	o->body_timeout_ms = o->body_timeout_ms > 0 ? o->body_timeout_ms : HTTP_BODY_MS;
	o->idle_timeout_ms = o->idle_timeout_ms > 0 ? o->idle_timeout_ms : HTTP_IDLE_MS;
	o->gather_gap_ms = o->gather_gap_ms > 0 ? o->gather_gap_ms : GATHER_GAP_MS;
	o->clock = o->clock != NULL ? o->clock : &clock_system;
}

/* Every part may be missing. The loops' threads and the workers have ended, or never began. */
static void
server_free(struct http_server *s)
{
	for (unsigned i = 0; s->loops != NULL && i < s->loop_count; i++) {
		loop_free(s->loops[i]);
	}
	for (size_t i = 0; i < s->listener_count; i++) {
		if (s->listeners[i].fd >= 0 && !atomic_load(&s->keeps_listeners)) {
			close(s->listeners[i].fd);
		}
	}
	free(s->loops);
	parks_free(s->parks);
	gatherings_free(s->gatherings);
	tls_free(s->tls);
	free(s);
}

void
http_server_stop(struct http_server *s, int64_t drain_ms)
{
	/* The drain is a promise to whoever stops the service: in real time, whatever the server's clock. */
	int64_t until = clock_system.monotonic_ms(&clock_system) + (drain_ms > 0 ? drain_ms : 0);

	if (s == NULL) {
		return;
	}
	atomic_store(&s->is_stopping, true);
	for (unsigned i = 0; i < s->loop_count; i++) {
		loop_stop(s->loops[i], until);
	}
	for (unsigned i = 0; i < s->loop_count; i++) {
		loop_join(s->loops[i]);
	}
	atomic_store(&s->is_ending, true);
	pool_free(s->pool);
	server_free(s);
}

void
http_server_stop_keeping(struct http_server *s, int64_t drain_ms, int sockets[4])
{
	for (size_t i = 0; i < s->listener_count; i++) {
		sockets[i] = s->listeners[i].fd;
	}
	atomic_store(&s->keeps_listeners, true);
	http_server_stop(s, drain_ms);
}

static status
open_listener(const struct http_options *o, const struct http_listen *from, struct listener *l,
	struct diag *d)
{
	status e = OK;

	l->source.kind = SOURCE_LISTENER;
	l->fd = -1;
	l->is_tls = from->is_tls;
	l->router = from->router;
	if (from->proxies != NULL) {
		l->is_proxied = true;
		e = address_list_read(from->proxies, &l->proxies, d);
		if (e != OK) {
			diag_prefix(d, "the PROXY protocol's balancers: ");
		}
	}
	if (e != OK) {
		return e;
	}
	return from->has_socket ? listener_take(l, from->socket, d)
				: listener_open(l, from->address, o->backlog, d);
}

static status
open_listeners(struct http_server *s, struct diag *d)
{
	for (size_t i = 0; i < s->options.listen_count; i++) {
		status e = open_listener(&s->options, &s->options.listens[i], &s->listeners[i], d);

		s->listener_count = i + 1;
		if (e != OK) {
			return e;
		}
	}
	return OK;
}

static status
make_loops(struct http_server *s)
{
	s->loops = calloc(s->options.loops, sizeof(struct loop *));
	if (s->loops == NULL) {
		return NO_MEMORY;
	}
	for (unsigned i = 0; i < s->options.loops; i++) {
		status e = loop_new(s, i == 0, &s->loops[i]);

		if (e != OK) {
			return e;
		}
		s->loop_count++;
	}
	return OK;
}

static status
start_threads(struct http_server *s)
{
	status e = pool_new(s->options.workers, s->options.queue_max, &s->pool);

	if (e == OK) {
		e = gatherings_new(s->pool, s->options.gather_gap_ms, &s->gatherings);
	}

	/* The last loop first: the first one accepts, and hands on to the others. */
	for (unsigned i = s->loop_count; e == OK && i > 0; i--) {
		e = loop_start(s->loops[i - 1]);
	}
	return e;
}

status
http_server_start(const struct http_options *o, struct http_server **out, struct diag *d)
{
	struct http_server *s;
	status e;

	if (o->listen_count == 0 || o->listen_count > COUNT_OF(o->listens)) {
		return diag_set(d, BUG, NULL, "a server listens on 1 to 4 addresses");
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the server");
	}
	s->options = *o;
	fill_in(&s->options);
	crowd_init(s);
	e = open_listeners(s, d);
	if (e != OK) {
		server_free(s);
		return e;
	}
	e = tls_new(s->options.sessions_max, s->options.session_lifetime_s, &s->tls);
	if (e == OK) {
		e = parks_new(&s->parks);
	}
	if (e == OK) {
		e = make_loops(s);
	}
	if (e == OK) {
		e = start_threads(s);
	}
	if (e != OK) {
		http_server_stop(s, 0);
		return diag_set(d, e, NULL, "the server's threads cannot be started");
	}
	*out = s;
	return OK;
}

void
http_server_open(struct http_server *s)
{
	loop_open(s->loops[0]);
}

unsigned
http_server_port(const struct http_server *s, size_t at)
{
	return at < s->listener_count ? s->listeners[at].port : 0;
}

const char *
http_server_address(const struct http_server *s, size_t at)
{
	return at < s->listener_count ? s->listeners[at].address : "";
}

status
http_server_identity(
	struct http_server *s, const span *chain, size_t count, EVP_PKEY *key, struct diag *d)
{
	return tls_identity(s->tls, chain, count, key, d);
}

void
http_server_wake(struct http_server *s, uint64_t topic)
{
	parks_wake(s->parks, topic);
}

void
http_server_counters(const struct http_server *s, struct http_counters *out)
{
	const struct counters *c = &s->counters;

	*out = (struct http_counters){
		.connections = atomic_load(&c->connections),
		.connections_open = atomic_load(&c->connections_open),
		.connections_refused = atomic_load(&c->connections_refused),
		.connections_evicted = atomic_load(&c->connections_evicted),
		.handshakes = atomic_load(&c->handshakes),
		.handshakes_resumed = atomic_load(&c->handshakes_resumed),
		.handshakes_failed = atomic_load(&c->handshakes_failed),
		.requests = atomic_load(&c->requests),
		.requests_bad = atomic_load(&c->requests_bad),
		.timeouts = atomic_load(&c->timeouts),
		.queue_full = atomic_load(&c->queue_full),
		.parked = atomic_load(&c->parked),
	};
	for (size_t i = 0; i < REFUSAL_COUNT; i++) {
		out->refusals[i] = atomic_load(&c->refusals[i]);
	}
}
