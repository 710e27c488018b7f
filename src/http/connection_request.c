/* From bytes to a complete request in the hands of a worker. */
#include "http/connection.h"
#include "http/crowd.h"
#include "http/gather.h"
#include "http/loop.h"
#include "http/reply_head.h"

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

enum step
request_submit(struct connection *c)
{
	struct work *w = c->work;

	wheel_clear(&c->loop->wheel, &c->timer);
	if (!work_at_once(w)) {
		bool is_gathered = w->route != NULL && w->route->together != NULL &&
				   w->refused_with == 0 && !w->is_asking;

		c->state = CONNECTION_WORK;
		c->place = WORK_AWAY;
		if (is_gathered && gather(w->server->gatherings, w)) {
			return STEP_WAIT;
		}
		if (work_submit(w) == OK) {
			return STEP_WAIT;
		}
		c->place = WORK_HERE;
		work_turn_away(w);
	}
	c->state = CONNECTION_REPLY;
	c->moved = 0;
	c->moving_since_ms = c->loop->now_ms;
	return STEP_ON;
}

/* The work of a request that has just begun. NULL: no memory. */
static struct work *
begin_work(struct connection *c)
{
	struct work *w = loop_work_take(c->loop);

	if (w == NULL) {
		return NULL;
	}
	w->connection = c;
	w->exchange.peer = &c->peer;
	w->exchange.context = c->listener->router->context;
	w->router = c->listener->router;
	c->work = w;
	c->place = WORK_HERE;
	w->is_first = c->is_fresh && c->peer.certificate.len > 0;
	c->is_fresh = false;
	crowd_busy(c);
	return w;
}

enum step
request_refuse(struct connection *c, int http_status, const struct diag *d)
{
	struct work *w = c->work != NULL ? c->work : begin_work(c);

	if (w == NULL) {
		return STEP_CLOSE;
	}
	w->refused_with = http_status;
	w->refusal = *d;
	w->must_close = true;
	return request_submit(c);
}

static enum step
refuse_in_words(struct connection *c, int http_status, const char *clause, const char *words)
{
	struct diag d;

	diag_clear(&d);
	diag_set(&d, BAD_INPUT, clause, "%s", words);
	return request_refuse(c, http_status, &d);
}

static enum step
refuse_input(struct connection *c, int http_status, const struct diag *d)
{
	count(&c->loop->server->counters.requests_bad);
	count_refusal(c->loop->server, refusal_of_request(d));
	return request_refuse(c, http_status, d);
}

/* More than anybody may send: a worker finds out who it is before memory is given for it. */
static bool
needs_admission(const struct work *w)
{
	uint64_t coming = w->request.is_chunked ? w->route->body_max : w->request.length;

	return w->router->admits != NULL && coming > w->server->options.body_unasked;
}

static enum step
begin_body(struct connection *c)
{
	struct work *w = c->work;

	if (!needs_admission(w)) {
		return request_body(c);
	}
	w->is_asking = true;
	w->must_close = true; /* unless it is admitted: a body that is not read is no request */
	return request_submit(c);
}

enum step
request_body(struct connection *c)
{
	struct work *w = c->work;

	w->body.cap = w->route->body_max;
	c->chunk = (struct chunk_reader){ 0 };
	c->body_left = w->request.length;
	c->moving_since_ms = c->loop->now_ms;
	c->moved = 0;
	body_timer_set(c);
	c->state = w->request.expects_continue && c->input_len == c->input_used
			   ? CONNECTION_CONTINUE
			   : CONNECTION_BODY;
	return STEP_ON;
}

/* The header section is there: where does it go, and may a body come with it? */
static enum step
take_header(struct connection *c, size_t used)
{
	struct work *w = begin_work(c);
	struct http_request *r;
	bool has_body;
	int http_status;

	if (w == NULL) {
		return STEP_CLOSE;
	}
	r = &w->request;
	memcpy(r, &c->loop->draft,
		offsetof(struct http_request, headers) +
			c->loop->draft.header_count * sizeof(r->headers[0]));
	c->header_len = c->input_used = used;
	count(&c->loop->server->counters.requests);
	has_body = r->is_chunked || r->length > 0;
	w->route =
		router_find(w->router, r, &w->exchange, &http_status, w->allow, sizeof(w->allow));
	if (w->route == NULL) {
		w->refused_with = http_status;
		w->must_close = has_body;
		diag_set(&w->refusal, NOT_FOUND, NULL, "%s",
			http_status == 405 ? "this path has not this method" : "no such path");
		return request_submit(c);
	}
	if (has_body && (w->route->body_max == 0 || r->length > w->route->body_max)) {
		count_refusal(c->loop->server, REFUSAL_BODY_SIZE);
		return refuse_in_words(c, 413, "RFC 9110 15.5.14",
			w->route->body_max == 0 ? "no body is taken here"
						: "the body is too large for this path");
	}
	if (w->route->is_linked) {
		tls_peer_link(c->transport.ssl, &c->peer);
	}
	return has_body ? begin_body(c) : request_submit(c);
}

/* Room behind what is there; the block is taken when the first byte can come. */
static ssize_t
read_more(struct connection *c)
{
	ssize_t n;

	if (c->input == NULL) {
		c->input = loop_input_take(c->loop);
	}
	if (c->input == NULL) {
		return TRANSPORT_END;
	}
	n = transport_read(&c->transport, c->input + c->input_len, INPUT_ROOM - c->input_len);
	if (n <= 0 && c->input_len == 0) {
		loop_input_give(c->loop, c->input);
		c->input = NULL;
	}
	return n;
}

/* By the limit that is configured; the reader has one of its own, which is the most. */
static bool
is_too_long(const struct connection *c, status s, size_t used)
{
	size_t max = c->loop->server->options.header_max;

	return (s == OK && used > max) || (s == UNAVAILABLE && c->input_len >= max);
}

enum step
step_header(struct connection *c)
{
	struct loop *l = c->loop;
	struct diag d;
	size_t used = 0;
	ssize_t n;

	if (c->is_new_input) {
		status s;

		c->is_new_input = false;
		diag_clear(&d);
		s = http_request_read(span_of(c->input, c->input_len), &l->draft, &used, &d);
		if (is_too_long(c, s, used)) {
			l->draft.refused_with = 431;
			s = diag_set(&d, LIMIT, "RFC 6585 5", "the header section is too large");
		}
		if (s == OK) {
			return take_header(c, used);
		}
		if (s != UNAVAILABLE) {
			return refuse_input(c, l->draft.refused_with, &d);
		}
	}
	n = read_more(c);
	if (n <= 0) {
		bool is_idle = l->is_stopping && c->input_len == 0 && !c->is_fresh;

		return n == TRANSPORT_WAIT && !is_idle ? STEP_WAIT : STEP_CLOSE;
	}
	if (c->input_len == 0 && !c->is_fresh) {
		wheel_set(&l->wheel, &c->timer, l->now_ms + l->server->options.header_timeout_ms);
	}
	/* Only an end of a line, the beginning and fullness can tell anything new. */
	c->is_new_input = c->input_len == 0 ||
			  memchr(c->input + c->input_len, '\n', (size_t)n) != NULL ||
			  c->input_len + (size_t)n > HTTP_TARGET_MAX ||
			  c->input_len + (size_t)n >= l->server->options.header_max;
	c->input_len += (size_t)n;
	return STEP_ON;
}

enum step
step_continue(struct connection *c)
{
	ssize_t n = transport_write(
		&c->transport, span_of(go_on + c->moved, sizeof(go_on) - 1 - (size_t)c->moved));

	if (n <= 0) {
		return n == TRANSPORT_WAIT ? STEP_WAIT : STEP_CLOSE;
	}
	c->moved += (uint64_t)n;
	if (c->moved == sizeof(go_on) - 1) {
		c->state = CONNECTION_BODY;
		c->moved = 0;
	}
	return STEP_ON;
}

/* All bodies together have a limit too: over it this one is sent away. */
static bool
charge(struct connection *c)
{
	struct http_server *server = c->loop->server;
	struct work *w = c->work;
	size_t more = w->body.room - w->charged;

	w->charged = w->body.room;
	if (atomic_fetch_add(&server->bodies, more) + more <= server->options.bodies_max) {
		return true;
	}
	/* Given back at once: who is sent away must not keep others out until he has gone. */
	work_drop_body(w);
	return false;
}

/* Takes what is there of the body. OK: it is complete. UNAVAILABLE: it is not. */
static status
feed_body(struct connection *c, struct diag *d)
{
	struct work *w = c->work;
	span there = span_of(c->input + c->input_used, c->input_len - c->input_used);
	size_t used = there.len;
	status s;

	if (w->request.is_chunked) {
		s = chunk_read(&c->chunk, there, &used, &w->body, d);
	} else {
		used = used < c->body_left ? used : (size_t)c->body_left;
		buffer_put(&w->body, span_slice(there, 0, used));
		c->body_left -= used;
		s = c->body_left == 0 ? OK : UNAVAILABLE;
		if (buffer_failed(&w->body)) {
			s = diag_set(d, NO_MEMORY, NULL, "no memory for the body");
		}
	}
	if ((s == OK || s == UNAVAILABLE) && !charge(c)) {
		return diag_set(d, NO_MEMORY, NULL, "too many bodies are under way; try again");
	}
	if (s == UNAVAILABLE) {
		c->input_len = c->input_used; /* all of it was taken */
	} else if (s == OK) {
		c->input_used += used;
	}
	return s;
}

enum step
step_body(struct connection *c)
{
	struct diag d;
	status s = UNAVAILABLE;
	ssize_t n;

	diag_clear(&d);
	if (c->input_len > c->input_used) {
		s = feed_body(c, &d);
	}
	if (s == OK) {
		c->work->request.body = buffer_span(&c->work->body);
		return request_submit(c);
	}
	if (s != UNAVAILABLE) {
		return refuse_input(c, status_http(s), &d);
	}
	n = read_more(c);
	if (n <= 0) {
		return n == TRANSPORT_WAIT ? STEP_WAIT : STEP_CLOSE;
	}
	c->input_len += (size_t)n;
	c->moved += (uint64_t)n;
	body_timer_set(c);
	return STEP_ON;
}
