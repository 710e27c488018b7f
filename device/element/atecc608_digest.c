#include "device/element/sequence.h"

#define OP_MAC 0x08
#define OP_GEN_DIG 0x15
#define OP_RANDOM 0x1B
#define OP_DERIVE_KEY 0x1C
#define OP_CHECK_MAC 0x28
#define OP_INFO 0x30
#define OP_SHA 0x47
#define OP_AES 0x51
#define OP_KDF 0x56
#define OP_SELF_TEST 0x77
#define OP_SECURE_BOOT 0x80

#define SHA_START 0
#define SHA_UPDATE 1
#define SHA_END 2
#define SHA_BLOCK 64

enum atecc608_status
atecc608_random(struct atecc608 *a, uint8_t out[32])
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_RANDOM }, .out = out, .out_len = 32
	};

	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_info(struct atecc608 *a, uint8_t mode, uint16_t param2, uint8_t out[4])
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_INFO, .param1 = mode, .param2 = param2 },
		.out = out,
		.out_len = 4
	};

	return atecc608_command(a, &r);
}

/* The part's hash context is as fleeting as TempKey. */
static enum atecc608_status
sha_step(struct atecc608 *a, uint8_t mode, struct atecc608_piece data, uint8_t *out)
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_SHA, .param1 = mode, .param2 = (uint16_t)data.len },
		.out = out,
		.out_len = out != NULL ? 32 : 0,
		.uses_temp_key = mode != SHA_START
	};

	r.packet.data[0] = data;
	return atecc608_command(a, &r);
}

static enum atecc608_status
sha_once(struct atecc608 *a, const uint8_t *bytes, size_t len, uint8_t out[32])
{
	enum atecc608_status s = sha_step(a, SHA_START, piece(NULL, 0), NULL);

	while (s == ATECC608_OK && len >= SHA_BLOCK) {
		s = sha_step(a, SHA_UPDATE, piece(bytes, SHA_BLOCK), NULL);
		bytes += SHA_BLOCK;
		len -= SHA_BLOCK;
	}
	return s == ATECC608_OK ? sha_step(a, SHA_END, piece(bytes, len), out) : s;
}

enum atecc608_status
atecc608_sha(struct atecc608 *a, const uint8_t *bytes, size_t len, uint8_t out[32])
{
	unsigned patience = SEQUENCE_PATIENCE;
	enum atecc608_status s;

	do {
		s = sha_once(a, bytes, len, out);
	} while (sequence_again(s, &patience));
	return s;
}

enum atecc608_status
atecc608_gen_dig(struct atecc608 *a, uint8_t zone, uint16_t key, const uint8_t *other)
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_GEN_DIG, .param1 = zone, .param2 = key },
		.uses_temp_key = true
	};

	r.packet.data[0] = piece(other, 4);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_mac(
	struct atecc608 *a, uint8_t mode, unsigned slot, const uint8_t *challenge, uint8_t out[32])
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_MAC, .param1 = mode, .param2 = (uint16_t)slot },
		.out = out,
		.out_len = 32,
		.uses_temp_key = challenge == NULL
	};

	r.packet.data[0] = piece(challenge, 32);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_check_mac(struct atecc608 *a, const struct atecc608_check *c)
{
	struct atecc608_request r = { .packet = { .opcode = OP_CHECK_MAC,
					      .param1 = c->mode,
					      .param2 = (uint16_t)c->slot },
		.uses_temp_key = c->mode != 0 };

	r.packet.data[0] = piece(c->challenge, 32);
	r.packet.data[1] = piece(c->response, 32);
	r.packet.data[2] = piece(c->other, 13);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_derive_key(struct atecc608 *a, uint8_t mode, unsigned slot, const uint8_t *mac)
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_DERIVE_KEY, .param1 = mode, .param2 = (uint16_t)slot },
		.is_once = true, /* a rolled key rolls on */
		.uses_temp_key = true
	};

	r.packet.data[0] = piece(mac, 32);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_aes(struct atecc608 *a, uint8_t mode, uint16_t key, const uint8_t in[16], uint8_t out[16])
{
	struct atecc608_request r = { .packet = { .opcode = OP_AES, .param1 = mode, .param2 = key },
		.out = out,
		.out_len = 16,
		.uses_temp_key = key == 0xFFFF };

	r.packet.data[0] = piece(in, 16);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_kdf(struct atecc608 *a, const struct atecc608_kdf *k, uint8_t *out, size_t out_len)
{
	struct atecc608_request r = {
		.packet = { .opcode = OP_KDF,
			.param1 = k->mode,
			.param2 = (uint16_t)(k->target_slot << 8 | k->source_slot) },
		.out = out,
		.out_len = out_len,
		.uses_temp_key = true
	};

	r.packet.data[0] = piece(k->details, sizeof(k->details));
	r.packet.data[1] = piece(k->message, k->message_len);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_secure_boot(struct atecc608 *a, uint8_t mode, const uint8_t digest[32],
	const uint8_t *signature, uint8_t *mac)
{
	struct atecc608_request r = { .packet = { .opcode = OP_SECURE_BOOT, .param1 = mode },
		.out = mac,
		.out_len = mac != NULL ? 32 : 0,
		.uses_temp_key = mac != NULL };

	r.packet.data[0] = piece(digest, 32);
	r.packet.data[1] = piece(signature, 64);
	return atecc608_command(a, &r);
}

enum atecc608_status
atecc608_self_test(struct atecc608 *a, uint8_t mode, uint8_t *failures)
{
	struct atecc608_request r = { .packet = { .opcode = OP_SELF_TEST, .param1 = mode } };
	enum atecc608_status s = atecc608_command(a, &r);

	/* Its byte is no status, but a bit for each of the tests that failed: with any other bit it is a status all the same. */
	if (s < ATECC608_GARBLED && (a->word & ~mode) == 0) {
		*failures = a->word;
		s = ATECC608_OK;
	}
	return s;
}
