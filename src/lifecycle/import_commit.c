#include <stdlib.h>

#include "lifecycle/import.h"

/* What of a batch goes into the store: each item with its change and what became of it. */
struct settling {
	struct session
		session; /* the caller's, with the batch's arena: what is built here goes with it */
	struct change *changes[IMPORT_BATCH];
	struct import_item *items[IMPORT_BATCH];
	struct commit_result results[IMPORT_BATCH];
	size_t count;
};

static void
refuse(struct import_item *item, status s, const struct diag *d)
{
	item->fate = FATE_REFUSED;
	item->line.status = s;
	item->line.diag = *d;
	item->line.device = (id){ { 0 } };
	explicit_bzero(item->line.code, sizeof(item->line.code));
}

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for an import");
}

/* --- one device's change --- */

static status
write_entry(const struct import *im, struct settling *t, struct import_item *item, struct change *c,
	struct diag *d)
{
	struct session *s = &t->session;
	char *name = arena_alloc(s->arena, ID_TEXT_LEN + 1);
	struct ledger_entry e;

	if (name == NULL) {
		return no_memory(d);
	}
	session_entry(s, device_event_name(EVENT_ONBOARD), &e);
	e.device = id_text(name, &item->device.id);
	e.from = device_state_name(item->before.state);
	e.to = device_state_name(item->device.state);
	e.fleet = im->fleet.name;
	e.owner = session_owner_commitment(s, &im->maker);
	e.object = item->entry.unique_id;
	e.digest = item->entry.payload_hash;
	if (item->entry.leaf.len > 0) {
		e.certificate = item->leaf.fingerprint;
		e.serial = span_of(item->leaf.serial, item->leaf.serial_len);
	}
	return session_ledger(s, c, &e, CHANGE_REF(&item->device), d);
}

static void
add_new(const struct import *im, struct import_item *item, struct change *c)
{
	item->element.manifest = im->record.row;
	change_element_add(c, &item->element);
	change_device_add(c, &item->device);
	change_link(c, &item->device.element, CHANGE_REF(&item->element));
	change_link(c, &item->element.device, CHANGE_REF(&item->device));
	if (item->entry.leaf.len > 0) {
		change_certificate_add(c, &item->leaf);
		change_link(c, &item->leaf.device, CHANGE_REF(&item->device));
		change_link(c, &item->device.birth_certificate, CHANGE_REF(&item->leaf));
	}
}

static status
add_change(struct import *im, struct settling *t, struct import_item *item, struct diag *d)
{
	struct change *c = change_new(t->session.arena);
	status st;

	if (c == NULL) {
		return no_memory(d);
	}
	if (item->fate == FATE_NEW) {
		add_new(im, item, c);
	} else {
		change_device_set(c, &item->device);
	}
	if (item->line.code[0] != '\0') {
		change_link(c, &item->code.device, CHANGE_REF(&item->device));
		change_claim_code_put(c, &item->code);
	}
	st = write_entry(im, t, item, c, d);
	if (st == OK) {
		t->changes[t->count] = c;
		t->items[t->count++] = item;
	}
	return st;
}

/* --- the manifest's record --- */

static status
take_up_record(struct import *im, struct diag *d)
{
	struct reader *r = im->session->reader;
	struct manifest_record stored;
	status st = reader_begin(r, d);

	if (st != OK) {
		return st;
	}
	st = read_manifest_by_hash(r, im->record.file_hash, im->fleet.row, &stored);
	reader_end(r);
	if (st == OK) {
		im->record = stored;
	}
	return st == OK || st == NOT_FOUND ? OK
					   : diag_set(d, st, NULL, "the manifests cannot be read");
}

/* Elements name the manifest that they came in, so it is stored before the first of them. */
static status
ensure_record(struct import *im, struct arena *a, struct diag *d)
{
	static const uint8_t none[32];
	struct manifest_record *m = &im->record;
	struct change *c;
	status st = OK;

	if (m->row != 0) {
		return OK;
	}
	memcpy(m->file_hash, im->request->file_hash, sizeof(m->file_hash));
	m->fleet = im->fleet.row;
	m->phase = im->fleet.phase;
	m->at_s = im->session->now_s;
	if (id_new(im->session->life->clock, &m->id) != OK) {
		return diag_set(d, BUG, NULL, "the system has no randomness");
	}
	if (memcmp(m->file_hash, none, sizeof(none)) == 0) {
		sha256(SPAN_ARRAY(m->id.bytes), m->file_hash); /* no file: a name of its own */
	} else {
		st = take_up_record(im, d);
	}
	if (st != OK || m->row != 0) {
		return st;
	}
	c = change_new(a);
	if (c == NULL) {
		return no_memory(d);
	}
	change_manifest_add(c, m);
	return store_commit(im->session->life->store, c, NULL, d);
}

/* --- a batch --- */

static bool
is_coming(const struct import_item *item)
{
	return item->fate == FATE_NEW || item->fate == FATE_ONBOARD;
}

static bool
is_new_key(const struct import_item *item)
{
	return item->fate == FATE_NEW && item->entry.leaf.len > 0;
}

/* Another element with this birth key that the store did not have yet when this one was judged, or NULL. */
static const char *
find_clone(const struct import *im, const struct import_batch *b, size_t index)
{
	const struct import_item *item = &b->items[index];

	for (size_t i = 0; i < index; i++) {
		const struct import_item *other = &b->items[i];

		if (is_new_key(other) &&
			memcmp(other->leaf.key_hash, item->leaf.key_hash, 32) == 0 &&
			strcmp(other->entry.unique_id, item->entry.unique_id) != 0) {
			return other->entry.unique_id;
		}
	}
	for (size_t i = 0; i < im->last_key_count; i++) {
		const struct import_key *k = &im->last_keys[i];

		if (memcmp(k->hash, item->leaf.key_hash, 32) == 0 &&
			strcmp(k->unique_id, item->entry.unique_id) != 0) {
			return k->unique_id;
		}
	}
	return NULL;
}

static void
refuse_clones(const struct import *im, struct import_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct import_item *item = &b->items[i];
		const char *other = is_new_key(item) ? find_clone(im, b, i) : NULL;
		struct diag fault;

		if (other != NULL) {
			diag_clear(&fault);
			(void)diag_set(&fault, EXISTS, NULL,
				"the birth key of element %s is that of element %s too: a clone",
				item->entry.unique_id, other);
			refuse(item, EXISTS, &fault);
		}
	}
}

static void
keep_keys(struct import *im, const struct import_batch *b)
{
	im->last_key_count = 0;
	for (size_t i = 0; i < b->count; i++) {
		struct import_key *k = &im->last_keys[im->last_key_count];

		if (is_new_key(&b->items[i])) {
			memcpy(k->unique_id, b->items[i].entry.unique_id, sizeof(k->unique_id));
			memcpy(k->hash, b->items[i].leaf.key_hash, sizeof(k->hash));
			im->last_key_count++;
		}
	}
}

/* Judged before an earlier batch was durable: that one may hold the same element, or its key. */
static status
look_again(struct import *im, struct import_item *item, const struct commit_result *refused,
	struct diag *d)
{
	struct diag fault;
	status st;

	diag_clear(&fault);
	explicit_bzero(item->line.code, sizeof(item->line.code));
	item->line.device = (id){ { 0 } };
	st = import_look_up(im, im->session->reader, item, &fault);
	if (st == IO || st == NO_MEMORY || st == UNAVAILABLE || st == BUG) {
		(void)diag_copy(d, &fault);
		return st; /* no fault of the entry's */
	}
	if (st != OK) {
		refuse(item, st, &fault);
	} else if (item->fate != FATE_KNOWN) {
		refuse(item, refused->status, &refused->diag);
	}
	return OK;
}

static void
tell_device(const struct import *im, const struct import_item *item)
{
	const struct life *life = im->session->life;

	if (life->on_device != NULL) {
		life->on_device(life->context, item->device.row);
	}
}

static status
commit(struct import *im, struct import_batch *b, struct settling *t, struct diag *d)
{
	status st = OK;

	for (size_t i = 0; st == OK && i < b->count; i++) {
		if (is_coming(&b->items[i])) {
			st = ensure_record(im, b->arena, d);
			st = st == OK ? add_change(im, t, &b->items[i], d) : st;
		}
	}
	if (st == OK) {
		st = session_check_ledger(im->session->life, d);
	}
	if (st == OK) {
		st = store_commit_batch(
			im->session->life->store, t->changes, t->count, t->results, d);
	}
	for (size_t i = 0; st == OK && i < t->count; i++) {
		if (t->results[i].status == OK) {
			tell_device(im, t->items[i]);
		} else {
			st = look_again(im, t->items[i], &t->results[i], d);
		}
	}
	if (st == OK && t->count > 0 && im->session->life->sequencer != NULL) {
		sequencer_wake(im->session->life->sequencer);
	}
	return st;
}

static void
count_line(struct import *im, struct import_item *item)
{
	struct import_counts *c = im->counts;
	struct import_line *l = &item->line;

	c->entries++;
	if (item->fate == FATE_REFUSED) {
		l->verdict = IMPORT_REFUSED;
		c->refused++;
	} else if (item->fate == FATE_KNOWN) {
		l->verdict = IMPORT_KNOWN;
		c->known++;
	} else {
		l->verdict = IMPORT_ACCEPTED;
		c->accepted++;
		sha256_two(
			SPAN_ARRAY(im->digest), SPAN_ARRAY(item->entry.payload_hash), im->digest);
	}
}

status
import_batch_settle(struct import *im, struct import_batch *b, struct diag *d)
{
	struct settling *t = calloc(1, sizeof(*t));
	status st = OK;

	if (t == NULL) {
		return no_memory(d);
	}
	t->session = *im->session;
	t->session.arena = b->arena;
	refuse_clones(im, b);
	if (!im->request->is_dry_run) {
		st = commit(im, b, t, d);
	}
	for (size_t i = 0; st == OK && i < b->count; i++) {
		count_line(im, &b->items[i]);
		if (im->request->line != NULL) {
			st = im->request->line(im->request->line_context, &b->items[i].line);
			if (st != OK) {
				st = diag_set(d, st, NULL, "the import was broken off");
			}
		}
	}
	keep_keys(im, b);
	free(t);
	return st;
}

status
import_finish(struct import *im, bool is_complete, struct diag *d)
{
	static const uint8_t none[32];
	struct session local = *im->session;
	struct change *c;
	struct ledger_entry e;
	status st;

	/* The same file again, whole as before: there is nothing to record. */
	if (im->request->is_dry_run || im->counts->entries == 0) {
		return OK;
	}
	local.arena = im->batches[0]->arena;
	st = ensure_record(im, local.arena, d);
	if (st != OK || (im->record.is_complete && im->counts->accepted == 0)) {
		return st;
	}
	c = change_new(local.arena);
	if (c == NULL) {
		return no_memory(d);
	}
	im->record.accepted += (int64_t)im->counts->accepted;
	im->record.known = (int64_t)im->counts->known;
	im->record.refused = (int64_t)im->counts->refused;
	im->record.is_complete = im->record.is_complete || is_complete;
	change_manifest_counts(c, &im->record);
	session_entry(&local, "manifest-import", &e);
	e.fleet = im->fleet.name;
	e.count = (int64_t)im->counts->accepted;
	e.digest = memcmp(im->request->file_hash, none, sizeof(none)) != 0 ? im->request->file_hash
									   : im->digest;
	e.reason = is_complete ? NULL : "broken";
	return session_record(&local, c, &e, NULL, d);
}
