
#include "lifecycle/import.h"

static void
refuse(struct import_item *item, status s, const struct diag *d)
{
	item->fate = FATE_REFUSED;
	item->line.status = s;
	item->line.diag = *d;
}

/*
 * The caller's own code for this element, asked for here, on its own thread, by the unsigned index: that a
 * verified entry has no other is seen to in import_judge.
 */
static void
ask_for_code(struct import *im, struct import_item *item)
{
	const struct import_request *r = im->request;
	char given[CLAIM_CODE_TEXT_MAX] = "";
	struct diag fault;

	if (r->code_of == NULL || item->line.unique_id[0] == '\0' ||
		!r->code_of(r->code_context, item->line.unique_id, given)) {
		return;
	}
	item->has_wanted_code = true;
	if (claim_code_normalize(
		    span_of(given, strnlen(given, sizeof(given))), item->wanted_code) != OK) {
		diag_clear(&fault);
		(void)diag_set(&fault, BAD_INPUT, NULL,
			"the claim code that came with it has not %d letters", CLAIM_CODE_LETTERS);
		refuse(item, BAD_INPUT, &fault);
		item->text = span_of(NULL, 0);
	}
}

status
import_batch_read(struct import *im, struct import_batch *b, struct diag *d)
{
	size_t bytes = 0;

	arena_reset(b->arena);
	for (b->count = 0; b->count < IMPORT_BATCH && bytes < IMPORT_BATCH_BYTES; b->count++) {
		struct import_item *item = &b->items[b->count];
		struct diag fault;
		uint64_t number = 0;
		span entry;
		status st;

		diag_clear(&fault);
		st = manifest_reader_next(im->reader, &entry, &number, &fault);
		if (st != OK && st != LIMIT) {
			return st == NOT_FOUND ? st
					       : diag_set(d, st, fault.clause, "%s", fault.text);
		}
		memset(item, 0, sizeof(*item));
		item->line.number = number;
		if (st == LIMIT) {
			refuse(item, st, &fault);
			continue;
		}
		memcpy(b->text + bytes, entry.data, entry.len);
		item->text = span_of(b->text + bytes, entry.len);
		bytes += entry.len;
		manifest_entry_label(entry, item->line.unique_id);
		ask_for_code(im, item);
	}
	return OK;
}
