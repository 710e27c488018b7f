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
	char est_ra[NAME_MAX_LEN + 1];
	int phase, required_level, est_pending, est_link, est_lines;
	int64_t version, lifetime_s, renew_after_percent, offer_lifetime_s, est_retry_after_s;
	bool crl_lists_superseded, est_server_keys;
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
		{ "offer_lifetime", FIELD_NUMBER, false, FIELD(fleet_body, offer_lifetime_s),   \
			OFFER_LIFETIME_MIN_S, OFFER_LIFETIME_MAX_S },                           \
		{ "est_pending", FIELD_WORD, false, FIELD(fleet_body, est_pending),             \
			.word = word_est_pending },                                             \
		{ "est_retry_after", FIELD_NUMBER, false, FIELD(fleet_body, est_retry_after_s), \
			EST_RETRY_MIN_S, EST_RETRY_MAX_S },                                     \
		{ "est_link", FIELD_WORD, false, FIELD(fleet_body, est_link),                   \
			.word = word_est_link },                                                \
		{ "est_lines", FIELD_WORD, false, FIELD(fleet_body, est_lines),                 \
			.word = word_est_lines },                                               \
		{ "est_server_keys", FIELD_BOOL, false, FIELD(fleet_body, est_server_keys) },   \
	{                                                                                       \
		"est_ra", FIELD_NAME, false, FIELD(fleet_body, est_ra)                          \
	}

static const struct field create_fields[] = {
	{ "name", FIELD_NAME, true, FIELD(fleet_body, name) },
	{ "phase", FIELD_WORD, true, FIELD(fleet_body, phase), .word = word_phase },
	{ "authority", FIELD_NAME, true, FIELD(fleet_body, authority) },
	{ "maker", FIELD_NAME, true, FIELD(fleet_body, maker) },
	{ "profile", FIELD_NAME, false, FIELD(fleet_body, profile) },
	POLICY_FIELDS,
};

/* An operator's name, or "none". False: a 404 (400) is the reply. */
static bool
read_ra(struct call *c, const char *name, int64_t *row)
{
	struct operator_account o = { 0 };
	status s;

	*row = 0;
	if (name[0] == '\0' || strcmp(name, "none") == 0) {
		return true;
	}
	s = read_operator_by_name(c->session.reader, name, &o);
	if (s == NOT_FOUND) {
		return call_missing(c, "operator", span_text(name));
	}
	*row = o.row;
	return s == OK ? true : call_refuse(c, s);
}

void
fleets_create(struct exchange *x)
{
	struct call c;
	struct fleet_body b = { 0 };
	struct fleet fleet = { 0 };
	int64_t ra;

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, create_fields, COUNT_OF(create_fields), &b, NULL) ||
		!read_ra(&c, b.est_ra, &ra) || !call_once(&c, 201, write_fleet, &fleet)) {
		return;
	}
	struct fleet_request r = {
		.phase = (enum phase)b.phase,
		.lifetime_s = b.lifetime_s,
		.renew_after_percent = b.renew_after_percent,
		.required_level = (enum attestation_level)b.required_level,
		.crl_lists_superseded = b.crl_lists_superseded,
		.offer_lifetime_s = b.offer_lifetime_s,
		.est = { .pending = (enum est_pending)b.est_pending,
			.retry_after_s = b.est_retry_after_s,
			.link = (enum est_link)b.est_link,
			.lines = (enum est_lines)b.est_lines,
			.makes_keys = b.est_server_keys,
			.ra = ra },
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
	GIVEN_OFFER = 1 << 5,
	GIVEN_PENDING = 1 << 6,
	GIVEN_RETRY = 1 << 7,
	GIVEN_LINK = 1 << 8,
	GIVEN_LINES = 1 << 9,
	GIVEN_KEYS = 1 << 10,
	GIVEN_RA = 1 << 11
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

static void
apply_est(const struct fleet_body *b, unsigned given, int64_t ra, struct est_policy *p)
{
	if (given & GIVEN_PENDING) {
		p->pending = (enum est_pending)b->est_pending;
	}
	if (given & GIVEN_RETRY) {
		p->retry_after_s = b->est_retry_after_s;
	}
	if (given & GIVEN_LINK) {
		p->link = (enum est_link)b->est_link;
	}
	if (given & GIVEN_LINES) {
		p->lines = (enum est_lines)b->est_lines;
	}
	if (given & GIVEN_KEYS) {
		p->makes_keys = b->est_server_keys;
	}
	if (given & GIVEN_RA) {
		p->ra = ra;
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
	int64_t ra;

	if (!call_begin(&c, x, BY_MAKER) || !query_allow(&c, NULL, 0) ||
		!body_read(&c, set_fields, COUNT_OF(set_fields), &b, &given) ||
		!read_ra(&c, b.est_ra, &ra) || !call_once(&c, 200, write_changed_fleet, &fleet) ||
		!call_name(&c, 0, "fleet", name) || !lookup_fleet(&c, name, &fleet)) {
		return;
	}
	apply(&b, given, &fleet);
	apply_est(&b, given, ra, &fleet.est);
	call_end(&c, USE_FLEET_SET, fleet_set(&c.session, &fleet, &c.diag));
}
