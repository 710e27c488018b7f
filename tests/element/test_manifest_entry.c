#include "forge.h"

#include <stdio.h>
#include <stdlib.h>

static struct forge f;
static const char *payload, *protected_header, *entry;

static int
set_up(void **state)
{
	(void)state;
	forge_open(&f);
	payload = forge_payload(&f, f.slots[0].der, f.factory.der);
	protected_header = forge_protected(&f);
	entry = forge_entry(&f, payload, protected_header);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	forge_close(&f);
	return 0;
}

/* The verdict alone, and once more with a cache that has seen the good entry: it must be the same. */
static status
verify(span json, struct manifest_entry *out, struct diag *d)
{
	struct manifest_cache *cache;
	struct diag with = { 0 };
	status s;

	diag_clear(d);
	assert_int_equal(OK, manifest_cache_new(&cache));
	assert_int_equal(
		OK, manifest_entry_verify(f.arena, span_text(entry), &f.trust, cache, out, NULL));
	s = manifest_entry_verify(f.arena, json, &f.trust, cache, out, &with);
	assert_int_equal(s, manifest_entry_verify(f.arena, json, &f.trust, NULL, out, d));
	if (s == OK || with.status != s || d->status != s) {
		assert_int_equal(OK, s);
	}
	manifest_cache_free(cache);
	return s;
}

static void
expect(const char *json, status expected, const char *words)
{
	struct manifest_entry out;
	struct diag d;
	status s = verify(span_text(json), &out, &d);

	if (s != expected || (words != NULL && strstr(d.text, words) == NULL)) {
		fail_msg("expected %s \"%s\", got %s \"%s\"", status_name(expected), words,
			status_name(s), d.text);
	}
}

struct change_row {
	const char *from, *to;
	status expected;
	const char *words;
};

/* --- what is good --- */

static void
a_good_entry_is_read(void **state)
{
	struct manifest_entry e;
	struct diag d;
	uint8_t hash[32];

	(void)state;
	assert_ok(verify(span_text(entry), &e, &d), d);
	assert_string_equal(FORGE_SERIAL, e.unique_id);
	assert_string_equal("ATECC608B", e.model);
	assert_string_equal("ATECC608B-TFLXTLS", e.part_number);
	assert_int_equal(1, e.version);
	assert_int_equal(MANIFEST_FULL, e.content);
	assert_int_equal(TEST_TIME_S, e.provisioned_s);
	assert_int_equal(5, e.key_count);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(i, e.keys[i].slot);
		assert_memory_equal(f.slots[i].public_key.point, e.keys[i].point, 64);
	}
	assert_true(e.has_attestation_key);
	assert_memory_equal(f.slots[1].public_key.point, e.attestation_key, 64);
	assert_true(span_equal(f.slots[0].der, e.leaf));
	assert_int_equal(0, e.leaf_slot);
	assert_int_equal(1, e.issuer_count);
	assert_true(span_equal(f.factory.der, e.issuers[0]));
	sha256(span_text(payload), hash);
	assert_memory_equal(hash, e.payload_hash, 32);
	assert_ptr_equal(&f.pin, e.pin);
}

static void
what_the_vendor_varies_is_taken(void **state)
{
	static const struct change_row rows[] = {
		{ "\"version\":1", "\"version\":3", OK, NULL },
		{ "\"version\":1", " \"version\" : 1 ", OK, NULL },
		{ "distributor", "distributer", OK, NULL },
		{ "\"version\":1", "\"version\":1,\"groupId\":\"P5C8Q2UDYWLQ7HB4\"", OK, NULL },
		{ "\"version\":1", "\"version\":1,\"encryptedSecretKeySet\":{\"keys\":[]}", OK,
			NULL },
		{ "\"version\":1",
			"\"version\":1,\"modelInfo\":{\"deviceRevision\":\"00006003\"},\"x\":[1,-2."
			"5e3,"
			"true,false,null,{}]",
			OK, NULL },
		{ ".250Z", "Z", OK, NULL },
		{ "\"model\":\"ATECC608B\"", "\"model\":\"TA100\"", OK, NULL },
		{ "ATECC608B-TFLXTLS", "\\u0041\\/\\u00e9", OK, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(forge_entry(&f, forge_replace(&f, payload, rows[i].from, rows[i].to),
			       protected_header),
			OK, NULL);
	}
	/* The header's order and white space are the writer's own. */
	expect(forge_entry(
		       &f, payload, forge_replace(&f, protected_header, "\"typ\":\"JWT\",", "")),
		OK, NULL);
	expect(forge_entry(&f, payload, forge_replace(&f, protected_header, "JWT", "JOSE")), OK,
		NULL);
	expect(forge_replace(&f, entry, "\"payload\":", " \n\t\"payload\" : "), OK, NULL);
	/* Slashes are often escaped, in base64 too. */
	expect(forge_entry(&f, forge_replace(&f, payload, "/", "\\/"), protected_header), OK, NULL);
}

static void
identity_only_entries_are_marked(void **state)
{
	char *cut = arena_string(f.arena, span_text(payload)), *at;
	struct manifest_entry e;
	struct diag d;

	(void)state;
	at = strstr(cut, ",\"publicKeySet\"");
	assert_non_null(at);
	at[0] = '}';
	at[1] = '\0';
	cut = arena_string(
		f.arena, span_text(forge_replace(&f, cut, "\"version\":1", "\"version\":2")));
	assert_ok(verify(span_text(forge_entry(&f, cut, protected_header)), &e, &d), d);
	assert_int_equal(MANIFEST_IDENTITY_ONLY, e.content);
	assert_int_equal(0, e.key_count);
	assert_int_equal(0, e.leaf.len);
	/* Version 1 without keys is nothing. */
	expect(forge_entry(&f, forge_replace(&f, cut, "\"version\":2", "\"version\":1"),
		       protected_header),
		BAD_INPUT, "needs a publicKeySet");
}

/* --- what was signed, and is wrong --- */

static const struct change_row nonsense[] = {
	{ "\"version\":1", "\"version\":0", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":4", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":1.0", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":1e0", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":-1", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":\"1\"", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":null", BAD_INPUT, "version" },
	{ "\"version\":1,", "", BAD_INPUT, "version" },
	{ "\"version\":1", "\"version\":2", BAD_INPUT, "publicKeySet" },
	{ "\"version\":1", "\"version\":1,\"version\":1", BAD_INPUT, "twice" },
	{ "\"version\":1", "\"version\":01", BAD_INPUT, NULL },
	{ "\"version\":1", "version:1", BAD_INPUT, NULL },
	{ "\"version\":1", "\"vers\\u0069on\":1", BAD_INPUT, "escape" },
	{ "\"version\":1", "\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]],\"version\":1", BAD_INPUT,
		"nested" },
	{ "\"version\":1", "\"a\":\"\\u0000\",\"version\":1", BAD_INPUT, "NUL" },
	{ "\"version\":1", "\"a\":\"\\ud800\",\"version\":1", BAD_INPUT, NULL },
	{ "\"version\":1", "\"a\":\"\xc0\x80\",\"version\":1", BAD_INPUT, "UTF-8" },
	{ "\"version\":1", "\"a\":\"\n\",\"version\":1", BAD_INPUT, "control" },
	{ "\"model\":\"ATECC608B\"", "\"model\":\"\"", BAD_INPUT, "model" },
	{ "\"model\":\"ATECC608B\"", "\"model\":7", BAD_INPUT, "model" },
	{ "\"model\":\"ATECC608B\"", "\"model\":\"\\u202e\"", BAD_INPUT, "model" },
	{ "\"model\":\"ATECC608B\",", "", BAD_INPUT, "model" },
	{ "ATECC608B-TFLXTLS", "0123456789012345678901234567890123456789012345678901234567890123",
		BAD_INPUT, "partNumber" },
	{ "\"manufacturer\":{\"organizationName\":\"Test\"}", "\"manufacturer\":\"Test\"",
		BAD_INPUT, "manufacturer" },
	{ "2026-11-23T12:00:00.250Z", "2026-11-23T12:00:00", BAD_INPUT, "provisioningTimestamp" },
	{ "2026-11-23T12:00:00.250Z", "2026-11-23T12:00:00+01:00", BAD_INPUT,
		"provisioningTimestamp" },
	{ "2026-11-23T12:00:00.250Z", "2026-02-30T12:00:00Z", BAD_INPUT, "provisioningTimestamp" },
	{ "2026-11-23T12:00:00.250Z", "2026-11-20T12:00:00Z", DENIED, "not valid" },
	{ "2026-11-23T12:00:00.250Z", "2099-11-20T12:00:00Z", DENIED, "not valid" },
	{ FORGE_SERIAL, "0123a1b2c3d4e5f602", BAD_INPUT, "not the one that was signed" },
	{ FORGE_SERIAL, "0123A1B2C3D4E5F601", BAD_INPUT, "lower-case" },
	{ FORGE_SERIAL, "0123a1b2c3d4e5f6", BAD_INPUT, "serial" },
	{ FORGE_SERIAL, "ff23a1b2c3d4e5f601", BAD_INPUT, "serial" },
	{ FORGE_SERIAL, "", BAD_INPUT, "serial" },
	{ "\"kid\":\"0\"", "\"kid\":0", BAD_INPUT, "kid" },
	{ "\"kid\":\"0\"", "\"kid\":\"16\"", BAD_INPUT, "slot" },
	{ "\"kid\":\"0\"", "\"kid\":\"00\"", BAD_INPUT, "slot" },
	{ "\"kid\":\"0\"", "\"kid\":\"-1\"", BAD_INPUT, "slot" },
	{ "\"kid\":\"0\"", "\"kid\":\"\"", BAD_INPUT, "slot" },
	{ "\"kid\":\"4\"", "\"kid\":\"3\"", BAD_INPUT, "twice" },
	{ "\"kty\":\"EC\"", "\"kty\":\"RSA\"", BAD_INPUT, "P-256" },
	{ "\"crv\":\"P-256\"", "\"crv\":\"P-384\"", BAD_INPUT, "P-256" },
	{ "\"crv\":\"P-256\",", "", BAD_INPUT, "crv" },
	{ "\"x\":\"", "\"x\":\"A", BAD_INPUT, "x" },
	{ "\"y\":\"", "\"y\":\"=", BAD_INPUT, "y" },
	{ "\"y\":", "\"d\":\"AA\",\"y\":", BAD_INPUT, "private key" },
	{ "\"x5c\":[", "\"x5c\":[\"\",", BAD_INPUT, "x5c" },
	{ "\"x5c\":[", "\"x5c\":[1,", BAD_INPUT, "x5c" },
	{ "\"x5c\":[\"", "\"x5c\":[\" ", BAD_INPUT, "x5c" },
	{ "\"x5c\":[\"", "\"x5c\":[\"-", BAD_INPUT, "x5c" },
	{ "\"x5c\":[\"M", "\"x5c\":[\"N", BAD_INPUT, NULL },
	{ "\"x5c\":[", "\"x5c\":[\"AAAA\",", BAD_INPUT, NULL },
	{ "\"x5c\":[", "\"x5c\":[],\"y5c\":[", BAD_INPUT, "empty" },
	{ "\"x5c\":", "\"x5c\":[\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\",\"AAAA\"],\"y5c\":", LIMIT,
		"x5c" },
	{ "\"keys\":[", "\"keys\":[7,", BAD_INPUT, "object" },
	{ "\"keys\":[", "\"keys\":[],\"more\":[", BAD_INPUT, "no key" },
	{ "\"publicKeySet\":{", "\"publicKeySet\":{},\"x\":{", BAD_INPUT, "keys" },
	{ "\"publicKeySet\":{", "\"publicKeySet\":[],\"x\":{", BAD_INPUT, "publicKeySet" },
};

static void
signed_nonsense_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		expect(forge_entry(&f, forge_replace(&f, payload, nonsense[i].from, nonsense[i].to),
			       protected_header),
			nonsense[i].expected, nonsense[i].words);
	}
	expect(forge_entry(&f, "", protected_header), BAD_INPUT, NULL);
	expect(forge_entry(&f, "[]", protected_header), BAD_INPUT, "object");
	expect(forge_entry(&f, arena_printf(f.arena, "%s x", payload), protected_header), BAD_INPUT,
		"behind");
}

static void
points_off_the_curve_are_refused(void **state)
{
	struct public_key *k = &f.slots[3].public_key;

	(void)state;
	k->point[40] ^= 1;
	expect(forge_entry(&f, forge_payload(&f, f.slots[0].der, f.factory.der), protected_header),
		BAD_INPUT, "P-256");
	k->point[40] ^= 1;
}

static void
the_protected_header_names_key_and_algorithm(void **state)
{
	static const struct change_row rows[] = {
		{ "ES256", "none", BAD_INPUT, "ES256" },
		{ "ES256", "es256", BAD_INPUT, "ES256" },
		{ "ES256", "ES384", BAD_INPUT, "ES256" },
		{ "ES256", "RS256", BAD_INPUT, "ES256" },
		{ "ES256", "HS256", BAD_INPUT, "ES256" },
		{ "\"alg\":\"ES256\"", "\"alg\":[\"ES256\"]", BAD_INPUT, "alg" },
		{ "\"alg\":\"ES256\",", "", BAD_INPUT, "alg" },
		{ "\"alg\":\"ES256\"", "\"alg\":\"ES256\",\"alg\":\"none\"", BAD_INPUT, "twice" },
		{ "\"kid\":", "\"kidd\":", BAD_INPUT, "kid" },
		{ "x5t#S256", "x5t", BAD_INPUT, "x5t#S256" },
		{ "\"kid\":\"", "\"kid\":\"A", BAD_INPUT, "kid" },
		{ "\"x5t#S256\":\"", "\"x5t#S256\":\"A", BAD_INPUT, "x5t" },
		{ "\"typ\":\"JWT\"", "\"crit\":[\"exp\"]", BAD_INPUT, "understood" },
		{ "\"typ\":\"JWT\"", "\"b64\":false", BAD_INPUT, "understood" },
		{ "{", "[", BAD_INPUT, NULL },
	};
	struct forge other;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(forge_entry(&f, payload,
			       forge_replace(&f, protected_header, rows[i].from, rows[i].to)),
			rows[i].expected, rows[i].words);
	}
	expect(forge_entry(&f, payload, ""), BAD_INPUT, NULL);
	/* Another signer of ours, of whom nobody has heard; and its name with our fingerprint. */
	forge_open(&other);
	expect(forge_entry(&other, payload, forge_protected(&other)), NOT_FOUND,
		"no pinned signer");
	memcpy(other.pin.x5t_sha256, f.pin.x5t_sha256, 32);
	expect(forge_entry(&other, payload, forge_protected(&other)), NOT_FOUND,
		"no pinned signer");
	memcpy(other.pin.kid, f.pin.kid, 20);
	expect(forge_entry(&other, payload, forge_protected(&other)), CRYPTO, "signature");
	other.pin.x5t_sha256[0] ^= 1;
	expect(forge_entry(&other, payload, forge_protected(&other)), NOT_FOUND,
		"another certificate");
	forge_close(&other);
}

static void
the_chip_makers_signers_are_named(void **state)
{
	size_t count;
	const struct manifest_vendor_pin *v = manifest_vendor_pins(&count);
	struct manifest_pin pin = f.pin;

	(void)state;
	assert_int_equal(5, count);
	memcpy(f.pin.kid, v[3].kid, 20);
	const char *foreign = forge_protected(&f);
	f.pin = pin;
	expect(forge_entry(&f, payload, foreign), NOT_FOUND, "Log Signer 004");
}

/* --- what was changed after it was signed --- */

static void
tampering_is_seen(void **state)
{
	static const struct change_row rows[] = {
		{ "\"payload\":\"eyJ", "\"payload\":\"eyI", CRYPTO, "signature" },
		{ "\"payload\":\"eyJ", "\"payload\":\"", CRYPTO, "signature" },
		{ "\"protected\":\"eyJ", "\"protected\":\" eyJ", BAD_INPUT, "protected" },
		{ "\"signature\":\"", "\"signature\":\"A", BAD_INPUT, "64 bytes" },
		{ "\"signature\":\"", "\"signature\":\"AAAA", BAD_INPUT, "64 bytes" },
		{ "\"signature\":\"", "\"signature\":\"\",\"s\":\"", BAD_INPUT, "no place" },
		{ "\"signature\":", "\"signatures\":", BAD_INPUT, NULL },
		{ "\"signature\":", "\"signature\":1,\"signature\":", BAD_INPUT, "twice" },
		{ "\"payload\":", "\"payload\":\"e30\",\"payload\":", BAD_INPUT, "twice" },
		{ "\"payload\":", "\"x\":1,\"payload\":", BAD_INPUT, "no place" },
		{ "\"payload\":\"", "\"payload\":\"=", CRYPTO, NULL },
		{ "\"header\":{", "\"header\":{\"alg\":\"none\",", BAD_INPUT, "no place" },
		{ "\"header\":{", "\"header\":{},\"h\":{", BAD_INPUT, NULL },
		{ "{\"uniqueId\":\"" FORGE_SERIAL "\"}", "{}", BAD_INPUT, "uniqueId" },
		{ "{\"uniqueId\":\"" FORGE_SERIAL "\"}", "\"" FORGE_SERIAL "\"", BAD_INPUT,
			"header" },
		{ FORGE_SERIAL, "0123a1b2c3d4e5f602", BAD_INPUT, "not the one that was signed" },
		{ "{\"payload\":", "[{\"payload\":", BAD_INPUT, NULL },
		{ "{\"payload\":", "\xef\xbb\xbf{\"payload\":", BAD_INPUT, NULL },
		{ "{\"payload\":", "\"payload\":", BAD_INPUT, NULL },
	};
	char *cut = arena_string(f.arena, span_text(entry));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(forge_replace(&f, entry, rows[i].from, rows[i].to), rows[i].expected,
			rows[i].words);
	}
	/* Every cut, and every byte behind. */
	for (size_t n = strlen(entry); n > 0; n -= n > 200 ? 97 : 1) {
		cut[n - 1] = '\0';
		expect(cut, BAD_INPUT, NULL);
	}
	expect(arena_printf(f.arena, "%s,", entry), BAD_INPUT, NULL);
	/* Each letter of the signature counts. */
	for (size_t i = 0; i < 85; i++) {
		char *changed = arena_string(f.arena, span_text(entry));
		char *c = strstr(changed, "\"signature\":\"") + 13 + i;

		*c = *c == 'A' ? 'B' : 'A';
		expect(changed, CRYPTO, NULL);
	}
}

static void
parts_of_two_entries_do_not_mix(void **state)
{
	const char *second = forge_entry(
		&f, forge_replace(&f, payload, "ATECC608B-", "ATECC608X-"), protected_header);
	const char *mark = strstr(entry, "\"protected\"");
	const char *tail = strstr(second, "\"protected\"");
	char zero[87] = "";

	(void)state;
	expect(second, OK, NULL);
	expect(arena_printf(f.arena, "%.*s%s", (int)(mark - entry), entry, tail), CRYPTO, NULL);
	/* r and s are 0. */
	mark = strstr(entry, "\"signature\":\"") + 13;
	memset(zero, 'A', sizeof(zero) - 1);
	expect(arena_printf(f.arena, "%.*s%s\"}", (int)(mark - entry), entry, zero), CRYPTO, NULL);
}

static void
large_and_deep_ones_are_limited(void **state)
{
	char *big = arena_alloc(f.arena, MANIFEST_ENTRY_MAX + 10);
	struct buffer many;

	(void)state;
	memset(big, ' ', MANIFEST_ENTRY_MAX + 1);
	expect(big, LIMIT, "over");
	memset(big, '[', MANIFEST_ENTRY_MAX);
	big[MANIFEST_ENTRY_MAX] = '\0';
	expect(big, BAD_INPUT, "nested");
	/* Members are compared pairwise: so many of them are not looked at. */
	buffer_init(&many, 1 << 20);
	buffer_put_byte(&many, '{');
	for (int i = 0; i < 6000; i++) {
		buffer_printf(&many, "\"%d\":0,", i);
	}
	buffer_put_text(&many, "\"x\":0}");
	buffer_put_byte(&many, 0);
	expect((const char *)many.data, LIMIT, "members");
	buffer_wipe(&many);
}

/* --- trust --- */

static void
with_trust(struct manifest_trust t, status expected, const char *words)
{
	struct manifest_entry e;
	struct diag d = { 0 };
	status s = manifest_entry_verify(f.arena, span_text(entry), &t, NULL, &e, &d);

	if (s != expected || strstr(d.text, words) == NULL) {
		fail_msg("expected %s \"%s\", got %s \"%s\"", status_name(expected), words,
			status_name(s), d.text);
	}
}

static void
who_is_trusted(void **state)
{
	struct manifest_trust t = f.trust;
	struct manifest_pin pins[2] = { f.pin, f.pin };
	struct trust_set *roots;
	struct diag d = { 0 };
	struct forged other;

	(void)state;
	t.pin_count = 0;
	with_trust(t, NOT_FOUND, "no pinned signer");
	t = f.trust;
	t.roots = NULL;
	with_trust(t, CRYPTO, "no root");
	/* The second of two with one key id. */
	pins[0].x5t_sha256[3] ^= 1;
	t = f.trust;
	t.pins = pins;
	t.pin_count = 2;
	with_trust(t, OK, "");
	/* Validity ends the second after. */
	pins[1].not_after_s = TEST_TIME_S;
	with_trust(t, OK, "");
	pins[1].not_after_s = TEST_TIME_S - 1;
	with_trust(t, DENIED, "not valid");
	pins[1] = f.pin;
	pins[1].not_before_s = TEST_TIME_S + 1;
	with_trust(t, DENIED, "not valid");
	/* Another root of the same name. */
	forge_key(&other);
	forge_certificate(&f, &other, "root", "Root", NULL);
	assert_ok(trust_set_new(&other.der, 1, false, &roots, &d), d);
	t = f.trust;
	t.roots = roots;
	with_trust(t, CRYPTO, "chain");
	trust_set_free(roots);
	private_key_wipe(&other.key);
}

static void
certificates_bind_key_and_element(void **state)
{
	struct forged leaf, imposter, sub;
	const char *good = payload;

	(void)state;
	/* Of another element, by the same factory. */
	leaf = f.slots[0];
	forge_certificate(&f, &leaf, "birth", "sn0123A1B2C3D4E5F602", &f.factory);
	expect(forge_entry(&f, forge_payload(&f, leaf.der, f.factory.der), protected_header),
		CRYPTO, "another element");
	f.trust.wants_serial_name = false;
	expect(forge_entry(&f, forge_payload(&f, leaf.der, f.factory.der), protected_header), OK,
		NULL);
	f.trust.wants_serial_name = true;
	/* Of another key. */
	leaf = f.slots[2];
	forge_certificate(&f, &leaf, "birth", "sn0123A1B2C3D4E5F601", &f.factory);
	expect(forge_entry(&f, forge_payload(&f, leaf.der, f.factory.der), protected_header),
		CRYPTO, "not the slot's");
	/* Without its issuer, in the wrong order, twice the issuer. */
	expect(forge_entry(&f, forge_payload(&f, f.slots[0].der, f.slots[0].der), protected_header),
		CRYPTO, "chain");
	expect(forge_entry(&f, forge_payload(&f, f.factory.der, f.slots[0].der), protected_header),
		CRYPTO, "CA");
	/* By a CA that calls itself the factory. */
	forge_key(&imposter);
	forge_certificate(&f, &imposter, "root", "Factory", NULL);
	leaf = f.slots[0];
	forge_certificate(&f, &leaf, "birth", "sn0123A1B2C3D4E5F601", &imposter);
	expect(forge_entry(&f, forge_payload(&f, leaf.der, imposter.der), protected_header), CRYPTO,
		"chain");
	expect(forge_entry(&f, forge_payload(&f, leaf.der, f.factory.der), protected_header),
		CRYPTO, NULL);
	/* By an element's own certificate. */
	sub = f.slots[0];
	leaf = f.slots[0];
	forge_certificate(&f, &leaf, "birth", "sn0123A1B2C3D4E5F601", &sub);
	expect(forge_entry(&f, forge_payload(&f, leaf.der, sub.der), protected_header), CRYPTO,
		"chain");
	private_key_wipe(&imposter.key);
	expect(forge_entry(&f, good, protected_header), OK, NULL);
}

/* Two entries one after the other on one cache; the second one's verdict. */
static status
second(const char *first, const char *next, status expected_first, struct diag *d)
{
	struct manifest_cache *cache;
	struct manifest_entry e;
	status s;

	diag_clear(d);
	assert_int_equal(OK, manifest_cache_new(&cache));
	assert_int_equal(expected_first,
		manifest_entry_verify(f.arena, span_text(first), &f.trust, cache, &e, NULL));
	s = manifest_entry_verify(f.arena, span_text(next), &f.trust, cache, &e, d);
	manifest_cache_free(cache);
	return s;
}

/*
 * A good leaf straight under the root, with a stranger's CA beside it, must not make that CA known: the next leaf is
 * the stranger's.
 */
static void
the_cache_learns_only_what_was_judged(void **state)
{
	struct forged stranger, direct = f.slots[0], theirs = f.slots[0];
	const char *first, *next;
	struct diag d;

	(void)state;
	forge_key(&stranger);
	forge_certificate(&f, &stranger, "root", "Stranger", NULL);
	forge_certificate(&f, &direct, "birth", "sn0123A1B2C3D4E5F601", &f.root);
	forge_certificate(&f, &theirs, "birth", "sn0123A1B2C3D4E5F601", &stranger);
	first = forge_entry(&f, forge_payload(&f, direct.der, stranger.der), protected_header);
	next = forge_entry(&f, forge_payload(&f, theirs.der, stranger.der), protected_header);
	assert_int_equal(CRYPTO, second(first, next, OK, &d));
	/* Nor does a refused one. */
	assert_int_equal(CRYPTO, second(next, next, CRYPTO, &d));
	assert_ok(second(next, entry, CRYPTO, &d), d);
	private_key_wipe(&stranger.key);
}

static void
the_cache_holds_a_leaf_to_its_time(void **state)
{
	/* Signer and issuers are good for 20 years from the day before. */
	const char *late = forge_entry(&f,
		forge_replace(&f, payload, "2026-11-23T12:00:00.250Z", "2046-11-22T11:59:59Z"),
		protected_header);
	const char *later = forge_entry(&f,
		forge_replace(&f, payload, "2026-11-23T12:00:00.250Z", "2046-11-22T12:00:01Z"),
		protected_header);
	struct manifest_pin pin = f.pin;
	struct diag d;

	(void)state;
	f.pin.not_after_s += 86400 * INT64_C(3650);
	f.pin.not_before_s -= 86400 * INT64_C(3650);
	assert_ok(second(entry, late, OK, &d), d);
	assert_int_equal(CRYPTO, second(entry, later, OK, &d));
	assert_int_equal(CRYPTO,
		second(entry,
			forge_entry(&f,
				forge_replace(&f, payload, "2026-11-23T12", "2026-11-21T12"),
				protected_header),
			OK, &d));
	f.pin = pin;
}

/* --- pins --- */

static void
pins_are_self_signed_p256_certificates(void **state)
{
	struct manifest_pin pin;
	struct diag d = { 0 };
	uint8_t *broken = arena_alloc(f.arena, f.signer.der.len);

	(void)state;
	assert_false(f.pin.is_vendor);
	assert_int_equal(BAD_INPUT, manifest_pin_read(span_text("hello"), &pin, &d));
	assert_int_equal(BAD_INPUT, manifest_pin_read(span_of(NULL, 0), &pin, NULL));
	assert_int_equal(CRYPTO, manifest_pin_read(f.factory.der, &pin, NULL));
	memcpy(broken, f.signer.der.data, f.signer.der.len);
	broken[f.signer.der.len - 4] ^= 1;
	assert_int_equal(CRYPTO, manifest_pin_read(span_of(broken, f.signer.der.len), &pin, NULL));
	assert_int_equal(
		BAD_INPUT, manifest_pin_read(span_text("-----BEGIN CERTIFICATE-----\nAAAA\n"
						       "-----END CERTIFICATE-----\n"),
				   &pin, NULL));
	assert_false(manifest_root_is_vendor(f.root.der));
}

static void
labels_are_letters_only(void **state)
{
	static const struct {
		const char *text, *label;
	} rows[] = {
		{ "", "" },
		{ "{", "" },
		{ "{\"header\":{\"uniqueId\":\"0123ab\"}}", "0123ab" },
		{ "{\"header\":{\"uniqueId\" : \"0123ab", "0123ab" },
		{ "{\"uniqueId\":\"01<script>", "01" },
		{ "{\"uniqueId\":7}", "" },
		{ "\"uniqueId\"", "" },
		{ "\"uniqueId\":\"", "" },
	};
	char label[ELEMENT_SERIAL_MAX + 1], *many;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		manifest_entry_label(span_text(rows[i].text), label);
		assert_string_equal(rows[i].label, label);
	}
	many = arena_printf(f.arena, "\"uniqueId\":\"%0200d\"", 0);
	manifest_entry_label(span_text(many), label);
	assert_int_equal(ELEMENT_SERIAL_MAX, strlen(label));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_entry_is_read),
		cmocka_unit_test(what_the_vendor_varies_is_taken),
		cmocka_unit_test(identity_only_entries_are_marked),
		cmocka_unit_test(signed_nonsense_is_refused),
		cmocka_unit_test(points_off_the_curve_are_refused),
		cmocka_unit_test(the_protected_header_names_key_and_algorithm),
		cmocka_unit_test(the_chip_makers_signers_are_named),
		cmocka_unit_test(tampering_is_seen),
		cmocka_unit_test(parts_of_two_entries_do_not_mix),
		cmocka_unit_test(large_and_deep_ones_are_limited),
		cmocka_unit_test(who_is_trusted),
		cmocka_unit_test(certificates_bind_key_and_element),
		cmocka_unit_test(the_cache_learns_only_what_was_judged),
		cmocka_unit_test(the_cache_holds_a_leaf_to_its_time),
		cmocka_unit_test(pins_are_self_signed_p256_certificates),
		cmocka_unit_test(labels_are_letters_only),
	};

	return cmocka_run_group_tests_name("manifest entries", tests, set_up, tear_down);
}
