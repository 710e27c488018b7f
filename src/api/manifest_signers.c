#include "api/body.h"
#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"

static status
write_pin(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_pin(c, w, context);
	json_object_close(w);
	return s;
}

static status
write_pins(struct call *c, struct json_writer *w, void *context)
{
	const struct page *page = context;
	struct pinned_signer *pins = NULL;
	size_t count = 0;
	status s = list_pins(
		c->session.reader, c->session.arena, page->after, page->limit, &pins, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = write_pin(c, w, &pins[i]);
	}
	page_close(w, page, count, count > 0 ? pins[count - 1].row : 0);
	return s;
}

void
manifest_signers_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after" };
	struct call c;
	struct page page;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, known, 2) && page_read(&c, 0, &page)) {
		call_show(&c, 200, write_pins, &page);
	}
}

struct signer_body {
	char name[NAME_MAX_LEN + 1], fleet[NAME_MAX_LEN + 1];
	span pem;
	int phase;
};

enum { GIVEN_NAME = 1, GIVEN_PEM = 2, GIVEN_FLEET = 4, GIVEN_PHASE = 8 };
static const struct field signer_fields[] = {
	{ "name", FIELD_NAME, false, FIELD(signer_body, name) },
	{ "pem", FIELD_LINES, false, FIELD(signer_body, pem), 1, 2 * CERTIFICATE_SIZE_MAX },
	{ "fleet", FIELD_NAME, false, FIELD(signer_body, fleet) },
	{ "phase", FIELD_WORD, false, FIELD(signer_body, phase), .word = word_phase },
};

/* One of our own, as it was pinned: manifest_signer_create gives nothing back. */
struct own_signer {
	const char *name;
	struct pinned_signer found;
};

static status
write_own(struct call *c, struct json_writer *w, void *context)
{
	struct own_signer *own = context;
	struct pinned_signer *pins = NULL;
	int64_t after = 0;
	size_t count;

	do {
		status s = list_pins(
			c->session.reader, c->session.arena, after, LIST_PAGE_MAX, &pins, &count);
		if (s != OK) {
			return s;
		}
		for (size_t i = 0; i < count; i++) {
			if (span_is(span_text(pins[i].name), own->name)) {
				return write_pin(c, w, &pins[i]);
			}
		}
		after = count > 0 ? pins[count - 1].row : 0;
	} while (count == LIST_PAGE_MAX);
	return diag_set(
		&c->diag, BUG, NULL, "manifest signer %s was made and is not there", own->name);
}

static void
add_own(struct call *c, const struct signer_body *b)
{
	struct own_signer own = { .name = b->name };

	if (call_without_key(c, 201, write_own, &own)) {
		call_end(c, USE_MANIFEST_SIGNER_ADD,
			manifest_signer_create(
				&c->session, b->name, (enum phase)b->phase, &c->diag));
	}
}

static void
add_pin(struct call *c, const struct signer_body *b)
{
	struct pinned_signer pin = { 0 };
	struct fleet fleet = { .phase = (enum phase)b->phase };

	if (b->fleet[0] != '\0' && !lookup_fleet(c, b->fleet, &fleet)) {
		return;
	}
	if (call_once(c, 201, write_pin, &pin)) {
		call_end(c, USE_MANIFEST_SIGNER_ADD,
			manifest_pin_add(
				&c->session, b->pem, fleet.row, fleet.phase, &pin, &c->diag));
	}
}

void
manifest_signers_add(struct exchange *x)
{
	struct call c;
	struct signer_body b = { 0 };
	unsigned given = 0;

	if (!call_begin(&c, x, BY_ADMIN) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, signer_fields, COUNT_OF(signer_fields), &b, &given)) {
		return;
	}
	if (given == (GIVEN_NAME | GIVEN_PHASE)) {
		add_own(&c, &b);
	} else if (given == (GIVEN_PEM | GIVEN_FLEET) || given == (GIVEN_PEM | GIVEN_PHASE)) {
		add_pin(&c, &b);
	} else {
		diag_set(&c.diag, BAD_INPUT, NULL,
			"a signer is pinned by \"pem\" with \"fleet\" or \"phase\", or made by "
			"\"name\" and \"phase\"");
		call_refuse(&c, BAD_INPUT);
	}
}
