#include "stand.h"

#include <stdio.h>

#include "../element/chip_model.h"
#include "base/json.h"
#include "lifecycle/enrol.h"
#include "lifecycle/retire.h"

/*
 * Enrolment with evidence, over EST against the real server: what an honest chip sends is taken, whatever an attacker
 * sends is refused with its reason, and leaves nothing behind.
 */

#define CHALLENGE_LEN 42

static struct stand s;
static struct chip chip, other;
static struct device device, other_device;

static void
require_level(enum attestation_level level)
{
	struct change *c = change_new(s.home.arena);
	struct diag d = { 0 };

	assert_int_equal(OK, read_fleet(s.home.reader, s.fleet.row, &s.fleet));
	s.fleet.required_level = level;
	change_fleet_set(c, &s.fleet);
	assert_ok(store_commit(s.home.store, c, NULL, &d), d);
}

/* A device with this chip; its birth identity's files are named `name`. */
static struct device
device_with(struct chip *c, const char *name, unsigned number, bool has_anchor)
{
	struct element *like = arena_alloc(s.home.arena, sizeof(*like));
	char serial[19];

	snprintf(serial, sizeof(serial), "0123%012x01", number);
	chip_open(c, serial);
	chip_make_key(c, 2);
	chip_make_key(c, 3);
	snprintf(like->model, sizeof(like->model), "ATECC608B");
	snprintf(like->part_number, sizeof(like->part_number), "ATECC608B-TFLXTLS");
	snprintf(like->profile, sizeof(like->profile), "trustflex-tls");
	if (has_anchor) {
		like->attestation = ATTESTATION_ATECC608;
		memcpy(like->attestation_key, c->points[1], 64);
	}
	s.home.like = like;
	return stand_device(&s, name, number, DEVICE_AWAITING_DEVICE);
}

static int
set_up(void **state)
{
	(void)state;
	stand_open(&s);
	require_level(LEVEL_ATTESTED);
	device = device_with(&chip, "birth", 1, true);
	other_device = device_with(&other, "other", 2, true);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	chip_close(&chip);
	chip_close(&other);
	stand_close(&s);
	return 0;
}

/* --- asking --- */

static struct seen
ask_challenge(const char *identity, const char *query)
{
	struct asked a = { .identity = identity };

	a.url = arena_printf(s.home.arena, "%s/device/v1/challenge%s", s.tls, query);
	return stand_ask(&s, &a);
}

static span
challenge_for(const char *identity, const char *purpose)
{
	struct seen r = ask_challenge(identity, arena_printf(s.home.arena, "?purpose=%s", purpose));
	uint8_t *bytes = arena_alloc(s.home.arena, 128);
	struct diag d = { 0 };
	cJSON *o = NULL;
	size_t len = 0;
	span text;

	assert_int_equal(200, r.status);
	assert_ok(json_parse(r.body, 1 << 12, &o, &d), d);
	assert_ok(json_get_text(o, "challenge", &text, &d), d);
	assert_int_equal(OK, base64url_decode(text, bytes, 128, &len));
	assert_int_equal(CHALLENGE_LEN, len);
	cJSON_Delete(o);
	return span_of(bytes, len);
}

static struct seen
post(const char *identity, const char *operation, span csr)
{
	struct asked a = { .identity = identity, .type = "application/pkcs10" };

	a.url = arena_printf(s.home.arena, "%s/.well-known/est/lamps/%s", s.tls, operation);
	a.body = stand_base64(&s, csr);
	return stand_ask(&s, &a);
}

static struct seen
enrol_with(span csr)
{
	return post("birth", "simpleenroll", csr);
}

static struct chip_attest
honest(unsigned slot)
{
	return chip_honest(&chip, slot, challenge_for("birth", "key"));
}

static span
request_by(unsigned slot, const struct chip_attest *how)
{
	return chip_request(s.home.arena, &chip, slot, chip_attest(s.home.arena, &chip, how));
}

static int64_t
certificates(void)
{
	struct certificate *list;
	size_t count;

	assert_int_equal(OK, list_certificates_of_device(s.home.reader, s.home.arena, device.row, 0,
				     LIST_PAGE_MAX, &list, &count));
	return (int64_t)count;
}

/* Refused with this status and kind; nothing was issued, nothing written. */
static void
refused(span csr, int http_status, const char *kind)
{
	int64_t before = certificates(), entries = home_ledger_size(&s.home);
	struct seen r = enrol_with(csr);
	const char *type = arena_printf(s.home.arena, "\"type\":\"/problems/%s\"", kind);

	if (r.status != http_status || !seen_says(&r, type)) {
		fail_msg("%d %s wanted, got %d %.*s", http_status, kind, r.status, (int)r.body.len,
			(const char *)r.body.data);
	}
	assert_string_equal("application/problem+json", seen_header(&s, &r, "Content-Type"));
	assert_int_equal(before, certificates());
	assert_int_equal(entries, home_ledger_size(&s.home));
}

static void
write_key(const char *name, const struct private_key *key)
{
	struct buffer pem;
	struct diag d = { 0 };

	buffer_init(&pem, 4096);
	assert_ok(private_key_write_plain(key, &pem, &d), d);
	home_write(&s.home, arena_printf(s.home.arena, "%s.key", name), buffer_span(&pem));
	buffer_wipe(&pem);
}

static struct certificate
stored(span der)
{
	struct certificate k;
	uint8_t fingerprint[32];

	certificate_fingerprint(der, fingerprint);
	assert_int_equal(
		OK, read_certificate_by_fingerprint(s.home.reader, s.home.arena, fingerprint, &k));
	return k;
}

/* --- the challenge --- */

static void
challenges(void **state)
{
	struct seen r = ask_challenge("birth", "?purpose=key");
	int64_t entries = home_ledger_size(&s.home);
	span one, two;

	(void)state;
	assert_int_equal(200, r.status);
	assert_string_equal("application/json", seen_header(&s, &r, "Content-Type"));
	assert_string_equal("no-store", seen_header(&s, &r, "Cache-Control"));
	assert_true(seen_says(&r, "\"purpose\":\"key\",\"expires\":\"20"));
	assert_true(seen_says(&r, "\"counts\":true"));
	one = challenge_for("birth", "key");
	two = challenge_for("birth", "key");
	assert_false(span_equal(one, two));
	assert_int_equal(entries, home_ledger_size(&s.home));
	assert_int_equal(400, ask_challenge("birth", "").status);
	assert_int_equal(400, ask_challenge("birth", "?purpose=").status);
	assert_int_equal(400, ask_challenge("birth", "?purpose=KEY").status);
	assert_int_equal(400, ask_challenge("birth", "?purpose=key&purpose=element").status);
	assert_int_equal(401, ask_challenge(NULL, "?purpose=key").status);
	(void)stand_device(&s, "held", 3, DEVICE_HELD);
	assert_int_equal(403, ask_challenge("held", "?purpose=key").status);
}

/* --- the element alone --- */

static struct seen
post_check(const char *identity, const char *type, const char *body)
{
	struct asked a = { .identity = identity, .type = type, .body = span_text(body) };

	a.url = arena_printf(s.home.arena, "%s/device/v1/element", s.tls);
	return stand_ask(&s, &a);
}

static const char *
check_body(const struct chip_attest *how)
{
	char point[129];

	return arena_printf(s.home.arena, "{\"evidence\":\"%s\",\"point\":\"%s\"}",
		base64_encode(s.home.arena, chip_attest(s.home.arena, &chip, how)),
		hex_encode(point, SPAN_ARRAY(chip.points[how->slot])));
}

static void
an_element_is_checked(void **state)
{
	static const char *const bad[] = { " ", "{}", "[]", "{\"evidence\":\"AA==\"}",
		"{\"evidence\":\"AA==\",\"point\":\"00\"}", "{\"evidence\":1,\"point\":\"\"}" };
	const char *json = "application/json";
	struct chip_attest how = chip_honest(&chip, 3, challenge_for("birth", "element"));
	const char *body = check_body(&how);
	int64_t before = certificates(), entries = home_ledger_size(&s.home);
	struct seen r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(400, post_check("birth", json, bad[i]).status);
	}
	assert_int_equal(415, post_check("birth", "text/plain", body).status);
	assert_int_equal(401, post_check(NULL, json, body).status);
	/* Another device's challenge: nobody speaks for another's element. */
	r = post_check("other", json, body);
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "/problems/attestation-challenge-foreign"));
	assert_int_equal(entries, home_ledger_size(&s.home));
	r = post_check("birth", json, body);
	assert_int_equal(200, r.status);
	assert_true(seen_says(&r, "{\"attestation\":\"attested\",\"slot\":3,\"slot_locked\":false,"
				  "\"sha256\":\""));
	assert_string_equal("no-store", seen_header(&s, &r, "Cache-Control"));
	assert_int_equal(entries + 1, home_ledger_size(&s.home));
	assert_int_equal(before, certificates());
	r = post_check("birth", json, body);
	assert_int_equal(409, r.status);
	assert_true(seen_says(&r, "/problems/attestation-replayed"));
	how = chip_honest(&chip, 3, challenge_for("birth", "key"));
	r = post_check("birth", json, check_body(&how));
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "/problems/attestation-challenge-purpose"));
}

/* --- the honest one --- */

static void
an_honest_chip(void **state)
{
	struct chip_attest how = honest(2);
	span csr = request_by(2, &how), der, again, evidence = { 0 };
	struct kept_evidence kept;
	struct certificate k;
	struct seen r = enrol_with(csr);
	char hex[65];
	uint8_t digest[32];
	struct csr read;
	span entry;

	(void)state;
	der = stand_keep_issued(&s, "first", &r);
	k = stored(der);
	/* openssl, too, sees a request that its own key signed. */
	home_write(&s.home, "attested.der", csr);
	assert_int_equal(0,
		home_run(&s.home, NULL,
			(const char *[]){ "openssl", "req", "-inform", "DER", "-in",
				home_path(&s.home, "attested.der"), "-verify", "-noout", NULL }));
	assert_int_equal(LEVEL_ATTESTED, k.level);
	assert_int_equal(2, k.slot);
	/* What it was issued on is kept, as it came, and its hash stands in the ledger. */
	assert_int_equal(OK, csr_read(csr, &read, NULL));
	evidence = csr_attribute(&read, OID_EVIDENCE);
	assert_int_equal(OK, read_evidence(s.home.reader, s.home.arena, k.row, &kept));
	assert_true(span_equal(evidence, kept.der));
	assert_int_equal(device.element, kept.element);
	assert_false(kept.slot_is_locked);
	sha256(evidence, digest);
	entry = home_ledger_last(&s.home);
	(void)hex_encode(hex, SPAN_ARRAY(digest));
	assert_non_null(memmem(entry.data, entry.len, hex, 64));
	assert_non_null(memmem(entry.data, entry.len, "\"level\":\"attested\"", 18));
	/* The reply was lost: the same again. Also once it is in use. */
	r = enrol_with(csr);
	again = stand_keep_issued(&s, "first", &r);
	assert_true(span_equal(der, again));
	assert_int_equal(2, certificates()); /* with the birth certificate */
	write_key("first", &chip.keys[2]);
	r = ask_challenge("first", "?purpose=element");
	assert_int_equal(200, r.status);
	assert_int_equal(CERTIFICATE_CURRENT, stored(der).status);
	r = post("first", "simplereenroll", csr);
	assert_int_equal(200, r.status);
	again = stand_keep_issued(&s, "first", &r);
	assert_true(span_equal(der, again));
}

static void
a_renewal_proves_too(void **state)
{
	struct chip_attest how = honest(2);
	struct seen r = enrol_with(request_by(2, &how));
	span first = stand_keep_issued(&s, "first", &r), second;
	span csr = request_by(2, &how);

	(void)state;
	write_key("first", &chip.keys[2]);
	r = post("first", "simplereenroll", chip_request(s.home.arena, &chip, 3, span_of(NULL, 0)));
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "/problems/attestation-required"));
	how = chip_honest(&chip, 3, challenge_for("first", "key"));
	how.is_locked = true; /* as it was locked in between */
	r = post("first", "simplereenroll", request_by(3, &how));
	second = stand_keep_issued(&s, "second", &r);
	write_key("second", &chip.keys[3]);
	assert_int_equal(200, ask_challenge("second", "?purpose=key").status);
	assert_int_equal(CERTIFICATE_SUPERSEDED, stored(first).status);
	assert_int_equal(3, stored(second).slot);
	{
		struct kept_evidence kept;

		assert_int_equal(
			OK, read_evidence(s.home.reader, s.home.arena, stored(second).row, &kept));
		assert_true(kept.slot_is_locked);
	}
	/* The first request again, now that its certificate is over: no lost reply any more. */
	r = post("second", "simplereenroll", csr);
	assert_int_equal(409, r.status);
	assert_true(seen_says(&r, "/problems/attestation-replayed"));
}

/* --- the attacker's --- */

static void
without_proof(void **state)
{
	struct chip software;
	struct chip_attest how;

	(void)state;
	chip_open(&software, chip.serial_text);
	chip_make_key(&software, 2);
	refused(chip_request(s.home.arena, &software, 2, span_of(NULL, 0)), 403,
		"attestation-required");
	how = chip_honest(&software, 2, challenge_for("birth", "key"));
	refused(chip_request(
			s.home.arena, &software, 2, chip_attest(s.home.arena, &software, &how)),
		400, "attestation-failed");
	/* Evidence that does not hold is refused also where none is needed. */
	require_level(LEVEL_NONE);
	refused(chip_request(
			s.home.arena, &software, 2, chip_attest(s.home.arena, &software, &how)),
		400, "attestation-failed");
	assert_int_equal(
		200, enrol_with(chip_request(s.home.arena, &software, 2, span_of(NULL, 0))).status);
	chip_close(&software);
}

static void
of_another_chip(void **state)
{
	struct chip_attest how = chip_honest(&other, 2, challenge_for("birth", "key"));

	(void)state;
	refused(chip_request(s.home.arena, &other, 2, chip_attest(s.home.arena, &other, &how)), 400,
		"attestation-failed");
	how = honest(2);
	how.signer = &other;
	refused(request_by(2, &how), 400, "attestation-failed");
}

static void
of_another_key(void **state)
{
	struct chip_attest how = honest(2);
	span csr;

	(void)state;
	refused(request_by(3, &how), 400, "attestation-failed");
	/* A request whose point is not on the curve does not come so far. */
	csr = arena_copy(s.home.arena, request_by(2, &how));
	{
		size_t at = span_find(csr, span_of(chip.points[2], 64));

		assert_true(at != SIZE_MAX);
		((uint8_t *)(uintptr_t)csr.data)[at + 63] ^= 1;
	}
	refused(csr, 400, "bad-input");
}

static void
by_tricks_of_the_chip(void **state)
{
	struct chip_attest how = honest(2);

	(void)state;
	how.genkey[0] = 0x08;
	refused(request_by(2, &how), 400, "attestation-old-key");
	how = honest(2);
	how.sign_mode = 0;
	refused(request_by(2, &how), 400, "attestation-short-serial");
	how = honest(3);
	how.claimed_slot = 2;
	refused(request_by(3, &how), 400, "attestation-other-slot");
	how = honest(0);
	refused(request_by(0, &how), 400, "attestation-malformed");
	chip_make_key(&chip, 13);
	how = honest(13);
	how.claimed_slot = 2;
	how.genkey[1] = 2;
	refused(request_by(13, &how), 400, "attestation-stored-key");
	chip.config[20 + 2 * 2 + 1] ^= 0x40; /* PrivWrite */
	how = honest(2);
	refused(request_by(2, &how), 400, "attestation-failed");
}

static void
of_bad_challenges(void **state)
{
	struct chip_attest how = honest(2);
	uint8_t changed[CHALLENGE_LEN];
	span csr;

	(void)state;
	how = chip_honest(&chip, 2, challenge_for("other", "key"));
	refused(request_by(2, &how), 403, "attestation-challenge-foreign");
	how = chip_honest(&chip, 2, challenge_for("birth", "element"));
	refused(request_by(2, &how), 403, "attestation-challenge-purpose");
	how = chip_honest(&chip, 2, span_slice(challenge_for("birth", "key"), 0, 41));
	refused(request_by(2, &how), 403, "attestation-challenge-foreign");
	for (size_t i = 0; i < CHALLENGE_LEN; i += 8) {
		memcpy(changed, challenge_for("birth", "key").data, CHALLENGE_LEN);
		changed[i] ^= 0x80;
		how = chip_honest(&chip, 2, SPAN_ARRAY(changed));
		refused(request_by(2, &how), 403, "attestation-challenge-foreign");
	}
	how = honest(2);
	how.num_in[0] ^= 1;
	refused(request_by(2, &how), 400, "attestation-failed");
	how = honest(2);
	csr = request_by(2, &how);
	stand_move(&s, 302);
	refused(csr, 403, "attestation-challenge-expired");
}

static void
replayed(void **state)
{
	struct chip_attest how = honest(2), again;
	span csr = request_by(2, &how);

	(void)state;
	assert_int_equal(200, enrol_with(csr).status);
	/* The same evidence in a request that was signed again, and over another key with its own signature. */
	refused(chip_request(s.home.arena, &chip, 2, chip_attest(s.home.arena, &chip, &how)), 409,
		"attestation-replayed");
	again = chip_honest(&chip, 3, how.challenge);
	refused(request_by(3, &again), 409, "attestation-replayed");
	/* A fresh proof by GenKey mode 0C of the same key cannot be; if it were, the key was seen before. */
	again = honest(2);
	refused(request_by(2, &again), 409, "exists");
	assert_int_equal(200, enrol_with(csr).status);
}

static void
without_an_anchor(void **state)
{
	struct chip bare;
	struct chip_attest how;
	struct seen r;

	(void)state;
	(void)device_with(&bare, "bare", 7, false);
	r = ask_challenge("bare", "?purpose=key");
	assert_true(seen_says(&r, "\"counts\":false"));
	how = chip_honest(&bare, 2, challenge_for("bare", "key"));
	r = post("bare", "simpleenroll",
		chip_request(s.home.arena, &bare, 2, chip_attest(s.home.arena, &bare, &how)));
	assert_int_equal(403, r.status);
	assert_true(seen_says(&r, "/problems/attestation-impossible"));
	assert_true(seen_says(&r, "TrustMANAGER"));
	chip_close(&bare);
}

/* --- malformed --- */

static span
wrap(uint8_t tag, span content)
{
	uint8_t *room = arena_alloc(s.home.arena, content.len + 8);
	struct der_writer w;
	struct diag d = { 0 };
	span out;

	der_writer_init(&w, room, content.len + 8);
	der_put(&w, tag, content);
	assert_ok(der_writer_finish(&w, &out, &d), d);
	return out;
}

static span
join(span first, span second)
{
	uint8_t *both = arena_alloc(s.home.arena, first.len + second.len);

	memcpy(both, first.data, first.len);
	memcpy(both + first.len, second.data, second.len);
	return span_of(both, first.len + second.len);
}

/* A request with these attributes, as they stand; signed by the key of slot 2. */
static span
request_of_attributes(span attributes)
{
	uint8_t spki[SPKI_P256_LEN], signature[SIGNATURE_MAX_LEN];
	const span version = span_of("\x02\x01\x00\x30\x00", 5);
	const span algorithm = span_of("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	struct diag d = { 0 };
	size_t len;
	span info, bits;

	spki_of_point(chip.points[2], spki);
	info = wrap(0x30, join(join(version, SPAN_ARRAY(spki)), wrap(0xa0, attributes)));
	assert_ok(private_key_sign(&chip.keys[2], info, signature, &len, &d), d);
	bits = wrap(0x03, join(span_of("", 1), span_of(signature, len)));
	return wrap(0x30, join(join(info, algorithm), bits));
}

static span
attribute(span values)
{
	return wrap(0x30, join(wrap(0x06, oid(OID_EVIDENCE)), wrap(0x31, values)));
}

static span
content_of(span der, uint8_t tag)
{
	struct der_cursor c = der_cursor_of(der, "", NULL);
	span content;

	assert_int_equal(OK, der_read(&c, tag, "", &content));
	return content;
}

static void
malformed(void **state)
{
	struct chip_attest how = honest(2);
	span good = chip_attest(s.home.arena, &chip, &how), deep = span_of("\x05\x00", 2);
	span statements = content_of(content_of(good, 0x30), 0x30);
	uint8_t *much = arena_alloc(s.home.arena, 1 << 20);
	struct seen r;

	(void)state;
	/* Two: as attributes, as values of one, as statements. */
	refused(request_of_attributes(join(attribute(good), attribute(good))), 400, "bad-input");
	refused(request_of_attributes(attribute(join(good, good))), 400, "bad-input");
	refused(request_of_attributes(
			attribute(wrap(0x30, wrap(0x30, join(statements, statements))))),
		400, "attestation-malformed");
	/* Nothing, something else, something more. */
	refused(request_of_attributes(attribute(span_of(NULL, 0))), 400, "bad-input");
	refused(request_of_attributes(attribute(span_of("\x05\x00", 2))), 400,
		"attestation-malformed");
	refused(request_of_attributes(attribute(join(good, span_of("\x05\x00", 2)))), 400,
		"bad-input");
	refused(request_of_attributes(attribute(
			wrap(0x30, join(content_of(good, 0x30), span_of("\x05\x00", 2))))),
		400, "attestation-malformed");
	for (int i = 0; i < 30; i++) {
		deep = wrap(0x30, deep);
	}
	refused(request_of_attributes(attribute(deep)), 413, "limit");
	memset(much, 0x41, 1 << 20);
	refused(request_of_attributes(attribute(wrap(0x04, span_of(much, 5000)))), 413,
		"attestation-malformed");
	r = enrol_with(span_of(much, 1 << 20));
	assert_int_equal(413, r.status);
	/* And nothing of it spoilt the challenge. */
	assert_int_equal(200, enrol_with(request_of_attributes(attribute(good))).status);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(challenges),
		TEST(an_element_is_checked),
		TEST(an_honest_chip),
		TEST(a_renewal_proves_too),
		TEST(without_proof),
		TEST(of_another_chip),
		TEST(of_another_key),
		TEST(by_tricks_of_the_chip),
		TEST(of_bad_challenges),
		TEST(replayed),
		TEST(without_an_anchor),
		TEST(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
