#include <stdio.h>

#include "element/part_profile.h"
#include "lifecycle/import.h"
#include "lifecycle/issued.h"

/* What the store keeps of slot policies: the profile that we hold of the part, if we do. */
static const char *
profile_of(const char *part_number)
{
	const struct part_profile *p = part_profile_of_part(part_number);

	return p != NULL ? p->name : "";
}

static status
refuse_copy(const struct import *im, struct import_item *item, const struct element *e,
	const struct device *stored, struct diag *d)
{
	char name[ID_TEXT_LEN + 1];

	if (e->phase != im->fleet.phase) {
		return diag_set(d, CONFLICT, NULL,
			"element %s is of phase %s, the fleet of phase %s: nothing passes between "
			"phases",
			e->serial, phase_name(e->phase), phase_name(im->fleet.phase));
	}
	if (memcmp(e->entry_hash, item->entry.payload_hash, sizeof(e->entry_hash)) != 0) {
		return diag_set(d, EXISTS, NULL,
			"element %s is here already with other content: a clone, or a manifest "
			"that was changed",
			e->serial);
	}
	if (stored->row != 0 && stored->fleet != im->fleet.row) {
		return diag_set(d, EXISTS, NULL, "element %s is in another fleet, as device %s",
			e->serial, id_text(name, &stored->id));
	}
	return OK;
}

static status
look_at_element(const struct import *im, struct reader *r, struct import_item *item,
	const struct element *e, struct diag *d)
{
	struct device stored = { 0 };
	status st = e->device != 0 ? read_device(r, e->device, &stored) : OK;

	if (st != OK) {
		return diag_set(d, st == NOT_FOUND ? BUG : st, NULL,
			"the device of element %s cannot be read", e->serial);
	}
	st = refuse_copy(im, item, e, &stored, d);
	if (st != OK) {
		return st;
	}
	item->line.device = stored.id;
	item->before = stored;
	item->fate =
		stored.row != 0 && stored.state == DEVICE_MANUFACTURED ? FATE_ONBOARD : FATE_KNOWN;
	return OK;
}

/* A key that stands on any certificate already is another element's: this is a clone of it. */
static status
look_at_key(struct reader *r, struct import_item *item, struct diag *d)
{
	bool is_known = false;
	status st = item->entry.leaf.len > 0 ? read_key_is_known(r, item->leaf.key_hash, &is_known)
					     : OK;

	if (st != OK) {
		return diag_set(d, st, NULL, "the certificates cannot be read");
	}
	if (is_known) {
		return diag_set(d, EXISTS, NULL,
			"the birth key of element %s is another certificate's already: a clone",
			item->entry.unique_id);
	}
	item->fate = FATE_NEW;
	return OK;
}

status
import_look_up(const struct import *im, struct reader *r, struct import_item *item, struct diag *d)
{
	struct element e;
	status st = reader_begin(r, d);

	if (st != OK) {
		return st;
	}
	st = read_element_by_serial(r, item->entry.unique_id, &e);
	if (st == OK) {
		st = look_at_element(im, r, item, &e, d);
	} else if (st == NOT_FOUND) {
		st = look_at_key(r, item, d);
	} else {
		st = diag_set(d, st, NULL, "the elements cannot be read");
	}
	reader_end(r);
	return st;
}

/* --- the records --- */

static void
prepare_element(const struct import *im, struct import_item *item)
{
	const struct manifest_entry *m = &item->entry;
	struct element *e = &item->element;

	memcpy(e->serial, m->unique_id, sizeof(e->serial));
	memcpy(e->model, m->model, sizeof(e->model));
	memcpy(e->part_number, m->part_number, sizeof(e->part_number));
	snprintf(e->profile, sizeof(e->profile), "%s", profile_of(m->part_number));
	if (m->has_attestation_key && strncmp(m->model, "ATECC608", 8) == 0) {
		e->attestation = ATTESTATION_ATECC608;
		memcpy(e->attestation_key, m->attestation_key, sizeof(e->attestation_key));
	}
	memcpy(e->entry_hash, m->payload_hash, sizeof(e->entry_hash));
	e->is_vendors_word = m->pin != NULL && m->pin->is_vendor;
	e->phase = im->fleet.phase;
}

static int64_t
own_issuer(const struct import *im, const struct manifest_entry *m)
{
	uint8_t fingerprint[32];

	if (m->issuer_count == 0) {
		return 0;
	}
	sha256(m->issuers[0], fingerprint);
	for (size_t i = 0; i < im->issuer_count; i++) {
		if (memcmp(im->issuers[i].fingerprint, fingerprint, sizeof(fingerprint)) == 0) {
			return im->issuers[i].row;
		}
	}
	return 0;
}

static status
prepare_leaf(const struct import *im, struct import_item *item, struct diag *d)
{
	struct certificate *k = &item->leaf;
	status st = certificate_measure(item->entry.leaf, k, d);

	if (st == OK) {
		k->kind = CERTIFICATE_BIRTH;
		k->status = CERTIFICATE_CURRENT;
		k->authority = own_issuer(im, &item->entry);
		k->issued_s = item->entry.provisioned_s;
		k->slot = item->entry.leaf_slot;
	}
	return st;
}

static status
prepare_device(const struct import *im, struct import_item *item, struct diag *d)
{
	const struct session *s = im->session;
	struct machine_request request = {
		.event = EVENT_ONBOARD, .roles = ROLE_MAKER, .maker = im->fleet.maker
	};
	unsigned effects = 0;
	status st;

	if (item->fate == FATE_NEW) {
		item->before = (struct device){ .fleet = im->fleet.row,
			.phase = im->fleet.phase,
			.state = DEVICE_MANUFACTURED,
			.owner = im->fleet.maker,
			.created_s = s->now_s };
		memcpy(item->before.serial, item->entry.unique_id, sizeof(item->before.serial));
		if (id_new(s->life->clock, &item->before.id) != OK) {
			return diag_set(d, BUG, NULL, "the system has no randomness");
		}
	}
	st = machine_apply(&item->before, &request, &item->device, &effects, d);
	if (st != OK) {
		return st;
	}
	if (effects != 0) {
		return diag_set(
			d, BUG, NULL, "onboarding has effects that an import does not bring");
	}
	item->device.changed_s = s->now_s;
	if (!im->request->is_dry_run) {
		item->line.device = item->device.id;
	}
	return OK;
}

/* scrypt: 3 ms an entry, more than all the rest; so only for devices that come. */
static status
prepare_code(const struct import *im, struct import_item *item, struct diag *d)
{
	struct import_line *l = &item->line;
	status st = OK;

	if (im->request->is_dry_run || !(im->request->wants_codes || item->has_wanted_code)) {
		return OK;
	}
	if (item->has_wanted_code) {
		memcpy(l->code, item->wanted_code, sizeof(l->code));
	} else {
		st = claim_code_new(l->code);
	}
	if (st == OK) {
		st = claim_code_seal(l->code, 0, im->session->now_s, &item->code);
	}
	return st == OK ? OK : diag_set(d, st, NULL, "a claim code cannot be made");
}

/* --- one entry --- */

static status
judge(struct import *im, struct import_worker *w, struct arena *a, struct import_item *item,
	struct diag *d)
{
	struct manifest_entry *e = &item->entry;
	status st = manifest_entry_verify(a, item->text, &im->trust, w->cache, e, d);

	if (st != OK) {
		return st;
	}
	item->line.is_identity_only = e->content == MANIFEST_IDENTITY_ONLY;
	if (im->request->code_of != NULL && strcmp(item->line.unique_id, e->unique_id) != 0) {
		return diag_set(d, BAD_INPUT, NULL,
			"its uniqueId is written so that the claim code for it cannot be found");
	}
	memcpy(item->line.unique_id, e->unique_id, sizeof(item->line.unique_id));
	if (e->leaf.len > 0) {
		st = prepare_leaf(im, item, d);
	}
	if (st == OK) {
		st = import_look_up(im, w->reader, item, d);
	}
	if (st != OK || item->fate == FATE_KNOWN) {
		return st;
	}
	prepare_element(im, item);
	st = prepare_device(im, item, d);
	return st == OK ? prepare_code(im, item, d) : st;
}

void
import_judge(struct import *im, struct import_worker *w, struct arena *a, struct import_item *item)
{
	struct diag fault;
	status st;

	if (item->text.len == 0) {
		return; /* it could not even be read: the line says why */
	}
	diag_clear(&fault);
	st = judge(im, w, a, item, &fault);
	if (st != OK) {
		item->fate = FATE_REFUSED;
		item->line.status = st;
		item->line.diag = fault;
	}
}
