#include <stdio.h>
#include <unistd.h>

#include "base/served_file.h"
#include "base/text.h"
#include "http/date.h"
#include "pki/crl.h"
#include "proto/named.h"
#include "proto/routes.h"
#include "proto/validator.h"

/*
 * The published lists, as crl_publish left them in the CRL folder. Invariant: none is handed out behind its
 * nextUpdate: a relying party that gets a 503 keeps what it has and tries again, one that gets a dead list refuses
 * everybody.
 */

#define PATH_MAX_LEN 4096
#define FRESH_S 300 /* a cache asks again after this: a list is made anew at each revocation */

struct list {
	struct served_file file;
	int64_t this_update_s, next_update_s;
	char tag[64], modified[HTTP_DATE_MAX];
};

/* full.crl, ca.crl, bundle.pem, and shards by their number. */
static bool
is_list_name(span name)
{
	int64_t number;

	if (span_is(name, "full.crl") || span_is(name, "ca.crl") || span_is(name, "bundle.pem")) {
		return true;
	}
	/* Without a leading zero: one name a shard. */
	return name.len > 4 && name.len <= 4 + 9 &&
	       span_is(span_slice(name, name.len - 4, 4), ".crl") &&
	       number_parse(span_slice(name, 0, name.len - 4), &number) == OK &&
	       (name.data[0] != '0' || name.len == 5);
}

/* "# CRLs of NAME, number N, good until 2026-12-01T12:00:00Z": the first line of bundle.pem. */
static status
bundle_dates(span head, int64_t *next_update_s)
{
	const span before = span_text("good until ");
	span line = span_slice(head, 0, span_find(head, span_text("\n")));
	size_t at = span_find(line, before);

	if (at == SIZE_MAX) {
		return BAD_INPUT;
	}
	return time_parse(span_slice(line, at + before.len, SIZE_MAX), next_update_s);
}

static status
read_dates(struct list *l, bool is_bundle)
{
	uint8_t head[CRL_HEAD_MAX];
	size_t len;
	status st = served_file_head(&l->file, head, sizeof(head), &len);

	if (st != OK) {
		return st;
	}
	if (is_bundle) {
		l->this_update_s = l->file.changed_ns / 1000000000;
		return bundle_dates(span_of(head, len), &l->next_update_s);
	}
	return crl_dates_read(span_of(head, len), &l->this_update_s, &l->next_update_s);
}

static void
set_validators(struct exchange *x, const struct list *l, int64_t now_s)
{
	int64_t left_s = l->next_update_s - now_s;
	char text[64];

	reply_header(x, "ETag", l->tag);
	reply_header(x, "Last-Modified", l->modified);
	snprintf(text, sizeof(text), "max-age=%lld, public",
		(long long)(left_s < FRESH_S ? left_s : FRESH_S));
	reply_header(x, "Cache-Control", text);
}

/* --- the list --- */

/* Takes l->file. */
static void
reply_list(struct exchange *x, struct list *l, bool is_bundle)
{
	int64_t now_s = clock_now_s(service_of(x)->life->clock);
	char until[TIME_TEXT_MAX];

	if (read_dates(l, is_bundle) != OK) {
		close(l->file.fd);
		reply_problem_as(x, 503, "the list cannot be read: it will be published anew");
		return;
	}
	if (l->next_update_s <= now_s) {
		close(l->file.fd);
		reply_problem_as(x, 503,
			arena_printf(x->arena,
				"the list ended at %s and has not been published since",
				time_text(until, l->next_update_s)));
		return;
	}
	snprintf(l->tag, sizeof(l->tag), "\"%llx-%llx\"", (unsigned long long)l->file.changed_ns,
		(unsigned long long)l->file.size);
	http_date_text(l->modified, l->this_update_s);
	if (validator_fits(x, l->tag, l->modified)) {
		close(l->file.fd);
		reply_empty(x, 304);
	} else {
		reply_file(x, 200, is_bundle ? "application/x-pem-file" : "application/pkix-crl",
			l->file.fd, l->file.size);
	}
	set_validators(x, l, now_s);
}

static void
crl_file(struct exchange *x)
{
	const char *folder = service_of(x)->life->crl_folder;
	char path[PATH_MAX_LEN], name[NAME_MAX_LEN + 1];
	span file = x->parameters[1];
	struct list l = { 0 };
	status st = NOT_FOUND;
	int n;

	if (name_of_segment(x->parameters[0], name) && is_list_name(file)) {
		n = snprintf(path, sizeof(path), "%s/%s/%.*s", folder, name, (int)file.len,
			(const char *)file.data);
		st = n > 0 && (size_t)n < sizeof(path) ? served_file_open(path, &l.file)
						       : NOT_FOUND;
	}
	if (st == NOT_FOUND) {
		reply_problem_as(x, 404, "there is no such list");
	} else if (st != OK) {
		reply_problem_as(x, 503, "the list cannot be read");
	} else {
		reply_list(x, &l, span_is(file, "bundle.pem"));
	}
}

const struct route crl_routes[] = {
	{ HTTP_GET, "/crl/{ca}/{list}", crl_file, 0 },
	{ 0 },
};
