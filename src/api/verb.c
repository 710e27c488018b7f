#include "api/verb.h"

#include "api/view.h"

/* What the outcome says of the offer is newer than what a reader sees before the commit. */
static status
write_outcome(struct call *c, struct json_writer *w, const struct outcome *o, bool with_code)
{
	status s;

	json_object_open(w, NULL);
	s = view_device(c, w, &o->device);
	if (with_code) {
		view_once(c, w, "code", o->code);
	}
	json_object_close(w);
	return s;
}

status
verb_write_device(struct call *c, struct json_writer *w, void *context)
{
	return write_outcome(c, w, context, false);
}

status
verb_write_device_code(struct call *c, struct json_writer *w, void *context)
{
	return write_outcome(c, w, context, true);
}

static status
write_offer(struct call *c, struct json_writer *w, const struct outcome *o, bool with_code)
{
	status s;

	json_object_open(w, NULL);
	s = view_offer(c, w, &o->offer);
	if (with_code) {
		view_once(c, w, "code", o->code);
	}
	json_object_close(w);
	return s;
}

status
verb_write_offer(struct call *c, struct json_writer *w, void *context)
{
	return write_offer(c, w, context, false);
}

status
verb_write_offer_code(struct call *c, struct json_writer *w, void *context)
{
	return write_offer(c, w, context, true);
}

status
verb_write_check(struct call *c, struct json_writer *w, void *context)
{
	const struct outcome *o = context;
	char device[ID_TEXT_LEN + 1];

	(void)c;
	json_object_open(w, NULL);
	json_text(w, "device", id_text(device, &o->device.id));
	json_text(w, "serial", o->device.serial);
	json_text(w, "attestation", attestation_level_name(o->element.level));
	if (o->element.slot >= 0) {
		json_number(w, "slot", o->element.slot);
		json_bool(w, "slot_locked", o->element.slot_is_locked);
	} else {
		json_null(w, "slot");
		json_null(w, "slot_locked");
	}
	json_hex(w, "sha256", SPAN_ARRAY(o->element.evidence_hash));
	json_object_close(w);
	return OK;
}

status
verb_coming_owner(struct call *c, const struct verb_body *b, int64_t *owner)
{
	struct owner found;

	*owner = 0;
	if (call_role(c) == OPERATOR_OWNER) {
		if (b->owner[0] != '\0') {
			return diag_set(&c->diag, DENIED, NULL,
				"\"owner\" is for makers: an owner's operator acts for his own");
		}
		return OK;
	}
	if (b->owner[0] == '\0') {
		return diag_set(
			&c->diag, BAD_INPUT, NULL, "member \"owner\" is missing: for whom is it?");
	}
	status s = read_owner_by_name(c->session.reader, b->owner, &found);
	if (s != OK) {
		return diag_set(&c->diag, s, NULL, "there is no owner \"%s\"", b->owner);
	}
	*owner = found.row;
	return OK;
}
