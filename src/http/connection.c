#include "http/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "http/crowd.h"
#include "http/loop.h"
#include "http/proxy.h"
#include "http/reply_head.h"

#define TURN 32		     /* steps of one connection before the others have theirs */
#define STOP_GRACE_MS 1000   /* for a first request, when the server stops */
#define PIECE_MAX (16 << 10) /* of a reply at once: a TLS record's content */
#define WATCHED (EPOLLIN | EPOLLRDHUP | EPOLLET)

void
body_timer_set(struct connection *c)
{
	struct loop *l = c->loop;
	int64_t time_ms = l->server->options.body_timeout_ms;
	int64_t idle_until = l->now_ms + time_ms;
	int64_t slow_until = c->moving_since_ms + time_ms +
			     (int64_t)(c->moved / l->server->options.rate_min) * 1000;

	wheel_set(&l->wheel, &c->timer, idle_until < slow_until ? idle_until : slow_until);
}

/* --- the handshake --- */

/* Not before the first byte has come: who connects and is silent costs no memory of libssl's. */
static enum step
begin_handshake(struct connection *c)
{
	struct loop *l = c->loop;
	SSL *ssl;

	if (!c->transport.may_read) {
		return STEP_WAIT;
	}
	ssl = tls_ssl_new(l->server->tls);
	if (ssl == NULL || !transport_secure(&c->transport, ssl)) {
		count(&l->server->counters.handshakes_failed);
		count_refusal(l->server, REFUSAL_TLS_IDENTITY);
		return STEP_CLOSE;
	}
	return STEP_ON;
}

static enum step
step_handshake(struct connection *c)
{
	struct loop *l = c->loop;
	struct counters *counters = &l->server->counters;
	int n;

	if (c->transport.ssl == NULL) {
		return begin_handshake(c);
	}
	n = transport_accept(&c->transport);

	if (n == TRANSPORT_WAIT) {
		return STEP_WAIT;
	}
	if (n < 0) {
		count(&counters->handshakes_failed);
		count_refusal(l->server, refusal_of_handshake());
		return STEP_CLOSE;
	}
	if (tls_peer_read(c->transport.ssl, &c->peer, &c->peer_block) != OK) {
		count(&counters->handshakes_failed);
		count_refusal(l->server, REFUSAL_TLS_CERTIFICATE);
		return STEP_CLOSE;
	}
	count(&counters->handshakes);
	if (c->peer.is_resumed) {
		count(&counters->handshakes_resumed);
	}
	c->state = CONNECTION_HEADER;
	wheel_set(&l->wheel, &c->timer, l->now_ms + l->server->options.header_timeout_ms);
	return STEP_ON;
}

static void
begin_protocol(struct connection *c)
{
	struct loop *l = c->loop;

	c->state = c->listener->is_tls ? CONNECTION_HANDSHAKE : CONNECTION_HEADER;
	if (!c->listener->is_tls) {
		wheel_set(&l->wheel, &c->timer, l->now_ms + l->server->options.header_timeout_ms);
	}
}

/* --- the PROXY protocol --- */

static enum step
end_proxy(struct connection *c, const struct proxy_header *h)
{
	if (!h->is_own) {
		if (!crowd_name(c->loop->server, &h->from, &c->crowd_slot)) {
			count(&c->loop->server->counters.connections_refused);
			return STEP_CLOSE;
		}
		address_text(&h->from, c->peer.address);
	}
	loop_input_give(c->loop, c->input);
	c->input = NULL;
	c->input_len = 0;
	begin_protocol(c);
	return STEP_ON;
}

/* Not a byte more than the header is read: what follows is somebody else's. */
static enum step
step_proxy(struct connection *c)
{
	struct http_server *s = c->loop->server;
	struct proxy_header h;
	size_t wanted;
	ssize_t n;
	status st;

	if (c->input == NULL) {
		c->input = loop_input_take(c->loop);
	}
	if (c->input == NULL) {
		return STEP_CLOSE;
	}
	st = proxy_header_read(span_of(c->input, c->input_len), &h, NULL);
	if (st == OK) {
		return end_proxy(c, &h);
	}
	if (st != UNAVAILABLE) {
		count_refusal(s, REFUSAL_PROXY_HEADER);
		return STEP_CLOSE;
	}
	wanted = proxy_header_len(span_of(c->input, c->input_len)) - c->input_len;
	n = transport_read(&c->transport, c->input + c->input_len, wanted);
	if (n <= 0) {
		if (n != TRANSPORT_WAIT) {
			count_refusal(s, REFUSAL_PROXY_CLOSED);
		}
		return n == TRANSPORT_WAIT ? STEP_WAIT : STEP_CLOSE;
	}
	c->input_len += (size_t)n;
	return STEP_ON;
}

/* --- waiting for somebody else --- */

/*
 * Once more from the top. It was let in before, so a full queue does not send it away; and a wake of
 * thousands does not fill the queue: the loop keeps them in a list and gives the workers a part at a time.
 */
static enum step
run_again(struct connection *c, bool is_last_try)
{
	struct loop *l = c->loop;

	wheel_clear(&l->wheel, &c->timer);
	c->work->exchange.is_last_try = is_last_try;
	c->place = WORK_WAITS;
	c->next_waiting = NULL;
	if (l->last_waiting != NULL) {
		l->last_waiting->next_waiting = c;
	} else {
		l->waiting = c;
	}
	l->last_waiting = c;
	return STEP_WAIT;
}

/* Its time is over, or its client says nothing more: the handler is to answer with what there is. */
static enum step
end_park(struct connection *c)
{
	struct http_server *s = c->loop->server;

	if (!park_leave(s->parks, c->work)) {
		c->place = WORK_AWAY; /* woken at this moment: it is in the mail */
		return STEP_WAIT;
	}
	count_down(&s->counters.parked);
	return run_again(c, true);
}

static enum step
step_work(struct connection *c)
{
	if (c->place == WORK_PARKED && c->transport.has_ended) {
		return end_park(c);
	}
	return STEP_WAIT;
}

/* The input block is given back unless the next request stands in it already. */
static void
settle(struct connection *c)
{
	if (!work_settle(c->work, span_of(c->input, c->header_len)) || c->input == NULL ||
		c->input_len > c->input_used) {
		return;
	}
	loop_input_give(c->loop, c->input);
	c->input = NULL;
	c->input_len = c->input_used = 0;
}

static enum step
park(struct connection *c)
{
	struct loop *l = c->loop;
	struct work *w = c->work;
	struct http_reply *r = &w->exchange.reply;

	r->is_parked = false;
	w->topic = r->park_topic;
	if (!w->has_deadline) {
		w->has_deadline = true;
		w->deadline_ms = r->park_until_ms;
	}
	settle(c);
	if (l->is_stopping || c->transport.has_ended || w->deadline_ms <= l->now_ms) {
		return run_again(c, true);
	}
	/* Counted before it can be woken, so that the count never goes below nought. */
	count(&l->server->counters.parked);
	c->place = WORK_PARKED;
	if (!park_enter(l->server->parks, w)) {
		count_down(&l->server->counters.parked);
		return run_again(c, false);
	}
	wheel_set(&l->wheel, &c->timer, w->deadline_ms);
	return STEP_WAIT;
}

/* --- the reply --- */

/*
 * The next piece, from byte `moved` of header and payload. The same place gives the same piece, which is what
 * libssl asks of a write that is tried again. Header and a small body are one piece. False: the file ended too soon.
 */
static bool
next_piece(struct connection *c, uint64_t payload, span *out)
{
	struct work *w = c->work;
	const struct http_reply *r = &w->exchange.reply;
	uint8_t *scratch = c->loop->scratch;
	size_t in_head = c->moved < w->head.len ? w->head.len - (size_t)c->moved : 0;
	uint64_t at = in_head > 0 ? 0 : c->moved - w->head.len;
	uint64_t left = payload - at;
	size_t room = PIECE_MAX - (in_head < PIECE_MAX ? in_head : PIECE_MAX);
	size_t len = left < room ? (size_t)left : room;

	if (in_head == 0 && r->file < 0) {
		*out = span_of(r->body.data + at, left < SIZE_MAX ? (size_t)left : SIZE_MAX);
		return true;
	}
	memcpy(scratch, w->head.data + (w->head.len - in_head), in_head);
	if (r->file >= 0 && len > 0) {
		ssize_t n = pread(r->file, scratch + in_head, len, (off_t)at);

		if (n < 0 || (size_t)n < len) {
			return false;
		}
	} else if (len > 0) {
		memcpy(scratch + in_head, r->body.data + at, len);
	}
	*out = span_of(scratch, in_head + len);
	return true;
}

static void
begin_reply(struct connection *c)
{
	c->state = CONNECTION_REPLY;
	c->moved = 0;
	c->moving_since_ms = c->loop->now_ms;
}

static enum step
linger(struct connection *c)
{
	struct loop *l = c->loop;

	transport_finish(&c->transport);
	c->state = CONNECTION_LINGER;
	c->moved = 0;
	wheel_set(&l->wheel, &c->timer, l->now_ms + l->server->options.linger_ms);
	return STEP_ON;
}

static enum step
end_reply(struct connection *c)
{
	struct loop *l = c->loop;
	bool keeps = c->work->keeps;
	/* Closing a socket with unread bytes in it takes the reply away from under its reader (RFC 9112 9.6). */
	bool lingers = c->work->must_close || c->input_len > c->input_used || c->transport.may_read;
	int64_t time_ms;

	loop_work_give(l, c->work);
	c->work = NULL;
	if (!keeps) {
		return lingers ? linger(c) : STEP_CLOSE;
	}
	if (c->input != NULL && c->input_len > c->input_used) {
		memmove(c->input, c->input + c->input_used, c->input_len - c->input_used);
		c->input_len -= c->input_used;
		c->is_new_input = true;
	} else if (c->input != NULL) {
		loop_input_give(l, c->input);
		c->input = NULL;
		c->input_len = 0;
	}
	c->input_used = 0;
	c->state = CONNECTION_HEADER;
	time_ms = c->is_new_input ? l->server->options.header_timeout_ms
				  : l->server->options.idle_timeout_ms;
	wheel_set(&l->wheel, &c->timer, l->now_ms + time_ms);
	crowd_idle(c);
	return STEP_ON;
}

static enum step
step_reply(struct connection *c)
{
	struct work *w = c->work;
	uint64_t payload = reply_payload(&w->exchange);
	span piece;
	ssize_t n;

	if (c->moved == w->head.len + payload) {
		return end_reply(c);
	}
	if (!next_piece(c, payload, &piece)) {
		return STEP_CLOSE;
	}
	n = transport_write(&c->transport, piece);
	if (w->exchange.reply.is_secret && piece.data == c->loop->scratch) {
		OPENSSL_cleanse(c->loop->scratch, piece.len);
	}
	if (n == TRANSPORT_END) {
		return STEP_CLOSE;
	}
	c->moved += (uint64_t)n;
	if (n == TRANSPORT_WAIT) {
		body_timer_set(c);
		return STEP_WAIT;
	}
	return STEP_ON;
}

static enum step
step_linger(struct connection *c)
{
	ssize_t n = transport_discard(&c->transport, c->loop->scratch, SCRATCH_ROOM);

	if (n <= 0) {
		return n == TRANSPORT_WAIT ? STEP_WAIT : STEP_CLOSE;
	}
	c->moved += (uint64_t)n;
	return c->moved > c->loop->server->options.linger_max ? STEP_CLOSE : STEP_ON;
}

/* --- turns --- */

static enum step (*const steps[CONNECTION_STATE_COUNT])(struct connection *) = {
	[CONNECTION_PROXY] = step_proxy,
	[CONNECTION_HANDSHAKE] = step_handshake,
	[CONNECTION_HEADER] = step_header,
	[CONNECTION_CONTINUE] = step_continue,
	[CONNECTION_BODY] = step_body,
	[CONNECTION_WORK] = step_work,
	[CONNECTION_REPLY] = step_reply,
	[CONNECTION_LINGER] = step_linger,
};

/*
 * That a socket takes bytes is only asked for when it did not: else each connection would be told so once for nothing, and
 * again whenever the peer has taken something.
 */
static bool
watch(struct connection *c)
{
	struct epoll_event event = { .events = WATCHED | EPOLLOUT, .data.ptr = c };

	if (c->transport.may_write || c->watches_write) {
		return true;
	}
	c->watches_write = true;
	return epoll_ctl(c->loop->epoll, EPOLL_CTL_MOD, c->transport.fd, &event) == 0;
}

static void
follow(struct connection *c, enum step next)
{
	for (int i = 0; next == STEP_ON && i < TURN; i++) {
		next = steps[c->state](c);
	}
	if (next == STEP_CLOSE || !watch(c)) {
		connection_drop(c);
	} else if (next == STEP_ON && !c->is_again) {
		c->is_again = true;
		c->next = c->loop->again;
		c->loop->again = c;
	}
}

void
connection_turn(struct connection *c)
{
	if (c->state != CONNECTION_CLOSED) {
		follow(c, STEP_ON);
	}
}

void
connection_event(struct connection *c, uint32_t events)
{
	if (c->state == CONNECTION_CLOSED) {
		return;
	}
	if (events & EPOLLIN) {
		c->transport.may_read = true;
	}
	if (events & EPOLLOUT) {
		c->transport.may_write = true;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		/* The end is found by reading and writing up to it. */
		c->transport.has_ended = c->transport.may_read = c->transport.may_write = true;
	}
	connection_turn(c);
}

static void
bury(struct connection *c)
{
	struct loop *l = c->loop;

	if (c->input != NULL) {
		loop_input_give(l, c->input);
		c->input = NULL;
	}
	if (c->older != NULL) {
		c->older->newer = c->newer;
	}
	if (c->newer != NULL) {
		c->newer->older = c->older;
	} else {
		l->connections = c->older;
	}
	c->older = l->dead;
	l->dead = c;
}

/* It was closed while its work was elsewhere; now that is back. */
static void
let_go(struct connection *c)
{
	loop_work_give(c->loop, c->work);
	c->work = NULL;
	bury(c);
}

bool
connection_rerun(struct connection *c)
{
	if (c->state == CONNECTION_CLOSED) {
		let_go(c);
		return true;
	}
	if (work_submit(c->work) != OK) {
		return false;
	}
	c->place = WORK_AWAY;
	c->loop->reruns++;
	return true;
}

void
connection_mail(struct connection *c, struct work *w)
{
	struct http_server *s = c->loop->server;

	c->place = WORK_HERE;
	if (w->news == WORK_WOKEN) {
		count_down(&s->counters.parked);
		wheel_clear(&c->loop->wheel, &c->timer);
	} else if (w->has_deadline) {
		c->loop->reruns--;
	}
	if (c->state == CONNECTION_CLOSED) {
		let_go(c);
		return;
	}
	if (w->news == WORK_WOKEN) {
		follow(c, run_again(c, c->loop->is_stopping || c->transport.has_ended));
	} else if (w->exchange.reply.is_parked) {
		follow(c, park(c));
	} else if (w->is_admitted) {
		w->is_admitted = false;
		follow(c, request_body(c));
	} else {
		begin_reply(c);
		follow(c, STEP_ON);
	}
}

static enum step
refuse_slow(struct connection *c)
{
	struct diag d;

	diag_clear(&d);
	diag_set(&d, UNAVAILABLE, "RFC 9110 15.5.9", "the request did not arrive in time");
	return request_refuse(c, 408, &d);
}

static const enum refusal slow_at[CONNECTION_STATE_COUNT] = {
	[CONNECTION_PROXY] = REFUSAL_TIMEOUT_PROXY,
	[CONNECTION_HANDSHAKE] = REFUSAL_TIMEOUT_HANDSHAKE,
	[CONNECTION_HEADER] = REFUSAL_TIMEOUT_HEADER,
	[CONNECTION_CONTINUE] = REFUSAL_TIMEOUT_BODY,
	[CONNECTION_BODY] = REFUSAL_TIMEOUT_BODY,
	[CONNECTION_REPLY] = REFUSAL_TIMEOUT_REPLY,
};

void
connection_timeout(struct connection *c)
{
	struct counters *counters = &c->loop->server->counters;

	if (c->state == CONNECTION_WORK) {
		follow(c, end_park(c)); /* the only time that is set while a request is away */
		return;
	}
	if (c->state == CONNECTION_HEADER && c->input_len == 0 && !c->is_fresh) {
		connection_drop(c); /* idle between requests: nobody's fault */
		return;
	}
	if (c->state == CONNECTION_HANDSHAKE) {
		count(&counters->handshakes_failed);
	}
	if (c->state != CONNECTION_LINGER) {
		count(&counters->timeouts);
		count_refusal(c->loop->server, slow_at[c->state]);
	}
	if ((c->state == CONNECTION_HEADER && c->input_len > 0) || c->state == CONNECTION_BODY) {
		follow(c, refuse_slow(c));
	} else {
		connection_drop(c);
	}
}

/* Who has just connected has asked in good faith, or is about to: to cut him off would leave him in doubt. */
void
connection_stop(struct connection *c)
{
	struct loop *l = c->loop;

	if (c->state == CONNECTION_PROXY || c->state == CONNECTION_HANDSHAKE ||
		(c->state == CONNECTION_HEADER && c->input_len == 0)) {
		if (c->is_fresh) {
			wheel_set(&l->wheel, &c->timer, l->now_ms + STOP_GRACE_MS);
		}
		connection_turn(c);
	} else if (c->state == CONNECTION_WORK && c->place == WORK_PARKED) {
		follow(c, end_park(c));
	}
}

/* --- beginning and end --- */

void
connection_begin(struct connection *c)
{
	struct loop *l = c->loop;
	struct epoll_event event = { .events = WATCHED, .data.ptr = c };

	c->older = l->connections;
	if (c->older != NULL) {
		c->older->newer = c;
	}
	l->connections = c;
	crowd_idle(c);
	wheel_set(&l->wheel, &c->timer, l->now_ms + l->server->options.handshake_timeout_ms);
	if (c->listener->is_proxied) {
		c->state = CONNECTION_PROXY;
	} else {
		begin_protocol(c);
	}
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->transport.fd, &event) != 0) {
		connection_drop(c);
	}
}

void
connection_drop(struct connection *c)
{
	struct loop *l = c->loop;

	if (c->state == CONNECTION_CLOSED) {
		return;
	}
	c->state = CONNECTION_CLOSED;
	wheel_clear(&l->wheel, &c->timer);
	/* Closing alone would leave it there while a child that was just forked has the descriptor too, until its exec: its
	 * events would name a connection that is gone. */
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, c->transport.fd, NULL);
	transport_close(&c->transport);
	if (c->work != NULL && c->place == WORK_PARKED) {
		if (park_leave(l->server->parks, c->work)) {
			count_down(&l->server->counters.parked);
			c->place = WORK_HERE;
		} else {
			c->place = WORK_AWAY;
		}
	}
	crowd_busy(c);
	crowd_leave(l->server, c->crowd_slot);
	atomic_fetch_sub(&l->open, 1);
	if (c->work != NULL && c->place != WORK_HERE) {
		return; /* it comes back; until then its request is borrowed from here */
	}
	if (c->work != NULL) {
		loop_work_give(l, c->work);
		c->work = NULL;
	}
	bury(c);
}

struct connection *
connection_new(int fd, const struct listener *from, const char *address)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->source.kind = SOURCE_CONNECTION;
	c->listener = from;
	c->state = CONNECTION_HEADER;
	c->is_fresh = true;
	c->transport.fd = fd;
	c->transport.may_write = true;
	c->peer.protocol = "";
	snprintf(c->peer.address, sizeof(c->peer.address), "%s", address);
	return c;
}
