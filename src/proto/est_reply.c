/*
 * The manners towards clients that read less than the standard says:
 *   - Content-Transfer-Encoding is always sent, never read;
 *   - the base64 stands on one line with one line feed, but in lines of 64 for libest, which reads no long line; a
 *     fleet may have it in one way for all;
 *   - enrolment answers with smime-type=certs-only, cacerts without.
 */
#include "proto/est_reply.h"

#include "pki/cms.h"
#include "pki/pem.h"

static bool
is_libest(const struct exchange *x)
{
	span agent = http_header_get(x->request, "User-Agent");

	return span_is(span_slice(agent, 0, 6), "libest");
}

/* Characters in a line of base64; 0: all in one. */
static size_t
line_width(const struct exchange *x, const struct fleet *f)
{
	if (f->est.lines == EST_LINES_AUTO) {
		return is_libest(x) ? EST_LINE_WIDTH : 0;
	}
	return f->est.lines == EST_LINES_WRAPPED ? EST_LINE_WIDTH : 0;
}

void
est_reply_base64(struct exchange *x, const struct fleet *f, const char *content_type, span der)
{
	struct buffer text;

	buffer_init(&text, 1 << 20);
	base64_write(&text, der, line_width(x, f));
	if (buffer_failed(&text)) {
		reply_problem_as(x, 500, "no memory for the answer");
	} else {
		reply_bytes(x, 200, content_type, buffer_span(&text));
		reply_header(x, "Content-Transfer-Encoding", "base64");
	}
	buffer_wipe(&text);
}

void
est_reply_certificates(struct exchange *x, const struct fleet *f, const char *content_type,
	const span *list, size_t count)
{
	struct buffer cms;
	struct diag d = { 0 };

	buffer_init(&cms, 1 << 20);
	if (cms_certificates_write(list, count, &cms, &d) == OK) {
		est_reply_base64(x, f, content_type, buffer_span(&cms));
	} else {
		reply_problem(x, &d);
	}
	buffer_wipe(&cms);
}
