/*
 * The header section of a request (RFC 9112 2 to 6):
 *
 *   [CRLF] method SP target SP "HTTP/1." ("0" / "1") CRLF
 *   *( name ":" OWS value OWS CRLF ) CRLF
 *
 * Two readers of one message that disagree about where it ends are how requests are smuggled; so
 * whatever the standard lets a lenient server repair is refused here.
 */
#include "http/request.h"

#include "base/text.h"
#include "http/syntax.h"
#include "http/target.h"

struct reader {
	span bytes;
	size_t at;
	struct http_request *out;
	struct diag *d;
};

/* Fields that mean one thing: a second line of them would be two answers to one question. */
static const char *const singles[] = { "authorization", "client-cert", "content-encoding",
	"content-length", "content-location", "content-type", "date", "expect", "from", "host",
	"idempotency-key", "if-modified-since", "if-range", "if-unmodified-since", "last-event-id",
	"max-forwards", "origin", "range", "referer", "transfer-encoding", "user-agent" };

static status
refuse(struct reader *r, int http_status, const char *clause, const char *words)
{
	r->out->refused_with = http_status;
	return diag_set_at(r->d, http_status == 414 || http_status == 431 ? LIMIT : BAD_INPUT,
		clause, r->at, "%s", words);
}

/* UNAVAILABLE: no end of the line yet. */
static status
line_next(struct reader *r, span *line)
{
	span rest = span_slice(r->bytes, r->at, r->bytes.len);
	size_t len = span_find(rest, span_text("\n"));

	if (len == SIZE_MAX) {
		return r->bytes.len >= HTTP_HEADER_MAX
			       ? refuse(r, 431, "RFC 6585 5", "the header section is too large")
			       : UNAVAILABLE;
	}
	if (len == 0 || rest.data[len - 1] != '\r') {
		return refuse(r, 400, "RFC 9112 2.2", "a line ends in LF without CR");
	}
	if (memchr(rest.data, '\r', len - 1) != NULL) {
		return refuse(r, 400, "RFC 9112 2.2", "a line has a CR inside");
	}
	if (r->at + len + 1 > HTTP_HEADER_MAX) {
		return refuse(r, 431, "RFC 6585 5", "the header section is too large");
	}
	*line = span_of(rest.data, len - 1);
	r->at += len + 1;
	return OK;
}

/* What stands there of an unfinished first line can already be wrong: a TLS handshake on a plain port. */
static status
check_beginning(struct reader *r)
{
	span rest = span_slice(r->bytes, r->at, r->bytes.len);

	if (rest.len == 1 && rest.data[0] == '\r') {
		return UNAVAILABLE;
	}
	for (size_t i = 0; i < rest.len && rest.data[i] != ' '; i++) {
		if (!letter_is(rest.data[i], LETTER_TOKEN)) {
			return refuse(r, 400, "RFC 9112 3", "this does not begin like a request");
		}
		if (i > 32) {
			return refuse(r, 501, "RFC 9110 9.1", "no such method");
		}
	}
	if (rest.len > HTTP_TARGET_MAX + 64) {
		return refuse(r, 414, "RFC 9110 15.5.15", "the target is too long");
	}
	return UNAVAILABLE;
}

static status
read_method(struct reader *r, span name)
{
	if (name.len == 0 || !letters_are(name, LETTER_TOKEN)) {
		return refuse(r, 400, "RFC 9112 3.1", "the request line has no method");
	}
	for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
		if (span_is(name, http_method_name((enum http_method)m))) {
			r->out->method = (enum http_method)m;
			return OK;
		}
	}
	return refuse(r, 501, "RFC 9110 9.1", "the method is not one that this server knows");
}

static status
read_version(struct reader *r, span version)
{
	if (span_is(version, "HTTP/1.1") || span_is(version, "HTTP/1.0")) {
		r->out->minor = version.data[7] == '1' ? 1 : 0;
		return OK;
	}
	if (version.len == 8 && memcmp(version.data, "HTTP/", 5) == 0 && version.data[6] == '.' &&
		version.data[5] >= '0' && version.data[5] <= '9' && version.data[7] >= '0' &&
		version.data[7] <= '9') {
		return refuse(r, 505, "RFC 9110 15.6.6", "only HTTP/1.0 and HTTP/1.1 are spoken");
	}
	return refuse(r, 400, "RFC 9112 2.3", "the request line does not end in a version");
}

static status
read_request_line(struct reader *r)
{
	span line = { NULL, 0 }, method, target;
	status s = line_next(r, &line);

	if (s == OK && line.len == 0) {
		s = line_next(r, &line);
	}
	if (s != OK) {
		return s == UNAVAILABLE ? check_beginning(r) : s;
	}
	if (!span_split(&line, ' ', &method) || !span_split(&line, ' ', &target) ||
		line.data == NULL) {
		return refuse(r, 400, "RFC 9112 3", "the request line has not three parts");
	}
	s = read_method(r, method);
	if (s == OK) {
		s = read_version(r, line);
	}
	if (s != OK) {
		return s;
	}
	if (target.len > HTTP_TARGET_MAX) {
		return refuse(r, 414, "RFC 9110 15.5.15", "the target is too long");
	}
	s = target_read(target, r->out, r->d);
	r->out->refused_with = s != OK ? 400 : 0;
	return s;
}

static bool
is_single(span name)
{
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		if (span_equal_nocase(name, span_text(singles[i]))) {
			return true;
		}
	}
	return false;
}

static status
read_field(struct reader *r, span line)
{
	struct http_request *out = r->out;
	span name, value = line;

	if (line.data[0] == ' ' || line.data[0] == '\t') {
		return refuse(r, 400, "RFC 9112 5.2", "a folded header line");
	}
	span_split(&value, ':', &name);
	if (value.data == NULL || name.len == 0) {
		return refuse(r, 400, "RFC 9112 5", "a header line without a name and a colon");
	}
	if (!letters_are(name, LETTER_TOKEN)) {
		return refuse(r, 400, "RFC 9112 5.1",
			"a header's name has a letter that is not allowed, or a space before its "
			"colon");
	}
	if (!letters_are(value, LETTER_VALUE)) {
		return refuse(r, 400, "RFC 9110 5.5", "a header's value has a control character");
	}
	if (out->header_count == HTTP_HEADER_COUNT_MAX) {
		return refuse(r, 431, "RFC 6585 5", "too many header lines");
	}
	for (size_t i = 0; i < out->header_count; i++) {
		if (span_equal_nocase(out->headers[i].name, name) && is_single(name)) {
			return refuse(r, 400, "RFC 9110 5.3",
				"a header that means one thing stands there twice");
		}
	}
	out->headers[out->header_count++] = (struct http_header){ name, span_trim(value) };
	return OK;
}

/* RFC 9112 6.1: only "chunked" is known; anything else in the last place has no end. */
static status
read_transfer_encoding(struct reader *r, span value)
{
	span coding, rest = value, last = { NULL, 0 };
	size_t count = 0, chunked = 0;

	while (span_split(&rest, ',', &coding)) {
		last = span_trim(coding);
		count++;
		chunked += span_equal_nocase(last, span_text("chunked"));
	}
	if (chunked != 1 || !span_equal_nocase(last, span_text("chunked"))) {
		return refuse(r, 400, "RFC 9112 6.3",
			"the last transfer coding is not \"chunked\", once");
	}
	if (count > 1) {
		return refuse(
			r, 501, "RFC 9112 6.1", "only the transfer coding \"chunked\" is known");
	}
	if (r->out->minor == 0) {
		return refuse(r, 400, "RFC 9112 6.1", "HTTP/1.0 has no Transfer-Encoding");
	}
	r->out->is_chunked = true;
	return OK;
}

static status
read_framing(struct reader *r)
{
	struct http_request *out = r->out;

	for (size_t i = 0; i < out->header_count; i++) {
		span name = out->headers[i].name, value = out->headers[i].value;
		int64_t length = 0;
		status s;

		if (span_equal_nocase(name, span_text("content-length"))) {
			if (number_parse(value, &length) != OK) {
				return refuse(
					r, 400, "RFC 9112 6.3", "Content-Length is not a number");
			}
			out->has_length = true;
			out->length = (uint64_t)length;
		} else if (span_equal_nocase(name, span_text("transfer-encoding"))) {
			s = read_transfer_encoding(r, value);
			if (s != OK) {
				return s;
			}
		}
	}
	if (out->has_length && out->is_chunked) {
		return refuse(r, 400, "RFC 9112 6.1", "both Content-Length and Transfer-Encoding");
	}
	return OK;
}

static status
read_meaning(struct reader *r)
{
	struct http_request *out = r->out;
	span host = http_header_get(out, "host");
	span expect = http_header_get(out, "expect");
	bool wants_close = http_header_has(out, "connection", "close");
	status s = read_framing(r);

	if (s != OK) {
		return s;
	}
	if ((out->minor == 1 || host.data != NULL) && !authority_is_valid(host)) {
		return refuse(r, 400, "RFC 9112 3.2", "no Host header, or not a valid one");
	}
	if (expect.len > 0 && !span_equal_nocase(expect, span_text("100-continue"))) {
		return refuse(r, 417, "RFC 9110 10.1.1", "an expectation that is not known");
	}
	/* RFC 9110 10.1.1: an HTTP/1.0 client's expectation is passed over. */
	out->expects_continue = expect.len > 0 && out->minor == 1;
	out->keep_alive = !wants_close &&
			  (out->minor == 1 || http_header_has(out, "connection", "keep-alive"));
	return OK;
}

status
http_request_read(span bytes, struct http_request *out, size_t *used, struct diag *d)
{
	struct reader r = { .bytes = bytes, .out = out, .d = d };
	span line = { NULL, 0 };
	status s;

	memset(out, 0, offsetof(struct http_request, headers));
	if (bytes.data == NULL) {
		return UNAVAILABLE;
	}
	s = read_request_line(&r);
	while (s == OK) {
		s = line_next(&r, &line);
		if (s == OK && line.len == 0) {
			*used = r.at;
			return read_meaning(&r);
		}
		if (s == OK) {
			s = read_field(&r, line);
		}
	}
	return s;
}
