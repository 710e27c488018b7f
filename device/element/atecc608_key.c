#include "device/element/sequence.h"

#define OP_NONCE 0x16
#define OP_GEN_KEY 0x40
#define OP_SIGN 0x41
#define OP_ECDH 0x43
#define OP_VERIFY 0x45

#define NONCE_PASS_THROUGH 0x03
#define NONCE_64 0x20
#define GEN_KEY_CREATE 0x04
#define GEN_KEY_CREATE_AND_DIGEST 0x0C
#define SIGN_EXTERNAL 0x80
#define SIGN_INTERNAL_WITH_SERIAL 0x40
#define VERIFY_STORED 0x00
#define VERIFY_EXTERNAL 0x02
#define VERIFY_KEY_P256 4
#define ECDH_IN_THE_CLEAR 0x0C
#define SLOT_ATTESTING 1

enum atecc608_status
atecc608_nonce(struct atecc608 *a, const uint8_t num_in[20], uint8_t out[32])
{
	struct atecc608_request r = { .packet = { .opcode = OP_NONCE }, .out = out, .out_len = 32 };

	r.packet.data[0] = piece(num_in, 20);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_nonce_load(struct atecc608 *a, uint8_t target, const uint8_t *value, size_t len)
{
	struct atecc608_request r = { .packet = { .opcode = OP_NONCE } };

	if (len != 32 && len != 64) {
		return ATECC608_BAD_CALL;
	}
	r.packet.param1 =
		(uint8_t)((unsigned)NONCE_PASS_THROUGH | target | (len == 64 ? NONCE_64 : 0u));
	r.packet.data[0] = piece(value, len);
	return atecc608_command(a, &r);
}

static enum atecc608_status
gen_key(struct atecc608 *a, uint8_t mode, unsigned slot, uint8_t point[64])
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_GEN_KEY, .param1 = mode, .param2 = (uint16_t)slot },
		.out = point,
		.out_len = 64,
		.uses_temp_key = mode == GEN_KEY_CREATE_AND_DIGEST
	};

	return slot < ATECC608_SLOTS ? atecc608_command(a, &r) : ATECC608_BAD_CALL;
}

enum atecc608_status
atecc608_gen_key(struct atecc608 *a, unsigned slot, uint8_t point[64])
{
	return gen_key(a, GEN_KEY_CREATE, slot, point);
}

enum atecc608_status
atecc608_public_key(struct atecc608 *a, unsigned slot, uint8_t point[64])
{
	return gen_key(a, 0, slot, point);
}

static enum atecc608_status
sign_temp_key(struct atecc608 *a, uint8_t mode, unsigned slot, uint8_t signature[64])
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_SIGN, .param1 = mode, .param2 = (uint16_t)slot },
		.out = signature,
		.out_len = 64,
		.uses_temp_key = true
	};

	return slot < ATECC608_SLOTS ? atecc608_command(a, &r) : ATECC608_BAD_CALL;
}

enum atecc608_status
atecc608_sign(struct atecc608 *a, unsigned slot, const uint8_t digest[32], uint8_t signature[64])
{
	unsigned patience = SEQUENCE_PATIENCE;
	enum atecc608_status s;

	do {
		s = atecc608_nonce_load(a, 0, digest, 32);
		if (s == ATECC608_OK) {
			s = sign_temp_key(a, SIGN_EXTERNAL, slot, signature);
		}
	} while (sequence_again(s, &patience));
	return s;
}

enum atecc608_status
atecc608_attest(struct atecc608 *a, unsigned slot, const uint8_t num_in[20],
	struct atecc608_attestation *out)
{
	unsigned patience = SEQUENCE_PATIENCE;
	enum atecc608_status s;

	do {
		s = atecc608_nonce(a, num_in, out->random);
		if (s == ATECC608_OK) {
			s = gen_key(a, GEN_KEY_CREATE_AND_DIGEST, slot, out->point);
		}
		if (s == ATECC608_OK) {
			s = sign_temp_key(
				a, SIGN_INTERNAL_WITH_SERIAL, SLOT_ATTESTING, out->signature);
		}
	} while (sequence_again(s, &patience));
	return s;
}

static enum atecc608_status
verify(struct atecc608 *a, struct atecc608_request *r, const uint8_t digest[32])
{
	unsigned patience = SEQUENCE_PATIENCE;
	enum atecc608_status s;

	r->packet.opcode = OP_VERIFY;
	r->uses_temp_key = true;
	do {
		s = atecc608_nonce_load(a, 0, digest, 32);
		if (s == ATECC608_OK) {
			s = atecc608_command(a, r);
		}
	} while (sequence_again(s, &patience));
	return s;
}

enum atecc608_status
atecc608_verify(struct atecc608 *a, const uint8_t point[64], const uint8_t digest[32],
	const uint8_t signature[64])
{
	struct atecc608_request r = { .packet = { .param1 = VERIFY_EXTERNAL,
					      .param2 = VERIFY_KEY_P256 } };

	r.packet.data[0] = piece(signature, 64);
	r.packet.data[1] = piece(point, 64);
	return verify(a, &r, digest);
}

enum atecc608_status
atecc608_verify_stored(
	struct atecc608 *a, unsigned slot, const uint8_t digest[32], const uint8_t signature[64])
{
	struct atecc608_request r = { .packet = {
					      .param1 = VERIFY_STORED, .param2 = (uint16_t)slot } };

	if (slot >= ATECC608_SLOTS) {
		return ATECC608_BAD_CALL;
	}
	r.packet.data[0] = piece(signature, 64);
	return verify(a, &r, digest);
}

enum atecc608_status
atecc608_ecdh(struct atecc608 *a, unsigned slot, const uint8_t point[64], uint8_t out[32])
{
	struct atecc608_request r = { .packet = { .opcode = OP_ECDH,
					      .param1 = ECDH_IN_THE_CLEAR,
					      .param2 = (uint16_t)slot },
		.out = out,
		.out_len = 32 };

	r.packet.data[0] = piece(point, 64);
	return slot < ATECC608_SLOTS ? atecc608_command(a, &r) : ATECC608_BAD_CALL;
}
