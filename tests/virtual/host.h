#pragma once
/*
 * The other side of the chip's digests: messages put together from the published layouts, hashed by libcrypto. Shares no code with
 * device/virtual: what both agree on, each says by itself.
 */
#include "talk.h"

struct message {
	uint8_t bytes[512];
	size_t len;
};

void message_put(struct message *m, const void *bytes, size_t len);
void message_byte(struct message *m, unsigned byte);
void message_zeros(struct message *m, size_t len);
/* opcode | mode | param2 LE */
void message_head(struct message *m, unsigned opcode, unsigned mode, unsigned param2);
/* SN[8] | SN[0] | SN[1] of talk_serial */
void message_serial(struct message *m);
/* SHA-256, and the message is empty again. */
void message_digest(struct message *m, uint8_t out[32]);

void host_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32]);
void host_aes(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);
/* Fills with bytes that depend on the seed. */
void host_fill(uint8_t *out, size_t len, unsigned seed);

/* The part has this TempKey now, by Nonce pass-through. */
void host_load(struct part *p, const uint8_t value[32]);
/* The part has a random nonce, and this is what TempKey must be. */
void host_random(struct part *p, uint8_t temp[32]);
/* GenDig of a data slot whose secret is this; `temp` goes along. */
void host_gen_dig(struct part *p, unsigned slot, const uint8_t secret[32], uint8_t temp[32]);

/* Puts a slot's policy, or a secret, where no command would. */
void host_policy(struct part *p, unsigned slot, unsigned slot_config, unsigned key_config);
void host_secret(struct part *p, unsigned slot, unsigned seed, uint8_t secret[32]);

/* Every length from 0 to 148 but those listed (ended by -1) is a parse error and changes nothing. */
void refuse_lengths(
	struct part *p, unsigned opcode, unsigned mode, unsigned param2, const int *allowed);
/* Every mode for which `is_mode` says no is a parse error, with 0 and with `len` bytes of data. */
void refuse_modes(struct part *p, unsigned opcode, bool (*is_mode)(unsigned mode), size_t len);
