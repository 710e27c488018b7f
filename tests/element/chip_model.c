#include "chip_model.h"

#include <openssl/rand.h>
#include <stdio.h>

#include "base/text.h"

/* Bytes 16 to 127 of a TrustFLEX TLS part. */
static const char trustflex[] = "6c000001850082008520852085208f468f0f9f8f0f0f8f0f0f0f0f0f"
				"0f0f0f0f0d1f0f0fffffffff00000000ffffffff00000000000003f7"
				"00697600000000000000000000000000ffff0e600000000053005300"
				"73007300730038007c001c003c001a003c0030003c00300012003000";

void
chip_make_key(struct chip *c, unsigned slot)
{
	uint8_t spki[600];
	struct public_key public;
	struct diag d = { 0 };

	private_key_wipe(&c->keys[slot]);
	assert_ok(private_key_generate(KEY_P256, &c->keys[slot], &d), d);
	assert_ok(private_key_public(&c->keys[slot], spki, sizeof(spki), &public, &d), d);
	memcpy(c->points[slot], public.point, 64);
}

void
chip_open(struct chip *c, const char *serial)
{
	*c = (struct chip){ 0 };
	assert_int_equal(OK, hex_decode(span_text(serial), c->serial, sizeof(c->serial)));
	snprintf(c->serial_text, sizeof(c->serial_text), "%s", serial);
	assert_int_equal(OK, hex_decode(span_text(trustflex), c->config + 16, 112));
	chip_make_key(c, 0);
	chip_make_key(c, 1);
}

void
chip_close(struct chip *c)
{
	for (size_t i = 0; i < 16; i++) {
		private_key_wipe(&c->keys[i]);
	}
}

struct chip_attest
chip_honest(const struct chip *c, unsigned slot, span challenge)
{
	struct chip_attest how = { .slot = slot,
		.claimed_slot = slot,
		.genkey = { 0x0c, (uint8_t)slot, 0 },
		.sign_mode = 0x40,
		.flags = (uint8_t)(0x40 | slot),
		.challenge = challenge,
		.signer = c,
		.serial = c->serial,
		.point = c->points[slot] };
	uint8_t digest[32];

	sha256(challenge, digest);
	memcpy(how.num_in, digest, NUM_IN_LEN);
	assert_int_equal(1, RAND_bytes(how.random, sizeof(how.random)));
	return how;
}

void
chip_message(const struct chip *c, const struct chip_attest *how, uint8_t out[55])
{
	uint8_t nonce[55] = { 0 }, genkey[128] = { 0 };

	memcpy(nonce, how->random, 32);
	memcpy(nonce + 32, how->num_in, 20);
	nonce[52] = 0x16;
	sha256(SPAN_ARRAY(nonce), genkey);
	genkey[32] = 0x40;
	memcpy(genkey + 33, how->genkey, 3);
	genkey[36] = how->serial[8];
	genkey[37] = how->serial[0];
	genkey[38] = how->serial[1];
	memcpy(genkey + 64, how->point, 64);
	memset(out, 0, 55);
	sha256(SPAN_ARRAY(genkey), out);
	out[32] = 0x41;
	out[33] = how->sign_mode;
	out[34] = 1;
	memcpy(out + 36, c->config + 20 + 2 * how->slot, 2);
	memcpy(out + 38, c->config + 96 + 2 * how->slot, 2);
	out[40] = how->flags;
	out[43] = how->serial[8];
	memcpy(out + 48, how->serial, 2);
	if ((how->sign_mode & 0x40) != 0) {
		memcpy(out + 44, how->serial + 4, 4);
		memcpy(out + 50, how->serial + 2, 2);
	}
	out[52] = how->is_locked ? 0 : 1;
}

span
chip_attest(struct arena *a, const struct chip *c, const struct chip_attest *how)
{
	struct evidence e = { .kind = EVIDENCE_ATECC608, .challenge = how->challenge };
	struct diag d = { 0 };
	uint8_t message[55];
	struct buffer b;
	span der;

	chip_message(c, how, message);
	e.atecc608.slot = how->claimed_slot;
	memcpy(e.atecc608.random, how->random, 32);
	assert_ok(private_key_sign_raw(
			  &how->signer->keys[1], SPAN_ARRAY(message), e.atecc608.signature, &d),
		d);
	buffer_init(&b, EVIDENCE_MAX);
	assert_ok(evidence_write(&e, &b, &d), d);
	der = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return der;
}

span
chip_request(struct arena *a, struct chip *c, unsigned slot, span evidence)
{
	const struct csr_signer by = { csr_sign_by_key, &c->keys[slot] };
	const struct simple_name nobody = { 0 };
	struct public_key public;
	struct diag d = { 0 };
	struct buffer b;
	span der;

	assert_ok(public_key_of_point(c->points[slot], &public, &d), d);
	buffer_init(&b, CSR_SIZE_MAX);
	assert_ok(csr_write(&nobody, &public, OID_EVIDENCE, evidence, &by, &b, &d), d);
	der = arena_copy(a, buffer_span(&b));
	buffer_wipe(&b);
	return der;
}
