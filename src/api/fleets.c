#include <string.h>

#include "api/body.h"
#include "api/lookup.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/view.h"

static status
write_fleet(struct call *c, struct json_writer *w, void *context)
{
	json_object_open(w, NULL);
	status s = view_fleet(c, w, context);
	json_object_close(w);
	return s;
}

static status
write_fleets(struct call *c, struct json_writer *w, void *context)
{
	const struct page *page = context;
	struct fleet *fleets = NULL;
	size_t count = 0;
	status s = list_fleets(
		c->session.reader, c->session.arena, page->after, page->limit, &fleets, &count);

	page_open(w);
	for (size_t i = 0; s == OK && i < count; i++) {
		s = write_fleet(c, w, &fleets[i]);
	}
	page_close(w, page, count, count > 0 ? fleets[count - 1].row : 0);
	return s;
}

void
fleets_list(struct exchange *x)
{
	static const char *const known[] = { "limit", "after" };
	struct call c;
	struct page page;

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, known, 2) && page_read(&c, 0, &page)) {
		call_show(&c, 200, write_fleets, &page);
	}
}

void
fleets_show(struct exchange *x)
{
	struct call c;
	struct fleet fleet;
	char name[NAME_MAX_LEN + 1];

	if (call_begin(&c, x, BY_ALL) && query_allow(&c, NULL, 0) &&
		call_name(&c, 0, "fleet", name) && lookup_fleet(&c, name, &fleet)) {
		call_show(&c, 200, write_fleet, &fleet);
	}
}

struct fleet_body {
	char name[NAME_MAX_LEN + 1], authority[NAME_MAX_LEN + 1];
	char maker[NAME_MAX_LEN + 1], profile[NAME_MAX_LEN + 1];
	int phase, required_level;
	int64_t version, lifetime_s, renew_after_percent, offer_lifetime_s;
	bool crl_lists_superseded;
};

/* What can be said at birth and changed later. */
#define POLICY_FIELDS                                                                           \
	{ "lifetime", FIELD_NUMBER, false, FIELD(fleet_body, lifetime_s),                       \
		CERTIFICATE_LIFETIME_MIN_S, CERTIFICATE_LIFETIME_MAX_S },                       \
		{ "renew_after_percent", FIELD_NUMBER, false,                                   \
			FIELD(fleet_body, renew_after_percent), 1, 89 },                        \
		{ "required_attestation", FIELD_WORD, false, FIELD(fleet_body, required_level), \
			.word = word_level },                                                   \
		{ "crl_lists_superseded", FIELD_BOOL, false,                                    \
			FIELD(fleet_body, crl_lists_superseded) },                              \
	{                                                                                       \
		"offer_lifetime", FIELD_NUMBER, false, FIELD(fleet_body, offer_lifetime_s),     \
			OFFER_LIFETIME_MIN_S, OFFER_LIFETIME_MAX_S                              \
	}

static const struct field create_fields[] = {
	{ "name", FIELD_NAME, true, FIELD(fleet_body, name) },
	{ "phase", FIELD_WORD, true, FIELD(fleet_body, phase), .word = word_phase },
	{ "authority", FIELD_NAME, true, FIELD(fleet_body, authority) },
	{ "maker", FIELD_NAME, true, FIELD(fleet_body, maker) },
	{ "profile", FIELD_NAME, false, FIELD(fleet_body, profile) },
	POLICY_FIELDS,
};

void
fleets_create(struct exchange *x)
{
	struct call c;
	struct fleet_body b = { 0 };
	struct fleet fleet = { 0 };

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, create_fields, COUNT_OF(create_fields), &b, NULL) ||
		!call_once(&c, 201, write_fleet, &fleet)) {
		return;
	}
	struct fleet_request r = {
		.phase = (enum phase)b.phase,
		.lifetime_s = b.lifetime_s,
		.renew_after_percent = b.renew_after_percent,
		.required_level = (enum attestation_level)b.required_level,
		.crl_lists_superseded = b.crl_lists_superseded,
		.offer_lifetime_s = b.offer_lifetime_s,
	};
	memcpy(r.name, b.name, sizeof(r.name));
	memcpy(r.authority, b.authority, sizeof(r.authority));
	memcpy(r.maker, b.maker, sizeof(r.maker));
	memcpy(r.profile, b.profile, sizeof(r.profile));
	call_end(&c, USE_FLEET_CREATE, fleet_create(&c.session, &r, &fleet, &c.diag));
}

/* The places of set_fields. */
enum {
	GIVEN_LIFETIME = 1 << 1,
	GIVEN_RENEWAL = 1 << 2,
	GIVEN_LEVEL = 1 << 3,
	GIVEN_LISTS = 1 << 4,
	GIVEN_OFFER = 1 << 5
};
static const struct field set_fields[] = {
	{ "version", FIELD_NUMBER, true, FIELD(fleet_body, version), 1, INT64_C(1) << 53 },
	POLICY_FIELDS,
};

/* The fleet as it is answered after the change: its version has grown. */
static status
write_changed_fleet(struct call *c, struct json_writer *w, void *context)
{
	struct fleet changed = *(const struct fleet *)context;

	changed.version++;
	return write_fleet(c, w, &changed);
}

/* What was not named stays. */
static void
apply(const struct fleet_body *b, unsigned given, struct fleet *f)
{
	f->version = b->version;
	if (given & GIVEN_LIFETIME) {
		f->lifetime_s = b->lifetime_s;
	}
	if (given & GIVEN_RENEWAL) {
		f->renew_after_percent = b->renew_after_percent;
	}
	if (given & GIVEN_LEVEL) {
		f->required_level = (enum attestation_level)b->required_level;
	}
	if (given & GIVEN_LISTS) {
		f->crl_lists_superseded = b->crl_lists_superseded;
	}
	if (given & GIVEN_OFFER) {
		f->offer_lifetime_s = b->offer_lifetime_s;
	}
}

void
fleets_set(struct exchange *x)
{
	struct call c;
	struct fleet_body b = { 0 };
	struct fleet fleet = { 0 };
	char name[NAME_MAX_LEN + 1];
	unsigned given = 0;

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, set_fields, COUNT_OF(set_fields), &b, &given) ||
		!call_once(&c, 200, write_changed_fleet, &fleet) ||
		!call_name(&c, 0, "fleet", name) || !lookup_fleet(&c, name, &fleet)) {
		return;
	}
	apply(&b, given, &fleet);
	call_end(&c, USE_FLEET_SET, fleet_set(&c.session, &fleet, &c.diag));
}
