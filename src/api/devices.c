#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"
#include "base/text.h"
#include "lifecycle/challenge.h"

static status
write_device(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_device(c, w, context);
	json_object_close(w);
	return s;
}

struct device_list {
	struct page page;
	struct device_filter filter;
};

static status
write_devices(struct call *c, struct json_writer *w, void *context)
{
	const struct device_list *list = context;
	struct device *devices = NULL;
	size_t count = 0;
	status s = list_devices(c->session.reader, c->session.arena, &list->filter,
		list->page.after, list->page.limit, &devices, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = write_device(c, w, &devices[i]);
	}
	page_close(w, &list->page, count, count > 0 ? devices[count - 1].row : 0);
	return s;
}

static bool
read_state(struct call *c, int *out)
{
	enum device_state state;
	span word;
	status s = query_get(c, "state", &word);

	*out = -1;
	if (s == NOT_FOUND) {
		return true;
	}
	if (s == OK && device_state_parse(word, &state) != OK) {
		s = diag_set(&c->diag, BAD_INPUT, NULL,
			"parameter \"state\" is one of MANUFACTURED, HELD, AWAITING_DEVICE, "
			"ACTIVE, SUSPENDED, IN_TRANSFER, RETURNED, RETIRED");
	}
	if (s != OK) {
		return call_refuse(c, s);
	}
	*out = (int)state;
	return true;
}

/* An owner's operator sees his own, whatever else he asks for. */
static bool
read_filter(struct call *c, struct device_filter *out)
{
	char name[NAME_MAX_LEN + 1];
	struct fleet fleet = { 0 };
	struct owner owner = { .row = call_owner(c) };

	if (!read_state(c, &out->state) || !query_name(c, "fleet", "fleet", name) ||
		(name[0] != '\0' && !lookup_fleet(c, name, &fleet)) ||
		!query_name(c, "owner", "owner", name) ||
		(name[0] != '\0' && !lookup_owner(c, name, &owner))) {
		return false;
	}
	if (call_owner(c) != 0 && owner.row != call_owner(c)) {
		return call_missing(c, "owner", span_text(name));
	}
	out->fleet = fleet.row;
	out->owner = owner.row;
	return true;
}

void
devices_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after", "fleet", "owner", "state" };
	struct call c;
	struct device_list list;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, known, 5) &&
		page_read(&c, 0, &list.page) && read_filter(&c, &list.filter)) {
		call_show(&c, 200, write_devices, &list);
	}
}

void
devices_show(struct exchange *x)
{
	struct call c;
	struct device device;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0) && lookup_device(&c, &device)) {
		call_show(&c, 200, write_device, &device);
	}
}

/* A page of what belongs to one device. */
struct part_list {
	struct page page;
	struct device device;
};

static bool
begin_part(struct call *c, struct exchange *x, int64_t first, struct part_list *list)
{
	static const char *const known[] = { "limit", "after" };

	return call_begin(c, x, BY_ALL) && query_allow(c, known, 2) &&
	       page_read(c, first, &list->page) && lookup_device(c, &list->device);
}

static status
write_timeline(struct call *c, struct json_writer *w, void *context)
{
	const struct part_list *list = context;
	struct ledger_row *rows = NULL;
	size_t count = 0;
	status s = list_ledger_of_device(c->session.reader, c->session.arena, list->device.row,
		list->page.after, list->page.limit, &rows, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		view_ledger_row(w, &rows[i]);
	}
	page_close(w, &list->page, count, count > 0 ? rows[count - 1].sequence : 0);
	return s;
}

void
devices_timeline(struct exchange *x)
{
	struct call c;
	struct part_list list;

	/* -1: the ledger begins with entry 0. */
	if (begin_part(&c, x, -1, &list)) {
		call_show(&c, 200, write_timeline, &list);
	}
}

static status
write_certificates(struct call *c, struct json_writer *w, void *context)
{
	const struct part_list *list = context;
	struct certificate *found = NULL;
	size_t count = 0;
	status s = list_certificates_of_device(c->session.reader, c->session.arena,
		list->device.row, list->page.after, list->page.limit, &found, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		json_object_open(w, NULL);
		s = view_certificate(c, w, &found[i]);
		json_object_close(w);
	}
	page_close(w, &list->page, count, count > 0 ? found[count - 1].row : 0);
	return s;
}

void
devices_certificates(struct exchange *x)
{
	struct call c;
	struct part_list list;

	if (begin_part(&c, x, 0, &list)) {
		call_show(&c, 200, write_certificates, &list);
	}
}

/* --- for the bench --- */

struct asked_challenge {
	uint8_t challenge[CHALLENGE_LEN];
	int64_t expires_s;
	bool counts;
};

static status
write_challenge(struct call *c, struct json_writer *w, void *context)
{
	const struct asked_challenge *a = context;
	char text[2 * CHALLENGE_LEN];

	(void)c;
	json_object_open(w, NULL);
	json_text(w, "challenge", base64url_encode(text, SPAN_ARRAY(a->challenge)));
	json_text(w, "purpose", "element");
	json_time(w, "expires", a->expires_s);
	json_bool(w, "counts", a->counts);
	json_object_close(w);
	return OK;
}

void
devices_challenge(struct exchange *x)
{
	struct call c;
	struct device device;
	struct asked_challenge a = { 0 };
	status s;

	if (!call_begin(&c, x, BY_SUPPORT | BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!lookup_device(&c, &device)) {
		return;
	}
	s = challenge_new(
		&c.session, &device.id, CHALLENGE_ELEMENT, a.challenge, &a.expires_s, &c.diag);
	if (s == OK) {
		s = challenge_counts(&c.session, &device, &a.counts, &c.diag);
	}
	if (s != OK) {
		call_refuse(&c, s);
		return;
	}
	call_show(&c, 200, write_challenge, &a);
}
