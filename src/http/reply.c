#include <stdio.h>
#include <unistd.h>

#include "http/exchange.h"
#include "http/reply_head.h"
#include "http/syntax.h"

/* A later reply replaces an earlier one; headers stay. */
static void
begin(struct exchange *x, int http_status, const char *content_type)
{
	struct http_reply *r = &x->reply;

	if (r->file >= 0) {
		close(r->file);
	}
	buffer_clear(&r->body);
	r->file = -1;
	r->file_size = 0;
	r->is_parked = false;
	r->status = http_status;
	r->content_type = content_type;
}

void
reply_header(struct exchange *x, const char *name, const char *value)
{
	struct buffer *headers = &x->reply.headers;

	/* A line break in a value would be a header, or a reply, of somebody else's making. */
	if (!letters_are(span_text(name), LETTER_TOKEN) ||
		!letters_are(span_text(value), LETTER_VALUE)) {
		headers->failed = true;
		return;
	}
	buffer_printf(headers, "%s: %s\r\n", name, value);
}

void
reply_bytes(struct exchange *x, int http_status, const char *content_type, span body)
{
	begin(x, http_status, content_type);
	buffer_put(&x->reply.body, body);
}

struct buffer *
reply_open(struct exchange *x, int http_status, const char *content_type)
{
	begin(x, http_status, content_type);
	return &x->reply.body;
}

void
reply_empty(struct exchange *x, int http_status)
{
	begin(x, http_status, NULL);
}

void
reply_json(struct exchange *x, int http_status, struct json_writer *w)
{
	begin(x, http_status, "application/json");
	json_begin(w, &x->reply.body);
}

void
reply_file(struct exchange *x, int http_status, const char *content_type, int file, uint64_t size)
{
	begin(x, http_status, content_type);
	x->reply.file = file;
	x->reply.file_size = size;
}

/* "Method Not Allowed" -> "/problems/method-not-allowed". */
static void
problem_type(char *out, size_t room, const char *name)
{
	size_t len = (size_t)snprintf(out, room, "/problems/%s", name);

	for (size_t i = strlen("/problems/"); i < len && out[i] != '\0'; i++) {
		if (out[i] == ' ' || out[i] == '/') {
			out[i] = '-';
		} else if (out[i] >= 'A' && out[i] <= 'Z') {
			out[i] = (char)(out[i] | 0x20);
		}
	}
}

struct problem {
	int http_status;
	const char *name, *detail, *clause;
};

/* A handler that knows better when to come again has said so before. */
static bool
says_when(const struct buffer *headers)
{
	return span_find(buffer_span(headers), span_text("Retry-After:")) != SIZE_MAX;
}

static void
reply_as(struct exchange *x, const struct problem *p)
{
	struct json_writer w;
	char type[96];

	problem_type(type, sizeof(type), p->name);
	begin(x, p->http_status, "application/problem+json");
	json_begin(&w, &x->reply.body);
	json_object_open(&w, NULL);
	json_text(&w, "type", type);
	json_text(&w, "title", reply_phrase(p->http_status));
	json_number(&w, "status", p->http_status);
	json_text(&w, "detail", p->detail);
	json_text(&w, "request", x->id);
	if (p->clause != NULL && p->clause[0] != '\0') {
		json_text(&w, "clause", p->clause);
	}
	json_object_close(&w);
	if ((p->http_status == 503 || p->http_status == 429) && !says_when(&x->reply.headers)) {
		reply_header(x, "Retry-After", "1");
	}
}

void
reply_problem(struct exchange *x, const struct diag *d)
{
	const struct problem p = { status_http(d->status),
		d->kind != NULL ? d->kind : status_name(d->status), d->text, d->clause };

	reply_as(x, &p);
}

void
reply_problem_as(struct exchange *x, int http_status, const char *detail)
{
	const struct problem p = { http_status, reply_phrase(http_status), detail, NULL };

	reply_as(x, &p);
}

void
reply_refusal(struct exchange *x, int http_status, const struct diag *d)
{
	const struct problem p = { http_status, reply_phrase(http_status), d->text, d->clause };

	reply_as(x, &p);
}

void
reply_park(struct exchange *x, uint64_t topic, int64_t wait_ms)
{
	begin(x, 0, NULL);
	x->reply.is_parked = true;
	x->reply.park_topic = topic;
	x->reply.park_until_ms = x->clock->monotonic_ms(x->clock) + (wait_ms > 0 ? wait_ms : 0);
}
