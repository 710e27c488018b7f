#include "lifecycle/crl_list.h"

#include <stdlib.h>

#include "base/check.h"

#define PAGE_ARENA_MAX (16 << 20) /* 10,000 rows of 64 bytes, or 1,000 devices with certificates */
#define ENTRIES_MAX (1 << 24)	  /* far over what one frame to the signer holds */

status
crl_list_init(struct crl_list *l, struct session *s, struct diag *d)
{
	*l = (struct crl_list){ .session = s, .page = arena_new(PAGE_ARENA_MAX) };
	return l->page != NULL ? OK : diag_set(d, NO_MEMORY, NULL, "no memory for a CRL");
}

void
crl_list_wipe(struct crl_list *l)
{
	arena_free(l->page);
	free(l->holds);
	free(l->entries);
	free(l->indexes);
	*l = (struct crl_list){ 0 };
}

/* Room for one more in an array that doubles. */
static void *
more(void *array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room > 0 ? *room * 2 : 64, bytes;
	void *grown;

	if (count < *room) {
		return array;
	}
	if (wanted > ENTRIES_MAX || !size_mul(wanted, size, &bytes)) {
		return NULL;
	}
	grown = realloc(array, bytes);
	if (grown != NULL) {
		*room = wanted;
	}
	return grown;
}

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory for the entries of a CRL");
}

static status
unreadable(status s, struct diag *d)
{
	return diag_set(d, s, NULL, "the revoked certificates cannot be read");
}

static struct crl_entry
entry_of(const struct crl_list *l, const uint8_t *serial, size_t len, int64_t at_s, unsigned reason)
{
	struct crl_entry e = { .serial_len = (uint8_t)len, .reason = (uint8_t)reason };

	memcpy(e.serial, serial, len);
	/* A list never speaks of the future: something decided while it is made is as of its own date. */
	e.revoked_s = at_s > 0 && at_s < l->this_update_s ? at_s : l->this_update_s;
	return e;
}

/* --- suspended devices --- */

static status
add_hold(struct crl_list *l, const struct device *device, int64_t row, struct diag *d)
{
	struct certificate k;
	struct crl_hold *grown;
	status s;

	if (row == 0) {
		return OK;
	}
	s = read_certificate(l->session->reader, l->page, row, &k);
	if (s != OK) {
		return unreadable(s, d);
	}
	if (k.authority != l->authority || k.index == 0 || k.not_after_s <= l->alive_at_s) {
		return OK;
	}
	grown = more(l->holds, l->hold_count, &l->hold_room, sizeof(*grown));
	if (grown == NULL) {
		return no_memory(d);
	}
	l->holds = grown;
	grown[l->hold_count++] = (struct crl_hold){ .index = k.index,
		.entry = entry_of(
			l, k.serial, k.serial_len, device->changed_s, REASON_CERTIFICATE_HOLD) };
	return OK;
}

static int
by_index(const void *a, const void *b)
{
	const struct crl_hold *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static status
read_hold_page(struct crl_list *l, int64_t *after, size_t *count, struct diag *d)
{
	const struct device_filter suspended = { .state = DEVICE_SUSPENDED };
	struct device *devices = NULL;
	status s;

	arena_reset(l->page);
	s = list_devices(
		l->session->reader, l->page, &suspended, *after, LIST_PAGE_MAX, &devices, count);
	if (s != OK) {
		return unreadable(s, d);
	}
	for (size_t k = 0; s == OK && k < *count; k++) {
		*after = devices[k].row;
		s = add_hold(l, &devices[k], devices[k].current_certificate, d);
		if (s == OK) {
			s = add_hold(l, &devices[k], devices[k].pending_certificate, d);
		}
	}
	return s;
}

static status
read_holds(struct crl_list *l, struct diag *d)
{
	size_t count = LIST_PAGE_MAX;
	int64_t after = 0;
	status s = OK;

	l->hold_count = 0;
	while (s == OK && count == LIST_PAGE_MAX) {
		s = read_hold_page(l, &after, &count, d);
	}
	if (l->hold_count > 0) {
		qsort(l->holds, l->hold_count, sizeof(l->holds[0]), by_index);
	}
	return s;
}

/* --- the entries --- */

static status
add_entry(struct crl_list *l, const struct crl_entry *e, struct diag *d)
{
	struct crl_entry *grown = more(l->entries, l->count, &l->room, sizeof(*grown));

	if (grown == NULL) {
		return no_memory(d);
	}
	l->entries = grown;
	grown[l->count++] = *e;
	return OK;
}

static status
add_numbered(struct crl_list *l, const struct crl_entry *e, int64_t index, struct diag *d)
{
	int64_t *grown = more(l->indexes, l->numbered, &l->index_room, sizeof(*grown));

	if (grown == NULL) {
		return no_memory(d);
	}
	l->indexes = grown;
	grown[l->numbered++] = index;
	return add_entry(l, e, d);
}

/* The holds below `to`; `*next` is the first that was not looked at. */
static status
add_holds(struct crl_list *l, size_t *next, int64_t to, struct diag *d)
{
	status s = OK;

	while (s == OK && *next < l->hold_count && l->holds[*next].index < to) {
		const struct crl_hold *hold = &l->holds[(*next)++];

		s = add_numbered(l, &hold->entry, hold->index, d);
	}
	return s;
}

/* Revoked ones and holds, merged by index. */
static status
add_page(struct crl_list *l, const struct revoked_entry *page, size_t count, size_t *next,
	struct diag *d)
{
	status s = OK;

	for (size_t k = 0; s == OK && k < count; k++) {
		const struct revoked_entry *r = &page[k];
		struct crl_entry e =
			entry_of(l, r->serial, r->serial_len, r->revoked_s, (unsigned)r->reason);

		s = add_holds(l, next, r->index, d);
		if (*next < l->hold_count && l->holds[*next].index == r->index) {
			(*next)++;
		}
		if (s == OK) {
			s = add_numbered(l, &e, r->index, d);
		}
	}
	return s;
}

static status
gather_numbered(struct crl_list *l, struct diag *d)
{
	struct revoked_entry *page;
	size_t next = 0, count = CRL_SHARD_SIZE;
	int64_t from = 0;
	status s = OK;

	while (s == OK && count == CRL_SHARD_SIZE) {
		arena_reset(l->page);
		s = list_revoked(l->session->reader, l->page, l->authority, from, INT64_MAX,
			l->alive_at_s, l->with_superseded, CRL_SHARD_SIZE, &page, &count);
		if (s != OK) {
			return unreadable(s, d);
		}
		s = add_page(l, page, count, &next, d);
		from = count > 0 ? page[count - 1].index + 1 : from;
	}
	return s == OK ? add_holds(l, &next, INT64_MAX, d) : s;
}

static status
gather_unnumbered(struct crl_list *l, struct diag *d)
{
	struct revoked_entry *page;
	size_t count = CRL_SHARD_SIZE;
	int64_t after = 0;
	status s = OK;

	while (s == OK && count == CRL_SHARD_SIZE) {
		arena_reset(l->page);
		s = list_revoked_unnumbered(l->session->reader, l->page, l->authority, after,
			l->alive_at_s, CRL_SHARD_SIZE, &page, &count);
		if (s != OK) {
			return unreadable(s, d);
		}
		for (size_t k = 0; s == OK && k < count; k++) {
			struct crl_entry e = entry_of(l, page[k].serial, page[k].serial_len,
				page[k].revoked_s, (unsigned)page[k].reason);

			after = page[k].row;
			s = add_entry(l, &e, d);
		}
	}
	return s;
}

status
crl_list_gather(struct crl_list *l, struct diag *d)
{
	status s = reader_begin(l->session->reader, d);

	if (s != OK) {
		return s;
	}
	l->count = l->numbered = 0;
	s = read_holds(l, d);
	if (s == OK) {
		s = gather_numbered(l, d);
	}
	if (s == OK) {
		s = gather_unnumbered(l, d);
	}
	reader_end(l->session->reader);
	return s;
}

/* The first whose index is not below this. */
static size_t
first_from(const struct crl_list *l, int64_t index)
{
	size_t low = 0, high = l->numbered;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->indexes[middle] < index) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct crl_slice
crl_list_slice(const struct crl_list *l, int64_t from, int64_t to)
{
	size_t first = first_from(l, from);

	return (struct crl_slice){ l->entries + first, first_from(l, to) - first };
}
