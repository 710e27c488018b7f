#include "http/reply_head.h"

#include <unistd.h>

#include "http/date.h"

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
reply_phrase(int http_status)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == http_status) {
			return phrases[i].phrase;
		}
	}
	return "Status";
}

/* Made once a second and thread. */
static const char *
date_text(int64_t now_s)
{
	static _Thread_local int64_t made_s = -1;
	static _Thread_local char text[HTTP_DATE_MAX];

	if (now_s != made_s && now_s >= 0) {
		http_date_text(text, now_s);
		made_s = now_s;
	}
	return text;
}

static bool
has_length(const struct exchange *x)
{
	return x->reply.status >= 200 && x->reply.status != 204 && x->reply.status != 304;
}

static uint64_t
content_length(const struct exchange *x)
{
	return x->reply.file >= 0 ? x->reply.file_size : x->reply.body.len;
}

uint64_t
reply_payload(const struct exchange *x)
{
	return has_length(x) && x->request->method != HTTP_HEAD ? content_length(x) : 0;
}

/* Each reply has a head, so no printf. */
static void
put_number(struct buffer *out, uint64_t number)
{
	uint8_t text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buffer_put(out, span_of(text + at, sizeof(text) - at));
}

static void
put_line(struct buffer *out, const char *name, const char *value)
{
	buffer_put_text(out, name);
	buffer_put_text(out, value);
	buffer_put_text(out, "\r\n");
}

static void
write_head(const struct exchange *x, bool keeps, struct buffer *out)
{
	const struct http_reply *r = &x->reply;

	buffer_clear(out);
	buffer_put_text(out, "HTTP/1.1 ");
	put_number(out, (uint64_t)r->status);
	buffer_put_text(out, " ");
	buffer_put_text(out, reply_phrase(r->status));
	put_line(out, "\r\nDate: ", date_text(clock_now_s(x->clock)));
	put_line(out, "Request-Id: ", x->id);
	if (has_length(x)) {
		buffer_put_text(out, "Content-Length: ");
		put_number(out, content_length(x));
		buffer_put_text(out, "\r\n");
	}
	if (r->content_type != NULL) {
		put_line(out, "Content-Type: ", r->content_type);
	}
	if (!keeps) {
		buffer_put_text(out, "Connection: close\r\n");
	} else if (x->request->minor == 0) {
		buffer_put_text(out, "Connection: keep-alive\r\n");
	}
	buffer_put(out, buffer_span(&r->headers));
	buffer_put_text(out, "\r\n");
}

/* Also when memory is out: nothing is allocated but what the buffers have already, if anything. */
static void
become_error(struct exchange *x, const char *detail)
{
	buffer_wipe(&x->reply.headers);
	reply_problem_as(x, 500, detail);
	if (buffer_failed(&x->reply.body)) {
		reply_empty(x, 500);
	}
}

void
reply_head_write(struct exchange *x, bool keeps, struct buffer *out)
{
	const struct http_reply *r = &x->reply;

	if (r->status < 200 || r->status > 999) {
		become_error(x, "the request was not answered");
	} else if (buffer_failed(&r->body) || buffer_failed(&r->headers)) {
		become_error(x, "the answer could not be built: it is too large, or memory is out");
	}
	write_head(x, keeps, out);
	if (buffer_failed(out)) {
		become_error(x, "the answer's header could not be built");
		write_head(x, keeps, out);
	}
}
