/*
 * Invariant: who reads in a snapshot that was begun behind store_changes(), and then gets a mark, has a mark that does
 * not stand any more once a change is committed that the snapshot did not show.
 *
 * The writer first moves `changes`, then the slots, both behind the commit. A reader whose snapshot is older than the
 * commit either takes its mark before the slot is moved: the mark falls with the slot. Or behind it: then `changes` has
 * moved since it asked first, and it gets no mark.
 */
#include "store/mark.h"
#include "store/change.h"
#include "store/internal.h"

static size_t
slot_of(int64_t row, bool is_device)
{
	uint64_t mixed = ((uint64_t)row * 2 + is_device) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(mixed >> 48) % MARK_SLOTS;
}

static void
touch(struct marks *m, int64_t row, bool is_device)
{
	if (row != 0) {
		atomic_fetch_add(&m->changes, 1);
		atomic_fetch_add(&m->slots[slot_of(row, is_device)], 1);
	}
}

void
marks_all(struct marks *m)
{
	atomic_fetch_add(&m->changes, 1);
	atomic_fetch_add(&m->epoch, 1);
}

static void
touch_late(struct marks *m, const struct operation *o)
{
	switch (o->kind) {
	case OPERATION_CERTIFICATE_ADD:
		/* A new responder; any other new certificate was unknown, and nothing was kept of it. */
		if (((const struct certificate *)o->record)->kind == CERTIFICATE_OCSP) {
			marks_all(m);
		}
		break;
	case OPERATION_DEVICE_SET:
		touch(m, ((const struct device *)o->record)->row, true);
		break;
	case OPERATION_CERTIFICATES_OF_DEVICE:
	case OPERATION_CERTIFICATES_LIST_ENDED:
		touch(m, o->object, true);
		break;
	case OPERATION_CERTIFICATE_STATUS:
	case OPERATION_CERTIFICATE_REASON:
	case OPERATION_CERTIFICATE_DEVICE:
		touch(m, o->object, false);
		break;
	case OPERATION_FLEET_SET:
		marks_all(m); /* its policy may be that of an authority's lists */
		break;
	default:
		break;
	}
}

void
marks_change(struct marks *m, const struct change *c)
{
	if (c->early[OPERATION_AUTHORITY_ADD].first != NULL ||
		c->early[OPERATION_FLEET_ADD].first != NULL) {
		marks_all(m);
	}
	for (const struct operation *o = c->late.first; o != NULL; o = o->next) {
		touch_late(m, o);
	}
}

uint64_t
store_changes(struct store *s)
{
	return atomic_load(&s->marks.changes);
}

uint64_t
store_epoch(struct store *s)
{
	return atomic_load(&s->marks.epoch);
}

bool
store_mark(struct store *s, uint64_t changes, int64_t certificate, int64_t device,
	struct store_mark *out)
{
	*out = (struct store_mark){ .certificate_slot = (uint32_t)slot_of(certificate, false),
		.device_slot = (uint32_t)slot_of(device, true),
		.epoch = atomic_load(&s->marks.epoch) };
	out->certificate = atomic_load(&s->marks.slots[out->certificate_slot]);
	out->device = atomic_load(&s->marks.slots[out->device_slot]);
	return atomic_load(&s->marks.changes) == changes;
}

bool
store_mark_stands(struct store *s, const struct store_mark *m)
{
	return atomic_load(&s->marks.epoch) == m->epoch &&
	       atomic_load(&s->marks.slots[m->certificate_slot]) == m->certificate &&
	       atomic_load(&s->marks.slots[m->device_slot]) == m->device;
}
