#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"
#include "base/text.h"
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
