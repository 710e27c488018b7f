#include "world.h"

#include <stdio.h>

#include "base/check.h"
#include "lifecycle/registry.h"
#include "pki/key.h"

static struct world w;

static int
set_up(void **state)
{
	(void)state;
	world_open(&w);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

static void
owners(void **state)
{
	static const struct {
		enum who who;
		const char *name, *title;
		enum owner_kind kind;
		status want;
	} rows[] = {
		{ MAKER, "carla", "Carla Köhler", OWNER_CUSTOMER, OK },
		{ ADMIN, "0.dealer_b-2", "Dealer", OWNER_RESELLER, OK },
		{ MAKER, "carla", "Another", OWNER_CUSTOMER, EXISTS },
		{ MAKER, "", "x", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "Carla", "x", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "-carla", "x", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "a/b", "x", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "a b", "x", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "0123456789012345678901234567890123456789012345678901234567890123", "x",
			OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "dora", "a\x1b[2J", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "dora", "\xc3\x28", OWNER_CUSTOMER, BAD_INPUT },
		{ MAKER, "dora", "x", (enum owner_kind)3, BAD_INPUT },
		{ ANNA, "dora", "x", OWNER_CUSTOMER, DENIED },
		{ SUPPORT, "dora", "x", OWNER_CUSTOMER, DENIED },
		{ AUDITOR, "dora", "x", OWNER_CUSTOMER, DENIED },
		{ WATCH, "dora", "x", OWNER_CUSTOMER, DENIED },
	};
	int64_t entries = world_ledger_size(&w);
	struct owner o, stored;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_status(rows[i].want, &w,
			owner_add(as(&w, rows[i].who), rows[i].name, rows[i].title, rows[i].kind,
				&o, &w.d));
		entries += rows[i].want == OK;
		assert_int_equal(entries, world_ledger_size(&w));
		if (rows[i].want == OK) {
			assert_int_equal(OK, read_owner_by_name(w.reader, rows[i].name, &stored));
			assert_int_equal(o.row, stored.row);
			assert_string_equal(rows[i].title, stored.title);
			assert_false(world_entry_has(&w, rows[i].name));
			assert_true(world_entry_has(&w, "\"owner\":\""));
		}
	}
	assert_int_equal(NOT_FOUND, read_owner_by_name(w.reader, "dora", &stored));
}

static struct fleet_request
good_fleet(const char *name)
{
	struct fleet_request r = { .phase = PHASE_PRODUCTION };

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.authority, sizeof(r.authority), "issuing");
	snprintf(r.maker, sizeof(r.maker), "works");
	return r;
}

static void
fleets(void **state)
{
	struct fleet_request r = good_fleet("locks");
	struct fleet f, stored;

	(void)state;
	assert_status(DENIED, &w, fleet_create(as(&w, ANNA), &r, &f, &w.d));
	assert_status(OK, &w, fleet_create(as(&w, MAKER), &r, &f, &w.d));
	assert_int_equal(OK, read_fleet_by_name(w.reader, "locks", &stored));
	assert_int_equal(90 * 86400, stored.lifetime_s);
	assert_int_equal(66, stored.renew_after_percent);
	assert_int_equal(7 * 86400, stored.offer_lifetime_s);
	assert_string_equal("operational", stored.profile);
	assert_int_equal(w.maker.row, stored.maker);
	assert_int_equal(w.issuing.row, stored.authority);
	assert_status(EXISTS, &w, fleet_create(as(&w, MAKER), &r, &f, &w.d));
}

static void
fleets_that_cannot_be(void **state)
{
	enum {
		NAME,
		PHASE,
		PILOT,
		NO_AUTHORITY,
		FACTORY,
		NO_MAKER,
		CUSTOMER,
		SHORT,
		LONG,
		PERCENT,
		OFFER,
		LEVEL,
		PROFILE,
		COUNT
	};
	static const status want[COUNT] = { [NAME] = BAD_INPUT,
		[PHASE] = BAD_INPUT,
		[PILOT] = BAD_INPUT,
		[NO_AUTHORITY] = NOT_FOUND,
		[FACTORY] = BAD_INPUT,
		[NO_MAKER] = NOT_FOUND,
		[CUSTOMER] = BAD_INPUT,
		[SHORT] = BAD_INPUT,
		[LONG] = BAD_INPUT,
		[PERCENT] = BAD_INPUT,
		[OFFER] = BAD_INPUT,
		[LEVEL] = BAD_INPUT,
		[PROFILE] = BAD_INPUT };

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		struct fleet_request r = good_fleet(i == NAME ? "Locks!" : "locks");
		struct fleet f;

		r.phase = i == PHASE ? (enum phase)9 : i == PILOT ? PHASE_PILOT : PHASE_PRODUCTION;
		if (i == NO_AUTHORITY || i == FACTORY) {
			snprintf(r.authority, sizeof(r.authority), "%s",
				i == FACTORY ? "factory" : "nobody");
		}
		if (i == NO_MAKER || i == CUSTOMER) {
			snprintf(r.maker, sizeof(r.maker), "%s", i == CUSTOMER ? "anna" : "nobody");
		}
		if (i == PROFILE) {
			snprintf(r.profile, sizeof(r.profile), "../x");
		}
		r.lifetime_s = i == SHORT ? 59 : i == LONG ? INT64_MAX : 0;
		r.renew_after_percent = i == PERCENT ? 90 : 0;
		r.offer_lifetime_s = i == OFFER ? -1 : 0;
		r.required_level = i == LEVEL ? (enum attestation_level)3 : LEVEL_NONE;
		assert_status(want[i], &w, fleet_create(as(&w, MAKER), &r, &f, &w.d));
		assert_int_equal(NOT_FOUND, read_fleet_by_name(w.reader, "locks", &f));
	}
}

/* A maker's operator whose devices were OCSP responders, servers or operators of the authority. */
static void
profiles_that_are_no_devices(void **state)
{
	static const struct {
		const char *name;
		status want;
	} rows[] = {
		{ "ocsp", BAD_INPUT },
		{ "server", BAD_INPUT },
		{ "operator", BAD_INPUT },
		{ "birth", BAD_INPUT },
		{ "root", BAD_INPUT },
		{ "issuing-ca", BAD_INPUT },
		{ "factory-signer", BAD_INPUT },
		{ "manifest-signer", BAD_INPUT },
		{ "our-own", OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fleet_request r = good_fleet("locks");
		struct fleet f;

		snprintf(r.profile, sizeof(r.profile), "%s", rows[i].name);
		assert_status(rows[i].want, &w, fleet_create(as(&w, MAKER), &r, &f, &w.d));
	}
}

static void
policies_change_at_a_version(void **state)
{
	struct fleet f, stored;
	int64_t entries = world_ledger_size(&w);

	(void)state;
	assert_int_equal(OK, read_fleet_by_name(w.reader, "lamps", &f));
	f.lifetime_s = 3600;
	f.required_level = LEVEL_ATTESTED;
	f.crl_lists_superseded = true;
	f.maker = w.anna.row; /* stands whatever is asked */
	f.phase = PHASE_PILOT;
	assert_status(DENIED, &w, fleet_set(as(&w, SUPPORT), &f, &w.d));
	assert_status(OK, &w, fleet_set(as(&w, MAKER), &f, &w.d));
	assert_int_equal(OK, read_fleet_by_name(w.reader, "lamps", &stored));
	assert_int_equal(3600, stored.lifetime_s);
	assert_int_equal(LEVEL_ATTESTED, stored.required_level);
	assert_true(stored.crl_lists_superseded);
	assert_int_equal(w.maker.row, stored.maker);
	assert_int_equal(PHASE_PRODUCTION, stored.phase);
	assert_int_equal(f.version + 1, stored.version);
	assert_status(CONFLICT, &w, fleet_set(as(&w, MAKER), &f, &w.d)); /* stale */
	f.version++;
	f.renew_after_percent = 0;
	assert_status(BAD_INPUT, &w, fleet_set(as(&w, MAKER), &f, &w.d));
	f.row = 99;
	f.renew_after_percent = 66;
	assert_status(NOT_FOUND, &w, fleet_set(as(&w, MAKER), &f, &w.d));
	assert_int_equal(entries + 1, world_ledger_size(&w));
}

static void
how_est_treats_a_fleet(void **state)
{
	static const struct {
		struct est_policy est;
		enum attestation_level level;
		status want;
	} rows[] = {
		{ { .retry_after_s = 0 }, LEVEL_NONE, BAD_INPUT },
		{ { .retry_after_s = -1 }, LEVEL_NONE, BAD_INPUT },
		{ { .retry_after_s = 86401 }, LEVEL_NONE, BAD_INPUT },
		{ { .retry_after_s = 1, .pending = (enum est_pending)2 }, LEVEL_NONE, BAD_INPUT },
		{ { .retry_after_s = 1, .link = (enum est_link)2 }, LEVEL_NONE, BAD_INPUT },
		{ { .retry_after_s = 1, .lines = (enum est_lines)3 }, LEVEL_NONE, BAD_INPUT },
		{ { .retry_after_s = 1, .makes_keys = true }, LEVEL_ATTESTED, BAD_INPUT },
		{ { .retry_after_s = 1, .makes_keys = true }, LEVEL_VENDOR_UNVERIFIED, BAD_INPUT },
		{ { .retry_after_s = 1, .ra = 99 }, LEVEL_NONE, NOT_FOUND },
		{ { .retry_after_s = 86400,
			  .pending = EST_PENDING_WAIT,
			  .link = EST_LINK_REQUIRED,
			  .lines = EST_LINES_ONE,
			  .makes_keys = true },
			LEVEL_NONE, OK },
		{ { .retry_after_s = 1 }, LEVEL_ATTESTED, OK },
	};
	struct fleet f, stored;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(OK, read_fleet_by_name(w.reader, "lamps", &f));
		f.est = rows[i].est;
		f.required_level = rows[i].level;
		assert_status(rows[i].want, &w, fleet_set(as(&w, MAKER), &f, &w.d));
		assert_int_equal(OK, read_fleet_by_name(w.reader, "lamps", &stored));
		assert_int_equal(
			rows[i].want == OK, memcmp(&f.est, &stored.est, sizeof(f.est)) == 0);
	}
}

/* A path segment that is an operation and no label (RFC 7030 3.2.2). */
static void
a_fleet_is_no_operation(void **state)
{
	static const char *const names[] = { "cacerts", "simpleenroll", "simplereenroll", "fullcmc",
		"serverkeygen", "csrattrs" };
	struct fleet f, stored;
	struct fleet_request r;
	int64_t entries = world_ledger_size(&w);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		r = good_fleet(names[i]);
		assert_status(BAD_INPUT, &w, fleet_create(as(&w, MAKER), &r, &f, &w.d));
		assert_non_null(strstr(w.d.text, names[i]));
		assert_int_equal(NOT_FOUND, read_fleet_by_name(w.reader, names[i], &stored));
	}
	assert_int_equal(entries, world_ledger_size(&w));
	r = good_fleet("cacerts2");
	assert_status(OK, &w, fleet_create(as(&w, MAKER), &r, &f, &w.d));
}

static bool
lets_in(const char *token)
{
	struct operator_account who;
	uint8_t hash_of_it[32];

	sha256(span_text(token), hash_of_it);
	return read_operator_by_token(w.reader, hash_of_it, &who) == OK && !who.is_disabled;
}

static void
operators(void **state)
{
	char token[TOKEN_TEXT_MAX], again[TOKEN_TEXT_MAX];
	struct operator_account who;
	int64_t entries = world_ledger_size(&w);

	(void)state;
	assert_status(DENIED, &w,
		operator_add(as(&w, MAKER), "new", OPERATOR_SUPPORT, 0, token, &who, &w.d));
	assert_string_equal("", token);
	assert_status(BAD_INPUT, &w,
		operator_add(as(&w, ADMIN), "new", OPERATOR_OWNER, 0, token, &who, &w.d));
	assert_status(NOT_FOUND, &w,
		operator_add(as(&w, ADMIN), "new", OPERATOR_OWNER, 99, token, &who, &w.d));
	assert_status(BAD_INPUT, &w,
		operator_add(
			as(&w, ADMIN), "new", OPERATOR_SUPPORT, w.anna.row, token, &who, &w.d));
	assert_status(BAD_INPUT, &w,
		operator_add(as(&w, ADMIN), "new", OPERATOR_ROLE_COUNT, 0, token, &who, &w.d));
	assert_status(BAD_INPUT, &w,
		operator_add(as(&w, ADMIN), "new", OPERATOR_RA, 0, token, &who, &w.d));
	assert_status(BAD_INPUT, &w,
		operator_add(as(&w, ADMIN), "Ne w", OPERATOR_SUPPORT, 0, token, &who, &w.d));
	assert_status(EXISTS, &w,
		operator_add(as(&w, ADMIN), "desk", OPERATOR_SUPPORT, 0, token, &who, &w.d));
	assert_string_equal("", token);
	assert_int_equal(entries, world_ledger_size(&w));

	assert_status(OK, &w,
		operator_add(as(&w, ADMIN), "new", OPERATOR_OWNER, w.anna.row, token, &who, &w.d));
	assert_int_equal(47, strlen(token));
	assert_memory_equal("tnr_", token, 4);
	assert_true(lets_in(token));
	assert_false(world_entry_has(&w, "\"new\""));
	assert_null(strstr(world_entry(&w), token + 4));
	assert_status(DENIED, &w, operator_token(as(&w, MAKER), "new", again, &w.d));
	assert_status(NOT_FOUND, &w, operator_token(as(&w, ADMIN), "nobody", again, &w.d));
	assert_status(OK, &w, operator_token(as(&w, ADMIN), "new", again, &w.d));
	assert_string_not_equal(token, again);
	assert_false(lets_in(token));
	assert_true(lets_in(again));
	assert_status(DENIED, &w, operator_remove(as(&w, MAKER), "new", &w.d));
	assert_status(OK, &w, operator_remove(as(&w, ADMIN), "new", &w.d));
	assert_false(lets_in(again));
	assert_status(NOT_FOUND, &w, operator_remove(as(&w, ADMIN), "new", &w.d));
	assert_status(NOT_FOUND, &w, operator_token(as(&w, ADMIN), "new", again, &w.d));
	assert_status(EXISTS, &w,
		operator_add(as(&w, ADMIN), "new", OPERATOR_SUPPORT, 0, token, &who, &w.d));
	assert_int_equal(entries + 3, world_ledger_size(&w));
}

static void
the_last_admin_stays(void **state)
{
	char token[TOKEN_TEXT_MAX];
	struct operator_account who;

	(void)state;
	assert_status(CONFLICT, &w, operator_remove(as(&w, ADMIN), "admin-of-all", &w.d));
	assert_status(OK, &w,
		operator_add(as(&w, ADMIN), "second", OPERATOR_ADMIN, 0, token, &who, &w.d));
	assert_status(OK, &w, operator_remove(as(&w, ADMIN), "admin-of-all", &w.d));
	assert_status(CONFLICT, &w, operator_remove(as_server(&w), "second", &w.d));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(owners),
		T(fleets),
		T(fleets_that_cannot_be),
		T(profiles_that_are_no_devices),
		T(how_est_treats_a_fleet),
		T(a_fleet_is_no_operation),
		T(policies_change_at_a_version),
		T(operators),
		T(the_last_admin_stays),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
