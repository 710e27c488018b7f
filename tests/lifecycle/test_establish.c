#include "home.h"

#include <stdio.h>

#include "lifecycle/admit.h"
#include "lifecycle/establish.h"

static struct home h;

static int
set_up(void **state)
{
	(void)state;
	home_open(&h);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	home_close(&h);
	return 0;
}

static const struct establish_request request = { .company = "Test Works",
	.maker = "works",
	.ledger_origin = "ledger.test/works",
	.phase = PHASE_PRODUCTION,
	.fleet = "lamps",
	.admin = "ada" };

struct counts {
	size_t authorities, pins, owners, fleets, operators, keys;
};

static struct counts
count_all(void)
{
	struct pinned_signer *pins;
	struct authority *authorities;
	struct operator_account *operators;
	struct held_key *keys;
	struct fleet *fleets;
	struct owner *owners;
	struct counts n;
	struct diag d = { 0 };

	assert_int_equal(
		OK, list_authorities(h.reader, h.arena, 0, 100, &authorities, &n.authorities));
	assert_int_equal(OK, list_pins(h.reader, h.arena, 0, 100, &pins, &n.pins));
	assert_int_equal(OK, list_owners(h.reader, h.arena, 0, 100, &owners, &n.owners));
	assert_int_equal(OK, list_fleets(h.reader, h.arena, 0, 100, &fleets, &n.fleets));
	assert_int_equal(OK, list_operators(h.reader, h.arena, 0, 100, &operators, &n.operators));
	assert_ok(signer_keys(h.signer, h.arena, &keys, &n.keys, &d), d);
	return n;
}

static void
is_founded(const char *token)
{
	struct counts n = count_all();
	struct authority a;
	struct fleet f;
	struct diag d = { 0 };
	span origin;

	assert_int_equal(3, n.authorities);
	assert_int_equal(1, n.pins);
	assert_int_equal(1, n.owners);
	assert_int_equal(1, n.fleets);
	assert_int_equal(1, n.operators);
	assert_int_equal(6, n.keys); /* root, issuing, its responder, factory, manifest, ledger */
	assert_int_equal(OK, read_authority_by_name(h.reader, h.arena, "issuing-production", &a));
	assert_int_equal(AUTHORITY_ISSUING, a.kind);
	assert_int_equal(OK, read_fleet_by_name(h.reader, "lamps", &f));
	assert_int_equal(a.row, f.authority);
	assert_int_equal(OK, read_authority_by_name(h.reader, h.arena, "factory-production", &a));
	assert_int_equal(OK, read_authority_by_name(h.reader, h.arena, "root-production", &a));
	assert_string_equal("works", a.hierarchy);
	assert_int_equal(OK, read_setting(h.reader, h.arena, "ledger_origin", &origin));
	assert_true(span_is(origin, "ledger.test/works"));
	h.session.actor = (struct actor){ .kind = ACTOR_DEVICE };
	assert_ok(admit_operator_token(&h.session, span_text(token), &d), d);
	assert_int_equal(OPERATOR_ADMIN, h.session.actor.account.role);
	h.session.actor = (struct actor){ .kind = ACTOR_SERVER };
}

static void
a_home_is_founded_once(void **state)
{
	char first[TOKEN_TEXT_MAX], second[TOKEN_TEXT_MAX];
	struct diag d = { 0 };
	int64_t size;

	(void)state;
	assert_ok(establish(&h.session, &request, first, &d), d);
	is_founded(first);
	size = home_ledger_size(&h);
	home_reopen(&h);
	/* Again: nothing new but the token, and the old one is void. */
	assert_ok(establish(&h.session, &request, second, &d), d);
	is_founded(second);
	assert_int_equal(size + 1, home_ledger_size(&h));
	assert_int_equal(NOT_FOUND, admit_operator_token(&h.session, span_text(first), NULL));
}

static void
what_does_not_fit_is_refused(void **state)
{
	struct establish_request r = request;
	char token[TOKEN_TEXT_MAX];
	struct diag d = { 0 };

	(void)state;
	r.company[0] = '\0';
	assert_int_equal(BAD_INPUT, establish(&h.session, &r, token, NULL));
	r = request;
	r.ledger_origin[0] = '\0';
	assert_int_equal(BAD_INPUT, establish(&h.session, &r, token, NULL));
	assert_int_equal(0, count_all().keys);
	assert_ok(establish(&h.session, &request, token, &d), d);
	r = request;
	snprintf(r.ledger_origin, sizeof(r.ledger_origin), "other.test/works");
	assert_int_equal(CONFLICT, establish(&h.session, &r, token, &d));
	assert_non_null(strstr(d.text, "ledger.test/works"));
}

/* Keys are the steps that cannot be undone: a founding that was cut behind any of them finds that key, and no record. */
static void
a_founding_that_was_cut_goes_on(void **state)
{
	static const struct {
		const char *name;
		enum key_role role;
		const char *parent;
	} keys[] = {
		{ "ledger", KEY_ROLE_LEDGER, "" },
		{ "root-production", KEY_ROLE_ROOT, "" },
		{ "issuing-production", KEY_ROLE_ISSUING, "root-production" },
		{ "issuing-production.ocsp", KEY_ROLE_OCSP, "issuing-production" },
		{ "factory-production", KEY_ROLE_FACTORY, "root-production" },
		{ "manifest-production", KEY_ROLE_MANIFEST, "" },
	};
	char token[TOKEN_TEXT_MAX];

	for (size_t cut = 1; cut <= sizeof(keys) / sizeof(keys[0]); cut++) {
		struct diag d = { 0 };

		for (size_t k = 0; k < cut; k++) {
			struct create_request r = { .role = keys[k].role,
				.phase = PHASE_PRODUCTION,
				.key_kind =
					keys[k].role == KEY_ROLE_LEDGER ? KEY_ED25519 : KEY_P256,
				.not_before_s = TEST_TIME_S - 60,
				.not_after_s = TEST_TIME_S + 300 * 86400,
				.url_base = "http://pki.test" };
			span der;

			snprintf(r.name, sizeof(r.name), "%s", keys[k].name);
			snprintf(r.parent, sizeof(r.parent), "%s", keys[k].parent);
			snprintf(r.subject.common_name, sizeof(r.subject.common_name), "early");
			assert_ok(signer_create(h.signer, h.arena, &r, &der, &d), d);
		}
		assert_ok(establish(&h.session, &request, token, &d), d);
		is_founded(token);
		(void)tear_down(state);
		(void)set_up(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_home_is_founded_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_founding_that_was_cut_goes_on, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
