#include "sound_element.h"

#include "support.h"

#include "pki/key.h"

void
assert_element_signs(struct element *e, unsigned slot, const uint8_t point[64])
{
	const span message = span_text("a message");
	uint8_t digest[32], raw[64];
	struct diag d = { 0 };

	sha256(message, digest);
	assert_ok(e->operations->sign(e, slot, digest, raw, &d), d);
	assert_int_equal(signature_verify_raw(point, message, raw), OK);
}

void
assert_element_makes_keys(struct element *e)
{
	uint8_t first[64], second[64], again[64];
	struct diag d = { 0 };

	assert_int_equal(e->operations->point(e, 2, first, NULL), NOT_FOUND);
	assert_int_equal(e->operations->sign(e, 2, first, again, NULL), NOT_FOUND);
	assert_ok(e->operations->generate(e, 2, first, &d), d);
	assert_ok(e->operations->generate(e, 3, second, &d), d);
	assert_memory_not_equal(first, second, 64);
	assert_ok(e->operations->point(e, 2, again, &d), d);
	assert_memory_equal(first, again, 64);
	assert_element_signs(e, 2, first);
	assert_element_signs(e, 3, second);
	assert_ok(e->operations->generate(e, 2, again, &d), d);
	assert_memory_not_equal(first, again, 64);
	assert_element_signs(e, 2, again);
	assert_element_signs(e, 3, second);
}
