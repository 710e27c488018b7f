#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"
#include "base/text.h"
#include "ledger/tile.h"
#include "ledger/verify.h"

#define BY_LEDGER (BY_AUDITOR | BY_MAKER)
#define PROOF_SIZE_MAX (CHECKPOINT_MAX + TREE_PROOF_MAX * 64)

static status
write_entries(struct call *c, struct json_writer *w, void *context)
{
	const struct page *page = context;
	struct ledger_row *rows = NULL;
	size_t count = 0;
	status s = list_ledger(
		c->session.reader, c->session.arena, page->after + 1, page->limit, &rows, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		view_ledger_row(w, &rows[i]);
	}
	page_close(w, page, count, count > 0 ? rows[count - 1].sequence : 0);
	return s;
}

void
ledger_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after" };
	struct call c;
	struct page page;

	/* -1: the ledger begins with entry 0. */
	if (call_begin(&c, x, BY_LEDGER) && query_allow(&c, known, 2) && page_read(&c, -1, &page)) {
		call_show(&c, 200, write_entries, &page);
	}
}

/* An entry that is recorded and not yet under a checkpoint has no proof for the blink of an eye. */
static status
judge_index(struct call *c, uint64_t index)
{
	int64_t size = 0;
	uint64_t published = 0;
	status s = read_ledger_size(c->session.reader, &size);

	if (s != OK || index >= (uint64_t)size) {
		return s != OK ? s : NOT_FOUND;
	}
	s = sequencer_health(c->session.life->sequencer, &published, &c->diag);
	if (s == OK && index >= published) {
		s = diag_set(&c->diag, UNAVAILABLE, NULL,
			"entry %llu is recorded and not yet published: ask again in a second",
			(unsigned long long)index);
	}
	return s;
}

void
ledger_proof(struct exchange *x)
{
	struct call c;
	int64_t index;

	if (!call_begin(&c, x, BY_LEDGER) || !query_allow(&c, NULL, 0)) {
		return;
	}
	if (number_parse(x->parameters[0], &index) != OK) {
		call_missing(&c, "ledger entry", x->parameters[0]);
		return;
	}
	status s = judge_index(&c, (uint64_t)index);
	if (s == NOT_FOUND) {
		call_missing(&c, "ledger entry", x->parameters[0]);
		return;
	}
	struct buffer proof, entry;
	buffer_init(&proof, PROOF_SIZE_MAX);
	buffer_init(&entry, LEDGER_ENTRY_MAX);
	if (s == OK) {
		s = ledger_prove(service_of(x)->configuration->ledger, (uint64_t)index, &proof,
			&entry, &c.diag);
	}
	if (s == OK) {
		reply_bytes(x, 200, "text/plain; charset=utf-8", buffer_span(&proof));
	} else {
		call_refuse(&c, s);
	}
	buffer_wipe(&proof);
	buffer_wipe(&entry);
}

/* --- the ledger's files, as they lie --- */

/* A file below the ledger's folder; `path` is made of our own letters only. */
static bool
reply_ledger_file(struct call *c, const char *path, const char *content_type)
{
	char whole[4096];
	struct stat st;
	int file;

	snprintf(whole, sizeof(whole), "%s/%s", service_of(c->x)->configuration->ledger, path);
	file = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		return call_missing(c, "ledger file", span_text(path));
	}
	if (file < 0 || fstat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
		diag_set(&c->diag, IO, NULL, "cannot read the ledger's %s", path);
		if (file >= 0) {
			close(file);
		}
		return call_refuse(c, IO);
	}
	reply_file(c->x, 200, content_type, file, (uint64_t)st.st_size);
	return true;
}

void
ledger_checkpoint_file(struct exchange *x)
{
	struct call c;

	if (call_begin(&c, x, BY_LEDGER) && query_allow(&c, NULL, 0) &&
		reply_ledger_file(&c, "checkpoint", "text/plain; charset=utf-8")) {
		reply_header(x, "Cache-Control", "no-cache");
	}
}

/* The next part of the path, up to '/'. */
static span
next_part(span *rest)
{
	const uint8_t *slash = rest->len > 0 ? memchr(rest->data, '/', rest->len) : NULL;
	size_t len = slash != NULL ? (size_t)(slash - rest->data) : rest->len;
	span part = span_of(rest->data, len);

	*rest = span_slice(*rest, len + 1, rest->len);
	return part;
}

static bool
is_number(span text, size_t digits_min, size_t digits_max)
{
	int64_t ignored;

	return text.len >= digits_min && text.len <= digits_max &&
	       number_parse(text, &ignored) == OK;
}

/* c2sp.org/tlog-tiles: <L>/<N>[.p/<W>] or entries/<N>[.p/<W>], N as x001/x234/067. Digits and nothing else. */
static bool
tile_path_is_valid(span rest)
{
	span part = next_part(&rest);

	if (!span_is(part, "entries") && !is_number(part, 1, 2)) {
		return false;
	}
	part = next_part(&rest);
	for (int groups = 0; part.len == 4 && part.data[0] == 'x'; groups++) {
		if (groups == 6 || !is_number(span_slice(part, 1, 3), 3, 3)) {
			return false;
		}
		part = next_part(&rest);
	}
	if (part.len == 5 && memcmp(part.data + 3, ".p", 2) == 0) {
		return is_number(span_slice(part, 0, 3), 3, 3) && is_number(rest, 1, 3);
	}
	return is_number(part, 3, 3) && rest.len == 0;
}

void
ledger_tile_file(struct exchange *x)
{
	struct call c;

	if (!call_begin(&c, x, BY_LEDGER) || !query_allow(&c, NULL, 0)) {
		return;
	}
	if (!tile_path_is_valid(x->rest)) {
		call_missing(&c, "tile", x->rest);
		return;
	}
	char path[TILE_PATH_MAX];
	snprintf(path, sizeof(path), "tile/%.*s", (int)x->rest.len, (const char *)x->rest.data);
	if (reply_ledger_file(&c, path, "application/octet-stream")) {
		reply_header(x, "Cache-Control", "private, max-age=31536000, immutable");
	}
}
