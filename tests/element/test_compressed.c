#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "element/compressed.h"
#include "pki/pem.h"
#include "signer_home.h"

/*
 * Certificates to 72 bytes and back: those of our own factory's signer, and the chip maker's where they are at hand
 * (TENURE_REAL_DATA, or ../shared/data/microchip beside the sources).
 */
#define CERTIFICATES_MAX 64

static struct arena *a;
static const struct compressed_ids ids = { 3, 0 };

static int
set_up(void **state)
{
	(void)state;
	a = arena_new(64 << 20);
	return a == NULL ? 1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* --- our own factory's --- */

static span
birth_at(const char *unique_id, int64_t not_before_s, int64_t years)
{
	struct birth_request r = { .authority = "factory",
		.phase = PHASE_PRODUCTION,
		.organization = "Acme",
		.not_before_s = not_before_s,
		.years = (int)years };
	struct private_key key;
	struct public_key public;
	struct diag d = { 0 };
	uint8_t spki[600];
	struct buffer out;
	span copy;

	snprintf(r.unique_id, sizeof(r.unique_id), "%s", unique_id);
	assert_ok(private_key_generate(KEY_P256, &key, &d), d);
	assert_ok(private_key_public(&key, spki, sizeof(spki), &public, &d), d);
	private_key_wipe(&key);
	memcpy(r.point, public.point, sizeof(r.point));
	buffer_init(&out, CERTIFICATE_SIZE_MAX);
	assert_ok(issue_birth(signer_home(), &r, &out, &d), d);
	copy = arena_copy(a, buffer_span(&out));
	buffer_wipe(&out);
	return copy;
}

static span
template_of(span certificate)
{
	struct diag d = { 0 };
	struct buffer b;
	span copy;

	buffer_init(&b, COMPRESSED_TEMPLATE_MAX);
	assert_ok(compressed_template_of(certificate, &b, &d), d);
	copy = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return copy;
}

static void
chip_serial(const struct certificate_view *c, uint8_t out[CHIP_SERIAL_LEN])
{
	span cn = name_get(&c->subject, OID_COMMON_NAME);

	memset(out, 0, CHIP_SERIAL_LEN);
	if (cn.len == 20 && memcmp(cn.data, "sn", 2) == 0) {
		assert_int_equal(hex_decode(span_slice(cn, 2, 18), out, CHIP_SERIAL_LEN), OK);
	}
}

/* By this template to 72 bytes, and from them the same certificate. */
static void
there_and_back(span certificate, span template, const uint8_t *issuer_point)
{
	uint8_t compressed[COMPRESSED_LEN], chip[CHIP_SERIAL_LEN];
	struct compressed_parts parts = { .issuer_point = issuer_point, .chip_serial = chip };
	struct certificate_view c;
	struct diag d = { 0 };
	struct buffer made;

	assert_ok(certificate_read(certificate, &c, &d), d);
	chip_serial(&c, chip);
	parts.point = c.key.point;
	parts.authority_key_id = c.authority_key_id;
	assert_ok(compressed_write(certificate, template, ids, compressed, &d), d);
	assert_int_equal(compressed[69], 0x30);
	assert_int_equal(compressed[70], 0xA0);
	assert_int_equal(compressed[71], 0);
	buffer_init(&made, CERTIFICATE_SIZE_MAX);
	buffer_put_text(&made, "before");
	assert_ok(compressed_rebuild(template, compressed, &parts, &made, &d), d);
	assert_int_equal(made.len, 6 + certificate.len);
	assert_memory_equal(made.data, "before", 6);
	assert_memory_equal(made.data + 6, certificate.data, certificate.len);
	buffer_wipe(&made);
}

static void
births_come_back(void **state)
{
	static const struct {
		const char *from;
		int64_t years;
	} lives[] = { { "2026-11-23T16:00:00Z", 20 }, { "2026-11-23T16:59:59Z", 1 },
		{ "2027-01-01T00:00:00Z", 23 }, { "2028-02-29T23:00:00Z", 3 },
		{ "2028-02-29T00:00:00Z", 4 }, { "2031-12-31T23:00:00Z", 19 },
		{ "2030-06-30T12:00:00Z", 21 } };
	const uint8_t *point = key_store_find(signer_home()->keys, "factory")->view.key.point;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lives); i++) {
		int64_t from;
		span certificate;

		assert_int_equal(time_parse(span_text(lives[i].from), &from), OK);
		certificate = birth_at("0123456789abcdef01", from, lives[i].years);
		there_and_back(certificate, template_of(certificate), point);
		there_and_back(certificate, template_of(certificate), NULL);
	}
}

/* One unit's template is the others'. */
static void
one_template_serves_a_line(void **state)
{
	span first = birth_at("0123456789abcdef01", TEST_TIME_S, 20), template = template_of(first);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		char unique_id[19];
		span other;

		snprintf(unique_id, sizeof(unique_id), "0123%08x%04x01", i * 2654435761u, i * 257u);
		other = birth_at(unique_id, TEST_TIME_S + i * 86400 * 3, 18 + i % 3);
		there_and_back(other, template, NULL);
		assert_true(span_equal(template, template_of(other)));
	}
}

/* --- what cannot be carried --- */

static void
refused(span certificate, span template, const char *words)
{
	uint8_t compressed[COMPRESSED_LEN];
	struct diag d = { 0 };
	status s = compressed_write(certificate, template, ids, compressed, &d);

	if (s != BAD_INPUT || strstr(d.text, words) == NULL) {
		fail_msg("%s: %s, expected: %s", status_name(s), d.text, words);
	}
}

static span
patched(span certificate, const uint8_t *at, const char *text)
{
	span copy = arena_copy(a, certificate);

	memcpy((uint8_t *)copy.data + (at - certificate.data), text, strlen(text));
	return copy;
}

static void
what_cannot_be_carried_is_said(void **state)
{
	span good = birth_at("0123456789abcdef01", TEST_TIME_S, 20), template = template_of(good);
	struct certificate_view c;
	struct diag d = { 0 };
	const uint8_t *begins, *ends;

	(void)state;
	assert_ok(certificate_read(good, &c, &d), d);
	begins = c.issuer.der.data + c.issuer.der.len + 4; /* SEQUENCE, UTCTime */
	ends = begins + 15;
	assert_memory_equal(begins, "26", 2);
	assert_memory_equal(ends, "46", 2);
	refused(patched(good, begins + 8, "01"), template, "no minutes");
	refused(patched(good, begins + 10, "59"), template, "no minutes");
	refused(patched(good, begins, "99"), template, "2000 to 2031");
	refused(patched(good, begins, "32"), template, "2000 to 2031");
	refused(patched(good, ends + 4, "01"), template, "whole years");
	refused(patched(good, ends + 6, "01"), template, "whole years");
	refused(patched(good, ends + 10, "01"), template, "whole years");
	refused(patched(good, begins, "10"), template, "whole years"); /* 36 of them */
	refused(patched(good, ends, "26"), template, "whole years");
	refused(patched(good, c.serial.data + 5, "xyz"), template, "serial number");
	refused(patched(good, begins, "25"), template,
		"serial number"); /* it is made of the dates */
	refused(patched(good, c.subject_key_id.data, "xyz"), template, "another certificate");
	refused(patched(good, c.subject.der.data + c.subject.der.len - 18, "0123a"), template,
		"upper-case");
	refused(birth_at("0123456789abcdef", TEST_TIME_S, 20), template, "not of this template");
	refused(birth_at("0123456789abcdef01", TEST_TIME_S, 24), template, "not of this template");
	refused(key_store_find(signer_home()->keys, "root")->certificate, template, "P-256");
	refused(key_store_find(signer_home()->keys, "factory")->certificate, template, "P-256");
	refused(span_slice(good, 0, good.len - 1), template, "");
	refused(good, span_slice(template, 0, template.len - 1), "no place");
	refused(good, span_slice(template, 0, 20), "no template");
}

/* An online CA's serial number is none of those that can be computed. */
static void
no_template_of_others(void **state)
{
	static const char *const names[] = { "root", "ca", "factory", "manifest" };
	struct certificate_view c;
	struct diag d = { 0 };
	struct buffer b;
	span good = birth_at("0123456789abcdef01", TEST_TIME_S, 20);

	(void)state;
	buffer_init(&b, COMPRESSED_TEMPLATE_MAX);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		span certificate = key_store_find(signer_home()->keys, names[i])->certificate;

		if (compressed_template_of(certificate, &b, NULL) == OK) {
			span template = arena_copy(a, buffer_span(&b));

			refused(certificate, template, "72 bytes");
			buffer_clear(&b);
		}
		assert_int_equal(b.len, 0);
	}
	assert_ok(certificate_read(good, &c, &d), d);
	assert_int_equal(
		compressed_template_of(patched(good, c.subject_key_id.data, "xyz"), &b, &d),
		BAD_INPUT);
	assert_non_null(strstr(d.text, "subject key id"));
	assert_int_equal(compressed_template_of(span_slice(good, 0, 200), &b, NULL), BAD_INPUT);
	assert_int_equal(b.len, 0);
	buffer_wipe(&b);
}

/* --- what does not come back --- */

static void
bad_bytes_do_not_come_back(void **state)
{
	static const struct {
		unsigned at;
		uint8_t byte;
		const char *words;
	} bytes[] = {
		{ 70, 0x00, "kept elsewhere" },
		{ 70, 0x70, "kept elsewhere" },
		{ 70, 0xC0, "kept elsewhere" },
		{ 70, 0xF0, "kept elsewhere" },
		{ 70, 0xA1, "format 1" },
		{ 70, 0xA2, "format 2" },
		{ 71, 0x01, "format 0" },
		{ 71, 0x80, "format 0" },
		{ 70, 0x80, "10" },
		{ 70, 0x90, "3" },
		{ 64, 0xD0, "date is none" }, /* month 0 */
		{ 64, 0xD7, "date is none" }, /* and 15 */
		{ 66, 0x00, "" },
	};
	span good = birth_at("0123456789abcdef01", TEST_TIME_S, 20), template = template_of(good);
	uint8_t compressed[COMPRESSED_LEN], chip[CHIP_SERIAL_LEN];
	struct certificate_view c;
	struct compressed_parts parts;
	struct diag d = { 0 };
	struct buffer b;

	(void)state;
	assert_ok(certificate_read(good, &c, &d), d);
	chip_serial(&c, chip);
	parts = (struct compressed_parts){
		.point = c.key.point, .authority_key_id = c.authority_key_id, .chip_serial = chip
	};
	buffer_init(&b, CERTIFICATE_SIZE_MAX);
	for (size_t i = 0; i < COUNT_OF(bytes); i++) {
		struct diag fault = { 0 };
		status s;

		assert_ok(compressed_write(good, template, ids, compressed, &d), d);
		compressed[bytes[i].at] = bytes[i].byte;
		if (bytes[i].at == 64) {
			compressed[65] = (uint8_t)(compressed[65] | 0x80);
			compressed[65] = bytes[i].byte == 0xD0 ? 0x00 : compressed[65];
		}
		s = compressed_rebuild(template, compressed, &parts, &b, &fault);
		if (bytes[i].at == 66) { /* no years: no end, which UTCTime cannot say */
			assert_int_equal(s, BAD_INPUT);
			assert_non_null(strstr(fault.text, "2049"));
		} else if (s != BAD_INPUT || strstr(fault.text, bytes[i].words) == NULL) {
			fail_msg("byte %u %02x: %s %s", bytes[i].at, bytes[i].byte, status_name(s),
				fault.text);
		}
		assert_int_equal(b.len, 0);
	}
	assert_ok(compressed_write(good, template, ids, compressed, &d), d);
	parts.chip_serial = NULL;
	assert_int_equal(compressed_rebuild(template, compressed, &parts, &b, NULL), BAD_INPUT);
	parts.chip_serial = chip;
	parts.authority_key_id.len = 19;
	assert_int_equal(compressed_rebuild(template, compressed, &parts, &b, NULL), BAD_INPUT);
	assert_int_equal(b.len, 0);
	buffer_wipe(&b);
}

/* Any byte of the template's head another: refused, or a certificate that is not this one. */
static void
bad_templates_do_not_come_back(void **state)
{
	span good = birth_at("0123456789abcdef01", TEST_TIME_S, 20), template = template_of(good);
	uint8_t compressed[COMPRESSED_LEN], chip[CHIP_SERIAL_LEN];
	struct compressed_parts parts;
	struct certificate_view c;
	struct diag d = { 0 };
	size_t refusals = 0;
	struct buffer b;

	(void)state;
	assert_ok(certificate_read(good, &c, &d), d);
	chip_serial(&c, chip);
	parts = (struct compressed_parts){
		.point = c.key.point, .authority_key_id = c.authority_key_id, .chip_serial = chip
	};
	assert_ok(compressed_write(good, template, ids, compressed, &d), d);
	buffer_init(&b, CERTIFICATE_SIZE_MAX);
	for (size_t at = 0; at < 4 + 3 * COMPRESSED_FIELDS; at++) {
		for (unsigned change = 1; change < 256; change += 2) {
			span bad = arena_copy(a, template);

			((uint8_t *)bad.data)[at] ^= (uint8_t)change;
			if (compressed_rebuild(bad, compressed, &parts, &b, NULL) != OK) {
				assert_int_equal(b.len, 0);
				refusals++;
			} else {
				assert_false(span_equal(buffer_span(&b), good));
			}
			buffer_clear(&b);
		}
	}
	assert_in_range(refusals, 3000, 31 * 128);
	for (size_t len = 0; len < template.len; len++) {
		assert_int_equal(compressed_rebuild(span_slice(template, 0, len), compressed,
					 &parts, &b, NULL),
			BAD_INPUT);
	}
	buffer_wipe(&b);
}

/* --- the chip maker's own --- */

static char folder[4000];

static bool
find_folder(void)
{
	const char *given = getenv("TENURE_REAL_DATA"), *source = getenv("TENURE_SOURCE");

	if (given != NULL) {
		snprintf(folder, sizeof(folder), "%s", given);
	} else if (source != NULL) {
		snprintf(folder, sizeof(folder), "%s/../shared/data/microchip", source);
	}
	return folder[0] != '\0' && access(folder, R_OK | X_OK) == 0;
}

static size_t
take_chains(span file, span *out, size_t count)
{
	const cJSON *entry, *key, *certificate;
	struct diag d = { 0 };
	cJSON *document;

	assert_ok(json_parse(file, 1 << 20, &document, &d), d);
	cJSON_ArrayForEach(entry, document)
	{
		span encoded, text;
		uint8_t *room;
		cJSON *payload;

		assert_ok(json_get_text(entry, "payload", &encoded, &d), d);
		room = arena_alloc(a, encoded.len + 3);
		assert_ok(base64url_decode(encoded, room, encoded.len + 3, &text.len), d);
		text.data = room;
		assert_ok(json_parse(text, 1 << 20, &payload, &d), d);
		cJSON_ArrayForEach(key,
			cJSON_GetObjectItem(cJSON_GetObjectItem(payload, "publicKeySet"), "keys"))
		{
			cJSON_ArrayForEach(certificate, cJSON_GetObjectItem(key, "x5c"))
			{
				assert_true(count < CERTIFICATES_MAX);
				assert_ok(base64_decode(a, span_text(certificate->valuestring),
						  &out[count++]),
					d);
			}
		}
		cJSON_Delete(payload);
	}
	cJSON_Delete(document);
	return count;
}

/* Of every manifest: leaf, signer, leaf, signer ... */
static size_t
real_certificates(span *out)
{
	char path[5000];
	size_t count = 0;
	glob_t found;

	snprintf(path, sizeof(path), "%s/manifests/*.json", folder);
	assert_int_equal(glob(path, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		count = take_chains(bytes_of_file(a, found.gl_pathv[i]), out, count);
	}
	globfree(&found);
	return count;
}

static void
the_chip_makers_come_back(void **state)
{
	span certificates[CERTIFICATES_MAX], template = { NULL, 0 };
	size_t count, shared = 0;

	(void)state;
	if (!find_folder()) {
		SKIP_TEST("no TENURE_REAL_DATA, and no files in %s", folder);
	}
	count = real_certificates(certificates);
	assert_in_range(count, 22, CERTIFICATES_MAX);
	for (size_t i = 0; i < count; i++) {
		span own = template_of(certificates[i]);

		there_and_back(certificates[i], own, NULL);
		if (i % 2 == 0) {
			struct certificate_view signer;
			struct diag d = { 0 };

			assert_ok(certificate_read(certificates[i + 1], &signer, &d), d);
			there_and_back(certificates[i], own, signer.key.point);
			shared += span_equal(own, template) ? 1 : 0;
			template = template.len == 0 || shared == 0 ? own : template;
		}
	}
	assert_true(shared > 0); /* the production's devices have one template */
}

/* The factory signers that lie beside the roots. */
static void
the_chip_makers_signers_come_back(void **state)
{
	char path[5000];
	size_t count = 0;
	glob_t found;

	(void)state;
	if (!find_folder()) {
		SKIP_TEST("no TENURE_REAL_DATA, and no files in %s", folder);
	}
	snprintf(path, sizeof(path), "%s/roots/*signer*.crt", folder);
	assert_int_equal(glob(path, 0, NULL, &found), 0);
	for (; count < found.gl_pathc; count++) {
		struct diag d = { 0 };
		span der;

		assert_ok(pem_read(a, bytes_of_file(a, found.gl_pathv[count]), "CERTIFICATE", &der,
				  &d),
			d);
		there_and_back(der, template_of(der), NULL);
	}
	globfree(&found);
	assert_true(count >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(births_come_back),
		cmocka_unit_test(one_template_serves_a_line),
		cmocka_unit_test(what_cannot_be_carried_is_said),
		cmocka_unit_test(no_template_of_others),
		cmocka_unit_test(bad_bytes_do_not_come_back),
		cmocka_unit_test(bad_templates_do_not_come_back),
		cmocka_unit_test(the_chip_makers_come_back),
		cmocka_unit_test(the_chip_makers_signers_come_back),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
