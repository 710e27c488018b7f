#include "http/work.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "http/internal.h"
#include "http/loop.h"
#include "http/park.h"
#include "http/reply_head.h"

#define KEPT_BUFFER_MAX (16 << 10) /* a larger one is given back at once */

int64_t
stopwatch_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool
work_must_end(const struct work *w)
{
	return atomic_load(&w->server->is_ending);
}

static void
name_request(struct exchange *x)
{
	id name;

	if (x->id[0] == '\0' && id_next(x->clock, &name) == OK) {
		id_text(x->id, &name);
	}
}

static void
finish(struct work *w)
{
	struct exchange *x = &w->exchange;

	w->keeps = w->request.keep_alive && !w->must_close && !x->reply.closes &&
		   !atomic_load(&w->server->is_stopping);
	reply_head_write(x, w->keeps, &w->head);
}

/* The reply is there; whoever counts and logs is told. */
static void
complete(struct work *w)
{
	finish(w);
	if (w->router->finished != NULL) {
		w->router->finished(w->router->context, &w->exchange, w->took_us);
	}
}

void
work_refuse(struct work *w, int http_status, const char *words)
{
	name_request(&w->exchange);
	reply_problem_as(&w->exchange, http_status, words);
	finish(w);
}

void
work_turn_away(struct work *w)
{
	count(&w->server->counters.queue_full);
	count_refusal(w->server, REFUSAL_LIMIT_QUEUE);
	work_refuse(w, 503, "too many requests wait; try again");
}

static void
answer_refusal(struct work *w)
{
	struct exchange *x = &w->exchange;

	if (w->refused_with == 405) {
		reply_header(x, "Allow", w->allow);
	}
	reply_refusal(x, w->refused_with, &w->refusal);
}

static void
run_handler(struct work *w)
{
	struct exchange *x = &w->exchange;
	char allow[sizeof(w->allow)];
	int http_status;

	if (w->has_deadline) {
		/* Again from the top: its parameters were dropped with everything else. */
		router_find(w->router, &w->request, x, &http_status, allow, sizeof(allow));
	}
	w->seen = parks_seen(w->server->parks);
	w->route->handler(x);
	if (x->reply.is_parked && x->is_last_try) {
		reply_problem_as(x, 503, "nothing to tell within the time");
	}
}

/* True: the request goes back for its body, and nothing is answered yet. */
static bool
is_admitted(struct work *w)
{
	w->is_asking = false;
	w->is_admitted = w->router->admits(&w->exchange);
	w->must_close = !w->is_admitted;
	return w->is_admitted;
}

/* On a worker. */
static void
run(void *argument, unsigned worker)
{
	struct work *w = argument;
	struct exchange *x = &w->exchange;
	bool is_answered = true;

	x->worker = worker;
	if (work_must_end(w)) {
		work_refuse(w, 503, "the server ends");
		loop_post(w, WORK_DONE);
		return;
	}
	name_request(x);
	if (w->refused_with != 0) {
		answer_refusal(w);
	} else if (w->is_asking) {
		is_answered = !is_admitted(w);
	} else {
		run_handler(w);
	}
	w->took_us += stopwatch_us() - w->since_us;
	if (is_answered && !x->reply.is_parked) {
		complete(w);
	}
	loop_post(w, WORK_DONE);
}

bool
work_at_once(struct work *w)
{
	struct exchange *x = &w->exchange;

	if (w->route == NULL || w->route->at_once == NULL || w->refused_with != 0 || w->is_asking) {
		return false;
	}
	w->since_us = stopwatch_us();
	name_request(x);
	if (!w->route->at_once(x)) {
		x->reply.status = 0;
		buffer_clear(&x->reply.body);
		buffer_clear(&x->reply.headers);
		return false;
	}
	w->took_us = stopwatch_us() - w->since_us;
	complete(w);
	return true;
}

status
work_submit(struct work *w)
{
	w->since_us = stopwatch_us();
	return pool_run(w->server->pool, run, w);
}

static size_t
list_exchanges(struct work *first, unsigned worker, struct exchange **all)
{
	size_t count = 0;

	for (struct work *w = first; w != NULL && count < HTTP_TOGETHER_MAX; w = w->together) {
		w->exchange.worker = worker;
		name_request(&w->exchange);
		all[count++] = &w->exchange;
	}
	return count;
}

static void
finish_together(struct work *w, bool is_answered)
{
	w->took_us += stopwatch_us() - w->since_us;
	if (!is_answered) {
		work_refuse(w, 503, "the server ends");
	} else {
		if (w->exchange.reply.is_parked) {
			reply_problem_as(&w->exchange, 500, "this path cannot wait");
		}
		complete(w);
	}
	loop_post(w, WORK_DONE);
}

void
work_run_together(struct work *w, unsigned worker)
{
	struct exchange *all[HTTP_TOGETHER_MAX];
	struct work *next;
	size_t count = list_exchanges(w, worker, all);
	bool is_answered = !work_must_end(w);

	if (is_answered) {
		w->route->together(all, count);
	}
	for (; w != NULL; w = next) {
		next = w->together; /* before it is the loop's again */
		finish_together(w, is_answered);
	}
}

static void
move(span *s, span from, const uint8_t *to)
{
	if (s->data >= from.data && s->data <= from.data + from.len) {
		s->data = to + (s->data - from.data);
	}
}

bool
work_settle(struct work *w, span from)
{
	struct http_request *r = &w->request;

	arena_reset(w->exchange.arena);
	buffer_wipe(&w->exchange.reply.body);
	buffer_wipe(&w->exchange.reply.headers);
	if (w->text.len > 0) {
		return true;
	}
	buffer_put(&w->text, from);
	if (buffer_failed(&w->text)) {
		buffer_clear(&w->text);
		return false;
	}
	for (size_t i = 0; i < r->header_count; i++) {
		move(&r->headers[i].name, from, w->text.data);
		move(&r->headers[i].value, from, w->text.data);
	}
	move(&r->target, from, w->text.data);
	move(&r->path, from, w->text.data);
	move(&r->query, from, w->text.data);
	return true;
}

/* What stood there may have been a token: it does not stay. */
static void
empty(struct buffer *b)
{
	if (b->room > KEPT_BUFFER_MAX) {
		buffer_wipe(b);
	} else if (b->len > 0) {
		OPENSSL_cleanse(b->data, b->len);
	}
	buffer_clear(b);
}

void
work_drop_body(struct work *w)
{
	empty(&w->body);
	atomic_fetch_sub(&w->server->bodies, w->charged);
	w->charged = 0;
}

static void
reset_exchange(struct work *w)
{
	struct exchange *x = &w->exchange;

	if (x->reply.file >= 0) {
		close(x->reply.file);
	}
	empty(&x->reply.headers);
	empty(&x->reply.body);
	arena_reset(x->arena);
	*x = (struct exchange){
		.request = &w->request,
		.arena = x->arena,
		.clock = w->server->options.clock,
		.reply = { .file = -1, .headers = x->reply.headers, .body = x->reply.body },
	};
}

void
work_reset(struct work *w)
{
	reset_exchange(w);
	empty(&w->text);
	empty(&w->head);
	work_drop_body(w);
	memset(&w->request, 0, offsetof(struct http_request, headers));
	w->connection = NULL;
	w->route = NULL;
	w->router = NULL;
	w->refused_with = 0;
	diag_clear(&w->refusal);
	w->is_asking = w->is_admitted = false;
	w->together = NULL;
	w->must_close = w->keeps = w->is_first = w->has_deadline = false;
	w->took_us = 0;
}

void
work_free(struct work *w)
{
	if (w == NULL) {
		return;
	}
	work_reset(w);
	buffer_wipe(&w->text);
	buffer_wipe(&w->body);
	buffer_wipe(&w->head);
	buffer_wipe(&w->exchange.reply.headers);
	buffer_wipe(&w->exchange.reply.body);
	arena_free(w->exchange.arena);
	free(w);
}

struct work *
work_new(struct http_server *s)
{
	struct work *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return NULL;
	}
	w->server = s;
	w->exchange.arena = arena_new(REQUEST_ARENA_MAX);
	if (w->exchange.arena == NULL) {
		free(w);
		return NULL;
	}
	w->exchange.reply.file = -1;
	buffer_init(&w->text, HTTP_HEADER_MAX);
	buffer_init(&w->body, 0);
	buffer_init(&w->head, HTTP_REPLY_HEAD_MAX);
	buffer_init(&w->exchange.reply.headers, HTTP_REPLY_HEAD_MAX);
	buffer_init(&w->exchange.reply.body, HTTP_REPLY_MAX);
	work_reset(w);
	return w;
}
