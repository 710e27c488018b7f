/* The shape of a factory signer's certificate: one that an element can hold in 72 bytes. */
#include <stdio.h>

#include "support.h"

#include "base/check.h"
#include "base/text.h"
#include "signer_home.h"

/* Its serial number is of the key and the dates where an element can carry these, else random. */
static void
factory_signers_have_the_elements_shape(void **state)
{
	static const struct {
		int64_t later_s; /* begins */
		int years;
		int64_t more_s;
		bool is_hashed;
	} rows[] = { { 0, 24, 0, true }, { 0, 1, 0, true }, { 3600, 2, 0, true },
		{ 60, 2, 0, false }, { 1, 2, 0, false }, { 0, 2, -1, false }, { 0, 2, 1, false },
		{ 0, 2, 86400, false }, { 0, 0, 86400, false } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct create_request r = { .role = KEY_ROLE_FACTORY,
			.phase = PHASE_PRODUCTION,
			.key_kind = KEY_P256,
			.parent = "root",
			.not_before_s = TEST_TIME_S + rows[i].later_s };
		struct civil begin = civil_from_time(r.not_before_s), end = begin;
		uint32_t dates = (uint32_t)(begin.year - 2000) << 19 | (uint32_t)begin.month << 15 |
				 (uint32_t)begin.day << 10 | (uint32_t)begin.hour << 5 |
				 (uint32_t)rows[i].years;
		const uint8_t packed[3] = { (uint8_t)(dates >> 16), (uint8_t)(dates >> 8),
			(uint8_t)dates };
		struct certificate_view v;
		struct diag d = { 0 };
		uint8_t hash[32];
		struct buffer der;

		end.year += rows[i].years;
		r.not_after_s = civil_to_time(end) + rows[i].more_s;
		snprintf(r.name, sizeof(r.name), "factory-shape-%zu", i);
		snprintf(r.subject.common_name, sizeof(r.subject.common_name), "Factory %zu", i);
		buffer_init(&der, CERTIFICATE_SIZE_MAX);
		assert_ok(issue_key(signer_home(), &r, &der, &d), d);
		assert_ok(certificate_read(buffer_span(&der), &v, &d), d);
		sha256_two(span_of(v.key.point, 64), SPAN_ARRAY(packed), hash);
		hash[0] = (uint8_t)((hash[0] & 0x7f) | 0x40);
		assert_int_equal(v.serial.len, 16);
		assert_int_equal(v.serial.data[0] & 0xC0, 0x40);
		if ((memcmp(v.serial.data, hash, 16) == 0) != rows[i].is_hashed) {
			fail_msg("row %zu", i);
		}
		buffer_wipe(&der);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(factory_signers_have_the_elements_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
