#include "proto/validator.h"

/* Weak comparison with each of the list. */
static bool
tag_matches(span wanted, const char *tag)
{
	return span_is(wanted, "*") ||
	       (tag[0] != '\0' && span_find(wanted, span_text(tag)) != SIZE_MAX);
}

bool
validator_fits(const struct exchange *x, const char *tag, const char *modified)
{
	span tags, since;

	if (x->request->method != HTTP_GET && x->request->method != HTTP_HEAD) {
		return false;
	}
	tags = http_header_get(x->request, "If-None-Match");
	since = http_header_get(x->request, "If-Modified-Since");
	if (tags.len > 0) {
		return tag_matches(tags, tag);
	}
	/* The date that we gave: another one is somebody's own clock, and gets the whole. */
	return since.len > 0 && span_is(since, modified);
}
