#pragma once
/* The query of a path: known parameters only, and the pages of a list. */
#include "api/call.h"

/* False: a 400 names the parameter that is none of the `count` known ones. */
MUST_USE bool query_allow(struct call *c, const char *const *known, size_t count);
/* The parameter, decoded. NOT_FOUND leaves no diag behind: an absent one is no fault. */
MUST_USE status query_get(struct call *c, const char *parameter, span *out);
/* An optional name, "" where absent. False: 400, or 404 for what can be nobody's name. */
MUST_USE bool query_name(
	struct call *c, const char *parameter, const char *what, char out[NAME_MAX_LEN + 1]);

struct page {
	int64_t after;
	size_t limit;
};
/* ?limit= and ?after=; `first` is the `after` of the first page. False: a 400 is the reply. */
MUST_USE bool page_read(struct call *c, int64_t first, struct page *out);
/* A list is `{"items":[` what comes between `],"next":..}`. */
void page_open(struct json_writer *w);
/* `count` rows were found, the last of them `last`. */
void page_close(struct json_writer *w, const struct page *p, size_t count, int64_t last);
