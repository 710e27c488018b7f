/* The attestation's path: Nonce, GenKey 0C, Sign internal, recomputed here from the layouts, and held against the vector. */
#include <stdio.h>

#include "base/file.h"
#include "device/virtual/p256.h"
#include "pki/key.h"
#include "talk.h"

/* An emulated chip's, its message recomputed by other software. */
static const char vector_config[] =
	"01235a1700006003c0ffee42010101006c000001850082008520852085208f468f0f9f8f0f0f8f0f0f0f0f0f0f"
	"0f0f0f"
	"0d1f0f0fffffffff00000000ffffffff00000000000003f700697600000000000000000000000000ffff0e6000"
	"000000"
	"5300530073007300730038007c001c003c001a003c0030003c00300012003000";
static const char vector_num_in[] = "030a11181f262d343b424950575e656c737a8188";
static const char vector_random[] =
	"fcc35e250644f4d6df5f1e4b43f59b0e3aa5ed834819aef1e5a204d047c6a445";
static const char vector_point[] =
	"d29e5f3e04539f4896515f5723b352fccb2680694b74bb4b7e3c25cbc139c97a"
	"845446b71a69a2a342cb613cbf64f7d3c32e0b5ccec2784f4e62c53cdc454a14";
static const char vector_temp_key[] =
	"b4b2e75e19792671c7c74c4d74a554c344bbcb954f4c046d7560d80b7f80bc77";
static const char vector_digest[] =
	"be7163e1936db97b2eae7e496a9735ad42a0dd598bc60ac2cde75cf478910153";

static void
public_of(struct part *p, unsigned slot, uint8_t point[64])
{
	struct reply r = talk_expect(p, PART_OK, CALL(0x40, 0, slot, NULL, 0));

	assert_int_equal(r.len, 64);
	memcpy(point, r.data, 64);
}

/*
 * The chip's random is given by pass-through and "calculate", its key by a stored public key whose three bytes are what
 * GenKey 0C would have put; what remains is the composition, over which our slot 1 signs.
 */
static void
test_vector(void **state)
{
	struct arena *a = arena_new(1 << 20);
	uint8_t slot_bytes[96] = { 0 }, key[64];
	span point = bytes_of_hex(a, vector_point);
	struct reply r;
	struct part p;

	talk_make("trustflex-tls", &p);
	assert_memory_equal(p.memory.config, bytes_of_hex(a, vector_config).data, PART_CONFIG_LEN);
	memcpy(slot_bytes + 4, point.data, 32);
	memcpy(slot_bytes + 40, point.data + 32, 32);
	for (unsigned block = 0; block < 3; block++) {
		talk_expect(&p, PART_OK,
			CALL(0x12, 0x82, block << 8 | 13 << 3, slot_bytes + 32 * (size_t)block,
				32));
	}
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, bytes_of_hex(a, vector_random).data, 32));
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0x8000, bytes_of_hex(a, vector_num_in).data, 20));
	talk_expect(&p, PART_OK, CALL(0x40, 0x10, 13, "\x0c\x02\x00", 3));
	assert_memory_equal(p.live.temp.value, bytes_of_hex(a, vector_temp_key).data, 32);
	p.live.temp.source_is_input = false;
	p.live.temp.key_id = 2;
	r = talk_expect(&p, PART_OK, CALL(0x41, 0x40, 1, NULL, 0));
	assert_int_equal(r.len, 64);
	public_of(&p, 1, key);
	assert_true(p256_verify(key, bytes_of_hex(a, vector_digest).data, r.data));
	arena_free(a);
}

struct attested {
	uint8_t random[32], point[64], signature[64];
};

/* The message that slot 1 signed, from section 3 of what is known of the chip. */
static void
digest_of(const struct part *p, const struct attested *t, const uint8_t num_in[20], unsigned slot,
	uint8_t out[32])
{
	const uint8_t *c = p->memory.config;
	uint8_t nonce[55], gen_key[128] = { 0 }, message[55] = { 0 };

	memcpy(nonce, t->random, 32);
	memcpy(nonce + 32, num_in, 20);
	memcpy(nonce + 52, "\x16\0\0", 3);
	sha256(SPAN_ARRAY(nonce), gen_key);
	memcpy(gen_key + 32, "\x40\x0c", 2);
	gen_key[34] = (uint8_t)slot;
	memcpy(gen_key + 36, "\x01\x01\x23", 3);
	memcpy(gen_key + 64, t->point, 64);
	sha256(SPAN_ARRAY(gen_key), message);
	memcpy(message + 32, "\x41\x40\x01\x00", 4);
	memcpy(message + 36, c + 20 + 2 * slot, 2);
	memcpy(message + 38, c + 96 + 2 * slot, 2);
	message[40] = (uint8_t)(0x40 | slot);
	message[43] = c[12];
	memcpy(message + 44, c + 8, 4);
	memcpy(message + 48, c, 4);
	message[52] = (c[88 + slot / 8] >> slot % 8 & 1);
	sha256(SPAN_ARRAY(message), out);
}

static void
attest(struct part *p, const uint8_t num_in[20], unsigned slot, struct attested *out)
{
	struct reply r = talk_expect(p, PART_OK, CALL(0x16, 0, 0, num_in, 20));

	memcpy(out->random, r.data, 32);
	r = talk_expect(p, PART_OK, CALL(0x40, 0x0C, slot, NULL, 0));
	memcpy(out->point, r.data, 64);
	r = talk_expect(p, PART_OK, CALL(0x41, 0x40, 1, NULL, 0));
	memcpy(out->signature, r.data, 64);
}

static void
test_fresh_keys(void **state)
{
	uint8_t key[64], digest[32], now[64];
	struct attested t;
	struct part p;

	talk_make("trustflex-tls", &p);
	public_of(&p, 1, key);
	for (unsigned slot = 2; slot <= 4; slot++) {
		uint8_t num_in[20] = { (uint8_t)slot };

		attest(&p, num_in, slot, &t);
		digest_of(&p, &t, num_in, slot, digest);
		assert_true(p256_verify(key, digest, t.signature));
		public_of(&p, slot, now);
		assert_memory_equal(now, t.point, 64);
		digest[0] ^= 1;
		assert_false(p256_verify(key, digest, t.signature));
	}
	/* The lock shows in the message. */
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0, key, 20));
	talk_expect(&p, PART_OK, CALL(0x40, 0x0C, 4, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x17, 2 | 4 << 2, 0, NULL, 0));
	assert_true(part_slot_is_locked(p.memory.config, 4));
	talk_expect(&p, PART_OK, CALL(0x41, 0x40, 1, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(0x40, 0x04, 4, NULL, 0));
}

/* What must not be attested: nothing that the host composed, and nothing twice. */
static void
test_not_attested(void **state)
{
	uint8_t bytes[64] = { 1 };
	struct part p;

	talk_make("trustflex-tls", &p);
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0x40, 1, NULL, 0)); /* no TempKey */
	talk_expect(&p, PART_EXECUTION, CALL(0x40, 0x0C, 2, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0, bytes, 20)); /* a nonce alone */
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0x40, 1, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0x80, 1, NULL, 0)); /* slot 1 signs no digests */
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, bytes, 32));	       /* the host's own number */
	talk_expect(&p, PART_EXECUTION, CALL(0x40, 0x0C, 2, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(0x40, 0x08, 2, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x16, 3, 0, bytes, 32));
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0x8000, bytes, 20)); /* still the host's */
	talk_expect(&p, PART_EXECUTION, CALL(0x40, 0x0C, 2, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0, bytes, 20));
	talk_expect(&p, PART_OK, CALL(0x40, 0x0C, 2, NULL, 0));
	talk_expect(&p, PART_OK, CALL(0x41, 0x40, 1, NULL, 0));
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0x40, 1, NULL, 0)); /* once */
	talk_expect(&p, PART_OK, CALL(0x16, 0, 0, bytes, 20));
	talk_expect(&p, PART_OK, CALL(0x40, 0x0C, 2, NULL, 0));
	part_sleep(&p);
	part_wake(&p, 0);
	talk_expect(&p, PART_EXECUTION, CALL(0x41, 0x40, 1, NULL, 0)); /* forgotten */
}

/* openssl as the judge of a signature that a part made. */
static void
test_openssl_agrees(void **state)
{
	static const uint8_t message[] = "what openssl is asked about";
	struct diag d = { 0 };
	char *folder = temporary_folder(), line[200] = "", paths[3][200];
	uint8_t digest[32], point[64], der[72], spki[SPKI_P256_LEN];
	struct spawned s;
	struct reply r;
	struct part p;
	size_t len;

	talk_make("trustflex-tls", &p);
	public_of(&p, 0, point);
	sha256(SPAN_ARRAY(message), digest);
	talk_expect(&p, PART_OK, CALL(0x16, 0x43, 0, digest, 32));
	r = talk_expect(&p, PART_OK, CALL(0x41, 0xA0, 0, NULL, 0));
	signature_raw_to_der(r.data, der, &len);
	spki_of_point(point, spki);
	snprintf(paths[0], sizeof(paths[0]), "%s/key.der", folder);
	snprintf(paths[1], sizeof(paths[1]), "%s/signature", folder);
	snprintf(paths[2], sizeof(paths[2]), "%s/message", folder);
	assert_ok(file_create(paths[0], SPAN_ARRAY(spki), 0600, &d), d);
	assert_ok(file_create(paths[1], span_of(der, len), 0600, &d), d);
	assert_ok(file_create(paths[2], SPAN_ARRAY(message), 0600, &d), d);
	spawn_program(
		&s, (const char *const[]){ "/usr/bin/openssl", "dgst", "-sha256", "-verify",
			    paths[0], "-keyform", "DER", "-signature", paths[1], paths[2], NULL });
	assert_true(spawned_line(&s, line, sizeof(line), 20000));
	assert_string_equal(line, "Verified OK");
	assert_int_equal(spawned_end(&s, 0, 5000), 0);
	temporary_folder_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_fresh_keys),
		cmocka_unit_test(test_not_attested),
		cmocka_unit_test(test_openssl_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
