#include <stdio.h>

#include "base/served_file.h"
#include "base/text.h"
#include "http/service.h"
#include "ledger/tile.h"
#include "proto/routes.h"

/*
 * The ledger's files over HTTP, as C2SP tlog-tiles lays them out, for auditors and the maker. A path is taken only
 * in the one form that the ledger itself writes.
 */

#define PATH_MAX_LEN 4096

static bool
may_read(struct exchange *x, struct session *s)
{
	enum operator_role role;

	if (!service_session(x, s) || !service_operator(x, s)) {
		return false;
	}
	role = s->actor.account.role;
	if (role != OPERATOR_ADMIN && role != OPERATOR_MAKER && role != OPERATOR_AUDITOR) {
		reply_problem_as(x, 403, "the ledger is for auditors and the maker");
		return false;
	}
	return true;
}

static void
reply_ledger_file(
	struct exchange *x, const char *name, const char *content_type, const char *caching)
{
	char path[PATH_MAX_LEN];
	struct served_file f;
	int n = snprintf(path, sizeof(path), "%s/%s", service_of(x)->configuration->ledger, name);
	status st = n > 0 && (size_t)n < sizeof(path) ? served_file_open(path, &f) : NOT_FOUND;

	if (st != OK) {
		reply_problem_as(x, st == NOT_FOUND ? 404 : 503,
			st == NOT_FOUND ? "the ledger has no such file"
					: "the ledger's file cannot be read");
		return;
	}
	reply_file(x, 200, content_type, f.fd, f.size);
	reply_header(x, "Cache-Control", caching);
}

static void
ledger_checkpoint_file(struct exchange *x)
{
	struct session s;

	if (may_read(x, &s)) {
		reply_ledger_file(x, "checkpoint", "text/plain; charset=utf-8", "no-store");
	}
}

/* --- tiles --- */

/* The part up to '/', and what follows. */
static span
take_segment(span *rest)
{
	const uint8_t *slash = rest->len > 0 ? memchr(rest->data, '/', rest->len) : NULL;
	size_t len = slash != NULL ? (size_t)(slash - rest->data) : rest->len;
	span segment = span_slice(*rest, 0, len);

	*rest = span_slice(*rest, len + (slash != NULL), rest->len);
	return segment;
}

/* x001/x234/067[.p]: three digits a group. False for anything else. */
static bool
take_number(span *rest, uint64_t *number, bool *is_partial)
{
	int64_t group;

	*number = 0;
	for (unsigned k = 0; k < 6; k++) {
		span segment = take_segment(rest);
		bool goes_on = segment.len == 4 && segment.data[0] == 'x';

		*is_partial = segment.len == 5 && span_is(span_slice(segment, 3, 2), ".p");
		if ((!goes_on && !*is_partial && segment.len != 3) ||
			number_parse(span_slice(segment, goes_on, 3), &group) != OK) {
			return false;
		}
		*number = *number * 1000 + (uint64_t)group;
		if (!goes_on) {
			return true;
		}
	}
	return false;
}

/* Reads <L>/<N>[.p/<W>] and writes it anew: equal only when it was in the one form. */
static bool
tile_name(span rest, char out[TILE_PATH_MAX])
{
	span given = rest, level_text = take_segment(&rest);
	int64_t level = -1, width = TILE_WIDTH;
	uint64_t number;
	bool is_partial;

	if (!span_is(level_text, "entries") &&
		(number_parse(level_text, &level) != OK || level >= TILE_LEVELS_MAX)) {
		return false;
	}
	if (!take_number(&rest, &number, &is_partial)) {
		return false;
	}
	if (is_partial && (number_parse(take_segment(&rest), &width) != OK || width < 1 ||
				  width >= TILE_WIDTH)) {
		return false;
	}
	tile_path(out, (int)level, number, (unsigned)width);
	return span_is(given, out + sizeof("tile/") - 1);
}

static void
ledger_tile(struct exchange *x)
{
	char name[TILE_PATH_MAX];
	struct session s;

	if (!may_read(x, &s)) {
		return;
	}
	if (!tile_name(x->rest, name)) {
		reply_problem_as(x, 404, "the ledger has no such file");
		return;
	}
	/* What was once written there never changes. */
	reply_ledger_file(
		x, name, "application/octet-stream", "max-age=31536000, private, immutable");
}

const struct route ledger_routes[] = {
	{ HTTP_GET, "/ledger/checkpoint", ledger_checkpoint_file, 0 },
	{ HTTP_GET, "/ledger/tile/*", ledger_tile, 0 },
	{ 0 },
};
