#include "manifest_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "base/buffer.h"
#include "base/text.h"
#include "pki/tbs_certificate.h"

#define YEAR INT64_C(31557600)

static void
must(status s, const char *what)
{
	if (s != OK) {
		bench_fail("%s: %s", what, status_name(s));
	}
}

static struct public_key
make_key(struct private_key *key, uint8_t spki[600])
{
	struct public_key p;

	must(private_key_generate(KEY_P256, key, NULL), "a key");
	must(private_key_public(key, spki, 600, &p, NULL), "a key");
	return p;
}

/* A certificate for `subject` by `issuer`'s key; the issuer's certificate empty: self-signed. */
static void
make_certificate(const char *profile, const char *name, const struct public_key *subject,
	const struct private_key *by, span issuer, struct buffer *out)
{
	static uint32_t next;
	uint8_t serial[5] = { 0x41 }, tbs[2048], self[200], signature[SIGNATURE_MAX_LEN];
	struct certificate_draft c = { .profile = profile_builtin(profile),
		.signature = SIGNATURE_ECDSA_SHA256,
		.spki = subject->spki,
		.not_before_s = SET_TIME_S - 3600,
		.not_after_s = SET_TIME_S - 3600 + 20 * YEAR };
	struct certificate_view view;
	struct der_writer w;
	span written;
	size_t len;

	next++;
	memcpy(serial + 1, &next, 4);
	c.serial = SPAN_ARRAY(serial);
	snprintf(c.subject.common_name, sizeof(c.subject.common_name), "%s", name);
	snprintf(c.subject.organization, sizeof(c.subject.organization), "Benchmark Works");
	der_writer_init(&w, self, sizeof(self));
	simple_name_write(&w, &c.subject);
	c.issuer = span_of(self, w.len);
	if (issuer.len > 0) {
		must(certificate_read(issuer, &view, NULL), "an issuer");
		c.issuer = view.subject.der;
		c.issuer_key_id = view.subject_key_id;
	}
	must(tbs_certificate_write(&c, tbs, sizeof(tbs), &written, NULL), "a certificate");
	must(private_key_sign(by, written, signature, &len, NULL), "a certificate");
	must(signed_object_write(
		     written, SIGNATURE_ECDSA_SHA256, span_of(signature, len), out, NULL),
		"a certificate");
}

static span
make_authority(struct manifest_set *s, const char *profile, const char *name,
	struct private_key *key, const struct private_key *by, span issuer)
{
	uint8_t spki[600];
	struct public_key p = make_key(key, spki);
	struct buffer der;
	span kept;

	buffer_init(&der, 8192);
	make_certificate(profile, name, &p, by != NULL ? by : key, issuer, &der);
	kept = arena_copy(s->arena, buffer_span(&der));
	buffer_wipe(&der);
	return kept;
}

void
set_open(struct manifest_set *s)
{
	const span none = { NULL, 0 };

	*s = (struct manifest_set){ .arena = arena_new(1 << 20) };
	s->root = make_authority(s, "root", "Root", &s->root_key, NULL, none);
	s->factory = make_authority(
		s, "factory-signer", "Factory", &s->factory_key, &s->root_key, s->root);
	s->signer = make_authority(s, "manifest-signer", "Manifest", &s->signer_key, NULL, none);
	must(manifest_pin_read(s->signer, &s->pin, NULL), "the pin");
	must(trust_set_new(&s->root, 1, false, &s->roots, NULL), "the root");
}

void
set_close(struct manifest_set *s)
{
	private_key_wipe(&s->root_key);
	private_key_wipe(&s->factory_key);
	private_key_wipe(&s->signer_key);
	trust_set_free(s->roots);
	arena_free(s->arena);
}

/* --- entries --- */

static void
put_slot(struct buffer *out, unsigned slot, const struct public_key *p)
{
	char x[48], y[48];

	base64url_encode(x, span_of(p->point, 32));
	base64url_encode(y, span_of(p->point + 32, 32));
	buffer_printf(out,
		"%s{\"kid\":\"%u\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"",
		slot > 0 ? "," : "", slot, x, y);
}

static void
put_payload(struct manifest_set *s, struct arena *a, unsigned number,
	const struct public_key others[4], struct buffer *out)
{
	char id[20], name[24];
	struct private_key key;
	struct public_key p;
	struct buffer leaf;
	uint8_t spki[600];

	snprintf(id, sizeof(id), "0123%012x01", number);
	snprintf(name, sizeof(name), "sn0123%012X01", number);
	p = make_key(&key, spki);
	buffer_init(&leaf, 8192);
	make_certificate("birth", name, &p, &s->factory_key, s->factory, &leaf);
	buffer_printf(out,
		"{\"version\":1,\"model\":\"ATECC608B\",\"partNumber\":\"ATECC608B-TFLXTLS\","
		"\"manufacturer\":{\"organizationName\":\"Benchmark "
		"Works\",\"organizationalUnitName\":"
		"\"Secure Products Group\"},"
		"\"provisioner\":{\"organizationName\":\"Benchmark "
		"Works\",\"organizationalUnitName\":"
		"\"Secure Products Group\"},"
		"\"distributor\":{\"organizationName\":\"Benchmark "
		"Works\",\"organizationalUnitName\":"
		"\"Direct\"},\"groupId\":\"P5C8Q2UDYWLQ7HB4\","
		"\"provisioningTimestamp\":\"2026-11-23T12:00:00.773Z\",\"uniqueId\":\"%s\","
		"\"publicKeySet\":{\"keys\":[",
		id);
	put_slot(out, 0, &p);
	buffer_printf(out, ",\"x5c\":[\"%s\",\"%s\"]}", base64_encode(a, buffer_span(&leaf)),
		base64_encode(a, s->factory));
	for (unsigned slot = 1; slot < 5; slot++) {
		put_slot(out, slot, &others[slot - 1]);
		buffer_put_byte(out, '}');
	}
	buffer_put_text(out, "]}}");
	private_key_wipe(&key);
	buffer_wipe(&leaf);
}

static void
put_entry(struct manifest_set *s, unsigned number, const char *protected_header,
	const struct public_key others[4], FILE *out)
{
	struct arena *a = arena_new(1 << 20);
	uint8_t raw[SIGNATURE_RAW_LEN];
	struct buffer payload;
	char signature[96], *p;
	const char *message;

	buffer_init(&payload, 1 << 16);
	put_payload(s, a, number, others, &payload);
	p = base64url_encode(arena_alloc(a, payload.len * 2), buffer_span(&payload));
	message = arena_printf(a, "%s.%s", protected_header, p);
	must(private_key_sign_raw(&s->signer_key, span_text(message), raw, NULL), "an entry");
	base64url_encode(signature, SPAN_ARRAY(raw));
	fprintf(out,
		"  {\n    \"payload\": \"%s\",\n    \"protected\": \"%s\",\n    \"header\": {\n    "
		"  "
		"\"uniqueId\": \"0123%012x01\"\n    },\n    \"signature\": \"%s\"\n  }",
		p, protected_header, number, signature);
	buffer_wipe(&payload);
	arena_free(a);
}

void
set_write(struct manifest_set *s, const char *path, unsigned from, unsigned to)
{
	FILE *out = fopen(path, "w");
	struct public_key others[4];
	char kid[32], x5t[48], header[256], encoded[400];
	uint8_t spki[4][600];

	if (out == NULL) {
		perror(path);
		exit(2);
	}
	for (size_t i = 0; i < 4; i++) {
		struct private_key key;

		others[i] = make_key(&key, spki[i]);
		private_key_wipe(&key);
	}
	base64url_encode(kid, SPAN_ARRAY(s->pin.kid));
	base64url_encode(x5t, SPAN_ARRAY(s->pin.x5t_sha256));
	snprintf(header, sizeof(header),
		"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}", kid, x5t);
	base64url_encode(encoded, span_text(header));
	fputs("[\n", out);
	for (unsigned i = from; i < to; i++) {
		put_entry(s, i, encoded, others, out);
		fputs(i + 1 < to ? ",\n" : "\n", out);
	}
	fputs("]\n", out);
	if (fclose(out) != 0) {
		perror(path);
		exit(2);
	}
}
