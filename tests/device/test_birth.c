/* Birth certificates in the part's own slot, and beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include "base/file.h"
#include "base/text.h"
#include "device/element/atecc608_birth.h"
#include "element/compressed.h"
#include "folder.h"
#include "part_bus.h"
#include "pki/pem.h"
#include "signer_home.h"

static struct part_bus part;
static struct atecc608 driver;
static struct birth_place place;
static struct buffer pem; /* of this part, as the factory gives it */

/* By this factory signer. */
static void
make_birth_by(const char *authority, struct buffer *out)
{
	const struct certificate_view *factory =
		&key_store_find(signer_home()->keys, authority)->view;
	struct birth_request r = { .phase = PHASE_PRODUCTION,
		.organization = "Acme",
		.not_before_s = TEST_TIME_S,
		.years = 20 };
	struct diag d = { 0 };
	struct buffer der;

	snprintf(r.authority, sizeof(r.authority), "%s", authority);
	assert_int_equal(atecc608_begin(&driver), ATECC608_OK);
	assert_int_equal(atecc608_public_key(&driver, 0, r.point), ATECC608_OK);
	atecc608_end(&driver);
	hex_encode(r.unique_id, SPAN_ARRAY(driver.serial));
	buffer_init(&der, CERTIFICATE_SIZE_MAX);
	assert_ok(issue_birth(signer_home(), &r, &der, &d), d);
	buffer_init(out, 64 << 10);
	pem_write(out, "CERTIFICATE", buffer_span(&der));
	pem_write(out, "CERTIFICATE", factory->der);
	buffer_wipe(&der);
}

/* By one whose own certificate is signed with P-384: 72 bytes cannot carry it. */
static void
make_birth(struct buffer *out)
{
	make_birth_by("factory", out);
}

static int
fresh(void **state)
{
	folder_fresh(state);
	part_bus_init(&part, "trustflex-tls");
	atecc608_init(&driver, &part.bus, 0x6C);
	place = (struct birth_place){ &driver, folder };
	make_birth(&pem);
	return 0;
}

static int
clear(void **state)
{
	buffer_wipe(&pem);
	return folder_clear(state);
}

static void
expect(status wanted, span content)
{
	struct buffer out;
	struct diag d = { 0 };
	status s;

	buffer_init(&out, 64 << 10);
	s = birth_read(&place, &out, &d);
	if (s != wanted) {
		fail_msg("%s, not %s: %s", status_name(s), status_name(wanted), d.text);
	}
	assert_true(s != OK || span_equal(buffer_span(&out), content));
	buffer_wipe(&out);
}

static void
test_there_and_back(void **state)
{
	struct diag d = { 0 };

	(void)state;
	expect(NOT_FOUND, span_of(NULL, 0));
	assert_ok(birth_write(&place, buffer_span(&pem), &d), d);
	expect(OK, buffer_span(&pem));
	/* What the part itself holds counts more. */
	folder_put("birth.pem", span_text("something else"));
	expect(OK, buffer_span(&pem));
}

/* The same two files serve each part of a production. */
static void
test_a_second_part(void **state)
{
	struct diag d = { 0 };
	struct buffer second;

	(void)state;
	assert_ok(birth_write(&place, buffer_span(&pem), &d), d);
	part_bus_init(&part, "trustflex-tls");
	atecc608_init(&driver, &part.bus, 0x6C);
	expect(NOT_FOUND, span_of(NULL, 0));
	make_birth(&second);
	assert_ok(birth_write(&place, buffer_span(&second), &d), d);
	expect(OK, buffer_span(&second));
	buffer_wipe(&second);
}

static const struct certificate_view *
make_key(const char *name, enum key_role role, const char *parent)
{
	struct civil end = civil_from_time(TEST_TIME_S);
	struct create_request r = { .role = role,
		.phase = PHASE_PRODUCTION,
		.key_kind = KEY_P256,
		.not_before_s = TEST_TIME_S,
		.url_base = "http://pki.test" };
	struct diag d = { 0 };
	struct buffer out;

	end.year += 25;
	r.not_after_s = civil_to_time(end);
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.parent, sizeof(r.parent), "%s", parent);
	snprintf(r.subject.common_name, sizeof(r.subject.common_name), "Acme %s", name);
	buffer_init(&out, CERTIFICATE_SIZE_MAX);
	assert_ok(issue_key(signer_home(), &r, &out, &d), d);
	buffer_wipe(&out);
	return &key_store_find(signer_home()->keys, name)->view;
}

static void
read_slot(unsigned slot, uint8_t out[72])
{
	const struct atecc608_place at = { .zone = ATECC608_DATA, .slot = slot };

	assert_int_equal(atecc608_begin(&driver), ATECC608_OK);
	assert_int_equal(atecc608_read(&driver, at, out, 72), ATECC608_OK);
	atecc608_end(&driver);
}

/* Who has the part and the two templates has the leaf's issuer, too: its key in slot 11, the rest of its certificate in slot 12. */
static void
test_the_issuer_inside(void **state)
{
	const struct certificate_view *root = make_key("p256-root", KEY_ROLE_ROOT, "");
	const struct certificate_view *signer =
		make_key("p256-factory", KEY_ROLE_FACTORY, "p256-root");
	struct buffer birth, template, made;
	uint8_t key[72], compressed[72], point[64];
	const struct compressed_parts parts = { .point = point, .issuer_point = root->key.point };
	static const uint8_t none[72];
	struct diag d = { 0 };

	(void)state;
	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	buffer_init(&made, CERTIFICATE_SIZE_MAX);
	assert_ok(birth_write(&place, buffer_span(&pem), &d), d);
	read_slot(12, compressed);
	assert_memory_equal(compressed, none, 72);
	make_birth_by("p256-factory", &birth);
	assert_ok(birth_write(&place, buffer_span(&birth), &d), d);
	expect(OK, buffer_span(&birth));
	read_slot(11, key);
	memcpy(point, key + 4, 32);
	memcpy(point + 32, key + 40, 32);
	read_slot(12, compressed);
	assert_ok(compressed_template_of(signer->der, &template, &d), d);
	assert_ok(compressed_rebuild(buffer_span(&template), compressed, &parts, &made, &d), d);
	assert_true(span_equal(buffer_span(&made), signer->der));
	buffer_wipe(&birth);
	buffer_wipe(&template);
	buffer_wipe(&made);
}

static void
test_what_is_damaged(void **state)
{
	struct diag d = { 0 };
	uint8_t bytes[4] = { 1, 2, 3, 4 };

	(void)state;
	assert_ok(birth_write(&place, buffer_span(&pem), &d), d);
	part_slot_put(&part.wire.part, 10, 8, bytes, sizeof(bytes));
	expect(CRYPTO, span_of(NULL, 0)); /* another signature: nobody's */
	folder_put("birth.pem", buffer_span(&pem));
	expect(OK, buffer_span(&pem));
	folder_put("birth.template", span_text("TCT\x01 and nothing that is one"));
	expect(OK, buffer_span(&pem));
}

static void
test_a_part_that_does_not_answer(void **state)
{
	(void)state;
	folder_put("birth.pem", buffer_span(&pem));
	folder_put("birth.template", span_text("x"));
	folder_put("birth-issuers.pem", buffer_span(&pem));
	driver.address = 0x70;
	/* The file stands for a part without one, not for a part that is away. */
	expect(UNAVAILABLE, span_of(NULL, 0));
}

static void
test_refusals(void **state)
{
	struct diag d = { 0 };
	struct buffer leaf;
	span whole = buffer_span(&pem);

	(void)state;
	buffer_init(&leaf, 64 << 10);
	buffer_put(&leaf, span_slice(whole, 0,
				  100 + span_find(span_slice(whole, 100, SIZE_MAX),
						span_text("-----BEGIN"))));
	assert_int_equal(birth_write(&place, buffer_span(&leaf), &d), BAD_INPUT);
	buffer_wipe(&leaf);
	diag_clear(&d);
	assert_int_equal(birth_write(&place, span_text("no PEM"), &d), BAD_INPUT);
	diag_clear(&d);
	/* Locked slots keep what they have. */
	assert_int_equal(atecc608_begin(&driver), ATECC608_OK);
	assert_int_equal(atecc608_lock_slot(&driver, 10), ATECC608_OK);
	atecc608_end(&driver);
	assert_int_equal(birth_write(&place, buffer_span(&pem), &d), DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, fresh, clear),
		cmocka_unit_test_setup_teardown(test_a_second_part, fresh, clear),
		cmocka_unit_test_setup_teardown(test_the_issuer_inside, fresh, clear),
		cmocka_unit_test_setup_teardown(test_what_is_damaged, fresh, clear),
		cmocka_unit_test_setup_teardown(test_a_part_that_does_not_answer, fresh, clear),
		cmocka_unit_test_setup_teardown(test_refusals, fresh, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
