#include "forge.h"

#include <stdio.h>

#include "base/text.h"
#include "pki/tbs_certificate.h"

#define DAY 86400

void
forge_key(struct forged *out)
{
	struct diag d = { 0 };

	assert_ok(private_key_generate(KEY_P256, &out->key, &d), d);
	assert_ok(private_key_public(&out->key, out->spki, sizeof(out->spki), &out->public_key, &d),
		d);
}

void
forge_certificate(struct forge *f, struct forged *out, const char *profile, const char *common_name,
	const struct forged *issuer)
{
	static uint8_t next = 1;
	uint8_t serial[2] = { 0x41, next++ }, key_id[20], name[200], *tbs = NULL;
	uint8_t signature[SIGNATURE_MAX_LEN];
	struct certificate_draft c = { .profile = profile_builtin(profile),
		.serial = SPAN_ARRAY(serial),
		.signature = SIGNATURE_ECDSA_SHA256,
		.not_before_s = TEST_TIME_S - DAY,
		.not_after_s = TEST_TIME_S - DAY + 20 * INT64_C(31557600) };
	const struct forged *by = issuer != NULL ? issuer : out;
	struct certificate_view view;
	struct buffer der;
	struct der_writer w;
	struct diag d = { 0 };
	size_t len;
	span written;

	assert_non_null(c.profile);
	snprintf(c.subject.common_name, sizeof(c.subject.common_name), "%s", common_name);
	c.spki = out->public_key.spki;
	if (issuer != NULL) {
		assert_ok(certificate_read(issuer->der, &view, &d), d);
		c.issuer = view.subject.der;
		public_key_id(&issuer->public_key, key_id);
		c.issuer_key_id = SPAN_ARRAY(key_id);
	} else {
		der_writer_init(&w, name, sizeof(name));
		simple_name_write(&w, &c.subject);
		c.issuer = span_of(name, w.len);
	}
	tbs = arena_alloc(f->arena, 4096);
	assert_ok(tbs_certificate_write(&c, tbs, 4096, &written, &d), d);
	assert_ok(private_key_sign(&by->key, written, signature, &len, &d), d);
	buffer_init(&der, 8192);
	assert_ok(signed_object_write(
			  written, SIGNATURE_ECDSA_SHA256, span_of(signature, len), &der, &d),
		d);
	out->der = arena_copy(f->arena, buffer_span(&der));
	buffer_wipe(&der);
}

static const char *
b64(struct forge *f, span bytes)
{
	return base64url_encode(arena_alloc(f->arena, bytes.len * 2 + 8), bytes);
}

static const char *
slot_text(struct forge *f, size_t slot, const char *x5c)
{
	const uint8_t *point = f->slots[slot].public_key.point;

	return arena_printf(f->arena,
		"{\"kid\":\"%zu\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
		slot, b64(f, span_of(point, 32)), b64(f, span_of(point + 32, 32)), x5c);
}

const char *
forge_payload(struct forge *f, span leaf, span issuer)
{
	const char *x5c = arena_printf(f->arena, ",\"x5c\":[\"%s\",\"%s\"]",
		base64_encode(f->arena, leaf), base64_encode(f->arena, issuer));

	return arena_printf(f->arena,
		"{\"version\":1,\"model\":\"ATECC608B\",\"partNumber\":\"ATECC608B-TFLXTLS\","
		"\"manufacturer\":{\"organizationName\":\"Test\"},"
		"\"distributor\":{\"organizationName\":\"Test\"},"
		"\"provisioningTimestamp\":\"2026-11-23T12:00:00.250Z\","
		"\"uniqueId\":\"" FORGE_SERIAL "\",\"publicKeySet\":{\"keys\":[%s,%s,%s,%s,%s]}}",
		slot_text(f, 0, x5c), slot_text(f, 1, ""), slot_text(f, 2, ""), slot_text(f, 3, ""),
		slot_text(f, 4, ""));
}

const char *
forge_protected(struct forge *f)
{
	return arena_printf(f->arena,
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x5t#S256\":\"%s\"}",
		b64(f, SPAN_ARRAY(f->pin.kid)), b64(f, SPAN_ARRAY(f->pin.x5t_sha256)));
}

const char *
forge_entry(struct forge *f, const char *payload, const char *protected_header)
{
	const char *p = b64(f, span_text(payload)), *h = b64(f, span_text(protected_header));
	uint8_t raw[SIGNATURE_RAW_LEN];
	struct diag d = { 0 };

	assert_ok(private_key_sign_raw(&f->signer.key,
			  span_text(arena_printf(f->arena, "%s.%s", h, p)), raw, &d),
		d);
	return arena_printf(f->arena,
		"{\"payload\":\"%s\",\"protected\":\"%s\",\"header\":{\"uniqueId\":\"" FORGE_SERIAL
		"\"},\"signature\":\"%s\"}",
		p, h, b64(f, SPAN_ARRAY(raw)));
}

const char *
forge_replace(struct forge *f, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (at == NULL) {
		fail_msg("%s is not in the text", from);
		return text;
	}
	return arena_printf(f->arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

void
forge_open(struct forge *f)
{
	struct diag d = { 0 };

	*f = (struct forge){ .arena = arena_new(512 << 20) };
	forge_key(&f->root);
	forge_key(&f->factory);
	forge_key(&f->signer);
	for (size_t i = 0; i < 5; i++) {
		forge_key(&f->slots[i]);
	}
	forge_certificate(f, &f->root, "root", "Root", NULL);
	forge_certificate(f, &f->factory, "factory-signer", "Factory", &f->root);
	forge_certificate(f, &f->signer, "manifest-signer", "Manifest", NULL);
	forge_certificate(f, &f->slots[0], "birth", "sn0123A1B2C3D4E5F601", &f->factory);
	assert_ok(manifest_pin_read(f->signer.der, &f->pin, &d), d);
	assert_ok(trust_set_new(&f->root.der, 1, false, &f->roots, &d), d);
	f->trust = (struct manifest_trust){
		.pins = &f->pin, .pin_count = 1, .roots = f->roots, .wants_serial_name = true
	};
}

void
forge_close(struct forge *f)
{
	private_key_wipe(&f->root.key);
	private_key_wipe(&f->factory.key);
	private_key_wipe(&f->signer.key);
	for (size_t i = 0; i < 5; i++) {
		private_key_wipe(&f->slots[i].key);
	}
	trust_set_free(f->roots);
	arena_free(f->arena);
}
