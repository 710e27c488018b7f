#include "device/virtual/layouts.h"

#include <openssl/crypto.h>

#include "device/virtual/policy.h"
#include "pki/key.h"

#define OPCODE_NONCE 0x16
#define OPCODE_SIGN 0x41
#define MODE_GEN_KEY_STORED 0x10
#define MODE_WHOLE_SERIAL 0x40

void
layout_head(const struct part_call *c, uint8_t out[4])
{
	out[0] = c->opcode;
	out[1] = c->param1;
	out[2] = (uint8_t)c->param2;
	out[3] = (uint8_t)(c->param2 >> 8);
}

/* SN8 | SN01 */
static void
put_serial(const struct part *p, uint8_t out[3])
{
	uint8_t serial[9];

	part_serial(p, serial);
	out[0] = serial[8];
	out[1] = serial[0];
	out[2] = serial[1];
}

void
layout_digest(uint8_t *message, size_t len, uint8_t out[32])
{
	sha256(span_of(message, len), out);
	OPENSSL_cleanse(message, len);
}

void
layout_nonce(const struct part_call *c, const uint8_t first[32], uint8_t out[LAYOUT_NONCE_LEN])
{
	memcpy(out, first, 32);
	memcpy(out + 32, c->data, 20);
	out[52] = OPCODE_NONCE;
	out[53] = c->param1;
	out[54] = (uint8_t)c->param2;
}

void
layout_gen_key(const struct part *p, const struct part_call *c, const uint8_t point[64],
	uint8_t out[LAYOUT_GEN_KEY_LEN])
{
	memset(out, 0, LAYOUT_GEN_KEY_LEN);
	memcpy(out, p->live.temp.value, 32);
	layout_head(c, out + 32);
	if ((c->param1 & MODE_GEN_KEY_STORED) != 0 && c->data_len == 3) {
		memcpy(out + 33, c->data, 3);
	}
	put_serial(p, out + 36);
	memcpy(out + 64, point, 64);
}

void
layout_sign(const struct part *p, const struct part_call *c, bool is_valid,
	uint8_t out[LAYOUT_SIGN_LEN])
{
	const uint8_t *config = p->memory.config;
	unsigned slot = p->live.temp.key_id & 15;
	uint16_t slot_config = part_slot_config(config, slot);
	uint16_t key_config = part_key_config(config, slot);
	uint8_t serial[9];

	part_serial(p, serial);
	memset(out, 0, LAYOUT_SIGN_LEN);
	memcpy(out, p->live.temp.value, 32);
	layout_head(c, out + 32);
	out[36] = (uint8_t)slot_config;
	out[37] = (uint8_t)(slot_config >> 8);
	out[38] = (uint8_t)key_config;
	out[39] = (uint8_t)(key_config >> 8);
	out[40] = part_temp_flags(p);
	out[43] = serial[8];
	memcpy(out + 48, serial, 2);
	if ((c->param1 & MODE_WHOLE_SERIAL) != 0) {
		memcpy(out + 44, serial + 4, 4);
		memcpy(out + 50, serial + 2, 2);
	}
	out[52] = !part_slot_is_locked(config, slot);
	out[53] = is_valid;
}

void
layout_validation(const struct part *p, const uint8_t *other, uint8_t out[LAYOUT_SIGN_LEN])
{
	uint8_t serial[3];

	put_serial(p, serial);
	memcpy(out, p->live.temp.value, 32);
	out[32] = OPCODE_SIGN;
	memcpy(out + 33, other, 10);
	out[43] = serial[0];
	memcpy(out + 44, other + 10, 4);
	memcpy(out + 48, serial + 1, 2);
	memcpy(out + 50, other + 14, 5);
}

void
layout_mix(const struct part *p, const struct part_call *c, const uint8_t first[32],
	const uint8_t last[32], uint8_t out[LAYOUT_MIX_LEN])
{
	memset(out, 0, LAYOUT_MIX_LEN);
	memcpy(out, first, 32);
	layout_head(c, out + LAYOUT_MIX_HEAD_AT);
	put_serial(p, out + 36);
	memcpy(out + 64, last, 32);
}

void
layout_priv_write(const struct part *p, const struct part_call *c, const uint8_t plain[36],
	uint8_t out[LAYOUT_PRIV_WRITE_LEN])
{
	memset(out, 0, LAYOUT_PRIV_WRITE_LEN);
	memcpy(out, p->live.temp.value, 32);
	layout_head(c, out + 32);
	put_serial(p, out + 36);
	memcpy(out + 60, plain, 36);
}

void
layout_derive_mac(const struct part *p, const struct part_call *c, const uint8_t parent[32],
	uint8_t out[LAYOUT_DERIVE_MAC_LEN])
{
	memcpy(out, parent, 32);
	layout_head(c, out + 32);
	put_serial(p, out + 36);
}

void
layout_mac(const struct part *p, const struct layout_mac *m, uint8_t out[LAYOUT_MAC_LEN])
{
	uint8_t serial[3];

	put_serial(p, serial);
	memcpy(out, m->first, 32);
	memcpy(out + 32, m->second, 32);
	memcpy(out + 64, m->head, 4);
	memcpy(out + 68, m->otp, 11);
	out[79] = serial[0];
	memcpy(out + 80, m->middle, 4);
	memcpy(out + 84, serial + 1, 2);
	memcpy(out + 86, m->end, 2);
}

void
layout_verify_mac(const struct part_call *c, const struct layout_verify_mac *m,
	uint8_t out[LAYOUT_VERIFY_MAC_LEN])
{
	memcpy(out, m->io_key, 32);
	memcpy(out + 32, m->message, 32);
	memcpy(out + 64, m->nonce, 32);
	memcpy(out + 96, m->signature, 64);
	layout_head(c, out + 160);
}

size_t
layout_boot_mac(const struct part_call *c, const uint8_t pad[32], const uint8_t digest[32],
	const uint8_t *signature, uint8_t out[LAYOUT_BOOT_MAC_MAX])
{
	size_t len = 64;

	memcpy(out, pad, 32);
	memcpy(out + 32, digest, 32);
	if (signature != NULL) {
		memcpy(out + len, signature, 64);
		len += 64;
	}
	layout_head(c, out + len);
	return len + 4;
}

/* --- the IO protection key --- */

const uint8_t *
part_io_key(const struct part *p)
{
	uint16_t options = config_u16(p, CONFIG_OPTIONS_AT);
	unsigned slot = options >> 12;

	if ((options & OPTION_IO_KEY) == 0 ||
		(part_key_config(p->memory.config, slot) & PART_KEY_IS_PRIVATE) != 0) {
		return NULL;
	}
	return part_slot(p, slot);
}

enum part_status
part_io_put(const struct part *p, const uint8_t *bytes, size_t len, struct part_answer *out)
{
	const uint8_t *key = part_io_key(p);
	uint8_t nonce[LAYOUT_IO_NONCE_LEN], pad[32];

	if (key == NULL) {
		return PART_EXECUTION;
	}
	part_random(p, nonce);
	for (size_t at = 0; at < len; at += sizeof(pad)) {
		sha256_two(span_of(key, 32), span_of(nonce + at / 2, 16), pad);
		for (size_t i = 0; i < sizeof(pad); i++) {
			out->data[out->len++] = bytes[at + i] ^ pad[i];
		}
	}
	memcpy(out->data + out->len, nonce, sizeof(nonce));
	out->len += sizeof(nonce);
	OPENSSL_cleanse(pad, sizeof(pad));
	return PART_OK;
}

/* --- keys in slots --- */

bool
part_temp_is_of_key(const struct part *p, unsigned slot)
{
	const struct part_temp_key *t = &p->live.temp;

	return t->is_valid && t->is_of_slot && !t->is_private && t->key_id == slot;
}

const uint8_t *
part_secret_use(struct part *p, unsigned slot, enum part_status *s)
{
	const struct part_temp_key *t = &p->live.temp;
	uint16_t key = part_key_config(p->memory.config, slot);

	*s = PART_EXECUTION;
	if ((key & PART_KEY_IS_PRIVATE) != 0 || !part_slot_is_enabled(p, slot)) {
		return NULL;
	}
	if ((key & KEY_REQ_RANDOM) != 0 && (!t->is_valid || t->source_is_input)) {
		return NULL;
	}
	*s = part_use_limited(p, slot);
	return *s == PART_OK ? part_slot(p, slot) : NULL;
}
