#include "host.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

void
message_put(struct message *m, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(m->bytes) - m->len);
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

void
message_byte(struct message *m, unsigned byte)
{
	uint8_t one = (uint8_t)byte;

	message_put(m, &one, 1);
}

void
message_zeros(struct message *m, size_t len)
{
	static const uint8_t zeros[64];

	message_put(m, zeros, len);
}

void
message_head(struct message *m, unsigned opcode, unsigned mode, unsigned param2)
{
	message_byte(m, opcode);
	message_byte(m, mode);
	message_byte(m, param2 & 0xFF);
	message_byte(m, param2 >> 8);
}

void
message_serial(struct message *m)
{
	message_byte(m, talk_serial[8]);
	message_put(m, talk_serial, 2);
}

void
message_digest(struct message *m, uint8_t out[32])
{
	assert_non_null(SHA256(m->bytes, m->len, out));
	m->len = 0;
}

void
host_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32])
{
	unsigned out_len = 32;

	assert_non_null(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len));
}

void
host_aes(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int len = 0;

	assert_non_null(context);
	assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(context, out, &len, in, 16), 1);
	assert_int_equal(len, 16);
	EVP_CIPHER_CTX_free(context);
}

/* SplitMix64: no two seeds' bytes have a run in common. */
void
host_fill(uint8_t *out, size_t len, unsigned seed)
{
	uint64_t state = (uint64_t)seed << 32 | 0x9E3779B9u, z = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0) {
			state += UINT64_C(0x9E3779B97F4A7C15);
			z = (state ^ state >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
			z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
			z ^= z >> 31;
		}
		out[i] = (uint8_t)(z >> (8 * (i % 8)));
	}
}

void
host_load(struct part *p, const uint8_t value[32])
{
	talk_expect(p, PART_OK, CALL(0x16, 0x03, 0, value, 32));
}

void
host_random(struct part *p, uint8_t temp[32])
{
	struct message m = { .len = 0 };
	uint8_t input[20];
	struct reply r;

	host_fill(input, sizeof(input), 4711);
	r = talk_expect(p, PART_OK, CALL(0x16, 0, 0, input, sizeof(input)));
	assert_int_equal(r.len, 32);
	message_put(&m, r.data, 32);
	message_put(&m, input, sizeof(input));
	message_byte(&m, 0x16);
	message_byte(&m, 0);
	message_byte(&m, 0);
	message_digest(&m, temp);
	assert_memory_equal(temp, p->live.temp.value, 32);
}

void
host_gen_dig(struct part *p, unsigned slot, const uint8_t secret[32], uint8_t temp[32])
{
	struct message m = { .len = 0 };

	talk_expect(p, PART_OK, CALL(0x15, 2, slot, NULL, 0));
	message_put(&m, secret, 32);
	message_head(&m, 0x15, 2, slot);
	message_serial(&m);
	message_zeros(&m, 25);
	message_put(&m, temp, 32);
	message_digest(&m, temp);
	assert_memory_equal(temp, p->live.temp.value, 32);
}

void
host_policy(struct part *p, unsigned slot, unsigned slot_config, unsigned key_config)
{
	uint8_t *c = p->memory.config;

	c[20 + 2 * slot] = (uint8_t)slot_config;
	c[21 + 2 * slot] = (uint8_t)(slot_config >> 8);
	c[96 + 2 * slot] = (uint8_t)key_config;
	c[97 + 2 * slot] = (uint8_t)(key_config >> 8);
}

void
host_secret(struct part *p, unsigned slot, unsigned seed, uint8_t secret[32])
{
	host_fill(secret, 32, seed);
	part_slot_put(p, slot, 0, secret, 32);
}

void
refuse_lengths(struct part *p, unsigned opcode, unsigned mode, unsigned param2, const int *allowed)
{
	uint8_t data[148] = { 0 };

	for (int len = 0; len <= (int)sizeof(data); len++) {
		bool is_allowed = false;

		for (size_t i = 0; allowed[i] >= 0; i++) {
			is_allowed = is_allowed || allowed[i] == len;
		}
		if (!is_allowed) {
			talk_expect(p, PART_PARSE, CALL(opcode, mode, param2, data, (size_t)len));
		}
	}
}

void
refuse_modes(struct part *p, unsigned opcode, bool (*is_mode)(unsigned mode), size_t len)
{
	uint8_t data[148] = { 0 };

	assert_true(len <= sizeof(data));
	for (unsigned mode = 0; mode < 256; mode++) {
		if (!is_mode(mode)) {
			talk_expect(p, PART_PARSE, CALL(opcode, mode, 0, NULL, 0));
			talk_expect(p, PART_PARSE, CALL(opcode, mode, 0, data, len));
		}
	}
}
