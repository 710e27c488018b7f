#include "api/body.h"
#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"

static status
write_owner(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_owner(c, w, context);
	json_object_close(w);
	return s;
}

static status
write_owners(struct call *c, struct json_writer *w, void *context)
{
	const struct page *page = context;
	struct owner *owners = NULL;
	size_t count = 0;
	status s = list_owners(
		c->session.reader, c->session.arena, page->after, page->limit, &owners, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		if (view_may_see_owner(c, &owners[i])) {
			s = write_owner(c, w, &owners[i]);
		}
	}
	page_close(w, page, count, count > 0 ? owners[count - 1].row : 0);
	return s;
}

void
owners_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after" };
	struct call c;
	struct page page;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, known, 2) && page_read(&c, 0, &page)) {
		call_show(&c, 200, write_owners, &page);
	}
}

void
owners_show(struct exchange *x)
{
	struct call c;
	struct owner owner;
	char name[NAME_MAX_LEN + 1];

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0) &&
		call_name(&c, 0, "owner", name) && lookup_owner(&c, name, &owner)) {
		call_show(&c, 200, write_owner, &owner);
	}
}

struct owner_body {
	char name[NAME_MAX_LEN + 1];
	span title;
	int kind;
};

static const struct field owner_fields[] = {
	{ "name", FIELD_NAME, true, FIELD(owner_body, name) },
	{ "title", FIELD_TEXT, true, FIELD(owner_body, title), 1, 255 },
	{ "kind", FIELD_WORD, true, FIELD(owner_body, kind), .word = word_owner_kind },
};

void
owners_add(struct exchange *x)
{
	struct call c;
	struct owner_body b = { 0 };
	struct owner owner = { 0 };

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, owner_fields, COUNT_OF(owner_fields), &b, NULL) ||
		!call_once(&c, 201, write_owner, &owner)) {
		return;
	}
	call_end(&c, USE_OWNER_ADD,
		owner_add(&c.session, b.name, (const char *)b.title.data, (enum owner_kind)b.kind,
			&owner, &c.diag));
}
