#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/verb.h"
#include "api/view.h"

static status
write_transfer(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_offer(c, w, context);
	json_object_close(w);
	return s;
}

struct transfer_list {
	struct page page;
	int64_t device, owner;
	bool is_empty; /* of a device that is not there */
};

static status
write_transfers(struct call *c, struct json_writer *w, void *context)
{
	const struct transfer_list *list = context;
	struct offer *offers = NULL;
	size_t count = 0;
	status s = OK;

	if (!list->is_empty) {
		s = list_offers(c->session.reader, c->session.arena, list->device, list->owner,
			list->page.after, list->page.limit, &offers, &count);
	}

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = write_transfer(c, w, &offers[i]);
	}
	page_close(w, &list->page, count, count > 0 ? offers[count - 1].row : 0);
	return s;
}

/*
 * ?device= as the path's {device}, ?owner= by name; an owner's operator sees what he gives or is given. He to whom a
 * device is offered does not see the device, but the transfer: a device that is not there has none, for him.
 */
static bool
read_device_filter(struct call *c, struct device *out)
{
	status s = query_get(c, "device", &c->x->parameters[0]);

	*out = (struct device){ 0 };
	if (s == NOT_FOUND) {
		return true;
	}
	return s == OK ? lookup_claimed(c, out) : call_refuse(c, s);
}

static bool
read_filter(struct call *c, struct transfer_list *out)
{
	char name[NAME_MAX_LEN + 1];
	struct owner owner = { .row = call_owner(c) };
	struct device device;

	if (!read_device_filter(c, &device) || !query_name(c, "owner", "owner", name) ||
		(name[0] != '\0' && !lookup_owner(c, name, &owner))) {
		return false;
	}
	if (call_owner(c) != 0 && owner.row != call_owner(c)) {
		return call_missing(c, "owner", span_text(name));
	}
	out->is_empty = device.row == 0 && c->x->parameters[0].data != NULL;
	out->device = device.row;
	out->owner = owner.row;
	return true;
}

void
transfers_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after", "device", "owner" };
	struct call c;
	struct transfer_list list;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, known, 4) &&
		page_read(&c, 0, &list.page) && read_filter(&c, &list)) {
		call_show(&c, 200, write_transfers, &list);
	}
}

void
transfers_show(struct exchange *x)
{
	struct call c;
	struct offer offer;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0) &&
		lookup_offer(&c, false, &offer)) {
		call_show(&c, 200, write_transfer, &offer);
	}
}

static status
run_accept(struct call *c, const id *offer, const struct verb_body *b, struct outcome *o)
{
	int64_t owner;
	status s = verb_coming_owner(c, b, &owner);

	return s == OK ? offer_accept(&c->session, offer, b->code, owner, o, &c->diag) : s;
}

static status
run_decline(struct call *c, const id *offer, const struct verb_body *b, struct outcome *o)
{
	return offer_decline(&c->session, offer, b->code, o, &c->diag);
}

static status
run_cancel(struct call *c, const id *offer, const struct verb_body *b, struct outcome *o)
{
	(void)b;
	return offer_cancel(&c->session, offer, o, &c->diag);
}

static const struct field accept_fields[] = {
	{ "code", FIELD_TEXT, false, VERB_FIELD(code), 1, CODE_TEXT_LIMIT },
	{ "owner", FIELD_NAME, false, VERB_FIELD(owner) },
};

struct transfer_verb {
	enum use_case use;
	size_t field_count; /* of accept_fields */
	bool by_code;	    /* it is also for whoever brings the code, and sees nothing before */
	status (*run)(
		struct call *c, const id *offer, const struct verb_body *b, struct outcome *o);
	call_write *write;
};

static void
serve(struct exchange *x, const struct transfer_verb *v)
{
	struct call c;
	struct verb_body b = { 0 };
	struct outcome o = { 0 };
	struct offer offer;

	if (!call_begin(&c, x, BY_OWNER | BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, accept_fields, v->field_count, &b, NULL) ||
		!call_once(&c, 200, v->write, &o) ||
		!lookup_offer(&c, v->by_code && b.code.len > 0, &offer)) {
		return;
	}
	call_end(&c, v->use, v->run(&c, &offer.id, &b, &o));
}

void
transfers_accept(struct exchange *x)
{
	static const struct transfer_verb accept = { USE_ACCEPT, 2, true, run_accept,
		verb_write_device };

	serve(x, &accept);
}

/* Who declines never sees the device: the answer is the transfer. */
void
transfers_decline(struct exchange *x)
{
	static const struct transfer_verb decline = { USE_DECLINE, 1, true, run_decline,
		verb_write_offer };

	serve(x, &decline);
}

void
transfers_cancel(struct exchange *x)
{
	static const struct transfer_verb cancel = { USE_CANCEL, 0, false, run_cancel,
		verb_write_device };

	serve(x, &cancel);
}
