/*
 * Certificates in 72 bytes. Whatever can be written comes back as it was; a template of anybody's never makes more than a
 * certificate that our own reader takes.
 *
 *	00 certificate      01 compressed72 | point64 | chip9 | issuer's key id 20 | template
 */
#include "element/compressed.h"
#include "fuzz.h"

static void
write_and_rebuild(const struct certificate_view *c, span template, const uint8_t *chip)
{
	const struct compressed_ids ids = { 3, 1 };
	const struct compressed_parts parts = {
		.point = c->key.point, .authority_key_id = c->authority_key_id, .chip_serial = chip
	};
	uint8_t compressed[COMPRESSED_LEN];
	struct buffer made;

	if (compressed_write(c->der, template, ids, compressed, NULL) != OK) {
		return;
	}
	buffer_init(&made, CERTIFICATE_SIZE_MAX);
	HOLDS(compressed_rebuild(template, compressed, &parts, &made, NULL) == OK);
	HOLDS(span_equal(buffer_span(&made), c->der));
	buffer_wipe(&made);
}

static void
certificate(span der)
{
	uint8_t chip[CHIP_SERIAL_LEN] = { 0 };
	struct certificate_view c;
	struct buffer template;

	buffer_init(&template, COMPRESSED_TEMPLATE_MAX);
	if (compressed_template_of(der, &template, NULL) == OK) {
		span cn;

		HOLDS(certificate_read(der, &c, NULL) == OK);
		cn = name_get(&c.subject, OID_COMMON_NAME);
		for (size_t i = 2; cn.len == 2 + 2 * sizeof(chip) && i < cn.len; i++) {
			uint8_t digit = (uint8_t)(cn.data[i] <= '9' ? cn.data[i] - '0'
								    : cn.data[i] - 'A' + 10);

			chip[i / 2 - 1] = (uint8_t)(chip[i / 2 - 1] << 4 | (digit & 15));
		}
		write_and_rebuild(&c, buffer_span(&template), chip);
	}
	buffer_wipe(&template);
}

static void
rebuild(span input)
{
	span compressed = span_slice(input, 0, COMPRESSED_LEN);
	span point = span_slice(input, COMPRESSED_LEN, POINT_P256_LEN);
	span chip = span_slice(input, COMPRESSED_LEN + POINT_P256_LEN, CHIP_SERIAL_LEN);
	size_t head = COMPRESSED_LEN + POINT_P256_LEN + CHIP_SERIAL_LEN;
	struct compressed_parts parts = { .point = point.data,
		.authority_key_id = span_slice(input, head, 20),
		.chip_serial = chip.data };
	span template = span_slice(input, head + 20, SIZE_MAX);
	struct certificate_view c;
	struct buffer made;

	if (input.len < head + 20) {
		return;
	}
	buffer_init(&made, CERTIFICATE_SIZE_MAX);
	if (compressed_rebuild(template, compressed.data, &parts, &made, NULL) == OK) {
		HOLDS(certificate_read(buffer_span(&made), &c, NULL) == OK);
		HOLDS(c.signature_kind == SIGNATURE_ECDSA_SHA256);
		write_and_rebuild(&c, template, chip.data);
	} else {
		HOLDS(made.len == 0);
	}
	buffer_wipe(&made);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	span input = span_of(data, len);

	if (fuzz_choice(&input, 2) == 0) {
		certificate(input);
	} else {
		rebuild(input);
	}
	return 0;
}
